/* Who gives what to whom, how many and for how much: the words that ship with the program, on small texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

/* A few rules beside the shipped details. */
static const char rules[] =
    "sets:\n"
    "  goods: [aid, weapons, missile*, tanks, shells, aircraft, допомог*, снаряд*, танк*]\n"
    "  gave: [deliver*, sent, sends, send, gives, gave, given, pledge*, receiv*, bought, halt*, asks, handed, transfer, "
    "переда*, отрима*, надасть, призупин*]\n"
    "rules: [{name: r, class: delivery, when: $gave NEAR/20 $goods}]\n"
    "systems: {HIMARS: [HIMARS], IRIS-T: [IRIS-T], Patriot: [Patriot*], F-16: [F-16], PAC-3: [PAC 3, PAC-3], Shahed: [Shahed*]}\n"
    "actors:\n"
    "  United States: [case:US, U.S., 'United States', American*, США]\n"
    "  Ukraine: [Ukrain*, Україн*, Kyiv]\n"
    "  Germany: [German*, Німеччин*]\n"
    "  France: [France, French]\n"
    "  Poland: [Poland, Polish, Польщ*]\n"
    "  Russia: [Russia*]\n";

static const struct {
	const char *text, *supplier, *recipient, *quantities, *money;
} cases[] = {
    /* who */
    {"Germany delivered HIMARS to Ukraine", "Germany", "Ukraine", "", ""},
    {"Germany on Friday delivered HIMARS to the Ukrainian army", "Germany", "Ukraine", "", ""},
    {"Germany has already sent Ukraine missiles", "Germany", "Ukraine", "", ""},
    {"Germany and France delivered HIMARS to Ukraine", "Germany, France", "Ukraine", "", ""},
    {"HIMARS were delivered to Ukraine by Germany", "Germany", "Ukraine", "", ""},
    {"HIMARS delivered by the United States to Ukraine", "United States", "Ukraine", "", ""},
    {"Ukraine received HIMARS from Germany", "Germany", "Ukraine", "", ""},
    {"Ukraine was given HIMARS by Poland", "Poland", "Ukraine", "", ""},
    {"Germany's government pledged missiles for Ukraine", "Germany", "Ukraine", "", ""},
    {"Germany halts missile deliveries to Ukraine", "Germany", "Ukraine", "", ""},
    {"Ukraine asks Germany for missiles that it sent", "Germany", "Ukraine", "", ""},
    {"Німеччина передала Україні HIMARS", "Germany", "Ukraine", "", ""},
    {"Україна отримала HIMARS від Німеччини", "Germany", "Ukraine", "", ""},
    {"США призупинили постачання HIMARS до України", "United States", "Ukraine", "", ""},
    /* a guess is worse than a blank */
    {"Officials in Germany delivered HIMARS", "", "", "", ""},
    {"Germany did not deliver HIMARS to Ukraine", "", "Ukraine", "", ""},
    {"Germany delivered HIMARS, according to Ukraine", "Germany", "", "", ""},
    {"HIMARS were delivered to Ukrainian airspace", "", "", "", ""},
    {"HIMARS were delivered to Ukraine's neighbour", "", "", "", ""},
    {"HIMARS were delivered to Ukraine's four neighbours", "", "", "", ""},
    {"Weapons for Germany to send", "", "", "", ""},
    {"US-made HIMARS were delivered", "", "", "", ""},
    {"Germany delivered HIMARS while France delivered missiles", "", "", "", ""}, /* two candidates */
    {"Ukraine delivered missiles to Ukraine", "", "", "", ""},
    {"Передали HIMARS в Україні", "", "", "", ""},
    /* how many */
    {"Germany delivered 18 HIMARS", "Germany", "", "18 HIMARS", ""},
    {"Germany delivered four IRIS-T systems to Ukraine", "Germany", "Ukraine", "4 IRIS-T", ""},
    {"Germany sent Ukraine 18 more American HIMARS launchers", "Germany", "Ukraine", "18 HIMARS", ""},
    {"Germany delivered two batteries of Patriot missiles", "Germany", "", "2 Patriot", ""},
    {"Germany delivered 1,200 tanks and 1.5 million shells", "Germany", "", "1200 tanks, 1500000 shells", ""},
    {"Germany delivered 10,000 155mm shells to Ukraine", "Germany", "Ukraine", "10000 shells", ""},
    {"Німеччина передала Україні чотири танки", "Germany", "Ukraine", "4 tanks", ""},
    {"Німеччина передала 5 тис. снарядів", "Germany", "", "5000 shells", ""},
    {"Germany delivered dozens of HIMARS", "Germany", "", "", ""},
    {"Germany delivered up to 18 HIMARS", "Germany", "", "", ""},
    {"Germany delivered 18 to 20 HIMARS", "Germany", "", "", ""},
    {"Germany delivered 18-20 HIMARS", "Germany", "", "", ""},
    {"Germany delivered F-16 aircraft", "Germany", "", "", ""},
    {"Germany delivered PAC 3 missiles", "Germany", "", "", ""},
    {"Germany delivered 1.200 tanks", "Germany", "", "", ""}, /* 1200 or 1.2 */
    {"In 2024 tanks were delivered", "", "", "", ""},
    {"Germany sent twenty-two tanks", "Germany", "", "", ""},
    {"Germany sent four tank crews and missiles", "Germany", "", "", ""},
    {"Russia fired 60 Shahed drones as Germany delivered HIMARS", "Germany", "", "", ""},
    {"Germany delivered 99999999999999999999 tanks", "Germany", "", "", ""},
    /* how much */
    {"Germany pledged $250 million in aid", "Germany", "", "", "250000000 USD"},
    {"Germany pledged $ 1.5 billion in aid", "Germany", "", "", "1500000000 USD"},
    {"Germany pledged aid of \u20ac1.2 billion", "Germany", "", "", "1200000000 EUR"},
    {"Germany pledged 72 billion euros in aid", "Germany", "", "", "72000000000 EUR"},
    {"Germany pledged aid of $14bn", "Germany", "", "", "14000000000 USD"},
    {"Germany pledged US$370 million in aid", "Germany", "", "", "370000000 USD"},
    {"Germany pledged C$500 million in aid", "Germany", "", "", "500000000 CAD"},
    {"Germany pledged 500 million Canadian dollars in aid", "Germany", "", "", "500000000 CAD"},
    {"Німеччина передала допомогу на 250 млн доларів", "Germany", "", "", "250000000 USD"},
    {"Німеччина передала допомогу на 1,5 млрд євро", "Germany", "", "", "1500000000 EUR"},
    {"Німеччина передала допомогу на 1,5 млрд \u20ac", "Germany", "", "", "1500000000 EUR"},
    {"Germany pledged a $250-million lot of aid", "Germany", "", "", "250000000 USD"},
    {"Germany pledged up to $5 billion in aid", "Germany", "", "", ""},
    {"Germany pledged $60-$70 million in aid", "Germany", "", "", ""},
    {"Germany pledged $60-70 million in aid", "Germany", "", "", ""},
    {"Germany pledged $60 to $70 million in aid", "Germany", "", "", ""},
    {"Germany pledged X$60 million in aid", "Germany", "", "", ""},
    {"Germany delivered 2,000-pound missiles", "Germany", "", "", ""},
    {"Germany pledged 5 million tons of aid", "Germany", "", "", ""},
    {"Germany pledged $1.0000000001 of aid", "Germany", "", "", ""},
};

static char *read_details(void)
{
	const char *folder = getenv("WW_SRCDIR");
	char path[4096], *bytes;
	size_t len;
	(void)snprintf(path, sizeof path, "%s/config/rules.d/details.yaml", folder ? folder : "..");
	assert_int_equal(base_read_file(path, 1 << 20, &bytes, &len, NULL), BASE_OK);
	return bytes;
}

static void open_shipped(struct trial *trial)
{
	char *details = read_details();
	struct match_source sources[] = {{"rules", base_span_of(rules)}, {"details", base_span_of(details)}};
	struct base_problems *problems;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	enum base_result result = match_rules_load(sources, 2, problems, &trial->rules);
	for (size_t i = 0; i < base_problems_count(problems); i++)
		print_message("# %s\n", base_problems_at(problems, i));
	assert_int_equal(result, BASE_OK);
	base_problems_free(problems);
	free(details);
	assert_int_equal(match_scratch_new(trial->rules, &trial->scratch), BASE_OK);
}

static void say(const struct match_event *event, struct base_buf *out)
{
	struct base_buf names;
	base_buf_init(&names, 1 << 12);
	base_buf_reset(out);
	(void)base_buf_printf(out, "%s | ", list_text(event->supplier, event->supplier_count, &names));
	(void)base_buf_printf(out, "%s | ", list_text(event->recipient, event->recipient_count, &names));
	for (size_t i = 0; i < event->quantity_count; i++)
		(void)base_buf_printf(out, "%s%llu %.*s", i ? ", " : "", (unsigned long long)event->quantities[i].count,
		                      (int)event->quantities[i].of.len, event->quantities[i].of.ptr);
	(void)base_buf_add_text(out, " | ");
	for (size_t i = 0; i < event->money_count; i++)
		(void)base_buf_printf(out, "%s%llu %s", i ? ", " : "", (unsigned long long)event->money[i].amount,
		                      event->money[i].currency);
	base_buf_free(&names);
}

static void test_details(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf found, wanted;
	size_t wrong = 0;
	base_buf_init(&found, 1 << 12);
	base_buf_init(&wanted, 1 << 12);
	open_shipped(&trial);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		trial_run(&trial, NULL, cases[i].text);
		base_buf_reset(&wanted);
		assert_int_equal(base_buf_printf(&wanted, "%s | %s | %s | %s", cases[i].supplier, cases[i].recipient,
		                                 cases[i].quantities, cases[i].money),
		                 BASE_OK);
		if (trial.result->event_count == 1)
			say(&trial.result->events[0], &found);
		bool same = trial.result->event_count == 1 && strcmp(found.data, wanted.data) == 0;
		if (!same)
			print_message("# %s\n#   %s\n#   not %s\n", cases[i].text,
			              trial.result->event_count == 1 ? found.data : "no event", wanted.data);
		wrong += !same;
	}
	base_buf_free(&found);
	base_buf_free(&wanted);
	trial_close(&trial);
	assert_int_equal(wrong, 0);
}

/* The first sentence that names somebody decides. */
static void test_first_sentence(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf found;
	base_buf_init(&found, 1 << 12);
	open_shipped(&trial);
	trial_run(&trial, "Germany delivers 18 HIMARS to Ukraine", "In May Poland delivered 4 tanks to Kyiv.");
	say(&trial.result->events[0], &found);
	assert_string_equal(found.data, "Germany | Ukraine | 18 HIMARS, 4 tanks | ");
	base_buf_free(&found);
	trial_close(&trial);
}

/* Only the places where a pattern can start are counted against what a sentence may cost. */
static void test_long_sentence(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf yaml, text;
	base_buf_init(&yaml, 1 << 16);
	base_buf_init(&text, 1 << 16);
	(void)base_buf_add_text(&yaml, "rules: [{name: r, class: delivery, when: sent NEAR/20 missiles}]\n"
	                               "actors: {Germany: [Germany], Ukraine: [Ukraine]}\ndetails:\n  roles:\n");
	for (int i = 0; i < 80; i++)
		(void)base_buf_printf(&yaml, "    - SUPPLIER sent%d\n    - SUPPLIER sent .. to RECIPIENT\n", i);
	(void)base_buf_add_text(&text, "Germany sent missiles to Ukraine,");
	for (int i = 0; i < 350; i++)
		(void)base_buf_add_text(&text, " word");
	assert_int_equal(yaml.failed || text.failed, false);
	trial_open(&trial, yaml.data);
	trial_run(&trial, NULL, text.data);
	assert_int_equal(trial.result->event_count, 1);
	assert_int_equal(trial.result->events[0].supplier_count, 1);
	base_buf_free(&yaml);
	base_buf_free(&text);
	trial_close(&trial);
}

/* A pattern may start with any name, whatever words it has. */
static void test_names_first(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, "rules: [{name: r, class: delivery, when: $systems NEAR/9 sent}]\n"
	                   "systems: {HIMARS: [HIMARS]}\nactors: {Ukraine: [Ukraine], Germany: [Germany]}\n"
	                   "details: {roles: ['$systems sent to RECIPIENT', '$actors sent RECIPIENT']}\n");
	trial_run(&trial, "HIMARS sent to Ukraine", NULL);
	assert_int_equal(trial.result->events[0].recipient_count, 1);
	trial_run(&trial, "HIMARS: Germany sent Ukraine", NULL);
	assert_int_equal(trial.result->events[0].recipient_count, 1);
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_details),
	    cmocka_unit_test(test_first_sentence),
	    cmocka_unit_test(test_long_sentence),
	    cmocka_unit_test(test_names_first),
	};
	return cmocka_run_group_tests_name("details", tests, NULL, NULL);
}
