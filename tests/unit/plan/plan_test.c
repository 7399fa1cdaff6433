/* The room plan: when to poll again. */
#include "fleet.h"

#include <math.h>
#include <string.h>

/* ---- while all is well ------------------------------------------------------------ */

static void without_knowledge_the_mean_holds(void **state)
{
	struct one one;
	(void)state;
	one_open(&one, &plain);
	one.chance = 0.5; /* in the middle of the spread */
	assert_in_range(one_poll(&one, POLL(.outcome = PLAN_NEW)), 59 * BASE_MINUTE, 61 * BASE_MINUTE);
	one_close(&one);
}

static void hints_make_it_longer_within_bounds(void **state)
{
	static const struct {
		base_time max_age, ttl, wait;
	} cases[] = {
	    {2 * BASE_HOUR, 0, 2 * BASE_HOUR},
	    {0, 3 * BASE_HOUR, 3 * BASE_HOUR},
	    {2 * BASE_HOUR, 3 * BASE_HOUR, 3 * BASE_HOUR},
	    {7 * BASE_HOUR, 0, 6 * BASE_HOUR},
	    {INT64_MAX, INT64_MAX, 6 * BASE_HOUR},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int outcome = PLAN_NEW; outcome <= PLAN_NOT_MODIFIED; outcome++) {
			struct one one;
			struct plan_document document = {.ttl = cases[i].ttl};
			one_open(&one, &plain);
			assert_int_equal(one_poll(&one, POLL(.outcome = (enum plan_outcome)outcome, .max_age = cases[i].max_age,
			                                     .document = &document)),
			                 cases[i].wait);
			one_close(&one);
		}
}

static void hints_outlive_a_304_that_repeats_none(void **state)
{
	struct one one;
	struct plan_document document = {.ttl = 2 * BASE_HOUR};
	(void)state;
	one_open(&one, &plain);
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = 3 * BASE_HOUR, .document = &document));
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_NOT_MODIFIED)), 3 * BASE_HOUR);
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_UNCHANGED)), 2 * BASE_HOUR);
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_NOT_MODIFIED, .max_age = 4 * BASE_HOUR)), 4 * BASE_HOUR);
	one_close(&one);
}

static void negative_hints_are_none(void **state)
{
	struct one one;
	struct plan_document document = {.ttl = -BASE_HOUR};
	(void)state;
	one_open(&one, &plain);
	one.chance = 0.5;
	assert_in_range(one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = -BASE_HOUR, .document = &document)),
	                59 * BASE_MINUTE, 61 * BASE_MINUTE);
	one_close(&one);
}

static void a_fixed_interval_wins_and_says_so_once(void **state)
{
	struct one one;
	struct plan_document document = {.skip_hours = 0xFFFFFE};
	(void)state;
	one_open(&one, &plain);
	one.interval = BASE_SECOND;
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = BASE_HOUR, .document = &document)), BASE_SECOND);
	assert_true(one.events & PLAN_EVENT_OVERRIDE);
	one.now = START + 5 * BASE_HOUR;
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = BASE_HOUR)), BASE_SECOND);
	assert_false(one.events & PLAN_EVENT_OVERRIDE);
	/* but not over a server that asks to be left alone */
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_FAILED, .failure = PLAN_BUSY, .retry_after = BASE_HOUR)),
	                 BASE_HOUR + BASE_SECOND);
	one_close(&one);
}

static void hours_and_days_to_skip_are_skipped(void **state)
{
	struct plan_document weekend = {.skip_days = 0x60}, night = {.skip_hours = 0xF00007}, all;
	struct one one;
	(void)state;
	all = (struct plan_document){.skip_hours = 0xFFFFFF, .skip_days = 0x7F};
	one_open(&one, &plain);
	one.now = START + BASE_DAY + 23 * BASE_HOUR + 30 * BASE_MINUTE; /* Friday night */
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &weekend));
	assert_int_equal(one.now, START + 4 * BASE_DAY); /* Monday, midnight */
	one.now = START + 19 * BASE_HOUR + 30 * BASE_MINUTE;
	one.chance = 0.5;
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &night));
	base_time allowed = START + BASE_DAY + 3 * BASE_HOUR;
	assert_in_range(one.now, allowed + BASE_MINUTE, allowed + BASE_HOUR - 1); /* not on the hour */
	one.now = START + 19 * BASE_HOUR + 30 * BASE_MINUTE; /* failures do not come into the night either */
	(void)one_fail(&one, PLAN_SERVER);
	assert_in_range(one.now, START + BASE_DAY + 3 * BASE_HOUR, START + BASE_DAY + 4 * BASE_HOUR);
	assert_in_range(one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &all)), 54 * BASE_MINUTE, 66 * BASE_MINUTE);
	one_close(&one);
}

static void chance_spreads_but_never_below_the_floor(void **state)
{
	static const double chances[] = {0, 0.25, 0.5, 0.999999, 1, 7, -3, NAN, INFINITY};
	(void)state;
	for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
		struct one one;
		one_open(&one, &plain);
		one.chance = chances[i];
		base_time learned = one_poll(&one, POLL(.outcome = PLAN_NEW));
		assert_in_range(learned, 53 * BASE_MINUTE, 67 * BASE_MINUTE);
		base_time hinted = one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = 2 * BASE_HOUR));
		assert_in_range(hinted, 2 * BASE_HOUR, 132 * BASE_MINUTE);
		base_time failed = one_poll(&one, POLL(.outcome = PLAN_FAILED, .failure = PLAN_BUSY, .retry_after = 5 * BASE_HOUR));
		assert_in_range(failed, 5 * BASE_HOUR, 331 * BASE_MINUTE);
		one_close(&one);
	}
}

/* ---- failures ------------------------------------------------------------------------- */

static void failures_double_up_to_their_maximum(void **state)
{
	struct one one;
	(void)state;
	one_open(&one, &plain);
	one.interval = 10 * BASE_MINUTE;
	for (int i = 1; i <= 5; i++)
		assert_int_equal(one_fail(&one, PLAN_SERVER), 10 * BASE_MINUTE << i);
	for (int i = 0; i < 100; i++)
		assert_int_equal(one_fail(&one, PLAN_SERVER), 6 * BASE_HOUR);
	assert_int_equal(plan_feed_state(one.feed)->failures, 105);
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_NOT_MODIFIED)), 10 * BASE_MINUTE);
	assert_int_equal(plan_feed_state(one.feed)->failures, 0);
	assert_int_equal(one_fail(&one, PLAN_SERVER), 20 * BASE_MINUTE); /* it begins anew */
	one.interval = BASE_DAY; /* longer than the maximum: stays as it is */
	assert_int_equal(one_fail(&one, PLAN_CONNECT), BASE_DAY);
	one_close(&one);
}

static void each_kind_backs_off_by_itself_and_never_ends(void **state)
{
	(void)state;
	for (int kind = 0; kind < PLAN_FAILURE_COUNT; kind++) {
		struct one one;
		if (kind == PLAN_GONE)
			continue;
		one_open(&one, &plain);
		one.interval = BASE_HOUR;
		base_time most = 0;
		for (int i = 0; i < 40; i++) {
			base_time wait = one_fail(&one, (enum plan_failure)kind);
			assert_true(wait >= most);
			most = wait;
		}
		bool stubborn = kind == PLAN_DENIED || kind == PLAN_MISSING || kind == PLAN_BUSY || kind == PLAN_STATUS ||
		                kind == PLAN_NOT_FEED || kind == PLAN_REFUSED;
		assert_int_equal(most, stubborn ? BASE_DAY : 6 * BASE_HOUR);
		base_time other = one_fail(&one, kind == PLAN_SERVER ? PLAN_MISSING : PLAN_SERVER);
		assert_int_equal(other, 2 * BASE_HOUR);
		one_close(&one);
	}
}

static void a_pause_is_kept_and_is_no_failure(void **state)
{
	struct one one;
	struct plan_poll busy = {.outcome = PLAN_FAILED, .failure = PLAN_BUSY, .retry_after = 3 * BASE_HOUR};
	(void)state;
	one_open(&one, &plain);
	one.interval = BASE_HOUR;
	assert_int_equal(one_poll(&one, busy), 3 * BASE_HOUR + BASE_SECOND);
	assert_true(one.events & PLAN_EVENT_PAUSED);
	assert_int_equal(plan_feed_paused(one.feed), one.now);
	assert_int_equal(plan_feed_state(one.feed)->failures, 0);
	assert_int_equal(plan_feed_health(one.feed), PLAN_PAUSED);
	busy.retry_after = 9 * BASE_DAY;
	assert_int_equal(one_poll(&one, busy), BASE_DAY + BASE_SECOND);
	busy.retry_after = BASE_SECOND; /* not sooner than usual */
	assert_int_equal(one_poll(&one, busy), BASE_HOUR);
	busy.retry_after = -BASE_DAY; /* none: it backs off */
	assert_int_equal(one_poll(&one, busy), 2 * BASE_HOUR);
	assert_int_equal(plan_feed_state(one.feed)->failures, 1);
	(void)one_poll(&one, POLL(.outcome = PLAN_NOT_MODIFIED));
	assert_int_equal(plan_feed_paused(one.feed), BASE_TIME_NONE);
	one_close(&one);
}

static void a_pause_survives_a_restart(void **state)
{
	struct one one;
	struct plan_feed *again;
	struct base_buf stored;
	(void)state;
	one_open(&one, &plain);
	base_time until = START + 3 * BASE_HOUR + BASE_SECOND;
	(void)one_poll(&one, POLL(.outcome = PLAN_FAILED, .failure = PLAN_BUSY, .retry_after = 3 * BASE_HOUR));
	base_buf_init(&stored, PLAN_STORED_MAX);
	assert_int_equal(plan_feed_store(one.feed, &stored), BASE_OK);
	assert_int_equal(plan_feed_restore(plan_feed_state(one.feed), base_buf_span(&stored), &again), BASE_OK);
	assert_int_equal(plan_feed_paused(again), until);
	assert_false(plan_feed_hurry(again, START + BASE_HOUR, BASE_MINUTE));
	plan_first(again, START + BASE_HOUR, BASE_MINUTE, BASE_HOUR, 0); /* even if the operator would have it sooner now */
	assert_int_equal(plan_feed_state(again)->next_due, until);
	assert_true(plan_feed_hurry(again, until, BASE_MINUTE));
	assert_int_equal(plan_feed_state(again)->next_due, until);
	assert_true(plan_feed_hurry(again, until, 5 * BASE_HOUR)); /* counted from the last request */
	assert_int_equal(plan_feed_state(again)->next_due, START + 5 * BASE_HOUR);
	plan_feed_free(again);
	base_buf_free(&stored);
	one_close(&one);
}

static void gone_ends_it_for_good(void **state)
{
	struct one one;
	struct plan_feed *again;
	struct base_buf stored;
	(void)state;
	one_open(&one, &plain);
	assert_int_equal(one_fail(&one, PLAN_GONE), BASE_TIME_NONE);
	assert_true(one.events & PLAN_EVENT_ENDED);
	base_buf_init(&stored, PLAN_STORED_MAX);
	assert_int_equal(plan_feed_store(one.feed, &stored), BASE_OK);
	assert_int_equal(plan_feed_restore(plan_feed_state(one.feed), base_buf_span(&stored), &again), BASE_OK);
	plan_first(again, START + BASE_DAY, 0, BASE_HOUR, 0.5);
	assert_int_equal(plan_feed_health(again), PLAN_ENDED);
	assert_int_equal(plan_feed_state(again)->next_due, BASE_TIME_NONE);
	assert_false(plan_feed_hurry(again, START + BASE_DAY, BASE_MINUTE));
	plan_feed_free(again);
	base_buf_free(&stored);
	one_close(&one);
}

static void a_cancelled_poll_counts_as_a_request(void **state)
{
	struct one one;
	(void)state;
	one_open(&one, &plain);
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_CANCELLED)), plain.min);
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = 2 * BASE_HOUR));
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_CANCELLED)), 2 * BASE_HOUR);
	assert_int_equal(plan_feed_state(one.feed)->failures, 0);
	base_time backed_off = one_fail(&one, PLAN_MISSING);
	assert_int_equal(one_poll(&one, POLL(.outcome = PLAN_CANCELLED)), backed_off);
	one_close(&one);
}

/* ---- outages ---------------------------------------------------------------------------- */

#define HOSTS 4

static struct plan_fleet *fleet_of_hosts(size_t slots[HOSTS])
{
	struct plan_fleet *fleet;
	assert_int_equal(plan_fleet_new(&plain, &fleet), BASE_OK);
	for (size_t i = 0; i < HOSTS; i++) {
		char host[2] = {(char)('a' + i), '\0'};
		assert_int_equal(plan_fleet_add(fleet, base_span_of(host), false, &slots[i]), BASE_OK);
	}
	return fleet;
}

static void an_outage_blames_nobody(void **state)
{
	struct plan_fleet *fleet;
	struct plan_feed *feeds[HOSTS];
	size_t slots[HOSTS];
	unsigned events = 0;
	struct plan_poll poll = {.outcome = PLAN_FAILED, .failure = PLAN_CONNECT, .started = START};
	(void)state;
	fleet = fleet_of_hosts(slots);
	for (size_t i = 0; i < HOSTS; i++)
		assert_int_equal(plan_feed_new(&feeds[i]), BASE_OK);
	for (int round = 0; round < 5; round++)
		for (size_t i = 0; i < HOSTS; i++, poll.started += BASE_HOUR) {
			assert_int_equal(plan_fleet_outage(fleet), round > 0);
			events |= plan_next(fleet, slots[i], feeds[i], &poll, 0);
		}
	assert_true(events & PLAN_EVENT_OUTAGE);
	for (size_t i = 0; i < HOSTS - 1; i++)
		assert_int_equal(plan_feed_state(feeds[i])->failures, 1); /* before it was known */
	assert_int_equal(plan_feed_state(feeds[HOSTS - 1])->failures, 0);
	assert_true(plan_feed_state(feeds[0])->next_due - plan_feed_state(feeds[0])->last_start <= 5 * BASE_MINUTE);
	poll.failure = PLAN_SERVER; /* whatever it says, it is an answer */
	assert_true(plan_next(fleet, slots[0], feeds[0], &poll, 0) & PLAN_EVENT_NETWORK);
	assert_false(plan_fleet_outage(fleet));
	assert_int_equal(plan_feed_state(feeds[0])->failures, 2);
	for (size_t i = 0; i < HOSTS; i++)
		plan_feed_free(feeds[i]);
	plan_fleet_free(fleet);
}

/* Many polls that were under way together end at once, while another host answers all the time. */
static void a_silence_from_before_an_answer_is_no_outage(void **state)
{
	struct plan_fleet *fleet;
	struct plan_feed *feed;
	size_t slots[HOSTS];
	struct plan_poll silent = {.outcome = PLAN_FAILED, .failure = PLAN_SLOW, .started = START, .ended = START + BASE_MINUTE};
	struct plan_poll answered = {
	    .outcome = PLAN_UNCHANGED, .started = START + BASE_SECOND, .ended = START + 2 * BASE_SECOND};
	(void)state;
	fleet = fleet_of_hosts(slots);
	assert_int_equal(plan_feed_new(&feed), BASE_OK);
	plan_next(fleet, slots[0], feed, &answered, 0);
	for (size_t i = 1; i < HOSTS; i++)
		plan_next(fleet, slots[i], feed, &silent, 0);
	plan_next(fleet, slots[0], feed, &silent, 0);
	assert_false(plan_fleet_outage(fleet));
	silent.started = answered.ended;
	for (size_t i = 0; i < HOSTS; i++)
		plan_next(fleet, slots[i], feed, &silent, 0);
	assert_true(plan_fleet_outage(fleet));
	plan_next(fleet, slots[0], feed, &answered, 0);
	assert_false(plan_fleet_outage(fleet));
	silent.started = START - BASE_DAY; /* the clock was set back: what seemed later is of no use */
	silent.ended = START - BASE_DAY + BASE_SECOND;
	for (size_t i = 0; i < HOSTS; i++)
		plan_next(fleet, slots[i], feed, &silent, 0);
	assert_false(plan_fleet_outage(fleet));
	silent.started = silent.ended;
	for (size_t i = 0; i < HOSTS; i++)
		plan_next(fleet, slots[i], feed, &silent, 0);
	assert_true(plan_fleet_outage(fleet));
	plan_feed_free(feed);
	plan_fleet_free(fleet);
}

static void hosts_that_have_gone_do_not_count(void **state)
{
	struct plan_fleet *fleet;
	struct plan_feed *feed;
	size_t slots[HOSTS], again;
	struct plan_poll poll = {.outcome = PLAN_FAILED, .failure = PLAN_CONNECT, .started = START};
	(void)state;
	fleet = fleet_of_hosts(slots);
	assert_int_equal(plan_feed_new(&feed), BASE_OK);
	for (size_t i = 0; i < 100; i++) { /* many more came and went */
		char host[3] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
		assert_int_equal(plan_fleet_add(fleet, base_span_of(host), false, &again), BASE_OK);
		assert_int_equal(again, HOSTS); /* a slot is used again */
		plan_fleet_remove(fleet, again);
	}
	plan_next(fleet, slots[0], feed, &poll, 0);
	plan_next(fleet, slots[1], feed, &poll, 0);
	plan_fleet_remove(fleet, slots[1]); /* silent, and gone: as if it had never been asked */
	plan_next(fleet, slots[2], feed, &poll, 0);
	assert_false(plan_fleet_outage(fleet));
	plan_next(fleet, slots[3], feed, &poll, 0);
	assert_true(plan_fleet_outage(fleet)); /* all three that are left */
	plan_feed_free(feed);
	plan_fleet_free(fleet);
}

/* ---- starts --------------------------------------------------------------------------------- */

static base_time first_due(base_time last, base_time due, base_time now, base_time fixed, base_time spread,
                           double chance)
{
	struct plan_state times = {last, due, 0};
	struct plan_feed *feed;
	assert_int_equal(plan_feed_restore(&times, BASE_NONE, &feed), BASE_OK);
	plan_first(feed, now, fixed, spread, chance);
	base_time first = plan_feed_state(feed)->next_due;
	plan_feed_free(feed);
	return first;
}

static void a_restart_never_polls_early(void **state)
{
	(void)state;
	assert_int_equal(first_due(START, START + BASE_HOUR, START + BASE_MINUTE, 0, BASE_HOUR, 0.9), START + BASE_HOUR);
	/* what fell due meanwhile is spread */
	assert_int_equal(first_due(START - BASE_DAY, START - BASE_HOUR, START, 0, BASE_HOUR, 0), START);
	assert_int_equal(first_due(START - BASE_DAY, START - BASE_HOUR, START, 0, BASE_HOUR, 0.5), START + 30 * BASE_MINUTE);
	/* what waited for a moment does not wait much longer */
	assert_int_equal(first_due(START - BASE_HOUR, START - BASE_SECOND, START, 0, BASE_HOUR, 0.5), START + BASE_SECOND / 2);
	/* an interval that was made shorter */
	assert_int_equal(first_due(START, START + BASE_HOUR, START + 1, BASE_MINUTE, BASE_HOUR, 0.9), START + BASE_MINUTE);
	/* the clock went back a year: wait the hour again, not the year */
	assert_int_equal(first_due(START, START + BASE_HOUR, START - 365 * BASE_DAY, 0, BASE_HOUR, 0.9),
	                 START - 365 * BASE_DAY + BASE_HOUR);
}

static void new_feeds_are_spread(void **state)
{
	(void)state;
	assert_int_equal(first_due(BASE_TIME_NONE, BASE_TIME_NONE, START, 0, BASE_HOUR, 0), START);
	assert_int_equal(first_due(BASE_TIME_NONE, BASE_TIME_NONE, START, 0, BASE_HOUR, 0.5), START + 30 * BASE_MINUTE);
	assert_int_equal(first_due(BASE_TIME_NONE, BASE_TIME_NONE, START, 0, 0, 0.5), START);
}

static void feeds_do_not_march_in_step(void **state)
{
	struct one one[10];
	uint32_t random = 1;
	(void)state;
	for (size_t i = 0; i < 10; i++)
		one_open(&one[i], &plain);
	for (int round = 0; round < 24; round++)
		for (size_t i = 0; i < 10; i++) {
			random = random * 1664525 + 1013904223; /* Numerical Recipes */
			one[i].chance = random / 4294967296.0;
			(void)one_poll(&one[i], POLL(.outcome = PLAN_NOT_MODIFIED));
		}
	for (size_t i = 0; i < 10; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(one[i].now - one[j].now > BASE_SECOND || one[j].now - one[i].now > BASE_SECOND);
	for (size_t i = 0; i < 10; i++)
		one_close(&one[i]);
}

static void it_says_why(void **state)
{
	struct one one;
	struct base_buf text;
	(void)state;
	one_open(&one, &plain);
	base_buf_init(&text, 256);
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .max_age = 2 * BASE_HOUR));
	assert_int_equal(plan_feed_explain(one.feed, &text), BASE_OK);
	assert_string_equal(text.data, "the reply stays fresh, every 2h0m");
	base_buf_reset(&text);
	(void)one_fail(&one, PLAN_DENIED);
	(void)one_fail(&one, PLAN_DENIED);
	assert_int_equal(plan_feed_explain(one.feed, &text), BASE_OK);
	assert_string_equal(text.data, "backing off (access denied, 2 in a row), every 8h0m");
	base_buf_free(&text);
	one_close(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_knowledge_the_mean_holds),
	    cmocka_unit_test(hints_make_it_longer_within_bounds),
	    cmocka_unit_test(hints_outlive_a_304_that_repeats_none),
	    cmocka_unit_test(negative_hints_are_none),
	    cmocka_unit_test(a_fixed_interval_wins_and_says_so_once),
	    cmocka_unit_test(hours_and_days_to_skip_are_skipped),
	    cmocka_unit_test(chance_spreads_but_never_below_the_floor),
	    cmocka_unit_test(failures_double_up_to_their_maximum),
	    cmocka_unit_test(each_kind_backs_off_by_itself_and_never_ends),
	    cmocka_unit_test(a_pause_is_kept_and_is_no_failure),
	    cmocka_unit_test(a_pause_survives_a_restart),
	    cmocka_unit_test(gone_ends_it_for_good),
	    cmocka_unit_test(a_cancelled_poll_counts_as_a_request),
	    cmocka_unit_test(an_outage_blames_nobody),
	    cmocka_unit_test(a_silence_from_before_an_answer_is_no_outage),
	    cmocka_unit_test(hosts_that_have_gone_do_not_count),
	    cmocka_unit_test(a_restart_never_polls_early),
	    cmocka_unit_test(new_feeds_are_spread),
	    cmocka_unit_test(feeds_do_not_march_in_step),
	    cmocka_unit_test(it_says_why),
	};
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
