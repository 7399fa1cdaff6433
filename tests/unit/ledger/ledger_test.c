/* The room ledger, seen through its door: what is committed stays, in order, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- alerts and their order --------------------------------------------------------- */

static void a_new_ledger_is_empty(void **state)
{
	struct house *house = *state;
	assert_int_equal(ledger_sequence(house->ledger), 0);
	assert_int_equal(ledger_oldest(house->ledger), 0);
	assert_true(ledger_epoch(house->ledger) > 0 && ledger_epoch(house->ledger) < (uint64_t)1 << 53);
	assert_int_equal(house_unpublished(house), BASE_OK);
	assert_int_equal(house_replay(house, 0, "ww1/", 10), BASE_OK);
	assert_int_equal(house->count, 0);
	assert_false(house->more);
}

static void alerts_are_numbered_in_order(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {
		{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}, {.id = "c", .class = MATCH_PAUSE}};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 3, NOW), BASE_OK);
	assert_int_equal(house->count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(house->messages[i].sequence, i + 1);
		assert_string_equal(house->messages[i].id, items[i].id);
	}
	assert_string_equal(house->messages[0].topic, "ww1/alert/pause/first/");
	assert_int_equal(house->messages[0].previous, 0);
	assert_int_equal(house->messages[1].previous, 0); /* another topic */
	assert_int_equal(house->messages[2].previous, 1);
	uint64_t digest = house->digest;
	assert_int_equal(house_replay(house, 0, "ww1/alert/", 10), BASE_OK);
	assert_int_equal(house->count, 3);
	assert_true(house->digest == digest); /* byte for byte */
	assert_int_equal(ledger_oldest(house->ledger), 1);
	assert_int_equal(ledger_sequence(house->ledger), 3);
}

static void replay_respects_its_limits(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE},
	                                   {.id = "b", .class = MATCH_SALE},
	                                   {.id = "c", .class = MATCH_PAUSE},
	                                   {.id = "d", .class = MATCH_PAUSE}};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 4, NOW), BASE_OK);
	assert_int_equal(house_replay(house, 1, "ww1/alert/pause/", 1), BASE_OK);
	assert_int_equal(house->count, 1);
	assert_int_equal(house->messages[0].sequence, 3);
	assert_true(house->more);
	assert_int_equal(house_replay(house, 3, "ww1/alert/pause/", 1), BASE_OK);
	assert_int_equal(house->messages[0].sequence, 4);
	assert_false(house->more);
	assert_int_equal(house_replay(house, 4, "ww1/", 5), BASE_OK);
	assert_int_equal(house->count, 0);
	assert_int_equal(house_replay(house, UINT64_MAX, "ww1/", 5), BASE_OK);
	assert_int_equal(house->count, 0);
	assert_int_equal(house_replay(house, 0, "ww1/alert/pause/firstx", 5), BASE_OK);
	assert_int_equal(house->count, 0);
	assert_int_equal(house_replay(house, 0, "", 5), BASE_OK);
	assert_int_equal(house->count, 4);
	assert_int_equal(house_replay(house, 0, "", 0), BASE_OK);
	assert_int_equal(house->count, 0);
	assert_true(house->more);
	char longest[300];
	memset(longest, 'w', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(house_replay(house, 0, longest, 5), BASE_OK);
	assert_int_equal(house->count, 0);
}

static enum base_result stop_at_two(void *ctx, const struct ledger_message *message)
{
	(void)message;
	return ++*(int *)ctx == 2 ? BASE_STOPPED : BASE_OK;
}

static void a_reader_can_stop(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {
		{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}, {.id = "c", .class = MATCH_PAUSE}};
	int calls = 0;
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 3, NOW), BASE_OK);
	assert_int_equal(ledger_unpublished(house->ledger, stop_at_two, &calls), BASE_STOPPED);
	assert_int_equal(calls, 2);
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1, NOW), BASE_OK); /* nothing is left open */
}

static void what_is_not_marked_published_comes_again(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 2, NOW), BASE_OK);
	uint64_t epoch = ledger_epoch(house->ledger), digest = house->digest;
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	assert_true(ledger_epoch(house->ledger) == epoch);
	assert_int_equal(ledger_sequence(house->ledger), 2);
	assert_int_equal(house_unpublished(house), BASE_OK);
	assert_int_equal(house->count, 2);
	assert_true(house->digest == digest);
	assert_int_equal(ledger_published(house->ledger, 1), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, 3), BASE_INVALID);
	assert_int_equal(house_unpublished(house), BASE_OK);
	assert_int_equal(house->count, 1);
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(house_unpublished(house), BASE_OK);
	assert_int_equal(house->count, 1);
	assert_int_equal(house->messages[0].sequence, 2);
}

static void many_batches_are_one_commit(void **state)
{
	struct house *house = *state;
	struct ledger_batch batches[3] = {0};
	struct alert_stories *stories;
	struct alert *alerts[3];
	assert_int_equal(alert_stories_new(BASE_HOUR, &stories), BASE_OK);
	for (size_t i = 0; i < 3; i++) {
		static const char *const feeds[] = {"https://a.example/", "https://b.example/", "https://c.example/"};
		alerts[i] = sample_alert(&(struct sample){.class = MATCH_PAUSE, .feed = feeds[i], .item = "x"});
		if (i < 2)
			assert_int_equal(alert_stories_place(stories, alerts[i]), BASE_OK);
		batches[i] =
			(struct ledger_batch){.feed = {.url = feeds[i]}, .alerts = &alerts[i], .alert_count = 1, .now = NOW};
	}
	/* The third alert has no story: nothing of any batch may stay. */
	assert_int_equal(ledger_commit(house->ledger, batches, 3, house_take, house, &house->err), BASE_INVALID);
	assert_int_equal(house->count, 0);
	assert_int_equal(ledger_sequence(house->ledger), 0);
	struct ledger_feed feed;
	assert_int_equal(ledger_feed_get(house->ledger, "https://a.example/", &feed), BASE_NOT_FOUND);
	assert_int_equal(alert_stories_place(stories, alerts[2]), BASE_OK);
	assert_int_equal(ledger_commit(house->ledger, batches, 3, house_take, house, &house->err), BASE_OK);
	assert_int_equal(house->count, 3);
	assert_int_equal(ledger_sequence(house->ledger), 3);
	assert_int_equal(ledger_feed_get(house->ledger, "https://c.example/", &feed), BASE_OK);
	for (size_t i = 0; i < 3; i++)
		alert_free(alerts[i]);
	alert_stories_free(stories);
}

/* ---- feeds ------------------------------------------------------------------------------ */

static void validators_come_back_byte_for_byte(void **state)
{
	struct house *house = *state;
	struct ledger_feed feed;
	const struct ledger_batch first = {.feed = {.url = HOUSE_FEED,
	                                            .etag = "W/\"\x80 odd \\\" etag\"",
	                                            .last_modified = "yesterday, perhaps",
	                                            .body = sample_key("body"),
	                                            .plan = {NOW, NOW + 1, 3},
	                                            .learned = {"two\nlines\xFF", 10},
	                                            .polled = true,
	                                            .newest = NOW - BASE_DAY},
	                                   .now = NOW};
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_NOT_FOUND);
	assert_int_equal(ledger_commit(house->ledger, &first, 1, NULL, NULL, &house->err), BASE_OK);
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_string_equal(feed.url, HOUSE_FEED);
	assert_string_equal(feed.etag, first.feed.etag);
	assert_string_equal(feed.last_modified, first.feed.last_modified);
	assert_memory_equal(&feed.body, &first.feed.body, sizeof feed.body);
	assert_int_equal(feed.plan.last_start, NOW);
	assert_int_equal(feed.plan.next_due, NOW + 1);
	assert_int_equal(feed.plan.failures, 3);
	assert_true(base_span_equal(feed.learned, first.feed.learned));
	assert_true(feed.polled);
	assert_int_equal(feed.newest, NOW - BASE_DAY);
	/* They are replaced as a pair, and what is missing is missing. */
	const struct ledger_batch second = {
		.feed = {.url = HOUSE_FEED, .etag = "", .plan = {BASE_TIME_NONE, BASE_TIME_NONE, 0}, .newest = BASE_TIME_NONE},
		.now = NOW};
	assert_int_equal(ledger_commit(house->ledger, &second, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_string_equal(feed.etag, "");
	assert_null(feed.last_modified);
	assert_null(feed.learned.ptr);
	assert_int_equal(feed.plan.next_due, BASE_TIME_NONE);
	assert_false(feed.polled);
	assert_int_equal(feed.newest, NOW - BASE_DAY); /* never goes back */
}

/* A feed that was dropped and came again has another number, and its old one may be another feed's by then. */
static void a_number_that_is_wrong_harms_no_feed(void **state)
{
	static const char other[] = "https://other.example/";
	struct house *house = *state;
	struct ledger_feed feed;
	int64_t ids[2] = {0};
	struct ledger_batch batches[] = {{.feed = {.url = HOUSE_FEED, .etag = "a"}, .now = NOW, .id = &ids[0]},
	                                 {.feed = {.url = other, .etag = "b"}, .now = NOW, .id = &ids[1]}};
	assert_int_equal(ledger_commit(house->ledger, batches, 2, NULL, NULL, &house->err), BASE_OK);
	const int64_t a = ids[0], b = ids[1], wrong[] = {a, b, b + 1000};
	assert_true(a && b && a != b);
	for (size_t i = 0; i < 3; i++) {
		ids[0] = 0;
		batches[0].feed.id = wrong[i];
		batches[0].feed.etag = i % 2 ? "odd" : "even";
		assert_int_equal(ledger_commit(house->ledger, batches, 1, NULL, NULL, &house->err), BASE_OK);
		assert_int_equal(ids[0], a);
		assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
		assert_string_equal(feed.etag, batches[0].feed.etag);
		assert_int_equal(ledger_feed_get(house->ledger, other, &feed), BASE_OK);
		assert_string_equal(feed.etag, "b");
	}
	/* As is a number for what is not stored at all. */
	const struct ledger_batch fresh = {.feed = {.url = "https://c.example/", .id = b}, .now = NOW, .id = &ids[0]};
	assert_int_equal(ledger_commit(house->ledger, &fresh, 1, NULL, NULL, &house->err), BASE_OK);
	assert_true(ids[0] != a && ids[0] != b);
	assert_int_equal(ledger_feed_get(house->ledger, "https://c.example/", &feed), BASE_OK);
}

/* ---- entries -------------------------------------------------------------------------------- */

static void entries_are_new_then_seen_then_changed(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = HOUSE_QUIET}};
	struct ledger_known known = house_look_up(house, HOUSE_FEED, items, 2, 0);
	assert_int_equal(known.state, LEDGER_NEW);
	assert_true(known.unknown);
	assert_int_equal(known.first_seen, BASE_TIME_NONE);
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 2, NOW), BASE_OK);
	known = house_look_up(house, HOUSE_FEED, items, 2, 0);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_false(known.unknown);
	assert_int_equal(known.classes, 1u << MATCH_PAUSE);
	assert_int_equal(known.last_alert, 1);
	assert_int_equal(known.first_seen, NOW);
	known = house_look_up(house, HOUSE_FEED, items, 2, 1);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(known.last_alert, 0);
	const struct house_item edited = {.id = "a", .change = "other words", .class = HOUSE_QUIET};
	known = house_look_up(house, HOUSE_FEED, &edited, 1, 0);
	assert_int_equal(known.state, LEDGER_CHANGED);
	assert_true(known.changed);
	assert_int_equal(known.last_alert, 1); /* what a revision names */
	/* The same id in another feed is another entry. */
	assert_int_equal(house_look_up(house, "https://other.example/", items, 2, 0).state, LEDGER_NEW);
	/* A second poll that shows the same changes nothing but is accepted. */
	assert_int_equal(house_commit(house, HOUSE_FEED, &(struct house_item){.id = "b", .class = HOUSE_QUIET}, 1, NOW + 1),
	                 BASE_OK);
	assert_int_equal(house_look_up(house, HOUSE_FEED, items, 2, 0).state, LEDGER_SEEN);
}

/* Whoever looked up before may have been told by an older answer, and a document can bear an entry twice. */
static void an_entry_said_to_be_new_may_be_there(void **state)
{
	struct house *house = *state;
	const struct house_item item = {.id = "a", .class = HOUSE_QUIET}, other = {.id = "b", .class = HOUSE_QUIET};
	const struct feed_entry one = house_entry(&item), two = house_entry(&other);
	struct ledger_entry entries[] = {{.key = one.key, .change = one.change, .unknown = true},
	                                 {.key = two.key, .change = two.change, .unknown = true},
	                                 {.key = one.key, .change = one.change, .unknown = true}};
	struct ledger_batch batch = {.feed = {.url = HOUSE_FEED}, .entries = entries, .entry_count = 3, .now = NOW};
	entries[2].classes = 4;
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &item, 1, 0).classes, 4);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &other, 1, 0).state, LEDGER_SEEN);
	entries[2].classes = 2;
	batch.now = NOW + BASE_HOUR;
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &item, 1, 0).classes, 2);
}

static void an_entry_under_a_new_id_is_recognised(void **state)
{
	struct house *house = *state;
	const struct house_item before[] = {{.id = "a", .link = "l1", .title = "t1", .class = MATCH_PAUSE},
	                                    {.id = "b", .link = "l2", .title = "t2", .class = HOUSE_QUIET}};
	const struct house_item after[] = {{.id = "a2", .change = "a", .link = "l1", .title = "t1", .class = HOUSE_QUIET},
	                                   {.id = "b2", .link = "moved", .title = "t2", .class = HOUSE_QUIET},
	                                   {.id = "c", .link = "l3", .title = "t3", .class = HOUSE_QUIET}};
	assert_int_equal(house_commit(house, HOUSE_FEED, before, 2, NOW), BASE_OK);
	struct ledger_known known = house_look_up(house, HOUSE_FEED, after, 3, 0);
	assert_int_equal(known.state, LEDGER_REKEYED);
	assert_false(known.changed);
	assert_int_equal(known.last_alert, 1);
	known = house_look_up(house, HOUSE_FEED, after, 3, 1);
	assert_int_equal(known.state, LEDGER_REKEYED); /* by title and date */
	assert_true(known.changed);
	assert_int_equal(house_look_up(house, HOUSE_FEED, after, 3, 2).state, LEDGER_NEW);
	/* Committed, the entry keeps its history under the new id; and once more, for ids that change at every poll. */
	assert_int_equal(house_commit(house, HOUSE_FEED, after, 3, NOW + BASE_HOUR), BASE_OK);
	known = house_look_up(house, HOUSE_FEED, after, 3, 0);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(known.last_alert, 1);
	assert_int_equal(known.first_seen, NOW);
	const struct house_item again = {.id = "a3", .link = "l1", .class = HOUSE_QUIET};
	assert_int_equal(house_look_up(house, HOUSE_FEED, &again, 1, 0).state, LEDGER_REKEYED);
}

static void a_link_shared_by_entries_proves_nothing(void **state)
{
	struct house *house = *state;
	const struct house_item before[] = {{.id = "a", .link = "home", .class = HOUSE_QUIET}};
	assert_int_equal(house_commit(house, HOUSE_FEED, before, 1, NOW), BASE_OK);
	/* The known entry is still there under its own id. */
	const struct house_item both[] = {{.id = "b", .link = "home", .class = HOUSE_QUIET}, before[0]};
	assert_int_equal(house_look_up(house, HOUSE_FEED, both, 2, 0).state, LEDGER_NEW);
	const struct house_item moved[] = {{.id = "b", .link = "home", .class = HOUSE_QUIET},
	                                   {.id = "a", .link = "own", .class = HOUSE_QUIET}};
	assert_int_equal(house_look_up(house, HOUSE_FEED, moved, 2, 0).state, LEDGER_NEW);
	/* Two unknown entries claim it. */
	const struct house_item two[] = {{.id = "c", .link = "home", .class = HOUSE_QUIET},
	                                 {.id = "d", .link = "home", .class = HOUSE_QUIET}};
	assert_int_equal(house_look_up(house, HOUSE_FEED, two, 2, 1).state, LEDGER_NEW);
	/* Two known entries bear it. */
	assert_int_equal(house_commit(house, HOUSE_FEED, both, 2, NOW), BASE_OK);
	const struct house_item next = {.id = "e", .link = "home", .class = HOUSE_QUIET};
	assert_int_equal(house_look_up(house, HOUSE_FEED, &next, 1, 0).state, LEDGER_NEW);
}

/* A page for the latest report alone: ids, titles, dates and texts differ, the link stays. */
static void a_link_for_the_latest_report_gives_no_history(void **state)
{
	struct house *house = *state;
	const struct house_item first = {.id = "a", .link = "now", .title = "t1", .class = MATCH_PAUSE, .published = NOW};
	struct house_item next = {.id = "b", .link = "now", .title = "t2", .class = HOUSE_QUIET};
	assert_int_equal(house_commit(house, HOUSE_FEED, &first, 1, NOW), BASE_OK);
	const base_time edited[] = {0, NOW - BASE_DAY, NOW + BASE_HOUR}; /* 0: it does not say when */
	for (size_t i = 0; i < sizeof edited / sizeof *edited; i++) {
		next.published = edited[i];
		struct ledger_known known = house_look_up(house, HOUSE_FEED, &next, 1, 0);
		assert_int_equal(known.state, LEDGER_REKEYED);
		assert_false(known.reused);
		assert_int_equal(known.classes, 1u << MATCH_PAUSE);
	}
	next.published = NOW + BASE_DAY;
	assert_true(house_look_up(house, HOUSE_FEED, &next, 1, 0).reused);
	/* The same report under a new id and date all the same. */
	const struct house_item same[] = {
		{.id = "b", .link = "now", .title = "t2", .change = "a", .published = NOW + BASE_DAY, .class = HOUSE_QUIET},
		{.id = "b", .link = "now", .title = "t1", .published = NOW + BASE_DAY, .class = HOUSE_QUIET}};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(house_look_up(house, HOUSE_FEED, &same[i], 1, 0).state, LEDGER_REKEYED);
		assert_false(house_look_up(house, HOUSE_FEED, &same[i], 1, 0).reused);
	}
}

static void what_comes_at_a_reused_link_takes_the_place(void **state)
{
	struct house *house = *state;
	const struct house_item first = {.id = "a", .link = "now", .title = "t1", .class = MATCH_PAUSE, .published = NOW};
	struct house_item next = {.id = "b", .link = "now", .title = "t2", .class = HOUSE_QUIET, .published = NOW + BASE_DAY};
	assert_int_equal(house_commit(house, HOUSE_FEED, &first, 1, NOW), BASE_OK);
	next.reused = true;
	assert_int_equal(house_commit(house, HOUSE_FEED, &next, 1, NOW + BASE_DAY), BASE_OK);
	struct ledger_known known = house_look_up(house, HOUSE_FEED, &next, 1, 0);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(known.classes, 0);
	assert_int_equal(known.last_alert, 0);
	assert_int_equal(known.first_seen, NOW + BASE_DAY);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &first, 1, 0).classes, 0); /* it stands there no more */
	/* One entry bears the link, as before: what comes next is told by it again. */
	struct house_item third = {.id = "c", .link = "now", .title = "t3", .class = MATCH_PAUSE};
	third.published = NOW + BASE_DAY + BASE_HOUR;
	known = house_look_up(house, HOUSE_FEED, &third, 1, 0);
	assert_int_equal(known.state, LEDGER_REKEYED);
	assert_false(known.reused);
	third.published = NOW + 2 * BASE_DAY;
	assert_true(house_look_up(house, HOUSE_FEED, &third, 1, 0).reused);
	/* The whole document was re-keyed: then the history stays. */
	assert_int_equal(house_commit(house, HOUSE_FEED, &third, 1, NOW + 2 * BASE_DAY), BASE_OK);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &third, 1, 0).first_seen, NOW + BASE_DAY);
}

/* Large documents are looked up in pieces, and their keys sorted. */
static void a_large_document_is_looked_up_alike(void **state)
{
	enum { MANY = 101 };
	struct house *house = *state;
	static char ids[MANY][8];
	struct house_item items[MANY];
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(ids[i], sizeof ids[i], "i%zu", i);
		items[i] = (struct house_item){.id = ids[i], .link = ids[i], .class = i == 40 ? MATCH_SALE : HOUSE_QUIET};
	}
	items[70].link = items[71].link;
	assert_int_equal(house_commit(house, HOUSE_FEED, items + 1, MANY - 1, NOW), BASE_OK);
	for (size_t i = 0; i < MANY; i++) {
		struct ledger_known known = house_look_up(house, HOUSE_FEED, items, MANY, i);
		assert_int_equal(known.state, i ? LEDGER_SEEN : LEDGER_NEW);
		assert_int_equal(known.classes, i == 40 ? 1u << MATCH_SALE : 0);
	}
	items[40].id = "new";  /* one entry has its link, and has left */
	items[50].id = "newer"; /* two claim it */
	items[51].link = items[50].link;
	items[70].id = "newest"; /* two have it */
	for (size_t i = 0; i < MANY; i++) {
		bool fresh = i == 0 || i == 50 || i == 70;
		assert_int_equal(house_look_up(house, HOUSE_FEED, items, MANY, i).state,
		                 i == 40 ? LEDGER_REKEYED : fresh ? LEDGER_NEW : LEDGER_SEEN);
	}
	/* Of pieces of every size. */
	for (size_t count = 1; count < MANY - 71; count++)
		assert_int_equal(house_look_up(house, HOUSE_FEED, items + 71, count, count - 1).state, LEDGER_SEEN);
}

static void an_entry_without_a_key_is_left_alone(void **state)
{
	struct house *house = *state;
	const struct feed_entry none = {.published = BASE_TIME_NONE};
	const struct ledger_entry nothing = {.classes = 0};
	const struct ledger_batch batch = {.feed = {.url = HOUSE_FEED}, .entries = &nothing, .entry_count = 1, .now = NOW};
	struct ledger_known known;
	assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, &none, 1, &known), BASE_OK);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, &none, 1, &known), BASE_OK);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, NULL, 0, NULL), BASE_OK);
}

static void a_rekeyed_document_is_told_from_news(void **state)
{
	(void)state;
	struct ledger_known known[12] = {0};
	struct feed_entry entries[12] = {0};
	for (size_t i = 0; i < 12; i++) {
		known[i].state = i < 6 ? LEDGER_REKEYED : LEDGER_SEEN;
		entries[i].published = NOW;
	}
	assert_true(ledger_is_rekeyed(known, entries, 12, BASE_TIME_NONE));
	known[0].state = LEDGER_NEW; /* five of twelve are fewer than half */
	assert_false(ledger_is_rekeyed(known, entries, 12, BASE_TIME_NONE));
	assert_true(ledger_is_rekeyed(known, entries, 10, BASE_TIME_NONE));
	assert_false(ledger_is_rekeyed(known, entries, 5, BASE_TIME_NONE)); /* four */
	for (size_t i = 0; i < 12; i++) {
		known[i].state = LEDGER_NEW;
		entries[i].published = NOW - BASE_DAY;
	}
	assert_true(ledger_is_rekeyed(known, entries, 12, NOW)); /* all of it older than what was seen */
	assert_false(ledger_is_rekeyed(known, entries, 12, BASE_TIME_NONE));
	assert_false(ledger_is_rekeyed(known, entries, 4, NOW));
	entries[3].published = BASE_TIME_NONE;
	assert_false(ledger_is_rekeyed(known, entries, 12, NOW));
	entries[3].published = NOW + 1;
	assert_false(ledger_is_rekeyed(known, entries, 12, NOW));
}

/* ---- stories ------------------------------------------------------------------------------------- */

static enum base_result restore(void *ctx, struct base_span sketch)
{
	return alert_stories_restore(ctx, sketch);
}

static void sketches_come_back(void **state)
{
	struct house *house = *state;
	struct alert_stories *stories;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_PAUSE}};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1, NOW - 9 * BASE_DAY), BASE_OK);
	assert_int_equal(house_commit(house, HOUSE_FEED, items + 1, 1, NOW), BASE_OK);
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &stories), BASE_OK);
	assert_int_equal(ledger_sketches(house->ledger, NOW - alert_stories_reach(72 * BASE_HOUR), restore, stories),
	                 BASE_OK);
	assert_int_equal(alert_stories_count(stories), 1);
	struct alert *alert = sample_alert(&(struct sample){.class = MATCH_PAUSE, .item = "b", .feed = HOUSE_FEED});
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	assert_false(alert_is_first(alert));
	alert_free(alert);
	alert_stories_free(stories);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, house_set_up, house_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOUSE(a_new_ledger_is_empty),
		IN_A_HOUSE(alerts_are_numbered_in_order),
		IN_A_HOUSE(replay_respects_its_limits),
		IN_A_HOUSE(a_reader_can_stop),
		IN_A_HOUSE(what_is_not_marked_published_comes_again),
		IN_A_HOUSE(many_batches_are_one_commit),
		IN_A_HOUSE(validators_come_back_byte_for_byte),
		IN_A_HOUSE(a_number_that_is_wrong_harms_no_feed),
		IN_A_HOUSE(entries_are_new_then_seen_then_changed),
		IN_A_HOUSE(an_entry_said_to_be_new_may_be_there),
		IN_A_HOUSE(an_entry_under_a_new_id_is_recognised),
		IN_A_HOUSE(a_link_shared_by_entries_proves_nothing),
		IN_A_HOUSE(a_link_for_the_latest_report_gives_no_history),
		IN_A_HOUSE(what_comes_at_a_reused_link_takes_the_place),
		IN_A_HOUSE(a_large_document_is_looked_up_alike),
		IN_A_HOUSE(an_entry_without_a_key_is_left_alone),
		cmocka_unit_test(a_rekeyed_document_is_told_from_news),
		IN_A_HOUSE(sketches_come_back),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
