/* outbox_lines: an alert's line in the log, and its place in the counts. */
#include "outbox_lines.h"

#include <string.h>
#include <syslog.h>

#define LINE_MAX_BYTES 8192

enum base_result outbox_log_alert(const struct outbox_options *options, const struct ledger_message *message)
{
	struct base_buf line;
	base_buf_init(&line, LINE_MAX_BYTES);
	enum base_result result = alert_log_line_of_json(message->json, &line);
	if (!result && options->journal)
		publish_journal_alert(options->journal, LOG_NOTICE, message, base_buf_span(&line));
	else if (!result)
		publish_syslog_line(options->syslog, LOG_NOTICE, line.data, line.len);
	base_buf_free(&line);
	return result;
}

void outbox_count_alert(struct status_board *board, struct base_span topic)
{
	const char *class_at = "ww1/alert/";
	if (!base_span_starts(topic, class_at))
		return;
	const char *start = topic.ptr + strlen(class_at), *end = memchr(start, '/', topic.len - strlen(class_at));
	char class_name[32];
	if (!end || (size_t)(end - start) >= sizeof class_name)
		return;
	memcpy(class_name, start, (size_t)(end - start));
	class_name[end - start] = '\0';
	status_alert(board, class_name, end[1] == 'f');
}

size_t outbox_logs_wait(const struct outbox_options *options)
{
	if (options->journal)
		return publish_journal_waiting(options->journal);
	return publish_syslog_waiting(options->syslog);
}

uint64_t outbox_flush_logs(const struct outbox_options *options)
{
	if (options->journal) {
		publish_journal_flush(options->journal);
		return publish_journal_dropped(options->journal);
	}
	publish_syslog_flush(options->syslog);
	return publish_syslog_dropped(options->syslog);
}
