/*
 * The SQLite engine: one connection that does all reading, writing and
 * checkpointing (two that write can corrupt a WAL before SQLite 3.51.3), kept
 * locked against other processes. synchronous=FULL: a commit is on the disk.
 */
#include "sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 200 /* the caller has its own patience */
#define VALIDATOR_MAX 65536
/*
 * 16 MiB of log, then it is written back: a page that was changed again meanwhile is written once. With 2000 feeds that
 * takes a quarter off what a poll costs in the kernel, beside the 1000 pages that SQLite has by itself.
 */
#define CHECKPOINT_FRAMES 4000

/* ---- failures -------------------------------------------------------------------- */

enum base_result sqlite_class(int code)
{
	switch (code & 0xFF) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return BASE_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return BASE_BUSY;
	case SQLITE_NOMEM:
		return BASE_NO_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return BASE_DAMAGED;
	case SQLITE_TOOBIG:
		return BASE_LIMIT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return BASE_DENIED;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return BASE_INVALID;
	default:
		return BASE_IO;
	}
}

/* What a person can do about it, or "". */
static const char *advice(int code)
{
	switch (code & 0xFF) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "; another process has it open: stop that one, or wait";
	case SQLITE_FULL:
		return "; free some space on that disk";
	case SQLITE_READONLY:
		return "; check the permissions, and that the file system is mounted writable";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "; the file is damaged or no ledger: restore a backup, or move it away to begin a new one";
	default:
		return "";
	}
}

enum base_result sqlite_fail(struct sqlite *sqlite, int code, const char *doing)
{
	int error = sqlite3_system_errno(sqlite->db);
	const char *system = (code & 0xFF) == SQLITE_IOERR && error ? strerror(error) : NULL;
	enum base_result result = sqlite_class(code);
	if (result == BASE_DAMAGED)
		sqlite->checked = 0;
	/* A code that is no failure comes here only when it was not expected. */
	return base_fail(&sqlite->engine.reason, result ? result : BASE_IO, "ledger %s: %s: %s%s%s%s", sqlite->path, doing,
	                 sqlite3_errmsg(sqlite->db), system ? ": " : "", system ? system : "", advice(code));
}

/* ---- statements -------------------------------------------------------------------- */

enum base_result sqlite_prepare(struct sqlite *sqlite, enum sqlite_statement which, sqlite3_stmt **out)
{
	*out = NULL;
	if (!sqlite->statements[which]) {
		int code = sqlite3_prepare_v3(sqlite->db, sqlite_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
		                              &sqlite->statements[which], NULL);
		if (code)
			return sqlite_fail(sqlite, code, "cannot prepare");
	}
	*out = sqlite->statements[which];
	sqlite3_reset(*out); /* what it failed with last time was told then */
	return BASE_OK;
}

enum base_result sqlite_run(struct sqlite *sqlite, sqlite3_stmt *statement, const char *doing)
{
	int code = sqlite3_step(statement);
	enum base_result result = code == SQLITE_DONE ? BASE_OK : sqlite_fail(sqlite, code, doing);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

enum base_result sqlite_simple(struct sqlite *sqlite, enum sqlite_statement which, const char *doing)
{
	sqlite3_stmt *statement;
	enum base_result result = sqlite_prepare(sqlite, which, &statement);
	return result ? result : sqlite_run(sqlite, statement, doing);
}

/* ---- transactions --------------------------------------------------------------------- */

static struct sqlite *of(struct engine *engine)
{
	return (struct sqlite *)(void *)engine;
}

/* Rows written to a file that has no name any more would be gone at the next start. */
static enum base_result check_in_place(struct sqlite *sqlite)
{
	int moved = 0;
	int code = sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (code || !moved)
		return BASE_OK;
	return base_fail(&sqlite->engine.reason, BASE_IO,
	                 "ledger %s was moved or deleted while in use: put it back, or restart to begin a new one",
	                 sqlite->path);
}

static enum base_result begin(struct engine *engine)
{
	enum base_result result = check_in_place(of(engine));
	return result ? result : sqlite_simple(of(engine), SQL_BEGIN, "cannot begin to store");
}

static enum base_result commit(struct engine *engine)
{
	return sqlite_simple(of(engine), SQL_COMMIT, "cannot store");
}

static void rollback(struct engine *engine)
{
	struct sqlite *sqlite = of(engine);
	const struct base_error reason = engine->reason; /* of what went wrong, not of the way back */
	/* After some errors SQLite has rolled back by itself (lang_transaction.html). */
	if (!sqlite3_get_autocommit(sqlite->db))
		(void)sqlite_simple(sqlite, SQL_ROLLBACK, "cannot roll back");
	engine->reason = reason;
}

static int count_frames(void *ctx, sqlite3 *db, const char *name, int frames)
{
	struct sqlite *sqlite = ctx;
	(void)db;
	(void)name;
	sqlite->wal_frames = frames;
	return SQLITE_OK;
}

/* The log is written back after the alerts are out, so that no alert waits for it. */
static void settle(struct engine *engine)
{
	struct sqlite *sqlite = of(engine);
	if (sqlite->wal_frames < CHECKPOINT_FRAMES)
		return;
	sqlite->wal_frames = 0; /* when it fails: the next attempt comes with the next commit */
	int code = sqlite3_wal_checkpoint_v2(sqlite->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code && (code & 0xFF) != SQLITE_BUSY) {
		(void)sqlite_fail(sqlite, code, "cannot write the log back");
		base_log(sqlite->log, BASE_WARNING, "ledger", "%s", engine->reason.text);
	}
}

/* ---- opening ------------------------------------------------------------------------------ */

static void close_engine(struct engine *engine)
{
	struct sqlite *sqlite = of(engine);
	if (!sqlite)
		return;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(sqlite->statements[i]);
	sqlite3_finalize(sqlite->load);
	if (!sqlite3_close_v2(sqlite->db) && sqlite->file)
		sqlite_seal(sqlite->file, sqlite->checked);
	sqlite_layer_free(sqlite->layer);
	base_buf_free(&sqlite->etag);
	base_buf_free(&sqlite->last_modified);
	base_buf_free(&sqlite->learned);
	sqlite_polled_free(sqlite);
	base_clock_free(sqlite->clock);
	free(sqlite->path);
	free(sqlite->file);
	free(sqlite);
}

/* The folder must be there and open to us, for SQLite says only "unable to open". */
static enum base_result check_folder(const char *path, struct base_error *reason)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	enum base_result result = BASE_OK;
	struct stat info;
	if (!folder)
		return base_fail(reason, BASE_NO_MEMORY, "ledger: out of memory");
	if (stat(folder, &info))
		result = base_fail(reason, BASE_IO, "ledger %s: folder %s: %s; create it, or name another with `ledger`", path,
		                   folder, strerror(errno));
	else if (!S_ISDIR(info.st_mode))
		result = base_fail(reason, BASE_IO, "ledger %s: %s is no folder", path, folder);
	else if (access(folder, W_OK | X_OK))
		result = base_fail(reason, BASE_IO, "ledger %s: folder %s is not writable: %s", path, folder, strerror(errno));
	else if (!stat(path, &info) && !S_ISREG(info.st_mode))
		result = base_fail(reason, BASE_IO, "ledger %s is no regular file; name another with `ledger`", path);
	free(folder);
	return result;
}

static enum base_result execute(struct sqlite *sqlite, const char *text, const char *doing)
{
	int code = sqlite3_exec(sqlite->db, text, NULL, NULL, NULL);
	return code ? sqlite_fail(sqlite, code, doing) : BASE_OK;
}

/* The one text that a pragma answers with; BASE_OK if it is as wanted, else otherwise with the answer in it. */
static enum base_result expect(struct sqlite *sqlite, const char *pragma, const char *wanted,
                               enum base_result otherwise, const char *message)
{
	sqlite3_stmt *statement = NULL;
	enum base_result result = BASE_OK;
	int code = sqlite3_prepare_v2(sqlite->db, pragma, -1, &statement, NULL);
	if (!code)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW) {
		result = sqlite_fail(sqlite, code, "cannot open");
	} else {
		const char *answer = (const char *)sqlite3_column_text(statement, 0);
		if (!answer || strcmp(answer, wanted))
			result = base_fail(&sqlite->engine.reason, otherwise, "ledger %s %s (%s)", sqlite->path, message,
			                   answer ? answer : "out of memory");
	}
	sqlite3_finalize(statement);
	return result;
}

static int64_t seconds_now(const struct sqlite *sqlite)
{
	return base_clock_wall(sqlite->clock) / BASE_SECOND;
}

static enum base_result check_pages(struct sqlite *sqlite)
{
	enum base_result result = expect(sqlite, "PRAGMA quick_check(1)", "ok", BASE_DAMAGED,
	                                 "is damaged: restore a backup, or move it away to begin a new one");
	if (!result)
		sqlite->checked = seconds_now(sqlite);
	return result;
}

static enum base_result set_up(struct sqlite *sqlite)
{
	/*
	 * The exclusive mode before WAL: no shared memory file, and no other process
	 * gets in as long as we live. mmap off: an I/O error must be an error, not a signal.
	 */
	enum base_result result = execute(
		sqlite, "PRAGMA mmap_size = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;", "cannot open");
	if (!result)
		result = sqlite_migrate(sqlite);
	if (!result)
		result = expect(sqlite, "PRAGMA journal_mode = WAL", "wal", BASE_IO,
		                "cannot have a write-ahead log; name a plain file on a local disk");
	if (!result)
		result = execute(sqlite,
		                 "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		                 "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
		                 "cannot open");
	if (!result && !sqlite->checked)
		result = check_pages(sqlite);
	if (!result)
		result = sqlite_polled_load(sqlite);
	return result;
}

static enum base_result open_database(struct sqlite *sqlite)
{
	enum base_result result = check_folder(sqlite->path, &sqlite->engine.reason);
	if (result)
		return result;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	result = sqlite_layer_new(&sqlite->layer);
	if (result)
		return base_fail(&sqlite->engine.reason, result, "ledger: out of memory");
	int code = sqlite3_open_v2(sqlite->path, &sqlite->db, flags, sqlite_layer_name(sqlite->layer));
	if (!sqlite->db)
		return base_fail(&sqlite->engine.reason, BASE_NO_MEMORY, "ledger: out of memory");
	if (code) {
		int error = sqlite3_system_errno(sqlite->db);
		return base_fail(&sqlite->engine.reason, sqlite_class(code), "ledger %s: cannot open: %s%s", sqlite->path,
		                 error ? strerror(error) : sqlite3_errmsg(sqlite->db), advice(code));
	}
	if (sqlite3_db_readonly(sqlite->db, "main") == 1)
		return base_fail(&sqlite->engine.reason, BASE_IO, "ledger %s is not writable%s", sqlite->path,
		                 advice(SQLITE_READONLY));
	const char *file = sqlite3_db_filename(sqlite->db, "main");
	sqlite->file = strdup(file ? file : sqlite->path);
	if (!sqlite->file)
		return base_fail(&sqlite->engine.reason, BASE_NO_MEMORY, "ledger: out of memory");
	sqlite->checked = sqlite_unseal(sqlite->file, seconds_now(sqlite));
	sqlite3_busy_timeout(sqlite->db, BUSY_MS);
	sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_wal_autocheckpoint(sqlite->db, 0);
	sqlite3_wal_hook(sqlite->db, count_frames, sqlite);
	return set_up(sqlite);
}

static enum base_result open_engine(const char *where, struct base_log *log, struct engine **out,
                                    struct base_error *err)
{
	if (!*where || strchr(where, '?') || strchr(where, '#'))
		return base_fail(err, BASE_INVALID, "ledger sqlite://%s: a plain path is needed after sqlite://", where);
	struct sqlite *sqlite = calloc(1, sizeof *sqlite);
	if (!sqlite)
		return base_fail(err, BASE_NO_MEMORY, "ledger: out of memory");
	sqlite->engine.ops = &engine_sqlite;
	sqlite->log = log;
	base_buf_init(&sqlite->etag, VALIDATOR_MAX);
	base_buf_init(&sqlite->last_modified, VALIDATOR_MAX);
	base_buf_init(&sqlite->learned, PLAN_STORED_MAX);
	sqlite->path = strdup(where);
	bool ready = sqlite->path && !base_clock_new_system(&sqlite->clock);
	enum base_result result = ready ? open_database(sqlite) : BASE_NO_MEMORY;
	if (result) {
		(void)base_fail(err, result, "%s", ready ? sqlite->engine.reason.text : "ledger: out of memory");
		close_engine(&sqlite->engine);
		return result;
	}
	*out = &sqlite->engine;
	return BASE_OK;
}

const struct engine_ops engine_sqlite = {
	.scheme = "sqlite",
	.open = open_engine,
	.close = close_engine,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.settle = settle,
	.state_get = sqlite_state_get,
	.state_put = sqlite_state_put,
	.feed_get = sqlite_feed_get,
	.feed_id = sqlite_feed_id,
	.feed_put = sqlite_feed_put,
	.polls_put = sqlite_polls_put,
	.entry_get = sqlite_entry_get,
	.entries_get = sqlite_entries_get,
	.entry_find = sqlite_entry_find,
	.entry_put = sqlite_entry_put,
	.entry_forget = sqlite_entry_forget,
	.entry_alerted = sqlite_entry_alerted,
	.topic_get = sqlite_topic_get,
	.topic_put = sqlite_topic_put,
	.alert_put = sqlite_alert_put,
	.alerts = sqlite_alerts,
	.oldest = sqlite_oldest,
	.sketches = sqlite_sketches,
	.prune = sqlite_prune,
	.backup = sqlite_backup,
	.move = &sqlite_move,
};
