/* A hash table of indices with open addressing; what is indexed stays with its owner. */
#include <stdlib.h>

#include "lexicon.h"

#define FILTER_BITS_PER_CELL 4

static size_t filter_bit(size_t cap, uint64_t hash)
{
	return hash >> 16 & (FILTER_BITS_PER_CELL * cap - 1);
}

/* Most of what is looked for is not there. */
static bool may_have(const struct table *table, uint64_t hash)
{
	size_t bit = filter_bit(table->cap, hash);
	return table->filter[bit / 64] >> bit % 64 & 1;
}

static void set_bit(uint64_t *filter, size_t cap, uint64_t hash)
{
	size_t bit = filter_bit(cap, hash);
	filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

uint32_t table_find(const struct table *table, uint64_t hash, table_same_fn *same, const void *ctx, const void *key)
{
	if (!table->cap || !may_have(table, hash))
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

static enum base_result grow(struct table *table, table_hash_fn *hash_of, const void *ctx)
{
	size_t cap = table->cap ? table->cap * 2 : 64;
	uint64_t *cells = calloc(cap, sizeof *cells), *filter = calloc(FILTER_BITS_PER_CELL * cap / 64, sizeof *filter);
	if (!cells || !filter) {
		free(cells);
		free(filter);
		return BASE_NO_MEMORY;
	}
	for (size_t i = 0; i < table->cap; i++) {
		if (!table->cells[i])
			continue;
		uint32_t index = (uint32_t)table->cells[i] - 1;
		uint64_t hash = hash_of(ctx, index);
		place(cells, cap, hash, index);
		set_bit(filter, cap, hash);
	}
	table_free(table);
	table->cells = cells;
	table->filter = filter;
	table->cap = cap;
	return BASE_OK;
}

enum base_result table_put(struct table *table, uint64_t hash, uint32_t index, table_hash_fn *hash_of, const void *ctx)
{
	enum base_result result = 2 * (table->used + 1) > table->cap ? grow(table, hash_of, ctx) : BASE_OK;
	if (result)
		return result;
	place(table->cells, table->cap, hash, index);
	set_bit(table->filter, table->cap, hash);
	table->used++;
	return BASE_OK;
}

void table_free(struct table *table)
{
	free(table->cells);
	free(table->filter);
}
