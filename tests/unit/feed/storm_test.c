/*
 * Storms: documents of a few megabytes that keep a reader busy which looks for
 * the same thing again and again. Nothing is timed: each takes a fraction of a
 * second, and minutes or hours where a search is repeated. Then the system ends
 * the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/resource.h>

#include "wirewatch/feed.h"

#define MOST_SECONDS 60 /* of processor time, for all of them */
#define ROOM ((size_t)16 << 20)

#define HEAD "<rss version='2.0'><channel><title>t</title><item><guid>1</guid>"
#define TAIL "</item></channel></rss>"
#define TITLE HEAD "<title><![CDATA["
#define TITLE_END "]]></title>" TAIL
#define TEXT HEAD "<title>x</title><description><![CDATA["
#define TEXT_END "]]></description>" TAIL
#define JSON "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{\"id\":\"1\",\"title\":\"x\"}"

struct storm {
	const char *start, *part;
	size_t parts;
	const char *end;
	size_t entries;
	const char *title; /* what it begins with */
};

/* Twice as many a step. */
static void add_often(struct base_buf *out, const char *part, size_t times)
{
	size_t start = out->len, len = strlen(part), end = start + len * times;

	assert_int_equal(base_buf_reserve(out, len * times), BASE_OK);
	base_buf_add_text(out, part);
	while (out->len < end) {
		size_t have = out->len - start, left = end - out->len;
		base_buf_add(out, out->data + start, have < left ? have : left);
	}
}

static void blow(const struct storm *storm)
{
	struct feed_document *feed = NULL;
	struct base_buf bytes, text;
	struct base_error err = {""};

	base_buf_init(&bytes, ROOM);
	base_buf_add_text(&bytes, storm->start);
	add_often(&bytes, storm->part, storm->parts);
	base_buf_add_text(&bytes, storm->end);
	assert_int_equal(bytes.failed, BASE_OK);

	struct feed_input input = {.bytes = base_buf_span(&bytes), .now = BASE_TIME_NONE};
	if (feed_parse(&input, &feed, &err) != BASE_OK)
		fail_msg("%s: %s", storm->part, err.text);
	assert_int_equal(feed->entry_count, storm->entries);
	for (size_t i = 0; i < feed->entry_count; i++) {
		if (!base_span_starts(feed->entries[i].title, storm->title))
			fail_msg("%s: not \"%s\"", storm->part, storm->title);
		base_buf_init(&text, ROOM);
		assert_int_equal(feed_entry_text(&feed->entries[i], &text), BASE_OK);
		base_buf_free(&text);
	}
	feed_free(feed);
	base_buf_free(&bytes);
}

static void titles_full_of_what_begins_a_tag(void **state)
{
	static const struct storm storms[] = {
		{TITLE, "<", 1000000, TITLE_END, 1, "<<"},
		{TITLE "a > ", "<b =", 2000000, TITLE_END, 1, "a > <b =<b ="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof storms / sizeof *storms; i++)
		blow(&storms[i]);
}

static void tags_escaped_and_never_closed(void **state)
{
	static const struct storm storms[] = {
		{TITLE, "&lt;p ", 400000, TITLE_END, 1, "<p <p"},
		{TITLE "&gt; ", "&lt;p ", 400000, TITLE_END, 1, "> <p <p"},
		{TEXT, "&lt;p ", 400000, TEXT_END, 1, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof storms / sizeof *storms; i++)
		blow(&storms[i]);
}

static void many_cdata_sections_and_one_end(void **state)
{
	struct base_buf end;

	(void)state;
	base_buf_init(&end, ROOM);
	add_often(&end, "filler, ", 400000);
	base_buf_add_text(&end, "]]>" TAIL);
	const struct storm storm = {HEAD "<title>x</title>", "<a><![CDATA[x</a>", 100000, end.data, 1, "x"};
	blow(&storm);
	base_buf_free(&end);
}

static void end_tags_in_cdata_that_never_end(void **state)
{
	static const struct storm storms[] = {
		{TEXT, "</", 2600000, "<![CDATA[" TEXT_END, 1, "x"},
		{TEXT, "</", 2600000, "><![CDATA[" TEXT_END, 1, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof storms / sizeof *storms; i++)
		blow(&storms[i]);
}

static void json_full_of_commas(void **state)
{
	static const struct storm storms[] = {
		{JSON, ",", 499000, "]}", 1, "x"},
		{JSON, ",       ", 499000, "]}", 1, "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof storms / sizeof *storms; i++)
		blow(&storms[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(titles_full_of_what_begins_a_tag),
		cmocka_unit_test(tags_escaped_and_never_closed),
		cmocka_unit_test(many_cdata_sections_and_one_end),
		cmocka_unit_test(end_tags_in_cdata_that_never_end),
		cmocka_unit_test(json_full_of_commas),
	};
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) != 0)
		return 1;
	if (limit.rlim_cur > MOST_SECONDS) /* RLIM_INFINITY, too */
		limit.rlim_cur = MOST_SECONDS;
	if (setrlimit(RLIMIT_CPU, &limit) != 0)
		return 1;
	return cmocka_run_group_tests_name("feed: storms", tests, NULL, NULL);
}
