/* Entries by their keys, many in one statement. */
#include "sqlite.h"

#define PIECE 32 /* keys of one statement */
/* So many cost less one by one: the statement goes through all of its PIECE places, given or not. */
#define FEW 3

/*
 * The keys are rows of a table that is never made: for each SQLite seeks in the one cursor that it has opened. That is
 * half the price of 30 statements, and two thirds of that of "key IN (...)", which sorts the keys first.
 */
const char sqlite_entries_text[] =
	"SELECT k.column1, e.key, e.link_key, e.title_key, e.change, e.classes, e.last_alert, e.first_seen, e.last_seen"
	" FROM (VALUES(0, ?1), (1, ?2), (2, ?3), (3, ?4), (4, ?5), (5, ?6), (6, ?7), (7, ?8), (8, ?9), (9, ?10), (10, ?11),"
	" (11, ?12), (12, ?13), (13, ?14), (14, ?15), (15, ?16), (16, ?17), (17, ?18), (18, ?19), (19, ?20), (20, ?21),"
	" (21, ?22), (22, ?23), (23, ?24), (24, ?25), (25, ?26), (26, ?27), (27, ?28), (28, ?29), (29, ?30), (30, ?31),"
	" (31, ?32)) AS k CROSS JOIN entry AS e ON e.feed = ?33 AND e.key = k.column2";

static const struct feed_key *key_of(const struct engine_want *want, size_t i)
{
	return (const struct feed_key *)(const void *)((const char *)want->keys + i * want->stride);
}

static enum base_result get_one(struct engine *engine, int64_t feed, const struct engine_want *want, size_t i,
                                engine_entry_fn *each, void *ctx)
{
	struct engine_entry entry;
	enum base_result result = sqlite_entry_get(engine, feed, key_of(want, i), &entry);
	if (result)
		return result == BASE_NOT_FOUND ? BASE_OK : result;
	each(ctx, i, &entry);
	return BASE_OK;
}

/* Those from `first` on, PIECE at most. */
static enum base_result get_piece(struct engine *engine, int64_t feed, const struct engine_want *want, size_t first,
                                  size_t count, engine_entry_fn *each, void *ctx)
{
	struct sqlite *sqlite = (struct sqlite *)(void *)engine;
	sqlite3_stmt *statement;
	int code;
	enum base_result result = sqlite_prepare(sqlite, SQL_ENTRIES_GET, &statement);
	if (result)
		return result;
	for (size_t i = 0; i < count; i++)
		sqlite3_bind_blob(statement, (int)i + 1, key_of(want, first + i)->bytes, FEED_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(statement, PIECE + 1, feed);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct engine_entry entry;
		sqlite_read_entry(statement, 1, &entry);
		each(ctx, first + (size_t)sqlite3_column_int64(statement, 0), &entry);
	}
	if (code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement); /* the next piece may be a smaller one: without a key, nothing is found */
	return result;
}

enum base_result sqlite_entries_get(struct engine *engine, int64_t feed, const struct engine_want *want,
                                    engine_entry_fn *each, void *ctx)
{
	enum base_result result = BASE_OK;
	size_t i = 0;
	while (!result && want->count - i > FEW) {
		size_t count = want->count - i < PIECE ? want->count - i : PIECE;
		result = get_piece(engine, feed, want, i, count, each, ctx);
		i += count;
	}
	for (; !result && i < want->count; i++)
		result = get_one(engine, feed, want, i, each, ctx);
	return result;
}
