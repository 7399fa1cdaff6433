/*
 * Which rules to try for a text. Every match of a rule holds some part that
 * must occur; of these the one with the fewest terms is chosen and each of its
 * terms leads to the rule.
 */
#include <stdlib.h>

#include "rules.h"

#define LINKS_MAX ((size_t)1 << 24)
#define ENTITY_WEIGHT 100000 /* systems and actors are named everywhere */

/* The number of terms that lead to node; SIZE_MAX when none must occur. */
static size_t weight_of(const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return node->group->of == GROUP_TERMS ? node->group->count : ENTITY_WEIGHT;
	case NODE_LANG:
	case NODE_SOURCE:
		return SIZE_MAX;
	case NODE_NOT:
		return node->left ? weight_of(node->left) : SIZE_MAX;
	case NODE_OR: {
		size_t left = weight_of(node->left), right = weight_of(node->right);
		return left == SIZE_MAX || right == SIZE_MAX ? SIZE_MAX : left + right;
	}
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR: {
		size_t left = weight_of(node->left), right = weight_of(node->right);
		return left < right ? left : right;
	}
	default:
		return weight_of(node->left);
	}
}

bool rules_can_be_reached(const struct match_rules *rules, const struct node *when)
{
	(void)rules;
	return weight_of(when) != SIZE_MAX;
}

enum base_result rules_grow_heads(struct match_rules *rules)
{
	size_t need = rules->lexicon.term_count;
	enum base_result result =
	    base_grow(&rules->heads, &rules->head_cap, need, sizeof *rules->heads, LEXICON_TERMS_MAX);
	while (!result && rules->head_count < need)
		rules->heads[rules->head_count++] = (struct heads){LEXICON_NONE, LEXICON_NONE, LEXICON_NONE};
	return result;
}

static enum base_result link_term(struct match_rules *rules, uint32_t term, uint32_t rule)
{
	uint32_t head = rules->heads[term].rule;
	if (head != LEXICON_NONE && rules->links[head].rule == rule)
		return BASE_OK;
	enum base_result result =
	    base_grow(&rules->links, &rules->link_cap, rules->link_count + 1, sizeof *rules->links, LINKS_MAX);
	if (result)
		return result;
	rules->links[rules->link_count] = (struct link){rule, head};
	rules->heads[term].rule = (uint32_t)rules->link_count++;
	return BASE_OK;
}

static enum base_result link_entities(struct match_rules *rules, enum group_of of, uint32_t rule)
{
	enum base_result result = BASE_OK;
	for (uint32_t term = 0; !result && term < rules->head_count; term++) {
		uint32_t alias = rules->heads[term].alias;
		while (alias != LEXICON_NONE && rules->entities[rules->aliases[alias].entity].of != of)
			alias = rules->aliases[alias].next;
		if (alias != LEXICON_NONE)
			result = link_term(rules, term, rule);
	}
	return result;
}

static enum base_result link_group(struct match_rules *rules, const struct group *group, uint32_t rule)
{
	if (group->of != GROUP_TERMS)
		return link_entities(rules, group->of, rule);
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < group->count; i++)
		result = link_term(rules, group->terms[i], rule);
	return result;
}

static enum base_result link_node(struct match_rules *rules, const struct node *node, uint32_t rule)
{
	enum base_result result;
	switch (node->kind) {
	case NODE_GROUP:
		return link_group(rules, node->group, rule);
	case NODE_OR:
		result = link_node(rules, node->left, rule);
		return result ? result : link_node(rules, node->right, rule);
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		return link_node(rules, weight_of(node->left) <= weight_of(node->right) ? node->left : node->right, rule);
	default:
		return link_node(rules, node->left, rule);
	}
}

enum base_result rules_index(struct match_rules *rules)
{
	enum base_result result = rules_grow_heads(rules);
	for (uint32_t rule = 0; !result && rule < rules->rule_count; rule++)
		if (rules->rules[rule].when && weight_of(rules->rules[rule].when) != SIZE_MAX)
			result = link_node(rules, rules->rules[rule].when, rule);
	return result;
}
