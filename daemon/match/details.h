/* What an event says besides its class: who gives, who gets, how many, how much. */
#ifndef MATCH_DETAILS_H
#define MATCH_DETAILS_H

#include "scratch.h"

#define DETAIL_ROLE_MAX 8
#define DETAIL_AMOUNTS_MAX 8
#define DETAIL_ACTORS_MAX 64

enum role { ROLE_SUPPLIER, ROLE_RECIPIENT };
#define ROLE_COUNT 2

struct cast { /* who plays a role: entities, as they appear */
	uint32_t entities[DETAIL_ROLE_MAX];
	size_t count;
	bool torn; /* two readings: nobody is named */
};

/* An event's details so far; the first sentence that names somebody for a role decides. */
struct details_found {
	struct cast roles[ROLE_COUNT];
	struct match_quantity quantities[DETAIL_AMOUNTS_MAX];
	size_t quantity_count;
	struct match_money money[DETAIL_AMOUNTS_MAX];
	size_t money_count;
};

struct actor { /* an actor named in the sentence */
	uint32_t first, last; /* tokens, last inclusive */
	uint32_t entity;      /* LEXICON_NONE: two actors share the name */
	bool part;            /* of a word joined by a hyphen: US-made */
	bool starts;          /* may stand where a pattern names no word before it; roles.c knows */
};

/* One sentence under study. */
struct view {
	const struct match_scratch *scratch;
	const struct details *details;
	uint32_t sentence;
	uint32_t first, end; /* tokens, end exclusive */
	uint32_t hit_at[SENTENCE_TOKENS_MAX + 1]; /* the first hit that starts at each token or later */
	const uint32_t *marks; /* hits that the rules rest on */
	size_t mark_count;
	struct actor actors[DETAIL_ACTORS_MAX];
	size_t actor_count;
	size_t mention, mention_end; /* of the sentence */
	size_t budget; /* steps left: hostile texts get no details */
};

/* details.c */
/* The longest hit of words that starts at token; *last is its last token. False for NULL words. */
bool view_words_at(const struct view *view, const struct node *words, uint32_t token, uint32_t *last);
/* The same, ending right before token. */
bool view_words_before(const struct view *view, const struct node *words, uint32_t token, uint32_t *first);
/* The entity of a kind that the longest hit at token names, or LEXICON_NONE. */
uint32_t view_entity_at(const struct view *view, enum group_of of, uint32_t token, uint32_t *last);
/* The actor that covers token, or NULL. */
const struct actor *view_actor(const struct view *view, uint32_t token);
bool view_is_marked(const struct view *view, uint32_t first, uint32_t last);
/* Whether what ends before token is whole: the end, punctuation, a number or one of the words `ends` follows. */
bool view_ends(const struct view *view, uint32_t token);
bool view_breaks(const struct view *view, uint32_t token);

/* Add what the sentence says about the class whose rules rest on these hits. */
void details_add(struct match_scratch *scratch, uint32_t sentence, const uint32_t *marks, size_t mark_count,
                 struct details_found *found);
enum base_result details_put(struct match_scratch *scratch, const struct details_found *found,
                             struct match_event *event);

/* roles.c */
void roles_read(struct view *view, struct cast out[ROLE_COUNT]);
/* amounts.c */
void amounts_read(struct view *view, struct details_found *found);

#endif
