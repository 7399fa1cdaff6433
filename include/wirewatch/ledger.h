/*
 * ledger: what must survive - validators, seen entries, alerts, the sequence.
 *
 * One door, with an engine behind it chosen by the URI. An object belongs to
 * one thread. A batch is what one poll brought; batches are committed whole or
 * not at all, and an alert has a sequence only once it is committed.
 */
#ifndef WIREWATCH_LEDGER_H
#define WIREWATCH_LEDGER_H

#include "wirewatch/alert.h"
#include "wirewatch/base.h"
#include "wirewatch/feed.h"
#include "wirewatch/plan.h"

struct ledger;

struct ledger_options {
	const char *uri;      /* sqlite:///absolute/path or sqlite://path */
	const char *node;     /* for the alerts' source */
	base_time keep;       /* alerts.keep */
	struct base_log *log; /* may be NULL */
};
/*
 * Open or create. BASE_DAMAGED: the integrity check failed; BASE_UNSUPPORTED:
 * written by a newer version, or no such engine; BASE_BUSY: another process
 * has it; BASE_INVALID: no address, or another program's file; BASE_IO. err
 * says what to do.
 */
enum base_result ledger_open(const struct ledger_options *options, struct ledger **out, struct base_error *err);
void ledger_close(struct ledger *ledger); /* NULL is fine */
/* Why the last call that failed did so: one line for people; "" if none has. */
const char *ledger_reason(const struct ledger *ledger);

/* Made at random when the ledger was created; 1 to 2^53 - 1, which every JSON reader holds exactly. */
uint64_t ledger_epoch(const struct ledger *ledger);
uint64_t ledger_sequence(const struct ledger *ledger); /* the last one given; 0: none yet */
uint64_t ledger_oldest(struct ledger *ledger);         /* the oldest alert still kept; 0: none */

/* ---- feeds ------------------------------------------------------------------- */

struct ledger_feed {
	const char *url;
	const char *etag, *last_modified; /* or NULL */
	struct feed_key body;             /* of the last body parsed; all zero: none yet */
	struct plan_state plan;
	struct base_span learned; /* what plan_feed_store wrote, or none */
	bool polled;      /* at least one document was taken in */
	int64_t id;        /* the ledger's number of it, 0: not known; ignored by ledger_commit */
	base_time written; /* when it was last committed, BASE_TIME_NONE: not known; ignored by ledger_commit */
	base_time newest; /* publication time of the newest entry ever committed; never goes back */
};
/* BASE_NOT_FOUND for a feed never committed. Strings belong to the ledger and last until its next call. */
enum base_result ledger_feed_get(struct ledger *ledger, const char *url, struct ledger_feed *out);

struct ledger_poll { /* of a feed that is committed, bringing nothing */
	int64_t feed;
	base_time last_start, next_due; /* wall */
};
/*
 * Remember when feeds were polled, many in one small transaction: what ledger_feed_get gives of them is as if the feeds
 * had been committed with these times, up to their next commit. It is kept for LEDGER_POLLS_KEPT, so that a poll with a
 * later next_due must be committed, and a feed must be now and then, lest it is taken for one that nobody polls any
 * more. Results as of ledger_commit.
 */
#define LEDGER_POLLS_KEPT (2 * BASE_HOUR)
enum base_result ledger_touch(struct ledger *ledger, const struct ledger_poll *polls, size_t count, base_time now);

enum ledger_state { LEDGER_NEW, LEDGER_CHANGED, LEDGER_SEEN, LEDGER_REKEYED };

struct ledger_known { /* what is known of one entry */
	enum ledger_state state;
	uint32_t classes;     /* bit per match_class already alerted for this entry */
	uint64_t last_alert;  /* the sequence of its latest alert, 0: none */
	base_time first_seen; /* BASE_TIME_NONE: LEDGER_NEW */
	base_time settled;    /* when it was last seen, if that is all there is to be stored of it; else 0. For ledger_entry */
	bool changed;         /* what the rules read differs: LEDGER_CHANGED, and LEDGER_REKEYED that was edited too */
};
/*
 * Look up the entries of one document (all of them: one explains another). An
 * entry whose key is unknown is LEDGER_REKEYED when its link_key or else its
 * title_key belongs to exactly one known entry which is not in the document
 * under its own key, and to no other entry of the document. An entry without
 * a key is LEDGER_SEEN.
 */
enum base_result ledger_look_up(struct ledger *ledger, const char *url, const struct feed_entry *entries, size_t count,
                                struct ledger_known *out);
/*
 * The publisher gave its entries new ids, or put old ones back: at least half
 * of the document and at least 5 entries are unknown by their key, and all of
 * them known by another sign or dated before newest (of the feed before this
 * document). Such a document is recorded without alerts and said once.
 */
bool ledger_is_rekeyed(const struct ledger_known *known, const struct feed_entry *entries, size_t count,
                       base_time newest);

/* ---- batches ------------------------------------------------------------------- */

struct ledger_entry { /* an entry to be remembered */
	struct feed_key key, link_key, title_key, change;
	uint32_t classes;    /* all classes alerted for it so far, this batch's included */
	base_time published; /* or BASE_TIME_NONE; only for ledger_feed.newest */
	base_time settled;   /* as ledger_look_up said for this poll, so that it need not be looked up again; or 0 */
};

struct ledger_batch {
	struct ledger_feed feed; /* its new state */
	/*
	 * All entries of the document, seen ones too: they are kept while they
	 * appear, and 90 days (or `keep`) longer. None when no document was taken in.
	 */
	const struct ledger_entry *entries;
	size_t entry_count;
	struct alert *const *alerts; /* placed in their stories */
	size_t alert_count;
	base_time now;
	int64_t *id; /* becomes the feed's number when the batch is committed; may be NULL */
};

struct ledger_message { /* an alert as published: three frames, and what the log line needs */
	uint64_t sequence;
	struct base_span topic, header, json;
};
typedef enum base_result ledger_message_fn(void *ctx, const struct ledger_message *message);

/*
 * Commit batches in one transaction: assigns sequences, renders, stores. Then
 * calls each for every alert stored, in order, whatever it returns: stored they
 * are, and ledger_unpublished gives them again. Nothing is stored on failure
 * and no sequence used: BASE_BUSY, BASE_IO (a full disk, too) and
 * BASE_NO_MEMORY may pass, the same batches can be given again; BASE_DAMAGED
 * will not pass; BASE_INVALID and BASE_LIMIT are the batches' own.
 */
enum base_result ledger_commit(struct ledger *ledger, const struct ledger_batch *batches, size_t count,
                               ledger_message_fn *each, void *ctx, struct base_error *err);
/*
 * Remember that everything up to sequence was handed to the subscribers. It is
 * written with the next commit, prune or close: a crash before repeats the
 * alerts of one commit, never more. BASE_INVALID for a sequence never given.
 */
enum base_result ledger_published(struct ledger *ledger, uint64_t sequence);
/* The alerts that were committed but not marked published, in order. Here and below: stops when each fails, and
   returns that; each must not call the ledger. */
enum base_result ledger_unpublished(struct ledger *ledger, ledger_message_fn *each, void *ctx);
/* Stored alerts with sequence > after and a topic that starts with prefix, at most limit. *more: there are others. */
enum base_result ledger_replay(struct ledger *ledger, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more);
/* The stored story sketches newer than since, oldest first. */
typedef enum base_result ledger_sketch_fn(void *ctx, struct base_span sketch);
enum base_result ledger_sketches(struct ledger *ledger, base_time since, ledger_sketch_fn *each, void *ctx);

/*
 * Drop what is older than keep allows, a bounded piece (500 rows, 50 feeds) at
 * a time; *more: call again soon. Alerts not yet published stay, an entry stays
 * while documents show it. After a round without *more an hour's pause will do.
 */
enum base_result ledger_prune(struct ledger *ledger, base_time now, bool *more);
/* A consistent copy of the running ledger at path, replaced whole or not at all; takes about a second for 300 MB. */
enum base_result ledger_backup(struct ledger *ledger, const char *path, struct base_error *err);

#endif
