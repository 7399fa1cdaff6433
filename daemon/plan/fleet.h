/* fleet: the budget that all feeds of a poller share. Private to the room plan. */
#ifndef WIREWATCH_PLAN_FLEET_H
#define WIREWATCH_PLAN_FLEET_H

#include "feed.h"

struct fleet_host {
	uint64_t name;  /* its hash; 0: a free place */
	uint32_t round; /* of plan_fleet.round in which it failed to answer */
	uint32_t feeds; /* 0: it has gone, and only keeps its place */
};

struct fleet_slot { /* what the budget needs to know of a feed */
	uint64_t host, moving_to; /* hashes; moving_to: the host of a permanent redirect, 0 for none */
	double items, days, alerts;
	double shape;             /* mean of the square root of the day profile */
	double shortest, longest; /* intervals, in days */
	bool counted;             /* false: a fixed interval, or ended, or free */
	size_t next_free;         /* of a free slot: the next one, plus one; 0: none */
};

struct plan_fleet {
	struct plan_options options;
	struct fleet_slot *slots;
	size_t slot_count, slot_cap, free_slot; /* the first free one, plus one; 0: none */
	size_t feed_count;
	struct fleet_host *hosts; /* a hash table with a power of two of places */
	size_t host_count, host_places, places_taken; /* taken: by hosts that have gone as well */

	/* the budget */
	double kappa;  /* the interval at time t is kappa / sqrt(weight * rate(t)), in days */
	double prior;  /* items a day: the median over the feeds */
	double yield;  /* alerts an item, over all feeds; 0: none yet */
	double trim;   /* what the controller puts on kappa */
	base_time solved_at, period_start;
	size_t changes; /* since it was solved */
	uint64_t asked; /* requests in this period */

	/* an outage */
	uint32_t round;     /* grows when a host answers */
	base_time answered; /* wall: when one did last */
	size_t silent;      /* hosts that failed since */
	bool outage;
};

uint64_t fleet_host_hash(struct base_span host);
/* Take in what is known of the feed now. */
void fleet_note(struct plan_fleet *fleet, size_t slot, const struct plan_feed *feed);
/* The learned interval from the time on, within the feed's bounds; *why says which of them holds. */
base_time fleet_interval(const struct plan_fleet *fleet, const struct plan_feed *feed, base_time from,
                         enum plan_why *why);
/* The shortest interval the publisher's hints and the operator allow. */
base_time fleet_shortest(const struct plan_fleet *fleet, const struct plan_feed *feed, enum plan_why *why);
/* Count a request, and look at the budget if it is time to. */
void fleet_asked(struct plan_fleet *fleet, size_t slot, base_time now);
/* The poll's host answered, or did not; gives PLAN_EVENT_OUTAGE or PLAN_EVENT_NETWORK when that changes what is thought. */
unsigned fleet_heard(struct plan_fleet *fleet, size_t slot, const struct plan_poll *poll, bool answered);
/* Whether so many feeds of several hosts are on their way to that one that a portal answers for all of them. */
bool fleet_is_portal(const struct plan_fleet *fleet, uint64_t host);

/* move.c: a poll succeeded, by a permanent redirect or not. */
void move_note(struct plan_feed *feed, const struct plan_poll *poll);
/* Whether the move is to be believed now, the fleet having noted all that is known: PLAN_EVENT_MOVED or 0. */
unsigned move_confirm(const struct plan_fleet *fleet, struct plan_feed *feed, base_time now);
/* A poll failed: PLAN_EVENT_MOVED_BACK when the new address is given up, or 0. */
unsigned move_failure(struct plan_feed *feed);

#endif
