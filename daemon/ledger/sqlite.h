/* sqlite: the inside of the SQLite engine, shared by its files. */
#ifndef WIREWATCH_LEDGER_SQLITE_H
#define WIREWATCH_LEDGER_SQLITE_H

#include "engine.h"

#include <sqlite3.h>

/* Every statement, prepared at first use and kept; the texts are in sqlite_rows.c, a long one in sqlite_look_up.c. */
enum sqlite_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_STATE_GET,
	SQL_STATE_PUT,
	SQL_FEED_ID,
	SQL_FEED_GET,
	SQL_FEED_UPDATE,
	SQL_FEED_PUT,
	SQL_ENTRY_GET,
	SQL_ENTRIES_GET,
	SQL_ENTRY_BY_LINK,
	SQL_ENTRY_BY_TITLE,
	SQL_ENTRY_NEW,
	SQL_ENTRY_PUT,
	SQL_ENTRY_FORGET,
	SQL_ENTRY_ALERTED,
	SQL_TOPIC_GET,
	SQL_TOPIC_PUT,
	SQL_ALERT_PUT,
	SQL_ALERTS,
	SQL_OLDEST,
	SQL_SKETCHES,
	SQL_PRUNE_ALERTS,
	SQL_PRUNE_NEXT_FEED,
	SQL_PRUNE_ENTRIES,
	SQL_PRUNE_FLOOD,
	SQL_PRUNE_FEED,
	SQL_POLLED_PUT,
	SQL_PRUNE_POLLED,
	SQL_STATEMENTS
};

/* When feeds were polled since their rows were written. */
struct polled {
	struct engine_poll *places; /* a hash table by feed with a power of two of places; feed 0: free */
	size_t count, cap;
};

struct sqlite {
	struct engine engine;
	sqlite3 *db;
	char *path;
	char *file;       /* the same without symbolic links; NULL before it is open */
	struct base_clock *clock;
	int64_t checked;  /* when the whole file was, in seconds; 0: it is to be at the next opening */
	struct base_log *log;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	struct sqlite_layer *layer;          /* of files, below SQLite */
	int wal_frames;                      /* in the log since the last checkpoint */
	int64_t prune_cursor;                /* the feed pruned last */
	struct polled polled;
	struct base_buf etag, last_modified, learned; /* what sqlite_feed_get gave out */
	sqlite3_stmt *load;                           /* of the table that is being loaded */
	enum engine_table loading;
};

extern const char *const sqlite_texts[SQL_STATEMENTS];
extern const char sqlite_entries_text[];
extern const struct engine_move_ops sqlite_move;

/* The result for an SQLite code; says why in engine.reason, beginning with doing ("cannot store"). */
enum base_result sqlite_fail(struct sqlite *sqlite, int code, const char *doing);
/* The result class alone. */
enum base_result sqlite_class(int code);
/* A statement ready for binding. */
enum base_result sqlite_prepare(struct sqlite *sqlite, enum sqlite_statement which, sqlite3_stmt **out);
/* Run a statement that gives no rows, then make it ready for its next use. */
enum base_result sqlite_run(struct sqlite *sqlite, sqlite3_stmt *statement, const char *doing);
enum base_result sqlite_simple(struct sqlite *sqlite, enum sqlite_statement which, const char *doing);

/* Create the tables or bring them up to date; BASE_UNSUPPORTED for what a newer version wrote. */
enum base_result sqlite_migrate(struct sqlite *sqlite);
enum base_result sqlite_backup(struct engine *engine, const char *path);
enum base_result sqlite_prune(struct engine *engine, const struct engine_prune *prune, bool *more);

/*
 * sqlite_seal.c: a file closed as it should be is sealed, so that its next opening need not check all of it. checked: when
 * that was done, and now, in seconds; 0 seals nothing. sqlite_unseal gives it back if the seal held, else 0.
 */
void sqlite_seal(const char *file, int64_t checked);
int64_t sqlite_unseal(const char *file, int64_t now);

/* sqlite_wal.c: SQLite's layer of files, but for the log. Give its name to sqlite3_open_v2; free it after the closing. */
struct sqlite_layer;
enum base_result sqlite_layer_new(struct sqlite_layer **out);
void sqlite_layer_free(struct sqlite_layer *layer);
const char *sqlite_layer_name(const struct sqlite_layer *layer);

/* sqlite_polled.c: polls that brought nothing. */
enum base_result sqlite_polled_load(struct sqlite *sqlite);
void sqlite_polled_free(struct sqlite *sqlite);
/* Put the times of the feed's last such poll in place of older ones. */
void sqlite_polled_overlay(const struct sqlite *sqlite, struct engine_feed *feed);
enum base_result sqlite_polls_put(struct engine *engine, const struct engine_poll *polls, size_t count, base_time now);
/* Drop what is older than LEDGER_POLLS_KEPT, a bounded number of rows. */
enum base_result sqlite_polled_prune(struct sqlite *sqlite, base_time now, int most, int *rows);

/* The row operations of struct engine_ops. */
enum base_result sqlite_state_get(struct engine *engine, struct engine_state *out);
enum base_result sqlite_state_put(struct engine *engine, const struct engine_state *state);
enum base_result sqlite_feed_get(struct engine *engine, const char *url, struct engine_feed *out);
enum base_result sqlite_feed_put(struct engine *engine, const struct ledger_feed *feed, base_time now, bool documented,
                                 uint64_t batch, int64_t *id);
enum base_result sqlite_feed_id(struct engine *engine, const char *url, int64_t *id);
enum base_result sqlite_entry_get(struct engine *engine, int64_t feed, const struct feed_key *key,
                                  struct engine_entry *out);
/* An entry's columns, in the order of struct engine_entry, from column `at` on. */
void sqlite_read_entry(sqlite3_stmt *statement, int at, struct engine_entry *out);
enum base_result sqlite_entries_get(struct engine *engine, int64_t feed, const struct engine_want *want,
                                    engine_entry_fn *each, void *ctx);
enum base_result sqlite_entry_find(struct engine *engine, int64_t feed, enum engine_secondary which,
                                   const struct feed_key *key, struct engine_entry *out);
enum base_result sqlite_entry_put(struct engine *engine, int64_t feed, const struct engine_entry *entry, bool fresh);
enum base_result sqlite_entry_forget(struct engine *engine, int64_t feed, const struct feed_key *key);
enum base_result sqlite_entry_alerted(struct engine *engine, int64_t feed, const struct feed_key *key,
                                      uint64_t sequence);
enum base_result sqlite_topic_get(struct engine *engine, const char *topic, uint64_t *sequence);
enum base_result sqlite_topic_put(struct engine *engine, const char *topic, uint64_t sequence);
enum base_result sqlite_alert_put(struct engine *engine, const struct engine_alert *alert);
enum base_result sqlite_alerts(struct engine *engine, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more);
enum base_result sqlite_oldest(struct engine *engine, uint64_t *sequence);
enum base_result sqlite_sketches(struct engine *engine, base_time since, ledger_sketch_fn *each, void *ctx);

#endif
