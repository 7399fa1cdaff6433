/*
 * A standby that takes over without the last commits, as asynchronous replication lets it: nothing is published twice,
 * and no two feeds share a number. Needs WW_POSTGRES and WW_POSTGRES_ADMIN; tests/e2e/database.py gives them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW

static const char *const urls[] = {"https://a.example/", "https://b.example/", "https://c.example/"};

static void sql(const char *text)
{
	PGconn *conn = PQconnectdb(getenv("WW_POSTGRES_ADMIN"));
	PGresult *result = PQexec(conn, text);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", text, PQerrorMessage(conn));
	PQclear(result);
	PQfinish(conn);
}

static const char *schema_of(const struct house *house)
{
	return strstr(house->uri, "search_path%3D") + strlen("search_path%3D");
}

/* As if one took over that knows the alerts up to a sequence: the nodes' connections end as well. */
static void fail_over(struct house *house, unsigned sequence)
{
	char text[700];
	bool alerts, members;
	(void)snprintf(text, sizeof text,
	               "SET search_path = \"%s\"; UPDATE state SET sequence = %u, published = %u; DELETE FROM alert WHERE"
	               " sequence > %u; DELETE FROM topic; DELETE FROM entry; DELETE FROM feed; ALTER SEQUENCE feed_block RESTART;"
	               " SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'wirewatch'",
	               schema_of(house), sequence, sequence, sequence);
	sql(text);
	bool back = false;
	for (int i = 0; !back && i < 1000; i++) { /* the end of a connection may be seen late */
		enum base_result result = ledger_woken(house->ledger, &alerts, &members);
		assert_true(!result || result == BASE_NETWORK);
		back = ledger_went_back(house->ledger);
		(void)poll(NULL, 0, back ? 0 : 10);
	}
	assert_true(back);
}

static void a_new_node_repeats_nothing_after_a_failover(void **state)
{
	struct house *house = *state, *other = calloc(1, sizeof *other);
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}};
	assert_non_null(other);
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 2, NOW), BASE_OK);
	fail_over(house, 1);
	const struct ledger_options options = {.uri = house->uri, .node = "new", .keep = 90 * BASE_DAY};
	assert_int_equal(ledger_open(&options, &other->ledger, &other->err), BASE_OK);
	assert_int_equal(ledger_sequence(other->ledger), 2);
	assert_int_equal(house_unpublished(other), BASE_OK);
	assert_int_equal(other->count, 0);
	house_close(other);
	free(other);
}

static void a_failover_gives_no_feed_another_ones_number(void **state)
{
	struct house *house = *state, *other = calloc(1, sizeof *other);
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	struct ledger_feed stored[2];
	assert_non_null(other);
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	fail_over(house, 0);
	memcpy(other->uri, house->uri, sizeof other->uri);
	assert_int_equal(house_open(other), BASE_OK);
	for (size_t i = 0; i < 2; i++) /* the same block again, up to the number that the first node would go on with */
		assert_int_equal(house_commit(other, urls[i], &item, 1, NOW), BASE_OK);
	assert_int_equal(house_commit(house, urls[2], &item, 1, NOW), BASE_OK);
	assert_int_equal(ledger_feed_get(other->ledger, urls[1], &stored[0]), BASE_OK);
	assert_int_equal(ledger_feed_get(house->ledger, urls[2], &stored[1]), BASE_OK);
	assert_int_not_equal(stored[0].id, stored[1].id);
	house_close(other);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_node_repeats_nothing_after_a_failover, house_set_up, house_tear_down),
		cmocka_unit_test_setup_teardown(a_failover_gives_no_feed_another_ones_number, house_set_up, house_tear_down),
	};
	return cmocka_run_group_tests_name("a failover that lost commits", tests, NULL, NULL);
}
