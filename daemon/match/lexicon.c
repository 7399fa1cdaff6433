/* Builds the lexicon: words become symbols, terms become paths in a trie. */
#include "lexicon.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX ((size_t)64 << 20)
#define WORDS_MAX ((size_t)1 << 21)
#define TERM_TOKENS_MAX 16
#define WILDCARD_LETTERS_MIN 3
#define NUMBER_WORD "\002#" /* no folded word has a control character */
#define CASED_MARK '\001'

static enum base_result add_node(struct lexicon *lexicon, uint32_t *node)
{
	enum base_result result = base_grow(&lexicon->nodes, &lexicon->node_cap, lexicon->node_count + 1,
	                                    sizeof *lexicon->nodes, LEXICON_TERMS_MAX * TERM_TOKENS_MAX);
	if (result)
		return result;
	*node = (uint32_t)lexicon->node_count++;
	lexicon->nodes[*node] = (struct lexicon_node){LEXICON_NONE, false};
	return BASE_OK;
}

enum base_result lexicon_init(struct lexicon *lexicon)
{
	*lexicon = (struct lexicon){.infix_head = LEXICON_NONE, .number = LEXICON_NONE};
	base_buf_init(&lexicon->bytes, BYTES_MAX);
	uint32_t node;
	enum base_result result = add_node(lexicon, &node);
	return result ? result : add_node(lexicon, &node);
}

void lexicon_free(struct lexicon *lexicon)
{
	base_buf_free(&lexicon->bytes);
	free(lexicon->words);
	table_free(&lexicon->word_table);
	free(lexicon->wildcards);
	table_free(&lexicon->affix_table);
	free(lexicon->edges);
	table_free(&lexicon->edge_table);
	free(lexicon->nodes);
	free(lexicon->terms);
	text_free(&lexicon->text);
}

/* ---- words -------------------------------------------------------------------- */

struct base_span lexicon_word(const struct lexicon *lexicon, uint32_t symbol)
{
	const struct word *word = &lexicon->words[symbol];
	return (struct base_span){lexicon->bytes.data + word->offset, word->len};
}

static bool same_word(const void *ctx, uint32_t index, const void *key)
{
	return base_span_equal(lexicon_word(ctx, index), *(const struct base_span *)key);
}

static uint64_t hash_word_at(const void *ctx, uint32_t index)
{
	struct base_span word = lexicon_word(ctx, index);
	return lexicon_hash(word.ptr, word.len, 0);
}

uint32_t lexicon_find_word(const struct lexicon *lexicon, struct base_span word)
{
	return table_find(&lexicon->word_table, lexicon_hash(word.ptr, word.len, 0), same_word, lexicon, &word);
}

enum base_result lexicon_add_word(struct lexicon *lexicon, struct base_span word, uint32_t *symbol, bool *fresh)
{
	*symbol = lexicon_find_word(lexicon, word);
	*fresh = *symbol == LEXICON_NONE;
	if (!*fresh)
		return BASE_OK;
	enum base_result result =
	    base_grow(&lexicon->words, &lexicon->word_cap, lexicon->word_count + 1, sizeof *lexicon->words, WORDS_MAX);
	size_t offset = lexicon->bytes.len;
	if (!result)
		result = base_buf_add_span(&lexicon->bytes, word);
	if (result)
		return result;
	*symbol = (uint32_t)lexicon->word_count++;
	lexicon->words[*symbol] = (struct word){
	    .offset = (uint32_t)offset,
	    .len = (uint16_t)word.len,
	    .end = LEXICON_NONE,
	    .children = {LEXICON_NONE, LEXICON_NONE},
	};
	return table_put(&lexicon->word_table, hash_word_at(lexicon, *symbol), *symbol, hash_word_at, lexicon);
}

/* ---- the trie ------------------------------------------------------------------- */

static uint64_t hash_edge(uint32_t node, uint32_t symbol)
{
	uint64_t hash = ((uint64_t)node << 32 | symbol) * 0x9E3779B97F4A7C15u;
	return hash ^ hash >> 29;
}

static uint64_t hash_edge_at(const void *ctx, uint32_t index)
{
	const struct lexicon *lexicon = ctx;
	return hash_edge(lexicon->edges[index].node, lexicon->edges[index].symbol);
}

static bool same_edge(const void *ctx, uint32_t index, const void *key)
{
	const struct edge *have = &((const struct lexicon *)ctx)->edges[index], *wanted = key;
	return have->node == wanted->node && have->symbol == wanted->symbol;
}

uint32_t lexicon_child(const struct lexicon *lexicon, uint32_t node, uint32_t symbol)
{
	if (node <= LEXICON_TIGHT_ROOT)
		return lexicon->words[symbol].children[node];
	struct edge wanted = {node, symbol, 0};
	uint32_t found = table_find(&lexicon->edge_table, hash_edge(node, symbol), same_edge, lexicon, &wanted);
	return found == LEXICON_NONE ? LEXICON_NONE : lexicon->edges[found].child;
}

static enum base_result make_child(struct lexicon *lexicon, uint32_t node, uint32_t symbol, uint32_t *child)
{
	*child = lexicon_child(lexicon, node, symbol);
	if (*child != LEXICON_NONE)
		return BASE_OK;
	enum base_result result = base_grow(&lexicon->edges, &lexicon->edge_cap, lexicon->edge_count + 1,
	                                    sizeof *lexicon->edges, LEXICON_TERMS_MAX * TERM_TOKENS_MAX);
	if (!result)
		result = add_node(lexicon, child);
	if (result)
		return result;
	lexicon->nodes[node].more = true;
	if (node <= LEXICON_TIGHT_ROOT) {
		lexicon->words[symbol].children[node] = *child;
		return BASE_OK;
	}
	lexicon->words[symbol].inner = true;
	uint32_t edge = (uint32_t)lexicon->edge_count++;
	lexicon->edges[edge] = (struct edge){node, symbol, *child};
	return table_put(&lexicon->edge_table, hash_edge(node, symbol), edge, hash_edge_at, lexicon);
}

/* ---- terms ---------------------------------------------------------------------- */

static enum base_result cased_symbol(struct lexicon *lexicon, const struct token *token, uint32_t *symbol)
{
	uint32_t plain;
	bool fresh;
	enum base_result result = lexicon_add_word(lexicon, text_folded(&lexicon->text, token), &plain, &fresh);
	if (result)
		return result;
	lexicon->words[plain].cased = true;
	char bytes[TEXT_WORD_MAX + 1] = {CASED_MARK};
	size_t len = text_cased(text_original(&lexicon->text, token), bytes + 1);
	return lexicon_add_word(lexicon, (struct base_span){bytes, len + 1}, symbol, &fresh);
}

static enum base_result wildcard_symbol(struct lexicon *lexicon, const struct token *token, uint32_t *symbol,
                                        const char **why)
{
	struct base_span pattern = text_folded(&lexicon->text, token);
	size_t stars = 0;
	for (size_t i = 0; i < pattern.len; i++)
		stars += pattern.ptr[i] == '*';
	if (token->letters < WILDCARD_LETTERS_MIN + stars) {
		*why = "a wildcard needs at least three letters beside the *";
		return BASE_INVALID;
	}
	bool fresh;
	enum base_result result = lexicon_add_word(lexicon, pattern, symbol, &fresh);
	return result || !fresh ? result : lexicon_add_wildcard(lexicon, *symbol);
}

static enum base_result symbol_of(struct lexicon *lexicon, const struct token *token, bool cased, uint32_t *symbol,
                                  const char **why)
{
	bool fresh, wild = memchr(lexicon->text.folded + token->folded, '*', token->folded_len) != NULL;
	if (wild && cased) {
		*why = "case: takes no wildcard";
		return BASE_INVALID;
	}
	if (wild)
		return wildcard_symbol(lexicon, token, symbol, why);
	if (cased)
		return cased_symbol(lexicon, token, symbol);
	return lexicon_add_word(lexicon, text_folded(&lexicon->text, token), symbol, &fresh);
}

static enum base_result end_term(struct lexicon *lexicon, uint32_t node, struct base_span written, uint32_t *term)
{
	*term = lexicon->nodes[node].end;
	if (*term != LEXICON_NONE)
		return BASE_OK;
	enum base_result result = base_grow(&lexicon->terms, &lexicon->term_cap, lexicon->term_count + 1,
	                                    sizeof *lexicon->terms, LEXICON_TERMS_MAX);
	if (result)
		return result;
	*term = (uint32_t)lexicon->term_count++;
	lexicon->terms[*term] = (struct term){.letters = (uint32_t)base_utf8_count(written.ptr, written.len)};
	lexicon->nodes[node].end = *term;
	return BASE_OK;
}

static bool starts_open(const struct text *text, const struct token *token)
{
	return text->folded[token->folded] == '*';
}

static bool ends_open(const struct text *text, const struct token *token)
{
	return text->folded[token->folded + token->folded_len - 1u] == '*';
}

enum base_result lexicon_add(struct lexicon *lexicon, struct base_span written, bool cased, uint32_t *term,
                             const char **why)
{
	struct text *text = &lexicon->text;
	enum base_result result = text_read_term(text, written);
	if (result)
		return result;
	*why = "there is no letter or digit in it";
	if (text->token_count == 0)
		return BASE_INVALID;
	*why = "a phrase has at most 16 words, each of at most 190 bytes";
	bool tight = text->token_count > 1 && text->tokens[0].letters == 1 && text->tokens[1].flags & TOKEN_JOINED;
	uint32_t node = tight ? LEXICON_TIGHT_ROOT : LEXICON_ROOT;
	for (size_t i = 0; i < text->token_count; i++) {
		uint32_t symbol;
		if (i >= TERM_TOKENS_MAX || text->tokens[i].flags & TOKEN_LONG)
			return BASE_INVALID;
		result = symbol_of(lexicon, &text->tokens[i], cased, &symbol, why);
		if (!result)
			result = make_child(lexicon, node, symbol, &node);
		if (result)
			return result;
	}
	result = end_term(lexicon, node, written, term);
	if (result)
		return result;
	lexicon->terms[*term].open_left = starts_open(text, &text->tokens[0]);
	lexicon->terms[*term].open_right = ends_open(text, &text->tokens[text->token_count - 1]);
	return BASE_OK;
}

enum base_result lexicon_add_number(struct lexicon *lexicon, uint32_t *term)
{
	uint32_t symbol, node;
	bool fresh;
	enum base_result result = lexicon_add_word(lexicon, base_span_of(NUMBER_WORD), &symbol, &fresh);
	if (!result)
		result = make_child(lexicon, LEXICON_ROOT, symbol, &node);
	if (!result)
		result = end_term(lexicon, node, base_span_of("$number"), term);
	if (!result)
		lexicon->number = symbol;
	return result;
}

void lexicon_seal(struct lexicon *lexicon)
{
	for (size_t i = 0; i < lexicon->word_count; i++) {
		struct word *word = &lexicon->words[i];
		if (word->children[LEXICON_ROOT] == LEXICON_NONE)
			continue;
		word->end = lexicon->nodes[word->children[LEXICON_ROOT]].end;
		word->more = lexicon->nodes[word->children[LEXICON_ROOT]].more;
	}
}
