/* A ledger that moves: all of it arrives, or what there is cannot be taken for a ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define FEEDS 40
#define ITEMS 30
#define TOUCHED "https://feeds.example/5/\xC3\xA9.xml"

/* ---- a ledger worth moving ----------------------------------------------------------- */

/* Forty feeds of thirty entries with every kind of cell: alerts, validators, none, NULs, what is learned. */
static void fill(struct house *house)
{
	char url[64], ids[ITEMS][16];
	for (int feed = 0; feed < FEEDS; feed++) {
		struct house_item items[ITEMS];
		(void)snprintf(url, sizeof url, "https://feeds.example/%d/\xC3\xA9.xml", feed);
		for (int i = 0; i < ITEMS; i++) {
			(void)snprintf(ids[i], sizeof ids[i], "%d-%d", feed, i);
			items[i] = (struct house_item){.id = ids[i],
			                               .link = i % 3 ? ids[i] : NULL,
			                               .title = i % 2 ? ids[i] : NULL,
			                               .class = i == feed % ITEMS ? feed % 8 : HOUSE_QUIET,
			                               .published = NOW - i};
		}
		assert_int_equal(house_commit(house, url, items, ITEMS, NOW + feed), BASE_OK);
	}
	const struct ledger_batch bare = {.feed = {.url = "https://feeds.example/bare",
	                                           .plan = {BASE_TIME_NONE, BASE_TIME_NONE, 3},
	                                           .learned = {"a\0\\\n\xFF", 5},
	                                           .newest = BASE_TIME_NONE},
	                                  .now = NOW};
	assert_int_equal(ledger_commit(house->ledger, &bare, 1, NULL, NULL, &house->err), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, FEEDS - 2), BASE_OK);
	/* And a poll that brought nothing: only its times are noted. */
	struct ledger_feed feed;
	assert_int_equal(ledger_feed_get(house->ledger, TOUCHED, &feed), BASE_OK);
	const struct ledger_poll poll = {feed.id, NOW + BASE_HOUR, NOW + 2 * BASE_HOUR};
	assert_int_equal(ledger_touch(house->ledger, &poll, 1, NOW + BASE_HOUR), BASE_OK);
}

struct houses {
	struct house from, to;
};

static int set_up(void **state)
{
	struct houses *houses = malloc(sizeof *houses);
	if (!houses)
		return -1;
	house_build(&houses->from);
	house_build(&houses->to);
	*state = houses;
	return 0;
}

static int tear_down(void **state)
{
	struct houses *houses = *state;
	house_pull_down(&houses->from);
	house_pull_down(&houses->to);
	free(houses);
	return 0;
}

static enum base_result move(struct house *from, struct house *to, struct ledger_moved *moved)
{
	return ledger_move(from->uri, to->uri, NULL, NULL, moved, &to->err);
}

/* Open it as a daemon does: one that is alone locks the file, one of several is a member. */
static void begin_use(struct house *house)
{
	const struct ledger_joining joining = {.process = "test", .lease = BASE_MINUTE};
	assert_int_equal(house_open(house), BASE_OK);
	if (ledger_is_shared(house->ledger))
		assert_int_equal(ledger_join(house->ledger, &joining, &house->err), BASE_OK);
}

static void end_use(struct house *house)
{
	if (ledger_is_shared(house->ledger))
		assert_int_equal(ledger_leave(house->ledger), BASE_OK);
	house_close(house);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void all_of_it_moves(void **state)
{
	struct houses *houses = *state;
	struct house *from = &houses->from, *to = &houses->to;
	struct ledger_moved there, back;
	struct ledger_feed feed;
	assert_int_equal(house_open(from), BASE_OK);
	fill(from);
	const uint64_t epoch = ledger_epoch(from->ledger);
	assert_int_equal(house_replay(from, 0, "", SIZE_MAX), BASE_OK);
	const uint64_t digest = from->digest;
	house_close(from);

	assert_int_equal(move(from, to, &there), BASE_OK);
	assert_int_equal(there.feeds, FEEDS + 1);
	assert_int_equal(there.entries, FEEDS * ITEMS);
	assert_int_equal(there.alerts, FEEDS);
	assert_int_equal(there.sequence, FEEDS);
	assert_int_equal(there.epoch, epoch);

	assert_int_equal(house_open(to), BASE_OK);
	assert_int_equal(ledger_epoch(to->ledger), epoch);
	assert_int_equal(ledger_sequence(to->ledger), FEEDS);
	assert_int_equal(house_replay(to, 0, "", SIZE_MAX), BASE_OK);
	assert_int_equal(to->count, FEEDS);
	assert_true(to->digest == digest);
	assert_int_equal(house_unpublished(to), BASE_OK);
	assert_int_equal(to->count, 2);
	assert_int_equal(ledger_feed_get(to->ledger, "https://feeds.example/bare", &feed), BASE_OK);
	assert_null(feed.etag);
	assert_int_equal(feed.plan.last_start, BASE_TIME_NONE);
	assert_int_equal(feed.plan.failures, 3);
	assert_int_equal(feed.learned.len, 5);
	assert_memory_equal(feed.learned.ptr, "a\0\\\n\xFF", 5);
	assert_int_equal(ledger_feed_get(to->ledger, TOUCHED, &feed), BASE_OK);
	assert_int_equal(feed.plan.last_start, NOW + BASE_HOUR);
	assert_int_equal(feed.plan.next_due, NOW + 2 * BASE_HOUR);
	house_close(to);

	/* And back, into a third. */
	struct house third;
	house_build(&third);
	assert_int_equal(move(to, &third, &back), BASE_OK);
	house_pull_down(&third);
	assert_string_equal(back.digest, there.digest);
}

static void what_is_known_stays_known(void **state)
{
	struct houses *houses = *state;
	struct house *from = &houses->from, *to = &houses->to;
	struct ledger_moved moved;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = HOUSE_QUIET}};
	assert_int_equal(house_open(from), BASE_OK);
	assert_int_equal(house_commit(from, HOUSE_FEED, items, 2, NOW), BASE_OK);
	struct ledger_feed feed;
	assert_int_equal(ledger_feed_get(from->ledger, HOUSE_FEED, &feed), BASE_OK);
	const struct ledger_poll touch = {feed.id, NOW + BASE_HOUR, NOW + 2 * BASE_HOUR};
	assert_int_equal(ledger_touch(from->ledger, &touch, 1, NOW + BASE_HOUR), BASE_OK);
	house_close(from);
	assert_int_equal(move(from, to, &moved), BASE_OK);
	assert_int_equal(house_open(to), BASE_OK);
	assert_int_equal(ledger_feed_get(to->ledger, HOUSE_FEED, &feed), BASE_OK);
	assert_int_equal(feed.plan.last_start, NOW + BASE_HOUR);
	assert_int_equal(feed.plan.next_due, NOW + 2 * BASE_HOUR);
	const struct ledger_known known = house_look_up(to, HOUSE_FEED, items, 2, 0);
	assert_int_equal(known.state, LEDGER_SEEN);
	assert_int_equal(known.classes, 1u << MATCH_PAUSE);
	assert_int_equal(known.last_alert, 1);
	const struct house_item next = {.id = "c", .class = MATCH_PAUSE};
	assert_int_equal(house_commit(to, HOUSE_FEED, &next, 1, NOW + 1), BASE_OK);
	assert_int_equal(to->messages[0].sequence, 2);
	assert_int_equal(to->messages[0].previous, 1);
}

static void refusals(void **state)
{
	struct houses *houses = *state;
	struct house *from = &houses->from, *to = &houses->to;
	struct ledger_moved moved;
	assert_int_equal(move(from, to, &moved), BASE_NOT_FOUND); /* and nothing is made */
	assert_non_null(strstr(to->err.text, "there is no ledger"));
	assert_int_equal(move(from, from, &moved), BASE_INVALID);
	assert_int_equal(ledger_move("nothing", to->uri, NULL, NULL, &moved, &to->err), BASE_INVALID);
	assert_int_equal(ledger_move(from->uri, "ftp://x", NULL, NULL, &moved, &to->err), BASE_NOT_FOUND);
	begin_use(from);
	fill(from);
	assert_int_equal(move(from, to, &moved), BASE_BUSY);
	assert_non_null(strstr(to->err.text, ledger_is_shared(from->ledger) ? "in use by the node n" : "another process"));
	end_use(from);
	assert_int_equal(ledger_move(from->uri, "ftp://x", NULL, NULL, &moved, &to->err), BASE_UNSUPPORTED);

	begin_use(to);
	assert_int_equal(move(from, to, &moved), BASE_BUSY);
	end_use(to);
	assert_int_equal(house_open(to), BASE_OK);
	const struct ledger_batch batch = {.feed = {.url = HOUSE_FEED}, .now = NOW};
	assert_int_equal(ledger_commit(to->ledger, &batch, 1, NULL, NULL, &to->err), BASE_OK);
	house_close(to);
	assert_int_equal(move(from, to, &moved), BASE_INVALID);
	assert_non_null(strstr(to->err.text, "not empty"));
	assert_int_equal(house_open(to), BASE_OK); /* and still a ledger */
}

static void run_sql(const struct house *house, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(house->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A row changes on its way in: an entry gets another class, which no count shows. */
static void a_copy_that_differs_is_refused(void **state)
{
	struct houses *houses = *state;
	struct house *from = &houses->from, *to = &houses->to;
	struct ledger_moved moved;
	assert_int_equal(house_open(from), BASE_OK);
	fill(from);
	house_close(from);
	assert_int_equal(house_open(to), BASE_OK);
	house_close(to);
	run_sql(to, "CREATE TRIGGER t AFTER INSERT ON topic BEGIN UPDATE entry SET classes = classes + 1"
	            " WHERE feed = 7 AND last_alert > 0; END");
	assert_int_equal(move(from, to, &moved), BASE_DAMAGED);
	assert_non_null(strstr(to->err.text, "differs"));
	assert_int_equal(house_open(to), BASE_DAMAGED); /* marked */
	assert_non_null(strstr(to->err.text, "wirewatch migrate"));
	run_sql(to, "DROP TRIGGER t; CREATE TRIGGER t AFTER INSERT ON topic BEGIN DELETE FROM entry WHERE feed = 7; END");
	assert_int_equal(move(from, to, &moved), BASE_DAMAGED);
	assert_non_null(strstr(to->err.text, "the copy has 1170 entries of 1200"));
	run_sql(to, "DROP TRIGGER t");
	assert_int_equal(move(from, to, &moved), BASE_OK); /* begun again */
	assert_int_equal(house_open(to), BASE_OK);
	assert_int_equal(ledger_sequence(to->ledger), FEEDS);
}

static void seen(void *ctx, enum ledger_move_step step, uint64_t rows, uint64_t total)
{
	uint64_t *last = ctx;
	assert_true(rows <= total && rows >= last[step]);
	last[step] = rows;
	last[2] = total;
}

static void progress_is_told(void **state)
{
	struct houses *houses = *state;
	struct ledger_moved moved;
	uint64_t last[3] = {0};
	assert_int_equal(house_open(&houses->from), BASE_OK);
	fill(&houses->from);
	house_close(&houses->from);
	assert_int_equal(ledger_move(houses->from.uri, houses->to.uri, seen, last, &moved, &houses->to.err), BASE_OK);
	assert_true(last[2] > FEEDS * ITEMS);
	assert_int_equal(last[LEDGER_MOVE_COPY], last[2]);
	assert_int_equal(last[LEDGER_MOVE_VERIFY], last[2]);
}

#define RUN(tests) cmocka_run_group_tests_name("ledger move", tests, NULL, NULL)
#define OF_ANY \
	cmocka_unit_test_setup_teardown(all_of_it_moves, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(what_is_known_stays_known, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(refusals, set_up, tear_down), \
		cmocka_unit_test_setup_teardown(progress_is_told, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest of_any[] = {OF_ANY};
	/* With PostgreSQL the programs show the rest: tests/e2e/migrate_test.py. */
	const struct CMUnitTest of_sqlite[] = {
	    OF_ANY, cmocka_unit_test_setup_teardown(a_copy_that_differs_is_refused, set_up, tear_down)};
	return house_is_postgres() ? RUN(of_any) : RUN(of_sqlite);
}
