/* Guesses the language of a text from its letters and its commonest words. */
#include <string.h>

#include "fold.h"
#include "scratch.h"

#define TOKENS_READ 600
#define LEAST_VOTES 2

struct vote {
	const char *language;
	const char *words[14]; /* NULL ends */
};

static const struct vote votes[] = {
    {"en", {"the", "of", "and", "to", "in", "that", "is", "for", "with", "has", "was", "its", "will", NULL}},
    {"de", {"der", "die", "das", "und", "ist", "nicht", "mit", "den", "ein", "eine", "für", "auf", "sich", NULL}},
    {"fr", {"le", "la", "les", "des", "et", "est", "une", "dans", "pour", "du", "que", "sur", "aux", NULL}},
    {"pl", {"w", "na", "z", "się", "nie", "że", "jest", "dla", "przez", "oraz", "po", "od", "ze", NULL}},
    {"es", {"el", "los", "las", "del", "y", "que", "una", "por", "con", "para", "se", "al", "es", NULL}},
    {"it", {"il", "di", "che", "della", "per", "con", "una", "gli", "sono", "nel", "dei", "non", "alla", NULL}},
    {"uk", {"та", "що", "для", "від", "не", "про", "до", "за", "як", "або", "є", "із", "вже", NULL}},
    {"ru", {"и", "что", "для", "от", "не", "о", "до", "за", "как", "или", "по", "уже", "из", NULL}},
};
#define VOTE_COUNT (sizeof votes / sizeof votes[0])

/* Letters that only one of the Cyrillic languages uses: і ї є ґ against ы э ъ ё. */
static void count_letters(struct base_span word, size_t *ukrainian, size_t *russian)
{
	for (size_t at = 0; at < word.len;) {
		uint32_t c;
		bool valid;
		at += base_utf8_decode(word.ptr + at, word.len - at, &c, &valid);
		*ukrainian += c == 0x456 || c == 0x457 || c == 0x454 || c == 0x491;
		*russian += c == 0x44B || c == 0x44D || c == 0x44A || c == 0x451;
	}
}

static void count_words(const struct text *text, const struct token *token, size_t counts[VOTE_COUNT])
{
	char first = text_folded(text, token).ptr[0]; /* saves most comparisons */
	for (size_t v = 0; v < VOTE_COUNT; v++)
		for (size_t w = 0; votes[v].words[w]; w++)
			counts[v] += votes[v].words[w][0] == first && text_token_is(text, token, votes[v].words[w]);
}

static const char *guess(const struct text *text)
{
	size_t counts[VOTE_COUNT] = {0}, ukrainian = 0, russian = 0, cyrillic = 0, best = 0;
	size_t read = text->token_count < TOKENS_READ ? text->token_count : TOKENS_READ;
	for (size_t i = 0; i < read; i++) {
		const struct token *token = &text->tokens[i];
		cyrillic += (token->flags & TOKEN_CYRILLIC) != 0;
		if (token->flags & TOKEN_CYRILLIC)
			count_letters(text_folded(text, token), &ukrainian, &russian);
		if (token->folded_len >= 1 && token->folded_len <= 8)
			count_words(text, token, counts);
	}
	if (2 * cyrillic > read)
		return ukrainian > russian ? "uk" : russian > 0 ? "ru" : "";
	for (size_t v = 1; v < VOTE_COUNT; v++)
		if (counts[v] > counts[best])
			best = v;
	return counts[best] >= LEAST_VOTES ? votes[best].language : "";
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
