/* `wirewatchd`: reads its options, loads what people wrote, runs. */
#include "config.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "service.h"
#include "wirewatch/ledger.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct arguments {
	const char *conf_path;
	enum base_level level;
	bool check, once;
};

static void usage(FILE *out)
{
	(void)fputs("usage: wirewatchd [-c FILE] [--check] [--once] [--log-level LEVEL]\n"
	            "\n"
	            "  -c, --config FILE   configuration (default: " CONF_PATH ")\n"
	            "      --check         check configuration, feed lists and rules, then exit\n"
	            "      --once          poll every feed once, publish, then exit\n"
	            "      --log-level L   debug, info, notice, warning or error (default: info)\n"
	            "      --version       print the version and exit\n"
	            "      --help          print this and exit\n"
	            "\n"
	            "It stays in the foreground. SIGHUP reads the configuration again, SIGTERM ends it.\n"
	            "See wirewatchd(8) and wirewatch.yaml(5).\n",
	            out);
}

/* True: go on; false: exit with *code. */
static bool read_arguments(int argc, char **argv, struct arguments *args, int *code)
{
	enum { OPT_CHECK = 256, OPT_ONCE, OPT_LEVEL, OPT_VERSION, OPT_HELP };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, OPT_CHECK},
	    {"once", no_argument, NULL, OPT_ONCE},        {"log-level", required_argument, NULL, OPT_LEVEL},
	    {"version", no_argument, NULL, OPT_VERSION},  {"help", no_argument, NULL, OPT_HELP},
	    {NULL, 0, NULL, 0},
	};
	*code = USAGE;
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (option) {
		case 'c': args->conf_path = optarg; break;
		case OPT_CHECK: args->check = true; break;
		case OPT_ONCE: args->once = true; break;
		case OPT_LEVEL:
			if (base_level_parse(optarg, &args->level)) {
				(void)fprintf(stderr, "wirewatchd: --log-level takes debug, info, notice, warning or error\n");
				return false;
			}
			break;
		case OPT_VERSION: (void)puts("wirewatchd " PACKAGE_VERSION); *code = DONE; return false;
		case 'h':
		case OPT_HELP: usage(stdout); *code = DONE; return false;
		default: (void)fputs("Try `wirewatchd --help`.\n", stderr); return false;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "wirewatchd: it takes no arguments besides options; try `wirewatchd --help`\n");
		return false;
	}
	return true;
}

static int report_problems(const struct base_problems *problems)
{
	for (size_t i = 0; i < base_problems_count(problems); i++) {
		const char *quote = base_problems_quote_at(problems, i);
		(void)fprintf(stderr, "%s\n%s%s", base_problems_at(problems, i), quote ? quote : "", quote ? "\n" : "");
	}
	return FAILED;
}

static int check(const struct arguments *args, const struct load *loaded)
{
	struct base_error err;
	if (ledger_check(conf_settings(loaded->conf)->ledger, &err)) {
		(void)fprintf(stderr, "%s: %s\n", args->conf_path, err.text);
		return FAILED;
	}
	(void)printf("%s: ok, %zu feeds, %zu rules, %zu terms\n", args->conf_path, conf_feed_count(loaded->conf),
	             match_rules_count(loaded->rules), match_terms_count(loaded->rules));
	return DONE;
}

static int run(const struct arguments *args, struct load *loaded, struct base_problems *problems)
{
	struct base_clock *clock = NULL;
	struct base_log *log = NULL;
	struct service *service = NULL;
	struct base_error err;
	enum base_result result = base_clock_new_system(&clock);
	if (!result)
		result = base_log_new(args->level, NULL, NULL, &log);
	if (result) {
		(void)base_fail(&err, result, "%s", base_result_text(result));
		goto out;
	}
	struct service_options options = {
	    .conf_path = args->conf_path, .once = args->once, .problems = problems, .log = log, .clock = clock};
	result = service_new(&options, loaded, &service, &err);
	if (!result)
		result = service_run(service, &err);
	service_free(service);
	(void)report_problems(problems); /* of rules that were read late */
out:
	if (result)
		(void)fprintf(stderr, "wirewatchd: %s\n", err.text);
	base_log_free(log);
	base_clock_free(clock);
	return result ? FAILED : DONE;
}

/*
 * Documents come and go between small things that stay. glibc raises both bounds by itself as large pieces are freed
 * (mallopt(3)), and then small things pin what the large ones leave: after 3,600 first polls of 64 KiB each, 87 MB were
 * resident, with fixed bounds 34 MB, for 2 % more processor time.
 */
static void bound_memory(bool once)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
#endif
#ifdef M_ARENA_MAX
	/*
	 * glibc lets the memory of each thread but the first grow page by page, with a system call for each. In a short life
	 * that is 500 to 600 of them, 2 % of the processor time; for a daemon's it does not count, but waiting for each other.
	 */
	if (once)
		(void)mallopt(M_ARENA_MAX, 1);
#endif
}

int main(int argc, char **argv)
{
	struct arguments args = {.conf_path = CONF_PATH, .level = BASE_INFO};
	int code;
	if (!read_arguments(argc, argv, &args, &code))
		return code;
	bound_memory(args.once);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN); /* until the event loop takes it over */
	(void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk, no end */
	struct base_problems *problems;
	if (base_problems_new(&problems))
		return FAILED;
	struct load loaded = {0};
	bool late = args.once && !args.check; /* a run that finds nothing new needs no rules */
	if (late ? load_but_rules(args.conf_path, problems, &loaded) : load_all(args.conf_path, NULL, problems, &loaded))
		code = report_problems(problems);
	else if (args.check)
		code = check(&args, &loaded);
	else
		code = run(&args, &loaded, problems);
	base_problems_free(problems);
	load_free(&loaded);
	return code;
}
