/*
 * Any bytes as a document: feed_parse either says why not, or gives entries
 * whose strings are valid UTF-8 without NUL and whose text can be made.
 */
#include "tests/fuzz/feed_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed_check_parse(NULL, data, size);
	return 0;
}
