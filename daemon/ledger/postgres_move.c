/* A ledger in PostgreSQL, whole: every row out by a cursor in the order of its key, and in again by arrays. */
#include "postgres.h"

#include <stdlib.h>

#define PATIENCE (15 * BASE_MINUTE) /* counting or sorting ten million rows takes its time */
#define FETCHED "500"
#define ROWS_AT_ONCE 500
#define BYTES_AT_ONCE ((size_t)1 << 20)

#define FEED "id, url, etag, last_modified, body, last_start, next_due, failures, polled, newest, documented, updated, learned"
#define ENTRY "feed, key, link_key, title_key, change, classes, last_alert, first_seen, last_seen"
#define ALERT "sequence, topic, class, made, feed, key, header, sketch, json"
#define WALK(name) "DECLARE walk_" name " NO SCROLL CURSOR FOR "
#define FETCH(name) "FETCH " FETCHED " FROM walk_" name

static const struct move_statements {
	struct postgres_statement count, walk, fetch, load;
} statements[ENGINE_TABLES] = {
	[ENGINE_FEED] =
		{
			{"move_count_feed", "SELECT count(*) FROM feed"},
			/* With the polls that brought nothing, which have rows of their own. */
			{"move_walk_feed",
             WALK("feed") "WITH noted AS (SELECT q.feed, max(ARRAY[p.made - q.asked * 1000::bigint,"
                          " p.made + q.due * 1000::bigint]) AS times FROM polled p CROSS JOIN LATERAL"
                          " unnest(p.feed, p.asked, p.due) AS q(feed, asked, due) GROUP BY q.feed)"
                          " SELECT id, url, etag, last_modified, body,"
                          " CASE WHEN times[1] > coalesce(last_start, times[1] - 1) THEN times[1] ELSE last_start END,"
                          " CASE WHEN times[1] > coalesce(last_start, times[1] - 1) THEN times[2] ELSE next_due END,"
                          " failures, polled::integer, newest, documented, greatest(updated, times[1]), learned"
                          " FROM feed LEFT JOIN noted ON noted.feed = feed.id ORDER BY id"},
			{"move_fetch_feed", FETCH("feed")},
			{"move_load_feed",
             "INSERT INTO feed(" FEED ", batch) SELECT id, url, etag, last_modified, body, last_start, next_due, failures,"
             " polled <> 0, newest, documented, updated, learned, 0"
             " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS t(" FEED ")"},
		},
	[ENGINE_ENTRY] =
		{
			{"move_count_entry", "SELECT count(*) FROM entry"},
			{"move_walk_entry", WALK("entry") "SELECT " ENTRY " FROM entry ORDER BY feed, key"},
			{"move_fetch_entry", FETCH("entry")},
			{"move_load_entry", "INSERT INTO entry(" ENTRY ") SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)"},
		},
	[ENGINE_TOPIC] =
		{
			{"move_count_topic", "SELECT count(*) FROM topic"},
			{"move_walk_topic", WALK("topic") "SELECT name, sequence FROM topic ORDER BY name"},
			{"move_fetch_topic", FETCH("topic")},
			{"move_load_topic", "INSERT INTO topic(name, sequence) SELECT * FROM unnest($1, $2)"},
		},
	[ENGINE_ALERT] =
		{
			{"move_count_alert", "SELECT count(*) FROM alert"},
			{"move_walk_alert", WALK("alert") "SELECT " ALERT " FROM alert ORDER BY sequence"},
			{"move_fetch_alert", FETCH("alert")},
			{"move_load_alert", "INSERT INTO alert(" ALERT ") SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)"},
		},
	[ENGINE_STATE] =
		{
			{"move_count_state", "SELECT count(*) FROM state"},
			/* What one of the nodes that took part last may not have published yet is to be published by whoever goes on. */
			{"move_walk_state",
             WALK("state") "SELECT epoch, sequence, least(sequence, coalesce((SELECT min(n.published) FROM node n WHERE"
                           " n.renewed > (SELECT max(renewed) FROM node) - 3600000000), published)) FROM state"},
			{"move_fetch_state", FETCH("state")},
			{"move_load_state", "INSERT INTO state(id, epoch, sequence, published) SELECT 1, * FROM unnest($1, $2, $3)"},
		},
};

/* ---- before and after -------------------------------------------------------------------- */

static enum base_result took_living(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	if (!PQntuples(result))
		return BASE_OK;
	struct base_span name = postgres_span_at(result, 0, 0);
	return base_fail(&postgres->engine.reason, BASE_BUSY,
	                 "ledger %s is in use by the node %.*s: stop it, or if it is gone, wait %lld s", postgres->shown,
	                 (int)name.len, name.ptr, (long long)(postgres_number_at(result, 0, 1) / BASE_SECOND + 1));
}

/*
 * No node can join or commit while the table of nodes is locked. All that is read is as it was when we began. Our own work
 * may take long without a word from either side, and joins many rows at once, so a daemon's timeouts and plans are not for it.
 */
static enum base_result hold(struct engine *engine)
{
	static const struct postgres_statement steps[] = {
		{"move_isolation", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
		{"move_lock", "LOCK TABLE node IN EXCLUSIVE MODE"},
		{"move_settings", "SELECT set_config('idle_in_transaction_session_timeout', '0', true),"
						  " set_config('enable_hashjoin', 'on', true), set_config('enable_seqscan', 'on', true),"
						  " set_config('enable_sort', 'off', true)"},
	};
	static const struct postgres_statement living = {
		"move_living", "SELECT name, until - t.now FROM node, (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
					   " AS now) AS t WHERE state = 0 AND until > t.now ORDER BY until DESC LIMIT 1"};
	struct postgres *postgres = postgres_of(engine);
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < sizeof steps / sizeof *steps; i++)
		result = postgres_send(postgres, &steps[i], NULL, "cannot keep the nodes out", NULL, NULL);
	if (!result)
		result = postgres_query(postgres, &living, NULL, "cannot look for nodes", took_living, NULL);
	postgres->patience = PATIENCE; /* not for the way there */
	return result;
}

static enum base_result took_count(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)postgres;
	*(uint64_t *)ctx = (uint64_t)postgres_number_at(result, 0, 0);
	return BASE_OK;
}

static enum base_result count(struct engine *engine, enum engine_table table, uint64_t *rows)
{
	return postgres_query(postgres_of(engine), &statements[table].count, NULL, "cannot read", took_count, rows);
}

/* And the nodes that were: how far they published is about other alerts. */
static enum base_result state_forget(struct engine *engine)
{
	static const struct postgres_statement steps[] = {
		{"move_forget_state", "DELETE FROM state"},
		{"move_forget_lists", "DELETE FROM listing"},
		{"move_forget_leases", "DELETE FROM lease"},
		{"move_forget_nodes", "DELETE FROM node"},
	};
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < sizeof steps / sizeof *steps; i++)
		result = postgres_query(postgres_of(engine), &steps[i], NULL, "cannot store", NULL, NULL);
	return result;
}

/* ---- out ------------------------------------------------------------------------------------ */

struct walk {
	const struct engine_shape *shape;
	engine_row_fn *each;
	void *ctx;
	int rows; /* in the last piece */
};

static enum base_result took_rows(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct walk *walk = ctx;
	struct engine_cell cells[ENGINE_CELLS_MAX];
	enum base_result taken = BASE_OK;
	(void)postgres;
	walk->rows = PQntuples(result);
	for (int row = 0; !taken && row < walk->rows; row++) {
		for (int i = 0; i < (int)walk->shape->count; i++) {
			cells[i] = (struct engine_cell){.given = !PQgetisnull(result, row, i)};
			if (walk->shape->kinds[i] == ENGINE_NUMBER)
				cells[i].number = postgres_number_at(result, row, i);
			else
				cells[i].bytes = postgres_span_at(result, row, i);
		}
		taken = walk->each(walk->ctx, cells);
	}
	return taken;
}

static enum base_result walk(struct engine *engine, enum engine_table table, engine_row_fn *each, void *ctx)
{
	struct postgres *postgres = postgres_of(engine);
	struct walk walk = {.shape = &engine_shapes[table], .each = each, .ctx = ctx, .rows = 1};
	enum base_result result = postgres_query(postgres, &statements[table].walk, NULL, "cannot read", NULL, NULL);
	while (!result && walk.rows)
		result = postgres_query(postgres, &statements[table].fetch, NULL, "cannot read", took_rows, &walk);
	return result;
}

/* ---- in --------------------------------------------------------------------------------------- */

struct postgres_load { /* a piece of a table, column by column */
	enum engine_table table;
	struct postgres_array columns[ENGINE_CELLS_MAX];
	size_t bytes;
};

static void empty(struct postgres_load *load)
{
	const struct engine_shape *shape = &engine_shapes[load->table];
	for (size_t i = 0; i < ENGINE_CELLS_MAX; i++)
		postgres_array_free(&load->columns[i]);
	for (size_t i = 0; i < shape->count; i++) {
		if (shape->kinds[i] == ENGINE_NUMBER)
			postgres_numbers(&load->columns[i]);
		else if (shape->kinds[i] == ENGINE_TEXT)
			postgres_texts(&load->columns[i]);
		else
			postgres_byte_rows(&load->columns[i]);
	}
	load->bytes = 0;
}

void postgres_load_free(struct postgres_load *load)
{
	for (size_t i = 0; load && i < ENGINE_CELLS_MAX; i++)
		postgres_array_free(&load->columns[i]);
	free(load);
}

/* Send the rows gathered and wait for them, so that there is never more than one piece of them. */
static enum base_result flush(struct postgres *postgres)
{
	struct postgres_load *load = postgres->load;
	struct postgres_params params = {0};
	if (!load->columns[0].count)
		return BASE_OK;
	for (size_t i = 0; i < engine_shapes[load->table].count; i++)
		postgres_add_array(&params, &load->columns[i]);
	enum base_result result =
		postgres_query(postgres, &statements[load->table].load, &params, "cannot store", NULL, NULL);
	empty(load);
	return result;
}

static enum base_result load_begin(struct engine *engine, enum engine_table table)
{
	struct postgres *postgres = postgres_of(engine);
	if (!postgres->load)
		postgres->load = calloc(1, sizeof *postgres->load);
	if (!postgres->load)
		return base_fail(&engine->reason, BASE_NO_MEMORY, "ledger: out of memory");
	postgres->load->table = table;
	empty(postgres->load);
	return BASE_OK;
}

static enum base_result load(struct engine *engine, const struct engine_cell *cells)
{
	struct postgres_load *load = postgres_of(engine)->load;
	const struct engine_shape *shape = &engine_shapes[load->table];
	for (size_t i = 0; i < shape->count; i++) {
		if (!cells[i].given)
			postgres_push(&load->columns[i], BASE_NONE);
		else if (shape->kinds[i] == ENGINE_NUMBER)
			postgres_push_number(&load->columns[i], cells[i].number);
		else
			postgres_push(&load->columns[i], cells[i].bytes);
		load->bytes += cells[i].bytes.len;
	}
	bool full = load->columns[0].count == ROWS_AT_ONCE || load->bytes >= BYTES_AT_ONCE;
	return full ? flush(postgres_of(engine)) : BASE_OK;
}

/* Numbers of feeds go on behind the highest; and the planner hears at once how large the tables are. */
static enum base_result load_end(struct engine *engine)
{
	static const struct postgres_statement numbers = {
		"move_numbers", "SELECT setval('feed_block', (coalesce(max(id), 0) + 63) / 64 * 64 + 1, false) FROM feed"};
	static const struct postgres_statement analyze[ENGINE_TABLES] = {
		[ENGINE_FEED] = {"move_analyze_feed", "ANALYZE feed"},
		[ENGINE_ENTRY] = {"move_analyze_entry", "ANALYZE entry"},
		[ENGINE_TOPIC] = {"move_analyze_topic", "ANALYZE topic"},
		[ENGINE_ALERT] = {"move_analyze_alert", "ANALYZE alert"},
		[ENGINE_STATE] = {"move_analyze_state", "ANALYZE state"},
	};
	struct postgres *postgres = postgres_of(engine);
	enum base_result result = flush(postgres);
	if (!result && postgres->load->table == ENGINE_FEED)
		result = postgres_query(postgres, &numbers, NULL, "cannot store", NULL, NULL);
	if (!result)
		result = postgres_query(postgres, &analyze[postgres->load->table], NULL, "cannot store", NULL, NULL);
	return result;
}

const struct engine_move_ops postgres_move = {
	.find = postgres_find,
	.hold = hold,
	.count = count,
	.walk = walk,
	.state_forget = state_forget,
	.load_begin = load_begin,
	.load = load,
	.load_end = load_end,
};
