/*
 * `wirewatch tail`: print alerts as they come, each once.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wirewatch.h>

#include "client.h"
#include "tail.h"
#include "terminal.h"
#include "wirewatch/match.h"

#define TOPICS_MAX 16
#define TOPIC_LEN 64
#define STATE_MAX (256 * 1024)
#define BLOCK_MAX (64 * 1024 * 1024) /* escaping makes text longer */
#define KEY_LEN 41
#define TICK_MS 2000 /* between looks at signals and the state */

struct tail {
	struct wirewatch_options options;
	char topics[TOPICS_MAX][TOPIC_LEN];
	const char *topic_list[TOPICS_MAX];
	const char *state_path;
	const char *endpoints[WIREWATCH_ENDPOINTS_MAX], *replays[WIREWATCH_ENDPOINTS_MAX];
	const char *key_list[WIREWATCH_ENDPOINTS_MAX];
	char server_keys[WIREWATCH_ENDPOINTS_MAX][KEY_LEN], secret_key[KEY_LEN];
	size_t replay_count, key_count;
	bool json, first, talk;
	uint64_t count, printed; /* count 0: no end */
	char *state;             /* as written last */
	struct base_buf block;
	struct tail_view view;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void usage(FILE *out)
{
	fputs("usage: wirewatch tail [OPTION]... [ENDPOINT]...\n\n"
	      "Print alerts as they come, each once. ENDPOINT: " WIREWATCH_DEFAULT_ENDPOINT "\n"
	      "Of several daemons that share a ledger the next one is used when one fails.\n\n"
	      "  --class C,...     only these classes\n"
	      "  --first           leave out repeats of a story\n"
	      "  --since 2h|SEQ    begin with stored alerts: so long ago, or after this sequence\n"
	      "  --json            one JSON object a line\n"
	      "  --count N         end after N alerts\n"
	      "  --state FILE      remember there what was printed, and go on from it\n"
	      "  --replay ENDPOINT where to ask for stored alerts (default: beside ENDPOINT);\n"
	      "                    one for each ENDPOINT, in their order\n"
	      "  --silence TIME    go on at the next ENDPOINT after that long without a word (25s)\n"
	      "  --server-key FILE public key of the daemon (CURVE); one for all, or one for each\n"
	      "  --key FILE        secret key of this subscriber (CURVE)\n"
	      "  -h, --help        print this and exit\n",
	      out);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "wirewatch tail: %s: %s\n", what, why);
	return CLIENT_FAILED;
}

static int wrong(const char *what, const char *why)
{
	fail(what, why);
	return CLIENT_USAGE;
}

/* ---- options ----------------------------------------------------------------------------- */

static bool is_class(const char *name, size_t len)
{
	for (int i = 0; i < MATCH_CLASS_COUNT; i++) {
		const char *known = match_class_text((enum match_class)i);

		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return true;
	}
	return false;
}

static int add_classes(struct tail *tail, const char *list)
{
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");

		if (!is_class(at, len))
			return wrong("--class", "there is no such class (see wirewatch-tail(1))");
		if (tail->options.topic_count == TOPICS_MAX)
			return wrong("--class", "too many");
		snprintf(tail->topics[tail->options.topic_count], TOPIC_LEN, "ww1/alert/%.*s/", (int)len, at);
		tail->topic_list[tail->options.topic_count] = tail->topics[tail->options.topic_count];
		tail->options.topic_count++;
		at += len;
		if (*at == '\0')
			return CLIENT_DONE;
	}
}

static bool parse_number(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *out <= INT64_MAX;
}

static int set_since(struct tail *tail, const char *text)
{
	base_time ago;

	if (parse_number(text, &tail->options.after)) {
		tail->options.start = WIREWATCH_FROM_SEQUENCE;
		return CLIENT_DONE;
	}
	if (base_duration_parse(text, strlen(text), &ago))
		return wrong("--since", "a duration such as 2h, or a sequence");
	tail->options.start = WIREWATCH_FROM_TIME;
	tail->options.since = (int64_t)time(NULL) - ago / BASE_SECOND;
	return CLIENT_DONE;
}

static int read_key(const char *path, char key[KEY_LEN])
{
	struct base_error err;
	struct base_span text;
	char *bytes;
	size_t len;
	int code = CLIENT_DONE;

	if (base_read_file(path, 4096, &bytes, &len, &err))
		return fail(path, err.text);
	text = base_span_trim((struct base_span){bytes, len});
	if (text.len == KEY_LEN - 1) {
		memcpy(key, text.ptr, text.len);
		key[text.len] = '\0';
	} else {
		code = fail(path, "not a key of 40 characters");
	}
	free(bytes);
	return code;
}

static int add_replay(struct tail *tail, const char *value)
{
	if (tail->replay_count == WIREWATCH_ENDPOINTS_MAX)
		return wrong("--replay", "too many");
	tail->replays[tail->replay_count++] = value;
	return CLIENT_DONE;
}

static int add_server_key(struct tail *tail, const char *path)
{
	size_t at = tail->key_count;

	if (at == WIREWATCH_ENDPOINTS_MAX)
		return wrong("--server-key", "too many");
	tail->key_list[at] = tail->server_keys[at];
	tail->key_count++;
	return read_key(path, tail->server_keys[at]);
}

static int set_silence(struct tail *tail, const char *text)
{
	base_time silence;

	if (base_duration_parse(text, strlen(text), &silence) || silence < BASE_SECOND || silence > BASE_HOUR)
		return wrong("--silence", "a duration from 1s to 1h");
	tail->options.silence_ms = (int)(silence / (BASE_SECOND / 1000));
	return CLIENT_DONE;
}

static int take_option(struct tail *tail, int option, const char *value)
{
	switch (option) {
	case 'c':
		return add_classes(tail, value);
	case 'f':
		tail->first = true;
		return CLIENT_DONE;
	case 's':
		return set_since(tail, value);
	case 'j':
		tail->json = true;
		return CLIENT_DONE;
	case 'n':
		return parse_number(value, &tail->count) && tail->count > 0 ? CLIENT_DONE
		                                                            : wrong("--count", "a number of at least 1");
	case 't':
		tail->state_path = value;
		return CLIENT_DONE;
	case 'r':
		return add_replay(tail, value);
	case 'S':
		return set_silence(tail, value);
	case 'k':
		return add_server_key(tail, value);
	case 'K':
		tail->options.secret_key = tail->secret_key;
		return read_key(value, tail->secret_key);
	default:
		return CLIENT_USAGE;
	}
}

/* Replay addresses and keys belong to endpoints by their order. */
static int pair_endpoints(struct tail *tail, char **names, size_t count)
{
	if (count > WIREWATCH_ENDPOINTS_MAX)
		return wrong(names[WIREWATCH_ENDPOINTS_MAX], "too many endpoints");
	for (size_t i = 0; i < count; i++)
		tail->endpoints[i] = names[i];
	if (count == 0)
		tail->endpoints[count++] = WIREWATCH_DEFAULT_ENDPOINT;
	if (tail->replay_count > 0 && tail->replay_count != count)
		return wrong("--replay", "needed for each endpoint, in their order, or not at all");
	if (tail->key_count > 1 && tail->key_count != count)
		return wrong("--server-key", "one for all endpoints, or one for each in their order");
	tail->options.endpoints = tail->endpoints;
	tail->options.endpoint_count = count;
	if (tail->replay_count > 0)
		tail->options.replays = tail->replays;
	if (tail->key_count > 1)
		tail->options.server_keys = tail->key_list;
	else if (tail->key_count == 1)
		tail->options.server_key = tail->server_keys[0];
	return CLIENT_DONE;
}

/* CLIENT_DONE and *help: only the usage was asked for. */
static int parse_options(struct tail *tail, int argc, char **argv, bool *help)
{
	static const struct option known[] = {
		{"class", required_argument, NULL, 'c'},      {"first", no_argument, NULL, 'f'},
		{"since", required_argument, NULL, 's'},      {"json", no_argument, NULL, 'j'},
		{"count", required_argument, NULL, 'n'},      {"state", required_argument, NULL, 't'},
		{"replay", required_argument, NULL, 'r'},     {"server-key", required_argument, NULL, 'k'},
		{"key", required_argument, NULL, 'K'},        {"help", no_argument, NULL, 'h'},
		{"silence", required_argument, NULL, 'S'},    {NULL, 0, NULL, 0},
	};
	int option, code;

	optind = 1;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			*help = true;
			return CLIENT_DONE;
		}
		code = take_option(tail, option, optarg);
		if (code != CLIENT_DONE)
			return code;
	}
	tail->options.topics = tail->topic_list;
	return pair_endpoints(tail, argv + optind, (size_t)(argc - optind));
}

/* ---- state --------------------------------------------------------------------------------- */

static int load_state(struct tail *tail)
{
	struct base_error err;
	struct stat st;
	size_t len;

	if (!tail->state_path || (stat(tail->state_path, &st) != 0 && errno == ENOENT))
		return CLIENT_DONE;
	if (base_read_file(tail->state_path, STATE_MAX, &tail->state, &len, &err))
		return fail(tail->state_path, err.text);
	tail->state[strcspn(tail->state, "\n")] = '\0';
	tail->options.position = tail->state;
	return CLIENT_DONE;
}

static bool write_state(const char *path, const char *text)
{
	char temporary[4096];
	FILE *file;
	bool good;

	if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary) {
		errno = ENAMETOOLONG;
		return false;
	}
	file = fopen(temporary, "we");
	if (!file)
		return false;
	good = fprintf(file, "%s\n", text) > 0;
	good = fclose(file) == 0 && good;
	return good && rename(temporary, path) == 0;
}

/* Whole or not at all, and only after the alerts it counts were written. */
static int save_state(struct tail *tail, struct wirewatch *w)
{
	const char *text = tail->state_path ? wirewatch_position(w) : NULL;
	char *copy;

	if (!text || (tail->state && strcmp(text, tail->state) == 0))
		return CLIENT_DONE;
	copy = strdup(text);
	if (!copy || !write_state(tail->state_path, text)) {
		free(copy);
		return fail(tail->state_path, strerror(errno));
	}
	free(tail->state);
	tail->state = copy;
	return CLIENT_DONE;
}

/* ---- output -------------------------------------------------------------------------------- */

static bool is_repeat(const char *topic)
{
	size_t len = strlen(topic);

	return len >= 8 && strcmp(topic + len - 8, "/repeat/") == 0;
}

static void print_alert(struct tail *tail, const struct wirewatch_event *event)
{
	struct base_span json = {event->json, event->json_len};

	base_buf_reset(&tail->block);
	if (!tail->json) {
		tail->view.columns = terminal_columns();
		if (tail_block(&tail->view, &tail->block, json)) {
			fprintf(stderr, "wirewatch tail: alert %" PRIu64 " cannot be read\n", event->sequence);
			return;
		}
	} else {
		if (isatty(STDOUT_FILENO))
			base_escape(&tail->block, json.ptr, json.len, BASE_ESCAPE_LINE);
		else
			base_buf_add_span(&tail->block, json);
		base_buf_add_char(&tail->block, '\n');
	}
	fwrite(tail->block.data, 1, tail->block.len, stdout);
	tail->printed++;
}

static void say(const struct tail *tail, const struct wirewatch *w, const struct wirewatch_event *event)
{
	bool alone = tail->options.endpoint_count == 1;

	switch (event->kind) {
	case WIREWATCH_ALERT:
		break;
	case WIREWATCH_LOST:
		fprintf(stderr, "wirewatch tail: alerts %" PRIu64 " to %" PRIu64 " are not stored any more\n", event->first,
		        event->last);
		break;
	case WIREWATCH_NEW_LEDGER:
		fputs("wirewatch tail: the daemon has a new ledger; its alerts begin anew\n", stderr);
		break;
	case WIREWATCH_REPLAY_SILENT:
		fputs("wirewatch tail: no answer to the request for stored alerts; asking again later\n", stderr);
		break;
	case WIREWATCH_CONNECTED:
		if (tail->talk)
			fprintf(stderr, "wirewatch tail: connected to %s\n", wirewatch_endpoint(w));
		break;
	case WIREWATCH_DISCONNECTED:
		if (tail->talk)
			fprintf(stderr, "wirewatch tail: the connection is lost; trying %s\n", alone ? "again" : "the next endpoint");
		break;
	case WIREWATCH_OTHER_LEDGER:
		fprintf(stderr, "wirewatch tail: %s belongs to another ledger; passing it over\n", wirewatch_endpoint(w));
		break;
	}
}

static int write_failed(void)
{
	return errno == EPIPE ? CLIENT_DONE : fail("standard output", strerror(errno));
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int follow(struct tail *tail, struct wirewatch *w)
{
	bool waited = false, heard = false;
	int code = CLIENT_DONE;

	while (!stopped && code == CLIENT_DONE && (tail->count == 0 || tail->printed < tail->count)) {
		struct wirewatch_event event;
		enum wirewatch_result result = wirewatch_next(w, TICK_MS, &event);

		if (result == WIREWATCH_OK) {
			heard = true;
			if (event.kind != WIREWATCH_ALERT)
				say(tail, w, &event);
			else if (!tail->first || !is_repeat(event.topic))
				print_alert(tail, &event);
		} else if (result == WIREWATCH_TIMEOUT) {
			if (!heard && !waited && tail->talk)
				fprintf(stderr, "wirewatch tail: waiting for %s\n", wirewatch_endpoint(w));
			waited = true;
		} else if (result != WIREWATCH_INTERRUPTED) {
			return fail(wirewatch_endpoint(w), "ZeroMQ failed");
		}
		if (fflush(stdout) != 0 || ferror(stdout))
			return write_failed();
		code = save_state(tail, w);
	}
	return code;
}

static void set_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run(struct tail *tail)
{
	char reason[WIREWATCH_REASON_MAX];
	struct wirewatch *w;
	int code = load_state(tail);

	if (code != CLIENT_DONE)
		return code;
	tail->talk = isatty(STDERR_FILENO) != 0;
	tail->view.colour = terminal_colours();
	if (wirewatch_open(&tail->options, &w, reason) != WIREWATCH_OK) {
		fprintf(stderr, "wirewatch tail: %s\n", reason);
		return CLIENT_FAILED;
	}
	set_signals();
	code = follow(tail, w);
	wirewatch_close(w);
	return code;
}

int client_tail(int argc, char **argv)
{
	struct tail tail = {.options = WIREWATCH_OPTIONS};
	bool help = false;
	int code = parse_options(&tail, argc, argv, &help);

	if (help) {
		usage(stdout);
		return CLIENT_DONE;
	}
	if (code != CLIENT_DONE)
		return code;
	base_buf_init(&tail.block, BLOCK_MAX);
	code = run(&tail);
	base_buf_free(&tail.block);
	free(tail.state);
	return code;
}
