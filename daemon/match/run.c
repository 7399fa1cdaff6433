/* Runs all rules over one item. */
#include <stdlib.h>
#include <string.h>

#include "scratch.h"

#define FIRINGS_PER_CLASS 64
#define RESULT_MAX ((size_t)64 << 20)
#define CELLS_MAX ((size_t)1 << 24)

enum base_result match_scratch_new(const struct match_rules *rules, struct match_scratch **out)
{
	struct match_scratch *scratch = calloc(1, sizeof *scratch);
	if (!scratch)
		return BASE_NO_MEMORY;
	scratch->rules = rules;
	language_index(scratch->ballots);
	scratch->memo = calloc(MEMO_CELLS, sizeof *scratch->memo);
	scratch->group_seen = calloc(rules->group_count + 1, sizeof *scratch->group_seen);
	scratch->rule_item = calloc(rules->rule_count + 1, sizeof *scratch->rule_item);
	scratch->rule_tried = calloc(rules->rule_count + 1, sizeof *scratch->rule_tried);
	scratch->entity_needs = calloc(rules->entity_count + 1, sizeof *scratch->entity_needs);
	scratch->slots = calloc(rules->slot_count + 1, sizeof *scratch->slots);
	scratch->slots_seen = calloc(rules->slot_count + 1, sizeof *scratch->slots_seen);
	scratch->group_hits = calloc(rules->slot_count + 1, sizeof *scratch->group_hits);
	scratch->entity_told = calloc(rules->entity_count + 1, sizeof *scratch->entity_told);
	if (!scratch->memo || !scratch->group_seen || !scratch->rule_item || !scratch->rule_tried ||
	    !scratch->slots || !scratch->slots_seen || !scratch->group_hits || !scratch->entity_needs ||
	    !scratch->entity_told) {
		match_scratch_free(scratch);
		return BASE_NO_MEMORY;
	}
	*out = scratch;
	return BASE_OK;
}

void match_scratch_free(struct match_scratch *scratch)
{
	if (!scratch)
		return;
	text_free(&scratch->text);
	free(scratch->memo);
	free(scratch->symbols);
	free(scratch->symbol_starts);
	free(scratch->hits);
	free(scratch->paragraphs);
	free(scratch->sentence_hits);
	free(scratch->alias_hits);
	free(scratch->mentions);
	free(scratch->firings);
	free(scratch->kept_marks);
	free(scratch->slots);
	free(scratch->slots_seen);
	free(scratch->group_hits);
	free(scratch->group_entries);
	free(scratch->intervals);
	free(scratch->marks);
	free(scratch->consumed);
	free(scratch->group_seen);
	free(scratch->rule_item);
	free(scratch->rule_tried);
	free(scratch->entity_needs);
	free(scratch->entity_told);
	base_arena_free(scratch->arena);
	free(scratch);
}

static enum base_result start_item(struct match_scratch *scratch)
{
	enum base_result result = BASE_OK;
	if (scratch->arena)
		base_arena_reset(scratch->arena);
	else
		result = base_arena_new(RESULT_MAX, &scratch->arena);
	if (scratch->item > UINT32_MAX - 8 || scratch->evaluation > UINT32_MAX / 2) {
		/* The stamps start again: forget all old ones. */
		scratch->item = scratch->evaluation = 0;
		memset(scratch->group_seen, 0, (scratch->rules->group_count + 1) * sizeof *scratch->group_seen);
		memset(scratch->rule_item, 0, (scratch->rules->rule_count + 1) * sizeof *scratch->rule_item);
		memset(scratch->rule_tried, 0, (scratch->rules->rule_count + 1) * sizeof *scratch->rule_tried);
		memset(scratch->entity_needs, 0, (scratch->rules->entity_count + 1) * sizeof *scratch->entity_needs);
		memset(scratch->entity_told, 0, (scratch->rules->entity_count + 1) * sizeof *scratch->entity_told);
		scratch->tail = (struct state){0, 0};
		memset(scratch->answers, 0, sizeof scratch->answers);
		memset(scratch->consumed, 0, scratch->consumed_cap * sizeof *scratch->consumed);
	}
	if (scratch->group_stamp > UINT32_MAX / 2) {
		scratch->group_stamp = 0;
		memset(scratch->slots_seen, 0, (scratch->rules->slot_count + 1) * sizeof *scratch->slots_seen);
		memset(scratch->group_hits, 0, (scratch->rules->slot_count + 1) * sizeof *scratch->group_hits);
	}
	groups_forget(scratch);
	scratch->item++;
	scratch->failed = BASE_OK;
	scratch->guarded = false;
	scratch->firing_count = scratch->kept_mark_count = scratch->mention_count = 0;
	memset(scratch->class_counts, 0, sizeof scratch->class_counts);
	return result;
}

/* consumed must be zero where it was never written: base_grow does not clear. */
static enum base_result grow_consumed(struct match_scratch *scratch, size_t need)
{
	size_t old = scratch->consumed_cap;
	enum base_result result =
	    base_grow(&scratch->consumed, &scratch->consumed_cap, need, sizeof *scratch->consumed, CELLS_MAX);
	if (!result)
		memset(scratch->consumed + old, 0, (scratch->consumed_cap - old) * sizeof *scratch->consumed);
	return result;
}

enum base_result run_read(const struct match_rules *rules, struct match_scratch *scratch,
                          const struct match_input *input)
{
	if (scratch->rules != rules)
		return BASE_INVALID;
	enum base_result result = start_item(scratch);
	scratch->input = input;
	if (!result)
		result = text_read(&scratch->text, input->title, input->text);
	if (!result)
		result = grow_consumed(scratch, scratch->text.token_count + 1);
	if (result)
		return result;
	language_guess(&scratch->text, scratch->ballots, input->language, scratch->language);
	result = hits_find(scratch);
	if (!result)
		result = furniture_find(scratch);
	return result ? result : mentions_find(scratch);
}

static enum base_result keep(struct match_scratch *scratch, uint32_t rule, uint32_t sentence, struct list found)
{
	enum base_result result = base_grow(&scratch->firings, &scratch->firing_cap, scratch->firing_count + 1,
	                                    sizeof *scratch->firings, CELLS_MAX);
	struct firing firing = {rule, sentence, (uint32_t)scratch->kept_mark_count, 0};
	for (uint32_t i = 0; !result && i < found.count; i++) {
		const struct interval *interval = &scratch->intervals[found.start + i];
		result = base_grow(&scratch->kept_marks, &scratch->kept_mark_cap,
		                   scratch->kept_mark_count + interval->mark_count, sizeof *scratch->kept_marks, CELLS_MAX);
		if (result)
			break;
		memcpy(scratch->kept_marks + scratch->kept_mark_count, scratch->marks + interval->mark,
		       interval->mark_count * sizeof *scratch->marks);
		scratch->kept_mark_count += interval->mark_count;
		firing.mark_count += interval->mark_count;
	}
	if (result)
		return result;
	scratch->firings[scratch->firing_count++] = firing;
	scratch->class_counts[scratch->rules->rules[rule].class]++;
	return BASE_OK;
}

static enum base_result try_rule(struct match_scratch *scratch, uint32_t rule, uint32_t sentence)
{
	struct state *tried = &scratch->rule_tried[rule];
	if (tried->stamp == scratch->item && tried->value == sentence + 1)
		return BASE_OK;
	*tried = (struct state){scratch->item, sentence + 1};
	if (scratch->class_counts[scratch->rules->rules[rule].class] >= FIRINGS_PER_CLASS)
		return BASE_OK; /* more evidence than is shown */
	struct list found;
	enum match_verdict verdict = judge(scratch, rule, sentence, &found);
	if (!eval_within_limits(scratch))
		return BASE_OK;
	if (scratch->failed)
		return scratch->failed;
	return verdict == MATCH_FIRED ? keep(scratch, rule, sentence, found) : BASE_OK;
}

/* The rules of each group that occurs, in the order of the text. */
static enum base_result try_sentence(struct match_scratch *scratch, uint32_t sentence)
{
	const struct match_rules *rules = scratch->rules;
	enum base_result result = BASE_OK;
	groups_read(scratch, sentence);
	for (size_t s = 0; !result && s < scratch->slot_count; s++) {
		uint32_t slot = scratch->slots[s];
		for (uint32_t i = rules->slot_ways.starts[slot]; !result && i < rules->slot_ways.starts[slot + 1]; i++) {
			const struct way *way = &rules->ways[rules->slot_ways.items[i]];
			if (!groups_may_hold(scratch, way))
				continue;
			result = try_rule(scratch, way->rule, sentence);
			groups_read(scratch, sentence); /* the rule may have looked at others */
		}
	}
	return result;
}

/* Whether a term occurs that leads to a rule; in text of other matters that is less than half of the sentences. */
static bool sentence_leads(const struct match_scratch *scratch, uint32_t sentence)
{
	uint32_t flags = 0;
	for (uint32_t h = scratch->sentence_hits[sentence]; h < scratch->sentence_hits[sentence + 1]; h++)
		flags |= scratch->hits[h].flags;
	return flags & (HIT_LEADS | HIT_SYSTEM | HIT_ACTOR);
}

/* False if no way to a rule could hold were the item one sentence, which ends nearly all that is not about arms. */
static bool may_fire(struct match_scratch *scratch)
{
	const uint32_t *starts = scratch->rules->slot_ways.starts, *items = scratch->rules->slot_ways.items;
	groups_read_all(scratch);
	for (size_t s = 0; s < scratch->slot_count; s++) {
		uint32_t slot = scratch->slots[s];
		for (uint32_t i = starts[slot]; i < starts[slot + 1]; i++)
			if (groups_may_hold(scratch, &scratch->rules->ways[items[i]]))
				return true;
	}
	return false;
}

static enum base_result try_rules(struct match_scratch *scratch)
{
	enum base_result result = BASE_OK;
	if (!may_fire(scratch))
		return BASE_OK;
	for (uint32_t s = 0; !result && s < scratch->text.sentence_count; s++)
		if (sentence_leads(scratch, s))
			result = try_sentence(scratch, s);
	return result;
}

enum base_result match_run(const struct match_rules *rules, struct match_scratch *scratch,
                           const struct match_input *input, const struct match_result **out)
{
	enum base_result result = run_read(rules, scratch, input);
	if (!result)
		result = try_rules(scratch);
	if (!result)
		result = result_make(scratch);
	if (!result)
		*out = &scratch->result;
	return result;
}
