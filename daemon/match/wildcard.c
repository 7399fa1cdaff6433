/*
 * Words with a * in them. A wildcard is found by its literal start, else by
 * its literal end, through hashes of all starts and ends of the word that is
 * looked up; only those with neither (*lieferung*) are tried one by one.
 */
#include <string.h>

#include "lexicon.h"

#define FNV_OFFSET 0xCBF29CE484222325u
#define FNV_PRIME 0x100000001B3u
#define SUFFIX_SEED 0x9E3779B97F4A7C15u
#define WILDCARDS_MAX ((size_t)1 << 20)

static uint64_t step(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * FNV_PRIME;
}

static uint64_t finish(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xD6E8FEB86659FD93u;
	return hash ^ hash >> 29;
}

uint64_t lexicon_hash(const void *bytes, size_t len, uint64_t seed)
{
	const unsigned char *at = bytes;
	uint64_t hash = FNV_OFFSET ^ seed;
	for (size_t i = 0; i < len; i++)
		hash = step(hash, at[i]);
	return finish(hash);
}

/* Backwards, so that the hashes of all ends of a word come out of one pass. */
static uint64_t suffix_hash(const char *bytes, size_t len)
{
	uint64_t hash = FNV_OFFSET ^ SUFFIX_SEED;
	for (size_t i = len; i > 0; i--)
		hash = step(hash, (unsigned char)bytes[i - 1]);
	return finish(hash);
}

/* ---- filters: a bit for each hash; a word whose bits are not set is known to match nothing ---- */

static void set_bit(uint64_t *filter, uint64_t hash)
{
	filter[hash % LEXICON_FILTER / 64] |= UINT64_C(1) << hash % 64;
}

static bool has_bit(const uint64_t *filter, uint64_t hash)
{
	return filter[hash % LEXICON_FILTER / 64] >> hash % 64 & 1;
}

/* Some bytes from the literal inside *literal*: six where it has so many, which are three letters of Cyrillic, else three. */
#define LONG_GRAM 6u
#define SHORT_GRAM 3u

static inline uint64_t gram_hash(const char *bytes, size_t len)
{
	uint64_t gram = 0;
	memcpy(&gram, bytes, len);
	gram *= 0x9E3779B97F4A7C15u;
	return gram >> 40;
}

static void add_gram(struct lexicon *lexicon, struct base_span pattern)
{
	size_t start = 0, end;
	while (start < pattern.len && pattern.ptr[start] == '*')
		start++;
	for (end = start; end < pattern.len && pattern.ptr[end] != '*';)
		end++;
	size_t gram = end - start >= LONG_GRAM ? LONG_GRAM : SHORT_GRAM;
	if (end - start < SHORT_GRAM) { /* *a*bcd*: not known by its first bytes */
		memset(lexicon->infix_filter, 0xFF, sizeof lexicon->infix_filter);
		lexicon->short_infixes = true;
		return;
	}
	lexicon->long_infixes |= gram == LONG_GRAM;
	lexicon->short_infixes |= gram == SHORT_GRAM;
	set_bit(lexicon->infix_filter, gram_hash(pattern.ptr + start, gram));
}

/* Whether the len bytes at some place of the word may be known ones. */
static inline bool may_have_gram(const struct lexicon *lexicon, struct base_span word, size_t len)
{
	for (size_t at = 0; at + len <= word.len; at++)
		if (has_bit(lexicon->infix_filter, gram_hash(word.ptr + at, len)))
			return true;
	return false;
}

static bool may_have_infix(const struct lexicon *lexicon, struct base_span word)
{
	return (lexicon->short_infixes && may_have_gram(lexicon, word, SHORT_GRAM)) ||
	       (lexicon->long_infixes && may_have_gram(lexicon, word, LONG_GRAM));
}

struct affix {
	struct base_span bytes;
	bool suffix;
};

static struct affix affix_of(struct base_span pattern)
{
	const char *star = memchr(pattern.ptr, '*', pattern.len);
	size_t prefix = (size_t)(star - pattern.ptr), suffix = 0;
	while (pattern.ptr[pattern.len - 1 - suffix] != '*')
		suffix++;
	if (prefix > 0)
		return (struct affix){{pattern.ptr, prefix}, false};
	return (struct affix){{pattern.ptr + pattern.len - suffix, suffix}, true};
}

static struct affix affix_at(const struct lexicon *lexicon, uint32_t wildcard)
{
	return affix_of(lexicon_word(lexicon, lexicon->wildcards[wildcard].symbol));
}

static bool same_affix(const void *ctx, uint32_t index, const void *key)
{
	struct affix have = affix_at(ctx, index);
	const struct affix *wanted = key;
	return have.suffix == wanted->suffix && base_span_equal(have.bytes, wanted->bytes);
}

static uint64_t hash_affix(const struct affix *affix)
{
	return affix->suffix ? suffix_hash(affix->bytes.ptr, affix->bytes.len)
	                     : lexicon_hash(affix->bytes.ptr, affix->bytes.len, 0);
}

static uint64_t hash_affix_at(const void *ctx, uint32_t index)
{
	struct affix affix = affix_at(ctx, index);
	return hash_affix(&affix);
}

enum base_result lexicon_add_wildcard(struct lexicon *lexicon, uint32_t symbol)
{
	enum base_result result = base_grow(&lexicon->wildcards, &lexicon->wildcard_cap, lexicon->wildcard_count + 1,
	                                    sizeof *lexicon->wildcards, WILDCARDS_MAX);
	if (result)
		return result;
	uint32_t index = (uint32_t)lexicon->wildcard_count++;
	lexicon->wildcards[index] = (struct wildcard){symbol, LEXICON_NONE};
	struct affix affix = affix_at(lexicon, index);
	if (affix.bytes.len == 0) {
		lexicon->wildcards[index].next = lexicon->infix_head;
		lexicon->infix_head = index;
		add_gram(lexicon, lexicon_word(lexicon, symbol));
		return BASE_OK;
	}
	uint8_t *lens = affix.suffix ? lexicon->suffix_lens : lexicon->prefix_lens;
	size_t *longest = affix.suffix ? &lexicon->longest_suffix : &lexicon->longest_prefix;
	lens[affix.bytes.len] = 1;
	*longest = affix.bytes.len > *longest ? affix.bytes.len : *longest;
	uint64_t hash = hash_affix(&affix);
	set_bit(lexicon->affix_filter, hash >> 32);
	uint32_t first = table_find(&lexicon->affix_table, hash, same_affix, lexicon, &affix);
	if (first == LEXICON_NONE)
		return table_put(&lexicon->affix_table, hash, index, hash_affix_at, lexicon);
	lexicon->wildcards[index].next = lexicon->wildcards[first].next;
	lexicon->wildcards[first].next = index;
	return BASE_OK;
}

/* Whether the pattern covers the whole word; linear, as * takes as little as it can. */
static bool covers(struct base_span pattern, struct base_span word)
{
	size_t p = 0, w = 0, star = SIZE_MAX, resume = 0;
	while (w < word.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			resume = w;
		} else if (p < pattern.len && pattern.ptr[p] == word.ptr[w]) {
			p++;
			w++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			w = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

struct found {
	uint32_t *out;
	size_t count, max;
};

static void take_matching(const struct lexicon *lexicon, uint32_t head, struct base_span word, struct found *found)
{
	for (uint32_t i = head; i != LEXICON_NONE && found->count < found->max; i = lexicon->wildcards[i].next)
		if (covers(lexicon_word(lexicon, lexicon->wildcards[i].symbol), word))
			found->out[found->count++] = lexicon->wildcards[i].symbol;
}

static void try_affix(const struct lexicon *lexicon, uint64_t hash, struct affix affix, struct base_span word,
                      struct found *found)
{
	uint32_t head = table_find(&lexicon->affix_table, hash, same_affix, lexicon, &affix);
	if (head != LEXICON_NONE)
		take_matching(lexicon, head, word, found);
}

static void try_starts(const struct lexicon *lexicon, struct base_span word, struct found *found)
{
	size_t most = word.len < lexicon->longest_prefix ? word.len : lexicon->longest_prefix;
	uint64_t hash = FNV_OFFSET;
	for (size_t len = 1; len <= most; len++) {
		hash = step(hash, (unsigned char)word.ptr[len - 1]);
		uint64_t whole = finish(hash);
		if (lexicon->prefix_lens[len] && has_bit(lexicon->affix_filter, whole >> 32))
			try_affix(lexicon, whole, (struct affix){{word.ptr, len}, false}, word, found);
	}
}

static void try_ends(const struct lexicon *lexicon, struct base_span word, struct found *found)
{
	size_t most = word.len < lexicon->longest_suffix ? word.len : lexicon->longest_suffix;
	uint64_t hash = FNV_OFFSET ^ SUFFIX_SEED;
	for (size_t len = 1; len <= most; len++) {
		const char *start = word.ptr + word.len - len;
		hash = step(hash, (unsigned char)*start);
		uint64_t whole = finish(hash);
		if (lexicon->suffix_lens[len] && has_bit(lexicon->affix_filter, whole >> 32))
			try_affix(lexicon, whole, (struct affix){{start, len}, true}, word, found);
	}
}

size_t lexicon_wildcards(const struct lexicon *lexicon, struct base_span word, uint32_t *out, size_t max)
{
	struct found found = {out, 0, max};
	if (!lexicon->wildcard_count || word.len > TEXT_WORD_MAX)
		return 0;
	try_starts(lexicon, word, &found);
	try_ends(lexicon, word, &found);
	if (lexicon->infix_head != LEXICON_NONE && may_have_infix(lexicon, word))
		take_matching(lexicon, lexicon->infix_head, word, &found);
	return found.count;
}
