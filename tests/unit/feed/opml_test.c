/* Feed lists: what is read, what is refused with its line, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wirewatch/feed.h"

struct seen {
	struct base_buf text;
	size_t count, stop_at;
};

static void add(struct base_buf *text, struct base_span span)
{
	base_buf_add_text(text, " ");
	base_buf_add_span(text, span.ptr == NULL ? base_span_of("-") : span);
}

static enum base_result note(void *ctx, const struct feed_outline *outline)
{
	struct seen *seen = ctx;

	if (seen->stop_at > 0 && seen->count == seen->stop_at)
		return BASE_BUSY;
	seen->count++;
	base_buf_printf(&seen->text, "%zu:", outline->line);
	add(&seen->text, outline->url);
	add(&seen->text, outline->name);
	add(&seen->text, outline->language);
	for (size_t i = 0; i < outline->tag_count; i++) {
		base_buf_add_text(&seen->text, " #");
		base_buf_add_span(&seen->text, outline->tags[i]);
	}
	base_buf_add_text(&seen->text, "\n");
	return BASE_OK;
}

static void list_gives(struct base_span bytes, enum base_result want, const char *feeds, const char *problem)
{
	struct base_problems *problems;
	struct seen seen = {.count = 0};

	base_buf_init(&seen.text, 1 << 20);
	base_buf_add_text(&seen.text, "");
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(feed_opml_read("list.opml", bytes, note, &seen, problems), want);
	assert_string_equal(seen.text.data, feeds);
	if (problem == NULL)
		assert_int_equal(base_problems_count(problems), 0);
	else
		assert_string_equal(base_problems_at(problems, 0), problem);
	base_problems_free(problems);
	base_buf_free(&seen.text);
}

static void gives(const char *xml, enum base_result want, const char *feeds, const char *problem)
{
	list_gives(base_span_of(xml), want, feeds, problem);
}

#define LIST(body) "<opml version=\"2.0\"><head><title>x</title></head><body>\n" body "\n</body></opml>"

static void nested_lists_are_read_with_their_lines(void **state)
{
	(void)state;
	gives(
		LIST(
			"<outline text='Ukraine'>\n<outline type='rss' text='Агенція &amp; Co' xmlUrl=' https://a.example/x?a=1&amp;b=2 '\n"
			" language='uk'/></outline>\n<outline title='B' XMLURL='HTTP://b.example/'/>"),
		BASE_OK, "4: https://a.example/x?a=1&b=2 Агенція & Co uk #Ukraine\n5: HTTP://b.example/ B -\n", NULL);
	gives(LIST(""), BASE_OK, "", NULL);
	gives(
		LIST("<outline isComment='true' xmlUrl='http://no.example/'><outline xmlUrl='http://no.example/'/></outline>\n"
			 "<outline xmlUrl='http://yes.example/'/>"),
		BASE_OK, "3: http://yes.example/ - -\n", NULL);
	gives("<?xml version='1.0' encoding='windows-1251'?><opml><body><outline text='\xCF\xE0\xF3\xE7\xE0' "
		  "xmlUrl='http://a.example/'/></body></opml>",
		  BASE_OK, "1: http://a.example/ Пауза -\n", NULL);
	gives("\xEF\xBB\xBF" LIST("<outline xmlUrl='http://a.example/'/>"), BASE_OK, "2: http://a.example/ - -\n", NULL);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	gives(LIST("<outline xmlUrl='http://a.example/'/>\n<outline xmlUrl='|touch /tmp/x'/>\n"
			   "<outline xmlUrl='https://b.example/'/>"),
		  BASE_SYNTAX, "2: http://a.example/ - -\n4: https://b.example/ - -\n",
		  "list.opml:3: the address is not http or https: |touch /tmp/x");
	gives(LIST("<outline xmlUrl='file:///etc/passwd'/>"), BASE_SYNTAX, "",
		  "list.opml:2: the address is not http or https: file:///etc/passwd");
	gives(LIST("<outline xmlUrl='http:///x'/>"), BASE_SYNTAX, "",
		  "list.opml:2: the address is not http or https: http:///x");
	gives(LIST("<outline xmlUrl='exec:a&#10;b'/>"), BASE_SYNTAX, "",
		  "list.opml:2: the address is not http or https: exec:a\\nb");
	gives(LIST("<outline xmlUrl='feed://user:secret@a.example/'/>"), BASE_SYNTAX, "",
		  "list.opml:2: the address is not http or https, and not shown as it may hold a password");
	gives(LIST("<outline type='rss' text='x'/>"), BASE_SYNTAX, "", "list.opml:2: this feed has no address (xmlUrl)");
	gives(LIST("<outline xmlUrl=' '/>"), BASE_SYNTAX, "", "list.opml:2: this feed has no address (xmlUrl)");
	gives("<rss version='2.0'><channel/></rss>", BASE_UNSUPPORTED, "",
		  "list.opml:1: this is no feed list: its first element is not opml");
	gives("<opml>\n<body>\n<outline xmlUrl='http://a.example/?a=1&b=2'/></body></opml>", BASE_SYNTAX, "",
		  "list.opml:3: EntityRef: expecting ';'");
	gives("", BASE_SYNTAX, "", "list.opml: the list is empty");
	gives("no xml", BASE_SYNTAX, "", "list.opml:1: Document is empty");
}

static void hostile_lists_are_refused(void **state)
{
	(void)state;
	gives("<!DOCTYPE opml [<!ENTITY a 'http://a.example/'>]><opml><outline xmlUrl='&a;'/></opml>", BASE_SYNTAX, "",
		  "list.opml: a feed list must not declare entities");
	gives("<!DOCTYPE opml [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><opml/>", BASE_SYNTAX, "",
		  "list.opml: a feed list must not declare entities");
}

/* What keeps libxml2 busy is refused early. In item, # stands for a number that grows. */
static void storm(const char *head, const char *item, size_t count, enum base_result want)
{
	struct base_problems *problems;
	struct seen seen = {.count = 0};
	struct base_buf xml;
	clock_t start;

	base_buf_init(&xml, (size_t)16 << 20);
	base_buf_init(&seen.text, 1000);
	base_buf_add_text(&xml, head);
	for (size_t i = 0; i < count && xml.failed == BASE_OK; i++) {
		size_t before = strcspn(item, "#");

		base_buf_printf(&xml, "%.*s%zx%s", (int)before, item, i, item + before + 1);
	}
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	start = clock();
	assert_int_equal(feed_opml_read("x", base_buf_span(&xml), note, &seen, problems), want);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	assert_true(base_problems_count(problems) > 0);
	base_problems_free(problems);
	base_buf_free(&seen.text);
	base_buf_free(&xml);
}

static void storms_end_early(void **state)
{
	(void)state;
	storm("<opml><outline ", "x#='' ", 40000, BASE_LIMIT);
	storm("<opml>", "<x#/>\n", 400000, BASE_LIMIT);
	storm("<opml>", "<outline a#=''/>\n", 400000, BASE_LIMIT);
	storm("<opml>", "<outline text='#'/>\n", 200000, BASE_LIMIT);
	storm("", "<opml><outline><!--#-->", 1000, BASE_SYNTAX);
}

static void long_names_are_cut_and_long_addresses_refused(void **state)
{
	struct base_problems *problems;
	struct seen seen = {.count = 0};
	struct base_buf xml;

	(void)state;
	base_buf_init(&xml, 100000);
	base_buf_init(&seen.text, 100000);
	base_buf_add_text(&xml, "<opml><outline xmlUrl='http://a.example/' text='");
	for (size_t i = 0; i < 1000; i++)
		base_buf_add_text(&xml, "ї");
	base_buf_add_text(&xml, "'/>\n<outline xmlUrl='http://b.example/");
	for (size_t i = 0; i < 9000; i++)
		base_buf_add_text(&xml, "x");
	base_buf_add_text(&xml, "'/><outline xmlUrl='http://c.example/'/></opml>");
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(feed_opml_read("x", base_buf_span(&xml), note, &seen, problems), BASE_SYNTAX);
	assert_int_equal(seen.count, 2);
	assert_int_equal(base_problems_count(problems), 1);
	assert_string_equal(base_problems_at(problems, 0), "x:2: the address is too long");
	assert_true(base_utf8_valid(seen.text.data, seen.text.len));
	base_problems_free(problems);
	base_buf_free(&seen.text);
	base_buf_free(&xml);
}

static void the_reader_of_a_list_may_stop_it(void **state)
{
	struct base_problems *problems;
	struct seen seen = {.stop_at = 1};

	(void)state;
	base_buf_init(&seen.text, 1000);
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	assert_int_equal(feed_opml_read("x",
									base_span_of(LIST("<outline xmlUrl='http://a.example/'/>"
													  "<outline xmlUrl='http://b.example/'/>")),
									note, &seen, problems),
					 BASE_BUSY);
	assert_int_equal(seen.count, 1);
	assert_int_equal(base_problems_count(problems), 0);
	base_problems_free(problems);
	base_buf_free(&seen.text);
}

static void what_is_written_reads_the_same(void **state)
{
	struct base_span tags[] = {base_span_of("News"), base_span_of("\"East\""), base_span_of("War")};
	struct feed_outline outlines[] = {
		{.url = base_span_of("https://a.example/?a=1&b=\"<'>"),
		 .name = base_span_of("A & \"B\" <c>\n\ttab"),
		 .language = base_span_of("uk")},
		{.url = base_span_of("http://b.example/"), .tags = tags, .tag_count = 2},
		{.url = base_span_of("http://c.example/"), .name = {"\x01x\xFF", 3}, .tags = tags, .tag_count = 3},
		{.url = base_span_of("http://d.example/"), .tags = tags + 2, .tag_count = 1},
	};
	struct base_buf out;

	(void)state;
	base_buf_init(&out, 10000);
	assert_int_equal(feed_opml_write(outlines, 4, &out), BASE_OK);
	list_gives(base_buf_span(&out), BASE_OK,
			   "7: https://a.example/?a=1&b=\"<'> A & \"B\" <c>\n\ttab uk\n10: http://b.example/ http://b.example/ - #News #\"East\"\n"
			   "12: http://c.example/ x\xEF\xBF\xBD - #News #\"East\" #War\n"
			   "17: http://d.example/ http://d.example/ - #War\n",
			   NULL);
	base_buf_free(&out);
	base_buf_init(&out, 100);
	assert_int_equal(feed_opml_write(outlines, 3, &out), BASE_LIMIT);
	base_buf_free(&out);
}

static void folders_and_categories_are_tags(void **state)
{
	(void)state;
	gives("<opml><body>\n"
		  "<outline text='News'><outline title='East &amp; West'>\n"
		  "<outline xmlUrl='http://a.b/1' category='/War/Arms, News ,,/'/>\n"
		  "</outline>\n"
		  "<outline xmlUrl='http://a.b/2'/></outline>\n"
		  "<outline text=''><outline xmlUrl='http://a.b/3'/></outline>\n"
		  "<outline text='Closed'/><outline xmlUrl='http://a.b/4'/>\n"
		  "</body></opml>",
		  BASE_OK,
		  "3: http://a.b/1 - - #News #East & West #War/Arms\n5: http://a.b/2 - - #News\n6: http://a.b/3 - -\n"
		  "7: http://a.b/4 - -\n",
		  NULL);
}

static void folders_in_folders_end_somewhere(void **state)
{
	struct base_buf xml;
	char want[200] = "1: http://a.b/ - -";

	(void)state;
	base_buf_init(&xml, 10000);
	base_buf_add_text(&xml, "<opml><body>");
	for (int i = 0; i < 40; i++)
		base_buf_printf(&xml, "<outline text='%d'>", i);
	base_buf_add_text(&xml, "<outline xmlUrl='http://a.b/'/>");
	for (int i = 0; i < 40; i++)
		base_buf_add_text(&xml, "</outline>");
	base_buf_add_text(&xml, "</body></opml>");
	for (int i = 0; i < FEED_OUTLINE_TAGS; i++)
		(void)snprintf(want + strlen(want), sizeof(want) - strlen(want), " #%d", i);
	(void)snprintf(want + strlen(want), sizeof(want) - strlen(want), "\n");
	gives(xml.data, BASE_OK, want, NULL);
	base_buf_free(&xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_lists_are_read_with_their_lines),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(hostile_lists_are_refused),
		cmocka_unit_test(storms_end_early),
		cmocka_unit_test(long_names_are_cut_and_long_addresses_refused),
		cmocka_unit_test(the_reader_of_a_list_may_stop_it),
		cmocka_unit_test(folders_and_categories_are_tags),
		cmocka_unit_test(folders_in_folders_end_somewhere),
		cmocka_unit_test(what_is_written_reads_the_same),
	};
	return cmocka_run_group_tests_name("feed: opml", tests, NULL, NULL);
}
