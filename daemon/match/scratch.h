/* One thread's working memory for matching, and the steps that fill it. */
#ifndef MATCH_SCRATCH_H
#define MATCH_SCRATCH_H

#include "rules.h"
#include "short_word.h"

struct hit { /* a term found */
	uint32_t term;
	uint32_t first, last; /* tokens, last inclusive */
	uint32_t flags;
};

struct interval { /* of tokens of one sentence, last inclusive */
	uint32_t first, last;
	uint32_t mark, mark_count; /* the hits that it rests on: indices in marks */
};

struct list { /* of intervals, none inside another, in order */
	uint32_t start, count;
	bool always; /* true without a place: NOT or lang: holds */
};

struct mention { /* of a system or an actor */
	uint32_t entity, hit;
};

struct firing { /* a rule fired in a sentence */
	uint32_t rule, sentence;
	uint32_t mark, mark_count; /* tokens to be marked: indices in kept_marks */
};

struct group_entry { /* a hit of a group, in the order of the text */
	uint32_t hit, next;
};

struct group_hits { /* of a group in the present sentence: valid if stamp is the scratch's */
	uint32_t stamp, first, last;
};

#define TERM_BITS 512

#define MEMO_WORD_MAX 45 /* bytes */

struct memo_cell { /* the wildcards that a word matches */
	struct word_ends ends; /* short_word.h; all there is of most words */
	uint32_t symbols[4];
	uint8_t len; /* 0: free */
	uint8_t count;
	bool cased;
	char middle[MEMO_WORD_MAX - 16]; /* of a longer word: what its ends do not hold */
};
#define MEMO_CELLS 16384 /* 1 MiB */

struct paragraph { /* of the text, in sentences, last inclusive */
	uint32_t first, last;
	uint32_t words;
	bool heading, ends; /* see enum furniture_kind */
};

struct state { /* of a rule or a group within this item: valid if stamp is the item's */
	uint32_t stamp;
	uint32_t value;
};

struct ballot { /* a common word of some languages */
	uint64_t word;  /* short_word.h */
	size_t len;     /* 0: free */
	uint64_t votes; /* a byte a language */
};
#define BALLOTS 256 /* a hash table; searching a list took three times as long */

struct answer { /* of an expression for this item: valid if stamp is the item's */
	const struct node *node;
	uint32_t stamp;
	bool holds;
};
#define ANSWERS 256 /* a power of two */

struct match_scratch {
	const struct match_rules *rules;
	const struct match_input *input; /* of the present item */
	struct text text;
	struct memo_cell *memo;
	struct ballot ballots[BALLOTS];
	uint32_t *symbols; /* of all tokens */
	size_t symbol_count, symbol_cap;
	uint32_t *symbol_starts; /* one a token and one more */
	size_t symbol_start_cap;
	struct hit *hits;
	size_t hit_count, hit_cap;
	uint32_t *sentence_hits; /* the first hit of each sentence and one more */
	size_t sentence_hit_cap;
	struct paragraph *paragraphs;
	size_t paragraph_count, paragraph_cap;
	bool has_furniture;
	uint32_t *alias_hits; /* in order */
	size_t alias_hit_count, alias_hit_cap;
	struct mention *mentions;
	size_t mention_count, mention_cap;
	struct firing *firings;
	size_t firing_count, firing_cap;
	uint32_t *kept_marks; /* hits */
	size_t kept_mark_count, kept_mark_cap;
	/* one sentence */
	uint32_t *slots;      /* of the groups that occur, in the order in which they are met; room for all and one more */
	size_t slot_count;
	uint32_t *slots_seen; /* one a slot: it occurs if this is the present stamp */
	uint32_t group_sentence; /* the sentence read + 1; 0: none */
	uint32_t group_stamp;
	bool groups_listed;   /* what follows is of this sentence, too */
	struct group_hits *group_hits; /* one a slot */
	struct group_entry *group_entries;
	size_t group_entry_count, group_entry_cap;
	uint64_t term_bits[TERM_BITS / 64]; /* term t of the sentence sets bit t % TERM_BITS */
	/* one evaluation */
	struct interval *intervals;
	size_t interval_count, interval_cap;
	uint32_t *marks; /* hits */
	size_t mark_count, mark_cap;
	uint32_t *consumed; /* one a token: the evaluation whose guard used it up */
	size_t consumed_cap;
	uint32_t evaluation;
	bool guarded; /* hits on consumed tokens do not count */
	uint32_t sentence;
	enum base_result failed;
	/* one item */
	uint32_t item;
	struct state *group_seen;   /* one a group */
	struct answer answers[ANSWERS]; /* each expression has one place for its own; another may take it */
	struct state *rule_item;    /* one a rule: whether given, unless and lang let it pass */
	struct state tail;          /* whether `tail` holds */
	struct state *rule_tried;   /* one a rule: the last sentence tried + 1 */
	struct state *entity_needs; /* one an entity */
	uint32_t *entity_told;      /* one an entity: the item in which it was listed or explained */
	uint16_t class_counts[MATCH_CLASS_COUNT];
	char language[12];
	struct base_arena *arena; /* what the result is made of */
	struct match_result result;
};

/* hits.c: finds all terms in the text. */
enum base_result hits_find(struct match_scratch *scratch);
/* furniture.c: drops the hits of what is none of the item's own text. */
enum base_result furniture_find(struct match_scratch *scratch);
/* groups.c: reads which groups occur in the sentence, unless it was the last one read. */
void groups_read(struct match_scratch *scratch, uint32_t sentence);
/* The same of all sentences together; for groups_may_hold alone. */
void groups_read_all(struct match_scratch *scratch);
/* To be called when hits or their flags change. */
void groups_forget(struct match_scratch *scratch);
/* Whether the group of that slot occurs in the sentence read. */
bool groups_has(const struct match_scratch *scratch, uint32_t slot);
/* The first of its hits in the sentence read: an index in group_entries, or LEXICON_NONE. Sees scratch->failed. */
uint32_t groups_first(struct match_scratch *scratch, uint32_t slot);
/* False if none of the terms of a small group without a slot occurs in the sentence read. */
bool groups_may_have(struct match_scratch *scratch, const struct group *group);
/* False if the way cannot hold in what was read, by its groups alone. */
bool groups_may_hold(const struct match_scratch *scratch, const struct way *way);
/* mentions.c: which hits name systems and actors. */
enum base_result mentions_find(struct match_scratch *scratch);
/* language.c */
void language_guess(const struct text *text, const struct ballot ballots[BALLOTS], struct base_span given,
                    char out[12]);
/* Fills the empty ballots. */
void language_index(struct ballot ballots[BALLOTS]);

/* source.c: whether a feed's host (or a domain above it), URL or name is `wanted`, without regard to case. */
bool source_is(const struct match_input *input, struct base_span wanted);
/* eval.c: the intervals of an expression in a sentence; sees scratch->failed. */
struct list eval_sentence(struct match_scratch *scratch, const struct node *node, uint32_t sentence);
bool eval_holds(struct list list);
/* Whether an expression holds for the whole item. */
bool eval_item(struct match_scratch *scratch, const struct node *node);
void eval_reset(struct match_scratch *scratch);
/* False if the last evaluation grew beyond its limits, which is then forgotten: it counts as not holding. */
bool eval_within_limits(struct match_scratch *scratch);
bool eval_hit_counts(const struct match_scratch *scratch, const struct group *group, const struct hit *hit);

/* judge.c: one rule in one sentence. */
/* *found: the intervals of when, valid until the next evaluation. */
enum match_verdict judge(struct match_scratch *scratch, uint32_t rule, uint32_t sentence, struct list *found);

/* result.c: from firings to events. */
enum base_result result_make(struct match_scratch *scratch);
/* evidence.c: a sentence with marks; copies into the scratch's arena. */
enum base_result evidence_make(struct match_scratch *scratch, uint32_t sentence, const uint32_t *hits, size_t hit_count,
                               struct match_evidence *out);
/* Prepare the scratch for an item: text, hits, mentions. run.c */
enum base_result run_read(const struct match_rules *rules, struct match_scratch *scratch,
                          const struct match_input *input);

#endif
