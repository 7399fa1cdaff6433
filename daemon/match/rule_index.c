/*
 * Which rules to try for a sentence. Every match of a rule holds some part
 * that must occur; of these the one that is met most seldom is chosen, and its
 * groups lead to the rule. Terms lead to the groups that hold them, so that a
 * set which many rules share is looked up once a sentence.
 */
#include <stdlib.h>

#include "rules.h"

#define LINKS_MAX ((size_t)1 << 24)
#define NEVER SIZE_MAX
#define ENTITY_WEIGHT 100000 /* systems and actors are named everywhere */

/* How often a term is met, by its length: a phrase and a long word seldom, "to" in every sentence. */
static size_t weight_of_term(const struct match_rules *rules, uint32_t term)
{
	size_t letters = rules->lexicon.terms[term].letters;
	return letters <= 3 ? 64 : letters <= 4 ? 8 : 1;
}

static size_t weigh_group(const struct match_rules *rules, const struct group *group)
{
	size_t weight = 0;
	if (group->of != GROUP_TERMS)
		return ENTITY_WEIGHT;
	for (size_t i = 0; i < group->count; i++)
		weight += weight_of_term(rules, group->terms[i]);
	return weight;
}

static size_t weight_of_group(const struct match_rules *rules, const struct group *group)
{
	return rules->group_weights[group->id];
}

/* How often the groups that lead to node are met; NEVER when none must occur. */
static size_t weight_of(const struct match_rules *rules, const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return weight_of_group(rules, node->group);
	case NODE_LANG:
	case NODE_SOURCE:
		return NEVER;
	case NODE_NOT:
		return node->left ? weight_of(rules, node->left) : NEVER;
	case NODE_OR: {
		size_t left = weight_of(rules, node->left), right = weight_of(rules, node->right);
		return left == NEVER || right == NEVER ? NEVER : left + right;
	}
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR: {
		size_t left = weight_of(rules, node->left), right = weight_of(rules, node->right);
		return left < right ? left : right;
	}
	default:
		return weight_of(rules, node->left);
	}
}

bool rules_can_be_reached(const struct node *when)
{
	switch (when->kind) {
	case NODE_GROUP:
		return true;
	case NODE_LANG:
	case NODE_SOURCE:
		return false;
	case NODE_NOT:
		return when->left && rules_can_be_reached(when->left);
	case NODE_OR:
		return rules_can_be_reached(when->left) && rules_can_be_reached(when->right);
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		return rules_can_be_reached(when->left) || rules_can_be_reached(when->right);
	default:
		return rules_can_be_reached(when->left);
	}
}

enum base_result rules_grow_heads(struct match_rules *rules)
{
	size_t need = rules->lexicon.term_count;
	enum base_result result =
	    base_grow(&rules->heads, &rules->head_cap, need, sizeof *rules->heads, LEXICON_TERMS_MAX);
	while (!result && rules->head_count < need)
		rules->heads[rules->head_count++] = (struct heads){LEXICON_NONE, LEXICON_NONE};
	return result;
}

/* ---- tables of lists: first counted, then filled -------------------------------- */

static enum base_result add_link(struct links *links, uint32_t from, uint32_t to)
{
	enum base_result result =
	    base_grow(&links->pairs, &links->pair_cap, links->pair_count + 1, sizeof *links->pairs, LINKS_MAX);
	if (!result)
		links->pairs[links->pair_count++] = (struct link){from, to};
	return result;
}

/* Turns the pairs into a list for each `from` below count, in the order in which they were added. */
static enum base_result close_links(struct links *links, size_t count)
{
	links->starts = calloc(count + 2, sizeof *links->starts);
	links->items = calloc(links->pair_count + 1, sizeof *links->items);
	if (!links->starts || !links->items)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < links->pair_count; i++)
		links->starts[links->pairs[i].from + 2]++;
	for (size_t i = 2; i < count + 2; i++)
		links->starts[i] += links->starts[i - 1];
	for (size_t i = 0; i < links->pair_count; i++)
		links->items[links->starts[links->pairs[i].from + 1]++] = links->pairs[i].to;
	free(links->pairs);
	links->pairs = NULL;
	return BASE_OK;
}

void links_free(struct links *links)
{
	free(links->pairs);
	free(links->starts);
	free(links->items);
}

/* ---- groups and rules ------------------------------------------------------------ */

static enum base_result index_group(struct match_rules *rules, const struct group *group)
{
	enum base_result result = BASE_OK;
	if (rules->group_slots[group->id])
		return BASE_OK;
	uint32_t slot = (uint32_t)rules->slot_count++;
	rules->group_slots[group->id] = slot;
	rules->group_weights[group->id] = weigh_group(rules, group);
	for (size_t i = 0; !result && i < group->count; i++)
		result = add_link(&rules->term_slots, group->terms[i], slot);
	return result;
}

static enum base_result index_groups(struct match_rules *rules, const struct node *node)
{
	if (!node)
		return BASE_OK;
	if (node->kind == NODE_GROUP)
		return index_group(rules, node->group);
	enum base_result result = index_groups(rules, node->left);
	return result ? result : index_groups(rules, node->right);
}

/* Leads the groups of node, of which one must occur for the way to hold, to the way. */
static enum base_result link_node(struct match_rules *rules, const struct node *node, uint32_t way)
{
	enum base_result result;
	switch (node->kind) {
	case NODE_GROUP:
		return add_link(&rules->slot_ways, rules->group_slots[node->group->id], way);
	case NODE_OR:
		result = link_node(rules, node->left, way);
		return result ? result : link_node(rules, node->right, way);
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		return link_node(rules, weight_of(rules, node->left) <= weight_of(rules, node->right) ? node->left : node->right,
		                 way);
	default:
		return link_node(rules, node->left, way);
	}
}

/* Keeps the group among the way's needs if it is rarer than one of them. */
static void need_group(const struct match_rules *rules, const struct group *group, struct way *way,
                       size_t weights[WAY_NEEDS])
{
	size_t weight = weight_of_group(rules, group), worst = 0;
	for (size_t i = 1; i < WAY_NEEDS; i++)
		if (weights[i] > weights[worst])
			worst = i;
	if (weight >= weights[worst])
		return;
	weights[worst] = weight;
	way->needs[worst] = rules->group_slots[group->id];
}

/* The groups without which node cannot hold. */
static void need_groups(const struct match_rules *rules, const struct node *node, struct way *way,
                        size_t weights[WAY_NEEDS])
{
	switch (node->kind) {
	case NODE_GROUP:
		need_group(rules, node->group, way, weights);
		break;
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		need_groups(rules, node->left, way, weights);
		need_groups(rules, node->right, way, weights);
		break;
	case NODE_OR:
		break;
	default:
		if (node->left)
			need_groups(rules, node->left, way, weights);
	}
}

static enum base_result add_ways(struct match_rules *rules, const struct node *node, uint32_t rule)
{
	if (node->kind == NODE_OR) {
		enum base_result result = add_ways(rules, node->left, rule);
		return result ? result : add_ways(rules, node->right, rule);
	}
	enum base_result result =
	    base_grow(&rules->ways, &rules->way_cap, rules->way_count + 1, sizeof *rules->ways, LINKS_MAX);
	if (result)
		return result;
	struct way *way = &rules->ways[rules->way_count];
	size_t weights[WAY_NEEDS] = {NEVER, NEVER, NEVER};
	*way = (struct way){.rule = rule, .node = node};
	need_groups(rules, node, way, weights);
	return link_node(rules, node, (uint32_t)rules->way_count++);
}

static enum base_result index_rule(struct match_rules *rules, uint32_t index)
{
	const struct rule *rule = &rules->rules[index];
	/* Guards and the rest are looked at where `when` holds, which is seldom: their groups look for their hits then. */
	enum base_result result = index_groups(rules, rule->when);
	if (!result && rule->when && rules_can_be_reached(rule->when))
		result = add_ways(rules, rule->when, index);
	return result;
}

static bool leads(const struct match_rules *rules, size_t term)
{
	const struct links *slots = &rules->term_slots, *ways = &rules->slot_ways;
	for (uint32_t i = slots->starts[term]; i < slots->starts[term + 1]; i++)
		if (ways->starts[slots->items[i]] != ways->starts[slots->items[i] + 1])
			return true;
	return false;
}

/* Words that a pattern of roles starts with; what names somebody may be one, if there is such a pattern. */
static void flag_openers(struct match_rules *rules, const struct node *words)
{
	if (words->kind == NODE_OR) {
		flag_openers(rules, words->left);
		flag_openers(rules, words->right);
		return;
	}
	const struct group *group = words->group;
	for (size_t i = 0; i < group->count; i++)
		rules->term_flags[group->terms[i]] |= HIT_OPENS;
	for (size_t t = 0; group->of != GROUP_TERMS && t < rules->head_count; t++)
		if (rules->heads[t].alias != LEXICON_NONE)
			rules->term_flags[t] |= HIT_OPENS;
}

static enum base_result flag_terms(struct match_rules *rules)
{
	rules->term_flags = calloc(rules->head_count + 1, 1);
	if (!rules->term_flags)
		return BASE_NO_MEMORY;
	for (size_t t = 0; t < rules->head_count; t++) {
		const struct term *term = &rules->lexicon.terms[t];
		int flags = term->open_left ? 0 : HIT_PART_LEFT;
		flags |= term->open_right ? 0 : HIT_PART_RIGHT;
		flags |= leads(rules, t) ? HIT_LEADS : 0;
		flags |= rules->heads[t].alias != LEXICON_NONE ? HIT_ALIAS : 0;
		flags |= rules->heads[t].furniture != LEXICON_NONE ? HIT_FURNITURE : 0;
		rules->term_flags[t] = (uint8_t)flags;
	}
	for (size_t p = 0; p < rules->details.pattern_count; p++)
		if (rules->details.patterns[p].steps[0].kind == STEP_WORDS)
			flag_openers(rules, rules->details.patterns[p].steps[0].words);
	return BASE_OK;
}

enum base_result rules_index(struct match_rules *rules)
{
	enum base_result result = rules_grow_heads(rules);
	rules->group_slots = calloc(rules->group_count + 1, sizeof *rules->group_slots);
	rules->group_weights = calloc(rules->group_count + 1, sizeof *rules->group_weights);
	if (!rules->group_slots || !rules->group_weights)
		return BASE_NO_MEMORY;
	rules->slot_count = 1;
	for (uint32_t rule = 0; !result && rule < rules->rule_count; rule++)
		result = index_rule(rules, rule);
	for (enum group_of of = GROUP_SYSTEMS; !result && of <= GROUP_ACTORS; of++) /* found by what they name */
		if (rules->builtin[of])
			result = index_group(rules, rules->builtin[of]);
	if (!result)
		result = close_links(&rules->term_slots, rules->head_count);
	if (!result)
		result = close_links(&rules->slot_ways, rules->slot_count);
	lexicon_seal(&rules->lexicon);
	free(rules->group_weights);
	rules->group_weights = NULL;
	return result ? result : flag_terms(rules);
}
