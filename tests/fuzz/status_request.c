/* Fuzz target: the head of a request to the status server, its Host and what it searches for. */
#include "daemon/status/request.h"
#include "daemon/status/search.h"

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

	static const char alert[] = "{\"data\":{\"class\":\"pause\",\"language\":\"uk\",\"title\":\"T\",\"systems\":[\"A\"],"
	                            "\"actors\":[\"B\"],\"evidence\":[{\"text\":\"c\"}]}}";
	struct status_search search;
	const char *reason = NULL;

	(void)status_host_allowed(head, "localhost.example");
	if (status_search_read(head, &search, &reason) == BASE_OK)
		(void)status_search_matches(&search, (struct base_span){alert, sizeof(alert) - 1});
	else if (reason == NULL)
		abort();
	if (len == 0 || status_request_read(head, &request) != BASE_OK)
		return 0;
	inside(request.path, bytes, len);
	inside(request.query, bytes, len);
	inside(request.host, bytes, len);
	inside(request.last_event_id, bytes, len);
	(void)status_host_allowed(request.host, NULL);
	return 0;
}
