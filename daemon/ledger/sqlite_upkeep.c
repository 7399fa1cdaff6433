/* What keeps the database small and safe: pruning in bounded pieces, and backups. */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS_A_PIECE 500
#define FEEDS_A_PIECE 50
/* Of one feed, in case it shows ever new ones; what still appears stays all the same. */
#define FEED_ENTRIES_MAX 50000
#define PAGES_A_STEP 256 /* 1 MiB */

static struct sqlite *of(struct engine *engine)
{
	return (struct sqlite *)(void *)engine;
}

/* ---- pruning -------------------------------------------------------------------------- */

struct feed_times {
	int64_t id;
	base_time documented, updated; /* the last document taken in; the last poll of any kind */
};

static enum base_result prune_alerts(struct sqlite *sqlite, const struct engine_prune *prune, int *rows)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_ALERTS, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, prune->alerts_before);
	sqlite3_bind_int64(statement, 2, (int64_t)prune->published);
	sqlite3_bind_int(statement, 3, ROWS_A_PIECE);
	result = sqlite_run(sqlite, statement, "cannot drop old alerts");
	if (!result)
		*rows += sqlite3_changes(sqlite->db);
	return result;
}

static enum base_result prune_entries(struct sqlite *sqlite, int64_t feed, base_time before, int *rows)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_ENTRIES, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	sqlite3_bind_int64(statement, 2, before);
	sqlite3_bind_int(statement, 3, ROWS_A_PIECE);
	result = sqlite_run(sqlite, statement, "cannot drop old entries");
	if (!result)
		*rows += sqlite3_changes(sqlite->db);
	return result;
}

/* The oldest of too many entries, but none seen within two days of the last document. */
static enum base_result prune_flood(struct sqlite *sqlite, const struct feed_times *feed, int *rows)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_FLOOD, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed->id);
	sqlite3_bind_int64(statement, 2, feed->documented - 2 * BASE_DAY);
	sqlite3_bind_int(statement, 3, FEED_ENTRIES_MAX);
	sqlite3_bind_int(statement, 4, ROWS_A_PIECE);
	result = sqlite_run(sqlite, statement, "cannot drop old entries");
	if (!result)
		*rows += sqlite3_changes(sqlite->db);
	return result;
}

static enum base_result prune_feed(struct sqlite *sqlite, int64_t feed)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_FEED, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, feed);
	return sqlite_run(sqlite, statement, "cannot drop an old feed");
}

static enum base_result next_feed(struct sqlite *sqlite, int64_t after, struct feed_times *out)
{
	sqlite3_stmt *statement;
	*out = (struct feed_times){0};
	enum base_result result = sqlite_prepare(sqlite, SQL_PRUNE_NEXT_FEED, &statement);
	if (result)
		return result;
	sqlite3_bind_int64(statement, 1, after);
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*out = (struct feed_times){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
		                           sqlite3_column_int64(statement, 2)};
	else
		result = code == SQLITE_DONE ? BASE_NOT_FOUND : sqlite_fail(sqlite, code, "cannot read");
	sqlite3_reset(statement);
	return result;
}

/*
 * An entry's age counts up to the feed's last document, not up to now: while
 * a feed answers "not modified" for months, its entries still appear in it.
 * Only a feed that is not polled any more is forgotten as a whole.
 */
static enum base_result prune_one_feed(struct sqlite *sqlite, const struct feed_times *feed,
                                       const struct engine_prune *prune, int *rows)
{
	bool abandoned = feed->updated < prune->polled_before;
	base_time before = abandoned ? INT64_MAX : feed->documented - prune->entries_unseen;
	enum base_result result = prune_entries(sqlite, feed->id, before, rows);
	if (!result && abandoned)
		result = prune_feed(sqlite, feed->id);
	else if (!result)
		result = prune_flood(sqlite, feed, rows);
	return result;
}

static enum base_result prune_piece(struct sqlite *sqlite, const struct engine_prune *prune, int *rows, int64_t *cursor,
                                    bool *more)
{
	enum base_result result = prune_alerts(sqlite, prune, rows);
	if (!result)
		result = sqlite_polled_prune(sqlite, prune->now, ROWS_A_PIECE, rows);
	for (int feeds = 0; !result && *rows < ROWS_A_PIECE && feeds < FEEDS_A_PIECE; feeds++) {
		struct feed_times feed;
		result = next_feed(sqlite, *cursor, &feed);
		if (result == BASE_NOT_FOUND) {
			*cursor = 0;
			*more = false;
			return BASE_OK;
		}
		if (!result)
			result = prune_one_feed(sqlite, &feed, prune, rows);
		if (!result && *rows < ROWS_A_PIECE)
			*cursor = feed.id;
	}
	*more = true;
	return result;
}

enum base_result sqlite_prune(struct engine *engine, const struct engine_prune *prune, bool *more)
{
	struct sqlite *sqlite = of(engine);
	int64_t cursor = sqlite->prune_cursor;
	int rows = 0;
	bool others = false;
	enum base_result result = engine->ops->begin(engine);
	if (result)
		return result;
	result = prune_piece(sqlite, prune, &rows, &cursor, &others);
	if (!result)
		result = engine->ops->commit(engine);
	if (result) {
		engine->ops->rollback(engine);
		return result;
	}
	sqlite->prune_cursor = cursor;
	*more = others;
	engine->ops->settle(engine);
	return BASE_OK;
}

/* ---- backup ----------------------------------------------------------------------------- */

static enum base_result io_fail(struct sqlite *sqlite, const char *path, const char *doing)
{
	return base_fail(&sqlite->engine.reason, BASE_IO, "backup %s: %s: %s", path, doing, strerror(errno));
}

/* Copy all pages into a new database at path. */
static enum base_result copy_pages(struct sqlite *sqlite, const char *path)
{
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	sqlite3_backup *backup = code ? NULL : sqlite3_backup_init(to, "main", sqlite->db, "main");
	if (backup) {
		do
			code = sqlite3_backup_step(backup, PAGES_A_STEP);
		while (code == SQLITE_OK);
		int finished = sqlite3_backup_finish(backup);
		code = code == SQLITE_DONE ? finished : code;
	} else if (!code) {
		code = sqlite3_errcode(to);
	}
	enum base_result result = BASE_OK;
	if (code)
		result = base_fail(&sqlite->engine.reason, sqlite_class(code), "backup %s: %s", path,
		                   to ? sqlite3_errmsg(to) : "out of memory");
	int closed = sqlite3_close(to);
	if (!result && closed)
		result = base_fail(&sqlite->engine.reason, BASE_IO, "backup %s: cannot close", path);
	return result;
}

static enum base_result sync_path(struct sqlite *sqlite, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return io_fail(sqlite, path, "cannot open");
	enum base_result result = fsync(fd) ? io_fail(sqlite, path, "cannot sync") : BASE_OK;
	close(fd);
	return result;
}

static enum base_result sync_folder(struct sqlite *sqlite, char *path)
{
	char *slash = strrchr(path, '/');
	if (!slash)
		return sync_path(sqlite, ".", O_RDONLY | O_DIRECTORY);
	slash[slash == path ? 1 : 0] = '\0';
	return sync_path(sqlite, path, O_RDONLY | O_DIRECTORY);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whole or not at all: written beside its place, then renamed into it. */
enum base_result sqlite_backup(struct engine *engine, const char *path)
{
	struct sqlite *sqlite = of(engine);
	struct base_buf name;
	if (same_file(path, sqlite->path))
		return base_fail(&engine->reason, BASE_INVALID, "backup %s is the ledger itself; name another file", path);
	base_buf_init(&name, 8192);
	base_buf_add_text(&name, path);
	base_buf_add_text(&name, ".partial");
	enum base_result result = name.failed;
	if (result) {
		(void)base_fail(&engine->reason, result, "backup: the path is too long");
		goto out;
	}
	if (unlink(name.data) && errno != ENOENT) {
		result = io_fail(sqlite, name.data, "cannot replace");
		goto out;
	}
	result = copy_pages(sqlite, name.data);
	if (!result)
		result = sync_path(sqlite, name.data, O_RDONLY);
	if (!result && rename(name.data, path))
		result = io_fail(sqlite, path, "cannot rename");
	if (result)
		(void)unlink(name.data);
	else
		result = sync_folder(sqlite, name.data);
out:
	base_buf_free(&name);
	return result;
}
