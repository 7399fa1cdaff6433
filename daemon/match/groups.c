/* Which groups occur in the present sentence, and with which hits: found once for all rules. */
#include <string.h>

#include "scratch.h"

#define ENTRIES_MAX ((size_t)1 << 24)

static bool put(struct match_scratch *scratch, uint32_t slot, uint32_t hit)
{
	if (scratch->group_entry_count == scratch->group_entry_cap) {
		enum base_result result =
		    base_grow(&scratch->group_entries, &scratch->group_entry_cap, scratch->group_entry_count + 1,
		              sizeof *scratch->group_entries, ENTRIES_MAX);
		if (result) {
			scratch->failed = result;
			return false;
		}
	}
	uint32_t entry = (uint32_t)scratch->group_entry_count++;
	struct group_hits *list = &scratch->group_hits[slot];
	scratch->group_entries[entry] = (struct group_entry){slot, hit, LEXICON_NONE};
	if (list->stamp == scratch->group_stamp)
		scratch->group_entries[list->last].next = entry;
	else
		*list = (struct group_hits){.stamp = scratch->group_stamp, .first = entry};
	list->last = entry;
	return true;
}

/* A system or an actor that is named. */
static bool put_named(struct match_scratch *scratch, enum group_of of, uint32_t hit)
{
	const struct group *group = scratch->rules->builtin[of];
	return !group || put(scratch, scratch->rules->group_slots[group->id], hit);
}

void groups_read(struct match_scratch *scratch, uint32_t sentence)
{
	const struct links *links = &scratch->rules->term_slots;
	if (scratch->group_sentence == sentence + 1)
		return;
	scratch->group_sentence = sentence + 1;
	scratch->group_stamp++;
	scratch->group_entry_count = 0;
	memset(scratch->term_bits, 0, sizeof scratch->term_bits);
	for (uint32_t h = scratch->sentence_hits[sentence]; h < scratch->sentence_hits[sentence + 1]; h++) {
		const struct hit *hit = &scratch->hits[h];
		scratch->term_bits[hit->term % TERM_BITS / 64] |= UINT64_C(1) << hit->term % 64;
		for (uint32_t i = links->starts[hit->term]; i < links->starts[hit->term + 1]; i++)
			if (!put(scratch, links->items[i], h))
				return;
		if (hit->flags & HIT_SYSTEM && !put_named(scratch, GROUP_SYSTEMS, h))
			return;
		if (hit->flags & HIT_ACTOR && !put_named(scratch, GROUP_ACTORS, h))
			return;
	}
}

void groups_forget(struct match_scratch *scratch)
{
	scratch->group_sentence = 0;
}

bool groups_has(const struct match_scratch *scratch, uint32_t slot)
{
	return scratch->group_hits[slot].stamp == scratch->group_stamp;
}

bool groups_may_have(const struct match_scratch *scratch, const struct group *group)
{
	if (group->bits)
		return true;
	for (size_t i = 0; i < group->count; i++)
		if (scratch->term_bits[group->terms[i] % TERM_BITS / 64] >> group->terms[i] % 64 & 1)
			return true;
	return false;
}

static bool may_hold(const struct match_scratch *scratch, const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return groups_has(scratch, scratch->rules->group_slots[node->group->id]);
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		return may_hold(scratch, node->left) && may_hold(scratch, node->right);
	case NODE_OR:
		return may_hold(scratch, node->left) || may_hold(scratch, node->right);
	case NODE_LANG:
	case NODE_SOURCE:
		return true;
	default:
		return !node->left || may_hold(scratch, node->left);
	}
}

bool groups_may_hold(const struct match_scratch *scratch, const struct way *way)
{
	/* Without the way's nodes, which lie far apart: four of five ways end here. */
	for (size_t i = 0; i < WAY_NEEDS; i++)
		if (way->needs[i] && !groups_has(scratch, way->needs[i]))
			return false;
	return may_hold(scratch, way->node);
}
