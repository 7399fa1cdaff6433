/* The room plan: what it learns over weeks - rates, budget, silence, moves - and how it is stored. */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- rates -------------------------------------------------------------------------- */

/* Poll a feed that reports every `every` between the hours from and until of each day, up to the time `end`. */
struct publisher {
	base_time every, last; /* last: the newest entry told */
	int from, until;
	size_t polls, told;
	base_time delay; /* of all entries */
};

static void follow(struct one *one, struct publisher *publisher, base_time end)
{
	static const struct plan_document document = {.entries = 50};
	base_time dates[4096];
	while (one->now < end) {
		size_t count = 0;
		base_time at = publisher->last + publisher->every;
		for (; at <= one->now && count < COUNT(dates); at += publisher->every) {
			int hour = (int)(at / BASE_HOUR % 24);
			publisher->last = at;
			if (hour < publisher->from || hour >= publisher->until)
				continue;
			publisher->delay += one->now - at;
			dates[count++] = at;
		}
		publisher->polls++;
		publisher->told += count;
		(void)one_poll(one, count ? POLL(.outcome = PLAN_NEW, .document = &document, .dates = dates, .date_count = count)
		                          : POLL(.outcome = PLAN_NOT_MODIFIED));
	}
}

static void busy_feeds_are_polled_more_often_for_the_same_number_of_requests(void **state)
{
	enum { FEEDS = 10 };
	struct one one[FEEDS];
	struct publisher publishers[FEEDS] = {0};
	(void)state;
	one_open(&one[0], &plain);
	for (size_t i = 0; i < FEEDS; i++) {
		char host[8] = {'h', (char)('0' + i), '\0'};
		if (i > 0) {
			one[i] = (struct one){.fleet = one[0].fleet, .now = START};
			assert_int_equal(plan_fleet_add(one[0].fleet, base_span_of(host), false, &one[i].slot), BASE_OK);
			assert_int_equal(plan_feed_new(&one[i].feed), BASE_OK);
		}
		one[i].chance = 0.5;
		publishers[i] = (struct publisher){.every = i == 0 ? 6 * BASE_MINUTE : 10 * BASE_HOUR, .last = START, .until = 24};
	}
	for (base_time day = START; day < START + 20 * BASE_DAY; day += BASE_HOUR)
		for (size_t i = 0; i < FEEDS; i++)
			follow(&one[i], &publishers[i], day + BASE_HOUR);
	size_t all = 0;
	for (size_t i = 0; i < FEEDS; i++)
		all += publishers[i].polls;
	assert_in_range(all, 20 * 24 * FEEDS * 95 / 100, 20 * 24 * FEEDS * 105 / 100);
	/* a hundred times the rate: ten times the polls, as far as the bounds allow */
	assert_in_range(publishers[0].polls, publishers[1].polls * 8, publishers[1].polls * 12);
	for (size_t i = FEEDS; i-- > 1;)
		plan_feed_free(one[i].feed);
	one_close(&one[0]);
}

static void the_day_has_its_hours(void **state)
{
	struct one one;
	struct publisher publisher = {.every = 20 * BASE_MINUTE, .last = START, .from = 8, .until = 16};
	base_time by_day = 0, by_night = 0;
	(void)state;
	one_open(&one, &plain);
	one.chance = 0.5;
	follow(&one, &publisher, START + 21 * BASE_DAY);
	for (base_time end = one.now + BASE_DAY; one.now < end;) {
		base_time before = one.now, hour = before / BASE_HOUR % 24;
		follow(&one, &publisher, one.now + 1);
		if (hour >= 9 && hour < 14 && one.now - before > by_day)
			by_day = one.now - before;
		if ((hour >= 19 || hour < 4) && one.now - before > by_night)
			by_night = one.now - before;
	}
	assert_true(by_day > 0 && by_day < 50 * BASE_MINUTE);
	assert_true(by_night > 80 * BASE_MINUTE);
	one_close(&one);
}

static void a_first_document_already_tells_the_rate(void **state)
{
	struct one one;
	struct plan_document document = {.entries = 49};
	base_time dates[50];
	size_t slot;
	(void)state;
	one_open(&one, &plain);
	for (int i = 0; i < 50; i++) {
		char host[8] = {'x', (char)('0' + i / 10), (char)('0' + i % 10), '\0'};
		assert_int_equal(plan_fleet_add(one.fleet, base_span_of(host), false, &slot), BASE_OK); /* the others: unknown */
		dates[i] = START - i * 10 * BASE_MINUTE;
	}
	base_time wait = one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &document, .dates = dates, .date_count = 50));
	assert_in_range(wait, plain.min, 20 * BASE_MINUTE);
	one_close(&one);
	/* dates that are all "now" tell nothing */
	one_open(&one, &plain);
	for (int i = 0; i < 50; i++)
		dates[i] = START - i;
	wait = one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &document, .dates = dates, .date_count = 50));
	assert_in_range(wait, 50 * BASE_MINUTE, 70 * BASE_MINUTE);
	one_close(&one);
}

static void entries_must_not_leave_the_document_unseen(void **state)
{
	struct plan_options slow = {.min = BASE_MINUTE, .max = BASE_DAY, .mean = 12 * BASE_HOUR};
	struct plan_document document = {.entries = 10};
	struct one one;
	base_time dates[12], wait = 0;
	(void)state;
	one_open(&one, &slow);
	for (int poll = 0; poll < 200; poll++) {
		size_t count = 0;
		base_time since = one.now - (poll ? wait : BASE_DAY);
		for (base_time at = one.now - one.now % BASE_HOUR; count < 10 && at > since; at -= BASE_HOUR)
			dates[count++] = at;
		wait = one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &document, .dates = dates, .date_count = count));
	}
	assert_in_range(wait, 3 * BASE_HOUR, 5 * BASE_HOUR + 30 * BASE_MINUTE); /* ten entries in ten hours, half of them */
	one_close(&one);
}

static void feeds_that_alert_are_worth_more(void **state)
{
	struct one barren, rich;
	static const struct plan_document document = {.entries = 50};
	(void)state;
	one_open(&barren, &plain);
	rich = (struct one){.fleet = barren.fleet, .now = START, .chance = 0.5};
	barren.chance = 0.5;
	assert_int_equal(plan_fleet_add(rich.fleet, base_span_of("rich.example"), false, &rich.slot), BASE_OK);
	assert_int_equal(plan_feed_new(&rich.feed), BASE_OK);
	base_time waits[2] = {0};
	for (base_time hour = START; hour < START + 20 * BASE_DAY; hour += BASE_HOUR) {
		struct one *both[] = {&barren, &rich};
		for (size_t i = 0; i < 2; i++)
			while (both[i]->now < hour + BASE_HOUR) {
				base_time date = both[i]->now - 1;
				waits[i] = one_poll(both[i], POLL(.outcome = PLAN_NEW, .document = &document, .dates = &date,
				                                  .date_count = 1, .alerts = i));
			}
	}
	assert_true(waits[0] > waits[1] * 3 / 2);
	assert_true(waits[0] <= plain.max);
	plan_feed_free(rich.feed);
	one_close(&barren);
}

/* ---- silence ---------------------------------------------------------------------------- */

static void silence_is_reported_once_and_so_is_its_end(void **state)
{
	struct one one;
	struct publisher publisher = {.every = 2 * BASE_HOUR, .last = START, .until = 24};
	size_t stale = 0, fresh = 0;
	(void)state;
	one_open(&one, &plain);
	follow(&one, &publisher, START + 10 * BASE_DAY);
	base_time silent_from = one.now, told_at = 0;
	while (one.now < silent_from + 10 * BASE_DAY) {
		base_time at = one.now;
		(void)one_poll(&one, POLL(.outcome = PLAN_NOT_MODIFIED));
		if (one.events & PLAN_EVENT_STALE) {
			stale++;
			told_at = at;
		}
		fresh += (one.events & PLAN_EVENT_FRESH) != 0;
	}
	assert_int_equal(stale, 1);
	assert_int_equal(fresh, 0);
	assert_in_range(told_at - silent_from, 20 * BASE_HOUR, 2 * BASE_DAY);
	assert_int_equal(plan_feed_health(one.feed), PLAN_STALE);
	base_time date = one.now - 1;
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .dates = &date, .date_count = 1));
	assert_true(one.events & PLAN_EVENT_FRESH);
	assert_int_equal(plan_feed_health(one.feed), PLAN_WELL);
	one_close(&one);
}

static void weekends_are_learned(void **state)
{
	struct one one;
	base_time last = START;
	size_t stale_later = 0;
	(void)state;
	one_open(&one, &plain);
	while (one.now < START + 60 * BASE_DAY) {
		base_time dates[64];
		size_t count = 0;
		for (base_time at = last + BASE_HOUR; at <= one.now; at += BASE_HOUR) {
			last = at;
			base_time weekday = (at / BASE_DAY + 3) % 7, hour = at / BASE_HOUR % 24;
			if (weekday < 5 && hour >= 8 && hour < 18 && count < COUNT(dates))
				dates[count++] = at;
		}
		(void)one_poll(&one, POLL(.outcome = count ? PLAN_NEW : PLAN_NOT_MODIFIED, .dates = dates, .date_count = count));
		if (one.now > START + 14 * BASE_DAY)
			stale_later += (one.events & PLAN_EVENT_STALE) != 0;
	}
	assert_int_equal(stale_later, 0);
	one_close(&one);
}

static void a_server_stuck_at_304_is_asked_anew_once_a_day(void **state)
{
	struct one one;
	struct publisher publisher = {.every = BASE_HOUR, .last = START, .until = 24};
	base_time asked = 0;
	size_t full = 0;
	(void)state;
	one_open(&one, &plain);
	follow(&one, &publisher, START + 5 * BASE_DAY);
	assert_true(plan_feed_conditional(one.feed, one.now));
	for (base_time end = one.now + 10 * BASE_DAY; one.now < end;) {
		base_time at = one.now;
		bool conditional = plan_feed_conditional(one.feed, at);
		if (!conditional) {
			assert_true(!asked || at - asked >= BASE_DAY);
			asked = at;
			full++;
		}
		struct plan_poll poll = {.outcome = conditional || full % 2 ? PLAN_NOT_MODIFIED : PLAN_UNCHANGED, .started = at};
		plan_feed_start(one.feed, at, !conditional);
		one.events = plan_next(one.fleet, one.slot, one.feed, &poll, 0.5);
		one.now = plan_feed_state(one.feed)->next_due;
	}
	assert_in_range(full, 8, 10);
	one_close(&one);
	/* a feed that nothing is known of is never asked without validators for this reason */
	one_open(&one, &plain);
	for (int i = 0; i < 500; i++) {
		assert_true(plan_feed_conditional(one.feed, one.now));
		(void)one_poll(&one, POLL(.outcome = i ? PLAN_NOT_MODIFIED : PLAN_NEW));
	}
	one_close(&one);
}

/* ---- moves ---------------------------------------------------------------------------------- */

#define MOVED_TO "https://new.example/feed"
#define MOVING POLL(.outcome = PLAN_NOT_MODIFIED, .moved_to = MOVED_TO)

static void a_permanent_move_is_believed_after_a_week(void **state)
{
	struct one one;
	base_time moved = 0;
	(void)state;
	one_open(&one, &plain);
	while (!moved && one.now < START + 30 * BASE_DAY) {
		base_time at = one.now;
		(void)one_poll(&one, MOVING);
		assert_int_equal((one.events & PLAN_EVENT_MOVED) != 0, plan_feed_address(one.feed) != NULL);
		if (one.events & PLAN_EVENT_MOVED)
			moved = at;
	}
	assert_in_range(moved, START + 7 * BASE_DAY, START + 8 * BASE_DAY);
	assert_string_equal(plan_feed_address(one.feed), MOVED_TO);
	/* from then on it answers there, without a redirect */
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW));
	assert_string_equal(plan_feed_address(one.feed), MOVED_TO);
	/* until it does not */
	unsigned events = 0;
	for (int i = 0; i < 5; i++) {
		(void)one_fail(&one, PLAN_NAME);
		events |= one.events;
	}
	assert_true(events & PLAN_EVENT_MOVED_BACK);
	assert_null(plan_feed_address(one.feed));
	one_close(&one);
}

static void a_move_that_wavers_is_none(void **state)
{
	struct plan_options daily = {.min = BASE_HOUR, .max = BASE_DAY, .mean = BASE_DAY};
	struct one one;
	(void)state;
	one_open(&one, &plain);
	for (int i = 0; i < 1000; i++) { /* now and then it answers for itself, or names another place */
		(void)one_poll(&one, i % 50 == 49 ? POLL(.outcome = PLAN_NEW)
		                     : i % 50 == 25 ? POLL(.outcome = PLAN_NEW, .moved_to = "https://other.example/") : MOVING);
		assert_null(plan_feed_address(one.feed));
	}
	one_close(&one);
	one_open(&one, &daily); /* few answers are not enough, whatever the time */
	for (int i = 0; i < 9; i++)
		(void)one_poll(&one, MOVING);
	assert_true(one.now > START + 7 * BASE_DAY);
	assert_null(plan_feed_address(one.feed));
	one_close(&one);
}

static void a_portal_that_answers_for_all_moves_nobody(void **state)
{
	struct one one[3];
	(void)state;
	one_open(&one[0], &plain);
	for (size_t i = 1; i < 3; i++) {
		char host[] = {'h', (char)('0' + i), '\0'};
		one[i] = (struct one){.fleet = one[0].fleet, .now = START};
		assert_int_equal(plan_fleet_add(one[0].fleet, base_span_of(host), false, &one[i].slot), BASE_OK);
		assert_int_equal(plan_feed_new(&one[i].feed), BASE_OK);
	}
	for (int round = 0; round < 400; round++)
		for (size_t i = 0; i < 3; i++) {
			(void)one_poll(&one[i], MOVING);
			assert_null(plan_feed_address(one[i].feed));
		}
	/* once the others answer for themselves, the one that did move is believed */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 3; i++)
			(void)one_poll(&one[i], i == 0 ? MOVING : POLL(.outcome = PLAN_NEW));
	assert_non_null(plan_feed_address(one[0].feed));
	plan_feed_free(one[1].feed);
	plan_feed_free(one[2].feed);
	one_close(&one[0]);
}

/* ---- storing ------------------------------------------------------------------------------------ */

static void what_was_learned_survives(void **state)
{
	struct one one;
	struct plan_feed *again, *copy;
	struct base_buf stored, twice;
	struct plan_document document = {.ttl = BASE_MINUTE, .skip_hours = 5, .skip_days = 2, .entries = 9};
	struct publisher publisher = {.every = 3 * BASE_HOUR, .last = START, .until = 20};
	(void)state;
	one_open(&one, &plain);
	follow(&one, &publisher, START + 9 * BASE_DAY);
	(void)one_poll(&one, POLL(.outcome = PLAN_NEW, .document = &document, .max_age = BASE_HOUR, .moved_to = MOVED_TO));
	(void)one_fail(&one, PLAN_TLS);
	(void)one_poll(&one, POLL(.outcome = PLAN_FAILED, .failure = PLAN_BUSY, .retry_after = BASE_HOUR));
	base_buf_init(&stored, PLAN_STORED_MAX);
	base_buf_init(&twice, PLAN_STORED_MAX);
	assert_int_equal(plan_feed_store(one.feed, &stored), BASE_OK);
	assert_int_equal(plan_feed_restore(plan_feed_state(one.feed), base_buf_span(&stored), &again), BASE_OK);
	assert_int_equal(plan_feed_copy(again, &copy), BASE_OK);
	plan_feed_free(again);
	assert_int_equal(plan_feed_store(copy, &twice), BASE_OK);
	assert_string_equal(stored.data, twice.data);
	/* and leads to the same next poll */
	struct plan_poll poll = {.outcome = PLAN_NOT_MODIFIED, .started = one.now, .ended = one.now};
	(void)plan_next(one.fleet, one.slot, copy, &poll, 0.25);
	base_time due = plan_feed_state(copy)->next_due;
	(void)plan_next(one.fleet, one.slot, one.feed, &poll, 0.25);
	assert_true(llabs(plan_feed_state(one.feed)->next_due - due) < BASE_SECOND);
	plan_feed_free(copy);
	base_buf_free(&stored);
	base_buf_free(&twice);
	one_close(&one);
}

static void damaged_text_is_passed_over(void **state)
{
	static const char *const texts[] = {
	    "", "\n\n", "hours", "hours 1 2 3\n", "counts x\n", "counts -1 -2 -3 -4 -5\n", "observed 9223372036854775807\n",
	    "counts 99999999999999999999 1 1 1 1\n", "why 99 -5 77 3 3\n", "to \n", "move 1 2 1\n",
	    "to http://only.example/\n",
	    "failed 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27\n", "document 1 -1 -1 -1\n",
	    "from the future 1 2 3\npaused -9223372036854775808\n", "\x80\xff \xfe\n", "full 1e9\nitem --3\n",
	};
	struct plan_state times = {START, START + BASE_HOUR, 1};
	struct one one;
	(void)state;
	one_open(&one, &plain);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct plan_feed *feed;
		struct base_buf text;
		struct plan_poll poll = {.outcome = PLAN_NEW, .started = START + BASE_HOUR};
		assert_int_equal(plan_feed_restore(&times, base_span_of(texts[i]), &feed), BASE_OK);
		plan_first(feed, START, 0, 0, 0);
		(void)plan_next(one.fleet, one.slot, feed, &poll, 0.5);
		base_time due = plan_feed_state(feed)->next_due;
		assert_true(due == BASE_TIME_NONE || (due >= START + BASE_HOUR + plain.min && due < START + 3 * BASE_DAY));
		base_buf_init(&text, 1024);
		assert_int_equal(plan_feed_explain(feed, &text), BASE_OK);
		base_buf_free(&text);
		plan_feed_free(feed);
	}
	one_close(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(busy_feeds_are_polled_more_often_for_the_same_number_of_requests),
	    cmocka_unit_test(the_day_has_its_hours),
	    cmocka_unit_test(a_first_document_already_tells_the_rate),
	    cmocka_unit_test(entries_must_not_leave_the_document_unseen),
	    cmocka_unit_test(feeds_that_alert_are_worth_more),
	    cmocka_unit_test(silence_is_reported_once_and_so_is_its_end),
	    cmocka_unit_test(weekends_are_learned),
	    cmocka_unit_test(a_server_stuck_at_304_is_asked_anew_once_a_day),
	    cmocka_unit_test(a_permanent_move_is_believed_after_a_week),
	    cmocka_unit_test(a_move_that_wavers_is_none),
	    cmocka_unit_test(a_portal_that_answers_for_all_moves_nobody),
	    cmocka_unit_test(what_was_learned_survives),
	    cmocka_unit_test(damaged_text_is_passed_over),
	};
	return cmocka_run_group_tests_name("plan learning", tests, NULL, NULL);
}
