/* The connection: made and used without ever blocking for longer than our patience. */
#include "postgres.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_AFTER (BASE_SECOND / 2) /* an attempt that took long is not repeated at once, for others wait meanwhile */
#define HOLD_LEAST BASE_SECOND
#define PARAMETERS_MAX 64
#define HOSTS_MAX 16
#define LIST_ITEM_MAX 256

static const struct postgres_statement set_up = {
	"set_up",
	/*
	 * A search path in the URI names another schema than ours. A node that is stopped or cut off must not hold locks for
	 * longer than the others' membership bears, so the server ends its transaction; nothing may time out a commit that
	 * waits for a standby, for that would make it look done (SyncRepWaitForLSN). Commits are durable whatever the role's
	 * default. Plans are made once, for tables that may have been small then: never by reading a whole table.
	 */
	"SELECT set_config('search_path', quote_ident(s.name), false), s.name,"
	" set_config('statement_timeout', '0', false), set_config('lock_timeout', '4s', false),"
	" set_config('idle_in_transaction_session_timeout', '10s', false),"
	" set_config('tcp_user_timeout', '10s', false), set_config('tcp_keepalives_idle', '5', false),"
	" set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false),"
	" set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
	" ELSE current_setting('synchronous_commit') END, false),"
	" set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),"
	" set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),"
	" set_config('enable_mergejoin', 'off', false),"
	" current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
	" FROM (SELECT CASE WHEN source = 'client' THEN btrim(split_part(setting, ',', 1), ' \"') ELSE 'wirewatch' END"
	" AS name FROM pg_settings WHERE name = 'search_path') AS s",
};
enum { SET_UP_SCHEMA = 1, SET_UP_ENCODING = 15, SET_UP_READ_ONLY = 16 };

/* ---- failures ------------------------------------------------------------------------ */

/* libpq ends its texts with a line feed, and writes one for each host it tried. */
static struct base_span first_line(const char *text)
{
	const char *end = text ? strchr(text, '\n') : NULL;
	struct base_span span = base_span_of(text ? text : "");
	if (end)
		span.len = (size_t)(end - text);
	return span;
}

static const char *advice_by_words(const char *text)
{
	if (strstr(text, "password authentication failed") || strstr(text, "no password supplied"))
		return "; check the role's password, or the password file that the service reads (PGPASSFILE)";
	if (strstr(text, "no pg_hba.conf entry"))
		return "; allow this node's address, role and database in the server's pg_hba.conf";
	if (strstr(text, "does not exist") && strstr(text, "database"))
		return "; create it: createdb -O ROLE NAME";
	if (strstr(text, "does not exist") && strstr(text, "role"))
		return "; create it: createuser ROLE";
	if (strstr(text, "certificate") || strstr(text, "SSL"))
		return "; check sslmode and sslrootcert in the address, and the server's certificate";
	if (strstr(text, "too many clients") || strstr(text, "too many connections") || strstr(text, "remaining connection slots"))
		return "; raise max_connections of the server, or run fewer programs on it";
	if (strstr(text, "could not translate host name"))
		return "; check the host name in `ledger`";
	if (strstr(text, "Connection refused") || strstr(text, "No such file"))
		return "; is PostgreSQL running, and does it listen there?";
	if (strstr(text, "session is read-only") || strstr(text, "server is in hot standby"))
		return "; this is a standby: name the primary, or all hosts, in `ledger`";
	return "";
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Appendix A of PostgreSQL's documentation; the most telling first. */
enum base_result postgres_class(const char *sqlstate, const char **advice)
{
	static const struct {
		const char *state;
		enum base_result result;
		const char *advice;
	} known[] = {
		{"08", BASE_NETWORK, ""},
		{"0A", BASE_UNSUPPORTED, ""},
		{"22", BASE_INVALID, ""},
		{"23505", BASE_BUSY, ""}, /* two nodes made the same row at once: the second attempt finds it */
		{"23", BASE_INVALID, ""},
		{"25006", BASE_IO, "; this is a standby, or the database is read-only: name the primary in `ledger`"},
		{"25P03", BASE_NETWORK, ""},
		{"28", BASE_DENIED, "; check the role and its password"},
		{"3D000", BASE_IO, "; create it: createdb -O ROLE NAME"},
		{"40", BASE_BUSY, ""},
		{"42501", BASE_DENIED, "; the role must own the tables and may need CREATE on the database"},
		{"42P01", BASE_DAMAGED, "; a table is gone: restore a backup, or drop the schema and restart to begin anew"},
		{"42703", BASE_DAMAGED, "; a column is gone: restore a backup, or drop the schema and restart to begin anew"},
		{"53100", BASE_IO, "; free some space on the database server's disk"},
		{"53300", BASE_BUSY, "; raise max_connections of the server, or run fewer programs on it"},
		{"53", BASE_IO, ""},
		{"54", BASE_LIMIT, ""},
		{"55P03", BASE_BUSY, ""},
		{"57014", BASE_BUSY, ""},
		{"57P", BASE_NETWORK, ""},
		{"XX001", BASE_DAMAGED, "; the database is damaged: restore a backup"},
		{"XX002", BASE_DAMAGED, "; an index of the database is damaged: REINDEX it"},
	};
	for (size_t i = 0; sqlstate && i < sizeof known / sizeof *known; i++) {
		if (starts(sqlstate, known[i].state)) {
			*advice = known[i].advice;
			return known[i].result;
		}
	}
	*advice = "";
	return BASE_IO;
}

enum base_result postgres_fail(struct postgres *postgres, const PGresult *result, const char *doing)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *advice;
	if (!state)
		return postgres_lost(postgres, doing);
	enum base_result class = postgres_class(state, &advice);
	return base_fail(&postgres->engine.reason, class, "ledger %s: %s: %s (%s)%s", postgres->shown, doing,
	                 text ? text : "no reason given", state, advice);
}

enum base_result postgres_lost(struct postgres *postgres, const char *doing)
{
	const char *text = postgres->conn ? PQerrorMessage(postgres->conn) : "";
	struct base_span line = first_line(*text ? text : "the connection is lost");
	enum base_result result = base_fail(&postgres->engine.reason, BASE_NETWORK, "ledger %s: %s: %.*s%s",
	                                    postgres->shown, doing, (int)line.len, line.ptr, advice_by_words(text));
	postgres_disconnect(postgres);
	return result;
}

void postgres_disconnect(struct postgres *postgres)
{
	PQfinish(postgres->conn);
	postgres->conn = NULL;
	postgres->pending_count = 0;
	postgres->prepared_count = 0;
	postgres->lost = postgres->in_transaction;
}

/* ---- waiting --------------------------------------------------------------------------- */

/* Until the socket is ready for events or until (monotonic) has come. *ready: which of them. */
static enum base_result wait_for(struct postgres *postgres, short events, base_time until, short *ready)
{
	struct pollfd fd = {.fd = PQsocket(postgres->conn), .events = events};
	for (;;) {
		base_time left = until - base_clock_monotonic(postgres->clock);
		if (left <= 0)
			return BASE_TIMEOUT;
		int count = poll(&fd, 1, (int)((left + 999) / 1000));
		if (count < 0 && errno != EINTR)
			return BASE_IO;
		if (count > 0) {
			*ready = fd.revents;
			return BASE_OK;
		}
	}
}

static enum base_result silent(struct postgres *postgres, const char *doing)
{
	enum base_result result =
		base_fail(&postgres->engine.reason, BASE_NETWORK, "ledger %s: %s: no answer for %d s", postgres->shown, doing,
	              (int)(postgres->patience / BASE_SECOND));
	postgres_disconnect(postgres);
	return result;
}

enum base_result postgres_next(struct postgres *postgres, PGresult **out)
{
	base_time until = base_clock_monotonic(postgres->clock) + postgres->patience;
	*out = NULL;
	int unsent = PQflush(postgres->conn);
	while (unsent > 0 || PQisBusy(postgres->conn)) {
		short ready;
		if (unsent < 0)
			return postgres_lost(postgres, "cannot send");
		if (wait_for(postgres, (short)(unsent ? POLLIN | POLLOUT : POLLIN), until, &ready))
			return silent(postgres, "cannot reach the database");
		if (ready & ~POLLOUT) {
			if (!PQconsumeInput(postgres->conn))
				return postgres_lost(postgres, "cannot receive");
			until = base_clock_monotonic(postgres->clock) + postgres->patience;
		}
		unsent = PQflush(postgres->conn);
	}
	*out = PQgetResult(postgres->conn);
	if (PQstatus(postgres->conn) != CONNECTION_BAD)
		return BASE_OK;
	/* What the server said last ("terminating connection due to ...") is in the result. */
	if (PQresultErrorField(*out, PG_DIAG_SQLSTATE)) {
		(void)postgres_fail(postgres, *out, "the connection ended");
		postgres_disconnect(postgres);
	} else {
		(void)postgres_lost(postgres, "the connection ended");
	}
	PQclear(*out);
	*out = NULL;
	return BASE_NETWORK;
}

enum base_result postgres_script(struct postgres *postgres, const char *text, const char *doing)
{
	enum base_result result = BASE_OK;
	PGresult *answer = NULL;
	if (!PQexitPipelineMode(postgres->conn) || !PQsendQuery(postgres->conn, text))
		return postgres_lost(postgres, doing);
	do {
		PQclear(answer);
		enum base_result gone = postgres_next(postgres, &answer);
		if (gone)
			return result ? result : gone;
		if (answer && !result && PQresultStatus(answer) == PGRES_FATAL_ERROR)
			result = postgres_fail(postgres, answer, doing);
	} while (answer);
	if (!PQenterPipelineMode(postgres->conn))
		return postgres_lost(postgres, doing);
	return result;
}

/* ---- connecting -------------------------------------------------------------------------- */

/* libpq's own notices ("relation exists already, skipping") are nobody's concern. */
static void no_notice(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static size_t items_of(const char *list)
{
	size_t count = 1;
	for (; list && *list; list++)
		count += *list == ',';
	return count;
}

/* Item `at` of a list with commas, of which one item stands for all. */
static const char *item_of(const char *list, size_t at, char out[LIST_ITEM_MAX])
{
	if (!list)
		return NULL;
	for (size_t skip = items_of(list) > 1 ? at : 0; skip; skip--) {
		list = strchr(list, ',');
		if (!list)
			return "";
		list++;
	}
	size_t len = strcspn(list, ",");
	if (len >= LIST_ITEM_MAX)
		return "";
	memcpy(out, list, len);
	out[len] = '\0';
	return out;
}

/* What the URI says, for one of its hosts, and what it does not say as we need it. */
struct parameters {
	const char *keywords[PARAMETERS_MAX], *values[PARAMETERS_MAX];
	size_t count;
	char host[LIST_ITEM_MAX], hostaddr[LIST_ITEM_MAX], port[LIST_ITEM_MAX];
};

static void set(struct parameters *parameters, const char *keyword, const char *value)
{
	if (!value || parameters->count + 1 >= PARAMETERS_MAX)
		return;
	parameters->keywords[parameters->count] = keyword;
	parameters->values[parameters->count++] = value;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (!strcmp(options->keyword, keyword))
			return options->val;
	return NULL;
}

static size_t hosts_of(const PQconninfoOption *options)
{
	size_t hosts = items_of(value_of(options, "host")), addresses = items_of(value_of(options, "hostaddr"));
	return hosts > addresses ? hosts : addresses;
}

bool postgres_lists_agree(const PQconninfoOption *options)
{
	static const char *const lists[] = {"host", "hostaddr", "port"};
	size_t hosts = hosts_of(options);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		size_t items = items_of(value_of(options, lists[i]));
		if (items > 1 && items != hosts)
			return false;
	}
	return true;
}

static void choose(struct parameters *parameters, const PQconninfoOption *options, size_t host)
{
	bool writable = false;
	for (const PQconninfoOption *option = options; option->keyword; option++) {
		const char *value = option->val;
		if (!strcmp(option->keyword, "host"))
			value = item_of(value, host, parameters->host);
		else if (!strcmp(option->keyword, "hostaddr"))
			value = item_of(value, host, parameters->hostaddr);
		else if (!strcmp(option->keyword, "port"))
			value = item_of(value, host, parameters->port);
		else if (!strcmp(option->keyword, "target_session_attrs"))
			writable = value != NULL;
		set(parameters, option->keyword, value);
	}
	set(parameters, "client_encoding", "UTF8");
	if (!writable)
		set(parameters, "target_session_attrs", "read-write");
	if (!value_of(options, "application_name"))
		set(parameters, "fallback_application_name", "wirewatchd");
	if (!value_of(options, "tcp_user_timeout"))
		set(parameters, "tcp_user_timeout", "10000");
}

/* One attempt, until the deadline (monotonic); the reason on failure. */
static enum base_result attempt(struct postgres *postgres, const struct parameters *parameters, base_time until)
{
	/* The name of a host is looked up by the system's resolver, in the time that it takes. */
	postgres->conn = PQconnectStartParams(parameters->keywords, parameters->values, 0);
	if (!postgres->conn)
		return base_fail(&postgres->engine.reason, BASE_NO_MEMORY, "ledger: out of memory");
	PQsetNoticeProcessor(postgres->conn, no_notice, NULL);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	while (PQstatus(postgres->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
		short ready;
		if (wait_for(postgres, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until, &ready))
			return silent(postgres, "cannot connect");
		state = PQconnectPoll(postgres->conn);
	}
	if (PQstatus(postgres->conn) != CONNECTION_OK || PQsetnonblocking(postgres->conn, 1) ||
	    !PQenterPipelineMode(postgres->conn))
		return postgres_lost(postgres, "cannot connect");
	return BASE_OK;
}

static enum base_result took_set_up(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	struct base_span schema = postgres_span_at(result, 0, SET_UP_SCHEMA);
	if (PQntuples(result) != 1 || !schema.len || schema.len >= sizeof postgres->schema)
		return base_fail(&postgres->engine.reason, BASE_INVALID, "ledger %s: the search path names no schema",
		                 postgres->shown);
	if (!base_span_is(postgres_span_at(result, 0, SET_UP_ENCODING), "UTF8"))
		return base_fail(&postgres->engine.reason, BASE_UNSUPPORTED,
		                 "ledger %s: the database is not in UTF-8; create one with createdb -E UTF8 -T template0",
		                 postgres->shown);
	if (postgres_number_at(result, 0, SET_UP_READ_ONLY))
		return base_fail(&postgres->engine.reason, BASE_IO,
		                 "ledger %s: the database is read-only, or a standby: name the primary in `ledger`",
		                 postgres->shown);
	memcpy(postgres->schema, schema.ptr, schema.len);
	postgres->schema[schema.len] = '\0';
	return BASE_OK;
}

/* In proportion to what is set for all; set_up cannot be asked twice, for then the search path is not the URI's any more. */
static enum base_result apply_hold(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
	    "hold", "SELECT set_config('lock_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $2, false)"};
	struct postgres_params params = {0};
	char lock[32], idle[32];
	(void)snprintf(lock, sizeof lock, "%dms", (int)(postgres->hold * 2 / 5 / 1000));
	(void)snprintf(idle, sizeof idle, "%dms", (int)(postgres->hold / 1000));
	postgres_add_text(&params, base_span_of(lock));
	postgres_add_text(&params, base_span_of(idle));
	return postgres_query(postgres, &statement, &params, "cannot connect", NULL, NULL);
}

enum base_result postgres_hold(struct postgres *postgres, base_time lease)
{
	base_time hold = lease / 3 < HOLD_LEAST ? HOLD_LEAST : lease / 3 > POSTGRES_HOLD_MOST ? POSTGRES_HOLD_MOST : lease / 3;
	if (hold == postgres->hold)
		return BASE_OK;
	postgres->hold = hold;
	return apply_hold(postgres);
}

/* What a new connection needs before anything else may use it. */
static enum base_result restore(struct postgres *postgres)
{
	/* A transaction has not begun yet, and the statement must not begin it. */
	bool in_transaction = postgres->in_transaction;
	postgres->in_transaction = false;
	postgres->restoring = true;
	postgres->connections++;
	/* A database that was behind the last one gives the numbers of our blocks to others, too. */
	postgres->feed_numbers_left = 0;
	postgres->feed_numbers_spare = 0;
	enum base_result result = postgres_query(postgres, &set_up, NULL, "cannot connect", took_set_up, NULL);
	if (!result && postgres->hold != POSTGRES_HOLD_MOST)
		result = apply_hold(postgres);
	if (!result)
		result = postgres_migrate(postgres);
	if (result && postgres->conn)
		postgres_disconnect(postgres);
	postgres->restoring = false;
	postgres->in_transaction = in_transaction;
	postgres->lost = false;
	return result;
}

/* Every host once, beginning with the one that answered last, each with its part of our patience. */
static enum base_result try_hosts(struct postgres *postgres, const PQconninfoOption *options)
{
	size_t count = hosts_of(options) < HOSTS_MAX ? hosts_of(options) : HOSTS_MAX;
	base_time each = count > 1 ? POSTGRES_PATIENCE / 2 : POSTGRES_PATIENCE;
	base_time last = base_clock_monotonic(postgres->clock) + 2 * POSTGRES_PATIENCE;
	enum base_result result = BASE_NETWORK;
	for (size_t i = 0; i < count; i++) {
		size_t host = (postgres->host + i) % count;
		struct parameters parameters = {.count = 0};
		base_time until = base_clock_monotonic(postgres->clock) + each;
		choose(&parameters, options, host);
		result = attempt(postgres, &parameters, until < last ? until : last);
		if (!result)
			result = restore(postgres);
		if (!result) {
			postgres->host = host;
			return BASE_OK;
		}
	}
	postgres->lost = false; /* nothing was sent yet */
	return result;
}

/* Whether the socket still has a server behind it, as far as can be told without asking. */
static bool alive(struct postgres *postgres)
{
	return postgres->conn && PQconsumeInput(postgres->conn) && PQstatus(postgres->conn) == CONNECTION_OK;
}

/* For the reason told last, if that is still there. */
static enum base_result still_out(struct postgres *postgres)
{
	if (!postgres->engine.reason.text[0])
		(void)base_fail(&postgres->engine.reason, BASE_NETWORK, "ledger %s: could not be reached a moment ago",
		                postgres->shown);
	return BASE_NETWORK;
}

enum base_result postgres_connect(struct postgres *postgres)
{
	if (postgres->lost)
		return still_out(postgres);
	if (alive(postgres))
		return BASE_OK;
	if (postgres->begun || postgres->restoring)
		return postgres_lost(postgres, "the connection ended");
	postgres_disconnect(postgres);
	postgres->lost = false;
	base_time started = base_clock_monotonic(postgres->clock);
	if (started < postgres->blocked_until)
		return still_out(postgres);
	PQconninfoOption *options = PQconninfoParse(postgres->uri, NULL);
	if (!options)
		return base_fail(&postgres->engine.reason, BASE_NO_MEMORY, "ledger: out of memory");
	enum base_result result = try_hosts(postgres, options);
	PQconninfoFree(options);
	base_time now = base_clock_monotonic(postgres->clock);
	if (result && now - started > BASE_SECOND)
		postgres->blocked_until = now + AGAIN_AFTER;
	return result;
}
