/*
 * A ledger that several nodes share: what others stored is handed on and told
 * to the stories before anything of ours comes after it.
 */
#include "ledger.h"

#include <inttypes.h>

#define PIECE 500        /* alerts handed on before the caller may do something else */
#define PLACED_AGAIN 200   /* alerts placed again while the other nodes wait: about ten milliseconds */
#define GIVEN_WAY_MOST 3 /* then they wait, however many alerts there are */

bool ledger_is_shared(const struct ledger *ledger)
{
	return ledger->engine->ops->shared;
}

void ledger_use_stories(struct ledger *ledger, struct alert_stories *stories)
{
	ledger->stories = stories;
}

/* ---- inside a commit ------------------------------------------------------------- */

enum base_result shared_fence(struct ledger *ledger, const struct ledger_batch *batches, size_t count)
{
	uint64_t checked = 0;
	for (size_t i = 0; i < count; i++) {
		if (!batches[i].lease || batches[i].lease == checked)
			continue;
		enum base_result result = ledger->engine->ops->shared->fence(ledger->engine, ledger->node, batches[i].lease);
		if (result)
			return result;
		checked = batches[i].lease;
	}
	return BASE_OK;
}

enum base_result shared_is_known(struct ledger *ledger, const struct ledger_batch *batch, bool *known)
{
	*known = false;
	return batch->number ? ledger->engine->ops->shared->batch_is_known(ledger->engine, batch->feed.url, batch->number, known)
	                     : BASE_OK;
}

static enum base_result tell_one(void *ctx, struct base_span sketch)
{
	struct ledger *ledger = ctx;
	enum base_result result = alert_stories_restore(ledger->stories, sketch);
	if (result != BASE_DAMAGED)
		return result;
	base_log(ledger->log, BASE_WARNING, "ledger", "a stored story sketch is unreadable and was left out");
	return BASE_OK;
}

/* The stories learn what was stored up to a sequence. What they hold of alerts not stored yet is taken back. */
static enum base_result tell(struct ledger *ledger, uint64_t upto)
{
	if (ledger->stories && upto > ledger->told) {
		struct base_error *reason = &ledger->engine->reason;
		reason->text[0] = '\0';
		enum base_result result =
			ledger->engine->ops->shared->sketches_between(ledger->engine, ledger->told, upto, tell_one, ledger);
		if (result)
			return reason->text[0] ? result : base_fail(reason, result, "the stories: %s", base_result_text(result));
	}
	if (upto > ledger->told)
		ledger->told = upto;
	return BASE_OK;
}

static size_t alerts_of(const struct ledger_batch *batches, size_t count)
{
	size_t alerts = 0;
	for (size_t i = 0; i < count; i++)
		alerts += batches[i].alert_count;
	return alerts;
}

static enum base_result place_again(struct ledger *ledger, const struct ledger_batch *batches, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < batches[i].alert_count; k++) {
			enum base_result result = alert_stories_place(ledger->stories, batches[i].alerts[k]);
			if (result)
				return base_fail(&ledger->engine->reason, result, "an alert has no place among the stories: %s",
				                 base_result_text(result));
		}
	return BASE_OK;
}

/* ---- a database that lost commits ------------------------------------------------------ */

static uint64_t known_to(const struct ledger *ledger)
{
	return ledger->state.sequence > ledger->told ? ledger->state.sequence : ledger->told;
}

/* A standby that took over without the last commits: their sequences are not given again, readers know other alerts by them. */
static void check_back(struct ledger *ledger, struct engine_state *state)
{
	uint64_t known = known_to(ledger);
	if (state->sequence >= known)
		return;
	base_log(ledger->log, BASE_ERROR, "ledger",
	         "the database has lost the alerts %" PRIu64 " to %" PRIu64 "; is its standby synchronous? Feeds are read anew",
	         state->sequence + 1, known);
	state->sequence = known;
	ledger->went_back = true;
}

static enum base_result lift(struct ledger *ledger)
{
	const struct engine_ops *ops = ledger->engine->ops;
	struct engine_state state;
	enum base_result result = ops->begin(ledger->engine);
	if (result)
		return result;
	result = ops->shared->state_lock(ledger->engine, &state);
	if (!result && state.epoch == ledger->state.epoch && state.sequence < known_to(ledger)) {
		check_back(ledger, &state);
		state.published = state.sequence; /* where a new node begins */
		result = ops->state_put(ledger->engine, &state);
	}
	if (!result)
		result = ops->commit(ledger->engine);
	if (result)
		ops->rollback(ledger->engine);
	return result;
}

static enum base_result see_one(void *ctx, const struct ledger_message *message)
{
	*(uint64_t *)ctx = message->sequence;
	return BASE_STOPPED;
}

/* Another node may have lifted the sequence already: then the last alert known here is missing among older and newer ones. */
static enum base_result look_back(struct ledger *ledger)
{
	const struct engine_ops *ops = ledger->engine->ops;
	struct engine_state state;
	uint64_t known = known_to(ledger), found = 0, oldest = 0;
	bool more;
	enum base_result result = ops->state_get(ledger->engine, &state);
	if (result || !known)
		return result;
	if (state.sequence < known)
		return lift(ledger);
	result = ops->alerts(ledger->engine, known - 1, BASE_NONE, 1, see_one, &found, &more);
	if (result && result != BASE_STOPPED)
		return result;
	result = ops->oldest(ledger->engine, &oldest);
	if (!result && found != known && oldest && oldest < known) {
		base_log(ledger->log, BASE_ERROR, "ledger",
		         "the database has lost alerts up to %" PRIu64 "; is its standby synchronous? Feeds are read anew", known);
		ledger->went_back = true;
	}
	return result;
}

bool ledger_went_back(struct ledger *ledger)
{
	bool went_back = ledger->went_back;
	ledger->went_back = false;
	return went_back;
}

/* What takes long is not done while the other nodes wait, unless it was put off again and again. */
static bool give_way(struct ledger *ledger)
{
	if (ledger->changed == GIVEN_WAY_MOST)
		return false;
	ledger->changed++;
	(void)base_fail(&ledger->engine->reason, BASE_CHANGED, "other nodes have stored alerts meanwhile");
	return true;
}

enum base_result shared_lock(struct ledger *ledger, const struct ledger_batch *batches, size_t count,
                             struct engine_state *out)
{
	struct engine_state state;
	enum base_result result = ledger->engine->ops->shared->state_lock(ledger->engine, &state);
	if (result)
		return result;
	if (state.epoch != ledger->state.epoch)
		return base_fail(&ledger->engine->reason, BASE_DAMAGED, "the database holds another ledger now: start again");
	check_back(ledger, &state);
	if (state.sequence - ledger->told > PIECE && give_way(ledger))
		return BASE_CHANGED;
	state.published = ledger->state.published;
	bool behind = state.sequence > ledger->told;
	result = tell(ledger, state.sequence);
	if (result)
		return result;
	if (behind && ledger->stories) {
		if (alerts_of(batches, count) > PLACED_AGAIN && give_way(ledger))
			return BASE_CHANGED;
		result = place_again(ledger, batches, count);
	}
	if (!result)
		*out = state;
	return result;
}

/* ---- handing on ------------------------------------------------------------------- */

struct handing {
	struct ledger *ledger;
	ledger_message_fn *each;
	void *ctx;
	uint64_t upto;
	bool beyond;
};

static enum base_result hand_on_one(void *ctx, const struct ledger_message *message)
{
	struct handing *handing = ctx;
	struct ledger_message out = *message;
	if (message->sequence > handing->upto) {
		handing->beyond = true;
		return BASE_STOPPED;
	}
	out.read_back = true;
	enum base_result result = handing->each ? handing->each(handing->ctx, &out) : BASE_OK;
	if (!result)
		handing->ledger->state.sequence = message->sequence;
	return result;
}

static enum base_result hand_on_piece(struct handing *handing, bool *more)
{
	struct ledger *ledger = handing->ledger;
	enum base_result result = ledger->engine->ops->alerts(ledger->engine, ledger->state.sequence, BASE_NONE, PIECE,
	                                                      hand_on_one, handing, more);
	return handing->beyond && result == BASE_STOPPED ? BASE_OK : result;
}

enum base_result shared_hand_on(struct ledger *ledger, uint64_t upto, ledger_message_fn *each, void *ctx)
{
	struct handing handing = {.ledger = ledger, .each = each, .ctx = ctx, .upto = upto};
	bool more = true;
	while (ledger->state.sequence < upto && more && !handing.beyond) {
		enum base_result result = hand_on_piece(&handing, &more);
		if (result)
			return result;
	}
	if (ledger->state.sequence < upto)
		ledger->state.sequence = upto; /* the rest is pruned, or was lost with a database */
	return BASE_OK;
}

enum base_result ledger_follow(struct ledger *ledger, ledger_message_fn *each, void *ctx, bool *more)
{
	struct handing handing = {.ledger = ledger, .each = each, .ctx = ctx, .upto = UINT64_MAX};
	*more = false;
	if (!ledger_is_shared(ledger))
		return BASE_OK;
	enum base_result result = hand_on_piece(&handing, more);
	return result ? result : tell(ledger, ledger->state.sequence);
}

int ledger_wake_fd(struct ledger *ledger)
{
	return ledger_is_shared(ledger) ? ledger->engine->ops->shared->wake_fd(ledger->engine) : -1;
}

enum base_result ledger_woken(struct ledger *ledger, bool *alerts, bool *members)
{
	*alerts = *members = false;
	if (!ledger_is_shared(ledger))
		return BASE_OK;
	const struct engine_shared_ops *shared = ledger->engine->ops->shared;
	enum base_result result = shared->woken(ledger->engine, alerts, members);
	if (!result && shared->connection(ledger->engine) != ledger->looked) {
		result = look_back(ledger);
		if (!result)
			ledger->looked = shared->connection(ledger->engine);
	}
	return result;
}

enum base_result ledger_latest(struct ledger *ledger, uint64_t *sequence)
{
	struct engine_state state = ledger->state;
	if (ledger_is_shared(ledger)) {
		enum base_result result = ledger->engine->ops->state_get(ledger->engine, &state);
		if (result)
			return ledger_failed(ledger, result);
	}
	*sequence = state.sequence;
	return BASE_OK;
}
