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

static enum base_result find_of(struct match_scratch *scratch, enum group_of of, bool ambiguous)
{
	const uint32_t *aliases = scratch->alias_hits;
	const struct hit *hits = scratch->hits;
	enum base_result result = BASE_OK;
	for (size_t i = 0, j; !result && i < scratch->alias_hit_count; i = j) {
		uint32_t best = LEXICON_NONE, first = hits[aliases[i]].first;
		for (j = i; j < scratch->alias_hit_count && hits[aliases[j]].first == first; j++)
			if (takes_part(scratch, &hits[aliases[j]], of, ambiguous) &&
			    (best == LEXICON_NONE || hits[aliases[j]].last > hits[best].last))
				best = aliases[j];
		if (best == LEXICON_NONE)
			continue;
		result = name_entities(scratch, best, of, ambiguous);
		while (j < scratch->alias_hit_count && hits[aliases[j]].first <= hits[best].last)
			j++;
	}
	return result;
}

static void forget(struct match_scratch *scratch)
{
	for (size_t i = 0; i < scratch->alias_hit_count; i++)
		scratch->hits[scratch->alias_hits[i]].flags &= ~(uint32_t)(HIT_SYSTEM | HIT_ACTOR);
	scratch->mention_count = 0;
}

/* Meets or fails the needs of each entity that an ambiguous alias may name in this item. */
static void meet_needs(struct match_scratch *scratch, bool again)
{
	const struct match_rules *rules = scratch->rules;
	for (size_t i = 0; i < scratch->alias_hit_count; i++) {
		const struct hit *hit = &scratch->hits[scratch->alias_hits[i]];
		for (uint32_t a = rules->heads[hit->term].alias; a != LEXICON_NONE; a = rules->aliases[a].next) {
			if (rules->aliases[a].kind != ALIAS_AMBIGUOUS)
				continue;
			if (again)
				scratch->entity_needs[rules->aliases[a].entity].stamp = scratch->item;
			else
				(void)needs_met(scratch, rules->aliases[a].entity);
		}
	}
}

/* Lists the hits that are aliases: few are. *ambiguous: whether some is an ambiguous one. */
static enum base_result look_for_aliases(struct match_scratch *scratch, bool *ambiguous)
{
	const struct match_rules *rules = scratch->rules;
	scratch->alias_hit_count = 0;
	*ambiguous = false;
	for (size_t h = 0; h < scratch->hit_count; h++) {
		if (!(scratch->hits[h].flags & HIT_ALIAS))
			continue;
		enum base_result result = base_grow(&scratch->alias_hits, &scratch->alias_hit_cap, scratch->alias_hit_count + 1,
		                                    sizeof *scratch->alias_hits, MENTIONS_MAX);
		if (result)
			return result;
		scratch->alias_hits[scratch->alias_hit_count++] = (uint32_t)h;
		for (uint32_t a = rules->heads[scratch->hits[h].term].alias; a != LEXICON_NONE; a = rules->aliases[a].next)
			*ambiguous |= rules->aliases[a].kind == ALIAS_AMBIGUOUS;
	}
	return BASE_OK;
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
	bool unsure;
	enum base_result result = look_for_aliases(scratch, &unsure);
	for (int ambiguous = 0; !result && scratch->alias_hit_count && ambiguous <= unsure; ambiguous++) {
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
