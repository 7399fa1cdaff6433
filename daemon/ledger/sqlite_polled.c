/*
 * When feeds were polled that brought nothing. Of each call one row is kept:
 * polls as three numbers of seven bits a byte, the last with the high bit
 * clear: the feed, how many ms before the row was made it was asked, and how
 * many ms after that it is due. The latest of each feed are in memory too.
 */
#include "sqlite.h"

#include <stdlib.h>

#define MS (BASE_SECOND / 1000)
#define NUMBER_MAX 10 /* bytes of a number */
#define ROW_MAX ((size_t)16 << 20)
#define AHEAD_MAX BASE_HOUR /* rows made later than that were made before the clock was set back */

static struct sqlite *of(struct engine *engine)
{
	return (struct sqlite *)(void *)engine;
}

/* ---- the latest of each feed ------------------------------------------------------------- */

/* The feed's place, or the free one it would take. */
static struct engine_poll *place_of(const struct polled *polled, int64_t feed)
{
	/* Numbers of feeds are given in order: spread, they still collide little. */
	size_t at = (size_t)((uint64_t)feed * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (polled->cap - 1);
	while (polled->places[at].feed && polled->places[at].feed != feed)
		at = (at + 1) & (polled->cap - 1);
	return &polled->places[at];
}

static enum base_result make_room(struct polled *polled)
{
	if (polled->count * 2 < polled->cap)
		return BASE_OK;
	struct polled wider = {.count = polled->count, .cap = polled->cap ? polled->cap * 2 : 256};
	wider.places = calloc(wider.cap, sizeof *wider.places);
	if (!wider.places)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < polled->cap; i++)
		if (polled->places[i].feed)
			*place_of(&wider, polled->places[i].feed) = polled->places[i];
	free(polled->places);
	*polled = wider;
	return BASE_OK;
}

static enum base_result note(struct polled *polled, const struct engine_poll *poll)
{
	enum base_result result = make_room(polled);
	if (result)
		return result;
	struct engine_poll *place = place_of(polled, poll->feed);
	polled->count += !place->feed;
	*place = *poll;
	return BASE_OK;
}

void sqlite_polled_overlay(const struct sqlite *sqlite, struct engine_feed *feed)
{
	const struct engine_poll *poll = sqlite->polled.cap ? place_of(&sqlite->polled, feed->id) : NULL;
	/* BASE_TIME_NONE is less than any time. */
	if (!poll || !poll->feed || poll->last_start <= feed->plan.last_start)
		return;
	feed->plan.last_start = poll->last_start;
	feed->plan.next_due = poll->next_due;
}

void sqlite_polled_free(struct sqlite *sqlite)
{
	free(sqlite->polled.places);
	sqlite->polled = (struct polled){0};
}

/* ---- a row ----------------------------------------------------------------------------------- */

static void add_number(struct base_buf *out, uint64_t number)
{
	char bytes[NUMBER_MAX];
	size_t len = 0;
	for (; number > 0x7F; number >>= 7)
		bytes[len++] = (char)(number | 0x80);
	bytes[len++] = (char)number;
	base_buf_add(out, bytes, len);
}

static bool read_number(struct base_span *in, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; in->len && shift < 63; shift += 7) {
		uint8_t byte = (uint8_t)*in->ptr++;
		in->len--;
		*out |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Rounded so that a feed is not asked sooner for it. */
static uint64_t whole_ms(base_time span)
{
	return span > 0 ? (uint64_t)((span + MS - 1) / MS) : 0;
}

static enum base_result write_row(struct base_buf *out, const struct engine_poll *polls, size_t count, base_time made)
{
	for (size_t i = 0; i < count; i++) {
		base_time before = made - polls[i].last_start;
		add_number(out, (uint64_t)polls[i].feed);
		add_number(out, before > 0 ? (uint64_t)(before / MS) : 0);
		add_number(out, whole_ms(polls[i].next_due - polls[i].last_start));
	}
	return out->failed;
}

static enum base_result read_row(struct polled *polled, struct base_span row, base_time made)
{
	uint64_t feed, before, wait;
	while (read_number(&row, &feed) && read_number(&row, &before) && read_number(&row, &wait)) {
		const uint64_t most = (uint64_t)(366 * BASE_DAY / MS);
		if (!feed || feed > INT64_MAX || before > most || wait > most)
			return BASE_OK; /* nonsense: the feeds' rows say when they were polled */
		base_time start = made - (base_time)before * MS;
		struct engine_poll poll = {(int64_t)feed, start, start + (base_time)wait * MS};
		enum base_result result = note(polled, &poll);
		if (result)
			return result;
	}
	return BASE_OK;
}

enum base_result sqlite_polled_load(struct sqlite *sqlite)
{
	sqlite3_stmt *statement = NULL;
	enum base_result result = BASE_OK;
	int code = sqlite3_prepare_v2(sqlite->db, "SELECT made, polls FROM polled ORDER BY id", -1, &statement, NULL);
	while (!code && !result && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *bytes = sqlite3_column_blob(statement, 1);
		struct base_span row = {bytes, (size_t)sqlite3_column_bytes(statement, 1)};
		base_time made = sqlite3_column_int64(statement, 0);
		const base_time most = (base_time)8000 * 366 * BASE_DAY;
		if (bytes && made > 0 && made < most)
			result = read_row(&sqlite->polled, row, made);
		code = SQLITE_OK;
	}
	if (!result && code && code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	else if (result)
		(void)base_fail(&sqlite->engine.reason, result, "ledger: %s", base_result_text(result));
	sqlite3_finalize(statement);
	return result;
}

/* ---- in and out --------------------------------------------------------------------------------- */

static enum base_result insert(struct sqlite *sqlite, struct base_span row, base_time made)
{
	struct engine *engine = &sqlite->engine;
	sqlite3_stmt *statement;
	enum base_result result = engine->ops->begin(engine);
	if (result)
		return result;
	result = sqlite_prepare(sqlite, SQL_POLLED_PUT, &statement);
	if (!result) {
		sqlite3_bind_int64(statement, 1, made);
		sqlite3_bind_blob64(statement, 2, row.ptr, row.len, SQLITE_STATIC);
		result = sqlite_run(sqlite, statement, "cannot store");
	}
	if (!result)
		result = engine->ops->commit(engine);
	if (result)
		engine->ops->rollback(engine);
	return result;
}

enum base_result sqlite_polls_put(struct engine *engine, const struct engine_poll *polls, size_t count, base_time now)
{
	struct sqlite *sqlite = of(engine);
	struct base_buf row;
	base_buf_init(&row, ROW_MAX);
	enum base_result result = write_row(&row, polls, count, now);
	if (result)
		(void)base_fail(&engine->reason, result, "ledger: %s", base_result_text(result));
	else
		result = insert(sqlite, base_buf_span(&row), now);
	base_buf_free(&row);
	for (size_t i = 0; !result && i < count; i++)
		(void)note(&sqlite->polled, &polls[i]); /* without memory the feed's row is what is known, up to a restart */
	if (!result)
		engine->ops->settle(engine);
	return result;
}

enum base_result sqlite_polled_prune(struct sqlite *sqlite, base_time now, int most, int *rows)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_POLLED, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, now - LEDGER_POLLS_KEPT);
	sqlite3_bind_int64(statement, 2, now + AHEAD_MAX);
	sqlite3_bind_int(statement, 3, most);
	result = sqlite_run(sqlite, statement, "cannot drop old polls");
	if (!result)
		*rows += sqlite3_changes(sqlite->db);
	return result;
}
