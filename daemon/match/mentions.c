/*
 * Which hits name systems and actors. Of aliases that overlap the one that
 * starts first wins, then the longest; exceptions ("Patriot Day") compete like
 * aliases but name nothing.
 */
#include <string.h>

#include "scratch.h"

#define MENTIONS_MAX ((size_t)1 << 22)

static bool needs_met(struct match_scratch *scratch, uint32_t entity)
{
	struct state *state = &scratch->entity_needs[entity];
	if (state->stamp != scratch->item) {
		const struct node *needs = scratch->rules->entities[entity].needs;
		bool met = needs && eval_item(scratch, needs);
		met &= eval_within_limits(scratch);
		*state = (struct state){scratch->item, met};
	}
	return state->value;
}

static bool counts(struct match_scratch *scratch, const struct alias *alias, enum group_of of, bool ambiguous)
{
	if (scratch->rules->entities[alias->entity].of != of)
		return false;
	return alias->kind != ALIAS_AMBIGUOUS || (ambiguous && needs_met(scratch, alias->entity));
}

/* Whether the hit is an alias (or exception) that takes part. */
static bool takes_part(struct match_scratch *scratch, const struct hit *hit, enum group_of of, bool ambiguous)
{
	const struct match_rules *rules = scratch->rules;
	for (uint32_t i = rules->heads[hit->term].alias; i != LEXICON_NONE; i = rules->aliases[i].next)
		if (counts(scratch, &rules->aliases[i], of, ambiguous))
			return true;
	return false;
}

static enum base_result name_entities(struct match_scratch *scratch, uint32_t index, enum group_of of, bool ambiguous)
{
	const struct match_rules *rules = scratch->rules;
	struct hit *hit = &scratch->hits[index];
	bool excepted = false;
	for (uint32_t i = rules->heads[hit->term].alias; i != LEXICON_NONE; i = rules->aliases[i].next)
		excepted |= rules->aliases[i].kind == ALIAS_EXCEPT && rules->entities[rules->aliases[i].entity].of == of;
	if (excepted)
		return BASE_OK;
	hit->flags |= of == GROUP_SYSTEMS ? HIT_SYSTEM : HIT_ACTOR;
	for (uint32_t i = rules->heads[hit->term].alias; i != LEXICON_NONE; i = rules->aliases[i].next) {
		if (!counts(scratch, &rules->aliases[i], of, ambiguous))
			continue;
		enum base_result result = base_grow(&scratch->mentions, &scratch->mention_cap, scratch->mention_count + 1,
		                                    sizeof *scratch->mentions, MENTIONS_MAX);
		if (result)
			return result;
		scratch->mentions[scratch->mention_count++] = (struct mention){rules->aliases[i].entity, index};
	}
	return BASE_OK;
}

/* The next hit from i on that is an alias: few are. */
static uint32_t next_alias(const struct match_scratch *scratch, uint32_t i)
{
	while (i < scratch->hit_count && !(scratch->hits[i].flags & HIT_ALIAS))
		i++;
	return i;
}

static enum base_result find_of(struct match_scratch *scratch, enum group_of of, bool ambiguous)
{
	enum base_result result = BASE_OK;
	for (uint32_t i = next_alias(scratch, 0); !result && i < scratch->hit_count;) {
		uint32_t best = LEXICON_NONE, first = scratch->hits[i].first, j = i;
		for (; j < scratch->hit_count && scratch->hits[j].first == first; j = next_alias(scratch, j + 1))
			if (takes_part(scratch, &scratch->hits[j], of, ambiguous) &&
			    (best == LEXICON_NONE || scratch->hits[j].last > scratch->hits[best].last))
				best = j;
		if (best != LEXICON_NONE) {
			result = name_entities(scratch, best, of, ambiguous);
			uint32_t last = scratch->hits[best].last;
			while (j < scratch->hit_count && scratch->hits[j].first <= last)
				j = next_alias(scratch, j + 1);
		}
		i = j;
	}
	return result;
}

static void forget(struct match_scratch *scratch)
{
	for (size_t i = 0; i < scratch->hit_count; i++)
		scratch->hits[i].flags &= ~(uint32_t)(HIT_SYSTEM | HIT_ACTOR);
	scratch->mention_count = 0;
}

/* Meets or fails the needs of each entity that an ambiguous alias may name in this item. */
static void meet_needs(struct match_scratch *scratch, bool again)
{
	const struct match_rules *rules = scratch->rules;
	for (size_t h = 0; h < scratch->hit_count; h++) {
		if (!(scratch->hits[h].flags & HIT_ALIAS))
			continue;
		for (uint32_t a = rules->heads[scratch->hits[h].term].alias; a != LEXICON_NONE; a = rules->aliases[a].next) {
			if (rules->aliases[a].kind != ALIAS_AMBIGUOUS)
				continue;
			if (again)
				scratch->entity_needs[rules->aliases[a].entity].stamp = scratch->item;
			else
				(void)needs_met(scratch, rules->aliases[a].entity);
		}
	}
}

/* Whether some hit is an alias, and whether some is an ambiguous one. */
static void look_for_aliases(const struct match_scratch *scratch, bool *any, bool *ambiguous)
{
	const struct match_rules *rules = scratch->rules;
	*any = *ambiguous = false;
	for (size_t h = 0; h < scratch->hit_count && !*ambiguous; h++) {
		if (!(scratch->hits[h].flags & HIT_ALIAS))
			continue;
		for (uint32_t a = rules->heads[scratch->hits[h].term].alias; a != LEXICON_NONE; a = rules->aliases[a].next) {
			*any = true;
			*ambiguous |= rules->aliases[a].kind == ALIAS_AMBIGUOUS;
		}
	}
}

/* Puts systems, which end at `middle`, and actors into the order of their hits. */
static enum base_result merge(struct match_scratch *scratch, size_t middle)
{
	size_t count = scratch->mention_count, i = 0, j = middle, out = count;
	enum base_result result = base_grow(&scratch->mentions, &scratch->mention_cap, 2 * count,
	                                    sizeof *scratch->mentions, 2 * MENTIONS_MAX);
	struct mention *list = scratch->mentions;
	if (result || middle == 0 || middle == count)
		return result;
	while (i < middle || j < count)
		list[out++] = j == count || (i < middle && list[i].hit <= list[j].hit) ? list[i++] : list[j++];
	memcpy(list, list + count, count * sizeof *list);
	return BASE_OK;
}

enum base_result mentions_find(struct match_scratch *scratch)
{
	/* First the sure ones alone: needs may ask for $systems and $actors. */
	enum base_result result = BASE_OK;
	bool any, unsure;
	look_for_aliases(scratch, &any, &unsure);
	for (int ambiguous = 0; !result && any && ambiguous <= unsure; ambiguous++) {
		if (ambiguous) {
			meet_needs(scratch, false);
			scratch->item++; /* groups seen so far may have lacked the ambiguous */
			meet_needs(scratch, true);
		}
		forget(scratch);
		result = find_of(scratch, GROUP_SYSTEMS, ambiguous);
		size_t middle = scratch->mention_count;
		if (!result)
			result = find_of(scratch, GROUP_ACTORS, ambiguous);
		if (!result)
			result = merge(scratch, middle);
		groups_forget(scratch);
	}
	return result == BASE_LIMIT ? BASE_OK : result; /* so many names: the first ones will do */
}
