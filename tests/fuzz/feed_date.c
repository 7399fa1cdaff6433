/* Fuzz target: dates. */
#include <stdlib.h>

#include "wirewatch/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct base_span text = {(const char *)bytes, len};
	base_time time = BASE_TIME_NONE;
	enum base_result result = feed_date_parse(text, &time);
	char printed[BASE_RFC3339_LEN];
	base_time again;

	if (result == BASE_SYNTAX && time == BASE_TIME_NONE)
		return 0;
	if (result != BASE_OK || time == BASE_TIME_NONE)
		abort();
	/* What we print, we read as the same. */
	base_time_format(time, true, printed);
	if (printed[0] != '\0' && time >= -62135596800 * BASE_SECOND &&
		(feed_date_parse(base_span_of(printed), &again) != BASE_OK || again != time))
		abort();
	return 0;
}
