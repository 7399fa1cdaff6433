/*
 * load_document: see load_document.h. The texts of entries are made once and
 * used again and again: what the server spends on a document is copying.
 */
#include "load_document.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 251      /* a prime, so that a feed's entries do not repeat in step */
#define FRAME 1024     /* of an entry without its text, and of a document without its entries */
#define PARAGRAPH 256  /* is shorter */
#define ALERT_EVERY 50 /* entries */

struct text {
	char *bytes;
	size_t len;
};

struct load_documents {
	size_t entries, most;
	time_t start;
	struct text texts[TEXTS];
};

static const char *const words[] = {
	"minister",  "council",  "harbour",  "budget",   "weather", "the",     "a",        "of",       "and",     "in",
	"on",        "for",      "with",     "railway",  "bridge",  "teacher", "hospital", "election", "market",  "farmers",
	"announced", "reported", "visited",  "opened",   "closed",  "repairs", "season",   "match",    "concert", "court",
	"Monday",    "Tuesday",  "Thursday", "region",   "village", "capital", "river",    "company",  "workers", "prices",
	"percent",   "million",  "students", "research", "energy",  "water",   "road",     "police",   "museum",  "festival",
};
#define WORDS (sizeof words / sizeof *words)

static uint32_t chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Bytes being written, in a place of a known size. */
struct page {
	char *bytes;
	size_t len, most;
};

__attribute__((format(printf, 2, 3))) static void put(struct page *page, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(page->bytes + page->len, page->most - page->len, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= page->most - page->len) /* FRAME is too small */
		abort();
	page->len += (size_t)len;
}

/* Paragraphs of sentences, escaped as a description that holds HTML. */
static int make_text(struct text *text, size_t bytes, uint64_t seed)
{
	struct page page = {malloc(bytes + PARAGRAPH), 0, bytes + PARAGRAPH};
	if (page.bytes == NULL)
		return -1;
	while (page.len < bytes) {
		put(&page, "&lt;p&gt;");
		for (size_t i = 0, count = 8 + chance(&seed) % 12; i < count; i++)
			put(&page, "%s%s", i ? " " : "", words[chance(&seed) % WORDS]);
		put(&page, ".&lt;/p&gt;\n");
	}
	*text = (struct text){page.bytes, page.len};
	return 0;
}

struct load_documents *load_documents_new(size_t entries, size_t entry_bytes, time_t start)
{
	struct load_documents *documents = calloc(1, sizeof *documents);
	if (documents == NULL)
		return NULL;
	documents->entries = entries;
	documents->start = start;
	documents->most = FRAME + entries * (FRAME + entry_bytes + PARAGRAPH);
	for (size_t i = 0; i < TEXTS; i++) {
		if (make_text(&documents->texts[i], entry_bytes, i + 1)) {
			load_documents_free(documents);
			return NULL;
		}
	}
	return documents;
}

void load_documents_free(struct load_documents *documents)
{
	if (documents == NULL)
		return;
	for (size_t i = 0; i < TEXTS; i++)
		free(documents->texts[i].bytes);
	free(documents);
}

size_t load_documents_most(const struct load_documents *documents)
{
	return documents->most;
}

/* A minute between two entries; a feed that has changed for days stays at its start. */
static void write_date(const struct load_documents *documents, size_t serial, char out[40])
{
	time_t back = 43200 - (time_t)serial * 60, at = documents->start - (back > 0 ? back : 0);
	struct tm broken;
	(void)gmtime_r(&at, &broken);
	(void)strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &broken);
}

static void write_entry(const struct load_documents *documents, size_t feed, size_t serial, struct page *page)
{
	uint64_t seed = feed * 1000003u + serial;
	const struct text *text = &documents->texts[chance(&seed) % TEXTS];
	char date[40], title[128];
	write_date(documents, serial, date);
	if ((feed * 7 + serial) % ALERT_EVERY == 0)
		(void)snprintf(title, sizeof title, "Norway has halted deliveries of %zu artillery shells to Ukraine",
		               1000 + feed * 50 + serial);
	else
		(void)snprintf(title, sizeof title, "%s %s %s %zu", words[chance(&seed) % WORDS], words[chance(&seed) % WORDS],
		               words[chance(&seed) % WORDS], serial);
	put(page,
	    "<item><title>%s</title><link>https://feeds.example/%zu/%zu</link>"
	    "<guid isPermaLink=\"false\">urn:bench:%zu:%zu</guid><pubDate>%s</pubDate>"
	    "<category>news</category><description>",
	    title, feed, serial, feed, serial, date);
	if (text->len >= page->most - page->len)
		abort();
	memcpy(page->bytes + page->len, text->bytes, text->len); /* put would look for its end first */
	page->len += text->len;
	put(page, "</description></item>\n");
}

size_t load_documents_write(const struct load_documents *documents, size_t feed, size_t version, char *out)
{
	struct page page = {out, 0, documents->most};
	put(&page,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel>"
	    "<title>Feed %zu</title><link>https://feeds.example/%zu/</link>"
	    "<description>Invented news</description><language>en</language>\n",
	    feed, feed);
	for (size_t i = documents->entries; i-- > 0;)
		write_entry(documents, feed, version * LOAD_NEW_ENTRIES + i, &page);
	put(&page, "</channel></rss>\n");
	return page.len;
}
