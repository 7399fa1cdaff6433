/*
 * The room alert: thousands of reports that are alike. What placing costs is
 * counted in steps - postings and sketches looked at -, which no busy machine changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "daemon/alert/index.h"
#include "daemon/alert/stories.h"
#include "sample.h"

static struct alert_stories *stories_new(void)
{
	struct alert_stories *stories;
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &stories), BASE_OK);
	return stories;
}

/* True if it is the first report of its story, which is written to story. */
static bool place_and_tell(struct alert_stories *stories, const struct sample *sample, char story[17])
{
	struct base_buf json;
	struct alert *alert = sample_alert(sample);
	base_buf_init(&json, 1 << 20);
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	assert_int_equal(alert_json(alert, "n", 1, 1, SAMPLE_NOW, &json), BASE_OK);
	assert_int_equal(sscanf(strstr(json.data, "\"story\""), "\"story\":\"%16[0-9a-f]\"", story), 1);
	bool first = alert_is_first(alert);
	alert_stories_keep(stories, 1);
	alert_free(alert);
	base_buf_free(&json);
	return first;
}

static bool place(struct alert_stories *stories, const struct sample *sample)
{
	char story[17];
	return place_and_tell(stories, sample, story);
}

/* Many events: their reports share a system and a quarter of their words. */
static bool place_event(struct alert_stories *stories, int number)
{
	char item[16], title[400];
	int len = snprintf(title, sizeof title, "Estavia waits for Kestrel missiles");
	for (char word = 'a'; word < 'a' + 12; word++)
		len += snprintf(title + len, sizeof title - (size_t)len, " %cord%c%d", word, word, number);
	(void)snprintf(item, sizeof item, "e%d", number);
	return place(stories, &(struct sample){.class = MATCH_PAUSE,
										   .item = item,
										   .systems = {"Kestrel"},
										   .title = title,
										   .detected = SAMPLE_NOW + number * BASE_SECOND});
}

/* One event, told by ever more outlets with another number each, so that none is a mere reprint. */
static bool place_retelling(struct alert_stories *stories, int number)
{
	char item[16], title[200];
	(void)snprintf(title, sizeof title, "Norland holds back %d Kestrel missiles promised to Estavia", 10000 + number);
	(void)snprintf(item, sizeof item, "r%d", number);
	return place(stories,
				 &(struct sample){.class = MATCH_PAUSE,
								  .item = item,
								  .systems = {"Kestrel"},
								  .title = title,
								  .text = "The ministry of defence wants to audit its depots before the summer.",
								  .detected = SAMPLE_NOW + number * BASE_SECOND});
}

/* Places the reports numbered from and up to another number; the steps of them all. */
static size_t steps_of(struct alert_stories *stories, bool place_one(struct alert_stories *, int), int from, int upto,
					   int *firsts)
{
	size_t before = stories_steps(stories);
	for (int i = from; i < upto; i++)
		*firsts += place_one(stories, i);
	return stories_steps(stories) - before;
}

static void grows_no_more(bool place_one(struct alert_stories *, int), int firsts_expected)
{
	struct alert_stories *stories = stories_new();
	int firsts = 0;
	(void)steps_of(stories, place_one, 0, 2000, &firsts);
	size_t few = steps_of(stories, place_one, 2000, 3000, &firsts);
	(void)steps_of(stories, place_one, 3000, 8000, &firsts);
	size_t many = steps_of(stories, place_one, 8000, 9000, &firsts);
	print_message("steps a report among 2,500 others: %zu, among 8,500: %zu\n", few / 1000, many / 1000);
	assert_true(10 * many <= 15 * few);
	assert_int_equal(firsts, firsts_expected);
	alert_stories_free(stories);
}

static void a_report_costs_no_more_among_more_events(void **state)
{
	(void)state;
	grows_no_more(place_event, 9000);
}

static void a_retelling_costs_no_more_among_more_of_them(void **state)
{
	(void)state;
	grows_no_more(place_retelling, 1);
}

/* The words that tell it from others are looked up to the end, and all it shares is counted. */
static void a_story_is_found_behind_a_flood(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	char story[17], again[17];
	struct sample sample = {.class = MATCH_PAUSE,
							.item = "1",
							.systems = {"Kestrel"},
							.title = "Estavia waits for Kestrel missiles: strike of pilots closes harbour in Lissen",
							.text =
								"Every crane stands still, freight trains turn back empty, shipyard owners complain."};
	assert_true(place_and_tell(stories, &sample, story));
	for (int i = 0; i < 6000; i++)
		assert_true(place_event(stories, i));
	/* In common with it: four words that all others have too, and three of its own. */
	sample.item = "2";
	sample.title = "Workers in Lissen talk about wages, Estavia waits for Kestrel missiles";
	sample.text = "Seven ferries cannot leave either: islands depend on them, mail piles high, tourists sleep "
				  "in freight halls beside pilots.";
	sample.detected = SAMPLE_NOW + 6000 * BASE_SECOND;
	assert_false(place_and_tell(stories, &sample, again));
	assert_string_equal(story, again);
	alert_stories_free(stories);
}

/* One event that everybody tells: the reports of others are still known by it. */
static void a_flood_does_not_wash_other_stories_away(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	int firsts = 0;
	assert_true(place_event(stories, 0));
	(void)steps_of(stories, place_retelling, 1, 21000, &firsts);
	assert_int_equal(firsts, 1);
	assert_int_equal(alert_stories_count(stories), 2);
	assert_false(place_event(stories, 0));
	alert_stories_free(stories);
}

/* The same with texts so long that some thousand of them are as much as may be kept of all stories. */
static void a_flood_of_long_texts_does_not_either(void **state)
{
	(void)state;
	enum { COMMON = 1500, OWN = 4500, WORD = 12 };
	static char text[(COMMON + OWN) * WORD];
	struct alert_stories *stories = stories_new();
	char story[17];
	int firsts = 0;
	assert_true(place_event(stories, 0));
	for (int i = 0; i < 1900; i++) {
		char item[16];
		size_t len = 0;
		for (int k = 0; k < COMMON + OWN; k++)
			len += (size_t)snprintf(text + len, sizeof text - len, "w%dx%d ", k < COMMON ? 0 : i + 1, k);
		(void)snprintf(item, sizeof item, "l%d", i);
		firsts += place_and_tell(stories,
		                         &(struct sample){.class = MATCH_PAUSE,
		                                          .item = item,
		                                          .systems = {"Kestrel"},
		                                          .title = "Norland holds back Kestrel missiles: ministry wants an audit",
		                                          .text = text},
		                         story);
	}
	assert_int_equal(firsts, 1);
	assert_int_equal(alert_stories_count(stories), 2);
	assert_false(place_event(stories, 0));
	alert_stories_free(stories);
}

/* Two stories of thousands of reports each, in turns: forgetting them must not search for each of their words. */
static void great_stories_are_forgotten_at_once(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	for (int i = 0; i < 4000; i++) {
		char item[16], text[200];
		(void)snprintf(item, sizeof item, "s%d", i);
		(void)snprintf(text, sizeof text, "Depots hold %d of them.", 10000 + i);
		const char *title = i % 2 ? "Norland holds back Kestrel missiles: ministry wants an audit"
								  : "Sudoria stops Kestrel spare parts after protests in every harbour";
		place(stories, &(struct sample){
						   .class = MATCH_PAUSE, .item = item, .systems = {"Kestrel"}, .title = title, .text = text});
	}
	size_t before = stories_steps(stories);
	place(stories, &(struct sample){.class = MATCH_SALE, .item = "later", .detected = SAMPLE_NOW + 100 * BASE_HOUR});
	assert_int_equal(alert_stories_count(stories), 1);
	print_message("steps to forget 4,000 reports: %zu\n", stories_steps(stories) - before);
	assert_true(stories_steps(stories) - before < 4000 * 50);
	alert_stories_free(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_costs_no_more_among_more_events),
		cmocka_unit_test(a_retelling_costs_no_more_among_more_of_them),
		cmocka_unit_test(a_story_is_found_behind_a_flood),
		cmocka_unit_test(a_flood_does_not_wash_other_stories_away),
		cmocka_unit_test(a_flood_of_long_texts_does_not_either),
		cmocka_unit_test(great_stories_are_forgotten_at_once),
	};
	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
