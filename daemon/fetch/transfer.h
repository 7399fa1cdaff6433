/*
 * transfer: one request on its way, and the loop that drives them all.
 * Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_TRANSFER_H
#define WIREWATCH_FETCH_TRANSFER_H

#include "daemon/fetch/headers.h"
#include "wirewatch/fetch.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/queue.h>

struct fetch_socket;
struct event;

TAILQ_HEAD(fetch_transfers, fetch_transfer);
LIST_HEAD(fetch_sockets, fetch_socket);

struct fetch {
	struct event_base *base;
	CURLM *multi;
	struct event *timer; /* libcurl's one timeout */
	struct event *kick;  /* starts what waits, outside every callback */
	struct fetch_sockets sockets;
	struct fetch_transfers waiting, active;
	size_t waiting_count, active_count;
	base_time timeout;
	size_t max_size;
	unsigned max_connections;
	struct fetch_range *allow;
	size_t allow_count;
	char *user_agent, *ca_file, *unix_socket;
	struct base_log *log;
	struct base_clock *clock;
};

/* Why we gave a transfer up ourselves; libcurl only knows that a callback said no. */
enum fetch_stop {
	FETCH_STOP_NONE,
	FETCH_STOP_STATUS,    /* the body of an error is not read */
	FETCH_STOP_SIZE,
	FETCH_STOP_HEADERS,
	FETCH_STOP_MEMORY,
	FETCH_STOP_DOWNGRADE, /* from https to http */
};

struct fetch_transfer {
	struct fetch *fetch;
	TAILQ_ENTRY(fetch_transfer) link;
	fetch_done *done;
	void *ctx;
	char *url, *etag, *last_modified;
	CURL *easy; /* NULL while waiting */
	bool added; /* to the multi handle */
	struct curl_slist *fields;
	struct fetch_headers headers;
	size_t header_bytes;
	struct base_buf body;
	base_time received;
	enum fetch_stop stop;
	bool secure;           /* a hop was https */
	unsigned tried;        /* addresses of this hop that the guard let pass */
	char refused[INET6_ADDRSTRLEN]; /* the last one it did not, or "" */
	char error[CURL_ERROR_SIZE];
};

enum base_result fetch_transfer_new(struct fetch *fetch, const struct fetch_request *request,
                                    struct fetch_transfer **out);
/* The transfer must be out of the multi handle and out of every list. */
void fetch_transfer_free(struct fetch_transfer *transfer);
/* Makes the easy handle with all its options. */
enum base_result fetch_transfer_prepare(struct fetch_transfer *transfer);
/* Tells the owner how it ended, by calling done. */
void fetch_transfer_report(struct fetch_transfer *transfer, CURLcode code);

/* What went wrong, and the line about it; FETCH_FINE with an empty line. */
enum fetch_error fetch_explain(const struct fetch_transfer *transfer, CURLcode code, struct base_error *reason);
/* The URL without user name, password and fragment; NULL if it is none. The caller frees with curl_free. */
char *fetch_strip_url(const char *url);

#endif
