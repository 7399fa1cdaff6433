/*
 * `wirewatch backup`: asks the running daemon for a copy of its ledger. The
 * daemon keeps the ledger locked, so it alone can read it; it is found by that
 * lock, told by SIGUSR1, and writes the copy beside the ledger.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "wirewatch/conf.h"

#define CONFIG_MAX ((size_t)16 << 20)
#define SCHEME "sqlite://"
#define PATIENCE (60 * BASE_SECOND)
#define LOOK_EVERY (BASE_SECOND / 20)

static void usage(FILE *out)
{
	(void)fputs("usage: wirewatch backup [-c FILE]\n\n"
	            "Have the running daemon write a copy of its ledger beside it (LEDGER.backup, replaced\n"
	            "whole or not at all) and print the copy's path. Alerts go on meanwhile.\n\n"
	            "  -c, --config FILE   the daemon's configuration (default: " CONF_PATH ")\n"
	            "      --help          print this and exit\n",
	            out);
}

static int fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "wirewatch backup: %s%s%s\n", what, *why ? ": " : "", why);
	return CLIENT_FAILED;
}

/* The path of the ledger the configuration names; the caller frees. NULL: *err says why. */
static char *find_ledger(const char *config, struct base_error *err)
{
	struct base_problems *problems = NULL;
	struct conf_tree *tree = NULL;
	char *bytes = NULL, *path = NULL;
	size_t len;
	if (base_problems_new(&problems) || base_read_file(config, CONFIG_MAX, &bytes, &len, err))
		goto out;
	(void)base_fail(err, BASE_INVALID, "%s: `ledger` names no file after " SCHEME, config);
	if (conf_tree_parse(config, (struct base_span){bytes, len}, problems, &tree)) {
		if (base_problems_count(problems))
			(void)base_fail(err, BASE_SYNTAX, "%s", base_problems_at(problems, 0));
		goto out;
	}
	const struct conf_node *root = conf_tree_root(tree);
	const struct conf_node *ledger = root && root->kind == CONF_MAP ? conf_node_get(root, "ledger") : NULL;
	if (ledger && ledger->kind == CONF_SCALAR && base_span_starts(ledger->text, SCHEME))
		path = strndup(ledger->text.ptr + strlen(SCHEME), ledger->text.len - strlen(SCHEME));
out:
	conf_tree_free(tree);
	base_problems_free(problems);
	free(bytes);
	return path;
}

/* A signal to anything but our daemon could end it. */
static bool is_daemon(pid_t pid)
{
	char path[64], name[32] = "";
	(void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool read = fgets(name, sizeof name, file) != NULL;
	(void)fclose(file);
	return read && strcmp(name, "wirewatchd\n") == 0;
}

/* Who holds the ledger's lock; 0: nobody, -1: errno. */
static pid_t find_holder(const char *ledger)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(ledger, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fcntl(fd, F_GETLK, &lock);
	(void)close(fd);
	return rc ? -1 : lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static bool is_new(const struct stat *before, bool existed, const struct stat *now)
{
	return !existed || before->st_ino != now->st_ino || before->st_mtim.tv_sec != now->st_mtim.tv_sec ||
	       before->st_mtim.tv_nsec != now->st_mtim.tv_nsec;
}

static int ask(pid_t daemon, const char *copy)
{
	struct stat before = {0}, now;
	bool existed = stat(copy, &before) == 0;
	if (kill(daemon, SIGUSR1))
		return fail("the daemon cannot be told; run this as its user or as root", strerror(errno));
	const struct timespec pause = {.tv_nsec = LOOK_EVERY * 1000};
	for (base_time waited = 0; waited < PATIENCE; waited += LOOK_EVERY) {
		if (stat(copy, &now) == 0 && is_new(&before, existed, &now)) {
			(void)puts(copy);
			return CLIENT_DONE;
		}
		if (kill(daemon, 0) && errno == ESRCH)
			return fail("the daemon has ended meanwhile", "");
		(void)nanosleep(&pause, NULL);
	}
	return fail("no backup came; the daemon's log says why", "");
}

static int back_up(const char *config)
{
	struct base_error err = {"out of memory"};
	struct base_buf copy;
	char *ledger = find_ledger(config, &err);
	if (!ledger)
		return fail(err.text, "");
	int code = CLIENT_FAILED;
	base_buf_init(&copy, 8192);
	(void)base_buf_printf(&copy, "%s.backup", ledger);
	pid_t daemon = find_holder(ledger);
	if (copy.failed)
		(void)fail(base_result_text(copy.failed), "");
	else if (daemon < 0)
		(void)fail(ledger, strerror(errno));
	else if (daemon == 0)
		(void)fail(ledger, "no daemon has it open, so the file itself can be copied");
	else if (!is_daemon(daemon))
		(void)fail(ledger, "another program than wirewatchd has it open");
	else
		code = ask(daemon, copy.data);
	base_buf_free(&copy);
	free(ledger);
	return code;
}

int client_backup(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *config = CONF_PATH;
	for (int option; (option = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
		if (option == 'h') {
			usage(stdout);
			return CLIENT_DONE;
		}
		if (option != 'c') {
			usage(stderr);
			return CLIENT_USAGE;
		}
		config = optarg;
	}
	if (optind < argc) {
		usage(stderr);
		return CLIENT_USAGE;
	}
	return back_up(config);
}
