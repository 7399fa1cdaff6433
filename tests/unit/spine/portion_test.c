/* What nodes take and give back, played with several of them over one table of hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/portion.h"

#define HOSTS 600
#define NODES 6
#define TURN (10 * BASE_SECOND)

/* All that a database would hold, and what each node notes besides. */
struct world {
	size_t hosts;
	bool living[NODES];
	double held[NODES], target[NODES];
	unsigned version, seen[NODES]; /* of who lives, and what each node knows of it */
	struct {
		int holder, offered;      /* nodes, or -1 */
		uint32_t feeds[NODES];    /* that each lists; 0: none */
		bool round;               /* the lists differ */
		base_time since, seen_free[NODES];
	} host[HOSTS];
	base_time now;
	size_t moves, looks;
};

static uint64_t hash_of(uint64_t number)
{
	static const uint64_t key[2] = {1, 2};
	return base_hash64(key, &number, sizeof number);
}

static struct world *world_new(size_t hosts, size_t nodes, uint32_t feeds)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	world->hosts = hosts;
	world->now = BASE_SECOND;
	for (size_t h = 0; h < hosts; h++) {
		world->host[h].holder = world->host[h].offered = PORTION_NOBODY;
		for (size_t n = 0; n < nodes; n++)
			world->host[h].feeds[n] = feeds;
	}
	return world;
}

static bool is_free(const struct world *world, size_t h)
{
	return world->host[h].holder == PORTION_NOBODY || !world->living[world->host[h].holder];
}

static uint64_t listers_of(const struct world *world, size_t h, const int *numbers)
{
	uint64_t listers = 0;
	for (size_t n = 0; n < NODES; n++)
		if (numbers[n] >= 0 && world->host[h].feeds[n])
			listers |= (uint64_t)1 << numbers[n];
	return listers;
}

/* What node n sees. names: the node of each number. */
static void see(const struct world *world, size_t n, struct portion *portion, int *names)
{
	int numbers[NODES];
	size_t count = 0;
	for (size_t i = 0; i < NODES; i++) {
		numbers[i] = world->living[i] ? (int)count : -1;
		if (!world->living[i])
			continue;
		names[count] = (int)i;
		portion->nodes[count++] = (struct portion_node){
		    .hash = hash_of(1000 + i),
		    .held = world->held[i],
		    .target = world->target[i],
		    .settled = world->seen[i] == world->version,
		};
	}
	portion->node_count = count;
	portion->self = (size_t)numbers[n];
	portion->host_count = world->hosts;
	for (size_t h = 0; h < world->hosts; h++) {
		int offered = world->host[h].offered;
		portion->hosts[h] = (struct portion_host){
		    .hash = hash_of(h),
		    .listers = listers_of(world, h, numbers),
		    .feeds = world->host[h].feeds[n],
		    .holder = is_free(world, h)                    ? PORTION_FREE
		              : world->host[h].holder == (int)n ? PORTION_SELF
		                                                : PORTION_OTHER,
		    .offered = is_free(world, h) && offered >= 0 && world->living[offered] ? numbers[offered] : PORTION_NOBODY,
		    .round = world->host[h].round,
		    .since = is_free(world, h) ? world->host[h].seen_free[n] : world->host[h].since,
		};
	}
}

/* Node n looks and acts at once. Whether it did anything. */
static bool look(struct world *world, size_t n, base_time *again)
{
	struct portion_node nodes[NODES];
	static struct portion_host hosts[HOSTS];
	int names[NODES];
	struct portion portion = {.nodes = nodes, .hosts = hosts, .turn = TURN, .patience = BASE_SECOND};
	size_t before = world->moves;
	for (size_t h = 0; h < world->hosts; h++)
		if (is_free(world, h) && !world->host[h].seen_free[n])
			world->host[h].seen_free[n] = world->now;
	see(world, n, &portion, names);
	portion_decide(&portion, world->now, again);
	for (size_t h = 0; h < world->hosts; h++) {
		if (hosts[h].act == PORTION_TAKE) {
			assert_true(is_free(world, h)); /* never twice */
			world->host[h].holder = (int)n;
			world->host[h].offered = PORTION_NOBODY;
			world->host[h].since = world->now;
			world->moves++;
		} else if (hosts[h].act == PORTION_GIVE) {
			assert_int_equal(world->host[h].holder, (int)n);
			world->host[h].holder = PORTION_NOBODY;
			world->host[h].offered = hosts[h].to == PORTION_NOBODY ? PORTION_NOBODY : names[hosts[h].to];
			memset(world->host[h].seen_free, 0, sizeof world->host[h].seen_free);
			world->host[h].seen_free[n] = world->now;
			world->moves++;
		}
	}
	bool told = world->seen[n] != world->version;
	world->seen[n] = world->version;
	world->target[n] = nodes[portion.self].target;
	world->held[n] = nodes[portion.self].held;
	world->looks++;
	return told || world->moves != before;
}

static void free_again(struct world *world, size_t n)
{
	for (size_t h = 0; h < world->hosts; h++)
		if (world->host[h].holder == (int)n)
			memset(world->host[h].seen_free, 0, sizeof world->host[h].seen_free);
}

/* Until nobody acts any more; time passes only when nobody wants to act now. Those that go round never end: until. */
static void play(struct world *world, base_time until)
{
	for (;;) {
		bool acted = false;
		base_time next = BASE_TIME_NONE;
		for (size_t n = 0; n < NODES; n++) {
			base_time again;
			if (!world->living[n])
				continue;
			acted = look(world, n, &again) || acted;
			if (again != BASE_TIME_NONE && (next == BASE_TIME_NONE || again < next))
				next = again;
		}
		assert_true(world->looks < 100000);
		if (acted)
			continue;
		if (next == BASE_TIME_NONE || next > until)
			return;
		world->now = next;
	}
}

static double held_by(const struct world *world, size_t n)
{
	double held = 0;
	for (size_t h = 0; h < world->hosts; h++)
		if (world->host[h].holder == (int)n)
			held += world->host[h].feeds[n];
	return held;
}

/* Every host that a living node lists is held by one that lists it. */
static void assert_all_held(const struct world *world)
{
	for (size_t h = 0; h < world->hosts; h++) {
		bool listed = false;
		for (size_t n = 0; n < NODES; n++)
			listed = listed || (world->living[n] && world->host[h].feeds[n]);
		if (!listed)
			continue;
		assert_false(is_free(world, h));
		assert_true(world->host[h].feeds[world->host[h].holder] > 0);
	}
}

static void join(struct world *world, size_t n)
{
	world->living[n] = true;
	world->version++;
	world->held[n] = world->target[n] = 0;
}

static void leave(struct world *world, size_t n)
{
	free_again(world, n);
	world->living[n] = false;
	world->version++;
}

static void one_node_takes_all_at_once(void **state)
{
	(void)state;
	struct world *world = world_new(100, 1, 3);
	base_time again;
	join(world, 0);
	(void)look(world, 0, &again);
	assert_all_held(world);
	assert_true(again == BASE_TIME_NONE);
	free(world);
}

static void shares_are_even_after_joins_and_leaves(void **state)
{
	(void)state;
	struct world *world = world_new(600, 4, 5);
	for (size_t n = 0; n < 4; n++) {
		size_t before = world->moves;
		join(world, n);
		play(world, INT64_MAX);
		assert_all_held(world);
		/* A gift is two moves; a newcomer gets its share and nobody else moves anything. */
		if (n)
			assert_in_range(world->moves - before, 1, 2 * 600 / (n + 1) + 4);
		for (size_t i = 0; i <= n; i++)
			assert_true(held_by(world, i) <= 3000.0 / (double)(n + 1) * 1.03 + 5);
	}
	leave(world, 1);
	base_time left = world->now;
	play(world, INT64_MAX);
	assert_all_held(world);
	assert_true(world->now - left <= BASE_SECOND);
	for (size_t i = 0; i < 4; i++)
		if (world->living[i])
			assert_in_range(held_by(world, i), 950, 1050);
	free(world);
}

static void few_hosts_of_uneven_size_find_holders(void **state)
{
	(void)state;
	struct world *world = world_new(5, 3, 1);
	for (size_t n = 0; n < 3; n++)
		world->host[0].feeds[n] = 100; /* more than the rest together */
	for (size_t n = 0; n < 3; n++) {
		join(world, n);
		play(world, INT64_MAX);
		assert_all_held(world);
	}
	size_t before = world->moves;
	play(world, INT64_MAX);
	assert_int_equal(world->moves, before); /* at rest */
	free(world);
}

static void what_only_one_lists_goes_to_it(void **state)
{
	(void)state;
	struct world *world = world_new(300, 3, 1);
	for (size_t h = 0; h < 300; h++) { /* 0 lists the first 200, 1 the last 200, 2 all */
		world->host[h].feeds[0] = h < 200;
		world->host[h].feeds[1] = h >= 100;
	}
	for (size_t n = 0; n < 3; n++) {
		join(world, n);
		play(world, INT64_MAX);
		assert_all_held(world);
	}
	assert_in_range(held_by(world, 0), 80, 87);
	assert_in_range(held_by(world, 1), 80, 87);
	leave(world, 2);
	play(world, INT64_MAX);
	assert_all_held(world);
	assert_in_range(held_by(world, 0), 140, 160);
	free(world);
}

/* 0 has too much that only 1 lists too, 1 has enough, 2 has too little of what 1 has: it goes through 1. */
static void surplus_passes_through_the_middle(void **state)
{
	(void)state;
	struct world *world = world_new(400, 3, 0);
	for (size_t h = 0; h < 400; h++) {
		world->host[h].feeds[0] = h < 200;
		world->host[h].feeds[1] = 1;
		world->host[h].feeds[2] = h >= 200;
		world->host[h].holder = h < 200 ? 0 : 1;
	}
	for (size_t n = 0; n < 3; n++)
		join(world, n);
	play(world, INT64_MAX);
	assert_all_held(world);
	assert_in_range(held_by(world, 0), 90, 110);
	assert_in_range(held_by(world, 1), 190, 210);
	assert_in_range(held_by(world, 2), 90, 110);
	free(world);
}

static void lists_that_differ_go_round(void **state)
{
	(void)state;
	struct world *world = world_new(20, 3, 2);
	base_time had[3] = {0};
	for (size_t h = 0; h < 20; h++)
		world->host[h].round = true;
	for (size_t n = 0; n < 3; n++)
		join(world, n);
	play(world, 2 * BASE_SECOND);
	assert_all_held(world);
	for (int step = 0; step < 30; step++) {
		base_time start = world->now;
		int holder = world->host[7].holder;
		play(world, start + TURN);
		had[holder] += TURN;
	}
	assert_all_held(world);
	for (size_t n = 0; n < 3; n++)
		assert_true(had[n] >= 8 * TURN);
	leave(world, 0);
	leave(world, 1);
	play(world, INT64_MAX); /* with one node left nothing goes round */
	for (size_t h = 0; h < 20; h++)
		assert_int_equal(world->host[h].holder, 2);
	free(world);
}

static void what_was_given_for_one_waits_for_it(void **state)
{
	(void)state;
	struct world *world = world_new(10, 2, 1);
	base_time again;
	join(world, 0);
	play(world, INT64_MAX);
	join(world, 1);
	(void)look(world, 1, &again); /* says its target */
	(void)look(world, 0, &again); /* gives */
	size_t moves = world->moves;
	(void)look(world, 0, &again); /* does not take it back ... */
	assert_int_equal(world->moves, moves);
	assert_int_equal(again, world->now + BASE_SECOND);
	world->now = again; /* ... before patience is over */
	(void)look(world, 0, &again);
	assert_true(world->moves > moves);
	assert_all_held(world);
	free(world);
}

static void what_is_no_longer_listed_is_given_back(void **state)
{
	(void)state;
	struct world *world = world_new(10, 2, 1);
	join(world, 0);
	join(world, 1);
	play(world, INT64_MAX);
	for (size_t h = 0; h < 5; h++)
		world->host[h].feeds[0] = 0;
	world->version++;
	play(world, INT64_MAX);
	assert_all_held(world);
	for (size_t h = 0; h < 5; h++)
		world->host[h].feeds[1] = 0;
	world->version++;
	play(world, INT64_MAX);
	for (size_t h = 0; h < 5; h++)
		assert_true(is_free(world, h));
	free(world);
}

static uint64_t chance(uint64_t *seed, uint64_t below)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (*seed >> 33) % below;
}

static void whatever_comes_and_goes_all_is_held_and_at_rest(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t random = seed;
		struct world *world = world_new(1 + chance(&random, 200), NODES, 0);
		for (size_t h = 0; h < world->hosts; h++)
			for (size_t n = 0; n < NODES; n++)
				world->host[h].feeds[n] = chance(&random, 3) ? 1 + (uint32_t)chance(&random, h % 9 + 1) : 0;
		for (int event = 0; event < 25; event++) {
			size_t n = chance(&random, NODES);
			if (world->living[n])
				leave(world, n);
			else
				join(world, n);
			world->looks = 0;
			play(world, INT64_MAX);
			assert_all_held(world);
		}
		free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_node_takes_all_at_once),
	    cmocka_unit_test(shares_are_even_after_joins_and_leaves),
	    cmocka_unit_test(few_hosts_of_uneven_size_find_holders),
	    cmocka_unit_test(what_only_one_lists_goes_to_it),
	    cmocka_unit_test(surplus_passes_through_the_middle),
	    cmocka_unit_test(lists_that_differ_go_round),
	    cmocka_unit_test(what_was_given_for_one_waits_for_it),
	    cmocka_unit_test(what_is_no_longer_listed_is_given_back),
	    cmocka_unit_test(whatever_comes_and_goes_all_is_held_and_at_rest),
	};
	return cmocka_run_group_tests_name("portion", tests, NULL, NULL);
}
