/* The rule language: terms, operators, the parts of a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

struct expected {
	const char *when, *text;
	bool fires;
};

static void check_all(const struct expected *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (expression_fires(cases[i].when, cases[i].text) != cases[i].fires)
			fail_msg("%s on \"%s\": expected %s", cases[i].when, cases[i].text, cases[i].fires ? "yes" : "no");
}
#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_terms(void **state)
{
	(void)state;
	static const struct expected cases[] = {
	    {"halt", "US HALT of arms", true},
	    {"halt", "US halts arms", false},
	    {"\"put on hold\"", "it was put on hold", true},
	    {"\"put on hold\"", "it was put, on hold", false},
	    {"\"put on hold\"", "it was put. On hold", false},
	    {"\u201cput on hold\u201d", "it was put on hold", true},
	    {"held", "a hand-held radio", false},
	    {"hand-held", "a hand held radio", true},
	    {"held", "held by us", true},
	    {"F-16", "an F16 flew", true},
	    {"F-16", "an F 16 flew", false}, /* one letter: joined only */
	    {"\"F 16\"", "an F 16 flew", true},
	    {"case:US", "the US halted", true},
	    {"case:US", "tell us more", false},
	    {"case:US", "TELL Us", false},
	    {"don''t", "they don't", true},
	};
	CHECK_ALL(cases);
}

static void test_wildcards(void **state)
{
	(void)state;
	static const struct expected cases[] = {
	    {"suspen*", "it suspended them", true},
	    {"suspen*", "a suspen", true},
	    {"suspen*", "a suspect", false},
	    {"*lieferung*", "Die Waffenlieferungen", true},
	    {"*lieferung*", "Die Lieferung", true},
	    {"*lieferung", "Die Lieferungen", false},
	    {"*held", "a hand-held radio", true},
	    {"sus*ded", "suspended", true},
	    {"sus*ded", "suspends", false},
	    {"\u043f\u0440\u0438\u0437\u0443\u043f\u0438\u043d*",
	     "\u0421\u0428\u0410 \u043f\u0440\u0438\u0437\u0443\u043f\u0438\u043d\u0438\u043b\u0438", true},
	    {"\"rocket launch*\"", "two rocket launchers", true},
	    {"\"rocket launch*\"", "two rocket boosters", false},
	};
	CHECK_ALL(cases);
}

/* A word that many wildcards match is found by all of them. */
static void test_many_wildcards(void **state)
{
	(void)state;
	struct base_buf yaml;
	struct trial trial;
	base_buf_init(&yaml, 1 << 16);
	assert_int_equal(base_buf_add_text(&yaml, "rules:\n"), BASE_OK);
	const char word[] = "abcdefghijklmnopqrstuvwxyz";
	size_t rules = 0;
	for (int from = 0; from < 5; from++)
		for (int len = 4; from + len <= 26; len++, rules++)
			assert_int_equal(base_buf_printf(&yaml, "  - {name: r%zu, class: pause, when: '%s%.*s*'}\n", rules,
			                                 from ? "*" : "", len, word + from),
			                 BASE_OK);
	trial_open(&trial, yaml.data);
	assert_true(rules > 48);
	struct match_input input = {.text = base_span_of(word)};
	const struct match_explanation *why;
	assert_int_equal(match_explain(trial.rules, trial.scratch, &input, &why), BASE_OK);
	assert_int_equal(why->sentences[0].trial_count, rules);
	for (size_t i = 0; i < rules; i++)
		assert_int_equal(why->sentences[0].trials[i].verdict, MATCH_FIRED);
	base_buf_free(&yaml);
	trial_close(&trial);
}

static void test_operators(void **state)
{
	(void)state;
	static const struct expected cases[] = {
	    {"halt AND arms", "halt of arms", true},
	    {"halt AND arms", "halt. Arms", false}, /* one sentence */
	    {"halt AND arms", "halt of aid", false},
	    {"halt OR arms", "arms", true},
	    {"halt OR arms", "aid", false},
	    {"halt NOT fire", "halt of arms", true},
	    {"halt NOT fire", "halt of fire", false},
	    {"halt AND NOT fire", "halt of fire", false},
	    {"halt NEAR/2 arms", "halt one two arms", true},
	    {"halt NEAR/2 arms", "arms one two halt", true},
	    {"halt NEAR/2 arms", "halt one two three arms", false},
	    {"halt NEAR arms", "halt 1 2 3 4 5 6 7 8 arms", true},
	    {"halt NEAR arms", "halt 1 2 3 4 5 6 7 8 9 arms", false},
	    {"halt NEAR/2 arms", "halt high-end state-of-the-art arms", true}, /* joined words count once */
	    {"halt NEAR/9 arms", "halt. Arms", false},
	    {"halt ONEAR/2 arms", "halt the arms", true},
	    {"halt ONEAR/2 arms", "arms halt", false},
	    {"halt NOT NEAR/2 fire", "halt of arms under one two three fire", true},
	    {"halt NOT NEAR/2 fire", "halt of fire", false},
	    {"halt NOT NEAR/2 fire", "fire halt", false},
	    {"halt NOT ONEAR/2 fire", "fire halt", true},
	    {"halt NOT ONEAR/2 fire", "halt fire", false},
	    {"SENTENCE(halt AND arms)", "halt of arms", true},
	    {"ATLEAST/3(arms)", "arms, arms and arms", true},
	    {"ATLEAST/3(arms)", "arms and arms", false},
	    {"halt AND arms OR aid", "aid", true}, /* AND binds tighter than OR */
	    {"halt AND (arms OR aid)", "aid", false},
	    {"$number NEAR/1 tanks", "18 tanks", true},
	    {"$number NEAR/1 tanks", "some tanks", false},
	    {"lang:uk AND arms", "arms", false},
	    {"lead:arms", "arms", true},
	    {"title:arms", "arms", false},
	};
	CHECK_ALL(cases);
}

static void test_title_and_lead(void **state)
{
	(void)state;
	struct trial trial;
	trial_open_rule(&trial, "title:halt OR (lead:stop)", "", "");
	assert_true(trial_fires(&trial, "halt", "x"));
	assert_false(trial_fires(&trial, "x", "halt"));
	assert_true(trial_fires(&trial, "stop", "x"));
	assert_true(trial_fires(&trial, "x", "stop"));
	trial_close(&trial);
}

static void test_guard(void **state)
{
	(void)state;
	struct trial trial;
	trial_open_rule(&trial, "$halted NEAR/6 arms", "    guard: not ONEAR/3 $halted\n",
	                "sets: {halted: [halt, halted, paused]}\n");
	assert_true(trial_fires(&trial, NULL, "They halted the arms"));
	assert_false(trial_fires(&trial, NULL, "They did not halt the arms"));
	/* the guard uses up only its own words */
	assert_true(trial_fires(&trial, NULL, "They did not halt the shells but paused the arms"));
	/* each sentence for itself */
	assert_true(trial_fires(&trial, NULL, "They did not halt the arms. They halted arms"));
	trial_close(&trial);
	/* each guard for itself: a short one inside a long one does not hide it */
	trial_open_rule(&trial, "$halted NEAR/6 arms", "    guard: [not ONEAR/4 $halted, quickly]\n",
	                "sets: {halted: [halt, halted, paused]}\n");
	assert_false(trial_fires(&trial, NULL, "They did not quickly halt the arms"));
	trial_close(&trial);
}

static void test_block_given_unless_lang(void **state)
{
	(void)state;
	struct trial trial;
	trial_open_rule(&trial, "halt", "    block: fire\n    given: army OR navy\n    unless: title:football\n", "");
	assert_true(trial_fires(&trial, NULL, "halt. The army"));
	assert_false(trial_fires(&trial, NULL, "halt. The police"));
	assert_false(trial_fires(&trial, NULL, "halt the fire. The army"));
	assert_true(trial_fires(&trial, NULL, "halt the fire. Halt the army"));
	assert_false(trial_fires(&trial, "Football", "halt. The army"));
	assert_true(trial_fires(&trial, "News", "halt. The army and football"));
	trial_close(&trial);
	trial_open_rule(&trial, "halt", "    lang: [uk, de]\n", "");
	struct match_input input = {.text = base_span_of("halt"), .language = base_span_of("de-AT")};
	assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
	assert_int_equal(trial.result->event_count, 1);
	input.language = base_span_of("en");
	assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
	assert_int_equal(trial.result->event_count, 0);
	/* What tells no language may be in any. */
	assert_true(trial_fires(&trial, "Halt", ""));
	assert_false(trial_fires(&trial, "Halt", "that is the end of it"));
	trial_close(&trial);
}

static void test_sets(void **state)
{
	(void)state;
	struct trial trial;
	trial_open_rule(&trial, "$goods AND $stop", "",
	                "sets:\n  goods: [$arms, aid]\n  arms: {parts: yes, terms: [missile]}\n"
	                "  stop: halt OR (cut NEAR/1 off)\n");
	assert_true(trial_fires(&trial, NULL, "halt of aid"));
	assert_true(trial_fires(&trial, NULL, "cut it off: a missile"));
	assert_false(trial_fires(&trial, NULL, "cut the missile"));
	assert_true(trial_fires(&trial, NULL, "halt of Patriot-missile work")); /* parts: yes */
	trial_close(&trial);
}

static void test_source(void **state)
{
	(void)state;
	static const struct {
		const char *when, *url, *name;
		bool fires;
	} cases[] = {
	    {"halt AND source:tass.com", "https://tass.com/rss/v2.xml", "TASS", true},
	    {"halt AND source:tass.com", "https://en.TASS.com:8443/rss", "x", true},
	    {"halt AND source:tass.com", "https://nottass.com/rss", "x", false},
	    {"halt AND source:tass.com", "https://x.org/tass.com", "x", false},
	    {"halt AND source:tass.com", "https://tass.com@x.org/", "x", false},
	    {"halt AND source:https://x.org/a.xml", "https://x.org/a.xml", "x", true},
	    {"halt AND source:https://x.org/a.xml", "https://x.org/b.xml", "x", false},
	    {"halt AND source:\"Новини дня\"", "https://x.org/", "НОВИНИ ДНЯ", true},
	    {"halt NOT source:tass.com", "https://tass.com/", "x", false},
	    {"halt NOT source:tass.com", NULL, NULL, true},
	    {"halt AND source:tass.com", NULL, NULL, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int given = 0; given < 2; given++) {
			struct trial trial;
			struct base_buf keys;
			base_buf_init(&keys, 4096);
			const char *condition = strstr(cases[i].when, "source:");
			assert_int_equal(base_buf_printf(&keys, "    %s: '%s'\n", strstr(cases[i].when, "NOT") ? "unless" : "given", condition), BASE_OK);
			trial_open_rule(&trial, given ? "halt" : cases[i].when, given ? keys.data : "", "");
			struct match_input input = {.text = base_span_of("a halt"),
			                            .feed_url = base_span_of(cases[i].url),
			                            .feed_name = base_span_of(cases[i].name)};
			assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
			if ((trial.result->event_count > 0) != cases[i].fires)
				fail_msg("%s on %s", cases[i].when, cases[i].url ? cases[i].url : "none");
			trial_close(&trial);
			base_buf_free(&keys);
		}
	}
}

static void test_quotation_marks(void **state)
{
	(void)state;
	static const struct expected cases[] = {
	    {"„put on hold“", "it was put on hold", true},   {"«put on hold»", "it was put on hold", true},
	    {"»put on hold«", "it was put on hold", true},   {"‹put on hold›", "it was put on hold", true},
	    {"‘put on hold’", "it was put on hold", true},   {"‚put on hold‘", "it was put on hold", true},
	    {"＂put on hold＂", "it was put on hold", true}, {"(‘put on hold’) AND it", "it was put on hold", true},
	    {"‘halt of l’armée’", "halt of l'armée", true},  {"l’armée OR x", "l'armée", true},
	    {"‘put on hold’", "put it on hold", false},
	};
	CHECK_ALL(cases);
}

static void test_precedence(void **state)
{
	(void)state;
	static const struct expected cases[] = {
	    {"a1 OR b1 AND c1", "a1", true},
	    {"(a1 OR b1) AND c1", "a1", false},
	    {"a1 AND b1 NOT c1", "a1 b1 c1", false},
	    {"a1 AND b1 OR c1 AND d1", "c1 d1", true},
	    {"a1 AND b1 NEAR/1 c1", "a1 b1 x c1", true},
	    {"a1 AND b1 NEAR/1 c1", "a1 b1 x x c1", false},
	    {"a1 NEAR/1 b1 NOT c1", "a1 b1 c1", false},
	    {"a1 NEAR/0 b1 NEAR/0 c1", "a1 b1 c1", true},
	    {"a1 NEAR/0 b1 NEAR/0 c1", "a1 b1 x c1", false},
	    {"a1 NEAR/3 b1", "a1 x x \"b1\"", true},
	    {"a1 NEAR/0 \"b1 c1 d1\" ONEAR/0 e1", "a1 b1 c1 d1 e1", true}, /* a phrase counts once */
	};
	CHECK_ALL(cases);
	char *problems = problems_of("rules:\n  - {name: r, class: pause, when: a1 and b1}\n");
	assert_non_null(problems);
	free(problems);
}

static void test_one_event_a_class(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, "rules:\n  - {name: second, class: pause, when: stop}\n  - {name: first, class: pause, when: halt}\n"
	                   "  - {name: d, class: delivery, when: sent}\n");
	trial_run(&trial, NULL, "Halt it. Sent it. Stop it. Halt. Stop. Halt. Stop. Halt.");
	assert_int_equal(trial.result->event_count, 2);
	assert_int_equal(trial.result->events[0].class, MATCH_DELIVERY);
	assert_string_equal(trial.result->events[1].rule, "first");
	assert_int_equal(trial.result->events[1].evidence_count, 5);
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_terms),     cmocka_unit_test(test_wildcards),
	    cmocka_unit_test(test_operators), cmocka_unit_test(test_many_wildcards),
	    cmocka_unit_test(test_guard),     cmocka_unit_test(test_block_given_unless_lang),
	    cmocka_unit_test(test_sets),      cmocka_unit_test(test_title_and_lead),
	    cmocka_unit_test(test_one_event_a_class), cmocka_unit_test(test_source),
	    cmocka_unit_test(test_quotation_marks),   cmocka_unit_test(test_precedence),
	};
	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
