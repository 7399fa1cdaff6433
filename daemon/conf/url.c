/* Addresses of feeds: which are usable, and when two are the same (RFC 3986). */
#include "values.h"

#include <string.h>

#define LONGEST_URL 4096

struct parts {
	bool tls;
	struct base_span user, host, port, rest; /* rest: path and query, without the fragment */
	bool bracketed;
};

static size_t find(struct base_span text, char c)
{
	const char *found = text.len ? memchr(text.ptr, c, text.len) : NULL;
	return found ? (size_t)(found - text.ptr) : text.len;
}

/* Where the authority ends. A list has a hundred thousand addresses, each split more than once: no calls in this loop. */
static size_t find_path(struct base_span text)
{
	size_t i = 0;
	while (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '?' && text.ptr[i] != '#')
		i++;
	return i;
}

static struct base_span from(struct base_span text, size_t at)
{
	return (struct base_span){text.ptr + at, text.len - at};
}

static bool split_host(struct base_span authority, struct parts *out)
{
	const char *start = authority.ptr;
	for (size_t at; (at = find(authority, '@')) < authority.len; authority = from(authority, at + 1)) /* a password may hold one */
		out->user = (struct base_span){start, (size_t)(authority.ptr + at - start)};
	out->bracketed = authority.len && authority.ptr[0] == '[';
	size_t end = out->bracketed ? find(authority, ']') + 1 : find(authority, ':');
	if (end > authority.len)
		return false;
	out->host = (struct base_span){authority.ptr, end};
	out->port = from(authority, end);
	return out->port.len == 0 || out->port.ptr[0] == ':';
}

static bool split(struct base_span url, struct parts *out)
{
	*out = (struct parts){0};
	size_t scheme = find(url, ':');
	out->tls = scheme == 5;
	if (!base_span_is_nocase((struct base_span){url.ptr, scheme}, out->tls ? "https" : "http") ||
	    !base_span_starts(from(url, scheme), "://"))
		return false;
	struct base_span after = from(url, scheme + 3);
	size_t path = find_path(after);
	out->rest = from(after, path);
	out->rest.len = find(out->rest, '#');
	return split_host((struct base_span){after.ptr, path}, out);
}

static bool port_valid(struct base_span port)
{
	unsigned number = 0;
	for (size_t i = 1; i < port.len; i++) {
		if (port.ptr[i] < '0' || port.ptr[i] > '9' || i > 5)
			return false;
		number = number * 10 + (unsigned)(port.ptr[i] - '0');
	}
	return port.len <= 1 || (number > 0 && number < 65536);
}

static bool host_valid(const struct parts *parts)
{
	struct base_span host = parts->host;
	if (parts->bracketed)
		return conf_range_parse((struct base_span){host.ptr + 1, host.len - 2}, &(struct conf_address_range){0}) &&
		       !memchr(host.ptr, '/', host.len) && memchr(host.ptr, ':', host.len);
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool usual = (c >= 'a' && c <= 'z') || (c >= '-' && c <= '9' && c != '/');
		if (!usual && strchr("<>\"\\^`{|}%[]!$&'()*+,;=", c))
			return false;
	}
	return host.len > 0 && host.len < 254;
}

bool conf_url_valid(struct base_span text, const char **reason)
{
	struct parts parts;
	*reason = "is too long";
	if (text.len > LONGEST_URL)
		return false;
	*reason = "is no usable URL: it holds a space or control character";
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	*reason = "is no usable URL: it must begin with http:// or https://";
	if (!base_span_is_nocase((struct base_span){text.ptr, text.len < 7 ? text.len : 7}, "http://") &&
	    !base_span_is_nocase((struct base_span){text.ptr, text.len < 8 ? text.len : 8}, "https://"))
		return false;
	*reason = "is no usable URL: its host or port is missing or wrong";
	return split(text, &parts) && host_valid(&parts) && port_valid(parts.port);
}

struct base_span conf_url_host(struct base_span url)
{
	struct parts parts;
	if (!split(url, &parts))
		return BASE_NONE;
	return parts.bracketed ? (struct base_span){parts.host.ptr + 1, parts.host.len - 2} : parts.host;
}

bool conf_url_has_user(struct base_span url)
{
	struct parts parts;
	return split(url, &parts) && parts.user.ptr;
}

/* ---- showing ---------------------------------------------------------------------- */

/* The end of "scheme:" and the slashes after it, or of two slashes alone. */
static size_t find_authority(struct base_span text)
{
	size_t at = find(text, ':') + 1;
	if (base_span_starts(text, "//"))
		at = 0;
	else if (at >= text.len || text.ptr[at] != '/')
		return 0;
	while (at < text.len && text.ptr[at] == '/')
		at++;
	return at;
}

/*
 * Where a user and password that begin at start end, or start. In what is no
 * address of a feed nobody knows where the host begins - a '/' of the password
 * may be what is wrong with it -, so that all before the last '@' counts;
 * without a colon it is a mail address rather than a password.
 */
static size_t find_secret_end(struct base_span text, size_t start)
{
	struct parts parts;
	if (split(text, &parts) && host_valid(&parts) && port_valid(parts.port))
		return parts.user.ptr ? (size_t)(parts.host.ptr - text.ptr) : start;
	size_t end = text.len;
	while (end > start && text.ptr[end - 1] != '@')
		end--;
	return start || find(text, ':') < end ? end : start;
}

struct conf_shown conf_shown(struct base_span value)
{
	struct conf_shown shown = {""};
	size_t start = find_authority(value), end = find_secret_end(value, start);
	size_t before = base_utf8_clip(value.ptr, start, CONF_SHOWN_LEN);
	size_t after = base_utf8_clip(value.ptr + end, value.len - end, CONF_SHOWN_LEN - before);
	memcpy(shown.text, value.ptr, before);
	memcpy(shown.text + before, value.ptr + end, after);
	return shown;
}

/* ---- comparing -------------------------------------------------------------------- */

/* Scheme and host in lower case, no default port, no fragment, "/" for no path (RFC 3986 section 6.2). */
enum base_result conf_url_normal(struct base_span url, struct base_buf *out)
{
	struct parts parts;
	if (!split(url, &parts))
		return BASE_SYNTAX;
	(void)base_buf_add_text(out, parts.tls ? "https://" : "http://");
	if (parts.user.ptr) {
		(void)base_buf_add_span(out, parts.user);
		(void)base_buf_add_char(out, '@');
	}
	if (!base_buf_add_span(out, parts.host))
		for (char *c = out->data + out->len - parts.host.len; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (parts.port.len > 1 && !base_span_is(parts.port, parts.tls ? ":443" : ":80"))
		(void)base_buf_add_span(out, parts.port);
	if (!parts.rest.len || parts.rest.ptr[0] != '/')
		(void)base_buf_add_char(out, '/');
	return base_buf_add_span(out, parts.rest), out->failed;
}
