/* Fuzz target: HTML and plain text to the text that rules read. */
#include <stdlib.h>
#include <string.h>

#include "daemon/feed/html.h"
#include "wirewatch/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(enum base_result result, const struct base_buf *text)
{
	if (result != BASE_OK && result != BASE_LIMIT)
		abort();
	if (text->len > text->max || !base_utf8_valid(text->data == NULL ? "" : text->data, text->len))
		abort();
	if (text->len > 0 && (memchr(text->data, '\0', text->len) != NULL || strchr(" \n", text->data[0]) != NULL))
		abort();
	if (text->len > 0 && result == BASE_OK && strchr(" \n", text->data[text->len - 1]) != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct base_span input = {(const char *)bytes, len};
	struct base_buf text;

	for (size_t max = 8 * len + 16; max > 0; max = max > 20 ? 20 : 0) { /* once with room, once without */
		base_buf_init(&text, max);
		check(feed_html_to_text(input, &text), &text);
		base_buf_free(&text);
		base_buf_init(&text, max);
		check(feed_plain_to_text(input, &text), &text);
		base_buf_free(&text);
	}
	return 0;
}
