/*
 * guard: refuses, before libxml2 sees it, a start tag that would keep it busy
 * out of all proportion. libxml2 compares each attribute of a tag with all
 * others, and calls its handlers only when it has the whole tag.
 *
 * A '<' cannot stand within a tag (XML 1.0 section 3.1), so a tag lies between
 * two of them; most stretches are too short to matter and cost one memchr.
 */
#include "config.h"

#include <string.h>

#include "document.h"

#define MOST_ATTRIBUTES 64
#define LONGEST_TAG ((size_t)128 << 10)
#define LONGEST_SECTION 9900000 /* libxml2 takes ten million bytes (XML_MAX_TEXT_LENGTH) */
#define SHORTEST_SUSPECT (MOST_ATTRIBUTES * 5) /* x="" and a space */

/* Past the mark, which is two characters and a '>'. */
static const char *skip(const char *at, const char *end, const char *mark)
{
	while (at < end && (at = memchr(at, *mark, (size_t)(end - at)))) {
		if (end - at >= 3 && at[1] == mark[1] && at[2] == '>')
			return at + 3;
		at++;
	}
	return end;
}

static const char *skip_instruction(const char *at, const char *end)
{
	const char *close = memmem(at, (size_t)(end - at), "?>", 2);

	return close ? close + 2 : end;
}

/* To the end of a DOCTYPE or to its internal subset; what stands in quotes there means nothing. */
static const char *skip_doctype(const char *at, const char *end)
{
	for (; at < end && *at != '>' && *at != '['; at++) {
		if (*at != '"' && *at != '\'')
			continue;
		at = memchr(at + 1, *at, (size_t)(end - at - 1));
		if (!at)
			return end;
	}
	return at;
}

/* Past the tag that starts before at; attributes are counted by their equals signs. */
static const char *skip_tag(const char *at, const char *end, size_t *attributes)
{
	char quote = '\0';

	for (*attributes = 0; at < end; at++) {
		if (quote) {
			const char *close = memchr(at, quote, (size_t)(end - at));
			if (!close)
				return end;
			at = close;
			quote = '\0';
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '=') {
			++*attributes;
		} else if (*at == '>') {
			return at;
		}
	}
	return end;
}

/* Past a CDATA section, a comment, an instruction or the first half of a DOCTYPE. */
static const char *skip_special(struct base_span rest)
{
	const char *at = rest.ptr, *end = rest.ptr + rest.len;

	if (at[1] == '?')
		return skip_instruction(at + 2, end);
	if (base_span_starts(rest, "<![CDATA["))
		return skip(at + 9, end, "]]>");
	return base_span_starts(rest, "<!--") ? skip(at + 4, end, "-->") : skip_doctype(at + 2, end);
}

const char *feed_xml_skip(struct base_span xml)
{
	const char *end = xml.ptr + xml.len;
	size_t attributes;

	if (xml.len > 1 && (xml.ptr[1] == '!' || xml.ptr[1] == '?'))
		return skip_special(xml);
	const char *close = skip_tag(xml.ptr + 1, end, &attributes);
	return close < end ? close + 1 : end;
}

enum base_result feed_xml_guard(struct base_span xml, bool *too_long, struct base_error *err)
{
	const char *at = xml.ptr, *end = xml.ptr + xml.len;

	*too_long = false;
	while (at < end && (at = memchr(at, '<', (size_t)(end - at)))) {
		struct base_span rest = {at, (size_t)(end - at)};
		if (rest.len > 1 && (at[1] == '!' || at[1] == '?')) {
			at = skip_special(rest);
			if ((size_t)(at - rest.ptr) > LONGEST_SECTION && base_span_starts(rest, "<![CDATA["))
				*too_long = true;
			continue;
		}
		const char *next = memchr(at + 1, '<', rest.len - 1);
		if (!next)
			next = end;
		if ((size_t)(next - at) > SHORTEST_SUSPECT) {
			size_t attributes;
			const char *close = skip_tag(at + 1, next, &attributes);
			if (attributes > MOST_ATTRIBUTES)
				return base_fail(err, BASE_LIMIT, "a tag has more than %d attributes", MOST_ATTRIBUTES);
			if ((size_t)(close - at) > LONGEST_TAG)
				return base_fail(err, BASE_LIMIT, "a tag is longer than %zu bytes", LONGEST_TAG);
		}
		at = next;
	}
	return BASE_OK;
}
