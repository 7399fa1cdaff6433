/* The query of /alerts and /events, and which alerts answer it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/status/search.h"
#include "wirewatch/match.h"

static struct status_search read_good(const char *query)
{
	struct status_search search;
	const char *reason = NULL;

	if (status_search_read(base_span_of(query), &search, &reason) != BASE_OK)
		fail_msg("'%s' was refused: %s", query, reason);
	return search;
}

static void an_empty_query_wants_all(void **state)
{
	(void)state;
	struct status_search search = read_good("");
	char topic[64];

	assert_false(search.has_after);
	assert_int_equal(search.limit, STATUS_LIMIT_DEFAULT);
	status_search_topic(&search, topic);
	assert_string_equal(topic, "ww1/alert/");
	assert_true(status_search_matches(&search, base_span_of("{}")));
}

static void values_are_decoded_and_folded(void **state)
{
	(void)state;
	struct status_search search = read_good("after=1187&limit=1000&system=Storm+Shadow&actor=%D0%A3%D0%BA%D1%80%D0%B0%D1%97%D0%BD%D0%B0"
	                                        "&language=UK&text=%C3%9CBER%20%C5%9A%C5%BB%CE%91&class=pause");
	char topic[64];

	assert_true(search.has_after);
	assert_int_equal(search.after, 1187);
	assert_int_equal(search.limit, 1000);
	assert_string_equal(search.system, "storm shadow");
	assert_string_equal(search.actor, "україна");
	assert_string_equal(search.language, "uk");
	assert_string_equal(search.text, "über śżα");
	assert_int_equal(search.classes, UINT32_C(1) << MATCH_PAUSE);
	status_search_topic(&search, topic);
	assert_string_equal(topic, "ww1/alert/pause/");
	search = read_good("class=pause,refusal");
	status_search_topic(&search, topic);
	assert_string_equal(topic, "ww1/alert/");
}

static void bad_queries_get_a_reason(void **state)
{
	(void)state;
	static const struct {
		const char *query, *reason;
	} bad[] = {
	    {"after=-1", "after"},     {"after=", "after"},        {"after=99999999999999999999", "after"},
	    {"limit=0", "limit"},      {"limit=1001", "limit"},    {"limit=ten", "limit"},
	    {"class=war", "class"},    {"class=pause,", NULL},     {"class=pause;sale", "class"},
	    {"colour=red", "known"},   {"text=%zz", "encoded"},    {"text=%4", "encoded"},
	    {"text=%ff", "encoded"},   {"text=a%00b", "encoded"},  {"text=a%0Ab", "encoded"},
	    {"text=%", "encoded"},
	};
	char longest[400] = "text=";
	struct status_search search;
	const char *reason;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		reason = NULL;
		enum base_result result = status_search_read(base_span_of(bad[i].query), &search, &reason);
		if (bad[i].reason == NULL) {
			assert_int_equal(result, BASE_OK); /* a comma at the end does no harm */
			continue;
		}
		if (result != BASE_INVALID || strstr(reason, bad[i].reason) == NULL)
			fail_msg("'%s': result %d, '%s'", bad[i].query, result, reason);
	}
	memset(longest + 5, 'a', 256);
	assert_int_equal(status_search_read(base_span_of(longest), &search, &reason), BASE_INVALID);
	longest[5 + 255] = '\0';
	assert_int_equal(status_search_read(base_span_of(longest), &search, &reason), BASE_OK);
}

static const char alert[] =
    "{\"sequence\":\"00000000000000000007\",\"data\":{\"class\":\"pause\",\"language\":\"uk-UA\",\"title\":\"США призупинили\","
    "\"feed\":{\"name\":\"Sample Agency\"},\"systems\":[\"Patriot\",\"PAC-3\"],\"actors\":[\"United States\"],"
    "\"evidence\":[{\"text\":\"Постачання ракет ЗУПИНЕНО\",\"marks\":[]}]}}";

static void alerts_are_matched(void **state)
{
	(void)state;
	static const char *const yes[] = {"class=pause", "class=sale,pause", "language=uk", "language=UK-ua", "system=patriot",
	                                  "system=pac-3", "actor=united+states", "text=agency", "text=зупинено",
	                                  "text=%D0%A1%D0%A8%D0%90&class=pause&language=uk&system=PAC-3&actor=United%20States"};
	static const char *const no[] = {"class=sale", "language=u", "language=en", "system=pac", "actor=Ukraine", "text=london",
	                                 "class=pause&text=london"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		struct status_search search = read_good(yes[i]);
		if (!status_search_matches(&search, base_span_of(alert)))
			fail_msg("not found: %s", yes[i]);
		assert_false(status_search_matches(&search, base_span_of("not JSON")));
		assert_false(status_search_matches(&search, base_span_of("{\"data\":7}")));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
		struct status_search search = read_good(no[i]);
		if (status_search_matches(&search, base_span_of(alert)))
			fail_msg("found: %s", no[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_query_wants_all),
	    cmocka_unit_test(values_are_decoded_and_folded),
	    cmocka_unit_test(bad_queries_get_a_reason),
	    cmocka_unit_test(alerts_are_matched),
	};
	return cmocka_run_group_tests_name("status search", tests, NULL, NULL);
}
