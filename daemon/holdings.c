/* Feeds by host. */
#include "holdings.h"

#include <stdlib.h>
#include <string.h>

#include "wirewatch/plan.h"

struct host {
	char *name; /* in lower case */
	size_t first, count; /* of feeds */
	bool held;
};

struct item {
	char *host;
	const struct conf_feed *feed;
};

struct holdings {
	size_t host_count, feed_count;
	struct host *hosts;              /* in byte order */
	const struct conf_feed **feeds;  /* host by host, in the order of their addresses */
};

static char *host_name(const char *url)
{
	struct base_span span = plan_host_of(url);
	char *name = strndup(span.ptr, span.len);
	for (char *c = name; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return name;
}

static int compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = strcmp(x->host, y->host);
	return order ? order : strcmp(x->feed->url, y->feed->url);
}

static const struct host *find(const struct holdings *holdings, const char *name)
{
	size_t low = 0, high = holdings->host_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(holdings->hosts[middle].name, name);
		if (!order)
			return &holdings->hosts[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Takes the items' names. */
static void divide(struct holdings *holdings, const struct item *items, const struct holdings *before)
{
	for (size_t i = 0; i < holdings->feed_count; i++) {
		struct host *last = holdings->host_count ? &holdings->hosts[holdings->host_count - 1] : NULL;
		holdings->feeds[i] = items[i].feed;
		if (last && strcmp(last->name, items[i].host) == 0) {
			last->count++;
			free(items[i].host);
			continue;
		}
		const struct host *old = before ? find(before, items[i].host) : NULL;
		holdings->hosts[holdings->host_count++] =
		    (struct host){.name = items[i].host, .first = i, .count = 1, .held = old && old->held};
	}
}

enum base_result holdings_new(const struct conf *conf, const struct holdings *before, struct holdings **out)
{
	size_t count = conf_feed_count(conf);
	struct holdings *holdings = calloc(1, sizeof *holdings);
	struct item *items = calloc(count + 1, sizeof *items);
	bool ok = holdings && items;
	if (ok) {
		holdings->hosts = calloc(count + 1, sizeof *holdings->hosts);
		holdings->feeds = calloc(count + 1, sizeof *holdings->feeds);
		ok = holdings->hosts && holdings->feeds;
	}
	size_t made = 0;
	for (; ok && made < count; made++) {
		items[made].feed = conf_feed_at(conf, made);
		items[made].host = host_name(items[made].feed->url);
		ok = items[made].host;
	}
	if (ok) {
		holdings->feed_count = count;
		qsort(items, count, sizeof *items, compare);
		divide(holdings, items, before);
		*out = holdings;
	} else {
		for (size_t i = 0; items && i < made; i++)
			free(items[i].host);
		holdings_free(holdings);
	}
	free(items);
	return ok ? BASE_OK : BASE_NO_MEMORY;
}

void holdings_free(struct holdings *holdings)
{
	if (!holdings)
		return;
	for (size_t i = 0; i < holdings->host_count; i++)
		free(holdings->hosts[i].name);
	free(holdings->hosts);
	free(holdings->feeds);
	free(holdings);
}

/* ---- what is listed ------------------------------------------------------------------ */

static const uint64_t no_key[2]; /* all nodes must find the same */

static void digest_of(const struct holdings *holdings, const struct host *host, uint8_t out[LEDGER_DIGEST_LEN])
{
	_Static_assert(LEDGER_DIGEST_LEN <= BASE_SHA256_LEN, "a digest is a part of a SHA-256");
	uint8_t whole[BASE_SHA256_LEN];
	struct base_sha256 sha;
	base_sha256_start(&sha);
	for (size_t i = 0; i < host->count; i++) {
		const char *url = holdings->feeds[host->first + i]->url;
		base_sha256_add(&sha, url, strlen(url) + 1);
	}
	base_sha256_end(&sha, whole);
	memcpy(out, whole, LEDGER_DIGEST_LEN);
}

enum base_result holdings_listing(const struct holdings *holdings, struct share_listing **out)
{
	size_t text = 0, count = holdings->host_count;
	for (size_t i = 0; i < count; i++)
		text += strlen(holdings->hosts[i].name) + 1;
	struct share_listing *listing = calloc(1, sizeof *listing + count * sizeof listing->hosts[0] + text);
	if (!listing)
		return BASE_NO_MEMORY;
	char *at = (char *)(listing->hosts + count);
	listing->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct host *host = &holdings->hosts[i];
		struct ledger_listed *listed = &listing->hosts[i];
		size_t len = strlen(host->name) + 1;
		listed->host = memcpy(at, host->name, len);
		at += len;
		listed->feeds = (uint32_t)host->count;
		digest_of(holdings, host, listed->digest);
		listing->version = base_hash64(no_key, listed->digest, sizeof listed->digest) + listing->version * 31;
	}
	*out = listing;
	return BASE_OK;
}

/* ---- what is held ---------------------------------------------------------------------- */

enum base_result holdings_held(const struct holdings *holdings, const struct conf_feed ***feeds, size_t *count)
{
	const struct conf_feed **found = calloc(holdings->feed_count + 1, sizeof *found);
	size_t len = 0;
	if (!found)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < holdings->host_count; i++) {
		const struct host *host = &holdings->hosts[i];
		if (!host->held)
			continue;
		memcpy(found + len, holdings->feeds + host->first, host->count * sizeof *found);
		len += host->count;
	}
	*feeds = found;
	*count = len;
	return BASE_OK;
}

enum base_result holdings_of(const struct holdings *holdings, const struct share_order *order,
                             const struct conf_feed ***feeds, size_t *count)
{
	size_t len = 0;
	for (size_t i = 0; i < order->count; i++) {
		const struct host *host = find(holdings, order->hosts[i]);
		len += host ? host->count : 0;
	}
	const struct conf_feed **found = calloc(len + 1, sizeof *found);
	if (!found)
		return BASE_NO_MEMORY;
	len = 0;
	for (size_t i = 0; i < order->count; i++) {
		const struct host *host = find(holdings, order->hosts[i]);
		for (size_t k = 0; host && k < host->count; k++)
			found[len++] = holdings->feeds[host->first + k];
	}
	*feeds = found;
	*count = len;
	return BASE_OK;
}

void holdings_note(struct holdings *holdings, const struct share_order *order)
{
	for (size_t i = 0; i < order->count; i++) {
		struct host *host = (struct host *)(uintptr_t)find(holdings, order->hosts[i]);
		if (host)
			host->held = order->kind == SHARE_GAIN;
	}
}
