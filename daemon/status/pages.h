/*
 * pages: what is shown under each path. Private to the room status.
 */
#ifndef WIREWATCH_STATUS_PAGES_H
#define WIREWATCH_STATUS_PAGES_H

#include "daemon/status/board.h"

struct status_view {
	struct status_board *board;
	const struct base_clock *clock;
	base_time started_wall, started_monotonic;
};

/* Each appends its page to out. */
enum base_result status_page_metrics(const struct status_view *view, struct base_buf *out);
enum base_result status_page_status(const struct status_view *view, struct base_buf *out);
enum base_result status_page_feeds(const struct status_view *view, struct base_buf *out);
/* *well: whether all is well, for the status code. */
enum base_result status_page_health(const struct status_view *view, struct base_buf *out, bool *well);

/* Append text that a metric's label can hold: \ " and newline with a backslash. */
void status_add_label(struct base_buf *out, const char *text);

#endif
