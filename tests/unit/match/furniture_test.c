/* What stands in an item's text and is none of it must neither fire nor count. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

#define RULES                                                                                                          \
	"rules:\n"                                                                                                         \
	"  - {name: r, class: pause, when: halt AND arms}\n"                                                               \
	"  - {name: g, class: sale, when: bought, given: arms, unless: quiz}\n"                                            \
	"systems: {HIMARS: [HIMARS]}\n"                                                                                    \
	"furniture:\n"                                                                                                     \
	"  starts: [Read also, 'Photo:', Читайте також, 'À lire:']\n"                                                      \
	"  contains: [AP Photo, newsletter]\n"                                                                             \
	"  headings: [Related, Most read]\n"                                                                               \
	"  ends: [Comments]\n"

#define BODY                                                                                                           \
	"The minister spoke for an hour about the budget of his house and about the roads of the province and the "        \
	"schools.\nHe was asked by several members about the price of bread and the price of milk, and said that both "    \
	"would be looked at by the cabinet.\n"                                                                             \
	"Nobody in the room seemed to be content with that answer, and some left before the end of the session while "     \
	"others stayed and wrote letters to their voters, who had asked for bread and for milk and for roads.\n"

static bool fires_at(struct trial *trial, const char *text, const char *rule)
{
	trial_run(trial, "A title", text);
	for (size_t i = 0; i < trial->result->event_count; i++)
		if (strcmp(trial->result->events[i].rule, rule) == 0)
			return true;
	return false;
}

static void test_what_fires(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fires;
	} cases[] = {
	    {"They halt arms.", true},
	    {"Read also: They halt arms", false},
	    {"First line.\nRead also: They halt arms. They halt arms again.", false},
	    {"Read also: this. They halt arms.", true}, /* all the text there is: only the sentence goes */
	    {"Some text. Read also: they halt arms. The rest.", false},
	    {"Some text. READ ALSO they halt arms. The rest.", false},
	    {"They read also that they halt arms.", true}, /* not at the start */
	    {"Some text.\nЧитайте також: they halt arms", false},
	    {"Some text.\nÀ lire\u202f: they halt arms", false},
	    {"Photo evidence: they halt arms.", true}, /* no colon after the word */
	    {"Photo: they halt arms.", false},
	    {"They halt arms Photo: Smith", true},
	    {"They met Photo: they halt arms", false},
	    {"One.\nSoldiers halt arms at the border (AP Photo/Smith)\nTwo.", false},
	    {"Soldiers halt arms at the border (AP Photo/Smith)", true},
	    {"One.\nSubscribe to our newsletter. They halt arms.\nTwo.", false},
	    {BODY "Related\nMinisters halt arms\nWhy ministers halt arms?\nIt was late.", false},
	    {BODY "Related\nMinisters halt arms\nIt was late.\nThey halt arms", true}, /* the list is over */
	    {BODY "Related (3)\nMinisters halt arms", false},
	    {BODY "Related work\nMinisters halt arms", true},
	    {BODY "Related\nMinisters halt arms.", true},
	    {BODY "Comments\nSmith said that ministers halt arms. He knew.\nThey halt arms.", false},
	    {"Comments\nThey halt arms.", true}, /* nothing of its own before */
	    {BODY "#halt #arms #Kyiv", false},
	    {BODY "Ministers halt arms again\nBread is getting dearer\nThe weather of next week", false},
	    {BODY "Ministers halt arms again\nBread is getting dearer", true},
	    {BODY "The list of what they do:\nMinisters halt arms again\nBread is getting dearer\nThe weather of next week", true},
	    {"Ministers halt arms\nBread is getting dearer\nThe weather of next week", true}, /* all there is */
	};
	struct trial trial;
	trial_open(&trial, RULES);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (fires_at(&trial, cases[i].text, "r") != cases[i].fires)
			fail_msg("expected %s: %s", cases[i].fires ? "yes" : "no", cases[i].text);
	trial_close(&trial);
}

/* given, unless, systems and the lead do not see it. */
static void test_what_counts(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, RULES);
	assert_true(fires_at(&trial, "They bought arms.", "g"));
	assert_false(fires_at(&trial, "They bought it.\nRead also: arms and HIMARS", "g"));
	assert_int_equal(trial.result->system_count, 0);
	assert_true(fires_at(&trial, "They bought arms.\nRead also: the quiz", "g"));
	assert_false(fires_at(&trial, "They bought arms.\nThe quiz.", "g"));
	trial_close(&trial);

	trial_open(&trial, "rules: [{name: r, class: pause, when: 'lead:halt'}]\nfurniture: {starts: ['Photo:']}\n");
	struct base_buf text;
	base_buf_init(&text, 1 << 16);
	assert_int_equal(base_buf_add_text(&text, "Photo:"), BASE_OK);
	for (int i = 0; i < 55; i++)
		assert_int_equal(base_buf_add_text(&text, " word"), BASE_OK);
	assert_int_equal(base_buf_add_text(&text, ".\nTen more words of this text that is about nothing much.\nThey halt."), BASE_OK);
	assert_true(fires_at(&trial, text.data, "r")); /* the caption is no part of the lead */
	base_buf_free(&text);
	trial_close(&trial);
}

/* What stands after the lead counts only with a title or lead that holds `tail`. */
static void test_tail(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, "rules: [{name: r, class: pause, when: halt}]\ntail: arms OR title:weapons\n");
	assert_true(fires_at(&trial, "They halt.", "r"));
	assert_false(fires_at(&trial, BODY "They halt.", "r"));
	assert_true(fires_at(&trial, "It is about arms.\n" BODY "They halt.", "r"));
	assert_false(fires_at(&trial, "It is about weapons.\n" BODY "They halt.", "r"));
	assert_false(fires_at(&trial, BODY "They halt arms.", "r"));
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_fires), cmocka_unit_test(test_what_counts), cmocka_unit_test(test_tail)};
	return cmocka_run_group_tests_name("furniture", tests, NULL, NULL);
}
