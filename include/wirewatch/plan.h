/*
 * plan: when to poll a feed next. Pure: time and chance are parameters, and
 * nothing here waits, asks or logs.
 *
 * A feed's interval is learned from when its entries were published, within a
 * budget that all feeds of a fleet share; what the publisher asks for makes it
 * longer, failures too. Each object belongs to one thread.
 */
#ifndef WIREWATCH_PLAN_H
#define WIREWATCH_PLAN_H

#include "wirewatch/base.h"

/* ---- a feed ------------------------------------------------------------------ */

struct plan_state {
	base_time last_start; /* wall time the last poll was started; BASE_TIME_NONE: never */
	base_time next_due;   /* wall time; BASE_TIME_NONE: never polled */
	uint32_t failures;    /* polls in a row that failed by the feed's own fault */
};

enum plan_outcome {
	PLAN_NEW,
	PLAN_UNCHANGED,
	PLAN_NOT_MODIFIED,
	PLAN_FAILED,
	PLAN_CANCELLED, /* given up by us; it still was a request */
};

enum plan_failure { /* each kind backs off by its own count; stored by number: append, never reorder */
	PLAN_NAME,      /* the host name cannot be resolved */
	PLAN_CONNECT,
	PLAN_SLOW,
	PLAN_TLS,
	PLAN_CUT,       /* the reply broke off */
	PLAN_DENIED,    /* 401, 403: also how some say 429 */
	PLAN_MISSING,   /* 404 */
	PLAN_GONE,      /* 410: the only one that ends polling */
	PLAN_BUSY,      /* 429, 503 */
	PLAN_SERVER,    /* other 5xx */
	PLAN_STATUS,    /* other statuses */
	PLAN_NOT_FEED,
	PLAN_REFUSED,   /* by our limits: address, size */
	PLAN_OTHER,     /* our own trouble: out of memory, a ledger that fails; and what has no name */
	PLAN_FAILURE_COUNT
};

const char *plan_failure_text(enum plan_failure failure); /* "not found", "timed out" ... */

struct plan_document { /* what a document says about its feed */
	base_time ttl;       /* rss ttl or sy:updatePeriod / updateFrequency; 0: not said */
	uint32_t skip_hours; /* bit h: hour h GMT */
	uint8_t skip_days;   /* bit 0: Monday ... bit 6: Sunday, GMT */
	size_t entries;
};

struct plan_poll { /* how a poll went */
	enum plan_outcome outcome;
	enum plan_failure failure; /* of PLAN_FAILED */
	base_time started, ended;  /* wall */
	base_time fixed_interval;  /* the feed's own `interval`, or 0 */
	base_time max_age;         /* of the reply: how long it stays fresh, 0: not said */
	base_time retry_after;     /* from 429, 503 or 3xx, 0: not said */
	const struct plan_document *document; /* that was taken in, or NULL */
	const base_time *dates;    /* publication of each entry not known before; BASE_TIME_NONE: undated */
	size_t date_count;
	size_t alerts;             /* that they made */
	const char *moved_to;      /* where a chain of permanent redirects ended, or NULL */
};

enum plan_health { PLAN_WELL, PLAN_FAILING, PLAN_PAUSED, PLAN_STALE, PLAN_ENDED };

struct plan_feed;
enum base_result plan_feed_new(struct plan_feed **out);
enum base_result plan_feed_copy(const struct plan_feed *feed, struct plan_feed **out);
void plan_feed_free(struct plan_feed *feed); /* NULL is fine */
/* What is to be stored beside the state: lines of text, at most PLAN_STORED_MAX bytes. */
#define PLAN_STORED_MAX 8192
enum base_result plan_feed_store(const struct plan_feed *feed, struct base_buf *out);
/*
 * Whether after, a later state of the feed, knows what is worth storing at once: all but when it was asked and is due,
 * and that it was silent meanwhile.
 */
bool plan_feed_learned(const struct plan_feed *before, const struct plan_feed *after);
/* The stored text may be missing or damaged: what cannot be read of it is learned anew. Only memory can fail. */
enum base_result plan_feed_restore(const struct plan_state *state, struct base_span stored, struct plan_feed **out);

const struct plan_state *plan_feed_state(const struct plan_feed *feed);
enum plan_health plan_feed_health(const struct plan_feed *feed); /* as its last poll showed it */
const char *plan_health_text(enum plan_health health);           /* "well", "failing", "paused", "stale", "ended" */
/* Why the next poll is when it is, one short phrase for people: "learned, every 12m". */
enum base_result plan_feed_explain(const struct plan_feed *feed, struct base_buf *out);
/* A poll starts: it counts from now on, whatever becomes of it. full: without the validators there are. */
void plan_feed_start(struct plan_feed *feed, base_time now, bool full);
/* Due as soon as floor has passed since the last poll, as with --once; false when it is paused, or has ended. */
bool plan_feed_hurry(struct plan_feed *feed, base_time now, base_time floor);
/* Not before until. */
void plan_feed_postpone(struct plan_feed *feed, base_time until);
/* If the clock was set back since the last poll: its times move with it, so that no wait gets longer. */
void plan_feed_clock_set(struct plan_feed *feed, base_time now);
/* Until when its host asked to be left alone, or BASE_TIME_NONE. */
base_time plan_feed_paused(const struct plan_feed *feed);
/*
 * Whether to send the stored validators. Now and then not: when the feed's own
 * rate makes a silence of 304s improbable (P < 1/1000), and at most once in 24
 * hours, lest a server answers 304 for ever.
 */
bool plan_feed_conditional(const struct plan_feed *feed, base_time now);
/* The address to ask instead of the configured one, after a confirmed permanent move; or NULL. */
const char *plan_feed_address(const struct plan_feed *feed);

/* ---- all feeds of a poller ------------------------------------------------------ */

struct plan_options {
	base_time min, max; /* poll.min, poll.max */
	base_time mean;     /* poll.mean: a learned feed is asked once in this time, on the average over the fleet */
};

struct plan_fleet;
enum base_result plan_fleet_new(const struct plan_options *options, struct plan_fleet **out);
void plan_fleet_free(struct plan_fleet *fleet);
/* A place for a feed of that host; fixed: it has an `interval` and no part in the budget. */
enum base_result plan_fleet_add(struct plan_fleet *fleet, struct base_span host, bool fixed, size_t *slot);
/* It has got an `interval` of its own, or lost it. */
void plan_fleet_fix(struct plan_fleet *fleet, size_t slot, bool fixed);
/* The feed is gone; its slot may go to another. */
void plan_fleet_remove(struct plan_fleet *fleet, size_t slot);
/* What was restored of the feed. */
void plan_fleet_know(struct plan_fleet *fleet, size_t slot, const struct plan_feed *feed);
/* True while no host at all answers: then no feed is blamed. */
bool plan_fleet_outage(const struct plan_fleet *fleet);

enum plan_event { /* what is worth a line; or'ed */
	PLAN_EVENT_STALE = 1,     /* silent for longer than is likely */
	PLAN_EVENT_FRESH = 2,     /* no longer */
	PLAN_EVENT_ENDED = 4,     /* 410: never asked again */
	PLAN_EVENT_MOVED = 8,     /* asked at plan_feed_address from now on; its validators are void */
	PLAN_EVENT_MOVED_BACK = 16, /* the new address does not work: the configured one again; the same */
	PLAN_EVENT_OUTAGE = 32,   /* no host answers */
	PLAN_EVENT_NETWORK = 64,  /* one answers again */
	PLAN_EVENT_PAUSED = 128,  /* the server asked for a pause, until plan_feed_paused */
	PLAN_EVENT_OVERRIDE = 256, /* `interval` is shorter than what the publisher asks for */
};
/*
 * When to poll again; learns what the poll tells. chance in [0, 1) spreads the
 * result, so that feeds do not march in step.
 *
 * Success: the fixed interval; else the learned one within [max(poll.min,
 * max-age, ttl), poll.max] and short enough that no entry is missed, moved out
 * of the hours and days the publisher asks to skip. Failure: that doubled for
 * each failure of its kind. Never sooner than Retry-After (at most a day),
 * whatever else holds. All counts from the start of the poll.
 */
unsigned plan_next(struct plan_fleet *fleet, size_t slot, struct plan_feed *feed, const struct plan_poll *poll,
                   double chance);
/*
 * The first poll after a start: at the stored due time if that is still to
 * come, else spread by chance over spread, but over no longer than it has
 * waited already. fixed_interval may have been
 * shortened meanwhile; a pause the host asked for holds.
 */
void plan_first(struct plan_feed *feed, base_time now, base_time fixed_interval, base_time spread, double chance);

/* ---- a host ------------------------------------------------------------------------ */

/*
 * "host:port" of an http(s) URL, without user and password: what politeness is
 * counted by. Of hosters that give each user a name of its own, the part they share.
 */
struct base_span plan_host_of(const char *url);
/* False for loopback and private addresses and names that only a local network knows. */
bool plan_host_public(struct base_span host);

struct plan_host { /* zero-initialise, then plan_host_init */
	unsigned running;        /* requests under way */
	bool public;
	base_time gap;           /* between two requests */
	base_time free_at;       /* monotonic: when the gap is over; BASE_TIME_NONE: now */
	base_time paused_until;  /* wall, or BASE_TIME_NONE */
};
/* gap holds for public hosts; what is ours bears more. */
void plan_host_init(struct plan_host *host, struct base_span name, base_time gap);
/* How long until a request may start: 0 now, BASE_TIME_NONE when one of those under way has to end first. */
base_time plan_host_wait(const struct plan_host *host, unsigned most, base_time monotonic);
void plan_host_start(struct plan_host *host, base_time monotonic);
void plan_host_end(struct plan_host *host, base_time monotonic);
/* Another node may have asked it until now: the gap counts from here. */
void plan_host_taken(struct plan_host *host, base_time monotonic);
/* The server asked for a pause: it holds for all of a public host, and for one URL of another. */
void plan_host_pause(struct plan_host *host, base_time until);
/* Until when it lasts, or BASE_TIME_NONE if there is none. It is never longer than a day, whatever the clock did. */
base_time plan_host_paused(struct plan_host *host, base_time now);

#endif
