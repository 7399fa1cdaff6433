/* Writing: rows gather until the commit, and go then by the hundred, all in one round trip. */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

#define NUMBERS_A_BLOCK 64 /* as the sequence feed_block counts */
#define TOPICS_MAX ((size_t)1 << 20)

static const char storing[] = "cannot store";

static enum base_result no_memory(struct postgres *postgres, enum base_result result)
{
	return base_fail(&postgres->engine.reason, result, "ledger %s: cannot store: %s", postgres->shown,
	                 base_result_text(result));
}

/* ---- feeds ------------------------------------------------------------------------------- */

static enum base_result new_number(struct postgres *postgres, int64_t *out)
{
	if (!postgres->feed_numbers_left) {
		enum base_result result = postgres_expect_numbers(postgres);
		if (!result)
			result = postgres_sync(postgres);
		if (result)
			return result;
		postgres->feed_number = postgres->feed_numbers_spare;
		postgres->feed_numbers_left = NUMBERS_A_BLOCK;
		postgres->feed_numbers_spare = 0;
	}
	postgres->feed_numbers_left--;
	*out = postgres->feed_number++;
	return BASE_OK;
}

static base_time later(base_time a, base_time b)
{
	return a > b ? a : b; /* BASE_TIME_NONE is before everything */
}

enum base_result postgres_feed_put(struct engine *engine, const struct ledger_feed *feed, base_time now,
                                   bool documented, uint64_t batch, int64_t *id)
{
	struct postgres *postgres = postgres_of(engine);
	struct cache_feed *row;
	int64_t number;
	enum base_result result = postgres_find_feed(postgres, feed->url, &row);
	if (!result && !row->there) {
		result = new_number(postgres, &number);
		row->fresh = !result;
		row->row = (struct engine_feed){.id = result ? 0 : number, .newest = BASE_TIME_NONE};
	}
	if (result)
		return result;
	const struct engine_feed old = row->row;
	row->row = (struct engine_feed){
		.id = old.id,
		.etag = cache_copy(postgres->cache, base_span_of(feed->etag)).ptr,
		.last_modified = cache_copy(postgres->cache, base_span_of(feed->last_modified)).ptr,
		.body = feed->body,
		.plan = feed->plan,
		.learned = cache_copy(postgres->cache, feed->learned),
		.newest = later(old.newest, feed->newest),
		.polled = feed->polled,
	};
	if ((feed->learned.ptr && !row->row.learned.ptr) || (feed->etag && !row->row.etag) ||
	    (feed->last_modified && !row->row.last_modified))
		return no_memory(postgres, BASE_NO_MEMORY);
	if (documented || !row->dirty)
		row->documented = documented ? now : BASE_TIME_NONE;
	row->updated = now;
	row->batch = batch;
	row->there = row->dirty = true;
	*id = old.id;
	return BASE_OK;
}

enum { FEED_COLUMNS = 14 };

static void push_feed(struct postgres_array columns[FEED_COLUMNS], const struct cache_feed *feed)
{
	postgres_push_number(&columns[0], feed->row.id);
	postgres_push(&columns[1], base_span_of(feed->url));
	postgres_push(&columns[2], base_span_of(feed->row.etag));
	postgres_push(&columns[3], base_span_of(feed->row.last_modified));
	postgres_push_key(&columns[4], &feed->row.body);
	postgres_push_time(&columns[5], feed->row.plan.last_start);
	postgres_push_time(&columns[6], feed->row.plan.next_due);
	postgres_push_number(&columns[7], feed->row.plan.failures);
	postgres_push_number(&columns[8], feed->row.polled);
	postgres_push_time(&columns[9], feed->row.newest);
	postgres_push_time(&columns[10], feed->documented);
	postgres_push_number(&columns[11], feed->updated);
	postgres_push(&columns[12], feed->row.learned);
	postgres_push_number(&columns[13], (int64_t)feed->batch);
}

/* Columns as types tells: n, t and b for numbers, texts and bytes. */
static void columns_init(struct postgres_array *columns, const char *types)
{
	for (size_t i = 0; types[i]; i++) {
		if (types[i] == 'n')
			postgres_numbers(&columns[i]);
		else if (types[i] == 't')
			postgres_texts(&columns[i]);
		else
			postgres_byte_rows(&columns[i]);
	}
}

/* Sends what is in the columns, if anything is, and frees them. */
static enum base_result send_columns(struct postgres *postgres, const struct postgres_statement *statement,
                                     struct postgres_array *columns, size_t count)
{
	struct postgres_params params = {0};
	enum base_result result = BASE_OK;
	for (size_t i = 0; i < count; i++)
		postgres_add_array(&params, &columns[i]);
	if (columns->count)
		result = postgres_send(postgres, statement, &params, storing, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		postgres_array_free(&columns[i]);
	return result;
}

static enum base_result send_feeds(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
		"feeds_put",
		"INSERT INTO feed(id, url, etag, last_modified, body, last_start, next_due, failures, polled, newest, documented,"
		" updated, learned, batch) SELECT id, url, etag, last_modified, body, last_start, next_due, failures, polled <> 0,"
		" newest, documented, updated, learned, batch FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::bytea[],"
		" $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[],"
		" $12::bigint[], $13::bytea[], $14::bigint[]) AS u(id, url, etag, last_modified, body, last_start, next_due,"
		" failures, polled, newest, documented, updated, learned, batch)"
		" ON CONFLICT (id) DO UPDATE SET etag = excluded.etag, last_modified = excluded.last_modified,"
		" body = excluded.body, last_start = excluded.last_start, next_due = excluded.next_due,"
		" failures = excluded.failures, polled = excluded.polled, newest = greatest(feed.newest, excluded.newest),"
		" documented = coalesce(excluded.documented, feed.documented), updated = excluded.updated,"
		" learned = excluded.learned, batch = excluded.batch"};
	struct postgres_array columns[FEED_COLUMNS];
	columns_init(columns, "ntbbbnnnnnnnbn");
	for (size_t i = 0; i < postgres->cache->feed_count; i++) {
		struct cache_feed *feed = &postgres->cache->feeds[i];
		if (feed->dirty)
			push_feed(columns, feed);
		feed->dirty = false;
	}
	return send_columns(postgres, &statement, columns, FEED_COLUMNS);
}

/* ---- entries ------------------------------------------------------------------------------- */

enum base_result postgres_entry_put(struct engine *engine, int64_t feed, const struct engine_entry *entry, bool fresh)
{
	(void)fresh; /* one statement does for both */
	struct postgres *postgres = postgres_of(engine);
	struct cache_entry *row;
	/* That it replaces a row needs no question; only a row that is here must be changed here. */
	enum base_result result = cache_add_entry(postgres->cache, feed, &entry->key, &row);
	if (result)
		return no_memory(postgres, result);
	cache_put_entry(postgres->cache, row, entry);
	row->dirty = true;
	return BASE_OK;
}

enum base_result postgres_entry_forget(struct engine *engine, int64_t feed, const struct feed_key *key)
{
	struct postgres *postgres = postgres_of(engine);
	struct cache_entry *row;
	enum base_result result = postgres_find_entry(postgres, feed, key, &row);
	if (result)
		return result;
	row->dirty = row->stored;
	cache_drop_entry(postgres->cache, row);
	return BASE_OK;
}

enum base_result postgres_entry_alerted(struct engine *engine, int64_t feed, const struct feed_key *key,
                                        uint64_t sequence)
{
	struct postgres *postgres = postgres_of(engine);
	struct cache_entry *row;
	enum base_result result = postgres_find_entry(postgres, feed, key, &row);
	if (result || !row->there)
		return result;
	row->row.last_alert = sequence;
	row->dirty = true;
	return BASE_OK;
}

enum { ENTRY_COLUMNS = 9 };

static void push_secondary(struct postgres_array *array, const struct feed_key *key)
{
	static const struct feed_key none;
	if (memcmp(key->bytes, none.bytes, FEED_KEY_LEN))
		postgres_push_key(array, key);
	else
		postgres_push(array, BASE_NONE); /* NULL, and not indexed */
}

static void push_entry(struct postgres_array columns[ENTRY_COLUMNS], const struct cache_entry *entry)
{
	postgres_push_number(&columns[0], entry->feed);
	postgres_push_key(&columns[1], &entry->row.key);
	push_secondary(&columns[2], &entry->row.link_key);
	push_secondary(&columns[3], &entry->row.title_key);
	postgres_push_key(&columns[4], &entry->row.change);
	postgres_push_number(&columns[5], entry->row.classes);
	postgres_push_number(&columns[6], (int64_t)entry->row.last_alert);
	postgres_push_time(&columns[7], entry->row.first_seen);
	postgres_push_time(&columns[8], entry->row.last_seen);
}

static enum base_result send_entries(struct postgres *postgres)
{
	static const struct postgres_statement drop = {
		"entries_forget", "DELETE FROM entry USING unnest($1::bigint[], $2::bytea[]) AS u(feed, key)"
						  " WHERE entry.feed = u.feed AND entry.key = u.key"};
	static const struct postgres_statement put = {
		"entries_put",
		"INSERT INTO entry(feed, key, link_key, title_key, change, classes, last_alert, first_seen, last_seen)"
		" SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[],"
		" $7::bigint[], $8::bigint[], $9::bigint[]) ON CONFLICT (feed, key) DO UPDATE SET link_key = excluded.link_key,"
		" title_key = excluded.title_key, change = excluded.change, classes = excluded.classes,"
		" last_alert = excluded.last_alert, first_seen = excluded.first_seen, last_seen = excluded.last_seen"};
	struct postgres_array dropped[2], columns[ENTRY_COLUMNS];
	columns_init(dropped, "nb");
	columns_init(columns, "nbbbbnnnn");
	for (size_t i = 0; i < postgres->cache->entry_count; i++) {
		struct cache_entry *entry = &postgres->cache->entries[i];
		if (entry->dirty && entry->there) {
			push_entry(columns, entry);
		} else if (entry->dirty) {
			postgres_push_number(&dropped[0], entry->feed);
			postgres_push_key(&dropped[1], &entry->row.key);
		}
		if (entry->dirty)
			entry->stored = entry->there;
		entry->dirty = false;
	}
	enum base_result result = send_columns(postgres, &drop, dropped, 2);
	enum base_result second = send_columns(postgres, &put, columns, ENTRY_COLUMNS);
	return result ? result : second;
}

/* ---- topics ---------------------------------------------------------------------------------- */

/*
 * They are few and only grow, so all of them are kept from one transaction to the next, and those that are newer
 * are read again. Whoever gives sequences holds the state's row, so none is given behind our back.
 */
struct postgres_topic {
	char name[ALERT_TOPIC_MAX];
	uint64_t sequence;
	bool dirty;
};

void postgres_topics_forget(struct postgres *postgres)
{
	postgres->topic_count = 0;
	postgres->topics_until = 0;
	postgres->topics_read = false;
}

/* The names are sorted. *at: where name is or belongs. */
static bool find_topic(const struct postgres *postgres, struct base_span name, size_t *at)
{
	size_t low = 0, high = postgres->topic_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *other = postgres->topics[middle].name;
		int order = strncmp(other, name.ptr, name.len);
		if (!order)
			order = other[name.len] != '\0';
		if (!order) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

static enum base_result set_topic(struct postgres *postgres, struct base_span name, uint64_t sequence, bool dirty)
{
	size_t at;
	if (name.len >= ALERT_TOPIC_MAX)
		return base_fail(&postgres->engine.reason, BASE_INVALID, "ledger: a topic is too long");
	if (!find_topic(postgres, name, &at)) {
		enum base_result result = base_grow(&postgres->topics, &postgres->topic_cap, postgres->topic_count + 1,
		                                    sizeof *postgres->topics, TOPICS_MAX);
		if (result)
			return no_memory(postgres, result);
		memmove(&postgres->topics[at + 1], &postgres->topics[at], (postgres->topic_count++ - at) * sizeof *postgres->topics);
		postgres->topics[at] = (struct postgres_topic){.sequence = 0};
		memcpy(postgres->topics[at].name, name.ptr, name.len);
	}
	postgres->topics[at].sequence = sequence;
	postgres->topics[at].dirty = dirty;
	if (sequence > postgres->topics_until)
		postgres->topics_until = sequence;
	return BASE_OK;
}

static enum base_result took_topics(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	enum base_result failed = BASE_OK;
	for (int row = 0; !failed && row < PQntuples(result); row++)
		failed = set_topic(postgres, postgres_span_at(result, row, 0), (uint64_t)postgres_number_at(result, row, 1), false);
	postgres->topics_read = !failed;
	return failed;
}

enum base_result postgres_expect_topics(struct postgres *postgres)
{
	static const struct postgres_statement statement = {"topics", "SELECT name, sequence FROM topic WHERE sequence > $1"};
	struct postgres_params params = {0};
	if (postgres->topics_read)
		return BASE_OK;
	postgres_add_number(&params, (int64_t)postgres->topics_until);
	return postgres_send(postgres, &statement, &params, "cannot read", took_topics, NULL);
}

enum base_result postgres_topic_get(struct engine *engine, const char *topic, uint64_t *sequence)
{
	struct postgres *postgres = postgres_of(engine);
	size_t at;
	if (!postgres->in_transaction)
		postgres->topics_read = false;
	enum base_result result = postgres_expect_topics(postgres);
	if (!result)
		result = postgres_sync(postgres);
	if (!result)
		*sequence = find_topic(postgres, base_span_of(topic), &at) ? postgres->topics[at].sequence : 0;
	return result;
}

enum base_result postgres_topic_put(struct engine *engine, const char *topic, uint64_t sequence)
{
	return set_topic(postgres_of(engine), base_span_of(topic), sequence, true);
}

static enum base_result send_topics(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
		"topics_put", "INSERT INTO topic(name, sequence) SELECT * FROM unnest($1::text[], $2::bigint[])"
					  " ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence"};
	struct postgres_array columns[2];
	columns_init(columns, "tn");
	for (size_t i = 0; i < postgres->topic_count; i++) {
		struct postgres_topic *topic = &postgres->topics[i];
		if (topic->dirty) {
			postgres_push(&columns[0], base_span_of(topic->name));
			postgres_push_number(&columns[1], (int64_t)topic->sequence);
		}
		topic->dirty = false;
	}
	return send_columns(postgres, &statement, columns, 2);
}

/* ---- alerts and the state -------------------------------------------------------------------- */

enum base_result postgres_alert_put(struct engine *engine, const struct engine_alert *alert)
{
	struct postgres *postgres = postgres_of(engine);
	struct postgres_array *columns = postgres->alerts;
	if (!columns->element)
		columns_init(columns, "ntnnnbbbb");
	postgres_push_number(&columns[0], (int64_t)alert->sequence);
	postgres_push(&columns[1], alert->topic);
	postgres_push_number(&columns[2], (int64_t)alert->class);
	postgres_push_number(&columns[3], alert->made);
	postgres_push_number(&columns[4], alert->feed);
	postgres_push_key(&columns[5], alert->key);
	postgres_push(&columns[6], alert->header);
	postgres_push(&columns[7], alert->sketch);
	postgres_push(&columns[8], alert->json);
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < POSTGRES_ALERT_COLUMNS; i++)
		result = columns[i].bytes.failed;
	return result ? no_memory(postgres, result) : BASE_OK;
}

static enum base_result send_alerts(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
		"alerts_put",
		"INSERT INTO alert(sequence, topic, class, made, feed, key, header, sketch, json) SELECT * FROM"
		" unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],"
		" $8::bytea[], $9::bytea[])"};
	if (!postgres->alerts->element)
		return BASE_OK;
	enum base_result result = send_columns(postgres, &statement, postgres->alerts, POSTGRES_ALERT_COLUMNS);
	memset(postgres->alerts, 0, sizeof postgres->alerts);
	return result;
}

enum base_result postgres_state_put(struct engine *engine, const struct engine_state *state)
{
	struct postgres *postgres = postgres_of(engine);
	postgres->state = *state;
	postgres->state_dirty = true;
	return BASE_OK;
}

static enum base_result send_state(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
		"state_put", "UPDATE state SET epoch = $1, sequence = $2, published = $3 WHERE id = 1"};
	struct postgres_params params = {0};
	if (!postgres->state_dirty)
		return BASE_OK;
	postgres_add_number(&params, (int64_t)postgres->state.epoch);
	postgres_add_number(&params, (int64_t)postgres->state.sequence);
	postgres_add_number(&params, (int64_t)postgres->state.published);
	postgres->state_dirty = false;
	return postgres_send(postgres, &statement, &params, storing, NULL, NULL);
}

enum base_result postgres_send_writes(struct postgres *postgres)
{
	enum base_result result = send_feeds(postgres);
	if (!result)
		result = send_entries(postgres);
	if (!result)
		result = send_alerts(postgres);
	if (!result)
		result = send_topics(postgres);
	if (!result)
		result = send_state(postgres);
	if (!result)
		result = postgres_send_published(postgres);
	return result;
}

void postgres_forget_writes(struct postgres *postgres)
{
	for (size_t i = 0; i < postgres->topic_count; i++) {
		if (postgres->topics[i].dirty) { /* which sequence it had is not known any more */
			postgres_topics_forget(postgres);
			break;
		}
	}
	for (size_t i = 0; i < POSTGRES_ALERT_COLUMNS; i++)
		postgres_array_free(&postgres->alerts[i]);
	memset(postgres->alerts, 0, sizeof postgres->alerts);
	postgres->state_dirty = false;
	postgres->publisher = NULL;
	(void)cache_reset(postgres->cache, 0);
}
