/*
 * repair_tag: writes tags anew, so that attributes are well formed and every
 * element that is closed was opened and the other way round.
 */
#include "config.h"

#include <string.h>

#include "repair.h"

#define MOST_MISTAKES 20000
#define MOST_TAGS 500000
#define LONGEST_NAME 256

struct attributes {
	struct base_span names[REPAIR_ATTRIBUTES];
	size_t count;
};

static bool is_name_start(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool same_name(struct base_span a, struct base_span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.ptr[i] != b.ptr[i] && ((a.ptr[i] ^ b.ptr[i]) != 32 || !is_name_start(a.ptr[i])))
			return false;
	return true;
}

static struct base_span read_name(const char *at, const char *end)
{
	const char *stop = at;

	if (at < end && is_name_start(*at))
		while (stop < end && stop - at <= LONGEST_NAME && is_name(*stop))
			stop++;
	if (stop - at > LONGEST_NAME)
		stop = at + base_utf8_clip(at, (size_t)(stop - at), LONGEST_NAME);
	while (stop > at && stop[-1] == ':')
		stop--;
	return (struct base_span){at, (size_t)(stop - at)};
}

static void mistake(struct repair *r, enum repair_mark mark)
{
	repair_note(r, mark);
	if (++r->mistakes > MOST_MISTAKES && r->builder->failed == BASE_OK)
		r->builder->failed = BASE_LIMIT;
}

/* ---- prefixes ------------------------------------------------------------------------ */

static bool listed(const struct base_span *list, size_t count, struct base_span name)
{
	for (size_t i = 0; i < count; i++)
		if (base_span_equal(list[i], name))
			return true;
	return false;
}

static void list(struct base_span *names, size_t *count, struct base_span name)
{
	if (*count < REPAIR_PREFIXES && !listed(names, *count, name))
		names[(*count)++] = name;
}

static struct base_span prefix_of(struct base_span name)
{
	const char *colon = memchr(name.ptr, ':', name.len);

	return colon ? (struct base_span){name.ptr, (size_t)(colon - name.ptr)} : BASE_NONE;
}

static void note_prefix(struct repair *r, struct base_span name)
{
	struct base_span prefix = prefix_of(name);

	if (prefix.len && !base_span_is(prefix, "xml") && !base_span_is(prefix, "xmlns") &&
	    !listed(r->declared, r->declared_count, prefix))
		list(r->missing, &r->missing_count, prefix);
}

static void note_declaration(struct repair *r, struct base_span attribute)
{
	if (base_span_starts(attribute, "xmlns:"))
		list(r->declared, &r->declared_count, (struct base_span){attribute.ptr + 6, attribute.len - 6});
}

/* ---- the stack of open elements ------------------------------------------------------- */

static bool is_entry(struct base_span name)
{
	return base_span_is_nocase(name, "item") || base_span_is_nocase(name, "entry");
}

static void close_top(struct repair *r)
{
	base_buf_add_text(r->out, "</");
	base_buf_add_span(r->out, r->open[--r->depth]);
	base_buf_add_char(r->out, '>');
	if (r->entry > r->depth)
		r->entry = 0;
}

static void close_down_to(struct repair *r, size_t depth)
{
	while (r->depth > depth) {
		mistake(r, REPAIR_UNCLOSED);
		close_top(r);
	}
}

/* In HTML these are never closed. */
static bool is_void(struct base_span name)
{
	static const char *const names[] = {"br", "hr", "img", "input", "wbr"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (base_span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* Short fields of an entry: no element of an entry can stand in them. */
static bool is_short_field(struct base_span name)
{
	static const char *const names[] = {"title", "link", "guid", "pubDate", "category", "comments", "updated", "published", "id"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (base_span_is_nocase(name, names[i]))
			return true;
	return false;
}

/* Elements that must have ended where this one starts, though nobody said so. */
static void close_forgotten(struct repair *r, struct base_span name)
{
	if (is_entry(name) && r->entry > 1) /* the root stays open, even one that looks like an entry */
		close_down_to(r, r->entry - 1);
	if (!r->entry || r->depth <= r->entry)
		return;
	struct base_span top = r->open[r->depth - 1];
	bool field = is_short_field(name) || base_span_is_nocase(name, "description");
	if (r->depth == r->entry + 1 && field && is_short_field(top))
		close_down_to(r, r->entry);
	else if ((base_span_is_nocase(name, "p") || base_span_is_nocase(name, "li")) && same_name(top, name))
		close_down_to(r, r->depth - 1);
}

/* ---- attributes -------------------------------------------------------------------------- */

/* A quoted value; false if its quote is never closed, or closed by another attribute's. */
static bool read_quoted(struct repair *r, const char **at, struct base_span *value)
{
	char quote = **at;
	bool *none = &r->no_quote[quote == '\''];
	const char *close = *none ? NULL : memchr(*at + 1, quote, (size_t)(r->end - *at - 1));

	*none = !close;
	if (!close)
		return false;
	*value = (struct base_span){*at + 1, (size_t)(close - *at - 1)};
	const char *after = close + 1;
	bool ends = after == r->end || is_space(*after) || *after == '/' || *after == '>' || *after == '?';
	if (!ends && memchr(value->ptr, '<', value->len))
		return false;
	*at = after;
	return true;
}

static struct base_span read_value(struct repair *r, const char **at)
{
	struct base_span value;

	if (*at < r->end && (**at == '"' || **at == '\'') && read_quoted(r, at, &value))
		return value;
	repair_note(r, REPAIR_ATTRIBUTE);
	if (*at < r->end && (**at == '"' || **at == '\''))
		++*at;
	value = (struct base_span){*at, 0};
	while (*at < r->end && !is_space(**at) && **at != '>' && **at != '<')
		++*at;
	value.len = (size_t)(*at - value.ptr);
	return value;
}

static void add_attribute(struct repair *r, struct attributes *seen, struct base_span name, struct base_span value)
{
	if (seen->count == REPAIR_ATTRIBUTES || listed(seen->names, seen->count, name)) {
		repair_note(r, REPAIR_ATTRIBUTE);
		return;
	}
	seen->names[seen->count++] = name;
	note_declaration(r, name);
	base_buf_add_char(r->out, ' ');
	base_buf_add_span(r->out, name);
	base_buf_add_text(r->out, "=\"");
	repair_text(r, value, true);
	base_buf_add_char(r->out, '"');
}

/* All attributes of a tag, to out. Stops at '>', '/>', '<' or the end. */
static const char *mend_attributes(struct repair *r, const char *at, struct attributes *seen)
{
	while (at < r->end && *at != '>' && *at != '<') {
		if (is_space(*at) || *at == '/') {
			if (*at == '/' && at + 1 < r->end && at[1] == '>')
				return at;
			at++;
			continue;
		}
		struct base_span name = read_name(at, r->end);
		if (name.len == 0) {
			repair_note(r, REPAIR_ATTRIBUTE);
			at++;
			continue;
		}
		at += name.len;
		const char *equals = at;
		while (equals < r->end && is_space(*equals))
			equals++;
		struct base_span value = name;
		if (equals < r->end && *equals == '=') {
			at = equals + 1;
			while (at < r->end && is_space(*at))
				at++;
			value = read_value(r, &at);
		} else {
			repair_note(r, REPAIR_ATTRIBUTE);
		}
		add_attribute(r, seen, name, value);
	}
	return at;
}

/* ---- tags ----------------------------------------------------------------------------------- */

static void open_element(struct repair *r, struct base_span name, bool empty)
{
	if (r->depth == 0)
		r->root_end = r->out->len;
	if (empty) {
		base_buf_add_text(r->out, "/>");
		return;
	}
	base_buf_add_char(r->out, '>');
	r->open[r->depth++] = name;
	if (is_entry(name) && !r->entry)
		r->entry = r->depth;
}

bool repair_start_tag(struct repair *r)
{
	struct base_span name = read_name(r->at + 1, r->end);
	const char *at = r->at + 1 + name.len;
	struct attributes seen = {.count = 0};

	if (name.len == 0 || (at < r->end && !is_space(*at) && *at != '>' && *at != '/' && *at != '<'))
		return false;
	close_forgotten(r, name);
	if (r->depth == REPAIR_DEPTH || ++r->tags > MOST_TAGS) {
		if (r->builder->failed == BASE_OK)
			r->builder->failed = BASE_LIMIT;
		return true;
	}
	size_t before = r->out->len;
	base_buf_add_char(r->out, '<');
	base_buf_add_span(r->out, name);
	at = mend_attributes(r, at, &seen);
	if (at == r->end) { /* cut off within the tag */
		r->out->len = before;
		r->at = r->end;
		r->cut = true;
		return true;
	}
	for (size_t i = 0; i < seen.count; i++)
		note_prefix(r, seen.names[i]);
	note_prefix(r, name);
	bool empty = *at == '/' || (r->depth > 0 && is_void(name));
	if (*at == '<')
		repair_note(r, REPAIR_LESS_THAN);
	open_element(r, name, empty && r->depth > 0);
	r->at = *at == '/' ? at + 2 : *at == '>' ? at + 1 : at;
	return true;
}

bool repair_end_tag(struct repair *r)
{
	struct base_span name = read_name(r->at + 2, r->end);
	size_t index = r->depth;

	if (name.len == 0)
		return false;
	const char *at = name.ptr + name.len;
	while (at < r->end && *at != '>' && *at != '<')
		at++;
	if (at == r->end) {
		r->at = r->end;
		r->cut = true;
		return true;
	}
	r->at = *at == '>' ? at + 1 : at;
	if (is_void(name))
		return true;
	while (index > 0 && !same_name(r->open[index - 1], name))
		index--;
	if (index == 0) {
		mistake(r, REPAIR_STRAY);
		return true;
	}
	/* the root stays open to the end: what follows it is not lost */
	close_down_to(r, index);
	if (index == 1)
		r->root_closed = true;
	else
		close_top(r);
	return true;
}

/* Prefixes used without a declaration get one at the root; the prefix itself tells what they mean. */
static enum base_result declare_prefixes(struct repair *r)
{
	struct base_buf more;

	base_buf_init(&more, REPAIR_PREFIXES * (2 * LONGEST_NAME + 64));
	for (size_t i = 0; i < r->missing_count; i++) {
		struct base_span prefix = r->missing[i];
		if (listed(r->declared, r->declared_count, prefix))
			continue;
		feed_builder_repair(r->builder, "undeclared prefix %.*s", (int)prefix.len, prefix.ptr);
		base_buf_printf(&more, " xmlns:%.*s=\"urn:undeclared:%.*s\"", (int)prefix.len, prefix.ptr, (int)prefix.len, prefix.ptr);
	}
	enum base_result result = more.failed;
	if (result == BASE_OK && more.len)
		result = base_buf_reserve(r->out, more.len);
	if (result == BASE_OK && more.len) {
		char *place = r->out->data + r->root_end;
		memmove(place + more.len, place, r->out->len - r->root_end);
		memcpy(place, more.data, more.len);
		r->out->len += more.len;
	}
	base_buf_free(&more);
	return result;
}

enum base_result repair_finish(struct repair *r)
{
	enum base_result result = BASE_OK;

	if (r->root_end)
		result = declare_prefixes(r);
	if (result != BASE_OK)
		return result;
	if (r->root_closed) {
		close_down_to(r, 1);
		close_top(r);
	}
	return r->out->failed;
}
