/* ledger: the inside of the ledger, shared by the files of this room. */
#ifndef WIREWATCH_LEDGER_PRIVATE_H
#define WIREWATCH_LEDGER_PRIVATE_H

#include "engine.h"

struct ledger {
	struct engine *engine;
	char *node;
	base_time keep;
	struct base_log *log;
	/* As committed, but for published, which is written later; shared: sequence is the last one handed on. */
	struct engine_state state;
	uint64_t published_stored;
	struct alert_stories *stories; /* or NULL */
	uint64_t told;                 /* the stories know the alerts up to this sequence */
	base_time pruned, attended;    /* last, and since when no day passed without; BASE_TIME_NONE: not yet */
	unsigned changed;              /* commits in a row that gave way to other nodes' alerts */
	uint64_t looked;               /* the engine's connection on which was seen that nothing is lost */
	bool went_back;                /* something was: to be told */
	uint64_t token;                /* of this node's membership; 0: none */
	base_time lease;
	uint64_t seen_told;            /* the holding.seen that the others were woken for */
	size_t expected;     /* calls of ledger_feed_get to come whose feeds the engine has asked for */
	struct base_buf url; /* of the feed that ledger_feed_get gave out last */
};

/* The keys of one document, to tell an entry under a new id from a new entry. */
struct identity {
	const struct feed_key *keys, *link_keys, *title_keys; /* item i is `stride` bytes times i after these */
	size_t count, stride;
	struct feed_key *sorted; /* the three lists, of a large document; else NULL */
};
/* key, link_key and title_key of item i are found at first + i * stride, and must stay there. */
enum base_result identity_new(const struct feed_key *keys, const struct feed_key *link_keys,
                              const struct feed_key *title_keys, size_t stride, size_t count, struct identity *out);
void identity_free(struct identity *identity);
/* The stored entry that now comes under an unknown key. BASE_NOT_FOUND: it is a new one. */
enum base_result identity_earlier(struct ledger *ledger, int64_t feed, const struct identity *document,
                                  const struct feed_key *link_key, const struct feed_key *title_key,
                                  struct engine_entry *out);

bool identity_is_none(const struct feed_key *key); /* all zero */
bool identity_equal(const struct feed_key *a, const struct feed_key *b);

/* The engine for an address, and where in its own terms. */
enum base_result ledger_engine_of(const char *uri, const struct engine_ops **ops, const char **where,
                                  struct base_error *err);
enum base_result ledger_engine_open(const char *uri, struct base_log *log, struct engine **out, struct base_error *err);

/* ---- shared.c: what only an engine that several nodes share needs --------------- */

/* In a transaction: that all leases of the batches are ours. */
enum base_result shared_fence(struct ledger *ledger, const struct ledger_batch *batches, size_t count);
/* In a transaction: the batch was stored already. */
enum base_result shared_is_known(struct ledger *ledger, const struct ledger_batch *batch, bool *known);
/*
 * In a transaction: the state locked, the stories told what others stored, and the batches' alerts placed again if that
 * was anything. BASE_CHANGED: they are too many for that under the lock.
 */
enum base_result shared_lock(struct ledger *ledger, const struct ledger_batch *batches, size_t count,
                             struct engine_state *out);
/* Hand on what is stored up to a sequence and was not handed on; the ledger's sequence follows. */
enum base_result shared_hand_on(struct ledger *ledger, uint64_t upto, ledger_message_fn *each, void *ctx);

/* Write down how far publishing got, in a transaction. */
enum base_result ledger_put_published(struct ledger *ledger, const struct engine_state *state);

/* Log why the engine failed and pass the result on. */
enum base_result ledger_failed(struct ledger *ledger, enum base_result result);

#endif
