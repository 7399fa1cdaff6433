/* Letter classes and folding of Latin, Greek and Cyrillic; other scripts pass as they are. */
#include "fold.h"

#include <stdlib.h>

#include "fold_run.h"

struct pair {
	uint16_t base, mark, composed;
};

#include "fold_table.h"

#define LOW_END 0x600u
#define HIGH_START 0x1E00u
#define HIGH_END 0x2000u
#define FULL_WIDTH_DIGIT 0xFF10u

/* U+2000-206F: spaces, hyphens, quotes, invisible marks. */
static enum fold_class class_of_punctuation(uint32_t c)
{
	if (c == 0x200Bu || (c >= 0x200Cu && c <= 0x200Fu) || (c >= 0x202Au && c <= 0x202Eu) || c >= 0x2060u)
		return FOLD_IGNORED;
	if (c <= 0x200Au || c == 0x202Fu || c == 0x205Fu)
		return FOLD_SPACE;
	if (c == 0x2028u || c == 0x2029u)
		return FOLD_NEWLINE;
	if (c >= 0x2010u && c <= 0x2013u)
		return FOLD_HYPHEN;
	if (c == 0x2018u || c == 0x2019u || c == 0x201Bu || c == 0x2032u)
		return FOLD_APOSTROPHE;
	return FOLD_OTHER;
}

struct range {
	uint32_t first, last;
	enum fold_class class;
};

/* Beyond the tables everything is a letter but these. */
static const struct range ranges[] = {
    {0x0660, 0x066C, FOLD_OTHER},     {0x06D4, 0x06D4, FOLD_OTHER},     {0x064B, 0x065F, FOLD_IGNORED},
    {0x2070, 0x20CF, FOLD_OTHER},     {0x20D0, 0x20FF, FOLD_IGNORED},   {0x2100, 0x2BFF, FOLD_OTHER},
    {0x2E00, 0x2E7F, FOLD_OTHER},     {0x3000, 0x3000, FOLD_SPACE},     {0x3001, 0x3004, FOLD_OTHER},
    {0x3008, 0x3020, FOLD_OTHER},     {0x3030, 0x3030, FOLD_OTHER},     {0xE000, 0xF8FF, FOLD_OTHER},
    {0xFE00, 0xFE0F, FOLD_IGNORED},   {0xFE20, 0xFE2F, FOLD_IGNORED},   {0xFE30, 0xFE6F, FOLD_OTHER},
    {0xFEFF, 0xFEFF, FOLD_IGNORED},   {0xFF01, 0xFF0F, FOLD_OTHER},     {0xFF10, 0xFF19, FOLD_DIGIT},
    {0xFF1A, 0xFF20, FOLD_OTHER},     {0xFF21, 0xFF3A, FOLD_UPPER},     {0xFF3B, 0xFF40, FOLD_OTHER},
    {0xFF5B, 0xFF65, FOLD_OTHER},     {0xFFE0, 0xFFFF, FOLD_OTHER},     {0x1F000, 0x1FAFF, FOLD_OTHER},
    {0xE0000, 0xE0FFF, FOLD_IGNORED}, {0xF0000, 0x10FFFF, FOLD_OTHER},
};

enum fold_class fold_class_of(uint32_t c)
{
	if (c < LOW_END)
		return (enum fold_class)class_low[c];
	if (c >= HIGH_START && c < HIGH_END)
		return (enum fold_class)class_high[c - HIGH_START];
	if (c >= 0x2000u && c <= 0x206Fu)
		return class_of_punctuation(c);
	if (c == 0x2212u)
		return FOLD_HYPHEN;
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].class;
	return FOLD_LETTER;
}

uint32_t fold_lower(uint32_t c)
{
	if (c < LOW_END)
		return fold_low[c];
	if (c >= HIGH_START && c < HIGH_END)
		return fold_high[c - HIGH_START];
	if (c >= FULL_WIDTH_DIGIT && c <= FULL_WIDTH_DIGIT + 9)
		return c - FULL_WIDTH_DIGIT + '0';
	if (c >= 0xFF21u && c <= 0xFF3Au)
		return c - 0xFF21u + 'a';
	if (c >= 0xFF41u && c <= 0xFF5Au)
		return c - 0xFF41u + 'a';
	return c;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->mark > y->mark) - (x->mark < y->mark);
}

uint32_t fold_compose(uint32_t base, uint32_t mark)
{
	if (base >= HIGH_END || mark >= 0x370u)
		return 0;
	struct pair wanted = {(uint16_t)base, (uint16_t)mark, 0};
	const struct pair *found = bsearch(&wanted, pairs, sizeof pairs / sizeof pairs[0], sizeof pairs[0], compare_pairs);
	return found ? found->composed : 0;
}

uint32_t fold_base(uint32_t c)
{
	if (c < 0x80u)
		return c;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		if (pairs[i].composed == c)
			return fold_base(pairs[i].base); /* at most two marks deep */
	return c;
}

bool fold_is_cyrillic(uint32_t c)
{
	return c >= 0x400u && c <= 0x52Fu;
}

/* ---- letters in a row ---------------------------------------------------------------- */

/* The letter of two bytes at text, and what it folds to; false if it is none or folds to another length. */
static bool fold_two(const char *text, enum fold_class *class, uint32_t *lower)
{
	unsigned char lead = (unsigned char)text[0], next = (unsigned char)text[1];
	if (lead < 0xC2 || lead >= 0xC0 + LOW_END / 64 || (next & 0xC0) != 0x80)
		return false;
	uint32_t c = (lead & 0x1Fu) << 6 | (next & 0x3Fu);
	*class = (enum fold_class)class_low[c];
	*lower = fold_low[c];
	return (*class == FOLD_LETTER || *class == FOLD_UPPER) && *lower >= 0x80 && *lower < 0x800 && *lower != FOLD_SHARP_S;
}

static bool fold_twos(struct base_span text, char *out, struct fold_run *run)
{
	size_t start = run->len;
	enum fold_class class;
	uint32_t lower;
	while (text.len - run->len >= 2 && fold_two(text.ptr + run->len, &class, &lower)) {
		if (run->len == 0)
			run->upper = class == FOLD_UPPER;
		out[run->len] = (char)(0xC0 | lower >> 6);
		out[run->len + 1] = (char)(0x80 | (lower & 0x3F));
		run->len += 2;
		run->letters++;
		run->last = lower;
		run->last_len = 2;
		run->cyrillic |= fold_is_cyrillic(lower);
	}
	return run->len > start;
}

void fold_run_on(struct base_span text, char *out, struct fold_run *run)
{
	while (fold_twos(text, out, run)) {
		size_t ascii = fold_ascii((struct base_span){text.ptr + run->len, text.len - run->len}, out + run->len);
		if (ascii == 0)
			return;
		run->len += ascii;
		run->letters += ascii;
		run->last = (unsigned char)out[run->len - 1];
		run->last_len = 1;
	}
}
