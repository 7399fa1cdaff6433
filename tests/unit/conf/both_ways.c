#include "tests/unit/conf/both_ways.h"

#include <string.h>

#include "daemon/conf/tree.h"

struct way {
	enum base_result result;
	struct conf_tree *tree;
	struct conf_mistakes mistakes;
	struct base_problems *problems;
};

static const char *compare(const struct conf_node *a, const struct conf_node *b)
{
	const char *differs = NULL;
	if (a->kind != b->kind || a->line != b->line || a->column != b->column)
		return "a node's kind or place";
	if (a->kind == CONF_SCALAR)
		return !base_span_equal(a->text, b->text) || a->text.ptr[a->text.len] || a->quoted != b->quoted ? "a text" : NULL;
	if (a->count != b->count)
		return "the number of items";
	for (size_t i = 0; i < a->count && !differs; i++) {
		if (a->kind == CONF_MAP && (strcmp(a->keys[i], b->keys[i]) != 0 || a->key_lines[i] != b->key_lines[i]))
			return "a key";
		differs = compare(a->items[i], b->items[i]);
	}
	return differs;
}

static const char *compare_ways(const struct way *a, const struct way *b)
{
	if (a->result != b->result || base_problems_count(a->problems) != base_problems_count(b->problems))
		return "the outcome";
	for (size_t i = 0; i < base_problems_count(a->problems); i++)
		if (strcmp(base_problems_at(a->problems, i), base_problems_at(b->problems, i)) != 0)
			return "a problem";
	const struct conf_node *one = a->tree ? conf_tree_root(a->tree) : NULL, *other = b->tree ? conf_tree_root(b->tree) : NULL;
	if (!one || !other)
		return one != other ? "the root" : NULL;
	return compare(one, other);
}

const char *both_ways(struct base_span bytes, size_t *cut)
{
	struct way ways[2] = {{0}, {0}};
	const char *differs = NULL;
	if (!base_problems_new(&ways[0].problems) && !base_problems_new(&ways[1].problems)) {
		ways[0].result = conf_tree_read(bytes, &ways[0].mistakes, &ways[0].tree);
		ways[1].result = conf_tree_read_whole(bytes, &ways[1].mistakes, &ways[1].tree);
		for (size_t i = 0; i < 2; i++)
			conf_mistakes_report(&ways[i].mistakes, "both", ways[i].problems);
		differs = compare_ways(&ways[0], &ways[1]);
	}
	if (cut)
		*cut = ways[0].tree ? conf_tree_cut_items(ways[0].tree) : 0;
	for (size_t i = 0; i < 2; i++) {
		conf_tree_free(ways[i].tree);
		conf_mistakes_free(&ways[i].mistakes);
		base_problems_free(ways[i].problems);
	}
	return differs;
}
