/*
 * transfer: one request - what the callbacks let pass and keep of the reply,
 * and the report at the end.
 */
#include "daemon/fetch/transfer.h"

#include "daemon/fetch/sockets.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HEADER_BYTES_MAX (128 * 1024) /* of all hops together */
#define ROOM_MAX (256 * 1024)

enum base_result fetch_transfer_new(struct fetch *fetch, const struct fetch_request *request,
                                    struct fetch_transfer **out)
{
	bool plain = strnlen(request->url, FETCH_URL_MAX + 1) <= FETCH_URL_MAX && fetch_url_is_plain(request->url);
	enum base_result result = plain ? BASE_OK : fetch_check_url(request->url);

	if (result != BASE_OK)
		return result;
	struct fetch_transfer *transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return BASE_NO_MEMORY;
	transfer->fetch = fetch;
	transfer->again = request->again;
	transfer->plain = plain;
	transfer->has_name = fetch->proxy != NULL ? fetch->proxy_has_name : fetch_url_has_name(request->url);
	transfer->received = BASE_TIME_NONE;
	fetch_headers_init(&transfer->headers);
	base_buf_init(&transfer->body, fetch->max_size);
	result = fetch_transfer_write(transfer, request);
	if (result != BASE_OK)
		fetch_transfer_free(transfer);
	else
		*out = transfer;
	return result;
}

void fetch_transfer_free(struct fetch_transfer *transfer)
{
	if (transfer->easy != NULL)
		fetch_transfer_release(transfer, false);
	base_buf_free(&transfer->lines);
	fetch_headers_free(&transfer->headers);
	base_buf_free(&transfer->body);
	curl_free(transfer->moved_to);
	free(transfer);
}

/* ---- libcurl's callbacks ---------------------------------------------------------- */

static size_t stop(struct fetch_transfer *transfer, enum fetch_stop why)
{
	transfer->stop = why;
	return 0; /* fewer bytes than were given: libcurl ends the transfer */
}

static void note_arrival(struct fetch_transfer *transfer)
{
	transfer->received = transfer->fetch->woken;
	transfer->fetch->progress++;
}

void fetch_transfer_found(struct fetch_transfer *transfer, bool abandoned)
{
	struct fetch *fetch = transfer->fetch;

	if (transfer->looking_up)
		fetch_lookups_end(&fetch->lookups, abandoned, base_clock_monotonic(fetch->clock));
	if (transfer->looking_up && fetch->waiting_count > 0)
		event_active(fetch->kick, EV_TIMEOUT, 0);
	transfer->looking_up = false;
}

size_t fetch_on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct fetch_transfer *transfer = ctx;

	(void)one;
	note_arrival(transfer);
	transfer->header_bytes += len;
	if (transfer->header_bytes > HEADER_BYTES_MAX)
		return stop(transfer, FETCH_STOP_HEADERS);
	if (transfer->body.len > 0) /* a trailer may not speak for the header */
		return len;
	if (len > 5 && memcmp(line, "HTTP/", 5) == 0) { /* this hop has answered; the next one counts afresh */
		transfer->tried = 0;
		transfer->refused[0] = '\0';
	}
	if (fetch_headers_line(&transfer->headers, line, len) != BASE_OK)
		return stop(transfer, FETCH_STOP_MEMORY);
	transfer->answered = transfer->headers.status;
	return len;
}

/* 226: a part of the document, which is only sent to those who have the rest (RFC 3229 section 10.4.1). */
static bool has_body(const struct fetch_transfer *transfer)
{
	long status = transfer->headers.status;

	return !transfer->headers.challenge && (status == 200 || (status == 226 && transfer->tagged));
}

/* Else a body of 64 KB is copied ten times while it grows. What is announced is not believed beyond a usual feed. */
static void make_room(struct fetch_transfer *transfer)
{
	curl_off_t announced = -1;

	curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced > 0 && announced <= ROOM_MAX && (size_t)announced <= transfer->fetch->max_size)
		(void)base_buf_reserve(&transfer->body, (size_t)announced); /* without memory it fails below */
}

/* Bytes come decoded, so this is where a compressed bomb is seen. */
size_t fetch_on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct fetch_transfer *transfer = ctx;

	(void)one;
	if (len == 0)
		return 0;
	note_arrival(transfer);
	if (!has_body(transfer))
		return stop(transfer, FETCH_STOP_STATUS);
	if (transfer->body.len == 0)
		make_room(transfer);
	enum base_result result = base_buf_add(&transfer->body, bytes, len);
	if (result == BASE_OK)
		return len;
	return stop(transfer, result == BASE_LIMIT ? FETCH_STOP_SIZE : FETCH_STOP_MEMORY);
}

/* What comes over the wire and decodes to nothing is counted too. */
int fetch_on_bytes(void *ctx, curl_off_t total, curl_off_t got, curl_off_t to_send, curl_off_t sent)
{
	struct fetch_transfer *transfer = ctx;
	size_t most = transfer->fetch->max_size;

	(void)total;
	(void)to_send;
	(void)sent;
	if (got <= 0 || (size_t)got <= most + most / 8 + 65536)
		return 0;
	transfer->stop = FETCH_STOP_SIZE;
	return 1;
}

static bool is_allowed(struct fetch_transfer *transfer, const uint8_t address[16])
{
	const struct fetch *fetch = transfer->fetch;

	if (fetch_guard_allows(address, fetch->allow, fetch->allow_count))
		return true;
	fetch_guard_text(address, transfer->refused);
	return false;
}

/* The proxy finds the way itself, but an address that the URL tells is still judged here. */
static bool proxy_may(struct fetch_transfer *transfer)
{
	const struct fetch *fetch = transfer->fetch;
	char *url = NULL;

	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
	return url != NULL && fetch_url_allowed(url, fetch->allow, fetch->allow_count, transfer->refused);
}

static bool may_connect(struct fetch_transfer *transfer, const struct curl_sockaddr *to)
{
	uint8_t address[16];

	if (transfer->fetch->unix_socket != NULL && to->family == AF_UNIX)
		return true;
	return fetch_guard_address(&to->addr, address) &&
	       (transfer->fetch->proxy != NULL ? proxy_may(transfer) : is_allowed(transfer, address));
}

/*
 * Every connection of every hop passes here with the very address that will
 * be connected to, so a name that changes its address cannot slip through.
 */
curl_socket_t fetch_on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct fetch_transfer *transfer = ctx;

	(void)purpose;
	transfer->fetch->progress++;
	fetch_transfer_found(transfer, false);
	if (!may_connect(transfer, to))
		return CURL_SOCKET_BAD;
	transfer->tried++;
	curl_socket_t fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd != CURL_SOCKET_BAD)
		fetch_socket_opened(transfer->fetch, fd);
	return fd;
}

/* A connection from the pool was judged when it was made; this is the second lock on the door. */
static bool remote_allowed(struct fetch_transfer *transfer, const char *remote)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	uint8_t address[16];

	if (transfer->fetch->proxy != NULL)
		return proxy_may(transfer);
	if (transfer->fetch->unix_socket != NULL)
		return true;
	if (inet_pton(AF_INET, remote, &v4.sin_addr) == 1)
		return fetch_guard_address((struct sockaddr *)&v4, address) && is_allowed(transfer, address);
	return inet_pton(AF_INET6, remote, &v6.sin6_addr) == 1 && fetch_guard_address((struct sockaddr *)&v6, address) &&
	       is_allowed(transfer, address);
}

static bool has_credentials(const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

/* A new address for the feed would be one without them. */
static bool may_move(const struct fetch_transfer *transfer, const char *to)
{
	return !has_credentials(transfer->url) && !has_credentials(to);
}

/* The hop before has answered, so this is where its redirect leads. The same hop again is a retry. */
static bool note_redirect(struct fetch_transfer *transfer)
{
	bool permanent = transfer->answered == 301 || transfer->answered == 308;
	char *url = NULL;

	if (transfer->answered == 0)
		return true;
	transfer->answered = 0;
	if (permanent && transfer->permanent == transfer->redirects) {
		curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
		curl_free(transfer->moved_to);
		transfer->moved_to = NULL;
		if (url == NULL || (may_move(transfer, url) && (transfer->moved_to = fetch_strip_url(url)) == NULL))
			return false;
		transfer->permanent++;
	}
	transfer->redirects++;
	return true;
}

/* Before each request on each hop: what was asked for securely is not fetched in the clear. */
int fetch_on_request(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
	struct fetch_transfer *transfer = ctx;
	char *scheme = NULL;

	(void)local;
	(void)remote_port;
	(void)local_port;
	fetch_transfer_found(transfer, false);
	curl_easy_getinfo(transfer->easy, CURLINFO_SCHEME, &scheme);
	bool secure = scheme != NULL && strcasecmp(scheme, "https") == 0;
	if (transfer->secure && !secure)
		transfer->stop = FETCH_STOP_DOWNGRADE;
	else if (!remote_allowed(transfer, remote))
		transfer->stop = FETCH_STOP_ADDRESS;
	else if (!note_redirect(transfer))
		transfer->stop = FETCH_STOP_MEMORY;
	transfer->secure = transfer->secure || secure;
	transfer->asked = true;
	return transfer->stop == FETCH_STOP_NONE ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- the report ------------------------------------------------------------------- */

static struct base_span body_of(const struct fetch_transfer *transfer)
{
	struct base_span body = base_buf_span(&transfer->body);

	return body.ptr != NULL ? body : (struct base_span){"", 0};
}

/* *stripped is the caller's to be freed by curl_free. */
static const char *final_url(const struct fetch_transfer *transfer, char **stripped)
{
	char *effective = NULL;

	if (transfer->redirects == 0 && transfer->plain)
		return transfer->url;
	if (transfer->easy != NULL)
		curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &effective);
	*stripped = fetch_strip_url(effective != NULL ? effective : transfer->url);
	return *stripped;
}

void fetch_transfer_report(struct fetch_transfer *transfer, CURLcode code)
{
	base_time now = base_clock_wall(transfer->fetch->clock);
	const struct fetch_headers *headers = &transfer->headers;
	struct base_error reason;
	struct fetch_reply reply = {.status = headers->status, .received = transfer->received};
	char *stripped = NULL;

	reply.final_url = final_url(transfer, &stripped);
	if (reply.final_url == NULL && transfer->stop == FETCH_STOP_NONE) /* without it relative links would lead elsewhere */
		transfer->stop = FETCH_STOP_MEMORY;
	reply.error = fetch_explain(transfer, code, &reason);
	reply.reason = reason.text;
	reply.redirects = transfer->redirects;
	reply.permanent = transfer->permanent;
	reply.content_type = headers->content_type;
	reply.retry_after = fetch_headers_retry_after(headers, now);
	if (reply.error == FETCH_FINE) {
		reply.etag = headers->etag;
		reply.last_modified = headers->last_modified;
		reply.moved_to = transfer->moved_to;
		reply.max_age = fetch_headers_max_age(headers, now);
	}
	if ((reply.error == FETCH_FINE || reply.error == FETCH_CUT) && has_body(transfer))
		reply.body = body_of(transfer);
	transfer->done(transfer->ctx, &reply);
	curl_free(stripped);
}
