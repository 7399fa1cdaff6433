/*
 * postgres: the inside of the PostgreSQL engine, shared by its files.
 *
 * One connection, always in pipeline mode. A statement is sent with
 * postgres_send, which waits for nothing; postgres_sync gives the results of
 * all that was sent since to their takers, in order: one round trip. Values
 * travel in binary form. A transaction begins with the first statement sent in
 * it; when the connection is lost inside it, every call fails up to rollback.
 */
#ifndef WIREWATCH_LEDGER_POSTGRES_H
#define WIREWATCH_LEDGER_POSTGRES_H

#include "engine.h"
#include "postgres_cache.h"

#include <libpq-fe.h>

#define POSTGRES_HOLD_MOST (10 * BASE_SECOND)
#define POSTGRES_PATIENCE (5 * BASE_SECOND) /* without a byte from the server, or for a connection */

#define POSTGRES_ALERT_COLUMNS 9
/* Our places among the database's advisory locks; the second number is the schema's hash. */
#define POSTGRES_LOCK_MIGRATE 0x7777746C
#define POSTGRES_LOCK_PRUNE 0x7777746D

/* A statement has a place of its own (static const): it is prepared at its first use on a connection and kept. */
struct postgres_statement {
	const char *name, *text;
};

struct postgres_pending;
struct postgres_topic;
struct postgres_load;

/* One column of many rows, for unnest(). */
struct postgres_array {
	struct base_buf bytes;
	Oid element;
	size_t count;
	bool nulls;
};

struct postgres {
	struct engine engine;
	PGconn *conn;      /* NULL: not connected */
	char *uri;         /* with its credentials: for libpq alone */
	char *shown;       /* without them: for people */
	struct base_log *log;
	struct base_clock *clock;
	char schema[64];            /* ours; the search path consists of it */
	uint64_t connections;       /* made so far; a change tells that whatever was listened to may have been missed */
	base_time blocked_until;    /* monotonic: no attempt to connect before */
	size_t host;                /* of several in the URI, the one that answered last */
	bool in_transaction, begun; /* begun: the server was told */
	bool restoring;             /* the connection is new and not ready for others yet */
	bool lost;                  /* the transaction went down with its connection */
	uint64_t listens;           /* of connections: the one that is told what others do */
	const struct postgres_statement *prepared[128];
	size_t prepared_count;
	struct postgres_pending *pending; /* sent, with results to come */
	size_t pending_count, pending_cap;
	base_time patience;         /* without a byte from the server */
	base_time hold;             /* how long a transaction of ours may be silent and keep its locks */
	bool only_existing;         /* do not make the tables if they are not there: BASE_NOT_FOUND */
	struct postgres_load *load; /* rows of a table that is being loaded */

	struct postgres_cache *cache; /* what was read, and what is to be written of it at the commit */
	struct postgres_array alerts[POSTGRES_ALERT_COLUMNS]; /* to be written; no element type: none */
	struct postgres_topic *topics;
	size_t topic_count, topic_cap;
	uint64_t topics_until; /* all up to that sequence are known */
	bool topics_read;      /* in this transaction */
	struct engine_state state; /* to be written, if state_dirty */
	bool state_dirty;
	const char *publisher; /* the node whose published is to be written; NULL: none */
	uint64_t published;
	/* Numbers for new feeds: the next one, how many there are from it on, and the first of another block or 0. */
	int64_t feed_number, feed_numbers_spare;
	size_t feed_numbers_left;
	int64_t prune_cursor; /* the feed pruned last */
};

/* ---- the connection (postgres_link.c) ------------------------------------------------ */

/* Connected and prepared for use when it returns BASE_OK; what it costs is a look at the socket if it was before. */
enum base_result postgres_connect(struct postgres *postgres);
void postgres_disconnect(struct postgres *postgres);
/* Whether each list of the address (host, hostaddr, port) has one item, or one for each host. */
bool postgres_lists_agree(const PQconninfoOption *options);
/* Let a node of such a lease, should it be stopped, keep its locks for a third of it at most. */
enum base_result postgres_hold(struct postgres *postgres, base_time lease);
/* The result of a failed statement; says why in engine.reason, beginning with doing ("cannot store"). */
enum base_result postgres_fail(struct postgres *postgres, const PGresult *result, const char *doing);
/* The same for the connection itself, which is dropped. */
enum base_result postgres_lost(struct postgres *postgres, const char *doing);
/* The next result without blocking for longer than the patience; *out may be NULL, as PQgetResult's. */
enum base_result postgres_next(struct postgres *postgres, PGresult **out);
/* Plain SQL, several statements, no parameters, no results; outside of the pipeline, nothing may be pending. */
enum base_result postgres_script(struct postgres *postgres, const char *text, const char *doing);

/* The result class of an SQLSTATE, and what a person can do about it ("" or "; do this"). */
enum base_result postgres_class(const char *sqlstate, const char **advice);

/* ---- statements (postgres_pipeline.c) ------------------------------------------------- */

#define POSTGRES_PARAMS 16

struct postgres_params { /* what is added must live until postgres_send has returned */
	size_t count;
	bool failed; /* too many, or an array that found no memory */
	Oid types[POSTGRES_PARAMS];
	const char *values[POSTGRES_PARAMS];
	int lengths[POSTGRES_PARAMS], formats[POSTGRES_PARAMS];
	unsigned char numbers[POSTGRES_PARAMS][8];
};

/* Start with a zeroed struct; $1 is the first added. */
void postgres_add_number(struct postgres_params *params, int64_t number); /* bigint */
void postgres_add_time(struct postgres_params *params, base_time time);   /* bigint; NULL for BASE_TIME_NONE */
void postgres_add_bool(struct postgres_params *params, bool value);       /* boolean */
void postgres_add_text(struct postgres_params *params, struct base_span text);   /* text; NULL for BASE_NONE */
void postgres_add_bytes(struct postgres_params *params, struct base_span bytes); /* bytea; NULL for BASE_NONE */

void postgres_numbers(struct postgres_array *array);    /* bigint[] */
void postgres_short_numbers(struct postgres_array *array); /* integer[] */
void postgres_texts(struct postgres_array *array);      /* text[] */
void postgres_byte_rows(struct postgres_array *array);  /* bytea[] */
void postgres_array_free(struct postgres_array *array); /* also of a zeroed one */
void postgres_push_number(struct postgres_array *array, int64_t number);
void postgres_push_short(struct postgres_array *array, int64_t number); /* clipped to 32 bits */
void postgres_push_time(struct postgres_array *array, base_time time);
void postgres_push(struct postgres_array *array, struct base_span span); /* NULL for BASE_NONE */
void postgres_push_key(struct postgres_array *array, const struct feed_key *key);
void postgres_add_array(struct postgres_params *params, struct postgres_array *array);

/*
 * Gets the one result of a statement, which is freed after it returns. A
 * failure becomes postgres_sync's; it says why in engine.reason itself.
 */
typedef enum base_result postgres_take_fn(struct postgres *postgres, const PGresult *result, void *ctx);

/* The answers still to come have no takers any more: their places are gone. */
void postgres_forget_answers(struct postgres *postgres);

/* take: NULL if only success matters. doing: for the reason of a failure: "cannot read". */
enum base_result postgres_send(struct postgres *postgres, const struct postgres_statement *statement,
                               const struct postgres_params *params, const char *doing, postgres_take_fn *take,
                               void *ctx);
/*
 * Wait for all that was sent. The first failure, if any; the server has done nothing after the statement that failed.
 * When a taker failed, the server has done all the same what was sent after it.
 */
enum base_result postgres_sync(struct postgres *postgres);
/* Both at once. */
enum base_result postgres_query(struct postgres *postgres, const struct postgres_statement *statement,
                                const struct postgres_params *params, const char *doing, postgres_take_fn *take,
                                void *ctx);

/* Columns of a result in binary form: bigint, integer or boolean; 0 for a NULL. */
int64_t postgres_number_at(const PGresult *result, int row, int column);
base_time postgres_time_at(const PGresult *result, int row, int column); /* BASE_TIME_NONE for a NULL */
struct base_span postgres_span_at(const PGresult *result, int row, int column); /* lives as long as the result */
struct feed_key postgres_key_at(const PGresult *result, int row, int column);   /* zero for a NULL */

/* ---- tables (postgres_schema.c) ---------------------------------------------------------- */

/* Create the tables or bring them up to date; BASE_UNSUPPORTED for what a newer version wrote. */
enum base_result postgres_migrate(struct postgres *postgres);

/* ---- several nodes: one stream (postgres_stream.c) ------------------------------------------- */

enum base_result postgres_fence(struct engine *engine, const char *node, uint64_t token);
enum base_result postgres_state_lock(struct engine *engine, struct engine_state *out);
enum base_result postgres_batch_is_known(struct engine *engine, const char *url, uint64_t batch, bool *known);
enum base_result postgres_sketches_between(struct engine *engine, uint64_t after, uint64_t upto, ledger_sketch_fn *each,
                                           void *ctx);
enum base_result postgres_published_get(struct engine *engine, const char *node, uint64_t *published);
enum base_result postgres_published_put(struct engine *engine, const char *node, uint64_t published);
enum base_result postgres_published_least(struct engine *engine, uint64_t *published);
/* With all that is to be written. */
enum base_result postgres_send_published(struct postgres *postgres);
uint64_t postgres_connection(const struct engine *engine);
int postgres_wake_fd(struct engine *engine);
enum base_result postgres_woken(struct engine *engine, bool *alerts, bool *members);

/* ---- several nodes: members and leases (postgres_share.c) ------------------------------------- */

#define POSTGRES_MEMBERS "wirewatch_members" /* the channel on which nodes tell who takes part and what is free */
extern const char postgres_share_tables[];
extern const struct engine_shared_ops postgres_shared;

/* ---- between the files of row operations ------------------------------------------------- */

/* The feed's row in the cache, asked for if it is not there. */
enum base_result postgres_find_feed(struct postgres *postgres, const char *url, struct cache_feed **out);
enum base_result postgres_find_entry(struct postgres *postgres, int64_t feed, const struct feed_key *key,
                                     struct cache_entry **out);
/* Send for numbers of new feeds, and for what topics others have moved, unless that is known; for any sync to take. */
enum base_result postgres_expect_numbers(struct postgres *postgres);
enum base_result postgres_expect_topics(struct postgres *postgres);
/* Send all that is to be written. */
enum base_result postgres_send_writes(struct postgres *postgres);
/* Forget what was read, and what is to be written. */
void postgres_forget_writes(struct postgres *postgres);
void postgres_topics_forget(struct postgres *postgres);

/* ---- the row operations of struct engine_ops ------------------------------------------------ */

enum base_result postgres_state_get(struct engine *engine, struct engine_state *out);
enum base_result postgres_state_put(struct engine *engine, const struct engine_state *state);
enum base_result postgres_prefetch(struct engine *engine, const struct engine_want *wants, size_t count);
enum base_result postgres_feed_get(struct engine *engine, const char *url, struct engine_feed *out);
enum base_result postgres_feed_put(struct engine *engine, const struct ledger_feed *feed, base_time now,
                                   bool documented, uint64_t batch, int64_t *id);
enum base_result postgres_polls_put(struct engine *engine, const struct engine_poll *polls, size_t count,
                                    base_time now);
enum base_result postgres_entry_get(struct engine *engine, int64_t feed, const struct feed_key *key,
                                    struct engine_entry *out);
enum base_result postgres_entry_find(struct engine *engine, int64_t feed, enum engine_secondary which,
                                     const struct feed_key *key, struct engine_entry *out);
enum base_result postgres_entry_put(struct engine *engine, int64_t feed, const struct engine_entry *entry, bool fresh);
enum base_result postgres_entry_forget(struct engine *engine, int64_t feed, const struct feed_key *key);
enum base_result postgres_entry_alerted(struct engine *engine, int64_t feed, const struct feed_key *key,
                                        uint64_t sequence);
enum base_result postgres_topic_get(struct engine *engine, const char *topic, uint64_t *sequence);
enum base_result postgres_topic_put(struct engine *engine, const char *topic, uint64_t sequence);
enum base_result postgres_alert_put(struct engine *engine, const struct engine_alert *alert);
enum base_result postgres_alerts(struct engine *engine, uint64_t after, struct base_span prefix, size_t limit,
                                 ledger_message_fn *each, void *ctx, bool *more);
enum base_result postgres_oldest(struct engine *engine, uint64_t *sequence);
enum base_result postgres_sketches(struct engine *engine, base_time since, ledger_sketch_fn *each, void *ctx);
enum base_result postgres_prune(struct engine *engine, const struct engine_prune *prune, bool *more);

/* ---- moving a whole ledger (postgres_move.c) -------------------------------------------------- */

extern const struct engine_move_ops postgres_move;
/* BASE_NOT_FOUND if there are no tables of ours, which are not made. */
enum base_result postgres_find(const char *where, struct base_error *err);
void postgres_load_free(struct postgres_load *load); /* NULL is fine */

static inline struct postgres *postgres_of(struct engine *engine)
{
	return (struct postgres *)(void *)engine;
}

#endif
