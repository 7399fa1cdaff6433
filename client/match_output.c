/* Items in, findings out, as JSON or for people. */
#include "match_output.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

#define PLAIN_MAX ((size_t)4 << 20)

/* ---- reading ------------------------------------------------------------------------ */

static struct base_span text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value))
		return BASE_NONE;
	return (struct base_span){json_string_value(value), json_string_length(value)};
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "<p>", "</p>", "<a href=...>", "<!--" at the start of rest; not "< 5" or "a <b and c> d". */
static bool is_tag(struct base_span rest)
{
	if (base_span_starts(rest, "<!--") || base_span_starts(rest, "<![CDATA["))
		return true;
	size_t at = rest.len > 1 && rest.ptr[1] == '/' ? 2 : 1, name = at;
	while (at < rest.len && (is_letter(rest.ptr[at]) || (at > name && rest.ptr[at] >= '0' && rest.ptr[at] <= '9')))
		at++;
	const char *next = at < rest.len ? memchr(rest.ptr + at, '<', rest.len - at) : NULL;
	size_t limit = next ? (size_t)(next - rest.ptr) : rest.len;
	const char *end = at < limit ? memchr(rest.ptr + at, '>', limit - at) : NULL;
	if (at == name || !end)
		return false;
	struct base_span inside = base_span_trim((struct base_span){rest.ptr + at, (size_t)(end - rest.ptr) - at});
	return inside.len == 0 || base_span_is(inside, "/") || memchr(inside.ptr, '=', inside.len);
}

/* "&amp;", "&#8217;" at the start of rest; not "R&D" or "A & B". */
static bool is_reference(struct base_span rest)
{
	size_t at = rest.len > 1 && rest.ptr[1] == '#' ? 2 : 1, start = at;
	while (at < rest.len && at < 34 && (is_letter(rest.ptr[at]) || (rest.ptr[at] >= '0' && rest.ptr[at] <= '9')))
		at++;
	return at > start && at < rest.len && rest.ptr[at] == ';';
}

/* Bounded: after some signs that are neither it is no HTML. */
static bool looks_like_html(struct base_span text)
{
	size_t tries = 0;
	for (size_t i = 0; i < text.len && tries < 1000; i++) {
		struct base_span rest = {text.ptr + i, text.len - i};
		tries += text.ptr[i] == '<' || text.ptr[i] == '&';
		if ((text.ptr[i] == '<' && is_tag(rest)) || (text.ptr[i] == '&' && is_reference(rest)))
			return true;
	}
	return false;
}

/* Texts that hold tags or character references become plain text; anything else stays as it is. */
static enum base_result make_plain(struct base_span *text, struct base_buf *plain)
{
	if (!text->ptr || !looks_like_html(*text))
		return BASE_OK;
	enum base_result result = feed_html_to_text(*text, plain);
	if (result && result != BASE_LIMIT)
		return result;
	*text = base_buf_span(plain);
	return BASE_OK;
}

enum base_result output_read_item(struct base_span line, struct output_item *item, struct base_error *err)
{
	json_error_t why;
	json_t *json = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, &why);
	if (!json)
		return base_fail(err, BASE_SYNTAX, "%s", why.text);
	*item = (struct output_item){.json = json};
	base_buf_init(&item->plain, PLAIN_MAX);
	base_buf_init(&item->plain_title, PLAIN_MAX);
	const json_t *id = json_object_get(json, "id");
	char *dumped = id ? json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	enum base_result result = BASE_OK;
	if (!json_is_object(json) || !dumped)
		result = base_fail(err, BASE_SYNTAX, "an object with an \"id\" is expected");
	item->id = base_span_of(dumped);
	item->title = text_of(json, "title");
	item->text = text_of(json, "text");
	item->language = text_of(json, "lang");
	item->source = text_of(json, "source");
	if (!result)
		result = make_plain(&item->text, &item->plain);
	if (!result)
		result = make_plain(&item->title, &item->plain_title);
	if (result)
		output_free_item(item);
	return result;
}

void output_free_item(struct output_item *item)
{
	free((void *)(uintptr_t)item->id.ptr);
	base_buf_free(&item->plain);
	base_buf_free(&item->plain_title);
	json_decref(item->json);
}

/* ---- JSON --------------------------------------------------------------------------- */

json_t *output_texts(const struct base_span *list, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(array, json_stringn(list[i].ptr, list[i].len));
	return array;
}

static json_t *evidence_json(const struct match_event *event)
{
	json_t *array = json_array();
	for (size_t i = 0; i < event->evidence_count; i++) {
		const struct match_evidence *evidence = &event->evidence[i];
		json_t *marks = json_array();
		for (size_t m = 0; m < evidence->mark_count; m++)
			(void)json_array_append_new(marks, json_pack("[I,I]", (json_int_t)evidence->marks[m].start,
			                                             (json_int_t)evidence->marks[m].end));
		(void)json_array_append_new(
		    array, json_pack("{s:o,s:o}", "text", json_stringn(evidence->text.ptr, evidence->text.len), "marks", marks));
	}
	return array;
}

static json_t *quantities_json(const struct match_event *event)
{
	json_t *array = json_array();
	for (size_t i = 0; i < event->quantity_count; i++)
		(void)json_array_append_new(
		    array, json_pack("{s:I,s:o}", "count", (json_int_t)event->quantities[i].count, "of",
		                     json_stringn(event->quantities[i].of.ptr, event->quantities[i].of.len)));
	return array;
}

static json_t *money_json(const struct match_event *event)
{
	json_t *array = json_array();
	for (size_t i = 0; i < event->money_count; i++)
		(void)json_array_append_new(array, json_pack("{s:I,s:s}", "amount", (json_int_t)event->money[i].amount,
		                                             "currency", event->money[i].currency));
	return array;
}

static json_t *event_json(const struct match_result *found, const struct match_event *event)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "class", match_class_text(event->class), "cameo",
	                 match_class_cameo(event->class), "rule", event->rule, "systems",
	                 output_texts(found->systems, found->system_count), "actors", output_texts(found->actors, found->actor_count),
	                 "supplier", output_texts(event->supplier, event->supplier_count), "recipient",
	                 output_texts(event->recipient, event->recipient_count), "quantities", quantities_json(event), "money",
	                 money_json(event), "evidence", evidence_json(event));
}

json_t *output_result_json(const struct match_result *found, struct base_span id)
{
	json_t *events = json_array(), *root = json_object();
	for (size_t i = 0; i < found->event_count; i++)
		(void)json_array_append_new(events, event_json(found, &found->events[i]));
	if (id.ptr)
		(void)json_object_set_new(root, "id", json_loadb(id.ptr, id.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	(void)json_object_set_new(root, "language", json_string(found->language));
	(void)json_object_set_new(root, "systems", output_texts(found->systems, found->system_count));
	(void)json_object_set_new(root, "actors", output_texts(found->actors, found->actor_count));
	(void)json_object_set_new(root, "alerts", events);
	if (json_array_size(events) == found->event_count)
		return root;
	json_decref(root);
	return NULL;
}

enum base_result output_line(json_t *root, struct base_buf *out)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return BASE_NO_MEMORY;
	(void)base_escape(out, text, strlen(text), BASE_ESCAPE_JSON);
	free(text);
	return base_buf_add_char(out, '\n');
}

enum base_result output_json(const struct match_result *found, struct base_span id, struct base_buf *out)
{
	return output_line(output_result_json(found, id), out);
}

/* ---- for people ----------------------------------------------------------------------- */

static void add_evidence(const struct match_evidence *evidence, bool colour, struct base_buf *out)
{
	const char *open = colour ? "\033[1;31m" : "[", *close = colour ? "\033[0m" : "]";
	size_t point = 0, mark = 0;
	(void)base_buf_add_text(out, "  ");
	for (size_t at = 0; at < evidence->text.len; point++) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(evidence->text.ptr + at, evidence->text.len - at, &c, &valid);
		if (mark < evidence->mark_count && evidence->marks[mark].start == point)
			(void)base_buf_add_text(out, open);
		(void)base_escape(out, evidence->text.ptr + at, used, BASE_ESCAPE_LINE);
		if (mark < evidence->mark_count && evidence->marks[mark].end == point + 1) {
			(void)base_buf_add_text(out, close);
			mark++;
		}
		at += used;
	}
	(void)base_buf_add_char(out, '\n');
}

static void add_names(const char *what, const struct base_span *list, size_t count, struct base_buf *out)
{
	if (count == 0)
		return;
	(void)base_buf_printf(out, "%s: ", what);
	for (size_t i = 0; i < count; i++)
		(void)base_buf_printf(out, "%s%.*s", i ? ", " : "", (int)list[i].len, list[i].ptr);
	(void)base_buf_add_char(out, '\n');
}

static void add_amounts(const struct match_event *event, struct base_buf *out)
{
	for (size_t i = 0; i < event->quantity_count; i++)
		(void)base_buf_printf(out, "  quantity: %llu %.*s\n", (unsigned long long)event->quantities[i].count,
		                      (int)event->quantities[i].of.len, event->quantities[i].of.ptr);
	for (size_t i = 0; i < event->money_count; i++)
		(void)base_buf_printf(out, "  money: %llu %s\n", (unsigned long long)event->money[i].amount,
		                      event->money[i].currency);
}

enum base_result output_text(const struct match_result *found, bool colour, struct base_buf *out)
{
	for (size_t i = 0; i < found->event_count; i++) {
		const struct match_event *event = &found->events[i];
		(void)base_buf_printf(out, "%s [%s] by rule %s\n", match_class_text(event->class),
		                      match_class_cameo(event->class), event->rule);
		for (size_t e = 0; e < event->evidence_count; e++)
			add_evidence(&event->evidence[e], colour, out);
		add_names("  supplier", event->supplier, event->supplier_count, out);
		add_names("  recipient", event->recipient, event->recipient_count, out);
		add_amounts(event, out);
	}
	if (found->event_count == 0)
		(void)base_buf_add_text(out, "no event\n");
	add_names("systems", found->systems, found->system_count, out);
	add_names("actors", found->actors, found->actor_count, out);
	return out->failed;
}
