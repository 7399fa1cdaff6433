/*
 * title: one line of plain text from what publishers put into titles - plain
 * text, HTML, or either of them escaped once too often.
 */
#include "config.h"

#include <string.h>

#include "builder.h"
#include "entity.h"
#include "html.h"

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* A character reference with its semicolon starts here ("&amp;", "&#8217;"). */
static bool is_reference(const char *at, const char *end)
{
	uint32_t code_points[2];
	const char *name = at + 1, *stop = name;

	while (stop < end && stop - name < 32 && (is_letter(*stop) || (*stop >= '0' && *stop <= '9') || *stop == '#'))
		stop++;
	if (stop == end || *stop != ';' || stop == name)
		return false;
	return *name == '#' ? stop - name > 1 : feed_entity_find(name, (size_t)(stop - name), code_points);
}

static bool has_reference(struct base_span text)
{
	const char *end = text.ptr + text.len;

	for (const char *at = text.ptr; at < end && (at = memchr(at, '&', (size_t)(end - at))); at++)
		if (is_reference(at, end))
			return true;
	return false;
}

/* "<p", "</p", "<!": what opens a tag or a comment rather than "a < b". */
static bool has_tag(struct base_span text)
{
	const char *end = text.ptr + text.len;

	for (const char *at = text.ptr; at < end && (at = memchr(at, '<', (size_t)(end - at))); at++)
		if (end - at > 2 && (is_letter(at[1]) || at[1] == '/' || at[1] == '!'))
			return true;
	return false;
}

static bool names_tag(struct base_span name)
{
	static const char *const tags[] = {"a", "b", "i", "p", "u", "em", "br", "li", "ul", "ol", "div", "span",
	                                   "img", "strong", "font", "h1", "h2", "h3", "sup", "sub", "table", "blockquote"};

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (base_span_is_nocase(name, tags[i]))
			return true;
	return false;
}

bool feed_html_is_escaped(struct base_span html)
{
	const char *end = html.ptr + html.len;

	if (html.len == 0 || memchr(html.ptr, '<', html.len))
		return false;
	for (const char *at = html.ptr; (at = memchr(at, '&', (size_t)(end - at))); at++) {
		if (!base_span_starts((struct base_span){at, (size_t)(end - at)}, "&lt;"))
			continue;
		struct base_span name = {at + 4, 0};
		if (name.ptr < end && *name.ptr == '/')
			name.ptr++;
		while (name.ptr + name.len < end && name.len < 12 &&
		       (is_letter(name.ptr[name.len]) || (name.ptr[name.len] >= '1' && name.ptr[name.len] <= '6')))
			name.len++;
		const char *after = name.ptr + name.len;
		bool ends = after < end && (*after == ' ' || *after == '/' || *after == '&' || *after == '\n');
		if (ends && names_tag(name)) /* a later one would look for the same end again */
			return memmem(after, (size_t)(end - after), "&gt;", 4) != NULL;
	}
	return false;
}

/* Markup to one line of text in scratch. */
static enum base_result to_line(struct base_span html, struct base_buf *scratch)
{
	base_buf_reset(scratch);
	enum base_result result = feed_html_to_text(html, scratch);
	for (size_t i = 0; i < scratch->len; i++)
		if (scratch->data[i] == '\n')
			scratch->data[i] = ' ';
	return result == BASE_LIMIT ? BASE_OK : result;
}

/* White space folded, nothing else touched. */
static enum base_result fold(struct base_span text, struct base_buf *scratch)
{
	bool space = false;

	base_buf_reset(scratch);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
			space = scratch->len > 0;
			continue;
		}
		if (space)
			base_buf_add_char(scratch, ' ');
		space = false;
		base_buf_add_char(scratch, c);
	}
	return scratch->failed == BASE_LIMIT ? BASE_OK : scratch->failed;
}

/* Plain text whose references were escaped once too often ("&amp;#8217;"); "<b>" in it stays what it is. */
static enum base_result to_plain_line(struct base_span text, struct base_buf *scratch)
{
	struct base_buf decoded;
	const char *end = text.ptr + text.len;

	base_buf_init(&decoded, scratch->max);
	for (const char *at = text.ptr; at < end;) {
		uint32_t code_points[2] = {0};
		char bytes[4];
		size_t used = *at == '&' && is_reference(at, end) ? feed_entity_read(at + 1, (size_t)(end - at - 1), code_points) : 0;
		if (!used) {
			base_buf_add_char(&decoded, *at++);
			continue;
		}
		for (int i = 0; i < 2 && (i == 0 || code_points[i]); i++) {
			uint32_t c = code_points[i] == 0xA0 || code_points[i] < ' ' ? ' ' : code_points[i];
			base_buf_add(&decoded, bytes, base_utf8_encode(c, bytes));
		}
		at += used + 1;
	}
	enum base_result result = decoded.failed == BASE_LIMIT ? BASE_OK : decoded.failed;
	if (result == BASE_OK)
		result = fold(base_buf_span(&decoded), scratch);
	base_buf_free(&decoded);
	return result;
}

static bool is_tidy(struct base_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c < ' ' || (c == ' ' && (i == 0 || i + 1 == text.len || text.ptr[i + 1] == ' ')))
			return false;
		if (c == 0xC2 || c == 0xE2 || c == 0xEF) /* no-break spaces, soft hyphens and their like may follow */
			return false;
	}
	return true;
}

enum base_result feed_title_text(const struct feed_value *value, struct base_buf *scratch, struct base_span *out)
{
	struct base_span text = base_span_trim(value->text);
	enum base_result result;

	if (text.len == 0) {
		*out = BASE_NONE;
		return BASE_OK;
	}
	/* where nobody said it is HTML, "<word>" is a word */
	bool markup = value->kind == FEED_HTML ? has_tag(text) : value->kind == FEED_MAYBE_HTML && feed_html_has_markup(text);
	bool plain = value->kind == FEED_PLAIN ||
	             (value->kind == FEED_MAYBE_HTML && !markup && memchr(text.ptr, '<', text.len));
	if (!markup && !has_reference(text) && is_tidy(text)) {
		*out = text;
		return BASE_OK;
	}
	if (plain) {
		result = to_plain_line(text, scratch);
		if (result == BASE_OK)
			*out = base_buf_span(scratch);
		return result;
	}
	bool escaped = feed_html_is_escaped(text);
	result = to_line(text, scratch);
	/* "&amp;amp;" and "&lt;b&gt;" in an escaped title: escaped once too often */
	if (result == BASE_OK && (escaped || has_reference(base_buf_span(scratch)))) {
		struct base_buf once = *scratch;
		base_buf_init(scratch, once.max);
		result = to_line(base_buf_span(&once), scratch);
		base_buf_free(&once);
	}
	if (result == BASE_OK)
		*out = base_buf_span(scratch);
	return result;
}
