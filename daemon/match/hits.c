/* Finds terms: tokens to symbols, symbols along the trie. */
#include <string.h>

#include "scratch.h"

#define HITS_MAX ((size_t)1 << 22)
#define SYMBOLS_MAX ((size_t)1 << 24)
#define AHEAD 16 /* tokens: the memo is larger than the fast caches, so its cells are asked for early */

struct place { /* of a token's word in the memo */
	struct memo_cell *cell;
	struct word_ends ends;
};

/* Only for the memo, where a bad spread costs nothing but time. */
static size_t memo_hash(struct word_ends ends, struct base_span word)
{
	uint64_t hash = (ends.first ^ word.len) * 0x9E3779B97F4A7C15u;
	hash = (hash ^ hash >> 32 ^ ends.last) * 0xD6E8FEB86659FD93u;
	for (size_t at = 8; at + 8 < word.len; at += 8) {
		uint64_t part;
		memcpy(&part, word.ptr + at, 8);
		hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
		hash ^= hash >> 32;
	}
	return (size_t)(hash >> 40) % MEMO_CELLS;
}

static inline bool holds(const struct place *place, struct base_span word)
{
	const struct memo_cell *cell = place->cell;
	return cell->len == word.len && cell->ends.first == place->ends.first && cell->ends.last == place->ends.last &&
	       (word.len <= 16 || memcmp(cell->middle, word.ptr + 8, word.len - 16) == 0);
}

/* The word itself, then the wildcards that it matches. */
static size_t look_up(const struct lexicon *lexicon, struct base_span word, uint32_t *out)
{
	size_t count = 0;
	uint32_t plain = lexicon_find_word(lexicon, word);
	if (plain != LEXICON_NONE)
		out[count++] = plain;
	return count + lexicon_wildcards(lexicon, word, out + count, LEXICON_SYMBOLS_MAX - 4);
}

/* Looks the word up and remembers it. *cased: a term asks for the word in a certain case. */
static size_t learn(struct match_scratch *scratch, struct base_span word, const struct place *place, uint32_t *out,
                    bool *cased)
{
	const struct lexicon *lexicon = &scratch->rules->lexicon;
	struct memo_cell *cell = place->cell;
	size_t count = look_up(lexicon, word, out);
	*cased = count > 0 && lexicon->words[out[0]].cased;
	if (word.len <= MEMO_WORD_MAX && count <= sizeof cell->symbols / sizeof cell->symbols[0]) {
		cell->ends = place->ends;
		cell->len = (uint8_t)word.len;
		cell->count = (uint8_t)count;
		cell->cased = *cased;
		if (word.len > 16)
			memcpy(cell->middle, word.ptr + 8, word.len - 16);
		memcpy(cell->symbols, out, count * sizeof *out);
	}
	return count;
}

/* The same from memory if it can be: texts repeat their words. */
static inline size_t recall(struct match_scratch *scratch, struct base_span word, const struct place *place,
                            uint32_t *out, bool *cased)
{
	const struct word *words = scratch->rules->lexicon.words;
	const struct memo_cell *cell = place->cell;
	if (!holds(place, word))
		return learn(scratch, word, place, out, cased);
	for (size_t i = 0; i < cell->count; i++) {
		__builtin_prefetch(&words[cell->symbols[i]]); /* the next pass starts from it */
		out[i] = cell->symbols[i];
	}
	*cased = cell->cased;
	return cell->count;
}

/* case:US: the word in the capitals that it has here. */
static uint32_t find_cased(const struct match_scratch *scratch, const struct token *token)
{
	char cased[TEXT_WORD_MAX + 1] = {'\001'};
	size_t len = text_cased(text_original(&scratch->text, token), cased + 1);
	return lexicon_find_word(&scratch->rules->lexicon, (struct base_span){cased, len + 1});
}

/* The place of a token that comes soon. */
static inline struct place find_place(struct match_scratch *scratch, size_t index)
{
	const struct text *text = &scratch->text;
	if (index >= text->token_count)
		return (struct place){NULL, {0, 0}};
	struct base_span word = text_folded(text, &text->tokens[index]);
	struct place place = {.ends = word_ends(word.ptr, word.len)};
	place.cell = &scratch->memo[memo_hash(place.ends, word)];
	__builtin_prefetch(place.cell);
	return place;
}

static size_t symbols_of_number(const struct lexicon *lexicon, struct base_span folded, uint32_t *out)
{
	uint32_t plain = lexicon_find_word(lexicon, folded);
	size_t count = plain != LEXICON_NONE;
	out[0] = plain;
	if (lexicon->number != LEXICON_NONE)
		out[count++] = lexicon->number;
	return count;
}

static inline size_t symbols_of(struct match_scratch *scratch, const struct token *token, const struct place *place,
                                uint32_t *out)
{
	struct base_span folded = text_folded(&scratch->text, token);
	bool cased;
	if (token->flags & TOKEN_LONG)
		return 0;
	if (token->flags & TOKEN_NUMBER)
		return symbols_of_number(&scratch->rules->lexicon, folded, out);
	size_t count = recall(scratch, folded, place, out, &cased);
	if (cased) {
		uint32_t symbol = find_cased(scratch, token);
		if (symbol != LEXICON_NONE)
			out[count++] = symbol;
	}
	return count;
}

static enum base_result read_symbols(struct match_scratch *scratch)
{
	const struct text *text = &scratch->text;
	enum base_result result = base_grow(&scratch->symbol_starts, &scratch->symbol_start_cap, text->token_count + 1,
	                                    sizeof *scratch->symbol_starts, SYMBOLS_MAX);
	struct place places[AHEAD]; /* a ring */
	scratch->symbol_count = 0;
	for (size_t i = 0; i < AHEAD; i++)
		places[i] = find_place(scratch, i);
	for (size_t i = 0; !result && i < text->token_count; i++) {
		struct place place = places[i % AHEAD];
		places[i % AHEAD] = find_place(scratch, i + AHEAD);
		scratch->symbol_starts[i] = (uint32_t)scratch->symbol_count;
		if (scratch->symbol_count + LEXICON_SYMBOLS_MAX > scratch->symbol_cap)
			result = base_grow(&scratch->symbols, &scratch->symbol_cap, scratch->symbol_count + LEXICON_SYMBOLS_MAX,
			                   sizeof *scratch->symbols, SYMBOLS_MAX);
		if (result == BASE_LIMIT) {
			result = BASE_OK; /* what follows is not looked up */
			continue;
		}
		if (result)
			return result;
		scratch->symbol_count += symbols_of(scratch, &text->tokens[i], &place, scratch->symbols + scratch->symbol_count);
	}
	if (!result)
		scratch->symbol_starts[text->token_count] = (uint32_t)scratch->symbol_count;
	return result;
}

/* The s of "F-16s": the plural is the thing itself. */
static bool is_plural(const struct text *text, uint32_t at)
{
	const struct token *token = &text->tokens[at];
	bool alone = at + 1 == text->token_count || !(token[1].flags & TOKEN_JOINED);
	return token->flags & TOKEN_DIGIT && alone && text_token_is(text, token, "s");
}

/* What a hit is joined to. A possessive ('s) or an elision (l') divides, so it is no part. */
static inline uint32_t part_flags(const struct text *text, uint32_t first, uint32_t last)
{
	const uint32_t parts = TOKEN_HYPHEN | TOKEN_DIGIT;
	uint32_t flags = text->tokens[first].flags & parts ? HIT_PART_LEFT : 0;
	bool more = last + 1 < text->token_count;
	if (more && text->tokens[last + 1].flags & parts && !is_plural(text, last + 1))
		flags |= HIT_PART_RIGHT;
	return flags;
}

static enum base_result grow_hits(struct match_scratch *scratch)
{
	return base_grow(&scratch->hits, &scratch->hit_cap, scratch->hit_count + 1, sizeof *scratch->hits, HITS_MAX);
}

static inline enum base_result add_hit(struct match_scratch *scratch, uint32_t term, uint32_t first, uint32_t last)
{
	enum base_result result = scratch->hit_count < scratch->hit_cap ? BASE_OK : grow_hits(scratch);
	if (result)
		return result;
	uint32_t flags = part_flags(&scratch->text, first, last) | HIT_OF_TERM;
	scratch->hits[scratch->hit_count++] = (struct hit){term, first, last, flags & scratch->rules->term_flags[term]};
	return BASE_OK;
}

/* Whether a term may go on with the token after `at`. */
static inline bool goes_on(const struct match_scratch *scratch, uint32_t at)
{
	const struct text *text = &scratch->text;
	uint32_t next = at + 1;
	return next < text->token_count && scratch->symbol_starts[next] != scratch->symbol_starts[next + 1] &&
	       !(text->tokens[next].flags & TOKEN_BREAK) && text->tokens[next].sentence == text->tokens[at].sentence;
}

/* Follow the trie from node with the token at; first is where the term starts. Depth: words of a term. */
static enum base_result follow(struct match_scratch *scratch, uint32_t node, uint32_t first, uint32_t at)
{
	const struct match_rules *rules = scratch->rules;
	enum base_result result = BASE_OK;
	for (uint32_t s = scratch->symbol_starts[at]; !result && s < scratch->symbol_starts[at + 1]; s++) {
		uint32_t symbol = scratch->symbols[s];
		if (node > LEXICON_TIGHT_ROOT && !rules->lexicon.words[symbol].inner)
			continue;
		uint32_t child = lexicon_child(&rules->lexicon, node, symbol);
		if (child == LEXICON_NONE)
			continue;
		const struct lexicon_node *here = &rules->lexicon.nodes[child];
		if (here->end != LEXICON_NONE)
			result = add_hit(scratch, here->end, first, at);
		if (!result && here->more && goes_on(scratch, at))
			result = follow(scratch, child, first, at + 1);
	}
	return result;
}

/* The same from the root, where a word knows by itself what ends with it. */
static enum base_result find_at(struct match_scratch *scratch, uint32_t at)
{
	const struct text *text = &scratch->text;
	enum base_result result = BASE_OK;
	for (uint32_t s = scratch->symbol_starts[at]; !result && s < scratch->symbol_starts[at + 1]; s++) {
		const struct word *word = &scratch->rules->lexicon.words[scratch->symbols[s]];
		if (word->end != LEXICON_NONE)
			result = add_hit(scratch, word->end, at, at);
		if (!result && word->more && goes_on(scratch, at))
			result = follow(scratch, word->children[LEXICON_ROOT], at, at + 1);
	}
	bool tight = text->tokens[at].letters == 1 && at + 1 < text->token_count &&
	             text->tokens[at + 1].flags & TOKEN_JOINED;
	return result || !tight ? result : follow(scratch, LEXICON_TIGHT_ROOT, at, at);
}

enum base_result hits_find(struct match_scratch *scratch)
{
	const struct text *text = &scratch->text;
	scratch->hit_count = 0;
	enum base_result result = read_symbols(scratch);
	if (!result)
		result = base_grow(&scratch->sentence_hits, &scratch->sentence_hit_cap, text->sentence_count + 1,
		                   sizeof *scratch->sentence_hits, SYMBOLS_MAX);
	for (uint32_t s = 0; !result && s < text->sentence_count; s++) {
		scratch->sentence_hits[s] = (uint32_t)scratch->hit_count;
		for (uint32_t i = text->sentences[s].first; !result && i < text->sentences[s].last; i++)
			if (scratch->symbol_starts[i] != scratch->symbol_starts[i + 1])
				result = find_at(scratch, i);
		if (result == BASE_LIMIT)
			result = BASE_OK; /* so many terms: those found so far will do */
	}
	if (!result)
		scratch->sentence_hits[text->sentence_count] = (uint32_t)scratch->hit_count;
	return result;
}
