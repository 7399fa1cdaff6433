/*
 * A publisher to be told what to do, for tests of subscribers: reads commands
 * from standard input, one a line, and answers each with one on standard output.
 *
 *   publisher ENDPOINT REPLAY EPOCH [STORED [SERVER_KEY CLIENTS]]
 *   alert CLASS REPORT [TIME]   store and publish
 *   lose CLASS REPORT           store, but tell no subscriber
 *   elsewhere CLASS REPORT      store as another node of the same ledger
 *   follow                      publish what was stored elsewhere
 *   forget SEQUENCE             drop stored alerts up to it
 *   beat | stuck | counts | reload | quit
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_ledger.h"
#include "wirewatch/publish.h"

#define TIME "2026-01-02T03:04:05Z"

struct stage {
	struct ledger *ledger;
	struct publish *publish;
};

static void beat(const struct stage *stage, bool stuck)
{
	struct publish_health health = {
		.sequence = ledger_sequence(stage->ledger), .feeds = 3, .failing = 1, .stuck = stuck, .now = 0};

	publish_heartbeat(stage->publish, &health);
}

static bool obey(struct stage *stage, char *line)
{
	char verb[16] = "", a[32] = "", b[16] = "", time[48] = TIME;
	struct publish_counts counts;

	sscanf(line, "%15s %31s %15s %47s", verb, a, b, time);
	if (strcmp(verb, "alert") == 0) {
		publish_message(stage->publish, fake_ledger_add(stage->ledger, a, b, time));
	} else if (strcmp(verb, "lose") == 0) {
		fake_ledger_add(stage->ledger, a, b, time);
		publish_set_sequence(stage->publish, ledger_sequence(stage->ledger));
	} else if (strcmp(verb, "forget") == 0) {
		fake_ledger_forget(stage->ledger, strtoull(a, NULL, 10));
	} else if (strcmp(verb, "beat") == 0) {
		beat(stage, false);
	} else if (strcmp(verb, "stuck") == 0) {
		beat(stage, true);
	} else if (strcmp(verb, "elsewhere") == 0) {
		fake_ledger_add_elsewhere(stage->ledger, a, b, time);
	} else if (strcmp(verb, "follow") == 0) {
		for (const struct ledger_message *message; (message = fake_ledger_follow(stage->ledger));)
			publish_message(stage->publish, message);
	} else if (strcmp(verb, "reload") == 0) {
		publish_reload_keys(stage->publish, NULL);
	} else if (strcmp(verb, "quit") == 0) {
		return false;
	}
	counts = publish_counts(stage->publish);
	printf("%llu subscribers %llu replays %llu dropped\n", (unsigned long long)counts.subscribers,
	       (unsigned long long)counts.replays, (unsigned long long)counts.dropped);
	fflush(stdout);
	return true;
}

static void run(struct stage *stage)
{
	char bytes[65536];
	size_t len = 0;

	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	for (;;) {
		char *end;
		ssize_t got;

		publish_serve(stage->publish, &(int){STDIN_FILENO}, 1, BASE_SECOND);
		got = read(STDIN_FILENO, bytes + len, sizeof bytes - 1 - len);
		if (got == 0)
			return;
		len += got > 0 ? (size_t)got : 0;
		while ((end = memchr(bytes, '\n', len))) {
			*end = '\0';
			if (!obey(stage, bytes))
				return;
			len -= (size_t)(end + 1 - bytes);
			memmove(bytes, end + 1, len);
		}
	}
}

int main(int argc, char **argv)
{
	struct stage stage = {0};
	struct base_error err;
	struct publish_options options = {.endpoint_count = 1, .replay_count = 1};

	if (argc < 4)
		return 2;
	options.epoch = strtoull(argv[3], NULL, 10);
	stage.ledger = fake_ledger_new(options.epoch);
	for (unsigned long i = argc > 4 ? strtoul(argv[4], NULL, 10) : 0; i > 0; i--)
		fake_ledger_add(stage.ledger, "pause", "first", TIME);
	options.server_key = argc > 6 ? argv[5] : NULL;
	options.clients = argc > 6 ? argv[6] : NULL;
	options.ledger = stage.ledger;
	options.endpoints = (const char *const *)&argv[1];
	options.replay_endpoints = (const char *const *)&argv[2];
	if (publish_new(&options, &stage.publish, &err)) {
		fprintf(stderr, "%s\n", err.text);
		fake_ledger_free(stage.ledger);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	run(&stage);
	publish_free(stage.publish);
	fake_ledger_free(stage.ledger);
	return 0;
}
