/* The inverted index of stories: chained buckets over a pool of postings. */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define POSTINGS_MAX ((size_t)1 << 24)

struct posting {
	uint64_t feature;
	uint32_t value, next;
};

struct index {
	uint64_t key[2];
	struct posting *pool;
	size_t cap, used; /* places ever taken */
	uint32_t free;    /* list of places given back */
	size_t live;
	uint32_t *buckets; /* a power of two of them */
	size_t bucket_count;
};

enum base_result index_new(struct index **out)
{
	struct index *index = calloc(1, sizeof *index);
	if (!index)
		return BASE_NO_MEMORY;
	enum base_result result = base_random(index->key, sizeof index->key);
	if (result) {
		free(index);
		return result;
	}
	index->free = NONE;
	*out = index;
	return BASE_OK;
}

void index_free(struct index *index)
{
	if (!index)
		return;
	free(index->pool);
	free(index->buckets);
	free(index);
}

uint64_t index_feature(const struct index *index, uint64_t hash, unsigned kind)
{
	uint64_t parts[2] = {hash, kind};
	return base_hash64(index->key, parts, sizeof parts);
}

static uint32_t *bucket_of(const struct index *index, uint64_t feature)
{
	return &index->buckets[feature & (index->bucket_count - 1)];
}

static enum base_result rehash(struct index *index, size_t count)
{
	uint32_t *buckets = malloc(count * sizeof *buckets);
	if (!buckets)
		return BASE_NO_MEMORY;
	memset(buckets, 0xFF, count * sizeof *buckets); /* NONE */
	uint32_t *old = index->buckets;
	size_t old_count = index->bucket_count;
	index->buckets = buckets;
	index->bucket_count = count;
	for (size_t i = 0; i < old_count; i++) {
		/* Turn the chain round first, so that each new chain keeps its order. */
		uint32_t turned = NONE;
		for (uint32_t at = old[i], next; at != NONE; at = next) {
			next = index->pool[at].next;
			index->pool[at].next = turned;
			turned = at;
		}
		for (uint32_t at = turned, next; at != NONE; at = next) {
			next = index->pool[at].next;
			uint32_t *bucket = bucket_of(index, index->pool[at].feature);
			index->pool[at].next = *bucket;
			*bucket = at;
		}
	}
	free(old);
	return BASE_OK;
}

enum base_result index_reserve(struct index *index, size_t count)
{
	size_t need = index->live + count, buckets = index->bucket_count ? index->bucket_count : 1024;
	enum base_result result = base_grow(&index->pool, &index->cap, need, sizeof *index->pool, POSTINGS_MAX);
	if (result)
		return result;
	while (buckets < need)
		buckets *= 2;
	return buckets == index->bucket_count ? BASE_OK : rehash(index, buckets);
}

void index_add(struct index *index, uint64_t feature, uint32_t value)
{
	uint32_t at = index->free;
	if (at != NONE)
		index->free = index->pool[at].next;
	else
		at = (uint32_t)index->used++;
	uint32_t *bucket = bucket_of(index, feature);
	index->pool[at] = (struct posting){feature, value, *bucket};
	*bucket = at;
	index->live++;
}

void index_remove(struct index *index, uint64_t feature, uint32_t value)
{
	if (!index->bucket_count)
		return;
	for (uint32_t *link = bucket_of(index, feature); *link != NONE; link = &index->pool[*link].next) {
		struct posting *posting = &index->pool[*link];
		if (posting->feature != feature || posting->value != value)
			continue;
		uint32_t at = *link;
		*link = posting->next;
		posting->next = index->free;
		index->free = at;
		index->live--;
		return;
	}
}

struct index_walk index_find(const struct index *index, uint64_t feature)
{
	return (struct index_walk){feature, index->bucket_count ? *bucket_of(index, feature) : NONE};
}

bool index_next(const struct index *index, struct index_walk *walk, uint32_t *value)
{
	while (walk->at != NONE) {
		const struct posting *posting = &index->pool[walk->at];
		walk->at = posting->next;
		if (posting->feature == walk->feature) {
			*value = posting->value;
			return true;
		}
	}
	return false;
}
