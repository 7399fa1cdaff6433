/* Reading feeds and entries: many at once by prefetch, one by one if that did not name them. */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

#define FEED_COLUMNS \
	"f.id, f.etag, f.last_modified, f.body, f.last_start, f.next_due, f.failures, f.polled, f.newest, f.learned," \
	" f.updated, f.batch"
#define ENTRY_COLUMNS(e) \
	e ".feed, " e ".key, " e ".link_key, " e ".title_key, " e ".change, " e ".classes, " e ".last_alert, " e \
	  ".first_seen, " e ".last_seen"

enum { POLLED = 13 }; /* the column after those */

/* ---- taking rows -------------------------------------------------------------------- */

static enum base_result no_memory(struct postgres *postgres, enum base_result result)
{
	return base_fail(&postgres->engine.reason, result, "ledger %s: cannot read: %s", postgres->shown,
	                 base_result_text(result));
}

/* A validator that cannot be kept is none: that costs one full download, no more. */
static const char *keep(struct postgres *postgres, struct base_span span)
{
	return cache_copy(postgres->cache, span).ptr;
}

/* Columns: which of the addresses asked for, those of the feed, and what was noted of polls since (or not at all). */
static enum base_result took_feeds(struct postgres *postgres, const PGresult *result, void *ctx)
{
	const struct engine_want *wants = ctx;
	for (int row = 0; row < PQntuples(result); row++) {
		struct cache_feed *feed = cache_feed(postgres->cache, wants[postgres_number_at(result, row, 0) - 1].url);
		base_time polled = PQnfields(result) > POLLED ? postgres_time_at(result, row, POLLED) : BASE_TIME_NONE;
		if (!feed)
			continue;
		feed->there = true;
		feed->row = (struct engine_feed){
			.id = postgres_number_at(result, row, 1),
			.etag = keep(postgres, postgres_span_at(result, row, 2)),
			.last_modified = keep(postgres, postgres_span_at(result, row, 3)),
			.body = postgres_key_at(result, row, 4),
			.plan = {.last_start = postgres_time_at(result, row, 5),
		             .next_due = postgres_time_at(result, row, 6),
		             .failures = (uint32_t)postgres_number_at(result, row, 7)},
			.polled = postgres_number_at(result, row, 8) != 0,
			.newest = postgres_time_at(result, row, 9),
			.learned = cache_copy(postgres->cache, postgres_span_at(result, row, 10)),
			.written = postgres_time_at(result, row, 11),
		};
		feed->batch = (uint64_t)postgres_number_at(result, row, 12);
		if (polled != BASE_TIME_NONE && polled > feed->row.plan.last_start) {
			feed->row.plan.last_start = polled;
			feed->row.plan.next_due = postgres_time_at(result, row, POLLED + 1);
		}
	}
	return BASE_OK;
}

static enum base_result took_entries(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	for (int row = 0; row < PQntuples(result); row++) {
		const struct engine_entry stored = {
			.key = postgres_key_at(result, row, 1),
			.link_key = postgres_key_at(result, row, 2),
			.title_key = postgres_key_at(result, row, 3),
			.change = postgres_key_at(result, row, 4),
			.classes = (uint32_t)postgres_number_at(result, row, 5),
			.last_alert = (uint64_t)postgres_number_at(result, row, 6),
			.first_seen = postgres_time_at(result, row, 7),
			.last_seen = postgres_time_at(result, row, 8),
		};
		struct cache_entry *entry;
		enum base_result grown =
			cache_add_entry(postgres->cache, postgres_number_at(result, row, 0), &stored.key, &entry);
		if (grown)
			return no_memory(postgres, grown);
		if (entry->dirty || entry->stored)
			continue; /* it was here before, and may have been changed since */
		cache_put_entry(postgres->cache, entry, &stored);
		entry->stored = true;
	}
	return BASE_OK;
}

static enum base_result took_block(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	if (PQntuples(result) == 1)
		postgres->feed_numbers_spare = postgres_number_at(result, 0, 0);
	return BASE_OK;
}

enum base_result postgres_expect_numbers(struct postgres *postgres)
{
	static const struct postgres_statement statement = {"feed_numbers", "SELECT nextval('feed_block')"};
	if (postgres->feed_numbers_spare)
		return BASE_OK;
	return postgres_send(postgres, &statement, NULL, "cannot store", took_block, NULL);
}

/* ---- prefetch --------------------------------------------------------------------------- */

static const struct feed_key *item(const struct feed_key *first, size_t stride, size_t i)
{
	return (const struct feed_key *)(const void *)((const char *)first + i * stride);
}

static enum base_result send_feeds(struct postgres *postgres, const struct engine_want *wants, size_t count,
                                   bool with_polls)
{
	/* In a transaction the rows stay as they are read until its end; in the order of their numbers, so that two nodes
	 * do not wait for each other. */
	static const struct postgres_statement locking = {
		"feeds_lock", "SELECT u.n, " FEED_COLUMNS " FROM feed f JOIN unnest($1::text[]) WITH ORDINALITY AS u(url, n)"
					  " ON f.url = u.url ORDER BY f.id FOR NO KEY UPDATE OF f"};
	static const struct postgres_statement plain = {
		"feeds", "SELECT u.n, " FEED_COLUMNS " FROM unnest($1::text[]) WITH ORDINALITY AS u(url, n)"
				 " JOIN feed f ON f.url = u.url"};
	/* IS TRUE: else the set becomes a join, and those that hash are switched off; a list would be gone through each time. */
	static const struct postgres_statement polled = {
		"feeds_polled",
		"WITH found AS MATERIALIZED (SELECT u.n, f.* FROM unnest($1::text[]) WITH ORDINALITY AS u(url, n)"
		" JOIN feed f ON f.url = u.url),"
		" late AS MATERIALIZED (SELECT q.feed, max(ARRAY[p.made - q.asked * 1000::bigint, p.made + q.due * 1000::bigint])"
		" AS times FROM polled p CROSS JOIN LATERAL unnest(p.feed, p.asked, p.due) AS q(feed, asked, due)"
		" WHERE (q.feed IN (SELECT id FROM found)) IS TRUE GROUP BY q.feed)"
		" SELECT f.n, " FEED_COLUMNS ", l.times[1], l.times[2] FROM found f LEFT JOIN late l ON l.feed = f.id"};
	struct postgres_params params = {0};
	struct postgres_array urls;
	postgres_texts(&urls);
	for (size_t i = 0; i < count; i++)
		postgres_push(&urls, base_span_of(wants[i].url));
	postgres_add_array(&params, &urls);
	enum base_result result =
		postgres_send(postgres, postgres->in_transaction ? &locking : with_polls ? &polled : &plain, &params,
	                  "cannot read", took_feeds, (void *)(uintptr_t)wants);
	postgres_array_free(&urls);
	return result;
}

/* The keys of one kind of each want, one after the other in one piece. */
static enum base_result pack(const struct engine_want *wants, size_t count, enum cache_chain chain,
                             struct postgres_array *out)
{
	struct base_buf buf;
	postgres_byte_rows(out);
	base_buf_init(&buf, (size_t)1 << 28);
	for (size_t i = 0; i < count; i++) {
		const struct engine_want *want = &wants[i];
		const struct feed_key *first = chain == CACHE_KEY  ? want->keys :
		                               chain == CACHE_LINK ? want->link_keys :
		                                                     want->title_keys;
		base_buf_reset(&buf);
		for (size_t j = 0; j < want->count; j++)
			base_buf_add(&buf, item(first, want->stride, j)->bytes, FEED_KEY_LEN);
		postgres_push(out, want->count ? base_buf_span(&buf) : base_span_of(""));
	}
	base_buf_free(&buf);
	return buf.failed ? buf.failed : out->bytes.failed;
}

static enum base_result send_entries(struct postgres *postgres, const struct engine_want *wants, size_t count)
{
	/* An entry by its key, else (two are enough to know that it is not the only one) by its link and by its title. */
	static const struct postgres_statement statement = {
		"entries",
		"SELECT l.* FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) AS u(url, keys, links, titles)"
		" JOIN feed f ON f.url = u.url CROSS JOIN LATERAL (SELECT substring(u.keys FROM i * 16 + 1 FOR 16) AS key,"
		" substring(u.links FROM i * 16 + 1 FOR 16) AS link, substring(u.titles FROM i * 16 + 1 FOR 16) AS title"
		" FROM generate_series(0, octet_length(u.keys) / 16 - 1) AS i OFFSET 0) AS w"
		" LEFT JOIN entry k ON k.feed = f.id AND k.key = w.key CROSS JOIN LATERAL"
		" (SELECT " ENTRY_COLUMNS("k") " WHERE k.key IS NOT NULL"
		" UNION ALL (SELECT " ENTRY_COLUMNS("e") " FROM entry e WHERE k.key IS NULL AND e.feed = f.id"
		" AND e.link_key = w.link LIMIT 2)"
		" UNION ALL (SELECT " ENTRY_COLUMNS("e") " FROM entry e WHERE k.key IS NULL AND e.feed = f.id"
		" AND e.title_key = w.title LIMIT 2)) AS l"};
	struct postgres_params params = {0};
	struct postgres_array urls, keys[CACHE_CHAINS] = {{.count = 0}};
	enum base_result result = BASE_OK;
	postgres_texts(&urls);
	for (size_t i = 0; i < count; i++)
		postgres_push(&urls, base_span_of(wants[i].url));
	postgres_add_array(&params, &urls);
	for (enum cache_chain chain = CACHE_KEY; !result && chain < CACHE_CHAINS; chain++) {
		result = pack(wants, count, chain, &keys[chain]);
		postgres_add_array(&params, &keys[chain]);
	}
	result = result ? no_memory(postgres, result) :
	                  postgres_send(postgres, &statement, &params, "cannot read", took_entries, NULL);
	postgres_array_free(&urls);
	for (enum cache_chain chain = CACHE_KEY; chain < CACHE_CHAINS; chain++)
		postgres_array_free(&keys[chain]);
	return result;
}

/* After the rows have come: what did not come is not there. */
static enum base_result note_missing(struct postgres *postgres, const struct engine_want *want)
{
	struct postgres_cache *cache = postgres->cache;
	struct cache_feed *feed = cache_feed(cache, want->url);
	enum base_result result = BASE_OK;
	for (size_t i = 0; feed && feed->there && !result && i < want->count; i++) {
		const struct feed_key *link = item(want->link_keys, want->stride, i);
		const struct feed_key *title = item(want->title_keys, want->stride, i);
		struct cache_entry *entry;
		int64_t id = feed->row.id;
		result = cache_add_entry(cache, id, item(want->keys, want->stride, i), &entry);
		if (result || entry->there)
			continue;
		result = cache_add_asked(cache, id, CACHE_LINK, link);
		if (!result)
			result = cache_add_asked(cache, id, CACHE_TITLE, title);
	}
	return result ? no_memory(postgres, result) : BASE_OK;
}

static enum base_result add_feeds(struct postgres *postgres, const struct engine_want *wants, size_t count)
{
	size_t keys = 0;
	for (size_t i = 0; i < count; i++)
		keys += wants[i].count;
	enum base_result result = cache_reset(postgres->cache, keys > count ? keys : count);
	for (size_t i = 0; !result && i < count; i++) {
		struct cache_feed *feed = cache_feed(postgres->cache, wants[i].url);
		if (!feed)
			result = cache_add_feed(postgres->cache, wants[i].url, &feed);
	}
	return result ? no_memory(postgres, result) : BASE_OK;
}

enum base_result postgres_prefetch(struct engine *engine, const struct engine_want *wants, size_t count)
{
	struct postgres *postgres = postgres_of(engine);
	size_t keys = 0;
	for (size_t i = 0; i < count; i++)
		keys += wants[i].count;
	enum base_result result = add_feeds(postgres, wants, count);
	if (!result && count)
		result = send_feeds(postgres, wants, count, !keys);
	if (!result && keys)
		result = send_entries(postgres, wants, count);
	if (!result && postgres->in_transaction)
		result = postgres_expect_numbers(postgres);
	if (!result)
		result = postgres_sync(postgres);
	for (size_t i = 0; !result && i < count; i++)
		result = note_missing(postgres, &wants[i]);
	if (result) {
		postgres_forget_answers(postgres);
		(void)cache_reset(postgres->cache, 0);
	}
	return result;
}

/* ---- feeds ------------------------------------------------------------------------------ */

enum base_result postgres_find_feed(struct postgres *postgres, const char *url, struct cache_feed **out)
{
	*out = cache_feed(postgres->cache, url);
	if (*out)
		return BASE_OK;
	const struct engine_want want = {.url = url};
	enum base_result result = cache_add_feed(postgres->cache, url, out);
	if (result)
		return no_memory(postgres, result);
	result = send_feeds(postgres, &want, 1, true);
	if (!result)
		result = postgres_sync(postgres);
	*out = cache_feed(postgres->cache, url);
	return result;
}

enum base_result postgres_feed_get(struct engine *engine, const char *url, struct engine_feed *out)
{
	struct postgres *postgres = postgres_of(engine);
	struct cache_feed *feed;
	enum base_result result = postgres_find_feed(postgres, url, &feed);
	if (result) {
		(void)cache_reset(postgres->cache, 0); /* where it stands as missing */
		return result;
	}
	if (!feed->there)
		return BASE_NOT_FOUND;
	*out = feed->row;
	return BASE_OK;
}

/* ---- entries ------------------------------------------------------------------------------ */

static bool is_fresh(const struct postgres *postgres, int64_t feed)
{
	for (size_t i = 0; i < postgres->cache->feed_count; i++)
		if (postgres->cache->feeds[i].fresh && postgres->cache->feeds[i].row.id == feed)
			return true;
	return false;
}

/* Ask for what prefetch did not name. What is to be written goes first, for the answer is to know of it. */
static enum base_result ask(struct postgres *postgres, const struct postgres_statement *statement, int64_t feed,
                            const struct feed_key *key)
{
	struct postgres_params params = {0};
	enum base_result result = postgres->in_transaction ? postgres_send_writes(postgres) : BASE_OK;
	postgres_add_number(&params, feed);
	postgres_add_bytes(&params, (struct base_span){(const char *)key->bytes, FEED_KEY_LEN});
	return result ? result : postgres_query(postgres, statement, &params, "cannot read", took_entries, NULL);
}

enum base_result postgres_find_entry(struct postgres *postgres, int64_t feed, const struct feed_key *key,
                                     struct cache_entry **out)
{
	static const struct postgres_statement statement = {
		"entry", "SELECT " ENTRY_COLUMNS("e") " FROM entry e WHERE e.feed = $1 AND e.key = $2"};
	enum base_result result = BASE_OK;
	if (!cache_entry(postgres->cache, feed, key) && !is_fresh(postgres, feed))
		result = ask(postgres, &statement, feed, key);
	if (!result && cache_add_entry(postgres->cache, feed, key, out))
		result = no_memory(postgres, BASE_NO_MEMORY);
	return result;
}

enum base_result postgres_entry_get(struct engine *engine, int64_t feed, const struct feed_key *key,
                                    struct engine_entry *out)
{
	struct cache_entry *entry;
	enum base_result result = postgres_find_entry(postgres_of(engine), feed, key, &entry);
	if (result)
		return result;
	if (!entry->there)
		return BASE_NOT_FOUND;
	*out = entry->row;
	return BASE_OK;
}

enum base_result postgres_entry_find(struct engine *engine, int64_t feed, enum engine_secondary which,
                                     const struct feed_key *key, struct engine_entry *out)
{
	static const struct postgres_statement by_link = {
		"by_link", "SELECT " ENTRY_COLUMNS("e") " FROM entry e WHERE e.feed = $1 AND e.link_key = $2 LIMIT 2"};
	static const struct postgres_statement by_title = {
		"by_title", "SELECT " ENTRY_COLUMNS("e") " FROM entry e WHERE e.feed = $1 AND e.title_key = $2 LIMIT 2"};
	struct postgres *postgres = postgres_of(engine);
	enum cache_chain chain = which == ENGINE_LINK_KEY ? CACHE_LINK : CACHE_TITLE;
	struct cache_entry *entry = NULL;
	const struct cache_asked *asked = cache_asked(postgres->cache, feed, chain, key);
	int count = cache_count(postgres->cache, feed, chain, key, &entry);
	/* Of many, some of those that are here may have been changed or forgotten; then the others count. */
	if (count < 2 && !(asked && asked->complete) && !is_fresh(postgres, feed)) {
		enum base_result result = ask(postgres, chain == CACHE_LINK ? &by_link : &by_title, feed, key);
		if (!result && cache_add_asked(postgres->cache, feed, chain, key))
			result = no_memory(postgres, BASE_NO_MEMORY);
		if (result)
			return result;
		count = cache_count(postgres->cache, feed, chain, key, &entry);
	}
	if (count != 1)
		return BASE_NOT_FOUND;
	*out = entry->row;
	return BASE_OK;
}
