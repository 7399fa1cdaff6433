/* HTML to plain text: no word lost, none joined, no markup left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "entity.h"
#include "html.h"
#include "wirewatch/feed.h"

static void bytes_give(const char *html, size_t len, const char *want)
{
	struct base_buf text;

	base_buf_init(&text, 100000);
	assert_int_equal(feed_html_to_text((struct base_span){html, len}, &text), BASE_OK);
	assert_string_equal(text.data == NULL ? "" : text.data, want);
	base_buf_free(&text);
}

static void gives(const char *html, const char *want)
{
	bytes_give(html, strlen(html), want);
}

static void block_tags_part_sentences(void **state)
{
	(void)state;
	gives("one<br>two<BR/>three", "one\ntwo\nthree");
	gives("<p>one</p><p>two</p>", "one\n\ntwo");
	gives("<p>one<p>two", "one\n\ntwo");
	gives("<h2>Head</h2>body<div>div</div>after", "Head\n\nbody\ndiv\nafter");
	gives("<ul><li>a</li><li>b<li>c</ul>", "a\nb\nc");
	gives("<table><tr><td>18</td><td>HIMARS</td></tr><tr><th>x</th></tr></table>", "18\nHIMARS\nx");
	gives("<blockquote>\"no\"</blockquote>said", "\"no\"\n\nsaid");
	gives("a<hr>b<pre>c</pre>d", "a\n\nb\n\nc\n\nd");
}

static void inline_tags_join_and_pictures_part(void **state)
{
	(void)state;
	gives("Pat<b>ri</b>ot", "Patriot");
	gives("Pat<wbr>riot<foo>s</foo>", "Patriots");
	gives("a<img src=x alt='not this'>b", "a b");
	gives("<a href=\"x\" title='1 > 0'>link</a>ed", "linked");
	gives("<A\nHREF='x'\n>word</A\n> next", "word next");
}

static void white_space_is_folded(void **state)
{
	(void)state;
	gives("  a \t\r\n b  ", "a b");
	gives("до&nbsp;поставки", "до поставки");
	gives("a\xC2\xA0\xC2\xA0"
		  "b\xE2\x80\x89"
		  "c\xE3\x80\x80"
		  "d\xE2\x80\xAF"
		  "e",
		  "a b c d e");
	gives("a\xE2\x80\xA8"
		  "b\xE2\x80\xA9"
		  "c",
		  "a\nb\n\nc");
	gives("<p> </p><p>&nbsp;</p>x<br> ", "x");
	gives("deli\xC2\xADver\xE2\x80\x8B"
		  "ies\xEF\xBB\xBF!",
		  "deliveries!");
	gives("deli&shy;very&ZeroWidthSpace;", "delivery");
	gives("a\x0B"
		  "b\x0C"
		  "c",
		  "a b c");
	bytes_give("wo\0rd\x01s\x7F", 8, "words");
	gives("\xE2\x80\x8FPatriot\xE2\x80\x8E", "Patriot");
	gives("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80");
}

/* Plain text is taken by several bytes at a time: what is not plain is seen wherever it stands. */
static void every_place_is_looked_at(void **state)
{
	static const char *const pieces[][2] = {
		{"  ", " "}, {"\t", " "}, {" \n", " "}, {"\xC2\xA0", " "}, {"\x01", ""}, {"\x7F", ""}, {"<b>", ""},
		{"&amp;", "&"}, {"]", "]"}, {"é", "é"}, {" é", " é"}, {"é ", "é "}, {"—", "—"}, {" < ", " < "}, {"\xD8\x9C", ""}, {"~!", "~!"},
	};
	static const char words[] = "ab cde fghijk l mnopqrstuvw xyz";

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		for (size_t at = 0; at < sizeof words; at++) {
			char html[64], want[64];
			bool start = at == 0 || words[at - 1] == ' ', end = words[at] == ' ' || words[at] == '\0';
			const char *piece = pieces[i][1], *rest = words + at;

			(void)snprintf(html, sizeof html, "%.*s%s%s", (int)at, words, pieces[i][0], rest);
			if (start && *piece == ' ')
				piece++;
			int len = snprintf(want, sizeof want, "%.*s%s", (int)at, words, piece);
			if (end && len > 0 && want[len - 1] == ' ')
				len--;
			(void)snprintf(want + len, sizeof want - (size_t)len, "%s", rest);
			gives(html, want);
		}
	}
}

static void entities_are_decoded(void **state)
{
	(void)state;
	gives("AT&amp;T &lt;b&gt; &quot;x&quot; &apos;", "AT&T <b> \"x\" '");
	gives("&laquo;Петріот&raquo; &mdash; &hellip;", "«Петріот» — …");
	gives("AT&T and R&D; x & y &", "AT&T and R&D; x & y &");
	gives("&copy2026 &notit; &ampamp &amp", "©2026 ¬it; &amp &");
	gives("&nosuch; &nosuch", "&nosuch; &nosuch");
	gives("&#1055;&#x43e;&#X43A&#1086 &#; &#x; &#xg", "Поко &#; &#x; &#xg");
	gives("&#128;&#147;x&#x94;&#150;", "€“x”–");
	gives("&#0;&#xD800;&#x110000;&#99999999999999;", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	gives("&NotEqualTilde;&fjlig;", "≂̸fj");
	gives("&CounterClockwiseContourIntegral;", "∳");
	gives("&amp;lt;b&amp;gt;", "&lt;b&gt;");
}

static void the_entity_table_is_complete_and_sorted(void **state)
{
	uint32_t points[2];

	(void)state;
	assert_int_equal(feed_entity_count, 2125);
	for (size_t i = 0; i < feed_entity_count; i++) {
		const struct feed_entity *entity = &feed_entities[i];

		assert_true(i == 0 || strcmp(feed_entities[i - 1].name, entity->name) < 0);
		assert_true(feed_entity_find(entity->name, strlen(entity->name), points));
		assert_int_equal(points[0], entity->first);
		assert_int_equal(points[1], entity->second);
	}
	assert_false(feed_entity_find("nbs", 3, points));
	assert_false(feed_entity_find("nbspx", 5, points));
	assert_false(feed_entity_find("", 0, points));
	assert_false(feed_entity_find("nbsp\0", 5, points));
}

static void what_is_not_shown_is_dropped(void **state)
{
	(void)state;
	gives("a<script>var x = '<b>no</b>';</script>b", "a b");
	gives("a<SCRIPT type='x'>no</Script >b<style>p{}</style>c", "a b c");
	gives("a<script src='x'/>b", "a b");
	gives("a<script>no</scriptx>no</script>b<script>never closed", "a b");
	gives("a<!-- no -->b<!-->c<!--->d<!-- no --!>e<!---->f", "abcdef");
	gives("a<template><p>no<template>no</template>no</p></template>b</template>c", "abc");
	gives("<!DOCTYPE html><?php no ?>a</ no>b", "ab");
	gives("<![CDATA[kept <b>words</b>]]> and ]]>", "kept words and ]]>");
	gives("<noscript>shown</noscript>", "shown");
}

static void no_words_are_lost_to_mistakes(void **state)
{
	(void)state;
	gives("1 < 2 and 3 <4 and <$5 and <", "1 < 2 and 3 <4 and <$5 and <");
	gives("if a <b then stop", "if a <b then stop");
	gives("text <a href=\"http://exam", "text");
	gives("text <br", "text");
	gives("text </stro", "text");
	gives("<a href=\"x>one</a> two", "one two");
	gives("<a href=\"x>one \"two\" three", "one \"two\" three");
	gives("a <!-- never closed > b", "a b");
	gives("a <!-- never closed", "a <!-- never closed");
	gives("a<template>b", "ab");
	gives("<b>one <i>two", "one two");
	gives("<p title=it's>one</p><p title=that's>two</p>", "one\n\ntwo");
	gives("<ракета> летить", "<ракета> летить");
}

static void ill_formed_bytes_become_replacements(void **state)
{
	(void)state;
	gives("a\xFF"
		  "b\xE2\x82 c\xC3",
		  "a\xEF\xBF\xBD"
		  "b\xEF\xBF\xBD c\xEF\xBF\xBD");
}

static void a_long_text_is_cut_at_a_code_point(void **state)
{
	struct base_buf text;

	(void)state;
	base_buf_init(&text, 7);
	assert_int_equal(feed_html_to_text(base_span_of("зброя"), &text), BASE_LIMIT);
	assert_string_equal(text.data, "збр");
	base_buf_free(&text);
	base_buf_init(&text, 4);
	assert_int_equal(feed_html_to_text(base_span_of("<p>ab<p>cd"), &text), BASE_LIMIT);
	assert_string_equal(text.data, "ab\n\n");
	base_buf_free(&text);
}

static void plain_text_keeps_its_signs(void **state)
{
	struct base_buf text;

	(void)state;
	base_buf_init(&text, 100);
	assert_int_equal(feed_plain_to_text(base_span_of(" 1 <b> AT&amp;T ]]>\nx\n\n y\xC2\xA0z "), &text), BASE_OK);
	assert_string_equal(text.data, "1 <b> AT&amp;T ]]> x\n\ny z");
	base_buf_free(&text);
	base_buf_init(&text, 100);
	assert_int_equal(feed_plain_to_text(BASE_NONE, &text), BASE_OK);
	assert_int_equal(text.len, 0);
	assert_int_equal(feed_html_to_text(BASE_NONE, &text), BASE_OK);
	base_buf_free(&text);
}

/* Each of these would take hours if any search were repeated. */
static void the_worst_inputs_take_linear_time(void **state)
{
	static const char *const storms[] = {
		"<",
		"<a",
		"<a ",
		"<!--",
		"<!",
		"</",
		"</a",
		"<a b=\"",
		"<a b='\"",
		"<script>",
		"<template>",
		"&",
		"&a",
		"&#",
		"&#x1",
		"&CounterClockwiseContourIntegra",
		"<![CDATA[",
		"]]>",
		"-",
		"<!---",
		"<a =\">",
		"<a ='>\"",
		"<style",
		"<template></template",
		"<p",
		"<b x",
		"&amp",
		"\xC2",
		"\xF0\x9F",
		"\xFF",
		"<a b=\"'>'\" c='\">",
		"<a\"b=c>",
	};
	size_t size = (size_t)2 << 20;
	char *html = malloc(size);

	(void)state;
	assert_non_null(html);
	for (size_t i = 0; i < sizeof(storms) / sizeof(storms[0]); i++) {
		size_t len = strlen(storms[i]);
		struct base_buf text;
		clock_t start = clock();

		for (size_t at = 0; at < size; at++)
			html[at] = storms[i][at % len];
		base_buf_init(&text, 4 * size);
		assert_int_equal(feed_html_to_text((struct base_span){html, size}, &text), BASE_OK);
		base_buf_free(&text);
		if (clock() - start > 3 * CLOCKS_PER_SEC)
			fail_msg("%s takes %ld ms", storms[i], (long)((clock() - start) * 1000 / CLOCKS_PER_SEC));
	}
	free(html);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_tags_part_sentences),
		cmocka_unit_test(inline_tags_join_and_pictures_part),
		cmocka_unit_test(white_space_is_folded),
		cmocka_unit_test(every_place_is_looked_at),
		cmocka_unit_test(entities_are_decoded),
		cmocka_unit_test(the_entity_table_is_complete_and_sorted),
		cmocka_unit_test(what_is_not_shown_is_dropped),
		cmocka_unit_test(no_words_are_lost_to_mistakes),
		cmocka_unit_test(ill_formed_bytes_become_replacements),
		cmocka_unit_test(a_long_text_is_cut_at_a_code_point),
		cmocka_unit_test(plain_text_keeps_its_signs),
		cmocka_unit_test(the_worst_inputs_take_linear_time),
	};
	return cmocka_run_group_tests_name("feed: html", tests, NULL, NULL);
}
