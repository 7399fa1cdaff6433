/* The alert as a CloudEvents 1.0 object, keys always in the same order. */
#include "record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* Adds value under key; jansson takes the reference also when it fails. */
static void put(json_t *object, const char *key, json_t *value, bool *ok)
{
	if (json_object_set_new(object, key, value))
		*ok = false;
}

/* A string, or null when missing. What is not UTF-8 (there should be none) is given escaped. */
static json_t *text(struct base_span span)
{
	if (!span.ptr)
		return json_null();
	if (base_utf8_valid(span.ptr, span.len))
		return json_stringn(span.ptr, span.len);
	struct base_buf escaped;
	base_buf_init(&escaped, 6 * span.len + 16);
	json_t *value = NULL;
	if (!base_escape(&escaped, span.ptr, span.len, BASE_ESCAPE_LINE))
		value = json_stringn(escaped.data, escaped.len);
	base_buf_free(&escaped);
	return value;
}

static json_t *time_text(base_time time, bool micros)
{
	char out[BASE_RFC3339_LEN];
	if (time == BASE_TIME_NONE)
		return json_null();
	base_time_format(time, micros, out);
	return out[0] ? json_string(out) : json_null();
}

/* JSON numbers are signed here; nothing real is that large. */
static json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *names(const struct alert_names *list, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		if (json_array_append_new(array, text(list->items[i])))
			*ok = false;
	return array;
}

static json_t *quantities(const struct alert *alert, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < alert->quantity_count; i++) {
		json_t *item = json_object();
		put(item, "count", number(alert->quantities[i].count), ok);
		put(item, "of", text(alert->quantities[i].of), ok);
		if (json_array_append_new(array, item))
			*ok = false;
	}
	return array;
}

static json_t *money(const struct alert *alert, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < alert->money_count; i++) {
		json_t *item = json_object();
		put(item, "amount", number(alert->money[i].amount), ok);
		put(item, "currency", json_string(alert->money[i].currency), ok);
		if (json_array_append_new(array, item))
			*ok = false;
	}
	return array;
}

static json_t *marks(const struct match_evidence *evidence, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < evidence->mark_count; i++) {
		json_t *pair = json_array();
		if (json_array_append_new(pair, number(evidence->marks[i].start)) ||
		    json_array_append_new(pair, number(evidence->marks[i].end)))
			*ok = false;
		if (json_array_append_new(array, pair))
			*ok = false;
	}
	return array;
}

static json_t *evidence(const struct alert *alert, bool *ok)
{
	json_t *array = json_array();
	for (size_t i = 0; i < alert->evidence_count; i++) {
		json_t *item = json_object();
		put(item, "text", text(alert->evidence[i].text), ok);
		put(item, "marks", marks(&alert->evidence[i], ok), ok);
		if (json_array_append_new(array, item))
			*ok = false;
	}
	return array;
}

static json_t *feed(const struct alert *alert, bool *ok)
{
	json_t *object = json_object();
	put(object, "url", text(alert->feed_url), ok);
	put(object, "name", text(alert->feed_name), ok);
	return object;
}

static json_t *data(const struct alert *alert, bool *ok)
{
	char story[RECORD_STORY_LEN];
	record_story(alert->sketch.story, story);
	json_t *object = json_object();
	put(object, "class", json_string(match_class_text(alert->class)), ok);
	put(object, "cameo", json_string(match_class_cameo(alert->class)), ok);
	put(object, "report", json_string(record_report(alert)), ok);
	put(object, "story", json_string(story), ok);
	put(object, "title", text(alert->title), ok);
	put(object, "link", text(alert->link), ok);
	put(object, "published", time_text(alert->published, false), ok);
	put(object, "updated", time_text(alert->updated, false), ok);
	put(object, "detected", time_text(alert->detected, true), ok);
	put(object, "language", alert->language[0] ? json_string(alert->language) : json_null(), ok);
	put(object, "feed", feed(alert, ok), ok);
	put(object, "item", text(alert->item), ok);
	put(object, "rule", text(alert->rule), ok);
	put(object, "systems", names(&alert->systems, ok), ok);
	put(object, "actors", names(&alert->actors, ok), ok);
	put(object, "supplier", names(&alert->supplier, ok), ok);
	put(object, "recipient", names(&alert->recipient, ok), ok);
	put(object, "quantities", quantities(alert, ok), ok);
	put(object, "money", money(alert, ok), ok);
	put(object, "outlets", number(alert->outlets), ok);
	put(object, "evidence", evidence(alert, ok), ok);
	put(object, "revision_of", text(alert->revision_of), ok);
	return object;
}

static json_t *envelope(const struct alert *alert, const char *node, uint64_t epoch, uint64_t sequence, base_time made,
                        bool *ok)
{
	char id[ALERT_ID_MAX], digits[24];
	alert_id(epoch, sequence, id);
	(void)snprintf(digits, sizeof digits, "%020" PRIu64, sequence);
	json_t *object = json_object();
	put(object, "specversion", json_string("1.0"), ok);
	put(object, "id", json_string(id), ok);
	put(object, "source", json_sprintf("urn:wirewatch:%s", node), ok);
	put(object, "type", json_string("wirewatch.alert.v1"), ok);
	put(object, "subject", text(alert->link), ok);
	put(object, "time", time_text(made, true), ok);
	put(object, "datacontenttype", json_string("application/json"), ok);
	put(object, "sequence", json_string(digits), ok);
	put(object, "sequencetype", json_string("Ordered"), ok);
	put(object, "data", data(alert, ok), ok);
	return object;
}

static int append(const char *bytes, size_t len, void *ctx)
{
	return base_buf_add(ctx, bytes, len) ? -1 : 0;
}

enum base_result alert_json(const struct alert *alert, const char *node, uint64_t epoch, uint64_t sequence,
                            base_time made, struct base_buf *out)
{
	bool ok = true;
	if (!alert->placed)
		return BASE_INVALID;
	json_t *object = envelope(alert, node, epoch, sequence, made, &ok);
	enum base_result result = BASE_OK;
	if (!ok || !object)
		result = BASE_NO_MEMORY;
	else if (json_dump_callback(object, append, out, JSON_COMPACT))
		result = out->failed ? out->failed : BASE_NO_MEMORY;
	json_decref(object);
	return result;
}
