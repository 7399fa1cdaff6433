/*
 * transfer: one request - its easy handle with every limit set, what the
 * callbacks keep of the reply, and the report at the end.
 */
#include "daemon/fetch/transfer.h"

#include "daemon/fetch/guard.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define URL_MAX 8192
#define HEADER_BYTES_MAX (128 * 1024) /* of all hops together */
#define REDIRECTS_MAX 10L
#define CONNECT_MAX (15 * BASE_SECOND)
#define LOW_SPEED_BYTES 16L           /* a second; below it for LOW_SPEED_SECONDS the transfer ends */
#define LOW_SPEED_SECONDS 30L         /* a feed made anew for each request may take its time to begin */

/* Constant from poll to poll: an entity tag may depend on them (RFC 9110 section 12.5.5). */
#define ACCEPT                                                                                                          \
	"Accept: application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "          \
	"application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
#define ACCEPT_ENCODING "gzip"

char *fetch_strip_url(const char *url)
{
	CURLU *parts = curl_url();
	char *out = NULL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		curl_url_set(parts, CURLUPART_USER, NULL, 0);
		curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
		if (curl_url_get(parts, CURLUPART_URL, &out, 0) != CURLUE_OK)
			out = NULL;
	}
	curl_url_cleanup(parts);
	return out;
}

enum base_result fetch_public_url(const char *url, struct base_buf *out)
{
	char *stripped = fetch_strip_url(url);
	enum base_result result = BASE_INVALID;

	if (stripped != NULL)
		result = base_buf_add_text(out, stripped);
	curl_free(stripped);
	return result;
}

static enum base_result check_url(const char *url)
{
	enum base_result result = BASE_INVALID;
	CURLU *parts;
	char *host = NULL;

	if (strnlen(url, URL_MAX + 1) > URL_MAX)
		return BASE_INVALID;
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return BASE_INVALID;
	if (strstr(url, "://")[3] == '/') /* libcurl would take the path for the host */
		return BASE_INVALID;
	parts = curl_url();
	if (parts == NULL)
		return BASE_NO_MEMORY;
	CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
	if (code == CURLUE_OUT_OF_MEMORY)
		result = BASE_NO_MEMORY;
	else if (code == CURLUE_OK && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		result = BASE_OK;
	curl_free(host);
	curl_url_cleanup(parts);
	return result;
}

/* A validator that could break the header section is none. */
static enum base_result copy_validator(const char *value, char **out)
{
	if (value == NULL || !fetch_value_valid(value))
		return BASE_OK;
	*out = strdup(value);
	return *out != NULL ? BASE_OK : BASE_NO_MEMORY;
}

enum base_result fetch_transfer_new(struct fetch *fetch, const struct fetch_request *request,
                                    struct fetch_transfer **out)
{
	enum base_result result = check_url(request->url);

	if (result != BASE_OK)
		return result;
	struct fetch_transfer *transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL)
		return BASE_NO_MEMORY;
	transfer->fetch = fetch;
	transfer->received = BASE_TIME_NONE;
	fetch_headers_init(&transfer->headers);
	base_buf_init(&transfer->body, fetch->max_size);
	transfer->url = strdup(request->url);
	result = transfer->url != NULL ? BASE_OK : BASE_NO_MEMORY;
	if (result == BASE_OK)
		result = copy_validator(request->etag, &transfer->etag);
	if (result == BASE_OK)
		result = copy_validator(request->last_modified, &transfer->last_modified);
	if (result != BASE_OK)
		fetch_transfer_free(transfer);
	else
		*out = transfer;
	return result;
}

void fetch_transfer_free(struct fetch_transfer *transfer)
{
	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->fields);
	fetch_headers_free(&transfer->headers);
	base_buf_free(&transfer->body);
	free(transfer->url);
	free(transfer->etag);
	free(transfer->last_modified);
	free(transfer);
}

/* ---- libcurl's callbacks ---------------------------------------------------------- */

static size_t stop(struct fetch_transfer *transfer, enum fetch_stop why)
{
	transfer->stop = why;
	return 0; /* fewer bytes than were given: libcurl ends the transfer */
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct fetch_transfer *transfer = ctx;

	(void)one;
	transfer->received = base_clock_monotonic(transfer->fetch->clock);
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
	return len;
}

/* Bytes come decoded, so this is where a compressed bomb is seen. */
static size_t on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct fetch_transfer *transfer = ctx;

	(void)one;
	if (len == 0)
		return 0;
	transfer->received = base_clock_monotonic(transfer->fetch->clock);
	if (transfer->headers.status != 200)
		return stop(transfer, FETCH_STOP_STATUS);
	enum base_result result = base_buf_add(&transfer->body, bytes, len);
	if (result == BASE_OK)
		return len;
	return stop(transfer, result == BASE_LIMIT ? FETCH_STOP_SIZE : FETCH_STOP_MEMORY);
}

/*
 * Every connection of every hop passes here with the very address that will
 * be connected to, so a name that changes its address cannot slip through.
 */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct fetch_transfer *transfer = ctx;
	struct fetch *fetch = transfer->fetch;
	uint8_t address[16];

	(void)purpose;
	if (fetch->unix_socket != NULL && to->family == AF_UNIX) {
		transfer->tried++;
		return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	}
	if (!fetch_guard_address(&to->addr, address))
		return CURL_SOCKET_BAD;
	if (!fetch_guard_allows(address, fetch->allow, fetch->allow_count)) {
		bool v6 = to->family == AF_INET6;
		inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? address : address + 12, transfer->refused,
		          sizeof(transfer->refused));
		return CURL_SOCKET_BAD;
	}
	transfer->tried++;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Before each request on each hop: what was asked for securely is not fetched in the clear. */
static int on_request(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
	struct fetch_transfer *transfer = ctx;
	char *scheme = NULL;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	curl_easy_getinfo(transfer->easy, CURLINFO_SCHEME, &scheme);
	bool secure = scheme != NULL && strcasecmp(scheme, "https") == 0;
	if (transfer->secure && !secure) {
		transfer->stop = FETCH_STOP_DOWNGRADE;
		return CURL_PREREQFUNC_ABORT;
	}
	transfer->secure = transfer->secure || secure;
	return CURL_PREREQFUNC_OK;
}

/* ---- options ---------------------------------------------------------------------- */

/* Sets one option, remembering any failure in `failed`. */
#define SET(option, value) failed |= (unsigned)curl_easy_setopt(easy, (option), (value))

static enum base_result add_field(struct fetch_transfer *transfer, const char *name, const char *value)
{
	struct base_buf line;
	struct curl_slist *longer = NULL;

	base_buf_init(&line, FETCH_VALUE_MAX + 64);
	base_buf_add_text(&line, name);
	base_buf_add_text(&line, value);
	if (line.failed == BASE_OK)
		longer = curl_slist_append(transfer->fields, line.data);
	base_buf_free(&line);
	if (longer == NULL)
		return BASE_NO_MEMORY;
	transfer->fields = longer;
	return BASE_OK;
}

static enum base_result add_fields(struct fetch_transfer *transfer)
{
	enum base_result result = add_field(transfer, ACCEPT, "");

	if (result == BASE_OK && transfer->etag != NULL)
		result = add_field(transfer, "If-None-Match: ", transfer->etag);
	if (result == BASE_OK && transfer->last_modified != NULL)
		result = add_field(transfer, "If-Modified-Since: ", transfer->last_modified);
	return result;
}

static unsigned set_request(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	bool secure = strncasecmp(transfer->url, "https:", 6) == 0;
	unsigned failed = 0;

	SET(CURLOPT_URL, transfer->url);
	SET(CURLOPT_HTTPHEADER, transfer->fields);
	SET(CURLOPT_USERAGENT, transfer->fetch->user_agent);
	SET(CURLOPT_ACCEPT_ENCODING, ACCEPT_ENCODING);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	/* A proxy from the environment would be the one address the guard sees. */
	SET(CURLOPT_PROXY, "");
	/* One request a connection and poll: HTTP/2 costs more than it could save. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return failed;
}

static unsigned set_callbacks(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	if (transfer->fetch->unix_socket != NULL)
		SET(CURLOPT_UNIX_SOCKET_PATH, transfer->fetch->unix_socket);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, transfer);
	return failed;
}

static unsigned set_limits(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	base_time whole = transfer->fetch->timeout;
	base_time connect = whole < CONNECT_MAX ? whole : CONNECT_MAX;
	unsigned failed = 0;

	SET(CURLOPT_TIMEOUT_MS, (long)((whole + 999) / 1000));
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)((connect + 999) / 1000));
	SET(CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Else giving up on a dead name server blocks the loop until getaddrinfo returns. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	/* Each poll looks the name up anyway, and a full cache is walked at every transfer. */
	SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	return failed;
}

static unsigned set_tls(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	const char *file = transfer->fetch->ca_file;
	unsigned failed = 0;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (file == NULL && curl_version_info(CURLVERSION_NOW)->cainfo == NULL)
		return failed; /* this libcurl knows a folder only */
	if (file != NULL)
		SET(CURLOPT_CAINFO, file);
	/* With a folder set too, libcurl reads the whole bundle again for each connection. */
	SET(CURLOPT_CAPATH, NULL);
	return failed;
}

enum base_result fetch_transfer_prepare(struct fetch_transfer *transfer)
{
	if (add_fields(transfer) != BASE_OK)
		return BASE_NO_MEMORY;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		return BASE_NO_MEMORY;
	if ((set_request(transfer) | set_callbacks(transfer) | set_limits(transfer) | set_tls(transfer)) != 0)
		return BASE_NO_MEMORY;
	return BASE_OK;
}

/* ---- the report ------------------------------------------------------------------- */

static struct base_span body_of(const struct fetch_transfer *transfer)
{
	struct base_span body = base_buf_span(&transfer->body);

	return body.ptr != NULL ? body : (struct base_span){"", 0};
}

void fetch_transfer_report(struct fetch_transfer *transfer, CURLcode code)
{
	struct base_clock *clock = transfer->fetch->clock;
	const struct fetch_headers *headers = &transfer->headers;
	struct base_error reason;
	struct fetch_reply reply = {.status = headers->status, .received = transfer->received};
	char *effective = NULL, *final_url;

	if (transfer->easy != NULL)
		curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &effective);
	final_url = fetch_strip_url(effective != NULL ? effective : transfer->url);
	if (final_url == NULL && transfer->stop == FETCH_STOP_NONE) /* without it relative links would lead elsewhere */
		transfer->stop = FETCH_STOP_MEMORY;
	reply.error = fetch_explain(transfer, code, &reason);
	reply.reason = reason.text;
	reply.final_url = final_url;
	reply.content_type = headers->content_type;
	reply.retry_after = fetch_headers_retry_after(headers, base_clock_wall(clock));
	if (reply.error == FETCH_FINE) {
		reply.etag = headers->etag;
		reply.last_modified = headers->last_modified;
		reply.max_age = fetch_headers_max_age(headers, base_clock_wall(clock));
	}
	if ((reply.error == FETCH_FINE || reply.error == FETCH_CUT) && headers->status == 200)
		reply.body = body_of(transfer);
	transfer->done(transfer->ctx, &reply);
	curl_free(final_url);
}
