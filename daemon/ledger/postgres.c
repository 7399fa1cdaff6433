/*
 * The PostgreSQL engine: one connection, used by the ledger's thread alone.
 * It comes and goes; what was not committed when it went was never there.
 */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

/* ---- transactions --------------------------------------------------------------------- */

/* The server hears of it with the first statement, so that it costs no round trip. */
static enum base_result begin(struct engine *engine)
{
	struct postgres *postgres = postgres_of(engine);
	enum base_result result = postgres_connect(postgres);
	if (result)
		return result;
	postgres_forget_writes(postgres);
	postgres->in_transaction = true;
	postgres->begun = postgres->topics_read = false;
	return BASE_OK;
}

static void ended(struct postgres *postgres)
{
	postgres->in_transaction = postgres->begun = postgres->lost = false;
	(void)cache_reset(postgres->cache, 0);
}

/* A COMMIT of a transaction that has failed is a ROLLBACK, and a success. */
static enum base_result took_commit(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	if (!strcmp(PQcmdStatus((PGresult *)(uintptr_t)result), "COMMIT"))
		return BASE_OK;
	return base_fail(&postgres->engine.reason, BASE_IO, "ledger %s: cannot store: the transaction had failed",
	                 postgres->shown);
}

static enum base_result commit(struct engine *engine)
{
	static const struct postgres_statement statement = {"commit", "COMMIT"};
	struct postgres *postgres = postgres_of(engine);
	/* What was sent may still say no, and a commit sent behind it would not wait for that. */
	enum base_result result = postgres_sync(postgres);
	if (!result)
		result = postgres_send_writes(postgres);
	if (!result && postgres->begun)
		result = postgres_query(postgres, &statement, NULL, "cannot store", took_commit, NULL);
	if (!result)
		ended(postgres);
	return result;
}

static void rollback(struct engine *engine)
{
	static const struct postgres_statement statement = {"rollback", "ROLLBACK"};
	struct postgres *postgres = postgres_of(engine);
	const struct base_error reason = engine->reason; /* of what went wrong, not of the way back */
	bool begun = postgres->begun && !postgres->lost;
	postgres_forget_answers(postgres);
	postgres_forget_writes(postgres);
	postgres_topics_forget(postgres);
	ended(postgres);
	/* Not waiting for what is still under way would give its answer to the next question. */
	if (begun && postgres->conn && postgres_query(postgres, &statement, NULL, "cannot roll back", NULL, NULL))
		postgres_disconnect(postgres); /* which rolls back, too */
	ended(postgres);
	engine->reason = reason;
}

static void settle(struct engine *engine)
{
	(void)engine; /* the server does its own housekeeping */
}

static enum base_result backup(struct engine *engine, const char *path)
{
	return base_fail(&engine->reason, BASE_UNSUPPORTED,
	                 "backup %s: a ledger in PostgreSQL is backed up by PostgreSQL's own tools, such as pg_dump", path);
}

/* ---- state ------------------------------------------------------------------------------ */

static enum base_result took_state(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct engine_state *out = ctx;
	if (PQntuples(result) != 1)
		return base_fail(&postgres->engine.reason, BASE_DAMAGED,
		                 "ledger %s has no state: `wirewatch migrate` into it did not end and must be repeated; or restore"
		                 " a backup, or drop the schema %s to begin anew",
		                 postgres->shown, postgres->schema);
	*out = (struct engine_state){(uint64_t)postgres_number_at(result, 0, 0), (uint64_t)postgres_number_at(result, 0, 1),
	                             (uint64_t)postgres_number_at(result, 0, 2)};
	return BASE_OK;
}

enum base_result postgres_state_get(struct engine *engine, struct engine_state *out)
{
	static const struct postgres_statement statement = {"state_get",
	                                                    "SELECT epoch, sequence, published FROM state WHERE id = 1"};
	return postgres_query(postgres_of(engine), &statement, NULL, "cannot read", took_state, out);
}

/* ---- opening ------------------------------------------------------------------------------ */

static void close_engine(struct engine *engine)
{
	struct postgres *postgres = postgres_of(engine);
	if (!postgres)
		return;
	postgres_disconnect(postgres);
	base_clock_free(postgres->clock);
	if (postgres->cache)
		postgres_forget_writes(postgres);
	cache_free(postgres->cache);
	free(postgres->topics);
	free(postgres->pending);
	postgres_load_free(postgres->load);
	free(postgres->uri);
	free(postgres->shown);
	free(postgres);
}

static bool add_value(struct base_buf *buf, const char *before, const char *value)
{
	if (value && *value) {
		base_buf_add_text(buf, before);
		base_buf_add_text(buf, value);
	}
	return value && *value;
}

/*
 * The address for people: role, hosts, database, and nothing else of it. libpq's own words about a
 * malformed address quote it, password and all, so they are not passed on.
 */
static enum base_result describe(const char *uri, char **out, struct base_error *err)
{
	struct base_buf buf;
	size_t len;
	PQconninfoOption *options = PQconninfoParse(uri, NULL);
	if (!options)
		return base_fail(err, BASE_INVALID,
		                 "ledger: not an address that libpq can read; write postgresql://role@host:port/database?sslmode="
		                 "verify-full, with %%-signs for special characters");
	if (!postgres_lists_agree(options)) {
		PQconninfoFree(options);
		return base_fail(err, BASE_INVALID,
		                 "ledger: the address names hosts and ports in different numbers: give one port for all, or one for "
		                 "each host, and as many of `hostaddr` as of `host`");
	}
	const char *user = NULL, *host = NULL, *address = NULL, *port = NULL, *name = NULL;
	for (PQconninfoOption *option = options; option->keyword; option++) {
		const char **place = !strcmp(option->keyword, "user")     ? &user :
		                     !strcmp(option->keyword, "host")     ? &host :
		                     !strcmp(option->keyword, "hostaddr") ? &address :
		                     !strcmp(option->keyword, "port")     ? &port :
		                     !strcmp(option->keyword, "dbname")   ? &name :
		                                                            NULL;
		if (place)
			*place = option->val;
	}
	base_buf_init(&buf, 1000);
	base_buf_add_text(&buf, "postgresql://");
	if (add_value(&buf, "", user))
		base_buf_add_char(&buf, '@');
	add_value(&buf, "", host && *host ? host : address);
	add_value(&buf, ":", port);
	add_value(&buf, "/", name);
	enum base_result result = buf.failed ? base_fail(err, buf.failed, "ledger: the address is too long") : BASE_OK;
	if (!result)
		*out = base_buf_take(&buf, &len);
	base_buf_free(&buf);
	PQconninfoFree(options);
	return result;
}

static enum base_result make_uri(const char *where, char **out, struct base_error *err)
{
	struct base_buf buf;
	size_t len;
	base_buf_init(&buf, 65536);
	base_buf_add_text(&buf, "postgresql://");
	base_buf_add_text(&buf, where);
	if (buf.failed) {
		base_buf_free(&buf);
		return base_fail(err, BASE_LIMIT, "ledger: the address is too long");
	}
	*out = base_buf_take(&buf, &len);
	return BASE_OK;
}

static enum base_result check(const char *where, struct base_error *err)
{
	char *uri, *shown;
	enum base_result result = make_uri(where, &uri, err);
	if (result)
		return result;
	result = describe(uri, &shown, err);
	if (!result)
		free(shown);
	free(uri);
	return result;
}

static enum base_result open_connection(const char *where, struct base_log *log, bool only_existing,
                                        struct engine **out, struct base_error *err)
{
	struct postgres *postgres = calloc(1, sizeof *postgres);
	if (!postgres)
		return base_fail(err, BASE_NO_MEMORY, "ledger: out of memory");
	postgres->engine.ops = &engine_postgres;
	postgres->log = log;
	postgres->patience = POSTGRES_PATIENCE;
	postgres->hold = POSTGRES_HOLD_MOST;
	postgres->only_existing = only_existing;
	enum base_result result = base_clock_new_system(&postgres->clock);
	if (!result)
		result = cache_new(&postgres->cache);
	if (result)
		(void)base_fail(err, result, "ledger: out of memory");
	if (!result)
		result = make_uri(where, &postgres->uri, err);
	if (!result)
		result = describe(postgres->uri, &postgres->shown, err);
	if (!result) {
		result = postgres_connect(postgres);
		if (result)
			(void)base_fail(err, result, "%s", postgres->engine.reason.text);
	}
	if (result) {
		close_engine(&postgres->engine);
		return result;
	}
	*out = &postgres->engine;
	return BASE_OK;
}

static enum base_result open_engine(const char *where, struct base_log *log, struct engine **out,
                                    struct base_error *err)
{
	return open_connection(where, log, false, out, err);
}

enum base_result postgres_find(const char *where, struct base_error *err)
{
	struct engine *engine;
	enum base_result result = open_connection(where, NULL, true, &engine, err);
	if (!result)
		close_engine(engine);
	return result;
}

const struct engine_ops engine_postgres = {
	.scheme = "postgresql",
	.check = check,
	.open = open_engine,
	.close = close_engine,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.settle = settle,
	.state_get = postgres_state_get,
	.state_put = postgres_state_put,
	.prefetch = postgres_prefetch,
	.feed_get = postgres_feed_get,
	.feed_put = postgres_feed_put,
	.polls_put = postgres_polls_put,
	.entry_get = postgres_entry_get,
	.entry_find = postgres_entry_find,
	.entry_put = postgres_entry_put,
	.entry_forget = postgres_entry_forget,
	.entry_alerted = postgres_entry_alerted,
	.topic_get = postgres_topic_get,
	.topic_put = postgres_topic_put,
	.alert_put = postgres_alert_put,
	.alerts = postgres_alerts,
	.oldest = postgres_oldest,
	.sketches = postgres_sketches,
	.prune = postgres_prune,
	.backup = backup,
	.move = &postgres_move,
	.shared = &postgres_shared,
};
