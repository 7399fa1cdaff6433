/*
 * xml_capture: collects the text of one element. Elements in it are written
 * out again as HTML, without their prefixes.
 */
#include <string.h>

#include "xml_reader.h"

void xml_capture_open(struct xml_reader *r, const struct feed_element *element, enum capture_mode mode,
                      enum feed_kind kind)
{
	r->capture = element;
	r->capture_depth = r->depth;
	r->mode = mode;
	r->kind = kind;
	r->wrapped = false;
	base_buf_reset(&r->text);
}

/* Character data as markup; in attributes the quotes too. */
static void add_escaped(struct base_buf *out, struct base_span text, bool quotes)
{
	const char *from = text.ptr;

	for (const char *at = text.ptr, *end = text.ptr + text.len; at <= end; at++) {
		const char *instead = at == end ? "" : *at == '&' ? "&amp;" : *at == '<' ? "&lt;" : *at == '"' && quotes ? "&quot;" : NULL;
		if (!instead)
			continue;
		base_buf_add(out, from, (size_t)(at - from));
		base_buf_add_text(out, instead);
		from = at + 1;
	}
}

void xml_capture_text(struct xml_reader *r, struct base_span text)
{
	if (r->mode == CAPTURE_MARKUP)
		add_escaped(&r->text, text, false);
	else
		base_buf_add_span(&r->text, text);
}

/* Text that holds elements is markup, and so is what came before them, unless it was HTML anyway. */
static void turn_to_markup(struct xml_reader *r)
{
	struct base_buf before = r->text;

	if (r->kind != FEED_PLAIN) {
		r->mode = CAPTURE_MIXED;
		r->kind = FEED_HTML;
		return;
	}
	base_buf_init(&r->text, before.max);
	if (before.len)
		add_escaped(&r->text, base_buf_span(&before), false);
	base_buf_free(&before);
	r->mode = CAPTURE_MARKUP;
	r->kind = FEED_HTML;
}

static bool takes_tags(const struct xml_reader *r)
{
	return r->mode == CAPTURE_MARKUP || r->mode == CAPTURE_MIXED;
}

static bool is_div(const char *name)
{
	return base_span_is_nocase(base_span_of(name), "div");
}

void xml_capture_start(struct xml_reader *r, const struct xml_tag *tag)
{
	if (r->mode == CAPTURE_TEXT)
		turn_to_markup(r);
	if (!takes_tags(r))
		return;
	if (r->wrapped && r->depth == r->capture_depth + 1 && is_div(tag->name)) {
		r->frames[r->depth - 1].wrapper = true;
		r->wrapped = false;
		return;
	}
	base_buf_add_char(&r->text, '<');
	base_buf_add_text(&r->text, tag->name);
	for (size_t i = 0; i < tag->attribute_count; i++) {
		struct xml_attribute attribute = xml_tag_attribute(tag, i);
		base_buf_add_char(&r->text, ' ');
		if (attribute.prefix) {
			base_buf_add_text(&r->text, attribute.prefix);
			base_buf_add_char(&r->text, ':');
		}
		base_buf_add_text(&r->text, attribute.name);
		base_buf_add_text(&r->text, "=\"");
		/* libxml2 left ampersands escaped, as "&#38;" */
		for (const char *at = attribute.value.ptr, *end = at + attribute.value.len; at < end;) {
			const char *mark = memchr(at, '&', (size_t)(end - at));
			const char *part = mark ? mark : end;
			add_escaped(&r->text, (struct base_span){at, (size_t)(part - at)}, true);
			if (mark)
				base_buf_add_char(&r->text, '&');
			at = mark ? mark + 1 : end;
		}
		base_buf_add_char(&r->text, '"');
	}
	base_buf_add_char(&r->text, '>');
}

/* HTML Living Standard section 13.1.2: these have no end tag. */
static bool is_void(const char *name)
{
	static const char *const names[] = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (base_span_is_nocase(base_span_of(name), names[i]))
			return true;
	return false;
}

void xml_capture_end(struct xml_reader *r, const char *name, struct xml_frame *frame)
{
	if (!takes_tags(r) || frame->wrapper || is_void(name))
		return;
	base_buf_add_text(&r->text, "</");
	base_buf_add_text(&r->text, name);
	base_buf_add_char(&r->text, '>');
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool is_base64(struct base_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (base64_value(c) < 0 && c != '=' && c != ' ' && c != '\n' && c != '\r' && c != '\t')
			return false;
	}
	return true;
}

/* In place (RFC 4648 section 4); what is no text once decoded becomes empty. */
static void decode_base64(struct base_buf *text)
{
	uint32_t bits = 0;
	int count = 0;
	size_t len = 0;

	for (size_t i = 0; i < text->len && text->data[i] != '='; i++) {
		int value = base64_value(text->data[i]);
		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			text->data[len++] = (char)(bits >> count & 0xFF);
		}
	}
	text->len = base_utf8_valid(text->data, len) && !memchr(text->data, '\0', len) ? len : 0;
}

/* By its media type it should be base64, but publishers err: then it stays, unless it must be something binary. */
static void close_base64(struct xml_reader *r)
{
	struct base_buf raw;

	if (!is_base64(base_buf_span(&r->text)))
		return;
	base_buf_init(&raw, r->text.max);
	base_buf_add_span(&raw, base_buf_span(&r->text));
	decode_base64(&r->text);
	if (r->text.len == 0 && r->capture->field != FEED_CONTENT) {
		base_buf_reset(&r->text);
		base_buf_add_span(&r->text, base_buf_span(&raw));
	}
	base_buf_free(&raw);
}

struct base_span xml_capture_close(struct xml_reader *r)
{
	if (r->mode == CAPTURE_BASE64 && r->text.len)
		close_base64(r);
	r->capture = NULL;
	return base_span_trim(base_buf_span(&r->text));
}
