/*
 * plan: when a feed is polled next - what the operator set, what the publisher
 * asks for, and a growing distance from servers that fail.
 */
#include "wirewatch/plan.h"

#define RETRY_AFTER_MAX BASE_DAY
#define INTERVAL_MAX (366 * BASE_DAY)
#define SPREAD 0.1 /* of the interval, later */

static base_time clamp(base_time value, base_time least, base_time most)
{
	return value < least ? least : value > most ? most : value;
}

static base_time part(base_time whole, double chance)
{
	if (!(chance > 0))
		return 0;
	return (base_time)((double)whole * (chance < 1 ? chance : 1));
}

/* The interval while all is well. */
static base_time usual(const struct plan_bounds *bounds, const struct plan_poll *poll)
{
	if (poll->fixed_interval > 0)
		return clamp(poll->fixed_interval, 1, INTERVAL_MAX);
	base_time most = clamp(bounds->max, 1, INTERVAL_MAX);
	return clamp(poll->hint, clamp(bounds->min, 1, most), most);
}

static base_time backed_off(base_time interval, base_time most, uint32_t failures)
{
	while (failures-- > 0 && interval < most)
		interval *= 2;
	return interval < most ? interval : most;
}

void plan_next(const struct plan_bounds *bounds, const struct plan_poll *poll, double chance, struct plan_state *state)
{
	base_time interval = usual(bounds, poll);

	if (poll->outcome != PLAN_FAILED) {
		state->failures = 0;
	} else {
		base_time most = clamp(bounds->max, interval, INTERVAL_MAX);
		if (state->failures < UINT32_MAX)
			state->failures++;
		interval = backed_off(interval, most, state->failures);
	}
	base_time asked = clamp(poll->retry_after, 0, RETRY_AFTER_MAX);
	if (interval < asked)
		interval = asked;
	state->last_start = poll->started;
	state->next_due = poll->started + interval + part(interval, chance * SPREAD);
}

base_time plan_first(const struct plan_state *state, base_time now, base_time spread, double chance)
{
	if (state->next_due == BASE_TIME_NONE)
		return now + part(spread, chance);
	if (state->last_start != BASE_TIME_NONE && state->last_start > now && state->next_due > state->last_start)
		return now + (state->next_due - state->last_start);
	return state->next_due > now ? state->next_due : now;
}
