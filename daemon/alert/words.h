/* words: the words of a text, case folded, for telling whether two texts say the same. */
#ifndef WIREWATCH_ALERT_WORDS_H
#define WIREWATCH_ALERT_WORDS_H

#include "wirewatch/base.h"

struct words {
	const char *at, *end;
};

struct word {
	uint64_t hash;   /* of the folded letters; the same in every run, because it is stored */
	uint64_t number; /* of a word of digits only; 0: no number, or beyond 18 digits */
	size_t length;   /* code points */
	bool common;     /* says little by itself: short, or on the list of function words */
};

struct words words_of(struct base_span text);
/* False at the end of the text. */
bool words_next(struct words *words, struct word *out);
/* The hash that stored sketches use. */
uint64_t words_hash(const void *bytes, size_t len);

#endif
