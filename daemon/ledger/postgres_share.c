/*
 * Members and leases. A lease stands as long as the membership under whose
 * token it was taken, so the end of a node frees all it held by one row. Tokens
 * become visible in their order (joins wait for each other), so whoever has
 * seen the newest one knows of every lower one whether it still stands.
 */
#include "postgres.h"

#include <string.h>

#define NOW "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
#define TELL "pg_notify('" POSTGRES_MEMBERS "', '')"
#define KEEP_NODES (30 * BASE_DAY)

enum { LIVING, LEFT, DEAD }; /* node.state */

const char postgres_share_tables[] =
    "CREATE SEQUENCE node_token;"
    /* Renewed again and again: room in the page keeps its index as it is. */
    "CREATE TABLE node (name text COLLATE \"C\" PRIMARY KEY, token bigint NOT NULL, state bigint NOT NULL,"
    " process text NOT NULL, until bigint NOT NULL, renewed bigint NOT NULL, listed bigint NOT NULL DEFAULT 0,"
    " seen bigint NOT NULL DEFAULT 0, target bigint NOT NULL DEFAULT 0, feeds bigint NOT NULL DEFAULT 0,"
    " hosts bigint NOT NULL DEFAULT 0, published bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);"
    "CREATE TABLE listing (node text COLLATE \"C\" NOT NULL, host text COLLATE \"C\" NOT NULL, digest bytea NOT NULL,"
    " feeds bigint NOT NULL, PRIMARY KEY (node, host));"
    "CREATE INDEX listing_host ON listing (host);"
    "CREATE TABLE lease (host text COLLATE \"C\" PRIMARY KEY, token bigint, offered text COLLATE \"C\")"
    " WITH (fillfactor = 80);"
    "CREATE INDEX lease_free ON lease (host) WHERE token IS NULL;";

static void add_member(struct postgres_params *params, const struct engine_member *member)
{
	postgres_add_text(params, base_span_of(member->node));
	postgres_add_number(params, (int64_t)member->token);
}

static enum base_result take_number(struct postgres *postgres, const PGresult *result, void *number)
{
	(void)postgres;
	*(int64_t *)number = PQntuples(result) ? postgres_number_at(result, 0, 0) : 0;
	return BASE_OK;
}

/* A statement that gives a row as long as the member is one. */
static enum base_result take_membership(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)ctx;
	if (PQntuples(result))
		return BASE_OK;
	return base_fail(&postgres->engine.reason, BASE_LOST, "ledger %s: this node is no longer taken for alive",
	                 postgres->shown);
}

/* ---- joining -------------------------------------------------------------------------- */

struct namesake {
	bool found;
	int64_t state, rest, age, token, others;
	char process[256];
};

static enum base_result take_namesake(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct namesake *out = ctx;
	(void)postgres;
	out->others = postgres_number_at(result, 0, 5);
	out->found = !PQgetisnull(result, 0, 0);
	if (!out->found)
		return BASE_OK;
	out->state = postgres_number_at(result, 0, 0);
	out->rest = postgres_number_at(result, 0, 1);
	out->age = postgres_number_at(result, 0, 2);
	out->token = postgres_number_at(result, 0, 3);
	struct base_span process = postgres_span_at(result, 0, 4);
	size_t len = process.len < sizeof out->process - 1 ? process.len : sizeof out->process - 1;
	memcpy(out->process, process.ptr ? process.ptr : "", len);
	out->process[len] = '\0';
	return BASE_OK;
}

static enum base_result find_namesake(struct postgres *postgres, const char *node, struct namesake *out)
{
	/* The key's halves are ours alone: "wirewatch", joining. */
	static const struct postgres_statement one_at_a_time = {
	    "join_lock", "SELECT pg_advisory_xact_lock(hashtext('wirewatch ' || current_schema()), 2)"};
	static const struct postgres_statement find = {
	    "join_find", "SELECT n.state, n.until - " NOW ", " NOW " - n.renewed, n.token, n.process,"
	                 " (SELECT count(*) FROM node o WHERE o.state = 0 AND o.name <> $1)"
	                 " FROM (SELECT 1) AS always LEFT JOIN node n ON n.name = $1"};
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(node));
	enum base_result result = postgres_send(postgres, &one_at_a_time, NULL, "cannot join", NULL, NULL);
	return result ? result : postgres_query(postgres, &find, &params, "cannot join", take_namesake, out);
}

static enum base_result may_join(struct postgres *postgres, const char *node, const struct ledger_joining *joining,
                                 const struct namesake *namesake)
{
	bool lives = namesake->found && namesake->state == LIVING && namesake->rest > 0 &&
	             (uint64_t)namesake->token != joining->replaces;
	if (lives)
		return base_fail(&postgres->engine.reason, BASE_LOST,
		                 "cluster.node: a node called %s lives already (%s, heard of %lld s ago); each needs a name of its "
		                 "own. If it is gone, its name is free in %lld s",
		                 node, namesake->process, (long long)(namesake->age / BASE_SECOND),
		                 (long long)(namesake->rest / BASE_SECOND + 1));
	if (namesake->others >= LEDGER_NODES_MOST)
		return base_fail(&postgres->engine.reason, BASE_LIMIT, "ledger %s: %d nodes live already, which is the most",
		                 postgres->shown, LEDGER_NODES_MOST);
	return BASE_OK;
}

static enum base_result enrol(struct postgres *postgres, const char *node, const struct ledger_joining *joining,
                              int64_t *token)
{
	static const struct postgres_statement forget = {
	    "join_forget", "WITH old AS (DELETE FROM node WHERE state <> 0 AND renewed < " NOW " - $1 RETURNING name)"
	                   " DELETE FROM listing USING old WHERE listing.node = old.name"};
	static const struct postgres_statement enter = {
	    "join_enter", "INSERT INTO node (name, token, state, process, until, renewed, published)"
	                  " SELECT $1, nextval('node_token'), 0, $2, t.now + $3, t.now, state.published"
	                  " FROM (SELECT " NOW " AS now) AS t, state"
	                  " ON CONFLICT (name) DO UPDATE SET token = excluded.token, state = 0, process = excluded.process,"
	                  " until = excluded.until, renewed = excluded.renewed, listed = 0, seen = 0, target = 0, feeds = 0,"
	                  " hosts = 0 RETURNING token, " TELL};
	struct postgres_params age = {0}, params = {0};
	postgres_add_number(&age, KEEP_NODES);
	postgres_add_text(&params, base_span_of(node));
	postgres_add_text(&params, base_span_of(joining->process));
	postgres_add_number(&params, joining->lease);
	enum base_result result = postgres_send(postgres, &enter, &params, "cannot join", take_number, token);
	return result ? result : postgres_query(postgres, &forget, &age, "cannot join", NULL, NULL);
}

static enum base_result join(struct engine *engine, const char *node, const struct ledger_joining *joining,
                             uint64_t *token)
{
	struct postgres *postgres = postgres_of(engine);
	struct namesake namesake = {0};
	int64_t given = 0;
	enum base_result result = postgres_hold(postgres, joining->lease);
	if (!result)
		result = engine->ops->begin(engine);
	if (result)
		return result;
	result = find_namesake(postgres, node, &namesake);
	if (!result)
		result = may_join(postgres, node, joining, &namesake);
	if (!result)
		result = enrol(postgres, node, joining, &given);
	if (!result)
		result = engine->ops->commit(engine);
	if (result)
		engine->ops->rollback(engine);
	else
		*token = (uint64_t)given;
	return result;
}

/* ---- members ---------------------------------------------------------------------------- */

static enum base_result renew(struct engine *engine, const struct engine_member *member,
                              const struct ledger_holding *holding, uint64_t published, base_time lease, bool tell)
{
	static const struct postgres_statement statement = {
	    "renew", "UPDATE node SET until = t.now + $3, renewed = t.now, target = $4, feeds = $5, hosts = $6, seen = $7,"
	             " published = $9"
	             " FROM (SELECT " NOW " AS now) AS t WHERE name = $1 AND token = $2 AND state = 0"
	             " RETURNING CASE WHEN $8 THEN " TELL " END"};
	struct postgres_params params = {0};
	add_member(&params, member);
	postgres_add_number(&params, lease);
	postgres_add_number(&params, (int64_t)(holding->target * 1000));
	postgres_add_number(&params, (int64_t)holding->feeds);
	postgres_add_number(&params, (int64_t)holding->hosts);
	postgres_add_number(&params, (int64_t)holding->seen);
	postgres_add_bool(&params, tell);
	postgres_add_number(&params, (int64_t)published);
	return postgres_query(postgres_of(engine), &statement, &params, "cannot renew the membership", take_membership, NULL);
}

static enum base_result leave(struct engine *engine, const struct engine_member *member)
{
	static const struct postgres_statement statement = {
	    "leave", "UPDATE node SET state = 1, renewed = " NOW ", until = " NOW ", feeds = 0, hosts = 0, target = 0"
	             " WHERE name = $1 AND token = $2 AND state = 0 RETURNING " TELL};
	struct postgres_params params = {0};
	add_member(&params, member);
	return postgres_query(postgres_of(engine), &statement, &params, "cannot leave", take_membership, NULL);
}

/* One that commits right now, or renews, is passed over: if it stays dead, the next look ends it. */
static enum base_result bury(struct engine *engine, size_t *ended)
{
	static const struct postgres_statement statement = {
	    "bury", "WITH silent AS MATERIALIZED (SELECT name, token FROM node WHERE state = 0 AND until < " NOW
	            " FOR UPDATE SKIP LOCKED), gone AS (UPDATE node n SET state = 2, renewed = " NOW
	            ", feeds = 0, hosts = 0, target = 0 FROM silent s WHERE n.name = s.name AND n.token = s.token RETURNING 1)"
	            " SELECT count(*), CASE WHEN count(*) > 0 THEN " TELL " END FROM gone"};
	int64_t count = 0;
	enum base_result result =
	    postgres_query(postgres_of(engine), &statement, NULL, "cannot look for silent nodes", take_number, &count);
	if (!result)
		*ended = (size_t)count;
	return result;
}

struct node_reader {
	ledger_node_fn *each;
	void *ctx;
};

static enum base_result take_nodes(struct postgres *postgres, const PGresult *result, void *ctx)
{
	const struct node_reader *reader = ctx;
	enum base_result failed = BASE_OK;
	(void)postgres;
	for (int row = 0; row < PQntuples(result) && !failed; row++) {
		const struct ledger_node node = {
		    .name = PQgetvalue(result, row, 0),
		    .process = PQgetvalue(result, row, 1),
		    .state = (enum ledger_node_state)postgres_number_at(result, row, 2),
		    .token = (uint64_t)postgres_number_at(result, row, 3),
		    .listed = (uint64_t)postgres_number_at(result, row, 4),
		    .published = (uint64_t)postgres_number_at(result, row, 5),
		    .holding = {.target = (double)postgres_number_at(result, row, 6) / 1000,
		                .feeds = (uint64_t)postgres_number_at(result, row, 7),
		                .hosts = (uint64_t)postgres_number_at(result, row, 8),
		                .seen = (uint64_t)postgres_number_at(result, row, 9)},
		    .renewed = postgres_number_at(result, row, 10),
		    .rest = postgres_number_at(result, row, 11),
		};
		failed = reader->each(reader->ctx, &node);
	}
	return failed;
}

static enum base_result nodes(struct engine *engine, ledger_node_fn *each, void *ctx)
{
	static const struct postgres_statement statement = {
	    "nodes", "SELECT name, process, state, token, listed, published, target, feeds, hosts, seen, renewed, until - " NOW " FROM node ORDER BY name"};
	struct node_reader reader = {.each = each, .ctx = ctx};
	return postgres_query(postgres_of(engine), &statement, NULL, "cannot read the nodes", take_nodes, &reader);
}

/* ---- what nodes list ------------------------------------------------------------------------ */

static enum base_result list(struct engine *engine, const struct engine_member *member,
                             const struct ledger_listed *hosts, size_t count, const char *after, bool to_end)
{
	static const struct postgres_statement statement = {
	    "list", "WITH new AS MATERIALIZED (SELECT * FROM unnest($2, $3, $4) AS t (host, digest, feeds)),"
	            " gone AS (DELETE FROM listing l USING (SELECT host FROM listing WHERE node = $1 AND host > $5"
	            " AND ($6 OR host <= $7) EXCEPT SELECT host FROM new) AS g WHERE l.node = $1 AND l.host = g.host),"
	            " free AS (INSERT INTO lease (host) SELECT host FROM new ORDER BY host COLLATE \"C\" ON CONFLICT DO NOTHING)"
	            " INSERT INTO listing (node, host, digest, feeds) SELECT $1, host, digest, feeds FROM new"
	            " ON CONFLICT (node, host) DO UPDATE SET digest = excluded.digest, feeds = excluded.feeds"
	            " WHERE (listing.digest, listing.feeds) IS DISTINCT FROM (excluded.digest, excluded.feeds)"};
	struct postgres_array names, digests, feeds;
	postgres_texts(&names);
	postgres_byte_rows(&digests);
	postgres_numbers(&feeds);
	for (size_t i = 0; i < count; i++) {
		postgres_push(&names, base_span_of(hosts[i].host));
		postgres_push(&digests, (struct base_span){(const char *)hosts[i].digest, LEDGER_DIGEST_LEN});
		postgres_push_number(&feeds, hosts[i].feeds);
	}
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(member->node));
	postgres_add_array(&params, &names);
	postgres_add_array(&params, &digests);
	postgres_add_array(&params, &feeds);
	postgres_add_text(&params, base_span_of(after));
	postgres_add_bool(&params, to_end);
	postgres_add_text(&params, base_span_of(count ? hosts[count - 1].host : ""));
	enum base_result result =
	    postgres_query(postgres_of(engine), &statement, &params, "cannot store what this node lists", NULL, NULL);
	postgres_array_free(&names);
	postgres_array_free(&digests);
	postgres_array_free(&feeds);
	return result;
}

static enum base_result listed(struct engine *engine, const struct engine_member *member, uint64_t version)
{
	static const struct postgres_statement statement = {
	    "listed", "UPDATE node SET listed = $3 WHERE name = $1 AND token = $2 AND state = 0 RETURNING " TELL};
	struct postgres_params params = {0};
	add_member(&params, member);
	postgres_add_number(&params, (int64_t)version);
	return postgres_query(postgres_of(engine), &statement, &params, "cannot store what this node lists", take_membership,
	                      NULL);
}

/* ---- leases ------------------------------------------------------------------------------------ */

struct lease_reader {
	ledger_lease_fn *each;
	void *ctx;
};

static enum base_result take_leases(struct postgres *postgres, const PGresult *result, void *ctx)
{
	const struct lease_reader *reader = ctx;
	enum base_result failed = BASE_OK;
	(void)postgres;
	for (int row = 0; row < PQntuples(result) && !failed; row++) {
		const struct ledger_lease lease = {
		    .host = PQgetvalue(result, row, 0),
		    .offered = PQgetisnull(result, row, 1) ? NULL : PQgetvalue(result, row, 1),
		    .token = (uint64_t)postgres_number_at(result, row, 2),
		    .listers = (uint64_t)postgres_number_at(result, row, 3),
		    .differ = postgres_number_at(result, row, 4) != 0,
		};
		failed = reader->each(reader->ctx, &lease);
	}
	return failed;
}

static enum base_result leases(struct engine *engine, const char *node, const char *after, const char *const *living,
                               size_t count, ledger_lease_fn *each, void *ctx)
{
	static const struct postgres_statement statement = {
	    "leases", "SELECT m.host, l.offered, l.token, bit_or(1::bigint << (array_position($4, o.node) - 1)),"
	              " bool_or(o.digest <> m.digest)"
	              " FROM (SELECT host, digest FROM listing WHERE node = $1 AND host > $2 ORDER BY host LIMIT $3) AS m"
	              " LEFT JOIN lease l ON l.host = m.host LEFT JOIN listing o ON o.host = m.host AND o.node = ANY ($4)"
	              " GROUP BY m.host, l.offered, l.token ORDER BY m.host"};
	struct postgres_array names;
	postgres_texts(&names);
	for (size_t i = 0; i < count; i++)
		postgres_push(&names, base_span_of(living[i]));
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(node));
	postgres_add_text(&params, base_span_of(after));
	postgres_add_number(&params, ENGINE_PIECE);
	postgres_add_array(&params, &names);
	struct lease_reader reader = {.each = each, .ctx = ctx};
	enum base_result result =
	    postgres_query(postgres_of(engine), &statement, &params, "cannot read the leases", take_leases, &reader);
	postgres_array_free(&names);
	return result;
}

static enum base_result free_leases(struct engine *engine, const char *node, const char *after, ledger_lease_fn *each,
                                    void *ctx)
{
	static const struct postgres_statement statement = {
	    "free_leases", "SELECT l.host, l.offered, 0::bigint, 0::bigint, false FROM lease l WHERE l.token IS NULL"
	                   " AND l.host > $2 AND EXISTS (SELECT FROM listing m WHERE m.node = $1 AND m.host = l.host)"
	                   " ORDER BY l.host LIMIT $3"};
	struct postgres_params params = {0};
	postgres_add_text(&params, base_span_of(node));
	postgres_add_text(&params, base_span_of(after));
	postgres_add_number(&params, ENGINE_PIECE);
	struct lease_reader reader = {.each = each, .ctx = ctx};
	return postgres_query(postgres_of(engine), &statement, &params, "cannot read the leases", take_leases, &reader);
}

struct taker {
	const char *const *hosts;
	size_t count;
	bool *taken;
};

/* The first row is the membership, the others are places in the list of hosts asked for. */
static enum base_result take_taken(struct postgres *postgres, const PGresult *result, void *ctx)
{
	const struct taker *taker = ctx;
	enum base_result failed = take_membership(postgres, result, NULL);
	for (int row = 1; row < PQntuples(result) && !failed; row++) {
		int64_t at = postgres_number_at(result, row, 0);
		if (at < 1 || (uint64_t)at > taker->count)
			return base_fail(&postgres->engine.reason, BASE_DAMAGED, "ledger %s: a lease that was not asked for",
			                 postgres->shown);
		taker->taken[at - 1] = true;
	}
	return failed;
}

static enum base_result take(struct engine *engine, const struct engine_member *member,
                             const struct ledger_tokens *tokens, const char *const *hosts, size_t count, bool *taken)
{
	static const struct postgres_statement statement = {
	    "take", "WITH me AS MATERIALIZED (SELECT 0::bigint AS at FROM node WHERE name = $1 AND token = $2 AND state = 0"
	            " FOR SHARE), free AS MATERIALIZED (SELECT l.host, a.at FROM unnest($3) WITH ORDINALITY AS a (host, at)"
	            " JOIN lease l ON l.host = a.host WHERE EXISTS (SELECT FROM me)"
	            " AND (l.token IS NULL OR l.token = $2 OR (l.token <> ALL ($4) AND l.token <= $5))"
	            " ORDER BY l.host FOR UPDATE OF l SKIP LOCKED),"
	            " got AS (UPDATE lease l SET token = $2, offered = NULL FROM free f WHERE l.host = f.host RETURNING f.at)"
	            " SELECT at FROM me UNION ALL SELECT at FROM got"};
	struct postgres_array names, living;
	postgres_texts(&names);
	for (size_t i = 0; i < count; i++)
		postgres_push(&names, base_span_of(hosts[i]));
	postgres_numbers(&living);
	for (size_t i = 0; i < tokens->count; i++)
		postgres_push_number(&living, (int64_t)tokens->living[i]);
	struct postgres_params params = {0};
	add_member(&params, member);
	postgres_add_array(&params, &names);
	postgres_add_array(&params, &living);
	postgres_add_number(&params, (int64_t)tokens->newest);
	struct taker taker = {.hosts = hosts, .count = count, .taken = taken};
	enum base_result result =
	    postgres_query(postgres_of(engine), &statement, &params, "cannot take leases", take_taken, &taker);
	postgres_array_free(&names);
	postgres_array_free(&living);
	return result;
}

static enum base_result release(struct engine *engine, const struct engine_member *member, const char *const *hosts,
                                const char *const *offered, size_t count)
{
	static const struct postgres_statement statement = {
	    "release", "WITH given AS (UPDATE lease l SET token = NULL, offered = o.offered"
	               " FROM unnest($2, $3) AS o (host, offered) WHERE l.host = o.host AND l.token = $1 RETURNING 1)"
	               " SELECT count(*), " TELL " FROM given"};
	struct postgres_array names, offers;
	postgres_texts(&names);
	postgres_texts(&offers);
	for (size_t i = 0; i < count; i++) {
		postgres_push(&names, base_span_of(hosts[i]));
		postgres_push(&offers, base_span_of(offered[i]));
	}
	struct postgres_params params = {0};
	postgres_add_number(&params, (int64_t)member->token);
	postgres_add_array(&params, &names);
	postgres_add_array(&params, &offers);
	enum base_result result =
	    postgres_query(postgres_of(engine), &statement, &params, "cannot give leases back", NULL, NULL);
	postgres_array_free(&names);
	postgres_array_free(&offers);
	return result;
}

const struct engine_shared_ops postgres_shared = {
	.fence = postgres_fence,
	.state_lock = postgres_state_lock,
	.sketches_between = postgres_sketches_between,
	.published_get = postgres_published_get,
	.published_put = postgres_published_put,
	.published_least = postgres_published_least,
	.batch_is_known = postgres_batch_is_known,
	.wake_fd = postgres_wake_fd,
	.connection = postgres_connection,
	.woken = postgres_woken,
	.join = join,
	.renew = renew,
	.leave = leave,
	.bury = bury,
	.nodes = nodes,
	.list = list,
	.listed = listed,
	.leases = leases,
	.free_leases = free_leases,
	.take = take,
	.release = release,
};
