/*
 * The inverted index of stories: chained buckets over a pool of postings.
 * What is removed is mostly the oldest there is, so chains are searched from
 * their old end then: a feature that thousands share costs nothing more.
 */
#include "index.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define POSTINGS_MAX ((size_t)1 << 24)

struct posting {
	uint64_t feature;
	uint32_t value, next, previous; /* next: older; also the next free place */
};

struct chain {
	uint32_t newest, oldest;
};

struct index {
	uint64_t key[2];
	struct posting *pool;
	size_t cap, used; /* places ever taken */
	uint32_t free;    /* list of places given back */
	size_t live;
	struct chain *buckets; /* a power of two of them */
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

static struct chain *bucket_of(const struct index *index, uint64_t feature)
{
	return &index->buckets[feature & (index->bucket_count - 1)];
}

/* As the newest of its chain. */
static void link_posting(struct index *index, uint32_t at)
{
	struct posting *posting = &index->pool[at];
	struct chain *chain = bucket_of(index, posting->feature);
	posting->next = chain->newest;
	posting->previous = NONE;
	*(chain->newest == NONE ? &chain->oldest : &index->pool[chain->newest].previous) = at;
	chain->newest = at;
}

static void unlink_posting(struct index *index, uint32_t at)
{
	struct posting *posting = &index->pool[at];
	struct chain *chain = bucket_of(index, posting->feature);
	*(posting->previous == NONE ? &chain->newest : &index->pool[posting->previous].next) = posting->next;
	*(posting->next == NONE ? &chain->oldest : &index->pool[posting->next].previous) = posting->previous;
}

static enum base_result rehash(struct index *index, size_t count)
{
	struct chain *buckets = malloc(count * sizeof *buckets), *old = index->buckets;
	if (!buckets)
		return BASE_NO_MEMORY;
	memset(buckets, 0xFF, count * sizeof *buckets); /* NONE */
	size_t old_count = index->bucket_count;
	index->buckets = buckets;
	index->bucket_count = count;
	for (size_t i = 0; i < old_count; i++)
		for (uint32_t at = old[i].oldest, newer; at != NONE; at = newer) {
			newer = index->pool[at].previous;
			link_posting(index, at);
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
	index->pool[at] = (struct posting){.feature = feature, .value = value};
	link_posting(index, at);
	index->live++;
}

void index_remove(struct index *index, uint64_t feature, uint32_t value)
{
	if (!index->bucket_count)
		return;
	uint32_t at = bucket_of(index, feature)->oldest;
	while (at != NONE && (index->pool[at].feature != feature || index->pool[at].value != value))
		at = index->pool[at].previous;
	if (at == NONE)
		return;
	unlink_posting(index, at);
	index->pool[at].next = index->free;
	index->free = at;
	index->live--;
}

struct index_walk index_find(const struct index *index, uint64_t feature)
{
	return (struct index_walk){feature, index->bucket_count ? bucket_of(index, feature)->newest : NONE};
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
