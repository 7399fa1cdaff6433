/* The outbox thread: look up, commit, then publish. */
#include <stdlib.h>
#include <string.h>

#include "outbox_inside.h"
#include "outbox_lines.h"
#include "share.h"

#define COMMIT_ALERTS 1000 /* alerts in one transaction, unless one batch has more */
#define PLACE_TIME (BASE_SECOND / 20)
#define ANSWER_TIME BASE_SECOND
#define PRUNE_EVERY BASE_HOUR
#define FOLLOW_EVERY (2 * BASE_SECOND) /* without a word from other nodes */
#define RETRY_FIRST (BASE_SECOND / 4)
#define RETRY_MOST (5 * BASE_SECOND)
#define LOG_RETRY (BASE_SECOND / 20)    /* how often a full log socket is tried again */
/*
 * Polls that bring no alert are in no hurry: with so many in one transaction, or after so long, what a sync costs is
 * shared by more of them. An alert takes those before it along at once.
 */
#define GATHERED 32
#define GATHER_FOR (BASE_SECOND / 20)
#define BACKUP_MAX BASE_HOUR /* longer it is taken for hung */
#define STOP_LOOK (BASE_SECOND / 50) /* how often a stopping outbox looks whether it is done */
#define STOP_PATIENCE (3 * BASE_SECOND) /* how long a failing ledger may hold up a stop */

/* ---- the ledger in trouble ---------------------------------------------- */

static void complain(struct outbox *outbox, const char *what)
{
	base_time now = outbox_now(outbox);
	if (base_complain(&outbox->trouble, now))
		base_log(outbox->options.log, BASE_ERROR, "ledger", "%s; polls wait, nothing is lost, trying again", what);
	status_set_trouble(outbox->options.board, what);
	status_set(outbox->options.board, STATUS_LAST_COMMIT_OK, 0);
	atomic_store(&outbox->stuck, true);
	outbox->retry_wait = outbox->retry_wait ? outbox->retry_wait * 2 : RETRY_FIRST;
	if (outbox->retry_wait > RETRY_MOST)
		outbox->retry_wait = RETRY_MOST;
	outbox->retry_at = now + outbox->retry_wait;
}

static void recovered(struct outbox *outbox)
{
	base_time since = outbox->trouble.since;
	uint64_t failures = base_recover(&outbox->trouble);
	outbox->retry_wait = 0;
	if (!failures)
		return;
	base_log(outbox->options.log, BASE_NOTICE, "ledger", "recovered after %lld s and %llu failed attempts",
	         (long long)((outbox_now(outbox) - since) / BASE_SECOND), (unsigned long long)failures);
	status_set_trouble(outbox->options.board, NULL);
	status_set(outbox->options.board, STATUS_LAST_COMMIT_OK, 1);
	atomic_store(&outbox->stuck, false);
}

/*
 * Whether it is the ledger's trouble, so that everything waits: also a ledger
 * damaged while it runs, for what cannot be stored must not be polled either.
 * Else it lies with the job alone.
 */
static bool of_ledger(enum base_result result)
{
	return result && result != BASE_INVALID && result != BASE_LIMIT && result != BASE_NOT_FOUND && result != BASE_LOST &&
	       result != BASE_CHANGED;
}

/* ---- jobs ----------------------------------------------------------------- */

static void answer(struct outbox_job *job, enum base_result result)
{
	job->result = result;
	/* The poller made its queue large enough for all its jobs. */
	(void)base_queue_push(job->reply_to, job);
}

/*
 * Give alerts their stories, job by job, for a bounded time, so that a flood
 * of them does not keep subscribers waiting. *ready: how many of the first
 * jobs have all of theirs and go into one transaction.
 */
static enum base_result place_alerts(struct outbox *outbox, size_t *ready)
{
	base_time until = outbox_now(outbox) + PLACE_TIME;
	size_t alerts = 0;
	for (*ready = 0; *ready < outbox->group_count; ++*ready) {
		struct outbox_job *job = outbox->group[*ready];
		const struct ledger_batch *batch = &job->commit.batch;
		for (size_t i = 0; i < batch->alert_count; i++) {
			if (outbox_now(outbox) > until)
				return BASE_OK;
			/* One placed by an attempt before stays where it is. */
			enum base_result result = alert_stories_place(outbox->options.stories, batch->alerts[i]);
			if (result)
				return *ready ? BASE_OK : result;
		}
		alerts += batch->alert_count;
		if (*ready && alerts > COMMIT_ALERTS)
			return BASE_OK;
	}
	return BASE_OK;
}

/* By which a batch is known that was stored, though the answer was lost. */
static void number(struct ledger_batch *batch)
{
	while (!batch->number)
		if (base_random(&batch->number, sizeof batch->number))
			return; /* then it is stored twice at worst, as after a crash */
}

/* Store and publish the first count jobs of the group, all of them commits with their alerts placed. */
static enum base_result commit(struct outbox *outbox, size_t count, struct base_error *err)
{
	struct ledger_batch batches[OUTBOX_GROUP_MAX];
	outbox->received = BASE_TIME_NONE;
	size_t alerts = 0;
	for (size_t i = 0; i < count; i++) {
		if (ledger_is_shared(outbox->options.ledger)) /* no other ledger's answer can be lost */
			number(&outbox->group[i]->commit.batch);
		batches[i] = outbox->group[i]->commit.batch;
		alerts += batches[i].alert_count;
		if (batches[i].alert_count)
			outbox->received = outbox->group[i]->commit.received;
	}
	base_time started = outbox_now(outbox);
	enum base_result result = ledger_commit(outbox->options.ledger, batches, count, outbox_publish, outbox, err);
	if (result)
		return result;
	status_time(outbox->options.board, STATUS_COMMIT_TIME, outbox_now(outbox) - started);
	status_add(outbox->options.board, STATUS_COMMITS, 1);
	if (alerts)
		outbox_after_publishing(outbox);
	return BASE_OK;
}

static void answer_first(struct outbox *outbox, enum base_result result)
{
	answer(outbox->group[0], result);
	memmove(outbox->group, outbox->group + 1, --outbox->group_count * sizeof outbox->group[0]);
}

/* Alerts that are never stored must not stay in the stories: those of all others are placed again. */
static void refuse_first(struct outbox *outbox, enum base_result result)
{
	alert_stories_withdraw(outbox->options.stories);
	answer_first(outbox, result);
}

/* What was polled under a lease that is gone is refused, all of it: the feeds are polled by another node. */
static void refuse_lease(struct outbox *outbox, uint64_t lease)
{
	size_t kept = 0, count = outbox->group_count;
	alert_stories_withdraw(outbox->options.stories);
	for (size_t i = 0; i < count; i++) {
		struct outbox_job *job = outbox->group[i];
		if (job->kind == OUTBOX_COMMIT && job->commit.batch.lease == lease)
			answer(job, BASE_LOST);
		else
			outbox->group[kept++] = job;
	}
	outbox->group_count = kept;
}

/*
 * A group that cannot be stored for a lasting reason is tried batch by batch, so that one cannot hold up all. After the
 * first that is refused the others make a group again.
 */
static enum base_result commit_singly(struct outbox *outbox, size_t count, struct base_error *err)
{
	while (count--) {
		enum base_result result = commit(outbox, 1, err);
		if (of_ledger(result))
			return result;
		if (result == BASE_CHANGED)
			return BASE_OK;
		if (result == BASE_LOST) {
			refuse_lease(outbox, outbox->group[0]->commit.batch.lease);
			return BASE_OK;
		}
		if (result) {
			base_log(outbox->options.log, BASE_ERROR, outbox->group[0]->commit.batch.feed.url, "cannot be stored: %s",
			         err->text);
			refuse_first(outbox, result);
			return BASE_OK;
		}
		answer_first(outbox, BASE_OK);
	}
	return BASE_OK;
}

static enum base_result read_again(struct outbox *outbox, struct outbox_job *job)
{
	struct ledger *ledger = outbox->options.ledger;
	enum base_result result = ledger_replay(ledger, job->replay.after, base_span_of(job->replay.topic), job->replay.limit,
	                                        job->replay.each, job->replay.ctx, &job->replay.more);

	job->replay.latest = ledger_sequence(ledger);
	if (!result && job->replay.after > job->replay.latest)
		result = ledger_latest(ledger, &job->replay.latest);
	return result;
}

/* For a bounded time: with a slow database the membership of the node must not run out meanwhile. */
static enum base_result answer_questions(struct outbox *outbox)
{
	base_time until = outbox_now(outbox) + ANSWER_TIME;
	size_t kept = 0;
	enum base_result failed = BASE_OK;
	outbox->unanswered = false;
	for (size_t i = 0; i < outbox->group_count; i++) {
		struct outbox_job *job = outbox->group[i];
		enum base_result result = BASE_OK;
		if (job->kind != OUTBOX_COMMIT && outbox_now(outbox) > until) {
			outbox->unanswered = true;
			outbox->group[kept++] = job;
			continue;
		}
		if (failed == BASE_NETWORK && job->kind != OUTBOX_REPLAY) /* all would, one by one, each with its line in the log */
			result = failed;
		else if (job->kind == OUTBOX_RECALL)
			result = outbox_recall(outbox, job);
		else if (job->kind == OUTBOX_LOOK_UP)
			result = ledger_look_up(outbox->options.ledger, job->look_up.url, job->look_up.entries, job->look_up.count,
			                        job->look_up.known);
		else if (job->kind == OUTBOX_TOUCH)
			result = ledger_touch(outbox->options.ledger, job->touch.polls, job->touch.count, job->touch.now);
		else if (job->kind == OUTBOX_REPLAY)
			result = read_again(outbox, job);
		bool again = of_ledger(result) && job->kind != OUTBOX_REPLAY;
		if (again)
			failed = result;
		if (job->kind == OUTBOX_COMMIT || again)
			outbox->group[kept++] = job;
		else
			answer(job, result);
	}
	outbox->group_count = kept;
	return failed;
}

static enum base_result commit_group(struct outbox *outbox, struct base_error *err)
{
	size_t count;
	outbox->gather_until = BASE_TIME_NONE;
	enum base_result result = place_alerts(outbox, &count);
	if (result && !of_ledger(result)) { /* the first job's own fault */
		base_log(outbox->options.log, BASE_ERROR, outbox->group[0]->commit.batch.feed.url, "has an alert no story can take: %s",
		         base_result_text(result));
		refuse_first(outbox, result);
		return BASE_OK;
	}
	if (result)
		return base_fail(err, result, "cannot group alerts into stories: %s", base_result_text(result));
	if (!count)
		return BASE_OK;
	result = commit(outbox, count, err);
	if (result == BASE_CHANGED) { /* the next round follows, places them again, and tries again */
		outbox->next_follow = 0;
		return BASE_OK;
	}
	if (result)
		return of_ledger(result) ? result : commit_singly(outbox, count, err);
	while (count--)
		answer_first(outbox, BASE_OK);
	return BASE_OK;
}

/* ---- the thread -------------------------------------------------------------- */

static void take_jobs(struct outbox *outbox)
{
	while (outbox->group_count < OUTBOX_GROUP_MAX) {
		struct outbox_job *job = base_queue_pop(outbox->queue);
		if (!job)
			return;
		if (job != &outbox->wake_mark)
			outbox->group[outbox->group_count++] = job;
	}
}

/* Whether the group, all of it commits, is to wait for more. */
static bool gathers(struct outbox *outbox)
{
	base_time now = outbox_now(outbox);
	if (!outbox->group_count || outbox->group_count >= GATHERED || outbox->trouble.count ||
	    atomic_load(&outbox->stopping) || atomic_load(&outbox->hurrying))
		return false;
	for (size_t i = 0; i < outbox->group_count; i++)
		if (outbox->group[i]->commit.batch.alert_count)
			return false;
	if (outbox->gather_until == BASE_TIME_NONE)
		outbox->gather_until = now + GATHER_FOR;
	return now < outbox->gather_until;
}

static void work(struct outbox *outbox)
{
	struct base_error err;
	take_jobs(outbox);
	if (!outbox->group_count)
		return;
	enum base_result result = answer_questions(outbox);
	if (result)
		(void)base_fail(&err, result, "cannot be read: %s", ledger_reason(outbox->options.ledger));
	else if (outbox->unanswered || gathers(outbox))
		return;
	else
		result = commit_group(outbox, &err);
	if (result)
		complain(outbox, err.text);
	else
		recovered(outbox);
}

static void prune(struct outbox *outbox, base_time now)
{
	bool more = false;
	enum base_result result = ledger_prune(outbox->options.ledger, base_clock_wall(outbox->options.clock), &more);
	if (result)
		base_log(outbox->options.log, BASE_WARNING, "ledger", "old entries could not be removed: %s", base_result_text(result));
	outbox->next_prune = now + (more && !result ? BASE_SECOND : PRUNE_EVERY);
}

static base_time next_wake(const struct outbox *outbox, base_time now)
{
	if (atomic_load(&outbox->stopping) || atomic_load(&outbox->hurrying)) /* the mark that woke us may be taken already */
		return STOP_LOOK;
	bool waiting = outbox->gather_until != BASE_TIME_NONE && !outbox->trouble.count && !outbox->unanswered;
	if (outbox->group_count && !outbox->trouble.count && !waiting) /* alerts are still to be placed, say */
		return 0;
	base_time wait = BASE_DAY;
	if (outbox_logs_wait(&outbox->options)) /* the reader was slow: the rest must not wait for the heartbeat */
		wait = LOG_RETRY;
	if (outbox->file_wait != BASE_TIME_NONE && outbox->file_wait < wait)
		wait = outbox->file_wait;
	base_time at = outbox->next_heartbeat < outbox->next_prune ? outbox->next_heartbeat : outbox->next_prune;
	if (waiting && outbox->gather_until < at)
		at = outbox->gather_until;
	if (outbox->trouble.count && outbox->retry_at < at)
		at = outbox->retry_at;
	if (outbox->missed && outbox->resend_at < at)
		at = outbox->resend_at;
	if (outbox->options.share && !outbox->trouble.count && share_wait(outbox->options.share) < wait)
		wait = share_wait(outbox->options.share);
	if (outbox->next_follow != BASE_TIME_NONE && !outbox->trouble.count && outbox->next_follow < at)
		at = outbox->next_follow;
	base_time due = at > now ? at - now : 0;
	return due < wait ? due : wait;
}

/* True when a stop was asked for and nothing is left to do, or the ledger has failed for too long since. */
static bool finished(struct outbox *outbox, base_time now)
{
	if (!atomic_load(&outbox->stopping))
		return false;
	if (!outbox->stop_deadline)
		outbox->stop_deadline = now + STOP_PATIENCE;
	return (!outbox->group_count && !base_queue_len(outbox->queue)) || (outbox->trouble.count && now > outbox->stop_deadline);
}

static void give_up_rest(struct outbox *outbox)
{
	do {
		take_jobs(outbox);
		while (outbox->group_count)
			answer_first(outbox, BASE_STOPPED);
	} while (base_queue_len(outbox->queue));
}

/* A stop is near and the ledger still fails: the pollers must get their jobs back to end. */
static bool hopeless(struct outbox *outbox, base_time now)
{
	if (!atomic_load(&outbox->hurrying))
		return false;
	if (!outbox->stop_deadline)
		outbox->stop_deadline = now + STOP_PATIENCE;
	return outbox->trouble.count && now > outbox->stop_deadline;
}

static void reload_keys(struct outbox *outbox)
{
	struct base_error err;
	if (publish_reload_keys(outbox->options.publish, &err))
		base_log(outbox->options.log, BASE_ERROR, "publish", "the subscribers' keys stay as they were: %s", err.text);
}

/* It is read through the connection that writes it: no other process can open the ledger while we live. */
static void back_up(struct outbox *outbox)
{
	struct base_error err;
	const char *path = outbox->options.backup_path;
	base_time started = outbox_now(outbox);
	atomic_store(&outbox->alive, started + BACKUP_MAX); /* no other sign of life until it is done */
	if (!path)
		base_log(outbox->options.log, BASE_ERROR, "backup", "this ledger is backed up by its database's own tools");
	else if (ledger_backup(outbox->options.ledger, path, &err))
		base_log(outbox->options.log, BASE_ERROR, "backup", "%s", err.text);
	else
		base_log(outbox->options.log, BASE_NOTICE, "backup", "%s holds everything up to sequence %llu, written in %lld ms",
		         path, (unsigned long long)ledger_sequence(outbox->options.ledger),
		         (long long)((outbox_now(outbox) - started) / (BASE_SECOND / 1000)));
}

static void follow_orders(struct outbox *outbox)
{
	unsigned orders = atomic_exchange(&outbox->orders, 0);
	if (orders & OUTBOX_RELOAD_KEYS)
		reload_keys(outbox);
	if ((orders & OUTBOX_REOPEN_FILE) && outbox->options.file)
		publish_file_reopen(outbox->options.file);
	if (orders & OUTBOX_BACK_UP)
		back_up(outbox);
}

/* What other nodes stored goes out here as well. Who says so may not be heard, so it is also looked up now and then. */
static void follow_others(struct outbox *outbox, base_time now)
{
	bool alerts, members = false;
	if (!ledger_is_shared(outbox->options.ledger) || (outbox->trouble.count && now < outbox->retry_at))
		return;
	enum base_result result = ledger_woken(outbox->options.ledger, &alerts, &members);
	outbox->members_changed = outbox->members_changed || members;
	if (!result && !alerts && now < outbox->next_follow)
		return;
	if (!result)
		result = outbox_follow(outbox);
	outbox->next_follow = now + (outbox->more_to_follow ? 0 : FOLLOW_EVERY);
	if (result)
		complain(outbox, ledger_reason(outbox->options.ledger));
	else if (!outbox->group_count && !base_queue_len(outbox->queue)) /* else whoever stores knows more */
		recovered(outbox);
}

/* The membership is kept up whatever else waits. */
static void keep_share(struct outbox *outbox, base_time now)
{
	if (!outbox->options.share || (outbox->trouble.count && now < outbox->retry_at))
		return;
	enum base_result result = share_serve(outbox->options.share, outbox->members_changed);
	outbox->members_changed = false;
	if (result)
		complain(outbox, ledger_reason(outbox->options.ledger));
}

/* A failing ledger makes jobs wait in the queue and has nothing to say: do not wake up for them. */
static void wait_for_news(struct outbox *outbox)
{
	int wake[2];
	size_t count = 0;
	if (!outbox->trouble.count) {
		int others = ledger_wake_fd(outbox->options.ledger);
		wake[count++] = base_queue_fd(outbox->queue);
		if (others >= 0)
			wake[count++] = others;
	}
	(void)publish_serve(outbox->options.publish, wake, count, next_wake(outbox, outbox_now(outbox)));
}

static void *run(void *arg)
{
	struct outbox *outbox = arg;
	for (base_time now = outbox_now(outbox); !finished(outbox, now); now = outbox_now(outbox)) {
		atomic_store(&outbox->alive, now);
		follow_orders(outbox);
		follow_others(outbox, now); /* first: stories are placed among what others have told already */
		if (!outbox->trouble.count || now >= outbox->retry_at)
			work(outbox);
		keep_share(outbox, now);
		if (outbox->missed && now >= outbox->resend_at)
			outbox_resend(outbox, now);
		if (hopeless(outbox, now))
			give_up_rest(outbox);
		if (now >= outbox->next_heartbeat)
			outbox_heartbeat(outbox, now);
		outbox_serve_logs(outbox);
		if (now >= outbox->next_prune && !outbox->trouble.count)
			prune(outbox, now);
		if (outbox->options.file)
			outbox->file_wait = publish_file_serve(outbox->options.file);
		wait_for_news(outbox);
	}
	give_up_rest(outbox);
	if (outbox->options.share)
		share_leave(outbox->options.share);
	outbox_heartbeat(outbox, outbox_now(outbox));
	outbox_end_logs(outbox);
	return NULL;
}

/* ---- the object ---------------------------------------------------------------- */

enum base_result outbox_new(const struct outbox_options *options, struct outbox **out, struct base_error *err)
{
	struct outbox *outbox = calloc(1, sizeof *outbox);
	if (!outbox)
		return base_fail(err, BASE_NO_MEMORY, "out of memory");
	outbox->options = *options;
	outbox->received = BASE_TIME_NONE;
	outbox->gather_until = BASE_TIME_NONE;
	outbox->file_wait = BASE_TIME_NONE;
	outbox->logs_wait_since = BASE_TIME_NONE;
	base_time now = outbox_now(outbox);
	outbox->next_heartbeat = now;
	outbox->next_prune = now + BASE_MINUTE;
	outbox->next_follow = ledger_is_shared(options->ledger) ? now : BASE_TIME_NONE;
	atomic_store(&outbox->alive, now);
	enum base_result result = base_queue_new(options->queue_max, &outbox->queue);
	if (result)
		(void)base_fail(err, result, "the outbox has no queue: %s", base_result_text(result));
	else
		result = outbox_restore(outbox, err);
	if (result) {
		outbox_free(outbox);
		return result;
	}
	*out = outbox;
	return BASE_OK;
}

enum base_result outbox_start(struct outbox *outbox)
{
	return base_thread_start(&outbox->thread, run, outbox);
}

void outbox_order(struct outbox *outbox, unsigned orders)
{
	(void)atomic_fetch_or(&outbox->orders, orders);
	(void)base_queue_push(outbox->queue, &outbox->wake_mark); /* full: it is awake anyway */
}

void outbox_hurry(struct outbox *outbox)
{
	atomic_store(&outbox->hurrying, true);
}

void outbox_stop(struct outbox *outbox)
{
	atomic_store(&outbox->stopping, true);
	(void)base_queue_push(outbox->queue, &outbox->wake_mark);
	(void)pthread_join(outbox->thread, NULL);
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	base_queue_free(outbox->queue);
	free(outbox);
}

enum base_result outbox_submit(struct outbox *outbox, struct outbox_job *job)
{
	return base_queue_push(outbox->queue, job);
}

base_time outbox_alive(const struct outbox *outbox)
{
	return atomic_load(&outbox->alive);
}

bool outbox_stuck(const struct outbox *outbox)
{
	return atomic_load(&outbox->stuck);
}
