/* feed: one feed's object, its times, and what it says of itself. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

/* Silence is improbable when P(no item) < 1/1000: more than ln 1000 were to be expected. */
#define IMPROBABLE 6.9078
#define FULL_EVERY BASE_DAY /* the least that publishers ask between two unconditional requests */

enum base_result plan_feed_new(struct plan_feed **out)
{
	struct plan_feed *feed = calloc(1, sizeof *feed);
	if (!feed)
		return BASE_NO_MEMORY;
	feed->state = (struct plan_state){BASE_TIME_NONE, BASE_TIME_NONE, 0};
	feed->full_at = feed->paused_until = BASE_TIME_NONE;
	rate_init(&feed->rate);
	*out = feed;
	return BASE_OK;
}

enum base_result plan_feed_copy(const struct plan_feed *feed, struct plan_feed **out)
{
	struct plan_feed *copy = malloc(sizeof *copy);
	if (!copy)
		return BASE_NO_MEMORY;
	*copy = *feed;
	if (feed->move.to && !(copy->move.to = strdup(feed->move.to))) {
		free(copy);
		return BASE_NO_MEMORY;
	}
	*out = copy;
	return BASE_OK;
}

static bool moves_alike(const struct plan_move *a, const struct plan_move *b)
{
	bool one = a->to && b->to ? strcmp(a->to, b->to) == 0 : a->to == b->to;
	return one && a->seen == b->seen && a->confirmed == b->confirmed;
}

static bool documents_alike(const struct plan_document *a, const struct plan_document *b)
{
	return a->ttl == b->ttl && a->skip_hours == b->skip_hours && a->skip_days == b->skip_days && a->entries == b->entries;
}

bool plan_feed_learned(const struct plan_feed *before, const struct plan_feed *after)
{
	return before->state.failures != after->state.failures || before->rate.learned != after->rate.learned ||
	       before->paused_until != after->paused_until || before->ended != after->ended ||
	       before->stale != after->stale || !moves_alike(&before->move, &after->move) ||
	       !documents_alike(&before->document, &after->document);
}

void plan_feed_free(struct plan_feed *feed)
{
	if (feed)
		free(feed->move.to);
	free(feed);
}

const struct plan_state *plan_feed_state(const struct plan_feed *feed)
{
	return &feed->state;
}

void plan_feed_start(struct plan_feed *feed, base_time now, bool full)
{
	feed->state.last_start = now;
	if (full)
		feed->full_at = now;
}

void plan_feed_postpone(struct plan_feed *feed, base_time until)
{
	if (feed->state.next_due < until)
		feed->state.next_due = until;
}

static void shift(base_time *time, base_time by)
{
	if (*time != BASE_TIME_NONE)
		*time -= by;
}

void plan_feed_clock_set(struct plan_feed *feed, base_time now)
{
	base_time ahead = feed->state.last_start == BASE_TIME_NONE ? 0 : feed->state.last_start - now;
	if (ahead <= 0)
		return;
	shift(&feed->state.last_start, ahead);
	shift(&feed->state.next_due, ahead);
	shift(&feed->paused_until, ahead);
	shift(&feed->full_at, ahead);
	shift(&feed->rate.as_of, ahead);
	shift(&feed->rate.last_item, ahead);
}

bool plan_feed_hurry(struct plan_feed *feed, base_time now, base_time floor)
{
	plan_feed_clock_set(feed, now);
	if (feed->ended || feed->paused_until > now)
		return false;
	base_time last = feed->state.last_start, allowed = last == BASE_TIME_NONE ? now : last + floor;
	feed->state.next_due = allowed > now ? allowed : now;
	return true;
}

base_time plan_feed_paused(const struct plan_feed *feed)
{
	return feed->paused_until;
}

bool plan_feed_conditional(const struct plan_feed *feed, base_time now)
{
	return feed->full_at == BASE_TIME_NONE || now - feed->full_at < FULL_EVERY ||
	       rate_expected(&feed->rate, now) < IMPROBABLE;
}

const char *plan_feed_address(const struct plan_feed *feed)
{
	return feed->move.confirmed ? feed->move.to : NULL;
}

/* ---- words ------------------------------------------------------------------------ */

enum plan_health plan_feed_health(const struct plan_feed *feed)
{
	if (feed->ended)
		return PLAN_ENDED;
	if (feed->why == WHY_RETRY_AFTER)
		return PLAN_PAUSED;
	if (feed->state.failures)
		return PLAN_FAILING;
	return feed->stale ? PLAN_STALE : PLAN_WELL;
}

const char *plan_health_text(enum plan_health health)
{
	static const char *const texts[] = {
	    [PLAN_WELL] = "well",   [PLAN_FAILING] = "failing", [PLAN_PAUSED] = "paused",
	    [PLAN_STALE] = "stale", [PLAN_ENDED] = "ended",
	};
	return texts[health];
}

const char *plan_failure_text(enum plan_failure failure)
{
	static const char *const texts[PLAN_FAILURE_COUNT] = {
	    [PLAN_NAME] = "no such name",    [PLAN_CONNECT] = "no connection", [PLAN_SLOW] = "timed out",
	    [PLAN_TLS] = "TLS",              [PLAN_CUT] = "cut short",         [PLAN_DENIED] = "access denied",
	    [PLAN_MISSING] = "not found",    [PLAN_GONE] = "gone",             [PLAN_BUSY] = "asked to slow down",
	    [PLAN_SERVER] = "server error",  [PLAN_STATUS] = "HTTP status",    [PLAN_NOT_FEED] = "not a feed",
	    [PLAN_REFUSED] = "refused here", [PLAN_OTHER] = "other trouble",
	};
	return texts[failure];
}

static void add_span(struct base_buf *out, base_time span)
{
	base_time seconds = (span + BASE_SECOND / 2) / BASE_SECOND;
	if (seconds >= 48 * 3600)
		base_buf_printf(out, "%lldd%lldh", (long long)(seconds / 86400), (long long)(seconds / 3600 % 24));
	else if (seconds >= 3600)
		base_buf_printf(out, "%lldh%lldm", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
	else if (seconds >= 60)
		base_buf_printf(out, "%lldm%llds", (long long)(seconds / 60), (long long)(seconds % 60));
	else
		base_buf_printf(out, "%llds", (long long)seconds);
}

enum base_result plan_feed_explain(const struct plan_feed *feed, struct base_buf *out)
{
	static const char *const texts[WHY_COUNT] = {
	    [WHY_NOTHING] = "not polled yet",
	    [WHY_FIXED] = "fixed interval, ",
	    [WHY_LEARNED] = "learned, ",
	    [WHY_FLOOR] = "at poll.min, ",
	    [WHY_MAX_AGE] = "the reply stays fresh, ",
	    [WHY_TTL] = "the feed's ttl, ",
	    [WHY_LONGEST] = "at poll.max, ",
	    [WHY_OVERFLOW] = "lest entries are missed, ",
	    [WHY_SKIP] = "hours or days to skip, ",
	    [WHY_RETRY_AFTER] = "asked to stay away, ",
	    [WHY_BACK_OFF] = "backing off",
	    [WHY_OUTAGE] = "no host answers, ",
	    [WHY_CANCELLED] = "given up half-way, ",
	    [WHY_ENDED] = "gone for good (410), not asked again",
	};
	base_buf_add_text(out, texts[feed->why]);
	if (feed->why == WHY_NOTHING || feed->why == WHY_ENDED)
		return out->failed;
	if (feed->why == WHY_BACK_OFF)
		base_buf_printf(out, " (%s, %u in a row), ", plan_failure_text(feed->failure), feed->state.failures);
	base_buf_add_text(out, "every ");
	add_span(out, feed->interval);
	if (feed->stale)
		base_buf_add_text(out, "; silent for longer than is likely");
	return out->failed;
}

bool feed_is_silent(const struct plan_feed *feed, base_time now)
{
	if (feed->rate.last_item == BASE_TIME_NONE)
		return false;
	base_time silence = now - feed->rate.last_item;
	return silence >= BASE_DAY && silence > feed->rate.longest + feed->rate.longest / 2 &&
	       rate_expected(&feed->rate, now) > IMPROBABLE;
}
