/* Mistakes in rule files, each with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static const struct {
	const char *yaml, *problem;
} cases[] = {
    {"rules:\n  - {name: a, class: pause, when: halt AND}\n", "t.yaml:2: column 43: something is missing"},
    {"rules:\n  - {name: a, class: pause, when: '(halt'}\n", "t.yaml:2: column 41: a closing bracket"},
    {"rules:\n  - {name: a, class: pause, when: halt arms}\n", "t.yaml:2: column 40: two terms"},
    {"rules:\n  - {name: a, class: pause, when: halt NEAR/1000 b}\n", "column 40: the distance"},
    {"rules:\n  - {name: a, class: pause, when: 'ракета AND'}\n", "t.yaml:2: column 46: "},
    {"rules:\n  - {name: a, class: pause, when: 'ATLEAST/0(x)'}\n", "ATLEAST/n takes a number"},
    {"rules:\n  - {name: a, class: pause, when: '\"halt'}\n", "the quotation mark is never closed"},
    {"rules:\n  - {name: a, class: pause, when: 'ab*'}\n", "at least three letters"},
    {"rules:\n  - {name: a, class: pause, when: 'case:Abc*'}\n", "case: takes no wildcard"},
    {"rules:\n  - {name: a, class: pause, when: '(NOT b) NEAR/2 c'}\n", "NEAR needs terms on both sides"},
    {"rules:\n  - {name: a, class: pause, when: 'NOT b'}\n", "t.yaml:2: nothing in this expression must occur"},
    {"rules:\n  - {name: a, class: pause, when: $none}\n", "t.yaml:2: column 35: there is no set $none"},
    {"rules:\n  - name: a\n    class: paused\n    when: halt\n", "t.yaml:3: there is no class paused"},
    {"rules:\n  - name: a\n    class: pause\n    whem: halt\n", "t.yaml:4: unknown key \"whem\""},
    {"rules:\n  - class: pause\n    when: halt\n", "t.yaml:2: a rule needs a name"},
    {"rules:\n  - name: a\n    when: halt\n", "t.yaml:2: a rule needs a class"},
    {"rules:\n  - name: a\n    class: pause\n", "t.yaml:2: a rule needs a when"},
    {"rules:\n  - {name: a, class: pause, when: b}\n  - {name: a, class: pause, when: b}\n",
     "t.yaml:3: there is another rule named a"},
    {"rules:\n  - {name: a, class: pause, when: |\n      halt\n  AND}\n", "t.yaml:"},
    {"rules:\n  - halt\n", "t.yaml:2: a rule must be a map"},
    {"rules: {}\n", "t.yaml:1: rules must be a list"},
    {"sets: []\n", "t.yaml:1: sets must be a map"},
    {"sets:\n  a: $b\n  b: $a\n", "contains itself"},
    {"sets:\n  systems: [x]\n", "t.yaml:2: "},
    {"sets:\n  a: ['...']\n", "t.yaml:2: column 8: \"...\": there is no letter or digit"},
    {"sets:\n  a: {parts: maybe, terms: [b]}\n", "t.yaml:2: parts must be yes or no"},
    {"furniture: []\n", "t.yaml:1: furniture must be a map"},
    {"furniture:\n  starts: Photo\n", "t.yaml:2: starts must be a list"},
    {"furniture:\n  starts: ['--']\n", "t.yaml:2: column 13: \"--\": there is no letter"},
    {"furniture:\n  begins: [a]\n", "t.yaml:2: unknown key \"begins\""},
    {"tail: $none\n", "t.yaml:1: column 7: there is no set $none"},
    {"rulez: []\n", "t.yaml:1: unknown key \"rulez\""},
    {"systems:\n  Patriot:\n    ambiguous: [Patriot]\n", "t.yaml:3: ambiguous aliases need a `needs`"},
    {"systems:\n  Patriot: Patriot\n", "t.yaml:2: Patriot needs a list of aliases"},
    {"details:\n  roles: [SUPPLIER]\n", "t.yaml:2: a pattern needs SUPPLIER or RECIPIENT, and words beside it"},
    {"details:\n  roles: [gives]\n", "t.yaml:2: a pattern needs SUPPLIER or RECIPIENT, and words beside it"},
    {"details:\n  roles:\n    - SUPPLIER gives ..\n", "t.yaml:3: \"..\" stands between two steps"},
    {"details:\n  roles: [SUPPLIER $none]\n", "t.yaml:2: column 20: there is no set $none"},
    {"sets: {a: b AND c}\ndetails:\n  roles: [SUPPLIER $a]\n", "t.yaml:3: a step of a pattern is a word or a set"},
    {"details:\n  skip: a AND b\n", "t.yaml:2: only words and sets are possible here"},
    {"details:\n  numbers: {two: [two]}\n", "t.yaml:2: \"two\" is no whole number"},
    {"details:\n  currencies: {Euro: [euro]}\n", "t.yaml:2: \"Euro\" is no currency code"},
    {"details:\n  role: []\n", "t.yaml:2: unknown key \"role\""},
    {"rules:\n  - {name: a, class: pause, when: 'x NEAR/3'}\n", "t.yaml:2: column 44: something is missing"},
    {"rules:\n  - {name: a, class: pause, when: 'OR x'}\n", "t.yaml:2: column 36: a term, a $set or a bracket"},
    {"rules:\n  - {name: a, class: pause, when: 'x NOT'}\n", "t.yaml:2: column 41: something is missing"},
    {"rules:\n  - {name: a, class: pause, when: '()'}\n", "t.yaml:2: column 37: a term, a $set or a bracket"},
    {"rules:\n  - {name: a, class: pause, when: 'x)'}\n", "t.yaml:2: column 37: an operator"},
    {"rules:\n  - {name: a, class: pause, when: 'source:'}\n", "source: takes"},
    {"rules:\n  - {name: a, class: pause, when: 'source:x.org NEAR/2 y'}\n", "NEAR needs terms on both sides"},
    {"rules:\n  - {name: a, class: pause, when: 'source:x.org'}\n", "nothing in this expression must occur"},
    {"rules:\n  - {name: a, class: pause, when: 'NOT x OR y'}\n", "nothing in this expression must occur"},
    {"rules:\n  - {name: a, class: pause, when: ''}\n", "t.yaml:2: column 1 of the expression: something"},
    {"sets:\n  a: []\n", "t.yaml:2: the set $a is empty"},
    {"rulez: 1\nsets:\n  a: []\n", "t.yaml:3: the set $a is empty"},
    {"rules: [\n", "t.yaml:"},
    {"leave_out: []\n", "t.yaml:1: leave_out must be a map"},
    {"leave_out:\n  rule: [a]\n", "t.yaml:2: unknown key \"rule\" in leave_out"},
    {"leave_out:\n  rules: a\n", "t.yaml:2: leave_out needs a list here"},
    {"leave_out:\n  sets: [a]\n", "t.yaml:2: leave_out needs a map of sets here"},
    {"leave_out:\n  rules: [a]\n", "t.yaml:2: leave_out: there is no rule \"a\""},
    {"leave_out:\n  systems: [Patriot]\n", "t.yaml:2: leave_out: there is no system \"Patriot\""},
    {"sets:\n  a: [b, c]\nleave_out:\n  sets:\n    a: [c, d]\n", "t.yaml:5: leave_out: there is no word \"d\" in the set $a"},
    {"sets:\n  a: [b]\nleave_out:\n  sets: {a: [b]}\n", "t.yaml:2: the set $a is empty"},
};

static void test_problems(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *problems = problems_of(cases[i].yaml);
		if (!problems || !strstr(problems, cases[i].problem))
			fail_msg("%s\nsays %s\nnot %s", cases[i].yaml, problems ? problems : "nothing", cases[i].problem);
		free(problems);
	}
}

/* What one file says, another takes back. */
static void test_leave_out(void **state)
{
	(void)state;
	const struct match_source files[] = {
	    {"local.yaml", base_span_of("leave_out:\n  rules: [late]\n  sets: {stop: [cut]}\n  systems: [Cobra]\n  actors: [Oz]\n")},
	    {"rules.yaml", base_span_of("sets:\n  stop: [halt, cut]\n  other: [cut]\nsystems: {Cobra: [Cobra], Viper: [Viper]}\n"
	                                "actors: {Oz: [Oz], Ix: [Ix]}\nrules:\n  - {name: late, class: pause, when: late}\n"
	                                "  - {name: stop, class: pause, when: $stop}\n  - {name: other, class: sale, when: $other}\n")}};
	struct base_problems *problems;
	struct trial trial = {NULL, NULL, NULL};
	struct base_buf buf;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(match_rules_load(files, 2, problems, &trial.rules), BASE_OK);
	assert_int_equal(match_scratch_new(trial.rules, &trial.scratch), BASE_OK);
	assert_false(trial_fires(&trial, "", "late"));
	assert_true(trial_fires(&trial, "", "halt"));
	trial_run(&trial, "", "cut the Cobra and the Viper from Oz and Ix");
	assert_int_equal(trial.result->event_count, 1);
	assert_int_equal(trial.result->events[0].class, MATCH_SALE);
	base_buf_init(&buf, 1000);
	assert_string_equal(list_text(trial.result->systems, trial.result->system_count, &buf), "Viper");
	base_buf_free(&buf);
	base_buf_init(&buf, 1000);
	assert_string_equal(list_text(trial.result->actors, trial.result->actor_count, &buf), "Ix");
	base_buf_free(&buf);
	trial_close(&trial);
	base_problems_free(problems);
}

static void test_all_at_once(void **state)
{
	(void)state;
	char *problems = problems_of("rules:\n  - {name: a, class: x, when: halt}\n  - {name: b, class: pause, when: (}\n"
	                             "sets:\n  c: $d\n");
	assert_non_null(problems);
	assert_non_null(strstr(problems, "t.yaml:2:"));
	assert_non_null(strstr(problems, "t.yaml:3:"));
	assert_non_null(strstr(problems, "t.yaml:5:"));
	free(problems);
}

/* The row of the file, and below it a caret under the mistake: in code points, also of a value that repeats a key. */
static void test_quotes(void **state)
{
	(void)state;
	static const char *const quoted[][2] = {
	    {"sets:\n  зброя: x\n  a: [b, 'ракета OR OR c']\n", "      a: [b, 'ракета OR OR c']\n                        ^"},
	    {"sets:\n  when: when AND\n", "      when: when AND\n                    ^"},
	    {"rules:\n  - name: a\n    class: pause\n    when: >\n      halt OR\n      $none\n", "          $none\n          ^"},
	    {"sets:\n  a: halt OR\n     halt AND\n     halt OR\n", "         halt OR\n                ^"},
	};
	for (size_t i = 0; i < sizeof quoted / sizeof quoted[0]; i++) {
		struct match_source source = {"t.yaml", base_span_of(quoted[i][0])};
		struct base_problems *problems;
		struct match_rules *rules = NULL;
		assert_int_equal(base_problems_new(&problems), BASE_OK);
		assert_int_equal(match_rules_load(&source, 1, problems, &rules), BASE_SYNTAX);
		size_t last = base_problems_count(problems) - 1;
		const char *quote = base_problems_quote_at(problems, last);
		if (!quote || strcmp(quote, quoted[i][1]) != 0)
			fail_msg("%s\n%s\nnot\n%s", base_problems_at(problems, last), quote ? quote : "nothing", quoted[i][1]);
		base_problems_free(problems);
	}
}

/* In a block the line is the expression's own. */
static void test_block_lines(void **state)
{
	(void)state;
	char *problems = problems_of("rules:\n  - name: a\n    class: pause\n    when: |\n      halt\n      AND )\n");
	assert_non_null(problems);
	assert_non_null(strstr(problems, "t.yaml:6: column 11: "));
	free(problems);
}

static void test_files_are_united(void **state)
{
	(void)state;
	struct match_source sources[] = {
	    {"a.yaml", base_span_of("rules: [{name: r, class: pause, when: $halted AND $systems}]\nsets: {halted: [halt]}\n"
	                            "systems: {HIMARS: [HIMARS]}\n")},
	    {"b.yaml", base_span_of("sets: {halted: [stop]}\nsystems: {HIMARS: [M142]}\n")},
	};
	struct base_problems *problems;
	struct trial trial = {0};
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(match_rules_load(sources, 2, problems, &trial.rules), BASE_OK);
	base_problems_free(problems);
	assert_int_equal(match_rules_count(trial.rules), 1);
	assert_int_equal(match_terms_count(trial.rules), 4);
	assert_int_equal(match_scratch_new(trial.rules, &trial.scratch), BASE_OK);
	assert_true(trial_fires(&trial, NULL, "stop the M142"));
	assert_int_equal(trial.result->system_count, 1);
	trial_close(&trial);
}

static void test_empty(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, "");
	assert_false(trial_fires(&trial, "x", "y"));
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_problems),         cmocka_unit_test(test_leave_out),
	    cmocka_unit_test(test_all_at_once), cmocka_unit_test(test_block_lines),
	    cmocka_unit_test(test_files_are_united), cmocka_unit_test(test_empty), cmocka_unit_test(test_quotes),
	};
	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
