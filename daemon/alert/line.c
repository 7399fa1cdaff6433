/*
 * The log line: fixed tokens first, foreign text last, quoted and escaped.
 * Every field has its share of the 2 KiB, so that a long one cannot push out
 * another, and is cut between escapes, never inside one.
 */
#include "record.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 2048
#define FEED_ROOM 200
#define NAMES_ROOM 300
#define LINK_ROOM 700

struct line {
	struct base_span class, report, story, language, feed, link, title;
	uint64_t sequence;
	struct alert_names systems, actors;
};

/* A value without quotes: whatever is no plain token becomes "-". */
static void add_token(struct base_buf *out, const char *key, struct base_span value)
{
	bool plain = value.len > 0 && value.len <= 32;
	for (size_t i = 0; plain && i < value.len; i++) {
		char c = value.ptr[i];
		plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
	}
	base_buf_printf(out, " %s=", key);
	if (plain)
		base_buf_add_span(out, value);
	else
		base_buf_add_char(out, '-');
}

/* Append text escaped, at most room bytes; "..." at the end says that something was cut. */
static void add_escaped(struct base_buf *out, struct base_span value, size_t room, struct base_buf *unit)
{
	size_t start = out->len, fits = out->len; /* where the dots could go */
	for (size_t at = 0; at < value.len;) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(value.ptr + at, value.len - at, &c, &valid);
		base_buf_reset(unit);
		base_escape(unit, value.ptr + at, used, BASE_ESCAPE_QUOTED);
		if (out->len - start + unit->len > room) {
			out->len = fits;
			base_buf_add_text(out, "...");
			return;
		}
		base_buf_add_span(out, base_buf_span(unit));
		if (out->len - start + 3 <= room)
			fits = out->len;
		at += used;
	}
}

static void add_text(struct base_buf *out, const char *key, struct base_span value, size_t room, struct base_buf *unit)
{
	base_buf_printf(out, " %s=\"", key);
	add_escaped(out, value, room, unit);
	base_buf_add_char(out, '"');
}

/* Names are left out whole when there is no room. */
static void add_names(struct base_buf *out, const char *key, const struct alert_names *names, struct base_buf *unit)
{
	base_buf_printf(out, " %s=\"", key);
	size_t start = out->len;
	for (size_t i = 0; i < names->count; i++) {
		base_buf_reset(unit);
		base_escape(unit, names->items[i].ptr, names->items[i].len, BASE_ESCAPE_QUOTED);
		if (out->len - start + unit->len + 1 > NAMES_ROOM)
			continue;
		if (out->len > start)
			base_buf_add_char(out, ',');
		base_buf_add_span(out, base_buf_span(unit));
	}
	base_buf_add_char(out, '"');
}

static enum base_result write_line(const struct line *line, struct base_buf *out)
{
	struct base_buf text, unit;
	base_buf_init(&text, 2 * LINE_MAX_LEN);
	base_buf_init(&unit, 16384);
	base_buf_add_text(&text, "alert");
	add_token(&text, "class", line->class);
	add_token(&text, "report", line->report);
	base_buf_printf(&text, " seq=%" PRIu64, line->sequence);
	add_token(&text, "story", line->story);
	add_text(&text, "feed", line->feed, FEED_ROOM, &unit);
	add_token(&text, "lang", line->language.len ? line->language : base_span_of("und"));
	add_names(&text, "systems", &line->systems, &unit);
	add_names(&text, "actors", &line->actors, &unit);
	add_text(&text, "link", line->link, LINK_ROOM, &unit);
	if (!text.failed)
		add_text(&text, "title", line->title, LINE_MAX_LEN - text.len - strlen(" title=\"\""), &unit);
	enum base_result result = text.failed ? text.failed : unit.failed;
	if (!result)
		result = base_buf_add_span(out, base_buf_span(&text));
	base_buf_free(&unit);
	base_buf_free(&text);
	return result;
}

enum base_result alert_log_line(const struct alert *alert, uint64_t sequence, struct base_buf *out)
{
	char story[RECORD_STORY_LEN];
	if (!alert->placed)
		return BASE_INVALID;
	record_story(alert->sketch.story, story);
	const struct line line = {
		.class = base_span_of(match_class_text(alert->class)),
		.report = base_span_of(record_report(alert)),
		.sequence = sequence,
		.story = base_span_of(story),
		.feed = alert->feed_name,
		.language = base_span_of(alert->language),
		.systems = alert->systems,
		.actors = alert->actors,
		.link = alert->link,
		.title = alert->title,
	};
	return write_line(&line, out);
}

/* ---- from stored JSON ------------------------------------------------------ */

static struct base_span string_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) ? (struct base_span){json_string_value(value), json_string_length(value)} : BASE_NONE;
}

/* The strings of a list; *memory is to be freed. */
static enum base_result names_of(const json_t *data, const char *key, struct alert_names *out,
                                 struct base_span **memory)
{
	const json_t *list = json_object_get(data, key);
	size_t count = json_array_size(list), kept = 0;
	*out = (struct alert_names){NULL, 0};
	if (!count)
		return BASE_OK;
	struct base_span *items = calloc(count, sizeof *items);
	if (!items)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		if (json_is_string(item))
			items[kept++] = (struct base_span){json_string_value(item), json_string_length(item)};
	}
	*memory = items;
	*out = (struct alert_names){items, kept};
	return BASE_OK;
}

/* Decimal digits to a number; BASE_SYNTAX for anything else. */
static enum base_result sequence_of(const json_t *root, uint64_t *out)
{
	struct base_span digits = string_of(root, "sequence");
	uint64_t value = 0;
	if (!digits.len || digits.len > 20)
		return BASE_SYNTAX;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = (unsigned)(digits.ptr[i] - '0');
		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return BASE_SYNTAX;
		value = value * 10 + digit;
	}
	*out = value;
	return BASE_OK;
}

enum base_result alert_log_line_of_json(struct base_span json, struct base_buf *out)
{
	struct base_span *systems = NULL, *actors = NULL;
	struct line line = {0};
	json_t *root = json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, NULL);
	const json_t *data = json_object_get(root, "data");
	enum base_result result = json_is_object(data) ? sequence_of(root, &line.sequence) : BASE_SYNTAX;
	if (!result)
		result = names_of(data, "systems", &line.systems, &systems);
	if (!result)
		result = names_of(data, "actors", &line.actors, &actors);
	if (!result) {
		line.class = string_of(data, "class");
		line.report = string_of(data, "report");
		line.story = string_of(data, "story");
		line.feed = string_of(json_object_get(data, "feed"), "name");
		line.language = string_of(data, "language");
		line.link = string_of(data, "link");
		line.title = string_of(data, "title");
		result = write_line(&line, out);
	}
	free(systems);
	free(actors);
	json_decref(root);
	return result;
}
