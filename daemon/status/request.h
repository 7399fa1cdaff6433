/*
 * request: the head of an HTTP request, as far as read-only pages need it.
 * Pure; private to the room status (and its fuzz target).
 */
#ifndef WIREWATCH_STATUS_REQUEST_H
#define WIREWATCH_STATUS_REQUEST_H

#include "wirewatch/base.h"

#define STATUS_HEAD_MAX 8192

enum status_method { STATUS_GET, STATUS_HEAD, STATUS_OTHER_METHOD };

struct status_request { /* points into the bytes read */
	enum status_method method;
	struct base_span path;  /* without the query */
	struct base_span query; /* or none */
	struct base_span host;  /* the Host field, or none */
	struct base_span last_event_id; /* of a listener that comes back, or none */
};

/*
 * Read a head that ends with an empty line (RFC 9112 sections 3 and 5).
 * BASE_SYNTAX for what is not HTTP/1.0, or 1.1 with a Host, with a target that is a path.
 */
enum base_result status_request_read(struct base_span head, struct status_request *out);

/*
 * Whether a Host field names this server in a way that no foreign page can
 * fake: an address or localhost, or own_name (may be NULL), its first part or
 * that with ".local". Anything else may be a name that its owner let point
 * here, be it our own name with a domain behind it that we do not know.
 */
bool status_host_allowed(struct base_span host, const char *own_name);

#endif
