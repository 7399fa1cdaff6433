/*
 * charset: which charset a document is in, and its bytes as UTF-8. Private to feed.
 */
#ifndef WIREWATCH_FEED_CHARSET_H
#define WIREWATCH_FEED_CHARSET_H

#include "wirewatch/feed.h"

/*
 * The name of the charset a label means, as the WHATWG Encoding Standard maps
 * labels ("latin1" is windows-1252), sloppy spellings ("cp-1251") and some
 * charsets it leaves out included; gbk and gb2312 give gb18030. Lower case.
 * BASE_NOT_FOUND: an unknown label.
 */
enum base_result feed_charset_canonical(struct base_span label, const char **name);

/*
 * Decide the charset of in->bytes: BOM, else valid UTF-8, else the HTTP header,
 * the XML declaration, the configured charset, else UTF-8. A label of UTF-8 the
 * bytes contradict is passed over. Where all of them fail and nearly nothing
 * reads as UTF-8, the Cyrillic charsets and windows-1252 are recognised by their
 * letters; else what is ill-formed becomes U+FFFD.
 *
 * Bytes that are valid UTF-8 already are not copied: utf8->len stays 0 (a BOM
 * is still in front of them). Else utf8, empty and with its maximum set by the
 * caller, gets the document, without BOM and perhaps with NULs.
 * *note: what was mended ("labelled utf-8, read as windows-1251"), never to be
 * freed, or NULL. BASE_LIMIT, BASE_NO_MEMORY.
 */
enum base_result feed_charset_decode(const struct feed_input *in, struct base_buf *utf8, const char **note);

/* ---- within charset*.c ------------------------------------------------------ */

enum feed_charset_kind {
	FEED_CHARSET_UTF8,
	FEED_CHARSET_UTF16,  /* and UTF-32: believed only when the bytes look like it */
	FEED_CHARSET_SINGLE, /* one byte a character, the first 128 are ASCII */
	FEED_CHARSET_EBCDIC, /* one byte a character, believed only when the bytes look like it */
	FEED_CHARSET_MULTI,  /* one or more bytes a character, ASCII bytes below 0x40 are themselves */
	FEED_CHARSET_ESCAPE, /* seven bits with escape sequences */
};

struct feed_charset {
	const char *name, *iconv;
	enum feed_charset_kind kind;
	const char *labels; /* lower case, letters and digits only, parted by spaces */
	const char *instead_of_utf8, *as_utf8, *instead_of_other, *unlabelled; /* notes */
};

/* NULL if the label is unknown. */
const struct feed_charset *feed_charset_find(struct base_span label);
/* By the letters of text that is no UTF-8 and has no label: NULL if nothing fits. */
const struct feed_charset *feed_charset_guess(struct base_span bytes);
/* *replaced: U+FFFD was put in at least once. */
enum base_result feed_charset_transcode(const struct feed_charset *charset, struct base_span bytes,
                                        struct base_buf *utf8, bool *replaced);

#endif
