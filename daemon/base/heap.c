/* A binary heap of things that are due at some time and carry their own place in it. */
#include "wirewatch/base.h"

#include <stdlib.h>

static void put_at(struct base_heap *heap, size_t place, struct base_heap_node *node)
{
	heap->nodes[place] = node;
	node->place = place + 1;
}

static void rise(struct base_heap *heap, size_t place, struct base_heap_node *node)
{
	for (; place; place = (place - 1) / 2) {
		struct base_heap_node *above = heap->nodes[(place - 1) / 2];
		if (above->at <= node->at)
			break;
		put_at(heap, place, above);
	}
	put_at(heap, place, node);
}

static void sink(struct base_heap *heap, size_t place, struct base_heap_node *node)
{
	for (size_t below; (below = 2 * place + 1) < heap->count; place = below) {
		below += below + 1 < heap->count && heap->nodes[below + 1]->at < heap->nodes[below]->at;
		if (node->at <= heap->nodes[below]->at)
			break;
		put_at(heap, place, heap->nodes[below]);
	}
	put_at(heap, place, node);
}

enum base_result base_heap_reserve(struct base_heap *heap, size_t count)
{
	return base_grow(&heap->nodes, &heap->cap, count, sizeof *heap->nodes, SIZE_MAX / 64);
}

void base_heap_set(struct base_heap *heap, struct base_heap_node *node, base_time at)
{
	size_t place = node->place ? node->place - 1 : heap->count++;
	bool later = node->place && at > node->at;
	node->at = at;
	if (later)
		sink(heap, place, node);
	else
		rise(heap, place, node);
}

void base_heap_remove(struct base_heap *heap, struct base_heap_node *node)
{
	if (!node->place)
		return;
	size_t place = node->place - 1;
	struct base_heap_node *last = heap->nodes[--heap->count];
	node->place = 0;
	if (last == node)
		return;
	if (last->at < node->at)
		rise(heap, place, last);
	else
		sink(heap, place, last);
}

struct base_heap_node *base_heap_first(const struct base_heap *heap)
{
	return heap->count ? heap->nodes[0] : NULL;
}

void base_heap_free(struct base_heap *heap)
{
	free(heap->nodes);
	*heap = (struct base_heap){0};
}
