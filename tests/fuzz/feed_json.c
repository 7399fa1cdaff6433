/* Any bytes served as a JSON Feed: the same holds as for other documents. */
#include <stdlib.h>

#include "tests/fuzz/feed_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_input input = {
		.bytes = {(const char *)data, size},
		.content_type = base_span_of("application/feed+json"),
		.url = base_span_of("https://example.org/feed/rss.xml"),
		.now = 1770091506 * BASE_SECOND,
	};
	struct feed_document *document = NULL;
	struct base_error err = {""};

	if (feed_parse(&input, &document, &err) != BASE_OK) {
		if (!err.text[0])
			abort();
		return 0;
	}
	feed_check_document(document);
	feed_free(document);
	return 0;
}
