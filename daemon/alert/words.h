/* words: the words of a text, case folded, for telling whether two texts say the same. */
#ifndef WIREWATCH_ALERT_WORDS_H
#define WIREWATCH_ALERT_WORDS_H

#include "wirewatch/base.h"

struct words {
	const char *at, *end;
};

#define WORD_BYTES 64 /* longer words are told apart by their first letters */

struct word {
	uint64_t hash;   /* of the folded letters; the same in every run, because it is stored */
	uint64_t number; /* of a word of digits only; 0: no number, or beyond 18 digits */
	size_t length;   /* code points */
	bool digits;     /* and nothing else */
	size_t len;      /* of the folded letters, in bytes */
	char folded[WORD_BYTES];
};

struct words words_of(struct base_span text);
/* False at the end of the text. */
bool words_next(struct words *words, struct word *out);
/* It says little by itself: short, or on the list of function words. */
bool words_is_common(const struct word *word);
/* The hash that stored sketches use. */
uint64_t words_hash(const void *bytes, size_t len);

#endif
