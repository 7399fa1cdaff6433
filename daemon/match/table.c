/* A hash table of indices with open addressing; what is indexed stays with its owner. */
#include <stdlib.h>

#include "lexicon.h"

uint32_t table_find(const struct table *table, uint64_t hash, table_same_fn *same, const void *ctx, const void *key)
{
	if (!table->cap)
		return LEXICON_NONE;
	for (size_t at = hash & (table->cap - 1);; at = (at + 1) & (table->cap - 1)) {
		uint64_t cell = table->cells[at];
		if (!cell)
			return LEXICON_NONE;
		if (cell >> 32 == hash >> 32 && same(ctx, (uint32_t)cell - 1, key))
			return (uint32_t)cell - 1;
	}
}

static void place(uint64_t *cells, size_t cap, uint64_t hash, uint32_t index)
{
	size_t at = hash & (cap - 1);
	while (cells[at])
		at = (at + 1) & (cap - 1);
	cells[at] = hash >> 32 << 32 | (index + 1);
}

enum base_result table_put(struct table *table, uint64_t hash, uint32_t index, table_hash_fn *hash_of, const void *ctx)
{
	if (2 * (table->used + 1) > table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 64;
		uint64_t *cells = calloc(cap, sizeof *cells);
		if (!cells)
			return BASE_NO_MEMORY;
		for (size_t i = 0; i < table->cap; i++)
			if (table->cells[i])
				place(cells, cap, hash_of(ctx, (uint32_t)table->cells[i] - 1), (uint32_t)table->cells[i] - 1);
		free(table->cells);
		table->cells = cells;
		table->cap = cap;
	}
	place(table->cells, table->cap, hash, index);
	table->used++;
	return BASE_OK;
}
