/* The room plan: hosts, their gaps and pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "wirewatch/plan.h"

#define NOW ((base_time)1767225600 * BASE_SECOND)

static void hosts_are_counted_by_name_and_port(void **state)
{
	static const char *const cases[][2] = {
	    {"http://a.example/feed", "a.example"},
	    {"https://a.example:8443/feed?x=@", "a.example:8443"},
	    {"https://user:p@ss@a.example/feed", "a.example"},
	    {"http://[2001:db8::1]:80/", "[2001:db8::1]:80"},
	    {"https://one.tumblr.com/rss", "tumblr.com"},
	    {"https://two.TUMBLR.com/rss", "TUMBLR.com"},
	    {"https://tumblr.com/rss", "tumblr.com"},
	    {"http://one.tumblr.com:8080/rss", "tumblr.com:8080"},
	    {"https://nottumblr.com/rss", "nottumblr.com"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_true(base_span_is(plan_host_of(cases[i][0]), cases[i][1]));
}

static void what_is_ours_is_not_public(void **state)
{
	static const char *const public[] = {"a.example",      "a.example:80",   "8.8.8.8",         "172.32.0.1", "100.63.0.1",
	                                     "[2001:db8::1]:1", "a.b.localhost", "10.example",      "a.example."};
	static const char *const local[] = {"localhost", "localhost:80", "127.0.0.1:8080", "10.1.2.3", "192.168.0.1",
	                                    "172.16.0.1", "169.254.1.1", "100.64.0.1", "[::1]:80", "[fd00::1]", "[fe80::1]",
	                                    "[::ffff:10.0.0.1]",
	                                    "printer", "nas.local", "nas.lan:80", "x.home.arpa", ""};
	(void)state;
	for (size_t i = 0; i < sizeof public / sizeof *public; i++)
		assert_true(plan_host_public(base_span_of(public[i])));
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		assert_false(plan_host_public(base_span_of(local[i])));
}

static void a_gap_lies_between_two_requests(void **state)
{
	struct plan_host host, ours;
	(void)state;
	plan_host_init(&host, base_span_of("a.example"), BASE_SECOND);
	assert_int_equal(plan_host_wait(&host, 1, 0), 0);
	plan_host_start(&host, 0);
	assert_int_equal(plan_host_wait(&host, 1, 5 * BASE_SECOND), BASE_TIME_NONE);
	plan_host_end(&host, 5 * BASE_SECOND);
	assert_int_equal(plan_host_wait(&host, 1, 5 * BASE_SECOND), BASE_SECOND);
	assert_int_equal(plan_host_wait(&host, 1, 6 * BASE_SECOND), 0);
	plan_host_start(&host, 6 * BASE_SECOND); /* two at once are spaced too */
	assert_int_equal(plan_host_wait(&host, 2, 6 * BASE_SECOND), BASE_SECOND);
	plan_host_taken(&host, 9 * BASE_SECOND); /* of another node, whose last request may just have ended */
	assert_int_equal(plan_host_wait(&host, 2, 9 * BASE_SECOND), BASE_SECOND);
	plan_host_init(&ours, base_span_of("127.0.0.1:80"), BASE_SECOND);
	plan_host_taken(&ours, 0);
	assert_int_equal(plan_host_wait(&ours, 1, 0), 0);
	plan_host_start(&ours, 0);
	plan_host_end(&ours, 1);
	assert_int_equal(plan_host_wait(&ours, 1, 1), 0);
}

static void a_pause_holds_for_public_hosts(void **state)
{
	struct plan_host host, ours;
	(void)state;
	plan_host_init(&host, base_span_of("a.example"), BASE_SECOND);
	plan_host_init(&ours, base_span_of("10.0.0.1"), BASE_SECOND);
	assert_int_equal(plan_host_paused(&host, NOW), BASE_TIME_NONE);
	plan_host_pause(&host, NOW + BASE_HOUR);
	plan_host_pause(&host, NOW + BASE_MINUTE); /* the longer one holds */
	plan_host_pause(&ours, NOW + BASE_HOUR);
	assert_int_equal(plan_host_paused(&host, NOW), NOW + BASE_HOUR);
	assert_int_equal(plan_host_paused(&host, NOW + BASE_HOUR), BASE_TIME_NONE);
	assert_int_equal(plan_host_paused(&ours, NOW), BASE_TIME_NONE);
	/* the clock was set back a month */
	assert_int_equal(plan_host_paused(&host, NOW - 30 * BASE_DAY), NOW - 29 * BASE_DAY);
	assert_int_equal(plan_host_paused(&host, NOW - 29 * BASE_DAY), BASE_TIME_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_are_counted_by_name_and_port),
	    cmocka_unit_test(what_is_ours_is_not_public),
	    cmocka_unit_test(a_gap_lies_between_two_requests),
	    cmocka_unit_test(a_pause_holds_for_public_hosts),
	};
	return cmocka_run_group_tests_name("plan hosts", tests, NULL, NULL);
}
