/*
 * What must hold for every feed: cutting it, shuffling, duplicating or
 * re-encoding its entries neither loses an entry nor doubles one. The feeds
 * are made from numbers, the same ones at each run.
 */
#include "config.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wirewatch/feed.h"

#define ENTRIES 24
#define ROUNDS 40
#define ROOM ((size_t)1 << 20)

static const char *const words[] = {"ракета", "поставки", "&amp;", "угода", "&lt;i&gt;пакет&lt;/i&gt;", "їжак", "ґанок", "AT&amp;T"};

static uint32_t next_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223; /* Numerical Recipes' generator */
	return *seed >> 8;
}

/* Kinds of entries differ in what names them: guid, link, title with date, text. */
static void add_entry(struct base_buf *out, uint32_t number)
{
	uint32_t seed = number * 2654435761u + 1;

	base_buf_add_text(out, "<item>");
	if (number % 4 < 3)
		base_buf_printf(out, "<title>Новина %u</title>", number);
	if (number % 4 == 0)
		base_buf_printf(out, "<guid isPermaLink=\"false\">id-%u</guid>", number);
	if (number % 4 == 1)
		base_buf_printf(out, "<link>https://example.org/%u</link>", number);
	if (number % 4 == 2)
		base_buf_printf(out, "<pubDate>Tue, 03 Feb 2026 04:%02u:06 +0000</pubDate>", number % 60);
	base_buf_printf(out, "<description>%s%u", number % 5 ? "" : "<![CDATA[", number);
	for (uint32_t count = next_number(&seed) % 20; count; count--)
		base_buf_printf(out, " %s", words[next_number(&seed) % (sizeof words / sizeof *words)]);
	base_buf_printf(out, "%s</description></item>\n", number % 5 ? "" : "]]>");
}

static void open_feed(struct base_buf *out, const char *charset)
{
	base_buf_init(out, ROOM);
	base_buf_printf(out, "<?xml version=\"1.0\" encoding=\"%s\"?><rss version=\"2.0\"><channel><title>F</title>\n", charset);
}

static void make_feed(struct base_buf *out, const uint32_t *numbers, size_t count, const char *charset)
{
	open_feed(out, charset);
	for (size_t i = 0; i < count; i++)
		add_entry(out, numbers[i]);
	base_buf_add_text(out, "</channel></rss>\n");
	assert_int_equal(out->failed, BASE_OK);
}

static struct feed_document *read_feed(struct base_span bytes)
{
	struct feed_input input = {.bytes = bytes, .now = BASE_TIME_NONE};
	struct feed_document *document = NULL;
	struct base_error err;

	if (feed_parse(&input, &document, &err) != BASE_OK)
		return NULL;
	return document;
}

static void count_up(uint32_t *numbers, uint32_t start)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		numbers[i] = start + i;
}

static bool same_key(const struct feed_entry *a, const struct feed_entry *b)
{
	return memcmp(&a->key, &b->key, sizeof a->key) == 0;
}

/* All keys of a document differ, and none is zero. */
static void assert_distinct(const struct feed_document *document)
{
	static const struct feed_key none;

	for (size_t i = 0; i < document->entry_count; i++) {
		assert_memory_not_equal(&document->entries[i].key, &none, sizeof none);
		for (size_t k = 0; k < i; k++)
			assert_false(same_key(&document->entries[i], &document->entries[k]));
	}
}

/* The entry with the same key; it must be there and be unchanged. */
static void assert_holds(const struct feed_document *document, const struct feed_entry *entry)
{
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct feed_entry *other = &document->entries[i];
		if (!same_key(other, entry))
			continue;
		assert_memory_equal(&other->change, &entry->change, sizeof entry->change);
		assert_true(base_span_equal(other->title, entry->title));
		assert_true(base_span_equal(other->item, entry->item));
		return;
	}
	fail_msg("an entry is lost");
}

static void shuffle(uint32_t *numbers, size_t count, uint32_t *seed)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t k = next_number(seed) % (i + 1);
		uint32_t other = numbers[i];
		numbers[i] = numbers[k];
		numbers[k] = other;
	}
}

static void test_shuffled_entries_stay_themselves(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t numbers[ENTRIES];
		struct base_buf one, other;
		count_up(numbers, round * 100);
		make_feed(&one, numbers, ENTRIES, "utf-8");
		shuffle(numbers, ENTRIES, &seed);
		make_feed(&other, numbers, ENTRIES, "utf-8");
		struct feed_document *before = read_feed(base_buf_span(&one)), *after = read_feed(base_buf_span(&other));
		assert_non_null(before);
		assert_non_null(after);
		assert_int_equal(before->entry_count, ENTRIES);
		assert_int_equal(after->entry_count, ENTRIES);
		assert_distinct(before);
		for (size_t i = 0; i < ENTRIES; i++)
			assert_holds(after, &before->entries[i]);
		feed_free(before);
		feed_free(after);
		base_buf_free(&one);
		base_buf_free(&other);
	}
}

static void test_an_entry_that_comes_twice_is_one(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t numbers[ENTRIES + 4];
		struct base_buf one, twice;
		count_up(numbers, round * 100);
		make_feed(&one, numbers, ENTRIES, "utf-8");
		for (uint32_t i = 0; i < 4; i++)
			numbers[ENTRIES + i] = numbers[(round * 7 + i) % ENTRIES];
		make_feed(&twice, numbers, ENTRIES + 4, "utf-8");
		struct feed_document *before = read_feed(base_buf_span(&one)), *after = read_feed(base_buf_span(&twice));
		assert_non_null(before);
		assert_non_null(after);
		assert_int_equal(after->entry_count, ENTRIES + 4);
		for (size_t i = 0; i < ENTRIES; i++)
			assert_holds(after, &before->entries[i]);
		for (size_t i = 0; i < 4; i++)
			assert_holds(before, &after->entries[ENTRIES + i]);
		feed_free(before);
		feed_free(after);
		base_buf_free(&one);
		base_buf_free(&twice);
	}
}

/* How many entries are complete in the first len bytes. */
static size_t whole_entries(struct base_span feed, size_t len)
{
	size_t count = 0;
	const char *at = feed.ptr, *end = feed.ptr + len;

	while ((at = memmem(at, (size_t)(end - at), "</item>", 7))) {
		at += 7;
		count++;
	}
	return count;
}

static void test_a_cut_feed_keeps_its_whole_entries(void **state)
{
	uint32_t numbers[ENTRIES];
	struct base_buf feed;

	(void)state;
	count_up(numbers, 4000);
	make_feed(&feed, numbers, ENTRIES, "utf-8");
	struct feed_document *whole = read_feed(base_buf_span(&feed));
	assert_non_null(whole);
	for (size_t len = (size_t)(strstr(feed.data, "<item>") - feed.data); len < feed.len; len++) {
		/* bytes of its own, so that reading beyond them is seen */
		char *bytes = malloc(len);
		assert_non_null(bytes);
		memcpy(bytes, feed.data, len);
		struct feed_document *cut = read_feed((struct base_span){bytes, len});
		assert_non_null(cut);
		assert_int_equal(cut->entry_count, whole_entries(base_buf_span(&feed), len));
		for (size_t i = 0; i < cut->entry_count; i++) {
			assert_true(same_key(&cut->entries[i], &whole->entries[i]));
			assert_true(base_span_equal(cut->entries[i].summary, whole->entries[i].summary));
		}
		feed_free(cut);
		free(bytes);
	}
	feed_free(whole);
	base_buf_free(&feed);
}

static void encode(struct base_span utf8, const char *charset, struct base_buf *out)
{
	iconv_t converter = iconv_open(charset, "UTF-8");
	char *from = (char *)(uintptr_t)utf8.ptr;
	size_t left = utf8.len;

	assert_true(converter != (iconv_t)-1);
	base_buf_init(out, ROOM);
	assert_int_equal(base_buf_reserve(out, 4 * utf8.len + 8), BASE_OK);
	char *to = out->data;
	size_t room = 4 * utf8.len + 8;
	assert_int_equal(iconv(converter, &from, &left, &to, &room), 0);
	out->len = (size_t)(to - out->data);
	iconv_close(converter);
}

static void test_an_encoded_feed_says_the_same(void **state)
{
	static const char *const charsets[] = {"windows-1251", "KOI8-U", "UTF-16LE", "UTF-16BE", "UTF-16", "ISO-8859-5", "GB18030"};
	uint32_t numbers[ENTRIES];
	struct base_buf plain, feed, encoded;

	(void)state;
	for (size_t c = 0; c < sizeof charsets / sizeof *charsets; c++) {
		bool short_of_letters = strcmp(charsets[c], "ISO-8859-5") == 0; /* it has no ґ */
		count_up(numbers, 7000);
		make_feed(&plain, numbers, ENTRIES, "utf-8");
		make_feed(&feed, numbers, ENTRIES, charsets[c]);
		for (char *at = feed.data; short_of_letters && (at = strstr(at, "ґ"));)
			memcpy(at, "г", 2);
		for (char *at = plain.data; short_of_letters && (at = strstr(at, "ґ"));)
			memcpy(at, "г", 2);
		encode(base_buf_span(&feed), charsets[c], &encoded);
		struct feed_document *before = read_feed(base_buf_span(&plain)), *after = read_feed(base_buf_span(&encoded));
		assert_non_null(before);
		assert_non_null(after);
		assert_int_equal(after->entry_count, ENTRIES);
		for (size_t i = 0; i < ENTRIES; i++) {
			assert_holds(after, &before->entries[i]);
			assert_true(base_span_equal(after->entries[i].summary, before->entries[i].summary));
		}
		feed_free(before);
		feed_free(after);
		base_buf_free(&plain);
		base_buf_free(&feed);
		base_buf_free(&encoded);
	}
}

/* Any byte may break; the entries that end before it stay, and so do those that begin after it. */
static void test_a_broken_byte_costs_one_entry_at_most(void **state)
{
	static const char broken[] = {'\0', '\x01', '&', '\xFF', '\x0C'};
	uint32_t numbers[ENTRIES], seed = 5;
	struct base_buf feed;

	(void)state;
	count_up(numbers, 9000);
	make_feed(&feed, numbers, ENTRIES, "utf-8");
	size_t start = (size_t)(strstr(feed.data, "<item>") - feed.data);
	for (int round = 0; round < 400; round++) {
		size_t place = start + next_number(&seed) % (feed.len - start - 20);
		char was = feed.data[place];
		/* in tags and marks a byte changes what is an entry */
		if (was != ' ' && (was & 0x80) == 0)
			continue;
		feed.data[place] = broken[(size_t)round % sizeof broken];
		struct feed_document *document = read_feed(base_buf_span(&feed));
		assert_non_null(document);
		assert_int_equal(document->entry_count, ENTRIES);
		feed_free(document);
		feed.data[place] = was;
	}
	base_buf_free(&feed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shuffled_entries_stay_themselves),
		cmocka_unit_test(test_an_entry_that_comes_twice_is_one),
		cmocka_unit_test(test_a_cut_feed_keeps_its_whole_entries),
		cmocka_unit_test(test_an_encoded_feed_says_the_same),
		cmocka_unit_test(test_a_broken_byte_costs_one_entry_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
