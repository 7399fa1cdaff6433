/*
 * The words of a text, case folded. Coarser than what the rules see: a word is
 * a run of letters and digits, case is folded for Latin, Greek and Cyrillic,
 * accents stay. Both texts of a comparison pass through here, so that is enough.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 64 /* longer words are told apart by their first letters */

/* Fixed, since hashes are stored; what foreign bytes can crowd is keyed again (index.c). */
static const uint64_t hash_key[2] = {0x7769726577617463u, 0x682d73746f727931u};

uint64_t words_hash(const void *bytes, size_t len)
{
	return base_hash64(hash_key, bytes, len);
}

/* Function words of four letters and more; shorter words never count. */
static const char *const common_words[] = {
	"about",   "according", "after", "against", "alle",  "also",  "among",  "auch",   "avec",  "been",   "before",
	"being",   "between",   "cette", "could",   "dans",  "dass",  "desde",  "dont",   "durch", "during", "eine",
	"einem",   "einen",     "einer", "elle",    "from",  "haben", "have",   "having", "into",  "için",   "jego",
	"jest",    "leur",      "mais",  "more",    "most",  "nach",  "nicht",  "nous",   "oder",  "only",   "other",
	"over",    "pour",      "przez", "said",    "says",  "sein",  "seit",   "should", "sich",  "since",  "some",
	"sont",    "such",      "than",  "that",    "their", "them",  "then",   "there",  "these", "they",   "this",
	"those",   "through",   "told",  "under",   "unter", "until", "upon",   "wegen",  "were",  "what",   "when",
	"where",   "which",     "while", "will",    "wird",  "with",  "within", "would",  "wurde", "your",   "über",
	"були",    "було",      "были",  "было",    "быть",  "вони",  "если",   "його",   "когда", "коли",   "которые",
	"который", "може",      "можно", "после",   "проти", "після", "также",  "також",  "того",  "тому",   "через",
	"чтобы",   "этого",     "этом",  "який",    "яких",  "якщо",
};

static bool is_common(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof common_words / sizeof *common_words; i++)
		if (base_span_is((struct base_span){word, len}, common_words[i]))
			return true;
	return false;
}

static bool is_word_part(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA;
	if (c == 0xD7 || c == 0xF7 || c == BASE_REPLACEMENT)
		return false;
	/* General punctuation to box drawing and dingbats; CJK punctuation; full-width punctuation. */
	return !(c >= 0x2000 && c <= 0x2BFF) && !(c >= 0x3000 && c <= 0x303F) && !(c >= 0xFE00 && c <= 0xFF0F);
}

/* Marks that do not divide a word: soft hyphen, combining accents, zero-width joiners. */
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

static uint32_t fold(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
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

bool words_next(struct words *words, struct word *out)
{
	char folded[WORD_BYTES];
	size_t len = 0, length = 0;
	uint64_t number = 0;
	bool digits = true;

	while (words->at < words->end) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(words->at, (size_t)(words->end - words->at), &c, &valid);
		if (!is_word_part(c)) {
			if (is_silent(c) || joins_digits(words->at, words->end, length && digits)) {
				words->at += used;
				continue;
			}
			if (length)
				break;
			words->at += used;
			continue;
		}
		words->at += used;
		if (is_silent(c))
			continue;
		length++;
		if (c < '0' || c > '9')
			digits = false;
		else if (digits)
			number = length <= 18 ? number * 10 + (c - '0') : 0;
		char bytes[4];
		size_t count = base_utf8_encode(fold(c), bytes);
		if (len + count <= sizeof folded) {
			memcpy(folded + len, bytes, count);
			len += count;
		}
	}
	if (!length)
		return false;
	out->hash = words_hash(folded, len);
	out->number = digits && length <= 18 ? number : 0;
	out->length = length;
	out->common = length < 4 ? !digits || length < 2 : is_common(folded, len);
	return true;
}
