/* A compiled rule set: expressions, rules, systems and actors. */
#ifndef MATCH_RULES_H
#define MATCH_RULES_H

#include "lexicon.h"
#include "wirewatch/match.h"

enum group_of { GROUP_TERMS, GROUP_SYSTEMS, GROUP_ACTORS };

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
};

struct node { /* of an expression; one operand is left */
	enum node_kind kind;
	uint32_t n; /* words between, or how many */
	const struct node *left, *right;
	const struct group *group;
	char lang[4];
};

#define RULE_LANGS_MAX 8

struct rule {
	const char *name;
	enum match_class class;
	const struct node *when, *guard, *block, *given, *unless; /* all but when may be NULL */
	const struct group *trigger;                              /* the leftmost group of when */
	char langs[RULE_LANGS_MAX][4];
	size_t lang_count;
};

struct entity { /* a system or an actor */
	const char *name;
	enum group_of of;
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

struct link { /* a rule to be tried when a term occurs */
	uint32_t rule, next;
};

struct heads { /* what hangs on a term; LEXICON_NONE: nothing */
	uint32_t alias, rule;
};

struct match_rules {
	struct base_arena *arena;
	struct lexicon lexicon;
	struct rule *rules;
	size_t rule_count, rule_cap;
	struct entity *entities;
	size_t entity_count, entity_cap;
	struct alias *aliases;
	size_t alias_count, alias_cap;
	struct link *links;
	size_t link_count, link_cap;
	struct heads *heads; /* one a term */
	size_t head_count, head_cap;
	size_t group_count;
};

/* rule_index.c: reach each rule by the terms of its most selective required part. */
bool rules_can_be_reached(const struct match_rules *rules, const struct node *when);
enum base_result rules_index(struct match_rules *rules);
/* Make sure that heads has a cell for every term of the lexicon. */
enum base_result rules_grow_heads(struct match_rules *rules);

#endif
