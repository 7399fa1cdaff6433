/*
 * How long a durable commit takes, beside what the disk itself takes for an
 * fsync; and how fast alerts are stored in bulk, replayed and looked up.
 * Usage: ledger_bench [FOLDER]   (a folder on the disk to measure; default ".")
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../unit/alert/sample.h"
#include "wirewatch/ledger.h"

#define ROUNDS 300
#define ENTRIES 30
#define BULK 20000

static double now_ms(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "ledger_bench: %s failed\n", what);
	exit(1);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void report(const char *what, double *times, size_t count)
{
	qsort(times, count, sizeof *times, ascending);
	printf("%-44s median %7.3f ms   90 %% %7.3f ms   99 %% %7.3f ms\n", what, times[count / 2], times[count * 9 / 10],
	       times[count * 99 / 100]);
}

/* The disk alone: one page appended and synced. */
static void bare_fsync(const char *folder)
{
	char path[4200], page[4096] = {1};
	double times[ROUNDS];
	(void)snprintf(path, sizeof path, "%s/bench.raw", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0, "open");
	for (size_t i = 0; i < ROUNDS; i++) {
		double start = now_ms();
		must(write(fd, page, sizeof page) == (ssize_t)sizeof page && !fsync(fd), "fsync");
		times[i] = now_ms() - start;
	}
	(void)close(fd);
	(void)unlink(path);
	report("bare write of 4 KiB + fsync", times, ROUNDS);
}

#define FEEDS 20

struct polls {
	struct ledger *ledger;
	struct alert_stories *stories;
	struct ledger_entry entries[FEEDS][ENTRIES]; /* of each feed's document, newest first */
	unsigned serial;
};

static struct feed_key new_key(struct polls *polls)
{
	char text[24];
	(void)snprintf(text, sizeof text, "e%u", polls->serial++);
	return sample_key(text);
}

static struct alert *new_alert(struct polls *polls, const char *feed)
{
	char item[24];
	(void)snprintf(item, sizeof item, "a%u", polls->serial++);
	struct alert *alert = sample_alert(&(struct sample){
		.class = MATCH_PAUSE,
		.item = item,
		.feed = feed,
		.title = "Shipment of HIMARS halted by the ministry",
		.systems = {"HIMARS"},
		.actors = {"United States", "Ukraine"},
		.text = "The shipment was halted on Tuesday, the ministry said, and would not be resumed before the audit."});
	must(!alert_stories_place(polls->stories, alert), "place");
	return alert;
}

/* One poll of one feed: 30 entries of which two are new, and so many alerts, in one commit. */
static double commit(struct polls *polls, size_t number, size_t alert_count)
{
	struct ledger_entry *entries = polls->entries[number % FEEDS];
	char feed[64];
	(void)snprintf(feed, sizeof feed, "https://feeds.example/%zu.xml", number % FEEDS);
	struct alert **alerts = calloc(alert_count + 1, sizeof(struct alert *));
	must(alerts != NULL, "memory");
	for (size_t i = 0; i < alert_count; i++)
		alerts[i] = new_alert(polls, feed);
	memmove(entries + 2, entries, (ENTRIES - 2) * sizeof *entries);
	for (size_t i = 0; i < 2; i++)
		entries[i] = (struct ledger_entry){new_key(polls), new_key(polls), new_key(polls), new_key(polls), 0, 0};
	const struct ledger_batch batch = {.feed = {.url = feed, .etag = "\"x\""},
	                                   .entries = entries,
	                                   .entry_count = ENTRIES,
	                                   .alerts = alerts,
	                                   .alert_count = alert_count,
	                                   .now = SAMPLE_NOW};
	struct base_error err;
	double start = now_ms();
	must(!ledger_commit(polls->ledger, &batch, 1, NULL, NULL, &err), "commit");
	double took = now_ms() - start;
	for (size_t i = 0; i < alert_count; i++)
		alert_free(alerts[i]);
	free(alerts);
	return took;
}

static void commits(struct polls *polls, size_t alerts, const char *what)
{
	double times[ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++) {
		times[i] = commit(polls, i, alerts);
	}
	report(what, times, ROUNDS);
}

static enum base_result count_bytes(void *ctx, const struct ledger_message *message)
{
	*(size_t *)ctx += message->json.len;
	return BASE_OK;
}

static void replay(struct polls *polls, const char *prefix)
{
	size_t bytes = 0;
	bool more;
	double start = now_ms();
	must(!ledger_replay(polls->ledger, 0, base_span_of(prefix), SIZE_MAX, count_bytes, &bytes, &more), "replay");
	printf("replay of %-34s %10.1f ms, %zu KiB of JSON\n", prefix, now_ms() - start, bytes / 1024);
}

static void look_up(struct polls *polls)
{
	static struct feed_entry entries[ENTRIES];
	static struct ledger_known known[ENTRIES];
	double times[ROUNDS];
	for (size_t i = 0; i < ENTRIES; i++)
		entries[i].key = polls->entries[FEEDS - 1][i].key;
	for (size_t i = 0; i < ROUNDS; i++) {
		double start = now_ms();
		must(!ledger_look_up(polls->ledger, "https://feeds.example/19.xml", entries, ENTRIES, known), "look up");
		times[i] = now_ms() - start;
	}
	report("look up 30 entries", times, ROUNDS);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	char path[4096], uri[4200], backup[4200];
	struct polls polls = {0};
	struct base_error err = {{0}};
	(void)snprintf(path, sizeof path, "%s/bench-XXXXXX", folder);
	must(mkdtemp(path) != NULL, "mkdtemp");
	bare_fsync(path);
	(void)snprintf(uri, sizeof uri, "sqlite://%s/ledger.db", path);
	(void)snprintf(backup, sizeof backup, "%s/backup.db", path);
	const struct ledger_options options = {.uri = uri, .node = "bench", .keep = BASE_DAY};
	must(!ledger_open(&options, &polls.ledger, &err), err.text);
	must(!alert_stories_new(72 * BASE_HOUR, &polls.stories), "stories");
	commits(&polls, 0, "commit of a poll without alerts");
	commits(&polls, 1, "commit of a poll with one alert");
	commits(&polls, 4, "commit of a poll with four alerts");
	double burst = commit(&polls, 0, 1000);
	printf("%-44s        %7.1f ms\n", "one commit of 1,000 alerts", burst);
	double start = now_ms();
	for (size_t i = 0; i < BULK / 1000; i++)
		(void)commit(&polls, i, 1000);
	printf("%-44s        %7.1f ms, making and placing included\n", "20,000 more alerts", now_ms() - start);
	look_up(&polls);
	replay(&polls, "ww1/alert/");
	replay(&polls, "ww1/alert/pause/first/");
	start = now_ms();
	must(!ledger_backup(polls.ledger, backup, &err), err.text);
	printf("%-44s        %7.1f ms\n", "backup", now_ms() - start);
	start = now_ms();
	ledger_close(polls.ledger);
	must(!ledger_open(&options, &polls.ledger, &err), err.text);
	printf("%-44s        %7.1f ms\n", "close and open again, with the check", now_ms() - start);
	ledger_close(polls.ledger);
	alert_stories_free(polls.stories);
	(void)unlink(backup);
	(void)unlink(uri + strlen("sqlite://"));
	return rmdir(path) ? 1 : 0;
}
