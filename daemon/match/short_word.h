/* Short words as numbers, without the call that memcpy of an unknown length is. */
#ifndef MATCH_SHORT_WORD_H
#define MATCH_SHORT_WORD_H

#include <stdint.h>
#include <string.h>

/* Of at most seven bytes; different for different words of one length. */
static inline uint64_t short_word(const char *bytes, size_t len)
{
	uint32_t first, last;
	if (len == 0)
		return 0;
	if (len < 4)
		return (uint64_t)(unsigned char)bytes[0] | (uint64_t)(unsigned char)bytes[len / 2] << 8 |
		       (uint64_t)(unsigned char)bytes[len - 1] << 16;
	memcpy(&first, bytes, 4);
	memcpy(&last, bytes + len - 4, 4);
	return first | (uint64_t)last << 32;
}

struct word_ends { /* up to 16 bytes they are all of a word: most are hashed and compared without a loop */
	uint64_t first, last;
};

static inline struct word_ends word_ends(const char *bytes, size_t len)
{
	struct word_ends ends = {0, 0};
	if (len < 8) {
		ends.first = short_word(bytes, len);
		return ends;
	}
	memcpy(&ends.first, bytes, 8);
	memcpy(&ends.last, bytes + len - 8, 8);
	return ends;
}

#endif
