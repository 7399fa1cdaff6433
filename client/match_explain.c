/* How a text was read and what each rule made of it, for people and as JSON. */
#include "match_explain.h"

#include <jansson.h>
#include <string.h>

#include "match_output.h"
#include "terminal.h"

#define NAME_COLUMNS 28
#define WORD_COLUMNS 20
#define VERDICT_COLUMNS 12
#define LABEL "           " /* as wide as "  tokens   " */

static const char *verdict_text(enum match_verdict verdict)
{
	static const char *const texts[] = {"FIRED", "missing", "guarded", "blocked", "language", "not given", "unless", "tail"};
	return texts[verdict];
}

static void add_escaped(struct base_buf *out, struct base_span text)
{
	(void)base_escape(out, text.ptr, text.len, BASE_ESCAPE_LINE);
}

static void add_words(struct base_buf *out, const struct base_span *words, size_t count, const char *between)
{
	for (size_t i = 0; i < count; i++) {
		(void)base_buf_add_text(out, i ? between : "");
		add_escaped(out, words[i]);
	}
}

/* ---- for people ---------------------------------------------------------------------- */

static void add_tokens(const struct match_sentence *sentence, struct base_buf *out)
{
	(void)base_buf_add_text(out, "  tokens   ");
	for (size_t i = 0; i < sentence->token_count; i++) {
		bool stop = sentence->tokens[i].joint[0] == '|';
		(void)base_buf_add_text(out, stop ? " | " : sentence->tokens[i].joint);
		add_escaped(out, sentence->tokens[i].folded);
	}
	(void)base_buf_add_char(out, '\n');
}

static bool same_place(struct base_span a, struct base_span b)
{
	return a.ptr == b.ptr && a.len == b.len;
}

static bool has_word(const struct match_set_hit *set, struct base_span word)
{
	for (size_t i = 0; i < set->count; i++)
		if (same_place(set->words[i], word))
			return true;
	return false;
}

/* The word that stands first in the sentence of those after `last`; of two at one place the shorter. */
static struct base_span next_word(const struct match_sentence *sentence, struct base_span last)
{
	struct base_span best = BASE_NONE;
	for (size_t i = 0; i < sentence->set_count; i++) {
		for (size_t w = 0; w < sentence->sets[i].count; w++) {
			struct base_span word = sentence->sets[i].words[w];
			bool later = !last.ptr || word.ptr > last.ptr || (word.ptr == last.ptr && word.len > last.len);
			if (later && (!best.ptr || word.ptr < best.ptr || (word.ptr == best.ptr && word.len < best.len)))
				best = word;
		}
	}
	return best;
}

/* Each word with the sets that hold it: a word is in many sets more often than a set has many words. */
static void add_sets(const struct match_sentence *sentence, struct base_buf *out)
{
	struct base_span word = BASE_NONE;
	for (bool first = true; (word = next_word(sentence, word)).ptr; first = false) {
		(void)base_buf_add_text(out, first ? "  sets     " : LABEL);
		size_t start = out->len;
		add_escaped(out, word);
		(void)base_buf_add_char(out, ' ');
		terminal_pad(out, start, WORD_COLUMNS);
		for (size_t i = 0; i < sentence->set_count; i++)
			if (has_word(&sentence->sets[i], word))
				(void)base_buf_printf(out, " $%s", sentence->sets[i].set);
		(void)base_buf_add_char(out, '\n');
	}
}

static void add_reason(const struct match_trial *trial, struct base_buf *out)
{
	add_words(out, trial->words, trial->count, " + ");
	if (trial->expression) {
		(void)base_buf_add_text(out, trial->count ? "  by " : "");
		terminal_add(out, trial->expression, 100);
		(void)base_buf_add_text(out, "  (");
		terminal_add(out, trial->file, 0);
		(void)base_buf_printf(out, ":%zu)", trial->line);
	}
}

static void add_trial(const struct match_trial *trial, bool first, bool colours, struct base_buf *out)
{
	(void)base_buf_add_text(out, first ? "  rules    " : LABEL);
	size_t start = out->len;
	terminal_add(out, trial->rule.name, 0);
	(void)base_buf_add_char(out, ' ');
	terminal_pad(out, start, NAME_COLUMNS);
	(void)base_buf_add_char(out, ' ');
	(void)base_buf_add_text(out, terminal_start(colours, trial->verdict == MATCH_FIRED ? TERMINAL_GOOD : TERMINAL_BAD));
	start = out->len;
	(void)base_buf_add_text(out, verdict_text(trial->verdict));
	terminal_pad(out, start, VERDICT_COLUMNS);
	(void)base_buf_add_text(out, terminal_start(colours, TERMINAL_PLAIN));
	if (trial->verdict == MATCH_FIRED)
		(void)base_buf_printf(out, "%s: ", match_class_text(trial->rule.class));
	add_reason(trial, out);
	(void)base_buf_add_char(out, '\n');
}

/* Rules of which only the trigger is there are many: their names will do. */
static void add_missing(const struct match_sentence *sentence, bool colours, struct base_buf *out)
{
	bool said = false;
	for (size_t i = 0; i < sentence->trial_count; i++) {
		const struct match_trial *trial = &sentence->trials[i];
		if (trial->verdict != MATCH_MISSING)
			continue;
		(void)base_buf_add_text(out, said ? ", " : terminal_start(colours, TERMINAL_DIM));
		(void)base_buf_add_text(out, said ? "" : "  only a trigger  ");
		terminal_add(out, trial->rule.name, 0);
		(void)base_buf_add_text(out, " (");
		add_words(out, trial->words, trial->count < 3 ? trial->count : 3, ", ");
		(void)base_buf_add_char(out, ')');
		said = true;
	}
	if (said)
		(void)base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
}

static void add_sentence(const struct match_sentence *sentence, size_t number, bool colours, struct base_buf *out)
{
	(void)base_buf_printf(out, "%s%zu %s%s", terminal_start(colours, TERMINAL_BOLD), number,
	                      sentence->title ? "title    " : sentence->lead ? "lead     " : "", sentence->title || sentence->lead ? "" : "tail     ");
	add_escaped(out, sentence->text);
	(void)base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
	if (sentence->furniture)
		(void)base_buf_printf(out, "  furniture: %s\n", sentence->furniture);
	add_tokens(sentence, out);
	add_sets(sentence, out);
	for (size_t i = 0; i < sentence->trial_count && sentence->trials[i].verdict != MATCH_MISSING; i++)
		add_trial(&sentence->trials[i], i == 0, colours, out);
	add_missing(sentence, colours, out);
	(void)base_buf_add_char(out, '\n');
}

enum base_result explain_text(const struct match_explanation *why, bool colours, struct base_buf *out)
{
	for (size_t i = 0; i < why->sentence_count; i++)
		add_sentence(&why->sentences[i], i + 1, colours, out);
	for (size_t i = 0; i < why->left_out_count; i++) {
		const struct match_left_out *name = &why->left_out[i];
		(void)base_buf_printf(out, "no %s ", name->system ? "system" : "actor");
		terminal_add(out, name->name, 0);
		(void)base_buf_add_text(out, name->excepted ? ": an exception stands there: "
		                                            : ": what it needs is not in the item: ");
		add_escaped(out, name->words);
		(void)base_buf_add_char(out, '\n');
	}
	(void)base_buf_printf(out, "language: %s\n", *why->result->language ? why->result->language : "unknown");
	return out->failed ? out->failed : output_text(why->result, colours, out);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static json_t *text_json(struct base_span text)
{
	return json_stringn(text.ptr, text.len);
}

static json_t *trial_json(const struct match_trial *trial)
{
	json_t *json = json_pack("{s:s,s:s,s:s,s:o}", "rule", trial->rule.name, "class", match_class_text(trial->rule.class),
	                         "verdict", verdict_text(trial->verdict), "words", output_texts(trial->words, trial->count));
	if (json && trial->expression) {
		(void)json_object_set_new(json, "expression", json_string(trial->expression));
		(void)json_object_set_new(json, "file", json_string(trial->file));
		(void)json_object_set_new(json, "line", json_integer((json_int_t)trial->line));
	}
	return json;
}

static json_t *sentence_json(const struct match_sentence *sentence)
{
	json_t *tokens = json_array(), *sets = json_object(), *trials = json_array();
	for (size_t i = 0; i < sentence->token_count; i++)
		(void)json_array_append_new(tokens, json_pack("{s:o,s:s}", "folded", text_json(sentence->tokens[i].folded), "joint",
		                                              sentence->tokens[i].joint));
	for (size_t i = 0; i < sentence->set_count; i++)
		(void)json_object_set_new(sets, sentence->sets[i].set, output_texts(sentence->sets[i].words, sentence->sets[i].count));
	for (size_t i = 0; i < sentence->trial_count; i++)
		(void)json_array_append_new(trials, trial_json(&sentence->trials[i]));
	return json_pack("{s:o,s:s,s:s?,s:o,s:o,s:o}", "text", text_json(sentence->text), "part",
	                 sentence->title ? "title" : sentence->lead ? "lead" : "tail", "furniture", sentence->furniture, "tokens",
	                 tokens, "sets", sets, "rules", trials);
}

enum base_result explain_json(const struct match_explanation *why, struct base_span id, struct base_buf *out)
{
	json_t *root = output_result_json(why->result, id), *sentences = json_array(), *left_out = json_array();
	for (size_t i = 0; i < why->sentence_count; i++)
		(void)json_array_append_new(sentences, sentence_json(&why->sentences[i]));
	for (size_t i = 0; i < why->left_out_count; i++) {
		const struct match_left_out *name = &why->left_out[i];
		(void)json_array_append_new(left_out, json_pack("{s:s,s:s,s:s,s:o}", "name", name->name, "kind",
		                                                name->system ? "system" : "actor", "why",
		                                                name->excepted ? "except" : "needs", "words", text_json(name->words)));
	}
	bool whole = json_array_size(sentences) == why->sentence_count && json_array_size(left_out) == why->left_out_count;
	(void)json_object_set_new(root, "sentences", sentences);
	(void)json_object_set_new(root, "left_out", left_out);
	if (whole)
		return output_line(root, out);
	json_decref(root);
	return BASE_NO_MEMORY;
}
