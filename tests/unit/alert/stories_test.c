/* The room alert: which reports tell the same story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

/* Three invented reports: the second retells the first, the third is about another event. */
static const char agency[] =
	"The ministry of defence in Norland said on Tuesday that it will hold back a second batch of Kestrel air defence "
	"missiles promised to Estavia until an audit of its own stocks is complete. Officials told reporters that depots "
	"in the north were found to be a third emptier than the books had shown. The audit began in March after a "
	"parliamentary committee asked how many interceptors were left for the country's own brigades. A first batch of "
	"forty missiles arrived in Estavia in January and has been used to guard the capital and two power stations. The "
	"government in Estavia called the decision painful but said that talks about a new date had already begun. "
	"Analysts believe the pause could last until autumn because the only factory making the Kestrel is working at "
	"full capacity and has a waiting list of three other buyers.";
static const char retold[] =
	"A second batch of Kestrel air defence missiles promised to Estavia will be held back by Norland, the ministry of "
	"defence said, citing an audit of its own stocks. Reporters were told that depots in the north were found to be a "
	"third emptier than expected. It was a parliamentary committee that asked in spring how many interceptors were "
	"left for the country's own brigades, which set the review in motion. Estavia, which received forty missiles in "
	"January and uses them to guard the capital, called the decision painful, and diplomats are already discussing a "
	"new date. Observers doubt that deliveries can start again before autumn: the only factory making the Kestrel is "
	"working at full capacity, and other customers are waiting as well. Shares of the manufacturer fell by two per "
	"cent in early trading on the news from the north, while the opposition demanded an explanation.";
static const char other[] =
	"Shipyard workers in the port of Lissen walked out on Friday, and with them stopped the transfer of three patrol "
	"boats that the navy of Sudoria had bought last year. The boats were to leave for their new home on Sunday with "
	"a mixed crew. Union leaders want higher wages before they let the vessels go, and the owner of the yard said "
	"that he could not pay more without state aid. The embassy of Sudoria expressed its regret and hoped for a quick "
	"settlement, since the old boats of its coast guard can no longer put to sea in winter. The minister of economy "
	"offered to mediate between the two sides and invited them to a meeting next week. Each of the boats carries a "
	"gun, two inflatable craft and a small helicopter deck, and was overhauled for eleven million in the past months.";

static struct alert_stories *stories_new(void)
{
	struct alert_stories *stories;
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &stories), BASE_OK);
	return stories;
}

struct seen { /* what became of an alert */
	char story[17], report[8];
	int outlets;
};

static struct seen read_json(const struct alert *alert)
{
	struct base_buf json;
	struct seen seen;
	base_buf_init(&json, 1 << 20);
	assert_int_equal(alert_json(alert, "n", 1, 1, SAMPLE_NOW, &json), BASE_OK);
	assert_int_equal(sscanf(strstr(json.data, "\"report\""), "\"report\":\"%7[a-z]\"", seen.report), 1);
	assert_int_equal(sscanf(strstr(json.data, "\"story\""), "\"story\":\"%16[0-9a-f]\"", seen.story), 1);
	assert_int_equal(sscanf(strstr(json.data, "\"outlets\""), "\"outlets\":%d", &seen.outlets), 1);
	base_buf_free(&json);
	return seen;
}

/* Place a sample; store its sketch if wanted. */
static struct seen place(struct alert_stories *stories, const struct sample *sample, struct base_buf *sketch)
{
	struct alert *alert = sample_alert(sample);
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	if (sketch)
		assert_int_equal(alert_story_sketch(alert, sketch), BASE_OK);
	struct seen seen = read_json(alert);
	assert_int_equal(alert_is_first(alert), !strcmp(seen.report, "first"));
	alert_stories_keep(stories, 1);
	alert_free(alert);
	return seen;
}

static void same(struct seen a, struct seen b)
{
	assert_string_equal(a.story, b.story);
	assert_string_equal(b.report, "repeat");
}

static void different(struct seen a, struct seen b)
{
	assert_string_not_equal(a.story, b.story);
	assert_string_equal(b.report, "first");
}

static const struct sample first_report = {
	.class = MATCH_PAUSE, .item = "1", .feed = "https://a.example/", .text = agency};

static void a_retold_report_joins_the_story(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct seen a = place(stories, &first_report, NULL);
	struct seen b =
		place(stories,
	          &(struct sample){.class = MATCH_PAUSE, .item = "2", .feed = "https://b.example/", .text = retold}, NULL);
	struct seen c =
		place(stories, &(struct sample){.class = MATCH_PAUSE, .item = "3", .feed = "https://c.example/", .text = other},
	          NULL);
	assert_string_equal(a.report, "first");
	assert_int_equal(a.outlets, 1);
	same(a, b);
	assert_int_equal(b.outlets, 2);
	different(a, c);
	/* The same outlet once more does not count twice. */
	struct seen d =
		place(stories,
	          &(struct sample){.class = MATCH_PAUSE, .item = "4", .feed = "https://b.example/", .text = agency}, NULL);
	same(a, d);
	assert_int_equal(d.outlets, 2);
	alert_stories_free(stories);
}

static void another_class_is_another_story(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct seen a = place(stories, &first_report, NULL);
	different(a, place(stories, &(struct sample){.class = MATCH_REQUEST, .item = "1", .text = agency}, NULL));
	alert_stories_free(stories);
}

static void page_furniture_does_not_hide_a_story(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	char text[8000];
	int len = snprintf(text, sizeof text, "%s\n", retold);
	for (int i = 0; i < 300; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "menu%d teaser%d ", i, i * 7);
	struct seen a = place(stories, &first_report, NULL);
	same(a, place(stories, &(struct sample){.class = MATCH_PAUSE, .item = "2", .text = text}, NULL));
	alert_stories_free(stories);
}

static void short_reports_need_words_and_a_system_or_number(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct seen a = place(stories,
	                      &(struct sample){.class = MATCH_PAUSE,
	                                       .item = "1",
	                                       .systems = {"Kestrel"},
	                                       .title = "Norland holds back Kestrel missiles for Estavia",
	                                       .text = "The defence ministry wants to audit its depots first."},
	                      NULL);
	same(a, place(stories,
	              &(struct sample){.class = MATCH_PAUSE,
	                               .item = "2",
	                               .systems = {"Kestrel"},
	                               .title = "Estavia must wait: Norland ministry holds Kestrel missiles back",
	                               .text = "Depots are emptier than thought."},
	              NULL));
	/* Much the same words, but no system and no number in common. */
	different(a,
	          place(stories,
	                &(struct sample){.class = MATCH_PAUSE,
	                                 .item = "3",
	                                 .title = "Norland holds back missiles meant for Estavia, defence ministry says"},
	                NULL));
	/* The same system, other words. */
	different(a, place(stories,
	                   &(struct sample){.class = MATCH_PAUSE,
	                                    .item = "4",
	                                    .systems = {"Kestrel"},
	                                    .title = "Sudoria stops paying its Kestrel instalments"},
	                   NULL));
	alert_stories_free(stories);
}

static void languages_are_bridged_by_parties_and_systems(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct seen a = place(stories,
	                      &(struct sample){.class = MATCH_PAUSE,
	                                       .item = "1",
	                                       .systems = {"Kestrel"},
	                                       .supplier = "Norland",
	                                       .title = "Norland holds back missiles"},
	                      NULL);
	same(a, place(stories,
	              &(struct sample){.class = MATCH_PAUSE,
	                               .item = "2",
	                               .systems = {"Kestrel"},
	                               .supplier = "Norland",
	                               .language = "uk",
	                               .title = "Норландія притримала ракети"},
	              NULL));
	different(a, place(stories,
	                   &(struct sample){.class = MATCH_PAUSE,
	                                    .item = "3",
	                                    .systems = {"Kestrel"},
	                                    .recipient = "Norland",
	                                    .language = "uk",
	                                    .title = "Еставія чекає"},
	                   NULL));
	/* An amount does it too. */
	struct seen b = place(stories,
	                      &(struct sample){.class = MATCH_SALE,
	                                       .item = "4",
	                                       .money = {5000000, "EUR"},
	                                       .supplier = "Norland",
	                                       .title = "Norland sells boats"},
	                      NULL);
	same(b, place(stories,
	              &(struct sample){.class = MATCH_SALE,
	                               .item = "5",
	                               .money = {5000000, "EUR"},
	                               .supplier = "Norland",
	                               .language = "de",
	                               .title = "Boote verkauft"},
	              NULL));
	alert_stories_free(stories);
}

static void the_same_page_is_the_same_story(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct seen a =
		place(stories,
	          &(struct sample){
				  .class = MATCH_PAUSE, .item = "1", .link = "https://www.example.org/n/1?id=5&utm_source=rss#top"},
	          NULL);
	same(a, place(stories, &(struct sample){.class = MATCH_PAUSE, .item = "2", .link = "http://example.org/n/1?id=5"},
	              NULL));
	different(a,
	          place(stories, &(struct sample){.class = MATCH_PAUSE, .item = "3", .link = "http://example.org/n/1?id=6"},
	                NULL));
	/* The same item once more, edited beyond recognition. */
	same(a, place(stories, &(struct sample){.class = MATCH_PAUSE, .item = "1", .link = "https://example.org/moved"},
	              NULL));
	/* A front page is nobody's report. */
	struct seen b =
		place(stories, &(struct sample){.class = MATCH_SALE, .item = "4", .link = "https://example.org/"}, NULL);
	different(b,
	          place(stories, &(struct sample){.class = MATCH_SALE, .item = "5", .link = "https://example.org/"}, NULL));
	/* With what says where the reader came from, it is still one; a parameter that says more is a page's name. */
	const char *const front[] = {"https://example.org/?utm_source=rss", "https://example.org?ref=rss&fbclid=1",
	                             "https://example.org/?", "https://example.org/?utm_source=rss#top"};
	for (size_t i = 0; i < sizeof front / sizeof *front; i++) {
		struct seen one = place(stories, &(struct sample){.class = MATCH_REQUEST, .item = "6", .link = front[i]}, NULL);
		different(one, place(stories, &(struct sample){.class = MATCH_REQUEST, .item = "7", .link = front[i]}, NULL));
		alert_stories_free(stories);
		stories = stories_new();
	}
	b = place(stories, &(struct sample){.class = MATCH_SALE, .item = "8", .link = "https://example.org/?p=5&ref=a"}, NULL);
	same(b, place(stories, &(struct sample){.class = MATCH_SALE, .item = "9", .link = "https://example.org/?p=5"}, NULL));
	alert_stories_free(stories);
}

static void a_story_closes_after_its_window_and_after_a_week(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct sample sample = first_report;
	struct seen a = place(stories, &sample, NULL), b;
	for (int i = 1; i <= 3; i++) { /* every 56 hours: within the window of the last, up to 168 hours */
		char item[8];
		(void)snprintf(item, sizeof item, "m%d", i);
		sample.item = item;
		sample.detected = SAMPLE_NOW + i * 56 * BASE_HOUR;
		same(a, place(stories, &sample, NULL));
	}
	sample.item = "late";
	sample.detected = SAMPLE_NOW + 7 * BASE_DAY + BASE_HOUR;
	b = place(stories, &sample, NULL);
	different(a, b);
	sample.item = "later";
	sample.detected += 73 * BASE_HOUR;
	different(b, place(stories, &sample, NULL));
	assert_int_equal(alert_stories_count(stories), 1); /* the dead ones are swept out */
	alert_stories_free(stories);
}

static void a_clock_that_jumps_does_not_end_grouping(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct sample sample = first_report;
	sample.detected = SAMPLE_NOW + 9000 * BASE_DAY;
	place(stories, &sample, NULL);
	sample.detected = SAMPLE_NOW;
	struct seen a = place(stories, &sample, NULL);
	assert_string_equal(a.report, "first");
	sample.item = "2";
	sample.detected = SAMPLE_NOW + BASE_HOUR;
	same(a, place(stories, &sample, NULL));
	alert_stories_free(stories);
}

/* ---- sketches ------------------------------------------------------------------------ */

static void sketches_rebuild_the_stories(void **state)
{
	(void)state;
	struct alert_stories *before = stories_new(), *after = stories_new();
	struct base_buf one, two;
	base_buf_init(&one, 1 << 20);
	base_buf_init(&two, 1 << 20);
	struct seen a = place(before, &first_report, &one);
	/* A reprint: it need not be compared with, but its outlet counts. */
	place(before, &(struct sample){.class = MATCH_PAUSE, .item = "2", .feed = "https://b.example/", .text = agency},
	      &two);
	assert_true(two.len < 100);
	assert_int_equal(alert_stories_restore(after, base_buf_span(&one)), BASE_OK);
	assert_int_equal(alert_stories_restore(after, base_buf_span(&two)), BASE_OK);
	assert_int_equal(alert_stories_count(after), 1);
	struct seen c = place(
		after, &(struct sample){.class = MATCH_PAUSE, .item = "3", .feed = "https://c.example/", .text = retold}, NULL);
	same(a, c);
	assert_int_equal(c.outlets, 3);
	base_buf_free(&one);
	base_buf_free(&two);
	alert_stories_free(before);
	alert_stories_free(after);
}

/* What is placed and never stored leaves nothing behind: no first report, no outlet, no longer window. */
static void a_place_taken_back_leaves_nothing(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct alert *phantom = sample_alert(&first_report);
	struct alert *follower = sample_alert(
		&(struct sample){.class = MATCH_PAUSE, .item = "2", .feed = "https://b.example/", .text = retold});
	assert_int_equal(alert_stories_place(stories, phantom), BASE_OK);
	assert_int_equal(alert_stories_place(stories, follower), BASE_OK);
	assert_false(alert_is_first(follower));
	alert_stories_withdraw(stories);
	assert_int_equal(alert_stories_count(stories), 0);
	assert_int_equal(alert_stories_place(stories, follower), BASE_OK);
	assert_true(alert_is_first(follower));
	assert_int_equal(read_json(follower).outlets, 1);
	alert_stories_keep(stories, 1);

	/* A phantom that joined: its feed and its time are forgotten, what others gave stays. */
	struct sample late = first_report;
	late.detected = SAMPLE_NOW + 60 * BASE_HOUR;
	alert_free(phantom);
	phantom = sample_alert(&late);
	assert_int_equal(alert_stories_place(stories, phantom), BASE_OK);
	assert_int_equal(read_json(phantom).outlets, 2);
	alert_stories_withdraw(stories);
	struct sample third = {.class = MATCH_PAUSE, .item = "3", .feed = "https://c.example/", .text = agency};
	struct seen seen = place(stories, &third, NULL);
	same(read_json(follower), seen);
	assert_int_equal(seen.outlets, 2);
	third.detected = SAMPLE_NOW + 100 * BASE_HOUR; /* the phantom would have kept the story open */
	different(seen, place(stories, &third, NULL));
	alert_free(phantom);
	alert_free(follower);
	alert_stories_free(stories);
}

/* Another node's report comes in: it was stored before what is still to be stored. */
static void what_is_stored_comes_before_what_is_placed(void **state)
{
	(void)state;
	struct alert_stories *mine = stories_new(), *theirs = stories_new();
	struct base_buf sketch;
	base_buf_init(&sketch, 1 << 20);
	struct alert *alert = sample_alert(&first_report);
	assert_int_equal(alert_stories_place(mine, alert), BASE_OK);
	assert_true(alert_is_first(alert));
	struct seen stored =
		place(theirs,
	          &(struct sample){.class = MATCH_PAUSE, .item = "2", .feed = "https://b.example/", .text = retold}, &sketch);
	assert_int_equal(alert_stories_restore(mine, base_buf_span(&sketch)), BASE_OK);
	assert_int_equal(alert_stories_place(mine, alert), BASE_OK);
	same(stored, read_json(alert));
	assert_int_equal(read_json(alert).outlets, 2);
	base_buf_free(&sketch);
	alert_free(alert);
	alert_stories_free(mine);
	alert_stories_free(theirs);
}

static void damaged_sketches_are_refused(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct base_buf sketch;
	base_buf_init(&sketch, 1 << 20);
	place(stories, &first_report, &sketch);
	alert_stories_free(stories);
	stories = stories_new();
	for (size_t len = 0; len < sketch.len; len++)
		assert_int_equal(alert_stories_restore(stories, (struct base_span){sketch.data, len}), BASE_DAMAGED);
	assert_int_equal(alert_stories_restore(stories, BASE_NONE), BASE_DAMAGED);
	sketch.data[1] = 99; /* no such class */
	assert_int_equal(alert_stories_restore(stories, base_buf_span(&sketch)), BASE_DAMAGED);
	sketch.data[1] = MATCH_PAUSE;
	sketch.data[0]++; /* a later form */
	assert_int_equal(alert_stories_restore(stories, base_buf_span(&sketch)), BASE_DAMAGED);
	sketch.data[0]--;
	sketch.data[37] = '\xFF'; /* the first of the hashes, which are in order */
	assert_int_equal(alert_stories_restore(stories, base_buf_span(&sketch)), BASE_DAMAGED);
	assert_int_equal(alert_stories_count(stories), 0);
	base_buf_free(&sketch);
	alert_stories_free(stories);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct sample sample = {.class = MATCH_PAUSE};
	for (int i = 0; i < 21000; i++) {
		char item[16];
		(void)snprintf(item, sizeof item, "i%d", i);
		sample.item = item;
		sample.detected = SAMPLE_NOW + i * BASE_SECOND;
		place(stories, &sample, NULL);
	}
	assert_int_equal(alert_stories_count(stories), 20000);
	/* The oldest went, the latest stayed. */
	sample.item = "i20999";
	assert_string_equal(place(stories, &sample, NULL).report, "repeat");
	sample.item = "i0";
	assert_string_equal(place(stories, &sample, NULL).report, "first");
	alert_stories_free(stories);
}

static void placing_twice_and_without_a_time(void **state)
{
	(void)state;
	struct alert_stories *stories = stories_new();
	struct alert *alert = sample_alert(&first_report);
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	assert_string_equal(read_json(alert).report, "first");
	alert_free(alert);
	alert = sample_alert(&(struct sample){.detected = BASE_TIME_NONE});
	assert_int_equal(alert_stories_place(stories, alert), BASE_INVALID);
	alert_free(alert);
	alert_stories_free(stories);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_retold_report_joins_the_story),
		cmocka_unit_test(another_class_is_another_story),
		cmocka_unit_test(page_furniture_does_not_hide_a_story),
		cmocka_unit_test(short_reports_need_words_and_a_system_or_number),
		cmocka_unit_test(languages_are_bridged_by_parties_and_systems),
		cmocka_unit_test(the_same_page_is_the_same_story),
		cmocka_unit_test(a_story_closes_after_its_window_and_after_a_week),
		cmocka_unit_test(a_clock_that_jumps_does_not_end_grouping),
		cmocka_unit_test(sketches_rebuild_the_stories),
		cmocka_unit_test(a_place_taken_back_leaves_nothing),
		cmocka_unit_test(what_is_stored_comes_before_what_is_placed),
		cmocka_unit_test(damaged_sketches_are_refused),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(placing_twice_and_without_a_time),
	};
	return cmocka_run_group_tests_name("stories", tests, NULL, NULL);
}
