/*
 * index: which members bear a feature. A multimap from 64-bit features to
 * 32-bit values, newest first; features are keyed anew in each process, so
 * foreign bytes cannot choose the bucket they fall into.
 */
#ifndef WIREWATCH_ALERT_INDEX_H
#define WIREWATCH_ALERT_INDEX_H

#include "wirewatch/base.h"

struct index;

enum base_result index_new(struct index **out);
void index_free(struct index *index); /* NULL is fine */
/* Make room, so that count additions cannot fail. */
enum base_result index_reserve(struct index *index, size_t count);
/* The feature of a hash of one kind. */
uint64_t index_feature(const struct index *index, uint64_t hash, unsigned kind);
/* The posting's number, by which it is removed. */
uint32_t index_add(struct index *index, uint64_t feature, uint32_t value);
void index_remove(struct index *index, uint32_t posting);

struct index_walk { /* until something is added or removed */
	uint32_t at;
};
struct index_walk index_find(struct index *index, uint64_t feature);
/* The next value that bears the feature; false at the end. */
bool index_next(struct index *index, struct index_walk *walk, uint32_t *value);

/* Postings passed by since the beginning: the work done, for tests. */
size_t index_steps(const struct index *index);

#endif
