/*
 * Committing: batches become rows and alerts get their sequence, all in one
 * transaction. Messages are rendered inside it and handed on only after it.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define RENDERED_MAX ((size_t)1 << 30)
#define SKETCH_MAX ((size_t)1 << 20)
/* "Seen" is written down again only when it is that old: most polls then write no entry at all. */
#define SEEN_ROUNDED BASE_DAY

struct rendered {
	uint64_t sequence;
	char topic[ALERT_TOPIC_MAX];
	uint8_t header[ALERT_HEADER_LEN];
	size_t json, json_len; /* in the common buffer */
};

struct work {
	struct ledger *ledger;
	struct engine *engine;
	struct engine_state state; /* becomes the ledger's when all is committed */
	uint64_t before;           /* the last sequence of those stored before */
	struct stored {
		int64_t feed;
		bool known; /* stored before, nothing is to be done */
	} * stored; /* one for each batch */
	struct rendered *messages;
	size_t message_count, message_cap;
	struct base_buf json, sketch;
	bool engine_failed; /* the reason is the engine's */
};

/* Note that the result came from the engine. */
static enum base_result of_engine(struct work *work, enum base_result result)
{
	if (result && result != BASE_NOT_FOUND)
		work->engine_failed = true;
	return result;
}

/* ---- entries --------------------------------------------------------------------- */

static bool seen_needs_writing(base_time last_seen, base_time now)
{
	return now - last_seen >= SEEN_ROUNDED || now < last_seen;
}

static bool needs_writing(const struct engine_entry *stored, const struct ledger_entry *entry, base_time now)
{
	return stored->classes != entry->classes || !identity_equal(&stored->change, &entry->change) ||
	       !identity_equal(&stored->link_key, &entry->link_key) ||
	       !identity_equal(&stored->title_key, &entry->title_key) || seen_needs_writing(stored->last_seen, now);
}

/* What is stored of the entry so far: nothing, *known false, or the row it goes on from. */
static enum base_result find_entry(struct work *work, int64_t feed, const struct identity *document,
                                   const struct ledger_entry *entry, struct engine_entry *row, bool *known)
{
	const struct engine_ops *ops = work->engine->ops;
	enum base_result result = of_engine(work, ops->entry_get(work->engine, feed, &entry->key, row));
	*known = !result;
	if (result != BASE_NOT_FOUND)
		return result;
	/* An entry under a new id goes on with the history of the old one, in its place: ids may change at every poll. */
	result = of_engine(work, identity_earlier(work->ledger, feed, document, &entry->link_key, &entry->title_key, row));
	if (result == BASE_NOT_FOUND)
		return BASE_OK;
	*known = !result && !entry->reused;
	return result ? result : of_engine(work, ops->entry_forget(work->engine, feed, &row->key));
}

static enum base_result store_entry(struct work *work, int64_t feed, const struct identity *document,
                                    const struct ledger_entry *entry, base_time now)
{
	struct engine_entry row;
	bool known = false;
	/* Half of what an entry costs; and nobody else writes entries of a feed between the look-up and here. */
	enum base_result result = entry->unknown ? BASE_OK : find_entry(work, feed, document, entry, &row, &known);
	if (result)
		return result;
	if (!known)
		row = (struct engine_entry){.first_seen = now};
	else if (identity_equal(&row.key, &entry->key) && !needs_writing(&row, entry, now))
		return BASE_OK;
	row.key = entry->key;
	row.link_key = entry->link_key;
	row.title_key = entry->title_key;
	row.change = entry->change;
	row.classes = entry->classes;
	row.last_seen = now;
	return of_engine(work, work->engine->ops->entry_put(work->engine, feed, &row, !known));
}

static enum base_result store_entries(struct work *work, int64_t feed, const struct ledger_batch *batch)
{
	const struct ledger_entry *entries = batch->entries;
	struct identity document = {0};
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < batch->entry_count; i++) {
		if (!seen_needs_writing(entries[i].settled, batch->now) || identity_is_none(&entries[i].key))
			continue;
		if (!entries[i].unknown && !document.count)
			result = identity_new(&entries->key, &entries->link_key, &entries->title_key, sizeof *entries,
			                      batch->entry_count, &document);
		if (!result)
			result = store_entry(work, feed, &document, &entries[i], batch->now);
	}
	identity_free(&document);
	return result;
}

/* ---- alerts ------------------------------------------------------------------------ */

static enum base_result render(struct work *work, const struct alert *alert, base_time now, struct rendered *out)
{
	uint64_t previous = 0, sequence = work->state.sequence + 1;
	alert_topic(alert, out->topic);
	enum base_result result = of_engine(work, work->engine->ops->topic_get(work->engine, out->topic, &previous));
	if (result)
		return result;
	out->sequence = sequence;
	out->json = work->json.len;
	alert_header(work->state.epoch, sequence, previous, out->header);
	result = alert_json(alert, work->ledger->node, work->state.epoch, sequence, now, &work->json);
	if (result)
		return result;
	out->json_len = work->json.len - out->json;
	base_buf_reset(&work->sketch);
	return alert_story_sketch(alert, &work->sketch);
}

static enum base_result store_alert(struct work *work, int64_t feed, const struct alert *alert, base_time now)
{
	const struct engine_ops *ops = work->engine->ops;
	enum base_result result = base_grow(&work->messages, &work->message_cap, work->message_count + 1,
	                                    sizeof *work->messages, RENDERED_MAX / sizeof *work->messages);
	if (result)
		return result;
	struct rendered *message = &work->messages[work->message_count];
	result = render(work, alert, now, message);
	if (result)
		return result;
	const struct engine_alert row = {
		.sequence = message->sequence,
		.topic = base_span_of(message->topic),
		.header = {(const char *)message->header, sizeof message->header},
		.json = {work->json.data + message->json, message->json_len},
		.sketch = base_buf_span(&work->sketch),
		.class = alert_class(alert),
		.feed = feed,
		.key = alert_key(alert),
		.made = now,
	};
	result = of_engine(work, ops->alert_put(work->engine, &row));
	if (!result)
		result = of_engine(work, ops->topic_put(work->engine, message->topic, message->sequence));
	if (!result)
		result = of_engine(work, ops->entry_alerted(work->engine, feed, row.key, message->sequence));
	if (result)
		return result;
	work->state.sequence = message->sequence;
	work->message_count++;
	return BASE_OK;
}

/* ---- batches ------------------------------------------------------------------------- */

static base_time newest_of(const struct ledger_batch *batch)
{
	base_time newest = batch->feed.newest;
	for (size_t i = 0; i < batch->entry_count; i++)
		if (batch->entries[i].published > newest)
			newest = batch->entries[i].published;
	return newest;
}

static enum base_result store_document(struct work *work, const struct ledger_batch *batch, struct stored *stored)
{
	struct ledger_feed state = batch->feed;
	if (work->engine->ops->shared) {
		enum base_result result = of_engine(work, shared_is_known(work->ledger, batch, &stored->known));
		if (result || stored->known)
			return result;
	}
	state.newest = newest_of(batch);
	enum base_result result = of_engine(
		work, work->engine->ops->feed_put(work->engine, &state, batch->now, batch->entry_count > 0, batch->number,
	                                        &stored->feed));
	if (!result && batch->id)
		*batch->id = stored->feed;
	return result ? result : store_entries(work, stored->feed, batch);
}

static enum base_result store_alerts(struct work *work, const struct ledger_batch *batches, size_t count)
{
	size_t alerts = 0;
	for (size_t i = 0; i < count; i++)
		alerts += work->stored[i].known ? 0 : batches[i].alert_count;
	if (!alerts)
		return BASE_OK;
	enum base_result result = BASE_OK;
	if (work->engine->ops->shared)
		result = of_engine(work, shared_lock(work->ledger, batches, count, &work->state));
	work->before = work->state.sequence;
	for (size_t i = 0; !result && i < count; i++)
		for (size_t k = 0; !result && !work->stored[i].known && k < batches[i].alert_count; k++)
			result = store_alert(work, work->stored[i].feed, batches[i].alerts[k], batches[i].now);
	return result;
}

static enum base_result store_state(struct work *work)
{
	const struct engine_ops *ops = work->engine->ops;
	bool moved = work->state.published != work->ledger->published_stored;
	enum base_result result = BASE_OK;
	struct engine_state state = work->state;
	if (ops->shared) /* each node has its own; this is where a new one begins */
		state.published = state.sequence;
	if (work->message_count || (moved && !ops->shared))
		result = of_engine(work, ops->state_put(work->engine, &state));
	if (!result && moved && ops->shared)
		result = of_engine(work, ledger_put_published(work->ledger, &work->state));
	return result;
}

/* Say what is going to be read. */
static enum base_result prefetch(struct work *work, const struct ledger_batch *batches, size_t count)
{
	const struct engine_ops *ops = work->engine->ops;
	struct engine_want *wants = ops->prefetch ? calloc(count + 1, sizeof *wants) : NULL;
	if (!wants)
		return ops->prefetch ? BASE_NO_MEMORY : BASE_OK;
	for (size_t i = 0; i < count; i++) {
		const struct ledger_entry *entries = batches[i].entries;
		wants[i] = (struct engine_want){.url = batches[i].feed.url};
		if (batches[i].entry_count)
			wants[i] = (struct engine_want){batches[i].feed.url, &entries->key,          &entries->link_key,
			                                &entries->title_key, batches[i].entry_count, sizeof *entries};
	}
	enum base_result result = of_engine(work, ops->prefetch(work->engine, wants, count));
	free(wants);
	return result;
}

static enum base_result store_all(struct work *work, const struct ledger_batch *batches, size_t count)
{
	const struct engine_ops *ops = work->engine->ops;
	work->ledger->expected = 0;
	enum base_result result = of_engine(work, ops->begin(work->engine));
	if (result)
		return result;
	if (ops->shared)
		result = of_engine(work, shared_fence(work->ledger, batches, count));
	if (!result)
		result = prefetch(work, batches, count);
	for (size_t i = 0; !result && i < count; i++)
		result = store_document(work, &batches[i], &work->stored[i]);
	if (!result)
		result = store_alerts(work, batches, count);
	if (!result)
		result = store_state(work);
	if (!result)
		result = of_engine(work, ops->commit(work->engine));
	if (result)
		ops->rollback(work->engine);
	return result;
}

static void hand_on(const struct work *work, ledger_message_fn *each, void *ctx)
{
	for (size_t i = 0; each && i < work->message_count; i++) {
		const struct rendered *message = &work->messages[i];
		const struct ledger_message out = {
			.sequence = message->sequence,
			.topic = base_span_of(message->topic),
			.header = {(const char *)message->header, sizeof message->header},
			.json = {work->json.data + message->json, message->json_len},
		};
		(void)each(ctx, &out); /* stored it is; ledger_unpublished gives it again */
	}
}

/* All is stored: tell who waits for it, what others stored before it first. */
static void conclude(struct work *work, const struct ledger_batch *batches, size_t count, ledger_message_fn *each, void *ctx)
{
	struct ledger *ledger = work->ledger;
	ledger->published_stored = work->state.published;
	ledger->changed = 0;
	for (size_t i = 0; ledger->stories && i < count; i++)
		alert_stories_keep(ledger->stories, batches[i].alert_count);
	if (!work->message_count)
		return;
	ledger->told = work->state.sequence;
	/* A failure here leaves everything to ledger_follow. */
	if (ledger->engine->ops->shared && shared_hand_on(ledger, work->before, each, ctx))
		return;
	ledger->state.sequence = work->state.sequence;
	hand_on(work, each, ctx);
}

enum base_result ledger_commit(struct ledger *ledger, const struct ledger_batch *batches, size_t count,
                               ledger_message_fn *each, void *ctx, struct base_error *err)
{
	struct work work = {.ledger = ledger, .engine = ledger->engine, .state = ledger->state};
	base_buf_init(&work.json, RENDERED_MAX);
	base_buf_init(&work.sketch, SKETCH_MAX);
	work.stored = calloc(count + 1, sizeof *work.stored);
	enum base_result result = work.stored ? store_all(&work, batches, count) : BASE_NO_MEMORY;
	if (result) {
		(void)base_fail(err, result, "%s", work.engine_failed ? ledger->engine->reason.text : base_result_text(result));
	} else {
		conclude(&work, batches, count, each, ctx);
		ledger->engine->ops->settle(ledger->engine);
	}
	base_buf_free(&work.json);
	base_buf_free(&work.sketch);
	free(work.messages);
	free(work.stored);
	return result;
}
