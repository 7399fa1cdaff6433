/* Documents: every format, what is mended and how it is named, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/feed.h"

#define NOW (1770091506 * BASE_SECOND) /* 2026-02-03T04:05:06Z */

static enum base_result parse(struct base_span bytes, struct feed_document **document, struct base_error *err)
{
	struct feed_input input = {.bytes = bytes, .url = base_span_of("https://example.org/feed/all.xml"), .now = NOW};

	return feed_parse(&input, document, err);
}

static struct feed_document *read_text(const char *text)
{
	struct feed_document *document = NULL;
	struct base_error err = {""};

	if (parse(base_span_of(text), &document, &err) != BASE_OK)
		fail_msg("not read: %s", err.text);
	return document;
}

/* A file of tests/feeds. */
static struct feed_document *read_feed(const char *name)
{
	struct feed_document *document = NULL;
	struct base_error err = {""};
	const char *srcdir = getenv("WW_SRCDIR");
	char path[512], *bytes = NULL;
	size_t len = 0;

	snprintf(path, sizeof path, "%s/tests/feeds/%s", srcdir ? srcdir : "..", name);
	if (base_read_file(path, 1 << 20, &bytes, &len, &err) != BASE_OK || parse((struct base_span){bytes, len}, &document, &err) != BASE_OK)
		fail_msg("%s: %s", name, err.text);
	free(bytes);
	return document;
}

static void is(struct base_span got, const char *want)
{
	if (!base_span_is(got, want))
		fail_msg("want \"%s\", got \"%.*s\"", want, (int)got.len, got.ptr ? got.ptr : "");
}

static void is_time(base_time got, const char *want)
{
	char text[BASE_RFC3339_LEN] = "";

	if (got != BASE_TIME_NONE)
		base_time_format(got, false, text);
	assert_string_equal(text, want);
}

static void text_is(const struct feed_entry *entry, const char *want)
{
	struct base_buf text;

	base_buf_init(&text, 10000);
	assert_int_equal(feed_entry_text(entry, &text), BASE_OK);
	assert_string_equal(text.data ? text.data : "", want);
	base_buf_free(&text);
}

static bool has_repair(const struct feed_document *document, const char *repair)
{
	for (size_t i = 0; i < document->repair_count; i++)
		if (strcmp(document->repairs[i], repair) == 0)
			return true;
	return false;
}

/* ---- formats ------------------------------------------------------------------ */

static void rss_2_0_is_read(void **state)
{
	struct feed_document *feed = read_feed("rss20.xml");
	(void)state;

	assert_string_equal(feed->format, "rss-2.0");
	assert_int_equal(feed->repair_count, 0);
	is(feed->title, "Новини & факти");
	is(feed->link, "https://example.org/");
	is(feed->language, "uk");
	is(feed->hub, "https://hub.example.org/");
	is(feed->self, "https://example.org/rss.xml");
	is(feed->prev_archive, "https://example.org/rss-2025.xml");
	assert_int_equal(feed->ttl, 45 * BASE_MINUTE);
	assert_int_equal(feed->skip_hours, 1u << 0 | 1u << 23);
	assert_int_equal(feed->skip_days, 1u << 5 | 1u << 6);
	assert_int_equal(feed->entry_count, 2);
	const struct feed_entry *entry = feed->entries;
	is(entry->id, "n-1");
	is(entry->item, "n-1");
	is(entry->title, "США призупинили поставки ППО");
	is(entry->link, "https://example.org/news/1?a=1&b=2");
	is(entry->author, "Іван Франко");
	is(entry->language, "uk");
	is_time(entry->published, "2026-02-01T08:00:00Z");
	assert_int_equal(entry->category_count, 2);
	is(entry->categories[1], "Оборона");
	text_is(entry, "Пентагон зупинив поставки.\n\nЦе стосується ракет Patriot.");
	is(entry[1].id, "");
	is(entry[1].link, "https://example.org/news/2");
	assert_true(base_span_starts(entry[1].item, "urn:wirewatch:"));
	feed_free(feed);
}

static void rdf_is_read(void **state)
{
	struct feed_document *feed = read_feed("rss10.rdf");
	(void)state;

	assert_string_equal(feed->format, "rss-1.0");
	is(feed->title, "Agency");
	assert_int_equal(feed->ttl, 30 * BASE_MINUTE);
	assert_int_equal(feed->entry_count, 2);
	is(feed->entries[0].id, "https://example.org/1");
	is(feed->entries[0].title, "Постачання відновлено");
	is(feed->entries[0].author, "Леся");
	is_time(feed->entries[0].published, "2026-02-02T10:20:00Z");
	is(feed->entries[0].language, "ru");
	is(feed->entries[1].content, "<p>whole</p>");
	feed_free(feed);
}

static void atom_1_0_is_read(void **state)
{
	struct feed_document *feed = read_feed("atom10.xml");
	(void)state;

	assert_string_equal(feed->format, "atom-1.0");
	is(feed->title, "Less < more & more");
	is(feed->link, "https://example.org/base/home");
	assert_int_equal(feed->entry_count, 4);
	const struct feed_entry *entry = feed->entries;
	is(entry->title, "Зброя & мир");
	is(entry->link, "https://example.org/base/entries/1");
	is(entry->language, "uk");
	is(entry->author, "Own Author");
	is(entry->content, "<p title=\"a &#38; b\">Перший <b>абзац</b> &lt; другого</p>");
	is_time(entry->published, "2026-01-31T23:00:00Z");
	is_time(entry->updated, "2026-02-01T00:00:00Z");
	is(entry[1].content, "<p>base64</p>");
	is(entry[1].author, "Feed Author");
	is(entry[1].language, "en");
	is(entry[2].link, "https://example.org/base/whole.html");
	is(entry[2].summary, "A <b> is no tag here");
	assert_true(entry[2].summary_plain);
	text_is(&entry[2], "A <b> is no tag here");
	assert_true(entry[3].date_clamped);
	assert_int_equal(entry[3].published, NOW);
	feed_free(feed);
}

static void atom_0_3_is_read(void **state)
{
	struct feed_document *feed = read_text(
	    "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><title mode='escaped'>A &amp;amp; B</title>"
	    "<link rel='alternate' href='http://h/'/><entry><title>T</title><id>i</id><issued>2026-01-02T03:04:05Z</issued>"
	    "<modified>2026-01-03T00:00:00Z</modified><content type='text/html' mode='escaped'>&lt;i&gt;x&lt;/i&gt;</content>"
	    "</entry></feed>");
	(void)state;

	assert_string_equal(feed->format, "atom-0.3");
	is(feed->title, "A & B");
	is(feed->entries[0].content, "<i>x</i>");
	is_time(feed->entries[0].published, "2026-01-02T03:04:05Z");
	is_time(feed->entries[0].updated, "2026-01-03T00:00:00Z");
	feed_free(feed);
}

static void json_feed_is_read(void **state)
{
	struct feed_document *feed = read_feed("feed.json");
	(void)state;

	assert_string_equal(feed->format, "json-feed-1.1");
	is(feed->hub, "https://hub.example.org/");
	assert_int_equal(feed->entry_count, 2);
	is(feed->entries[0].id, "17");
	is(feed->entries[0].title, "Ракети для України");
	is(feed->entries[0].link, "https://example.org/j/17");
	is(feed->entries[0].author, "Оля");
	text_is(&feed->entries[1], "Just text.");
	feed_free(feed);
}

static void sloppy_rss_is_read(void **state)
{
	struct feed_document *feed = read_text(
	    "<RSS Version='2.0' xmlns='http://unknown.example/ns'><Channel><TITLE>x</TITLE></Channel>"
	    "<Item><Title>one</Title><PUBDATE>2026-01-01</PUBDATE></Item><image><title>no</title></image>"
	    "<item><title>two</title><item><title>inner</title></item></item></RSS>");
	(void)state;

	is(feed->title, "x");
	assert_int_equal(feed->entry_count, 2);
	is(feed->entries[0].title, "one");
	is_time(feed->entries[0].published, "2026-01-01T00:00:00Z");
	feed_free(feed);
}

static void titles_become_plain_text(void **state)
{
	static const char *const titles[][2] = {
		{"AT&amp;T &amp;amp; co", "AT&T & co"},
		{"&lt;b&gt;Bold&lt;/b&gt; move", "Bold move"},
		{"&amp;lt;b&amp;gt;Bold&amp;lt;/b&amp;gt; move", "Bold move"},
		{"1 &lt; 2", "1 < 2"},
		{" two\n  lines ", "two lines"},
		{"&amp;amp;#8220;Пауза&amp;amp;#8221;", "“Пауза”"},
		{"до&#160;поставки", "до поставки"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
		char text[300];
		snprintf(text, sizeof text, "<rss><channel><item><title>%s</title></item></channel></rss>", titles[i][0]);
		struct feed_document *feed = read_text(text);
		is(feed->entries[0].title, titles[i][1]);
		feed_free(feed);
	}
}

static void plain_titles_keep_their_tags(void **state)
{
	struct feed_document *feed = read_text("<feed xmlns='http://www.w3.org/2005/Atom'><entry>"
	                                       "<title>The &lt;b&gt; tag &amp;amp; it&amp;#8217;s use</title></entry></feed>");
	(void)state;

	is(feed->entries[0].title, "The <b> tag & it’s use");
	feed_free(feed);
}

/* ---- repairs ------------------------------------------------------------------------ */

struct broken {
	const char *text, *repair, *title, *want;
	size_t entries;
};

#define HEAD "<rss version='2.0'><channel>"
#define TAIL "</channel></rss>"

static const struct broken broken[] = {
	{HEAD "<item><title>до&nbsp;поставки</title><description>AT&T &mdash; q&a&euml;</description></item>" TAIL,
	 "undefined entity nbsp", "до поставки", "AT&T — q&aë", 1},
	{HEAD "<item><title>Р&Д</title><description>a & b</description></item>" TAIL, "bare ampersand", "Р&Д", "a & b", 1},
	{"\n junk <?xml version='1.0'?>" HEAD "<item><title>t</title><description>слово</description></item>" TAIL,
	 "something before the document", "t", "слово", 1},
	{HEAD "<item><title>пау\x01за\x0Bзараз</title><description>x</description></item>" TAIL, "control character",
	 "пауза зараз", "x", 1},
	{HEAD "<item><title>t</title><dc:creator>Я</dc:creator><description>x</description></item>" TAIL,
	 "undeclared prefix dc", "t", "x", 1},
	{HEAD "<item><title>t</title><description>ціле</description></item><item><title>cut</title><descr",
	 "truncated document", "t", "ціле", 1},
	{HEAD "<item><title>t<description>без кінця</item><item><title>u</title></item>" TAIL, "unclosed element", "t",
	 "без кінця", 2},
	{HEAD "<item><title>t</title><description>a<br>b</p><img src=x.png></description></item>" TAIL,
	 "end tag without its start", "t", "a\nb", 1},
	{HEAD "<item><title>t</title><description><![CDATA[не закрито</description></item><item>"
	      "<title><![CDATA[u]]></title></item>" TAIL, "unclosed CDATA", "t", "не закрито", 2},
	{HEAD "<item><title>t</title><description>2 < 3 і 4</description></item>" TAIL, "bare less-than sign", "t",
	 "2 < 3 і 4", 1},
	{HEAD "<item><title>t</title><description>x]]>y</description></item>" TAIL, "end of CDATA without its start", "t",
	 "xy", 1},
	{HEAD "<item><title>t</title><description>x</description></item>" TAIL "trailing <b>", "something after the end",
	 "t", "x", 1},
	{HEAD "<item><title>t</title><description>x&#0;y&#150;z</description></item>" TAIL,
	 "impossible character reference", "t", "x\xEF\xBF\xBDy–z", 1},
};

static void what_is_broken_is_mended(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct feed_document *feed = read_text(broken[i].text);
		if (!has_repair(feed, broken[i].repair))
			fail_msg("%s: not named, but %s", broken[i].repair, feed->repair_count ? feed->repairs[0] : "nothing");
		assert_int_equal(feed->entry_count, broken[i].entries);
		is(feed->entries[0].title, broken[i].title);
		text_is(&feed->entries[0], broken[i].want);
		feed_free(feed);
	}
}

static void nul_bytes_lose_nothing(void **state)
{
	static const char text[] = HEAD "<item><title>a\0b</title></item><item><title>друга</title></item>" TAIL;
	struct feed_document *feed = NULL;
	(void)state;

	assert_int_equal(parse((struct base_span){text, sizeof text - 1}, &feed, NULL), BASE_OK);
	assert_int_equal(feed->entry_count, 2);
	is(feed->entries[0].title, "ab");
	is(feed->entries[1].title, "друга");
	feed_free(feed);
}

/* Cut at every byte: no entry that was complete is lost, and none made up. */
static void a_document_cut_anywhere_keeps_complete_entries(void **state)
{
	static const char text[] = HEAD "<item><guid>1</guid><title>перший</title></item><item><guid>2</guid>"
	                                "<description><![CDATA[<p>другий &amp; x</p>]]></description></item><item><guid>3</guid></item>" TAIL;
	(void)state;

	for (size_t len = 1; len < sizeof text; len++) {
		struct feed_document *feed = NULL;
		size_t complete = 0;
		for (const char *at = text; (at = strstr(at, "</item>")) && at + 7 <= text + len; at++)
			complete++;
		enum base_result result = parse((struct base_span){text, len}, &feed, NULL);
		assert_int_equal(result == BASE_OK ? feed->entry_count : 0, complete);
		if (result == BASE_OK)
			feed_free(feed);
	}
}

static void json_is_mended(void **state)
{
	struct feed_document *feed = read_text(
	    "{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{\"id\":\"a\",\"title\":\"x\\ud83d\ty\",},"
	    "{\"id\":\"b\",\"content_text\":\"цілий\"},{\"id\":\"c\",\"con");
	(void)state;

	assert_string_equal(feed->format, "json-feed-1.0");
	assert_int_equal(feed->entry_count, 2);
	assert_true(feed->truncated && has_repair(feed, "truncated document"));
	assert_true(has_repair(feed, "comma too many"));
	is(feed->entries[1].content, "цілий");
	feed_free(feed);
}

/* ---- refusals ---------------------------------------------------------------------------- */

static void refused(struct base_span bytes, enum base_result want, const char *why)
{
	struct feed_document *feed = NULL;
	struct base_error err = {""};

	assert_int_equal(parse(bytes, &feed, &err), want);
	if (!strstr(err.text, why))
		fail_msg("want \"%s\" in \"%s\"", why, err.text);
}

static void what_is_no_feed_is_refused(void **state)
{
	(void)state;

	refused(base_span_of(""), BASE_SYNTAX, "empty");
	refused(base_span_of("<!DOCTYPE html><html><body><p>x</body></html>"), BASE_SYNTAX, "HTML");
	refused(base_span_of("<svg xmlns='x'/>"), BASE_SYNTAX, "<svg>");
	refused(base_span_of("plain text"), BASE_SYNTAX, "no feed");
	refused(base_span_of("{\"a\":1}"), BASE_SYNTAX, "JSON");
	refused(base_span_of("<!DOCTYPE rss [<!ENTITY a 'b'>]><rss><channel/></rss>"), BASE_DENIED, "declares");
	refused(base_span_of("<!DOCTYPE rss [<!ATTLIST rss a CDATA 'b'>]><rss><channel/></rss>"), BASE_DENIED, "declares");
}

/* A byte DEL in a comment keeps references as long as they came: nothing else may differ. */
static void references_mean_the_same_short_or_long(void **state)
{
	static const char *const items[] = {
		"<title>A &amp; B &lt;C&gt; &quot;D&apos;</title><description>&lt;p&gt;x &amp;amp; y&lt;/p&gt;</description>",
		"<title a='>&lt;'>1&lt;2</title><link>http://example.org/?a=1&amp;b=2</link><description><![CDATA[&lt;<b>&amp;]]>&lt;</description>",
		"<title>&#38;lt; &#127;a&lt; b</title>", "<title>&#x7F;b &lt;</title>", "<title>&#x007f;b &lt;</title>",
		"<title>&#0127;c &lt;</title>",
		"<title>&lt; &unknown; &lt</title><description><!-- &lt; --><?x &lt;?>&gt;</description>",
		("<title>\xD0\x94\xD0\xB0&lt;\xD0\x94&gt;\xD0\x94</title><content xmlns='http://www.w3.org/2005/Atom' type='xhtml'>"
		 "<div title='&lt;&amp;'>a &lt; b &amp; <b>c &gt; d</b></div></content>"),
		"<author>J &amp; R &lt;</author><title>]]&gt;</title><description>x &lt;i&gt;y<b>z &lt;</b></description>",
		"<title>x &lt; y</title><description>a <b c=d'e>f &lt; g</b> ' &gt;</description>",
	};
	(void)state;

	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		struct feed_document *documents[2];
		for (int with = 0; with < 2; with++) {
			char text[2000];
			(void)snprintf(text, sizeof text, "<rss version='2.0'><channel><title>t</title><item>%s</item></channel>%s</rss>",
			               items[i], with ? "<!--\x7F-->" : "");
			documents[with] = read_text(text);
		}
		assert_int_equal(documents[0]->entry_count, 1);
		assert_int_equal(documents[0]->repair_count, documents[1]->repair_count);
		const struct feed_entry *one = documents[0]->entries, *other = documents[1]->entries;
		assert_true(base_span_equal(one->title, other->title));
		assert_true(base_span_equal(one->link, other->link));
		assert_true(base_span_equal(one->author, other->author));
		assert_true(base_span_equal(one->summary, other->summary));
		assert_true(base_span_equal(one->content, other->content));
		assert_memory_equal(&one->change, &other->change, sizeof one->change);
		feed_free(documents[0]);
		feed_free(documents[1]);
	}
}

static void netscapes_doctype_is_allowed(void **state)
{
	struct feed_document *feed = read_text(
	    "<!DOCTYPE rss PUBLIC \"-//Netscape Communications//DTD RSS 0.91//EN\" "
	    "\"http://my.netscape.com/publish/formats/rss-0.91.dtd\"><rss version=\"0.91\"><channel><item>"
	    "<title>caf&eacute;&nbsp;x</title></item></channel></rss>");
	(void)state;

	assert_string_equal(feed->format, "rss-0.9x");
	is(feed->entries[0].title, "café x");
	assert_true(has_repair(feed, "undefined entity eacute"));
	feed_free(feed);
}

static void repeat(struct base_buf *out, const char *start, const char *format, int times, const char *end)
{
	base_buf_add_text(out, start);
	for (int i = 0; i < times; i++) {
		char part[64];
		snprintf(part, sizeof part, "%d", i);
		for (const char *at = format; *at; at++)
			*at == '#' ? base_buf_add_text(out, part) : base_buf_add_char(out, *at);
	}
	base_buf_add_text(out, end);
}

static void bombs_are_refused(void **state)
{
	static const struct {
		const char *start, *part;
		int times;
		const char *end, *why;
	} bombs[] = {
		{"<rss><channel><item", " a#=''", 40000, "/></channel></rss>", "attributes"},
		{"<rss><channel><item", " a#='>'", 40000, "/></channel></rss>", "attributes"},
		{"<!DOCTYPE rss SYSTEM '<!--'><rss", " a#=''", 40000, "/>", "attributes"},
		{"<rss><channel>", "<n#/>", 400000, "</channel></rss>", "names"},
		{"<rss><channel>", "<b>", 100000, "</channel></rss>", "broken"},
		{"<rss><channel>", "<item/>", 20000, "</channel></rss>", "too many entries"},
		{"<rss><channel>", "<a/>", 700000, "</channel></rss>", "too many elements"},
		/* the tag that is one too many has an attribute that would be looked at */
		{"<rss><channel>", "<a xml:base='x'/>", 200000, "</channel></rss>", "too many elements"},
		{"<rss><channel>", "<a xml:lang='uk'/>", 200000, "</channel></rss>", "too many elements"},
		{"<rss><channel>", "<n# xml:lang='uk'/>", 20000, "</channel></rss>", "names"},
		{"<rss><channel>", "<n xmlns:a#='a' xmlns:b#='b' xml:lang='uk'>", 200, "</channel></rss>", "namespaces"},
		{"<rss><channel>", "<n xml:lang='uk'>", 400, "</channel></rss>", "broken"},
	};
	(void)state;

	for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
		struct base_buf out;
		base_buf_init(&out, 1 << 24);
		repeat(&out, bombs[i].start, bombs[i].part, bombs[i].times, bombs[i].end);
		refused(base_buf_span(&out), BASE_LIMIT, bombs[i].why);
		base_buf_free(&out);
	}
}

/* To resolve each takes time by the length of the base in force. */
static void bases_count_by_their_length(void **state)
{
	static const enum base_result want[] = {BASE_OK, BASE_LIMIT};
	(void)state;

	for (int many = 0; many < 2; many++) {
		struct feed_document *feed = NULL;
		struct base_error err;
		struct base_buf out;
		base_buf_init(&out, 1 << 24);
		repeat(&out, "<rss xml:base='http://h/", "a/", 1000, "'><channel><item>");
		repeat(&out, "", "<a xml:base='b'/>", many ? 40000 : 4000, "</item></channel></rss>");
		assert_int_equal(parse(base_buf_span(&out), &feed, &err), want[many]);
		feed_free(feed);
		base_buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rss_2_0_is_read),
	    cmocka_unit_test(rdf_is_read),
	    cmocka_unit_test(atom_1_0_is_read),
	    cmocka_unit_test(atom_0_3_is_read),
	    cmocka_unit_test(json_feed_is_read),
	    cmocka_unit_test(sloppy_rss_is_read),
	    cmocka_unit_test(titles_become_plain_text),
	    cmocka_unit_test(plain_titles_keep_their_tags),
	    cmocka_unit_test(what_is_broken_is_mended),
	    cmocka_unit_test(nul_bytes_lose_nothing),
	    cmocka_unit_test(a_document_cut_anywhere_keeps_complete_entries),
	    cmocka_unit_test(json_is_mended),
	    cmocka_unit_test(what_is_no_feed_is_refused),
	    cmocka_unit_test(references_mean_the_same_short_or_long),
		cmocka_unit_test(netscapes_doctype_is_allowed),
	    cmocka_unit_test(bombs_are_refused),
	    cmocka_unit_test(bases_count_by_their_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
