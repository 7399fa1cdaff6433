/*
 * Which groups occur in the present sentence, found once for all rules; and
 * with which hits, found for the few sentences in which an expression is evaluated.
 */
#include <string.h>

#include "scratch.h"

#define ENTRIES_MAX ((size_t)1 << 24)

/* ---- which ------------------------------------------------------------------------ */

/* The slot of the group of systems or actors; 0: no expression asks for it. */
static uint32_t named_slot(const struct match_rules *rules, enum group_of of)
{
	return rules->builtin[of] ? rules->group_slots[rules->builtin[of]->id] : 0;
}

struct marks { /* in registers while they are made */
	uint32_t *seen, stamp, *slots;
	size_t count;
};

/* Without a branch: half of the slots of a sentence have been met before. */
static inline void mark(struct marks *marks, uint32_t slot)
{
	marks->slots[marks->count] = slot;
	marks->count += marks->seen[slot] != marks->stamp;
	marks->seen[slot] = marks->stamp;
}

static void mark_hits(struct match_scratch *scratch, size_t first, size_t end)
{
	const struct links *links = &scratch->rules->term_slots;
	const uint32_t systems = named_slot(scratch->rules, GROUP_SYSTEMS), actors = named_slot(scratch->rules, GROUP_ACTORS);
	struct marks marks = {scratch->slots_seen, ++scratch->group_stamp, scratch->slots, 0};
	for (size_t h = first; h < end; h++) {
		const struct hit *hit = &scratch->hits[h];
		const uint32_t *slot = links->items + links->starts[hit->term], *last = links->items + links->starts[hit->term + 1];
		while (slot < last)
			mark(&marks, *slot++);
		if (hit->flags & HIT_SYSTEM && systems)
			mark(&marks, systems);
		if (hit->flags & HIT_ACTOR && actors)
			mark(&marks, actors);
	}
	scratch->slot_count = marks.count;
}

void groups_read(struct match_scratch *scratch, uint32_t sentence)
{
	if (scratch->group_sentence == sentence + 1)
		return;
	scratch->group_sentence = sentence + 1;
	scratch->groups_listed = false;
	mark_hits(scratch, scratch->sentence_hits[sentence], scratch->sentence_hits[sentence + 1]);
}

void groups_read_all(struct match_scratch *scratch)
{
	scratch->group_sentence = 0;
	mark_hits(scratch, 0, scratch->hit_count);
}

void groups_forget(struct match_scratch *scratch)
{
	scratch->group_sentence = 0;
}

/* ---- with which hits ---------------------------------------------------------------- */

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
	scratch->group_entries[entry] = (struct group_entry){hit, LEXICON_NONE};
	if (list->stamp == scratch->group_stamp)
		scratch->group_entries[list->last].next = entry;
	else
		*list = (struct group_hits){.stamp = scratch->group_stamp, .first = entry};
	list->last = entry;
	return true;
}

static void list_hits(struct match_scratch *scratch)
{
	const struct links *links = &scratch->rules->term_slots;
	const uint32_t systems = named_slot(scratch->rules, GROUP_SYSTEMS), actors = named_slot(scratch->rules, GROUP_ACTORS);
	uint32_t sentence = scratch->group_sentence - 1;
	scratch->groups_listed = true;
	scratch->group_entry_count = 0;
	memset(scratch->term_bits, 0, sizeof scratch->term_bits);
	for (uint32_t h = scratch->sentence_hits[sentence]; h < scratch->sentence_hits[sentence + 1]; h++) {
		const struct hit *hit = &scratch->hits[h];
		scratch->term_bits[hit->term % TERM_BITS / 64] |= UINT64_C(1) << hit->term % 64;
		for (uint32_t i = links->starts[hit->term]; i < links->starts[hit->term + 1]; i++)
			if (!put(scratch, links->items[i], h))
				return;
		if (hit->flags & HIT_SYSTEM && systems && !put(scratch, systems, h))
			return;
		if (hit->flags & HIT_ACTOR && actors && !put(scratch, actors, h))
			return;
	}
}

uint32_t groups_first(struct match_scratch *scratch, uint32_t slot)
{
	if (!scratch->groups_listed)
		list_hits(scratch);
	return scratch->group_hits[slot].stamp == scratch->group_stamp ? scratch->group_hits[slot].first : LEXICON_NONE;
}

bool groups_may_have(struct match_scratch *scratch, const struct group *group)
{
	if (group->bits)
		return true;
	if (!scratch->groups_listed)
		list_hits(scratch);
	for (size_t i = 0; i < group->count; i++)
		if (scratch->term_bits[group->terms[i] % TERM_BITS / 64] >> group->terms[i] % 64 & 1)
			return true;
	return false;
}

/* ---- what can hold -------------------------------------------------------------------- */

bool groups_has(const struct match_scratch *scratch, uint32_t slot)
{
	return scratch->slots_seen[slot] == scratch->group_stamp;
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
