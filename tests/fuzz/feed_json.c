/* Any bytes served as a JSON Feed: the same holds as for other documents. */
#include "tests/fuzz/feed_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed_check_parse("application/feed+json", data, size);
	return 0;
}
