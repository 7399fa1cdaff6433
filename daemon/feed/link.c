/*
 * link: relative links made absolute (RFC 3986, section 5).
 */
#include <string.h>

#include "wirewatch/feed.h"

/* A reference in its five parts; a part that is not there has ptr == NULL, but the path is always there. */
struct parts {
	struct base_span scheme, authority, path, query, fragment;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The length of the scheme at the start of text, without its colon; 0 if there is none (section 3.1). */
static size_t scheme_len(struct base_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == ':')
			return i;
		if (!is_letter(c) && (i == 0 || (strchr("+-.0123456789", c) == NULL || c == '\0')))
			return 0;
	}
	return 0;
}

static struct base_span take(struct base_span *text, size_t len)
{
	struct base_span taken = {text->ptr, len};

	text->ptr += len;
	text->len -= len;
	return taken;
}

/* How far it is to the first of the characters in stops. */
static size_t distance(struct base_span text, const char *stops)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\0' && strchr(stops, text.ptr[i]) != NULL)
			return i;
	}
	return text.len;
}

static struct parts split(struct base_span text)
{
	struct parts parts = {.path = {"", 0}};
	size_t len;

	text = base_span_trim(text);
	if (text.ptr == NULL)
		return parts;
	len = scheme_len(text);
	if (len > 0) {
		parts.scheme = take(&text, len);
		take(&text, 1);
	}
	if (base_span_starts(text, "//")) {
		take(&text, 2);
		parts.authority = take(&text, distance(text, "/?#"));
	}
	parts.path = take(&text, distance(text, "?#"));
	if (text.len > 0 && text.ptr[0] == '?') {
		take(&text, 1);
		parts.query = take(&text, distance(text, "#"));
	}
	if (text.len > 0) {
		take(&text, 1);
		parts.fragment = text;
	}
	return parts;
}

static void write_encoded(struct base_buf *out, struct base_span text)
{
	size_t start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : 0;

		if (i < text.len && c > ' ' && c != 0x7F)
			continue;
		base_buf_add(out, text.ptr + start, i - start);
		if (i < text.len)
			base_buf_printf(out, "%%%02X", c);
		start = i + 1;
	}
}

static void write_part(struct base_buf *out, const char *before, struct base_span part, const char *after)
{
	if (part.ptr == NULL)
		return;
	base_buf_add_text(out, before);
	write_encoded(out, part);
	base_buf_add_text(out, after);
}

/* Takes the last segment of the path that starts at floor away, with the slash before it. */
static void drop_segment(struct base_buf *out, size_t floor)
{
	while (out->len > floor && out->data[out->len - 1] != '/')
		out->len--;
	if (out->len > floor)
		out->len--;
}

/* Section 5.2.4. Each byte is written once and taken away at most once. */
static void write_without_dots(struct base_buf *out, struct base_span path)
{
	size_t floor = out->len;

	while (path.len > 0) {
		if (base_span_starts(path, "../")) {
			take(&path, 3);
		} else if (base_span_starts(path, "./") || base_span_starts(path, "/./")) {
			take(&path, 2);
		} else if (base_span_is(path, "/.")) {
			base_buf_add_char(out, '/');
			return;
		} else if (base_span_starts(path, "/../")) {
			take(&path, 3);
			drop_segment(out, floor);
		} else if (base_span_is(path, "/..")) {
			drop_segment(out, floor);
			base_buf_add_char(out, '/');
			return;
		} else if (base_span_is(path, ".") || base_span_is(path, "..")) {
			return;
		} else {
			struct base_span rest = {path.ptr + 1, path.len - 1};

			write_encoded(out, take(&path, 1 + distance(rest, "/")));
		}
	}
}

/* Section 5.2.3: the base's path up to its last slash, then the reference's. */
static enum base_result merge(const struct parts *base, struct base_span path, struct base_buf *merged)
{
	size_t keep = base->path.len;

	while (keep > 0 && base->path.ptr[keep - 1] != '/')
		keep--;
	if (base->authority.ptr != NULL && base->path.len == 0)
		base_buf_add_char(merged, '/');
	base_buf_add(merged, base->path.ptr, keep);
	base_buf_add_span(merged, path);
	return merged->failed;
}

/* Section 5.2.2. */
static enum base_result write_target(const struct parts *base, const struct parts *reference, struct base_buf *out)
{
	const struct parts *authority =
		reference->scheme.ptr != NULL || reference->authority.ptr != NULL ? reference : base;
	struct base_span query = reference->query;
	struct base_buf merged;
	enum base_result result = BASE_OK;

	base_buf_init(&merged, base->path.len + reference->path.len + 1);
	write_part(out, "", reference->scheme.ptr != NULL ? reference->scheme : base->scheme, ":");
	write_part(out, "//", authority->authority, "");
	if (authority == reference || base_span_starts(reference->path, "/")) {
		write_without_dots(out, reference->path);
	} else if (reference->path.len == 0) {
		write_encoded(out, base->path);
		if (query.ptr == NULL)
			query = base->query;
	} else {
		result = merge(base, reference->path, &merged);
		write_without_dots(out, base_buf_span(&merged));
	}
	write_part(out, "?", query, "");
	write_part(out, "#", reference->fragment, "");
	base_buf_free(&merged);
	return result != BASE_OK ? result : out->failed;
}

enum base_result feed_link_resolve(struct base_span base, struct base_span reference, struct base_buf *out)
{
	struct parts from = split(base), to = split(reference);
	size_t before = out->len;
	enum base_result result;

	if (to.scheme.ptr == NULL && from.scheme.ptr == NULL)
		return BASE_INVALID;
	result = write_target(&from, &to, out);
	if (result != BASE_OK)
		out->len = before;
	if (out->data != NULL)
		out->data[out->len] = '\0';
	return result;
}
