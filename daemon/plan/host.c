/* host: what politeness is counted by, and the distance between two requests to it. */
#include "wirewatch/plan.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define PAUSE_MAX BASE_DAY

/* Hosters where each user has a name of its own and all names one budget. */
static const char *const shared[] = {
    "tumblr.com", "blogspot.com", "wordpress.com", "substack.com", "medium.com", "livejournal.com", "typepad.com",
};

/* Whether name is below domain: "user.tumblr.com". */
static bool is_below(struct base_span name, const char *domain)
{
	size_t len = strlen(domain);
	return name.len > len + 1 && name.ptr[name.len - len - 1] == '.' &&
	       strncasecmp(name.ptr + name.len - len, domain, len) == 0;
}

/* The name alone, without port and brackets. */
static struct base_span name_of(struct base_span host)
{
	const char *end = host.ptr + host.len;
	if (host.len && *host.ptr == '[') {
		const char *close = memchr(host.ptr, ']', host.len);
		return (struct base_span){host.ptr + 1, close ? (size_t)(close - host.ptr - 1) : host.len - 1};
	}
	const char *colon = memchr(host.ptr, ':', host.len);
	if (colon)
		end = colon;
	if (end > host.ptr && end[-1] == '.') /* an absolute name */
		end--;
	return (struct base_span){host.ptr, (size_t)(end - host.ptr)};
}

struct base_span plan_host_of(const char *url)
{
	const char *start = strstr(url, "://");
	start = start ? start + 3 : url;
	size_t len = strcspn(start, "/?#");
	for (size_t i = len; i-- > 0;)
		if (start[i] == '@') {
			start += i + 1;
			len -= i + 1;
			break;
		}
	struct base_span host = {start, len}, name = name_of(host);
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		if (is_below(name, shared[i])) {
			size_t own = name.len - strlen(shared[i]);
			return (struct base_span){start + own, len - own};
		}
	return host;
}

/* RFC 1918, 5735, 6598, 4193, 4291: for politeness alone; what may be connected to is decided by the fetch room. */
static bool is_local_v4(const uint8_t a[4])
{
	return a[0] == 0 || a[0] == 10 || a[0] == 127 || (a[0] == 169 && a[1] == 254) ||
	       (a[0] == 172 && (a[1] & 0xF0) == 16) || (a[0] == 192 && a[1] == 168) || (a[0] == 100 && (a[1] & 0xC0) == 64);
}

static bool is_local_v6(const uint8_t a[16])
{
	static const uint8_t loopback[16] = {[15] = 1}, mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	return memcmp(a, loopback, 16) == 0 || (a[0] & 0xFE) == 0xFC || (a[0] == 0xFE && (a[1] & 0xC0) == 0x80) ||
	       (memcmp(a, mapped, 12) == 0 && is_local_v4(a + 12));
}

bool plan_host_public(struct base_span host)
{
	/* Names below localhost are virtual hosts, each with its own site (RFC 6761 lets a machine have them). */
	static const char *const local[] = {"local", "lan", "internal", "home.arpa"};
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];
	struct base_span name = name_of(host);
	if (name.len && name.len < sizeof text) {
		memcpy(text, name.ptr, name.len);
		text[name.len] = '\0';
		if (inet_pton(AF_INET, text, address) == 1)
			return !is_local_v4(address);
		if (inet_pton(AF_INET6, text, address) == 1)
			return !is_local_v6(address);
	}
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		if (is_below(name, local[i]))
			return false;
	return name.len && memchr(name.ptr, '.', name.len);
}

void plan_host_init(struct plan_host *host, struct base_span name, base_time gap)
{
	bool public = plan_host_public(name);
	*host = (struct plan_host){
	    .public = public,
	    .gap = public ? gap : 0,
	    .free_at = BASE_TIME_NONE,
	    .paused_until = BASE_TIME_NONE,
	};
}

base_time plan_host_wait(const struct plan_host *host, unsigned most, base_time monotonic)
{
	if (host->running >= most)
		return BASE_TIME_NONE;
	return host->free_at != BASE_TIME_NONE && host->free_at > monotonic ? host->free_at - monotonic : 0;
}

void plan_host_start(struct plan_host *host, base_time monotonic)
{
	host->running++;
	if (host->gap)
		host->free_at = monotonic + host->gap;
}

void plan_host_end(struct plan_host *host, base_time monotonic)
{
	host->running--;
	if (host->gap)
		host->free_at = monotonic + host->gap;
}

void plan_host_taken(struct plan_host *host, base_time monotonic)
{
	if (host->gap)
		host->free_at = monotonic + host->gap;
}

void plan_host_pause(struct plan_host *host, base_time until)
{
	if (host->public && until > host->paused_until)
		host->paused_until = until;
}

base_time plan_host_paused(struct plan_host *host, base_time now)
{
	if (host->paused_until == BASE_TIME_NONE || host->paused_until <= now)
		return BASE_TIME_NONE;
	if (host->paused_until - now > PAUSE_MAX) /* the clock was set back */
		host->paused_until = now + PAUSE_MAX;
	return host->paused_until;
}
