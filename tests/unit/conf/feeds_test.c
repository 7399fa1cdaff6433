/* The feed list and the files it and the rules are spread over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "folder.h"

static void feeds_are_urls_or_maps(void **state)
{
	struct conf *conf = folder_good(*state, "feeds:\n"
	                                        "  - https://user:pa@ss@Example.org:8443/rss.xml?a=b#top\n"
	                                        "  - url: http://[2001:db8::1]/uk.atom\n"
	                                        "    name: Приклад \"A\"\n"
	                                        "    language: uk\n"
	                                        "    charset: windows-1251\n"
	                                        "    interval: 2m\n"
	                                        "  - {url: 'http://example.org', name: '', language: es-419}\n");
	assert_int_equal(conf_feed_count(conf), 3);
	const struct conf_feed *feed = conf_feed_at(conf, 0);
	assert_string_equal(feed->url, "https://user:pa@ss@Example.org:8443/rss.xml?a=b#top");
	assert_string_equal(feed->name, "Example.org");
	assert_null(feed->language);
	assert_null(feed->charset);
	assert_int_equal(feed->interval, 0);
	assert_int_equal(feed->line, 2);
	assert_non_null(strstr(feed->file, "/wirewatch.yaml"));
	feed = conf_feed_at(conf, 1);
	assert_string_equal(feed->name, "Приклад \"A\"");
	assert_string_equal(feed->language, "uk");
	assert_string_equal(feed->charset, "windows-1251");
	assert_int_equal(feed->interval, 2 * BASE_MINUTE);
	assert_int_equal(feed->line, 3);
	assert_string_equal(conf_feed_at(conf, 2)->name, "example.org");
	assert_string_equal(conf_feed_at(conf, 2)->language, "es-419");
	assert_null(conf_feed_at(conf, 3));
	conf_free(conf);
	conf_free(NULL);
}

static void bad_feeds_are_named(void **state)
{
	const char *const want[] = {
	    "2: feeds[].url: 'gopher://a.b/' is no usable URL: it must begin with http:// or https://",
	    "3: feeds[].url: 'http://' is no usable URL: its host or port is missing or wrong",
	    "4: feeds[].url: 'http://a.b/c d' is no usable URL: it holds a space or control character",
	    "5: a feed must be a URL or a map with url: ...",
	    "6: a feed must be a URL or a map with url: ...",
	    "7: feeds[].interval: 10d is not within 1s to 7d",
	    "8: feeds[].language: 'x' is no language tag such as uk or pt-BR",
	    "9: feeds[].charset: 'a b' is no name of a charset",
	    "10: a feed must be a URL or a map with url: ...",
	};
	folder_bad(*state, "feeds:\n"
	                   "  - gopher://a.b/\n"
	                   "  - http://\n"
	                   "  - \"http://a.b/c d\"\n"
	                   "  - [http://a.b]\n"
	                   "  - {name: x}\n"
	                   "  - {url: 'http://a.b/7', interval: 10d}\n"
	                   "  - {url: 'http://a.b/8', language: x}\n"
	                   "  - {url: 'http://a.b/9', charset: a b}\n"
	                   "  -\n",
	           9, want);
}

static void urls_are_checked(void **state)
{
	static const char *const bad[] = {"ftp://a.b/", "file:///etc/passwd", "http:/a.b", "http:a.b", "https://", "https:///x",
	                                  "http://a.b:0/", "http://a.b:65536/", "http://a.b:8x/", "http://[::1/", "http://[zz]/",
	                                  "http://[1.2.3.4]/", "http://a,b.c/", "http://a!b.c/", "http://a(b).c/", "http://a;b.c/",
	                                  "http://a=b.c/", "http://a+b.c/", "http://a&b.c/", "http://a*b.c/",
	                                  "http://a$b.c/",
	                                  "http://user@/", "http://a[b/", "javascript:alert(1)", "//a.b/", "httpx://a.b",
	                                  "http://[10.0.0.0/8]/", "http://:80/", "http://[]/", "http://a%00b/"};
	static const char *const good[] = {"HTTP://A.B", "https://a.b?x", "http://a.b:/", "http://127.0.0.1:8080/x",
	                                   "https://приклад.укр/стрічка", "http://u:p@a.b/@c"};
	struct conf *conf = NULL;
	char text[256];
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(text, sizeof text, "feeds: ['%s']\n", bad[i]);
		assert_int_equal(folder_load(*state, text, &conf), BASE_SYNTAX);
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		(void)snprintf(text, sizeof text, "feeds: ['%s']\n", good[i]);
		conf_free(folder_good(*state, text));
	}
	char *longest = malloc(8192);
	assert_non_null(longest);
	int len = snprintf(longest, 8192, "feeds: ['http://a.b/");
	memset(longest + len, 'x', 5000);
	(void)snprintf(longest + len + 5000, 8192 - (size_t)len - 5000, "']\n");
	assert_int_equal(folder_load(*state, longest, &conf), BASE_SYNTAX);
	free(longest);
}

static void a_feed_is_listed_once(void **state)
{
	const char *const want[] = {"3: the feed 'HTTP://A.b:80/x' is already in line 2",
	                            "5: the feed 'https://a.b/#f' is already in line 4"};
	folder_bad(*state, "feeds:\n  - http://a.b/x\n  - HTTP://A.b:80/x\n  - https://a.b\n  - https://a.b/#f\n  - https://a.b/X\n", 2,
	           want);
}

/* Problems go to the log: a feed's address is shown without its password, whatever is wrong with it. */
static void passwords_are_not_shown(void **state)
{
	static const struct {
		const char *url, *shown, *reason;
	} bad[] = {
	    {"http://user:secret@a.b/x y", "http://a.b/x y", "it holds a space or control character"},
	    {"http://user:sec ret@a.b/", "http://a.b/", "it holds a space or control character"},
	    {"http://a.b/@c d", "http://a.b/@c d", "it holds a space or control character"},
	    {"http://u:secret@a.b/@c d", "http://a.b/@c d", "it holds a space or control character"},
	    {"http://user:s@ecret@a.b:8x/", "http://a.b:8x/", "its host or port is missing or wrong"},
	    {"https://user:sec/ret@a.b/", "https://a.b/", "its host or port is missing or wrong"},
	    {"https://user:sec#r@et@a.b/", "https://a.b/", "its host or port is missing or wrong"},
	    {"http://secret@/x", "http:///x", "its host or port is missing or wrong"},
	    {"ftp://user:secret@a.b/@c", "ftp://c", "it must begin with http:// or https://"},
	    {"http:/user:secret@a.b/", "http:/a.b/", "it must begin with http:// or https://"},
	    {"//user:secret@a.b/", "//a.b/", "it must begin with http:// or https://"},
	    {"user:secret@a.b/", "a.b/", "it must begin with http:// or https://"},
	    {"editor@a.b", "editor@a.b", "it must begin with http:// or https://"},
	};
	char text[256], want[256];
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(text, sizeof text, "feeds:\n  - '%s'\n", bad[i].url);
		(void)snprintf(want, sizeof want, "2: feeds[].url: '%s' is no usable URL: %s", bad[i].shown, bad[i].reason);
		folder_bad_one(*state, text, want);
	}
	folder_bad_one(*state, "feeds:\n  - http://u:secret@a.b/x\n  - url: http://u:secret@a.b/x\n",
	               "3: the feed 'http://a.b/x' is already in line 2");
	folder_bad_one(*state, "feeds:\n  - http://u:secret@a.b/x: {language: uk}\n    url: http://a.b/\n",
	               "2: unknown key 'http://a.b/x' in feeds");
	const char *const twice[] = {"2: feeds must be a list of URLs or maps", "3: the key 'http://a.b/x' is already in line 2"};
	folder_bad(*state, "feeds:\n  http://u:secret@a.b/x: {}\n  http://u:secret@a.b/x: {}\n", 2, twice);
	folder_bad_one(*state, "feed_files:\n  - http://u:secret@a.b/list.opml\n",
	               "2: feed_files: there is no file 'http://a.b/list.opml'");
}

static void passwords_in_lists_are_not_shown(void **state)
{
	const struct folder *folder = *state;
	folder_write(*state, "a.opml", "http://u:secret@a.b/1 One\nhttp://u:secret@a.b/1 Two\nhttp://u:secret@a.b:x/\n");
	char again[300];
	(void)snprintf(again, sizeof again, "a.opml:2: the feed 'http://a.b/1' is already in %sa.opml:1 with another name",
	               folder->path);
	const char *const want[] = {
	    again, "a.opml:3: feeds[].url: 'http://a.b:x/' is no usable URL: its host or port is missing or wrong"};
	folder_bad(*state, "feed_files: [a.opml]\n", 2, want);
}

/* Some readers name a feed after its address where it has no title; a name is in every message and alert. */
static void an_address_with_a_password_is_no_name(void **state)
{
	folder_write(*state, "a.opml", "http://u:secret@a.b/1 http://u:secret@a.b/1\nhttp://a.b/2 http://a.b/2\n"
	                               "http://a.b/3 u@x\n");
	struct conf *conf = folder_good(*state, "feeds: [{url: 'http://secret@c.d/', name: 'http://secret@c.d/'}]\n"
	                                        "feed_files: [a.opml]\n");
	static const char *const want[] = {"c.d", "a.b", "http://a.b/2", "u@x"};
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(conf_feed_at(conf, i)->name, want[i]);
		assert_int_equal(conf_feed_at(conf, i)->named, i > 1);
	}
	conf_free(conf);
}

/* As many as one machine is meant for, each with all it may have and a long address. */
static void feeds_with_every_key_have_room(void **state)
{
	struct base_buf text;
	base_buf_init(&text, (size_t)64 << 20);
	(void)base_buf_add_text(&text, "feeds:\n");
	for (int i = 0; i < 100000; i++)
		(void)base_buf_printf(&text,
		                      "  - url: https://www.host%d.example/a/path/of/some/length/feed.xml?category=all&format=rss\n"
		                      "    name: The Evening Paper of Somewhere, edition %d\n"
		                      "    language: uk\n    charset: windows-1251\n    interval: 15m\n"
		                      "    tags: [newspaper, defence, \"by region\"]\n",
		                      i, i);
	struct conf *conf = folder_good(*state, text.data);
	assert_int_equal(conf_feed_count(conf), 100000);
	assert_string_equal(conf_feed_at(conf, 99998)->name, "The Evening Paper of Somewhere, edition 99998");
	assert_string_equal(conf_feed_at(conf, 99998)->tags[2], "by region");
	assert_int_equal(conf_feed_at(conf, 99998)->line, 2 + 6 * 99998);
	conf_free(conf);
	base_buf_free(&text);
}

static void many_feeds_are_found_again(void **state)
{
	struct base_buf text;
	base_buf_init(&text, 1 << 20);
	(void)base_buf_add_text(&text, "feeds:\n");
	for (int i = 0; i < 5000; i++)
		(void)base_buf_printf(&text, "  - http://host%d.example/feed\n", i);
	struct conf *conf = folder_good(*state, text.data);
	assert_int_equal(conf_feed_count(conf), 5000);
	assert_string_equal(conf_feed_at(conf, 4999)->url, "http://host4999.example/feed");
	conf_free(conf);
	(void)base_buf_add_text(&text, "  - http://host2500.example:80/feed\n");
	folder_bad_one(*state, text.data, "5002: the feed 'http://host2500.example:80/feed' is already in line 2502");
	base_buf_free(&text);
}

static void lists_are_read_and_merged(void **state)
{
	folder_write(*state, "feeds.d/b.opml", "http://a.b/1 One en\nhttp://a.b/2\nhttp://a.b/5 Five\n");
	folder_write(*state, "feeds.d/a.opml", "http://a.b/3 Three\nhttp://a.b/1\n");
	folder_write(*state, "feeds.d/c.txt", "ftp://not.read/\n");
	struct conf *conf = folder_good(*state, "feeds:\n  - http://a.b/2\n  - {url: 'http://a.b/5', interval: 1m}\n"
	                                        "feed_files: [feeds.d/*.opml, feeds.d/a.opml, none.d/*.opml]\n");
	assert_int_equal(conf_feed_count(conf), 4);
	assert_string_equal(conf_feed_at(conf, 0)->name, "a.b");
	assert_string_equal(conf_feed_at(conf, 1)->name, "Five"); /* the list fills in what the feed left open */
	assert_int_equal(conf_feed_at(conf, 1)->interval, BASE_MINUTE);
	assert_string_equal(conf_feed_at(conf, 2)->url, "http://a.b/3");
	assert_non_null(strstr(conf_feed_at(conf, 2)->file, "feeds.d/a.opml"));
	assert_string_equal(conf_feed_at(conf, 3)->name, "One");
	assert_string_equal(conf_feed_at(conf, 3)->language, "en");
	conf_free(conf);
}

static void tags_are_united(void **state)
{
	folder_write(*state, "feeds.d/a.opml", "http://a.b/1 One en news\nhttp://a.b/1 One en war\nhttp://a.b/2 Two uk news\n");
	struct conf *conf = folder_good(*state, "feeds:\n  - {url: 'http://a.b/2', tags: [war, news, ' war ']}\n"
	                                        "  - {url: 'http://a.b/3', tags: war}\n  - {url: 'http://a.b/4', tags: []}\n");
	static const struct {
		size_t count;
		const char *tags[2];
	} want[] = {{2, {"war", "news"}}, {1, {"war"}}, {0, {NULL}}, {2, {"news", "war"}}};
	for (size_t i = 0; i < 4; i++) {
		const struct conf_feed *feed = conf_feed_at(conf, i);
		assert_int_equal(feed->tag_count, want[i].count);
		for (size_t k = 0; k < feed->tag_count; k++)
			assert_string_equal(feed->tags[k], want[i].tags[k]);
	}
	conf_free(conf);
	folder_bad_one(*state, "feed_files: []\nfeeds:\n  - {url: 'http://a.b/', tags: {a: b}}\n",
	               "3: feeds[].tags must be a single value or a list, not a map");
	folder_bad_one(*state, "feed_files: []\nfeeds:\n  - {url: 'http://a.b/', tags: [a, '']}\n", "3: feeds[].tags: an empty text");
}

/* "feeds: [{url, tags: [t0, t1, ...]}]", the tags one a line from line 4; the last one is t0 again. */
static void write_tags(struct base_buf *text, int count)
{
	base_buf_reset(text);
	(void)base_buf_add_text(text, "feeds:\n  - url: http://a.b/\n    tags:\n");
	for (int i = 0; i < count; i++)
		(void)base_buf_printf(text, "      - t%d\n", i);
	(void)base_buf_add_text(text, "      - t0\n");
}

static void a_feed_has_so_many_tags(void **state)
{
	struct base_buf text;
	base_buf_init(&text, (size_t)64 << 20);
	write_tags(&text, 64);
	struct conf *conf = folder_good(*state, text.data);
	assert_int_equal(conf_feed_at(conf, 0)->tag_count, 64);
	assert_string_equal(conf_feed_at(conf, 0)->tags[63], "t63");
	conf_free(conf);
	write_tags(&text, 65);
	folder_bad_one(*state, text.data, "68: feeds[].tags: more than 64 texts");
	clock_t before = clock();
	write_tags(&text, 100000);
	folder_bad_one(*state, text.data, "68: feeds[].tags: more than 64 texts");
	assert_true(clock() - before < 3 * CLOCKS_PER_SEC); /* each compared with each: five times as long and more */
	base_buf_free(&text);
}

/* A feed may be listed in as many places as one likes; the tags of all of them are no more than of one. */
static void tags_of_all_places_are_limited(void **state)
{
	(void)state;
	struct conf *conf = NULL;
	struct base_problems *problems = NULL;
	char tags[8][16];
	struct base_span spans[8];
	struct conf_outline outline = {.url = base_span_of("http://u:p@a.b/"), .tags = spans, .tag_count = 8, .file = "a.opml"};
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(conf_new(&conf), BASE_OK);
	for (size_t line = 1; line <= 20000; line++) {
		for (size_t i = 0; i < 8; i++) {
			(void)snprintf(tags[i], sizeof tags[i], "t%zu", (line - 1) * 8 + i - (line == 9));
			spans[i] = base_span_of(tags[i]);
		}
		outline.line = line;
		assert_int_equal(conf_add_feed(conf, &outline, problems), BASE_OK);
		if (line == 8)
			assert_int_equal(base_problems_count(problems), 0);
	}
	assert_int_equal(conf_feed_count(conf), 1);
	assert_int_equal(conf_feed_at(conf, 0)->tag_count, 64);
	assert_string_equal(conf_feed_at(conf, 0)->tags[63], "t63");
	assert_int_equal(base_problems_count(problems), 1); /* once, not in each place */
	assert_string_equal(base_problems_at(problems, 0),
	                    "a.opml:9: the feed 'http://a.b/', already in a.opml:1, has more than 64 tags");
	conf_free(conf);
	base_problems_free(problems);
}

static void mistakes_in_lists_come_after_the_file(void **state)
{
	const struct folder *folder = *state;
	folder_write(*state, "a.opml", "http://a.b/1 One en\nmailto:x\n\nhttp://a.b/2 x y\n");
	folder_write(*state, "b.opml", "http://a.b/1 Two\n");
	folder_write(*state, "c.opml", "http://a.b/1 One uk\nfail\n");
	char again[3][300];
	static const char *const what[] = {"name", "language"};
	for (size_t i = 0; i < 2; i++)
		(void)snprintf(again[i], sizeof again[i], "%c.opml:1: the feed 'http://a.b/1' is already in %sa.opml:1 with another %s",
		               "bc"[i], folder->path, what[i]);
	const char *const want[] = {
	    "1: feed_files: there is no file 'd.opml'",
	    "2: unknown key 'x'",
	    "a.opml:2: feeds[].url: 'mailto:x' is no usable URL: it must begin with http:// or https://",
	    "a.opml:3: a feed has no URL",
	    "a.opml:4: feeds[].language: 'y' is no language tag such as uk or pt-BR",
	    again[0],
	    again[1],
	};
	folder_bad(*state, "feed_files: [d.opml, a.opml, b.opml, c.opml]\nx: 1\n", 7, want);
	folder_write(*state, "c.opml", "fail\n");
	folder_bad_one(*state, "feed_files: [c.opml]\n", "c.opml: malformed");
}

static void rule_files_are_expanded_and_sorted(void **state)
{
	const struct folder *folder = *state;
	folder_write(*state, "rules.d/b.yaml", "");
	folder_write(*state, "rules.d/a.yaml", "");
	folder_write(*state, "rules.d/a.yaml~", "");
	folder_write(*state, "own.yaml", "");
	struct conf *conf = folder_good(*state, "rules: [rules.d/*.yaml, own.yaml, 'rules.d/[ab].yaml', 'rules.d/?.none']\n");
	const char *const want[] = {"own.yaml", "rules.d/a.yaml", "rules.d/b.yaml"};
	assert_int_equal(conf_rule_file_count(conf), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(conf_rule_file_at(conf, i) + strlen(folder->path), want[i]);
	assert_null(conf_rule_file_at(conf, 3));
	conf_free(conf);
	conf = folder_good(*state, ""); /* the default pattern */
	assert_int_equal(conf_rule_file_count(conf), 2);
	conf_free(conf);
	folder_bad_one(*state, "rules:\n  - own.yaml\n  - other.yaml\n", "3: rules: there is no file 'other.yaml'");
	folder_bad_one(*state, "rules: [{a: b}]\n", "1: rules must hold names of files");
}

static void a_missing_file_is_a_problem(void **state)
{
	struct folder *folder = *state;
	struct conf *conf = NULL;
	assert_int_equal(base_problems_new(&folder->problems), BASE_OK);
	assert_int_equal(conf_load("/nonexistent/wirewatch.yaml", NULL, folder->problems, &conf), BASE_NOT_FOUND);
	assert_string_equal(base_problems_at(folder->problems, 0),
	                    "/nonexistent/wirewatch.yaml: cannot open /nonexistent/wirewatch.yaml: No such file or directory");
	assert_int_equal(conf_load("/tmp", NULL, folder->problems, &conf), BASE_IO);
	assert_null(conf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(feeds_are_urls_or_maps),       TEST(bad_feeds_are_named),
	    TEST(urls_are_checked),             TEST(a_feed_is_listed_once),
	    TEST(passwords_are_not_shown),      TEST(passwords_in_lists_are_not_shown),
	    TEST(an_address_with_a_password_is_no_name),
	    TEST(feeds_with_every_key_have_room),
	    TEST(many_feeds_are_found_again),   TEST(lists_are_read_and_merged),
	    TEST(tags_are_united),              TEST(a_feed_has_so_many_tags),
	    TEST(tags_of_all_places_are_limited),
	    TEST(mistakes_in_lists_come_after_the_file), TEST(rule_files_are_expanded_and_sorted),
	    TEST(a_missing_file_is_a_problem),
	};
	return cmocka_run_group_tests_name("conf/feeds", tests, NULL, NULL);
}
