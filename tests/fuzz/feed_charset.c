/* Fuzz target: charset labels and decoders. The first line is the Content-Type, the second the configured charset. */
#include <stdlib.h>
#include <string.h>

#include "daemon/feed/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct base_span line(struct base_span *rest)
{
	const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
	struct base_span taken = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
	size_t used = taken.len + (end != NULL);

	rest->ptr += used;
	rest->len -= used;
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct base_span rest = {(const char *)bytes, len};
	struct feed_input input = {.content_type = line(&rest), .charset = line(&rest), .limits = {.max_bytes = 1 << 16}};
	const char *note = NULL, *name = NULL;
	struct base_buf utf8;
	enum base_result result;

	input.bytes = rest;
	base_buf_init(&utf8, 1 << 16);
	result = feed_charset_decode(&input, &utf8, &note);
	if (result == BASE_OK && !base_utf8_valid(utf8.len > 0 ? utf8.data : rest.ptr, utf8.len > 0 ? utf8.len : rest.len))
		abort();
	if ((result != BASE_OK && result != BASE_LIMIT) || utf8.len > utf8.max || (note != NULL && strlen(note) == 0))
		abort();
	base_buf_free(&utf8);
	if (feed_charset_canonical(input.charset, &name) == BASE_OK && name[0] == '\0')
		abort();
	return 0;
}
