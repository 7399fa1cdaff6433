/*
 * elements: what the elements of all feed formats mean.
 *
 * Sources: RSS 0.90 to 2.0 as published by Netscape, UserLand and the RSS
 * Advisory Board, RDF Site Summary 1.0 and its modules, the Atom 0.3 draft,
 * RFC 4287, RFC 5005, Media RSS 1.5.1, Dublin Core 1.1 and terms, and Apple's
 * podcast elements. Names are compared without regard to case: publishers err.
 */
#include "elements.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME 24

/*
 * Sorted by name. Ranks: 0 is the field's own element, higher are substitutes.
 */
static const struct feed_element elements[] = {
	{"author", NS_ATOM, IN_FEED | IN_ENTRY, ACT_PERSON, FEED_AUTHOR, 0, FEED_MAYBE_HTML},
	{"author", NS_ATOM, IN_SOURCE, ACT_PERSON, FEED_AUTHOR, 6, FEED_MAYBE_HTML},
	{"author", NS_RSS, IN_ENTRY, ACT_PERSON, FEED_AUTHOR, 0, FEED_MAYBE_HTML},
	{"author", NS_DC, IN_ENTRY, ACT_TEXT, FEED_AUTHOR, 2, FEED_MAYBE_HTML},
	{"author", NS_ITUNES, IN_ENTRY, ACT_TEXT, FEED_AUTHOR, 3, FEED_MAYBE_HTML},
	{"body", NS_XHTML, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 1, FEED_HTML},
	{"category", NS_NATIVE | NS_MEDIA | NS_ITUNES, IN_ENTRY, ACT_CATEGORY, FEED_TITLE, 0, FEED_PLAIN},
	{"channel", NS_RSS | NS_OTHER, IN_FEED | IN_NOTHING, ACT_FEED, FEED_TITLE, 0, FEED_PLAIN},
	{"content", NS_ATOM, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 0, FEED_PLAIN},
	{"content", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 2, FEED_MAYBE_HTML},
	{"content", NS_MEDIA, IN_ENTRY, ACT_GROUP, FEED_TITLE, 0, FEED_PLAIN},
	{"created", NS_ATOM, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 4, FEED_PLAIN},
	{"created", NS_DCTERMS, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 4, FEED_PLAIN},
	{"creator", NS_DC | NS_DCTERMS, IN_ENTRY, ACT_TEXT, FEED_AUTHOR, 1, FEED_MAYBE_HTML},
	{"date", NS_DC | NS_DCTERMS, IN_ENTRY, ACT_DATE, FEED_PUBLISHED, 3, FEED_PLAIN},
	{"day", NS_RSS, IN_SKIP_DAYS, ACT_DAY, FEED_TITLE, 0, FEED_PLAIN},
	{"description", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 0, FEED_MAYBE_HTML},
	{"description", NS_DC | NS_DCTERMS, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 2, FEED_MAYBE_HTML},
	{"description", NS_MEDIA, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 5, FEED_MAYBE_HTML},
	{"email", NS_NATIVE, IN_PERSON, ACT_NAME, FEED_AUTHOR, 1, FEED_PLAIN},
	{"enclosure", NS_RSS, IN_ENTRY, ACT_ENCLOSURE, FEED_LINK, 0, FEED_PLAIN},
	{"encoded", NS_CONTENT, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 0, FEED_HTML},
	{"entry", NS_NATIVE, IN_ROOT | IN_FEED | IN_NOTHING, ACT_ENTRY, FEED_TITLE, 0, FEED_PLAIN},
	{"fullitem", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 1, FEED_HTML},
	{"fulltext", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, 3, FEED_MAYBE_HTML},
	{"group", NS_MEDIA, IN_ENTRY, ACT_GROUP, FEED_TITLE, 0, FEED_PLAIN},
	{"guid", NS_RSS, IN_ENTRY, ACT_GUID, FEED_ID, 0, FEED_PLAIN},
	{"hour", NS_RSS, IN_SKIP_HOURS, ACT_HOUR, FEED_TITLE, 0, FEED_PLAIN},
	{"id", NS_ATOM, IN_ENTRY, ACT_TEXT, FEED_ID, 1, FEED_PLAIN},
	{"id", NS_RSS, IN_ENTRY, ACT_TEXT, FEED_ID, 3, FEED_PLAIN},
	{"identifier", NS_DC | NS_DCTERMS, IN_ENTRY, ACT_TEXT, FEED_ID, 4, FEED_PLAIN},
	{"issued", NS_ATOM, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 1, FEED_PLAIN},
	{"issued", NS_DCTERMS, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 2, FEED_PLAIN},
	{"item", NS_NATIVE, IN_ROOT | IN_FEED | IN_NOTHING, ACT_ENTRY, FEED_TITLE, 0, FEED_PLAIN},
	{"keywords", NS_MEDIA | NS_ITUNES, IN_ENTRY, ACT_KEYWORDS, FEED_TITLE, 0, FEED_PLAIN},
	{"language", NS_RSS, IN_FEED | IN_ENTRY, ACT_TEXT, FEED_LANGUAGE, 0, FEED_PLAIN},
	{"language", NS_DC | NS_DCTERMS, IN_FEED | IN_ENTRY, ACT_TEXT, FEED_LANGUAGE, 1, FEED_PLAIN},
	{"link", NS_NATIVE, IN_FEED | IN_ENTRY, ACT_LINK, FEED_LINK, 0, FEED_PLAIN},
	{"modified", NS_ATOM, IN_ENTRY, ACT_TEXT, FEED_UPDATED, 1, FEED_PLAIN},
	{"modified", NS_DCTERMS, IN_ENTRY, ACT_TEXT, FEED_UPDATED, 2, FEED_PLAIN},
	{"name", NS_NATIVE, IN_PERSON, ACT_NAME, FEED_AUTHOR, 0, FEED_PLAIN},
	{"pubdate", NS_RSS, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 0, FEED_PLAIN},
	{"published", NS_NATIVE, IN_ENTRY, ACT_TEXT, FEED_PUBLISHED, 1, FEED_PLAIN},
	{"skipdays", NS_RSS, IN_FEED, ACT_SKIP_DAYS, FEED_TITLE, 0, FEED_PLAIN},
	{"skiphours", NS_RSS, IN_FEED, ACT_SKIP_HOURS, FEED_TITLE, 0, FEED_PLAIN},
	{"source", NS_ATOM, IN_ENTRY, ACT_SOURCE, FEED_TITLE, 0, FEED_PLAIN},
	{"subject", NS_DC | NS_DCTERMS, IN_ENTRY, ACT_CATEGORY, FEED_TITLE, 0, FEED_PLAIN},
	{"subtitle", NS_ITUNES, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 7, FEED_MAYBE_HTML},
	{"summary", NS_ATOM, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 1, FEED_PLAIN},
	{"summary", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 3, FEED_MAYBE_HTML},
	{"summary", NS_ITUNES, IN_ENTRY, ACT_CONSTRUCT, FEED_SUMMARY, 6, FEED_MAYBE_HTML},
	{"title", NS_RSS, IN_FEED | IN_ENTRY, ACT_CONSTRUCT, FEED_TITLE, 0, FEED_MAYBE_HTML},
	{"title", NS_ATOM, IN_FEED | IN_ENTRY, ACT_CONSTRUCT, FEED_TITLE, 1, FEED_PLAIN},
	{"title", NS_DC | NS_DCTERMS, IN_FEED | IN_ENTRY, ACT_CONSTRUCT, FEED_TITLE, 2, FEED_MAYBE_HTML},
	{"title", NS_MEDIA, IN_ENTRY, ACT_CONSTRUCT, FEED_TITLE, 3, FEED_MAYBE_HTML},
	{"title", NS_ITUNES, IN_ENTRY, ACT_CONSTRUCT, FEED_TITLE, 4, FEED_MAYBE_HTML},
	{"ttl", NS_RSS, IN_FEED, ACT_TTL, FEED_TITLE, 0, FEED_PLAIN},
	{"updated", NS_NATIVE, IN_ENTRY, ACT_TEXT, FEED_UPDATED, 0, FEED_PLAIN},
	{"updatefrequency", NS_SY, IN_FEED, ACT_FREQUENCY, FEED_TITLE, 0, FEED_PLAIN},
	{"updateperiod", NS_SY, IN_FEED, ACT_PERIOD, FEED_TITLE, 0, FEED_PLAIN},
};

struct namespace {
	const char *uri; /* lower case, without scheme, www. and a slash or mark at the end */
	uint16_t ns;
};

static const struct namespace namespaces[] = {
	{"w3.org/2005/atom", NS_ATOM},
	{"purl.org/atom/ns", NS_ATOM},
	{"purl.org/atom/app", NS_OTHER},
	{"purl.org/echo", NS_ATOM},
	{"example.com/newformat", NS_ATOM},
	{"example.com/necho", NS_ATOM},
	{"uri/of/echo/namespace", NS_ATOM},
	{"purl.org/pie", NS_ATOM},
	{"intertwingly.net/draft/atom", NS_ATOM},
	{"purl.org/rss/1.0", NS_RSS},
	{"purl.org/net/rss1.1", NS_RSS},
	{"my.netscape.com/rdf/simple/0.9", NS_RSS},
	{"channel.netscape.com/rdf/simple/0.9", NS_RSS},
	{"my.netscape.com/publish/formats/rss-0.91.dtd", NS_RSS},
	{"backend.userland.com/rss", NS_RSS},
	{"backend.userland.com/rss2", NS_RSS},
	{"backend.userland.com/rss091", NS_RSS},
	{"backend.userland.com/rss092", NS_RSS},
	{"blogs.law.harvard.edu/tech/rss", NS_RSS},
	{"cyber.law.harvard.edu/rss", NS_RSS},
	{"rssboard.org/rss-specification", NS_RSS},
	{"purl.org/rss/1.0/modules/rss091", NS_RSS},
	{"w3.org/1999/02/22-rdf-syntax-ns", NS_RDF},
	{"purl.org/rss/1.0/modules/content", NS_CONTENT},
	{"purl.org/dc/elements/1.1", NS_DC},
	{"purl.org/dc/elements/1.0", NS_DC},
	{"purl.org/metadata/dublin_core", NS_DC},
	{"purl.org/dc/terms", NS_DCTERMS},
	{"search.yahoo.com/mrss", NS_MEDIA},
	{"video.search.yahoo.com/mrss", NS_MEDIA},
	{"itunes.com/dtds/podcast-1.0.dtd", NS_ITUNES},
	{"example.com/dtds/podcast-1.0.dtd", NS_ITUNES},
	{"purl.org/rss/1.0/modules/syndication", NS_SY},
	{"w3.org/1999/xhtml", NS_XHTML},
};

static const struct namespace prefixes[] = {
	{"a10", NS_ATOM},       {"atom", NS_ATOM},   {"atom10", NS_ATOM},   {"content", NS_CONTENT},
	{"dc", NS_DC},          {"dcterms", NS_DCTERMS}, {"itunes", NS_ITUNES}, {"media", NS_MEDIA},
	{"rdf", NS_RDF},        {"rss", NS_RSS},     {"sy", NS_SY},         {"syn", NS_SY},
	{"xhtml", NS_XHTML},
};

/* Lower case into out; false if it does not fit. */
static bool lower(const char *text, size_t len, char *out, size_t size)
{
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 32) : text[i];
	out[len] = '\0';
	return true;
}

static uint16_t find_namespace(const struct namespace *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].uri, text) == 0)
			return list[i].ns;
	return 0;
}

static uint16_t by_uri(const char *uri)
{
	char text[80];
	size_t len = strlen(uri);
	const char *at = text;

	while (len && (uri[len - 1] == '/' || uri[len - 1] == '#' || uri[len - 1] == ' '))
		len--;
	if (!lower(uri, len, text, sizeof text))
		return 0;
	if (strncmp(at, "http://", 7) == 0)
		at += 7;
	else if (strncmp(at, "https://", 8) == 0)
		at += 8;
	if (strncmp(at, "www.", 4) == 0)
		at += 4;
	return find_namespace(namespaces, sizeof namespaces / sizeof *namespaces, at);
}

uint16_t feed_namespace(const char *uri, const char *prefix, uint16_t native)
{
	char text[12];
	uint16_t ns = uri ? by_uri(uri) : 0;

	if (ns)
		return ns;
	if (!prefix)
		return native;
	if (lower(prefix, strlen(prefix), text, sizeof text))
		ns = find_namespace(prefixes, sizeof prefixes / sizeof *prefixes, text);
	return ns ? ns : NS_OTHER;
}

static int by_name(const void *name, const void *element)
{
	return strcmp(name, ((const struct feed_element *)element)->name);
}

const struct feed_element *feed_element_find(const char *name, uint16_t ns, uint16_t place)
{
	char text[LONGEST_NAME];
	const size_t count = sizeof elements / sizeof *elements;

	if (!lower(name, strlen(name), text, sizeof text))
		return NULL;
	const struct feed_element *found = bsearch(text, elements, count, sizeof *elements, by_name);
	if (!found)
		return NULL;
	while (found > elements && strcmp(found[-1].name, text) == 0)
		found--;
	for (; found < elements + count && strcmp(found->name, text) == 0; found++)
		if ((found->ns & ns) && (found->places & place))
			return found;
	return NULL;
}

static const char *rss_format(const char *version)
{
	if (version && strncmp(version, "1.0", 3) == 0)
		return "rss-1.0";
	return version && strncmp(version, "0.9", 3) == 0 ? "rss-0.9x" : "rss-2.0";
}

const char *feed_format(const char *name, const char *uri, const char *version)
{
	char text[LONGEST_NAME];

	if (!lower(name, strlen(name), text, sizeof text))
		return NULL;
	if (strcmp(text, "rss") == 0)
		return rss_format(version);
	if (strcmp(text, "rdf") == 0)
		return "rss-1.0";
	if (strcmp(text, "channel") == 0)
		return uri && strstr(uri, "rss1.1") ? "rss-1.1" : "rss-2.0";
	if (strcmp(text, "feed") == 0 || strcmp(text, "entry") == 0) {
		bool old = uri && !strstr(uri, "2005/Atom") && by_uri(uri) == NS_ATOM;
		return old || (version && strncmp(version, "0.", 2) == 0) ? "atom-0.3" : "atom-1.0";
	}
	return NULL;
}
