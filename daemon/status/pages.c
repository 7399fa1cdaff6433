/*
 * pages: health, totals and feeds as JSON, and one page for people.
 */
#include "config.h"

#include "daemon/status/pages.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define PEOPLE_ROWS_MAX 2000 /* a browser's patience */

/* ---- JSON --------------------------------------------------------------------------- */

static int add_bytes(const char *bytes, size_t len, void *ctx)
{
	return base_buf_add(ctx, bytes, len) == BASE_OK ? 0 : -1;
}

/* Takes the reference; NULL stands for what could not be built. */
static enum base_result put_json(json_t *root, struct base_buf *out)
{
	int failed = root == NULL || json_dump_callback(root, add_bytes, out, JSON_COMPACT) != 0;

	json_decref(root);
	if (!failed)
		base_buf_add_char(out, '\n');
	return out->failed != BASE_OK ? out->failed : failed ? BASE_NO_MEMORY : BASE_OK;
}

static json_t *json_time(base_time time)
{
	char text[BASE_RFC3339_LEN];

	if (time == BASE_TIME_NONE)
		return json_null();
	base_time_format(time, false, text);
	return json_string(text);
}

static json_t *json_number(const struct status_view *view, enum status_number number)
{
	return json_integer((json_int_t)status_get(view->board, number));
}

/* The caller holds the lock. */
static json_t *json_alerts(const struct status_board *board)
{
	json_t *alerts = json_object();

	for (size_t i = 0; i < board->class_count; i++) {
		const struct status_class *class = &board->classes[i];
		json_object_set_new(alerts, class->name,
		                    json_pack("{s:I,s:I}", "first", (json_int_t)class->first, "repeat",
		                              (json_int_t)class->repeat));
	}
	return alerts;
}

enum base_result status_page_status(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;
	base_time uptime = base_clock_monotonic(view->clock) - view->started_monotonic;

	pthread_mutex_lock(&board->lock);
	json_t *alerts = json_alerts(board);
	json_t *trouble = board->trouble != NULL ? json_string(board->trouble) : json_null();
	pthread_mutex_unlock(&board->lock);
	json_t *root = json_pack(
	    "{s:s, s:o, s:I, s:b, s:o, s:{s:o,s:o,s:o,s:o,s:o}, s:{s:o,s:o,s:o,s:o}, s:{s:o,s:o,s:o}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
	    "version", PACKAGE_VERSION,
	    "started", json_time(view->started_wall),
	    "uptime", (json_int_t)(uptime / BASE_SECOND),
	    "healthy", json_is_null(trouble),
	    "trouble", trouble,
	    "feeds",
		"total", json_number(view, STATUS_FEEDS),
		"failing", json_number(view, STATUS_FEEDS_FAILING),
		"paused", json_number(view, STATUS_FEEDS_PAUSED),
		"stale", json_number(view, STATUS_FEEDS_STALE),
		"ended", json_number(view, STATUS_FEEDS_ENDED),
	    "polls",
		"new", json_number(view, STATUS_POLLS_NEW),
		"unchanged", json_number(view, STATUS_POLLS_UNCHANGED),
		"not_modified", json_number(view, STATUS_POLLS_NOT_MODIFIED),
		"error", json_number(view, STATUS_POLLS_ERROR),
	    "entries",
		"new", json_number(view, STATUS_ENTRIES_NEW),
		"changed", json_number(view, STATUS_ENTRIES_CHANGED),
		"seen", json_number(view, STATUS_ENTRIES_SEEN),
	    "alerts", alerts,
	    "epoch", json_number(view, STATUS_EPOCH),
	    "sequence", json_number(view, STATUS_SEQUENCE),
	    "subscribers", json_number(view, STATUS_SUBSCRIBERS),
	    "publish_dropped", json_number(view, STATUS_PUBLISH_DROPPED),
	    "syslog_dropped", json_number(view, STATUS_SYSLOG_DROPPED),
	    "commits", json_number(view, STATUS_COMMITS),
	    "ledger_ok", status_get(board, STATUS_LAST_COMMIT_OK) != 0);
	return put_json(root, out);
}

enum base_result status_page_feeds(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;
	json_t *rows = json_array();
	const struct status_row *row;
	int failed = rows == NULL;

	pthread_mutex_lock(&board->lock);
	TAILQ_FOREACH(row, &board->rows, order) {
		json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:I}", "url", row->url, "name",
		                           row->name, "result", row->result, "reason", row->reason, "state", row->state,
		                           "plan", row->plan, "last_poll",
		                           json_time(row->last_poll), "next_poll", json_time(row->next_poll), "failures",
		                           (json_int_t)row->failures, "http_status", (json_int_t)row->http_status,
		                           "entries", (json_int_t)row->entries);
		failed |= json_array_append_new(rows, object);
	}
	pthread_mutex_unlock(&board->lock);
	if (failed) {
		json_decref(rows);
		return BASE_NO_MEMORY;
	}
	return put_json(json_pack("{s:o}", "feeds", rows), out);
}

enum base_result status_page_health(const struct status_view *view, struct base_buf *out, bool *well)
{
	pthread_mutex_lock(&view->board->lock);
	*well = view->board->trouble == NULL;
	base_buf_add_text(out, *well ? "ok" : view->board->trouble);
	pthread_mutex_unlock(&view->board->lock);
	return base_buf_add_char(out, '\n');
}

/* ---- HTML --------------------------------------------------------------------------- */

void status_add_html(struct base_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			base_buf_add_text(out, "&amp;");
			break;
		case '<':
			base_buf_add_text(out, "&lt;");
			break;
		case '>':
			base_buf_add_text(out, "&gt;");
			break;
		case '"':
			base_buf_add_text(out, "&quot;");
			break;
		case '\'':
			base_buf_add_text(out, "&#39;");
			break;
		default:
			base_buf_add_char(out, *text);
		}
	}
}

static void add_cell(struct base_buf *out, const char *text)
{
	base_buf_add_text(out, "<td>");
	status_add_html(out, text);
	base_buf_add_text(out, "</td>");
}

static void add_time_cell(struct base_buf *out, base_time time)
{
	char text[BASE_RFC3339_LEN] = "";

	if (time != BASE_TIME_NONE)
		base_time_format(time, false, text);
	add_cell(out, text);
}

static void add_row(struct base_buf *out, const struct status_row *row)
{
	base_buf_add_text(out, row->failures > 0 ? "<tr class=\"bad\"><td title=\"" : "<tr><td title=\"");
	status_add_html(out, row->url);
	base_buf_add_text(out, "\">");
	status_add_html(out, row->name[0] != '\0' ? row->name : row->url);
	base_buf_add_text(out, "</td>");
	add_cell(out, row->result[0] != '\0' ? row->result : "not polled yet");
	add_time_cell(out, row->last_poll);
	add_time_cell(out, row->next_poll);
	base_buf_printf(out, "<td>%zu</td>", row->entries);
	add_cell(out, row->reason);
	add_cell(out, row->plan);
	base_buf_add_text(out, "</tr>\n");
}

/* The caller holds the lock. Failing feeds come first. */
static void add_rows(struct base_buf *out, const struct status_board *board)
{
	const struct status_row *row;
	size_t shown = 0;

	for (int failing = 1; failing >= 0; failing--)
		TAILQ_FOREACH(row, &board->rows, order)
			if ((row->failures > 0) == failing && shown++ < PEOPLE_ROWS_MAX)
				add_row(out, row);
	if (shown > PEOPLE_ROWS_MAX)
		base_buf_printf(out, "<tr><td colspan=\"7\">and %zu more: see /feeds</td></tr>\n", shown - PEOPLE_ROWS_MAX);
}

static void add_totals(const struct status_view *view, struct base_buf *out)
{
	const struct status_board *board = view->board;
	base_time uptime = (base_clock_monotonic(view->clock) - view->started_monotonic) / BASE_SECOND;

	base_buf_printf(out, "<p>wirewatchd " PACKAGE_VERSION ", up %" PRId64 " d %02" PRId64 ":%02" PRId64 ":%02" PRId64 ". ",
	                uptime / 86400, uptime / 3600 % 24, uptime / 60 % 60, uptime % 60);
	base_buf_printf(out, "%" PRIu64 " feeds, %" PRIu64 " failing, %" PRIu64 " stale; %" PRIu64 " subscribers; latest sequence %" PRIu64 ".</p>\n",
	                status_get(board, STATUS_FEEDS), status_get(board, STATUS_FEEDS_FAILING),
	                status_get(board, STATUS_FEEDS_STALE), status_get(board, STATUS_SUBSCRIBERS), status_get(board, STATUS_SEQUENCE));
}

enum base_result status_page_people(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;

	base_buf_add_text(out,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>wirewatch</title>\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<style>body{font:15px/1.4 sans-serif;margin:2em;max-width:80em}table{border-collapse:collapse}"
	    "th,td{text-align:left;padding:.2em .8em .2em 0;vertical-align:top}.bad{color:#a00}"
	    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}.bad{color:#f77}a{color:#8bf}}</style>\n"
	    "</head><body><h1>wirewatch</h1>\n");
	add_totals(view, out);
	pthread_mutex_lock(&board->lock);
	if (board->trouble != NULL) {
		base_buf_add_text(out, "<p class=\"bad\">Not well: ");
		status_add_html(out, board->trouble);
		base_buf_add_text(out, "</p>\n");
	}
	base_buf_add_text(out, "<table><tr><th>Alerts</th><th>first</th><th>repeat</th></tr>\n");
	for (size_t i = 0; i < board->class_count; i++) {
		base_buf_add_text(out, "<tr>");
		add_cell(out, board->classes[i].name);
		base_buf_printf(out, "<td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n", board->classes[i].first,
		                board->classes[i].repeat);
	}
	base_buf_add_text(out, "</table>\n<h2>Feeds</h2>\n<table><tr><th>Feed</th><th>Last result</th><th>Last poll</th>"
	                       "<th>Next poll</th><th>Entries</th><th>Reason</th><th>Plan</th></tr>\n");
	add_rows(out, board);
	pthread_mutex_unlock(&board->lock);
	return base_buf_add_text(out, "</table>\n<p><a href=\"/metrics\">metrics</a> <a href=\"/healthz\">health</a> "
	                              "<a href=\"/status\">status</a> <a href=\"/feeds\">feeds</a></p>\n</body></html>\n");
}
