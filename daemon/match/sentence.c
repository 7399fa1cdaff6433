/* Where sentences end: at a new line, and after . ! ? unless the dot belongs to an abbreviation. */
#include <stdlib.h>
#include <string.h>

#include "abbreviations.h"
#include "text.h"

#define LEAD_WORDS 60
#define SENTENCES_MAX ((size_t)1 << 22)

/* Byte by byte, since most are different from the first on. Folded words have no NUL. */
static int compare_word(const void *key, const void *item)
{
	const struct base_span *word = key;
	const char *have = *(const char *const *)item;
	for (size_t i = 0; i < word->len; i++)
		if (word->ptr[i] != have[i])
			return (unsigned char)word->ptr[i] < (unsigned char)have[i] ? -1 : 1;
	return have[word->len] ? -1 : 0;
}

static bool is_one_of(const struct text *text, const struct token *token, const char *const *words, size_t count)
{
	struct base_span word = text_folded(text, token);
	return bsearch(&word, words, count, sizeof *words, compare_word) != NULL;
}

#define IS_ONE_OF(text, token, words) is_one_of(text, token, words, sizeof(words) / sizeof((words)[0]))

static bool is_starter(const struct text *text, const struct token *token)
{
	return token->flags & TOKEN_UPPER && IS_ONE_OF(text, token, starters);
}

/* Whether a dot after the token at index ends the sentence, given the token that follows. */
static bool dot_ends(const struct text *text, size_t index)
{
	const struct token *previous = &text->tokens[index], *next = previous + 1;
	bool after_number = index > 0 && previous[-1].flags & TOKEN_NUMBER && previous[-1].sentence == previous->sentence;
	if (previous->flags & TOKEN_NUMBER)
		return previous->folded_len > 2 || previous->flags & TOKEN_JOINED || !IS_ONE_OF(text, next, after_ordinals);
	if (previous->letters == 1) /* an initial, or the end of "U.S." or "2024 р." */
		return (previous->flags & TOKEN_DOT || after_number) && is_starter(text, next);
	if (next->flags & TOKEN_NUMBER && IS_ONE_OF(text, previous, number_abbreviations))
		return false;
	if (IS_ONE_OF(text, previous, closing_abbreviations))
		return is_starter(text, next);
	return !IS_ONE_OF(text, previous, abbreviations);
}

static bool starts_sentence(const struct text *text, size_t index)
{
	const struct token *token = &text->tokens[index];
	if (index == 0 || token->flags & TOKEN_NEWLINE)
		return true;
	if (!(token->flags & (TOKEN_AFTER_DOT | TOKEN_AFTER_STOP)))
		return false;
	bool begins = token->flags & (TOKEN_UPPER | TOKEN_NUMBER | TOKEN_QUOTE);
	if (!begins)
		return false;
	if (!(token->flags & (TOKEN_SPACE | TOKEN_QUOTE)) && !(token->flags & TOKEN_UPPER))
		return false;
	if (token->flags & TOKEN_AFTER_STOP)
		return true;
	if (!(token->flags & (TOKEN_SPACE | TOKEN_QUOTE)) && text->tokens[index - 1].flags & TOKEN_UPPER)
		return false; /* "mil.In" or "Mr.Smith": too little to tell */
	return dot_ends(text, index - 1);
}

static enum base_result open_sentence(struct text *text, size_t first)
{
	enum base_result result = base_grow(&text->sentences, &text->sentence_cap, text->sentence_count + 1,
	                                    sizeof *text->sentences, SENTENCES_MAX);
	if (result)
		return result;
	if (text->sentence_count > 0)
		text->sentences[text->sentence_count - 1].last = (uint32_t)first;
	bool title = text->tokens[first].flags & TOKEN_TITLE;
	text->sentences[text->sentence_count++] = (struct sentence){.first = (uint32_t)first, .title = title, .cut = UINT32_MAX};
	return BASE_OK;
}

enum base_result text_divide(struct text *text)
{
	uint32_t word = 0, sentence = 0;
	size_t first = 0;
	for (size_t i = 0; i < text->token_count; i++) {
		struct token *token = &text->tokens[i];
		if (starts_sentence(text, i) || i - first >= SENTENCE_TOKENS_MAX) {
			enum base_result result = open_sentence(text, i);
			if (result)
				return result;
			first = i;
			sentence = (uint32_t)(text->sentence_count - 1);
			token->flags &= ~(uint32_t)TOKEN_JOINED;
		}
		if (i > 0 && !(token->flags & TOKEN_JOINED))
			word++;
		token->word = word;
		token->sentence = sentence;
	}
	if (text->sentence_count > 0)
		text->sentences[sentence].last = (uint32_t)text->token_count;
	text_mark_lead(text);
	return BASE_OK;
}

void text_mark_lead(struct text *text)
{
	uint32_t words = 0;
	for (size_t s = 0; s < text->sentence_count; s++) {
		struct sentence *sentence = &text->sentences[s];
		sentence->lead = sentence->title || (!sentence->furniture && words < LEAD_WORDS);
		if (!sentence->title && !sentence->furniture)
			words += text->tokens[sentence->last - 1].word - text->tokens[sentence->first].word + 1;
	}
}
