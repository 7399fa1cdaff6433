/*
 * sketch: what is kept of an alert to recognise other reports of the same
 * event - sorted sets of hashes of its shingles, words, systems and numbers.
 */
#ifndef WIREWATCH_ALERT_SKETCH_H
#define WIREWATCH_ALERT_SKETCH_H

#include "wirewatch/alert.h"

enum sketch_set {
	SKETCH_SHINGLES, /* 3-word shingles, only hashes that are 0 modulo 4; empty for short texts */
	SKETCH_WORDS,    /* content words of the title and the beginning */
	SKETCH_NUMBERS,  /* of the title and the beginning, two digits and more, no years */
	SKETCH_SYSTEMS,  /* canonical names */
	SKETCH_AMOUNTS,  /* money with its currency */
	SKETCH_PARTIES,  /* supplier and recipient, each in its role */
	SKETCH_SAME,     /* the item, the link, the title: equal means the same report */
	SKETCH_SETS
};

#define SKETCH_MEMBERS_MAX 2048 /* of one set: 16 KiB */
#define SKETCH_LONG_TEXT 120    /* words from which shingles are compared */

struct sketch_list {
	const uint64_t *hashes; /* ascending, no repeats */
	size_t count;
};

struct sketch {
	enum match_class class;
	base_time detected;
	uint64_t story;    /* set when placed */
	uint64_t feed;     /* hash of its URL */
	uint64_t language; /* hash of the primary subtag; 0: unknown */
	bool reprint;      /* so like another member that it adds nothing to compare with */
	bool is_long;      /* at least SKETCH_LONG_TEXT words */
	struct sketch_list sets[SKETCH_SETS];
};

/* The size of all its sets, in hashes. */
size_t sketch_weight(const struct sketch *sketch);
/* How many hashes two lists share. */
size_t sketch_shared(const struct sketch_list *a, const struct sketch_list *b);

/* Append the stored form. */
enum base_result sketch_write(const struct sketch *sketch, struct base_buf *out);
/* Read it again; the sets' memory is *memory, to be freed by the caller. BASE_DAMAGED, BASE_NO_MEMORY. */
enum base_result sketch_read(struct base_span bytes, struct sketch *out, uint64_t **memory);

/* Make the sketch of an alert that has everything else; memory comes from its arena. */
enum base_result sketch_make(struct alert *alert, const struct alert_source *source);

#endif
