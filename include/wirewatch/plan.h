/*
 * plan: when to poll a feed next. Pure: time and chance are parameters.
 */
#ifndef WIREWATCH_PLAN_H
#define WIREWATCH_PLAN_H

#include "wirewatch/base.h"

struct plan_bounds {
	base_time min, max; /* poll.min, poll.max */
};

/* What is remembered of a feed between polls; stored with the validators. */
struct plan_state {
	base_time last_start; /* wall time the last poll was started; BASE_TIME_NONE: never */
	base_time next_due;   /* wall time; BASE_TIME_NONE: never polled */
	uint32_t failures;    /* polls in a row that failed */
};

enum plan_outcome { PLAN_NEW, PLAN_UNCHANGED, PLAN_NOT_MODIFIED, PLAN_FAILED };

struct plan_poll { /* how the last poll went */
	enum plan_outcome outcome;
	base_time started;
	base_time fixed_interval; /* the feed's own `interval`, or 0 */
	base_time hint;           /* ttl or max-age asked for by the publisher, or 0 */
	base_time retry_after;    /* from 429 or 503, or 0 */
};

/*
 * When to poll again. Success: the fixed interval, else max(min, hint) but at
 * most max. Failure: that doubled for each failure in a row up to max (or the
 * fixed interval if longer). Never sooner than retry_after (at most a day),
 * whatever else holds. chance in [0, 1) spreads the result by up to 10 %
 * later, so that feeds do not march in step. All counts from the start of the
 * poll. Updates state.
 */
void plan_next(const struct plan_bounds *bounds, const struct plan_poll *poll, double chance, struct plan_state *state);

/*
 * The first poll after a start: at the stored due time if that is still to
 * come, else now; feeds never polled are spread by chance over spread. If the
 * clock was set back since the last poll, the whole wait starts again.
 */
base_time plan_first(const struct plan_state *state, base_time now, base_time spread, double chance);

#endif
