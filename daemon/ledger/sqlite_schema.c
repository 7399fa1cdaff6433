/*
 * The tables and how they came to be. A migration leads from one version to
 * the next and is never edited once released; user_version counts them.
 */
#include "sqlite.h"

#include <stdio.h>
#include <string.h>

#define APPLICATION_ID 0x77777463 /* "wwtc", in the file's header: file(1) and we know it by that */
#define EPOCH_BITS 53             /* numbers that JavaScript holds exactly */

static const char *const migrations[] = {
	/* 1 */
	"CREATE TABLE migration(version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT;"
	"CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,"
	" published INTEGER NOT NULL) STRICT;"
	"CREATE TABLE feed(id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, etag BLOB, last_modified BLOB,"
	" body BLOB NOT NULL, last_start INTEGER, next_due INTEGER, failures INTEGER NOT NULL, polled INTEGER NOT NULL,"
	" newest INTEGER, documented INTEGER, updated INTEGER NOT NULL) STRICT;"
	"CREATE TABLE entry(feed INTEGER NOT NULL REFERENCES feed(id), key BLOB NOT NULL, link_key BLOB, title_key BLOB,"
	" change BLOB NOT NULL, classes INTEGER NOT NULL, last_alert INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL, PRIMARY KEY(feed, key)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX entry_link ON entry(feed, link_key) WHERE link_key IS NOT NULL;"
	"CREATE INDEX entry_title ON entry(feed, title_key) WHERE title_key IS NOT NULL;"
	"CREATE TABLE topic(name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE alert(sequence INTEGER PRIMARY KEY, topic TEXT NOT NULL, class INTEGER NOT NULL,"
	" made INTEGER NOT NULL, feed INTEGER NOT NULL REFERENCES feed(id), key BLOB NOT NULL, header BLOB NOT NULL,"
	" sketch BLOB NOT NULL, json BLOB NOT NULL) STRICT;"
	/* Replay of a rare topic reads this instead of every alert. */
	"CREATE INDEX alert_order ON alert(sequence, topic);"
	"CREATE INDEX alert_made ON alert(made);"
	"CREATE INDEX alert_feed ON alert(feed);",
	/* 2: what is learned of when a feed reports */
	"ALTER TABLE feed ADD COLUMN learned BLOB;",
	/* 3: polls that brought nothing, many in a row (sqlite_polled.c) */
	"CREATE TABLE polled(id INTEGER PRIMARY KEY, made INTEGER NOT NULL, polls BLOB NOT NULL) STRICT;",
};
#define VERSION ((int)(sizeof migrations / sizeof *migrations))

static enum base_result pragma_number(struct sqlite *sqlite, const char *text, int64_t *out)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite->db, text, -1, &statement, NULL);
	if (!code) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			*out = sqlite3_column_int64(statement, 0);
	}
	enum base_result result = code == SQLITE_ROW ? BASE_OK : sqlite_fail(sqlite, code, "cannot read");
	sqlite3_finalize(statement);
	return result;
}

static enum base_result execute(struct sqlite *sqlite, const char *text)
{
	int code = sqlite3_exec(sqlite->db, text, NULL, NULL, NULL);
	return code ? sqlite_fail(sqlite, code, "cannot set up") : BASE_OK;
}

/* A new ledger: a new epoch, sequence 0. */
static enum base_result new_state(struct sqlite *sqlite)
{
	char text[160];
	uint64_t epoch = 0;
	while (!epoch) {
		enum base_result result = base_random(&epoch, sizeof epoch);
		if (result)
			return base_fail(&sqlite->engine.reason, result, "ledger: no random numbers for a new epoch");
		epoch &= ((uint64_t)1 << EPOCH_BITS) - 1;
	}
	(void)snprintf(text, sizeof text, "INSERT INTO state(id, epoch, sequence, published) VALUES(1, %llu, 0, 0);",
	               (unsigned long long)epoch);
	return execute(sqlite, text);
}

static enum base_result apply(struct sqlite *sqlite, int version)
{
	char text[200];
	enum base_result result = execute(sqlite, migrations[version - 1]);
	if (!result && version == 1)
		result = new_state(sqlite);
	(void)snprintf(text, sizeof text,
	               "INSERT INTO migration(version, applied) VALUES(%d, CAST(strftime('%%s', 'now') AS INTEGER));"
	               "PRAGMA user_version = %d; PRAGMA application_id = %d;",
	               version, version, APPLICATION_ID);
	return result ? result : execute(sqlite, text);
}

/* Which version the file is; 0: an empty one. */
static enum base_result version_of(struct sqlite *sqlite, int64_t *version)
{
	int64_t application = 0, tables = 0;
	enum base_result result = pragma_number(sqlite, "PRAGMA application_id", &application);
	if (!result)
		result = pragma_number(sqlite, "PRAGMA user_version", version);
	if (!result)
		result = pragma_number(sqlite, "SELECT count(*) FROM sqlite_schema", &tables);
	if (result)
		return result;
	if (application != APPLICATION_ID && (application || *version || tables))
		return base_fail(&sqlite->engine.reason, BASE_INVALID,
		                 "ledger %s is the database of another program; name another file", sqlite->path);
	if (*version > VERSION)
		return base_fail(&sqlite->engine.reason, BASE_UNSUPPORTED,
		                 "ledger %s was written by a newer wirewatchd (form %lld, this one knows %d): install that"
		                 " version again, or restore a backup made before it",
		                 sqlite->path, (long long)*version, VERSION);
	if (*version < 0 || (*version == 0 && tables))
		return base_fail(&sqlite->engine.reason, BASE_DAMAGED,
		                 "ledger %s does not know its own form: restore a backup, or move it away to begin a new one",
		                 sqlite->path);
	return BASE_OK;
}

enum base_result sqlite_migrate(struct sqlite *sqlite)
{
	int64_t version = 0;
	/* Taken before the look, and kept by the exclusive mode as long as the ledger is open. */
	enum base_result result = execute(sqlite, "BEGIN IMMEDIATE");
	if (result)
		return result;
	result = version_of(sqlite, &version);
	for (int next = (int)version + 1; !result && next <= VERSION; next++)
		result = apply(sqlite, next);
	if (!result)
		result = execute(sqlite, "COMMIT");
	if (result && !sqlite3_get_autocommit(sqlite->db))
		(void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}
