/* outbox_lines: what people get of an alert that leaves - its line in the log and its place in the counts. */
#ifndef WIREWATCH_OUTBOX_LINES_H
#define WIREWATCH_OUTBOX_LINES_H

#include "outbox.h"

/* To the journal or to syslog, whichever the options name. Fails when the line cannot be made. */
enum base_result outbox_log_alert(const struct outbox_options *options, const struct ledger_message *message);
/* topic: "ww1/alert/<class>/<first|repeat>/"; any other is left out. */
void outbox_count_alert(struct status_board *board, struct base_span topic);

/* How many lines the log has not taken yet. */
size_t outbox_logs_wait(const struct outbox_options *options);
/* Send what log lines wait; how many were dropped so far. */
uint64_t outbox_flush_logs(const struct outbox_options *options);

#endif
