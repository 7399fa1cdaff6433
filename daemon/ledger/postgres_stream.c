/*
 * One stream of alerts from several nodes: who gives sequences holds the
 * state's row, who has stored alerts says so, and each node notes how far it
 * has published.
 */
#include "postgres.h"

#include <string.h>

#define CHANNEL "wirewatch_alerts"
#define SKETCHES_PIECE 500

/* ---- inside a commit ---------------------------------------------------------------- */

static enum base_result took_member(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	if (PQntuples(result))
		return BASE_OK;
	return base_fail(&postgres->engine.reason, BASE_LOST,
	                 "ledger %s: this node lost its leases meanwhile, others poll its feeds now", postgres->shown);
}

/* The row stays locked, so that nobody can declare the node dead before its commit. Waits for nothing: any sync takes it. */
enum base_result postgres_fence(struct engine *engine, const char *node, uint64_t token)
{
	static const struct postgres_statement statement = {
		"fence", "SELECT 1 FROM node WHERE name = $1 AND token = $2 AND state = 0 FOR SHARE"};
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(node));
	postgres_add_number(&params, (int64_t)token);
	return postgres_send(postgres_of(engine), &statement, &params, "cannot store", took_member, NULL);
}

static enum base_result took_state(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct engine_state *out = ctx;
	if (PQntuples(result) != 1)
		return base_fail(&postgres->engine.reason, BASE_DAMAGED, "ledger %s has no state: restore a backup",
		                 postgres->shown);
	*out = (struct engine_state){.epoch = (uint64_t)postgres_number_at(result, 0, 0),
	                             .sequence = (uint64_t)postgres_number_at(result, 0, 1)};
	return BASE_OK;
}

/* One round trip: what is read behind the lock is what was committed before it. The others are woken by the commit. */
enum base_result postgres_state_lock(struct engine *engine, struct engine_state *out)
{
	static const struct postgres_statement lock = {"state_lock",
	                                               "SELECT epoch, sequence FROM state WHERE id = 1 FOR UPDATE"};
	static const struct postgres_statement notify = {"notify", "SELECT pg_notify('" CHANNEL "', '')"};
	struct postgres *postgres = postgres_of(engine);
	enum base_result result = postgres_send(postgres, &lock, NULL, "cannot give sequences", took_state, out);
	postgres->topics_read = false;
	if (!result)
		result = postgres_expect_topics(postgres);
	if (!result)
		result = postgres_send(postgres, &notify, NULL, "cannot wake the other nodes", NULL, NULL);
	return result ? result : postgres_sync(postgres);
}

enum base_result postgres_batch_is_known(struct engine *engine, const char *url, uint64_t batch, bool *known)
{
	struct cache_feed *feed;
	enum base_result result = postgres_find_feed(postgres_of(engine), url, &feed);
	if (!result)
		*known = feed->there && feed->batch == batch;
	return result;
}

/* ---- what others stored ---------------------------------------------------------------- */

struct sketches {
	ledger_sketch_fn *each;
	void *ctx;
	uint64_t last;
	int rows;
};

static enum base_result took_sketches(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct sketches *sketches = ctx;
	enum base_result failed = BASE_OK;
	(void)postgres;
	sketches->rows = PQntuples(result);
	for (int row = 0; row < sketches->rows && !failed; row++) {
		sketches->last = (uint64_t)postgres_number_at(result, row, 0);
		failed = sketches->each(sketches->ctx, postgres_span_at(result, row, 1));
	}
	return failed;
}

enum base_result postgres_sketches_between(struct engine *engine, uint64_t after, uint64_t upto, ledger_sketch_fn *each,
                                           void *ctx)
{
	static const struct postgres_statement statement = {
		"sketches_between",
		"SELECT sequence, sketch FROM alert WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT $3"};
	struct sketches sketches = {.each = each, .ctx = ctx, .last = after, .rows = SKETCHES_PIECE};
	enum base_result result = BASE_OK;
	while (!result && sketches.rows == SKETCHES_PIECE) {
		struct postgres_params params = {0};
		postgres_add_number(&params, (int64_t)sketches.last);
		postgres_add_number(&params, (int64_t)upto);
		postgres_add_number(&params, SKETCHES_PIECE);
		result = postgres_query(postgres_of(engine), &statement, &params, "cannot read", took_sketches, &sketches);
	}
	return result;
}

/* ---- how far each node has published ------------------------------------------------------ */

struct published {
	bool found;
	uint64_t sequence;
};

static enum base_result took_published(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct published *out = ctx;
	(void)postgres;
	out->found = PQntuples(result) && !PQgetisnull(result, 0, 0);
	if (out->found)
		out->sequence = (uint64_t)postgres_number_at(result, 0, 0);
	return BASE_OK;
}

enum base_result postgres_published_get(struct engine *engine, const char *node, uint64_t *published)
{
	static const struct postgres_statement statement = {"published_get",
	                                                    "SELECT published FROM node WHERE name = $1"};
	struct published found = {0};
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(node));
	enum base_result result =
		postgres_query(postgres_of(engine), &statement, &params, "cannot read", took_published, &found);
	if (!result && !found.found)
		return BASE_NOT_FOUND;
	if (!result)
		*published = found.sequence;
	return result;
}

enum base_result postgres_published_put(struct engine *engine, const char *node, uint64_t published)
{
	struct postgres *postgres = postgres_of(engine);
	postgres->publisher = node;
	postgres->published = published;
	return BASE_OK;
}

/* Who publishes and polls nothing is no member, and has a row all the same: of a node that left. */
enum base_result postgres_send_published(struct postgres *postgres)
{
	static const struct postgres_statement statement = {
		"published_put",
		"INSERT INTO node (name, token, state, process, until, renewed, published) SELECT $1, 0, 1, '', 0,"
		" (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $2"
		" ON CONFLICT (name) DO UPDATE SET published = excluded.published"};
	struct postgres_params params = {0};
	if (!postgres->publisher)
		return BASE_OK;
	postgres_add_text(&params, base_span_of(postgres->publisher));
	postgres_add_number(&params, (int64_t)postgres->published);
	postgres->publisher = NULL;
	return postgres_send(postgres, &statement, &params, "cannot store", NULL, NULL);
}

enum base_result postgres_published_least(struct engine *engine, uint64_t *published)
{
	static const struct postgres_statement statement = {
		"published_least", "SELECT min(published) FROM node WHERE state = 0"};
	struct published found = {0};
	enum base_result result =
		postgres_query(postgres_of(engine), &statement, NULL, "cannot read", took_published, &found);
	if (!result)
		*published = found.found ? found.sequence : UINT64_MAX;
	return result;
}

/* ---- being woken ------------------------------------------------------------------------------ */

uint64_t postgres_connection(const struct engine *engine)
{
	return ((const struct postgres *)engine)->connections;
}

int postgres_wake_fd(struct engine *engine)
{
	struct postgres *postgres = postgres_of(engine);
	return postgres->conn ? PQsocket(postgres->conn) : -1;
}

/* On a connection that does not listen yet; what was said before is lost. */
static enum base_result listen_anew(struct postgres *postgres)
{
	static const struct postgres_statement alerts = {"listen_alerts", "LISTEN " CHANNEL};
	static const struct postgres_statement members = {"listen_members", "LISTEN " POSTGRES_MEMBERS};
	enum base_result result = postgres_send(postgres, &alerts, NULL, "cannot listen", NULL, NULL);
	if (!result)
		result = postgres_query(postgres, &members, NULL, "cannot listen", NULL, NULL);
	if (!result)
		postgres->listens = postgres->connections;
	return result;
}

enum base_result postgres_woken(struct engine *engine, bool *alerts, bool *members)
{
	struct postgres *postgres = postgres_of(engine);
	enum base_result result = postgres_connect(postgres);
	if (result)
		return result;
	if (postgres->listens != postgres->connections) {
		*alerts = *members = true;
		return listen_anew(postgres);
	}
	for (PGnotify *note; (note = PQnotifies(postgres->conn)); PQfreemem(note)) {
		if (note->be_pid == PQbackendPID(postgres->conn))
			continue;
		*alerts |= !strcmp(note->relname, CHANNEL);
		*members |= !strcmp(note->relname, POSTGRES_MEMBERS);
	}
	return BASE_OK;
}
