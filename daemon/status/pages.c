/*
 * pages: health, and the totals as JSON.
 */
#include "config.h"

#include "daemon/status/pages.h"

#include <jansson.h>

/* ---- JSON --------------------------------------------------------------------------- */

static int add_bytes(const char *bytes, size_t len, void *ctx)
{
	return base_buf_add(ctx, bytes, len) == BASE_OK ? 0 : -1;
}

/* Takes the reference; NULL stands for what could not be built. */
static enum base_result put_json(json_t *root, struct base_buf *out)
{
	int failed = root == NULL || json_dump_callback(root, add_bytes, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) != 0;

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

/* Seconds that 99 of 100 did not exceed, as fine as the histogram's buckets; null: nothing was timed. */
static json_t *json_p99(const struct status_view *view, enum status_timing timing)
{
	base_time bound = status_quantile(view->board, timing, 0.99);

	return bound < 0 ? json_null() : json_real((double)bound / BASE_SECOND);
}

/* The caller holds the lock. */
static json_t *json_nodes(const struct status_board *board)
{
	json_t *list = json_array();

	for (size_t i = 0; i < board->node_count; i++) {
		const struct status_node *node = &board->nodes[i];
		uint64_t published = node->self ? status_get(board, STATUS_SEQUENCE) : node->published;
		json_t *item = json_pack("{s:s,s:s,s:b,s:I,s:I,s:o,s:I,s:I}",
		    "name", node->name,
		    "state", node->state,
		    "self", node->self,
		    "hosts", (json_int_t)node->hosts,
		    "feeds", (json_int_t)node->feeds,
		    "renewed", json_time(node->renewed),
		    "published", (json_int_t)published,
		    "lag", (json_int_t)(node->self ? 0 : status_node_lag(board, node)));
		if (json_array_append_new(list, item) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

enum base_result status_page_status(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;
	base_time uptime = base_clock_monotonic(view->clock) - view->started_monotonic;

	pthread_mutex_lock(&board->lock);
	json_t *alerts = json_alerts(board);
	json_t *trouble = board->trouble != NULL ? json_string(board->trouble) : json_null();
	json_t *nodes = json_nodes(board);
	pthread_mutex_unlock(&board->lock);
	json_t *root = json_pack(
	    "{s:s, s:o, s:I, s:b, s:o, s:{s:o,s:o,s:o,s:o,s:o}, s:{s:o,s:o,s:o,s:o}, s:{s:o,s:o,s:o}, s:{s:o,s:o,s:o}, "
	    "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
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
	    "p99",
		"poll_lag", json_p99(view, STATUS_POLL_LAG),
		"alert_latency", json_p99(view, STATUS_ALERT_LATENCY),
		"commit", json_p99(view, STATUS_COMMIT_TIME),
	    "alerts", alerts,
	    "nodes", nodes,
	    "epoch", json_number(view, STATUS_EPOCH),
	    "sequence", json_number(view, STATUS_SEQUENCE),
	    "subscribers", json_number(view, STATUS_SUBSCRIBERS),
	    "listeners", json_number(view, STATUS_LISTENERS),
	    "publish_dropped", json_number(view, STATUS_PUBLISH_DROPPED),
	    "syslog_dropped", json_number(view, STATUS_SYSLOG_DROPPED),
	    "commits", json_number(view, STATUS_COMMITS),
	    "ledger_ok", status_get(board, STATUS_LAST_COMMIT_OK) != 0);
	return put_json(root, out);
}

enum base_result status_page_health(const struct status_view *view, struct base_buf *out, bool *well)
{
	pthread_mutex_lock(&view->board->lock);
	*well = view->board->trouble == NULL;
	base_buf_add_text(out, *well ? "ok" : view->board->trouble);
	pthread_mutex_unlock(&view->board->lock);
	return base_buf_add_char(out, '\n');
}
