/*
 * outbox: the thread that owns the ledger and every ZeroMQ socket.
 *
 * Pollers hand it jobs and get them back, answered, through their own queue.
 * What a job commits is published only after the commit: the whole promise of
 * the daemon is in that order. A ledger that cannot write now keeps the jobs
 * waiting, whatever it takes; nothing is dropped.
 */
#ifndef WIREWATCH_OUTBOX_H
#define WIREWATCH_OUTBOX_H

#include "wirewatch/alert.h"
#include "wirewatch/ledger.h"
#include "wirewatch/publish.h"
#include "wirewatch/status.h"

enum outbox_kind {
	OUTBOX_RECALL,  /* what is stored of feeds */
	OUTBOX_LOOK_UP, /* what is known of a document's entries */
	OUTBOX_COMMIT,  /* store a batch, publish its alerts */
	OUTBOX_TOUCH,   /* store when feeds were polled that brought nothing */
	OUTBOX_REPLAY,  /* stored alerts; a ledger that cannot be read now is the answer, not waited for */
};

/* A feed's stored state, copied for the poller, who frees etag, last_modified and plan. */
struct outbox_recall {
	const char *url;
	char *etag, *last_modified;
	struct feed_key body;
	struct plan_feed *plan; /* NULL when nothing is known */
	base_time newest;
	int64_t id;        /* the ledger's number of it */
	base_time written; /* when it was last committed, or BASE_TIME_NONE */
	bool polled, known; /* known: false when the ledger has nothing of it */
};

/* Belongs to the poller; between outbox_submit and its return the outbox alone may touch it. */
struct outbox_job {
	enum outbox_kind kind;
	enum base_result result;
	struct base_queue *reply_to; /* must have room for every job its poller has out */
	union {
		struct {
			struct outbox_recall *feeds;
			size_t count;
		} recall;
		struct {
			const char *url;
			const struct feed_entry *entries;
			size_t count;
			struct ledger_known *known;
		} look_up;
		struct {
			struct ledger_batch batch;
			base_time received; /* monotonic, of the reply's last byte */
		} commit;
		struct {
			const struct ledger_poll *polls;
			size_t count;
			base_time now;
		} touch;
		struct {
			uint64_t after;
			const char *topic;
			size_t limit;
			ledger_message_fn *each; /* called in the outbox's thread; stops when it fails */
			void *ctx;
			bool more;
			uint64_t latest; /* in the ledger; only if after is beyond what is handed on here the database is asked */
		} replay;
	};
};

#define OUTBOX_QUEUE_MAX 16384 /* jobs: the polls under way of all pollers, with room to spare */

struct share;
struct outbox_options {
	const char *backup_path; /* NULL: the ledger's engine has its own ways */
	struct ledger *ledger;
	struct share *share; /* NULL: the ledger is ours alone */
	struct publish *publish;
	struct publish_syslog *syslog;   /* where alerts' lines go, or NULL */
	struct publish_journal *journal; /* the same, instead of syslog; or NULL */
	struct publish_file *file;       /* or NULL */
	struct alert_stories *stories;
	const struct base_clock *clock;
	struct base_log *log;
	struct status_board *board;
	base_time story_window;
	size_t queue_max;
	void (*published)(void *ctx); /* the board's STATUS_SEQUENCE has moved; in the outbox's thread */
	void *ctx;
};

struct outbox;
/* Restores the stories and publishes what a crash left unpublished. */
enum base_result outbox_new(const struct outbox_options *options, struct outbox **out, struct base_error *err);
enum base_result outbox_start(struct outbox *outbox);
/* A stop is near: a ledger that goes on failing makes waiting jobs end in BASE_STOPPED, so that pollers can end. */
void outbox_hurry(struct outbox *outbox);
/* Answer what is queued, then end the thread. A ledger that still fails makes the rest end in BASE_STOPPED. */
void outbox_stop(struct outbox *outbox);
void outbox_free(struct outbox *outbox);
/* What the outbox can be told to do, soon, in its own thread; to be or'ed. */
enum outbox_order {
	OUTBOX_RELOAD_KEYS = 1, /* read subscribers' keys anew */
	OUTBOX_REOPEN_FILE = 2, /* the file of alerts was renamed */
	OUTBOX_BACK_UP = 4,     /* write a copy of the ledger to backup_path */
};
void outbox_order(struct outbox *outbox, unsigned orders); /* from any thread */
enum base_result outbox_submit(struct outbox *outbox, struct outbox_job *job);
/* Monotonic time of its last sign of life, for the watchdog. */
base_time outbox_alive(const struct outbox *outbox);
/* True while the ledger refuses: pollers start nothing new. */
bool outbox_stuck(const struct outbox *outbox);

#endif
