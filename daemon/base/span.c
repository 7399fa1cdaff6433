/* Stretches of bytes owned by somebody else. */
#include "wirewatch/base.h"

#include <string.h>

struct base_span base_span_of(const char *text)
{
	return text ? (struct base_span){text, strlen(text)} : BASE_NONE;
}

bool base_span_equal(struct base_span a, struct base_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool base_span_is(struct base_span a, const char *text)
{
	return base_span_equal(a, base_span_of(text));
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

struct base_span base_span_trim(struct base_span span)
{
	while (span.len && is_space(span.ptr[0])) {
		span.ptr++;
		span.len--;
	}
	while (span.len && is_space(span.ptr[span.len - 1]))
		span.len--;
	return span;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool base_span_is_nocase(struct base_span a, const char *text)
{
	if (a.len != strlen(text))
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(text[i]))
			return false;
	return true;
}

bool base_span_starts(struct base_span a, const char *prefix)
{
	size_t len = strlen(prefix);
	return a.len >= len && (len == 0 || memcmp(a.ptr, prefix, len) == 0);
}
