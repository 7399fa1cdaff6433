/*
 * What reading a document costs.
 *
 *     feed_bench            clean feeds against libxml2's own SAX pass, then the worst inputs known
 *     feed_bench FILE...    the same comparison for files
 *
 * A worst input may take 50 ms beyond what a clean feed of its size takes.
 * The last column says what came of it.
 */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wirewatch/feed.h"

#define MIB ((size_t)1 << 20)
#define GRACE 0.050
#define CLEAN_ENTRIES 30

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- libxml2's share ------------------------------------------------------- */

static void on_text(void *ctx, const xmlChar *text, int len)
{
	(void)text;
	*(size_t *)ctx += (size_t)len;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **namespace_list, int attributes, int defaults, const xmlChar **attribute_list)
{
	(void)name, (void)prefix, (void)uri, (void)namespaces, (void)namespace_list, (void)defaults, (void)attribute_list;
	*(size_t *)ctx += (size_t)attributes;
}

static double sax_pass(struct base_span xml, int rounds)
{
	xmlSAXHandler handlers = {
		.initialized = XML_SAX2_MAGIC, .characters = on_text, .cdataBlock = on_text, .startElementNs = on_start};
	size_t seen = 0;
	double start = cpu_seconds();

	for (int i = 0; i < rounds; i++)
		xmlSAXUserParseMemory(&handlers, &seen, xml.ptr, (int)xml.len);
	return (cpu_seconds() - start) / rounds;
}

static double parse(struct base_span bytes, int rounds, const char **came, size_t *entries)
{
	static struct base_error err;
	struct feed_input input = {.bytes = bytes, .url = base_span_of("https://example.org/rss.xml"), .now = BASE_TIME_NONE};
	struct feed_document *document = NULL;
	double start = cpu_seconds();

	*entries = 0;
	for (int i = 0; i < rounds; i++) {
		*came = "read";
		if (feed_parse(&input, &document, &err) != BASE_OK) {
			*came = err.text;
			continue;
		}
		*entries = document->entry_count;
		feed_free(document);
	}
	return (cpu_seconds() - start) / rounds;
}

static void compare(const char *name, struct base_span bytes)
{
	const int rounds = 200;
	const char *came;
	size_t entries;
	double best = 1e9, best_sax = 1e9, best_parse = 1e9;

	for (int i = 0; i < 3; i++) {
		double sax = sax_pass(bytes, rounds), ours = parse(bytes, rounds, &came, &entries);
		if (ours / sax < best) {
			best = ours / sax;
			best_sax = sax;
			best_parse = ours;
		}
	}
	printf("%-24s %8zu bytes %4zu entries: SAX %7.1f us, feed_parse %7.1f us, ratio %.2f\n", name, bytes.len, entries,
	       best_sax * 1e6, best_parse * 1e6, best);
}

/* ---- clean feeds ------------------------------------------------------------- */

static const char english[] = "officials said on Tuesday that the deliveries of air defence missiles would resume soon ";
static const char ukrainian[] = "посадовці заявили у вівторок що поставки ракет протиповітряної оборони незабаром відновлять ";

static void add_words(struct base_buf *out, const char *words, int times)
{
	for (int i = 0; i < times; i++)
		base_buf_add_text(out, words);
}

static void make_clean(struct base_buf *out, const char *words, bool cdata, size_t entries)
{
	const char *open = cdata ? "<![CDATA[<p>" : "&lt;p&gt;", *close = cdata ? "</p>]]>" : "&lt;/p&gt;";

	base_buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\" "
	                       "xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" "
	                       "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><channel><title>Agency</title>"
	                       "<link>https://example.org/</link><language>en</language>\n");
	for (size_t i = 0; i < entries; i++) {
		base_buf_printf(out, "<item><title>%.60s %zu</title><link>https://example.org/news/%zu.html</link>"
		                     "<guid>https://example.org/news/%zu</guid><pubDate>Tue, 03 Feb 2026 04:05:06 +0000</pubDate>"
		                     "<dc:creator>Jane Roe</dc:creator><category>World</category><description>%s",
		                english, i, i, i, open);
		add_words(out, words, 3);
		base_buf_printf(out, "%s</description><content:encoded>%s", close, open);
		add_words(out, words, 25);
		base_buf_printf(out, "%s</content:encoded></item>\n", close);
	}
	base_buf_add_text(out, "</channel></rss>\n");
}

/* ---- worst inputs ---------------------------------------------------------------- */

enum shape {
	ATTRIBUTES, MANY_ATTRIBUTES, QUOTED_END, NAMES, ENTITY_NAMES, UNDEFINED_ENTITIES, ENTITY_DECLARATION, NESTING,
	NAMESPACES, PREFIXES, ONE_TEXT, TINY_ENTRIES, SAME_GUIDS, STRAY_ENDS, OPEN_TAGS, LESS_THANS, OPEN_CDATA,
	OPEN_COMMENTS, QUOTES, CONTROLS, XML_BASES, CATEGORIES, HTML_ATTRIBUTES, JSON_ARRAYS, JSON_NUMBERS, SHAPES
};

static const char *const shape_names[SHAPES] = {
	"attributes on one tag", "attributes on all tags", "tag ends in quotes", "different names", "different entities",
	"undefined entities", "declared entity", "deep nesting", "nested namespaces", "undeclared prefixes", "one text",
	"tiny entries", "same guid", "stray end tags", "unclosed tags", "bare less-thans", "CDATA in CDATA",
	"open comments", "quotes", "control characters", "xml:base", "categories", "attributes in HTML", "JSON arrays",
	"JSON numbers",
};

static void add_one(struct base_buf *out, enum shape shape, size_t i)
{
	switch (shape) {
	case ATTRIBUTES:
	case HTML_ATTRIBUTES: base_buf_printf(out, " a%zu=\"\"", i); break;
	case MANY_ATTRIBUTES:
		base_buf_add_text(out, "<a");
		for (int k = 0; k < 120; k++)
			base_buf_printf(out, " a%d=\"\"", k);
		base_buf_add_text(out, "/>");
		break;
	case QUOTED_END: base_buf_printf(out, " a%zu=\">\"", i); break;
	case NAMES: base_buf_printf(out, "<n%zu/>", i); break;
	case ENTITY_NAMES: base_buf_printf(out, "&e%zu;", i); break;
	case UNDEFINED_ENTITIES: base_buf_add_text(out, "&nbsp;"); break;
	case ENTITY_DECLARATION: base_buf_add_text(out, "&e;"); break;
	case NESTING: base_buf_add_text(out, "<b>"); break;
	case NAMESPACES: base_buf_printf(out, i % 200 ? "<a/>" : "<a xmlns:p%zu=\"u\">", i); break;
	case PREFIXES: base_buf_add_text(out, "<a:b/>"); break;
	case ONE_TEXT: base_buf_add_text(out, english); break;
	case TINY_ENTRIES: base_buf_add_text(out, "<item/>"); break;
	case SAME_GUIDS: base_buf_printf(out, "<item><guid>g</guid><title>%zu</title></item>", i % 9000); break;
	case STRAY_ENDS: base_buf_add_text(out, "</q>"); break;
	case OPEN_TAGS: base_buf_add_text(out, i % 200 ? "<p>" : "<item>"); break;
	case LESS_THANS: base_buf_add_text(out, "< "); break;
	case OPEN_CDATA: base_buf_add_text(out, "<![CDATA["); break;
	case OPEN_COMMENTS: base_buf_add_text(out, "<!-- <a>"); break;
	case QUOTES: base_buf_add_text(out, "<a b='\" c=\"' "); break;
	case CONTROLS: base_buf_add_text(out, "\x01\x02"); break;
	case XML_BASES: base_buf_add_text(out, "<link xml:base='x/' href='y'/>"); break;
	case CATEGORIES: base_buf_printf(out, "<category>%zu</category>", i); break;
	case JSON_ARRAYS: base_buf_add_text(out, "[],"); break;
	case JSON_NUMBERS: base_buf_add_text(out, "1,"); break;
	default: break;
	}
}

static void make_worst(struct base_buf *out, enum shape shape, size_t size)
{
	const char *start = "<rss version=\"2.0\"><channel><item><description>", *end = "</description></item></channel></rss>";

	if (shape == ATTRIBUTES || shape == QUOTED_END)
		start = "<rss version=\"2.0\"><channel><item", end = "></item></channel></rss>";
	else if (shape == HTML_ATTRIBUTES)
		start = "<rss><channel><item><description><![CDATA[<p", end = ">x</p>]]></description></item></channel></rss>";
	else if (shape == ENTITY_NAMES)
		start = "<!DOCTYPE rss SYSTEM \"x\"><rss><channel><item><description>";
	else if (shape == ENTITY_DECLARATION)
		start = "<!DOCTYPE rss [<!ENTITY e \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\">]><rss><channel><item><description>";
	else if (shape == TINY_ENTRIES || shape == SAME_GUIDS || shape == OPEN_TAGS)
		start = "<rss><channel>", end = "</channel></rss>";
	else if (shape == XML_BASES || shape == CATEGORIES)
		start = "<rss><channel><item>", end = "</item></channel></rss>";
	else if (shape == JSON_ARRAYS || shape == JSON_NUMBERS)
		start = "{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[", end = "1]}";
	base_buf_add_text(out, start);
	for (size_t i = 0; out->len + 1024 < size; i++)
		add_one(out, shape, i);
	base_buf_add_text(out, end);
}

static bool measure_worst(enum shape shape, size_t size, double clean)
{
	struct base_buf out;
	const char *came;
	size_t entries;

	base_buf_init(&out, size + 4096);
	make_worst(&out, shape, size);
	double took = parse(base_buf_span(&out), 1, &came, &entries);
	bool fine = took <= clean + GRACE;
	printf("%-24s %3zu MiB %9.1f ms (clean %6.1f ms) %s: %.60s, %zu entries\n", shape_names[shape], size / MIB,
	       took * 1e3, clean * 1e3, fine ? "ok" : "TOO SLOW", came, entries);
	base_buf_free(&out);
	return fine;
}

static int measure_clean(void)
{
	static const struct {
		const char *name, *words;
		bool cdata;
	} feeds[] = {{"English, CDATA", english, true}, {"English, escaped", english, false},
	             {"Ukrainian, CDATA", ukrainian, true}, {"Ukrainian, escaped", ukrainian, false}};

	for (size_t i = 0; i < sizeof feeds / sizeof *feeds; i++) {
		struct base_buf out;
		base_buf_init(&out, 4 * MIB);
		make_clean(&out, feeds[i].words, feeds[i].cdata, CLEAN_ENTRIES);
		compare(feeds[i].name, base_buf_span(&out));
		base_buf_free(&out);
	}
	return 0;
}

static int measure_all_worst(void)
{
	static const size_t sizes[] = {MIB, 4 * MIB, 16 * MIB};
	int slow = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct base_buf out;
		const char *came;
		size_t entries;
		base_buf_init(&out, 17 * MIB);
		make_clean(&out, ukrainian, true, sizes[i] / 5400);
		double clean = parse(base_buf_span(&out), 1, &came, &entries) * (double)sizes[i] / (double)out.len;
		base_buf_free(&out);
		for (int shape = 0; shape < SHAPES; shape++)
			slow += !measure_worst((enum shape)shape, sizes[i], clean);
	}
	return slow ? 1 : 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *bytes;
		size_t len;
		if (base_read_file(argv[i], 16 * MIB, &bytes, &len, NULL) != BASE_OK)
			return 1;
		compare(argv[i], (struct base_span){bytes, len});
		free(bytes);
	}
	if (argc > 1)
		return 0;
	return measure_clean() || measure_all_worst();
}
