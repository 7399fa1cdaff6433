/* The room plan: when to poll again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "wirewatch/plan.h"

#define START ((base_time)1767225600 * BASE_SECOND)

static const struct plan_bounds bounds = {5 * BASE_MINUTE, 6 * BASE_HOUR};
static const struct plan_state fresh = {BASE_TIME_NONE, BASE_TIME_NONE, 0};

/* The wait from the start of the poll, without spread. */
static base_time wait_after(struct plan_poll poll, uint32_t failures)
{
	struct plan_state state = {START - BASE_DAY, START - 1, failures};

	poll.started = START;
	plan_next(&bounds, &poll, 0, &state);
	assert_int_equal(state.last_start, START);
	return state.next_due - START;
}

#define POLL(...) ((struct plan_poll){__VA_ARGS__})

static void success_takes_the_hint_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW), 0), 5 * BASE_MINUTE);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_UNCHANGED, .hint = BASE_MINUTE), 0), 5 * BASE_MINUTE);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NOT_MODIFIED, .hint = BASE_HOUR), 0), BASE_HOUR);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW, .hint = 7 * BASE_HOUR), 0), 6 * BASE_HOUR);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW, .hint = INT64_MAX), 0), 6 * BASE_HOUR);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW, .hint = -BASE_HOUR), 0), 5 * BASE_MINUTE);
}

static void a_fixed_interval_wins(void **state)
{
	(void)state;
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW, .fixed_interval = BASE_SECOND, .hint = BASE_HOUR), 0), BASE_SECOND);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_NEW, .fixed_interval = BASE_DAY), 0), BASE_DAY);
	/* but not over a server that asks to be left alone */
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .fixed_interval = BASE_SECOND, .retry_after = BASE_HOUR), 0),
	                 BASE_HOUR);
}

static void failures_double_up_to_the_maximum(void **state)
{
	struct plan_poll failed = {.outcome = PLAN_FAILED};

	(void)state;
	assert_int_equal(wait_after(failed, 0), 10 * BASE_MINUTE);
	assert_int_equal(wait_after(failed, 1), 20 * BASE_MINUTE);
	assert_int_equal(wait_after(failed, 2), 40 * BASE_MINUTE);
	assert_int_equal(wait_after(failed, 5), 320 * BASE_MINUTE);
	assert_int_equal(wait_after(failed, 6), 6 * BASE_HOUR);
	assert_int_equal(wait_after(failed, UINT32_MAX - 1), 6 * BASE_HOUR);
	assert_int_equal(wait_after(failed, UINT32_MAX), 6 * BASE_HOUR);
	failed.fixed_interval = BASE_SECOND;
	assert_int_equal(wait_after(failed, 3), 16 * BASE_SECOND);
	failed.fixed_interval = BASE_DAY; /* longer than the maximum: stays as it is */
	assert_int_equal(wait_after(failed, 3), BASE_DAY);
}

static void failures_are_counted_in_a_row(void **state)
{
	struct plan_state feed = fresh;
	struct plan_poll poll = {.outcome = PLAN_FAILED, .started = START};

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		plan_next(&bounds, &poll, 0, &feed);
		assert_int_equal(feed.failures, i);
	}
	poll.outcome = PLAN_NOT_MODIFIED;
	plan_next(&bounds, &poll, 0, &feed);
	assert_int_equal(feed.failures, 0);
	assert_int_equal(feed.next_due - START, 5 * BASE_MINUTE);
	feed.failures = UINT32_MAX;
	poll.outcome = PLAN_FAILED;
	plan_next(&bounds, &poll, 0, &feed);
	assert_int_equal(feed.failures, UINT32_MAX);
}

static void retry_after_is_a_least_wait(void **state)
{
	(void)state;
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .retry_after = BASE_MINUTE), 0), 10 * BASE_MINUTE);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .retry_after = BASE_HOUR), 0), BASE_HOUR);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .retry_after = 20 * BASE_HOUR), 0), 20 * BASE_HOUR);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .retry_after = 9 * BASE_DAY), 0), BASE_DAY);
	assert_int_equal(wait_after(POLL(.outcome = PLAN_FAILED, .retry_after = -BASE_DAY), 0), 10 * BASE_MINUTE);
}

static void chance_only_ever_makes_it_later(void **state)
{
	static const double chances[] = {0, 0.25, 0.5, 0.999999, 1, 7, -3, NAN, INFINITY};

	(void)state;
	for (size_t i = 0; i < sizeof(chances) / sizeof(*chances); i++) {
		struct plan_state feed = fresh;
		struct plan_poll poll = {.outcome = PLAN_FAILED, .started = START, .retry_after = BASE_HOUR};
		plan_next(&bounds, &poll, chances[i], &feed);
		assert_true(feed.next_due >= START + BASE_HOUR);
		if (chances[i] <= 1)
			assert_true(feed.next_due <= START + BASE_HOUR + BASE_HOUR / 10);
	}
	struct plan_state feed = fresh;
	struct plan_poll poll = {.outcome = PLAN_NEW, .started = START, .hint = BASE_HOUR};
	plan_next(&bounds, &poll, 0.5, &feed);
	assert_int_equal(feed.next_due - START, 63 * BASE_MINUTE);
}

static void a_restart_never_polls_early(void **state)
{
	struct plan_state due_later = {START, START + BASE_HOUR, 0};
	struct plan_state due_before = {START - BASE_DAY, START - BASE_HOUR, 2};

	(void)state;
	assert_int_equal(plan_first(&due_later, START + BASE_MINUTE, BASE_HOUR, 0.9), START + BASE_HOUR);
	assert_int_equal(plan_first(&due_before, START, BASE_HOUR, 0.9), START);
	/* the clock went back a year: wait the hour again, not the year */
	assert_int_equal(plan_first(&due_later, START - 365 * BASE_DAY, BASE_HOUR, 0.9), START - 365 * BASE_DAY + BASE_HOUR);
}

static void new_feeds_are_spread(void **state)
{
	(void)state;
	assert_int_equal(plan_first(&fresh, START, BASE_HOUR, 0), START);
	assert_int_equal(plan_first(&fresh, START, BASE_HOUR, 0.5), START + 30 * BASE_MINUTE);
	assert_int_equal(plan_first(&fresh, START, 0, 0.5), START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(success_takes_the_hint_within_bounds),
	    cmocka_unit_test(a_fixed_interval_wins),
	    cmocka_unit_test(failures_double_up_to_the_maximum),
	    cmocka_unit_test(failures_are_counted_in_a_row),
	    cmocka_unit_test(retry_after_is_a_least_wait),
	    cmocka_unit_test(chance_only_ever_makes_it_later),
	    cmocka_unit_test(a_restart_never_polls_early),
	    cmocka_unit_test(new_feeds_are_spread),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
