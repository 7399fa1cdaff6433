/*
 * get: runs an event loop until one transfer is done.
 */
#include "get.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINE 8192 /* of a URL or header */

struct wait {
	struct event_base *base;
	struct client_document *document;
	bool done;
	enum base_result result;
};

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct wait *wait = ctx;
	struct client_document *document = wait->document;

	wait->done = true;
	document->error = reply->error;
	(void)snprintf(document->reason, sizeof(document->reason), "%s", reply->reason);
	if (reply->error == FETCH_FINE && reply->body.ptr != NULL)
		wait->result = base_buf_add_span(&document->body, reply->body);
	if (reply->content_type != NULL)
		(void)base_buf_add_text(&document->content_type, reply->content_type);
	if (reply->final_url != NULL)
		(void)base_buf_add_text(&document->url, reply->final_url);
	(void)event_base_loopbreak(wait->base);
}

enum base_result client_get(const char *url, const char *socket, base_time timeout, size_t max_size,
                            struct client_document *out)
{
	struct fetch_range anywhere = {.prefix_len = 0}; /* the user says where */
	struct fetch_options options = {
		.timeout = timeout, .max_size = max_size, .max_connections = 1, .allow = &anywhere, .allow_count = 1,
		.unix_socket = socket};
	struct fetch_request request = {.url = url};
	struct wait wait = {.document = out};
	struct fetch *fetch = NULL;
	enum base_result result = fetch_global_init();

	*out = (struct client_document){.error = FETCH_OTHER};
	base_buf_init(&out->body, max_size);
	base_buf_init(&out->content_type, MAX_LINE);
	base_buf_init(&out->url, MAX_LINE);
	if (result != BASE_OK)
		return result;
	wait.base = event_base_new();
	result = wait.base != NULL ? fetch_new(wait.base, &options, &fetch) : BASE_NO_MEMORY;
	if (result == BASE_OK)
		result = fetch_start(fetch, &request, on_done, &wait, NULL);
	if (result == BASE_OK && (event_base_dispatch(wait.base) < 0 || !wait.done))
		result = BASE_IO;
	fetch_free(fetch);
	if (wait.base != NULL)
		event_base_free(wait.base);
	fetch_global_cleanup();
	return result != BASE_OK ? result : wait.result;
}

void client_document_free(struct client_document *document)
{
	base_buf_free(&document->body);
	base_buf_free(&document->content_type);
	base_buf_free(&document->url);
}
