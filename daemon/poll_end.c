/* The end of a poll: what is stored, said, shown and planned. */
#include "poll_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPLANATION_MAX 256
#define WRITTEN_AFRESH (6 * BASE_HOUR)

base_time poll_wall(const struct poll *poll)
{
	return base_clock_wall(poll->context->options.clock);
}

struct base_log *poll_log(const struct poll *poll)
{
	return poll->context->options.log;
}

void poll_free(struct poll *poll)
{
	for (size_t i = 0; i < poll->alert_count; i++)
		alert_free(poll->alerts[i]);
	free(poll->alerts);
	free(poll->entries);
	free(poll->known);
	free(poll->dates);
	feed_free(poll->document);
	feed_familiar_free(poll->familiar);
	plan_feed_free(poll->next);
	base_buf_free(&poll->learned);
	free(poll->moved_to);
	free(poll->etag);
	free(poll->last_modified);
	free(poll);
}

static void end(struct poll *poll)
{
	struct poll_context *context = poll->context;
	struct poll_feed *feed = poll->feed;
	feed->poll = NULL;
	poll_free(poll);
	context->ended(feed);
}

enum base_result poll_submit(struct poll *poll)
{
	poll->job.reply_to = poll->context->inbox;
	poll->job.result = BASE_OK;
	enum base_result result = outbox_submit(poll->context->options.outbox, &poll->job);
	if (!result)
		poll->context->jobs_out++;
	return result;
}

/* ---- what is planned and stored -------------------------------------------------- */

/* xorshift64* (Vigna 2016): nobody gains by guessing it, and the system's random numbers are a system call each. */
double poll_chance(struct poll_context *context)
{
	uint64_t state = context->chance;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	context->chance = state;
	return (double)((state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) / 4294967296.0;
}

static void plan_ahead(struct poll *poll)
{
	poll->outcome.started = plan_feed_state(poll->feed->plan)->last_start;
	if (poll->outcome.ended < poll->outcome.started)
		poll->outcome.ended = poll->outcome.started;
	poll->outcome.fixed_interval = poll->feed->conf->interval;
	poll->events = plan_next(poll->context->fleet, poll->feed->slot, poll->next, &poll->outcome,
	                         poll_chance(poll->context));
	poll->excused = plan_fleet_outage(poll->context->fleet) && !(poll->events & PLAN_EVENT_OUTAGE);
}

static bool is_fresh(const struct poll *poll)
{
	return poll->outcome.outcome == PLAN_NEW || poll->outcome.outcome == PLAN_UNCHANGED;
}

/*
 * The reply's validators stand for what was taken in. A document without its
 * end is read, but a 304 must not stand for the rest of it.
 */
static bool is_whole(const struct poll *poll)
{
	return is_fresh(poll) && !(poll->document && poll->document->truncated);
}

/* Another address is asked from now on, for which the validators mean nothing. */
static bool is_moved(const struct poll *poll)
{
	return poll->events & (PLAN_EVENT_MOVED | PLAN_EVENT_MOVED_BACK);
}

/* The feed as it is to be stored: the reply's validators, or the old ones where nothing was taken in. */
static void describe_feed(const struct poll *poll, struct ledger_feed *out)
{
	const struct poll_feed *feed = poll->feed;
	bool known = poll->outcome.outcome == PLAN_NOT_MODIFIED, whole = is_whole(poll);
	/* RFC 9111 section 4.3.4: a 304 updates the validators it carries; a 200 replaces the pair. */
	out->url = feed->conf->url;
	out->id = feed->id;
	if (!is_moved(poll)) {
		out->etag = whole || (known && poll->etag) ? poll->etag : feed->etag;
		out->last_modified = whole || (known && poll->last_modified) ? poll->last_modified : feed->last_modified;
	}
	out->body = whole ? poll->body : feed->body;
	out->plan = *plan_feed_state(poll->next);
	out->learned = base_buf_span(&poll->learned);
	out->polled = feed->polled || is_fresh(poll);
	out->newest = feed->newest;
	for (size_t i = 0; poll->entries && i < poll->document->entry_count; i++)
		if (poll->entries[i].published > out->newest)
			out->newest = poll->entries[i].published;
}

static void replace(char **kept, char **fresh)
{
	free(*kept);
	*kept = *fresh;
	*fresh = NULL;
}

/* The feed goes on as poll->next has it. */
static void take_plan(struct poll *poll)
{
	struct poll_feed *feed = poll->feed;
	poll_feed_count(poll->context, feed, false);
	plan_feed_free(feed->plan);
	feed->plan = poll->next;
	poll->next = NULL;
	poll_feed_count(poll->context, feed, true);
	if (poll->events & PLAN_EVENT_PAUSED)
		plan_host_pause(&feed->host->pace, plan_feed_paused(feed->plan));
}

static void update_feed(struct poll *poll)
{
	struct poll_feed *feed = poll->feed;
	bool known = poll->outcome.outcome == PLAN_NOT_MODIFIED, whole = is_whole(poll), moved = is_moved(poll);
	char *none[2] = {NULL, NULL};
	if (moved || whole || (known && poll->etag))
		replace(&feed->etag, moved ? &none[0] : &poll->etag);
	if (moved || whole || (known && poll->last_modified))
		replace(&feed->last_modified, moved ? &none[1] : &poll->last_modified);
	if (whole)
		feed->body = poll->body;
	if (poll->entries)
		feed->newest = poll->job.commit.batch.feed.newest;
	feed->polled = feed->polled || is_fresh(poll);
	feed->id = poll->feed_id;
	feed->written = poll->job.commit.batch.now;
	if (poll->document)
		feed->entries = poll->document->entry_count + poll->document->left_out;
	if (poll->document && whole) { /* else there is none: the feed's was dropped when the document was read */
		feed->familiar = poll->familiar;
		poll->familiar = NULL;
	}
	take_plan(poll);
}

/* ---- what is said ------------------------------------------------------------------ */

static void say_failure(struct poll *poll)
{
	struct poll_feed *feed = poll->feed;
	if (poll->excused) {
		base_log(poll_log(poll), BASE_DEBUG, feed->conf->name, "%s", poll->reason);
		return;
	}
	if (!base_complain(&feed->complaint, poll_wall(poll)))
		return;
	if (feed->complaint.count == 1)
		base_log(poll_log(poll), BASE_WARNING, feed->conf->name, "%s", poll->reason);
	else
		base_log(poll_log(poll), BASE_WARNING, feed->conf->name, "%s (failed %llu times in a row)", poll->reason,
		         (unsigned long long)feed->complaint.count);
}

static void say_recovery(struct poll *poll)
{
	uint64_t failures = base_recover(&poll->feed->complaint);
	if (failures)
		base_log(poll_log(poll), BASE_NOTICE, poll->feed->conf->name, "recovered after %llu failed polls",
		         (unsigned long long)failures);
}

static void say_pause(const struct poll *poll)
{
	char until[BASE_RFC3339_LEN];
	const struct poll_feed *feed = poll->feed;
	base_time_format(plan_feed_paused(feed->plan), false, until);
	base_log(poll_log(poll), BASE_NOTICE, feed->conf->name, "asks to stay away until %s (HTTP status %ld)%s", until,
	         poll->http_status, feed->host->pace.public ? "; so do we, from all of its host" : "");
}

static void say_address(const struct poll *poll)
{
	struct base_buf url;
	const char *address = plan_feed_address(poll->feed->plan);
	base_buf_init(&url, 8192);
	if (!address)
		base_log(poll_log(poll), BASE_WARNING, poll->feed->conf->name,
		         "the address it had moved to does not work: the configured one is asked again");
	else if (!fetch_public_url(address, &url))
		base_log(poll_log(poll), BASE_NOTICE, poll->feed->conf->name,
		         "has moved for good and is polled at %s from now on; the configuration should say so", url.data);
	base_buf_free(&url);
}

static void say_events(const struct poll *poll)
{
	static const struct {
		unsigned event;
		enum base_level level;
		const char *text;
	} texts[] = {
	    {PLAN_EVENT_STALE, BASE_WARNING, "stale: nothing new for longer than its own rate makes likely"},
	    {PLAN_EVENT_FRESH, BASE_NOTICE, "no longer stale"},
	    {PLAN_EVENT_ENDED, BASE_ERROR,
	     "gone for good (HTTP status 410): not polled any more, take it out of the configuration"},
	    {PLAN_EVENT_OVERRIDE, BASE_NOTICE, "its interval is shorter than what the publisher asks for"},
	    {PLAN_EVENT_OUTAGE, BASE_WARNING, "no host answers any more: no feed is blamed for it until one does"},
	    {PLAN_EVENT_NETWORK, BASE_NOTICE, "hosts answer again"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (poll->events & texts[i].event)
			base_log(poll_log(poll), texts[i].level,
			         texts[i].event & (PLAN_EVENT_OUTAGE | PLAN_EVENT_NETWORK) ? "network" : poll->feed->conf->name, "%s",
			         texts[i].text);
	if (poll->events & PLAN_EVENT_PAUSED)
		say_pause(poll);
	if (is_moved(poll))
		say_address(poll);
}

/* ---- what is shown ------------------------------------------------------------------- */

void poll_feed_count(const struct poll_context *context, const struct poll_feed *feed, bool in)
{
	static const enum status_number numbers[] = {
	    [PLAN_FAILING] = STATUS_FEEDS_FAILING,
	    [PLAN_PAUSED] = STATUS_FEEDS_PAUSED,
	    [PLAN_STALE] = STATUS_FEEDS_STALE,
	    [PLAN_ENDED] = STATUS_FEEDS_ENDED,
	};
	enum plan_health health = plan_feed_health(feed->plan);
	if (health != PLAN_WELL)
		status_add(context->options.board, numbers[health], in ? 1 : UINT64_MAX); /* +1 or -1 */
}

void poll_feed_show(const struct poll_context *context, const struct poll_feed *feed, const struct poll_result *last)
{
	const struct plan_state *state = plan_feed_state(feed->plan);
	struct base_buf plan;
	if (!status_wants_feeds(context->options.board))
		return;
	base_buf_init(&plan, EXPLANATION_MAX);
	(void)plan_feed_explain(feed->plan, &plan);
	struct status_feed shown = {
	    .url = feed->conf->url,
	    .name = feed->conf->name,
	    .result = last->result,
	    .reason = last->reason,
	    .failure = last->failure,
	    .state = plan_health_text(plan_feed_health(feed->plan)),
	    .plan = plan.data,
	    .last_poll = state->last_start,
	    .next_poll = state->next_due,
	    .failures = state->failures,
	    .took = last->took,
	    .http_status = last->http_status,
	    .entries = feed->entries,
	};
	(void)status_feed_set(context->options.board, &shown);
	base_buf_free(&plan);
}

static void show(const struct poll *poll)
{
	static const enum status_number polls[] = {
	    [PLAN_NEW] = STATUS_POLLS_NEW,
	    [PLAN_UNCHANGED] = STATUS_POLLS_UNCHANGED,
	    [PLAN_NOT_MODIFIED] = STATUS_POLLS_NOT_MODIFIED,
	    [PLAN_FAILED] = STATUS_POLLS_ERROR,
	};
	static const char *const results[] = {"new", "unchanged", "not_modified", "error"};
	status_add(poll->context->options.board, polls[poll->outcome.outcome], 1);
	const struct poll_result last = {
	    .result = results[poll->outcome.outcome],
	    .reason = poll->reason,
	    .failure = poll->outcome.outcome == PLAN_FAILED ? plan_failure_text(poll->outcome.failure) : "",
	    .http_status = poll->http_status,
	    .took = poll->received != BASE_TIME_NONE ? poll->received - poll->asked : BASE_TIME_NONE,
	};
	poll_feed_show(poll->context, poll->feed, &last);
}

/* ---- the end --------------------------------------------------------------------------- */

/* Say and show how the poll ended, then end it. */
static void conclude(struct poll *poll)
{
	if (poll->outcome.outcome != PLAN_CANCELLED) {
		say_events(poll);
		if (poll->outcome.outcome != PLAN_FAILED)
			say_recovery(poll);
		else if (!(poll->events & (PLAN_EVENT_PAUSED | PLAN_EVENT_ENDED)))
			say_failure(poll);
		show(poll);
	}
	end(poll);
}

void poll_not_stored(struct poll *poll, const char *why)
{
	struct plan_feed *again;
	if (!plan_feed_copy(poll->feed->plan, &again)) { /* what this poll taught is not to be remembered */
		plan_feed_free(poll->next);
		poll->next = again;
	}
	if (poll->outcome.outcome != PLAN_CANCELLED) {
		poll->outcome = (struct plan_poll){.outcome = PLAN_FAILED, .failure = PLAN_OTHER};
		(void)snprintf(poll->reason, sizeof poll->reason, "cannot be stored: %s", why);
	}
	unsigned said = poll->events & (PLAN_EVENT_OUTAGE | PLAN_EVENT_NETWORK);
	plan_ahead(poll);
	poll->events |= said; /* by what was planned when it was to be stored */
	take_plan(poll);
	conclude(poll);
}

static bool differs(const char *fresh, const char *kept)
{
	return fresh && (!kept || strcmp(fresh, kept) != 0);
}

/*
 * Nothing has to be stored but that the feed was polled: it is known to the
 * ledger, was well and is, and says what it said before. Now and then it is
 * stored whole all the same, for what was learned of its silence; and when its
 * next poll is further away than touches are kept.
 */
static bool brought_nothing(const struct poll *poll)
{
	const struct poll_feed *feed = poll->feed;
	base_time now = poll_wall(poll);
	bool whole = is_whole(poll);
	if (poll->outcome.outcome != PLAN_NOT_MODIFIED && poll->outcome.outcome != PLAN_UNCHANGED)
		return false;
	if (!feed->id || !feed->polled || poll->events || poll->full || plan_feed_learned(feed->plan, poll->next))
		return false;
	if (differs(poll->etag, feed->etag) || differs(poll->last_modified, feed->last_modified) ||
	    (whole && ((feed->etag && !poll->etag) || (feed->last_modified && !poll->last_modified))))
		return false;
	base_time wait = plan_feed_state(poll->next)->next_due - now;
	return feed->written <= now && now - feed->written < WRITTEN_AFRESH && wait < LEDGER_POLLS_KEPT / 2;
}

void poll_commit(struct poll *poll)
{
	plan_ahead(poll);
	if (brought_nothing(poll) && !poll_touch(poll->context, poll->feed, plan_feed_state(poll->next))) {
		take_plan(poll);
		conclude(poll);
		return;
	}
	if (plan_feed_store(poll->next, &poll->learned)) {
		poll_not_stored(poll, base_result_text(BASE_NO_MEMORY));
		return;
	}
	poll->job.kind = OUTBOX_COMMIT;
	memset(&poll->job.commit, 0, sizeof poll->job.commit);
	describe_feed(poll, &poll->job.commit.batch.feed);
	poll->job.commit.batch.entries = poll->entries;
	poll->job.commit.batch.entry_count = poll->entries ? poll->document->entry_count : 0;
	poll->job.commit.batch.alerts = poll->alerts;
	poll->job.commit.batch.alert_count = poll->alert_count;
	poll->job.commit.batch.now = poll_wall(poll);
	poll->job.commit.batch.id = &poll->feed_id;
	poll->job.commit.batch.lease = poll->lease;
	poll->job.commit.received = poll->received;
	if (poll_submit(poll))
		poll_not_stored(poll, "the outbox takes no more");
}

void poll_committed(struct poll *poll)
{
	if (poll->job.result == BASE_STOPPED || poll->job.result == BASE_LOST) { /* whoever has the feed now polls it again */
		end(poll);
	} else if (poll->job.result) {
		poll_not_stored(poll, base_result_text(poll->job.result));
	} else {
		update_feed(poll);
		conclude(poll);
	}
}

void poll_fail(struct poll *poll, enum plan_failure failure, const char *reason)
{
	poll->outcome.outcome = PLAN_FAILED;
	poll->outcome.failure = failure;
	(void)snprintf(poll->reason, sizeof poll->reason, "%s", reason);
	poll_commit(poll);
}
