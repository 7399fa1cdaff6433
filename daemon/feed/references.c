/*
 * references: the five references that XML itself knows (section 4.6), made
 * short for libxml2 and restored in what it gives.
 *
 * libxml2 parses the name of each, looks it up, and calls a handler for it and
 * one for the text before it: some 500 instructions, and HTML in a feed is
 * little else than "&lt;p&gt;". Two bytes of plain text in place of each cost
 * far less: a document of 63 KB with 2,000 of them is read in 1.3 million
 * instructions instead of 2.4. Only character data is touched, and only in
 * documents without a byte such as the mark; one that is broken is broken with
 * and without, and is mended as it came.
 */
#include "config.h"

#include <string.h>

#include "document.h"

#define MARK '\x7F' /* DEL: the one single byte XML allows (section 2.2) and nobody writes */

/* Of a fixed length, so that it needs no call. */
#define STARTS(text, name) ((text).len >= sizeof(name) - 1 && memcmp((text).ptr, name, sizeof(name) - 1) == 0)

/* The length of the reference at the start of text, 0 if it is another one; *letter stands for it. */
static size_t known(struct base_span text, char *letter)
{
	*letter = 'a';
	if (STARTS(text, "&lt;"))
		return 4;
	*letter = 'b';
	if (STARTS(text, "&gt;"))
		return 4;
	*letter = 'c';
	if (STARTS(text, "&amp;"))
		return 5;
	*letter = 'd';
	if (STARTS(text, "&quot;"))
		return 6;
	*letter = 'e';
	return STARTS(text, "&apos;") ? 6 : 0;
}

/* "&#127;" in any of its forms gives a byte such as the mark. */
static bool is_mark(struct base_span text)
{
	bool hexadecimal = text.len > 2 && text.ptr[2] == 'x';
	size_t at = hexadecimal ? 3 : 2;

	if (!base_span_starts(text, "&#"))
		return false;
	while (at < text.len && text.ptr[at] == '0')
		at++;
	struct base_span number = {text.ptr + at, text.len - at};
	if (!hexadecimal)
		return base_span_starts(number, "127;");
	return base_span_starts(number, "7F;") || base_span_starts(number, "7f;");
}

/* Returns the end of what was written, or NULL. */
static char *shorten_text(char *to, const char *at, const char *end)
{
	while (at < end) {
		const char *reference = memchr(at, '&', (size_t)(end - at)), *stop = reference ? reference : end;
		memcpy(to, at, (size_t)(stop - at));
		to += stop - at;
		at = stop;
		if (!reference)
			break;
		char letter = '\0';
		struct base_span rest = {at, (size_t)(end - at)};
		size_t used = known(rest, &letter);
		if (!used && is_mark(rest))
			return NULL;
		*to++ = used ? MARK : '&';
		if (used)
			*to++ = letter;
		at += used ? used : 1;
	}
	return to;
}

bool feed_references_shorten(struct base_span xml, struct base_buf *out)
{
	const char *at = xml.ptr, *end = xml.ptr + xml.len;

	if (xml.len == 0 || memchr(xml.ptr, MARK, xml.len) || !memchr(xml.ptr, '&', xml.len) || base_buf_reserve(out, xml.len))
		return false;
	char *to = out->data;
	while (at < end && to) {
		const char *tag = memchr(at, '<', (size_t)(end - at));
		to = shorten_text(to, at, tag ? tag : end);
		if (!tag || !to)
			break;
		at = feed_xml_skip((struct base_span){tag, (size_t)(end - tag)});
		if (at < end && *at == '[') /* a DOCTYPE's subset, where nothing is what it seems */
			return false;
		memcpy(to, tag, (size_t)(at - tag));
		to += at - tag;
	}
	if (!to)
		return false;
	out->len = (size_t)(to - out->data);
	*to = '\0';
	return true;
}

struct base_span feed_references_restore(struct base_span text, bool *open, struct base_buf *out)
{
	static const char meanings[] = "<>&\"'";
	const char *at = text.ptr, *end = text.ptr + text.len;

	if (text.len == 0 || (!*open && !memchr(text.ptr, MARK, text.len)))
		return text;
	base_buf_reset(out);
	if (base_buf_reserve(out, text.len))
		return BASE_NONE;
	char *to = out->data;
	while (at < end) {
		if (*open)
			*to++ = meanings[(size_t)(*at++ - 'a') % (sizeof meanings - 1)];
		const char *mark = memchr(at, MARK, (size_t)(end - at)), *stop = mark ? mark : end;
		memcpy(to, at, (size_t)(stop - at));
		to += stop - at;
		*open = mark != NULL;
		at = mark ? mark + 1 : end;
	}
	out->len = (size_t)(to - out->data);
	*to = '\0';
	return base_buf_span(out);
}
