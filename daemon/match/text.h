/* A text cut into folded tokens and sentences. */
#ifndef MATCH_TEXT_H
#define MATCH_TEXT_H

#include "wirewatch/base.h"

enum token_flag {
	/* how the token is joined to the one before it, without a space between */
	TOKEN_HYPHEN = 1 << 0,     /* "hand-held" */
	TOKEN_APOSTROPHE = 1 << 1, /* "Ukraine's" */
	TOKEN_DOT = 1 << 2,        /* "U.S" */
	TOKEN_DIGIT = 1 << 3,      /* "F16": a change between letters and digits */
	TOKEN_SLASH = 1 << 16,     /* "SAMP/T" */
	TOKEN_JOINED = TOKEN_HYPHEN | TOKEN_APOSTROPHE | TOKEN_DOT | TOKEN_DIGIT | TOKEN_SLASH,
	/* what else stands before it */
	TOKEN_BREAK = 1 << 4,   /* punctuation that no phrase crosses */
	TOKEN_NEWLINE = 1 << 5, /* a new line, or the start of a field */
	TOKEN_AFTER_DOT = 1 << 6,
	TOKEN_AFTER_STOP = 1 << 7, /* ! ? or an ellipsis */
	TOKEN_SPACE = 1 << 8,
	TOKEN_QUOTE = 1 << 9,
	/* what it is */
	TOKEN_UPPER = 1 << 10, /* starts with a capital */
	TOKEN_NUMBER = 1 << 11,
	TOKEN_UNSURE = 1 << 12, /* a number that may be read in two ways: 1.200 */
	TOKEN_LONG = 1 << 13,   /* too long for any term; its folded text was cut */
	TOKEN_TITLE = 1 << 14,
	TOKEN_CYRILLIC = 1 << 15,
};

struct token {
	uint32_t start, end;   /* bytes in its field's text */
	uint32_t folded;       /* offset of the folded text */
	uint32_t sentence;
	uint32_t word;         /* tokens joined into one word have the same number */
	uint16_t folded_len;
	uint16_t letters;      /* code points */
	uint32_t flags;
};

enum furniture_why { /* furniture.c finds it */
	FURNITURE_NONE,
	FURNITURE_WORDS,     /* words that give it away */
	FURNITURE_LIST,      /* links to other articles */
	FURNITURE_TAGS,
	FURNITURE_AFTER_END, /* it follows the end of the item's own text */
};

#define SENTENCE_TOKENS_MAX 400 /* what runs on longer is cut, so that no rule sees an endless sentence */

struct sentence {
	uint32_t first, last; /* tokens, last exclusive */
	bool title;
	bool lead; /* the title, or a sentence that starts within the first 60 words of the text */
	enum furniture_why furniture; /* it is none of the item's own text */
	uint32_t cut;                 /* nor is what stands from this token on; UINT32_MAX: all is */
};

struct text {
	struct base_span fields[2]; /* title, text */
	struct token *tokens;
	size_t token_count, token_cap;
	struct sentence *sentences;
	size_t sentence_count, sentence_cap;
	char *folded;
	size_t folded_len, folded_cap;
};

void text_free(struct text *text);
/* Replaces what text had. Fields beyond 1 MiB are cut. */
enum base_result text_read(struct text *text, struct base_span title, struct base_span body);
/* Its first half: folds and cuts into tokens, without sentences. */
enum base_result text_cut(struct text *text, struct base_span title, struct base_span body);
/* The same for a term of a rule, where * is a letter. */
enum base_result text_read_term(struct text *text, struct base_span term);
static inline struct base_span text_folded(const struct text *text, const struct token *token)
{
	return (struct base_span){text->folded + token->folded, token->folded_len};
}
struct base_span text_original(const struct text *text, const struct token *token);
bool text_token_is(const struct text *text, const struct token *token, const char *folded);
/* The token's text with its case kept, everything else folded, into out of TEXT_WORD_MAX bytes. */
#define TEXT_WORD_MAX 192
size_t text_cased(struct base_span original, char *out);
/* Divides the tokens into sentences; part of text_read (sentence.c). */
enum base_result text_divide(struct text *text);
/* Which sentences are the lead, not counting furniture; part of text_divide. */
void text_mark_lead(struct text *text);

#endif
