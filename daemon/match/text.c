/*
 * Cuts text into tokens in one pass. Words are split at everything that is no
 * letter, at hyphens, and where letters meet digits, so that F-16, F16 and
 * F 16 are the same two tokens. An apostrophe is dropped between Cyrillic
 * letters and splits Latin ones (Ukraine's, l'armée).
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "fold_run.h"

#define FIELD_MAX ((size_t)1 << 20)
#define TOKENS_MAX ((size_t)1 << 22)
#define FOLDED_MAX ((size_t)1 << 24)

struct reader {
	struct text *text;
	struct base_span in;
	size_t at;           /* the byte being read */
	bool wildcards;      /* * is a letter */
	bool open;           /* a token is being read */
	struct token *token; /* ... this one, behind those that text counts */
	uint32_t between;    /* flags of what stands since the last token; before the first, TOKEN_NEWLINE and others */
	uint32_t last;       /* the last letter folded, for marks and apostrophes */
	size_t last_folded;  /* where it is in the folded text */
	uint32_t field;      /* flags of every token of this field */
	bool fresh;          /* no token of this field yet */
};

void text_free(struct text *text)
{
	free(text->tokens);
	free(text->sentences);
	free(text->folded);
	*text = (struct text){0};
}

struct base_span text_original(const struct text *text, const struct token *token)
{
	struct base_span field = text->fields[token->flags & TOKEN_TITLE ? 0 : 1];
	return (struct base_span){field.ptr + token->start, token->end - token->start};
}

bool text_token_is(const struct text *text, const struct token *token, const char *folded)
{
	return base_span_is(text_folded(text, token), folded);
}

static enum base_result add_folded(struct reader *reader, uint32_t letter)
{
	struct text *text = reader->text;
	char bytes[4] = {(char)letter};
	size_t len = letter < 0x80u ? 1 : base_utf8_encode(letter, bytes);
	if (reader->token->folded_len + len > TEXT_WORD_MAX) {
		reader->token->flags |= TOKEN_LONG;
		return BASE_OK;
	}
	if (text->folded_len + len > text->folded_cap) { /* asked for each letter: the call alone would tell */
		enum base_result result = base_grow(&text->folded, &text->folded_cap, text->folded_len + len, 1, FOLDED_MAX);
		if (result)
			return result;
	}
	reader->last_folded = text->folded_len;
	memcpy(text->folded + text->folded_len, bytes, len);
	text->folded_len += len;
	reader->token->folded_len = (uint16_t)(reader->token->folded_len + len);
	return BASE_OK;
}

/* Letters that fold to two. */
static uint32_t second_letter(uint32_t lower)
{
	return lower == FOLD_SHARP_S ? 's' : 0;
}

static enum base_result add_letter(struct reader *reader, uint32_t code_point)
{
	uint32_t lower = fold_lower(code_point), second = second_letter(lower);
	if (second)
		lower = 's';
	reader->last = lower;
	if (reader->token->letters < UINT16_MAX)
		reader->token->letters++;
	if (fold_is_cyrillic(lower))
		reader->token->flags |= TOKEN_CYRILLIC;
	enum base_result result = add_folded(reader, lower);
	return result || !second ? result : add_folded(reader, second);
}

/* A combining mark: compose it with the letter before, or drop it (stress marks). */
static enum base_result add_mark(struct reader *reader, uint32_t mark)
{
	uint32_t composed = fold_compose(reader->last, mark);
	if (!composed || reader->token->flags & TOKEN_LONG)
		return BASE_OK;
	struct text *text = reader->text;
	reader->token->folded_len = (uint16_t)(reader->token->folded_len - (text->folded_len - reader->last_folded));
	text->folded_len = reader->last_folded;
	reader->last = composed;
	return add_folded(reader, composed);
}

static enum base_result grow_tokens(struct text *text)
{
	return base_grow(&text->tokens, &text->token_cap, text->token_count + 1, sizeof *text->tokens, TOKENS_MAX);
}

/* How the token to be opened is joined to the one before. */
static uint32_t joint_of(struct reader *reader)
{
	uint32_t between = reader->between;
	if (reader->fresh)
		between = TOKEN_NEWLINE;
	reader->fresh = false;
	if (between & TOKEN_SPACE && between & TOKEN_HYPHEN) /* a dash, not a hyphen */
		between |= TOKEN_BREAK;
	if (between & (TOKEN_SPACE | TOKEN_BREAK | TOKEN_NEWLINE | TOKEN_QUOTE))
		between &= ~(uint32_t)TOKEN_JOINED;
	return between;
}

static inline enum base_result open_token(struct reader *reader, uint32_t flags)
{
	struct text *text = reader->text;
	enum base_result result = text->token_count < text->token_cap ? BASE_OK : grow_tokens(text);
	if (result)
		return result;
	reader->token = &text->tokens[text->token_count];
	*reader->token = (struct token){
	    .start = (uint32_t)reader->at,
	    .folded = (uint32_t)text->folded_len,
	    .flags = flags | reader->field | (reader->between == TOKEN_SPACE ? TOKEN_SPACE : joint_of(reader)), /* mostly */
	};
	reader->open = true;
	reader->between = 0;
	return BASE_OK;
}

static void close_token(struct reader *reader)
{
	if (!reader->open)
		return;
	reader->open = false;
	reader->token->end = (uint32_t)reader->at;
	reader->text->token_count++;
}

/* Opens the token that the letter belongs to: a number before it is one of its own. */
static enum base_result open_word(struct reader *reader, bool upper)
{
	if (reader->open && reader->token->flags & TOKEN_NUMBER) {
		close_token(reader);
		reader->between = TOKEN_DIGIT;
	}
	return reader->open ? BASE_OK : open_token(reader, upper ? TOKEN_UPPER : 0);
}

static enum base_result read_letter(struct reader *reader, uint32_t code_point, enum fold_class class)
{
	enum base_result result = open_word(reader, class == FOLD_UPPER);
	return result ? result : add_letter(reader, code_point);
}

/*
 * Reads letters in a row at once, which are nearly all a text has. *len: the
 * bytes read; 0 where none stands, or one that needs a look of its own.
 */
static enum base_result read_run(struct reader *reader, size_t *len)
{
	struct text *text = reader->text;
	size_t room = TEXT_WORD_MAX, need = text->folded_len + TEXT_WORD_MAX + FOLD_RUN_SLACK;
	struct fold_run run;
	if (reader->open && !(reader->token->flags & TOKEN_NUMBER))
		room -= reader->token->folded_len;
	enum base_result result =
	    need <= text->folded_cap ? BASE_OK : base_grow(&text->folded, &text->folded_cap, need, 1, FOLDED_MAX);
	if (result)
		return result;
	fold_run((struct base_span){reader->in.ptr + reader->at, reader->in.len - reader->at}, text->folded + text->folded_len,
	         room, &run);
	*len = run.len;
	if (run.len == 0)
		return BASE_OK;
	result = open_word(reader, run.upper);
	if (result)
		return result;
	struct token *token = reader->token;
	text->folded_len += run.len;
	token->folded_len = (uint16_t)(token->folded_len + run.len);
	token->letters = (uint16_t)(token->letters + run.letters < UINT16_MAX ? token->letters + run.letters : UINT16_MAX);
	token->flags |= run.cyrillic ? TOKEN_CYRILLIC : 0;
	reader->last = run.last;
	reader->last_folded = text->folded_len - run.last_len;
	return BASE_OK;
}

static enum fold_class peek(const struct reader *reader, size_t at, uint32_t *code_point, size_t *used)
{
	bool valid;
	if (at >= reader->in.len)
		return FOLD_SPACE;
	*used = base_utf8_decode(reader->in.ptr + at, reader->in.len - at, code_point, &valid);
	return fold_class_of(*code_point);
}

/* Digits in a row from at; counts at most 4, which is all that grouping asks. */
static size_t count_digits(const struct reader *reader, size_t at)
{
	size_t count = 0;
	while (count < 4 && at + count < reader->in.len && reader->in.ptr[at + count] >= '0' &&
	       reader->in.ptr[at + count] <= '9')
		count++;
	return count;
}

/*
 * Inside a number: a separator of thousands ("16,000", "16 000" with a
 * no-break space) or a decimal sign ("1.2", "1,2"). True if it was taken.
 */
static bool read_number_sign(struct reader *reader, uint32_t c, size_t used, enum base_result *result)
{
	bool space = c == 0xA0u || c == 0x2009u || c == 0x202Fu, sign = c == '.' || c == ',';
	if (!space && !sign && c != '\'' && c != 0x2019u)
		return false;
	size_t digits = count_digits(reader, reader->at + used);
	bool has_decimals =
	    memchr(reader->text->folded + reader->token->folded, '.', reader->token->folded_len) != NULL;
	if (has_decimals || digits == 0 || (!sign && digits != 3))
		return false;
	*result = BASE_OK;
	if (digits == 3 && c == '.')
		reader->token->flags |= TOKEN_UNSURE;
	if (digits != 3)
		*result = add_folded(reader, '.');
	return true;
}

static enum base_result read_digit(struct reader *reader, uint32_t code_point)
{
	if (reader->open && !(reader->token->flags & TOKEN_NUMBER)) {
		close_token(reader);
		reader->between = TOKEN_DIGIT;
	}
	enum base_result result = reader->open ? BASE_OK : open_token(reader, TOKEN_NUMBER);
	reader->last = 0;
	return result ? result : add_folded(reader, fold_lower(code_point));
}

static uint32_t between_flag(uint32_t c, enum fold_class class)
{
	switch (class) {
	case FOLD_SPACE:
		return TOKEN_SPACE;
	case FOLD_NEWLINE:
		return TOKEN_NEWLINE;
	case FOLD_HYPHEN:
		return TOKEN_HYPHEN;
	case FOLD_APOSTROPHE:
		return TOKEN_APOSTROPHE;
	default:
		break;
	}
	switch (c) {
	case '.':
		return TOKEN_DOT | TOKEN_AFTER_DOT;
	case '!':
	case '?':
	case 0x2026u:
		return TOKEN_AFTER_STOP | TOKEN_BREAK;
	case '"':
	case 0xABu:
	case 0xBBu:
	case 0x201Cu:
	case 0x201Du:
	case 0x201Eu:
	case 0x201Fu:
		return TOKEN_QUOTE;
	default:
		return TOKEN_BREAK;
	}
}

/* A slash with letters or digits close on both sides: it joins, as in F/A-18. */
static bool joins(const struct reader *reader, uint32_t c, size_t used)
{
	uint32_t next = 0;
	size_t next_used = 0;
	if (c != '/' || !reader->open)
		return false;
	enum fold_class class = peek(reader, reader->at + used, &next, &next_used);
	return class == FOLD_LETTER || class == FOLD_UPPER || class == FOLD_DIGIT;
}

static enum base_result read_other(struct reader *reader, uint32_t c, enum fold_class class, size_t used)
{
	enum base_result result = BASE_OK;
	if (reader->open && reader->token->flags & TOKEN_NUMBER && read_number_sign(reader, c, used, &result))
		return result;
	if (reader->open && class == FOLD_APOSTROPHE && fold_is_cyrillic(reader->last)) {
		uint32_t next = 0;
		size_t next_used = 0;
		(void)peek(reader, reader->at + used, &next, &next_used);
		if (fold_is_cyrillic(next))
			return BASE_OK;
	}
	uint32_t flag = joins(reader, c, used) ? TOKEN_SLASH : between_flag(c, class);
	close_token(reader);
	if (c == '.' && reader->between & TOKEN_AFTER_DOT) /* "..." */
		flag |= TOKEN_AFTER_STOP;
	reader->between |= flag;
	return BASE_OK;
}

static enum base_result read_one(struct reader *reader, uint32_t c, enum fold_class class, size_t used)
{
	if (reader->wildcards && c == '*')
		return read_letter(reader, c, FOLD_LETTER);
	switch (class) {
	case FOLD_LETTER:
	case FOLD_UPPER:
		return read_letter(reader, c, class);
	case FOLD_DIGIT:
		return read_digit(reader, c);
	case FOLD_IGNORED:
		return BASE_OK;
	case FOLD_MARK:
		return reader->open ? add_mark(reader, c) : BASE_OK;
	default:
		return read_other(reader, c, class, used);
	}
}

/* What is no run of letters: one code point. */
static enum base_result read_next(struct reader *reader)
{
	struct base_span in = reader->in;
	uint32_t c = (unsigned char)in.ptr[reader->at];
	bool valid;
	size_t used = c < 0x80u ? 1 : base_utf8_decode(in.ptr + reader->at, in.len - reader->at, &c, &valid);
	enum base_result result = read_one(reader, c, fold_class_of(c), used);
	reader->at += used;
	return result;
}

static enum base_result read_field(struct text *text, struct base_span in, uint32_t flags, bool wildcards)
{
	struct reader reader = {
	    .text = text, .in = in, .field = flags, .wildcards = wildcards, .between = TOKEN_NEWLINE, .fresh = true};
	enum base_result result = BASE_OK;
	while (!result && reader.at < in.len) {
		unsigned char c = (unsigned char)in.ptr[reader.at];
		size_t len = 0;
		if (c == ' ') { /* every sixth byte */
			close_token(&reader);
			reader.between |= TOKEN_SPACE;
			reader.at++;
			continue;
		}
		if (c >= 'A') /* no digit or most other signs */
			result = read_run(&reader, &len);
		reader.at += len;
		if (!result && len == 0)
			result = read_next(&reader);
	}
	close_token(&reader);
	return result;
}

static struct base_span clip_field(struct base_span field)
{
	if (!field.ptr)
		return (struct base_span){"", 0};
	field.len = base_utf8_clip(field.ptr, field.len, FIELD_MAX);
	return field;
}

enum base_result text_cut(struct text *text, struct base_span title, struct base_span body)
{
	text->token_count = text->sentence_count = text->folded_len = 0;
	text->fields[0] = clip_field(title);
	text->fields[1] = clip_field(body);
	enum base_result result = read_field(text, text->fields[0], TOKEN_TITLE, false);
	return result ? result : read_field(text, text->fields[1], 0, false);
}

enum base_result text_read(struct text *text, struct base_span title, struct base_span body)
{
	enum base_result result = text_cut(text, title, body);
	return result ? result : text_divide(text);
}

enum base_result text_read_term(struct text *text, struct base_span term)
{
	text->token_count = text->sentence_count = text->folded_len = 0;
	text->fields[0] = BASE_NONE;
	text->fields[1] = clip_field(term);
	return read_field(text, text->fields[1], 0, true);
}

size_t text_cased(struct base_span original, char *out)
{
	size_t len = 0, last_at = 0;
	uint32_t last = 0;
	for (size_t at = 0; at < original.len;) {
		uint32_t c;
		bool valid;
		at += base_utf8_decode(original.ptr + at, original.len - at, &c, &valid);
		enum fold_class class = fold_class_of(c);
		uint32_t composed = class == FOLD_MARK ? fold_compose(last, c) : 0;
		if (composed)
			len = last_at, c = composed;
		else if (class != FOLD_LETTER && class != FOLD_UPPER && class != FOLD_DIGIT)
			continue;
		if (len + 4 > TEXT_WORD_MAX)
			break;
		last = c;
		last_at = len;
		len += base_utf8_encode(c, out + len);
	}
	return len;
}
