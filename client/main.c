/* `wirewatch`: finds the command and runs it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "client.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
    {"tail", client_tail, "print alerts as they come"},
    {"match", client_match, "run the rules over a text and say why they fire"},
    {"rules", client_rules, "list the rules, and the words that a pattern catches"},
    {"score", client_score, "judge the rules by a labelled corpus"},
    {"parse", client_parse, "show a feed as the daemon understands it"},
    {"feeds", client_feeds, "each feed's health, asked of the running daemon"},
    {"status", client_status, "totals of the running daemon"},
    {"check-feeds", client_check_feeds, "try each configured feed once and say which work"},
    {"import", client_import, "an OPML file as a feed list for the configuration"},
    {"export", client_export, "the configured feeds as OPML"},
    {"backup", client_backup, "a copy of the running daemon's ledger"},
    {"migrate", client_migrate, "move a ledger to another database"},
    {"keygen", client_keygen, "make a key pair for encrypted publishing"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void usage(FILE *out)
{
	(void)fputs("usage: wirewatch COMMAND [OPTION]...\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		(void)fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
	(void)fputs("\n`wirewatch COMMAND --help` says more about one; see also wirewatch(1).\n", out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return CLIENT_DONE;
	}
	if (strcmp(name, "--version") == 0) {
		(void)puts("wirewatch " PACKAGE_VERSION);
		return CLIENT_DONE;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		(void)fprintf(stderr, "wirewatch: there is no command '%s'; `wirewatch --help` lists them\n", name);
	else
		usage(stderr);
	return CLIENT_USAGE;
}
