/* Hash tables with chains; nothing is ever taken out of them one by one but links to secondary keys. */
#include "postgres_cache.h"

#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX ((size_t)1 << 24)
#define ARENA_MAX ((size_t)1 << 28)
#define BUCKETS_LEAST 256
#define BLOCKS (CACHE_CHAINS + 2)
enum { FEED_BLOCK = CACHE_CHAINS, ASKED_BLOCK };

enum base_result cache_new(struct postgres_cache **out)
{
	struct postgres_cache *cache = calloc(1, sizeof *cache);
	if (!cache)
		return BASE_NO_MEMORY;
	enum base_result result = base_random(cache->secret, sizeof cache->secret);
	if (!result)
		result = base_arena_new(ARENA_MAX, &cache->arena);
	if (!result)
		result = cache_reset(cache, 0);
	if (result)
		cache_free(cache);
	else
		*out = cache;
	return result;
}

void cache_free(struct postgres_cache *cache)
{
	if (!cache)
		return;
	base_arena_free(cache->arena);
	free(cache->feeds);
	free(cache->entries);
	free(cache->asked);
	free(cache->buckets);
	free(cache);
}

enum base_result cache_reset(struct postgres_cache *cache, size_t entries)
{
	size_t count = BUCKETS_LEAST;
	while (count < entries && count < ROWS_MAX)
		count *= 2;
	base_arena_reset(cache->arena);
	cache->feed_count = cache->entry_count = cache->asked_count = 0;
	if (cache->buckets && cache->mask + 1 == count) {
		memset(cache->buckets, 0, BLOCKS * count * sizeof *cache->buckets);
		return BASE_OK;
	}
	size_t *buckets = calloc(BLOCKS * count, sizeof *buckets);
	if (!buckets) {
		if (cache->buckets)
			memset(cache->buckets, 0, BLOCKS * (cache->mask + 1) * sizeof *cache->buckets);
		return BASE_NO_MEMORY;
	}
	free(cache->buckets);
	cache->buckets = buckets;
	cache->mask = count - 1;
	return BASE_OK;
}

static size_t *bucket(struct postgres_cache *cache, size_t block, const void *bytes, size_t len)
{
	size_t at = base_hash64(cache->secret, bytes, len) & cache->mask;
	return &cache->buckets[block * (cache->mask + 1) + at];
}

static size_t *bucket_of(struct postgres_cache *cache, size_t block, int64_t feed, const struct feed_key *key)
{
	unsigned char bytes[sizeof feed + FEED_KEY_LEN];
	memcpy(bytes, &feed, sizeof feed);
	memcpy(bytes + sizeof feed, key->bytes, FEED_KEY_LEN);
	return bucket(cache, block, bytes, sizeof bytes);
}

/* ---- feeds --------------------------------------------------------------------------- */

struct cache_feed *cache_feed(struct postgres_cache *cache, const char *url)
{
	size_t at = *bucket(cache, FEED_BLOCK, url, strlen(url));
	for (; at; at = cache->feeds[at - 1].next)
		if (!strcmp(cache->feeds[at - 1].url, url))
			return &cache->feeds[at - 1];
	return NULL;
}

struct base_span cache_copy(struct postgres_cache *cache, struct base_span span)
{
	return base_arena_copy(cache->arena, span);
}

enum base_result cache_add_feed(struct postgres_cache *cache, const char *url, struct cache_feed **out)
{
	enum base_result result =
		base_grow(&cache->feeds, &cache->feed_cap, cache->feed_count + 1, sizeof *cache->feeds, ROWS_MAX);
	if (result)
		return result;
	struct base_span copy = cache_copy(cache, base_span_of(url));
	if (!copy.ptr)
		return BASE_NO_MEMORY;
	size_t *head = bucket(cache, FEED_BLOCK, url, strlen(url));
	*out = &cache->feeds[cache->feed_count++];
	**out = (struct cache_feed){.url = copy.ptr, .next = *head};
	*head = cache->feed_count;
	return BASE_OK;
}

/* ---- entries ---------------------------------------------------------------------------- */

static const struct feed_key *key_of(const struct cache_entry *entry, enum cache_chain chain)
{
	return chain == CACHE_KEY ? &entry->row.key : chain == CACHE_LINK ? &entry->row.link_key : &entry->row.title_key;
}

static void link_entry(struct postgres_cache *cache, struct cache_entry *entry, enum cache_chain chain)
{
	const struct feed_key *key = key_of(entry, chain);
	if (identity_is_none(key))
		return;
	size_t *head = bucket_of(cache, chain, entry->feed, key);
	entry->next[chain] = *head;
	*head = (size_t)(entry - cache->entries) + 1;
}

static void unlink_entry(struct postgres_cache *cache, struct cache_entry *entry, enum cache_chain chain)
{
	size_t self = (size_t)(entry - cache->entries) + 1;
	size_t *at = bucket_of(cache, chain, entry->feed, key_of(entry, chain));
	while (*at && *at != self)
		at = &cache->entries[*at - 1].next[chain];
	if (*at)
		*at = entry->next[chain];
	entry->next[chain] = 0;
}

struct cache_entry *cache_entry(struct postgres_cache *cache, int64_t feed, const struct feed_key *key)
{
	size_t at = *bucket_of(cache, CACHE_KEY, feed, key);
	for (; at; at = cache->entries[at - 1].next[CACHE_KEY])
		if (cache->entries[at - 1].feed == feed && identity_equal(&cache->entries[at - 1].row.key, key))
			return &cache->entries[at - 1];
	return NULL;
}

enum base_result cache_add_entry(struct postgres_cache *cache, int64_t feed, const struct feed_key *key,
                                 struct cache_entry **out)
{
	*out = cache_entry(cache, feed, key);
	if (*out)
		return BASE_OK;
	enum base_result result =
		base_grow(&cache->entries, &cache->entry_cap, cache->entry_count + 1, sizeof *cache->entries, ROWS_MAX);
	if (result)
		return result;
	*out = &cache->entries[cache->entry_count++];
	**out = (struct cache_entry){.feed = feed, .row.key = *key};
	size_t *head = bucket_of(cache, CACHE_KEY, feed, key); /* a key of zeros is one like others here */
	(*out)->next[CACHE_KEY] = *head;
	*head = cache->entry_count;
	return BASE_OK;
}

void cache_put_entry(struct postgres_cache *cache, struct cache_entry *entry, const struct engine_entry *row)
{
	for (enum cache_chain chain = CACHE_LINK; chain < CACHE_CHAINS; chain++)
		if (entry->there)
			unlink_entry(cache, entry, chain);
	entry->row = *row;
	entry->there = true;
	for (enum cache_chain chain = CACHE_LINK; chain < CACHE_CHAINS; chain++)
		link_entry(cache, entry, chain);
}

void cache_drop_entry(struct postgres_cache *cache, struct cache_entry *entry)
{
	for (enum cache_chain chain = CACHE_LINK; chain < CACHE_CHAINS; chain++)
		if (entry->there)
			unlink_entry(cache, entry, chain);
	entry->row = (struct engine_entry){.key = entry->row.key};
	entry->there = false;
}

/* ---- secondary keys ---------------------------------------------------------------------- */

struct cache_asked *cache_asked(struct postgres_cache *cache, int64_t feed, enum cache_chain chain,
                                const struct feed_key *key)
{
	size_t at = *bucket_of(cache, ASKED_BLOCK, feed, key);
	for (; at; at = cache->asked[at - 1].next) {
		struct cache_asked *asked = &cache->asked[at - 1];
		if (asked->feed == feed && asked->chain == chain && identity_equal(&asked->key, key))
			return asked;
	}
	return NULL;
}

int cache_count(struct postgres_cache *cache, int64_t feed, enum cache_chain chain, const struct feed_key *key,
                struct cache_entry **out)
{
	int count = 0;
	size_t at = *bucket_of(cache, chain, feed, key);
	for (; at && count < 2; at = cache->entries[at - 1].next[chain]) {
		struct cache_entry *entry = &cache->entries[at - 1];
		if (entry->feed != feed || !entry->there || !identity_equal(key_of(entry, chain), key))
			continue;
		*out = entry;
		count++;
	}
	return count;
}

enum base_result cache_add_asked(struct postgres_cache *cache, int64_t feed, enum cache_chain chain,
                                 const struct feed_key *key)
{
	struct cache_entry *some;
	struct cache_asked *asked = cache_asked(cache, feed, chain, key);
	if (!asked) {
		enum base_result result =
			base_grow(&cache->asked, &cache->asked_cap, cache->asked_count + 1, sizeof *cache->asked, ROWS_MAX);
		if (result)
			return result;
		size_t *head = bucket_of(cache, ASKED_BLOCK, feed, key);
		asked = &cache->asked[cache->asked_count++];
		*asked = (struct cache_asked){.feed = feed, .key = *key, .chain = chain, .next = *head};
		*head = cache->asked_count;
	}
	asked->complete = cache_count(cache, feed, chain, key, &some) < 2;
	return BASE_OK;
}
