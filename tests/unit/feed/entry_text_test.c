/* The text the rules read: which of summary and content, and that no word is lost or joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wirewatch/feed.h"

static struct feed_entry entry_of(const char *summary, const char *content)
{
	return (struct feed_entry){.summary = base_span_of(summary), .content = base_span_of(content)};
}

static void assert_text(struct feed_entry entry, const char *expected)
{
	struct base_buf text;

	base_buf_init(&text, 4096);
	assert_int_equal(feed_entry_text(&entry, &text), BASE_OK);
	assert_string_equal(text.len ? text.data : "", expected);
	base_buf_free(&text);
}

static void test_only_one_of_them(void **state)
{
	(void)state;
	assert_text(entry_of(NULL, NULL), "");
	assert_text(entry_of("<p>Поставки</p>", NULL), "Поставки");
	assert_text(entry_of(NULL, "<p>Поставки</p>"), "Поставки");
}

static void test_a_summary_that_is_the_start_of_the_content_is_not_repeated(void **state)
{
	(void)state;
	assert_text(entry_of("Поставки ракет призупинено.", "<p>Поставки ракет призупинено. Чому?</p>"),
	            "Поставки ракет призупинено. Чому?");
	assert_text(entry_of("Поставки ракет…", "<p>Поставки ракет призупинено.</p>"), "Поставки ракет призупинено.");
	assert_text(entry_of("Поставки ракет [...]", "<p>Поставки ракет призупинено.</p>"), "Поставки ракет призупинено.");
	assert_text(entry_of("same", "same"), "same");
}

static void test_a_content_that_says_less_than_the_summary_gives_way(void **state)
{
	(void)state;
	assert_text(entry_of("Поставки ракет призупинено.", "<p>Поставки</p>"), "Поставки ракет призупинено.");
	assert_text(entry_of("words", "<img src='x'>"), "words");
}

static void test_both_when_they_differ(void **state)
{
	(void)state;
	assert_text(entry_of("Перше.", "<p>Друге.</p>"), "Друге.\n\nПерше.");
}

static void test_plain_text_is_no_markup(void **state)
{
	struct feed_entry entry = entry_of(NULL, "a <b> & &amp; c");

	(void)state;
	entry.content_plain = true;
	assert_text(entry, "a <b> & &amp; c");
}

static void test_markup_escaped_once_too_often(void **state)
{
	(void)state;
	assert_text(entry_of("&lt;p&gt;Один&lt;/p&gt;&lt;p&gt;два&amp;nbsp;три&lt;/p&gt;", NULL), "Один\n\nдва три");
}

static void test_words_are_neither_joined_nor_parted(void **state)
{
	(void)state;
	assert_text(entry_of("<p>Один</p><p>два</p>", NULL), "Один\n\nдва");
	assert_text(entry_of("ра<b>ке</b>ти", NULL), "ракети");
	assert_text(entry_of("один<br>два<br/>три", NULL), "один\nдва\nтри");
	assert_text(entry_of("<td>один</td><td>два</td>", NULL), "один\nдва");
	assert_text(entry_of("один&nbsp;два&#160;три\xC2\xA0чотири", NULL), "один два три чотири");
	assert_text(entry_of("AT&T і R&D; 1 < 2", NULL), "AT&T і R&D; 1 < 2");
	assert_text(entry_of("ра\xC2\xADкети &shy;і&zwnj;", NULL), "ракети і\xE2\x80\x8C");
}

static void test_a_longer_text_is_cut_at_a_character(void **state)
{
	struct feed_entry entry = entry_of("Поставки", NULL);
	struct base_buf text;

	(void)state;
	base_buf_init(&text, 7);
	assert_int_equal(feed_entry_text(&entry, &text), BASE_LIMIT);
	assert_string_equal(text.data, "Пос");
	base_buf_free(&text);
}

static void test_it_is_added_to_what_is_there(void **state)
{
	struct feed_entry entry = entry_of("Довший підсумок", "Довший");
	struct base_buf text;

	(void)state;
	base_buf_init(&text, 100);
	base_buf_add_text(&text, "Заголовок\n");
	assert_int_equal(feed_entry_text(&entry, &text), BASE_OK);
	assert_string_equal(text.data, "Заголовок\nДовший підсумок");
	base_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_one_of_them),
		cmocka_unit_test(test_a_summary_that_is_the_start_of_the_content_is_not_repeated),
		cmocka_unit_test(test_a_content_that_says_less_than_the_summary_gives_way),
		cmocka_unit_test(test_both_when_they_differ),
		cmocka_unit_test(test_plain_text_is_no_markup),
		cmocka_unit_test(test_markup_escaped_once_too_often),
		cmocka_unit_test(test_words_are_neither_joined_nor_parted),
		cmocka_unit_test(test_a_longer_text_is_cut_at_a_character),
		cmocka_unit_test(test_it_is_added_to_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
