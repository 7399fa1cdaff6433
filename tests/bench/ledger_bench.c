/*
 * What a poll's commit costs: its time, beside what the disk takes for an
 * fsync, and its processor time beside that of SQLite alone, which writes the
 * same rows into the same tables. Also replay, look-up, backup and opening.
 *
 *   ledger_bench [--json] [--smoke] [--runs N] [FOLDER]   (a folder on the disk to measure; default ".")
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/alert/sample.h"
#include "bare_rows.h"
#include "figures.h"
#include "wirewatch/ledger.h"

#define ROUNDS 100 /* commits of a run */
#define ENTRIES 30
#define BULK 20000

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "ledger_bench: %s failed\n", what);
	exit(1);
}

/* The disk alone: a page appended and synced, in ms. */
static double bare_fsync(const char *folder, size_t rounds)
{
	char path[4200], page[4096] = {1};
	(void)snprintf(path, sizeof path, "%s/bench.raw", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0, "open");
	double start = figures_wall();
	for (size_t i = 0; i < rounds; i++)
		must(write(fd, page, sizeof page) == (ssize_t)sizeof page && !fsync(fd), "fsync");
	double took = figures_wall() - start;
	(void)close(fd);
	(void)unlink(path);
	return took / (double)rounds * 1e3;
}

#define FEEDS 20

struct polls {
	struct ledger *ledger;
	struct alert_stories *stories;
	struct ledger_entry entries[FEEDS][ENTRIES]; /* of each feed's document, newest first */
	int64_t ids[FEEDS];
	unsigned serial;
	size_t polled;
};

static void open_ledger(struct polls *polls, const char *path)
{
	char uri[4300];
	struct base_error err = {{0}};
	(void)snprintf(uri, sizeof uri, "sqlite://%s", path);
	const struct ledger_options options = {.uri = uri, .node = "bench", .keep = BASE_DAY};
	must(!ledger_open(&options, &polls->ledger, &err), err.text);
	if (polls->stories == NULL)
		must(!alert_stories_new(72 * BASE_HOUR, &polls->stories), "stories");
}

static void close_ledger(struct polls *polls)
{
	ledger_close(polls->ledger);
	alert_stories_free(polls->stories);
	polls->stories = NULL;
}

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

/* What one poll of one feed brings: 30 entries of which two are new, and so many alerts. */
static struct ledger_batch make_batch(struct polls *polls, size_t number, size_t alert_count)
{
	static char urls[FEEDS][64];
	struct ledger_entry *entries = polls->entries[number % FEEDS];
	char *feed = urls[number % FEEDS];
	(void)snprintf(feed, sizeof urls[0], "https://feeds.example/%zu.xml", number % FEEDS);
	struct alert **alerts = calloc(alert_count + 1, sizeof(struct alert *));
	must(alerts != NULL, "memory");
	for (size_t i = 0; i < alert_count; i++)
		alerts[i] = new_alert(polls, feed);
	memmove(entries + 2, entries, (ENTRIES - 2) * sizeof *entries);
	for (size_t i = 0; i < ENTRIES; i++) { /* as a look-up has said */
		entries[i].settled = SAMPLE_NOW;
		entries[i].unknown = false;
	}
	for (size_t i = 0; i < 2; i++)
		entries[i] = (struct ledger_entry){.key = new_key(polls),
		                                   .link_key = new_key(polls),
		                                   .title_key = new_key(polls),
		                                   .change = new_key(polls),
		                                   .unknown = true};
	return (struct ledger_batch){.feed = {.url = feed, .etag = "\"x\"", .id = polls->ids[number % FEEDS]},
	                             .id = &polls->ids[number % FEEDS],
	                             .entries = entries,
	                             .entry_count = ENTRIES,
	                             .alerts = alerts,
	                             .alert_count = alert_count,
	                             .now = SAMPLE_NOW};
}

static void free_batch(struct ledger_batch *batch)
{
	for (size_t i = 0; i < batch->alert_count; i++)
		alert_free(batch->alerts[i]);
	free((void *)(uintptr_t)batch->alerts);
}

struct cost {
	double wall, cpu; /* seconds */
};

/* One transaction of so many polls. */
static struct cost commit(struct polls *polls, size_t batch_count, size_t alert_count)
{
	static struct ledger_batch batches[FEEDS];
	struct base_error err;
	for (size_t i = 0; i < batch_count; i++)
		batches[i] = make_batch(polls, polls->polled++, alert_count);
	struct cost cost = {figures_wall(), figures_cpu()};
	must(!ledger_commit(polls->ledger, batches, batch_count, NULL, NULL, &err), "commit");
	cost = (struct cost){figures_wall() - cost.wall, figures_cpu() - cost.cpu};
	for (size_t i = 0; i < batch_count; i++)
		free_batch(&batches[i]);
	return cost;
}

struct shape {
	size_t batches, alerts; /* in a transaction; of a batch */
	const char *time, *processor;
};

/* The ledger's rows are copied from its file and written again by SQLite alone, as many in a transaction. */
static void compare(const struct figures_options *options, const char *folder, const struct shape *shape)
{
	struct figures time = {.bench = "ledger", .name = shape->time, .unit = "ms/commit", .count = options->runs,
	                       .of = "write of 4 KiB + fsync"};
	struct figures processor = {.bench = "ledger", .name = shape->processor, .unit = "us/poll", .count = options->runs,
	                            .of = "SQLite, the same rows"};
	size_t rounds = options->smoke ? 3 : ROUNDS;
	for (size_t run = 0; run < options->runs; run++) {
		struct polls polls = {0};
		struct cost all = {0, 0};
		char path[4200];
		(void)snprintf(path, sizeof path, "%s/ledger.db", folder);
		open_ledger(&polls, path);
		for (size_t i = 0; i < 2 * FEEDS; i++)
			(void)commit(&polls, 1, 0); /* feeds and entries are known now */
		for (size_t i = 0; i < rounds; i++) {
			struct cost cost = commit(&polls, shape->batches, shape->alerts);
			all = (struct cost){all.wall + cost.wall, all.cpu + cost.cpu};
		}
		close_ledger(&polls);
		time.runs[run] = all.wall / (double)rounds * 1e3;
		time.reference[run] = bare_fsync(folder, rounds);
		processor.runs[run] = all.cpu / (double)(rounds * shape->batches) * 1e6;
		const struct bare_rows bare = {path, shape->batches, rounds, 2, shape->alerts};
		processor.reference[run] = bare_rows_write(&bare) * 1e6;
		(void)unlink(path);
	}
	(void)figures_show(options, &time);
	(void)figures_show(options, &processor);
}

static enum base_result count_bytes(void *ctx, const struct ledger_message *message)
{
	*(size_t *)ctx += message->json.len;
	return BASE_OK;
}

static double replay(struct polls *polls, const char *prefix)
{
	size_t bytes = 0;
	bool more;
	double start = figures_wall();
	must(!ledger_replay(polls->ledger, 0, base_span_of(prefix), SIZE_MAX, count_bytes, &bytes, &more), "replay");
	return figures_wall() - start;
}

static double look_up(struct polls *polls)
{
	static struct feed_entry entries[ENTRIES];
	static struct ledger_known known[ENTRIES];
	for (size_t i = 0; i < ENTRIES; i++)
		entries[i].key = polls->entries[FEEDS - 1][i].key;
	double start = figures_wall();
	for (size_t i = 0; i < ROUNDS; i++)
		must(!ledger_look_up(polls->ledger, "https://feeds.example/19.xml", entries, ENTRIES, known), "look up");
	return (figures_wall() - start) / ROUNDS;
}

/* A ledger of 20,000 alerts. */
static void fill(const struct figures_options *options, const char *folder)
{
	char path[4200], backup[4200];
	struct polls polls = {0};
	struct base_error err = {{0}};
	struct stat file;
	struct figures figures[] = {
		{.name = "replay of 20,000 alerts", .unit = "ms"}, {.name = "look-up of 30 entries", .unit = "us"},
		{.name = "backup", .unit = "ms"}, {.name = "close, open and check", .unit = "ms"},
		{.name = "an alert in the ledger", .unit = "bytes"}};
	size_t bulk = options->smoke ? 200 : BULK;
	(void)snprintf(path, sizeof path, "%s/ledger.db", folder);
	(void)snprintf(backup, sizeof backup, "%s/backup.db", folder);
	open_ledger(&polls, path);
	for (size_t i = 0; i < bulk / 100; i++)
		(void)commit(&polls, 1, 100);
	for (size_t run = 0; run < options->runs; run++) {
		figures[0].runs[run] = replay(&polls, "ww1/alert/") * 1e3;
		figures[1].runs[run] = look_up(&polls) * 1e6;
		double start = figures_wall();
		must(!ledger_backup(polls.ledger, backup, &err), err.text);
		figures[2].runs[run] = (figures_wall() - start) * 1e3;
		(void)unlink(backup);
		start = figures_wall();
		ledger_close(polls.ledger);
		open_ledger(&polls, path);
		figures[3].runs[run] = (figures_wall() - start) * 1e3;
		must(!stat(path, &file), "stat");
		figures[4].runs[run] = (double)file.st_size / (double)bulk;
	}
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
		figures[i].bench = "ledger";
		figures[i].count = options->runs;
		(void)figures_show(options, &figures[i]);
	}
	close_ledger(&polls);
	(void)unlink(path);
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		{1, 0, "time of a commit, 1 poll", "processor, 1 poll a commit"},
		{1, 1, "time of a commit, 1 poll, 1 alert", "processor, 1 poll a commit, 1 alert"},
		{FEEDS, 0, "time of a commit, 20 polls", "processor, 20 polls a commit"}};
	const struct figures_options options = figures_begin(argc, argv);
	char folder[4096];
	(void)snprintf(folder, sizeof folder, "%s/bench-XXXXXX", options.argument ? options.argument : ".");
	must(mkdtemp(folder) != NULL, "mkdtemp");
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		compare(&options, folder, &shapes[i]);
	fill(&options, folder);
	return rmdir(folder) ? 1 : 0;
}
