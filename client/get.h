/*
 * get: one document over HTTP, waited for.
 */
#ifndef WIREWATCH_CLIENT_GET_H
#define WIREWATCH_CLIENT_GET_H

#include "wirewatch/fetch.h"

struct client_document {
	enum fetch_error error;
	char reason[512];      /* one line, when error is not FETCH_FINE */
	struct base_buf body, content_type, url; /* url: after redirects */
};

/*
 * Get a URL the user named: any address is allowed. socket: the path of a unix
 * socket to ask instead of the URL's host, or NULL. BASE_OK: *out tells how it
 * went; BASE_INVALID: it is no http or https URL. Free *out in any case.
 */
enum base_result client_get(const char *url, const char *socket, base_time timeout, size_t max_size,
                            struct client_document *out);
void client_document_free(struct client_document *document);

#endif
