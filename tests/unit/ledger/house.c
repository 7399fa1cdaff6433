/* A ledger in a folder of its own, and batches for it. */
#define _GNU_SOURCE /* memmem */
#include "house.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../alert/sample.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

bool house_is_postgres(void)
{
	return getenv("WW_POSTGRES") != NULL;
}

void house_build(struct house *house)
{
	const char *root = getenv("TMPDIR");
	memset(house, 0, sizeof *house);
	(void)snprintf(house->folder, sizeof house->folder, "%.30s/ww-ledger-XXXXXX", root ? root : "/tmp");
	must(mkdtemp(house->folder) != NULL, "mkdtemp");
	(void)snprintf(house->path, sizeof house->path, "%s/ledger.db", house->folder);
	if (!house_is_postgres()) {
		(void)snprintf(house->uri, sizeof house->uri, "sqlite://%s", house->path);
		return;
	}
	/* The folder's name is nobody else's; a search path in the address makes it the schema. */
	const char *server = getenv("WW_POSTGRES");
	int len = snprintf(house->uri, sizeof house->uri, "%s%coptions=-csearch_path%%3D%s", server,
	                   strchr(server, '?') ? '&' : '?', strrchr(house->folder, '-') + 1);
	must(len > 0 && (size_t)len < sizeof house->uri, "uri");
}

void house_pull_down(struct house *house)
{
	house_close(house);
	DIR *folder = opendir(house->folder);
	must(folder != NULL, "opendir");
	for (struct dirent *entry; (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			must(!unlinkat(dirfd(folder), entry->d_name, 0), "unlink");
	closedir(folder);
	must(!rmdir(house->folder), "rmdir");
}

enum base_result house_open(struct house *house)
{
	const struct ledger_options options = {.uri = house->uri, .node = "n", .keep = 90 * BASE_DAY};
	return ledger_open(&options, &house->ledger, &house->err);
}

void house_close(struct house *house)
{
	ledger_close(house->ledger);
	house->ledger = NULL;
}

int house_set_up(void **state)
{
	struct house *house = malloc(sizeof *house);
	if (!house)
		return -1;
	house_build(house);
	*state = house;
	return house_open(house) ? -1 : 0;
}

int house_tear_down(void **state)
{
	house_pull_down(*state);
	free(*state);
	return 0;
}

static uint64_t number(const char *bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | (unsigned char)bytes[i];
	return value;
}

enum base_result house_take(void *ctx, const struct ledger_message *message)
{
	static const uint64_t key[2] = {1, 2};
	struct house *house = ctx;
	must(message->header.len == ALERT_HEADER_LEN && house->count < HOUSE_MESSAGES, "message");
	must(number(message->header.ptr) == ledger_epoch(house->ledger), "epoch");
	must(number(message->header.ptr + 8) == message->sequence, "sequence");
	struct house_message *out = &house->messages[house->count++];
	*out = (struct house_message){.sequence = message->sequence, .previous = number(message->header.ptr + 16)};
	memcpy(out->topic, message->topic.ptr, message->topic.len);
	const char *item = memmem(message->json.ptr, message->json.len, "\"item\":\"", 8);
	const char *end = item ? memchr(item + 8, '"', (size_t)(message->json.ptr + message->json.len - item - 8)) : NULL;
	must(end && (size_t)(end - item - 8) < sizeof out->id, "item");
	memcpy(out->id, item + 8, (size_t)(end - item - 8));
	house->digest ^= base_hash64(key, message->topic.ptr, message->topic.len) +
	                 base_hash64(key, message->header.ptr, message->header.len) +
	                 base_hash64(key, message->json.ptr, message->json.len);
	return BASE_OK;
}

static void forget(struct house *house)
{
	house->count = 0;
	house->digest = 0;
}

static const char *or_else(const char *text, const char *standard)
{
	return text ? text : standard;
}

struct feed_entry house_entry(const struct house_item *item)
{
	struct feed_entry entry = {
		.id = base_span_of(item->id),
		.item = base_span_of(item->id),
		.published = item->published ? item->published : BASE_TIME_NONE,
		.updated = BASE_TIME_NONE,
		.key = sample_key(item->id),
		.change = sample_key(or_else(item->change, item->id)),
	};
	if (item->link)
		entry.link_key = sample_key(item->link);
	if (item->title)
		entry.title_key = sample_key(item->title);
	return entry;
}

struct ledger_known house_look_up(struct house *house, const char *feed, const struct house_item *items, size_t count,
                                  size_t which)
{
	struct feed_entry entries[128];
	struct ledger_known known[128];
	must(count <= 128, "items");
	for (size_t i = 0; i < count; i++)
		entries[i] = house_entry(&items[i]);
	must(!ledger_look_up(house->ledger, feed, entries, count, known), "look up");
	return known[which];
}

enum base_result house_commit(struct house *house, const char *feed, const struct house_item *items, size_t count,
                              base_time now)
{
	struct ledger_entry *entries = calloc(count + 1, sizeof *entries);
	struct alert **alerts = calloc(count + 1, sizeof(struct alert *));
	struct alert_stories *stories;
	size_t alert_count = 0;
	must(entries && alerts && !alert_stories_new(BASE_HOUR, &stories), "memory");
	for (size_t i = 0; i < count; i++) {
		const struct feed_entry entry = house_entry(&items[i]);
		entries[i] = (struct ledger_entry){.key = entry.key,
		                                   .link_key = entry.link_key,
		                                   .title_key = entry.title_key,
		                                   .change = entry.change,
		                                   .published = entry.published,
		                                   .reused = items[i].reused};
		if (items[i].class < 0)
			continue;
		entries[i].classes = 1u << items[i].class;
		struct alert *alert = sample_alert(
			&(struct sample){.class = (enum match_class)items[i].class, .item = items[i].id, .feed = feed});
		must(!alert_stories_place(stories, alert), "place");
		alerts[alert_count++] = alert;
	}
	const struct ledger_batch batch = {
		.feed = {.url = feed,
	             .etag = "\"e\"",
	             .plan = {.last_start = now, .next_due = now + BASE_HOUR},
	             .polled = true,
	             .newest = BASE_TIME_NONE},
		.entries = entries,
		.entry_count = count,
		.alerts = alerts,
		.alert_count = alert_count,
		.now = now,
	};
	forget(house);
	enum base_result result = ledger_commit(house->ledger, &batch, 1, house_take, house, &house->err);
	for (size_t i = 0; i < alert_count; i++)
		alert_free(alerts[i]);
	alert_stories_free(stories);
	free(entries);
	free(alerts);
	return result;
}

enum base_result house_replay(struct house *house, uint64_t after, const char *prefix, size_t limit)
{
	forget(house);
	return ledger_replay(house->ledger, after, base_span_of(prefix), limit, house_take, house, &house->more);
}

enum base_result house_unpublished(struct house *house)
{
	forget(house);
	return ledger_unpublished(house->ledger, house_take, house);
}
