/*
 * bare_rows: see bare_rows.h. A poll is a row of feed, its new rows of entry
 * and alert; a transaction ends with the row of state.
 */
#include "bare_rows.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"

#define COLUMNS_MAX 16

struct table {
	const char *from, *put; /* where its rows come from; how one is written */
	sqlite3_value **values; /* of all rows, one after the other */
	int columns;
	size_t rows, next;
	sqlite3_stmt *statement;
};

static void must(int code, sqlite3 *db)
{
	if (code == SQLITE_OK || code == SQLITE_DONE)
		return;
	(void)fprintf(stderr, "bare_rows: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static void execute(sqlite3 *db, const char *text)
{
	must(sqlite3_exec(db, text, NULL, NULL, NULL), db);
}

/* The same tables and indices, in the order they were made. */
static void copy_schema(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *all;
	must(sqlite3_prepare_v2(from, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid", -1, &all, NULL), from);
	while (sqlite3_step(all) == SQLITE_ROW)
		execute(to, (const char *)sqlite3_column_text(all, 0));
	must(sqlite3_finalize(all), from);
}

static void load(sqlite3 *from, sqlite3 *to, struct table *table)
{
	sqlite3_stmt *all;
	size_t room = 0;
	must(sqlite3_prepare_v2(from, table->from, -1, &all, NULL), from);
	table->columns = sqlite3_column_count(all);
	while (sqlite3_step(all) == SQLITE_ROW) {
		if (table->rows == room) {
			room = room ? room * 2 : 256;
			table->values = realloc(table->values, room * (size_t)table->columns * sizeof *table->values);
			if (table->values == NULL)
				exit(1);
		}
		for (int i = 0; i < table->columns; i++)
			table->values[table->rows * (size_t)table->columns + (size_t)i] = sqlite3_value_dup(sqlite3_column_value(all, i));
		table->rows++;
	}
	must(sqlite3_finalize(all), from);
	must(sqlite3_prepare_v3(to, table->put, -1, SQLITE_PREPARE_PERSISTENT, &table->statement, NULL), to);
}

static void put(sqlite3 *db, struct table *table)
{
	if (table->rows == 0)
		return;
	sqlite3_value **row = &table->values[table->next * (size_t)table->columns];
	table->next = (table->next + 1) % table->rows;
	for (int i = 0; i < table->columns; i++)
		must(sqlite3_bind_value(table->statement, i + 1, row[i]), db);
	must(sqlite3_step(table->statement), db);
	must(sqlite3_reset(table->statement), db);
}

static void forget(struct table *table)
{
	for (size_t i = 0; i < table->rows * (size_t)table->columns; i++)
		sqlite3_value_free(table->values[i]);
	free(table->values);
	(void)sqlite3_finalize(table->statement);
}

/* Of the same columns as "SELECT * FROM feed" has. */
static const char update_feed[] =
	"UPDATE feed SET etag = ?3, last_modified = ?4, body = ?5, last_start = ?6, next_due = ?7, failures = ?8, polled = ?9,"
	" newest = ?10, documented = ?11, updated = ?12, learned = ?13 WHERE id = ?1";

double bare_rows_write(const struct bare_rows *rows)
{
	struct table feed = {.from = "SELECT * FROM feed",
	                     .put = "INSERT INTO feed VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"};
	/* Keys are digests: they do not come in their order. */
	struct table entry = {.from = "SELECT * FROM entry ORDER BY substr(key, 5)",
	                      .put = "INSERT INTO entry VALUES(?,?,?,?,?,?,?,?,?)"};
	struct table alert = {.from = "SELECT * FROM alert",
	                      .put = "INSERT INTO alert VALUES(?,?,?,?,?,?,?,?,?)"};
	struct table state = {.from = "SELECT * FROM state", .put = "INSERT OR REPLACE INTO state VALUES(?,?,?,?)"};
	sqlite3 *from, *to;
	char path[4300];
	(void)snprintf(path, sizeof path, "%s-bare", rows->ledger);
	must(sqlite3_open(rows->ledger, &from), from);
	must(sqlite3_open(path, &to), to);
	execute(to, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
	must(sqlite3_wal_autocheckpoint(to, 0), to);
	copy_schema(from, to);
	load(from, to, &feed);
	load(from, to, &entry);
	load(from, to, &alert);
	load(from, to, &state);
	for (size_t i = 0; i < feed.rows; i++)
		put(to, &feed); /* known, as they were to the ledger */
	must(sqlite3_finalize(feed.statement), to);
	must(sqlite3_prepare_v3(to, update_feed, -1, SQLITE_PREPARE_PERSISTENT, &feed.statement, NULL), to);
	double start = figures_cpu();
	for (size_t i = 0; i < rows->rounds; i++) {
		execute(to, "BEGIN IMMEDIATE");
		for (size_t j = 0; j < rows->batches; j++) {
			put(to, &feed);
			for (size_t k = 0; k < rows->entries; k++)
				put(to, &entry);
			for (size_t k = 0; k < rows->alerts; k++)
				put(to, &alert);
		}
		put(to, &state);
		execute(to, "COMMIT");
	}
	double took = figures_cpu() - start;
	forget(&feed);
	forget(&entry);
	forget(&alert);
	forget(&state);
	(void)sqlite3_close(from);
	(void)sqlite3_close(to);
	(void)unlink(path);
	return took / (double)(rows->rounds * rows->batches);
}
