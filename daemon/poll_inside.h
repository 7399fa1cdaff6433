/*
 * poll: one poll under way, shared by poll.c (request, document, alerts) and
 * poll_end.c (what is stored, said and planned).
 */
#ifndef WIREWATCH_POLL_INSIDE_H
#define WIREWATCH_POLL_INSIDE_H

#include "poll.h"

struct poll {
	struct outbox_job job; /* first: a job that comes back is a poll */
	struct poll_context *context;
	struct poll_feed *feed;
	struct fetch_transfer *transfer; /* while under way */

	char *etag, *last_modified; /* what the reply said; NULL where it said nothing */
	struct feed_key body;
	struct plan_poll outcome;
	struct plan_feed *next;   /* the feed's plan after this poll */
	struct base_buf learned;  /* the same, as it is stored */
	bool full;                /* asked without the validators there are */
	unsigned events;          /* what plan found worth a line */
	bool excused;             /* it failed while no host answered: its feed is not blamed */
	struct plan_document said; /* what the document says about itself */
	base_time *dates;         /* of entries not known before */
	char *moved_to;           /* or NULL */
	char reason[512];
	long http_status;
	base_time asked, received; /* monotonic */
	uint64_t lease;           /* the token it was asked under */

	struct feed_document *document;
	struct feed_familiar *familiar; /* its entries, for the next poll; or NULL */
	struct ledger_known *known;
	int64_t feed_id;          /* what the ledger calls the feed, once the poll is committed */
	bool rekeyed;             /* the publisher gave its entries new ids */
	struct ledger_entry *entries;
	struct alert **alerts;
	size_t alert_count, alert_cap;
};

base_time poll_wall(const struct poll *poll);
struct base_log *poll_log(const struct poll *poll);
enum base_result poll_submit(struct poll *poll);

/* The poll of a feed that is stored was this, and nothing else is to be stored of it. Without memory: BASE_NO_MEMORY. */
enum base_result poll_touch(struct poll_context *context, const struct poll_feed *feed, const struct plan_state *state);
/* The outbox has answered what was handed over. */
void poll_touched(struct poll_context *context);

/* Plan ahead and hand the batch to the outbox. */
void poll_commit(struct poll *poll);
void poll_fail(struct poll *poll, enum plan_failure failure, const char *reason);
/* Nothing was stored: the old validators bring it all again, after a while. */
void poll_not_stored(struct poll *poll, const char *why);
/* The outbox has answered the batch. */
void poll_committed(struct poll *poll);
void poll_free(struct poll *poll);

#endif
