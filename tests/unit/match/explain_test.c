/* What is said about how a text was read, and what a set catches. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static const char rules[] =
    "sets:\n"
    "  halted: [halt*, stopped]\n"
    "  arms: {parts: yes, terms: [missile*, shells]}\n"
    "  near: $halted NEAR/2 $arms\n"
    "rules:\n"
    "  - name: r\n"
    "    class: pause\n"
    "    lang: [en, de]\n"
    "    when: [$halted NEAR/8 $arms, stopped AND x9]\n"
    "    guard: [never ONEAR/1 $halted, not ONEAR/1 $halted]\n"
    "    block: museum\n"
    "    given: kyiv OR war\n"
    "    unless: [quiz, 'title:games']\n"
    "  - {name: q, class: sale, when: $arms AND bought}\n"
    "furniture: {starts: [Read also]}\n";

static const struct match_explanation *explain(struct trial *trial, const char *text)
{
	const struct match_explanation *why;
	struct match_input input = {.text = base_span_of(text), .language = base_span_of("en")};
	assert_int_equal(match_explain(trial->rules, trial->scratch, &input, &why), BASE_OK);
	return why;
}

static void test_verdicts(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum match_verdict verdict;
		const char *words, *expression;
		size_t line;
	} cases[] = {
	    {"War: they halted missiles.", MATCH_FIRED, "halted+missiles", "$halted NEAR/8 $arms", 9},
	    {"War: they stopped x9.", MATCH_FIRED, "stopped", "stopped AND x9", 9},
	    {"War: they have not halted missiles.", MATCH_GUARDED, "not+halted", "not ONEAR/1 $halted", 10},
	    {"War: a museum halted missiles.", MATCH_BLOCKED, "museum", "museum", 11},
	    {"They halted missiles.", MATCH_NOT_GIVEN, "", "kyiv OR war", 12},
	    {"War quiz: they halted missiles.", MATCH_UNLESS, "", "quiz", 13},
	    {"War: they halted it.", MATCH_MISSING, "halted", NULL, 0},
	};
	struct trial trial;
	struct base_buf words;
	base_buf_init(&words, 4096);
	trial_open(&trial, rules);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct match_explanation *why = explain(&trial, cases[i].text);
		const struct match_trial *first = &why->sentences[0].trials[0];
		assert_int_equal(why->sentence_count, 1);
		assert_string_equal(first->rule.name, "r");
		assert_string_equal(first->rule.languages, "en,de");
		assert_string_equal(first->rule.file, "t.yaml");
		if (first->verdict != cases[i].verdict)
			fail_msg("%s: verdict %d", cases[i].text, (int)first->verdict);
		base_buf_reset(&words);
		assert_int_equal(base_buf_add_text(&words, ""), BASE_OK);
		for (size_t w = 0; w < first->count; w++)
			assert_int_equal(base_buf_printf(&words, "%s%.*s", w ? "+" : "", (int)first->words[w].len, first->words[w].ptr), BASE_OK);
		if (i != 1) /* x9 is two tokens of one term: said as it is written */
			assert_string_equal(words.data ? words.data : "", cases[i].words);
		if (cases[i].expression)
			assert_string_equal(first->expression, cases[i].expression);
		else
			assert_null(first->expression);
		assert_int_equal(first->line, cases[i].line);
	}
	base_buf_free(&words);
	trial_close(&trial);
}

static void test_reading(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, rules);
	const struct match_explanation *why =
	    explain(&trial, "Anti-missile \u0428\u0435\u043b\u043b, F16.\nRead also: they stopped shells.");
	assert_int_equal(why->sentence_count, 2);
	const struct match_sentence *sentence = &why->sentences[0];
	static const char *const wanted[][2] = {{"", "anti"}, {"-", "missile"}, {" ", "\u0448\u0435\u043b\u043b"}, {"|", "f"}, {"+", "16"}};
	assert_int_equal(sentence->token_count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(sentence->tokens[i].joint, wanted[i][0]);
		assert_true(base_span_is(sentence->tokens[i].folded, wanted[i][1]));
	}
	assert_true(sentence->lead && !sentence->title && !sentence->furniture);
	assert_int_equal(sentence->set_count, 1);
	assert_string_equal(sentence->sets[0].set, "arms");
	assert_true(base_span_is(sentence->sets[0].words[0], "missile"));
	assert_non_null(why->sentences[1].furniture);
	assert_int_equal(why->sentences[1].trial_count, 0);
	assert_int_equal(why->result->event_count, 0);
	trial_close(&trial);
}

static void add_word(void *ctx, struct base_span words)
{
	assert_int_equal(base_buf_printf(ctx, "[%.*s]", (int)words.len, words.ptr), BASE_OK);
}

static void test_words(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf words;
	base_buf_init(&words, 4096);
	trial_open(&trial, rules);
	struct match_input input = {.text = base_span_of("Halting HALTS. Anti-missile shells halted.\nRead also: halts")};
	assert_int_equal(match_set_words(trial.rules, trial.scratch, &input, base_span_of("halted"), add_word, &words), BASE_OK);
	assert_string_equal(words.data, "[halting][halts][halted]");
	base_buf_reset(&words);
	assert_int_equal(match_set_words(trial.rules, trial.scratch, &input, base_span_of("near"), add_word, &words), BASE_OK);
	assert_string_equal(words.data, "[shells halted]");
	assert_int_equal(match_set_words(trial.rules, trial.scratch, &input, base_span_of("none"), add_word, &words), BASE_NOT_FOUND);
	base_buf_free(&words);
	trial_close(&trial);
}

static void test_rule_list(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, rules);
	struct match_rule_info info = match_rule_at(trial.rules, 1);
	assert_string_equal(info.name, "q");
	assert_string_equal(info.languages, "");
	assert_int_equal(info.class, MATCH_SALE);
	assert_int_equal(info.line, 14);
	trial_close(&trial);
}

static void test_same_name(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"F-16", "f16", true},       {"F-1", "F-16", false},       {"Leopard", "Leopard 2", true},
	    {"Leopard 1", "Leopard 2", false}, {"B\u00e4r", "Bar", true}, {"Gro\u00df", "GROSS", true},
	    {"", "x", false},            {"A", "AB", false},           {"\u0439", "\u0438", true},
	    {"Bayraktar TB2", "Bayraktar", true}, {"HIMARS", "Hamas", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (match_same_name(base_span_of(cases[i].a), base_span_of(cases[i].b)) != cases[i].same)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_reading),   cmocka_unit_test(test_words),
	    cmocka_unit_test(test_rule_list), cmocka_unit_test(test_same_name),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
