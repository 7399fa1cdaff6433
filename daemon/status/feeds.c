/*
 * feeds: the page /feeds - a row for each feed, as JSON. With 100,000 feeds it is 80 MB, and a tree of it would be twelve
 * times as much, so each row is written as it is met.
 */
#include "daemon/status/pages.h"

#include <string.h>

/* The board's texts are escaped: no controls and nothing ill-formed is left, only quotes and backslashes. */
static void add_text(struct base_buf *out, const char *name, const char *text)
{
	base_buf_add_text(out, name);
	base_escape(out, text, strlen(text), BASE_ESCAPE_QUOTED);
}

static void add_time(struct base_buf *out, const char *name, base_time time)
{
	char text[BASE_RFC3339_LEN];

	base_buf_add_text(out, name);
	if (time == BASE_TIME_NONE) {
		base_buf_add_text(out, "null");
		return;
	}
	base_time_format(time, false, text);
	base_buf_add_char(out, '"');
	base_buf_add_text(out, text);
	base_buf_add_char(out, '"');
}

/* Seconds, with as many digits as it takes and at least one behind the point; printf would be half the page's time. */
static void add_seconds(struct base_buf *out, uint32_t ms)
{
	char text[16], *at = text + sizeof(text), *end = at;
	uint32_t whole = ms / 1000, part = ms % 1000;

	for (int i = 0; i < 3; i++, part /= 10)
		*--at = (char)('0' + part % 10);
	while (end > at + 1 && end[-1] == '0')
		end--;
	*--at = '.';
	do
		*--at = (char)('0' + whole % 10);
	while ((whole /= 10) > 0);
	base_buf_add(out, at, (size_t)(end - at));
}

/* The last polls, the latest last: [["new",0.12],["error",null]], seconds until the last byte. */
static void add_past(struct base_buf *out, const struct status_row *row)
{
	base_buf_add_text(out, ",\"past\":[");
	for (size_t i = 0; i < row->past_count; i++) {
		const struct status_past *past = &row->past[i];
		base_buf_add_text(out, i > 0 ? ",[\"" : "[\"");
		base_buf_add_text(out, status_results[past->result]);
		base_buf_add_text(out, "\",");
		if (past->took_ms != STATUS_TOOK_MOST)
			add_seconds(out, past->took_ms);
		else
			base_buf_add_text(out, "null");
		base_buf_add_char(out, ']');
	}
	base_buf_add_text(out, "]}");
}

struct listing {
	struct base_buf *out;
	size_t count;
};

static enum base_result add_row(void *ctx, const struct status_row *row)
{
	struct listing *listing = ctx;
	struct base_buf *out = listing->out;

	add_text(out, listing->count++ > 0 ? ",{\"url\":\"" : "{\"url\":\"", row->text + row->url);
	add_text(out, "\",\"name\":\"", row->text + row->name);
	add_text(out, "\",\"result\":\"", row->result < STATUS_RESULT_COUNT ? status_results[row->result] : "");
	add_text(out, "\",\"reason\":\"", row->text + row->reason);
	add_text(out, "\",\"failure\":\"", row->failure);
	add_text(out, "\",\"state\":\"", row->state);
	add_text(out, "\",\"plan\":\"", row->text + row->plan);
	add_time(out, "\",\"last_poll\":", row->last_poll);
	add_time(out, ",\"next_poll\":", row->next_poll);
	base_buf_printf(out, ",\"failures\":%u,\"http_status\":%u,\"entries\":%u", (unsigned)row->failures,
	                (unsigned)row->http_status, (unsigned)row->entries);
	add_past(out, row);
	return out->failed;
}

enum base_result status_page_feeds(const struct status_view *view, struct base_buf *out)
{
	struct listing listing = {.out = out};

	base_buf_add_text(out, "{\"feeds\":[");
	(void)status_board_walk(view->board, add_row, &listing);
	base_buf_printf(out, "],\"listed\":%llu}\n", (unsigned long long)status_get(view->board, STATUS_FEEDS));
	return out->failed;
}
