/* What keeps the database small: polls that brought nothing in one row, and pruning in bounded pieces. */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_A_PIECE 500
#define FEEDS_A_PIECE 50
/* Of one feed, in case it shows ever new ones; what still appears stays all the same. */
#define FEED_ENTRIES_MAX 50000
#define MS (BASE_SECOND / 1000)
#define POLL_ROWS_A_PIECE 500

/* ---- polls ----------------------------------------------------------------------------- */

static int64_t ms_from(base_time from, base_time until)
{
	return from == BASE_TIME_NONE || until == BASE_TIME_NONE ? 0 : (until - from) / MS;
}

enum base_result postgres_polls_put(struct engine *engine, const struct engine_poll *polls, size_t count, base_time now)
{
	static const struct postgres_statement statement = {
		"polls_put", "INSERT INTO polled(made, feed, asked, due) VALUES($1, $2::bigint[], $3::integer[], $4::integer[])"};
	struct postgres_params params = {0};
	struct postgres_array feeds, asked, due;
	if (!count)
		return BASE_OK;
	postgres_numbers(&feeds);
	postgres_short_numbers(&asked);
	postgres_short_numbers(&due);
	for (size_t i = 0; i < count; i++) {
		postgres_push_number(&feeds, polls[i].feed);
		postgres_push_short(&asked, ms_from(polls[i].last_start, now));
		postgres_push_short(&due, ms_from(now, polls[i].next_due));
	}
	postgres_add_time(&params, now);
	postgres_add_array(&params, &feeds);
	postgres_add_array(&params, &asked);
	postgres_add_array(&params, &due);
	enum base_result result =
		postgres_query(postgres_of(engine), &statement, &params, "cannot note polls", NULL, NULL);
	postgres_array_free(&feeds);
	postgres_array_free(&asked);
	postgres_array_free(&due);
	return result;
}

/* ---- pruning ----------------------------------------------------------------------------- */

struct pruning {
	bool mine;                             /* no other node is at it */
	size_t alerts, polls, entries, flood;  /* rows dropped */
	size_t feeds;                          /* looked at */
	int64_t last;                          /* the last of them */
};

static enum base_result took_lock(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)postgres;
	*(bool *)ctx = PQntuples(result) == 1 && postgres_number_at(result, 0, 0);
	return BASE_OK;
}

static enum base_result took_count(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)postgres;
	*(size_t *)ctx = PQntuples(result) ? (size_t)postgres_number_at(result, 0, 0) : 0;
	return BASE_OK;
}

static enum base_result took_feeds(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct pruning *pruning = ctx;
	(void)postgres;
	pruning->feeds = (size_t)postgres_number_at(result, 0, 0);
	pruning->last = postgres_number_at(result, 0, 1);
	return BASE_OK;
}

static enum base_result prune_alerts(struct postgres *postgres, const struct engine_prune *prune, size_t *rows)
{
	static const struct postgres_statement statement = {
		"prune_alerts", "WITH gone AS (DELETE FROM alert WHERE sequence IN (SELECT sequence FROM alert WHERE made < $1"
						" AND sequence <= $2 ORDER BY made LIMIT $3) RETURNING 1) SELECT count(*) FROM gone"};
	struct postgres_params params = {0};
	postgres_add_number(&params, prune->alerts_before);
	postgres_add_number(&params, (int64_t)prune->published);
	postgres_add_number(&params, ROWS_A_PIECE);
	return postgres_send(postgres, &statement, &params, "cannot drop old alerts", took_count, rows);
}

static enum base_result prune_polls(struct postgres *postgres, base_time now, size_t *rows)
{
	static const struct postgres_statement statement = {
		"prune_polls", "WITH gone AS (DELETE FROM polled WHERE id IN (SELECT id FROM polled WHERE made < $1 LIMIT $2)"
					   " RETURNING 1) SELECT count(*) FROM gone"};
	struct postgres_params params = {0};
	postgres_add_number(&params, now - LEDGER_POLLS_KEPT);
	postgres_add_number(&params, POLL_ROWS_A_PIECE);
	return postgres_send(postgres, &statement, &params, "cannot drop old polls", took_count, rows);
}

#define PIECE "(SELECT id, documented, updated FROM feed WHERE id > $1 ORDER BY id LIMIT $2)"

/*
 * An entry's age counts up to the feed's last document, not up to now: while
 * a feed answers "not modified" for months, its entries still appear in it.
 * Only a feed that is not polled any more is forgotten as a whole. An entry
 * that is seen again meanwhile stays: its own row is looked at once more.
 */
static enum base_result prune_entries(struct postgres *postgres, const struct engine_prune *prune, size_t *rows)
{
	static const struct postgres_statement statement = {
		"prune_entries",
		"WITH old AS (SELECT e.feed, e.key, p.until FROM (SELECT id, CASE WHEN updated < $3 THEN $5 ELSE documented - $4 END"
		" AS until FROM " PIECE " AS q) AS p CROSS JOIN LATERAL (SELECT feed, key FROM entry WHERE feed = p.id"
		" AND last_seen < p.until LIMIT $6) AS e LIMIT $6),"
		" gone AS (DELETE FROM entry USING old WHERE entry.feed = old.feed AND entry.key = old.key"
		" AND entry.last_seen < old.until RETURNING 1) SELECT count(*) FROM gone"};
	struct postgres_params params = {0};
	postgres_add_number(&params, postgres->prune_cursor);
	postgres_add_number(&params, FEEDS_A_PIECE);
	postgres_add_number(&params, prune->polled_before);
	postgres_add_number(&params, prune->entries_unseen);
	postgres_add_number(&params, INT64_MAX);
	postgres_add_number(&params, ROWS_A_PIECE);
	return postgres_send(postgres, &statement, &params, "cannot drop old entries", took_count, rows);
}

/* The oldest of too many entries, but none seen within two days of the last document. */
static enum base_result prune_flood(struct postgres *postgres, size_t *rows)
{
	static const struct postgres_statement statement = {
		"prune_flood",
		"WITH old AS (SELECT e.feed, e.key, p.documented - $4 AS until FROM " PIECE " AS p CROSS JOIN LATERAL"
		" (SELECT count(*) AS entries FROM entry WHERE feed = p.id) AS c CROSS JOIN LATERAL (SELECT feed, key FROM entry"
		" WHERE c.entries > $3 AND feed = p.id AND last_seen < p.documented - $4 ORDER BY last_seen LIMIT $5) AS e LIMIT $5),"
		" gone AS (DELETE FROM entry USING old WHERE entry.feed = old.feed AND entry.key = old.key"
		" AND entry.last_seen < old.until RETURNING 1) SELECT count(*) FROM gone"};
	struct postgres_params params = {0};
	postgres_add_number(&params, postgres->prune_cursor);
	postgres_add_number(&params, FEEDS_A_PIECE);
	postgres_add_number(&params, FEED_ENTRIES_MAX);
	postgres_add_number(&params, 2 * BASE_DAY);
	postgres_add_number(&params, ROWS_A_PIECE);
	return postgres_send(postgres, &statement, &params, "cannot drop old entries", took_count, rows);
}

static enum base_result prune_feeds(struct postgres *postgres, const struct engine_prune *prune,
                                    struct pruning *pruning)
{
	static const struct postgres_statement look = {"prune_look",
	                                               "SELECT count(*), coalesce(max(id), 0) FROM " PIECE " AS p"};
	static const struct postgres_statement drop = {
		"prune_feeds", "DELETE FROM feed WHERE id IN (SELECT id FROM " PIECE " AS p) AND updated < $3"
					   " AND NOT EXISTS (SELECT 1 FROM entry WHERE entry.feed = feed.id)"
					   " AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.feed = feed.id)"};
	struct postgres_params params = {0};
	postgres_add_number(&params, postgres->prune_cursor);
	postgres_add_number(&params, FEEDS_A_PIECE);
	enum base_result result =
		postgres_send(postgres, &look, &params, "cannot drop old feeds", took_feeds, pruning);
	postgres_add_number(&params, prune->polled_before);
	return result ? result : postgres_send(postgres, &drop, &params, "cannot drop old feeds", NULL, NULL);
}

static enum base_result prune_piece(struct postgres *postgres, const struct engine_prune *prune,
                                    struct pruning *pruning)
{
	static const struct postgres_statement lock = {
		"prune_lock", "SELECT pg_try_advisory_xact_lock($1::integer, hashtext(current_setting('search_path')))"};
	struct postgres_params params = {0};
	postgres_add_number(&params, POSTGRES_LOCK_PRUNE);
	enum base_result result =
		postgres_query(postgres, &lock, &params, "cannot drop old rows", took_lock, &pruning->mine);
	if (result || !pruning->mine)
		return result;
	result = prune_alerts(postgres, prune, &pruning->alerts);
	if (!result)
		result = prune_polls(postgres, prune->now, &pruning->polls);
	if (!result)
		result = prune_entries(postgres, prune, &pruning->entries);
	if (!result)
		result = prune_flood(postgres, &pruning->flood);
	return result ? result : prune_feeds(postgres, prune, pruning);
}

enum base_result postgres_prune(struct engine *engine, const struct engine_prune *prune, bool *more)
{
	struct postgres *postgres = postgres_of(engine);
	struct pruning pruning = {.mine = false};
	enum base_result result = engine->ops->begin(engine);
	if (result)
		return result;
	result = prune_piece(postgres, prune, &pruning);
	if (!result)
		result = engine->ops->commit(engine);
	if (result) {
		engine->ops->rollback(engine);
		return result;
	}
	bool same = pruning.entries == ROWS_A_PIECE || pruning.flood == ROWS_A_PIECE;
	bool end = pruning.feeds < FEEDS_A_PIECE;
	if (pruning.mine && !same)
		postgres->prune_cursor = end ? 0 : pruning.last;
	*more = pruning.mine &&
	        (same || !end || pruning.alerts == ROWS_A_PIECE || pruning.polls == POLL_ROWS_A_PIECE);
	return BASE_OK;
}
