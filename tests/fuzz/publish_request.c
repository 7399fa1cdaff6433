/* Replay requests as a hostile subscriber would send them. */
#include <stdlib.h>
#include <string.h>

#include "../../daemon/publish/publish.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct publish_request request;
	const char *reason = NULL;
	enum base_result result = publish_request_parse((struct base_span){(const char *)data, size}, &request, &reason);

	if ((result == BASE_OK) != (reason == NULL))
		abort();
	if (result == BASE_OK && (request.limit < 1 || request.limit > PUBLISH_LIMIT_MAX ||
	                          request.topic_len > PUBLISH_TOPIC_MAX || request.topic[request.topic_len] != '\0'))
		abort();
	return 0;
}
