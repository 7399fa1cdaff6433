/*
 * board: the numbers and feeds that the pages show. Private to the room status.
 */
#ifndef WIREWATCH_STATUS_BOARD_H
#define WIREWATCH_STATUS_BOARD_H

#include "wirewatch/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define STATUS_BUCKET_COUNT 16
#define STATUS_CLASS_MAX 32

/* Upper bounds of the histograms' buckets, in microseconds; above the last one is +Inf. */
extern const base_time status_bucket_bounds[STATUS_BUCKET_COUNT];

struct status_histogram {
	_Atomic uint64_t buckets[STATUS_BUCKET_COUNT + 1]; /* not cumulative */
	_Atomic uint64_t sum;                              /* microseconds */
};

/* The upper bound of the bucket that the share (0 to 1) of all times lies in, microseconds; -1: nothing was timed. */
base_time status_quantile(const struct status_board *board, enum status_timing timing, double share);

struct status_class {
	char name[32];
	uint64_t first, repeat;
};

#define STATUS_HISTORY 24 /* polls of a feed that are remembered */

#define STATUS_TOOK_MOST ((1u << 30) - 1)
struct status_past { /* a poll that was */
	uint32_t took_ms : 30; /* STATUS_TOOK_MOST: nothing came */
	uint32_t result : 2;   /* index into status_results */
};

#define STATUS_RESULT_COUNT 4
extern const char *const status_results[STATUS_RESULT_COUNT]; /* "new" ... "error", as in struct status_feed */

/*
 * A feed as kept: foreign text is escaped (base_escape), the URL shown has no password. Its texts stand behind it, so
 * that a feed is one piece of memory; url to plan are their places.
 */
struct status_row {
	struct base_table_node node; /* first: by the URL as given */
	TAILQ_ENTRY(status_row) order;
	const char *state, *failure; /* as given */
	base_time last_poll, next_poll;
	uint32_t failures, entries;
	uint16_t http_status;
	uint8_t result;              /* STATUS_RESULT_COUNT: not polled */
	uint8_t past_count;
	struct status_past past[STATUS_HISTORY]; /* the latest last */
	uint32_t url, name, reason, plan;
	char text[];                 /* first the URL as given */
};
TAILQ_HEAD(status_rows, status_row);

struct status_board {
	_Atomic uint64_t numbers[STATUS_NUMBER_COUNT];
	struct status_histogram timings[STATUS_TIMING_COUNT];
	bool spare_feeds;
	pthread_mutex_t lock; /* for all below */
	struct status_class classes[STATUS_CLASS_MAX];
	size_t class_count;
	char *trouble;
	struct status_node *nodes; /* that share the ledger; NULL: none do */
	size_t node_count;
	struct status_rows rows;
	struct status_row *walk; /* the next row of a walk under way */
	struct base_table table;
	uint64_t hash_key[2];
};

/* How far the node's subscribers are behind the stream. The caller holds the lock. */
uint64_t status_node_lag(const struct status_board *board, const struct status_node *node);

/*
 * Show each row, oldest feed first, until told otherwise; the result is the last one. The lock is held while rows are
 * shown and given up now and then, so that those who write wait for a few hundred rows and not for 100,000. A feed that
 * is there all the while comes once, as it then is; one that comes, goes, or goes and comes back meanwhile may or may not,
 * the last even twice. One walk at a time: in the thread of the HTTP side.
 */
typedef enum base_result status_row_fn(void *ctx, const struct status_row *row);
enum base_result status_board_walk(struct status_board *board, status_row_fn *show, void *ctx);

#endif
