/* Any bytes as YAML: a tree or problems, never both, every node of a tree well formed, and the same by libyaml alone. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conf/both_ways.h"
#include "wirewatch/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_node(const struct conf_node *node, size_t depth)
{
	if (depth > 32 || !node->line)
		abort();
	if (node->kind == CONF_SCALAR) {
		if (strlen(node->text.ptr) != node->text.len)
			abort();
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == CONF_MAP && (!node->key_lines[i] || conf_node_get(node, node->keys[i]) != node->items[i]))
			abort();
		check_node(node->items[i], depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_problems *problems;
	struct conf_tree *tree = NULL;
	if (base_problems_new(&problems))
		return 0;
	enum base_result result = conf_tree_parse("fuzz", (struct base_span){(const char *)data, size}, problems, &tree);
	if ((result == BASE_OK) != (tree != NULL) || (result == BASE_SYNTAX) != (base_problems_count(problems) > 0))
		abort();
	if (tree && conf_tree_root(tree))
		check_node(conf_tree_root(tree), 0);
	conf_tree_free(tree);
	base_problems_free(problems);
	if (both_ways((struct base_span){(const char *)data, size}, NULL))
		abort();
	return 0;
}
