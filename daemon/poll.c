/* One poll: request, document, what is new in it, alerts, batch. */
#include "poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 20) /* of an entry's plain text; the rules read no more */

struct poll {
	struct outbox_job job; /* first: a job that comes back is a poll */
	struct poll_context *context;
	struct poll_feed *feed;
	struct fetch_transfer *transfer; /* while under way */

	char *etag, *last_modified; /* what the reply said; NULL where it said nothing */
	struct feed_key body;
	struct plan_poll outcome;
	struct plan_state plan; /* after this poll */
	char reason[512];
	long http_status;
	base_time asked, received; /* monotonic */

	struct feed_document *document;
	struct ledger_known *known;
	struct ledger_entry *entries;
	struct alert **alerts;
	size_t alert_count, alert_cap;
};

static base_time wall(const struct poll *poll)
{
	return base_clock_wall(poll->context->options.clock);
}

static struct base_log *log_of(const struct poll *poll)
{
	return poll->context->options.log;
}

static void poll_free(struct poll *poll)
{
	for (size_t i = 0; i < poll->alert_count; i++)
		alert_free(poll->alerts[i]);
	free(poll->alerts);
	free(poll->entries);
	free(poll->known);
	feed_free(poll->document);
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

static enum base_result submit(struct poll *poll)
{
	poll->job.reply_to = poll->context->inbox;
	poll->job.result = BASE_OK;
	enum base_result result = outbox_submit(poll->context->options.outbox, &poll->job);
	if (!result)
		poll->context->jobs_out++;
	return result;
}

/* ---- the end of a poll: what is stored, said and planned --------------------- */

static double chance(void)
{
	uint32_t number = 0;
	(void)base_random(&number, sizeof number);
	return (double)number / 4294967296.0;
}

static void plan_ahead(struct poll *poll)
{
	const struct conf_settings *settings = poll->context->options.settings;
	struct plan_bounds bounds = {settings->poll.min, settings->poll.max};
	poll->outcome.started = poll->feed->plan.last_start;
	poll->outcome.fixed_interval = poll->feed->conf->interval;
	poll->plan = poll->feed->plan;
	plan_next(&bounds, &poll->outcome, chance(), &poll->plan);
}

/* The feed as it is to be stored: the reply's validators, or the old ones where nothing was taken in. */
static void describe_feed(const struct poll *poll, struct ledger_feed *out)
{
	const struct poll_feed *feed = poll->feed;
	bool taken = poll->outcome.outcome != PLAN_FAILED;
	bool fresh = poll->outcome.outcome == PLAN_NEW || poll->outcome.outcome == PLAN_UNCHANGED;
	/* RFC 9111 section 4.3.4: a 304 updates the validators it carries; a 200 replaces the pair. */
	out->url = feed->conf->url;
	out->etag = fresh || (taken && poll->etag) ? poll->etag : feed->etag;
	out->last_modified = fresh || (taken && poll->last_modified) ? poll->last_modified : feed->last_modified;
	out->body = fresh ? poll->body : feed->body;
	out->plan = poll->plan;
	out->polled = feed->polled || fresh;
	out->newest = feed->newest;
	for (size_t i = 0; poll->entries && i < poll->document->entry_count; i++)
		if (poll->document->entries[i].published > out->newest)
			out->newest = poll->document->entries[i].published;
}

static void say_failure(struct poll *poll)
{
	struct poll_feed *feed = poll->feed;
	if (!base_complain(&feed->complaint, wall(poll)))
		return;
	if (feed->complaint.count == 1)
		base_log(log_of(poll), BASE_WARNING, feed->conf->name, "%s", poll->reason);
	else
		base_log(log_of(poll), BASE_WARNING, feed->conf->name, "%s (failed %llu times in a row)", poll->reason,
		         (unsigned long long)feed->complaint.count);
}

static void say_recovery(struct poll *poll)
{
	uint64_t failures = base_recover(&poll->feed->complaint);
	if (failures)
		base_log(log_of(poll), BASE_NOTICE, poll->feed->conf->name, "recovered after %llu failed polls",
		         (unsigned long long)failures);
}

static void replace(char **kept, char **fresh)
{
	free(*kept);
	*kept = *fresh;
	*fresh = NULL;
}

static void update_feed(struct poll *poll)
{
	struct poll_feed *feed = poll->feed;
	bool fresh = poll->outcome.outcome == PLAN_NEW || poll->outcome.outcome == PLAN_UNCHANGED;
	bool taken = poll->outcome.outcome != PLAN_FAILED;
	if (fresh || (taken && poll->etag))
		replace(&feed->etag, &poll->etag);
	if (fresh || (taken && poll->last_modified))
		replace(&feed->last_modified, &poll->last_modified);
	if (fresh) {
		feed->body = poll->body;
		feed->newest = poll->job.commit.batch.feed.newest;
		feed->polled = true;
	}
	if (poll->document)
		feed->entries = poll->document->entry_count;
	feed->plan = poll->plan;
}

static void report(const struct poll *poll)
{
	static const enum status_number polls[] = {
	    [PLAN_NEW] = STATUS_POLLS_NEW,
	    [PLAN_UNCHANGED] = STATUS_POLLS_UNCHANGED,
	    [PLAN_NOT_MODIFIED] = STATUS_POLLS_NOT_MODIFIED,
	    [PLAN_FAILED] = STATUS_POLLS_ERROR,
	};
	static const char *const results[] = {"new", "unchanged", "not_modified", "error"};
	struct status_board *board = poll->context->options.board;
	const struct poll_feed *feed = poll->feed;
	status_add(board, polls[poll->outcome.outcome], 1);
	struct status_feed shown = {
	    .url = feed->conf->url,
	    .name = feed->conf->name,
	    .result = results[poll->outcome.outcome],
	    .reason = poll->reason,
	    .last_poll = feed->plan.last_start,
	    .next_poll = feed->plan.next_due,
	    .failures = feed->plan.failures,
	    .took = poll->received != BASE_TIME_NONE ? poll->received - poll->asked : BASE_TIME_NONE,
	    .http_status = poll->http_status,
	    .entries = feed->entries,
	};
	(void)status_feed_set(board, &shown);
}

/* Say and show how the poll ended, then end it. */
static void conclude(struct poll *poll, bool was_failing)
{
	if (was_failing != (poll->feed->plan.failures > 0))
		status_add(poll->context->options.board, STATUS_FEEDS_FAILING, was_failing ? UINT64_MAX : 1); /* -1 or +1 */
	if (poll->outcome.outcome == PLAN_FAILED)
		say_failure(poll);
	else
		say_recovery(poll);
	report(poll);
	end(poll);
}

/* Nothing was stored: the old validators bring it all again, after a while. */
static void not_stored(struct poll *poll, const char *why)
{
	bool was_failing = poll->feed->plan.failures > 0;
	poll->outcome.outcome = PLAN_FAILED;
	(void)snprintf(poll->reason, sizeof poll->reason, "cannot be stored: %s", why);
	plan_ahead(poll);
	poll->feed->plan = poll->plan;
	conclude(poll, was_failing);
}

static void commit(struct poll *poll)
{
	plan_ahead(poll);
	poll->job.kind = OUTBOX_COMMIT;
	memset(&poll->job.commit, 0, sizeof poll->job.commit);
	describe_feed(poll, &poll->job.commit.batch.feed);
	poll->job.commit.batch.entries = poll->entries;
	poll->job.commit.batch.entry_count = poll->entries ? poll->document->entry_count : 0;
	poll->job.commit.batch.alerts = poll->alerts;
	poll->job.commit.batch.alert_count = poll->alert_count;
	poll->job.commit.batch.now = wall(poll);
	poll->job.commit.received = poll->received;
	if (submit(poll))
		not_stored(poll, "the outbox takes no more");
}

/* The outbox has stored the batch, or could not. */
static void committed(struct poll *poll)
{
	if (poll->job.result == BASE_STOPPED) {
		end(poll);
	} else if (poll->job.result) {
		not_stored(poll, base_result_text(poll->job.result));
	} else {
		bool was_failing = poll->feed->plan.failures > 0;
		update_feed(poll);
		conclude(poll, was_failing);
	}
}

static void fail(struct poll *poll, const char *reason)
{
	poll->outcome.outcome = PLAN_FAILED;
	(void)snprintf(poll->reason, sizeof poll->reason, "%s", reason);
	commit(poll);
}

/* ---- alerts ---------------------------------------------------------------------- */

/*
 * An item may alert if it is young enough; one without a date only once the
 * feed was read before, so that a first poll does not flood with old news.
 */
static bool young_enough(const struct poll *poll, const struct feed_entry *entry, const struct ledger_known *known)
{
	base_time date = entry->published != BASE_TIME_NONE ? entry->published : entry->updated;
	if (date == BASE_TIME_NONE)
		date = known->state == LEDGER_NEW ? (poll->feed->polled ? wall(poll) : BASE_TIME_NONE) : known->first_seen;
	return date != BASE_TIME_NONE && wall(poll) - date <= poll->context->options.settings->alerts.max_age;
}

static enum base_result add_alert(struct poll *poll, const struct alert_source *source, const struct match_result *match,
                                  size_t event)
{
	enum base_result result =
	    base_grow(&poll->alerts, &poll->alert_cap, poll->alert_count + 1, sizeof *poll->alerts, SIZE_MAX / 64);
	if (!result)
		result = alert_new(source, match, event, &poll->alerts[poll->alert_count]);
	if (!result)
		poll->alert_count++;
	return result;
}

/* Alerts for the classes this entry has not alerted before; *classes gains them. */
static enum base_result match_entry(struct poll *poll, const struct feed_entry *entry, const struct ledger_known *known,
                                    uint32_t *classes)
{
	const struct conf_feed *conf = poll->feed->conf;
	struct base_buf text;
	base_buf_init(&text, TEXT_MAX);
	enum base_result result = feed_entry_text(entry, &text);
	if (result == BASE_LIMIT) /* the rules read the beginning */
		result = BASE_OK;
	struct match_input input = {
	    .title = entry->title,
	    .text = base_buf_span(&text),
	    .language = conf->language ? base_span_of(conf->language) : entry->language,
	};
	const struct match_result *match = NULL;
	if (!result)
		result = match_run(poll->context->options.rules, poll->context->scratch, &input, &match);
	char revised[ALERT_ID_MAX] = "";
	if (known->last_alert)
		alert_id(poll->context->options.epoch, known->last_alert, revised);
	struct alert_source source = {
	    .feed_url = conf->url,
	    .feed_name = conf->name,
	    .entry = entry,
	    .text = input.text,
	    .detected = wall(poll),
	    .revision_of = *revised ? base_span_of(revised) : BASE_NONE,
	};
	for (size_t i = 0; !result && i < match->event_count; i++) {
		uint32_t bit = UINT32_C(1) << match->events[i].class;
		if (*classes & bit)
			continue;
		result = add_alert(poll, &source, match, i);
		*classes |= bit;
	}
	base_buf_free(&text);
	return result;
}

static void count_entry(const struct poll *poll, enum ledger_state state)
{
	enum status_number number = state == LEDGER_NEW       ? STATUS_ENTRIES_NEW
	                            : state == LEDGER_CHANGED ? STATUS_ENTRIES_CHANGED
	                                                      : STATUS_ENTRIES_SEEN;
	status_add(poll->context->options.board, number, 1);
}

static int by_key(const void *a, const void *b)
{
	const struct feed_entry *const *x = a, *const *y = b;
	int order = memcmp(&(*x)->key, &(*y)->key, sizeof (*x)->key);
	return order ? order : (*x > *y) - (*x < *y);
}

/*
 * What is to be remembered of each entry. Entries of one document that agree
 * in everything have one key: only the first of them is stored and read.
 */
static enum base_result note_entries(struct poll *poll)
{
	const struct feed_entry *entries = poll->document->entries;
	size_t count = poll->document->entry_count;
	for (size_t i = 0; i < count; i++)
		poll->entries[i] = (struct ledger_entry){entries[i].key,    entries[i].link_key,    entries[i].title_key,
		                                         entries[i].change, poll->known[i].classes, entries[i].published};
	const struct feed_entry **sorted = calloc(count, sizeof *sorted);
	if (!sorted)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &entries[i];
	qsort(sorted, count, sizeof *sorted, by_key);
	for (size_t i = 1; i < count; i++)
		if (memcmp(&sorted[i]->key, &sorted[i - 1]->key, sizeof sorted[i]->key) == 0) {
			size_t repeat = (size_t)(sorted[i] - entries);
			poll->known[repeat].state = LEDGER_SEEN;
			poll->known[repeat].changed = false;
			poll->entries[repeat].key = (struct feed_key){0}; /* the ledger passes over it */
		}
	free(sorted);
	return BASE_OK;
}

static enum base_result match_document(struct poll *poll)
{
	const struct feed_document *document = poll->document;
	bool rekeyed = poll->feed->polled &&
	               ledger_is_rekeyed(poll->known, document->entries, document->entry_count, poll->feed->newest);
	if (rekeyed)
		base_log(log_of(poll), BASE_NOTICE, poll->feed->conf->name,
		         "the publisher has given its items new ids; they are noted and do not alert again");
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct feed_entry *entry = &document->entries[i];
		const struct ledger_known *known = &poll->known[i];
		struct ledger_entry *stored = &poll->entries[i];
		count_entry(poll, known->state);
		bool read = known->state == LEDGER_NEW || known->changed;
		if (!read || (rekeyed && known->state != LEDGER_CHANGED) || !young_enough(poll, entry, known))
			continue;
		enum base_result result = match_entry(poll, entry, known, &stored->classes);
		if (result)
			return result;
	}
	return BASE_OK;
}

/* The outbox has said which entries are known. */
static void looked_up(struct poll *poll)
{
	enum base_result result = poll->job.result;
	if (!result)
		result = note_entries(poll);
	if (!result)
		result = match_document(poll);
	if (result) {
		while (poll->alert_count)
			alert_free(poll->alerts[--poll->alert_count]);
		free(poll->entries);
		poll->entries = NULL;
		fail(poll, base_result_text(result));
		return;
	}
	commit(poll);
}

static void look_up(struct poll *poll)
{
	size_t count = poll->document->entry_count;
	if (!count) {
		commit(poll);
		return;
	}
	poll->known = calloc(count, sizeof *poll->known);
	poll->entries = calloc(count, sizeof *poll->entries);
	if (!poll->known || !poll->entries) {
		free(poll->entries);
		poll->entries = NULL;
		fail(poll, base_result_text(BASE_NO_MEMORY));
		return;
	}
	poll->job.kind = OUTBOX_LOOK_UP;
	poll->job.look_up.url = poll->feed->conf->url;
	poll->job.look_up.entries = poll->document->entries;
	poll->job.look_up.count = count;
	poll->job.look_up.known = poll->known;
	if (submit(poll))
		not_stored(poll, "the outbox takes no more");
}

/* ---- the reply ----------------------------------------------------------------------- */

static void key_of_body(struct base_span body, struct feed_key *out)
{
	struct base_sha256 sha;
	uint8_t digest[BASE_SHA256_LEN];
	base_sha256_start(&sha);
	base_sha256_add(&sha, body.ptr, body.len);
	base_sha256_end(&sha, digest);
	memcpy(out->bytes, digest, sizeof out->bytes);
}

static void say_repairs(const struct poll *poll)
{
	const struct feed_document *document = poll->document;
	for (size_t i = 0; i < document->repair_count; i++)
		base_log(log_of(poll), BASE_INFO, poll->feed->conf->name, "repaired: %s", document->repairs[i]);
}

/*
 * A body that was cut short still gives its complete entries, but the poll has
 * failed: the old validators bring the rest.
 */
static void take_document(struct poll *poll, const struct fetch_reply *reply)
{
	const struct conf_feed *conf = poll->feed->conf;
	bool cut = reply->error == FETCH_CUT;
	key_of_body(reply->body, &poll->body);
	if (!cut && poll->feed->polled && memcmp(&poll->body, &poll->feed->body, sizeof poll->body) == 0) {
		poll->outcome.outcome = PLAN_UNCHANGED;
		commit(poll);
		return;
	}
	struct feed_input input = {
	    .bytes = reply->body,
	    .content_type = base_span_of(reply->content_type),
	    .url = base_span_of(reply->final_url ? reply->final_url : conf->url),
	    .charset = base_span_of(conf->charset),
	    .now = wall(poll),
	    .limits = {.max_bytes = poll->context->options.settings->fetch.max_size},
	};
	struct base_error err;
	enum base_result result = feed_parse(&input, &poll->document, &err);
	if (result) {
		fail(poll, cut ? reply->reason : err.text);
		return;
	}
	say_repairs(poll);
	poll->outcome.outcome = cut ? PLAN_FAILED : PLAN_NEW;
	(void)snprintf(poll->reason, sizeof poll->reason, "%s", cut ? reply->reason : "");
	if (poll->document->ttl > poll->outcome.hint)
		poll->outcome.hint = poll->document->ttl;
	look_up(poll);
}

static enum base_result keep_reply(struct poll *poll, const struct fetch_reply *reply)
{
	poll->http_status = reply->status;
	poll->received = reply->received;
	poll->outcome.retry_after = reply->retry_after;
	poll->outcome.hint = reply->max_age;
	poll->etag = reply->etag ? strdup(reply->etag) : NULL;
	poll->last_modified = reply->last_modified ? strdup(reply->last_modified) : NULL;
	return (reply->etag && !poll->etag) || (reply->last_modified && !poll->last_modified) ? BASE_NO_MEMORY : BASE_OK;
}

static void fetched(void *ctx, const struct fetch_reply *reply)
{
	struct poll *poll = ctx;
	poll->transfer = NULL;
	poll->context->host_free(poll->feed);
	if (keep_reply(poll, reply)) {
		fail(poll, base_result_text(BASE_NO_MEMORY));
	} else if (reply->error != FETCH_FINE && !(reply->error == FETCH_CUT && reply->body.len)) {
		fail(poll, reply->reason);
	} else if (reply->status == 304) {
		poll->outcome.outcome = PLAN_NOT_MODIFIED;
		commit(poll);
	} else {
		take_document(poll, reply);
	}
}

enum base_result poll_start(struct poll_context *context, struct poll_feed *feed)
{
	struct poll *poll = calloc(1, sizeof *poll);
	if (!poll)
		return BASE_NO_MEMORY;
	poll->context = context;
	poll->feed = feed;
	poll->asked = base_clock_monotonic(context->options.clock);
	poll->received = BASE_TIME_NONE;
	base_time now = base_clock_wall(context->options.clock);
	if (feed->plan.next_due != BASE_TIME_NONE && now > feed->plan.next_due)
		status_time(context->options.board, STATUS_POLL_LAG, now - feed->plan.next_due);
	struct fetch_request request = {feed->conf->url, feed->etag, feed->last_modified};
	enum base_result result = fetch_start(context->fetch, &request, fetched, poll, &poll->transfer);
	if (result) {
		free(poll);
		return result;
	}
	feed->plan.last_start = now;
	feed->poll = poll;
	return BASE_OK;
}

void poll_answered(struct outbox_job *job)
{
	struct poll *poll = (struct poll *)job;
	poll->context->jobs_out--;
	if (job->kind == OUTBOX_LOOK_UP)
		looked_up(poll);
	else
		committed(poll);
}

void poll_cancel(struct poll *poll)
{
	if (!poll->transfer)
		return;
	fetch_cancel(poll->context->fetch, poll->transfer);
	poll->context->host_free(poll->feed);
	end(poll);
}
