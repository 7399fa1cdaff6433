/* json_repair: one pass over JSON that jansson refused. */
#include "json_repair.h"

#include <string.h>

#define DEEPEST 64

struct json_repair {
	const char *at, *end;
	struct base_buf *out;
	struct feed_builder *builder;
	char open[DEEPEST]; /* the brackets that will close what is open */
	size_t depth;
	size_t keep;        /* of out: up to the last complete item */
};

static unsigned hex4(const char *at, const char *end)
{
	unsigned value = 0;

	if (end - at < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (digit < 0)
			return 0;
		value = value * 16 + (unsigned)digit;
	}
	return value;
}

static bool is_surrogate(unsigned value, unsigned first)
{
	return (value & 0xFC00) == first;
}

/* r->at is at a backslash within a string. */
static void mend_escape(struct json_repair *r)
{
	const char *at = r->at;
	size_t len = 2;

	if (r->end - at < 2 || !memchr("\"\\/bfnrtu", at[1], 9)) {
		feed_builder_repair(r->builder, "unknown escape");
		base_buf_add_text(r->out, "\\\\");
		r->at++;
		return;
	}
	if (at[1] == 'u') {
		unsigned value = hex4(at + 2, r->end);
		bool pair = is_surrogate(value, 0xD800) && r->end - at >= 12 && at[6] == '\\' && at[7] == 'u' &&
		            is_surrogate(hex4(at + 8, r->end), 0xDC00);
		len = pair ? 12 : 6;
		if (!pair && (is_surrogate(value, 0xD800) || is_surrogate(value, 0xDC00))) {
			feed_builder_repair(r->builder, "half of a surrogate pair");
			base_buf_add_text(r->out, "\\ufffd");
			r->at += len;
			return;
		}
	}
	if (len > (size_t)(r->end - at))
		len = (size_t)(r->end - at);
	base_buf_add(r->out, at, len);
	r->at += len;
}

static void mend_string(struct json_repair *r)
{
	base_buf_add_char(r->out, *r->at++);
	while (r->at < r->end && *r->at != '"') {
		const char *from = r->at;
		while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= ' ')
			r->at++;
		base_buf_add(r->out, from, (size_t)(r->at - from));
		if (r->at == r->end || *r->at == '"')
			break;
		if (*r->at == '\\') {
			mend_escape(r);
		} else {
			feed_builder_repair(r->builder, "control character");
			base_buf_add_text(r->out, *r->at == '\n' ? "\\n" : *r->at == '\r' || *r->at == '\t' ? " " : "");
			r->at++;
		}
	}
	if (r->at < r->end)
		base_buf_add_char(r->out, *r->at++);
}

/* A comma with nothing after it but a closing bracket or another comma. */
static bool is_idle_comma(const struct json_repair *r)
{
	const char *at = r->at + 1;

	while (at < r->end && memchr(" \t\r\n", *at, 4))
		at++;
	return at == r->end || *at == ']' || *at == '}' || *at == ',';
}

static enum base_result mend_token(struct json_repair *r)
{
	char c = *r->at;

	if (c == '"') {
		mend_string(r);
		return BASE_OK;
	}
	if (c == '{' || c == '[') {
		if (r->depth == DEEPEST)
			return BASE_LIMIT;
		r->open[r->depth++] = c == '{' ? '}' : ']';
	} else if ((c == '}' || c == ']') && r->depth && r->open[r->depth - 1] == c) {
		r->depth--;
	} else if (c == ',' && is_idle_comma(r)) {
		feed_builder_repair(r->builder, "comma too many");
		r->at++;
		return BASE_OK;
	} else if (c == '\0') {
		feed_builder_repair(r->builder, "control character");
		r->at++;
		return BASE_OK;
	}
	base_buf_add_char(r->out, c);
	r->at++;
	if (c == '}' && r->depth == 2 && r->open[1] == ']')
		r->keep = r->out->len;
	return BASE_OK;
}

enum base_result feed_json_repair(struct base_span json, struct base_buf *out, struct feed_builder *builder)
{
	struct json_repair r = {.at = json.ptr, .end = json.ptr + json.len, .out = out, .builder = builder};
	enum base_result result = BASE_OK;

	while (r.at < r.end && result == BASE_OK) {
		result = mend_token(&r);
		if (r.depth == 0) /* what follows the object is none of its */
			break;
	}
	if (result == BASE_OK && r.depth && r.keep) {
		feed_builder_truncated(builder);
		out->len = r.keep;
		base_buf_add_text(out, "]}");
	}
	if (result == BASE_OK && out->failed != BASE_OK)
		result = out->failed;
	return result == BASE_OK ? builder->failed : result;
}
