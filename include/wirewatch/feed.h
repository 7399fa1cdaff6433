/*
 * feed: bytes from a publisher become a feed and its entries.
 *
 * Pure: no network, no files, no clock (the present time is a parameter).
 * All bytes given in are hostile; work is bounded by feed_limits.
 * libxml2 stays inside this room. Strings given out are valid UTF-8 without
 * NUL and live as long as the document.
 */
#ifndef WIREWATCH_FEED_H
#define WIREWATCH_FEED_H

#include "wirewatch/base.h"

/* Once, before several threads read documents: libxml2 would set itself up in whichever comes first, unguarded. */
void feed_global_init(void);

/* ---- documents --------------------------------------------------------- */

/*
 * SipHash-2-4 with 128 bits under a key that never changes: ledgers keep it. Only within one feed must keys differ,
 * and a publisher who made two of them clash would hide nothing but an entry of its own.
 */
#define FEED_KEY_LEN BASE_HASH128_LEN

struct feed_key {
	uint8_t bytes[FEED_KEY_LEN];
};

/*
 * One entry. Identity: `key` names the entry within its feed; `link_key` and
 * `title_key` (title and raw date) recognise it again when a publisher changes
 * its guids, or when a guid that several entries shared is left to one of them.
 * Entries of a document that share an id though they differ have different
 * keys, whatever their order; entries that agree in everything have the same.
 * `change` differs whenever title, text or link differ. It is made from the
 * fields as sent, without attributes and comments: now and then it differs
 * though only the markup was written otherwise; dates and counters in
 * addresses do not count. A key is all zero when the entry has nothing to make
 * it from (title_key: when it has no date, for titles alone come again).
 */
struct feed_entry {
	struct base_span id;         /* guid, atom:id, rdf:about, JSON Feed id, as sent but trimmed; or none */
	struct base_span item;       /* never none: the id, or a name made from the key ("urn:wirewatch:<hex>") */
	struct base_span title;      /* plain text */
	struct base_span link;       /* absolute */
	struct base_span author;
	struct base_span language;   /* BCP 47 as sent, but "uk_UA" is "uk-UA"; inherited from the feed */
	struct base_span summary;    /* HTML as sent */
	struct base_span content;    /* HTML as sent */
	struct base_span raw_date;   /* the date text as sent */
	base_time published;         /* BASE_TIME_NONE if missing or unreadable */
	base_time updated;
	bool date_clamped;           /* it lay in the future and was set to the present */
	bool summary_plain, content_plain; /* sent as text, not markup */
	const struct base_span *categories;
	size_t category_count;
	struct feed_key key, link_key, title_key, change;
};

struct feed_document {
	const char *format;          /* "rss-2.0", "atom-1.0" ...: the names of `wirewatch parse` */
	struct base_span title, link, language, hub, self, prev_archive;
	base_time ttl;               /* 0: not said (rss ttl, sy:updatePeriod) */
	uint32_t skip_hours;         /* bit h: hour h GMT */
	uint8_t skip_days;           /* bit 0: Monday ... bit 6: Sunday */
	const char *const *repairs;  /* what had to be mended, e.g. "undefined entity nbsp" */
	size_t repair_count;
	bool truncated;              /* its end was missing; these are its whole entries */
	const struct feed_entry *entries; /* in document order */
	size_t entry_count;
	size_t left_out;             /* familiar entries, which are not among entries */
};

/* What the entries of a document looked like, so that those which stay need not be read in the next one. */
struct feed_familiar;

struct feed_limits {
	size_t max_bytes;   /* of the decoded document; 0: 16 MiB */
	size_t max_entries; /* 0: 10,000 */
};

struct feed_input {
	struct base_span bytes;        /* the body as received, content coding removed */
	struct base_span content_type; /* the HTTP header's value, or none */
	struct base_span url;          /* where it came from; base of relative links; or none */
	struct base_span charset;      /* the feed's configured charset, or none */
	base_time now;                 /* dates later than now are clamped to it (a day of grace for zones is not given) */
	struct feed_limits limits;
	bool remember;                 /* make a set for feed_familiar_take */
	/*
	 * With remember: the set of the document before, or NULL. Entries that stand here as they stood there may be left
	 * out: more than half of the document, and none has a key, link_key or title_key of one that is given out.
	 */
	const struct feed_familiar *familiar;
};

/*
 * Parse a document. BASE_SYNTAX: it is no feed (err says what it seems to be);
 * BASE_LIMIT: too large, too deep, too many of something; BASE_DENIED: the
 * document declares entities or elements; BASE_NO_MEMORY.
 * The caller frees *out with feed_free.
 */
enum base_result feed_parse(const struct feed_input *input, struct feed_document **out, struct base_error *err);
void feed_free(struct feed_document *document);
/*
 * The set of all entries of a document, those left out too, or NULL: not every
 * document can be remembered. The caller's, to be freed with feed_familiar_free.
 */
struct feed_familiar *feed_familiar_take(struct feed_document *document);
void feed_familiar_free(struct feed_familiar *set); /* NULL is fine */
/* `now` of the last document of the line of sets that was read whole. */
base_time feed_familiar_since(const struct feed_familiar *set);

/*
 * The plain text the rules see: content if it says more than the summary,
 * else summary (both when they differ), the title not included. Block tags end
 * a sentence: they become a newline, paragraphs two. Appends to text, at most
 * text->max; a longer text is cut at a code point and BASE_LIMIT returned.
 */
enum base_result feed_entry_text(const struct feed_entry *entry, struct base_buf *text);

/* ---- parts that are useful alone ---------------------------------------- */

/*
 * HTML to plain text, in one pass and linear time: entities decoded, script,
 * style, template and comments dropped, block tags to newlines, white space
 * folded, no-break spaces to spaces, soft hyphens kept out.
 */
enum base_result feed_html_to_text(struct base_span html, struct base_buf *text);

/* Any date found in feeds to UTC. BASE_SYNTAX if no date can be read from it. */
enum base_result feed_date_parse(struct base_span text, base_time *out);

/*
 * RFC 3986 section 5: reference against base, appended to out. Control characters and spaces are percent-encoded.
 * BASE_INVALID: neither of them is absolute.
 */
enum base_result feed_link_resolve(struct base_span base, struct base_span reference, struct base_buf *out);

/* ---- feed lists (OPML 2.0) ---------------------------------------------- */

#define FEED_OUTLINE_TAGS 16 /* what is deeper in folders, or has more categories, keeps the first */

struct feed_outline {
	struct base_span url, name, language;
	const struct base_span *tags; /* the folders it is in, outermost first, then its categories */
	size_t tag_count;
	size_t line;
};
/* Called for each http(s) feed of the list; anything but BASE_OK stops the reading. */
typedef enum base_result feed_outline_fn(void *ctx, const struct feed_outline *outline);
/* Problems (bad XML, an outline without a usable xmlUrl, another scheme) go to problems with their lines. */
enum base_result feed_opml_read(const char *file, struct base_span bytes, feed_outline_fn *each, void *ctx,
                                struct base_problems *problems);
/* Tags are written as folders, one in the other; neighbours with the same tags share theirs. */
enum base_result feed_opml_write(const struct feed_outline *outlines, size_t count, struct base_buf *out);

#endif
