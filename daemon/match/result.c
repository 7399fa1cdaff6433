/* From firings to events: one a class, with its evidence, in the order of the classes. */
#include <stdlib.h>
#include <string.h>

#include "details.h"

#define EVIDENCE_COUNT_MAX 5
#define SENTENCE_MARKS_MAX 64

static enum match_class class_of(const struct match_scratch *scratch, const struct firing *firing)
{
	return scratch->rules->rules[firing->rule].class;
}

struct gathering { /* the marks of one class in one sentence */
	uint32_t hits[SENTENCE_MARKS_MAX];
	size_t count;
};

static void gather(const struct match_scratch *scratch, enum match_class class, uint32_t sentence,
                   struct gathering *gathering)
{
	gathering->count = 0;
	for (size_t i = 0; i < scratch->firing_count; i++) {
		const struct firing *firing = &scratch->firings[i];
		if (class_of(scratch, firing) != class || firing->sentence != sentence)
			continue;
		for (uint32_t m = 0; m < firing->mark_count && gathering->count < SENTENCE_MARKS_MAX; m++)
			gathering->hits[gathering->count++] = scratch->kept_marks[firing->mark + m];
	}
}

/* The first firing of the class in a sentence after `after` (or from the start), by sentence. */
static const struct firing *next_firing(const struct match_scratch *scratch, enum match_class class, bool any,
                                        uint32_t after)
{
	const struct firing *best = NULL;
	for (size_t i = 0; i < scratch->firing_count; i++) {
		const struct firing *firing = &scratch->firings[i];
		if (class_of(scratch, firing) == class && (any || firing->sentence > after) &&
		    (!best || firing->sentence < best->sentence))
			best = firing;
	}
	return best;
}

static enum base_result make_event(struct match_scratch *scratch, enum match_class class, struct match_event *event)
{
	struct match_evidence *evidence = base_arena_alloc(scratch->arena, EVIDENCE_COUNT_MAX * sizeof *evidence);
	const struct firing *firing = next_firing(scratch, class, true, 0);
	if (!evidence)
		return BASE_NO_MEMORY;
	*event = (struct match_event){.class = class, .rule = scratch->rules->rules[firing->rule].name, .evidence = evidence};
	struct gathering gathering;
	struct details_found found = {.quantity_count = 0};
	while (firing && event->evidence_count < EVIDENCE_COUNT_MAX) {
		gather(scratch, class, firing->sentence, &gathering);
		enum base_result result = evidence_make(scratch, firing->sentence, gathering.hits, gathering.count,
		                                        &evidence[event->evidence_count++]);
		if (result)
			return result;
		details_add(scratch, firing->sentence, gathering.hits, gathering.count, &found);
		firing = next_firing(scratch, class, false, firing->sentence);
	}
	return details_put(scratch, &found, event);
}

static enum base_result make_events(struct match_scratch *scratch)
{
	struct match_event *events = base_arena_alloc(scratch->arena, MATCH_CLASS_COUNT * sizeof *events);
	if (!events)
		return BASE_NO_MEMORY;
	scratch->result.events = events;
	for (size_t class = 0; class < MATCH_CLASS_COUNT; class++) {
		if (!scratch->class_counts[class])
			continue;
		enum base_result result =
		    make_event(scratch, (enum match_class)class, &events[scratch->result.event_count]);
		if (result)
			return result;
		scratch->result.event_count++;
	}
	return BASE_OK;
}

/* Names of one kind without repeats, in order of appearance. */
static enum base_result list_names(struct match_scratch *scratch, enum group_of of, const struct base_span **out,
                                   size_t *count)
{
	size_t most = scratch->mention_count < scratch->rules->entity_count ? scratch->mention_count
	                                                                     : scratch->rules->entity_count;
	struct base_span *names = base_arena_alloc(scratch->arena, (most + 1) * sizeof *names);
	if (!names)
		return BASE_NO_MEMORY;
	size_t found = 0;
	for (size_t i = 0; i < scratch->mention_count; i++) {
		uint32_t index = scratch->mentions[i].entity;
		const struct entity *entity = &scratch->rules->entities[index];
		if (entity->of != of || scratch->entity_told[index] == scratch->item)
			continue;
		scratch->entity_told[index] = scratch->item;
		names[found++] = base_span_of(entity->name);
	}
	*out = names;
	*count = found;
	return BASE_OK;
}

enum base_result result_make(struct match_scratch *scratch)
{
	scratch->result = (struct match_result){0};
	memcpy(scratch->result.language, scratch->language, sizeof scratch->language);
	enum base_result result = make_events(scratch);
	if (!result)
		result = list_names(scratch, GROUP_SYSTEMS, &scratch->result.systems, &scratch->result.system_count);
	if (!result)
		result = list_names(scratch, GROUP_ACTORS, &scratch->result.actors, &scratch->result.actor_count);
	return result;
}
