/* builder: collects what a reader finds, until it is finished (finish.c). */
#include "builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BYTES ((size_t)16 << 20)
#define DEFAULT_ENTRIES 10000
#define MOST_CATEGORIES 200 /* of one entry */
#define MOST_REPAIRS 50
#define LONGEST_REPAIR 80

/* Drafts, keys and entries: what an entry costs beside its texts. */
#define ENTRY_SHARE ((size_t)2048)

/*
 * A large block is mapped, and its pages go back to the system with it (main.c
 * says so to mallopt). What is left of a document when the familiar entries are
 * cut out is small, as are many documents: a block from the heap spares it two
 * system calls and all page faults: 20 us of a changed poll of 320.
 */
#define SMALL_BLOCK ((size_t)64 << 10)
#define SMALL_ROOM ((size_t)16 << 10)
#define LARGE_ROOM ((size_t)192 << 10)

/* For texts, which may be there twice, and all else. */
static size_t room_for(size_t len)
{
	size_t small = 2 * len + SMALL_ROOM;

	return small <= SMALL_BLOCK ? small : 2 * len + LARGE_ROOM;
}

enum base_result feed_builder_init(struct feed_builder *builder, const struct feed_input *input, size_t len)
{
	size_t bytes = input->limits.max_bytes ? input->limits.max_bytes : DEFAULT_BYTES;

	*builder = (struct feed_builder){
		.input = input,
		.entry_max = input->limits.max_entries ? input->limits.max_entries : DEFAULT_ENTRIES,
		.frequency = 1,
	};
	if (bytes > SIZE_MAX / 16)
		bytes = SIZE_MAX / 16;
	enum base_result result = base_arena_new(8 * bytes + builder->entry_max * ENTRY_SHARE, &builder->arena);
	return result == BASE_OK ? base_arena_reserve(builder->arena, room_for(len)) : result;
}

static void free_drafts(struct feed_builder *builder)
{
	for (size_t i = 0; i < builder->entry_count; i++)
		free(builder->entries[i].categories);
	free(builder->feed.categories);
	free(builder->entries);
}

void feed_builder_restart(struct feed_builder *builder)
{
	free_drafts(builder);
	*builder = (struct feed_builder){
		.arena = builder->arena,
		.input = builder->input,
		.entry_max = builder->entry_max,
		.frequency = 1,
		.repairs = builder->repairs,
		.repair_count = builder->repair_count,
		.repair_cap = builder->repair_cap,
		.truncated = builder->truncated,
	};
}

void feed_builder_free(struct feed_builder *builder)
{
	free_drafts(builder);
	free(builder->repairs);
	base_arena_free(builder->arena);
	*builder = (struct feed_builder){0};
}

static void fail(struct feed_builder *builder, enum base_result result)
{
	if (builder->failed == BASE_OK)
		builder->failed = result;
}

/* The copy, or BASE_NONE and the builder failed. */
static struct base_span keep(struct feed_builder *builder, struct base_span text)
{
	struct base_span copy = base_arena_copy(builder->arena, text);

	if (text.ptr && !copy.ptr)
		fail(builder, BASE_NO_MEMORY);
	return copy;
}

struct feed_draft *feed_builder_draft(struct feed_builder *builder)
{
	return builder->in_entry ? &builder->entries[builder->entry_count - 1] : &builder->feed;
}

void feed_builder_open_entry(struct feed_builder *builder)
{
	enum base_result result = base_grow(&builder->entries, &builder->entry_cap, builder->entry_count + 1,
	                                    sizeof *builder->entries, builder->entry_max);

	if (result != BASE_OK) {
		fail(builder, result);
		return;
	}
	builder->entries[builder->entry_count++] = (struct feed_draft){0};
	builder->in_entry = true;
}

void feed_builder_close_entry(struct feed_builder *builder, bool keep_it)
{
	if (!builder->in_entry)
		return;
	builder->in_entry = false;
	if (!keep_it)
		free(builder->entries[--builder->entry_count].categories);
}

bool feed_builder_wants(struct feed_builder *builder, enum feed_field field, uint8_t rank)
{
	const struct feed_value *have = &feed_builder_draft(builder)->values[field];

	return !have->text.ptr || rank < have->rank;
}

static bool is_link(enum feed_field field)
{
	return field == FEED_LINK || field == FEED_HUB || field == FEED_SELF || field == FEED_PREV_ARCHIVE;
}

void feed_builder_set(struct feed_builder *builder, enum feed_field field, struct feed_value value)
{
	struct feed_value *have = &feed_builder_draft(builder)->values[field];

	if (value.text.len == 0 || (have->text.ptr && value.rank >= have->rank))
		return;
	feed_builder_replace(builder, field, value);
}

void feed_builder_replace(struct feed_builder *builder, enum feed_field field, struct feed_value value)
{
	value.text = keep(builder, value.text);
	value.base = is_link(field) ? keep(builder, value.base) : BASE_NONE;
	if (value.text.ptr)
		feed_builder_draft(builder)->values[field] = value;
}

void feed_builder_category(struct feed_builder *builder, struct base_span category)
{
	struct feed_draft *draft = feed_builder_draft(builder);

	category = base_span_trim(category);
	if (category.len == 0 || draft->category_count == MOST_CATEGORIES)
		return;
	for (size_t i = 0; i < draft->category_count; i++)
		if (base_span_equal(draft->categories[i], category))
			return;
	enum base_result result = base_grow(&draft->categories, &draft->category_cap, draft->category_count + 1,
	                                    sizeof *draft->categories, MOST_CATEGORIES);
	category = keep(builder, category);
	if (result != BASE_OK)
		fail(builder, result);
	else if (category.ptr)
		draft->categories[draft->category_count++] = category;
}

void feed_builder_repair(struct feed_builder *builder, const char *format, ...)
{
	char text[4 * LONGEST_REPAIR]; /* more than is kept, so that no code point is cut */
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (len < 0 || builder->repair_count == MOST_REPAIRS)
		return;
	size_t whole = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
	text[base_utf8_clip(text, whole, LONGEST_REPAIR)] = '\0';
	for (size_t i = 0; i < builder->repair_count; i++)
		if (strcmp(builder->repairs[i], text) == 0)
			return;
	enum base_result result =
	    base_grow(&builder->repairs, &builder->repair_cap, builder->repair_count + 1, sizeof *builder->repairs, MOST_REPAIRS);
	struct base_span copy = keep(builder, base_span_of(text));
	if (result != BASE_OK)
		fail(builder, result);
	else if (copy.ptr)
		builder->repairs[builder->repair_count++] = copy.ptr;
}

void feed_builder_truncated(struct feed_builder *builder)
{
	builder->truncated = true;
	feed_builder_repair(builder, "truncated document");
}
