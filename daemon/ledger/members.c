/* Several nodes: memberships and leases, in pieces that a database serves at once. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

static const struct engine_shared_ops *ops_of(const struct ledger *ledger)
{
	return ledger->engine->ops->shared;
}

static struct engine_member member_of(const struct ledger *ledger)
{
	return (struct engine_member){.node = ledger->node, .token = ledger->token};
}

/* A node that finds itself ended is no member any more. */
static enum base_result ended(struct ledger *ledger, enum base_result result)
{
	if (result == BASE_LOST)
		ledger->token = 0;
	return result;
}

/* ---- memberships --------------------------------------------------------------- */

enum base_result ledger_nodes(struct ledger *ledger, ledger_node_fn *each, void *ctx)
{
	return ops_of(ledger)->nodes(ledger->engine, each, ctx);
}

enum base_result ledger_join(struct ledger *ledger, const struct ledger_joining *joining, struct base_error *err)
{
	uint64_t token;
	enum base_result result = ops_of(ledger)->join(ledger->engine, ledger->node, joining, &token);
	if (result)
		return base_fail(err, result, "%s", ledger->engine->reason.text);
	ledger->token = token;
	ledger->lease = joining->lease;
	ledger->seen_told = 0;
	return BASE_OK;
}

uint64_t ledger_token(const struct ledger *ledger)
{
	return ledger->token;
}

enum base_result ledger_renew(struct ledger *ledger, const struct ledger_holding *holding)
{
	if (!ledger->token)
		return BASE_LOST;
	const struct engine_member member = member_of(ledger);
	bool tell = holding->seen != ledger->seen_told;
	uint64_t published = ledger->state.published;
	enum base_result result = ops_of(ledger)->renew(ledger->engine, &member, holding, published, ledger->lease, tell);
	if (!result) {
		ledger->seen_told = holding->seen;
		ledger->published_stored = published;
	}
	return ended(ledger, result);
}

enum base_result ledger_leave(struct ledger *ledger)
{
	if (!ledger->token)
		return BASE_OK;
	const struct engine_member member = member_of(ledger);
	enum base_result result = ops_of(ledger)->leave(ledger->engine, &member);
	if (!result)
		ledger->token = 0;
	return ended(ledger, result);
}

enum base_result ledger_bury(struct ledger *ledger, size_t *count)
{
	return ops_of(ledger)->bury(ledger->engine, count);
}

/* ---- leases ---------------------------------------------------------------------- */

enum base_result ledger_list(struct ledger *ledger, const struct ledger_listed *hosts, size_t count, uint64_t version)
{
	const struct engine_shared_ops *ops = ops_of(ledger);
	const struct engine_member member = member_of(ledger);
	enum base_result result = BASE_OK;
	size_t at = 0;
	do {
		size_t piece = count - at < ENGINE_PIECE ? count - at : ENGINE_PIECE;
		result = ops->list(ledger->engine, &member, hosts + at, piece, at ? hosts[at - 1].host : "", at + piece == count);
		at += piece;
	} while (!result && at < count);
	if (!result)
		result = ops->listed(ledger->engine, &member, version);
	return ended(ledger, result);
}

struct walk { /* through hosts, a piece at a time */
	ledger_lease_fn *each;
	void *ctx;
	size_t count;
	char *last;
};

static enum base_result walk_one(void *ctx, const struct ledger_lease *lease)
{
	struct walk *walk = ctx;
	char *last = strdup(lease->host);
	if (!last)
		return BASE_NO_MEMORY;
	free(walk->last);
	walk->last = last;
	walk->count++;
	return walk->each(walk->ctx, lease);
}

enum base_result ledger_leases(struct ledger *ledger, const char *const *living, size_t count, ledger_lease_fn *each,
                               void *ctx)
{
	struct walk walk = {.each = each, .ctx = ctx};
	enum base_result result;
	do {
		walk.count = 0;
		result = ops_of(ledger)->leases(ledger->engine, ledger->node, walk.last ? walk.last : "", living, count, walk_one,
		                                &walk);
	} while (!result && walk.count == ENGINE_PIECE);
	free(walk.last);
	return result;
}

enum base_result ledger_free_leases(struct ledger *ledger, ledger_lease_fn *each, void *ctx)
{
	struct walk walk = {.each = each, .ctx = ctx};
	enum base_result result;
	do {
		walk.count = 0;
		result = ops_of(ledger)->free_leases(ledger->engine, ledger->node, walk.last ? walk.last : "", walk_one, &walk);
	} while (!result && walk.count == ENGINE_PIECE);
	free(walk.last);
	return result;
}

enum base_result ledger_take(struct ledger *ledger, const struct ledger_tokens *tokens, const char *const *hosts,
                             size_t count, bool *taken)
{
	if (!ledger->token)
		return BASE_LOST;
	const struct engine_member member = member_of(ledger);
	enum base_result result = BASE_OK;
	memset(taken, 0, count * sizeof *taken);
	for (size_t at = 0; at < count && !result; at += ENGINE_PIECE) {
		size_t piece = count - at < ENGINE_PIECE ? count - at : ENGINE_PIECE;
		result = ops_of(ledger)->take(ledger->engine, &member, tokens, hosts + at, piece, taken + at);
	}
	return ended(ledger, result);
}

enum base_result ledger_release(struct ledger *ledger, const char *const *hosts, const char *const *offered,
                                size_t count)
{
	if (!ledger->token)
		return BASE_LOST;
	const struct engine_member member = member_of(ledger);
	enum base_result result = BASE_OK;
	for (size_t at = 0; at < count && !result; at += ENGINE_PIECE) {
		size_t piece = count - at < ENGINE_PIECE ? count - at : ENGINE_PIECE;
		result = ops_of(ledger)->release(ledger->engine, &member, hosts + at, offered + at, piece);
	}
	return result;
}
