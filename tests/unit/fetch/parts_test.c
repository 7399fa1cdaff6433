/* The pure parts of the room fetch: the address guard and the header reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/fetch/guard.h"
#include "daemon/fetch/headers.h"
#include "daemon/fetch/lookups.h"
#include "daemon/fetch/sessions.h"
#include "daemon/fetch/spin.h"

/* ---- addresses ------------------------------------------------------------------ */

static void address_of(const char *text, uint8_t address[16])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		assert_true(fetch_guard_address((struct sockaddr *)&v4, address));
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		assert_true(fetch_guard_address((struct sockaddr *)&v6, address));
	}
}

static void public_addresses_pass(void **state)
{
	static const char *const texts[] = {
	    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
	    "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:200::1",
	    "2003::1", "::ffff:8.8.8.8",
	    /* NAT64 and 6to4 with a public address inside */
	    "64:ff9b::808:808", "64:ff9b::8.8.8.8", "2002:808:808::1"};
	uint8_t address[16];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		address_of(texts[i], address);
		if (!fetch_guard_allows(address, NULL, 0))
			fail_msg("%s was refused", texts[i]);
	}
}

static void near_addresses_are_refused(void **state)
{
	static const char *const texts[] = {
	    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
	    "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.1",
	    "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
	    "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
	    "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::1:808:808",
	    "64:ff9b:1::1", "100::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
	    "2002:c0a8:1::", "100:0:0:1::1", "2001:20::1", "2001:2::1", "3fff::1", "5f00::1", "4000::1",
	    "fc00::1", "fdff::1", "fe80::1", "fec0::1", "ff02::1"};
	uint8_t address[16];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		address_of(texts[i], address);
		if (fetch_guard_allows(address, NULL, 0))
			fail_msg("%s was allowed", texts[i]);
	}
}

static void the_allow_list_opens_what_it_names(void **state)
{
	struct fetch_range allow[2] = {{.prefix_len = 96 + 9}, {.prefix_len = 7}};
	uint8_t address[16];

	(void)state;
	address_of("10.128.0.0", allow[0].address);
	address_of("fc00::", allow[1].address);
	address_of("10.129.3.4", address);
	assert_true(fetch_guard_allows(address, allow, 2));
	address_of("::ffff:10.129.3.4", address);
	assert_true(fetch_guard_allows(address, allow, 2));
	address_of("10.127.3.4", address);
	assert_false(fetch_guard_allows(address, allow, 2));
	address_of("fd12::1", address);
	assert_true(fetch_guard_allows(address, allow, 2));
	address_of("fe80::1", address);
	assert_false(fetch_guard_allows(address, allow, 2));
	address_of("64:ff9b::10.129.3.4", address); /* the same host by another way */
	assert_true(fetch_guard_allows(address, allow, 2));
	address_of("2002:a7f:304::1", address);
	assert_false(fetch_guard_allows(address, allow, 2));
}

static void other_families_have_no_address(void **state)
{
	struct sockaddr local = {.sa_family = AF_UNIX};
	uint8_t address[16];

	(void)state;
	assert_false(fetch_guard_address(&local, address));
}

/* ---- headers -------------------------------------------------------------------- */

#define NOW ((base_time)1767225600 * BASE_SECOND) /* 2026-01-01T00:00:00Z */

static void read_lines(struct fetch_headers *headers, const char *text)
{
	fetch_headers_init(headers);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		len += text[len] == '\n';
		assert_int_equal(fetch_headers_line(headers, text, len), BASE_OK);
		text += len;
	}
}

static base_time retry_after(const char *value)
{
	struct fetch_headers headers;

	fetch_headers_init(&headers);
	fetch_headers_line(&headers, value, strlen(value));
	base_time wait = fetch_headers_retry_after(&headers, NOW);
	fetch_headers_free(&headers);
	return wait;
}

static void retry_after_is_read_and_clamped(void **state)
{
	(void)state;
	assert_int_equal(retry_after("Retry-After: 120\r\n"), 120 * BASE_SECOND);
	assert_int_equal(retry_after("retry-after:\t 120 \r\n"), 120 * BASE_SECOND);
	assert_int_equal(retry_after("Retry-After: 0"), 0);
	assert_int_equal(retry_after("Retry-After: -5"), 0);
	assert_int_equal(retry_after("Retry-After: abc"), 0);
	assert_int_equal(retry_after("Retry-After:"), 0);
	assert_int_equal(retry_after("Retry-After: 99999999999"), BASE_DAY);
	assert_int_equal(retry_after("Retry-After: 99999999999999999999999999999999999999"), BASE_DAY);
	assert_int_equal(retry_after("Retry-After: Thu, 01 Jan 2026 00:10:00 GMT"), 10 * BASE_MINUTE);
	assert_int_equal(retry_after("Retry-After: Thursday, 01-Jan-26 00:10:00 GMT"), 10 * BASE_MINUTE);
	assert_int_equal(retry_after("Retry-After: Thu Jan  1 00:10:00 2026"), 10 * BASE_MINUTE);
	assert_int_equal(retry_after("Retry-After: Thu, 01 Jan 2015 00:10:00 GMT"), 0);
	assert_int_equal(retry_after("Retry-After: Thu, 01 Jan 2099 00:10:00 GMT"), BASE_DAY);
	assert_int_equal(retry_after("Retry-After: Sunday, 06-Nov-94 08:49:37 GMT"), 0);
	assert_int_equal(retry_after("Retry-After: Sun Nov  6 08:49:37 1994"), 0);
	assert_int_equal(retry_after("Retry-After: 120.5"), 0);
	assert_int_equal(retry_after("Retry-After: +5"), 0);
	assert_int_equal(retry_after("Retry-After: 0x10"), 0);
	assert_int_equal(retry_after("Retry-After: 99999999999999999999-01-01"), 0);
}

static base_time max_age(const char *lines)
{
	struct fetch_headers headers;

	read_lines(&headers, lines);
	base_time fresh = fetch_headers_max_age(&headers, NOW);
	fetch_headers_free(&headers);
	return fresh;
}

static void freshness_is_max_age_less_age_or_expires(void **state)
{
	(void)state;
	assert_int_equal(max_age("Cache-Control: max-age=600\r\n"), 600 * BASE_SECOND);
	assert_int_equal(max_age("Cache-Control: public, MAX-AGE=\"600\", s-maxage=9\r\nAge: 100\r\n"), 500 * BASE_SECOND);
	assert_int_equal(max_age("Cache-Control: public\r\nCache-Control: max-age=60\r\nCache-Control: max-age=9"), 60 * BASE_SECOND);
	assert_int_equal(max_age("Cache-Control: s-maxage=9, x-max-age=7\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=60\r\nAge: 100\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=-1,,=,max-age=\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=99999999999999999999\r\n"), 366 * BASE_DAY);
	assert_int_equal(max_age("Expires: Thu, 01 Jan 2026 01:00:00 GMT\r\n"), BASE_HOUR);
	/* by the server's clock, whatever ours says */
	assert_int_equal(max_age("Date: Thu, 01 Jan 2015 00:00:00 GMT\r\nExpires: Thu, 01 Jan 2015 01:00:00 GMT\r\n"),
	                 BASE_HOUR);
	assert_int_equal(max_age("Expires: 0\r\n"), 0);
	assert_int_equal(max_age("Expires: -1\r\n"), 0);
	assert_int_equal(max_age("Expires: abc\r\n"), 0);
	assert_int_equal(max_age("Expires:\r\n"), 0);
	assert_int_equal(max_age("Expires: Thu, 01 Jan 2015 00:00:00 GMT\r\n"), 0);
	assert_int_equal(max_age("Expires: Thursday, 01-Jan-26 01:00:00 GMT\r\n"), BASE_HOUR);
	assert_int_equal(max_age("Expires: Thu Jan  1 01:00:00 2026\r\n"), BASE_HOUR);
	assert_int_equal(max_age("Cache-Control: max-age=0\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=-5\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=abc\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=120\r\nAge: -5\r\n"), 120 * BASE_SECOND);
	assert_int_equal(max_age("Cache-Control: max-age=120\r\nAge: 99999999999\r\n"), 0);
	assert_int_equal(max_age("Cache-Control: max-age=99999999999\r\n"), 366 * BASE_DAY);
	assert_int_equal(max_age("Expires: Thu, 01 Jan 2026 01:00:00 GMT\r\nCache-Control: max-age=60\r\n"), 60 * BASE_SECOND);
}

static void each_hop_forgets_the_one_before(void **state)
{
	struct fetch_headers headers;

	(void)state;
	read_lines(&headers, "HTTP/1.1 302 Found\r\nETag: \"one\"\r\nContent-Type: a/b\r\n\r\n"
	                     "HTTP/1.1 200 OK\r\nETag: \"two\"\r\nETag: \"three\"\r\n\r\nLast-Modified: trailer\r\n");
	assert_int_equal(headers.status, 200);
	assert_string_equal(headers.etag, "\"two\"");
	assert_null(headers.content_type);
	assert_null(headers.last_modified);
	fetch_headers_free(&headers);
}

static void odd_lines_do_no_harm(void **state)
{
	struct fetch_headers headers;
	char *line = malloc(FETCH_VALUE_MAX + 100);

	(void)state;
	assert_non_null(line);
	read_lines(&headers, "HTTP/2 20x\r\n:\r\nETag\r\nETag:   \r\nETag: a\x01" "b\r\nLast-Modified: \xff\xfe odd \r\n");
	assert_int_equal(headers.status, 0);
	assert_null(headers.etag);
	assert_string_equal(headers.last_modified, "\xff\xfe odd");
	memset(line, 'x', FETCH_VALUE_MAX + 100);
	memcpy(line, "ETag: ", 6);
	fetch_headers_line(&headers, line, FETCH_VALUE_MAX + 7);
	assert_null(headers.etag);
	fetch_headers_line(&headers, line, FETCH_VALUE_MAX + 6);
	assert_non_null(headers.etag);
	fetch_headers_free(&headers);
	free(line);
}

static void values_that_break_lines_are_not_valid(void **state)
{
	(void)state;
	assert_true(fetch_value_valid("W/\"a, b\"\t;"));
	assert_false(fetch_value_valid(""));
	assert_false(fetch_value_valid("a\r\nHost: b"));
	assert_false(fetch_value_valid("a\x7f"));
}

/* ---- descriptors ------------------------------------------------------------------- */

static void a_descriptor_that_never_rests_is_noticed(void **state)
{
	struct fetch_spin spin = {0};
	base_time now = NOW;
	size_t wakes = 0;

	(void)state;
	for (uint64_t i = 1; i < 5 * FETCH_WAKES_MAX; i++, now += 25) /* 40,000 a second, all of use */
		assert_false(fetch_spins(&spin, i, now));
	for (now += BASE_SECOND; !fetch_spins(&spin, 1000000 + wakes, now); now += 10)
		wakes++;
	assert_int_equal(wakes, FETCH_WAKES_MAX);
	spin = (struct fetch_spin){0};
	for (wakes = 0; !fetch_spins(&spin, 1, now); now += BASE_SECOND / 100) /* slowly, but to no end */
		wakes++;
	assert_int_equal(wakes, FETCH_WAKES_IN_VAIN);
}

/* ---- look-ups ---------------------------------------------------------------------- */

static void abandoned_look_ups_still_count(void **state)
{
	struct fetch_lookups lookups = {0};

	(void)state;
	for (int i = 0; i < FETCH_LOOKUPS_MAX; i++) {
		assert_true(fetch_lookups_free(&lookups, NOW));
		fetch_lookups_start(&lookups);
	}
	assert_false(fetch_lookups_free(&lookups, NOW));
	assert_int_equal(fetch_lookups_wait(&lookups, NOW), 0);
	fetch_lookups_end(&lookups, false, NOW);
	assert_true(fetch_lookups_free(&lookups, NOW));
	for (int i = 1; i < FETCH_LOOKUPS_MAX; i++)
		fetch_lookups_end(&lookups, true, NOW + i);
	fetch_lookups_start(&lookups);
	assert_false(fetch_lookups_free(&lookups, NOW + FETCH_LOOKUP_LINGERS));
	assert_int_equal(fetch_lookups_wait(&lookups, NOW + FETCH_LOOKUP_LINGERS), 1);
	assert_true(fetch_lookups_free(&lookups, NOW + FETCH_LOOKUP_LINGERS + 1));
	fetch_lookups_end(&lookups, false, NOW);
	assert_true(fetch_lookups_free(&lookups, NOW + 2 * FETCH_LOOKUP_LINGERS));
	assert_int_equal(fetch_lookups_wait(&lookups, NOW + 2 * FETCH_LOOKUP_LINGERS), 0);
	for (int i = 0; i < 3 * FETCH_LOOKUPS_MAX; i++) { /* more than are ever begun */
		fetch_lookups_start(&lookups);
		fetch_lookups_end(&lookups, true, NOW + i);
	}
	assert_int_equal(lookups.abandoned, FETCH_LOOKUPS_MAX);
}

/* ---- sessions ---------------------------------------------------------------------- */

static void key_of(unsigned number, uint8_t key[FETCH_SESSION_KEY])
{
	memset(key, 0, FETCH_SESSION_KEY);
	memcpy(key + 4, &number, sizeof(number)); /* all in one bucket */
}

static size_t write_number(void *session, uint8_t bytes[FETCH_SESSION_MAX])
{
	memset(bytes, 0, 1000);
	memcpy(bytes, session, sizeof(unsigned));
	return 1000;
}

static void *read_number(const uint8_t *bytes, size_t len)
{
	unsigned *session = malloc(sizeof(*session));

	assert_non_null(session);
	assert_int_equal(len, 1000);
	memcpy(session, bytes, sizeof(*session));
	return session;
}

static const struct fetch_session_ways ways = {write_number, read_number, free, 4000};

static void *new_number(unsigned number)
{
	unsigned *session = malloc(sizeof(*session));

	assert_non_null(session);
	*session = number;
	return session;
}

static void put_lasting(struct fetch_sessions *sessions, unsigned number, bool resumed, base_time lasts, base_time now)
{
	uint8_t key[FETCH_SESSION_KEY];
	struct fetch_session session = {.object = new_number(number), .lasts = lasts, .resumed = resumed};

	key_of(number, key);
	fetch_sessions_put(sessions, key, &session, now);
}

static void put(struct fetch_sessions *sessions, unsigned number, bool resumed, base_time now)
{
	put_lasting(sessions, number, resumed, FETCH_SESSION_LASTS, now);
}

static bool take(struct fetch_sessions *sessions, unsigned number, base_time now)
{
	uint8_t key[FETCH_SESSION_KEY];

	key_of(number, key);
	unsigned *session = fetch_sessions_take(sessions, key, now);
	if (session == NULL)
		return false;
	assert_int_equal(*session, number);
	free(session);
	return true;
}

static void sessions_are_taken_once(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(100000, &ways, &sessions), BASE_OK);
	assert_false(take(sessions, 1, NOW));
	put(sessions, 1, false, NOW);
	put(sessions, 2, false, NOW);
	put(sessions, 2, false, NOW);
	assert_true(take(sessions, 1, NOW));
	assert_false(take(sessions, 1, NOW));
	assert_true(take(sessions, 2, NOW));
	put(sessions, 1, true, NOW);
	assert_true(take(sessions, 1, NOW));
	put(sessions, 3, true, NOW); /* of a line whose beginning nobody knows */
	assert_false(take(sessions, 3, NOW));
	fetch_sessions_free(sessions);
}

static void a_line_of_sessions_ends_after_a_day(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(100000, &ways, &sessions), BASE_OK);
	put(sessions, 1, false, NOW);
	for (base_time now = NOW; now < NOW + BASE_DAY; now += BASE_HOUR) {
		assert_true(take(sessions, 1, now));
		put(sessions, 1, true, now);
	}
	assert_false(take(sessions, 1, NOW + BASE_DAY));
	put(sessions, 1, false, NOW + BASE_DAY);
	assert_true(take(sessions, 1, NOW + BASE_DAY));
	fetch_sessions_free(sessions);
}

/* As a cycle of polls does: each is taken, and the handshake brings the next. */
static unsigned take_turns(struct fetch_sessions *sessions, unsigned count, base_time now)
{
	unsigned resumed = 0;

	for (unsigned i = 0; i < count; i++) {
		bool known = take(sessions, i, now);
		put(sessions, i, known, now);
		resumed += known;
		assert_true(fetch_sessions_size(sessions) <= 100000);
	}
	return resumed;
}

static void sessions_that_fit_are_resumed_however_many_do_not(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(100000, &ways, &sessions), BASE_OK);
	assert_int_equal(take_turns(sessions, 1000, NOW), 0);
	unsigned fit = take_turns(sessions, 1000, NOW);
	assert_in_range(fit, 80, 100);
	assert_int_equal(take_turns(sessions, 1000, NOW), fit);
	fetch_sessions_free(sessions);
}

/* 20 fit as objects; the rest make them shrink. */
static void objects_are_written_when_room_is_short(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(100000, &ways, &sessions), BASE_OK);
	assert_int_equal(take_turns(sessions, 20, NOW), 0);
	assert_int_equal(take_turns(sessions, 20, NOW), 20);
	assert_true(fetch_sessions_size(sessions) > 20 * 4000);
	assert_int_equal(take_turns(sessions, 80, NOW), 20);
	assert_int_equal(take_turns(sessions, 80, NOW), 80);
	fetch_sessions_free(sessions);
}

static void a_place_is_held_while_its_session_is_used(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(2500, &ways, &sessions), BASE_OK);
	put(sessions, 1, false, NOW);
	put(sessions, 2, false, NOW);
	assert_true(take(sessions, 1, NOW));
	put(sessions, 3, false, NOW);
	assert_false(take(sessions, 3, NOW));
	put(sessions, 1, true, NOW);
	assert_true(take(sessions, 1, NOW));
	put(sessions, 3, false, NOW + BASE_HOUR); /* nothing followed */
	assert_true(take(sessions, 3, NOW + BASE_HOUR));
	assert_true(take(sessions, 2, NOW + BASE_HOUR));
	fetch_sessions_free(sessions);
}

static void sessions_that_ended_are_not_given_and_make_room(void **state)
{
	struct fetch_sessions *sessions;

	(void)state;
	assert_int_equal(fetch_sessions_new(2500, &ways, &sessions), BASE_OK);
	put_lasting(sessions, 1, false, 0, NOW);
	assert_int_equal(fetch_sessions_size(sessions), 0);
	put_lasting(sessions, 1, false, BASE_MINUTE, NOW);
	assert_false(take(sessions, 1, NOW + BASE_MINUTE));
	put_lasting(sessions, 1, false, BASE_MINUTE, NOW);
	put_lasting(sessions, 2, false, BASE_HOUR, NOW);
	put(sessions, 3, false, NOW + BASE_MINUTE);
	assert_true(take(sessions, 3, NOW + BASE_MINUTE));
	assert_true(take(sessions, 2, NOW + BASE_MINUTE));
	assert_false(take(sessions, 1, NOW + BASE_SECOND));
	fetch_sessions_free(sessions);
}

static void the_same_session_does_not_last_longer_for_being_used(void **state)
{
	struct fetch_sessions *sessions;
	uint8_t key[FETCH_SESSION_KEY];
	struct fetch_session same = {.lasts = BASE_HOUR, .resumed = true, .same = true};

	(void)state;
	key_of(1, key);
	assert_int_equal(fetch_sessions_new(100000, &ways, &sessions), BASE_OK);
	put_lasting(sessions, 1, false, BASE_HOUR, NOW);
	assert_true(take(sessions, 1, NOW + BASE_MINUTE));
	same.object = new_number(1);
	fetch_sessions_put(sessions, key, &same, NOW + BASE_MINUTE);
	assert_true(take(sessions, 1, NOW + BASE_HOUR - 1));
	same.object = new_number(1);
	fetch_sessions_put(sessions, key, &same, NOW + BASE_HOUR - 1);
	assert_false(take(sessions, 1, NOW + BASE_HOUR));
	fetch_sessions_free(sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(public_addresses_pass),
	    cmocka_unit_test(near_addresses_are_refused),
	    cmocka_unit_test(the_allow_list_opens_what_it_names),
	    cmocka_unit_test(other_families_have_no_address),
	    cmocka_unit_test(retry_after_is_read_and_clamped),
	    cmocka_unit_test(freshness_is_max_age_less_age_or_expires),
	    cmocka_unit_test(each_hop_forgets_the_one_before),
	    cmocka_unit_test(odd_lines_do_no_harm),
	    cmocka_unit_test(values_that_break_lines_are_not_valid),
	    cmocka_unit_test(a_descriptor_that_never_rests_is_noticed),
	    cmocka_unit_test(abandoned_look_ups_still_count),
	    cmocka_unit_test(sessions_are_taken_once),
	    cmocka_unit_test(a_line_of_sessions_ends_after_a_day),
	    cmocka_unit_test(sessions_that_fit_are_resumed_however_many_do_not),
	    cmocka_unit_test(objects_are_written_when_room_is_short),
	    cmocka_unit_test(a_place_is_held_while_its_session_is_used),
	    cmocka_unit_test(sessions_that_ended_are_not_given_and_make_room),
	    cmocka_unit_test(the_same_session_does_not_last_longer_for_being_used),
	};
	return cmocka_run_group_tests_name("fetch parts", tests, NULL, NULL);
}
