/* The room base: text, memory, escaping, hashes, time, log, queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/base.h"

static void escaped_is(const char *in, size_t len, enum base_escape_style style, const char *want)
{
	struct base_buf buf;
	base_buf_init(&buf, 4096);
	assert_int_equal(base_escape(&buf, in, len, style), BASE_OK);
	assert_string_equal(base_buf_span(&buf).ptr, want);
	base_buf_free(&buf);
}

static void escape_leaves_no_control_behind(void **state)
{
	(void)state;
	escaped_is("plain Київ", 14, BASE_ESCAPE_LINE, "plain Київ");
	escaped_is("a\nb\r\tc\x1b[31m", 11, BASE_ESCAPE_LINE, "a\\nb\\r\\tc\\u001B[31m");
	escaped_is("\0x", 2, BASE_ESCAPE_LINE, "\\u0000x");
	escaped_is("\xe2\x80\xa8\xe2\x80\xae", 6, BASE_ESCAPE_LINE, "\\u2028\\u202E");
	escaped_is("\xc2\x85\xff\xe2\x82", 5, BASE_ESCAPE_LINE, "\\u0085\\xFF\\xE2\\x82");
	escaped_is("say \"a\\b\"", 9, BASE_ESCAPE_LINE, "say \"a\\b\"");
	escaped_is("say \"a\\b\"", 9, BASE_ESCAPE_QUOTED, "say \\\"a\\\\b\\\"");
	escaped_is("\xf3\xa0\x80\x81", 4, BASE_ESCAPE_LINE, "\\U000E0001");
	escaped_is("", 0, BASE_ESCAPE_LINE, "");
}

static void utf8_groups_ill_formed_bytes(void **state)
{
	(void)state;
	uint32_t c;
	bool valid;
	assert_int_equal(base_utf8_decode("\xf0\x9f\x9a\x80", 4, &c, &valid), 4);
	assert_true(valid);
	assert_int_equal(c, 0x1F680);
	const struct {
		const char *bytes;
		size_t len, used;
	} bad[] = {{"\xc0\xaf", 2, 1}, {"\xed\xa0\x80", 3, 1}, {"\xf4\x90\x80\x80", 4, 1}, {"\xe2\x82", 2, 2}, {"\x80", 1, 1},
	           {"\xf0\x9f\x9a" "A", 4, 3}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(base_utf8_decode(bad[i].bytes, bad[i].len, &c, &valid), bad[i].used);
		assert_false(valid);
		assert_int_equal(c, BASE_REPLACEMENT);
	}
	for (uint32_t point = 1; point <= 0x10FFFF; point += 97) {
		char out[4];
		size_t len = base_utf8_encode(point, out);
		assert_int_equal(base_utf8_decode(out, len, &c, &valid), len);
		assert_int_equal(c, point >= 0xD800 && point <= 0xDFFF ? BASE_REPLACEMENT : point);
	}
	assert_int_equal(base_utf8_clip("aп", 3, 2), 1);
	assert_int_equal(base_utf8_count("aпб", 5), 3);
	assert_false(base_utf8_valid("a\xff", 2));
	for (size_t i = 0; i < 20; i++) {
		char text[] = "twenty bytes of text";
		assert_true(base_utf8_valid(text, 20));
		text[i] = (char)0xff;
		assert_false(base_utf8_valid(text, 20));
	}
}

/* All strings of a few bytes that matter, at every distance from a word's start: the quick check against the slow. */
static void utf8_valid_agrees_with_decode(void **state)
{
	static const char bytes[] = "a\x80\xBF\xC1\xC2\xD0\xDF\xE0\xE2\xF0";
	const size_t kinds = sizeof bytes - 1;
	char text[24];
	(void)state;

	for (unsigned n = 0; n < kinds * kinds * kinds * kinds; n++) {
		for (size_t at = 0; at < 12; at++) {
			memset(text, 'x', sizeof text);
			unsigned rest = n;
			for (size_t i = 0; i < 4; i++, rest /= (unsigned)kinds)
				text[at + i] = bytes[rest % kinds];
			bool expected = true;
			for (size_t i = 0; i < 20 && expected;) {
				uint32_t code_point;
				i += base_utf8_decode(text + i, 20 - i, &code_point, &expected);
			}
			assert_int_equal(base_utf8_valid(text, 20), expected);
		}
	}
}

static void buffer_without_a_maximum_grows(void **state)
{
	struct base_buf buf;
	(void)state;

	base_buf_init(&buf, SIZE_MAX);
	for (int i = 0; i < 100; i++)
		assert_int_equal(base_buf_add_text(&buf, "0123456789"), BASE_OK);
	assert_true(buf.len == 1000 && buf.cap > 1000);
	base_buf_free(&buf);
}

static void buffer_stops_at_its_maximum(void **state)
{
	(void)state;
	struct base_buf buf;
	base_buf_init(&buf, 10);
	assert_int_equal(base_buf_add_text(&buf, "12345"), BASE_OK);
	assert_int_equal(base_buf_printf(&buf, "%d", 67890), BASE_OK);
	assert_int_equal(base_buf_add_char(&buf, 'x'), BASE_LIMIT);
	assert_int_equal(buf.failed, BASE_LIMIT);
	assert_string_equal(buf.data, "1234567890");
	base_buf_reset(&buf);
	assert_int_equal(buf.failed, BASE_OK);
	size_t len;
	(void)base_buf_add_text(&buf, "new");
	char *taken = base_buf_take(&buf, &len);
	assert_string_equal(taken, "new");
	free(taken);
	base_buf_free(&buf);
	base_buf_free(&buf);
}

static void arena_copies_within_its_maximum(void **state)
{
	(void)state;
	struct base_arena *arena;
	assert_int_equal(base_arena_new(100000, &arena), BASE_OK);
	struct base_span copy = base_arena_copy(arena, base_span_of("text"));
	assert_string_equal(copy.ptr, "text");
	assert_null(base_arena_copy(arena, BASE_NONE).ptr);
	assert_non_null(base_arena_alloc(arena, 90000));
	assert_null(base_arena_alloc(arena, 20000));
	assert_true(base_arena_used(arena) <= 100000);
	base_arena_free(arena);
}

static void sha256_gives_the_standard_vectors(void **state)
{
	(void)state;
	const struct {
		const char *text, *want;
	} vectors[] = {
	    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct base_sha256 sha;
		uint8_t digest[BASE_SHA256_LEN];
		char hex[BASE_SHA256_HEX];
		base_sha256_start(&sha);
		for (const char *p = vectors[i].text; *p; p++) /* byte by byte: the block is filled in pieces */
			base_sha256_add(&sha, p, 1);
		base_sha256_end(&sha, digest);
		base_hex(digest, sizeof digest, hex);
		assert_string_equal(hex, vectors[i].want);
	}
}

static void siphash_gives_the_reference_vectors(void **state)
{
	(void)state;
	const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t bytes[15];
	for (uint8_t i = 0; i < sizeof bytes; i++)
		bytes[i] = i;
	assert_true(base_hash64(key, bytes, 0) == 0x726fdb47dd0e0e31);
	assert_true(base_hash64(key, bytes, 15) == 0xa129ca6149be45e5); /* appendix A of the paper */

	/* the first of the reference implementation's vectors */
	static const uint8_t none[BASE_HASH128_LEN] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
	                                               0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
	static const uint8_t one[BASE_HASH128_LEN] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
	                                              0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
	uint8_t long_hash[BASE_HASH128_LEN];
	base_hash128(key, bytes, 0, long_hash);
	assert_memory_equal(long_hash, none, sizeof none);
	base_hash128(key, bytes, 1, long_hash);
	assert_memory_equal(long_hash, one, sizeof one);
}

static void sums_tell_bytes_apart(void **state)
{
	(void)state;
	enum { LEN = 131 };
	/* Every bit and every length matters; on a collision of two of them there are fewer different sums. */
	static uint8_t sums[LEN * 9][BASE_HASH128_LEN];
	uint8_t bytes[LEN] = {0};
	size_t count = 0;
	for (size_t i = 0; i < LEN; i++) {
		base_sum128(bytes, i, sums[count++]);
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (uint8_t)(1 << bit);
			base_sum128(bytes, LEN, sums[count++]);
		}
		bytes[i] = 0;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++) {
			assert_memory_not_equal(sums[i], sums[k], 8);
			assert_memory_not_equal(sums[i] + 8, sums[k] + 8, 8);
		}
	/* The same everywhere and always: it is stored. */
	static const uint8_t of_abc[BASE_HASH128_LEN] = {0x27, 0xd7, 0x01, 0xe7, 0xa5, 0x00, 0x5b, 0x7a,
	                                                 0xe4, 0xe7, 0xe5, 0xfa, 0xf5, 0x00, 0x11, 0x90};
	uint8_t sum[BASE_HASH128_LEN];
	base_sum128("abc", 3, sum);
	assert_memory_equal(sum, of_abc, sizeof sum);
}

static void times_become_text(void **state)
{
	(void)state;
	char out[BASE_RFC3339_LEN];
	base_time_format(base_days_from_civil(2024, 2, 29) * BASE_DAY + 3 * BASE_HOUR + 1, true, out);
	assert_string_equal(out, "2024-02-29T03:00:00.000001Z");
	base_time_format(-1, false, out);
	assert_string_equal(out, "1969-12-31T23:59:59Z");
	base_time_format(BASE_TIME_NONE, false, out);
	assert_string_equal(out, "");
	for (int64_t days = -719528; days < 2932896; days += 31) {
		char again[BASE_RFC3339_LEN];
		base_time_format(days * BASE_DAY, false, out);
		int year, month, day;
		assert_int_equal(sscanf(out, "%d-%d-%d", &year, &month, &day), 3);
		base_time_format(base_days_from_civil(year, month, day) * BASE_DAY, false, again);
		assert_string_equal(out, again);
	}
}

static void durations_are_read_and_checked(void **state)
{
	(void)state;
	base_time t = 7;
	assert_int_equal(base_duration_parse("2h", 2, &t), BASE_OK);
	assert_true(t == 2 * BASE_HOUR);
	assert_int_equal(base_duration_parse("1d12h", 5, &t), BASE_OK);
	assert_true(t == 36 * BASE_HOUR);
	const char *bad[] = {"", "5", "h", "0s", "1x", "-1s", "1s ", "1.5h", "99999999999999999999d", "999999d"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_not_equal(base_duration_parse(bad[i], strlen(bad[i]), &t), BASE_OK);
	assert_true(t == 36 * BASE_HOUR);
}

static void simulated_clock_moves_when_told(void **state)
{
	(void)state;
	struct base_clock *clock;
	assert_int_equal(base_clock_new_simulated(5, &clock), BASE_OK);
	base_clock_advance(clock, BASE_DAY);
	assert_true(base_clock_wall(clock) == BASE_DAY + 5);
	assert_true(base_clock_monotonic(clock) == BASE_DAY + 5);
	base_clock_free(clock);
}

struct sink {
	char line[4096];
	int lines;
};

static void keep_line(void *ctx, enum base_level level, const char *line, size_t len)
{
	(void)level;
	struct sink *sink = ctx;
	memcpy(sink->line, line, len);
	sink->line[len] = '\0';
	sink->lines++;
}

static void log_names_its_context_and_escapes(void **state)
{
	(void)state;
	struct sink sink = {0};
	struct base_log *log;
	assert_int_equal(base_log_new(BASE_NOTICE, keep_line, &sink, &log), BASE_OK);
	base_log(log, BASE_INFO, "x", "not wanted");
	assert_int_equal(sink.lines, 0);
	base_log(log, BASE_WARNING, "feed\nname", "failed: %s", "\x1b]0;x\x07");
	assert_string_equal(sink.line, "feed\\nname: failed: \\u001B]0;x\\u0007");
	char *huge = malloc(10000);
	memset(huge, 'a', 9999);
	huge[9999] = '\0';
	base_log(log, BASE_ERROR, NULL, "%s", huge);
	assert_int_equal(strlen(sink.line), 2047);
	free(huge);
	base_log(NULL, BASE_ERROR, NULL, "no log, no crash");
	struct sink second = {0};
	base_log_also(log, BASE_DEBUG, keep_line, &second);
	base_log(log, BASE_DEBUG, NULL, "for the second only");
	assert_string_equal(second.line, "for the second only");
	assert_int_equal(sink.lines, 2);
	base_log_free(log);
}

static void complaints_back_off(void **state)
{
	(void)state;
	struct base_complaint complaint = {0};
	int said = 0;
	for (int i = 0; i < 1000; i++)
		said += base_complain(&complaint, i);
	assert_int_equal(said, 10);
	assert_int_equal(base_recover(&complaint), 1000);
	assert_int_equal(base_recover(&complaint), 0);
}

static void problems_say_file_and_line(void **state)
{
	(void)state;
	struct base_problems *problems;
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	base_problem(problems, "a.yaml", 3, "bad %s", "x\ny");
	base_problem(problems, "b.yaml", 0, "unreadable");
	assert_int_equal(base_problems_count(problems), 2);
	assert_string_equal(base_problems_at(problems, 0), "a.yaml:3: bad x\\ny");
	assert_string_equal(base_problems_at(problems, 1), "b.yaml: unreadable");
	base_problems_free(problems);
}

static void queue_is_bounded_and_wakes(void **state)
{
	(void)state;
	struct base_queue *queue;
	int items[3];
	assert_int_equal(base_queue_new(2, &queue), BASE_OK);
	struct pollfd wait = {.fd = base_queue_fd(queue), .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 0), 0);
	assert_int_equal(base_queue_push(queue, &items[0]), BASE_OK);
	assert_int_equal(base_queue_push(queue, &items[1]), BASE_OK);
	assert_int_equal(base_queue_push(queue, &items[2]), BASE_BUSY);
	assert_int_equal(poll(&wait, 1, 0), 1);
	assert_ptr_equal(base_queue_pop(queue), &items[0]);
	assert_int_equal(poll(&wait, 1, 0), 1);
	assert_ptr_equal(base_queue_pop(queue), &items[1]);
	assert_int_equal(poll(&wait, 1, 0), 0);
	assert_null(base_queue_pop(queue));
	base_queue_free(queue);
}

static void errors_are_one_escaped_line(void **state)
{
	(void)state;
	struct base_error err;
	assert_int_equal(base_fail(&err, BASE_SYNTAX, "line %d: %s", 3, "a\nb"), BASE_SYNTAX);
	assert_string_equal(err.text, "line 3: a\\nb");
	assert_int_equal(base_fail(NULL, BASE_IO, "nobody listens"), BASE_IO);
}

static void spans_compare_and_trim(void **state)
{
	(void)state;
	struct base_span span = base_span_trim(base_span_of(" \t a b\r\n"));
	assert_true(base_span_is(span, "a b"));
	assert_true(base_span_is_nocase(span, "A B"));
	assert_true(base_span_starts(span, "a"));
	assert_false(base_span_starts(span, "a bc"));
	assert_null(base_span_of(NULL).ptr);
}

static void files_are_read_within_a_limit(void **state)
{
	(void)state;
	char *bytes;
	size_t len;
	struct base_error err;
	assert_int_equal(base_read_file("/proc/self/cmdline", 100000, &bytes, &len, &err), BASE_OK);
	assert_true(len > 0);
	free(bytes);
	assert_int_equal(base_read_file("/proc/self/cmdline", 2, &bytes, &len, &err), BASE_LIMIT);
	assert_int_equal(base_read_file("/nonexistent", 2, &bytes, &len, &err), BASE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(escape_leaves_no_control_behind),
	    cmocka_unit_test(utf8_groups_ill_formed_bytes),
	    cmocka_unit_test(buffer_stops_at_its_maximum),
	    cmocka_unit_test(utf8_valid_agrees_with_decode),
	    cmocka_unit_test(buffer_without_a_maximum_grows),
	    cmocka_unit_test(arena_copies_within_its_maximum),
	    cmocka_unit_test(sha256_gives_the_standard_vectors),
	    cmocka_unit_test(siphash_gives_the_reference_vectors),
	    cmocka_unit_test(sums_tell_bytes_apart),
	    cmocka_unit_test(times_become_text),
	    cmocka_unit_test(durations_are_read_and_checked),
	    cmocka_unit_test(simulated_clock_moves_when_told),
	    cmocka_unit_test(log_names_its_context_and_escapes),
	    cmocka_unit_test(complaints_back_off),
	    cmocka_unit_test(problems_say_file_and_line),
	    cmocka_unit_test(queue_is_bounded_and_wakes),
	    cmocka_unit_test(errors_are_one_escaped_line),
	    cmocka_unit_test(spans_compare_and_trim),
	    cmocka_unit_test(files_are_read_within_a_limit),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
