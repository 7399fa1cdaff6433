/*
 * explain: what went wrong with a transfer, as a kind for back-off and as a
 * line for people. User names and passwords of URLs never get into it.
 */
#include "daemon/fetch/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *fetch_error_text(enum fetch_error error)
{
	static const char *const texts[FETCH_ERROR_COUNT] = {
	    [FETCH_FINE] = "fine",       [FETCH_NAME] = "name",           [FETCH_CONNECT] = "connect",
	    [FETCH_TLS] = "tls",         [FETCH_SLOW] = "slow",           [FETCH_TOO_LARGE] = "too-large",
	    [FETCH_ADDRESS] = "address", [FETCH_CUT] = "cut",             [FETCH_STATUS] = "status",
	    [FETCH_BLOCKED] = "blocked", [FETCH_OTHER] = "other",
	};
	return (unsigned)error < FETCH_ERROR_COUNT ? texts[error] : "other";
}

static enum fetch_error kind_of_stop(enum fetch_stop why)
{
	switch (why) {
	case FETCH_STOP_SIZE:
	case FETCH_STOP_HEADERS:
		return FETCH_TOO_LARGE;
	case FETCH_STOP_ADDRESS:
		return FETCH_ADDRESS;
	default:
		return FETCH_OTHER;
	}
}

static enum fetch_error kind_of_status(const struct fetch_transfer *transfer)
{
	long status = transfer->headers.status;

	if (transfer->headers.challenge)
		return FETCH_BLOCKED;
	if (status == 226)
		return transfer->tagged ? FETCH_FINE : FETCH_STATUS;
	if (status == 304)
		return transfer->tagged || transfer->dated ? FETCH_FINE : FETCH_STATUS;
	return status == 200 ? FETCH_FINE : FETCH_STATUS;
}

/* Before CURLE_TOO_LARGE there was (8.6), a header line beyond libcurl's 100 kB was a want of memory to it. */
static bool header_line_too_large(const struct fetch_transfer *transfer, CURLcode code)
{
	return transfer->stop == FETCH_STOP_NONE && transfer->asked && !transfer->headers.ended &&
	       (code == CURLE_OUT_OF_MEMORY || code == 100 /* CURLE_TOO_LARGE */);
}

static enum fetch_error kind_of(const struct fetch_transfer *transfer, CURLcode code)
{
	if (transfer->stop == FETCH_STOP_STATUS)
		return kind_of_status(transfer);
	if (transfer->stop != FETCH_STOP_NONE)
		return kind_of_stop(transfer->stop);
	if (header_line_too_large(transfer, code))
		return FETCH_TOO_LARGE;
	switch (code) {
	case CURLE_OK:
		return kind_of_status(transfer);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		/* No thread for the look-up is our own trouble, not the host's. */
		return strstr(transfer->error, "thread failed") != NULL ? FETCH_OTHER : FETCH_NAME;
	case CURLE_PROXY:
		return FETCH_CONNECT;
	case CURLE_COULDNT_CONNECT:
		return transfer->refused[0] != '\0' && transfer->tried == 0 ? FETCH_ADDRESS : FETCH_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_SLOW;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_USE_SSL_FAILED:
		return FETCH_TLS;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
		return FETCH_CUT;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return transfer->headers.status != 0 ? FETCH_CUT : FETCH_CONNECT;
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TOO_LARGE;
	default:
		return FETCH_OTHER;
	}
}

/* ---- words -------------------------------------------------------------------------- */

static const char *connect_text(const struct fetch_transfer *transfer)
{
	long os = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os);
	switch (os) {
	case ECONNREFUSED:
		return "connection refused";
	case ECONNRESET:
		return "connection reset";
	case ENETUNREACH:
		return "network unreachable";
	case EHOSTUNREACH:
		return "host unreachable";
	case EMFILE:
	case ENFILE:
		return "no file descriptor left";
	default:
		return transfer->fetch->proxy != NULL && transfer->error[0] != '\0' ? transfer->error : "no connection";
	}
}

static const char *slow_stage(const struct fetch_transfer *transfer)
{
	curl_off_t looked_up = 0, connected = 0;

	if (transfer->headers.status != 0)
		return "reading the reply";
	curl_easy_getinfo(transfer->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
	if (looked_up == 0)
		return "looking up the name";
	curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &connected);
	return connected > 0 ? "waiting for the reply" : "connecting";
}

static bool has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncasecmp(url, scheme, len) == 0 && url[len] == ':';
}

static void say_status(const struct fetch_transfer *transfer, struct base_buf *line)
{
	long status = transfer->headers.status;

	if (status == 304 || status == 226)
		base_buf_printf(line, "HTTP status %ld to a request without conditions", status);
	else
		base_buf_printf(line, "HTTP status %ld", status);
}

static void say_other(const struct fetch_transfer *transfer, CURLcode code, const char *url, struct base_buf *line)
{
	if (transfer->stop == FETCH_STOP_MEMORY || code == CURLE_OUT_OF_MEMORY)
		base_buf_add_text(line, "out of memory");
	else if (transfer->stop == FETCH_STOP_DOWNGRADE || (code == CURLE_UNSUPPORTED_PROTOCOL &&
	         has_scheme(transfer->url, "https") && has_scheme(url, "http")))
		base_buf_add_text(line, "redirects from https to http, which is not followed");
	else if (code == CURLE_UNSUPPORTED_PROTOCOL && !has_scheme(url, "http") && !has_scheme(url, "https"))
		base_buf_add_text(line, "redirects to something other than http or https, which is not followed");
	else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
		base_buf_add_text(line, "the reply is not HTTP");
	else if (code == CURLE_TOO_MANY_REDIRECTS)
		base_buf_add_text(line, "too many redirects");
	else
		base_buf_add_text(line, transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code));
}

static void say(const struct fetch_transfer *transfer, enum fetch_error kind, CURLcode code, const char *url,
                struct base_buf *line)
{
	curl_off_t micros = 0;

	switch (kind) {
	case FETCH_NAME:
		base_buf_printf(line, "the %s name cannot be resolved",
		                code == CURLE_COULDNT_RESOLVE_PROXY ? "proxy's" : "host");
		break;
	case FETCH_CONNECT:
		base_buf_add_text(line, connect_text(transfer));
		break;
	case FETCH_TLS:
		base_buf_printf(line, "TLS: %s", transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code));
		break;
	case FETCH_SLOW:
		curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &micros);
		base_buf_printf(line, "timed out after %.1f s while %s", (double)micros / 1e6, slow_stage(transfer));
		break;
	case FETCH_TOO_LARGE:
		if (transfer->stop == FETCH_STOP_HEADERS)
			base_buf_add_text(line, "the header is too large");
		else if (header_line_too_large(transfer, code))
			base_buf_add_text(line, "the header is too large, or memory is out");
		else
			base_buf_printf(line, "the body is larger than %zu bytes (fetch.max_size)", transfer->fetch->max_size);
		break;
	case FETCH_ADDRESS:
		base_buf_printf(line, "address %s is not allowed (fetch.allow_addresses)", transfer->refused);
		break;
	case FETCH_CUT:
		if (code == CURLE_GOT_NOTHING)
			base_buf_add_text(line, "the connection was closed without a reply");
		else
			base_buf_printf(line, "the reply ended early, after %zu bytes", transfer->body.len);
		break;
	case FETCH_BLOCKED:
		base_buf_printf(line, "blocked: HTTP status %ld with a challenge instead of the document",
		                transfer->headers.status);
		break;
	case FETCH_STATUS:
		say_status(transfer, line);
		break;
	default:
		say_other(transfer, code, url, line);
	}
}

/* The host name and, if one is written, the port. */
static void add_host(const char *url, struct base_buf *line)
{
	CURLU *parts = curl_url();
	char *host = NULL, *port = NULL;

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		if (curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && host != NULL)
			base_buf_add_text(line, host);
		if (curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK && port != NULL)
			base_buf_printf(line, ":%s", port);
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
}

enum fetch_error fetch_explain(const struct fetch_transfer *transfer, CURLcode code, struct base_error *reason)
{
	enum fetch_error kind = kind_of(transfer, code);
	struct base_buf line;
	const char *url = NULL;
	long redirects = 0;

	reason->text[0] = '\0';
	if (kind == FETCH_FINE)
		return kind;
	if (transfer->easy != NULL) {
		curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
		curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	}
	if (url == NULL)
		url = transfer->url;
	base_buf_init(&line, 16384);
	add_host(transfer->url, &line);
	if (redirects > 0) {
		base_buf_add_text(&line, " redirected to ");
		add_host(url, &line);
	}
	base_buf_add_text(&line, ": ");
	say(transfer, kind, code, url, &line);
	base_fail(reason, BASE_NETWORK, "%s", line.data != NULL ? line.data : "out of memory");
	base_buf_free(&line);
	return kind;
}
