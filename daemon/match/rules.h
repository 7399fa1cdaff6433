/* A compiled rule set: expressions, rules, systems and actors. */
#ifndef MATCH_RULES_H
#define MATCH_RULES_H

#include "lexicon.h"
#include "wirewatch/match.h"

enum group_of {
	GROUP_TERMS,
	GROUP_SYSTEMS,
	GROUP_ACTORS,
	/* of details only: their names are no built-in sets */
	GROUP_THINGS,
	GROUP_NUMBERS,
	GROUP_CURRENCIES,
};

struct group { /* terms of which any one will do */
	enum group_of of;
	uint32_t id;
	bool parts;            /* the last part of "hand-held" counts too */
	const uint32_t *terms; /* sorted; GROUP_TERMS only */
	size_t count;
	const uint8_t *bits; /* of large groups: bit t is set for term t */
	size_t bit_count;
};

enum node_kind {
	NODE_GROUP,
	NODE_AND,
	NODE_OR,
	NODE_NOT, /* left NOT right; left is NULL for a NOT of its own */
	NODE_NEAR,
	NODE_ONEAR,
	NODE_NOT_NEAR,
	NODE_NOT_ONEAR,
	NODE_SENTENCE,
	NODE_ATLEAST,
	NODE_TITLE,
	NODE_LEAD,
	NODE_LANG,
	NODE_SOURCE,
};

struct node { /* of an expression; one operand is left */
	enum node_kind kind;
	uint32_t n;     /* words between, or how many */
	uint32_t size;  /* nodes below and itself, those of sets counted as often as they are asked for */
	uint32_t depth; /* of the longest way down */
	const struct node *left, *right;
	const struct group *group;
	char lang[4];
	struct base_span source; /* a feed's host, URL or name */
};

#define RULE_LANGS_MAX 8

struct alternative { /* one of several expressions of which any one will do */
	const struct node *node;
	const char *text, *file; /* as it is written, for explanations */
	size_t line;
};

enum rule_part { PART_WHEN, PART_GUARD, PART_BLOCK, PART_GIVEN, PART_UNLESS, PART_COUNT };

struct rule {
	const char *name;
	const char *file;
	size_t line;
	struct { /* the same as when, guard ..., one by one */
		const struct alternative *items;
		size_t count;
	} parts[PART_COUNT];
	enum match_class class;
	const struct node *when, *guard, *block, *given, *unless; /* all but when may be NULL */
	const struct group *trigger;                              /* the leftmost group of when */
	char langs[RULE_LANGS_MAX][4];
	size_t lang_count;
	char languages[RULE_LANGS_MAX * 4]; /* the same, "en,uk" */
};

struct entity { /* a system or an actor; of details: a thing, a number or a currency */
	const char *name;
	enum group_of of;
	uint64_t value;           /* GROUP_NUMBERS */
	const struct node *needs; /* of its ambiguous aliases; NULL: none */
};

enum alias_kind {
	ALIAS_SURE,
	ALIAS_AMBIGUOUS, /* counts only where the entity's needs are met */
	ALIAS_EXCEPT,    /* covers other aliases, names nothing */
};

struct alias {
	uint32_t entity;
	enum alias_kind kind;
	uint32_t next; /* alias of the same term */
};

struct link {
	uint32_t from, to;
};

struct links { /* of each `from` a list of `to`: items[starts[from]] up to starts[from + 1] */
	struct link *pairs; /* while they are collected */
	size_t pair_count, pair_cap;
	uint32_t *starts, *items;
};

enum furniture_kind { /* where the words stand */
	FURNITURE_STARTS,   /* at the start of a sentence */
	FURNITURE_CONTAINS, /* anywhere in it */
	FURNITURE_HEADINGS, /* alone in a line, above links */
	FURNITURE_ENDS,     /* alone in a line, after which nothing is the item's own */
};

struct furniture {
	enum furniture_kind kind;
	bool colon;    /* a colon must follow */
	uint32_t next; /* of the same term */
};

struct heads { /* what hangs on a term; LEXICON_NONE: nothing */
	uint32_t alias, furniture;
};

enum hit_flag { /* of a term found */
	/* where it stands */
	HIT_PART_LEFT = 1,  /* joined to a word before it: the "held" of "hand-held" */
	HIT_PART_RIGHT = 2, /* ... or after it */
	/* what it names here */
	HIT_SYSTEM = 4,
	HIT_ACTOR = 8,
	/* what its term may be */
	HIT_LEADS = 16, /* some rule is tried where it occurs */
	HIT_ALIAS = 32,
	HIT_FURNITURE = 64,
	HIT_OPENS = 128, /* a pattern of roles may start with it */
	HIT_OF_TERM = HIT_LEADS | HIT_ALIAS | HIT_FURNITURE | HIT_OPENS,
};

enum role_step_kind { STEP_WORDS, STEP_SUPPLIER, STEP_RECIPIENT, STEP_GAP };

struct role_step {
	enum role_step_kind kind;
	const struct node *words; /* STEP_WORDS: what stands there; an actor: what it must be besides, or NULL */
};

struct role_pattern { /* who gives, who gets: read from left to right */
	const struct role_step *steps;
	size_t count;
};

struct sign { /* of a currency: "€", "US$" */
	struct base_span text;
	uint32_t entity;
};

/* Words that help to read who gives what to whom; each a set (or several with OR), or NULL. */
enum detail_words {
	DETAIL_SKIP,      /* may stand between the steps of a pattern: "the", "has", "already" */
	DETAIL_BODY,      /* belong to the actor before: "army", "government" */
	DETAIL_JOINS,     /* make a list of actors: "and" */
	DETAIL_NOT_AFTER, /* an actor after these starts no pattern: "from", "against" */
	DETAIL_NOT_BEFORE, /* an actor before these ends no pattern: "to" do something */
	DETAIL_ENDS,      /* what stands before these is whole: "in", "on", "last" */
	DETAIL_CLAUSES,   /* another statement starts: "who", "said", "while" */
	DETAIL_UNITS,     /* stand beside what is counted: "more", "launchers", "batteries of" */
	DETAIL_BOUNDS,    /* a number after these is a bound, no count: "up to", "than" */
	DETAIL_RANGES,    /* numbers on both sides of these make a range: "to", "or" */
	DETAIL_WORDS_COUNT,
};

struct details {
	const struct node *words[DETAIL_WORDS_COUNT];
	struct role_pattern *patterns;
	size_t pattern_count, pattern_cap;
	struct sign *signs;
	size_t sign_count, sign_cap;
};

#define WAY_NEEDS 3

struct way { /* to a rule: one of the expressions that its `when` joins with OR */
	uint32_t rule;
	uint32_t needs[WAY_NEEDS]; /* slots of groups that must occur, the rarest; 0: none */
	const struct node *node;
};

struct named_set {
	const char *name;
	const struct node *node;
};

struct match_rules {
	struct base_arena *arena;
	struct details details;
	struct lexicon lexicon;
	struct rule *rules;
	size_t rule_count, rule_cap;
	struct entity *entities;
	size_t entity_count, entity_cap;
	struct table entity_table; /* by kind and name; while rules load */
	struct alias *aliases;
	size_t alias_count, alias_cap;
	struct furniture *furniture;
	size_t furniture_count, furniture_cap;
	const struct node *tail; /* what the title or lead must hold for the rest to count; NULL: nothing */
	struct heads *heads; /* one a term */
	size_t head_count, head_cap;
	uint8_t *term_flags; /* one a term: the hit flags that its hits may have; small enough to stay in the caches */
	struct named_set *sets;
	size_t set_count, set_cap;
	size_t group_count;
	const struct group *builtin[GROUP_ACTORS + 1]; /* $systems and $actors, if some expression asks for them */
	/*
	 * Groups that some `when` asks for have slots, from 1 on: they are one in
	 * eight, so that what is known of them in a sentence stays in the caches.
	 */
	uint32_t *group_slots;    /* one a group; 0: none */
	size_t *group_weights;    /* of those with slots, how often they are met; while the index is made */
	size_t slot_count;        /* with the unused slot 0 */
	struct links term_slots;  /* of each term the groups that have it */
	struct links slot_ways;   /* to rules, when a group occurs: indices in ways */
	struct way *ways;
	size_t way_count, way_cap;
};

/* rule_index.c: reach each rule by the terms of its most selective required part. */
bool rules_can_be_reached(const struct node *when);
enum base_result rules_index(struct match_rules *rules);
void links_free(struct links *links);
/* Make sure that heads has a cell for every term of the lexicon. */
enum base_result rules_grow_heads(struct match_rules *rules);

#endif
