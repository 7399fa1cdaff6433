/*
 * A heap of things that are due at some time and carry their own place in it.
 * Four below each: half as deep as with two, and each thing that moves is a
 * write to where it is. With the times in the array the next of 100,000 feeds
 * costs 0.45 us instead of 2.3, of 20,000 0.25 instead of 0.45.
 */
#include "wirewatch/base.h"

#include <stdlib.h>

#define BELOW 4

static void put_at(struct base_heap *heap, size_t place, struct base_heap_entry entry)
{
	heap->entries[place] = entry;
	entry.node->place = place + 1;
}

static void rise(struct base_heap *heap, size_t place, struct base_heap_entry entry)
{
	for (; place; place = (place - 1) / BELOW) {
		struct base_heap_entry above = heap->entries[(place - 1) / BELOW];
		if (above.at <= entry.at)
			break;
		put_at(heap, place, above);
	}
	put_at(heap, place, entry);
}

/* The earliest of those below, which begin at first and are some. */
static size_t earliest(const struct base_heap *heap, size_t first)
{
	size_t end = heap->count - first < BELOW ? heap->count : first + BELOW, found = first;
	for (size_t i = first + 1; i < end; i++)
		if (heap->entries[i].at < heap->entries[found].at)
			found = i;
	return found;
}

static void sink(struct base_heap *heap, size_t place, struct base_heap_entry entry)
{
	for (size_t below; (below = BELOW * place + 1) < heap->count; place = below) {
		below = earliest(heap, below);
		if (entry.at <= heap->entries[below].at)
			break;
		put_at(heap, place, heap->entries[below]);
	}
	put_at(heap, place, entry);
}

enum base_result base_heap_reserve(struct base_heap *heap, size_t count)
{
	return base_grow(&heap->entries, &heap->cap, count, sizeof *heap->entries, SIZE_MAX / 64);
}

void base_heap_set(struct base_heap *heap, struct base_heap_node *node, base_time at)
{
	size_t place = node->place ? node->place - 1 : heap->count++;
	bool later = node->place && at > node->at;
	node->at = at;
	if (later)
		sink(heap, place, (struct base_heap_entry){at, node});
	else
		rise(heap, place, (struct base_heap_entry){at, node});
}

void base_heap_remove(struct base_heap *heap, struct base_heap_node *node)
{
	if (!node->place)
		return;
	size_t place = node->place - 1;
	struct base_heap_entry last = heap->entries[--heap->count];
	node->place = 0;
	if (last.node == node)
		return;
	if (last.at < node->at)
		rise(heap, place, last);
	else
		sink(heap, place, last);
}

struct base_heap_node *base_heap_first(const struct base_heap *heap)
{
	return heap->count ? heap->entries[0].node : NULL;
}

void base_heap_free(struct base_heap *heap)
{
	free(heap->entries);
	*heap = (struct base_heap){0};
}
