/* feed: what plan knows of one feed. Private to the room plan. */
#ifndef WIREWATCH_PLAN_FEED_H
#define WIREWATCH_PLAN_FEED_H

#include "rate.h"
#include "wirewatch/plan.h"

#define PLAN_URL_MAX 2048 /* a longer address is never moved to */
#define PLAN_PAUSE_MAX BASE_DAY

enum plan_why { /* what decided about the next poll; stored by number: append, never reorder */
	WHY_NOTHING,
	WHY_FIXED,
	WHY_LEARNED,
	WHY_FLOOR,    /* poll.min */
	WHY_MAX_AGE,
	WHY_TTL,
	WHY_LONGEST,  /* poll.max */
	WHY_OVERFLOW, /* entries would be missed */
	WHY_SKIP,     /* skipHours, skipDays */
	WHY_RETRY_AFTER,
	WHY_BACK_OFF,
	WHY_OUTAGE,
	WHY_CANCELLED,
	WHY_ENDED,
	WHY_COUNT
};

struct plan_move { /* permanent redirects */
	char *to;         /* the address, or NULL */
	base_time since;  /* of the first answer that named it */
	uint32_t seen;    /* in a row */
	bool confirmed;
};

struct plan_feed {
	struct plan_state state;
	uint32_t failed[PLAN_FAILURE_COUNT]; /* since the last success */
	enum plan_failure failure;           /* the last one */
	struct plan_rate rate;
	base_time max_age;                   /* of the last reply that said one */
	struct plan_document document;       /* the last one */
	base_time full_at;                   /* when a whole document was last sent or asked for; or BASE_TIME_NONE */
	base_time paused_until;              /* Retry-After; or BASE_TIME_NONE */
	struct plan_move move;
	bool ended, stale;
	bool override_told;                  /* PLAN_EVENT_OVERRIDE; not stored */
	enum plan_why why;
	base_time interval;                  /* that it led to */
};

/* Whether it is silent for longer than its own rate and its longest pause so far make likely. */
bool feed_is_silent(const struct plan_feed *feed, base_time now);

#endif
