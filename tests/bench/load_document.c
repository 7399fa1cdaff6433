/*
 * load_document: see load_document.h. The texts of entries are made once and
 * used again and again: what the server spends on a document is copying.
 */
#include "load_document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 251      /* a prime, so that a feed's entries do not repeat in step */
#define FRAME 1024     /* of an entry without its text, and of a document without its entries */
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

/* Paragraphs of sentences, escaped as a description that holds HTML. */
static int make_text(struct text *text, size_t bytes, uint64_t seed)
{
	text->bytes = malloc(bytes + 256);
	if (text->bytes == NULL)
		return -1;
	size_t at = 0;
	while (at < bytes) {
		at += (size_t)sprintf(text->bytes + at, "&lt;p&gt;");
		for (size_t i = 0, count = 8 + chance(&seed) % 12; i < count; i++)
			at += (size_t)sprintf(text->bytes + at, "%s%s", i ? " " : "", words[chance(&seed) % WORDS]);
		at += (size_t)sprintf(text->bytes + at, ".&lt;/p&gt;\n");
	}
	text->len = at;
	return 0;
}

struct load_documents *load_documents_new(size_t entries, size_t entry_bytes, time_t start)
{
	struct load_documents *documents = calloc(1, sizeof *documents);
	if (documents == NULL)
		return NULL;
	documents->entries = entries;
	documents->start = start;
	documents->most = FRAME + entries * (FRAME + entry_bytes + 256);
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

static size_t write_entry(const struct load_documents *documents, size_t feed, size_t serial, char *out)
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
	size_t at = (size_t)sprintf(out,
	                            "<item><title>%s</title><link>https://feeds.example/%zu/%zu</link>"
	                            "<guid isPermaLink=\"false\">urn:bench:%zu:%zu</guid><pubDate>%s</pubDate>"
	                            "<category>news</category><description>",
	                            title, feed, serial, feed, serial, date);
	memcpy(out + at, text->bytes, text->len);
	at += text->len;
	return at + (size_t)sprintf(out + at, "</description></item>\n");
}

size_t load_documents_write(const struct load_documents *documents, size_t feed, size_t version, char *out)
{
	size_t at = (size_t)sprintf(out,
	                            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel>"
	                            "<title>Feed %zu</title><link>https://feeds.example/%zu/</link>"
	                            "<description>Invented news</description><language>en</language>\n",
	                            feed, feed);
	for (size_t i = documents->entries; i-- > 0;)
		at += write_entry(documents, feed, version * LOAD_NEW_ENTRIES + i, out + at);
	return at + (size_t)sprintf(out + at, "</channel></rss>\n");
}
