/*
 * poll: one poll of one feed, from the request to the committed batch.
 * Private to the poller; everything here runs in its thread.
 */
#ifndef WIREWATCH_POLL_H
#define WIREWATCH_POLL_H

#include <sys/queue.h>

#include "poller.h"
#include "wirewatch/fetch.h"
#include "wirewatch/plan.h"

/* Feeds of one server (host and port) share its places and its pauses. */
struct poll_host {
	struct base_table_node node;          /* first: in its poller's table, by name */
	struct base_heap_node gap;            /* when the gap between two requests is over, if feeds wait for it */
	char *name;
	struct poller *poller;
	struct plan_host pace;
	TAILQ_HEAD(, poll_feed) waiting;      /* due, but the host has no place free */
	size_t feeds;                         /* 0: it is kept until its gap is over */
	LIST_ENTRY(poll_host) empty;          /* in its poller's list of those without feeds */
};

enum poll_feed_at { /* where a feed is */
	FEED_NEW,    /* in line to be recalled */
	FEED_ASKED,  /* the outbox is asked what is stored of it */
	FEED_RESTS,  /* until it is due */
	FEED_WAITS,  /* in its host's line */
	FEED_READY,  /* it has a place of its host, and waits for a transfer */
	FEED_POLLED, /* a poll is under way */
};

struct poll_feed {
	struct base_table_node node;          /* first: in its poller's table, by URL */
	struct base_heap_node due;            /* monotonic */
	const struct conf_feed *conf;
	struct poll_host *host;
	struct poller *poller;
	struct poll *poll;                    /* under way, or NULL */
	char *etag, *last_modified;           /* as the server sent them, or NULL */
	struct feed_key body;                 /* of the last document taken in */
	struct feed_familiar *familiar;       /* its entries, as they are in the ledger; or NULL */
	struct plan_feed *plan;               /* NULL until it is recalled */
	size_t slot;                          /* in the fleet */
	int64_t id;                           /* the ledger's number of it; 0: it is not there yet */
	base_time written;                    /* when it was last committed (wall), or BASE_TIME_NONE */
	base_time newest;                     /* publication date of its newest entry ever, or BASE_TIME_NONE */
	enum poll_feed_at at;
	bool polled;
	bool done;                            /* its one poll with --once is over */
	bool leaving;                         /* removed, and gone as soon as it is no longer busy */
	unsigned named;                       /* the number of the last change that named it */
	size_t place;                         /* in its poller's list, if it is there */
	const struct conf_feed *next_conf;    /* takes the place of conf when it is no longer busy; or NULL */
	struct poller_change *awaited_by;     /* the first change that waits for it, or NULL */
	size_t entries;                       /* in the last document */
	struct base_complaint complaint;
	TAILQ_ENTRY(poll_feed) link;          /* in the line it stands in */
};

/*
 * Polls that brought nothing are over at once; that they were is stored together, a second later. A crash in between
 * forgets that second, and the feeds are asked a little sooner.
 */
struct poll_touches {
	struct ledger_poll *polls;
	size_t count, cap;
	struct event *timer;        /* until they are handed over */
	struct outbox_job job;      /* carries the ones handed over before */
	struct ledger_poll *handed; /* NULL: none */
};

/* What a poll needs of its poller. */
struct poll_context {
	struct poller_options options;
	struct fetch *fetch;
	struct plan_fleet *fleet;
	const struct match_rules *rules;      /* NULL until an entry is to be read, as is the scratch */
	struct match_scratch *scratch;
	bool no_rules;                        /* there are none: the poller cannot go on */
	struct base_queue *inbox;             /* jobs come back here */
	size_t jobs_out;                      /* given to the outbox, not back yet */
	struct poll_touches touches;
	uint64_t chance;                      /* state of poll_chance; not zero */
	void (*ended)(struct poll_feed *feed); /* the poll is over and freed */
	void (*host_free)(struct poll_feed *feed); /* it no longer counts against its host */
};

struct poll_result { /* of the last poll, for the status board */
	const char *result, *reason; /* "" before the first */
	const char *failure;         /* its kind, "" when it did not fail */
	long http_status;
	base_time took; /* until the last byte; BASE_TIME_NONE: none came */
};
/* Show the feed on the status board. */
void poll_feed_show(const struct poll_context *context, const struct poll_feed *feed, const struct poll_result *last);
/* Count the feed's health in the board's totals, or take it out again. */
void poll_feed_count(const struct poll_context *context, const struct poll_feed *feed, bool in);
/* A number in [0, 1). */
double poll_chance(struct poll_context *context);

/* poll_touch.c */
struct event_base;
enum base_result poll_touches_init(struct poll_context *context, struct event_base *base);
void poll_touches_free(struct poll_context *context);
/* Hand over what there is, unless some is on its way. True: nothing is left here or on its way. */
bool poll_touches_flush(struct poll_context *context);

struct poll;
/* Starts the transfer. On failure nothing is under way. */
enum base_result poll_start(struct poll_context *context, struct poll_feed *feed);
/* The outbox has answered a job of a poll, or of touches. */
void poll_answered(struct poll_context *context, struct outbox_job *job);
/* Give up the transfer, if still under way, and store that there was one; a poll past it goes on to its commit. */
void poll_cancel(struct poll *poll);

#endif
