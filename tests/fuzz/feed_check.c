/* Strings are valid UTF-8 without NUL, entries have identities, and their text can be made. */
#include "tests/fuzz/feed_check.h"

#include <stdlib.h>
#include <string.h>

static void check(struct base_span text)
{
	if (text.len && (!base_utf8_valid(text.ptr, text.len) || memchr(text.ptr, '\0', text.len)))
		abort();
}

static void check_entry(const struct feed_entry *entry)
{
	static const struct feed_key none;
	struct base_buf text;

	check(entry->id);
	check(entry->item);
	check(entry->title);
	check(entry->link);
	check(entry->author);
	check(entry->language);
	check(entry->summary);
	check(entry->content);
	check(entry->raw_date);
	for (size_t i = 0; i < entry->category_count; i++)
		check(entry->categories[i]);
	if (!entry->item.len || memcmp(&entry->change, &none, sizeof none) == 0)
		abort();
	base_buf_init(&text, 10000);
	enum base_result result = feed_entry_text(entry, &text);
	if ((result != BASE_OK && result != BASE_LIMIT) || text.len > text.max)
		abort();
	check(base_buf_span(&text));
	base_buf_free(&text);
}

void feed_check_document(const struct feed_document *document)
{
	check(document->title);
	check(document->link);
	check(document->language);
	for (size_t i = 0; i < document->repair_count; i++)
		check(base_span_of(document->repairs[i]));
	for (size_t i = 0; i < document->entry_count; i++)
		check_entry(&document->entries[i]);
}
