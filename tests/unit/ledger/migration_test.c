/* A ledger that an older version wrote is brought up to date, whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <string.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW

/* Version 1 as it was released, with a feed, an entry and an alert. */
static const char version_1[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE migration(version INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT;"
    "CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 1), epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " published INTEGER NOT NULL) STRICT;"
    "CREATE TABLE feed(id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, etag BLOB, last_modified BLOB,"
    " body BLOB NOT NULL, last_start INTEGER, next_due INTEGER, failures INTEGER NOT NULL, polled INTEGER NOT NULL,"
    " newest INTEGER, documented INTEGER, updated INTEGER NOT NULL) STRICT;"
    "CREATE TABLE entry(feed INTEGER NOT NULL REFERENCES feed(id), key BLOB NOT NULL, link_key BLOB, title_key BLOB,"
    " change BLOB NOT NULL, classes INTEGER NOT NULL, last_alert INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL, PRIMARY KEY(feed, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX entry_link ON entry(feed, link_key) WHERE link_key IS NOT NULL;"
    "CREATE INDEX entry_title ON entry(feed, title_key) WHERE title_key IS NOT NULL;"
    "CREATE TABLE topic(name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE alert(sequence INTEGER PRIMARY KEY, topic TEXT NOT NULL, class INTEGER NOT NULL,"
    " made INTEGER NOT NULL, feed INTEGER NOT NULL REFERENCES feed(id), key BLOB NOT NULL, header BLOB NOT NULL,"
    " sketch BLOB NOT NULL, json BLOB NOT NULL) STRICT;"
    "CREATE INDEX alert_order ON alert(sequence, topic);"
    "CREATE INDEX alert_made ON alert(made);"
    "CREATE INDEX alert_feed ON alert(feed);"
    "INSERT INTO migration VALUES(1, 1767225600);"
    "INSERT INTO state VALUES(1, 4711, 1, 0);"
    "INSERT INTO feed VALUES(1, '" HOUSE_FEED "', x'2261222f', x'6D6F6E', zeroblob(16), 1767225600000000,"
    " 1767229200000000, 2, 1, 1767225500000000, 1767225600000000, 1767225600000000);"
    "INSERT INTO topic VALUES('ww1/alert/pause/first/', 1);"
    "INSERT INTO alert VALUES(1, 'ww1/alert/pause/first/', 0, 1767225600000000, 1, zeroblob(16), zeroblob(24), x'', x'7B7D');"
    "PRAGMA user_version = 1; PRAGMA application_id = 2004317283;";

static void run_sql(const struct house *house, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(house->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void version_1_is_brought_up_to_date(void **state)
{
	struct house *house = *state;
	struct ledger_feed feed;
	run_sql(house, version_1);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_epoch(house->ledger), 4711);
	assert_int_equal(ledger_sequence(house->ledger), 1);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_string_equal(feed.etag, "\"a\"/");
	assert_string_equal(feed.last_modified, "mon");
	assert_int_equal(feed.plan.last_start, 1767225600 * BASE_SECOND);
	assert_int_equal(feed.plan.next_due, 1767229200 * BASE_SECOND);
	assert_int_equal(feed.plan.failures, 2);
	assert_true(feed.polled);
	assert_null(feed.learned.ptr);
	assert_int_equal(ledger_oldest(house->ledger), 1);
	/* What is learned has its place, and the next start finds it. */
	const struct ledger_batch batch = {.feed = {.url = HOUSE_FEED, .learned = base_span_of("learned")}, .now = NOW};
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_true(base_span_is(feed.learned, "learned"));
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	struct house *house = *state;
	run_sql(house, version_1);
	run_sql(house, "ALTER TABLE feed ADD COLUMN learned BLOB"); /* in the way of the migration */
	assert_int_not_equal(house_open(house), BASE_OK);
	run_sql(house, "ALTER TABLE feed DROP COLUMN learned; UPDATE state SET sequence = 7");
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_sequence(house->ledger), 7);
}

static int set_up(void **state)
{
	static struct house house;
	house_build(&house);
	*state = &house;
	return 0;
}

static int tear_down(void **state)
{
	house_pull_down(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(version_1_is_brought_up_to_date, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_migration_that_fails_changes_nothing, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("ledger migration", tests, NULL, NULL);
}
