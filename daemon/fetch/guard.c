/*
 * guard: tells public addresses from those that only mean something near us.
 * A feed, or a redirect, or a name server under somebody else's control must
 * not make the daemon talk to its own machine or network.
 */
#include "daemon/fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define V4(a, b, c, d, len)                                                                                             \
	{                                                                                                               \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d)}, 96 + (len)                              \
	}

/* IANA IPv4 special-purpose address registry (RFC 6890 and its updates), and multicast. */
static const struct fetch_range refused_v4[] = {
    V4(0, 0, 0, 0, 8),       /* "this network" */
    V4(10, 0, 0, 0, 8),      /* private */
    V4(100, 64, 0, 0, 10),   /* carrier-grade NAT */
    V4(127, 0, 0, 0, 8),     /* loopback */
    V4(169, 254, 0, 0, 16),  /* link-local, cloud metadata */
    V4(172, 16, 0, 0, 12),   /* private */
    V4(192, 0, 0, 0, 24),    /* IETF protocol assignments */
    V4(192, 0, 2, 0, 24),    /* documentation */
    V4(192, 88, 99, 0, 24),  /* 6to4 relays, deprecated */
    V4(192, 168, 0, 0, 16),  /* private */
    V4(198, 18, 0, 0, 15),   /* benchmarking */
    V4(198, 51, 100, 0, 24), /* documentation */
    V4(203, 0, 113, 0, 24),  /* documentation */
    V4(224, 0, 0, 0, 4),     /* multicast */
    V4(240, 0, 0, 0, 4),     /* reserved, broadcast */
};

/*
 * IANA IPv6 registries: only 2000::/3 is global unicast. That leaves out ::,
 * ::1, 100::/64, fc00::/7, fe80::/10, fec0::/10, ff00::/8 and the NAT64 prefix
 * for local use (64:ff9b:1::/48, RFC 8215) at one stroke.
 */
static const struct fetch_range global_v6 = {{0x20}, 3};
static const struct fetch_range refused_v6[] = {
    {{0x20, 0x01, 0x00}, 23},             /* IETF protocol assignments, Teredo, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
    {{0x3f, 0xff}, 20},                   /* documentation */
};

/* A router will turn these into the IPv4 address they hold, so that one is judged. */
static const struct embedding {
	struct fetch_range range;
	size_t offset;
} embeddings[] = {
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12}, /* NAT64, RFC 6052 section 2.1 */
    {{{0x20, 0x02}, 16}, 2},              /* 6to4, RFC 3056 section 2 */
};

static const struct fetch_range mapped_v4 = V4(0, 0, 0, 0, 0);

static bool in_range(const uint8_t address[16], const struct fetch_range *range)
{
	size_t bytes = range->prefix_len / 8;
	unsigned bits = range->prefix_len % 8;

	if (range->prefix_len > 128 || memcmp(address, range->address, bytes) != 0)
		return false;
	if (bits == 0)
		return true;
	unsigned mask = 0xffu << (8 - bits) & 0xffu;
	return (address[bytes] & mask) == (range->address[bytes] & mask);
}

static bool in_any(const uint8_t address[16], const struct fetch_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_range(address, &ranges[i]))
			return true;
	return false;
}

bool fetch_guard_address(const struct sockaddr *from, uint8_t address[16])
{
	if (from->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, from, sizeof(in));
		memcpy(address, mapped_v4.address, 12);
		memcpy(address + 12, &in.sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, from, sizeof(in6));
		memcpy(address, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

static bool is_public(const uint8_t address[16])
{
	if (in_range(address, &mapped_v4))
		return !in_any(address, refused_v4, sizeof(refused_v4) / sizeof(*refused_v4));
	return in_range(address, &global_v6) && !in_any(address, refused_v6, sizeof(refused_v6) / sizeof(*refused_v6));
}

bool fetch_guard_allows(const uint8_t address[16], const struct fetch_range *allow, size_t allow_count)
{
	if (in_any(address, allow, allow_count))
		return true;
	for (size_t i = 0; i < sizeof(embeddings) / sizeof(*embeddings); i++) {
		uint8_t inner[16];
		if (!in_range(address, &embeddings[i].range))
			continue;
		memcpy(inner, mapped_v4.address, 12);
		memcpy(inner + 12, address + embeddings[i].offset, 4);
		return in_any(inner, allow, allow_count) || is_public(inner);
	}
	return is_public(address);
}

void fetch_guard_text(const uint8_t address[16], char text[FETCH_ADDRESS_MAX])
{
	bool v4 = in_range(address, &mapped_v4);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text, FETCH_ADDRESS_MAX);
}
