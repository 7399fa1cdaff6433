/* UTF-8: RFC 3629, with ill-formed bytes grouped as Unicode chapter 3.9 recommends. */
#include "wirewatch/base.h"

#include <endian.h>
#include <string.h>

static size_t ill_formed(uint32_t *code_point, bool *valid, size_t used)
{
	*code_point = BASE_REPLACEMENT;
	*valid = false;
	return used;
}

/* The range the second byte must lie in, by the first (Unicode table 3-7). */
static void second_byte_range(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
	*high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
}

size_t base_utf8_decode(const char *text, size_t len, uint32_t *code_point, bool *valid)
{
	unsigned char first = (unsigned char)text[0];
	if (first < 0x80) {
		*code_point = first;
		*valid = true;
		return 1;
	}
	if (first < 0xC2 || first > 0xF4)
		return ill_formed(code_point, valid, 1);
	size_t need = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	uint32_t value = first & (0xFFu >> (need + 1));
	unsigned char low, high;
	second_byte_range(first, &low, &high);
	for (size_t i = 1; i < need; i++) {
		unsigned char byte = i < len ? (unsigned char)text[i] : 0;
		if (i >= len || byte < low || byte > high)
			return ill_formed(code_point, valid, i);
		value = value << 6 | (byte & 0x3Fu);
		low = 0x80;
		high = 0xBF;
	}
	*code_point = value;
	*valid = true;
	return need;
}

size_t base_utf8_encode(uint32_t code_point, char out[4])
{
	if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
		code_point = BASE_REPLACEMENT;
	if (code_point < 0x80) {
		out[0] = (char)code_point;
		return 1;
	}
	size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code_point & 0x3F));
		code_point >>= 6;
	}
	out[0] = (char)((0xF0u << (4 - len)) | code_point);
	return len;
}

#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101u)

#define MIXED 64 /* bytes of text that is not all ASCII */

/*
 * How many of the first bytes are certainly valid, being ASCII and characters
 * of two bytes (Cyrillic, Greek, ...): eight bytes a step and without a branch
 * for each character. Stops at a character's start.
 */
static size_t short_characters(const char *text, size_t len)
{
	size_t i = 0;
	uint64_t open = 0; /* 0x80: the last byte was the first of two */

	for (uint64_t word; len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, text + i, sizeof word);
		word = le64toh(word);
		uint64_t high = word & EACH(0x80);
		uint64_t first = high & word << 1;  /* C0 and above */
		uint64_t longer = first & word << 2; /* E0 and above */
		uint64_t later = high & ~first;     /* 80 to BF */
		uint64_t overlong = first & ~((word & EACH(0x1E)) + EACH(0x7E));
		if (longer | overlong | (later ^ (first << 8 | open)))
			break;
		open = first >> 56;
		if (high == 0 && i >= MIXED) {
			i += sizeof word; /* perhaps a long stretch of ASCII begins */
			break;
		}
	}
	return open ? i - 1 : i;
}

/* How many of the first bytes are ASCII for certain: 64 a step, in a form compilers turn into vectors. */
static size_t ascii_bytes(const char *text, size_t len)
{
	size_t i = 0;

	for (; len - i >= 64; i += 64) {
		uint64_t words[8], all = 0;
		memcpy(words, text + i, sizeof words);
		for (size_t k = 0; k < 8; k++)
			all |= words[k];
		if (all & EACH(0x80))
			break;
	}
	return i;
}

bool base_utf8_valid(const char *text, size_t len)
{
	uint32_t code_point;
	bool valid = true;
	for (size_t i = 0; i < len && valid;) {
		i += ascii_bytes(text + i, len - i);
		if (i == len)
			break;
		size_t done = short_characters(text + i, len - i);
		i += done ? done : base_utf8_decode(text + i, len - i, &code_point, &valid);
	}
	return valid;
}

size_t base_utf8_count(const char *text, size_t len)
{
	size_t count = 0;
	uint32_t code_point;
	bool valid;
	for (size_t i = 0; i < len; count++)
		i += base_utf8_decode(text + i, len - i, &code_point, &valid);
	return count;
}

size_t base_utf8_clip(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
		max--;
	return max;
}
