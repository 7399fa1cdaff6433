/*
 * opml_write: feed lists (OPML 2.0, http://opml.org/spec2.opml), written.
 */
#include "wirewatch/feed.h"

/* XML 1.0, sections 2.2 and 2.4: what may not stand in an attribute. */
static void write_character(struct base_buf *out, uint32_t c, const char *bytes, size_t len)
{
	if (c == '&')
		base_buf_add_text(out, "&amp;");
	else if (c == '<')
		base_buf_add_text(out, "&lt;");
	else if (c == '"')
		base_buf_add_text(out, "&quot;");
	else if (c == '\t' || c == '\n' || c == '\r')
		base_buf_printf(out, "&#%u;", (unsigned)c);
	else if (c >= ' ' && c != 0xFFFE && c != 0xFFFF)
		base_buf_add(out, bytes, len);
}

static void write_attribute(struct base_buf *out, const char *name, struct base_span value)
{
	if (value.ptr == NULL)
		return;
	base_buf_printf(out, " %s=\"", name);
	for (size_t at = 0; at < value.len;) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(value.ptr + at, value.len - at, &c, &valid);

		write_character(out, c, valid ? value.ptr + at : "\xEF\xBF\xBD", valid ? used : 3);
		at += used;
	}
	base_buf_add_text(out, "\"");
}

static void indent(struct base_buf *out, size_t depth)
{
	for (size_t i = 0; i < depth + 2; i++)
		base_buf_add_text(out, "  ");
}

static void write_feed(struct base_buf *out, const struct feed_outline *outline)
{
	indent(out, outline->tag_count);
	base_buf_add_text(out, "<outline type=\"rss\"");
	write_attribute(out, "text", outline->name.ptr != NULL ? outline->name : outline->url);
	write_attribute(out, "xmlUrl", outline->url);
	write_attribute(out, "language", outline->language);
	base_buf_add_text(out, "/>\n");
}

static size_t shared_folders(const struct feed_outline *a, const struct feed_outline *b)
{
	size_t same = 0;

	while (same < a->tag_count && same < b->tag_count && base_span_equal(a->tags[same], b->tags[same]))
		same++;
	return same;
}

static void close_folders(struct base_buf *out, size_t from, size_t to)
{
	while (from > to) {
		indent(out, --from);
		base_buf_add_text(out, "</outline>\n");
	}
}

static void open_folders(struct base_buf *out, const struct feed_outline *outline, size_t from)
{
	for (size_t i = from; i < outline->tag_count; i++) {
		indent(out, i);
		base_buf_add_text(out, "<outline");
		write_attribute(out, "text", outline->tags[i]);
		base_buf_add_text(out, ">\n");
	}
}

enum base_result feed_opml_write(const struct feed_outline *outlines, size_t count, struct base_buf *out)
{
	static const struct feed_outline none = {.tag_count = 0};
	const struct feed_outline *before = &none;

	base_buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n"
						   "  <head>\n    <title>Feeds of wirewatch</title>\n  </head>\n  <body>\n");
	for (size_t i = 0; i < count; i++) {
		size_t same = shared_folders(before, &outlines[i]);

		close_folders(out, before->tag_count, same);
		open_folders(out, &outlines[i], same);
		write_feed(out, &outlines[i]);
		before = &outlines[i];
	}
	close_folders(out, before->tag_count, 0);
	base_buf_add_text(out, "  </body>\n</opml>\n");
	return out->failed;
}
