/* A fleet of one feed in simulated time, for the tests of the room plan. */
#ifndef WIREWATCH_TESTS_PLAN_FLEET_H
#define WIREWATCH_TESTS_PLAN_FLEET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wirewatch/plan.h"

#define START ((base_time)1767225600 * BASE_SECOND) /* 2026-01-01T00:00:00Z, a Thursday */

struct one {
	struct plan_fleet *fleet;
	struct plan_feed *feed;
	size_t slot;
	base_time now;      /* when the next poll starts */
	base_time interval; /* fixed, or 0 */
	double chance;
	unsigned events;    /* of the last poll */
};

static const struct plan_options plain = {.min = 5 * BASE_MINUTE, .max = 6 * BASE_HOUR, .mean = BASE_HOUR};

static inline void one_open(struct one *one, const struct plan_options *options)
{
	*one = (struct one){.now = START};
	assert_int_equal(plan_fleet_new(options, &one->fleet), BASE_OK);
	assert_int_equal(plan_fleet_add(one->fleet, base_span_of("feeds.example"), false, &one->slot), BASE_OK);
	assert_int_equal(plan_feed_new(&one->feed), BASE_OK);
}

static inline void one_close(struct one *one)
{
	plan_feed_free(one->feed);
	plan_fleet_free(one->fleet);
}

/* Poll at one->now, which becomes the time of the next poll; the wait until then. */
static inline base_time one_poll(struct one *one, struct plan_poll poll)
{
	poll.started = one->now;
	poll.ended = one->now + BASE_SECOND;
	poll.fixed_interval = one->interval;
	plan_feed_start(one->feed, one->now, false);
	one->events = plan_next(one->fleet, one->slot, one->feed, &poll, one->chance);
	const struct plan_state *state = plan_feed_state(one->feed);
	assert_int_equal(state->last_start, one->now);
	base_time wait = state->next_due == BASE_TIME_NONE ? BASE_TIME_NONE : state->next_due - one->now;
	if (state->next_due != BASE_TIME_NONE)
		one->now = state->next_due;
	return wait;
}

static inline base_time one_fail(struct one *one, enum plan_failure failure)
{
	return one_poll(one, (struct plan_poll){.outcome = PLAN_FAILED, .failure = failure});
}

#define POLL(...) ((struct plan_poll){__VA_ARGS__})

#endif
