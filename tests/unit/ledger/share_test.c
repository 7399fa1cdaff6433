/*
 * Members and leases on a real PostgreSQL, which WW_POSTGRES names
 * (tests/e2e/database.py run). Leases here are short, and whoever waits for
 * one to end asks the database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wirewatch/ledger.h"

#define LEASE (BASE_SECOND / 4)
#define LONG (60 * BASE_SECOND)

/* Every test has a schema of its own, so that it begins with nothing. */
static struct ledger *open_as(const char *schema, const char *node)
{
	char uri[1000];
	const char *server = getenv("WW_POSTGRES");
	struct ledger *ledger;
	struct base_error err;
	(void)snprintf(uri, sizeof uri, "%s%coptions=-csearch_path%%3D%s", server, strchr(server, '?') ? '&' : '?', schema);
	const struct ledger_options options = {.uri = uri, .node = node, .keep = BASE_DAY};
	enum base_result result = ledger_open(&options, &ledger, &err);
	if (result)
		print_error("%s\n", err.text);
	assert_int_equal(result, BASE_OK);
	assert_true(ledger_is_shared(ledger));
	return ledger;
}

static void join(struct ledger *ledger, base_time lease)
{
	struct base_error err;
	const struct ledger_joining joining = {.process = "process", .lease = lease};
	enum base_result result = ledger_join(ledger, &joining, &err);
	if (result)
		print_error("%s\n", err.text);
	assert_int_equal(result, BASE_OK);
	assert_true(ledger_token(ledger) > 0);
}

static void rest(void)
{
	const struct timespec time = {.tv_nsec = 5000000};
	(void)nanosleep(&time, NULL);
}

/* Until a membership that is not renewed has been ended. */
static void await_burial(struct ledger *ledger)
{
	size_t ended = 0;
	while (!ended) {
		assert_int_equal(ledger_bury(ledger, &ended), BASE_OK);
		rest();
	}
}

struct seen {
	struct ledger_node nodes[8];
	char names[8][64];
	size_t count;
	uint64_t living[8], newest;
	size_t living_count;
};

static enum base_result see_node(void *ctx, const struct ledger_node *node)
{
	struct seen *seen = ctx;
	assert_in_range(seen->count, 0, 7);
	(void)snprintf(seen->names[seen->count], sizeof seen->names[0], "%s", node->name);
	seen->nodes[seen->count] = *node;
	seen->nodes[seen->count].name = seen->names[seen->count];
	seen->count++;
	if (node->state == LEDGER_LIVING)
		seen->living[seen->living_count++] = node->token;
	if (node->token > seen->newest)
		seen->newest = node->token;
	return BASE_OK;
}

static struct seen look(struct ledger *ledger)
{
	struct seen seen = {.count = 0};
	assert_int_equal(ledger_nodes(ledger, see_node, &seen), BASE_OK);
	return seen;
}

static size_t take(struct ledger *ledger, const char *const *hosts, size_t count, bool *taken)
{
	struct seen seen = look(ledger);
	const struct ledger_tokens tokens = {.living = seen.living, .count = seen.living_count, .newest = seen.newest};
	assert_int_equal(ledger_take(ledger, &tokens, hosts, count, taken), BASE_OK);
	size_t got = 0;
	for (size_t i = 0; i < count; i++)
		got += taken[i];
	return got;
}

#define HOSTS 3
static const char *const hosts[HOSTS] = {"a.example", "b.example", "c.example"};

static void list(struct ledger *ledger, uint8_t digest, uint64_t version)
{
	struct ledger_listed listed[HOSTS];
	for (size_t i = 0; i < HOSTS; i++) {
		listed[i] = (struct ledger_listed){.host = hosts[i], .feeds = (uint32_t)i + 1};
		memset(listed[i].digest, digest, sizeof listed[i].digest);
	}
	assert_int_equal(ledger_list(ledger, listed, HOSTS, version), BASE_OK);
}

/* ---- memberships -------------------------------------------------------------------- */

static void one_name_is_one_node(void **state)
{
	(void)state;
	struct ledger *first = open_as("names", "a"), *second = open_as("names", "a");
	struct base_error err;
	struct ledger_joining joining = {.process = "another", .lease = LONG};
	join(first, LONG);
	assert_int_equal(ledger_join(second, &joining, &err), BASE_LOST);
	assert_non_null(strstr(err.text, "a node called a lives already (process"));
	joining.replaces = ledger_token(first);
	assert_int_equal(ledger_join(second, &joining, &err), BASE_OK); /* it knows that the first is gone */
	assert_true(ledger_token(second) > ledger_token(first));
	assert_int_equal(ledger_renew(first, &(struct ledger_holding){.feeds = 1}), BASE_LOST);
	assert_int_equal(ledger_token(first), 0);
	assert_int_equal(ledger_renew(second, &(struct ledger_holding){.feeds = 7, .target = 2.5}), BASE_OK);
	struct seen seen = look(first);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.nodes[0].holding.feeds, 7);
	assert_true(seen.nodes[0].holding.target == 2.5);
	assert_in_range(seen.nodes[0].rest, LONG / 2, LONG);
	assert_int_equal(ledger_leave(second), BASE_OK);
	join(first, LONG); /* the name is free */
	ledger_close(first);
	ledger_close(second);
}

static void who_is_silent_is_ended_and_joins_again(void **state)
{
	(void)state;
	struct ledger *silent = open_as("silence", "a"), *other = open_as("silence", "b");
	size_t ended = 9;
	join(silent, LEASE);
	join(other, LONG);
	uint64_t token = ledger_token(silent);
	assert_int_equal(ledger_bury(other, &ended), BASE_OK);
	assert_int_equal(ended, 0);
	await_burial(other);
	assert_int_equal(look(other).nodes[0].state, LEDGER_DEAD);
	assert_int_equal(ledger_renew(silent, &(struct ledger_holding){.feeds = 0}), BASE_LOST);
	join(silent, LEASE);
	assert_true(ledger_token(silent) > token);
	ledger_close(silent);
	ledger_close(other);
}

/* Nobody has ended it, so nobody has taken anything: it may go on. */
static void who_was_late_but_not_ended_goes_on(void **state)
{
	(void)state;
	struct ledger *late = open_as("late", "a");
	join(late, LEASE);
	while (look(late).nodes[0].rest > 0)
		rest();
	assert_int_equal(ledger_renew(late, &(struct ledger_holding){.feeds = 0}), BASE_OK);
	ledger_close(late);
}

/* ---- leases ---------------------------------------------------------------------------- */

struct leases {
	struct ledger_lease items[HOSTS];
	char offered[HOSTS][64];
	size_t count;
};

static enum base_result see_lease(void *ctx, const struct ledger_lease *lease)
{
	struct leases *seen = ctx;
	assert_in_range(seen->count, 0, HOSTS - 1);
	seen->items[seen->count] = *lease;
	(void)snprintf(seen->offered[seen->count], sizeof seen->offered[0], "%s", lease->offered ? lease->offered : "");
	seen->count++;
	return BASE_OK;
}

static void a_host_is_held_by_one(void **state)
{
	(void)state;
	struct ledger *a = open_as("hosts", "a"), *b = open_as("hosts", "b");
	bool taken[HOSTS];
	static const char *const offers[HOSTS] = {"b", NULL, "b"};
	join(a, LONG);
	join(b, LONG);
	list(a, 1, 11);
	list(b, 1, 11);
	assert_int_equal(look(a).nodes[0].listed, 11);
	assert_int_equal(take(a, hosts, HOSTS, taken), HOSTS);
	assert_int_equal(take(b, hosts, HOSTS, taken), 0);
	assert_int_equal(ledger_release(b, hosts, offers, HOSTS), BASE_OK); /* not its own: passed over */
	assert_int_equal(take(b, hosts, HOSTS, taken), 0);
	assert_int_equal(ledger_release(a, hosts, offers, 1), BASE_OK);
	struct leases seen = {.count = 0};
	assert_int_equal(ledger_free_leases(b, see_lease, &seen), BASE_OK);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.offered[0], "b");
	assert_int_equal(take(b, hosts, HOSTS, taken), 1);
	assert_true(taken[0]);
	assert_int_equal(ledger_leave(a), BASE_OK);
	assert_int_equal(take(b, hosts, HOSTS, taken), HOSTS); /* all it held, at once; and its own again */
	ledger_close(a);
	ledger_close(b);
}

static void everyone_sees_who_lists_and_holds_what(void **state)
{
	(void)state;
	struct ledger *a = open_as("lists", "a"), *b = open_as("lists", "b");
	static const char *const living[] = {"a", "b"};
	bool taken[HOSTS];
	join(a, LONG);
	join(b, LONG);
	list(a, 1, 1);
	list(b, 2, 2);
	assert_int_equal(take(a, hosts, 1, taken), 1);
	struct leases seen = {.count = 0};
	assert_int_equal(ledger_leases(b, living, 2, see_lease, &seen), BASE_OK);
	assert_int_equal(seen.count, HOSTS);
	for (size_t i = 0; i < HOSTS; i++) {
		assert_int_equal(seen.items[i].token, i == 0 ? ledger_token(a) : 0);
		assert_int_equal(seen.items[i].listers, 3);
		assert_true(seen.items[i].differ);
	}
	/* Another list: one host less, and now the same digest. */
	const struct ledger_listed shorter[] = {{.host = hosts[0], .digest = {1}, .feeds = 1},
	                                        {.host = hosts[2], .digest = {1}, .feeds = 1}};
	assert_int_equal(ledger_list(a, shorter, 2, 3), BASE_OK);
	assert_int_equal(ledger_list(b, shorter, 2, 3), BASE_OK);
	seen.count = 0;
	assert_int_equal(ledger_leases(b, living, 2, see_lease, &seen), BASE_OK);
	assert_int_equal(seen.count, 2);
	assert_false(seen.items[0].differ || seen.items[1].differ);
	assert_int_equal(ledger_list(b, NULL, 0, 4), BASE_OK);
	seen.count = 0;
	assert_int_equal(ledger_leases(b, living, 2, see_lease, &seen), BASE_OK);
	assert_int_equal(seen.count, 0);
	ledger_close(a);
	ledger_close(b);
}

static enum base_result count_lease(void *ctx, const struct ledger_lease *lease)
{
	(void)lease;
	++*(size_t *)ctx;
	return BASE_OK;
}

static void long_lists_go_in_pieces(void **state)
{
	(void)state;
	enum { MANY = 2500 };
	static char names[MANY][32];
	static struct ledger_listed listed[MANY];
	static const char *many[MANY], *const living[] = {"a"}, *offers[MANY];
	static bool taken[MANY];
	struct ledger *a = open_as("pieces", "a");
	size_t seen = 0;
	join(a, LONG);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(names[i], sizeof names[i], "h%04zu.example", i);
		listed[i] = (struct ledger_listed){.host = names[i], .feeds = 1};
		many[i] = names[i];
	}
	assert_int_equal(ledger_list(a, listed, MANY, 1), BASE_OK);
	assert_int_equal(ledger_leases(a, living, 1, count_lease, &seen), BASE_OK);
	assert_int_equal(seen, MANY);
	assert_int_equal(take(a, many, MANY, taken), MANY);
	assert_int_equal(ledger_release(a, many, offers, MANY), BASE_OK);
	seen = 0;
	assert_int_equal(ledger_free_leases(a, count_lease, &seen), BASE_OK);
	assert_int_equal(seen, MANY);
	assert_int_equal(ledger_list(a, listed + 1200, 1100, 2), BASE_OK);
	seen = 0;
	assert_int_equal(ledger_leases(a, living, 1, count_lease, &seen), BASE_OK);
	assert_int_equal(seen, 1100);
	ledger_close(a);
}

/* A lease taken by a node that joined after one looked is not free for that one, although it does not know the token. */
static void what_later_nodes_hold_is_not_free(void **state)
{
	(void)state;
	struct ledger *a = open_as("later", "a"), *b = open_as("later", "b");
	bool taken[HOSTS];
	join(a, LONG);
	list(a, 1, 1);
	struct seen before = look(a);
	join(b, LONG);
	list(b, 1, 1);
	assert_int_equal(take(b, hosts, 1, taken), 1);
	const struct ledger_tokens tokens = {.living = before.living, .count = 1, .newest = before.newest};
	assert_int_equal(ledger_take(a, &tokens, hosts, HOSTS, taken), BASE_OK);
	assert_false(taken[0]);
	assert_true(taken[1] && taken[2]);
	ledger_close(a);
	ledger_close(b);
}

/* ---- all at once --------------------------------------------------------------------------- */

#define NODES 4
#define FIELD 40
#define ROUNDS 60

struct field {
	atomic_int holder[FIELD]; /* who may ask it now; 0: nobody */
	atomic_size_t takes, deaths;
	char names[FIELD][16];
	const char *hosts[FIELD];
};

struct node {
	struct field *field;
	pthread_t thread;
	int number;
	uint64_t random;
};

static uint64_t chance(struct node *node, uint64_t below)
{
	node->random = node->random * 6364136223846793005U + 1442695040888963407U;
	return (node->random >> 33) % below;
}

/* Before the database hears of it, as a node that ends its polls first. */
static void let_go(struct node *node, size_t host)
{
	int me = node->number;
	(void)atomic_compare_exchange_strong(&node->field->holder[host], &me, 0);
}

static void take_some(struct node *node, struct ledger *ledger)
{
	struct field *field = node->field;
	const char *wanted[FIELD];
	size_t at[FIELD], count = 0;
	bool taken[FIELD];
	for (size_t i = 0; i < FIELD; i++)
		if (chance(node, 3)) {
			at[count] = i;
			wanted[count++] = field->hosts[i];
		}
	(void)take(ledger, wanted, count, taken);
	for (size_t i = 0; i < count; i++) {
		int nobody = 0;
		if (!taken[i])
			continue;
		assert_true(atomic_compare_exchange_strong(&field->holder[at[i]], &nobody, node->number));
		atomic_fetch_add(&field->takes, 1);
	}
}

static void give_some(struct node *node, struct ledger *ledger)
{
	const char *given[FIELD], *offers[FIELD] = {NULL};
	size_t count = 0;
	for (size_t i = 0; i < FIELD; i++)
		if (atomic_load(&node->field->holder[i]) == node->number && chance(node, 2)) {
			let_go(node, i);
			given[count++] = node->field->hosts[i];
		}
	assert_int_equal(ledger_release(ledger, given, offers, count), BASE_OK);
}

static void end_somehow(struct node *node, struct ledger *ledger)
{
	for (size_t i = 0; i < FIELD; i++)
		let_go(node, i);
	if (chance(node, 2)) {
		assert_int_equal(ledger_leave(ledger), BASE_OK);
		return;
	}
	/* Its process is gone, and the next one takes its place. */
	struct base_error err;
	const struct ledger_joining joining = {.process = "next", .lease = LONG, .replaces = ledger_token(ledger)};
	assert_int_equal(ledger_join(ledger, &joining, &err), BASE_OK);
	atomic_fetch_add(&node->field->deaths, 1);
}

static void *live(void *arg)
{
	struct node *node = arg;
	char name[8];
	(void)snprintf(name, sizeof name, "n%d", node->number);
	struct ledger *ledger = open_as("field", name);
	for (int round = 0; round < ROUNDS; round++) {
		size_t ended;
		if (!ledger_token(ledger))
			join(ledger, LONG);
		assert_int_equal(ledger_bury(ledger, &ended), BASE_OK);
		assert_int_equal(ledger_renew(ledger, &(struct ledger_holding){.feeds = 0}), BASE_OK);
		take_some(node, ledger);
		give_some(node, ledger);
		if (!chance(node, 10))
			end_somehow(node, ledger);
	}
	for (size_t i = 0; i < FIELD; i++)
		let_go(node, i);
	(void)ledger_leave(ledger);
	ledger_close(ledger);
	return NULL;
}

static void nodes_that_come_and_go_never_hold_the_same(void **state)
{
	(void)state;
	static struct field field;
	struct node nodes[NODES];
	for (size_t i = 0; i < FIELD; i++) {
		(void)snprintf(field.names[i], sizeof field.names[i], "h%02zu", i);
		field.hosts[i] = field.names[i];
	}
	struct ledger *first = open_as("field", "first");
	struct ledger_listed listed[FIELD];
	for (size_t i = 0; i < FIELD; i++)
		listed[i] = (struct ledger_listed){.host = field.hosts[i], .feeds = 1};
	join(first, LONG);
	assert_int_equal(ledger_list(first, listed, FIELD, 1), BASE_OK);
	for (int i = 0; i < NODES; i++) {
		nodes[i] = (struct node){.field = &field, .number = i + 1, .random = (uint64_t)i};
		assert_int_equal(pthread_create(&nodes[i].thread, NULL, live, &nodes[i]), 0);
	}
	for (int i = 0; i < NODES; i++)
		(void)pthread_join(nodes[i].thread, NULL);
	print_message("# %zu takes, %zu deaths\n", atomic_load(&field.takes), atomic_load(&field.deaths));
	assert_true(atomic_load(&field.takes) > 500);
	assert_true(atomic_load(&field.deaths) > 2);
	bool taken[FIELD];
	assert_int_equal(take(first, field.hosts, FIELD, taken), FIELD);
	ledger_close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_name_is_one_node),
	    cmocka_unit_test(who_is_silent_is_ended_and_joins_again),
	    cmocka_unit_test(who_was_late_but_not_ended_goes_on),
	    cmocka_unit_test(a_host_is_held_by_one),
	    cmocka_unit_test(everyone_sees_who_lists_and_holds_what),
	    cmocka_unit_test(long_lists_go_in_pieces),
	    cmocka_unit_test(what_later_nodes_hold_is_not_free),
	    cmocka_unit_test(nodes_that_come_and_go_never_hold_the_same),
	};
	if (!getenv("WW_POSTGRES"))
		return 77;
	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
