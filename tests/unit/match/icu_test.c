/* The own folding of Latin, Greek and Cyrillic against that of ICU: every letter, and words decomposed. */
#include "daemon/match/fold.h"
#include "daemon/match/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include <cmocka.h>

#define WORDS 20000
#define LETTERS_MAX 6

static const struct {
	UChar32 first, last;
} blocks[] = {{0x41, 0x24F}, {0x370, 0x3FF}, {0x400, 0x52F}, {0x1E00, 0x1FFF}};
#define BLOCKS (sizeof blocks / sizeof blocks[0])

static bool is_letter(UChar32 c)
{
	return u_isalpha(c) && (u_charType(c) == U_UPPERCASE_LETTER || u_charType(c) == U_LOWERCASE_LETTER ||
	                        u_charType(c) == U_TITLECASE_LETTER);
}

static const UNormalizer2 *normalizer(bool compose)
{
	UErrorCode error = U_ZERO_ERROR;
	const UNormalizer2 *found = compose ? unorm2_getNFCInstance(&error) : unorm2_getNFDInstance(&error);
	assert_true(U_SUCCESS(error));
	return found;
}

/* The letter in NFC; 0 if that takes it apart for good (Unicode, composition exclusions). */
static UChar32 compose(UChar32 c)
{
	UChar one = (UChar)c, out[8];
	UErrorCode error = U_ZERO_ERROR;
	int32_t len = unorm2_normalize(normalizer(true), &one, 1, out, 8, &error);
	assert_true(U_SUCCESS(error));
	return len == 1 ? out[0] : 0;
}

static void test_every_letter(void **state)
{
	(void)state;
	size_t count = 0;
	for (size_t b = 0; b < BLOCKS; b++) {
		for (UChar32 c = blocks[b].first; c <= blocks[b].last; c++) {
			if (!is_letter(c) || compose(c) == 0)
				continue;
			count++;
			UChar32 wanted = u_foldCase(compose(c), U_FOLD_CASE_DEFAULT);
			if ((UChar32)fold_lower((uint32_t)c) != wanted)
				fail_msg("U+%04X folds to U+%04X, with ICU to U+%04X", (unsigned)c, (unsigned)fold_lower((uint32_t)c),
				         (unsigned)wanted);
			enum fold_class class = fold_class_of((uint32_t)c);
			assert_true(class == FOLD_LETTER || class == FOLD_UPPER);
		}
	}
	assert_in_range(count, 1000, 2000);
}

static size_t to_utf8(const UChar *text, int32_t len, char out[256])
{
	UErrorCode error = U_ZERO_ERROR;
	int32_t used = 0;
	(void)u_strToUTF8(out, 256, &used, text, len, &error);
	assert_true(U_SUCCESS(error));
	return (size_t)used;
}

/* What ICU makes of the word: composed, folded letter by letter, composed again. ß is two letters with us. */
static size_t fold_with_icu(const UChar *word, int32_t len, char out[256])
{
	UErrorCode error = U_ZERO_ERROR;
	UChar composed[64], folded[64], last[64];
	int32_t count = unorm2_normalize(normalizer(true), word, len, composed, 64, &error), used = 0;
	for (int32_t i = 0; i < count; i++) {
		UChar32 c = u_foldCase(composed[i], U_FOLD_CASE_DEFAULT);
		if (c == 0xDF)
			folded[used++] = 's';
		folded[used++] = c == 0xDF ? 's' : (UChar)c;
	}
	used = unorm2_normalize(normalizer(true), folded, used, last, 64, &error);
	assert_true(U_SUCCESS(error));
	return to_utf8(last, used, out);
}

static void check_word(const UChar *word, int32_t len)
{
	UErrorCode error = U_ZERO_ERROR;
	UChar parts[64];
	char written[2][256], wanted[256];
	struct text text = {0};
	size_t wanted_len = fold_with_icu(word, len, wanted);
	int32_t part_count = unorm2_normalize(normalizer(false), word, len, parts, 64, &error);
	assert_true(U_SUCCESS(error));
	size_t lens[2] = {to_utf8(word, len, written[0]), to_utf8(parts, part_count, written[1])};
	for (int form = 0; form < 2; form++) { /* composed, decomposed */
		assert_int_equal(text_read(&text, BASE_NONE, (struct base_span){written[form], lens[form]}), BASE_OK);
		assert_int_equal(text.token_count, 1);
		if (!base_span_equal(text_folded(&text, &text.tokens[0]), (struct base_span){wanted, wanted_len}))
			fail_msg("%.*s folds to %.*s, with ICU to %.*s", (int)lens[form], written[form],
			         (int)text.tokens[0].folded_len, text_folded(&text, &text.tokens[0]).ptr, (int)wanted_len, wanted);
	}
	text_free(&text);
}

static void test_words(void **state)
{
	(void)state;
	uint32_t seed = 1;
	for (int i = 0; i < WORDS; i++) {
		UChar word[LETTERS_MAX];
		int32_t len = 0;
		size_t b = (size_t)i % BLOCKS;
		while (len < LETTERS_MAX) {
			seed = seed * 1664525u + 1013904223u;
			UChar32 c = blocks[b].first + (UChar32)((seed >> 8) % (uint32_t)(blocks[b].last - blocks[b].first + 1));
			if (is_letter(c) && compose(c) != 0)
				word[len++] = (UChar)c;
		}
		check_word(word, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_letter), cmocka_unit_test(test_words)};
	return cmocka_run_group_tests_name("icu", tests, NULL, NULL);
}
