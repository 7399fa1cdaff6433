/*
 * request: what is sent, and easy handles with every option and limit set.
 */
#include "daemon/fetch/sockets.h"
#include "daemon/fetch/tls.h"
#include "daemon/fetch/transfer.h"

#include <string.h>
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
#define DIFFERENCES "A-IM: feed" /* RFC 3229: a difference to what has that tag will do */

#define TAG "If-None-Match: "
#define DATE "If-Modified-Since: "

/* Sets one option, remembering any failure in `failed`. */
#define SET(option, value) failed |= (unsigned)curl_easy_setopt(easy, (option), (value))

static void add_line(struct base_buf *lines, const char *name, const char *value)
{
	base_buf_add_text(lines, name);
	base_buf_add(lines, value, strlen(value) + 1);
}

/* Takes the next of the lines, each with its NUL. */
static char *next_line(char **at)
{
	char *line = *at;

	*at += strlen(line) + 1;
	return line;
}

/*
 * libcurl prints each byte of a header field by itself, some 80 instructions
 * for each: what it makes of its own options is printed twice, what it is
 * given as a whole line once. That is a twelfth of an unchanged poll.
 */
enum base_result fetch_write_fields(struct fetch *fetch, const char *agent)
{
	base_buf_init(&fetch->lines, 4096);
	add_line(&fetch->lines, ACCEPT, "");
	add_line(&fetch->lines, "User-Agent: ", agent);
	add_line(&fetch->lines, "Accept-Encoding: ", ACCEPT_ENCODING);
	add_line(&fetch->lines, DIFFERENCES, "");
	if (fetch->lines.failed != BASE_OK)
		return fetch->lines.failed;
	char *at = fetch->lines.data;
	for (size_t i = 0; i < FETCH_FIELDS_SAME; i++)
		fetch->fields[i] = (struct curl_slist){.data = next_line(&at), .next = &fetch->fields[i + 1]};
	fetch->fields[FETCH_FIELDS_SAME - 1].next = NULL;
	fetch->differences = at;
	return BASE_OK;
}

/* A validator that could break the header section is none. */
static bool may_be_sent(const char *validator)
{
	return validator != NULL && fetch_value_valid(validator);
}

static void hang_on(struct fetch_transfer *transfer, size_t *count, char *line)
{
	transfer->fields[*count] = (struct curl_slist){.data = line, .next = transfer->fetch->fields};
	if (*count > 0)
		transfer->fields[*count - 1].next = &transfer->fields[*count];
	(*count)++;
}

enum base_result fetch_transfer_write(struct fetch_transfer *transfer, const struct fetch_request *request)
{
	struct base_buf *lines = &transfer->lines;
	size_t count = 0;

	transfer->tagged = may_be_sent(request->etag);
	transfer->dated = may_be_sent(request->last_modified);
	base_buf_init(lines, FETCH_URL_MAX + 2 * FETCH_VALUE_MAX + 64);
	base_buf_reserve(lines, strlen(request->url) + (transfer->tagged ? strlen(request->etag) : 0) +
	                            (transfer->dated ? strlen(request->last_modified) : 0) + sizeof(TAG DATE) + 3);
	add_line(lines, request->url, "");
	if (transfer->tagged)
		add_line(lines, TAG, request->etag);
	if (transfer->dated)
		add_line(lines, DATE, request->last_modified);
	if (lines->failed != BASE_OK)
		return lines->failed;
	char *at = lines->data;
	transfer->url = next_line(&at);
	if (transfer->tagged) {
		hang_on(transfer, &count, next_line(&at));
		hang_on(transfer, &count, transfer->fetch->differences);
	}
	if (transfer->dated)
		hang_on(transfer, &count, next_line(&at));
	transfer->sent = count > 0 ? transfer->fields : transfer->fetch->fields;
	return BASE_OK;
}

/* ---- options that stay --------------------------------------------------------------- */

static unsigned set_request(CURL *easy, bool secure)
{
	unsigned failed = 0;

	SET(CURLOPT_ACCEPT_ENCODING, ACCEPT_ENCODING); /* what it decodes; the field is ours */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	/* One request a connection and poll: HTTP/2 costs more than it could save. */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return failed;
}

/* Nothing from the environment: a proxy would be the one address the guard sees. */
static unsigned set_way(const struct fetch *fetch, CURL *easy)
{
	unsigned failed = 0;

	SET(CURLOPT_PROXY, fetch->proxy != NULL ? fetch->proxy : "");
	if (fetch->proxy != NULL) /* which is told by no field of ours, they are for the server */
		SET(CURLOPT_USERAGENT, strchr(fetch->fields[FETCH_FIELD_AGENT].data, ' ') + 1);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* they are not the server's */
	if (fetch->unix_socket != NULL)
		SET(CURLOPT_UNIX_SOCKET_PATH, fetch->unix_socket);
	SET(CURLOPT_MAXAGE_CONN, (long)(KEEP_MAX / BASE_SECOND));
	return failed;
}

static unsigned set_callbacks(const struct fetch *fetch, CURL *easy)
{
	unsigned failed = 0;

	SET(CURLOPT_HEADERFUNCTION, fetch_on_header);
	SET(CURLOPT_WRITEFUNCTION, fetch_on_body);
	SET(CURLOPT_OPENSOCKETFUNCTION, fetch_on_open);
	SET(CURLOPT_CLOSESOCKETFUNCTION, fetch_on_close);
	SET(CURLOPT_CLOSESOCKETDATA, fetch); /* a connection outlives its transfer */
	SET(CURLOPT_PREREQFUNCTION, fetch_on_request);
	SET(CURLOPT_XFERINFOFUNCTION, fetch_on_bytes);
	SET(CURLOPT_NOPROGRESS, 0L);
	return failed;
}

static unsigned set_limits(const struct fetch *fetch, CURL *easy)
{
	base_time whole = fetch->timeout;
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

static CURL *new_handle(const struct fetch *fetch, bool secure)
{
	CURL *easy = curl_easy_init();

	if (easy != NULL && (set_request(easy, secure) | set_way(fetch, easy) | set_callbacks(fetch, easy) |
	                     set_limits(fetch, easy)) == 0 &&
	    fetch_tls_set(fetch->tls, easy))
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

/* ---- options of one transfer ---------------------------------------------------------- */

/*
 * A connection is worth keeping only if it lives until the next poll: servers
 * close them after 5 to 75 s, and each one idle costs 33 KiB with TLS. Through
 * a proxy each hop opens its own, since that is when its address is judged.
 */
static bool is_worth_keeping(const struct fetch_transfer *transfer)
{
	return transfer->again > 0 && transfer->again < KEEP_MAX && transfer->fetch->proxy == NULL;
}

static unsigned set_own(struct fetch_transfer *transfer)
{
	CURL *easy = transfer->easy;
	unsigned failed = 0;

	SET(CURLOPT_URL, transfer->url);
	SET(CURLOPT_HTTPHEADER, transfer->sent);
	SET(CURLOPT_FORBID_REUSE, is_worth_keeping(transfer) ? 0L : 1L);
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQDATA, transfer);
	SET(CURLOPT_XFERINFODATA, transfer);
	return failed;
}

static struct fetch_idle *idle_for(const struct fetch_transfer *transfer)
{
	return &transfer->fetch->idle[strncasecmp(transfer->url, "https:", 6) == 0];
}

enum base_result fetch_transfer_prepare(struct fetch_transfer *transfer)
{
	struct fetch_idle *idle = idle_for(transfer);

	transfer->easy = idle->count > 0 ? idle->handles[--idle->count]
	                                 : new_handle(transfer->fetch, idle == &transfer->fetch->idle[1]);
	return transfer->easy != NULL && set_own(transfer) == 0 ? BASE_OK : BASE_NO_MEMORY;
}

/* What remembers a password, a redirect or a failure serves nobody else. */
void fetch_transfer_release(struct fetch_transfer *transfer, bool good)
{
	struct fetch_idle *idle = idle_for(transfer);
	CURL *easy = transfer->easy;

	transfer->easy = NULL;
	if (good && transfer->redirects == 0 && idle->count < FETCH_IDLE_MAX && transfer->plain &&
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL) == CURLE_OK)
		idle->handles[idle->count++] = easy;
	else
		curl_easy_cleanup(easy);
}

void fetch_drop_idle(struct fetch *fetch)
{
	for (size_t i = 0; i < 2; i++)
		while (fetch->idle[i].count > 0)
			curl_easy_cleanup(fetch->idle[i].handles[--fetch->idle[i].count]);
}
