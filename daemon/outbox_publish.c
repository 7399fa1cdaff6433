/* Publishing: what was committed leaves by every way, is marked, and is sent again where it could not leave. */
#include <time.h>

#include "outbox_inside.h"
#include "outbox_lines.h"

#define HEARTBEAT_EVERY (10 * BASE_SECOND)
#define STUCK_AFTER (3 * BASE_SECOND) /* a ledger that fails for longer is told to subscribers */
#define RESEND_WAIT (BASE_SECOND / 4)
#define RESEND_MOST 5 /* tries, then replay alone has the alert */
#define LOG_PATIENCE (10 * BASE_SECOND) /* a log that is behind for longer is broken, and no mark waits for it */
#define LOG_END_TRY (BASE_SECOND / 50)
#define LOG_END_TRIES 10 /* in a row that bring nothing */
#define LOG_END_MOST (2 * BASE_SECOND)

static void miss(struct outbox *outbox, uint64_t sequence, const char *way, enum base_result result)
{
	base_log(outbox->options.log, BASE_WARNING, "publish", "alert %llu could not leave by %s now: %s",
	         (unsigned long long)sequence, way, base_result_text(result));
	if (!outbox->missed)
		outbox->missed = sequence;
}

enum base_result outbox_publish(void *ctx, const struct ledger_message *message)
{
	struct outbox *outbox = ctx;
	if (message->sequence < outbox->resending) /* it left, and is not marked only because its line waits */
		return BASE_OK;
	if (!outbox->resending) /* First: who has the alert and asks for the status must not be told less. */
		status_set(outbox->options.board, STATUS_SEQUENCE, message->sequence);
	enum base_result result = publish_message(outbox->options.publish, message);
	if (result)
		miss(outbox, message->sequence, "ZeroMQ", result);
	result = outbox_log_alert(&outbox->options, message);
	if (result)
		miss(outbox, message->sequence, "the log", result);
	if (outbox->resending)
		return BASE_OK; /* counted before, and the file keeps its own account of what it misses */
	if (outbox->options.file)
		publish_file_alert(outbox->options.file, message);
	outbox_count_alert(outbox->options.board, message->topic);
	if (outbox->received != BASE_TIME_NONE && !message->read_back)
		status_time(outbox->options.board, STATUS_ALERT_LATENCY, outbox_now(outbox) - outbox->received);
	return BASE_OK;
}

/*
 * What left by every way is marked. A line that waits in the log's queue has not left: a crash would lose it, so the
 * mark stays before it, and the next start sends it again.
 */
static void mark(struct outbox *outbox, bool ending)
{
	uint64_t sequence = ledger_sequence(outbox->options.ledger);
	base_time now = outbox_now(outbox);
	if (!outbox_logs_wait(&outbox->options)) {
		outbox->logs_wait_since = BASE_TIME_NONE;
		outbox->logged = sequence;
	} else {
		if (outbox->logs_wait_since == BASE_TIME_NONE)
			outbox->logs_wait_since = now;
		if (ending || now - outbox->logs_wait_since > LOG_PATIENCE)
			outbox->logged = sequence;
	}
	uint64_t left = outbox->missed ? outbox->missed - 1 : sequence;
	enum base_result result = ledger_published(outbox->options.ledger, left < outbox->logged ? left : outbox->logged);
	if (result) /* harmless: after a crash the last ones are sent twice */
		base_log(outbox->options.log, BASE_WARNING, "ledger", "what was published could not be marked: %s",
		         base_result_text(result));
}

void outbox_serve_logs(struct outbox *outbox)
{
	if (outbox_logs_wait(&outbox->options))
		(void)outbox_flush_logs(&outbox->options);
	if (outbox->logs_wait_since != BASE_TIME_NONE)
		mark(outbox, false);
}

void outbox_end_logs(struct outbox *outbox)
{
	base_time until = outbox_now(outbox) + LOG_END_MOST;
	size_t least = SIZE_MAX;
	for (unsigned tries = 0; tries < LOG_END_TRIES && outbox_now(outbox) < until; tries++) {
		size_t waiting = outbox_logs_wait(&outbox->options);
		if (!waiting)
			break;
		if (waiting < least)
			tries = 0;
		least = waiting;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOG_END_TRY * (1000000000 / BASE_SECOND)}, NULL);
		(void)outbox_flush_logs(&outbox->options);
	}
	mark(outbox, true);
}

void outbox_after_publishing(struct outbox *outbox)
{
	uint64_t sequence = ledger_sequence(outbox->options.ledger);
	publish_set_sequence(outbox->options.publish, sequence);
	status_set(outbox->options.board, STATUS_SEQUENCE, sequence);
	outbox->options.published(outbox->options.ctx);
	mark(outbox, false);
	if (outbox->missed && !outbox->resends)
		outbox->resend_at = outbox_now(outbox) + RESEND_WAIT;
}

enum base_result outbox_follow(struct outbox *outbox)
{
	uint64_t before = ledger_sequence(outbox->options.ledger);
	bool more = false;
	enum base_result result = ledger_follow(outbox->options.ledger, outbox_publish, outbox, &more);
	if (ledger_sequence(outbox->options.ledger) != before)
		outbox_after_publishing(outbox);
	outbox->more_to_follow = more && !result;
	return result;
}

/* What was missed is not marked published, so the ledger gives it again, with all that came after. */
void outbox_resend(struct outbox *outbox, base_time now)
{
	uint64_t missed = outbox->missed;
	outbox->resends++;
	outbox->missed = 0;
	outbox->resending = missed;
	enum base_result result = ledger_unpublished(outbox->options.ledger, outbox_publish, outbox);
	outbox->resending = 0;
	if (result && !outbox->missed)
		outbox->missed = missed;
	if (!outbox->missed) {
		base_log(outbox->options.log, BASE_NOTICE, "publish", "sent again from alert %llu on", (unsigned long long)missed);
	} else if (outbox->resends >= RESEND_MOST) {
		base_log(outbox->options.log, BASE_ERROR, "publish", "alert %llu is given up here; replay has it",
		         (unsigned long long)outbox->missed);
		outbox->missed = 0;
	}
	outbox->resend_at = now + RESEND_WAIT;
	outbox_after_publishing(outbox);
	if (!outbox->missed)
		outbox->resends = 0;
}

void outbox_heartbeat(struct outbox *outbox, base_time now)
{
	const struct status_board *board = outbox->options.board;
	struct publish_health health = {
	    .sequence = ledger_sequence(outbox->options.ledger),
	    .feeds = (size_t)status_get(board, STATUS_FEEDS),
	    .failing = (size_t)status_get(board, STATUS_FEEDS_FAILING),
	    .stuck = outbox->trouble.count && now - outbox->trouble.since > STUCK_AFTER,
	    .now = base_clock_wall(outbox->options.clock),
	};
	(void)publish_heartbeat(outbox->options.publish, &health);
	uint64_t unlogged = outbox_flush_logs(&outbox->options);
	struct publish_counts counts = publish_counts(outbox->options.publish);
	status_set(outbox->options.board, STATUS_SUBSCRIBERS, counts.subscribers);
	status_set(outbox->options.board, STATUS_PUBLISH_DROPPED, counts.dropped);
	status_set(outbox->options.board, STATUS_SYSLOG_DROPPED, unlogged);
	if (outbox->options.file)
		status_set(outbox->options.board, STATUS_FILE_MISSING, publish_file_missing(outbox->options.file));
	outbox->next_heartbeat = now + HEARTBEAT_EVERY;
}

/* ---- at the start ---------------------------------------------------------------- */

static enum base_result restore_sketch(void *ctx, struct base_span sketch)
{
	struct outbox *outbox = ctx;
	if (alert_stories_restore(outbox->options.stories, sketch) == BASE_DAMAGED)
		base_log(outbox->options.log, BASE_WARNING, "ledger", "a stored story sketch is unreadable and was left out");
	return BASE_OK;
}

enum base_result outbox_restore(struct outbox *outbox, struct base_error *err)
{
	ledger_use_stories(outbox->options.ledger, outbox->options.stories);
	base_time since = base_clock_wall(outbox->options.clock) - alert_stories_reach(outbox->options.story_window);
	enum base_result result = ledger_sketches(outbox->options.ledger, since, restore_sketch, outbox);
	if (result)
		return base_fail(err, result, "the stories cannot be read back from the ledger: %s", base_result_text(result));
	result = ledger_unpublished(outbox->options.ledger, outbox_publish, outbox);
	if (result)
		return base_fail(err, result, "what was left unpublished cannot be read from the ledger: %s", base_result_text(result));
	outbox_after_publishing(outbox);
	status_set(outbox->options.board, STATUS_EPOCH, ledger_epoch(outbox->options.ledger));
	status_set(outbox->options.board, STATUS_LAST_COMMIT_OK, 1);
	return BASE_OK;
}
