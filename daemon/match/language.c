/* Guesses the language of a text from its letters and its commonest words. */
#include <string.h>

#include "fold.h"
#include "scratch.h"
#include "short_word.h"

#define TOKENS_READ 200
#define LEAST_VOTES 2
#define VOTE_LEN_MAX 7 /* bytes of a word in the list */

enum { EN = 1, DE = 2, FR = 4, PL = 8, ES = 16, IT = 32, UK = 64, RU = 128 };
#define LANGUAGES 8
static const char *const languages[LANGUAGES] = {"en", "de", "fr", "pl", "es", "it", "uk", "ru"};

struct vote {
	const char *word; /* at most VOTE_LEN_MAX bytes */
	unsigned languages;
};

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

static size_t place_of(uint64_t word)
{
	return (size_t)(word * 0x9E3779B97F4A7C15u >> 56) % BALLOTS;
}

void language_index(struct ballot ballots[BALLOTS])
{
	for (size_t v = 0; v < VOTE_COUNT; v++) {
		size_t len = strlen(votes[v].word);
		uint64_t word = short_word(votes[v].word, len);
		size_t at = place_of(word);
		while (ballots[at].len)
			at = (at + 1) % BALLOTS;
		ballots[at] = (struct ballot){.word = word, .len = len};
		for (unsigned i = 0; i < LANGUAGES; i++)
			ballots[at].votes |= (uint64_t)(votes[v].languages >> i & 1) << 8 * i;
	}
}

static uint64_t votes_of(const struct ballot ballots[BALLOTS], struct base_span word)
{
	uint64_t number = short_word(word.ptr, word.len);
	size_t at = place_of(number);
	while (ballots[at].len && (ballots[at].word != number || ballots[at].len != word.len))
		at = (at + 1) % BALLOTS;
	return ballots[at].votes;
}

static const char *guess_cyrillic(const struct text *text, size_t read)
{
	size_t ukrainian = 0, russian = 0;
	for (size_t i = 0; i < read; i++)
		if (text->tokens[i].flags & TOKEN_CYRILLIC)
			count_letters(text_folded(text, &text->tokens[i]), &ukrainian, &russian);
	return ukrainian > russian ? "uk" : russian > 0 ? "ru" : "";
}

static const char *guess(const struct text *text, const struct ballot ballots[BALLOTS])
{
	size_t cyrillic = 0, read = text->token_count < TOKENS_READ ? text->token_count : TOKENS_READ;
	unsigned best = 0;
	uint64_t counts = 0; /* a byte a language: none gets more than TOKENS_READ */
	for (size_t i = 0; i < read; i++) {
		const struct token *token = &text->tokens[i];
		cyrillic += (token->flags & TOKEN_CYRILLIC) != 0;
		if (token->folded_len >= 1 && token->folded_len <= VOTE_LEN_MAX)
			counts += votes_of(ballots, text_folded(text, token));
	}
	if (2 * cyrillic > read)
		return guess_cyrillic(text, read);
	for (unsigned v = 1; v < LANGUAGES; v++)
		if ((counts >> 8 * v & 0xFF) > (counts >> 8 * best & 0xFF))
			best = v;
	return (counts >> 8 * best & 0xFF) >= LEAST_VOTES ? languages[best] : "";
}

void language_guess(const struct text *text, const struct ballot ballots[BALLOTS], struct base_span given,
                    char out[12])
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
	(void)strncpy(out, guess(text, ballots), 11);
	out[11] = '\0';
}
