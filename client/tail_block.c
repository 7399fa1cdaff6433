/*
 * An alert as a block for people.
 */
#include <jansson.h>
#include <string.h>

#include "tail.h"
#include "terminal.h"

#define INDENT "  "

struct block {
	struct base_buf *out;
	bool colour;
};

static void style(const struct block *block, enum terminal_colour colour)
{
	base_buf_add_text(block->out, terminal_start(block->colour, colour));
}

static void foreign(const struct block *block, const char *text, size_t len)
{
	base_escape(block->out, text, len, BASE_ESCAPE_LINE);
}

static void add_string(const struct block *block, const json_t *string)
{
	if (json_is_string(string))
		foreign(block, json_string_value(string), json_string_length(string));
}

static const json_t *get(const json_t *object, const char *name)
{
	return json_object_get(object, name);
}

/* "name: a, b"; nothing for an empty list. */
static bool add_list(const struct block *block, const char *name, const json_t *list)
{
	size_t count = json_array_size(list);

	for (size_t i = 0; i < count; i++) {
		base_buf_add_text(block->out, i == 0 ? name : ", ");
		add_string(block, json_array_get(list, i));
	}
	return count > 0;
}

static void add_head(const struct block *block, const json_t *event, const json_t *data)
{
	const char *report = json_string_value(get(data, "report"));
	bool first = report && strcmp(report, "first") == 0;

	style(block, first ? TERMINAL_BAD : TERMINAL_BOLD);
	add_string(block, get(data, "class"));
	style(block, TERMINAL_PLAIN);
	base_buf_add_text(block->out, first ? " first " : " repeat ");
	style(block, TERMINAL_DIM);
	add_string(block, get(event, "time"));
	base_buf_add_text(block->out, " ");
	add_string(block, get(event, "id"));
	style(block, TERMINAL_PLAIN);
	base_buf_add_text(block->out, "\n" INDENT);
	style(block, TERMINAL_BOLD);
	add_string(block, get(data, "title"));
	style(block, TERMINAL_PLAIN);
	base_buf_add_text(block->out, "\n");
}

static void add_amounts(const struct block *block, const json_t *data)
{
	const json_t *quantities = get(data, "quantities"), *money = get(data, "money");

	for (size_t i = 0; i < json_array_size(quantities); i++) {
		const json_t *item = json_array_get(quantities, i);

		base_buf_printf(block->out, INDENT "quantity: %lld ", (long long)json_integer_value(get(item, "count")));
		add_string(block, get(item, "of"));
		base_buf_add_text(block->out, "\n");
	}
	for (size_t i = 0; i < json_array_size(money); i++) {
		const json_t *item = json_array_get(money, i);

		base_buf_printf(block->out, INDENT "money: %.0f ", json_number_value(get(item, "amount")));
		add_string(block, get(item, "currency"));
		base_buf_add_text(block->out, "\n");
	}
}

static void add_names(const struct block *block, const json_t *data)
{
	const json_t *supplier = get(data, "supplier"), *recipient = get(data, "recipient");

	if (add_list(block, INDENT "systems: ", get(data, "systems")))
		base_buf_add_text(block->out, "\n");
	if (add_list(block, INDENT "actors: ", get(data, "actors")))
		base_buf_add_text(block->out, "\n");
	if (json_array_size(supplier) > 0 || json_array_size(recipient) > 0) {
		if (!add_list(block, INDENT "from: ", supplier))
			base_buf_add_text(block->out, INDENT "from: ?");
		if (!add_list(block, " -> ", recipient))
			base_buf_add_text(block->out, " -> ?");
		base_buf_add_text(block->out, "\n");
	}
	add_amounts(block, data);
}

/* Whether a mark [start, end) begins (or ends) at this code point. */
static bool mark_at(const json_t *marks, size_t edge, size_t code_point)
{
	for (size_t i = 0; i < json_array_size(marks); i++)
		if (json_integer_value(json_array_get(json_array_get(marks, i), edge)) == (json_int_t)code_point)
			return true;
	return false;
}

static void add_marked(const struct block *block, const json_t *evidence)
{
	const json_t *text = get(evidence, "text"), *marks = get(evidence, "marks");
	const char *bytes = json_string_value(text);
	size_t len = json_string_length(text), at = 0, code_point = 0, start = 0;

	if (!bytes)
		return;
	while (at < len) {
		bool opens = mark_at(marks, 0, code_point), closes = mark_at(marks, 1, code_point);
		uint32_t value;
		bool valid;

		if (block->colour && (opens || closes)) {
			foreign(block, bytes + start, at - start);
			start = at;
			style(block, opens ? TERMINAL_BOLD : TERMINAL_PLAIN);
		}
		at += base_utf8_decode(bytes + at, len - at, &value, &valid);
		code_point++;
	}
	foreign(block, bytes + start, len - start);
	style(block, TERMINAL_PLAIN);
}

static void add_evidence(const struct block *block, const json_t *data)
{
	const json_t *evidence = get(data, "evidence");

	for (size_t i = 0; i < json_array_size(evidence); i++) {
		base_buf_add_text(block->out, INDENT "> ");
		add_marked(block, json_array_get(evidence, i));
		base_buf_add_text(block->out, "\n");
	}
}

static void add_source(const struct block *block, const json_t *data)
{
	const json_t *feed = get(data, "feed"), *name = get(feed, "name");

	base_buf_add_text(block->out, INDENT);
	add_string(block, get(data, "link"));
	base_buf_add_text(block->out, "\n" INDENT);
	style(block, TERMINAL_DIM);
	base_buf_add_text(block->out, "feed: ");
	add_string(block, json_string_length(name) > 0 ? name : get(feed, "url"));
	style(block, TERMINAL_PLAIN);
	if (json_is_string(get(data, "revision_of"))) {
		base_buf_add_text(block->out, "\n" INDENT "revises: ");
		add_string(block, get(data, "revision_of"));
	}
	base_buf_add_text(block->out, "\n\n");
}

enum base_result tail_block(struct base_buf *out, struct base_span json, bool colour)
{
	struct block block = {out, colour};
	json_t *event = json_loadb(json.ptr, json.len, 0, NULL);
	const json_t *data = get(event, "data");

	if (!json_is_object(data)) {
		json_decref(event);
		return BASE_SYNTAX;
	}
	add_head(&block, event, data);
	add_names(&block, data);
	add_evidence(&block, data);
	add_source(&block, data);
	json_decref(event);
	return out->failed;
}
