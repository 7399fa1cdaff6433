/* Systems, actors, the language, and what the explanation says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static const char rules[] =
    "rules: [{name: r, class: pause, when: halt AND $systems}]\n"
    "sets: {context: [missile*, launcher*, ракет*]}\n"
    "systems:\n"
    "  Patriot:\n"
    "    aliases: [MIM-104]\n"
    "    ambiguous: [Patriot, Patriots, Петріот*]\n"
    "    needs: $context OR $systems\n"
    "    except: ['Patriot Day', 'New England Patriots']\n"
    "  HIMARS: [HIMARS, M142, ХІМАРС]\n"
    "  F-16: [F-16, F-16s]\n"
    "actors:\n"
    "  United States: {aliases: ['case:US', U.S., Washington, American*, США], except: ['Washington Post']}\n"
    "  Ukraine: [Ukraine, Україн*]\n"
    "  Ukrainian Navy: ['Ukraine Navy']\n"
    "  Germany: [Germany, German]\n";

static void check(const char *text, const char *systems, const char *actors)
{
	struct trial trial;
	struct base_buf buf;
	base_buf_init(&buf, 1 << 16);
	trial_open(&trial, rules);
	trial_run(&trial, NULL, text);
	assert_string_equal(list_text(trial.result->systems, trial.result->system_count, &buf), systems);
	assert_string_equal(list_text(trial.result->actors, trial.result->actor_count, &buf), actors);
	base_buf_free(&buf);
	trial_close(&trial);
}

static void test_names(void **state)
{
	(void)state;
	check("The US halted HIMARS for Ukraine's army; US again", "HIMARS", "United States, Ukraine");
	check("Let us go", "", "");
	check("American-made F-16s and F16 jets", "F-16", "United States");
	check("США передали Україні ХІМАРС", "HIMARS", "United States, Ukraine");
	check("a Ukraine Navy ship", "", "Ukrainian Navy"); /* the longest alias wins */
	check("The German-US deal", "", "Germany, United States");
}

static void test_every_item_anew(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf buf;
	base_buf_init(&buf, 1 << 16);
	trial_open(&trial, rules);
	for (int item = 0; item < 3; item++) { /* one scratch for all, as in a poller */
		trial_run(&trial, NULL, "The US halted a Patriot launcher for Ukraine");
		assert_string_equal(list_text(trial.result->systems, trial.result->system_count, &buf), "Patriot");
		assert_string_equal(list_text(trial.result->actors, trial.result->actor_count, &buf), "United States, Ukraine");
	}
	base_buf_free(&buf);
	trial_close(&trial);
}

static void test_ambiguous(void **state)
{
	(void)state;
	check("A Patriot won the race", "", "");
	check("A Patriot missile came", "Patriot", "");
	check("A Patriot came. The missile too", "Patriot", "");
	check("A Patriot and a HIMARS", "Patriot, HIMARS", ""); /* needs may ask for the sure systems */
	check("A Patriot and a Patriots", "", "");              /* ... not for themselves */
	check("Ракети Петріот", "Patriot", "");
}

static void test_except(void **state)
{
	(void)state;
	check("The missile on Patriot Day", "", "");
	check("The missile on Patriot Day and a Patriot", "Patriot", "");
	check("New England Patriots and missile", "", "");
	check("The Washington Post says", "", "");
	check("Washington says in the Washington Post", "", "United States");
}

/* A scratch remembers nothing of the item before. */
static void test_items_apart(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, rules);
	for (int i = 0; i < 3; i++) {
		trial_run(&trial, NULL, "halt the Patriot missile");
		assert_int_equal(trial.result->system_count, 1);
		assert_int_equal(trial.result->event_count, 1);
		trial_run(&trial, NULL, "halt the Patriot");
		assert_int_equal(trial.result->system_count, 0);
		assert_int_equal(trial.result->event_count, 0);
		trial_run(&trial, NULL, "The US sent HIMARS"); /* names that are never ambiguous */
		assert_int_equal(trial.result->system_count, 1);
		assert_int_equal(trial.result->actor_count, 1);
	}
	trial_close(&trial);
}

static void test_language(void **state)
{
	(void)state;
	static const struct {
		const char *given, *text, *language;
	} cases[] = {
	    {"uk-UA", "the of and", "uk"},
	    {"EN", "", "en"},
	    {NULL, "The army said that it is in the city for the winter", "en"},
	    {NULL, "Die Armee ist in der Stadt und das Land mit den Waffen", "de"},
	    {NULL, "Les armes sont dans la ville et les chars pour une armée", "fr"},
	    {NULL, "Broń jest w mieście i nie ma na to czasu, że się", "pl"},
	    {NULL, "Україна отримала від союзників ракети", "uk"},
	    {NULL, "Украина получила от союзников ракеты, чтобы был мир", "ru"},
	    {NULL, "xyz", ""},
	    {"?", "", ""},
	};
	struct trial trial;
	trial_open(&trial, rules);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct match_input input = {.text = base_span_of(cases[i].text), .language = base_span_of(cases[i].given)};
		assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
		assert_string_equal(trial.result->language, cases[i].language);
	}
	trial_close(&trial);
}

static void test_left_out(void **state)
{
	(void)state;
	struct trial trial;
	const struct match_explanation *why;
	trial_open(&trial, rules);
	struct match_input input = {.text = base_span_of("Halt the Patriot. The Patriot of the Washington Post. Ukraine")};
	assert_int_equal(match_explain(trial.rules, trial.scratch, &input, &why), BASE_OK);
	assert_int_equal(why->left_out_count, 2); /* each once, Ukraine not at all */
	assert_string_equal(why->left_out[0].name, "Patriot");
	assert_true(why->left_out[0].system && !why->left_out[0].excepted);
	assert_true(base_span_is(why->left_out[0].words, "Patriot"));
	assert_string_equal(why->left_out[1].name, "United States");
	assert_true(!why->left_out[1].system && why->left_out[1].excepted);
	assert_true(base_span_is(why->left_out[1].words, "Washington Post"));
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names), cmocka_unit_test(test_every_item_anew),       cmocka_unit_test(test_ambiguous), cmocka_unit_test(test_except),
	    cmocka_unit_test(test_items_apart), cmocka_unit_test(test_language),  cmocka_unit_test(test_left_out),
	};
	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
