/* entry_text: the plain text of an entry that the rules read. */
#include "config.h"

#include <string.h>

#include "builder.h"
#include "html.h"

/* Below this a difference between summary and content is not worth a second text. */
static enum base_result add_text(struct base_span text, bool plain, struct base_buf *out)
{
	if (plain)
		return feed_plain_to_text(text, out);
	if (!feed_html_is_escaped(text))
		return feed_html_to_text(text, out);
	struct base_buf once;
	base_buf_init(&once, text.len + 1);
	enum base_result result = feed_html_to_text(text, &once);
	if (result == BASE_OK || result == BASE_LIMIT)
		result = feed_html_to_text(base_buf_span(&once), out);
	base_buf_free(&once);
	return result;
}

/* Is what ends at out->len, from start on, told by the text before it (or before it by the text)? */
static bool contains(struct base_span text, struct base_span part)
{
	while (part.len && (part.ptr[part.len - 1] == '.' || (unsigned char)part.ptr[part.len - 1] <= ' '))
		part.len--;
	return part.len == 0 || (text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

/* The summary, cut by "..." or "…" as publishers do, is it the start of the content? */
static struct base_span without_ellipsis(struct base_span text)
{
	static const char *const marks[] = {"...", "[...]", "\xE2\x80\xA6", "[\xE2\x80\xA6]"};

	text = base_span_trim(text);
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		size_t len = strlen(marks[i]);
		if (text.len >= len && memcmp(text.ptr + text.len - len, marks[i], len) == 0) {
			text.len -= len;
			return base_span_trim(text);
		}
	}
	return text;
}

enum base_result feed_entry_text(const struct feed_entry *entry, struct base_buf *text)
{
	size_t start = text->len;
	enum base_result result = BASE_OK;

	if (entry->content.len)
		result = add_text(entry->content, entry->content_plain, text);
	if (!entry->summary.len || result != BASE_OK)
		return result;
	if (text->len == start || base_span_equal(entry->summary, entry->content)) {
		text->len = start;
		return add_text(entry->summary, entry->summary_plain, text);
	}

	struct base_buf summary;
	base_buf_init(&summary, text->max);
	result = add_text(entry->summary, entry->summary_plain, &summary);
	struct base_span content = {text->data + start, text->len - start};
	struct base_span said = without_ellipsis(base_buf_span(&summary));
	if ((result == BASE_OK || result == BASE_LIMIT) && said.len && !contains(content, said)) {
		if (!contains(said, content)) {
			result = base_buf_add_text(text, "\n\n");
			if (result == BASE_OK)
				result = base_buf_add_span(text, base_buf_span(&summary));
		} else {
			text->len = start;
			result = base_buf_add_span(text, base_buf_span(&summary));
		}
	}
	base_buf_free(&summary);
	return result;
}
