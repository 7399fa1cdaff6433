/*
 * poller: the object, shared by poller.c (its life and its loop) and turns.c
 * (which feed goes next).
 */
#ifndef WIREWATCH_POLLER_INSIDE_H
#define WIREWATCH_POLLER_INSIDE_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "poll.h"

#define HOST_BUCKETS 1024

struct poller {
	struct poll_context context;
	pthread_t thread;
	struct event_base *base;
	struct event *inbox_event, *wake_event, *alive_event;
	struct base_queue *wake; /* poller_stop pushes here */
	_Atomic base_time alive;
	_Atomic bool stopping, cancelling;
	bool failed;                    /* to learn what is stored of its feeds */

	struct poll_feed **feeds;
	size_t feed_count, feed_cap, feeds_left; /* left: of --once */
	struct poll_host *hosts[HOST_BUCKETS];
	uint64_t hash_key[2];
	STAILQ_HEAD(, poll_feed) ready; /* due, their host has a place for them */
	unsigned running;               /* polls under way, up to their commit */
	struct outbox_job recall;
};

base_time poller_wall(const struct poller *poller);
/* A wait as libevent wants it. */
struct timeval poller_wait(base_time time);
/* Leave the loop when there is nothing left to do. */
void poller_end_if_done(struct poller *poller);

/* Feeds are paced by the host they are asked at, which a move changes. */
enum base_result poller_find_host(struct poller *poller, struct poll_feed *feed);

/* Set the feed's timer to when it is due. */
void turns_set_timer(struct poll_feed *feed);
/* The feed's timer has fired. */
void turns_on_timer(evutil_socket_t fd, short what, void *feed);
/* The host's gap between two requests is over. */
void turns_on_gap(evutil_socket_t fd, short what, void *host);
/* For struct poll_context. */
void turns_host_free(struct poll_feed *feed);
void turns_poll_ended(struct poll_feed *feed);
/* With --once: the feed's turn is over, or was none. */
void turns_done(struct poll_feed *feed);

#endif
