/*
 * The words of a text, case folded. Coarser than what the rules see: a word is
 * a run of letters and digits, case is folded for Latin, Greek and Cyrillic,
 * accents stay. Both texts of a comparison pass through here, so that is enough.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

/* Fixed, since hashes are stored; what foreign bytes can crowd is keyed again (index.c). */
static const uint64_t hash_key[2] = {0x7769726577617463u, 0x682d73746f727931u};

uint64_t words_hash(const void *bytes, size_t len)
{
	return base_hash64(hash_key, bytes, len);
}

/* Function words of four letters and more, by their length in bytes; shorter words never count. */
static const char *const common_words[] = {
	[4] = "alle also auch avec been dans dass dont eine elle from have into jego jest leur mais more most "
		  "nach nous oder only over pour said says sein seit sich some sont such than that them then they "
		  "this told upon were what when will wird with your",
	[5] = "about after among being cette could desde durch einem einen einer haben için nicht other przez "
		  "since their there these those under unter until wegen where which while would wurde über",
	[6] = "before during having should within",
	[7] = "against between through",
	[8] = "були було были было быть вони если його коли може того тому этом який яких якщо",
	[9] = "according",
	[10] = "когда можно после проти після также також через чтобы этого",
	[14] = "которые который",
};

bool words_is_common(const struct word *word)
{
	size_t len = word->len;
	if (word->length < 4)
		return !word->digits || word->length < 2;
	if (len >= sizeof common_words / sizeof *common_words || !common_words[len])
		return false;
	for (const char *at = common_words[len];; at += len + 1) {
		if (!memcmp(at, word->folded, len))
			return true;
		if (!at[len])
			return false;
	}
}

/* Beyond ASCII. */
static bool is_word_part(uint32_t c)
{
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA;
	if (c == 0xD7 || c == 0xF7 || c == BASE_REPLACEMENT)
		return false;
	/* General punctuation to box drawing and dingbats; CJK punctuation; full-width punctuation. */
	return !(c >= 0x2000 && c <= 0x2BFF) && !(c >= 0x3000 && c <= 0x303F) && !(c >= 0xFE00 && c <= 0xFF0F);
}

/* Beyond ASCII: marks that do not divide a word: soft hyphen, combining accents, zero-width joiners. */
static bool is_silent(uint32_t c)
{
	return c == 0xAD || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200D) || c == 0x2060 || c == 0xFEFF;
}

static uint32_t fold_greek(uint32_t c)
{
	if (c >= 0x391 && c <= 0x3AB)
		return c + 32;
	if (c == 0x386)
		return 0x3AC;
	if (c >= 0x388 && c <= 0x38A)
		return c + 37;
	if (c == 0x38C)
		return 0x3CC;
	return c == 0x38E || c == 0x38F ? c + 63 : c;
}

/* Beyond ASCII. */
static uint32_t fold(uint32_t c)
{
	if (c < 0x100)
		return c >= 0xC0 && c <= 0xDE ? c + 32 : c;
	if (c < 0x180) /* Latin Extended-A: pairs, upper case even but for two stretches */
		return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) ? c + (c & 1)
			   : c == 0x178 || c == 0x138 || c == 0x149 || c == 0x17F   ? c
																		: c | 1;
	if (c >= 0x370 && c < 0x400)
		return fold_greek(c);
	if (c >= 0x400 && c < 0x410)
		return c + 80;
	if (c >= 0x410 && c < 0x430)
		return c + 32;
	return (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ? c | 1 : c;
}

struct words words_of(struct base_span text)
{
	return (struct words){text.ptr, text.ptr ? text.ptr + text.len : NULL};
}

/* True when "," or "." at `at` stands between digits and thus inside a number. */
static bool joins_digits(const char *at, const char *end, bool digits_so_far)
{
	return digits_so_far && end - at > 1 && (*at == ',' || *at == '.') && at[1] >= '0' && at[1] <= '9';
}

/* Of ASCII: the letter in lower case, the digit; 0: no part of a word. */
static char folded_ascii(unsigned char c)
{
	unsigned char lower = c | 0x20;
	return (char)(lower >= 'a' && lower <= 'z' ? lower : c >= '0' && c <= '9' ? c : 0);
}

static void add_ascii(struct word *word, char c)
{
	if (c > '9')
		word->digits = false;
	else if (word->digits)
		word->number = word->length < 18 ? word->number * 10 + (uint64_t)(c - '0') : 0;
	word->length++;
	if (word->len < sizeof word->folded)
		word->folded[word->len++] = c;
}

static void add_other(struct word *word, uint32_t c)
{
	char bytes[4];
	size_t count = base_utf8_encode(fold(c), bytes);
	word->digits = false;
	word->length++;
	if (word->len + count <= sizeof word->folded) {
		memcpy(word->folded + word->len, bytes, count);
		word->len += count;
	}
}

/* One character of the text. False: it ends the word. */
static bool take(struct words *words, struct word *word)
{
	const char *at = words->at;
	if ((unsigned char)*at < 0x80) {
		char folded = folded_ascii((unsigned char)*at);
		words->at++;
		if (folded)
			add_ascii(word, folded);
		return folded || !word->length || joins_digits(at, words->end, word->digits);
	}
	uint32_t c;
	bool valid;
	words->at += base_utf8_decode(at, (size_t)(words->end - at), &c, &valid);
	if (is_silent(c))
		return true;
	if (is_word_part(c))
		add_other(word, c);
	else if (word->length)
		return false;
	return true;
}

bool words_next(struct words *words, struct word *out)
{
	out->len = out->length = 0;
	out->number = 0;
	out->digits = true;
	while (words->at < words->end && take(words, out))
		;
	if (!out->length)
		return false;
	out->hash = words_hash(out->folded, out->len);
	if (!out->digits || out->length > 18)
		out->number = 0;
	return true;
}
