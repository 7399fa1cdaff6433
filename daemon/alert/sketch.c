/* The stored form of a sketch, and the comparison of two lists. */
#include "sketch.h"

#include <stdlib.h>
#include <string.h>

/*
 * version 1 byte, class 1, flags 1, detected, story, feed, language 8 each,
 * then for each set a count of 2 bytes and its hashes of 8. Big-endian.
 */
#define VERSION 1
#define FLAG_REPRINT 1
#define FLAG_LONG 2
#define HEAD_LEN 35

size_t sketch_weight(const struct sketch *sketch)
{
	size_t weight = 0;
	for (int i = 0; i < SKETCH_SETS; i++)
		weight += sketch->sets[i].count;
	return weight;
}

size_t sketch_shared(const struct sketch_list *a, const struct sketch_list *b)
{
	size_t shared = 0;
	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		if (a->hashes[i] == b->hashes[j]) {
			shared++;
			i++;
			j++;
		} else if (a->hashes[i] < b->hashes[j]) {
			i++;
		} else {
			j++;
		}
	}
	return shared;
}

static void add_number(struct base_buf *out, uint64_t value, int bytes)
{
	char text[8];
	for (int i = 0; i < bytes; i++)
		text[i] = (char)(unsigned char)(value >> (8 * (bytes - 1 - i)));
	base_buf_add(out, text, (size_t)bytes);
}

enum base_result sketch_write(const struct sketch *sketch, struct base_buf *out)
{
	unsigned flags = (sketch->reprint ? FLAG_REPRINT : 0u) | (sketch->is_long ? FLAG_LONG : 0u);
	add_number(out, VERSION, 1);
	add_number(out, (uint64_t)sketch->class, 1);
	add_number(out, flags, 1);
	add_number(out, (uint64_t)sketch->detected, 8);
	add_number(out, sketch->story, 8);
	add_number(out, sketch->feed, 8);
	add_number(out, sketch->language, 8);
	for (int i = 0; i < SKETCH_SETS; i++) {
		/* Nothing is compared with a reprint: its sets need not be kept. */
		size_t count = sketch->reprint ? 0 : sketch->sets[i].count;
		add_number(out, count, 2);
		for (size_t j = 0; j < count; j++)
			add_number(out, sketch->sets[i].hashes[j], 8);
	}
	return out->failed;
}

static uint64_t number(const char *at, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)at[i];
	return value;
}

/* The sets after the head, into memory that has room for all their hashes. */
static enum base_result read_sets(struct base_span bytes, struct sketch *out, uint64_t *memory)
{
	size_t at = HEAD_LEN;
	for (int i = 0; i < SKETCH_SETS; i++) {
		if (bytes.len - at < 2)
			return BASE_DAMAGED;
		size_t count = number(bytes.ptr + at, 2);
		at += 2;
		if (count > (out->reprint ? 0 : SKETCH_MEMBERS_MAX) || (bytes.len - at) / 8 < count)
			return BASE_DAMAGED;
		for (size_t j = 0; j < count; j++, at += 8) {
			memory[j] = number(bytes.ptr + at, 8);
			if (j && memory[j] <= memory[j - 1])
				return BASE_DAMAGED;
		}
		out->sets[i] = (struct sketch_list){memory, count};
		memory += count;
	}
	return at == bytes.len ? BASE_OK : BASE_DAMAGED;
}

enum base_result sketch_read(struct base_span bytes, struct sketch *out, uint64_t **memory)
{
	if (!bytes.ptr || bytes.len < HEAD_LEN || bytes.ptr[0] != VERSION)
		return BASE_DAMAGED;
	unsigned class = (unsigned char)bytes.ptr[1], flags = (unsigned char)bytes.ptr[2];
	if (class >= MATCH_CLASS_COUNT || flags > (FLAG_REPRINT | FLAG_LONG))
		return BASE_DAMAGED;
	struct sketch sketch = {
		.class = (enum match_class) class,
		.reprint = flags & FLAG_REPRINT,
		.is_long = flags & FLAG_LONG,
		.detected = (base_time)number(bytes.ptr + 3, 8),
		.story = number(bytes.ptr + 11, 8),
		.feed = number(bytes.ptr + 19, 8),
		.language = number(bytes.ptr + 27, 8),
	};
	/* A stored time outside the years 1970 to 2970 was never written by us. */
	if (sketch.detected < 0 || sketch.detected > 1000 * 366 * BASE_DAY)
		return BASE_DAMAGED;
	uint64_t *room = malloc((bytes.len / 8 + 1) * sizeof *room);
	if (!room)
		return BASE_NO_MEMORY;
	enum base_result result = read_sets(bytes, &sketch, room);
	if (result) {
		free(room);
		return result;
	}
	*out = sketch;
	*memory = room;
	return BASE_OK;
}
