/* Fuzz target: the head of a request to the status server, and its Host. */
#include "daemon/status/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void inside(struct base_span part, const uint8_t *bytes, size_t len)
{
	const char *start = (const char *)bytes;

	if (part.ptr != NULL && (part.ptr < start || part.ptr + part.len > start + len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct base_span head = {(const char *)bytes, len};
	struct status_request request;

	(void)status_host_allowed(head, "localhost.example");
	if (len == 0 || status_request_read(head, &request) != BASE_OK)
		return 0;
	inside(request.path, bytes, len);
	inside(request.query, bytes, len);
	inside(request.host, bytes, len);
	(void)status_host_allowed(request.host, NULL);
	return 0;
}
