/* outbox_inside: what the files of the outbox share; all of it belongs to its thread. */
#ifndef WIREWATCH_OUTBOX_INSIDE_H
#define WIREWATCH_OUTBOX_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "outbox.h"

#define OUTBOX_GROUP_MAX 64 /* batches in one transaction */

struct outbox {
	struct outbox_options options;
	struct base_queue *queue;
	pthread_t thread;
	_Atomic bool stopping, hurrying, stuck;
	_Atomic unsigned orders; /* enum outbox_order */
	_Atomic base_time alive;

	struct outbox_job *group[OUTBOX_GROUP_MAX]; /* taken from the queue, not yet answered */
	size_t group_count;
	bool unanswered; /* questions in it wait for the next turn */
	base_time gather_until; /* monotonic: the group waits for more until then; BASE_TIME_NONE: it does not */
	struct base_complaint trouble;
	base_time retry_wait, retry_at; /* monotonic; of a failing ledger */
	base_time next_heartbeat, next_prune, stop_deadline;
	bool more_to_follow;
	bool members_changed; /* who takes part in the sharing */
	base_time next_follow; /* BASE_TIME_NONE: the ledger is ours alone */
	base_time received; /* of the batches being published */
	uint64_t missed;    /* the first alert that did not leave by every way; 0: none */
	unsigned resends;   /* tries since */
	uint64_t resending; /* the first alert that is sent again now; 0: none is */
	base_time resend_at;
	uint64_t logged;        /* up to this one the log has taken every line */
	base_time logs_wait_since; /* BASE_TIME_NONE: no line waits, or nobody has looked since */
	base_time file_wait; /* until the file of alerts is to be served; BASE_TIME_NONE: nothing is missing */
	struct outbox_job wake_mark; /* wakes the thread so that it sees what it is told */
};

static inline base_time outbox_now(const struct outbox *outbox)
{
	return base_clock_monotonic(outbox->options.clock);
}

/* ---- outbox_recall.c ----------------------------------------------------- */

/* Fills in what is known of the job's feeds; after an error all of it can be asked again. */
enum base_result outbox_recall(struct outbox *outbox, struct outbox_job *job);

/* ---- outbox_publish.c ---------------------------------------------------- */

/* A ledger_message_fn: one alert leaves by every way. What fails is noted, and sent again later. */
enum base_result outbox_publish(void *ctx, const struct ledger_message *message);
/* Some were published: whoever waits for news is told, and what left is marked. */
void outbox_after_publishing(struct outbox *outbox);
/* What waits for the log is tried again, and marked once it was taken. */
void outbox_serve_logs(struct outbox *outbox);
/* At a stop: a log that still takes lines is given time to take them all. */
void outbox_end_logs(struct outbox *outbox);
/* What other nodes stored since leaves here too, a piece of it; more_to_follow says whether there is more. */
enum base_result outbox_follow(struct outbox *outbox);
/* Once resend_at has come and something was missed. */
void outbox_resend(struct outbox *outbox, base_time now);
void outbox_heartbeat(struct outbox *outbox, base_time now);
/* At the start: the stories as stored, then what a crash left unpublished. */
enum base_result outbox_restore(struct outbox *outbox, struct base_error *err);

#endif
