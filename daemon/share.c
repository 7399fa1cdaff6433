/*
 * The membership and the hosts held under it, kept up from the outbox's
 * thread. What is free or should be given back is decided in portion.c.
 */
#include "share_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN BASE_SECOND         /* nothing starts that close to the end of what is known to stand */
#define NO_TOKEN UINT64_MAX        /* no node ever has it: what is polled under it is refused */
#define LOOK_GAP (BASE_SECOND / 20) /* between two looks at the others */
#define BUSY_GAP (BASE_SECOND / 4)
#define PATIENCE BASE_SECOND       /* what was given back for one is left to it */
#define GIVE_PATIENCE (2 * BASE_SECOND) /* then transfers at hosts to be given back are given up */

base_time share_now(const struct share *share)
{
	return base_clock_boot(share->options.clock);
}

/* ---- orders ---------------------------------------------------------------------- */

/* hosts: indices into the table. */
static struct share_order *new_order(const struct share *share, enum share_kind kind, const size_t *hosts, size_t count)
{
	size_t text = 0;
	for (size_t i = 0; i < count; i++)
		text += strlen(share->names[hosts[i]]) + 1;
	struct share_order *order = malloc(sizeof *order + count * sizeof(char *) + text);
	if (!order)
		return NULL;
	*order = (struct share_order){.kind = kind, .count = count};
	char *at = (char *)(order->hosts + count);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(share->names[hosts[i]]) + 1;
		order->hosts[i] = memcpy(at, share->names[hosts[i]], len);
		at += len;
	}
	return order;
}

static enum base_result send_order(struct share *share, struct share_order *order)
{
	enum base_result result = order ? share->options.order(share->options.ctx, order) : BASE_NO_MEMORY;
	if (result) {
		base_log(share->options.log, BASE_WARNING, "share", "feeds could not be handed over now: %s",
		         base_result_text(result));
		free(order);
	}
	return result;
}

/* Polling these hosts is to end; then they are given back. */
static void send_give(struct share *share, const size_t *hosts, size_t count, bool cancel)
{
	struct share_order *order = new_order(share, SHARE_GIVE, hosts, count);
	if (!order || !count) {
		free(order);
		return;
	}
	order->cancel = cancel;
	if (send_order(share, order))
		return;
	for (size_t i = 0; i < count; i++)
		share->hosts[hosts[i]].leaving = true;
	share->gives++;
	share->hurry_at = share_now(share) + GIVE_PATIENCE;
}

/* Polls that take long must not keep other nodes from a host. */
static void hurry(struct share *share)
{
	size_t count = 0;
	share->hurry_at = BASE_TIME_NONE;
	for (size_t i = 0; i < share->count; i++)
		if (share->hosts[i].leaving)
			share->picked[count++] = i;
	struct share_order *order = count ? new_order(share, SHARE_GIVE, share->picked, count) : NULL;
	if (!order)
		return;
	order->cancel = order->hurry = true;
	(void)send_order(share, order);
}

/* ---- the membership ----------------------------------------------------------------- */

static void stand_until(struct share *share, base_time until)
{
	atomic_store(&share->valid_until, until == BASE_TIME_NONE ? until : until - MARGIN);
}

/* All polls end. How many hosts were still to be told. */
static size_t give_all(struct share *share)
{
	size_t count = 0;
	for (size_t i = 0; i < share->count; i++)
		if (share->hosts[i].holder == PORTION_SELF && !share->hosts[i].leaving)
			share->picked[count++] = i;
	send_give(share, share->picked, count, true);
	return count;
}

/* Others may have what was held; all polls end before anything else. */
static void lose(struct share *share, const char *why)
{
	base_log(share->options.log, BASE_WARNING, "share", "%s; joining again", why);
	stand_until(share, BASE_TIME_NONE);
	atomic_store(&share->token, NO_TOKEN);
	share->member = false;
	(void)give_all(share);
}

static enum base_result of_member(struct share *share, enum base_result result)
{
	if (result != BASE_LOST)
		return result;
	if (share->member)
		lose(share, "the other nodes took this one for dead: its feeds are theirs now");
	return BASE_OK;
}

static enum base_result renew(struct share *share)
{
	base_time sent = share_now(share);
	enum base_result result = of_member(share, ledger_renew(share->options.ledger, &share->holding));
	if (result || !share->member)
		return result;
	stand_until(share, sent + share->options.lease);
	share->renew_at = sent + share->options.lease / 3;
	return BASE_OK;
}

struct namesake {
	const char *node;
	uint64_t gone; /* the token of a process that lives no more */
};

static enum base_result find_namesake(void *ctx, const struct ledger_node *node)
{
	struct namesake *namesake = ctx;
	if (strcmp(node->name, namesake->node) == 0 && node->state == LEDGER_LIVING &&
	    (process_gone(node->process) || process_is_self(node->process))) /* joined already, and never heard of it */
		namesake->gone = node->token;
	return BASE_OK;
}

static enum base_result join(struct share *share, struct base_error *err)
{
	char process[PROCESS_NAME_MAX];
	struct namesake namesake = {.node = share->options.node};
	struct ledger *ledger = share->options.ledger;
	enum base_result result = ledger_nodes(ledger, find_namesake, &namesake);
	if (result)
		return base_fail(err, result, "%s", ledger_reason(ledger));
	process_name(process);
	base_time sent = share_now(share);
	const struct ledger_joining joining = {.process = process, .lease = share->options.lease, .replaces = namesake.gone};
	result = ledger_join(ledger, &joining, err);
	if (result)
		return result;
	share->member = true;
	share->listed = false;
	share->full_view = 0;
	share->holding = (struct ledger_holding){.feeds = 0};
	atomic_store(&share->token, ledger_token(ledger));
	stand_until(share, sent + share->options.lease);
	share->renew_at = sent + share->options.lease / 3;
	return BASE_OK;
}

static enum base_result join_again(struct share *share)
{
	struct base_error err;
	if (give_all(share) || share->gives)
		return BASE_OK; /* not all polls have ended */
	enum base_result result = join(share, &err);
	if (!result) {
		base_log(share->options.log, BASE_NOTICE, "share", "joined again");
		for (size_t i = 0; i < share->count; i++)
			share->hosts[i].holder = PORTION_OTHER; /* until it is looked up */
	} else if (result == BASE_LOST || result == BASE_LIMIT) {
		base_log(share->options.log, BASE_ERROR, "share", "%s", err.text);
		share->refused = true;
		share->options.refused(share->options.ctx);
		return BASE_OK;
	}
	return result;
}

/* ---- what is given back ---------------------------------------------------------------- */

/* The order as far as it can be released now. */
static enum base_result release(struct share *share, const struct share_order *order)
{
	size_t count = 0;
	for (size_t i = 0; i < order->count; i++) {
		size_t at;
		if (!share_find(share, order->hosts[i], &at) || !share->hosts[at].leaving)
			continue;
		share->picked[count] = at;
		share->wanted[count] = share->names[at];
		int to = share->hosts[at].offered;
		share->offers[count++] = to == PORTION_NOBODY ? NULL : share->nodes[to].name;
	}
	enum base_result result = BASE_OK;
	if (share->member && count)
		result = ledger_release(share->options.ledger, share->wanted, share->offers, count);
	if (result && result != BASE_LOST)
		return result;
	for (size_t i = 0; i < count; i++) {
		struct portion_host *host = &share->hosts[share->picked[i]];
		host->leaving = false;
		host->holder = share->member ? PORTION_FREE : PORTION_OTHER;
		host->since = share_now(share);
	}
	return of_member(share, result);
}

static enum base_result take_answers(struct share *share)
{
	for (;;) {
		if (!share->answer)
			share->answer = base_queue_pop(share->answers);
		struct share_order *order = share->answer;
		if (!order)
			return BASE_OK;
		enum base_result result = release(share, order);
		if (result)
			return result; /* it stays first in line */
		share->gives--;
		share->look_at = share_now(share);
		free(order);
		share->answer = NULL;
	}
}

/* ---- deciding ---------------------------------------------------------------------------- */

/* The first count of what was picked was taken. If it cannot be polled, it is given back. */
static enum base_result hand_over(struct share *share, size_t count)
{
	if (!send_order(share, new_order(share, SHARE_GAIN, share->picked, count)))
		return BASE_OK;
	for (size_t i = 0; i < count; i++) {
		share->wanted[i] = share->names[share->picked[i]];
		share->offers[i] = NULL;
		share->hosts[share->picked[i]].holder = PORTION_OTHER;
	}
	share->doubtful = true;
	return of_member(share, ledger_release(share->options.ledger, share->wanted, share->offers, count));
}

static enum base_result take(struct share *share, size_t count)
{
	const struct ledger_tokens tokens = {
	    .living = share->tokens, .count = share->node_count, .newest = share->newest_token};
	size_t got = 0;
	for (size_t i = 0; i < count; i++)
		share->wanted[i] = share->names[share->picked[i]];
	enum base_result result = ledger_take(share->options.ledger, &tokens, share->wanted, count, share->taken);
	if (result) {
		share->full_view = 0; /* some may have been taken, and only a look at all leases shows it */
		return of_member(share, result);
	}
	for (size_t i = 0; i < count; i++) {
		struct portion_host *host = &share->hosts[share->picked[i]];
		host->holder = share->taken[i] ? PORTION_SELF : PORTION_OTHER;
		host->offered = PORTION_NOBODY;
		host->since = share_now(share);
		if (share->taken[i])
			share->picked[got++] = share->picked[i];
	}
	if (got < count) /* others were quicker; should they not get it after all, it shows soon */
		share->doubtful = true;
	return got ? hand_over(share, got) : BASE_OK;
}

static size_t pick(struct share *share, enum portion_act act)
{
	size_t count = 0;
	for (size_t i = 0; i < share->count; i++)
		if (share->hosts[i].act == act)
			share->picked[count++] = i;
	return count;
}

static void sum_up(struct share *share, const struct portion *portion)
{
	uint64_t feeds = 0, hosts = 0;
	for (size_t i = 0; i < share->count; i++)
		if (share->hosts[i].holder == PORTION_SELF) {
			hosts++;
			feeds += share->hosts[i].round ? 0 : share->hosts[i].feeds;
		}
	share->holding = (struct ledger_holding){
	    .target = portion->nodes[portion->self].target,
	    .feeds = feeds,
	    .hosts = hosts,
	    .seen = share->view,
	};
	status_set(share->options.board, STATUS_CLUSTER_LEASES, hosts);
}

static enum base_result decide(struct share *share, base_time *again)
{
	struct portion_node nodes[PORTION_NODES];
	struct portion portion = {
	    .nodes = nodes,
	    .hosts = share->hosts,
	    .host_count = share->count,
	    .turn = share->options.lease / 3,
	    .patience = PATIENCE,
	};
	if (!share_portion_nodes(share, &portion))
		return BASE_OK; /* it is not among the living: the next renewal says so */
	portion_decide(&portion, share_now(share), again);
	size_t count = pick(share, PORTION_GIVE);
	for (size_t i = 0; i < count; i++)
		share->hosts[share->picked[i]].offered = share->hosts[share->picked[i]].to;
	send_give(share, share->picked, count, false);
	count = pick(share, PORTION_TAKE);
	enum base_result result = count ? take(share, count) : BASE_OK;
	if (result || !share->member)
		return result;
	struct ledger_holding before = share->holding;
	sum_up(share, &portion);
	bool same = before.target == share->holding.target && before.feeds == share->holding.feeds &&
	            before.hosts == share->holding.hosts && before.seen == share->holding.seen;
	return same ? BASE_OK : renew(share);
}

static enum base_result look(struct share *share)
{
	base_time now = share_now(share), again = BASE_TIME_NONE;
	enum base_result result = share_look(share);
	if (result)
		return result;
	share->doubtful = false;
	result = decide(share, &again);
	base_time next = now + share->options.lease;
	if (share->node_rest != BASE_TIME_NONE) /* negative: it should have been ended, and was busy */
		next = now + (share->node_rest > 0 ? share->node_rest + LOOK_GAP : BUSY_GAP);
	if (again != BASE_TIME_NONE && again < next)
		next = again;
	if (share->doubtful && now + PATIENCE < next)
		next = now + PATIENCE;
	share->look_at = next > now + LOOK_GAP ? next : now + LOOK_GAP;
	share->looked_at = now;
	return result;
}

/* ---- the door ------------------------------------------------------------------------------ */

static enum base_result serve_member(struct share *share, base_time now, bool members)
{
	enum base_result result = BASE_OK;
	if (now >= share->renew_at)
		result = renew(share);
	if (!result && share->member && !share->listed)
		result = of_member(share, share_store_list(share));
	if (members && share->look_at > share->looked_at + LOOK_GAP)
		share->look_at = share->looked_at + LOOK_GAP;
	if (!result && share->member && now >= share->look_at)
		result = look(share);
	if (share->hurry_at != BASE_TIME_NONE && now >= share->hurry_at)
		hurry(share);
	return result;
}

/* The feeds' pollers remember what the database does not: they are to begin with what is stored. */
static enum base_result go_back(struct share *share)
{
	enum base_result result = of_member(share, ledger_leave(share->options.ledger));
	if (result)
		return result;
	share->back = false;
	if (share->member)
		lose(share, "what is known of the feeds is newer than the database");
	return BASE_OK;
}

enum base_result share_serve(struct share *share, bool members)
{
	base_time now = share_now(share);
	struct share_listing *listing = atomic_exchange(&share->next_listing, NULL);
	if (listing)
		share_take_listing(share, listing);
	if (share->refused)
		return BASE_OK;
	share->back = ledger_went_back(share->options.ledger) || share->back;
	enum base_result result = take_answers(share);
	if (!result && share->back && share->member)
		result = go_back(share);
	if (!result && !share->member)
		result = join_again(share);
	if (!result && share->member)
		result = serve_member(share, now, members);
	return result;
}

base_time share_wait(const struct share *share)
{
	if (share->refused)
		return BASE_DAY;
	if (!share->member)
		return LOOK_GAP;
	base_time now = share_now(share), due = share->renew_at < share->look_at ? share->renew_at : share->look_at;
	if (share->hurry_at != BASE_TIME_NONE && share->hurry_at < due)
		due = share->hurry_at;
	return due > now ? due - now : 0;
}

enum base_result share_new(const struct share_options *options, struct share_listing *listing, struct share **out,
                           struct base_error *err)
{
	struct share *share = calloc(1, sizeof *share);
	if (!share) {
		free(listing);
		return base_fail(err, BASE_NO_MEMORY, "out of memory");
	}
	share->options = *options;
	(void)snprintf(share->node, sizeof share->node, "%s", options->node);
	share->options.node = share->node;
	share->hurry_at = BASE_TIME_NONE;
	stand_until(share, BASE_TIME_NONE);
	atomic_store(&share->token, NO_TOKEN);
	atomic_store(&share->next_listing, listing);
	enum base_result result = base_queue_new(SHARE_ANSWERS_MOST, &share->answers);
	if (result)
		(void)base_fail(err, result, "no queue between the nodes' share and the feeds");
	else
		result = join(share, err);
	if (result) {
		share_free(share);
		return result;
	}
	base_log(options->log, BASE_NOTICE, "share", "joined as node %s", options->node);
	*out = share;
	return BASE_OK;
}

void share_free(struct share *share)
{
	if (!share)
		return;
	while (share->answer || (share->answers && (share->answer = base_queue_pop(share->answers)))) {
		free(share->answer);
		share->answer = NULL;
	}
	base_queue_free(share->answers);
	free(atomic_load(&share->next_listing));
	share_free_tables(share);
	free(share);
}

void share_leave(struct share *share)
{
	stand_until(share, BASE_TIME_NONE);
	enum base_result result = ledger_leave(share->options.ledger);
	if (result && result != BASE_LOST)
		base_log(share->options.log, BASE_WARNING, "share",
		         "the other nodes could not be told that this one ends: they wait for its lease to end: %s",
		         ledger_reason(share->options.ledger));
}

base_time share_valid_for(const struct share *share)
{
	if (!share)
		return INT64_MAX;
	base_time until = atomic_load(&share->valid_until), now = share_now(share);
	return until > now ? until - now : 0;
}

uint64_t share_token(const struct share *share)
{
	return share ? atomic_load(&share->token) : 0;
}

void share_list(struct share *share, struct share_listing *listing)
{
	free(atomic_exchange(&share->next_listing, listing));
	share->options.wake(share->options.ctx);
}

void share_answer(struct share *share, struct share_order *order)
{
	if (base_queue_push(share->answers, order)) /* there is room for all that are out */
		free(order);
	share->options.wake(share->options.ctx);
}
