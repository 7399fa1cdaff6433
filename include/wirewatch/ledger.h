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
 * says what to do. A file that ledger_close closed, that nobody has touched
 * since and that was checked within a week is not checked.
 */
enum base_result ledger_open(const struct ledger_options *options, struct ledger **out, struct base_error *err);
/* What can be told of an address without opening anything: BASE_INVALID or BASE_UNSUPPORTED, and why. */
enum base_result ledger_check(const char *uri, struct base_error *err);
void ledger_close(struct ledger *ledger); /* NULL is fine */
/* Why the last call that failed did so: one line for people; "" if none has. */
const char *ledger_reason(const struct ledger *ledger);

/* Made at random when the ledger was created; 1 to 2^53 - 1, which every JSON reader holds exactly. */
uint64_t ledger_epoch(const struct ledger *ledger);
uint64_t ledger_sequence(const struct ledger *ledger); /* the last one given (shared: handed on here); 0: none yet */
uint64_t ledger_oldest(struct ledger *ledger);         /* the oldest alert still kept; 0: none */

/* ---- feeds ------------------------------------------------------------------- */

struct ledger_feed {
	const char *url;
	const char *etag, *last_modified; /* or NULL */
	struct feed_key body;             /* of the last body parsed; all zero: none yet */
	struct plan_state plan;
	struct base_span learned; /* what plan_feed_store wrote, or none */
	bool polled;      /* at least one document was taken in */
	int64_t id;        /* the ledger's number of it, 0: not known; ledger_commit is quicker with it */
	base_time written; /* when it was last committed, BASE_TIME_NONE: not known; ignored by ledger_commit */
	base_time newest; /* publication time of the newest entry ever committed; never goes back */
};
/* BASE_NOT_FOUND for a feed never committed. Strings belong to the ledger and last until its next call. */
enum base_result ledger_feed_get(struct ledger *ledger, const char *url, struct ledger_feed *out);
/* The next calls of ledger_feed_get are for these, one for each; a database far away is asked for all at once. */
enum base_result ledger_expect(struct ledger *ledger, const char *const *urls, size_t count);

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
	bool unknown;         /* by any of its signs. For ledger_entry */
	bool changed;         /* what the rules read differs: LEDGER_CHANGED, and LEDGER_REKEYED that was edited too */
	bool reused;          /* LEDGER_REKEYED, but see below */
};
/*
 * Look up the entries of one document (all of them: one explains another). An
 * entry whose key is unknown is LEDGER_REKEYED when its link_key or else its
 * title_key belongs to exactly one known entry which is not in the document
 * under its own key, and to no other entry of the document. An entry without
 * a key is LEDGER_SEEN.
 *
 * One that has the link alone in common, and is dated more than six hours after
 * the known one was first seen, is `reused` as well. Unless the document is a
 * re-keyed one (ledger_is_rekeyed) it is another report, at a link that always
 * shows the latest: it has no history, and is committed as reused.
 *
 * Entries that are stored as they are may be left out, if none of the others has a key, link_key or title_key of them.
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
	base_time published; /* or BASE_TIME_NONE, also if it lay in the future; only for ledger_feed.newest */
	base_time settled;   /* as ledger_look_up said for this poll, so that it need not be looked up again; or 0 */
	bool unknown;        /* the same */
	bool reused;         /* it takes the place of the known entry that had its link, but not its history */
};

struct ledger_batch {
	struct ledger_feed feed; /* its new state */
	/*
	 * All entries of the document, seen ones too: they are kept while they
	 * appear, and 90 days (or `keep`) longer. None when no document was taken in, or all it held may be left out.
	 * Those that were left out when they were looked up may be left out for up
	 * to twelve hours.
	 */
	const struct ledger_entry *entries;
	size_t entry_count;
	struct alert *const *alerts; /* placed in their stories */
	size_t alert_count;
	base_time now;
	uint64_t lease; /* the token under which the feed was polled; 0: none is needed */
	int64_t *id; /* becomes the feed's number when the batch is committed; may be NULL */
	/* Not 0 and never twice: tells, after a commit whose answer was lost, whether it was stored. 0: never mind. */
	uint64_t number;
};

struct ledger_message { /* an alert as published: three frames, and what the log line needs */
	uint64_t sequence;
	struct base_span topic, header, json;
	bool read_back; /* stored before this call: by another node, or before a crash */
};
typedef enum base_result ledger_message_fn(void *ctx, const struct ledger_message *message);

/*
 * Commit batches in one transaction: assigns sequences, renders, stores. Then
 * calls each for every alert stored, in order, whatever it returns: stored they
 * are, and ledger_unpublished gives them again. Nothing is stored on failure
 * and no sequence used: BASE_BUSY, BASE_IO (a full disk, too) and
 * BASE_NO_MEMORY may pass, the same batches can be given again; BASE_DAMAGED
 * will not pass; BASE_INVALID and BASE_LIMIT are the batches' own.
 *
 * Where several nodes share the ledger, each is first called for what the
 * others stored before, as ledger_follow does. BASE_LOST: a batch was polled
 * under a lease that is no longer ours. BASE_CHANGED: others stored alerts, and
 * there are too many here to be placed again at once: place them, and call
 * again. A batch that was stored already, so that only the answer was lost, is
 * passed over; its alerts come by ledger_follow.
 */
enum base_result ledger_commit(struct ledger *ledger, const struct ledger_batch *batches, size_t count,
                               ledger_message_fn *each, void *ctx, struct base_error *err);
/* ---- several nodes ----------------------------------------------------------------- */

bool ledger_is_shared(const struct ledger *ledger);
/*
 * The stories to be kept up with what other nodes store: ledger_follow takes it in, and ledger_commit, which then places
 * its alerts again. They stay the caller's and must outlive the ledger.
 */
void ledger_use_stories(struct ledger *ledger, struct alert_stories *stories);
/*
 * Hand on what other nodes have stored since, in order, a bounded piece; *more: there may be others. Sequences are handed
 * on by this and by ledger_commit, each once. Stops when each fails, and gives that alert again.
 */
enum base_result ledger_follow(struct ledger *ledger, ledger_message_fn *each, void *ctx, bool *more);
/* A descriptor that is readable when another node may have stored something; -1: there is none now. */
int ledger_wake_fd(struct ledger *ledger);
/* What others said since the last call: *alerts: there are new ones; *members: who takes part changed. Never waits. */
enum base_result ledger_woken(struct ledger *ledger, bool *alerts, bool *members);
/*
 * Whether the database was found to have lost commits since the last call: what this node knows of feeds may be newer
 * than what is stored. What was published of it keeps its sequences.
 */
bool ledger_went_back(struct ledger *ledger);
/* The last sequence any node gave, asked of the database; where only we write, that of ledger_sequence. */
enum base_result ledger_latest(struct ledger *ledger, uint64_t *sequence);

/* ---- publishing ---------------------------------------------------------------------- */

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
 * Feeds that were not polled for as long are forgotten as a whole, but only by
 * who has pruned for a day without a gap of another.
 */
enum base_result ledger_prune(struct ledger *ledger, base_time now, bool *more);
/* A consistent copy of the running ledger at path, replaced whole or not at all; takes about a second for 300 MB. */
enum base_result ledger_backup(struct ledger *ledger, const char *path, struct base_error *err);

/* ---- moving -------------------------------------------------------------------- */

struct ledger_moved {
	uint64_t epoch, sequence;
	uint64_t feeds, entries, alerts;
	char digest[BASE_SHA256_HEX]; /* over every row of every table, in order; the same on both sides */
};
enum ledger_move_step { LEDGER_MOVE_COPY, LEDGER_MOVE_VERIFY };
/* Called now and then; total counts the rows of one step. */
typedef void ledger_progress_fn(void *ctx, enum ledger_move_step step, uint64_t rows, uint64_t total);

/*
 * Move the ledger at one address to another, of any engine: every row, the
 * epoch and the sequences; from is left as it is. Rows are streamed, then read
 * back and compared. to is made if it is not there; BASE_INVALID unless it is
 * empty; BASE_BUSY while a daemon uses either; BASE_NOT_FOUND without a ledger
 * at from. Until all is there and compared, to is marked and ledger_open refuses
 * it (BASE_DAMAGED); after an interruption the same move can be begun again.
 * progress may be NULL.
 */
enum base_result ledger_move(const char *from, const char *to, ledger_progress_fn *progress, void *ctx,
                             struct ledger_moved *out, struct base_error *err);

/* ---- several nodes: members and leases ---------------------------------------------- */

/*
 * A ledger in a database that several nodes use. Who polls is a member from
 * ledger_join on, under a token that is never given twice, and holds hosts:
 * whoever holds one may ask its servers. A membership lasts for `lease` after
 * each ledger_renew, by the database's clock; then any other node may end it,
 * and what it held is free. Batches polled under a token that no longer stands
 * are refused.
 *
 * All but ledger_is_shared are for shared ledgers alone. BASE_LOST: this node is
 * no longer a member under its token.
 */

enum ledger_node_state { LEDGER_LIVING, LEDGER_LEFT, LEDGER_DEAD };
struct ledger_holding { /* what a node says of itself for the others to see */
	double target;        /* feeds it should hold */
	uint64_t feeds;       /* it holds, those of hosts that go round left out */
	uint64_t hosts;       /* it holds */
	uint64_t seen;        /* a digest of the nodes and lists that the target is based on */
};
struct ledger_node {
	const char *name;
	const char *process;  /* as given to ledger_join */
	enum ledger_node_state state;
	uint64_t token;
	uint64_t listed;      /* another number whenever it lists something else */
	uint64_t published;   /* it has handed the stream up to here to its subscribers */
	struct ledger_holding holding;
	base_time renewed;    /* wall, of the database: when its membership was renewed or ended last */
	base_time rest;       /* how long its membership stands from now on; negative: since when it could be ended */
};
/* All that ever were, in the byte order of their names, up to 30 days after their end. */
typedef enum base_result ledger_node_fn(void *ctx, const struct ledger_node *node);
enum base_result ledger_nodes(struct ledger *ledger, ledger_node_fn *each, void *ctx);

#define LEDGER_NODES_MOST 64 /* that live at once */
struct ledger_joining {
	const char *process;  /* names this process for the next one of the same node; one line */
	base_time lease;
	uint64_t replaces;    /* the token of a living node of this name whose process is known to be gone; or 0 */
};
/*
 * BASE_LOST: a node of that name lives; BASE_LIMIT: too many nodes; err says it for people. All else may pass, BASE_BUSY
 * among it: somebody holds a lock for too long.
 */
enum base_result ledger_join(struct ledger *ledger, const struct ledger_joining *joining, struct base_error *err);
/* 0: not a member, as far as this node knows. */
uint64_t ledger_token(const struct ledger *ledger);
enum base_result ledger_renew(struct ledger *ledger, const struct ledger_holding *holding);
/* Give up the membership and all that is held, at once. */
enum base_result ledger_leave(struct ledger *ledger);
/* End memberships that have run out. *ended: how many. */
enum base_result ledger_bury(struct ledger *ledger, size_t *ended);

#define LEDGER_DIGEST_LEN 16
struct ledger_listed {
	const char *host;
	uint8_t digest[LEDGER_DIGEST_LEN]; /* of its feeds: nodes that list the same have the same */
	uint32_t feeds;
};
/*
 * What this node lists, all of it, in the byte order of the hosts; only what is different is written. version: a number
 * that comes with this list alone; it becomes the node's `listed`.
 */
enum base_result ledger_list(struct ledger *ledger, const struct ledger_listed *hosts, size_t count, uint64_t version);

struct ledger_lease {
	const char *host;
	uint64_t token;       /* of its holder, who may have lost it meanwhile; 0: free */
	const char *offered;  /* while free: the node it was given back for, or NULL */
	uint64_t listers;     /* bit i: living[i] lists it */
	bool differ;          /* and not all of them the same feeds */
};
typedef enum base_result ledger_lease_fn(void *ctx, const struct ledger_lease *lease);
/* The hosts this node lists, in byte order. living: names of nodes, at most LEDGER_NODES_MOST. */
enum base_result ledger_leases(struct ledger *ledger, const char *const *living, size_t count, ledger_lease_fn *each,
                               void *ctx);
/* Only those given back and not taken since; the rest of lease is zero. */
enum base_result ledger_free_leases(struct ledger *ledger, ledger_lease_fn *each, void *ctx);
struct ledger_tokens { /* of which nodes' leases stand */
	const uint64_t *living;
	size_t count;
	uint64_t newest; /* the highest of all tokens seen with them; later ones stand, too */
};
/*
 * Take those of the hosts that are still free by tokens; taken[i] says which. What others are taking at the same time is
 * left to them. What is this node's already counts as taken, so that a take whose answer was lost can be repeated.
 */
enum base_result ledger_take(struct ledger *ledger, const struct ledger_tokens *tokens, const char *const *hosts,
                             size_t count, bool *taken);
/* Give hosts back; offered[i]: the node it is for, or NULL. Those that are not held are passed over. */
enum base_result ledger_release(struct ledger *ledger, const char *const *hosts, const char *const *offered,
                                size_t count);

#endif
