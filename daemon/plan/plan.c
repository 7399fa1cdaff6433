/*
 * plan: after a poll, when the next one is - what was learned, what the
 * operator set, what the publisher asks for, and a growing distance from
 * servers that fail.
 */
#include "fleet.h"

#define INTERVAL_MAX (366 * BASE_DAY)
#define SPREAD 0.1                       /* of the interval: later, or to both sides if it was learned */
#define SKIP_SPREAD (20 * BASE_MINUTE)   /* not everybody at the stroke of the first hour allowed */
#define OUTAGE_RETRY (5 * BASE_MINUTE)
#define DAY_HOURS 0xFFFFFFu
#define WEEK_DAYS 0x7Fu

static base_time clamp(base_time value, base_time least, base_time most)
{
	return value < least ? least : value > most ? most : value;
}

static base_time part(base_time whole, double chance)
{
	return chance > 0 ? (base_time)((double)whole * (chance < 1 ? chance : 1)) : 0;
}

/* ---- while all is well ----------------------------------------------------------------- */

static bool is_skipped(const struct plan_document *document, base_time hour)
{
	base_time day = (hour / 24 + 3) % 7; /* 1970-01-01 was a Thursday */
	bool hours = document->skip_hours != DAY_HOURS && (document->skip_hours >> (hour % 24) & 1);
	bool days = document->skip_days != WEEK_DAYS && (document->skip_days >> day & 1);
	return hours || days;
}

/* RSS 2.0 skipHours and skipDays, in GMT: the first hour that is allowed. Skipping everything is nonsense. */
static base_time after_skipped(const struct plan_document *document, base_time due, double chance)
{
	base_time hour = due / BASE_HOUR, last = hour + 8 * 24;
	if (due < 0 || (!document->skip_hours && !document->skip_days) || !is_skipped(document, hour))
		return due;
	while (hour < last && is_skipped(document, hour))
		hour++;
	return hour * BASE_HOUR + part(SKIP_SPREAD, chance);
}

/* The interval before chance, and why it is that. */
static base_time usual(const struct plan_fleet *fleet, struct plan_feed *feed, const struct plan_poll *poll)
{
	if (poll->fixed_interval > 0) {
		feed->why = WHY_FIXED;
		return clamp(poll->fixed_interval, 1, INTERVAL_MAX);
	}
	return fleet_interval(fleet, feed, poll->started, &feed->why);
}

static void plan_success(const struct plan_fleet *fleet, struct plan_feed *feed, const struct plan_poll *poll,
                         double chance)
{
	enum plan_why floor;
	base_time interval = usual(fleet, feed, poll), shortest = fleet_shortest(fleet, feed, &floor);
	feed->interval = interval;
	if (feed->why == WHY_LEARNED) { /* to both sides, but not below the floor */
		interval += part(interval, 2 * SPREAD * chance) - part(interval, SPREAD);
		interval = clamp(interval, shortest + part(shortest, SPREAD * chance), INTERVAL_MAX);
	} else {
		interval += part(interval, SPREAD * chance);
	}
	feed->state.next_due = poll->started + interval;
}

static void leave_skipped(struct plan_feed *feed, const struct plan_poll *poll, double chance)
{
	base_time due = feed->state.next_due;
	if (feed->ended || poll->fixed_interval > 0)
		return;
	feed->state.next_due = after_skipped(&feed->document, due, chance);
	if (feed->state.next_due == due || feed->state.failures || feed->why == WHY_RETRY_AFTER)
		return;
	feed->why = WHY_SKIP;
	feed->interval = feed->state.next_due - poll->started;
}

/* ---- when it failed ----------------------------------------------------------------------- */

/* Failures that pass by themselves, often soon, wait no longer than poll.max; others up to a day. */
static base_time longest_wait(const struct plan_fleet *fleet, enum plan_failure failure, base_time interval)
{
	switch (failure) {
	case PLAN_DENIED:
	case PLAN_MISSING:
	case PLAN_BUSY:
	case PLAN_STATUS:
	case PLAN_NOT_FEED:
	case PLAN_REFUSED:
		return clamp(BASE_DAY, clamp(fleet->options.max, interval, INTERVAL_MAX), INTERVAL_MAX);
	default:
		return clamp(fleet->options.max, interval, INTERVAL_MAX);
	}
}

static base_time backed_off(base_time interval, base_time most, uint32_t failures)
{
	while (failures-- > 0 && interval < most)
		interval *= 2;
	return interval < most ? interval : most;
}

static void count_failure(struct plan_feed *feed, enum plan_failure failure)
{
	feed->failure = failure;
	if (feed->state.failures < UINT32_MAX)
		feed->state.failures++;
	if (feed->failed[failure] < UINT32_MAX)
		feed->failed[failure]++;
}

/* No answer at all: it may be the network, ours or everybody's. */
static bool is_silence(enum plan_failure failure)
{
	return failure == PLAN_NAME || failure == PLAN_CONNECT || failure == PLAN_SLOW || failure == PLAN_TLS;
}

/* Nobody need have answered: an address that is not allowed is refused before it is asked. */
static bool is_ours(enum plan_failure failure)
{
	return failure == PLAN_OTHER || failure == PLAN_REFUSED;
}

static unsigned stay_away(struct plan_feed *feed, const struct plan_poll *poll, base_time interval, double chance)
{
	base_time wait = clamp(poll->retry_after, 0, PLAN_PAUSE_MAX);
	feed->why = WHY_RETRY_AFTER;
	feed->failure = poll->failure;
	feed->interval = wait > interval ? wait : interval;
	feed->paused_until = poll->ended + wait;
	base_time due = poll->started + interval > feed->paused_until ? poll->started + interval : feed->paused_until;
	feed->state.next_due = due + part(feed->interval, SPREAD * chance);
	return PLAN_EVENT_PAUSED;
}

static unsigned plan_failed(const struct plan_fleet *fleet, struct plan_feed *feed, const struct plan_poll *poll,
                            double chance)
{
	base_time interval = usual(fleet, feed, poll);
	if (poll->retry_after > 0) /* an answer to our question when to come again: no failure */
		return stay_away(feed, poll, interval, chance);
	if (fleet->outage && is_silence(poll->failure)) {
		base_time retry = fleet->options.min > OUTAGE_RETRY ? fleet->options.min : OUTAGE_RETRY;
		feed->why = WHY_OUTAGE;
		feed->interval = interval < retry ? interval : retry;
		feed->state.next_due = poll->started + feed->interval + part(feed->interval, SPREAD * chance);
		return 0;
	}
	count_failure(feed, poll->failure);
	unsigned events = move_failure(feed);
	if (poll->failure == PLAN_GONE && !events) { /* at the configured address */
		feed->ended = true;
		feed->why = WHY_ENDED;
		feed->state.next_due = BASE_TIME_NONE;
		return PLAN_EVENT_ENDED;
	}
	feed->why = WHY_BACK_OFF;
	feed->interval = backed_off(interval, longest_wait(fleet, poll->failure, interval), feed->failed[poll->failure]);
	feed->state.next_due = poll->started + feed->interval + part(feed->interval, SPREAD * chance);
	return events;
}

/* ---- what a poll tells ----------------------------------------------------------------------- */

static void learn(struct plan_feed *feed, const struct plan_poll *poll)
{
	if (poll->outcome != PLAN_FAILED || poll->date_count)
		rate_learn(&feed->rate, poll->started, poll->dates, poll->date_count, poll->alerts);
	if (poll->outcome == PLAN_FAILED)
		return;
	move_note(feed, poll);
	if (poll->document)
		feed->document = *poll->document;
	/* RFC 9111 section 4.3.4: a 304 that says nothing of freshness leaves what was said before. */
	if (poll->outcome != PLAN_NOT_MODIFIED || poll->max_age)
		feed->max_age = clamp(poll->max_age, 0, INTERVAL_MAX);
	if (poll->outcome != PLAN_NOT_MODIFIED)
		feed->full_at = poll->started;
}

static unsigned succeeded(const struct plan_fleet *fleet, struct plan_feed *feed, const struct plan_poll *poll)
{
	bool was_stale = feed->stale;
	unsigned events = 0;
	feed->state.failures = 0;
	for (size_t i = 0; i < PLAN_FAILURE_COUNT; i++)
		feed->failed[i] = 0;
	feed->paused_until = BASE_TIME_NONE;
	events |= move_confirm(fleet, feed, poll->started);
	feed->stale = feed_is_silent(feed, poll->started);
	if (feed->stale != was_stale)
		events |= feed->stale ? PLAN_EVENT_STALE : PLAN_EVENT_FRESH;
	enum plan_why floor;
	if (!feed->override_told && poll->fixed_interval && fleet_shortest(fleet, feed, &floor) > poll->fixed_interval &&
	    floor != WHY_FLOOR) {
		feed->override_told = true;
		events |= PLAN_EVENT_OVERRIDE;
	}
	return events;
}

/* As soon as it may be asked again; a feed that fails keeps the distance it had. */
static void plan_cancelled(const struct plan_fleet *fleet, struct plan_feed *feed, const struct plan_poll *poll)
{
	enum plan_why floor;
	base_time interval = poll->fixed_interval > 0 ? poll->fixed_interval : fleet_shortest(fleet, feed, &floor);
	if (!feed->state.failures || feed->interval < interval)
		feed->interval = interval;
	feed->why = WHY_CANCELLED;
	feed->state.next_due = poll->started + feed->interval;
}

unsigned plan_next(struct plan_fleet *fleet, size_t slot, struct plan_feed *feed, const struct plan_poll *poll,
                   double chance)
{
	unsigned events = 0;
	chance = chance > 0 ? chance < 1 ? chance : 1 : 0;
	feed->state.last_start = poll->started;
	fleet_asked(fleet, slot, poll->started);
	if (poll->outcome == PLAN_CANCELLED) {
		plan_cancelled(fleet, feed, poll);
		return 0;
	}
	if (poll->outcome != PLAN_FAILED || !is_ours(poll->failure))
		events |= fleet_heard(fleet, slot, poll, poll->outcome != PLAN_FAILED || !is_silence(poll->failure));
	learn(feed, poll);
	fleet_note(fleet, slot, feed);
	if (poll->outcome != PLAN_FAILED) {
		events |= succeeded(fleet, feed, poll);
		plan_success(fleet, feed, poll, chance);
	} else {
		events |= plan_failed(fleet, feed, poll, chance);
	}
	leave_skipped(feed, poll, chance);
	if (feed->ended)
		fleet_note(fleet, slot, feed);
	return events;
}

void plan_first(struct plan_feed *feed, base_time now, base_time fixed_interval, base_time spread, double chance)
{
	struct plan_state *state = &feed->state;
	if (feed->ended)
		return;
	plan_feed_clock_set(feed, now);
	if (state->next_due == BASE_TIME_NONE) {
		state->next_due = now + part(spread, chance);
		return;
	}
	if (fixed_interval > 0 && !state->failures && state->last_start != BASE_TIME_NONE &&
	    state->next_due > state->last_start + fixed_interval)
		state->next_due = state->last_start + fixed_interval;
	if (feed->paused_until > state->next_due)
		state->next_due = feed->paused_until;
	base_time overdue = now - state->next_due;
	if (overdue > 0)
		state->next_due = now + part(overdue < spread ? overdue : spread, chance);
}
