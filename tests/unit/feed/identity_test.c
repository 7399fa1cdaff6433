/* Identity: entries are the same ones however the document around them changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

#define MOST 8

/* Some with the same guid, with none, with nothing but a text. */
static const char *const items[MOST] = {
	"<guid>g1</guid><title>перша</title><link>http://h/1</link>",
	"<guid>g2</guid><title>друга</title><link>http://h/2</link>",
	"<guid>same</guid><title>третя</title><link>http://h/3</link>",
	"<guid>same</guid><title>четверта</title><link>http://h/4</link>",
	"<guid>same</guid><title>п'ята</title><link>http://h/4</link>",
	"<title>без guid</title><link>http://h/6#top</link>",
	"<title>лише назва</title><pubDate>2026-01-01</pubDate>",
	"<description>лише текст</description>",
};

static struct feed_document *read_bytes(struct base_span bytes)
{
	struct feed_input input = {.bytes = bytes, .now = BASE_TIME_NONE};
	struct feed_document *document = NULL;
	struct base_error err = {""};

	if (feed_parse(&input, &document, &err) != BASE_OK)
		fail_msg("%s", err.text);
	return document;
}

static void make(struct base_buf *out, const int *order, size_t count)
{
	base_buf_init(out, 10000);
	base_buf_add_text(out, "<rss><channel>");
	for (size_t i = 0; i < count; i++)
		base_buf_printf(out, "<item>%s</item>", items[order[i]]);
	base_buf_add_text(out, "</channel></rss>");
}

static struct feed_document *read_order(const int *order, size_t count)
{
	struct base_buf out;

	make(&out, order, count);
	struct feed_document *document = read_bytes(base_buf_span(&out));
	base_buf_free(&out);
	return document;
}

static struct feed_document *read_item(const char *item)
{
	struct base_buf out;

	base_buf_init(&out, 10000);
	base_buf_printf(&out, "<rss><channel><link>http://h/</link><item>%s</item></channel></rss>", item);
	struct feed_document *document = read_bytes(base_buf_span(&out));
	base_buf_free(&out);
	return document;
}

static bool same(const struct feed_key *a, const struct feed_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool is_none(const struct feed_key *key)
{
	static const struct feed_key none;

	return same(key, &none);
}

static const int whole[MOST] = {0, 1, 2, 3, 4, 5, 6, 7};

static void all_entries_have_keys_of_their_own(void **state)
{
	struct feed_document *feed = read_order(whole, MOST);
	(void)state;

	for (size_t i = 0; i < MOST; i++) {
		assert_false(is_none(&feed->entries[i].key));
		for (size_t j = 0; j < i; j++)
			assert_false(same(&feed->entries[i].key, &feed->entries[j].key));
	}
	feed_free(feed);
}

/* Any order, and any entry twice: the keys are those of the plain document. */
static void order_and_repetition_change_no_key(void **state)
{
	struct feed_document *plain = read_order(whole, MOST);
	(void)state;
	unsigned seed = 7;

	for (int round = 0; round < 500; round++) {
		int order[2 * MOST];
		size_t count = MOST;
		memcpy(order, whole, sizeof whole);
		for (size_t i = 0; i < MOST; i++) {
			seed = seed * 1103515245u + 12345u;
			if (seed >> 16 & 1)
				order[count++] = (int)i;
		}
		for (size_t i = count - 1; i > 0; i--) {
			seed = seed * 1103515245u + 12345u;
			size_t j = (seed >> 16) % (i + 1);
			int kept = order[i];
			order[i] = order[j];
			order[j] = kept;
		}
		struct feed_document *feed = read_order(order, count);
		assert_int_equal(feed->entry_count, count);
		for (size_t i = 0; i < count; i++) {
			assert_true(same(&feed->entries[i].key, &plain->entries[order[i]].key));
			assert_true(same(&feed->entries[i].change, &plain->entries[order[i]].change));
		}
		feed_free(feed);
	}
	feed_free(plain);
}

/*
 * Every part of the document alone: an entry is known by its key or, where the
 * guid it shared is now its own, by its link, its title and date; and a key
 * never stands for another entry.
 */
static void a_part_of_the_document_is_known_again(void **state)
{
	struct feed_document *plain = read_order(whole, MOST);
	(void)state;

	for (unsigned mask = 1; mask < 1u << MOST; mask++) {
		int order[MOST];
		size_t count = 0;
		for (int i = 0; i < MOST; i++)
			if (mask >> i & 1)
				order[count++] = i;
		struct feed_document *feed = read_order(order, count);
		assert_int_equal(feed->entry_count, count);
		for (size_t i = 0; i < count; i++) {
			const struct feed_entry *entry = &feed->entries[i], *known = &plain->entries[order[i]];
			assert_true(same(&entry->key, &known->key) || same(&entry->link_key, &known->link_key));
			for (size_t j = 0; j < MOST; j++)
				if (j != (size_t)order[i])
					assert_false(same(&entry->key, &plain->entries[j].key));
		}
		feed_free(feed);
	}
	feed_free(plain);
}

static void the_charset_changes_no_key(void **state)
{
	static const char *const charsets[] = {"WINDOWS-1251", "KOI8-U", "UTF-16", "UTF-8"};
	struct feed_document *plain = read_order(whole, MOST);
	struct base_buf out;
	(void)state;

	make(&out, whole, MOST);
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
		char declared[8192], encoded[32768], *from = declared, *to = encoded;
		size_t left = (size_t)snprintf(declared, sizeof declared, "<?xml version=\"1.0\" encoding=\"%s\"?>%s", charsets[i], out.data);
		size_t room = sizeof encoded;
		iconv_t converter = iconv_open(charsets[i], "UTF-8");
		assert_true(converter != (iconv_t)-1);
		assert_true(iconv(converter, &from, &left, &to, &room) != (size_t)-1);
		iconv_close(converter);
		struct feed_document *feed = read_bytes((struct base_span){encoded, sizeof encoded - room});
		assert_int_equal(feed->entry_count, MOST);
		for (size_t k = 0; k < MOST; k++) {
			assert_true(same(&feed->entries[k].key, &plain->entries[k].key));
			assert_true(same(&feed->entries[k].change, &plain->entries[k].change));
		}
		feed_free(feed);
	}
	base_buf_free(&out);
	feed_free(plain);
}

static void only_what_rules_read_is_an_edit(void **state)
{
	static const struct {
		const char *item;
		bool edit;
	} variants[] = {
		{"<guid>g</guid><title>Т</title><link>/a</link><description><![CDATA[<p>текст<img src='c?n=1'></p>]]></description>", false},
		{"<link>/a</link><guid>g</guid><description>&lt;p class='x'>текст&lt;img src='c?n=2'>&lt;/p></description><title>Т</title>", false},
		{"<guid>g</guid><title>Т</title><link>/a</link><pubDate>2026-01-01</pubDate><category>x</category>"
		 "<description><![CDATA[<p>текст<!-- 17 --><img src='c?n=3'></p>]]></description>", false},
		{"<guid>g</guid><title>Т2</title><link>/a</link><description><![CDATA[<p>текст<img src='c?n=1'></p>]]></description>", true},
		{"<guid>g</guid><title>Т</title><link>/b</link><description><![CDATA[<p>текст<img src='c?n=1'></p>]]></description>", true},
		{"<guid>g</guid><title>Т</title><link>/a</link><description><![CDATA[<p>тексту<img src='c?n=1'></p>]]></description>", true},
		{"<guid>g</guid><title>Т</title><link>/a</link><description><![CDATA[<p>тек<br>ст<img src='c?n=1'></p>]]></description>", true},
	};
	struct feed_document *first = read_item(variants[0].item);
	(void)state;

	for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
		struct feed_document *feed = read_item(variants[i].item);
		assert_true(same(&feed->entries[0].key, &first->entries[0].key));
		assert_int_equal(same(&feed->entries[0].change, &first->entries[0].change), !variants[i].edit);
		feed_free(feed);
	}
	feed_free(first);
}

static void add_escaped(struct base_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			base_buf_add_text(out, "&lt;");
		else if (*text == '>')
			base_buf_add_text(out, "&gt;");
		else
			base_buf_add_char(out, *text);
	}
}

static struct feed_document *read_description(const char *before, const char *word, const char *after)
{
	struct base_buf item;

	base_buf_init(&item, 1000);
	base_buf_add_text(&item, "<guid>g</guid><description>");
	add_escaped(&item, before);
	add_escaped(&item, word);
	add_escaped(&item, after);
	base_buf_add_text(&item, "</description>");
	struct feed_document *document = read_item(item.data);
	base_buf_free(&item);
	return document;
}

/* Wherever the words of the text stand, the change tells of another word. */
static void every_word_of_the_text_is_in_the_change(void **state)
{
	static const struct {
		const char *before, *after;
		bool shown;
	} places[] = {
		{"a", "b", true},
		{"a<!-- x -->", "<!-- x -->b", true},
		{"a<!-- ", " -->b", false},
		{"a<!-->", "<!-- x -->b", true},
		{"a<!--->", "<!-- x -->b", true},
		{"a<!---->", "<!-- x -->b", true},
		{"a<!-- x --!>", "<!-- x -->b", true},
		{"a<!-- x ->", "<!-- x -->b", false},
		{"a<!-- x --!", "<!-- x -->b", false},
		{"a<!--[if !mso]><!-->", "<!--<![endif]-->b", true},
		{"a<!-- never closed ", "b", true},
		{"a<img alt='", "'>b", false},
		{"a<img alt='x>y'>", "<br>b", true},
		{"a<![CDATA[", "]]>b", true},
		{"a<?x ", "?>", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		static const char *const words[] = {"10 tanks", "20 tanks"};
		struct feed_document *feeds[2];
		struct base_buf texts[2];
		for (size_t k = 0; k < 2; k++) {
			feeds[k] = read_description(places[i].before, words[k], places[i].after);
			base_buf_init(&texts[k], 1000);
			assert_int_equal(feed_entry_text(&feeds[k]->entries[0], &texts[k]), BASE_OK);
		}
		assert_int_equal(!base_span_equal(base_buf_span(&texts[0]), base_buf_span(&texts[1])), places[i].shown);
		if (places[i].shown && same(&feeds[0]->entries[0].change, &feeds[1]->entries[0].change))
			fail_msg("unseen in %s#%s", places[i].before, places[i].after);
		for (size_t k = 0; k < 2; k++) {
			base_buf_free(&texts[k]);
			feed_free(feeds[k]);
		}
	}
}

static void a_new_guid_leaves_the_secondary_keys(void **state)
{
	struct feed_document *before = read_item("<guid>http://h/x</guid><title>Т</title><link>/a</link><pubDate>2026-01-01</pubDate>");
	struct feed_document *after = read_item("<guid>https://h/x</guid><title>Т</title><link>/a#s</link><pubDate>2026-01-01</pubDate>");
	(void)state;

	assert_false(same(&before->entries[0].key, &after->entries[0].key));
	assert_true(same(&before->entries[0].link_key, &after->entries[0].link_key));
	assert_true(same(&before->entries[0].title_key, &after->entries[0].title_key));
	feed_free(before);
	feed_free(after);
	before = read_item("<title>Т</title>");
	assert_true(is_none(&before->entries[0].link_key));
	assert_true(is_none(&before->entries[0].title_key)); /* a title alone comes again and again */
	feed_free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_entries_have_keys_of_their_own),
	    cmocka_unit_test(order_and_repetition_change_no_key),
	    cmocka_unit_test(a_part_of_the_document_is_known_again),
	    cmocka_unit_test(the_charset_changes_no_key),
	    cmocka_unit_test(only_what_rules_read_is_an_edit),
	    cmocka_unit_test(every_word_of_the_text_is_in_the_change),
	    cmocka_unit_test(a_new_guid_leaves_the_secondary_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
