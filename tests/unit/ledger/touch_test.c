/* Polls that brought nothing: kept in a few bytes, found again as if the feed had been committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define MS (BASE_SECOND / 1000)

static int64_t commit(struct house *house, const char *url, base_time last_start, base_time next_due)
{
	int64_t id = 0;
	const struct ledger_batch batch = {
	    .feed = {.url = url, .polled = true, .plan = {.last_start = last_start, .next_due = next_due}},
	    .now = last_start,
	    .id = &id,
	};
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_not_equal(id, 0);
	return id;
}

static void touch(struct house *house, int64_t feed, base_time last_start, base_time next_due, base_time now)
{
	const struct ledger_poll poll = {feed, last_start, next_due};
	assert_int_equal(ledger_touch(house->ledger, &poll, 1, now), BASE_OK);
}

/* To the millisecond, and never sooner. */
static void expect(struct house *house, const char *url, base_time last_start, base_time next_due)
{
	struct ledger_feed feed;
	assert_int_equal(ledger_feed_get(house->ledger, url, &feed), BASE_OK);
	assert_in_range(feed.plan.last_start - last_start, 0, MS);
	assert_in_range(feed.plan.next_due - next_due, 0, 2 * MS);
}

static void reopen(struct house *house)
{
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
}

static void a_touch_is_seen_and_survives(void **state)
{
	struct house *house = *state;
	struct ledger_feed feed;
	int64_t id = commit(house, HOUSE_FEED, NOW, NOW + BASE_HOUR), other = commit(house, "https://b.example/", NOW, NOW);
	assert_int_not_equal(id, other);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_int_equal(feed.id, id);
	assert_int_equal(feed.written, NOW);
	touch(house, id, NOW + BASE_HOUR, NOW + 2 * BASE_HOUR + 1, NOW + BASE_HOUR + 1234567);
	expect(house, HOUSE_FEED, NOW + BASE_HOUR, NOW + 2 * BASE_HOUR + 1);
	expect(house, "https://b.example/", NOW, NOW);
	reopen(house);
	expect(house, HOUSE_FEED, NOW + BASE_HOUR, NOW + 2 * BASE_HOUR + 1);
	expect(house, "https://b.example/", NOW, NOW);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_int_equal(feed.written, NOW); /* a touch is no commit */
}

static void the_latest_counts(void **state)
{
	struct house *house = *state;
	int64_t id = commit(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
	touch(house, id, NOW + BASE_MINUTE, NOW + 2 * BASE_MINUTE, NOW + BASE_MINUTE);
	touch(house, id, NOW + 3 * BASE_MINUTE, NOW + 4 * BASE_MINUTE, NOW + 3 * BASE_MINUTE);
	expect(house, HOUSE_FEED, NOW + 3 * BASE_MINUTE, NOW + 4 * BASE_MINUTE);
	reopen(house);
	expect(house, HOUSE_FEED, NOW + 3 * BASE_MINUTE, NOW + 4 * BASE_MINUTE);
	/* A commit after it, and a touch that was held up until after that. */
	assert_int_equal(commit(house, HOUSE_FEED, NOW + 5 * BASE_MINUTE, NOW + 6 * BASE_MINUTE), id);
	expect(house, HOUSE_FEED, NOW + 5 * BASE_MINUTE, NOW + 6 * BASE_MINUTE);
	touch(house, id, NOW + 4 * BASE_MINUTE, NOW + 9 * BASE_MINUTE, NOW + 5 * BASE_MINUTE);
	expect(house, HOUSE_FEED, NOW + 5 * BASE_MINUTE, NOW + 6 * BASE_MINUTE);
	reopen(house);
	expect(house, HOUSE_FEED, NOW + 5 * BASE_MINUTE, NOW + 6 * BASE_MINUTE);
}

static void many_are_one_row(void **state)
{
	struct house *house = *state;
	enum { FEEDS = 3000 };
	struct ledger_poll *polls = calloc(FEEDS, sizeof *polls);
	char url[64];
	assert_non_null(polls);
	for (int i = 0; i < FEEDS; i++) {
		(void)snprintf(url, sizeof url, "https://%d.example/", i);
		polls[i].feed = commit(house, url, NOW, NOW + 1);
		polls[i].last_start = NOW + BASE_MINUTE + i;
		polls[i].next_due = NOW + BASE_HOUR + i * BASE_SECOND;
	}
	assert_int_equal(ledger_touch(house->ledger, polls, FEEDS, NOW + 2 * BASE_MINUTE), BASE_OK);
	assert_int_equal(ledger_touch(house->ledger, polls, 0, NOW + 2 * BASE_MINUTE), BASE_OK);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < FEEDS; i++) {
			(void)snprintf(url, sizeof url, "https://%d.example/", i);
			expect(house, url, polls[i].last_start, polls[i].next_due);
		}
		reopen(house);
	}
	free(polls);
}

static int64_t number(const struct house *house, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	assert_int_equal(sqlite3_open(house->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	int code = sqlite3_step(statement);
	int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return value;
}

static void old_ones_are_dropped(void **state)
{
	struct house *house = *state;
	bool more = false;
	int64_t id = commit(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
	touch(house, id, NOW + BASE_MINUTE, NOW + BASE_HOUR, NOW + BASE_MINUTE);
	touch(house, id, NOW + 2 * BASE_HOUR, NOW + 3 * BASE_HOUR, NOW + 2 * BASE_HOUR);
	assert_int_equal(ledger_prune(house->ledger, NOW + 3 * BASE_HOUR, &more), BASE_OK);
	house_close(house);
	assert_int_equal(number(house, "SELECT count(*) FROM polled"), 1);
	assert_int_equal(house_open(house), BASE_OK);
	expect(house, HOUSE_FEED, NOW + 2 * BASE_HOUR, NOW + 3 * BASE_HOUR);
	/* What the clock made in a future that was taken back. */
	assert_int_equal(ledger_prune(house->ledger, NOW, &more), BASE_OK);
	house_close(house);
	assert_int_equal(number(house, "SELECT count(*) FROM polled"), 0);
	assert_int_equal(house_open(house), BASE_OK);
	expect(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
}

static void nonsense_is_passed_over(void **state)
{
	static const char *const rows[] = {
	    "x''", "x'80'", "x'00'", "x'FFFFFFFFFFFFFFFFFFFFFFFF'", "x'0180'", "x'01FFFFFFFFFFFFFFFF7F01'", "x'010005FF'",
	};
	struct house *house = *state;
	char sql[160];
	commit(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
	house_close(house);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(sql, sizeof sql, "INSERT INTO polled(made, polls) VALUES(%lld, %s)", (long long)(NOW - BASE_DAY), rows[i]);
		(void)number(house, sql);
	}
	(void)number(house, "INSERT INTO polled(made, polls) VALUES(9223372036854775807, x'010005'), (-1, x'010005')");
	assert_int_equal(house_open(house), BASE_OK);
	expect(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
	touch(house, 4711, NOW + 1, NOW + 2, NOW + 3); /* a feed that is gone */
	expect(house, HOUSE_FEED, NOW, NOW + BASE_HOUR);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, house_set_up, house_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOUSE(a_touch_is_seen_and_survives),
		IN_A_HOUSE(the_latest_counts),
		IN_A_HOUSE(many_are_one_row),
		IN_A_HOUSE(old_ones_are_dropped),
		IN_A_HOUSE(nonsense_is_passed_over),
	};
	return cmocka_run_group_tests_name("ledger touch", tests, NULL, NULL);
}
