/* One poll: request, document, what is new in it, alerts, batch. */
#include "poll_inside.h"
#include "share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)1 << 20) /* of an entry's plain text; the rules read no more */
/*
 * A changed document is read whole at least that often. The ledger writes an entry's "last seen" anew when it is a day
 * old, but only if the entry is handed to it, and relies on what is shown being seen within two days.
 */
#define READ_WHOLE (12 * BASE_HOUR)

/* ---- alerts ---------------------------------------------------------------------- */

/*
 * An item may alert if it is young enough; one without a date only once the
 * feed was read before, so that a first poll does not flood with old news.
 */
static bool young_enough(const struct poll *poll, const struct feed_entry *entry, const struct ledger_known *known)
{
	base_time date = entry->published != BASE_TIME_NONE ? entry->published : entry->updated;
	if (date == BASE_TIME_NONE)
		date = known->state == LEDGER_NEW ? (poll->feed->polled ? poll_wall(poll) : BASE_TIME_NONE) : known->first_seen;
	return date != BASE_TIME_NONE && poll_wall(poll) - date <= poll->context->options.settings->alerts.max_age;
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

/* The rules are opened when the first entry needs them. */
static enum base_result need_rules(struct poll_context *context)
{
	if (context->scratch)
		return BASE_OK;
	enum base_result result = rulebook_open(context->options.rules, &context->rules);
	if (result) {
		context->no_rules = true;
		return result;
	}
	return match_scratch_new(context->rules, &context->scratch);
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
	    .feed_url = base_span_of(conf->url),
	    .feed_name = base_span_of(conf->name),
	};
	const struct match_result *match = NULL;
	if (!result)
		result = need_rules(poll->context);
	if (!result)
		result = match_run(poll->context->rules, poll->context->scratch, &input, &match);
	char revised[ALERT_ID_MAX] = "";
	if (known->last_alert)
		alert_id(poll->context->options.epoch, known->last_alert, revised);
	struct alert_source source = {
	    .feed_url = conf->url,
	    .feed_name = conf->name,
	    .entry = entry,
	    .text = input.text,
	    .detected = poll_wall(poll),
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
		poll->entries[i] = (struct ledger_entry){
			.key = entries[i].key,
			.link_key = entries[i].link_key,
			.title_key = entries[i].title_key,
			.change = entries[i].change,
			.classes = poll->known[i].classes,
			/* One that stays in the future is dated anew at each poll: by it all that comes later would be old. */
			.published = entries[i].date_clamped ? BASE_TIME_NONE : entries[i].published,
			.settled = poll->known[i].settled,
			.unknown = poll->known[i].unknown,
		};
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

/* What stands at the link of an earlier report, and is another one, begins without that one's history. */
static void part_reused(struct poll *poll)
{
	for (size_t i = 0; i < poll->document->entry_count; i++) {
		if (poll->known[i].state != LEDGER_REKEYED || !poll->known[i].reused)
			continue;
		poll->known[i] = (struct ledger_known){.state = LEDGER_NEW, .first_seen = BASE_TIME_NONE};
		poll->entries[i].classes = 0;
		poll->entries[i].reused = true;
	}
}

static enum base_result match_document(struct poll *poll)
{
	const struct feed_document *document = poll->document;
	poll->rekeyed = poll->feed->polled && !document->left_out && /* else more than half are known */
	                ledger_is_rekeyed(poll->known, document->entries, document->entry_count, poll->feed->newest);
	if (poll->rekeyed)
		base_log(poll_log(poll), BASE_NOTICE, poll->feed->conf->name,
		         "the publisher has given its items new ids; they are noted and do not alert again");
	else
		part_reused(poll);
	status_add(poll->context->options.board, STATUS_ENTRIES_SEEN, document->left_out);
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct feed_entry *entry = &document->entries[i];
		const struct ledger_known *known = &poll->known[i];
		struct ledger_entry *stored = &poll->entries[i];
		count_entry(poll, known->state);
		bool read = known->state == LEDGER_NEW || known->changed;
		if (!read || (poll->rekeyed && known->state != LEDGER_CHANGED) || !young_enough(poll, entry, known))
			continue;
		enum base_result result = match_entry(poll, entry, known, &stored->classes);
		if (result)
			return result;
	}
	return BASE_OK;
}

/* When the entries not known before were published: what the schedule learns from. */
static void note_dates(struct poll *poll)
{
	const struct feed_document *document = poll->document;
	poll->dates = calloc(document->entry_count + 1, sizeof *poll->dates);
	for (size_t i = 0; poll->dates && !poll->rekeyed && i < document->entry_count; i++)
		if (poll->known[i].state == LEDGER_NEW) {
			base_time updated = document->entries[i].updated, published = document->entries[i].published;
			poll->dates[poll->outcome.date_count++] = published != BASE_TIME_NONE ? published : updated;
		}
	poll->outcome.dates = poll->dates;
	poll->outcome.alerts = poll->alert_count;
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
		if (poll->context->no_rules)
			poll_not_stored(poll, "there are no rules to read it by");
		else
			poll_fail(poll, PLAN_OTHER, base_result_text(result));
		return;
	}
	note_dates(poll);
	poll_commit(poll);
}

static void look_up(struct poll *poll)
{
	size_t count = poll->document->entry_count;
	if (!count) {
		status_add(poll->context->options.board, STATUS_ENTRIES_SEEN, poll->document->left_out);
		poll_commit(poll);
		return;
	}
	poll->known = calloc(count, sizeof *poll->known);
	poll->entries = calloc(count, sizeof *poll->entries);
	if (!poll->known || !poll->entries) {
		free(poll->entries);
		poll->entries = NULL;
		poll_fail(poll, PLAN_OTHER, base_result_text(BASE_NO_MEMORY));
		return;
	}
	poll->job.kind = OUTBOX_LOOK_UP;
	poll->job.look_up.url = poll->feed->conf->url;
	poll->job.look_up.entries = poll->document->entries;
	poll->job.look_up.count = count;
	poll->job.look_up.known = poll->known;
	if (poll_submit(poll))
		poll_not_stored(poll, "the outbox takes no more");
}

/* ---- the reply ----------------------------------------------------------------------- */

static void say_repairs(const struct poll *poll)
{
	const struct feed_document *document = poll->document;
	for (size_t i = 0; i < document->repair_count; i++)
		base_log(poll_log(poll), BASE_INFO, poll->feed->conf->name, "repaired: %s", document->repairs[i]);
}

/* What may be left out of the document; NULL: nothing. */
static const struct feed_familiar *familiar(const struct poll *poll)
{
	const struct feed_familiar *set = poll->feed->familiar;
	return set && poll_wall(poll) - feed_familiar_since(set) < READ_WHOLE ? set : NULL;
}

/* From here on this document stands for the feed, or none does: if the poll fails, who knows what is stored of it? */
static void keep_familiar(struct poll *poll)
{
	feed_familiar_free(poll->feed->familiar);
	poll->feed->familiar = NULL;
	poll->familiar = feed_familiar_take(poll->document);
}

/*
 * A body that was cut short still gives its complete entries, but the poll has
 * failed: the old validators bring the rest.
 */
static void take_document(struct poll *poll, const struct fetch_reply *reply)
{
	const struct conf_feed *conf = poll->feed->conf;
	bool cut = reply->error == FETCH_CUT;
	_Static_assert(FEED_KEY_LEN == BASE_HASH128_LEN, "a body's key is its sum");
	base_sum128(reply->body.ptr, reply->body.len, poll->body.bytes);
	if (!cut && poll->feed->polled && memcmp(&poll->body, &poll->feed->body, sizeof poll->body) == 0) {
		poll->outcome.outcome = PLAN_UNCHANGED;
		poll_commit(poll);
		return;
	}
	struct feed_input input = {
	    .bytes = reply->body,
	    .content_type = base_span_of(reply->content_type),
	    .url = base_span_of(reply->final_url ? reply->final_url : conf->url),
	    .charset = base_span_of(conf->charset),
	    .now = poll_wall(poll),
	    .limits = {.max_bytes = poll->context->options.settings->fetch.max_size},
	    .remember = !cut && !poll->context->options.once,
	    .familiar = familiar(poll),
	};
	struct base_error err;
	enum base_result result = feed_parse(&input, &poll->document, &err);
	if (result) {
		poll_fail(poll, cut ? PLAN_CUT : result == BASE_NO_MEMORY ? PLAN_OTHER : PLAN_NOT_FEED,
		          cut ? reply->reason : err.text);
		return;
	}
	keep_familiar(poll);
	say_repairs(poll);
	poll->outcome.outcome = cut ? PLAN_FAILED : PLAN_NEW;
	(void)snprintf(poll->reason, sizeof poll->reason, "%s", cut ? reply->reason : "");
	poll->outcome.failure = PLAN_CUT; /* if it is one */
	poll->said = (struct plan_document){
	    .ttl = poll->document->ttl,
	    .skip_hours = poll->document->skip_hours,
	    .skip_days = poll->document->skip_days,
	    .entries = poll->document->entry_count + poll->document->left_out,
	};
	poll->outcome.document = reply->status == 226 ? NULL : &poll->said; /* RFC 3229: a part speaks for itself alone */
	look_up(poll);
}

/* The kind of failure, for its own way of backing off. */
static enum plan_failure failure_of(const struct fetch_reply *reply)
{
	static const enum plan_failure kinds[FETCH_ERROR_COUNT] = {
	    [FETCH_FINE] = PLAN_OTHER,      [FETCH_NAME] = PLAN_NAME,         [FETCH_CONNECT] = PLAN_CONNECT,
	    [FETCH_TLS] = PLAN_TLS,        [FETCH_SLOW] = PLAN_SLOW,         [FETCH_TOO_LARGE] = PLAN_REFUSED,
	    [FETCH_ADDRESS] = PLAN_REFUSED, [FETCH_CUT] = PLAN_CUT,          [FETCH_STATUS] = PLAN_STATUS,
	    [FETCH_BLOCKED] = PLAN_DENIED,  [FETCH_OTHER] = PLAN_OTHER,
	};
	if (reply->error != FETCH_STATUS)
		return kinds[reply->error];
	switch (reply->status) {
	case 401:
	case 403:
		return PLAN_DENIED;
	case 404:
		return PLAN_MISSING;
	case 410:
		return PLAN_GONE;
	case 429:
	case 503:
		return PLAN_BUSY;
	default:
		return reply->status >= 500 ? PLAN_SERVER : PLAN_STATUS;
	}
}

/* RFC 9110 section 10.2.3 and RFC 6585 section 4; a 3xx is what could not be followed. */
static bool may_ask_to_wait(long status)
{
	return status == 429 || status == 503 || (status >= 300 && status < 400 && status != 304);
}

static enum base_result keep_reply(struct poll *poll, const struct fetch_reply *reply)
{
	poll->http_status = reply->status;
	poll->received = reply->received;
	poll->outcome.ended = poll_wall(poll);
	poll->outcome.retry_after = may_ask_to_wait(reply->status) ? reply->retry_after : 0;
	poll->outcome.max_age = reply->max_age;
	poll->moved_to = reply->moved_to ? strdup(reply->moved_to) : NULL; /* without memory it is told again */
	poll->outcome.moved_to = poll->moved_to;
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
		poll_fail(poll, PLAN_OTHER, base_result_text(BASE_NO_MEMORY));
	} else if (reply->error != FETCH_FINE && !(reply->error == FETCH_CUT && reply->body.len)) {
		poll_fail(poll, failure_of(reply), reply->reason);
	} else if (reply->status == 304) {
		poll->outcome.outcome = PLAN_NOT_MODIFIED;
		poll_commit(poll);
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
	poll->lease = share_token(context->options.share);
	base_buf_init(&poll->learned, PLAN_STORED_MAX);
	base_time now = base_clock_wall(context->options.clock), due = plan_feed_state(feed->plan)->next_due;
	if (due != BASE_TIME_NONE && now > due)
		status_time(context->options.board, STATUS_POLL_LAG, now - due);
	const char *address = plan_feed_address(feed->plan);
	bool conditional = plan_feed_conditional(feed->plan, now);
	struct fetch_request request = {
	    .url = address ? address : feed->conf->url,
	    .etag = conditional ? feed->etag : NULL,
	    .last_modified = conditional ? feed->last_modified : NULL,
	    .again = TAILQ_EMPTY(&feed->host->waiting) ? feed->conf->interval : BASE_SECOND, /* the next one is in line */
	};
	enum base_result result = plan_feed_copy(feed->plan, &poll->next);
	if (!result)
		result = fetch_start(context->fetch, &request, fetched, poll, &poll->transfer);
	if (result) {
		poll_free(poll);
		return result;
	}
	poll->full = !conditional;
	plan_feed_start(feed->plan, now, !request.etag && !request.last_modified);
	plan_feed_start(poll->next, now, !request.etag && !request.last_modified);
	feed->poll = poll;
	return BASE_OK;
}

void poll_answered(struct poll_context *context, struct outbox_job *job)
{
	if (job->kind == OUTBOX_TOUCH) {
		poll_touched(context);
		return;
	}
	struct poll *poll = (struct poll *)job; /* its first member */
	poll->context->jobs_out--;
	if (job->kind == OUTBOX_LOOK_UP)
		looked_up(poll);
	else
		poll_committed(poll);
}

void poll_cancel(struct poll *poll)
{
	if (!poll->transfer)
		return;
	fetch_cancel(poll->context->fetch, poll->transfer);
	poll->transfer = NULL;
	poll->context->host_free(poll->feed);
	poll->outcome.outcome = PLAN_CANCELLED;
	poll_commit(poll);
}
