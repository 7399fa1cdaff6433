/*
 * `wirewatch check-feeds`: tries each configured feed once and says which work.
 *
 * Politely: one request a feed, one host at a time, a few hosts at once.
 */
#include <event2/event.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "feed_list.h"
#include "print.h"
#include "terminal.h"
#include "wirewatch/feed.h"
#include "wirewatch/fetch.h"

#define PLACES 8 /* hosts asked at once */
#define NAME_WIDTH 34

static const char help[] =
	"usage: wirewatch check-feeds [-c FILE] [--json] [--failing]\n\n"
	"Asks each feed of the configuration once, one request a host at a time, and says\n"
	"which of them can be read. No daemon is needed, and none is told.\n\n"
	"  -c, --config FILE   the configuration (" CONF_PATH ")\n"
	"  --failing           only feeds that do not work\n"
	"  --json              one JSON object a line instead of a table\n"
	"  -h, --help          this text\n";

enum state { WAITING, ASKED, WORKS, FAILS };

struct trial { /* of one feed */
	struct check *check;
	const struct conf_feed *feed;
	enum state state;
	size_t entries;
	base_time newest; /* BASE_TIME_NONE: no entry has a date */
	char reason[256]; /* why it fails, or a remark */
};

struct check {
	const struct conf *conf;
	struct event_base *base;
	struct base_clock *clock;
	struct fetch *fetch;
	struct trial *trials;
	size_t count, running, done, failing;
	bool json, only_failing, progress;
};

/* ---- asking ------------------------------------------------------------------------- */

static void start_some(struct check *check);

static void show_progress(const struct check *check)
{
	enum { WIDTH = 30 };
	char bar[WIDTH + 1];
	size_t filled = check->count > 0 ? check->done * WIDTH / check->count : WIDTH;

	if (!check->progress)
		return;
	memset(bar, '-', WIDTH);
	memset(bar, '#', filled);
	bar[WIDTH] = '\0';
	(void)fprintf(stderr, "\r\x1b[K[%s] %zu of %zu feeds, %zu failing", bar, check->done, check->count, check->failing);
}

static void look_into(struct trial *trial, const struct fetch_reply *reply)
{
	struct feed_input input = {.bytes = reply->body,
							   .content_type = base_span_of(reply->content_type),
							   .url = base_span_of(reply->final_url),
							   .charset = base_span_of(trial->feed->charset),
							   .now = base_clock_wall(trial->check->clock)};
	struct feed_document *document = NULL;
	struct base_error err = {""};
	enum base_result result = feed_parse(&input, &document, &err);

	if (result != BASE_OK) {
		(void)snprintf(trial->reason, sizeof(trial->reason), "%s", err.text[0] != '\0' ? err.text : base_result_text(result));
		return;
	}
	trial->state = WORKS;
	trial->entries = document->entry_count;
	for (size_t i = 0; i < document->entry_count; i++) {
		if (document->entries[i].published > trial->newest)
			trial->newest = document->entries[i].published;
	}
	if (document->entry_count == 0)
		(void)snprintf(trial->reason, sizeof(trial->reason), "it has no entries");
	feed_free(document);
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct trial *trial = ctx;
	struct check *check = trial->check;

	trial->state = FAILS;
	if (reply->error == FETCH_FINE)
		look_into(trial, reply);
	else
		(void)snprintf(trial->reason, sizeof(trial->reason), "%s", reply->reason);
	check->running--;
	check->done++;
	check->failing += trial->state == FAILS;
	show_progress(check);
	start_some(check);
	if (check->running == 0)
		(void)event_base_loopbreak(check->base);
}

static bool same_host(const struct trial *a, const struct trial *b)
{
	return base_span_equal(conf_url_host(base_span_of(a->feed->url)), conf_url_host(base_span_of(b->feed->url)));
}

static bool host_is_busy(const struct check *check, const struct trial *trial)
{
	for (size_t i = 0; i < check->count; i++) {
		if (check->trials[i].state == ASKED && same_host(&check->trials[i], trial))
			return true;
	}
	return false;
}

static void start(struct trial *trial)
{
	struct check *check = trial->check;
	struct fetch_request request = {.url = trial->feed->url};
	enum base_result result = fetch_start(check->fetch, &request, on_done, trial, NULL);

	if (result == BASE_OK) {
		trial->state = ASKED;
		check->running++;
	} else {
		trial->state = FAILS;
		check->done++;
		check->failing++;
		(void)snprintf(trial->reason, sizeof(trial->reason), "%s", base_result_text(result));
	}
}

static void start_some(struct check *check)
{
	for (size_t i = 0; i < check->count && check->running < PLACES; i++) {
		if (check->trials[i].state == WAITING && !host_is_busy(check, &check->trials[i]))
			start(&check->trials[i]);
	}
}

static enum base_result ask_all(struct check *check)
{
	const struct conf_settings *settings = conf_settings(check->conf);
	struct fetch_range *allow = calloc(settings->fetch.allow_count + 1, sizeof(*allow));
	struct fetch_options options = {.timeout = settings->fetch.timeout,
									.max_size = settings->fetch.max_size,
									.max_connections = PLACES,
									.allow = allow,
									.allow_count = settings->fetch.allow_count,
									.proxy = settings->fetch.proxy};
	enum base_result result = allow != NULL ? fetch_global_init() : BASE_NO_MEMORY;

	if (result != BASE_OK) {
		free(allow);
		return result;
	}
	for (size_t i = 0; i < settings->fetch.allow_count; i++) {
		memcpy(allow[i].address, settings->fetch.allow_addresses[i].address, sizeof(allow[i].address));
		allow[i].prefix_len = settings->fetch.allow_addresses[i].prefix_len;
	}
	check->base = event_base_new();
	result = check->base != NULL ? base_clock_new_system(&check->clock) : BASE_NO_MEMORY;
	if (result == BASE_OK)
		result = fetch_new(check->base, &options, &check->fetch);
	if (result == BASE_OK) {
		show_progress(check);
		start_some(check);
		if (check->running > 0 && event_base_dispatch(check->base) < 0)
			result = BASE_IO;
	}
	fetch_free(check->fetch);
	base_clock_free(check->clock);
	if (check->base != NULL)
		event_base_free(check->base);
	fetch_global_cleanup();
	free(allow);
	if (check->progress)
		(void)fputs("\r\x1b[K", stderr);
	return result;
}

/* ---- telling ------------------------------------------------------------------------ */

static int print_trial_json(const struct trial *trial)
{
	char newest[BASE_RFC3339_LEN];
	struct base_buf url;
	int code = CLIENT_FAILED;

	base_buf_init(&url, 1 << 14);
	enum base_result result = fetch_public_url(trial->feed->url, &url);
	json_t *object = json_pack("{s:s, s:s*, s:b, s:I, s:s*}", "name", trial->feed->name, "url",
							   result == BASE_OK ? url.data : NULL, "works", trial->state == WORKS, "entries",
							   (json_int_t)trial->entries, "reason", trial->reason[0] != '\0' ? trial->reason : NULL);
	base_buf_free(&url);
	if (object != NULL) {
		if (trial->newest != BASE_TIME_NONE) {
			base_time_format(trial->newest, false, newest);
			(void)json_object_set_new(object, "newest", json_string(newest));
		}
		code = print_json("check-feeds", object);
	}
	json_decref(object);
	return code;
}

static void print_trial(const struct trial *trial, base_time now, bool colours)
{
	struct base_buf line;
	bool works = trial->state == WORKS;

	base_buf_init(&line, 1 << 16);
	base_buf_add_text(&line, terminal_start(colours, works ? TERMINAL_GOOD : TERMINAL_BAD));
	base_buf_add_text(&line, works ? "works  " : "fails  ");
	base_buf_add_text(&line, terminal_start(colours, TERMINAL_PLAIN));
	size_t start = line.len;
	terminal_add(&line, trial->feed->name, NAME_WIDTH);
	terminal_pad(&line, start, NAME_WIDTH + 2);
	if (works) {
		base_buf_printf(&line, "%5zu entries", trial->entries);
		if (trial->newest != BASE_TIME_NONE) {
			base_buf_add_text(&line, ", the newest ");
			terminal_add_span(&line, now > trial->newest ? now - trial->newest : 0);
			base_buf_add_text(&line, " old");
		}
	} else {
		terminal_add(&line, trial->reason, 0);
	}
	(void)printf("%s\n", line.data != NULL ? line.data : "");
	base_buf_free(&line);
}

static int tell(const struct check *check, base_time now)
{
	bool colours = terminal_colours();
	int code = CLIENT_DONE;

	for (size_t i = 0; i < check->count; i++) {
		const struct trial *trial = &check->trials[i];

		if (check->only_failing && trial->state == WORKS)
			continue;
		if (!check->json)
			print_trial(trial, now, colours);
		else if (print_trial_json(trial) != CLIENT_DONE)
			return CLIENT_FAILED;
	}
	if (!check->json)
		(void)printf("%s%zu of %zu feeds work.\n", check->count > 0 ? "\n" : "", check->count - check->failing, check->count);
	if (check->failing > 0)
		code = CLIENT_FAILED;
	return fflush(stdout) == 0 ? code : CLIENT_FAILED;
}

/* ---- the command -------------------------------------------------------------------- */

static int run(struct check *check)
{
	struct base_clock *clock = NULL;
	enum base_result result;

	check->count = conf_feed_count(check->conf);
	check->trials = calloc(check->count + 1, sizeof(*check->trials));
	result = check->trials != NULL ? base_clock_new_system(&clock) : BASE_NO_MEMORY;
	for (size_t i = 0; result == BASE_OK && i < check->count; i++)
		check->trials[i] =
			(struct trial){.check = check, .feed = conf_feed_at(check->conf, i), .newest = BASE_TIME_NONE};
	if (result == BASE_OK)
		result = ask_all(check);
	int code = CLIENT_FAILED;
	if (result == BASE_OK)
		code = tell(check, base_clock_wall(clock));
	else
		(void)fprintf(stderr, "wirewatch check-feeds: %s\n", base_result_text(result));
	base_clock_free(clock);
	free(check->trials);
	return code;
}

static int load_and_run(const char *file, struct check *check)
{
	struct base_problems *problems = NULL;
	struct conf *conf = NULL;
	int code = CLIENT_FAILED;

	if (base_problems_new(&problems) != BASE_OK)
		return CLIENT_FAILED;
	if (conf_load(file, feed_list_read, problems, &conf) == BASE_OK) {
		check->conf = conf;
		code = run(check);
	}
	for (size_t i = 0; i < base_problems_count(problems); i++)
		(void)fprintf(stderr, "wirewatch check-feeds: %s\n", base_problems_at(problems, i));
	conf_free(conf);
	base_problems_free(problems);
	return code;
}

int client_check_feeds(int argc, char **argv)
{
	static const struct option known[] = {{"config", required_argument, NULL, 'c'},
										  {"failing", no_argument, NULL, 'f'},
										  {"json", no_argument, NULL, 'j'},
										  {"help", no_argument, NULL, 'h'},
										  {NULL, 0, NULL, 0}};
	struct check check = {.progress = isatty(STDERR_FILENO) != 0};
	const char *file = CONF_PATH;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'f':
			check.only_failing = true;
			break;
		case 'j':
			check.json = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return CLIENT_DONE;
		default:
			(void)fputs("wirewatch check-feeds: `wirewatch check-feeds --help` lists the options\n", stderr);
			return CLIENT_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "wirewatch check-feeds: takes no argument, but got '%s'\n", argv[optind]);
		return CLIENT_USAGE;
	}
	return load_and_run(file, &check);
}
