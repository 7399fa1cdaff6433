/* Guesses the language of a text from its letters and its commonest words. */
#include <string.h>

#include "fold.h"
#include "scratch.h"

#define TOKENS_READ 200
#define LEAST_VOTES 2

enum { EN = 1, DE = 2, FR = 4, PL = 8, ES = 16, IT = 32, UK = 64, RU = 128 };
#define LANGUAGES 8
static const char *const languages[LANGUAGES] = {"en", "de", "fr", "pl", "es", "it", "uk", "ru"};

struct vote {
	const char *word;
	unsigned languages;
};

/* Sorted by their bytes. */
static const struct vote votes[] = {
    {"al", ES}, {"alla", IT}, {"and", EN}, {"auf", DE}, {"aux", FR}, {"che", IT}, {"con", ES | IT},
    {"dans", FR}, {"das", DE}, {"dei", IT}, {"del", ES}, {"della", IT}, {"den", DE}, {"der", DE}, {"des", FR},
    {"di", IT}, {"die", DE}, {"dla", PL}, {"du", FR}, {"ein", DE}, {"eine", DE}, {"el", ES}, {"es", ES},
    {"est", FR}, {"et", FR}, {"for", EN}, {"für", DE}, {"gli", IT}, {"has", EN}, {"il", IT}, {"in", EN},
    {"is", EN}, {"ist", DE}, {"its", EN}, {"jest", PL}, {"la", FR}, {"las", ES}, {"le", FR}, {"les", FR},
    {"los", ES}, {"mit", DE}, {"na", PL}, {"nel", IT}, {"nicht", DE}, {"nie", PL}, {"non", IT}, {"od", PL},
    {"of", EN}, {"oraz", PL}, {"para", ES}, {"per", IT}, {"po", PL}, {"por", ES}, {"pour", FR}, {"przez", PL},
    {"que", FR | ES}, {"se", ES}, {"sich", DE}, {"się", PL}, {"sono", IT}, {"sur", FR}, {"that", EN},
    {"the", EN}, {"to", EN}, {"una", ES | IT}, {"und", DE}, {"une", FR}, {"w", PL}, {"was", EN}, {"will", EN},
    {"with", EN}, {"y", ES}, {"z", PL}, {"ze", PL}, {"że", PL}, {"або", UK}, {"вже", UK}, {"від", UK},
    {"для", UK | RU}, {"до", UK | RU}, {"за", UK | RU}, {"и", RU}, {"из", RU}, {"или", RU}, {"как", RU},
    {"не", UK | RU}, {"о", RU}, {"от", RU}, {"по", RU}, {"про", UK}, {"та", UK}, {"уже", RU}, {"что", RU},
    {"що", UK}, {"як", UK}, {"є", UK}, {"із", UK},
};
#define VOTE_COUNT (sizeof votes / sizeof votes[0])

/* Letters that only one of the Cyrillic languages uses: і ї є ґ against ы э ъ ё. */
static void count_letters(struct base_span word, size_t *ukrainian, size_t *russian)
{
	for (size_t at = 0; at + 1 < word.len; at++) {
		unsigned char lead = (unsigned char)word.ptr[at], c = (unsigned char)word.ptr[at + 1];
		if (lead == 0xD1) { /* U+0440 to U+047F */
			*ukrainian += c == 0x96 || c == 0x97 || c == 0x94;
			*russian += c == 0x8B || c == 0x8D || c == 0x8A || c == 0x91;
		} else if (lead == 0xD2) {
			*ukrainian += c == 0x91;
		}
	}
}

/* The first vote of each first byte, and one more; words without a vote are done after one look. */
static void index_votes(uint8_t starts[257])
{
	size_t vote = 0;
	for (unsigned byte = 0; byte < 256; byte++) {
		while (vote < VOTE_COUNT && (unsigned char)votes[vote].word[0] < byte)
			vote++;
		starts[byte] = (uint8_t)vote;
	}
	starts[256] = (uint8_t)VOTE_COUNT;
}

static void count_words(struct base_span word, const uint8_t starts[257], size_t counts[LANGUAGES])
{
	unsigned char first = (unsigned char)*word.ptr;
	for (size_t v = starts[first]; v < starts[first + 1u]; v++)
		if (strncmp(votes[v].word, word.ptr, word.len) == 0 && votes[v].word[word.len] == '\0')
			for (size_t i = 0; i < LANGUAGES; i++)
				counts[i] += votes[v].languages >> i & 1;
}

static const char *guess(const struct text *text)
{
	size_t counts[LANGUAGES] = {0}, ukrainian = 0, russian = 0, cyrillic = 0, best = 0;
	size_t read = text->token_count < TOKENS_READ ? text->token_count : TOKENS_READ;
	uint8_t starts[257];
	index_votes(starts);
	for (size_t i = 0; i < read; i++) {
		const struct token *token = &text->tokens[i];
		cyrillic += (token->flags & TOKEN_CYRILLIC) != 0;
		if (token->flags & TOKEN_CYRILLIC)
			count_letters(text_folded(text, token), &ukrainian, &russian);
		if (token->folded_len >= 1 && token->folded_len <= 8)
			count_words(text_folded(text, token), starts, counts);
	}
	if (2 * cyrillic > read)
		return ukrainian > russian ? "uk" : russian > 0 ? "ru" : "";
	for (size_t v = 1; v < LANGUAGES; v++)
		if (counts[v] > counts[best])
			best = v;
	return counts[best] >= LEAST_VOTES ? languages[best] : "";
}

void language_guess(const struct text *text, struct base_span given, char out[12])
{
	size_t len = 0;
	given = base_span_trim(given);
	while (len < given.len && len < 9 && given.ptr[len] != '-' && given.ptr[len] != '_')
		len++;
	if (len >= 2 && len <= 8) {
		for (size_t i = 0; i < len; i++)
			out[i] = (char)fold_lower((unsigned char)given.ptr[i] & 0x7Fu);
		out[len] = '\0';
		return;
	}
	(void)strncpy(out, guess(text), 11);
	out[11] = '\0';
}
