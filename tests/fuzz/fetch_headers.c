/* Fuzz target: the header section of a reply, as libcurl hands it over line by line. */
#include "daemon/fetch/headers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(base_time value, base_time most)
{
	if (value < 0 || value > most)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *at = (const char *)bytes, *end = at + len;
	base_time now = (base_time)1767225600 * BASE_SECOND;
	struct fetch_headers headers;

	fetch_headers_init(&headers);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line = newline != NULL ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		if (fetch_headers_line(&headers, at, line) != BASE_OK)
			break;
		at += line;
	}
	check(headers.status, 999);
	check(fetch_headers_retry_after(&headers, now), BASE_DAY);
	check(fetch_headers_max_age(&headers, now), 366 * BASE_DAY);
	if (headers.etag != NULL && !fetch_value_valid(headers.etag))
		abort();
	if (headers.last_modified != NULL && !fetch_value_valid(headers.last_modified))
		abort();
	fetch_headers_free(&headers);
	return 0;
}
