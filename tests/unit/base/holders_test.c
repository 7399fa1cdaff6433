/* The room base: what holds other people's things - the hash table, the heap - and threads without signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>

#include "wirewatch/base.h"

#define MANY 1000

struct thing {
	struct base_table_node node;
	struct base_heap_node due;
	size_t number;
	bool seen;
};

static bool is_number(const struct base_table_node *node, const void *number)
{
	return ((const struct thing *)node)->number == *(const size_t *)number;
}

static struct thing *find(const struct base_table *table, size_t number)
{
	return (struct thing *)base_table_find(table, number % 100, is_number, &number); /* ten things share a hash */
}

static void table_finds_what_was_put_in_and_not_removed(void **state)
{
	(void)state;
	static struct thing things[MANY];
	struct base_table table = {0};
	assert_null(find(&table, 0));
	assert_null(base_table_first(&table));
	for (size_t i = 0; i < MANY; i++) {
		things[i] = (struct thing){.node.hash = i % 100, .number = i};
		assert_int_equal(base_table_put(&table, &things[i].node), BASE_OK);
	}
	for (size_t i = 0; i < MANY; i += 3)
		base_table_remove(&table, &things[i].node);
	assert_int_equal(table.count, MANY - (MANY + 2) / 3);
	for (size_t i = 0; i < MANY; i++)
		assert_ptr_equal(find(&table, i), i % 3 ? &things[i] : NULL);
	base_table_free(&table);
}

static void table_gives_each_thing_once_also_while_they_are_removed(void **state)
{
	(void)state;
	static struct thing things[MANY];
	struct base_table table = {0};
	size_t seen = 0;
	for (size_t i = 0; i < MANY; i++) {
		things[i] = (struct thing){.node.hash = i % 100, .number = i};
		assert_int_equal(base_table_put(&table, &things[i].node), BASE_OK);
	}
	for (struct base_table_node *node = base_table_first(&table), *next; node; node = next) {
		struct thing *thing = (struct thing *)node;
		next = base_table_next(&table, node);
		assert_false(thing->seen);
		thing->seen = true;
		seen++;
		if (thing->number % 2)
			base_table_remove(&table, node);
	}
	assert_int_equal(seen, MANY);
	assert_int_equal(table.count, MANY / 2);
	base_table_free(&table);
}

static struct thing *first_of(const struct base_heap *heap)
{
	struct base_heap_node *node = base_heap_first(heap);
	return node ? (struct thing *)((char *)node - offsetof(struct thing, due)) : NULL;
}

static void heap_gives_the_earliest_first_whatever_moves(void **state)
{
	(void)state;
	static struct thing things[MANY];
	struct base_heap heap = {0};
	assert_null(base_heap_first(&heap));
	assert_int_equal(base_heap_reserve(&heap, MANY), BASE_OK);
	srand(7);
	for (size_t i = 0; i < MANY; i++)
		base_heap_set(&heap, &things[i].due, rand() % MANY);
	for (size_t i = 0; i < 5 * MANY; i++) { /* earlier, later, out and in again */
		struct base_heap_node *node = &things[rand() % MANY].due;
		if (i % 3 == 0)
			base_heap_remove(&heap, node);
		else
			base_heap_set(&heap, node, rand() % MANY);
	}
	base_time last = -1;
	size_t left = heap.count;
	for (struct thing *thing; (thing = first_of(&heap)); left--) {
		assert_true(thing->due.at >= last);
		last = thing->due.at;
		base_heap_remove(&heap, &thing->due);
		base_heap_remove(&heap, &thing->due); /* out is out */
		assert_int_equal(thing->due.place, 0);
	}
	assert_int_equal(left, 0);
	base_heap_free(&heap);
}

static void *note_mask(void *arg)
{
	(void)pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

static void threads_take_no_signals(void **state)
{
	(void)state;
	sigset_t theirs, ours;
	pthread_t thread;
	assert_int_equal(base_thread_start(&thread, note_mask, &theirs), BASE_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &ours), 0);
	assert_true(sigismember(&theirs, SIGTERM) && sigismember(&theirs, SIGHUP));
	assert_false(sigismember(&ours, SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table_finds_what_was_put_in_and_not_removed),
	    cmocka_unit_test(table_gives_each_thing_once_also_while_they_are_removed),
	    cmocka_unit_test(heap_gives_the_earliest_first_whatever_moves),
	    cmocka_unit_test(threads_take_no_signals),
	};
	return cmocka_run_group_tests_name("base: holders", tests, NULL, NULL);
}
