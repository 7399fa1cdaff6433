/*
 * The room ledger on a disk that fails: the n-th write, sync, truncate, open or
 * delete, for every n. Never a lost, doubled or half-stored alert; always a
 * reason; and once the disk works again, so does the ledger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../alert/sample.h"
#include "faulty.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define MANY 4000 /* alerts */
#define CHECKPOINT 4000 /* pages in the log */

static struct house_item items[MANY];
static char ids[MANY][8];

static void make_items(void)
{
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(ids[i], sizeof ids[i], "i%d", i);
		items[i] = (struct house_item){.id = ids[i], .class = i % MATCH_CLASS_COUNT};
	}
}

/* Fill the log up to a little before its checkpoint, with feeds of large validators. */
static void fill_log(struct house *house)
{
	enum { PAGES = 15, FEEDS = CHECKPOINT * 9 / 10 / PAGES };
	static struct ledger_batch batches[FEEDS];
	static char urls[FEEDS][32], etag[PAGES * 4096];
	memset(etag, 'e', sizeof etag - 1);
	for (size_t i = 0; i < FEEDS; i++) {
		(void)snprintf(urls[i], sizeof urls[i], "https://%zu.example/", i);
		batches[i] = (struct ledger_batch){.feed = {.url = urls[i], .etag = etag}, .now = NOW};
	}
	assert_int_equal(ledger_commit(house->ledger, batches, FEEDS, NULL, NULL, &house->err), BASE_OK);
}

/* The ledger holds the first count items, in order, once each. */
static void holds(struct house *house, size_t count)
{
	assert_int_equal(house_replay(house, 0, "ww1/", HOUSE_MESSAGES), BASE_OK);
	assert_int_equal(house->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(house->messages[i].sequence, i + 1);
		assert_string_equal(house->messages[i].id, items[i].id);
		assert_int_equal(house->messages[i].previous, i < MATCH_CLASS_COUNT ? 0 : i + 1 - MATCH_CLASS_COUNT);
	}
	assert_int_equal(ledger_sequence(house->ledger), count);
}

static size_t stored_all_the_same; /* commits that succeeded although something failed */

/* One commit with the n-th operation failing; full: the log is nearly. False when there was no n-th. */
static bool commit_with(long n, int code, bool lasting, size_t first, size_t count, bool full)
{
	struct house house;
	house_build(&house);
	assert_int_equal(house_open(&house), BASE_OK);
	assert_int_equal(house_commit(&house, HOUSE_FEED, items, first, NOW), BASE_OK);
	if (full)
		fill_log(&house);
	faulty_arm(n, code, lasting);
	enum base_result result = house_commit(&house, HOUSE_FEED, items + first, count, NOW + 1);
	if (result && lasting) { /* still broken: still refused, still nothing lost */
		assert_int_equal(house_commit(&house, HOUSE_FEED, items + first, count, NOW + 2), BASE_IO);
		assert_int_equal(house.count, 0);
	}
	bool struck = faulty_struck();
	faulty_arm(0, 0, false);
	if (result) {
		assert_true(struck);
		assert_int_equal(result, BASE_IO);
		assert_true(strlen(house.err.text) > 0);
		assert_string_equal(ledger_reason(house.ledger), house.err.text);
		assert_int_equal(house.count, 0);
		assert_int_equal(ledger_sequence(house.ledger), first);
		assert_int_equal(house_commit(&house, HOUSE_FEED, items + first, count, NOW + 3), BASE_OK);
	}
	stored_all_the_same += !result && struck;
	assert_int_equal(house.count, count);
	holds(&house, first + count);
	house_close(&house);
	assert_int_equal(house_open(&house), BASE_OK);
	holds(&house, first + count);
	house_pull_down(&house);
	return struck;
}

static void every_operation_of_a_commit_may_fail(void **state)
{
	(void)state;
	static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_FULL};
	for (size_t i = 0; i < 2; i++)
		for (int lasting = 0; lasting < 2; lasting++) {
			long n = 1;
			while (commit_with(n, codes[i], lasting, 10, 3, false))
				n++;
			assert_true(n > 2); /* the log is written, then synced */
			for (n = 1; commit_with(n, codes[i], lasting, 10, 200, false);)
				n++;
			assert_true(n > 5); /* in several pieces */
		}
}

/* The alerts are in the log alone, and too many pages lie between for them to be in memory still. */
static void what_the_log_holds_is_read_while_the_disk_is_full(void **state)
{
	(void)state;
	struct house house;
	house_build(&house);
	assert_int_equal(house_open(&house), BASE_OK);
	assert_int_equal(house_commit(&house, HOUSE_FEED, items, 10, NOW), BASE_OK);
	fill_log(&house);
	faulty_arm(1, SQLITE_FULL, true);
	assert_int_equal(house_commit(&house, HOUSE_FEED, items + 10, 200, NOW + 1), BASE_IO);
	holds(&house, 10);
	faulty_arm(0, 0, false);
	assert_int_equal(house_commit(&house, HOUSE_FEED, items + 10, 200, NOW + 2), BASE_OK);
	holds(&house, 210);
	house_pull_down(&house);
}

/* SQLite does without some of its memory; then the commit succeeds all the same. In growing steps, for time's sake. */
static void every_allocation_of_a_commit_may_fail(void **state)
{
	(void)state;
	long n = 1, refused = 0;
	for (bool struck = true; struck; n += 1 + n / 16) {
		struct house house;
		house_build(&house);
		assert_int_equal(house_open(&house), BASE_OK);
		assert_int_equal(house_commit(&house, HOUSE_FEED, items, 8, NOW), BASE_OK);
		faulty_arm_memory(n);
		enum base_result result = house_commit(&house, HOUSE_FEED, items + 8, 2, NOW + 1);
		struck = faulty_struck();
		faulty_arm_memory(0);
		if (result) {
			refused++;
			assert_int_equal(result, BASE_NO_MEMORY);
			assert_true(strlen(house.err.text) > 0);
			assert_int_equal(house.count, 0);
			assert_int_equal(house_commit(&house, HOUSE_FEED, items + 8, 2, NOW + 2), BASE_OK);
		}
		holds(&house, 10);
		house_pull_down(&house);
	}
	assert_true(refused > 20);
}

static void every_allocation_of_opening_may_fail(void **state)
{
	(void)state;
	long n = 1, refused = 0;
	for (bool struck = true; struck; n += 1 + n / 16) {
		struct house house;
		house_build(&house);
		faulty_arm_memory(n);
		enum base_result result = house_open(&house);
		struck = faulty_struck();
		faulty_arm_memory(0);
		if (result) {
			refused++;
			assert_int_equal(result, BASE_NO_MEMORY);
			assert_true(strlen(house.err.text) > 0);
			assert_int_equal(house_open(&house), BASE_OK);
		}
		assert_int_equal(house_commit(&house, HOUSE_FEED, items, 2, NOW), BASE_OK);
		holds(&house, 2);
		house_pull_down(&house);
	}
	assert_true(refused > 20);
}

static void a_checkpoint_may_fail(void **state)
{
	(void)state;
	struct house house;
	struct stat info;
	house_build(&house);
	assert_int_equal(house_open(&house), BASE_OK);
	fill_log(&house);
	assert_int_equal(house_commit(&house, HOUSE_FEED, items, MANY, NOW), BASE_OK);
	assert_int_equal(stat(house.path, &info), 0);
	assert_true(info.st_size > CHECKPOINT * 4096); /* so many do make a checkpoint: the log went into the file */
	house_pull_down(&house);
	long n = 1, strikes = 0;
	stored_all_the_same = 0;
	for (; commit_with(n, SQLITE_IOERR_WRITE, false, 8, MANY - 8, true); n += n < 250 ? n / 2 + 1 : 249)
		strikes++;
	assert_true(strikes > 10);
	assert_true(stored_all_the_same > 0); /* the commit was through, the log is written back another time */
}

static void every_operation_of_opening_may_fail(void **state)
{
	(void)state;
	long n = 1;
	for (bool struck = true; struck; n++) {
		struct house house;
		house_build(&house);
		faulty_arm(n, SQLITE_IOERR_WRITE, false);
		enum base_result result = house_open(&house);
		struck = faulty_struck();
		faulty_arm(0, 0, false);
		if (result) {
			assert_true(struck);
			assert_true(strlen(house.err.text) > 0);
			assert_null(house.ledger);
			assert_int_equal(house_open(&house), BASE_OK);
		}
		assert_int_equal(house_commit(&house, HOUSE_FEED, items, 5, NOW), BASE_OK);
		holds(&house, 5);
		house_pull_down(&house);
	}
	assert_true(n > 10);
}

static void every_operation_of_upkeep_may_fail(void **state)
{
	(void)state;
	long n = 1;
	for (bool struck = true; struck; n++) {
		struct house house, copy;
		bool more;
		house_build(&house);
		house_build(&copy);
		assert_int_equal(house_open(&house), BASE_OK);
		assert_int_equal(house_commit(&house, HOUSE_FEED, items, 20, NOW), BASE_OK);
		assert_int_equal(ledger_published(house.ledger, 20), BASE_OK);
		faulty_arm(n, SQLITE_FULL, false);
		enum base_result backed_up = ledger_backup(house.ledger, copy.path, &house.err);
		enum base_result pruned = ledger_prune(house.ledger, NOW + BASE_DAY, &more);
		struck = faulty_struck();
		faulty_arm(0, 0, false);
		assert_true(!backed_up || !pruned);
		if (!backed_up)
			assert_int_equal(house_open(&copy), BASE_OK);
		if (!backed_up)
			holds(&copy, 20);
		holds(&house, 20);
		assert_int_equal(ledger_prune(house.ledger, NOW + 100 * BASE_DAY, &more), BASE_OK);
		assert_int_equal(ledger_oldest(house.ledger), 0);
		house_pull_down(&copy);
		house_pull_down(&house);
	}
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_of_a_commit_may_fail),
		cmocka_unit_test(what_the_log_holds_is_read_while_the_disk_is_full),
		cmocka_unit_test(every_allocation_of_a_commit_may_fail),
		cmocka_unit_test(every_allocation_of_opening_may_fail), cmocka_unit_test(a_checkpoint_may_fail),
		cmocka_unit_test(every_operation_of_opening_may_fail),  cmocka_unit_test(every_operation_of_upkeep_may_fail),
	};
	make_items();
	if (!access("/dev/shm", W_OK))
		(void)setenv("TMPDIR", "/dev/shm", 0); /* the real disk's syncs prove nothing here */
	if (faulty_install())
		return 1;
	return cmocka_run_group_tests_name("ledger on a failing disk", tests, NULL, NULL);
}
