/* The alert record: a copy of everything it says, in one arena. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One alert's memory: copies of bounded texts and a sketch. */
#define ARENA_MAX ((size_t)1 << 20)
/* Foreign texts beyond these are cut, or left out where half of one is worth nothing. */
#define TITLE_MAX 4096
#define LINK_MAX 8192
#define ITEM_MAX 4096
#define NAME_MAX_LEN 512
#define LIST_MAX 64
#define MARKS_MAX 256

/* A copy that is never missing memory silently: *ok turns false. */
static struct base_span copy(struct alert *alert, struct base_span span, size_t max, bool *ok)
{
	if (!span.ptr)
		return BASE_NONE;
	span.len = base_utf8_clip(span.ptr, span.len, max);
	struct base_span out = base_arena_copy(alert->arena, span);
	if (!out.ptr)
		*ok = false;
	return out;
}

static void *array(struct alert *alert, size_t count, size_t size, bool *ok)
{
	if (!count)
		return NULL;
	void *out = base_arena_alloc(alert->arena, count * size);
	if (!out)
		*ok = false;
	return out;
}

static struct alert_names copy_names(struct alert *alert, const struct base_span *names, size_t count, bool *ok)
{
	if (count > LIST_MAX)
		count = LIST_MAX;
	struct base_span *items = array(alert, count, sizeof *items, ok);
	if (!items)
		return (struct alert_names){NULL, 0};
	for (size_t i = 0; i < count; i++)
		items[i] = copy(alert, names[i], NAME_MAX_LEN, ok);
	return (struct alert_names){items, count};
}

static void copy_quantities(struct alert *alert, const struct match_event *event, bool *ok)
{
	size_t count = event->quantity_count < LIST_MAX ? event->quantity_count : LIST_MAX;
	struct match_quantity *items = array(alert, count, sizeof *items, ok);
	if (!items)
		return;
	for (size_t i = 0; i < count; i++) {
		items[i].count = event->quantities[i].count;
		items[i].of = copy(alert, event->quantities[i].of, NAME_MAX_LEN, ok);
	}
	alert->quantities = items;
	alert->quantity_count = count;
}

static void copy_money(struct alert *alert, const struct match_event *event, bool *ok)
{
	size_t count = event->money_count < LIST_MAX ? event->money_count : LIST_MAX;
	struct match_money *items = array(alert, count, sizeof *items, ok);
	if (!items)
		return;
	memcpy(items, event->money, count * sizeof *items);
	alert->money = items;
	alert->money_count = count;
}

static void copy_evidence(struct alert *alert, const struct match_event *event, bool *ok)
{
	struct match_evidence *items = array(alert, event->evidence_count, sizeof *items, ok);
	if (!items)
		return;
	for (size_t i = 0; i < event->evidence_count; i++) {
		const struct match_evidence *from = &event->evidence[i];
		size_t marks = from->mark_count < MARKS_MAX ? from->mark_count : MARKS_MAX;
		struct match_mark *copies = array(alert, marks, sizeof *copies, ok);
		if (copies)
			memcpy(copies, from->marks, marks * sizeof *copies);
		items[i].text = copy(alert, from->text, TITLE_MAX, ok);
		items[i].marks = copies;
		items[i].mark_count = copies ? marks : 0;
	}
	alert->evidence = items;
	alert->evidence_count = event->evidence_count;
}

/* An id too long to be passed on is named by the entry's key. */
static void copy_item(struct alert *alert, const struct feed_entry *entry, bool *ok)
{
	char name[sizeof "urn:wirewatch:" + 2 * FEED_KEY_LEN] = "urn:wirewatch:";
	struct base_span item = entry->item;
	if (!item.ptr || !item.len || item.len > ITEM_MAX) {
		base_hex(entry->key.bytes, FEED_KEY_LEN, name + strlen(name));
		item = base_span_of(name);
	}
	alert->item = copy(alert, item, ITEM_MAX, ok);
}

static void copy_source(struct alert *alert, const struct alert_source *source, bool *ok)
{
	const struct feed_entry *entry = source->entry;
	alert->feed_url = copy(alert, base_span_of(source->feed_url), LINK_MAX, ok);
	alert->feed_name =
		copy(alert, base_span_of(source->feed_name ? source->feed_name : source->feed_url), NAME_MAX_LEN, ok);
	alert->title = copy(alert, entry->title, TITLE_MAX, ok);
	if (entry->link.len && entry->link.len <= LINK_MAX)
		alert->link = copy(alert, entry->link, LINK_MAX, ok);
	copy_item(alert, entry, ok);
	alert->revision_of = copy(alert, source->revision_of, ALERT_ID_MAX, ok);
	alert->published = entry->published;
	alert->updated = entry->updated;
	alert->detected = source->detected;
	alert->key = entry->key;
}

static void copy_match(struct alert *alert, const struct match_result *match, const struct match_event *event, bool *ok)
{
	_Static_assert(sizeof alert->language == sizeof match->language, "language tags have one size");
	memcpy(alert->language, match->language, sizeof alert->language);
	alert->language[sizeof alert->language - 1] = '\0';
	alert->class = event->class;
	alert->rule = copy(alert, base_span_of(event->rule), NAME_MAX_LEN, ok);
	alert->systems = copy_names(alert, match->systems, match->system_count, ok);
	alert->actors = copy_names(alert, match->actors, match->actor_count, ok);
	alert->supplier = copy_names(alert, event->supplier, event->supplier_count, ok);
	alert->recipient = copy_names(alert, event->recipient, event->recipient_count, ok);
	copy_quantities(alert, event, ok);
	copy_money(alert, event, ok);
	copy_evidence(alert, event, ok);
}

enum base_result alert_new(const struct alert_source *source, const struct match_result *match, size_t event,
                           struct alert **out)
{
	if (!source->feed_url || !source->entry || event >= match->event_count)
		return BASE_INVALID;
	struct alert *alert = calloc(1, sizeof *alert);
	if (!alert)
		return BASE_NO_MEMORY;
	bool ok = true;
	enum base_result result = base_arena_new(ARENA_MAX, &alert->arena);
	if (result)
		goto failed;
	copy_source(alert, source, &ok);
	copy_match(alert, match, &match->events[event], &ok);
	result = ok ? sketch_make(alert, source) : BASE_NO_MEMORY;
	if (result)
		goto failed;
	*out = alert;
	return BASE_OK;
failed:
	alert_free(alert);
	return result;
}

void alert_free(struct alert *alert)
{
	if (!alert)
		return;
	base_arena_free(alert->arena);
	free(alert);
}

enum match_class alert_class(const struct alert *alert)
{
	return alert->class;
}

const char *alert_item(const struct alert *alert)
{
	return alert->item.ptr;
}

const struct feed_key *alert_key(const struct alert *alert)
{
	return &alert->key;
}

bool alert_is_first(const struct alert *alert)
{
	return alert->first;
}

const char *record_report(const struct alert *alert)
{
	return alert->first ? "first" : "repeat";
}

void record_story(uint64_t story, char out[RECORD_STORY_LEN])
{
	(void)snprintf(out, RECORD_STORY_LEN, "%016llx", (unsigned long long)story);
}
