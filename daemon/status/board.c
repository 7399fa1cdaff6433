/*
 * board: numbers written by their owners with relaxed atomics, and the rows
 * of feeds behind a mutex.
 */
#include "daemon/status/board.h"

#include "wirewatch/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX ((size_t)1 << 20)
#define TEXT_MAX 16384

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
	board->chain_count = 64;
	board->chains = calloc(board->chain_count, sizeof(struct status_row *));
	result = board->chains != NULL ? base_random(board->hash_key, sizeof(board->hash_key)) : BASE_NO_MEMORY;
	if (result == BASE_OK && pthread_mutex_init(&board->lock, NULL) != 0)
		result = BASE_NO_MEMORY;
	if (result != BASE_OK) {
		free(board->chains);
		free(board);
		return result;
	}
	status_set(board, STATUS_LAST_COMMIT_OK, 1);
	*out = board;
	return BASE_OK;
}

static void row_free(struct status_row *row)
{
	if (row == NULL)
		return;
	free(row->key);
	free(row->url);
	free(row->name);
	free(row->reason);
	free(row->plan);
	free(row);
}

void status_board_free(struct status_board *board)
{
	struct status_row *row;

	if (board == NULL)
		return;
	while ((row = TAILQ_FIRST(&board->rows)) != NULL) {
		TAILQ_REMOVE(&board->rows, row, order);
		row_free(row);
	}
	pthread_mutex_destroy(&board->lock);
	free(board->chains);
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

static char *escaped(const char *text)
{
	struct base_buf buf;
	size_t len;

	if (text == NULL || text[0] == '\0')
		return strdup("");
	base_buf_init(&buf, TEXT_MAX);
	base_escape(&buf, text, base_utf8_clip(text, strlen(text), TEXT_MAX / 8), BASE_ESCAPE_LINE);
	char *out = buf.failed == BASE_OK ? base_buf_take(&buf, &len) : NULL;
	base_buf_free(&buf);
	return out;
}

static char *shown_url(const char *url)
{
	struct base_buf buf;
	char *out;

	base_buf_init(&buf, TEXT_MAX);
	/* What is no URL could still hold a password: it is not shown at all. */
	out = fetch_public_url(url, &buf) == BASE_OK ? escaped(buf.data) : escaped("");
	base_buf_free(&buf);
	return out;
}

static void put_word(char *out, size_t size, const char *word)
{
	size_t len = word != NULL ? strnlen(word, size - 1) : 0;

	if (len > 0)
		memcpy(out, word, len);
	out[len] = '\0';
}

static void fill(struct status_row *row, const struct status_feed *feed)
{
	put_word(row->result, sizeof(row->result), feed->result);
	put_word(row->failure, sizeof(row->failure), feed->failure);
	put_word(row->state, sizeof(row->state), feed->state);
	row->last_poll = feed->last_poll;
	row->next_poll = feed->next_poll;
	row->failures = feed->failures;
	row->http_status = feed->http_status;
	row->entries = feed->entries;
}

static struct status_row *row_new(const struct status_board *board, const struct status_feed *feed)
{
	struct status_row *row = calloc(1, sizeof(*row));

	if (row == NULL)
		return NULL;
	row->hash = base_hash64(board->hash_key, feed->url, strlen(feed->url));
	row->key = strdup(feed->url);
	row->url = shown_url(feed->url);
	row->name = escaped(feed->name);
	row->reason = escaped(feed->reason);
	row->plan = escaped(feed->plan);
	if (row->key == NULL || row->url == NULL || row->name == NULL || row->reason == NULL || row->plan == NULL) {
		row_free(row);
		return NULL;
	}
	fill(row, feed);
	return row;
}

/* The polls that the row before remembered, and the one that the new row is about. */
static void remember(struct status_row *row, const struct status_row *old, base_time took)
{
	size_t result = 0;

	if (old != NULL) {
		size_t keep = old->past_count < STATUS_HISTORY ? old->past_count : STATUS_HISTORY - 1;
		memcpy(row->past, old->past + old->past_count - keep, keep * sizeof(row->past[0]));
		row->past_count = keep;
	}
	while (result < STATUS_RESULT_COUNT && strcmp(row->result, status_results[result]) != 0)
		result++;
	if (result == STATUS_RESULT_COUNT) { /* not polled */
		row->past_count = old != NULL ? old->past_count : 0;
		memcpy(row->past, old != NULL ? old->past : row->past, sizeof(row->past));
		return;
	}
	bool known = took >= 0 && took / 1000 < UINT32_MAX;
	row->past[row->past_count++] = (struct status_past){known ? (uint32_t)(took / 1000) : UINT32_MAX, (uint8_t)result};
}

static struct status_row **find(struct status_board *board, const char *url, uint64_t hash)
{
	struct status_row **at = &board->chains[hash & (board->chain_count - 1)];

	while (*at != NULL && ((*at)->hash != hash || strcmp((*at)->key, url) != 0))
		at = &(*at)->next;
	return at;
}

static void widen(struct status_board *board)
{
	size_t count = board->chain_count * 2;
	struct status_row **chains = calloc(count, sizeof(struct status_row *));
	struct status_row *row;

	if (chains == NULL)
		return; /* longer chains still work */
	TAILQ_FOREACH(row, &board->rows, order) {
		row->next = chains[row->hash & (count - 1)];
		chains[row->hash & (count - 1)] = row;
	}
	free(board->chains);
	board->chains = chains;
	board->chain_count = count;
}

/* An escaped text stands for what is given, or can be made to. */
static bool retell(char **told, const char *text)
{
	char *fresh;

	if (text == NULL)
		text = "";
	/* What needs no escaping is as it was given. What does is never equal, but for a text that shows escapes itself. */
	if (strcmp(*told, text) == 0)
		return true;
	fresh = escaped(text);
	if (fresh == NULL)
		return false;
	free(*told);
	*told = fresh;
	return true;
}

/*
 * Write the news into the feed's row, if it has one and memory lasts: a new row for each poll, its address read and
 * its texts escaped anew, took 5 us.
 */
static bool update(struct status_board *board, const struct status_feed *feed)
{
	struct status_row *row;
	struct status_row old;

	pthread_mutex_lock(&board->lock);
	row = *find(board, feed->url, base_hash64(board->hash_key, feed->url, strlen(feed->url)));
	bool done = row != NULL && retell(&row->name, feed->name) && retell(&row->reason, feed->reason) &&
	            retell(&row->plan, feed->plan);
	if (done) {
		old = *row;
		fill(row, feed);
		remember(row, &old, feed->took);
	}
	pthread_mutex_unlock(&board->lock);
	return done;
}

enum base_result status_feed_set(struct status_board *board, const struct status_feed *feed)
{
	if (update(board, feed))
		return BASE_OK;
	struct status_row *row = row_new(board, feed), *old = NULL;
	enum base_result result = BASE_OK;

	if (row == NULL)
		return BASE_NO_MEMORY;
	pthread_mutex_lock(&board->lock);
	struct status_row **at = find(board, row->key, row->hash);
	remember(row, *at, feed->took);
	if (*at != NULL) {
		old = *at;
		row->next = old->next;
		TAILQ_INSERT_AFTER(&board->rows, old, row, order);
		TAILQ_REMOVE(&board->rows, old, order);
		*at = row;
	} else if (board->row_count < ROWS_MAX) {
		*at = row;
		TAILQ_INSERT_TAIL(&board->rows, row, order);
		if (++board->row_count > board->chain_count)
			widen(board);
	} else {
		old = row;
		result = BASE_LIMIT;
	}
	pthread_mutex_unlock(&board->lock);
	row_free(old);
	return result;
}

void status_feed_remove(struct status_board *board, const char *url)
{
	uint64_t hash = base_hash64(board->hash_key, url, strlen(url));

	pthread_mutex_lock(&board->lock);
	struct status_row **at = find(board, url, hash), *row = *at;
	if (row != NULL) {
		*at = row->next;
		TAILQ_REMOVE(&board->rows, row, order);
		board->row_count--;
	}
	pthread_mutex_unlock(&board->lock);
	row_free(row);
}
