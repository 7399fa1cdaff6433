/* Network addresses in settings: ZeroMQ endpoints, address:port, ranges. */
#include "values.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/un.h>

/* An IPv4 or IPv6 address as sixteen bytes; IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
static bool parse_address(struct base_span text, uint8_t out[16], bool *is_v4)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr v4;
	if (!text.len || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*is_v4 = inet_pton(AF_INET, copy, &v4) == 1;
	if (!*is_v4)
		return inet_pton(AF_INET6, copy, out) == 1;
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, &v4, 4);
	return true;
}

static bool parse_small(struct base_span text, unsigned most, unsigned *out)
{
	unsigned number = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || i > 4)
			return false;
		number = number * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*out = number;
	return text.len > 0 && number <= most;
}

bool conf_range_parse(struct base_span text, struct conf_address_range *out)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	struct base_span address = {text.ptr, slash ? (size_t)(slash - text.ptr) : text.len};
	struct conf_address_range range;
	bool is_v4;
	if (!parse_address(address, range.address, &is_v4))
		return false;
	unsigned most = is_v4 ? 32 : 128, len = most;
	if (slash && !parse_small((struct base_span){slash + 1, text.len - address.len - 1}, most, &len))
		return false;
	range.prefix_len = len + (is_v4 ? 96 : 0);
	for (unsigned bit = range.prefix_len; bit < 128; bit++) /* what the prefix does not cover says nothing */
		range.address[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	*out = range;
	return true;
}

/* "HOST:PORT" or "[HOST]:PORT" to its parts. */
static bool split_port(struct base_span text, struct base_span *host, bool *bracketed, unsigned *port)
{
	size_t colon = text.len;
	while (colon && text.ptr[colon - 1] != ':')
		colon--;
	if (!colon || !parse_small((struct base_span){text.ptr + colon, text.len - colon}, 65535, port) || *port == 0)
		return false;
	*host = (struct base_span){text.ptr, colon - 1};
	*bracketed = host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']';
	if (*bracketed)
		*host = (struct base_span){host->ptr + 1, host->len - 2};
	return host->len > 0 && (*bracketed || !memchr(host->ptr, ':', host->len));
}

bool conf_address_valid(struct base_span text, const char **reason)
{
	struct base_span host;
	bool bracketed, is_v4;
	unsigned port;
	uint8_t address[16];
	if (base_span_starts(text, "unix:")) {
		*reason = "must be unix: and the absolute path of a socket, at most 107 bytes";
		return text.len > 6 && text.ptr[5] == '/' && text.len - 5 < sizeof ((struct sockaddr_un *)NULL)->sun_path;
	}
	*reason = "must be address:port with an IP address and a port from 1 to 65535, such as 127.0.0.1:9475, or off";
	return split_port(text, &host, &bracketed, &port) && parse_address(host, address, &is_v4) && is_v4 == !bracketed;
}

/* ---- endpoints -------------------------------------------------------------------- */

static bool is_interface(struct base_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || strchr("/:;,[]*", name.ptr[i]))
			return false;
	return name.len > 0 && name.len < 16 && !base_span_is(name, "localhost"); /* IFNAMSIZ */
}

static bool is_loopback(struct base_span host)
{
	uint8_t address[16];
	bool is_v4;
	static const uint8_t one[16] = {[15] = 1};
	if (!parse_address(host, address, &is_v4))
		return base_span_is(host, "lo");
	return is_v4 ? address[12] == 127 : memcmp(address, one, sizeof one) == 0;
}

static bool tcp_valid(struct base_span text, const char **reason)
{
	struct base_span host;
	bool bracketed, is_v4;
	unsigned port;
	uint8_t address[16];
	*reason = "needs a port from 1 to 65535, as in tcp://127.0.0.1:5556";
	if (!split_port(text, &host, &bracketed, &port))
		return false;
	*reason = "needs an IP address, an interface's name or *, as in tcp://127.0.0.1:5556";
	if (parse_address(host, address, &is_v4))
		return is_v4 == !bracketed;
	return !bracketed && (base_span_is(host, "*") || is_interface(host));
}

bool conf_endpoint_valid(struct base_span text, const char **reason)
{
	if (base_span_starts(text, "tcp://"))
		return tcp_valid((struct base_span){text.ptr + 6, text.len - 6}, reason);
	*reason = "must be ipc:///path or tcp://address:port";
	if (!base_span_starts(text, "ipc://") || text.len == 6)
		return false;
	*reason = "is too long for the path of a socket (107 bytes)";
	return text.len - 6 < sizeof ((struct sockaddr_un *)NULL)->sun_path;
}

bool conf_endpoint_remote(struct base_span text)
{
	struct base_span host;
	bool bracketed;
	unsigned port;
	if (!base_span_starts(text, "tcp://"))
		return false;
	text = (struct base_span){text.ptr + 6, text.len - 6};
	return split_port(text, &host, &bracketed, &port) && !is_loopback(host);
}
