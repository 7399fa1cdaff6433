/* What to take and what to give back. */
#include "portion.h"

#define SLACK_PART 50 /* a surplus below this part of the target is borne */

static size_t count_bits(uint64_t bits)
{
	size_t count = 0;
	for (; bits; bits &= bits - 1)
		count++;
	return count;
}

static uint64_t bit(size_t node)
{
	return (uint64_t)1 << node;
}

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* The node that the host falls to by rendezvous hashing (Thaler, Ravishankar 1998), so that takers seldom collide. */
static bool falls_to_self(const struct portion *portion, const struct portion_host *host)
{
	uint64_t own = mix(host->hash ^ portion->nodes[portion->self].hash);
	for (size_t i = 0; i < portion->node_count; i++)
		if (i != portion->self && (host->listers & bit(i)) && mix(host->hash ^ portion->nodes[i].hash) > own)
			return false;
	return true;
}

static void note_again(base_time *again, base_time at)
{
	if (*again == BASE_TIME_NONE || at < *again)
		*again = at;
}

static bool is_held(const struct portion_host *host)
{
	return host->holder == PORTION_SELF && !host->leaving;
}

/* ---- taking ------------------------------------------------------------------- */

/* Whether the free host may be taken at all; if it may later, *again says when. */
static bool may_take(const struct portion *portion, const struct portion_host *host, base_time now, base_time *again)
{
	if (!host->feeds || host->holder != PORTION_FREE || host->act == PORTION_TAKE)
		return false;
	bool of_others = host->offered != PORTION_NOBODY && host->offered != (int)portion->self;
	if (!of_others || now - host->since >= portion->patience)
		return true;
	note_again(again, host->since + portion->patience);
	return false;
}

static void take(struct portion *portion, struct portion_host *host)
{
	host->act = PORTION_TAKE;
	if (!host->round)
		portion->nodes[portion->self].held += host->feeds;
}

/* What nobody else is to have, or has taken for too long. */
static void take_certain(struct portion *portion, base_time now, base_time *again)
{
	for (size_t i = 0; i < portion->host_count; i++) {
		struct portion_host *host = &portion->hosts[i];
		if (!may_take(portion, host, now, again))
			continue;
		bool alone = host->listers == bit(portion->self), offered = host->offered == (int)portion->self;
		bool left_over = now - host->since >= portion->patience;
		if (left_over && !offered && host->offered != PORTION_NOBODY)
			portion->nodes[host->offered].slow = true;
		if (alone || offered || left_over || (host->round && falls_to_self(portion, host)))
			take(portion, host);
	}
}

static void take_up_to_target(struct portion *portion, bool falling, base_time now, base_time *again)
{
	const struct portion_node *self = &portion->nodes[portion->self];
	for (size_t i = 0; i < portion->host_count; i++) {
		struct portion_host *host = &portion->hosts[i];
		if (!may_take(portion, host, now, again))
			continue;
		if (!host->round && (!falling || falls_to_self(portion, host)) && self->held + host->feeds / 2.0 <= self->target)
			take(portion, host);
		else if (!falling)
			note_again(again, host->since + portion->patience);
	}
}

/* ---- giving --------------------------------------------------------------------- */

static void give(struct portion_host *host, int to)
{
	host->act = PORTION_GIVE;
	host->to = to;
}

static double surplus_of(const struct portion_node *node)
{
	return node->held - node->target;
}

/* The node that lists the host and has the least, counted from its target; or nobody. */
static int neediest(const struct portion *portion, const struct portion_host *host)
{
	int found = PORTION_NOBODY;
	for (size_t i = 0; i < portion->node_count; i++)
		if (i != portion->self && (host->listers & bit(i)) && !portion->nodes[i].slow &&
		    (found == PORTION_NOBODY || surplus_of(&portion->nodes[i]) < surplus_of(&portion->nodes[found])))
			found = (int)i;
	return found;
}

static void give_surplus(struct portion *portion)
{
	struct portion_node *self = &portion->nodes[portion->self];
	bool settled = true;
	for (size_t i = 0; i < portion->node_count; i++)
		settled = settled && (i == portion->self || portion->nodes[i].settled);
	if (!settled || surplus_of(self) <= self->target / SLACK_PART)
		return;
	for (size_t i = 0; i < portion->host_count; i++) {
		struct portion_host *host = &portion->hosts[i];
		if (!is_held(host) || host->round || host->act != PORTION_KEEP)
			continue;
		int to = neediest(portion, host);
		/* Never below the target by more than half a host, and only if the two get more even by it. */
		if (to == PORTION_NOBODY || surplus_of(self) - host->feeds / 2.0 < 0 ||
		    host->feeds >= surplus_of(self) - surplus_of(&portion->nodes[to]))
			continue;
		give(host, to);
		self->held -= host->feeds;
		portion->nodes[to].held += host->feeds;
	}
}

static int next_in_round(const struct portion *portion, const struct portion_host *host)
{
	for (size_t step = 1; step < portion->node_count; step++) {
		size_t node = (portion->self + step) % portion->node_count;
		if (host->listers & bit(node))
			return (int)node;
	}
	return PORTION_NOBODY;
}

static void give_round(const struct portion *portion, struct portion_host *host, base_time now, base_time *again)
{
	int next = next_in_round(portion, host);
	if (next == PORTION_NOBODY)
		return;
	if (now - host->since >= portion->turn)
		give(host, next);
	else
		note_again(again, host->since + portion->turn);
}

/* ---- together ---------------------------------------------------------------------- */

static void reckon(struct portion *portion)
{
	struct portion_node *self = &portion->nodes[portion->self];
	self->target = self->held = 0;
	for (size_t i = 0; i < portion->node_count; i++)
		portion->nodes[i].slow = false;
	for (size_t i = 0; i < portion->host_count; i++) {
		struct portion_host *host = &portion->hosts[i];
		host->act = PORTION_KEEP;
		host->to = PORTION_NOBODY;
		if (host->round || !host->feeds)
			continue;
		host->listers |= bit(portion->self);
		self->target += (double)host->feeds / (double)count_bits(host->listers);
		if (is_held(host))
			self->held += host->feeds;
		else if (host->holder != PORTION_OTHER && host->offered != PORTION_NOBODY && host->offered != (int)portion->self)
			portion->nodes[host->offered].held += host->feeds; /* on its way there */
	}
}

void portion_decide(struct portion *portion, base_time now, base_time *again)
{
	*again = BASE_TIME_NONE;
	reckon(portion);
	take_certain(portion, now, again);
	take_up_to_target(portion, true, now, again);
	take_up_to_target(portion, false, now, again);
	for (size_t i = 0; i < portion->host_count; i++) {
		struct portion_host *host = &portion->hosts[i];
		if (!is_held(host))
			continue;
		if (!host->feeds)
			give(host, PORTION_NOBODY);
		else if (host->round)
			give_round(portion, host, now, again);
	}
	give_surplus(portion);
}
