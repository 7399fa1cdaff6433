/* Fuzz target: feed lists. What was read is written and read again: nothing may change. */
#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

#define MAX_FEEDS 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct list {
	struct base_arena *arena;
	struct feed_outline feeds[MAX_FEEDS];
	size_t count;
};

static enum base_result keep(void *ctx, const struct feed_outline *outline)
{
	struct list *list = ctx;
	struct feed_outline *feed = &list->feeds[list->count];

	if (outline->url.len == 0)
		abort();
	if (list->count == MAX_FEEDS)
		return BASE_LIMIT;
	feed->url = base_arena_copy(list->arena, outline->url);
	feed->name = base_arena_copy(list->arena, outline->name);
	feed->language = base_arena_copy(list->arena, outline->language);
	list->count++;
	return BASE_OK;
}

static enum base_result read_list(struct base_span bytes, struct list *list)
{
	struct base_problems *problems;
	enum base_result result;

	list->count = 0;
	if (base_arena_new(1 << 20, &list->arena) != BASE_OK || base_problems_new(&problems) != BASE_OK)
		abort();
	result = feed_opml_read("fuzz", bytes, keep, list, problems);
	if (result == BASE_SYNTAX && base_problems_count(problems) == 0)
		abort();
	base_problems_free(problems);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct list first, second;
	struct base_buf out;

	(void)read_list((struct base_span){(const char *)bytes, len}, &first);
	base_buf_init(&out, 4 << 20);
	if (feed_opml_write(first.feeds, first.count, &out) != BASE_OK)
		abort();
	if (read_list(base_buf_span(&out), &second) != BASE_OK || second.count != first.count)
		abort();
	for (size_t i = 0; i < first.count; i++) {
		if (!base_span_equal(first.feeds[i].url, second.feeds[i].url))
			abort();
	}
	base_buf_free(&out);
	base_arena_free(first.arena);
	base_arena_free(second.arena);
	return 0;
}
