/*
 * The words and phrases of all rules. Words become symbols; a term is a path
 * of symbols through a trie. Built while rules load, then only read.
 */
#ifndef MATCH_LEXICON_H
#define MATCH_LEXICON_H

#include "text.h"

#define LEXICON_NONE UINT32_MAX
#define LEXICON_TERMS_MAX ((size_t)1 << 20)
#define LEXICON_FILTER 65536 /* bits */
#define LEXICON_SYMBOLS_MAX 256 /* of one token: itself, its cased form, wildcards */

struct table { /* open addressing; cells hold an index + 1, and above it half of the hash: most others are known by that */
	uint64_t *cells;
	uint64_t *filter; /* four bits a cell, one of them set for each index: small enough to stay in the caches */
	size_t cap, used;
};

struct word {
	uint32_t offset; /* into bytes */
	uint16_t len;
	bool cased : 1;       /* some term asks for this word in a certain case */
	bool inner : 1;       /* some term goes on with it */
	bool more : 1;        /* as the node children[0] has it, after lexicon_seal: one cache line then answers for a word */
	uint32_t end;         /* ... */
	uint32_t children[2]; /* of the two roots, by which most terms go; LEXICON_NONE: none */
};

struct wildcard {
	uint32_t symbol;
	uint32_t next; /* with the same literal start or end */
};

struct edge {
	uint32_t node, symbol, child;
};

struct lexicon_node {
	uint32_t end; /* the term that ends here */
	bool more;    /* terms go on from here */
};

struct term {
	bool open_left, open_right;  /* starts or ends with a wildcard */
	uint32_t letters;            /* code points as it was written */
};

struct lexicon {
	struct base_buf bytes; /* texts of words */
	struct word *words;    /* index = symbol */
	size_t word_count, word_cap;
	struct table word_table;
	struct wildcard *wildcards;
	size_t wildcard_count, wildcard_cap;
	struct table affix_table;                  /* literal starts and ends */
	uint8_t prefix_lens[TEXT_WORD_MAX + 1];    /* 1 where some wildcard has a literal start of that length */
	uint8_t suffix_lens[TEXT_WORD_MAX + 1];
	size_t longest_prefix, longest_suffix;     /* beyond it there is nothing to look up */
	uint32_t infix_head;                       /* wildcards with neither */
	uint64_t affix_filter[LEXICON_FILTER / 64]; /* bits of the hashes of starts and ends: most words miss them all */
	uint64_t infix_filter[LEXICON_FILTER / 64]; /* ... of the first bytes inside the others */
	bool long_infixes, short_infixes;           /* which lengths of first bytes there are */
	struct edge *edges;
	size_t edge_count, edge_cap;
	struct table edge_table;
	struct lexicon_node *nodes;
	size_t node_count, node_cap;
	struct term *terms;
	size_t term_count, term_cap;
	uint32_t number; /* the symbol of any number; LEXICON_NONE until asked for */
	struct text text;     /* for reading terms */
};

enum base_result lexicon_init(struct lexicon *lexicon);
void lexicon_free(struct lexicon *lexicon);
/* BASE_INVALID: *why says what is wrong with the term. */
enum base_result lexicon_add(struct lexicon *lexicon, struct base_span written, bool cased, uint32_t *term,
                             const char **why);
enum base_result lexicon_add_number(struct lexicon *lexicon, uint32_t *term);
/* To be called after the last term. */
void lexicon_seal(struct lexicon *lexicon);

/* ---- symbols (symbols.c, wildcard.c) ------------------------------------------- */

uint64_t lexicon_hash(const void *bytes, size_t len, uint64_t seed);
uint32_t lexicon_find_word(const struct lexicon *lexicon, struct base_span word);
enum base_result lexicon_add_word(struct lexicon *lexicon, struct base_span word, uint32_t *symbol, bool *fresh);
enum base_result lexicon_add_wildcard(struct lexicon *lexicon, uint32_t symbol);
/* The wildcards that a word matches, at most max; every one is tried. */
size_t lexicon_wildcards(const struct lexicon *lexicon, struct base_span word, uint32_t *out, size_t max);
struct base_span lexicon_word(const struct lexicon *lexicon, uint32_t symbol);

/* table.c: the cell of hash for which same() is true, or the free one to fill. */
typedef bool table_same_fn(const void *ctx, uint32_t index, const void *key);
uint32_t table_find(const struct table *table, uint64_t hash, table_same_fn *same, const void *ctx, const void *key);
typedef uint64_t table_hash_fn(const void *ctx, uint32_t index);
void table_free(struct table *table);
enum base_result table_put(struct table *table, uint64_t hash, uint32_t index, table_hash_fn *hash_of, const void *ctx);

/* ---- the trie ---------------------------------------------------------------------- */

enum { LEXICON_ROOT, LEXICON_TIGHT_ROOT }; /* tight: "S-300" must be written joined, not "S 300" */
uint32_t lexicon_child(const struct lexicon *lexicon, uint32_t node, uint32_t symbol);

#endif
