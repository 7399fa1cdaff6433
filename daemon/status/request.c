/*
 * request: reads the head of an HTTP request strictly; what is odd is refused.
 */
#include "daemon/status/request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* The bytes up to the next line end, which is taken off rest too. */
static struct base_span take_line(struct base_span *rest)
{
	const char *newline = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
	struct base_span line = *rest;

	if (newline == NULL) {
		*rest = (struct base_span){rest->ptr + rest->len, 0};
		return line;
	}
	line.len = (size_t)(newline - rest->ptr);
	*rest = (struct base_span){newline + 1, rest->len - line.len - 1};
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static bool take_word(struct base_span *line, struct base_span *word)
{
	const char *space = memchr(line->ptr, ' ', line->len);

	if (space == NULL || space == line->ptr)
		return false;
	*word = (struct base_span){line->ptr, (size_t)(space - line->ptr)};
	*line = (struct base_span){space + 1, line->len - word->len - 1};
	return true;
}

static bool is_printable(struct base_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
			return false;
	return true;
}

/* version: the last digit of HTTP/1.x. */
static enum base_result read_request_line(struct base_span line, struct status_request *out, char *version)
{
	struct base_span method, target;

	if (!take_word(&line, &method) || !take_word(&line, &target))
		return BASE_SYNTAX;
	if (!base_span_is(line, "HTTP/1.1") && !base_span_is(line, "HTTP/1.0"))
		return BASE_SYNTAX;
	if (target.ptr[0] != '/' || !is_printable(target) || !is_printable(method))
		return BASE_SYNTAX;
	out->method = base_span_is(method, "GET")    ? STATUS_GET
	              : base_span_is(method, "HEAD") ? STATUS_HEAD
	                                             : STATUS_OTHER_METHOD;
	*version = line.ptr[line.len - 1];
	const char *mark = memchr(target.ptr, '?', target.len);
	out->path = target;
	if (mark != NULL) {
		out->path.len = (size_t)(mark - target.ptr);
		out->query = (struct base_span){mark + 1, target.len - out->path.len - 1};
	}
	return BASE_OK;
}

enum base_result status_request_read(struct base_span head, struct status_request *out)
{
	struct status_request request = {.method = STATUS_OTHER_METHOD};
	char version = '1';
	enum base_result result = read_request_line(take_line(&head), &request, &version);

	while (result == BASE_OK && head.len > 0) {
		struct base_span line = take_line(&head);
		if (line.len == 0)
			break;
		const char *colon = memchr(line.ptr, ':', line.len);
		if (colon == NULL || !is_printable((struct base_span){line.ptr, (size_t)(colon - line.ptr)}))
			return BASE_SYNTAX;
		struct base_span name = {line.ptr, (size_t)(colon - line.ptr)};
		if (base_span_is_nocase(name, "last-event-id"))
			request.last_event_id = base_span_trim((struct base_span){colon + 1, line.len - name.len - 1});
		if (!base_span_is_nocase(name, "host"))
			continue;
		if (request.host.ptr != NULL) /* two hosts: somebody is being fooled */
			return BASE_SYNTAX;
		request.host = base_span_trim((struct base_span){colon + 1, line.len - name.len - 1});
	}
	if (result == BASE_OK && version == '1' && request.host.ptr == NULL) /* RFC 9112 section 3.2 */
		return BASE_SYNTAX;
	if (result == BASE_OK)
		*out = request;
	return result;
}

/* "name:123", "1.2.3.4", "[::1]:9475": the part without the port; false if it cannot be one. */
static bool without_port(struct base_span host, struct base_span *name, bool *bracketed)
{
	if (host.len == 0)
		return false;
	const char *port, *end = host.ptr + host.len;
	*bracketed = host.ptr[0] == '[';
	if (*bracketed) {
		const char *close = memchr(host.ptr, ']', host.len);
		if (close == NULL)
			return false;
		*name = (struct base_span){host.ptr + 1, (size_t)(close - host.ptr) - 1};
		port = close + 1;
	} else {
		port = memchr(host.ptr, ':', host.len);
		port = port != NULL ? port : end;
		*name = (struct base_span){host.ptr, (size_t)(port - host.ptr)};
	}
	if (port < end && *port++ != ':')
		return false;
	while (port < end)
		if (*port < '0' || *port++ > '9')
			return false;
	return true;
}

static bool is_address(struct base_span name, int family)
{
	char text[INET6_ADDRSTRLEN + 1];
	uint8_t address[16];

	if (name.len == 0 || name.len >= sizeof(text))
		return false;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	return strlen(text) == name.len && inet_pton(family, text, address) == 1;
}

/* As the machine calls itself, without its domain, or that with ".local" (RFC 6762), which no DNS has. */
static bool is_own_name(struct base_span name, const char *own_name)
{
	static const char local[] = ".local";
	size_t first = strcspn(own_name, "."), rest = sizeof(local) - 1;

	if (base_span_is_nocase(name, own_name))
		return true;
	if (name.len == first + rest && base_span_is_nocase((struct base_span){name.ptr + first, rest}, local))
		name.len = first;
	return name.len == first && strncasecmp(name.ptr, own_name, first) == 0;
}

bool status_host_allowed(struct base_span host, const char *own_name)
{
	struct base_span name;
	bool bracketed;

	if (!without_port(host, &name, &bracketed))
		return false;
	if (bracketed)
		return is_address(name, AF_INET6);
	if (is_address(name, AF_INET) || base_span_is_nocase(name, "localhost"))
		return true;
	return own_name != NULL && own_name[0] != '\0' && is_own_name(name, own_name);
}
