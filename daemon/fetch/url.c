/*
 * url: what the room needs to know of URLs, read by libcurl's own parser so
 * that nobody can make the two of us see different hosts in one URL.
 */
#include "daemon/fetch/guard.h"
#include "daemon/fetch/transfer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PLAIN_HOST_MAX 255

/* Digits of other scripts become ours on the way to the proxy. */
#ifdef CURLU_PUNYCODE
#define AS_SENT CURLU_PUNYCODE
#else
#define AS_SENT 0
#endif

/* NULL when out of memory or no URL. */
static CURLU *parse(const char *url)
{
	CURLU *parts = curl_url();

	if (parts != NULL && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		return parts;
	curl_url_cleanup(parts);
	return NULL;
}

static bool is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

/* Where a plain URL's host begins and how long it is; false: it is none. */
static bool plain_host(const char *url, struct base_span *host)
{
	const char *at = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
	unsigned port = 1;

	if (at == NULL)
		return false;
	host->ptr = at;
	while (is_host_byte(*at))
		at++;
	host->len = (size_t)(at - host->ptr);
	if (*at == ':')
		for (port = 0, at++; *at >= '0' && *at <= '9' && port <= 65535; at++)
			port = port * 10 + (unsigned)(*at - '0');
	if (host->len == 0 || host->len > PLAIN_HOST_MAX || port == 0 || port > 65535 || *at != '/')
		return false;
	for (; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || *at == '#' || *at == '\\' || (at[0] == '/' && at[1] == '.'))
			return false;
	return true;
}

bool fetch_url_is_plain(const char *url)
{
	struct base_span host;

	return plain_host(url, &host);
}

char *fetch_strip_url(const char *url)
{
	CURLU *parts = parse(url);
	char *out = NULL;

	if (parts == NULL)
		return NULL;
	curl_url_set(parts, CURLUPART_USER, NULL, 0);
	curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
	if (curl_url_get(parts, CURLUPART_URL, &out, 0) != CURLUE_OK)
		out = NULL;
	curl_url_cleanup(parts);
	return out;
}

enum base_result fetch_public_url(const char *url, struct base_buf *out)
{
	char *stripped = NULL;
	enum base_result result = BASE_INVALID;

	if (fetch_url_is_plain(url))
		return base_buf_add_text(out, url);
	stripped = fetch_strip_url(url);
	if (stripped != NULL)
		result = base_buf_add_text(out, stripped);
	curl_free(stripped);
	return result;
}

enum base_result fetch_check_url(const char *url)
{
	enum base_result result = BASE_INVALID;
	CURLU *parts;
	char *host = NULL;

	if (strnlen(url, FETCH_URL_MAX + 1) > FETCH_URL_MAX)
		return BASE_INVALID;
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return BASE_INVALID;
	if (fetch_url_is_plain(url))
		return BASE_OK;
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

bool fetch_url_server(const char *url, struct base_buf *out)
{
	CURLU *parts = parse(url);
	char *host = NULL, *port = NULL;
	bool found = false;

	if (parts != NULL && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && host != NULL &&
	    curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK && port != NULL) {
		for (char *c = host; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		found = base_buf_printf(out, "%s:%s", host, port) == BASE_OK;
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return found;
}

/* With all the spellings of IPv4 that some inet_aton somewhere reads, and the root's dot. */
static bool literal_address(char *host, uint8_t address[16])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (host[0] != '[') {
		size_t len = strlen(host);
		if (len > 0 && host[len - 1] == '.')
			host[len - 1] = '\0';
		return inet_aton(host, &v4.sin_addr) == 1 && fetch_guard_address((struct sockaddr *)&v4, address);
	}
	host[strcspn(host, "]%")] = '\0';
	return inet_pton(AF_INET6, host + 1, &v6.sin6_addr) == 1 && fetch_guard_address((struct sockaddr *)&v6, address);
}

/* RFC 6761 section 6.3: the name and all below it, with or without the root's dot. */
static bool is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), wanted = sizeof(name) - 1;

	if (len > 0 && host[len - 1] == '.')
		len--;
	return len >= wanted && strncasecmp(host + len - wanted, name, wanted) == 0 &&
	       (len == wanted || host[len - wanted - 1] == '.');
}

bool fetch_url_has_name(const char *url)
{
	struct base_span plain;
	char name[PLAIN_HOST_MAX + 1];
	uint8_t address[16];

	if (plain_host(url, &plain)) {
		memcpy(name, plain.ptr, plain.len);
		name[plain.len] = '\0';
		return !literal_address(name, address);
	}
	CURLU *parts = parse(url);
	char *host = NULL;
	bool literal = parts != NULL && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && host != NULL &&
	               literal_address(host, address);

	curl_free(host);
	curl_url_cleanup(parts);
	return !literal;
}

bool fetch_url_allowed(const char *url, const struct fetch_range *allow, size_t allow_count,
                       char refused[FETCH_ADDRESS_MAX])
{
	static const uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
	CURLU *parts = parse(url);
	char *host = NULL;
	uint8_t address[16];
	bool allowed = false;

	if (parts != NULL && curl_url_get(parts, CURLUPART_HOST, &host, AS_SENT) == CURLUE_OK && host != NULL) {
		bool local = is_localhost(host);
		if (local)
			memcpy(address, loopback, sizeof(address));
		allowed = (!local && !literal_address(host, address)) || fetch_guard_allows(address, allow, allow_count);
		if (!allowed)
			fetch_guard_text(address, refused);
	}
	curl_free(host);
	curl_url_cleanup(parts);
	return allowed;
}
