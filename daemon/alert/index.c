/*
 * The inverted index of stories: a hash table of features, each a list of its
 * postings. Only the newest posting of a feature stands in a bucket, so a walk
 * meets nothing but bearers of its feature, and one that thousands bear is
 * in nobody's way. Postings know their neighbours: taking one out needs no search.
 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define POSTINGS_MAX ((size_t)1 << 24)

struct posting {
	uint64_t feature;
	uint32_t value, newer, older; /* newer: NONE if it stands in its bucket; older: also the next free place */
	uint32_t next;                /* the next feature in the bucket */
};

struct index {
	uint64_t key[2];
	struct posting *pool;
	size_t cap, used; /* places ever taken */
	uint32_t free;    /* list of places given back */
	size_t live;
	uint32_t *buckets; /* a power of two of them */
	size_t bucket_count, feature_count;
	size_t steps;
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

size_t index_steps(const struct index *index)
{
	return index->steps;
}

uint64_t index_feature(const struct index *index, uint64_t hash, unsigned kind)
{
	uint64_t parts[2] = {hash, kind};
	return base_hash64(index->key, parts, sizeof parts);
}

/* The link that leads to the feature's newest posting, or the one at the bucket's end. */
static uint32_t *link_to(struct index *index, uint64_t feature)
{
	uint32_t *link = &index->buckets[feature & (index->bucket_count - 1)];
	while (*link != NONE && index->pool[*link].feature != feature) {
		link = &index->pool[*link].next;
		index->steps++;
	}
	index->steps++;
	return link;
}

static enum base_result rehash(struct index *index, size_t count)
{
	uint32_t *buckets = malloc(count * sizeof *buckets);
	if (!buckets)
		return BASE_NO_MEMORY;
	memset(buckets, 0xFF, count * sizeof *buckets); /* NONE */
	for (size_t i = 0; i < index->bucket_count; i++)
		for (uint32_t at = index->buckets[i], next; at != NONE; at = next) {
			struct posting *posting = &index->pool[at];
			uint32_t *bucket = &buckets[posting->feature & (count - 1)];
			next = posting->next;
			posting->next = *bucket;
			*bucket = at;
		}
	free(index->buckets);
	index->buckets = buckets;
	index->bucket_count = count;
	return BASE_OK;
}

enum base_result index_reserve(struct index *index, size_t count)
{
	size_t features = index->feature_count + count, buckets = index->bucket_count ? index->bucket_count : 1024;
	enum base_result result =
		base_grow(&index->pool, &index->cap, index->live + count, sizeof *index->pool, POSTINGS_MAX);
	if (result)
		return result;
	while (buckets < features)
		buckets *= 2;
	return buckets == index->bucket_count ? BASE_OK : rehash(index, buckets);
}

uint32_t index_add(struct index *index, uint64_t feature, uint32_t value)
{
	uint32_t at = index->free;
	if (at != NONE)
		index->free = index->pool[at].older;
	else
		at = (uint32_t)index->used++;
	uint32_t *link = link_to(index, feature), older = *link, next = NONE;
	if (older == NONE) {
		index->feature_count++;
	} else {
		next = index->pool[older].next;
		index->pool[older].newer = at;
	}
	index->pool[at] = (struct posting){feature, value, NONE, older, next};
	*link = at;
	index->live++;
	return at;
}

/* The newest one leaves its place in the bucket to the next older, or to the next feature. */
static void leave_bucket(struct index *index, const struct posting *posting)
{
	uint32_t *link = link_to(index, posting->feature);
	if (posting->older == NONE) {
		*link = posting->next;
		index->feature_count--;
		return;
	}
	*link = posting->older;
	index->pool[posting->older].newer = NONE;
	index->pool[posting->older].next = posting->next;
}

void index_remove(struct index *index, uint32_t at)
{
	struct posting *posting = &index->pool[at];
	if (posting->newer == NONE) {
		leave_bucket(index, posting);
	} else {
		index->pool[posting->newer].older = posting->older;
		if (posting->older != NONE)
			index->pool[posting->older].newer = posting->newer;
	}
	posting->older = index->free;
	index->free = at;
	index->live--;
	index->steps++;
}

struct index_walk index_find(struct index *index, uint64_t feature)
{
	return (struct index_walk){index->bucket_count ? *link_to(index, feature) : NONE};
}

bool index_next(struct index *index, struct index_walk *walk, uint32_t *value)
{
	if (walk->at == NONE)
		return false;
	const struct posting *posting = &index->pool[walk->at];
	*value = posting->value;
	walk->at = posting->older;
	index->steps++;
	return true;
}
