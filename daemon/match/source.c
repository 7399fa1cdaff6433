/* source: in rules: which feed an item came from. */
#include <string.h>

#include "fold.h"
#include "scratch.h"

/* Without regard to case, in any of the letters that fold.h knows. */
static bool same_letters(struct base_span a, struct base_span b)
{
	size_t i = 0, j = 0;
	while (i < a.len && j < b.len) {
		uint32_t c, d;
		bool valid;
		i += base_utf8_decode(a.ptr + i, a.len - i, &c, &valid);
		j += base_utf8_decode(b.ptr + j, b.len - j, &d, &valid);
		if (fold_lower(c) != fold_lower(d))
			return false;
	}
	return i == a.len && j == b.len;
}

/* What stands between "//" and the path or port (RFC 3986, section 3.2), without user information. */
static struct base_span host_of(struct base_span url)
{
	size_t start = 0, end;
	if (!url.ptr)
		return BASE_NONE;
	for (size_t i = 0; i + 1 < url.len && !start; i++)
		if (url.ptr[i] == '/' && url.ptr[i + 1] == '/')
			start = i + 2;
	for (end = start; end < url.len && !strchr("/?#", url.ptr[end]); end++)
		if (url.ptr[end] == '@')
			start = end + 1;
	struct base_span host = {url.ptr + start, end - start};
	const char *port = host.len && *host.ptr != '[' ? memchr(host.ptr, ':', host.len) : NULL;
	if (port)
		host.len = (size_t)(port - host.ptr);
	return host;
}

bool source_is(const struct match_input *input, struct base_span wanted)
{
	if (same_letters(input->feed_name, wanted) || same_letters(input->feed_url, wanted))
		return true;
	struct base_span host = host_of(input->feed_url);
	if (host.len > wanted.len && host.ptr[host.len - wanted.len - 1] == '.') /* tass.com for www.tass.com */
		host = (struct base_span){host.ptr + host.len - wanted.len, wanted.len};
	return same_letters(host, wanted);
}
