/*
 * elements: what the elements of all feed formats mean. Private to feed.
 */
#ifndef WIREWATCH_FEED_ELEMENTS_H
#define WIREWATCH_FEED_ELEMENTS_H

#include "builder.h"

/* Namespaces, as bits: a row of the table may allow several. */
enum {
	NS_RSS = 1 << 0, /* none, or one of those RSS went by */
	NS_ATOM = 1 << 1,
	NS_RDF = 1 << 2,
	NS_CONTENT = 1 << 3,
	NS_DC = 1 << 4,
	NS_DCTERMS = 1 << 5,
	NS_MEDIA = 1 << 6,
	NS_ITUNES = 1 << 7,
	NS_SY = 1 << 8,
	NS_XHTML = 1 << 9,
	NS_OTHER = 1 << 10,
	NS_NATIVE = NS_RSS | NS_ATOM,
};

/* Where an element stands. */
enum {
	IN_ROOT = 1 << 0,
	IN_FEED = 1 << 1,
	IN_ENTRY = 1 << 2,
	IN_PERSON = 1 << 3,
	IN_SKIP_HOURS = 1 << 4,
	IN_SKIP_DAYS = 1 << 5,
	IN_SOURCE = 1 << 6, /* the feed an Atom entry was taken from */
	IN_NOTHING = 1 << 7, /* within something of no meaning to us */
};

enum feed_action {
	ACT_IGNORE,
	ACT_FEED,      /* channel */
	ACT_ENTRY,     /* item, entry */
	ACT_TEXT,      /* its text is a field */
	ACT_CONSTRUCT, /* an Atom text construct or content (RFC 4287 sections 3.1 and 4.1.3) */
	ACT_LINK,      /* RSS: the text; Atom: href and rel */
	ACT_GUID,
	ACT_ENCLOSURE,
	ACT_CATEGORY,
	ACT_KEYWORDS, /* categories with commas between them */
	ACT_DATE,     /* published or updated, the format does not say */
	ACT_PERSON,
	ACT_NAME, /* of a person */
	ACT_SOURCE,
	ACT_GROUP, /* what is in it counts as if it stood outside */
	ACT_TTL,
	ACT_SKIP_HOURS,
	ACT_SKIP_DAYS,
	ACT_HOUR,
	ACT_DAY,
	ACT_PERIOD,
	ACT_FREQUENCY,
};

struct feed_element {
	const char *name; /* lower case */
	uint16_t ns, places;
	enum feed_action action;
	enum feed_field field;
	uint8_t rank;
	enum feed_kind kind;
};

/* The namespace of a URI; prefix and native (that of the root element) decide where the URI is unknown. */
uint16_t feed_namespace(const char *uri, const char *prefix, uint16_t native);
/* The meaning of an element; NULL if it has none. */
const struct feed_element *feed_element_find(const char *name, uint16_t ns, uint16_t place);
/* "rss-2.0" and so on for a root element, NULL if it is no feed's. */
const char *feed_format(const char *name, const char *uri, const char *version);

#endif
