/*
 * The tables and how they came to be. A migration leads from one version to
 * the next and is never edited once released. Several nodes may start at once:
 * an advisory lock lets one of them do the work.
 */
#include "postgres.h"

#include <stdio.h>
#include <string.h>

#define EPOCH_BITS 53 /* numbers that JavaScript holds exactly */

/*
 * Times are microseconds since 1970, keys 16 bytes. No foreign keys: a batch
 * locks its feeds' rows, and a check for each entry would cost more than the
 * entry. Room is left in feed's pages, so that a new state needs no new index entries.
 */
static const char first[] =
	"CREATE TABLE state(id integer PRIMARY KEY CHECK(id = 1), epoch bigint NOT NULL, sequence bigint NOT NULL,"
	" published bigint NOT NULL);"
	/* Numbers are taken by blocks of 64 (NUMBERS_A_BLOCK). */
	"CREATE SEQUENCE feed_block INCREMENT BY 64;"
	"CREATE TABLE feed(id bigint PRIMARY KEY, url text COLLATE \"C\" NOT NULL UNIQUE, etag bytea, last_modified bytea,"
	" body bytea NOT NULL, last_start bigint, next_due bigint, failures bigint NOT NULL, polled boolean NOT NULL,"
	" newest bigint, documented bigint, updated bigint NOT NULL, learned bytea, batch bigint NOT NULL)"
	" WITH (fillfactor = 80);"
	"CREATE TABLE entry(feed bigint NOT NULL, key bytea NOT NULL, link_key bytea, title_key bytea, change bytea NOT NULL,"
	" classes bigint NOT NULL, last_alert bigint NOT NULL, first_seen bigint, last_seen bigint, PRIMARY KEY(feed, key))"
	" WITH (fillfactor = 90);"
	"CREATE INDEX entry_link ON entry(feed, link_key) WHERE link_key IS NOT NULL;"
	"CREATE INDEX entry_title ON entry(feed, title_key) WHERE title_key IS NOT NULL;"
	"CREATE TABLE topic(name text COLLATE \"C\" PRIMARY KEY, sequence bigint NOT NULL);"
	"CREATE INDEX topic_sequence ON topic(sequence);"
	"CREATE TABLE alert(sequence bigint PRIMARY KEY, topic text COLLATE \"C\" NOT NULL, class bigint NOT NULL,"
	" made bigint NOT NULL, feed bigint NOT NULL, key bytea NOT NULL, header bytea NOT NULL, sketch bytea NOT NULL,"
	" json bytea NOT NULL);"
	"CREATE INDEX alert_order ON alert(sequence, topic);" /* replay of a rare topic reads this instead of every alert */
	"CREATE INDEX alert_made ON alert(made);"
	"CREATE INDEX alert_feed ON alert(feed);"
	/* Polls that brought nothing, many in a row: how many ms before the row was made, and how many after it the next is due. */
	"CREATE TABLE polled(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, made bigint NOT NULL,"
	" feed bigint[] NOT NULL, asked integer[] NOT NULL, due integer[] NOT NULL);"
	"CREATE INDEX polled_made ON polled(made);";

static const char *const migrations[] = {
	first,
	postgres_share_tables,
};
#define VERSION ((int)(sizeof migrations / sizeof *migrations))

/* ---- which version it is ---------------------------------------------------------- */

static enum base_result took_number(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)postgres;
	*(int64_t *)ctx = PQntuples(result) ? postgres_number_at(result, 0, 0) : -1;
	return BASE_OK;
}

static enum base_result ask(struct postgres *postgres, const struct postgres_statement *statement,
                            const char *parameter, int64_t *out)
{
	struct postgres_params params = {0};
	if (parameter)
		postgres_add_text(&params, base_span_of(parameter));
	return postgres_query(postgres, statement, &params, "cannot set up", took_number, out);
}

/* 0: nothing of ours is there. */
static enum base_result version_of(struct postgres *postgres, int64_t *version)
{
	/* 0: no schema or an empty one; 1: ours; 2: somebody else's tables */
	static const struct postgres_statement whose = {
		"whose", "SELECT CASE WHEN count(*) = 0 THEN 0 WHEN bool_or(relname = 'migration') AND bool_or(relname = 'entry')"
				 " THEN 1 ELSE 2 END FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident($1))"};
	static const struct postgres_statement newest = {"newest", "SELECT coalesce(max(version), -1) FROM migration"};
	int64_t kind;
	enum base_result result = ask(postgres, &whose, postgres->schema, &kind);
	*version = 0;
	if (!result && kind == 2)
		return base_fail(&postgres->engine.reason, BASE_INVALID,
		                 "ledger %s: the schema %s belongs to another program; name another database", postgres->shown,
		                 postgres->schema);
	if (!result && kind == 1)
		result = ask(postgres, &newest, NULL, version);
	if (!result && *version > VERSION)
		return base_fail(&postgres->engine.reason, BASE_UNSUPPORTED,
		                 "ledger %s was written by a newer wirewatchd (form %lld, this one knows %d): install that version"
		                 " again, or restore a backup made before it",
		                 postgres->shown, (long long)*version, VERSION);
	if (!result && *version < 0)
		return base_fail(&postgres->engine.reason, BASE_DAMAGED,
		                 "ledger %s does not know its own form: restore a backup, or drop the schema %s to begin anew",
		                 postgres->shown, postgres->schema);
	return result;
}

/* ---- applying ---------------------------------------------------------------------- */

/* A new ledger: a new epoch, sequence 0. */
static enum base_result new_state(struct postgres *postgres)
{
	char text[160];
	uint64_t epoch = 0;
	while (!epoch) {
		enum base_result result = base_random(&epoch, sizeof epoch);
		if (result)
			return base_fail(&postgres->engine.reason, result, "ledger: no random numbers for a new epoch");
		epoch &= ((uint64_t)1 << EPOCH_BITS) - 1;
	}
	(void)snprintf(text, sizeof text, "INSERT INTO state(id, epoch, sequence, published) VALUES(1, %llu, 0, 0)",
	               (unsigned long long)epoch);
	return postgres_script(postgres, text, "cannot set up");
}

static enum base_result apply(struct postgres *postgres, int version)
{
	char text[100];
	enum base_result result = BASE_OK;
	if (version == 1)
		result = postgres_script(postgres, "CREATE TABLE migration(version bigint PRIMARY KEY, applied timestamptz NOT NULL)",
		                         "cannot set up");
	if (!result)
		result = postgres_script(postgres, migrations[version - 1], "cannot set up");
	if (!result && version == 1)
		result = new_state(postgres);
	(void)snprintf(text, sizeof text, "INSERT INTO migration VALUES(%d, now())", version);
	return result ? result : postgres_script(postgres, text, "cannot set up");
}

static enum base_result create_schema(struct postgres *postgres)
{
	char text[200];
	int64_t there;
	/* CREATE SCHEMA IF NOT EXISTS would need the right to create one also where it exists. */
	static const struct postgres_statement exists = {
		"exists", "SELECT (to_regnamespace(quote_ident($1)) IS NOT NULL)::integer"};
	enum base_result result = ask(postgres, &exists, postgres->schema, &there);
	if (result || there)
		return result;
	char *name = PQescapeIdentifier(postgres->conn, postgres->schema, strlen(postgres->schema));
	if (!name)
		return postgres_lost(postgres, "cannot set up");
	(void)snprintf(text, sizeof text, "CREATE SCHEMA %s", name);
	PQfreemem(name);
	return postgres_script(postgres, text, "cannot set up");
}

/* In a transaction: look again under the lock, for another node may have done it meanwhile. */
static enum base_result migrate_locked(struct postgres *postgres)
{
	char text[120];
	int64_t version = 0;
	(void)snprintf(text, sizeof text, "SELECT pg_advisory_xact_lock(%d, hashtext(current_setting('search_path')))",
	               POSTGRES_LOCK_MIGRATE);
	enum base_result result = postgres_script(postgres, text, "cannot set up");
	if (!result)
		result = version_of(postgres, &version);
	if (!result && !version)
		result = create_schema(postgres);
	for (int next = (int)version + 1; !result && next <= VERSION; next++)
		result = apply(postgres, next);
	return result;
}

enum base_result postgres_migrate(struct postgres *postgres)
{
	int64_t version = 0;
	enum base_result result = version_of(postgres, &version);
	if (result || version == VERSION)
		return result;
	if (!version && postgres->only_existing)
		return base_fail(&postgres->engine.reason, BASE_NOT_FOUND, "there is no ledger at %s", postgres->shown);
	result = postgres_script(postgres, "BEGIN", "cannot set up");
	if (!result)
		result = migrate_locked(postgres);
	if (!result)
		return postgres_script(postgres, "COMMIT", "cannot set up");
	const struct base_error reason = postgres->engine.reason;
	if (postgres->conn)
		(void)postgres_script(postgres, "ROLLBACK", "cannot set up");
	postgres->engine.reason = reason;
	return result;
}
