/*
 * share: this node's part of the feeds, where several nodes share a ledger. It
 * keeps up the membership, and decides which hosts are taken and given back.
 *
 * It belongs to the outbox's thread, which owns the ledger, but for what is
 * said to be for any thread. Whoever has the feeds (holdings) gets orders: these
 * hosts are yours; stop polling those, and say when their last poll is stored.
 */
#ifndef WIREWATCH_SHARE_H
#define WIREWATCH_SHARE_H

#include "wirewatch/ledger.h"
#include "wirewatch/status.h"

struct share_listing { /* what this node lists; a piece of memory of its own, for free() */
	size_t count;
	uint64_t version;
	struct ledger_listed hosts[];
};

enum share_kind { SHARE_GAIN, SHARE_GIVE };
struct share_order {
	enum share_kind kind;
	bool cancel; /* transfers there are given up */
	bool hurry;  /* repeats one that is under way; nobody waits for its answer */
	size_t count;
	char *hosts[]; /* in one piece with the order */
};

struct share_options {
	struct ledger *ledger;
	const char *node;    /* cluster.node */
	base_time lease;     /* cluster.lease */
	const struct base_clock *clock;
	struct base_log *log;
	struct status_board *board;
	/* An order for the holdings; see share_answer. Not BASE_OK: not taken. In the outbox's thread. */
	enum base_result (*order)(void *ctx, struct share_order *order);
	/* Somebody called from another thread: share_serve has something to do. */
	void (*wake)(void *ctx);
	/* This node must end: another one has its name. In the outbox's thread; the reason is logged. */
	void (*refused)(void *ctx);
	void *ctx;
};

struct share;
/* Becomes a member. BASE_BUSY: another node of that name lives. listing becomes the share's in any case. */
enum base_result share_new(const struct share_options *options, struct share_listing *listing, struct share **out,
                           struct base_error *err);
/* In any thread, when all others have ended. NULL is fine. */
void share_free(struct share *share);

/*
 * Do what is due; members: who takes part has changed. The result is the ledger's when that fails: what could not be
 * done is done at a later call.
 */
enum base_result share_serve(struct share *share, bool members);
/* How long until share_serve is to be called at the latest. */
base_time share_wait(const struct share *share);
/* Give everything back: all polls have ended, and what they brought is stored. */
void share_leave(struct share *share);

/* ---- for any thread ------------------------------------------------------------ */

/* How long polls may go on from now if nothing more is heard of the database; 0: nothing may start. For ever if NULL. */
base_time share_valid_for(const struct share *share);
/* The token that polls started now are made under; 0 for a NULL share, which needs none. */
uint64_t share_token(const struct share *share);
/* This node lists something else from now on. It becomes the share's. */
void share_list(struct share *share, struct share_listing *listing);
/* A SHARE_GIVE that is no hurry is carried out: all polls are stored. All other orders are the holdings' to free. */
void share_answer(struct share *share, struct share_order *order);

#endif
