/*
 * show: a parsed feed as one JSON object, its keys always in the same order.
 */
#include <jansson.h>
#include <stdio.h>

#include "client.h"
#include "print.h"
#include "show.h"

#define MAX_TEXT ((size_t)64 << 20)

/* jansson takes the value's reference also when it fails. */
static void put(json_t *object, const char *key, json_t *value, bool *fine)
{
	if (value == NULL || json_object_set_new(object, key, value) != 0)
		*fine = false;
}

static void append(json_t *array, json_t *value, bool *fine)
{
	if (value == NULL || json_array_append_new(array, value) != 0)
		*fine = false;
}

static json_t *text(struct base_span span)
{
	return span.ptr == NULL || span.len == 0 ? json_null() : json_stringn(span.ptr, span.len);
}

static json_t *moment(base_time time)
{
	char out[BASE_RFC3339_LEN];

	if (time == BASE_TIME_NONE)
		return json_null();
	base_time_format(time, false, out);
	return out[0] == '\0' ? json_null() : json_string(out);
}

static json_t *hours(uint32_t bits, bool *fine)
{
	json_t *array = json_array();

	for (int hour = 0; hour < 24; hour++) {
		if (bits >> hour & 1)
			append(array, json_integer(hour), fine);
	}
	return array;
}

static json_t *days(uint8_t bits, bool *fine)
{
	static const char *const names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
	json_t *array = json_array();

	for (int day = 0; day < 7; day++) {
		if (bits >> day & 1)
			append(array, json_string(names[day]), fine);
	}
	return array;
}

static json_t *plain_text(const struct feed_entry *entry, struct base_buf *buf)
{
	enum base_result result;

	base_buf_reset(buf);
	result = feed_entry_text(entry, buf);
	if (result != BASE_OK && result != BASE_LIMIT)
		return NULL;
	return buf->len == 0 ? json_null() : json_stringn(buf->data, buf->len);
}

static json_t *entry_json(const struct feed_entry *entry, struct base_buf *buf, bool *fine)
{
	json_t *object = json_object(), *categories = json_array();

	for (size_t i = 0; i < entry->category_count; i++)
		append(categories, text(entry->categories[i]), fine);
	put(object, "id", text(entry->id), fine);
	put(object, "title", text(entry->title), fine);
	put(object, "link", text(entry->link), fine);
	put(object, "author", text(entry->author), fine);
	put(object, "published", moment(entry->published), fine);
	put(object, "updated", moment(entry->updated), fine);
	put(object, "language", text(entry->language), fine);
	put(object, "categories", categories, fine);
	put(object, "summary", text(entry->summary), fine);
	put(object, "content", text(entry->content), fine);
	put(object, "text", plain_text(entry, buf), fine);
	return object;
}

static json_t *document_json(const struct feed_document *document, bool *fine)
{
	json_t *object = json_object(), *repairs = json_array(), *entries = json_array();
	struct base_buf buf;

	base_buf_init(&buf, MAX_TEXT);
	for (size_t i = 0; i < document->repair_count; i++)
		append(repairs, json_string(document->repairs[i]), fine);
	for (size_t i = 0; i < document->entry_count && *fine; i++)
		append(entries, entry_json(&document->entries[i], &buf, fine), fine);
	base_buf_free(&buf);
	put(object, "format", json_string(document->format), fine);
	put(object, "title", text(document->title), fine);
	put(object, "link", text(document->link), fine);
	put(object, "language", text(document->language), fine);
	put(object, "ttl", document->ttl > 0 ? json_integer(document->ttl / BASE_SECOND) : json_null(), fine);
	put(object, "hub", text(document->hub), fine);
	put(object, "self", text(document->self), fine);
	put(object, "skip_hours", hours(document->skip_hours, fine), fine);
	put(object, "skip_days", days(document->skip_days, fine), fine);
	put(object, "repairs", repairs, fine);
	put(object, "entries", entries, fine);
	return object;
}

int show_feed_json(const struct feed_document *document)
{
	bool fine = true;
	json_t *object = document_json(document, &fine);
	int code = CLIENT_FAILED;

	if (!fine)
		(void)fputs("wirewatch parse: out of memory\n", stderr);
	else
		code = print_json("parse", object);
	json_decref(object);
	return code;
}
