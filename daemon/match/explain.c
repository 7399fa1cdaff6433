/* Says for each rule whose trigger occurs why it fired, or what stopped it; then which names did not count. */
#include "scratch.h"

static void add_sentence(struct match_scratch *scratch, uint32_t sentence, struct base_buf *out)
{
	struct match_evidence evidence;
	if (evidence_make(scratch, sentence, NULL, 0, &evidence) == BASE_OK) {
		(void)base_buf_add_text(out, "    in: ");
		(void)base_escape(out, evidence.text.ptr, evidence.text.len, BASE_ESCAPE_LINE);
		(void)base_buf_add_char(out, '\n');
	}
}

static void add_words(struct match_scratch *scratch, const uint32_t *hits, size_t count, struct base_buf *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct hit *hit = &scratch->hits[hits[i]];
		const struct token *first = &scratch->text.tokens[hit->first], *last = &scratch->text.tokens[hit->last];
		struct base_span word = text_original(&scratch->text, first);
		word.len = last->end - first->start;
		(void)base_buf_add_text(out, i ? " + \"" : "\"");
		(void)base_escape(out, word.ptr, word.len, BASE_ESCAPE_QUOTED);
		(void)base_buf_add_char(out, '"');
	}
}

static void add_intervals(struct match_scratch *scratch, struct list list, struct base_buf *out)
{
	for (uint32_t i = 0; i < list.count && i < 4; i++) {
		const struct interval *interval = &scratch->intervals[list.start + i];
		(void)base_buf_add_text(out, i ? "; " : "");
		add_words(scratch, scratch->marks + interval->mark, interval->mark_count, out);
	}
}

static void add_part(struct match_scratch *scratch, const struct node *node, uint32_t sentence, struct base_buf *out)
{
	eval_reset(scratch);
	add_intervals(scratch, eval_sentence(scratch, node, sentence), out);
}

static void add_trigger(struct match_scratch *scratch, const struct rule *rule, uint32_t sentence, struct base_buf *out)
{
	struct node trigger = {.kind = NODE_GROUP, .group = rule->trigger};
	add_part(scratch, &trigger, sentence, out);
}

static void add_reason(struct match_scratch *scratch, const struct rule *rule, uint32_t sentence, enum verdict verdict,
                       struct list found, struct base_buf *out)
{
	switch (verdict) {
	case VERDICT_FIRED:
		(void)base_buf_add_text(out, "FIRED: ");
		add_intervals(scratch, found, out);
		break;
	case VERDICT_MISSING:
		(void)base_buf_add_text(out, "no: the trigger ");
		add_trigger(scratch, rule, sentence, out);
		(void)base_buf_add_text(out, " is there, the rest of `when` is not");
		break;
	case VERDICT_GUARDED:
		(void)base_buf_add_text(out, "no: guard ");
		add_part(scratch, rule->guard, sentence, out);
		break;
	case VERDICT_BLOCKED:
		(void)base_buf_add_text(out, "no: block ");
		add_part(scratch, rule->block, sentence, out);
		break;
	case VERDICT_LANG:
		(void)base_buf_printf(out, "no: the language is %s", *scratch->language ? scratch->language : "unknown");
		break;
	case VERDICT_NOT_GIVEN:
		(void)base_buf_add_text(out, "no: `given` does not hold for the item");
		break;
	case VERDICT_TAIL:
		(void)base_buf_add_text(out, "no: it stands after the lead, and title and lead hold nothing of `tail`");
		break;
	case VERDICT_UNLESS:
		(void)base_buf_add_text(out, "no: `unless` holds for the item");
		break;
	}
	(void)base_buf_add_char(out, '\n');
}

static bool trigger_occurs(const struct match_scratch *scratch, const struct rule *rule, uint32_t sentence)
{
	for (uint32_t i = scratch->sentence_hits[sentence]; i < scratch->sentence_hits[sentence + 1]; i++)
		if (eval_hit_counts(scratch, rule->trigger, &scratch->hits[i]))
			return true;
	return false;
}

static void explain_sentence(struct match_scratch *scratch, uint32_t sentence, struct base_buf *out)
{
	const struct match_rules *rules = scratch->rules;
	bool said = false;
	for (uint32_t r = 0; r < rules->rule_count && !out->failed && !scratch->failed; r++) {
		struct list found = {0};
		if (!trigger_occurs(scratch, &rules->rules[r], sentence))
			continue;
		if (!said)
			add_sentence(scratch, sentence, out);
		said = true;
		enum verdict verdict = judge(scratch, r, sentence, &found);
		(void)base_buf_printf(out, "%s (%s): ", rules->rules[r].name, match_class_text(rules->rules[r].class));
		add_reason(scratch, &rules->rules[r], sentence, verdict, found, out);
	}
}

/* ---- systems and actors left out --------------------------------------------------- */

static void say_left_out(struct match_scratch *scratch, uint32_t index, const char *why, uint32_t hit,
                         struct base_buf *out)
{
	const struct entity *entity = &scratch->rules->entities[index];
	scratch->entity_told[index] = scratch->item;
	(void)base_buf_printf(out, "%s %s: no: %s: ", entity->of == GROUP_SYSTEMS ? "system" : "actor", entity->name, why);
	add_words(scratch, &hit, 1, out);
	(void)base_buf_add_char(out, '\n');
}

/* Once for each name whose needs are not met, or that stands in one of its exceptions. */
static void explain_names(struct match_scratch *scratch, struct base_buf *out)
{
	const struct match_rules *rules = scratch->rules;
	for (size_t i = 0; i < scratch->mention_count; i++)
		scratch->entity_told[scratch->mentions[i].entity] = scratch->item;
	for (uint32_t h = 0; h < scratch->hit_count && !out->failed; h++) {
		for (uint32_t a = rules->heads[scratch->hits[h].term].alias; a != LEXICON_NONE; a = rules->aliases[a].next) {
			const struct alias *alias = &rules->aliases[a];
			const struct state *needs = &scratch->entity_needs[alias->entity];
			if (alias->kind == ALIAS_SURE || scratch->entity_told[alias->entity] == scratch->item)
				continue;
			if (alias->kind == ALIAS_EXCEPT)
				say_left_out(scratch, alias->entity, "an exception stands there", h, out);
			else if (needs->stamp == scratch->item && !needs->value)
				say_left_out(scratch, alias->entity, "`needs` does not hold for the item", h, out);
		}
	}
}

enum base_result match_explain(const struct match_rules *rules, struct match_scratch *scratch,
                               const struct match_input *input, struct base_buf *out)
{
	enum base_result result = run_read(rules, scratch, input);
	if (result)
		return result;
	for (uint32_t s = 0; s < scratch->text.sentence_count && !out->failed && !scratch->failed; s++)
		if (scratch->sentence_hits[s] != scratch->sentence_hits[s + 1])
			explain_sentence(scratch, s, out);
	explain_names(scratch, out);
	return scratch->failed ? scratch->failed : out->failed;
}
