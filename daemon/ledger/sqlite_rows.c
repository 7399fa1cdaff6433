/* Rows in and out of SQLite: every statement, and its binding and reading. */
#include "sqlite.h"

#include <string.h>

#define FEED_CHANGES \
	"etag = ?2, last_modified = ?3, body = ?4, last_start = ?5, next_due = ?6, failures = ?7, polled = ?8," \
	" newest = max(ifnull(newest, ?9), ifnull(?9, newest)), documented = iif(?11, ?10, documented)," \
	" updated = ?10, learned = ?12"
#define ENTRY_COLUMNS "key, link_key, title_key, change, classes, last_alert, first_seen, last_seen"

const char *const sqlite_texts[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_STATE_GET] = "SELECT epoch, sequence, published FROM state WHERE id = 1",
	[SQL_STATE_PUT] = "UPDATE state SET epoch = ?1, sequence = ?2, published = ?3 WHERE id = 1",
	[SQL_FEED_ID] = "SELECT id FROM feed WHERE url = ?1", /* all of it is in the index */
	[SQL_FEED_GET] = "SELECT id, etag, last_modified, body, last_start, next_due, failures, polled, newest, learned,"
					 " updated"
					 " FROM feed WHERE url = ?1",
	[SQL_FEED_PUT] =
		"INSERT INTO feed(url, etag, last_modified, body, last_start, next_due, failures, polled, newest, documented,"
		" updated, learned) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, iif(?11, ?10, NULL), ?10, ?12)"
		" ON CONFLICT(url) DO UPDATE SET " FEED_CHANGES " RETURNING id",
	/* Half the price of the one above, which looks the address up and gives its number back by way of a table. */
	[SQL_FEED_UPDATE] = "UPDATE feed SET " FEED_CHANGES " WHERE id = ?13 AND url = ?1",
	[SQL_ENTRY_GET] = "SELECT " ENTRY_COLUMNS " FROM entry WHERE feed = ?1 AND key = ?2",
	[SQL_ENTRIES_GET] = sqlite_entries_text,
	/* By itself SQLite takes the primary key, and reads all entries of the feed. */
	[SQL_ENTRY_BY_LINK] =
		"SELECT " ENTRY_COLUMNS " FROM entry INDEXED BY entry_link WHERE feed = ?1 AND link_key = ?2 LIMIT 2",
	[SQL_ENTRY_BY_TITLE] =
		"SELECT " ENTRY_COLUMNS " FROM entry INDEXED BY entry_title WHERE feed = ?1 AND title_key = ?2 LIMIT 2",
	/* Half the price of REPLACE, for which SQLite keeps a copy of each page that it changes. */
	[SQL_ENTRY_NEW] = "INSERT INTO entry(feed, " ENTRY_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_ENTRY_PUT] =
		"INSERT OR REPLACE INTO entry(feed, " ENTRY_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_ENTRY_FORGET] = "DELETE FROM entry WHERE feed = ?1 AND key = ?2",
	[SQL_ENTRY_ALERTED] = "UPDATE entry SET last_alert = ?3 WHERE feed = ?1 AND key = ?2",
	[SQL_TOPIC_GET] = "SELECT sequence FROM topic WHERE name = ?1",
	[SQL_TOPIC_PUT] = "INSERT OR REPLACE INTO topic(name, sequence) VALUES(?1, ?2)",
	[SQL_ALERT_PUT] = "INSERT INTO alert(sequence, topic, class, made, feed, key, header, sketch, json)"
					  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_ALERTS] = "SELECT a.sequence, a.topic, a.header, a.json FROM"
				   " (SELECT sequence FROM alert INDEXED BY alert_order WHERE sequence > ?1 AND topic >= ?2"
				   " AND topic < ?3 ORDER BY sequence LIMIT ?4) AS found"
				   " CROSS JOIN alert AS a ON a.sequence = found.sequence ORDER BY a.sequence",
	[SQL_OLDEST] = "SELECT min(sequence) FROM alert",
	[SQL_SKETCHES] = "SELECT sketch FROM alert WHERE made >= ?1 ORDER BY sequence",
	[SQL_PRUNE_ALERTS] = "DELETE FROM alert WHERE sequence IN (SELECT sequence FROM alert WHERE made < ?1"
						 " AND sequence <= ?2 ORDER BY made LIMIT ?3)",
	[SQL_PRUNE_NEXT_FEED] = "SELECT id, documented, updated FROM feed WHERE id > ?1 ORDER BY id LIMIT 1",
	[SQL_PRUNE_ENTRIES] = "DELETE FROM entry WHERE feed = ?1 AND key IN"
						  " (SELECT key FROM entry WHERE feed = ?1 AND last_seen < ?2 LIMIT ?3)",
	[SQL_PRUNE_FLOOD] = "DELETE FROM entry WHERE feed = ?1 AND (SELECT count(*) FROM entry WHERE feed = ?1) > ?3"
						" AND key IN (SELECT key FROM entry WHERE feed = ?1 AND last_seen < ?2"
						" ORDER BY last_seen LIMIT ?4)",
	[SQL_PRUNE_FEED] = "DELETE FROM feed WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE feed = ?1)"
					   " AND NOT EXISTS (SELECT 1 FROM alert WHERE feed = ?1)",
	[SQL_POLLED_PUT] = "INSERT INTO polled(made, polls) VALUES(?1, ?2)",
	[SQL_PRUNE_POLLED] = "DELETE FROM polled WHERE id IN"
						 " (SELECT id FROM polled WHERE made < ?1 OR made > ?2 ORDER BY id LIMIT ?3)",
};

static struct sqlite *of(struct engine *engine)
{
	return (struct sqlite *)(void *)engine;
}

/* ---- binding and reading ------------------------------------------------------------ */

/* Bound bytes must live until the statement has run. A failed bind shows as a wrong NULL, which the tables refuse. */
static void bind_blob(sqlite3_stmt *statement, int at, struct base_span span)
{
	if (span.ptr)
		sqlite3_bind_blob64(statement, at, span.ptr, span.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

static void bind_text(sqlite3_stmt *statement, int at, struct base_span span)
{
	sqlite3_bind_text64(statement, at, span.ptr ? span.ptr : "", span.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_key(sqlite3_stmt *statement, int at, const struct feed_key *key)
{
	sqlite3_bind_blob(statement, at, key->bytes, FEED_KEY_LEN, SQLITE_STATIC);
}

/* A secondary key that is none is NULL, and not indexed. */
static void bind_secondary(sqlite3_stmt *statement, int at, const struct feed_key *key)
{
	static const struct feed_key none;
	if (memcmp(key->bytes, none.bytes, FEED_KEY_LEN))
		bind_key(statement, at, key);
	else
		sqlite3_bind_null(statement, at);
}

static void bind_time(sqlite3_stmt *statement, int at, base_time time)
{
	if (time == BASE_TIME_NONE)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_int64(statement, at, time);
}

static void bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
	sqlite3_bind_int64(statement, at, number > INT64_MAX ? INT64_MAX : (int64_t)number);
}

static struct base_span blob_at(sqlite3_stmt *statement, int at)
{
	const char *bytes = sqlite3_column_blob(statement, at);
	int len = sqlite3_column_bytes(statement, at);
	if (sqlite3_column_type(statement, at) == SQLITE_NULL)
		return BASE_NONE;
	return (struct base_span){bytes ? bytes : "", (size_t)len};
}

static struct feed_key key_at(sqlite3_stmt *statement, int at)
{
	struct feed_key key = {{0}};
	const void *bytes = sqlite3_column_blob(statement, at);
	if (sqlite3_column_bytes(statement, at) == FEED_KEY_LEN && bytes)
		memcpy(key.bytes, bytes, FEED_KEY_LEN);
	return key;
}

static base_time time_at(sqlite3_stmt *statement, int at)
{
	return sqlite3_column_type(statement, at) == SQLITE_NULL ? BASE_TIME_NONE : sqlite3_column_int64(statement, at);
}

static uint64_t number_at(sqlite3_stmt *statement, int at)
{
	return (uint64_t)sqlite3_column_int64(statement, at);
}

/* The first row of a bound statement: BASE_OK, BASE_NOT_FOUND or a failure. */
static enum base_result first_row(struct sqlite *sqlite, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return BASE_OK;
	enum base_result result = code == SQLITE_DONE ? BASE_NOT_FOUND : sqlite_fail(sqlite, code, "cannot read");
	sqlite3_reset(statement);
	return result;
}

/* ---- state and feeds ------------------------------------------------------------------- */

enum base_result sqlite_state_get(struct engine *engine, struct engine_state *out)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_STATE_GET, &statement);
	if (!result)
		result = first_row(sqlite, statement);
	if (result == BASE_NOT_FOUND)
		return base_fail(&engine->reason, BASE_DAMAGED,
		                 "ledger %s has no state: `wirewatch migrate` into it did not end and must be repeated; or restore a"
		                 " backup, or move it away to begin a new one",
		                 sqlite->path);
	if (result)
		return result;
	*out = (struct engine_state){number_at(statement, 0), number_at(statement, 1), number_at(statement, 2)};
	sqlite3_reset(statement);
	return BASE_OK;
}

enum base_result sqlite_state_put(struct engine *engine, const struct engine_state *state)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_STATE_PUT, &statement);
	if (result)
		return result;
	bind_number(statement, 1, state->epoch);
	bind_number(statement, 2, state->sequence);
	bind_number(statement, 3, state->published);
	return sqlite_run(sqlite, statement, "cannot store");
}

/* A validator that cannot be kept is none: that costs one full download, no more. */
static const char *keep(struct base_buf *buf, struct base_span span)
{
	base_buf_reset(buf);
	return !span.ptr || base_buf_add_span(buf, span) ? NULL : buf->data;
}

enum base_result sqlite_feed_get(struct engine *engine, const char *url, struct engine_feed *out)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_FEED_GET, &statement);
	if (result)
		return result;
	bind_text(statement, 1, base_span_of(url));
	result = first_row(sqlite, statement);
	if (result)
		return result;
	*out = (struct engine_feed){
		.id = sqlite3_column_int64(statement, 0),
		.etag = keep(&sqlite->etag, blob_at(statement, 1)),
		.last_modified = keep(&sqlite->last_modified, blob_at(statement, 2)),
		.body = key_at(statement, 3),
		.plan = {.last_start = time_at(statement, 4),
	             .next_due = time_at(statement, 5),
	             .failures = (uint32_t)number_at(statement, 6)},
		.polled = number_at(statement, 7) != 0,
		.newest = time_at(statement, 8),
		.written = time_at(statement, 10),
	};
	if (keep(&sqlite->learned, blob_at(statement, 9)))
		out->learned = base_buf_span(&sqlite->learned);
	sqlite_polled_overlay(sqlite, out);
	sqlite3_reset(statement); /* an open reader would keep the log from being written back */
	return BASE_OK;
}

enum base_result sqlite_feed_id(struct engine *engine, const char *url, int64_t *id)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_FEED_ID, &statement);
	if (result)
		return result;
	bind_text(statement, 1, base_span_of(url));
	result = first_row(sqlite, statement);
	if (result)
		return result;
	*id = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return BASE_OK;
}

static void bind_feed(sqlite3_stmt *statement, const struct ledger_feed *feed, base_time now, bool documented)
{
	bind_text(statement, 1, base_span_of(feed->url));
	bind_blob(statement, 2, base_span_of(feed->etag));
	bind_blob(statement, 3, base_span_of(feed->last_modified));
	bind_key(statement, 4, &feed->body);
	bind_time(statement, 5, feed->plan.last_start);
	bind_time(statement, 6, feed->plan.next_due);
	bind_number(statement, 7, feed->plan.failures);
	bind_number(statement, 8, feed->polled);
	bind_time(statement, 9, feed->newest);
	bind_time(statement, 10, now);
	bind_number(statement, 11, documented);
	bind_blob(statement, 12, feed->learned);
}

/* *known: the feed has that number, and its row is changed. */
static enum base_result update_feed(struct sqlite *sqlite, const struct ledger_feed *feed, base_time now,
                                    bool documented, bool *known)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_FEED_UPDATE, &statement);
	if (result)
		return result;
	bind_feed(statement, feed, now, documented);
	sqlite3_bind_int64(statement, 13, feed->id);
	result = sqlite_run(sqlite, statement, "cannot store");
	*known = !result && sqlite3_changes(sqlite->db) > 0;
	return result;
}

enum base_result sqlite_feed_put(struct engine *engine, const struct ledger_feed *feed, base_time now, bool documented,
                                 uint64_t batch, int64_t *id)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	bool known = false;
	(void)batch; /* the answer to a commit cannot be lost here */
	enum base_result result = feed->id ? update_feed(sqlite, feed, now, documented, &known) : BASE_OK;
	if (known)
		*id = feed->id;
	if (result || known)
		return result;
	result = sqlite_prepare(sqlite, SQL_FEED_PUT, &statement);
	if (result)
		return result;
	bind_feed(statement, feed, now, documented);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		*id = sqlite3_column_int64(statement, 0);
		code = sqlite3_step(statement); /* RETURNING: the statement ends only after its rows */
	}
	if (code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot store");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

/* ---- entries ------------------------------------------------------------------------------ */

void sqlite_read_entry(sqlite3_stmt *statement, int at, struct engine_entry *out)
{
	*out = (struct engine_entry){
		.key = key_at(statement, at),
		.link_key = key_at(statement, at + 1),
		.title_key = key_at(statement, at + 2),
		.change = key_at(statement, at + 3),
		.classes = (uint32_t)number_at(statement, at + 4),
		.last_alert = number_at(statement, at + 5),
		.first_seen = time_at(statement, at + 6),
		.last_seen = time_at(statement, at + 7),
	};
}

enum base_result sqlite_entry_get(struct engine *engine, int64_t feed, const struct feed_key *key,
                                  struct engine_entry *out)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRY_GET, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	bind_key(statement, 2, key);
	result = first_row(sqlite, statement);
	if (result)
		return result;
	sqlite_read_entry(statement, 0, out);
	sqlite3_reset(statement);
	return BASE_OK;
}

enum base_result sqlite_entry_find(struct engine *engine, int64_t feed, enum engine_secondary which,
                                   const struct feed_key *key, struct engine_entry *out)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	struct engine_entry entry;
	enum base_result result =
		sqlite_prepare(sqlite, which == ENGINE_LINK_KEY ? SQL_ENTRY_BY_LINK : SQL_ENTRY_BY_TITLE, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	bind_key(statement, 2, key);
	result = first_row(sqlite, statement);
	if (result)
		return result;
	sqlite_read_entry(statement, 0, &entry);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		result = BASE_NOT_FOUND;
	else if (code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	else
		*out = entry;
	sqlite3_reset(statement);
	return result;
}

static void bind_entry(sqlite3_stmt *statement, int64_t feed, const struct engine_entry *entry)
{
	sqlite3_bind_int64(statement, 1, feed);
	bind_key(statement, 2, &entry->key);
	bind_secondary(statement, 3, &entry->link_key);
	bind_secondary(statement, 4, &entry->title_key);
	bind_key(statement, 5, &entry->change);
	bind_number(statement, 6, entry->classes);
	bind_number(statement, 7, entry->last_alert);
	bind_time(statement, 8, entry->first_seen);
	bind_time(statement, 9, entry->last_seen);
}

/* *there: an entry has that key. */
static enum base_result insert_entry(struct sqlite *sqlite, int64_t feed, const struct engine_entry *entry, bool *there)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRY_NEW, &statement);
	if (result)
		return result;
	bind_entry(statement, feed, entry);
	int code = sqlite3_step(statement);
	*there = code == SQLITE_CONSTRAINT_PRIMARYKEY;
	if (code != SQLITE_DONE && !*there)
		result = sqlite_fail(sqlite, code, "cannot store");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

enum base_result sqlite_entry_put(struct engine *engine, int64_t feed, const struct engine_entry *entry, bool fresh)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	bool there = false;
	if (fresh) {
		enum base_result inserted = insert_entry(sqlite, feed, entry, &there);
		if (inserted || !there)
			return inserted;
	}
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRY_PUT, &statement);
	if (result)
		return result;
	bind_entry(statement, feed, entry);
	return sqlite_run(sqlite, statement, "cannot store");
}

enum base_result sqlite_entry_forget(struct engine *engine, int64_t feed, const struct feed_key *key)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRY_FORGET, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	bind_key(statement, 2, key);
	return sqlite_run(sqlite, statement, "cannot store");
}

enum base_result sqlite_entry_alerted(struct engine *engine, int64_t feed, const struct feed_key *key,
                                      uint64_t sequence)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRY_ALERTED, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	bind_key(statement, 2, key);
	bind_number(statement, 3, sequence);
	return sqlite_run(sqlite, statement, "cannot store");
}

/* ---- alerts ---------------------------------------------------------------------------------- */

enum base_result sqlite_topic_get(struct engine *engine, const char *topic, uint64_t *sequence)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_TOPIC_GET, &statement);
	if (result)
		return result;
	bind_text(statement, 1, base_span_of(topic));
	result = first_row(sqlite, statement);
	if (result && result != BASE_NOT_FOUND)
		return result;
	*sequence = result ? 0 : number_at(statement, 0);
	sqlite3_reset(statement);
	return BASE_OK;
}

enum base_result sqlite_topic_put(struct engine *engine, const char *topic, uint64_t sequence)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_TOPIC_PUT, &statement);
	if (result)
		return result;
	bind_text(statement, 1, base_span_of(topic));
	bind_number(statement, 2, sequence);
	return sqlite_run(sqlite, statement, "cannot store");
}

enum base_result sqlite_alert_put(struct engine *engine, const struct engine_alert *alert)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_ALERT_PUT, &statement);
	if (result)
		return result;
	bind_number(statement, 1, alert->sequence);
	bind_text(statement, 2, alert->topic);
	bind_number(statement, 3, (uint64_t)alert->class);
	bind_time(statement, 4, alert->made);
	sqlite3_bind_int64(statement, 5, alert->feed);
	bind_key(statement, 6, alert->key);
	bind_blob(statement, 7, alert->header);
	bind_blob(statement, 8, alert->sketch);
	bind_blob(statement, 9, alert->json);
	return sqlite_run(sqlite, statement, "cannot store");
}

/* The first text that is greater than everything starting with prefix; topics are ASCII. */
static void bind_prefix(sqlite3_stmt *statement, int from, int until, struct base_span prefix, struct base_buf *end)
{
	bind_text(statement, from, prefix);
	base_buf_add_span(end, prefix.ptr ? prefix : base_span_of(""));
	base_buf_add_text(end, "\xF4\x8F\xBF\xBF"); /* U+10FFFF */
	bind_text(statement, until, base_buf_span(end));
}

static enum base_result give_messages(struct sqlite *sqlite, sqlite3_stmt *statement, size_t limit,
                                      ledger_message_fn *each, void *ctx, bool *more)
{
	enum base_result result = BASE_OK;
	size_t given = 0;
	bool others = false;
	int code;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW && !result) {
		others = given == limit;
		if (others)
			break;
		const struct ledger_message message = {
			.sequence = number_at(statement, 0),
			.topic = blob_at(statement, 1),
			.header = blob_at(statement, 2),
			.json = blob_at(statement, 3),
		};
		result = each(ctx, &message);
		given++;
	}
	if (!result && code != SQLITE_ROW && code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	if (!result)
		*more = others;
	return result;
}

enum base_result sqlite_alerts(struct engine *engine, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	struct base_buf end;
	enum base_result result = sqlite_prepare(sqlite, SQL_ALERTS, &statement);
	if (result)
		return result;
	base_buf_init(&end, ALERT_TOPIC_MAX + 8);
	if (prefix.len <= ALERT_TOPIC_MAX) {
		bind_number(statement, 1, after);
		bind_prefix(statement, 2, 3, prefix, &end);
		bind_number(statement, 4, limit < SIZE_MAX ? limit + 1 : SIZE_MAX);
		result = end.failed ? end.failed : give_messages(sqlite, statement, limit, each, ctx, more);
	} else {
		*more = false; /* no topic is that long */
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	base_buf_free(&end);
	return result;
}

enum base_result sqlite_oldest(struct engine *engine, uint64_t *sequence)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_OLDEST, &statement);
	if (!result)
		result = first_row(sqlite, statement);
	if (result)
		return result;
	*sequence = number_at(statement, 0);
	sqlite3_reset(statement);
	return BASE_OK;
}

enum base_result sqlite_sketches(struct engine *engine, base_time since, ledger_sketch_fn *each, void *ctx)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_SKETCHES, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, since);
	int code = SQLITE_DONE;
	while (!result && (code = sqlite3_step(statement)) == SQLITE_ROW)
		result = each(ctx, blob_at(statement, 0));
	if (!result && code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	sqlite3_reset(statement);
	return result;
}
