/*
 * poller: the object, shared by poller.c (its life and its loop),
 * poller_change.c (feeds come and go) and turns.c (which feed goes next).
 */
#ifndef WIREWATCH_POLLER_INSIDE_H
#define WIREWATCH_POLLER_INSIDE_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "poll.h"

#define RECALL_PIECE 1000 /* feeds that the outbox is asked about at once */

struct poller {
	struct poll_context context;
	pthread_t thread;
	struct event_base *base;
	struct event *inbox_event, *orders_event, *alive_event, *clock_event;
	struct base_queue *orders; /* changes; the poller itself stands for poller_stop */
	struct event *lease_event;      /* NULL: no leases are needed */
	bool lease_valid;               /* when it was looked last */
	_Atomic base_time alive;
	_Atomic bool stopping, cancelling;
	bool failed;                    /* to learn what is stored of its feeds */

	struct base_table feeds, hosts;
	uint64_t hash_key[2];
	LIST_HEAD(, poll_host) empty;   /* hosts without feeds */
	size_t feeds_left;              /* of --once */

	STAILQ_HEAD(, poller_change) changes; /* taken, not done */
	unsigned change_count;          /* so far */
	size_t named;                   /* feeds that the last one lists */
	struct poll_feed **list;        /* those of the last one that lists all, in its order; NULL for what is gone since */
	size_t list_count;
	bool changing;                  /* one is being taken: no poll starts */
	size_t storing;                 /* changes that wait for touches to be stored: until then nobody is recalled */

	TAILQ_HEAD(, poll_feed) arriving; /* to be recalled */
	size_t arrived;                 /* since there were none */
	struct outbox_job recall;
	struct poll_feed *recalled[RECALL_PIECE];

	struct base_heap due, gaps;     /* feeds, and hosts whose feeds wait for a gap; there is room for all */
	base_time clock_at;             /* when clock_event fires; BASE_TIME_NONE: not at all */
	TAILQ_HEAD(, poll_feed) ready;  /* due, their host has a place for them */
	unsigned running;               /* polls under way, up to their commit */
};

base_time poller_wall(const struct poller *poller);
base_time poller_now(const struct poller *poller); /* monotonic */
/* A wait as libevent wants it. */
struct timeval poller_wait(base_time time);
/* Leave the loop when there is nothing left to do. */
void poller_end_if_done(struct poller *poller);
/* It cannot go on: end it. */
void poller_fail(struct poller *poller, const char *why, enum base_result result);

/* poller_change.c */
/* Feeds are paced by the host they are asked at, which a move changes. Without memory it stays with the old one. */
enum base_result poller_find_host(struct poller *poller, struct poll_feed *feed);
void poller_take_change(struct poller *poller, struct poller_change *change);
/* The outbox has answered poller->recall. */
void poller_recalled(struct poller *poller);
/* The feed is no longer busy: what changes asked for meanwhile happens now. False: it is gone. */
bool poller_feed_back(struct poll_feed *feed);
/* Touches were stored. */
void poller_stored(struct poller *poller);
/* Hosts without feeds go when they need no distance any more. */
void poller_forget_hosts(struct poller *poller);
/* Nothing will happen any more: all changes are done, as far as they came. */
void poller_end_changes(struct poller *poller);
void poller_free_feeds(struct poller *poller);

/* poller_lease.c */
/* Priority 0 of the event base is its own. */
enum base_result poller_lease_open(struct poller *poller);
/* Whether polls may start now; to be asked right before. */
bool poller_may_poll(const struct poller *poller);

/* turns.c */
/* Set the feed's alarm to when it is due. */
void turns_set_alarm(struct poll_feed *feed);
/* The feed leaves the line it stands in, if any; it is not polled. */
void turns_leave(struct poll_feed *feed);
/* Polls start as far as there is room. */
void turns_go_on(struct poller *poller);
/* The poller's clock_event: feeds may be due, and gaps of hosts over. */
void turns_on_clock(evutil_socket_t fd, short what, void *poller);
/* Set clock_event anew: it is not set as it should be, for want of memory. */
void turns_wind_clock(struct poller *poller);
/* For struct poll_context. */
void turns_host_free(struct poll_feed *feed);
void turns_poll_ended(struct poll_feed *feed);
/* With --once: the feed's turn is over, or was none. */
void turns_done(struct poll_feed *feed);

#endif
