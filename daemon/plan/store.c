/*
 * store: a feed's learned state as lines of text, "name number ...". Names
 * that are not known are passed over, missing ones keep their beginnings, so
 * that older and newer versions read each other. Counts are in millionths.
 */
#include "feed.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MILLIONTHS 1e6
#define COUNT_MAX 1e9
#define NUMBERS_MAX RATE_HOURS

/* ---- out ---------------------------------------------------------------------------- */

static long long number_of(double count)
{
	return count > 0 && count < COUNT_MAX ? llround(count * MILLIONTHS) : 0;
}

static void add_time(struct base_buf *out, const char *name, base_time time)
{
	if (time != BASE_TIME_NONE && time != 0)
		base_buf_printf(out, "%s %lld\n", name, (long long)time);
}

static void add_rate(struct base_buf *out, const struct plan_rate *rate)
{
	if (rate->as_of == BASE_TIME_NONE)
		return;
	add_time(out, "observed", rate->as_of);
	base_buf_printf(out, "counts %lld %lld %lld %lld %lld\n", number_of(rate->days), number_of(rate->items),
	                number_of(rate->alerts), number_of(rate->pace), (long long)rate->learned);
	base_buf_add_text(out, "hours");
	for (size_t h = 0; h < RATE_HOURS; h++)
		base_buf_printf(out, " %lld", number_of(rate->hours[h]));
	base_buf_add_text(out, "\n");
	add_time(out, "item", rate->last_item);
	add_time(out, "longest", rate->longest);
}

enum base_result plan_feed_store(const struct plan_feed *feed, struct base_buf *out)
{
	const struct plan_document *document = &feed->document;
	add_rate(out, &feed->rate);
	add_time(out, "max-age", feed->max_age);
	if (document->entries || document->ttl || document->skip_hours || document->skip_days)
		base_buf_printf(out, "document %lld %lld %lld %lld\n", (long long)document->ttl, (long long)document->skip_hours,
		                (long long)document->skip_days, (long long)document->entries);
	add_time(out, "full", feed->full_at);
	add_time(out, "paused", feed->paused_until);
	base_buf_printf(out, "why %d %lld %d %d %d\n", (int)feed->why, (long long)feed->interval, (int)feed->failure,
	                (int)feed->ended, (int)feed->stale);
	if (feed->state.failures) {
		base_buf_add_text(out, "failed");
		for (size_t i = 0; i < PLAN_FAILURE_COUNT; i++)
			base_buf_printf(out, " %u", feed->failed[i]);
		base_buf_add_text(out, "\n");
	}
	if (feed->move.to)
		base_buf_printf(out, "move %lld %u %d\nto %s\n", (long long)feed->move.since, feed->move.seen,
		                (int)feed->move.confirmed, feed->move.to);
	return out->failed;
}

/* ---- in ----------------------------------------------------------------------------- */

struct reader {
	const char *name;
	long long numbers[NUMBERS_MAX];
	size_t count;
	const char *text; /* after the name */
};

static double count_of(long long number)
{
	double count = (double)number / MILLIONTHS;
	return count > 0 && count < COUNT_MAX ? count : 0;
}

static uint32_t small(long long number)
{
	return number < 0 ? 0 : number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* Wall times within some thousand years of 1970; spans too. */
static base_time time_of(long long number)
{
	const base_time most = (base_time)2000 * 366 * BASE_DAY;
	return number > -most && number < most ? number : BASE_TIME_NONE;
}

static base_time span_of(long long number)
{
	return number > 0 && number < 366 * BASE_DAY ? number : 0;
}

static void read_rate(struct plan_rate *rate, const struct reader *line)
{
	const long long *n = line->numbers;
	if (strcmp(line->name, "observed") == 0 && line->count == 1) {
		rate->as_of = time_of(n[0]);
	} else if (strcmp(line->name, "counts") == 0 && line->count == 5) {
		rate->days = count_of(n[0]);
		rate->items = count_of(n[1]);
		rate->alerts = count_of(n[2]);
		rate->pace = count_of(n[3]);
		rate->learned = small(n[4]);
	} else if (strcmp(line->name, "hours") == 0 && line->count == RATE_HOURS) {
		for (size_t h = 0; h < RATE_HOURS; h++)
			rate->hours[h] = count_of(n[h]);
	} else if (strcmp(line->name, "item") == 0 && line->count == 1) {
		rate->last_item = time_of(n[0]);
	} else if (strcmp(line->name, "longest") == 0 && line->count == 1) {
		rate->longest = span_of(n[0]);
	}
}

static void read_why(struct plan_feed *feed, const long long *n)
{
	feed->why = n[0] >= 0 && n[0] < WHY_COUNT ? (enum plan_why)n[0] : WHY_NOTHING;
	feed->interval = span_of(n[1]);
	feed->failure = n[2] >= 0 && n[2] < PLAN_FAILURE_COUNT ? (enum plan_failure)n[2] : PLAN_OTHER;
	feed->ended = n[3] == 1;
	feed->stale = n[4] == 1;
}

static enum base_result read_move(struct plan_feed *feed, const struct reader *line)
{
	if (strcmp(line->name, "to") == 0) {
		if (feed->move.to || !*line->text || strlen(line->text) > PLAN_URL_MAX)
			return BASE_OK;
		feed->move.to = strdup(line->text);
		return feed->move.to ? BASE_OK : BASE_NO_MEMORY;
	}
	feed->move.since = time_of(line->numbers[0]);
	feed->move.seen = small(line->numbers[1]);
	feed->move.confirmed = line->numbers[2] == 1;
	return BASE_OK;
}

static enum base_result read_line(struct plan_feed *feed, const struct reader *line)
{
	const long long *n = line->numbers;
	if (strcmp(line->name, "to") == 0 || (strcmp(line->name, "move") == 0 && line->count == 3))
		return read_move(feed, line);
	if (strcmp(line->name, "max-age") == 0 && line->count == 1)
		feed->max_age = span_of(n[0]);
	else if (strcmp(line->name, "document") == 0 && line->count == 4)
		feed->document = (struct plan_document){span_of(n[0]), small(n[1]) & 0xFFFFFF, (uint8_t)(n[2] & 0x7F), small(n[3])};
	else if (strcmp(line->name, "full") == 0 && line->count == 1)
		feed->full_at = time_of(n[0]);
	else if (strcmp(line->name, "paused") == 0 && line->count == 1)
		feed->paused_until = time_of(n[0]);
	else if (strcmp(line->name, "why") == 0 && line->count == 5)
		read_why(feed, n);
	else if (strcmp(line->name, "failed") == 0)
		for (size_t i = 0; i < line->count && i < PLAN_FAILURE_COUNT; i++)
			feed->failed[i] = small(n[i]);
	else
		read_rate(&feed->rate, line);
	return BASE_OK;
}

/* One whole number at *at, which moves behind it. By hand: strtoll takes three times as long, for every feed at a start. */
static bool read_number(const char **at, long long *out)
{
	const char *digit = *at + (**at == '-');
	long long number = 0;
	if (*digit < '0' || *digit > '9')
		return false;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (number > (LLONG_MAX - 9) / 10)
			return false;
		number = number * 10 + (*digit - '0');
	}
	*out = **at == '-' ? -number : number;
	*at = digit;
	return true;
}

/* Cut one line of text, which is changed, into a name and numbers. */
static void cut_line(char *line, struct reader *out)
{
	char *at = line + strcspn(line, " ");
	*out = (struct reader){.name = line, .text = ""};
	if (!*at)
		return;
	*at++ = '\0';
	out->text = at;
	for (const char *next = at; *next && out->count < NUMBERS_MAX; next += *next == ' ') {
		if (!read_number(&next, &out->numbers[out->count]))
			return;
		out->count++;
	}
}

static enum base_result read_all(struct plan_feed *feed, char *text)
{
	enum base_result result = BASE_OK;
	for (char *line = text, *next; *line && !result; line = next) {
		struct reader reader;
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		cut_line(line, &reader);
		result = read_line(feed, &reader);
	}
	if (!feed->move.to)
		feed->move = (struct plan_move){0};
	return result;
}

enum base_result plan_feed_restore(const struct plan_state *state, struct base_span stored, struct plan_feed **out)
{
	struct plan_feed *feed;
	enum base_result result = plan_feed_new(&feed);
	if (result)
		return result;
	feed->state = *state;
	if (stored.ptr && stored.len <= PLAN_STORED_MAX) {
		char *text = strndup(stored.ptr, stored.len);
		result = text ? read_all(feed, text) : BASE_NO_MEMORY;
		free(text);
	}
	if (result)
		plan_feed_free(feed);
	else
		*out = feed;
	return result;
}
