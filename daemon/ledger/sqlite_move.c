/* A ledger in SQLite, whole: every row out in the order of its key, and in again. */
#include "sqlite.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FEED "id, url, etag, last_modified, body, last_start, next_due, failures, polled, newest, documented, updated, learned"
#define ENTRY "feed, key, link_key, title_key, change, classes, last_alert, first_seen, last_seen"
#define ALERT "sequence, topic, class, made, feed, key, header, sketch, json"

static const struct move_text {
	const char *walk, *count, *load;
} texts[ENGINE_TABLES] = {
	[ENGINE_FEED] = {"SELECT " FEED " FROM feed ORDER BY id", "SELECT count(*) FROM feed",
                     "INSERT INTO feed(" FEED ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
	[ENGINE_ENTRY] = {"SELECT " ENTRY " FROM entry ORDER BY feed, key", "SELECT count(*) FROM entry",
                      "INSERT INTO entry(" ENTRY ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
	[ENGINE_TOPIC] = {"SELECT name, sequence FROM topic ORDER BY name", "SELECT count(*) FROM topic",
                      "INSERT INTO topic(name, sequence) VALUES(?1, ?2)"},
	[ENGINE_ALERT] = {"SELECT " ALERT " FROM alert ORDER BY sequence", "SELECT count(*) FROM alert",
                      "INSERT INTO alert(" ALERT ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
	[ENGINE_STATE] = {"SELECT epoch, sequence, published FROM state", "SELECT count(*) FROM state",
                      "INSERT INTO state(id, epoch, sequence, published) VALUES(1, ?1, ?2, ?3)"},
};

static struct sqlite *of(struct engine *engine)
{
	return (struct sqlite *)(void *)engine;
}

static enum base_result find(const char *where, struct base_error *err)
{
	struct stat info;
	if (stat(where, &info) && errno != ENOENT && errno != ENOTDIR)
		return base_fail(err, BASE_IO, "ledger %s: %s", where, strerror(errno));
	if (stat(where, &info) || !info.st_size)
		return base_fail(err, BASE_NOT_FOUND, "there is no ledger %s", where);
	return BASE_OK;
}

/* The lock that opening took keeps every other process out. */
static enum base_result hold(struct engine *engine)
{
	(void)engine;
	return BASE_OK;
}

/* A statement of our own: these run once, and are not kept. */
static enum base_result prepare(struct sqlite *sqlite, const char *text, sqlite3_stmt **out)
{
	int code = sqlite3_prepare_v2(sqlite->db, text, -1, out, NULL);
	return code ? sqlite_fail(sqlite, code, "cannot prepare") : BASE_OK;
}

static enum base_result count(struct engine *engine, enum engine_table table, uint64_t *rows)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_stmt *statement = NULL;
	enum base_result result = prepare(sqlite, texts[table].count, &statement);
	if (result)
		return result;
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*rows = (uint64_t)sqlite3_column_int64(statement, 0);
	else
		result = sqlite_fail(sqlite, code, "cannot read");
	sqlite3_finalize(statement);
	return result;
}

static struct engine_cell cell_at(sqlite3_stmt *statement, int at, enum engine_kind kind)
{
	struct engine_cell cell = {.given = sqlite3_column_type(statement, at) != SQLITE_NULL};
	if (cell.given && kind == ENGINE_NUMBER) {
		cell.number = sqlite3_column_int64(statement, at);
	} else if (cell.given) {
		const char *bytes = sqlite3_column_blob(statement, at);
		cell.bytes = (struct base_span){bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, at)};
	}
	return cell;
}

static void put_time(struct engine_cell *cell, base_time time)
{
	*cell = (struct engine_cell){.given = time != BASE_TIME_NONE, .number = time};
}

/* With the polls that brought nothing, which have rows of their own. */
static void add_noted(const struct sqlite *sqlite, struct engine_cell *cells)
{
	enum { ID, LAST_START = 5, NEXT_DUE = 6, UPDATED = 11 };
	struct engine_feed feed = {.id = cells[ID].number};
	feed.plan.last_start = cells[LAST_START].given ? cells[LAST_START].number : BASE_TIME_NONE;
	feed.plan.next_due = cells[NEXT_DUE].given ? cells[NEXT_DUE].number : BASE_TIME_NONE;
	const base_time before = feed.plan.last_start;
	sqlite_polled_overlay(sqlite, &feed);
	if (feed.plan.last_start == before)
		return;
	put_time(&cells[LAST_START], feed.plan.last_start);
	put_time(&cells[NEXT_DUE], feed.plan.next_due);
	if (feed.plan.last_start > cells[UPDATED].number)
		cells[UPDATED].number = feed.plan.last_start;
}

static enum base_result walk(struct engine *engine, enum engine_table table, engine_row_fn *each, void *ctx)
{
	struct sqlite *sqlite = of(engine);
	const struct engine_shape *shape = &engine_shapes[table];
	struct engine_cell cells[ENGINE_CELLS_MAX];
	sqlite3_stmt *statement = NULL;
	int code = SQLITE_DONE;
	enum base_result result = prepare(sqlite, texts[table].walk, &statement);
	while (!result && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		for (size_t i = 0; i < shape->count; i++)
			cells[i] = cell_at(statement, (int)i, shape->kinds[i]);
		if (table == ENGINE_FEED)
			add_noted(sqlite, cells);
		result = each(ctx, cells);
	}
	if (!result && code != SQLITE_DONE)
		result = sqlite_fail(sqlite, code, "cannot read");
	sqlite3_finalize(statement);
	return result;
}

static enum base_result state_forget(struct engine *engine)
{
	struct sqlite *sqlite = of(engine);
	int code = sqlite3_exec(sqlite->db, "DELETE FROM state", NULL, NULL, NULL);
	return code ? sqlite_fail(sqlite, code, "cannot store") : BASE_OK;
}

static enum base_result load_begin(struct engine *engine, enum engine_table table)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_finalize(sqlite->load);
	sqlite->load = NULL;
	sqlite->loading = table;
	return prepare(sqlite, texts[table].load, &sqlite->load);
}

static enum base_result load(struct engine *engine, const struct engine_cell *cells)
{
	struct sqlite *sqlite = of(engine);
	const struct engine_shape *shape = &engine_shapes[sqlite->loading];
	for (size_t i = 0; i < shape->count; i++) {
		const struct engine_cell *cell = &cells[i];
		int at = (int)i + 1;
		if (!cell->given)
			sqlite3_bind_null(sqlite->load, at);
		else if (shape->kinds[i] == ENGINE_NUMBER)
			sqlite3_bind_int64(sqlite->load, at, cell->number);
		else if (shape->kinds[i] == ENGINE_TEXT)
			sqlite3_bind_text64(sqlite->load, at, cell->bytes.ptr, cell->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
		else
			sqlite3_bind_blob64(sqlite->load, at, cell->bytes.ptr, cell->bytes.len, SQLITE_STATIC);
	}
	return sqlite_run(sqlite, sqlite->load, "cannot store");
}

static enum base_result load_end(struct engine *engine)
{
	struct sqlite *sqlite = of(engine);
	sqlite3_finalize(sqlite->load);
	sqlite->load = NULL;
	return BASE_OK;
}

const struct engine_move_ops sqlite_move = {
	.find = find,
	.hold = hold,
	.count = count,
	.walk = walk,
	.state_forget = state_forget,
	.load_begin = load_begin,
	.load = load,
	.load_end = load_end,
};
