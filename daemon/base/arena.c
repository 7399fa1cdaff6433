/* A bump allocator: blocks that double in size, freed together. */
#include "wirewatch/base.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 4096
#define LARGEST_BLOCK ((size_t)1 << 20)

struct block {
	struct block *next;
	size_t used, cap;
	alignas(max_align_t) unsigned char bytes[];
};

struct base_arena {
	struct block *blocks; /* the one in use first */
	size_t used, max;
};

enum base_result base_arena_new(size_t max, struct base_arena **out)
{
	struct base_arena *arena = calloc(1, sizeof *arena);
	if (!arena)
		return BASE_NO_MEMORY;
	arena->max = max;
	*out = arena;
	return BASE_OK;
}

void base_arena_reset(struct base_arena *arena)
{
	struct block *largest = arena->blocks;
	for (struct block *block = arena->blocks; block; block = block->next)
		if (block->cap > largest->cap)
			largest = block;
	for (struct block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		if (block != largest)
			free(block);
	}
	arena->used = 0;
	arena->blocks = largest;
	if (largest) {
		largest->used = 0;
		largest->next = NULL;
	}
}

void base_arena_free(struct base_arena *arena)
{
	if (!arena)
		return;
	for (struct block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

static struct block *add_block(struct base_arena *arena, size_t size)
{
	size_t cap = arena->blocks ? arena->blocks->cap * 2 : FIRST_BLOCK;
	if (cap > LARGEST_BLOCK)
		cap = LARGEST_BLOCK;
	if (cap < size)
		cap = size;
	struct block *block = malloc(sizeof *block + cap);
	if (!block)
		return NULL;
	block->next = arena->blocks;
	block->used = 0;
	block->cap = cap;
	arena->blocks = block;
	return block;
}

static void *take(struct base_arena *arena, size_t size)
{
	if (size > SIZE_MAX - alignof(max_align_t))
		return NULL;
	size_t step = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (step > arena->max - arena->used)
		return NULL;
	struct block *block = arena->blocks;
	if (!block || block->cap - block->used < step)
		block = add_block(arena, step);
	if (!block)
		return NULL;
	void *place = block->bytes + block->used;
	block->used += step;
	arena->used += step;
	return place;
}

enum base_result base_arena_reserve(struct base_arena *arena, size_t size)
{
	if (size > arena->max - arena->used)
		size = arena->max - arena->used;
	if (arena->blocks && arena->blocks->cap - arena->blocks->used >= size)
		return BASE_OK;
	return add_block(arena, size) ? BASE_OK : BASE_NO_MEMORY;
}

void *base_arena_alloc(struct base_arena *arena, size_t size)
{
	void *place = take(arena, size ? size : 1);
	return place ? memset(place, 0, size) : NULL;
}

struct base_span base_arena_copy(struct base_arena *arena, struct base_span span)
{
	if (!span.ptr || span.len == SIZE_MAX)
		return BASE_NONE;
	char *copy = take(arena, span.len + 1);
	if (!copy)
		return BASE_NONE;
	if (span.len)
		memcpy(copy, span.ptr, span.len);
	copy[span.len] = '\0';
	return (struct base_span){copy, span.len};
}

size_t base_arena_used(const struct base_arena *arena)
{
	return arena->used;
}
