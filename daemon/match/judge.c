/*
 * One rule in one sentence. Guards go first: the words their intervals rest on
 * are used up, so `when` cannot rest on them.
 */
#include <string.h>

#include "scratch.h"

static bool language_fits(const struct match_scratch *scratch, const struct rule *rule)
{
	for (size_t i = 0; i < rule->lang_count; i++)
		if (strcmp(rule->langs[i], scratch->language) == 0)
			return true;
	/* A headline of five words often tells no language; the words a rule rests on do. */
	return rule->lang_count == 0 || scratch->language[0] == '\0';
}

/* What follows the lead counts only where the title or the lead holds `tail`. */
static bool sentence_counts(struct match_scratch *scratch, uint32_t sentence)
{
	const struct node *tail = scratch->rules->tail;
	struct state *state = &scratch->tail;
	if (!tail || scratch->text.sentences[sentence].lead)
		return true;
	if (state->stamp != scratch->item) {
		bool holds = false;
		for (uint32_t s = 0; s < scratch->text.sentence_count && !holds; s++) {
			if (!scratch->text.sentences[s].lead)
				continue;
			eval_reset(scratch);
			holds = eval_holds(eval_sentence(scratch, tail, s));
		}
		*state = (struct state){scratch->item, holds};
	}
	return state->value;
}

static enum match_verdict judge_rule(struct match_scratch *scratch, uint32_t index)
{
	const struct rule *rule = &scratch->rules->rules[index];
	struct state *state = &scratch->rule_item[index];
	if (state->stamp == scratch->item)
		return (enum match_verdict)state->value;
	enum match_verdict verdict = MATCH_FIRED;
	if (!language_fits(scratch, rule))
		verdict = MATCH_OTHER_LANGUAGE;
	else if (rule->given && !eval_item(scratch, rule->given))
		verdict = MATCH_NOT_GIVEN;
	else if (rule->unless && eval_item(scratch, rule->unless))
		verdict = MATCH_UNLESS;
	*state = (struct state){scratch->item, verdict};
	return verdict;
}

static enum match_verdict judge_item(struct match_scratch *scratch, uint32_t index, uint32_t sentence)
{
	enum match_verdict verdict = judge_rule(scratch, index);
	return verdict == MATCH_FIRED && !sentence_counts(scratch, sentence) ? MATCH_TAIL : verdict;
}

/*
 * True if the guard used up some words. Each side of an OR is a guard of its
 * own: as one expression, a short interval inside a longer one would hide it.
 */
static bool consume_guard(struct match_scratch *scratch, const struct node *guard, uint32_t sentence)
{
	if (guard->kind == NODE_OR) {
		bool left = consume_guard(scratch, guard->left, sentence);
		return consume_guard(scratch, guard->right, sentence) || left;
	}
	struct list guards = eval_sentence(scratch, guard, sentence);
	for (uint32_t i = 0; i < guards.count; i++) {
		const struct interval *used = &scratch->intervals[guards.start + i];
		for (uint32_t m = 0; m < used->mark_count; m++) {
			const struct hit *hit = &scratch->hits[scratch->marks[used->mark + m]];
			for (uint32_t t = hit->first; t <= hit->last; t++)
				scratch->consumed[t] = scratch->evaluation;
		}
	}
	return guards.count > 0;
}

static bool consume(struct match_scratch *scratch, const struct rule *rule, uint32_t sentence)
{
	scratch->evaluation++;
	return rule->guard && consume_guard(scratch, rule->guard, sentence);
}

enum match_verdict judge(struct match_scratch *scratch, uint32_t index, uint32_t sentence, struct list *found)
{
	const struct rule *rule = &scratch->rules->rules[index];
	eval_reset(scratch);
	if (!eval_holds(eval_sentence(scratch, rule->when, sentence)))
		return MATCH_MISSING;
	enum match_verdict verdict = judge_item(scratch, index, sentence); /* may use the evaluation's memory, so it comes first */
	eval_reset(scratch);
	scratch->guarded = consume(scratch, rule, sentence);
	*found = eval_sentence(scratch, rule->when, sentence);
	scratch->guarded = false;
	if (found->count == 0)
		return MATCH_GUARDED;
	if (rule->block && eval_holds(eval_sentence(scratch, rule->block, sentence)))
		return MATCH_BLOCKED;
	return verdict;
}
