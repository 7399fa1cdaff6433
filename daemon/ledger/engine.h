/*
 * engine: what a database must do for the ledger. Rows in, rows out, one
 * transaction at a time; everything that needs judgement (identity of entries,
 * sequences, rendering) stays on the ledger's side of it.
 *
 * Every function returns BASE_OK or a result whose reason is in
 * engine->reason. Strings given out are valid until the engine's next call.
 */
#ifndef WIREWATCH_LEDGER_ENGINE_H
#define WIREWATCH_LEDGER_ENGINE_H

#include "wirewatch/ledger.h"

struct engine_state {
	uint64_t epoch;     /* at most 2^53 - 1, so that JSON readers of every language hold it exactly */
	uint64_t sequence;  /* the last one given, also when its alert was pruned since */
	uint64_t published; /* everything up to here was handed to the subscribers */
};

struct engine_feed {
	int64_t id;
	const char *etag, *last_modified; /* byte for byte as the server sent them, or NULL */
	struct feed_key body;
	struct plan_state plan;
	struct base_span learned; /* the room plan's own words */
	base_time newest; /* publication time of the newest entry ever seen */
	bool polled;
	base_time written; /* when feed_put was last called; BASE_TIME_NONE: not known */
};

struct engine_entry {
	struct feed_key key, link_key, title_key, change;
	uint32_t classes;
	uint64_t last_alert;
	base_time first_seen, last_seen;
};

struct engine_alert {
	uint64_t sequence;
	struct base_span topic, header, json, sketch;
	enum match_class class;
	int64_t feed;
	const struct feed_key *key;
	base_time made;
};

enum engine_secondary { ENGINE_LINK_KEY, ENGINE_TITLE_KEY };

struct engine_prune {
	base_time now;
	base_time alerts_before;  /* alerts made before are dropped ... */
	uint64_t published;       /* ... unless they are still to be published */
	base_time entries_unseen; /* entries not seen for that long in documents that did come */
	base_time polled_before;  /* feeds whose last poll was before are forgotten; BASE_TIME_NONE: none is */
};

struct engine_want { /* what is about to be read: a feed, and entries by each of their keys */
	const char *url;
	/* count of each, every one `stride` bytes after the one before */
	const struct feed_key *keys, *link_keys, *title_keys;
	size_t count, stride;
};

/* An entry that is stored under the key number `which`. */
typedef void engine_entry_fn(void *ctx, size_t which, const struct engine_entry *entry);

struct engine_poll { /* a poll that brought nothing */
	int64_t feed;
	base_time last_start, next_due;
};

struct engine {
	const struct engine_ops *ops;
	struct base_error reason; /* why the last call failed */
};

struct engine_ops {
	const char *scheme; /* "sqlite" */

	/* where: the URI after "scheme://". Reads it, opens nothing; may be NULL. */
	enum base_result (*check)(const char *where, struct base_error *err);
	enum base_result (*open)(const char *where, struct base_log *log, struct engine **out, struct base_error *err);
	void (*close)(struct engine *engine);

	enum base_result (*begin)(struct engine *engine);
	enum base_result (*commit)(struct engine *engine); /* durable when it returns BASE_OK; nothing kept otherwise */
	void (*rollback)(struct engine *engine);
	/* Housekeeping that may wait until the alerts are out. */
	void (*settle)(struct engine *engine);

	enum base_result (*state_get)(struct engine *engine, struct engine_state *out);
	enum base_result (*state_put)(struct engine *engine, const struct engine_state *state);

	/*
	 * The reads of feed_get, entry_get and entry_find that follow, up to the end of the transaction (outside one: up to
	 * the next prefetch), are of these. An engine far away gets them all in one round trip; NULL: there is no need.
	 */
	enum base_result (*prefetch)(struct engine *engine, const struct engine_want *wants, size_t count);

	/* BASE_NOT_FOUND is no failure and needs no reason, here and below. */
	enum base_result (*feed_get)(struct engine *engine, const char *url, struct engine_feed *out);
	/* Its number alone. NULL: feed_get is as quick. */
	enum base_result (*feed_id)(struct engine *engine, const char *url, int64_t *id);
	/*
	 * Insert or replace; *id is its number. feed->id: its number as the caller knows it, or 0; it may be wrong.
	 * documented: a document was taken in now. batch: its number, or 0.
	 */
	enum base_result (*feed_put)(struct engine *engine, const struct ledger_feed *feed, base_time now, bool documented,
	                             uint64_t batch, int64_t *id);

	/*
	 * Note when feeds were polled that brought nothing, in a transaction of its own: many such polls are one small row,
	 * and feed_get gives what it says until the feed is put again. A feed that is gone is passed over.
	 */
	enum base_result (*polls_put)(struct engine *engine, const struct engine_poll *polls, size_t count, base_time now);

	enum base_result (*entry_get)(struct engine *engine, int64_t feed, const struct feed_key *key,
	                              struct engine_entry *out);
	/* Of each of the keys that want names, the entry if there is one. NULL: entry_get for each is as quick. */
	enum base_result (*entries_get)(struct engine *engine, int64_t feed, const struct engine_want *want,
	                                engine_entry_fn *each, void *ctx);
	/* BASE_NOT_FOUND unless exactly one entry of the feed has that secondary key. */
	enum base_result (*entry_find)(struct engine *engine, int64_t feed, enum engine_secondary which,
	                               const struct feed_key *key, struct engine_entry *out);
	/* Insert or replace. fresh: there is none under that key, as far as the caller knows; it may be wrong. */
	enum base_result (*entry_put)(struct engine *engine, int64_t feed, const struct engine_entry *entry, bool fresh);
	enum base_result (*entry_forget)(struct engine *engine, int64_t feed, const struct feed_key *key);
	enum base_result (*entry_alerted)(struct engine *engine, int64_t feed, const struct feed_key *key,
	                                  uint64_t sequence);

	/* The last sequence on a topic, 0 if there was none. */
	enum base_result (*topic_get)(struct engine *engine, const char *topic, uint64_t *sequence);
	enum base_result (*topic_put)(struct engine *engine, const char *topic, uint64_t sequence);
	enum base_result (*alert_put)(struct engine *engine, const struct engine_alert *alert);
	enum base_result (*alerts)(struct engine *engine, uint64_t after, struct base_span prefix, size_t limit,
	                           ledger_message_fn *each, void *ctx, bool *more);
	enum base_result (*oldest)(struct engine *engine, uint64_t *sequence); /* 0: no alert */
	enum base_result (*sketches)(struct engine *engine, base_time since, ledger_sketch_fn *each, void *ctx);

	enum base_result (*prune)(struct engine *engine, const struct engine_prune *prune, bool *more);
	enum base_result (*backup)(struct engine *engine, const char *path);

	const struct engine_shared_ops *shared; /* NULL: the database is one node's own */
	const struct engine_move_ops *move;
};

#define ENGINE_PIECE 1000 /* hosts in one statement, at most */

struct engine_member {
	const char *node;
	uint64_t token;
};

/*
 * A database that several nodes use. A node is a member from node_join until it
 * leaves or is declared dead, under a token that is never given twice; whoever
 * held feeds under an older token can commit nothing any more.
 */
struct engine_shared_ops {
	/* In a transaction: BASE_LOST unless node is a member under that token, and it stays one until the end of it. */
	enum base_result (*fence)(struct engine *engine, const char *node, uint64_t token);
	/*
	 * In a transaction: the state as committed; no other node gives a sequence until the end of it. So sequences are
	 * committed in their order, and a reader who sees one sees all before it.
	 */
	enum base_result (*state_lock)(struct engine *engine, struct engine_state *out);
	/* The sketches of the alerts with after < sequence <= upto, in their order. */
	enum base_result (*sketches_between)(struct engine *engine, uint64_t after, uint64_t upto, ledger_sketch_fn *each,
	                                     void *ctx);
	/* How far that node got with publishing; BASE_NOT_FOUND: it never said. */
	enum base_result (*published_get)(struct engine *engine, const char *node, uint64_t *published);
	enum base_result (*published_put)(struct engine *engine, const char *node, uint64_t published);
	/* The least of what the nodes that live have published; UINT64_MAX: none lives. */
	enum base_result (*published_least)(struct engine *engine, uint64_t *published);
	/*
	 * The batch of that number was committed already: the answer to the commit was lost with the connection. Its feed
	 * row bears the number; 0 is never one.
	 */
	enum base_result (*batch_is_known)(struct engine *engine, const char *url, uint64_t batch, bool *known);
	/* A number that is another one after the connection was lost and made again. */
	uint64_t (*connection)(const struct engine *engine);
	/* A descriptor that is readable when woken has something to say; -1: not connected. */
	int (*wake_fd)(struct engine *engine);
	/*
	 * What other nodes have said since the last call: *alerts: there are new ones, or there may be, for the connection is
	 * new; *members: who takes part changed. Asks the database nothing but, on a new connection, to be told.
	 */
	enum base_result (*woken)(struct engine *engine, bool *alerts, bool *members);

	/*
	 * Members and leases, as the ledger's functions of these names say; each is a transaction of its own. Those that
	 * change who takes part or what is free wake the other nodes (*members of woken).
	 */
	enum base_result (*join)(struct engine *engine, const char *node, const struct ledger_joining *joining,
	                         uint64_t *token);
	/* published: how far it has, written down on the way. */
	enum base_result (*renew)(struct engine *engine, const struct engine_member *member,
	                          const struct ledger_holding *holding, uint64_t published, base_time lease, bool tell);
	enum base_result (*leave)(struct engine *engine, const struct engine_member *member);
	enum base_result (*bury)(struct engine *engine, size_t *ended);
	enum base_result (*nodes)(struct engine *engine, ledger_node_fn *each, void *ctx);
	/* hosts: a piece of the whole list, which has nothing else after `after` up to its last one, or to the end. */
	enum base_result (*list)(struct engine *engine, const struct engine_member *member,
	                         const struct ledger_listed *hosts, size_t count, const char *after, bool to_end);
	enum base_result (*listed)(struct engine *engine, const struct engine_member *member, uint64_t version);
	/* At most ENGINE_PIECE of them, those after a host. */
	enum base_result (*leases)(struct engine *engine, const char *node, const char *after, const char *const *living,
	                           size_t count, ledger_lease_fn *each, void *ctx);
	enum base_result (*free_leases)(struct engine *engine, const char *node, const char *after, ledger_lease_fn *each,
	                                void *ctx);
	enum base_result (*take)(struct engine *engine, const struct engine_member *member,
	                         const struct ledger_tokens *tokens, const char *const *hosts, size_t count, bool *taken);
	enum base_result (*release)(struct engine *engine, const struct engine_member *member, const char *const *hosts,
	                            const char *const *offered, size_t count);
};

/*
 * Moving a whole ledger from one engine to another: rows as cells, table by
 * table, in the order of their keys, so that both sides give them alike. A
 * ledger whose state is missing is refused by state_get: so it is marked while
 * rows are still to come.
 */
enum engine_table { ENGINE_FEED, ENGINE_ENTRY, ENGINE_TOPIC, ENGINE_ALERT, ENGINE_STATE, ENGINE_TABLES };
enum engine_kind { ENGINE_NUMBER, ENGINE_TEXT, ENGINE_BYTES };
#define ENGINE_CELLS_MAX 13

struct engine_cell {
	bool given; /* false: NULL */
	int64_t number;
	struct base_span bytes; /* of the kinds text and bytes */
};
/* Valid during the call; as many cells as the table has columns. */
typedef enum base_result engine_row_fn(void *ctx, const struct engine_cell *cells);

/*
 * The kinds of the columns of each table, ENGINE_CELLS_MAX at most. Rows are:
 *   feed   id, url, etag, last_modified, body, last_start, next_due, failures, polled, newest, documented, updated,
 *          learned; by id
 *   entry  feed, key, link_key, title_key, change, classes, last_alert, first_seen, last_seen; by feed, key
 *   topic  name, sequence; by the bytes of name
 *   alert  sequence, topic, class, made, feed, key, header, sketch, json; by sequence
 *   state  epoch, sequence, published; one row
 * Texts are UTF-8 without NUL; keys that are none, and unknown times, are NULL.
 */
extern const struct engine_shape {
	const char *name;
	size_t count;
	enum engine_kind kinds[ENGINE_CELLS_MAX];
} engine_shapes[ENGINE_TABLES];

struct engine_move_ops {
	/* BASE_NOT_FOUND, with a reason, if there is no ledger at that place: open would make one. */
	enum base_result (*find)(const char *where, struct base_error *err);
	/* In a transaction: BASE_BUSY if a daemon uses it; none begins to until the end of the transaction. */
	enum base_result (*hold)(struct engine *engine);
	enum base_result (*count)(struct engine *engine, enum engine_table table, uint64_t *rows);
	/* Every row; stops when each fails, and returns that. The engine must not be called meanwhile. */
	enum base_result (*walk)(struct engine *engine, enum engine_table table, engine_row_fn *each, void *ctx);
	/* In a transaction: the mark. */
	enum base_result (*state_forget)(struct engine *engine);
	/* In a transaction: rows, in their order, between a load_begin and a load_end of their table. */
	enum base_result (*load_begin)(struct engine *engine, enum engine_table table);
	enum base_result (*load)(struct engine *engine, const struct engine_cell *cells);
	enum base_result (*load_end)(struct engine *engine);
};

extern const struct engine_ops engine_sqlite;
extern const struct engine_ops engine_postgres; /* in a build with libpq alone */

#endif
