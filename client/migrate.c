/* `wirewatch migrate`: moves a ledger that no daemon uses to another database. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "client.h"
#include "print.h"
#include "wirewatch/ledger.h"

#define SHOWN_EVERY (BASE_SECOND / 5)

static void usage(FILE *out)
{
	(void)fputs("usage: wirewatch migrate [--json] [--quiet] FROM TO\n\n"
	            "Move a ledger to another database: everything in it, with its epoch and its sequence, so\n"
	            "that alerts go on where they ended. FROM and TO are addresses as for the setting `ledger`:\n"
	            "sqlite:///absolute/path or postgresql://... FROM is left as it is, TO must be new or empty,\n"
	            "and no daemon may use either. What was copied is read again and compared.\n\n"
	            "      --json    print the result as a JSON object\n"
	            "      --quiet   show no progress on a terminal\n"
	            "  -h, --help    print this and exit\n",
	            out);
}

struct shown { /* progress on a terminal; nothing is shown without a clock */
	struct base_clock *clock;
	base_time last;
	bool any;
};

static void show(void *ctx, enum ledger_move_step step, uint64_t rows, uint64_t total)
{
	struct shown *shown = ctx;
	base_time now = base_clock_monotonic(shown->clock);
	if (shown->any && now - shown->last < SHOWN_EVERY && rows < total)
		return;
	shown->last = now;
	shown->any = true;
	(void)fprintf(stderr, "\r%s %llu of %llu rows, %u %% \033[K", step == LEDGER_MOVE_COPY ? "copied" : "compared",
	              (unsigned long long)rows, (unsigned long long)total,
	              total ? (unsigned)((double)rows * 100 / (double)total) : 100);
	(void)fflush(stderr);
}

static int print_moved(const struct ledger_moved *moved, bool json)
{
	if (!json) {
		(void)printf("moved %llu feeds, %llu entries and %llu alerts; sequence %llu of epoch %llu goes on\n",
		             (unsigned long long)moved->feeds, (unsigned long long)moved->entries,
		             (unsigned long long)moved->alerts, (unsigned long long)moved->sequence,
		             (unsigned long long)moved->epoch);
		return print_end("migrate");
	}
	json_t *value = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s}", "epoch", (json_int_t)moved->epoch, "sequence",
	                          (json_int_t)moved->sequence, "feeds", (json_int_t)moved->feeds, "entries",
	                          (json_int_t)moved->entries, "alerts", (json_int_t)moved->alerts, "sha256", moved->digest);
	int code = print_json("migrate", value);
	json_decref(value);
	return code;
}

static int migrate(const char *from, const char *to, bool json, bool progress)
{
	struct shown shown = {0};
	struct ledger_moved moved;
	struct base_error err = {"out of memory"};
	enum base_result result = progress ? base_clock_new_system(&shown.clock) : BASE_OK;
	if (!result)
		result = ledger_move(from, to, progress ? show : NULL, &shown, &moved, &err);
	if (shown.any)
		(void)fputs("\r\033[K", stderr);
	base_clock_free(shown.clock);
	if (!result)
		return print_moved(&moved, json);
	(void)fprintf(stderr, "wirewatch migrate: %s\n", err.text);
	return CLIENT_FAILED;
}

int client_migrate(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	bool json = false, quiet = false;
	for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
		if (option == 'h') {
			usage(stdout);
			return CLIENT_DONE;
		}
		if (option == '?') {
			usage(stderr);
			return CLIENT_USAGE;
		}
		json = json || option == 'j';
		quiet = quiet || option == 'q';
	}
	if (argc - optind != 2) {
		usage(stderr);
		return CLIENT_USAGE;
	}
	return migrate(argv[optind], argv[optind + 1], json, !quiet && isatty(STDERR_FILENO));
}
