/* Links: all examples of RFC 3986, section 5.4, and what feeds make of links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

static void resolves(const char *base, const char *reference, const char *want)
{
	struct base_buf out;

	base_buf_init(&out, 1000);
	assert_int_equal(feed_link_resolve(base_span_of(base), base_span_of(reference), &out), BASE_OK);
	assert_string_equal(out.data == NULL ? "" : out.data, want);
	base_buf_free(&out);
}

static void the_examples_of_the_rfc_hold(void **state)
{
	static const char *const examples[][2] = {
		/* section 5.4.1 */
		{"g:h", "g:h"},
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g"},
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q#s"},
		{"g#s", "http://a/b/c/g#s"},
		{"g?y#s", "http://a/b/c/g?y#s"},
		{";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"},
		{"g;x?y#s", "http://a/b/c/g;x?y#s"},
		{"", "http://a/b/c/d;p?q"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		/* section 5.4.2 */
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g?y/../x", "http://a/b/c/g?y/../x"},
		{"g#s/./x", "http://a/b/c/g#s/./x"},
		{"g#s/../x", "http://a/b/c/g#s/../x"},
		{"http:g", "http:g"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		resolves("http://a/b/c/d;p?q", examples[i][0], examples[i][1]);
}

static void links_of_feeds_are_resolved(void **state)
{
	(void)state;
	resolves("https://example.org", "news", "https://example.org/news");
	resolves("https://example.org?x", "news", "https://example.org/news");
	resolves("https://example.org/a/b#c", "?p=1&q=2", "https://example.org/a/b?p=1&q=2");
	resolves("https://example.org/a", " \n/новини 1\t2\n ", "https://example.org/новини%201%092");
	resolves(NULL, "HTTP://Example.org/a/../b", "HTTP://Example.org/b");
	resolves("relative", "mailto:a@b?subject=x y", "mailto:a@b?subject=x%20y");
	resolves("https://[::1]:80/x", "../y", "https://[::1]:80/y");
	resolves("urn:uuid:1", "#x", "urn:uuid:1#x");
	resolves("http://a/b", "c:d/../e", "c:/e");
	resolves("http://a/b", "1:2", "http://a/1:2");
	resolves("http://a/b", "\x01\x7F", "http://a/%01%7F");
}

static void what_cannot_be_resolved_leaves_the_buffer_alone(void **state)
{
	struct base_buf out;

	(void)state;
	base_buf_init(&out, 20);
	base_buf_add_text(&out, "kept");
	assert_int_equal(feed_link_resolve(BASE_NONE, base_span_of("news"), &out), BASE_INVALID);
	assert_int_equal(feed_link_resolve(base_span_of("/x"), base_span_of("news"), &out), BASE_INVALID);
	assert_int_equal(feed_link_resolve(base_span_of("http://example.org/"), base_span_of("a/long/path"), &out),
					 BASE_LIMIT);
	assert_string_equal(out.data, "kept");
	base_buf_free(&out);
}

static void long_paths_take_linear_time(void **state)
{
	size_t len = (size_t)4 << 20;
	char *path = malloc(len);
	struct base_buf out;

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < len; i++)
		path[i] = i < len / 2 ? "a/"[i % 2] : "../"[i % 3];
	base_buf_init(&out, 2 * len);
	assert_int_equal(feed_link_resolve(base_span_of("http://a/b"), (struct base_span){path, len}, &out), BASE_OK);
	base_buf_free(&out);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc_hold),
		cmocka_unit_test(links_of_feeds_are_resolved),
		cmocka_unit_test(what_cannot_be_resolved_leaves_the_buffer_alone),
		cmocka_unit_test(long_paths_take_linear_time),
	};
	return cmocka_run_group_tests_name("feed: link", tests, NULL, NULL);
}
