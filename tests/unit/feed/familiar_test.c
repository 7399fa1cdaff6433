/* Documents of which only what is new is read: what comes of them, and when all of it is read after all. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/fuzz/feed_twice.h"

#define URL "https://example.org/feed/rss.xml"
#define NOW (1770091506 * BASE_SECOND)
#define ROOM ((size_t)1 << 20)

#define RSS "<rss version=\"2.0\"><channel><title>F</title><link>https://example.org/</link>"
#define END "</channel></rss>"
#define ITEM(n) "<item><guid>id-" n "</guid><link>/" n "</link><title>News " n "</title></item>\n"
#define FIVE ITEM("1") ITEM("2") ITEM("3") ITEM("4") ITEM("5")
#define ENTRY(n) "<entry><id>urn:" n "</id><link href='/" n "'/><title>News " n "</title></entry>\n"
#define ATOM "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang='uk'><title>F</title><author><name>A</name></author>"
#define RDF "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns=\"http://purl.org/rss/1.0/\">"
#define RDF_ITEM(n) "<item rdf:about=\"urn:" n "\"><title>" n "</title><link>https://example.org/" n "</link></item>"

/* How many entries of the second document are left out, after the first. */
static size_t left_out(const char *one, const char *other)
{
	struct feed_twice twice = {0};

	feed_twice_read(&twice, URL, base_span_of(one), NOW);
	feed_twice_read(&twice, URL, base_span_of(other), NOW);
	size_t count = twice.left_out;
	feed_twice_free(&twice);
	return count;
}

static void test_only_what_is_new_is_read(void **state)
{
	struct feed_input input = {.bytes = base_span_of(RSS FIVE END), .url = base_span_of(URL), .now = NOW, .remember = true};
	struct feed_document *document;
	struct base_error err;

	(void)state;
	assert_int_equal(feed_parse(&input, &document, &err), BASE_OK);
	assert_int_equal(document->entry_count, 5);
	assert_int_equal(document->left_out, 0);
	struct feed_familiar *set = feed_familiar_take(document), *next;
	assert_non_null(set);
	assert_null(feed_familiar_take(document));
	feed_free(document);

	input.familiar = set;
	input.now += BASE_HOUR;
	input.bytes = base_span_of(RSS ITEM("7") ITEM("1") ITEM("2") ITEM("6") ITEM("4") END);
	assert_int_equal(feed_parse(&input, &document, &err), BASE_OK);
	assert_int_equal(document->left_out, 3);
	assert_int_equal(document->entry_count, 2);
	assert_true(base_span_is(document->entries[0].id, "id-7"));
	assert_true(base_span_is(document->entries[0].link, "https://example.org/7"));
	assert_true(base_span_is(document->entries[1].id, "id-6"));
	next = feed_familiar_take(document);
	assert_non_null(next);
	assert_int_equal(feed_familiar_since(next), NOW);
	feed_free(document);
	feed_familiar_free(set);

	/* the same again: those left out before and those read are in the set alike */
	input.familiar = next;
	assert_int_equal(feed_parse(&input, &document, &err), BASE_OK);
	assert_int_equal(document->left_out, 5);
	assert_int_equal(document->entry_count, 0);
	feed_free(document);
	feed_familiar_free(next);
}

static void test_what_may_change(void **state)
{
	(void)state;
	assert_int_equal(left_out(RSS FIVE END, RSS FIVE END), 5);
	assert_int_equal(left_out(RSS "<lastBuildDate>a</lastBuildDate>" FIVE END, RSS "<ttl>5</ttl><!-- x -->" FIVE END), 5);
	assert_int_equal(left_out(RSS FIVE END, RSS ITEM("6") FIVE END), 5);
	assert_int_equal(left_out(RSS FIVE END, RSS ITEM("5") ITEM("3") ITEM("1") END), 3);
	assert_int_equal(left_out(ATOM ENTRY("1") ENTRY("2") "</feed>", ATOM ENTRY("3") ENTRY("1") ENTRY("2") "</feed>"), 2);
	assert_int_equal(left_out(RDF "<channel/>" RDF_ITEM("1") RDF_ITEM("2") "</rdf:RDF>",
	                          RDF "<channel/>" RDF_ITEM("1") RDF_ITEM("3") RDF_ITEM("2") "</rdf:RDF>"), 2);
	assert_int_equal(left_out("\xEF\xBB\xBF<?xml version='1.0'?>" RSS FIVE END, "<?xml version='1.0'?>" RSS FIVE END), 5);
	/* a date in the future is another one at each poll */
	static const char later[] = RSS FIVE "<item><guid>id-6</guid><pubDate>Tue, 03 Feb 2036 04:05:06 +0000</pubDate></item>" END;
	assert_int_equal(left_out(later, later), 5);
	/* an edit: the entry is read, and known by its key */
	assert_int_equal(left_out(RSS FIVE END, RSS ITEM("1") ITEM("2") ITEM("3") ITEM("4")
	                          "<item><guid>id-5</guid><link>/5</link><title>Other news</title></item>" END), 4);
}

/* Whatever of these changes, each entry means something else. */
static void test_what_entries_take_from_the_feed(void **state)
{
	static const char *const heads[][2] = {
		{RSS, RSS "<language>de</language>"},
		{RSS, "<rss version=\"2.0\"><channel><title>F</title><link>https://example.com/</link>"},
		{RSS, "<rss version=\"2.0\" xml:lang=\"uk\"><channel><title>F</title><link>https://example.org/</link>"},
		{RSS, "<rss version=\"2.0\"><channel xml:base=\"https://example.net/\"><title>F</title><link>https://example.org/</link>"},
		{RSS, "<rss version=\"2.0\" xmlns:a='urn:a'><channel><title>F</title><link>https://example.org/</link>"},
		{RSS, "<?xml version='1.1'?>" RSS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char one[4096], other[4096];
		snprintf(one, sizeof one, "%s%s", heads[i][0], FIVE END);
		snprintf(other, sizeof other, "%s%s", heads[i][1], FIVE END);
		assert_int_equal(left_out(one, one), 5);
		assert_int_equal(left_out(one, other), 0);
		assert_int_equal(left_out(other, one), 0);
	}
	assert_int_equal(left_out(ATOM ENTRY("1") ENTRY("2") "</feed>",
	                          "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang='uk'><title>F</title>"
	                          "<author><name>B</name></author>" ENTRY("1") ENTRY("2") "</feed>"), 0);
	/* within a channel and behind it */
	assert_int_equal(left_out("<rss><channel xml:base='/a/'>" FIVE END, "<rss><channel xml:base='/a/'></channel>" FIVE "</rss>"), 0);
	/* the language of a channel counts for the items after it */
	assert_int_equal(left_out(RDF "<channel xml:lang='de'/>" RDF_ITEM("1") RDF_ITEM("2") "</rdf:RDF>",
	                          RDF RDF_ITEM("1") RDF_ITEM("2") "<channel xml:lang='de'/></rdf:RDF>"), 0);
}

static void test_where_entries_are_found(void **state)
{
	static const char *const items[] = {
		"<item><guid>a</guid><description><![CDATA[<item></item></channel>]]></description></item>",
		"<item><guid>a</guid><!-- </item><item> --><title>x</title></item>",
		"<item a='>' b=\"/>\"><guid>a</guid></item>",
		"<item\n><guid>a</guid></item\n>",
		"<item><guid>a</guid><item><guid>b</guid></item></item>",
		"<item><guid>a</guid><?x </item> ?></item>",
		"<item><guid>a</guid><x><channel><item/></channel></x></item >",
		"<Item><guid>a</guid></Item>",
		"<item><guid>a</guid><enclosure url='/x'/><category/></item>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		char one[4096], other[4096];
		snprintf(one, sizeof one, "%s%s%s", RSS FIVE, items[i], END);
		snprintf(other, sizeof other, "%s%s%s%s", RSS ITEM("9"), items[i], FIVE, END);
		assert_int_equal(left_out(one, other), strstr(items[i], "<channel>") ? 0 : 6);
	}
	/* "items" that are none */
	assert_int_equal(left_out(RSS "<!-- " ITEM("8") " -->" FIVE END, RSS "<![CDATA[" ITEM("8") "]]>" FIVE END), 5);
	assert_int_equal(left_out(RSS "<image>" ITEM("8") "</image>" FIVE END, RSS FIVE END), 0);
	assert_int_equal(left_out(RSS "<x:item xmlns:x='urn:x'/>" FIVE END, RSS FIVE END), 0);
	assert_int_equal(left_out("<entry xmlns=\"http://www.w3.org/2005/Atom\"><id>1</id></entry>",
	                          "<entry xmlns=\"http://www.w3.org/2005/Atom\"><id>1</id></entry>"), 0);
}

static void test_what_is_not_remembered(void **state)
{
	static const char *const documents[] = {
		"<!DOCTYPE rss>" RSS FIVE END,
		RSS FIVE,
		RSS FIVE "&nbsp;" END,
		RSS FIVE END "<x/>",
		RSS FIVE "<x:y/>" END,
		RSS END,
		RSS ITEM("1") ITEM("2") ITEM("3") ITEM("1") END,
		RSS "<item><guid>1</guid><title>a</title></item><item><guid>1</guid><title>b</title></item>" END,
		RSS "<item><link>/1</link><guid>a</guid></item><item><link>/1</link><guid>b</guid></item>" END,
		"{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": [{\"id\": \"<item/>\"}]}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		assert_int_equal(left_out(documents[i], documents[i]), 0);
}

/* An entry that has something in common with one left out has to be told from it. */
static void test_entries_that_share_something(void **state)
{
	static const char *const items[] = {
		"<item><guid>id-3</guid><title>Other</title></item>",
		"<item><guid>id-3</guid><link>/3</link><title>News 3</title><author>x</author></item>",
		"<item><link>/3</link><title>Other</title></item>",
		"<item><guid>new</guid><link>/3</link><title>Other</title></item>",
		"<item><guid>a</guid></item><item><guid>a</guid><title>x</title></item>",
		ITEM("3"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		char other[4096];
		snprintf(other, sizeof other, "%s%s%s", RSS, items[i], FIVE END);
		assert_int_equal(left_out(RSS FIVE END, other), i == sizeof items / sizeof *items - 1 ? 6 : 0);
	}
	/* mostly new: only all of it shows whether the publisher changed its ids */
	assert_int_equal(left_out(RSS FIVE END, RSS ITEM("1") ITEM("2") ITEM("13") ITEM("14") END), 0);
	assert_int_equal(left_out(RSS FIVE END, RSS ITEM("1") ITEM("2") ITEM("13") END), 2);
	/* broken where it is new */
	assert_int_equal(left_out(RSS FIVE END, RSS FIVE "<item><guid>9</guid>&nbsp;</item>" END), 0);
	assert_int_equal(left_out(RSS FIVE END, RSS FIVE), 0);
	assert_int_equal(left_out(RSS FIVE END, RSS "<description><![CDATA[" FIVE END), 0);
}

static void test_the_clock_or_the_address_changes(void **state)
{
	struct feed_twice twice = {0};
	static const char one[] = RSS FIVE "<item><guid>6</guid><pubDate>Tue, 03 Feb 2026 04:00:00 +0000</pubDate></item>" END;

	(void)state;
	feed_twice_read(&twice, URL, base_span_of(one), NOW);
	feed_twice_read(&twice, URL, base_span_of(one), NOW - BASE_DAY);
	assert_int_equal(twice.in_part, 0);
	feed_twice_read(&twice, URL, base_span_of(RSS FIVE END), NOW);
	assert_int_equal(twice.in_part, 1);
	feed_twice_read(&twice, "https://example.org/other", base_span_of(RSS FIVE END), NOW);
	assert_int_equal(twice.in_part, 1);
	feed_twice_free(&twice);
}

static void test_many_entries(void **state)
{
	(void)state;
	for (unsigned count = 100; count <= 101; count++) {
		struct feed_twice twice = {0};
		struct base_buf text;
		base_buf_init(&text, ROOM);
		base_buf_add_text(&text, RSS);
		for (unsigned i = 0; i < count; i++)
			base_buf_printf(&text, "<item><guid>%u</guid></item>", i);
		base_buf_add_text(&text, END);
		feed_twice_read(&twice, URL, base_buf_span(&text), NOW);
		feed_twice_read(&twice, URL, base_buf_span(&text), NOW);
		assert_int_equal(twice.left_out, count == 100 ? 100 : 0);
		feed_twice_free(&twice);
		base_buf_free(&text);
	}
}

/* ---- feeds that live --------------------------------------------------------------- */

static uint32_t next_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223; /* Numerical Recipes' generator */
	return *seed >> 8;
}

static void add_item(struct base_buf *out, unsigned number, unsigned version)
{
	static const char *const texts[] = {"plain", "&lt;b&gt;x&lt;/b&gt;", "<![CDATA[<item></item>]]>", "<!-- <item> -->y"};

	base_buf_add_text(out, "<item>");
	if (number % 5) /* some share their ids, links, titles, some have none */
		base_buf_printf(out, "<guid isPermaLink='false'>%u</guid>", number % 16 ? number : number - 2);
	if (number % 3)
		base_buf_printf(out, "<link>/news/%u</link>", number % 17 ? number : number - 3);
	unsigned news = number % 10 == 9 ? number - 2 : number;
	base_buf_printf(out, "<title>News %u</title><description>%s %u</description>", news, texts[number % 4], version);
	if (news % 2)
		base_buf_printf(out, "<pubDate>Mon, 02 Feb 2026 0%u:00:00 +0000</pubDate>", news % 10);
	base_buf_add_text(out, "</item>\n");
}

/* Entries come, go, come back, are edited and change places; now and then the feed itself changes. */
static void live(uint32_t seed, size_t polls, struct feed_twice *twice)
{
	unsigned versions[64] = {0}, first = 10, lasts = 8;
	const char *head = RSS;

	for (size_t i = 0; i < polls; i++) {
		struct base_buf text;
		base_buf_init(&text, ROOM);
		first += next_number(&seed) % 3;
		if (next_number(&seed) % 8 == 0)
			first -= next_number(&seed) % 4;
		if (next_number(&seed) % 3 == 0)
			versions[(first + next_number(&seed) % lasts) % 64]++;
		if (next_number(&seed) % 16 == 0)
			head = next_number(&seed) % 2 ? RSS : RSS "<language>uk</language>";
		base_buf_add_text(&text, head);
		base_buf_printf(&text, "<lastBuildDate>%zu</lastBuildDate>", i);
		unsigned turned = next_number(&seed) % 4 ? 0 : next_number(&seed) % lasts, dropped = next_number(&seed) % (2 * lasts);
		for (unsigned k = 0; k < lasts; k++)
			if (k != dropped)
				add_item(&text, first + (k + turned) % lasts, versions[(first + (k + turned) % lasts) % 64]);
		base_buf_add_text(&text, next_number(&seed) % 20 ? END : "</channel>");
		feed_twice_read(twice, URL, base_buf_span(&text), NOW + (base_time)i * BASE_MINUTE);
		base_buf_free(&text);
	}
}

static void test_feeds_that_live(void **state)
{
	size_t in_part = 0, documents = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct feed_twice twice = {0};
		live(seed, 60, &twice);
		in_part += twice.in_part;
		documents += twice.documents;
		feed_twice_free(&twice);
	}
	assert_int_equal(documents, 3600);
	assert_true(in_part > 400); /* else nothing was tested */
}

/* The samples of each format. */
static void test_samples(void **state)
{
	static const struct {
		const char *name;
		size_t left_out;
	} samples[] = {{"rss20.xml", 2}, {"rss10.rdf", 2}, {"atom10.xml", 3}, {"feed.json", 0}}; /* of Atom one is of the future */
	const char *srcdir = getenv("WW_SRCDIR");

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct feed_twice twice = {0};
		struct base_error err;
		char path[512], *bytes = NULL;
		size_t len = 0;
		snprintf(path, sizeof path, "%s/tests/feeds/%s", srcdir ? srcdir : "..", samples[i].name);
		if (base_read_file(path, ROOM, &bytes, &len, &err) != BASE_OK)
			fail_msg("%s", err.text);
		feed_twice_read(&twice, URL, (struct base_span){bytes, len}, NOW);
		feed_twice_read(&twice, URL, (struct base_span){bytes, len}, NOW);
		assert_int_equal(twice.left_out, samples[i].left_out);
		feed_twice_free(&twice);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_new_is_read),
		cmocka_unit_test(test_what_may_change),
		cmocka_unit_test(test_what_entries_take_from_the_feed),
		cmocka_unit_test(test_where_entries_are_found),
		cmocka_unit_test(test_what_is_not_remembered),
		cmocka_unit_test(test_entries_that_share_something),
		cmocka_unit_test(test_the_clock_or_the_address_changes),
		cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_feeds_that_live),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
