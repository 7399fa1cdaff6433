/* A hash table of things that carry their own links: nothing is allocated for each of them. */
#include "wirewatch/base.h"

#include <stdlib.h>

#define CHAINS_LEAST 16

static struct base_table_node **chain_of(const struct base_table *table, uint64_t hash)
{
	return &table->chains[hash & (table->chain_count - 1)];
}

static enum base_result widen(struct base_table *table)
{
	struct base_table wider = {.chain_count = table->chain_count ? table->chain_count * 2 : CHAINS_LEAST};
	wider.chains = calloc(wider.chain_count, sizeof *wider.chains);
	if (!wider.chains)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < table->chain_count; i++)
		for (struct base_table_node *node = table->chains[i], *next; node; node = next) {
			struct base_table_node **chain = chain_of(&wider, node->hash);
			next = node->next;
			node->next = *chain;
			*chain = node;
		}
	wider.count = table->count;
	free(table->chains);
	*table = wider;
	return BASE_OK;
}

enum base_result base_table_put(struct base_table *table, struct base_table_node *node)
{
	if (table->count >= table->chain_count) {
		enum base_result result = widen(table);
		if (result && !table->chain_count) /* else longer chains still work */
			return result;
	}
	struct base_table_node **chain = chain_of(table, node->hash);
	node->next = *chain;
	*chain = node;
	table->count++;
	return BASE_OK;
}

struct base_table_node *base_table_find(const struct base_table *table, uint64_t hash, base_table_is_fn *is, const void *key)
{
	if (!table->chain_count)
		return NULL;
	struct base_table_node *node = *chain_of(table, hash);
	while (node && (node->hash != hash || !is(node, key)))
		node = node->next;
	return node;
}

void base_table_remove(struct base_table *table, struct base_table_node *node)
{
	struct base_table_node **at = chain_of(table, node->hash);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->count--;
}

static struct base_table_node *first_from(const struct base_table *table, size_t chain)
{
	while (chain < table->chain_count && !table->chains[chain])
		chain++;
	return chain < table->chain_count ? table->chains[chain] : NULL;
}

struct base_table_node *base_table_first(const struct base_table *table)
{
	return first_from(table, 0);
}

struct base_table_node *base_table_next(const struct base_table *table, const struct base_table_node *node)
{
	return node->next ? node->next : first_from(table, (node->hash & (table->chain_count - 1)) + 1);
}

void base_table_free(struct base_table *table)
{
	free(table->chains);
	*table = (struct base_table){0};
}
