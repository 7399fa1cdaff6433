/*
 * request: an easy handle with every option and limit set.
 */
#include "daemon/fetch/tls.h"
#include "daemon/fetch/transfer.h"

#include <strings.h>

#define REDIRECTS_MAX 10L
#define CONNECT_MAX (15 * BASE_SECOND)
#define KEEP_MAX (60 * BASE_SECOND)
#define LOW_SPEED_BYTES 16L           /* a second; below it for LOW_SPEED_SECONDS the transfer ends */
#define LOW_SPEED_SECONDS 30L         /* a feed made anew for each request may take its time to begin */

/* Constant from poll to poll: an entity tag may depend on them (RFC 9110 section 12.5.5). */
#define ACCEPT                                                                                                          \
	"Accept: application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "          \
	"application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
#define ACCEPT_ENCODING "gzip"

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
	if (result == BASE_OK && transfer->etag != NULL) /* RFC 3229: a difference to what has that tag will do */
		result = add_field(transfer, "A-IM: ", "feed");
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
	/* One request a connection and poll: HTTP/2 costs more than it could save. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return failed;
}

/* Nothing from the environment: a proxy would be the one address the guard sees. */
static unsigned set_proxy(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	const char *proxy = transfer->fetch->proxy;
	unsigned failed = 0;

	SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* they are not the server's */
	return failed;
}

/*
 * A connection is worth keeping only if it lives until the next poll: servers
 * close them after 5 to 75 s, and each one idle costs 33 KiB with TLS. Through
 * a proxy each hop opens its own, since that is when its address is judged.
 */
static unsigned set_connection(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	bool keep = transfer->again > 0 && transfer->again < KEEP_MAX && transfer->fetch->proxy == NULL;
	unsigned failed = 0;

	SET(CURLOPT_FORBID_REUSE, keep ? 0L : 1L);
	SET(CURLOPT_MAXAGE_CONN, (long)(KEEP_MAX / BASE_SECOND));
	return failed;
}

static unsigned set_callbacks(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_HEADERFUNCTION, fetch_on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_WRITEFUNCTION, fetch_on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	if (transfer->fetch->unix_socket != NULL)
		SET(CURLOPT_UNIX_SOCKET_PATH, transfer->fetch->unix_socket);
	SET(CURLOPT_OPENSOCKETFUNCTION, fetch_on_open);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, fetch_on_request);
	SET(CURLOPT_PREREQDATA, transfer);
	SET(CURLOPT_XFERINFOFUNCTION, fetch_on_bytes);
	SET(CURLOPT_XFERINFODATA, transfer);
	SET(CURLOPT_NOPROGRESS, 0L);
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

enum base_result fetch_transfer_prepare(struct fetch_transfer *transfer)
{
	if (add_fields(transfer) != BASE_OK)
		return BASE_NO_MEMORY;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		return BASE_NO_MEMORY;
	unsigned failed = set_request(transfer) | set_callbacks(transfer) | set_limits(transfer) | set_proxy(transfer) |
	                  set_connection(transfer);
	if (failed != 0 || !fetch_tls_set(transfer->fetch->tls, transfer->easy))
		return BASE_NO_MEMORY;
	return BASE_OK;
}
