/* The rule language: from text to a tree. */
#ifndef MATCH_EXPRESSION_H
#define MATCH_EXPRESSION_H

#include "rules.h"

enum lex_kind {
	LEX_END,
	LEX_OPEN,
	LEX_CLOSE,
	LEX_AND,
	LEX_OR,
	LEX_NOT,
	LEX_NEAR,
	LEX_ONEAR,
	LEX_SENTENCE,
	LEX_ATLEAST,
	LEX_FIELD, /* text: title, lead, lang or case */
	LEX_SET,   /* text: the name without $ */
	LEX_TERM,
	LEX_BAD, /* text: why */
};

struct lex {
	enum lex_kind kind;
	struct base_span text;
	bool quoted;
	uint32_t n;
	size_t start; /* byte offset in the expression */
};

struct lexer {
	struct base_span in;
	size_t at;
};
struct lex lexer_next(struct lexer *lexer);

/* Where an expression is written, for messages. */
struct place {
	const char *file;
	size_t line;
	struct base_problems *problems;
	struct base_span bytes; /* of the whole file, for quotes; may be none */
	size_t column;          /* where the value starts in its line */
};
/*
 * mistake.c: say what is wrong at byte `at` of the text that starts at the
 * place's line, with the file's own line and column and a caret.
 */
void place_problem(const struct place *place, struct base_span text, size_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * What a $name stands for, or NULL: BASE_NOT_FOUND if there is no such set,
 * BASE_INVALID if it is being read, so contains itself; BASE_LIMIT if sets ask
 * for each other too many levels deep; BASE_SYNTAX if what is
 * wrong in it was said.
 */
typedef const struct node *expression_set_fn(void *ctx, struct base_span name, enum base_result *result);

struct expression_context {
	struct match_rules *rules;
	expression_set_fn *set;
	void *ctx;
};

/* BASE_SYNTAX: a problem was said. */
enum base_result expression_parse(const struct expression_context *context, struct base_span text,
                                  const struct place *place, const struct node **out);
/* With all its sets: evaluating it would take too long, or too much of the stack. */
bool expression_is_too_large(const struct node *node);
/* Whether text is a bare phrase, without operator, quotes or set. */
bool expression_is_phrase(struct base_span text);
/* A group of its own of the terms, which are sorted in place. */
enum base_result expression_group(struct match_rules *rules, uint32_t *terms, size_t count, bool parts,
                                  const struct node **out);
/* left OR right; either may be NULL. Groups of the same kind are united. */
enum base_result expression_or(struct match_rules *rules, const struct node *left, const struct node *right,
                               const struct node **out);

#endif
