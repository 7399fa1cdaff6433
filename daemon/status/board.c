/*
 * board: numbers written by their owners with relaxed atomics, and the rows
 * of feeds behind a mutex.
 */
#include "daemon/status/board.h"

#include "wirewatch/fetch.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX ((size_t)1 << 20)
#define TEXT_MAX 16384
#define WALK_PIECE 256 /* rows shown under one lock, about half a millisecond */

const base_time status_bucket_bounds[STATUS_BUCKET_COUNT] = {
    1000,     2500,     5000,    10000,   25000,    50000,    100000,   250000,
    500000,   1000000,  2500000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

const char *const status_results[STATUS_RESULT_COUNT] = {"new", "unchanged", "not_modified", "error"};

enum base_result status_board_new(struct status_board **out)
{
	struct status_board *board = calloc(1, sizeof(*board));
	enum base_result result;

	if (board == NULL)
		return BASE_NO_MEMORY;
	TAILQ_INIT(&board->rows);
	result = base_random(board->hash_key, sizeof(board->hash_key));
	if (result == BASE_OK && pthread_mutex_init(&board->lock, NULL) != 0)
		result = BASE_NO_MEMORY;
	if (result != BASE_OK) {
		free(board);
		return result;
	}
	status_set(board, STATUS_LAST_COMMIT_OK, 1);
	*out = board;
	return BASE_OK;
}

void status_board_free(struct status_board *board)
{
	struct status_row *row;

	if (board == NULL)
		return;
	while ((row = TAILQ_FIRST(&board->rows)) != NULL) {
		TAILQ_REMOVE(&board->rows, row, order);
		free(row);
	}
	pthread_mutex_destroy(&board->lock);
	base_table_free(&board->table);
	free(board->trouble);
	free(board->nodes);
	free(board);
}

/* ---- numbers ---------------------------------------------------------------------- */

void status_add(struct status_board *board, enum status_number number, uint64_t by)
{
	atomic_fetch_add_explicit(&board->numbers[number], by, memory_order_relaxed);
}

void status_set(struct status_board *board, enum status_number number, uint64_t value)
{
	atomic_store_explicit(&board->numbers[number], value, memory_order_relaxed);
}

uint64_t status_get(const struct status_board *board, enum status_number number)
{
	return atomic_load_explicit(&board->numbers[number], memory_order_relaxed);
}

void status_time(struct status_board *board, enum status_timing timing, base_time took)
{
	struct status_histogram *histogram = &board->timings[timing];
	size_t bucket = 0;

	if (took < 0) /* a clock was set back */
		took = 0;
	while (bucket < STATUS_BUCKET_COUNT && took > status_bucket_bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum, (uint64_t)took, memory_order_relaxed);
}

base_time status_quantile(const struct status_board *board, enum status_timing timing, double share)
{
	const struct status_histogram *histogram = &board->timings[timing];
	uint64_t counts[STATUS_BUCKET_COUNT + 1], total = 0, seen = 0;
	size_t bucket = 0;

	for (size_t i = 0; i <= STATUS_BUCKET_COUNT; i++)
		total += counts[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
	if (total == 0)
		return -1;
	while (bucket < STATUS_BUCKET_COUNT && (double)(seen += counts[bucket]) < share * (double)total)
		bucket++;
	return status_bucket_bounds[bucket < STATUS_BUCKET_COUNT ? bucket : STATUS_BUCKET_COUNT - 1];
}

void status_alert(struct status_board *board, const char *class_name, bool first)
{
	size_t i = 0;

	pthread_mutex_lock(&board->lock);
	while (i < board->class_count && strcmp(board->classes[i].name, class_name) != 0)
		i++;
	if (i == board->class_count && i < STATUS_CLASS_MAX) {
		snprintf(board->classes[i].name, sizeof(board->classes[i].name), "%s", class_name);
		board->class_count++;
	}
	if (i < board->class_count) {
		if (first)
			board->classes[i].first++;
		else
			board->classes[i].repeat++;
	}
	pthread_mutex_unlock(&board->lock);
}

void status_set_trouble(struct status_board *board, const char *reason)
{
	struct base_error line;
	char *copy = NULL;

	if (reason != NULL) {
		(void)base_fail(&line, BASE_BUSY, "%s", reason);
		copy = strdup(line.text);
	}
	pthread_mutex_lock(&board->lock);
	if (reason == NULL || copy != NULL) { /* without memory an old reason beats none */
		free(board->trouble);
		board->trouble = copy;
	}
	pthread_mutex_unlock(&board->lock);
}

/* ---- nodes ------------------------------------------------------------------------ */

void status_set_nodes(struct status_board *board, const struct status_node *nodes, size_t count)
{
	struct status_node *copy = calloc(count + 1, sizeof(*copy));

	if (copy == NULL)
		return; /* what was read before is shown a while longer */
	memcpy(copy, nodes, count * sizeof(*copy));
	pthread_mutex_lock(&board->lock);
	free(board->nodes);
	board->nodes = copy;
	board->node_count = count;
	pthread_mutex_unlock(&board->lock);
}

uint64_t status_node_lag(const struct status_board *board, const struct status_node *node)
{
	uint64_t last = status_get(board, STATUS_SEQUENCE);

	for (size_t i = 0; i < board->node_count; i++)
		if (board->nodes[i].published > last)
			last = board->nodes[i].published;
	return last - node->published;
}

/* ---- feeds ------------------------------------------------------------------------ */

static void add_escaped(struct base_buf *text, const char *foreign)
{
	if (foreign != NULL)
		base_escape(text, foreign, base_utf8_clip(foreign, strlen(foreign), TEXT_MAX / 8), BASE_ESCAPE_LINE);
}

/* What is no URL could still hold a password: it is not shown at all. */
static void add_public_url(struct base_buf *text, const char *url)
{
	struct base_buf public;

	base_buf_init(&public, TEXT_MAX);
	if (fetch_public_url(url, &public) == BASE_OK)
		add_escaped(text, public.data);
	base_buf_free(&public);
}

/* End a text; the place of the next one. */
static uint32_t next_text(struct base_buf *text)
{
	base_buf_add(text, "", 1);
	return (uint32_t)text->len;
}

static uint8_t result_of(const char *result)
{
	uint8_t i = 0;

	while (i < STATUS_RESULT_COUNT && (result == NULL || strcmp(result, status_results[i]) != 0))
		i++;
	return i;
}

static bool is_row(const struct base_table_node *node, const void *url)
{
	return strcmp(((const struct status_row *)node)->text, url) == 0;
}

static struct status_row *find(const struct status_board *board, const char *url)
{
	uint64_t hash = base_hash64(board->hash_key, url, strlen(url));

	return (struct status_row *)base_table_find(&board->table, hash, is_row, url);
}

static struct status_row *row_with(const struct status_row *row, const struct base_buf *text)
{
	struct status_row *out = text->failed == BASE_OK ? malloc(sizeof(*out) + text->len) : NULL;

	if (out != NULL) {
		*out = *row;
		memcpy(out->text, text->data, text->len);
	}
	return out;
}

/* All but the texts that follow the row. */
static void fill(struct status_row *row, const struct status_feed *feed)
{
	row->state = feed->state != NULL ? feed->state : "";
	row->failure = feed->failure != NULL ? feed->failure : "";
	row->last_poll = feed->last_poll;
	row->next_poll = feed->next_poll;
	row->failures = feed->failures < UINT32_MAX ? (uint32_t)feed->failures : UINT32_MAX;
	row->entries = feed->entries < UINT32_MAX ? (uint32_t)feed->entries : UINT32_MAX;
	row->http_status = (uint16_t)feed->http_status;
	row->result = result_of(feed->result);
}

static struct status_row *row_new(const struct status_board *board, const struct status_feed *feed)
{
	struct base_buf text;
	struct status_row row = {.node.hash = base_hash64(board->hash_key, feed->url, strlen(feed->url))};

	fill(&row, feed);
	base_buf_init(&text, 6 * TEXT_MAX);
	base_buf_add_text(&text, feed->url);
	row.url = next_text(&text);
	add_public_url(&text, feed->url);
	row.name = next_text(&text);
	add_escaped(&text, feed->name);
	row.reason = next_text(&text);
	add_escaped(&text, feed->reason);
	row.plan = next_text(&text);
	add_escaped(&text, feed->plan);
	next_text(&text);
	struct status_row *out = row_with(&row, &text);
	base_buf_free(&text);
	return out;
}

/* The polls that the row before remembered, and the one that the new row is about. */
static void remember(struct status_row *row, const struct status_row *old, base_time took)
{
	bool polled = row->result < STATUS_RESULT_COUNT, known = took >= 0 && took / 1000 < STATUS_TOOK_MOST;
	uint32_t took_ms = known ? (uint32_t)(took / 1000) : STATUS_TOOK_MOST;
	size_t most = STATUS_HISTORY - polled, keep = old == NULL ? 0 : old->past_count < most ? old->past_count : most;

	if (keep > 0)
		memcpy(row->past, old->past + old->past_count - keep, keep * sizeof(row->past[0]));
	row->past_count = (uint8_t)(keep + polled);
	if (polled)
		row->past[keep] = (struct status_past){.took_ms = took_ms & STATUS_TOOK_MOST, .result = row->result & 3u};
}

/* A text of a row stands for what is given. One that had to be escaped never does, which costs a new row. */
static bool tells(const struct status_row *row, uint32_t place, const char *text)
{
	return strcmp(row->text + place, text != NULL ? text : "") == 0;
}

/*
 * Write the news into the feed's row, if its texts still hold: a new row for each poll, its address read and its texts
 * escaped anew, took 5 us.
 */
static bool update(struct status_board *board, const struct status_feed *feed)
{
	pthread_mutex_lock(&board->lock);
	struct status_row *row = find(board, feed->url);
	bool same = row != NULL && tells(row, row->name, feed->name) && tells(row, row->reason, feed->reason) &&
	            tells(row, row->plan, feed->plan);
	if (same) {
		const struct status_row old = *row; /* without the texts, which nobody asks of it */
		fill(row, feed);
		remember(row, &old, feed->took);
	}
	pthread_mutex_unlock(&board->lock);
	return same;
}

/* A walk that would show the row next goes on behind it, where its new version is, if it has one. */
static void take_out(struct status_board *board, struct status_row *row)
{
	if (board->walk == row)
		board->walk = TAILQ_NEXT(row, order);
	TAILQ_REMOVE(&board->rows, row, order);
}

void status_spare_feeds(struct status_board *board)
{
	board->spare_feeds = true;
}

bool status_wants_feeds(const struct status_board *board)
{
	return !board->spare_feeds;
}

enum base_result status_feed_set(struct status_board *board, const struct status_feed *feed)
{
	if (board->spare_feeds || update(board, feed))
		return BASE_OK;
	struct status_row *row = row_new(board, feed), *old;
	enum base_result result = BASE_OK;

	if (row == NULL)
		return BASE_NO_MEMORY;
	pthread_mutex_lock(&board->lock);
	old = find(board, feed->url);
	remember(row, old, feed->took);
	if (old != NULL)
		base_table_remove(&board->table, &old->node);
	else if (board->table.count >= ROWS_MAX)
		result = BASE_LIMIT;
	if (result == BASE_OK)
		result = base_table_put(&board->table, &row->node);
	if (result == BASE_OK && old != NULL)
		TAILQ_INSERT_AFTER(&board->rows, old, row, order);
	else if (result == BASE_OK)
		TAILQ_INSERT_TAIL(&board->rows, row, order);
	if (old != NULL)
		take_out(board, old);
	pthread_mutex_unlock(&board->lock);
	free(result == BASE_OK ? old : row);
	return result;
}

void status_feed_remove(struct status_board *board, const char *url)
{
	pthread_mutex_lock(&board->lock);
	struct status_row *row = find(board, url);
	if (row != NULL) {
		base_table_remove(&board->table, &row->node);
		take_out(board, row);
	}
	pthread_mutex_unlock(&board->lock);
	free(row);
}

enum base_result status_board_walk(struct status_board *board, status_row_fn *show, void *ctx)
{
	enum base_result result = BASE_OK;

	pthread_mutex_lock(&board->lock);
	board->walk = TAILQ_FIRST(&board->rows);
	for (size_t shown = 1; board->walk != NULL && result == BASE_OK; shown++) {
		const struct status_row *row = board->walk;
		board->walk = TAILQ_NEXT(row, order);
		result = show(ctx, row);
		if (shown % WALK_PIECE == 0) {
			pthread_mutex_unlock(&board->lock);
			(void)sched_yield();
			pthread_mutex_lock(&board->lock);
		}
	}
	board->walk = NULL;
	pthread_mutex_unlock(&board->lock);
	return result;
}
