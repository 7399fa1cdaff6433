/*
 * Letters in a row, folded at once. Most are of ASCII: eight at a time, without
 * a branch that the length of a word decides, cutting a text into words takes a
 * fifth of what it takes letter by letter. Inline, for a word is soon read.
 */
#ifndef MATCH_FOLD_RUN_H
#define MATCH_FOLD_RUN_H

#include <endian.h>
#include <string.h>

#include "fold.h"

struct fold_run {
	size_t len;      /* bytes, as many read as written */
	size_t letters;
	uint32_t last;   /* the last letter, folded */
	size_t last_len; /* ... bytes */
	bool upper;      /* the first one is a capital */
	bool cyrillic;   /* one is */
};

#define FOLD_RUN_SLACK 8 /* bytes that may be written beyond the run */

/* Writes eight bytes; returns how many of them are letters. */
static inline size_t fold_eight(uint64_t word, char *out)
{
	const uint64_t each = 0x0101010101010101u, high = 0x80 * each;
	uint64_t lower = word | 0x20 * each, low = lower & ~high;
	uint64_t letters = (low + (0x80 - 'a') * each) & ~(low + (0x7F - 'z') * each) & ~word & high;
	uint64_t others = ~letters & high;
	lower = htole64(lower);
	memcpy(out, &lower, sizeof lower);
	return others ? (size_t)__builtin_ctzll(others) / 8 : 8;
}

/* The ASCII letters at the start of text. */
static inline size_t fold_ascii(struct base_span text, char *out)
{
	size_t len = 0, letters = 8;
	uint64_t word;
	for (; letters == 8 && text.len - len >= 8; len += letters) {
		memcpy(&word, text.ptr + len, sizeof word);
		letters = fold_eight(le64toh(word), out + len);
	}
	if (letters == 8 && len < text.len) { /* the end of the text: with zeros after it */
		word = 0;
		for (size_t i = text.len; i > len; i--)
			word = word << 8 | (unsigned char)text.ptr[i - 1];
		len += fold_eight(word, out + len);
	}
	return len;
}

/* Goes on with letters of two bytes, and whatever letters follow. */
void fold_run_on(struct base_span text, char *out, struct fold_run *run);

/*
 * Folds the plain letters at the start of text into out, up to `room` bytes:
 * those below U+0600 whose folded form is one letter of as many bytes. The
 * first that is none of them ends the run, which may be empty.
 */
static inline void fold_run(struct base_span text, char *out, size_t room, struct fold_run *run)
{
	if (text.len > room)
		text.len = room;
	size_t len = fold_ascii(text, out);
	*run = (struct fold_run){.len = len, .letters = len, .last_len = 1};
	if (len > 0) {
		run->last = (unsigned char)out[len - 1];
		run->upper = *text.ptr <= 'Z';
	}
	if (len < text.len && (unsigned char)text.ptr[len] >= 0x80)
		fold_run_on(text, out, run);
}

#endif
