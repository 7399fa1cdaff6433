/* Cuts an expression of the rule language into its signs. */
#include <string.h>

#include "expression.h"

#define DISTANCE_MAX 100
#define NEAR_STANDARD 8

static size_t one_of(const char *const *signs, size_t count, const char *text, size_t len)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(signs[i]);
		if (len >= n && memcmp(text, signs[i], n) == 0)
			return n;
	}
	return 0;
}

/* The length of a quotation mark at text, or 0: " and the typographic ones, of which any one closes any other. */
static size_t quote_len(const char *text, size_t len)
{
	static const char *const quotes[] = {"\"", "“", "”", "„", "‟", "«", "»", "‹", "›", "〝", "〞", "〟", "＂", "「", "」"};
	static const bool first[256] = {['"'] = true, [0xC2] = true, [0xE2] = true, [0xE3] = true, [0xEF] = true};
	if (!first[(unsigned char)*text]) /* most bytes are letters, and many not of ASCII */
		return 0;
	return one_of(quotes, sizeof quotes / sizeof quotes[0], text, len);
}

/* The same for single ones that open; ’ alone is an apostrophe. */
static size_t single_quote_len(const char *text, size_t len)
{
	static const char *const quotes[] = {"‘", "‚", "‛"};
	if (*text != '\xE2')
		return 0;
	return one_of(quotes, sizeof quotes / sizeof quotes[0], text, len);
}

/* One that closes what a single one opened, where a word ends: inside a word it is an apostrophe. */
static size_t single_close_len(const char *text, size_t len)
{
	static const char *const quotes[] = {"’", "‘", "‛"};
	size_t n = one_of(quotes, sizeof quotes / sizeof quotes[0], text, len);
	return n && (n == len || strchr(" \t\r\n()", text[n])) ? n : 0;
}

static struct lex bad(struct lex lex, const char *why)
{
	lex.kind = LEX_BAD;
	lex.text = base_span_of(why);
	return lex;
}

static struct lex read_quoted(struct lexer *lexer, struct lex lex, size_t quote, bool single)
{
	size_t start = lexer->at + quote;
	for (size_t at = start; at < lexer->in.len; at++) {
		size_t end = (single ? single_close_len : quote_len)(lexer->in.ptr + at, lexer->in.len - at);
		if (end) {
			lexer->at = at + end;
			lex.kind = LEX_TERM;
			lex.quoted = true;
			lex.text = (struct base_span){lexer->in.ptr + start, at - start};
			return lex;
		}
	}
	return bad(lex, "the quotation mark is never closed");
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* "NEAR/8": the number after the slash, else standard; 0 if it is out of bounds. */
static uint32_t read_number(struct base_span word, size_t name_len, uint32_t standard)
{
	if (word.len == name_len)
		return standard;
	uint32_t n = 0;
	for (size_t i = name_len + 1; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9' || n > DISTANCE_MAX)
			return UINT32_MAX;
		n = n * 10 + (uint32_t)(word.ptr[i] - '0');
	}
	return word.len == name_len + 1 || n > DISTANCE_MAX ? UINT32_MAX : n;
}

static bool is_operator(struct base_span word, const char *name)
{
	size_t len = strlen(name);
	return base_span_starts(word, name) && (word.len == len || word.ptr[len] == '/');
}

static struct lex classify(struct lex lex)
{
	static const struct {
		const char *name;
		enum lex_kind kind;
		uint32_t standard;
	} operators[] = {{"NEAR", LEX_NEAR, NEAR_STANDARD}, {"ONEAR", LEX_ONEAR, NEAR_STANDARD}, {"ATLEAST", LEX_ATLEAST, 0}};
	struct base_span word = lex.text;
	lex.kind = LEX_TERM;
	if (word.ptr[0] != '$' && (word.ptr[0] < 'A' || word.ptr[0] > 'S')) /* most are words in small letters */
		return lex;
	lex.kind = base_span_is(word, "AND")        ? LEX_AND
	           : base_span_is(word, "OR")       ? LEX_OR
	           : base_span_is(word, "NOT")      ? LEX_NOT
	           : base_span_is(word, "SENTENCE") ? LEX_SENTENCE
	                                            : LEX_TERM;
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		if (!is_operator(word, operators[i].name))
			continue;
		lex.kind = operators[i].kind;
		lex.n = read_number(word, strlen(operators[i].name), operators[i].standard);
		if (lex.n == UINT32_MAX || (lex.kind == LEX_ATLEAST && lex.n == 0))
			return bad(lex, lex.kind == LEX_ATLEAST ? "ATLEAST/n takes a number from 1 to 100"
			                                        : "the distance must be a number from 0 to 100");
	}
	if (lex.kind == LEX_TERM && word.len > 1 && word.ptr[0] == '$') {
		lex.kind = LEX_SET;
		lex.text = (struct base_span){word.ptr + 1, word.len - 1};
	}
	return lex;
}

/* The length of "title:" and the like at the start of word, without the colon; 0 if there is none. */
static size_t field_len(struct base_span word)
{
	static const char *const fields[] = {"title:", "lead:", "lang:", "case:", "source:"};
	if (!memchr(word.ptr, ':', word.len < sizeof "source:" ? word.len : sizeof "source:")) /* most have none */
		return 0;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (base_span_starts(word, fields[i]))
			return strlen(fields[i]) - 1;
	return 0;
}

/* Where the word at `at` ends: at a space, a bracket or a quotation mark. */
static size_t word_end(struct base_span in, size_t at)
{
	/* Most bytes are letters: 1 ends a word, 2 may start a quotation mark. */
	static const uint8_t kinds[256] = {[' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, ['('] = 1, [')'] = 1,
	                                   ['"'] = 2, [0xC2] = 2, [0xE2] = 2, [0xE3] = 2, [0xEF] = 2};
	for (; at < in.len; at++) {
		uint8_t kind = kinds[(unsigned char)in.ptr[at]];
		if (kind == 1 || (kind == 2 && quote_len(in.ptr + at, in.len - at)))
			break;
	}
	return at;
}

struct lex lexer_next(struct lexer *lexer)
{
	struct base_span in = lexer->in;
	while (lexer->at < in.len && is_space(in.ptr[lexer->at]))
		lexer->at++;
	struct lex lex = {.kind = LEX_END, .start = lexer->at};
	if (lexer->at == in.len)
		return lex;
	char c = in.ptr[lexer->at];
	if (c == '(' || c == ')') {
		lexer->at++;
		lex.kind = c == '(' ? LEX_OPEN : LEX_CLOSE;
		return lex;
	}
	size_t quote = quote_len(in.ptr + lexer->at, in.len - lexer->at);
	if (quote)
		return read_quoted(lexer, lex, quote, false);
	quote = single_quote_len(in.ptr + lexer->at, in.len - lexer->at);
	if (quote)
		return read_quoted(lexer, lex, quote, true);
	size_t field = field_len((struct base_span){in.ptr + lexer->at, in.len - lexer->at});
	if (field) {
		lex.kind = LEX_FIELD;
		lex.text = (struct base_span){in.ptr + lexer->at, field};
		lexer->at += field + 1;
		return lex;
	}
	size_t end = word_end(in, lexer->at);
	lex.text = (struct base_span){in.ptr + lexer->at, end - lexer->at};
	lexer->at = end;
	return classify(lex);
}

bool expression_is_phrase(struct base_span text)
{
	struct lexer lexer = {text, 0};
	for (struct lex lex = lexer_next(&lexer); lex.kind != LEX_END; lex = lexer_next(&lexer))
		if (lex.kind != LEX_TERM || lex.quoted)
			return false;
	return true;
}
