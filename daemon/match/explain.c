/* Says for each sentence how it was read, which sets it holds and what each rule made of it. */
#include <string.h>

#include "scratch.h"

#define SENTENCES_SHOWN 1000
#define PLACES_SHOWN 4
#define WORDS_SHOWN 64

struct explainer {
	struct match_scratch *scratch;
	const struct match_rules *rules;
	bool failed; /* the arena is full */
};

static void *take(struct explainer *e, size_t count, size_t size)
{
	void *place = base_arena_alloc(e->scratch->arena, count * size + 1);
	e->failed |= !place;
	return place;
}

/* ---- words ---------------------------------------------------------------------- */

static struct base_span words_of(const struct match_scratch *scratch, uint32_t hit)
{
	const struct token *first = &scratch->text.tokens[scratch->hits[hit].first],
	                   *last = &scratch->text.tokens[scratch->hits[hit].last];
	struct base_span words = text_original(&scratch->text, first);
	words.len = last->end - first->start;
	return words;
}

/* The words that the first intervals of a list rest on. */
static const struct base_span *words_of_list(struct explainer *e, struct list list, size_t *count)
{
	const struct match_scratch *scratch = e->scratch;
	struct base_span *words = take(e, WORDS_SHOWN, sizeof *words);
	size_t kept = 0;
	for (uint32_t i = 0; words && i < list.count && i < PLACES_SHOWN; i++) {
		const struct interval *interval = &scratch->intervals[list.start + i];
		for (uint32_t m = 0; m < interval->mark_count && kept < WORDS_SHOWN; m++)
			words[kept++] = words_of(scratch, scratch->marks[interval->mark + m]);
	}
	*count = kept;
	return words;
}

/* ---- tokens and sets --------------------------------------------------------------- */

static const char *joint_of(const struct token *token, bool first)
{
	uint32_t flags = token->flags;
	if (first)
		return "";
	return flags & TOKEN_HYPHEN       ? "-"
	       : flags & TOKEN_APOSTROPHE ? "'"
	       : flags & TOKEN_DOT        ? "."
	       : flags & TOKEN_SLASH      ? "/"
	       : flags & TOKEN_DIGIT      ? "+"
	       : flags & TOKEN_BREAK      ? "|"
	                                  : " ";
}

static void explain_tokens(struct explainer *e, const struct sentence *sentence, struct match_sentence *out)
{
	const struct text *text = &e->scratch->text;
	size_t count = sentence->last - sentence->first;
	struct match_token *tokens = take(e, count, sizeof *tokens);
	for (size_t i = 0; tokens && i < count; i++) {
		const struct token *token = &text->tokens[sentence->first + i];
		tokens[i] = (struct match_token){text_folded(text, token), joint_of(token, i == 0)};
	}
	out->tokens = tokens;
	out->token_count = tokens ? count : 0;
}

static void explain_sets(struct explainer *e, uint32_t sentence, struct match_sentence *out)
{
	struct match_set_hit *sets = take(e, e->rules->set_count, sizeof *sets);
	for (size_t i = 0; sets && i < e->rules->set_count; i++) {
		eval_reset(e->scratch);
		struct list list = eval_sentence(e->scratch, e->rules->sets[i].node, sentence);
		if (!eval_within_limits(e->scratch) || list.count == 0)
			continue;
		struct match_set_hit *hit = &sets[out->set_count++];
		hit->set = e->rules->sets[i].name;
		hit->words = words_of_list(e, list, &hit->count);
	}
	out->sets = sets;
}

/* ---- rules ------------------------------------------------------------------------- */

/* The first expression of the part that holds in the sentence, and its words. */
static void name_place(struct explainer *e, const struct rule *rule, enum rule_part part, uint32_t sentence,
                       struct match_trial *trial)
{
	for (size_t i = 0; i < rule->parts[part].count; i++) {
		const struct alternative *alternative = &rule->parts[part].items[i];
		eval_reset(e->scratch);
		struct list list = eval_sentence(e->scratch, alternative->node, sentence);
		if (!eval_within_limits(e->scratch) || !eval_holds(list))
			continue;
		trial->words = words_of_list(e, list, &trial->count);
		trial->expression = alternative->text;
		trial->file = alternative->file;
		trial->line = alternative->line;
		return;
	}
}

/* The first expression of the part that holds for the item; of `given` none does: then the first. */
static void name_condition(struct explainer *e, const struct rule *rule, enum rule_part part, struct match_trial *trial)
{
	const struct alternative *shown = rule->parts[part].count ? &rule->parts[part].items[0] : NULL;
	for (size_t i = 0; i < rule->parts[part].count; i++) {
		eval_reset(e->scratch);
		if (eval_item(e->scratch, rule->parts[part].items[i].node)) {
			shown = &rule->parts[part].items[i];
			break;
		}
	}
	(void)eval_within_limits(e->scratch);
	if (!shown)
		return;
	trial->expression = shown->text;
	trial->file = shown->file;
	trial->line = shown->line;
}

static void name_trigger(struct explainer *e, const struct rule *rule, uint32_t sentence, struct match_trial *trial)
{
	struct node trigger = {.kind = NODE_GROUP, .group = rule->trigger};
	eval_reset(e->scratch);
	trial->words = words_of_list(e, eval_sentence(e->scratch, &trigger, sentence), &trial->count);
}

static void explain_trial(struct explainer *e, uint32_t index, uint32_t sentence, struct match_trial *trial)
{
	const struct rule *rule = &e->rules->rules[index];
	struct list found = {0};
	enum match_verdict verdict = judge(e->scratch, index, sentence, &found);
	*trial = (struct match_trial){.rule = match_rule_at(e->rules, index), .verdict = verdict};
	if (!eval_within_limits(e->scratch))
		trial->verdict = MATCH_MISSING;
	switch (trial->verdict) {
	case MATCH_FIRED: {
		struct list fired = found;
		const struct base_span *words = words_of_list(e, fired, &trial->count);
		size_t count = trial->count;
		name_place(e, rule, PART_WHEN, sentence, trial);
		trial->words = words;
		trial->count = count;
		break;
	}
	case MATCH_GUARDED:
		name_place(e, rule, PART_GUARD, sentence, trial);
		break;
	case MATCH_BLOCKED:
		name_place(e, rule, PART_BLOCK, sentence, trial);
		break;
	case MATCH_NOT_GIVEN:
	case MATCH_UNLESS:
		name_condition(e, rule, verdict == MATCH_UNLESS ? PART_UNLESS : PART_GIVEN, trial);
		break;
	default:
		name_trigger(e, rule, sentence, trial);
		break;
	}
}

static bool trigger_occurs(const struct match_scratch *scratch, const struct rule *rule, uint32_t sentence)
{
	for (uint32_t i = scratch->sentence_hits[sentence]; i < scratch->sentence_hits[sentence + 1]; i++)
		if (eval_hit_counts(scratch, rule->trigger, &scratch->hits[i]))
			return true;
	return false;
}

/* Fired before stopped before missing, else in the order of the rules. */
static int rank(const struct match_trial *trial)
{
	return trial->verdict == MATCH_FIRED ? 0 : trial->verdict == MATCH_MISSING ? 2 : 1;
}

static void explain_rules(struct explainer *e, uint32_t sentence, struct match_sentence *out)
{
	size_t count = 0;
	for (uint32_t r = 0; r < e->rules->rule_count; r++)
		count += trigger_occurs(e->scratch, &e->rules->rules[r], sentence);
	struct match_trial *all = take(e, count, sizeof *all), *trials = take(e, count, sizeof *trials);
	for (uint32_t r = 0, n = 0; all && trials && r < e->rules->rule_count && !e->scratch->failed; r++)
		if (trigger_occurs(e->scratch, &e->rules->rules[r], sentence))
			explain_trial(e, r, sentence, &all[n++]);
	for (int wanted = 0; all && trials && wanted < 3; wanted++)
		for (size_t i = 0; i < count; i++)
			if (all[i].rule.name && rank(&all[i]) == wanted)
				trials[out->trial_count++] = all[i];
	out->trials = trials;
}

/* ---- sentences ----------------------------------------------------------------------- */

static const char *furniture_text(enum furniture_why why)
{
	static const char *const texts[] = {NULL, "words of furniture", "a list of links", "tags",
	                                    "it follows the end of the item's own text"};
	return texts[why];
}

static enum base_result explain_sentence(struct explainer *e, uint32_t index, struct match_sentence *out)
{
	const struct sentence *sentence = &e->scratch->text.sentences[index];
	struct match_evidence evidence;
	enum base_result result = evidence_make(e->scratch, index, NULL, 0, &evidence);
	if (result)
		return result;
	*out = (struct match_sentence){.text = evidence.text, .title = sentence->title, .lead = sentence->lead};
	out->furniture = furniture_text(sentence->furniture);
	if (!out->furniture && sentence->cut != UINT32_MAX)
		out->furniture = "its end: words of furniture";
	explain_tokens(e, sentence, out);
	if (e->scratch->sentence_hits[index] == e->scratch->sentence_hits[index + 1])
		return BASE_OK;
	explain_sets(e, index, out);
	explain_rules(e, index, out);
	return e->scratch->failed;
}

/* ---- systems and actors left out ------------------------------------------------------ */

static void explain_alias(struct explainer *e, const struct alias *alias, uint32_t hit, struct match_left_out *list,
                          size_t *count)
{
	struct match_scratch *scratch = e->scratch;
	const struct state *needs = &scratch->entity_needs[alias->entity];
	const struct entity *entity = &e->rules->entities[alias->entity];
	bool excepted = alias->kind == ALIAS_EXCEPT;
	if (alias->kind == ALIAS_SURE || scratch->entity_told[alias->entity] == scratch->item)
		return;
	if (!excepted && (needs->stamp != scratch->item || needs->value))
		return;
	if (entity->of != GROUP_SYSTEMS && entity->of != GROUP_ACTORS)
		return;
	scratch->entity_told[alias->entity] = scratch->item;
	list[(*count)++] =
	    (struct match_left_out){entity->name, entity->of == GROUP_SYSTEMS, excepted, words_of(scratch, hit)};
}

/* Once for each name whose needs are not met, or that stands in one of its exceptions. */
static void explain_names(struct explainer *e, struct match_explanation *out)
{
	struct match_scratch *scratch = e->scratch;
	struct match_left_out *list = take(e, e->rules->entity_count, sizeof *list);
	out->left_out = list;
	for (size_t i = 0; i < scratch->mention_count; i++)
		scratch->entity_told[scratch->mentions[i].entity] = scratch->item;
	for (uint32_t h = 0; list && h < scratch->hit_count; h++)
		for (uint32_t a = e->rules->heads[scratch->hits[h].term].alias; a != LEXICON_NONE; a = e->rules->aliases[a].next)
			explain_alias(e, &e->rules->aliases[a], h, list, &out->left_out_count);
}

enum base_result match_explain(const struct match_rules *rules, struct match_scratch *scratch,
                               const struct match_input *input, const struct match_explanation **out)
{
	const struct match_result *found;
	enum base_result result = match_run(rules, scratch, input, &found);
	if (result)
		return result;
	struct explainer e = {.scratch = scratch, .rules = rules};
	struct match_explanation *explanation = take(&e, 1, sizeof *explanation);
	size_t count = scratch->text.sentence_count < SENTENCES_SHOWN ? scratch->text.sentence_count : SENTENCES_SHOWN;
	struct match_sentence *sentences = take(&e, count, sizeof *sentences);
	for (uint32_t s = 0; !result && !e.failed && s < count; s++)
		result = explain_sentence(&e, s, &sentences[s]);
	if (!result && !e.failed) {
		*explanation = (struct match_explanation){.sentences = sentences, .sentence_count = count, .result = found};
		explain_names(&e, explanation);
	}
	if (result || e.failed)
		return result ? result : BASE_LIMIT;
	*out = explanation;
	return BASE_OK;
}

/* ---- what a set catches ----------------------------------------------------------------- */

static enum base_result tell_words(struct match_scratch *scratch, const struct interval *interval, match_word_fn *found,
                                   void *ctx)
{
	struct base_buf words;
	base_buf_init(&words, 1 << 16);
	for (uint32_t t = interval->first; t <= interval->last; t++) {
		const struct token *token = &scratch->text.tokens[t];
		if (t > interval->first)
			(void)base_buf_add_text(&words, token->flags & TOKEN_HYPHEN ? "-" : token->flags & TOKEN_DIGIT ? "" : " ");
		(void)base_buf_add_span(&words, text_folded(&scratch->text, token));
	}
	enum base_result result = words.failed;
	if (!result)
		found(ctx, base_buf_span(&words));
	base_buf_free(&words);
	return result == BASE_LIMIT ? BASE_OK : result;
}

enum base_result match_set_words(const struct match_rules *rules, struct match_scratch *scratch,
                             const struct match_input *input, struct base_span set, match_word_fn *found, void *ctx)
{
	const struct node *node = NULL;
	for (size_t i = 0; i < rules->set_count; i++)
		if (base_span_is(set, rules->sets[i].name))
			node = rules->sets[i].node;
	if (!node)
		return BASE_NOT_FOUND;
	enum base_result result = run_read(rules, scratch, input);
	for (uint32_t s = 0; !result && s < scratch->text.sentence_count; s++) {
		eval_reset(scratch);
		struct list list = eval_sentence(scratch, node, s);
		if (!eval_within_limits(scratch))
			continue;
		for (uint32_t i = 0; !result && i < list.count; i++)
			result = tell_words(scratch, &scratch->intervals[list.start + i], found, ctx);
		if (!result)
			result = scratch->failed;
	}
	return result;
}
