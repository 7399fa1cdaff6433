/*
 * Parses the rule language. Binding, tightest first: NEAR and ONEAR, then
 * NOT, then AND, then OR.
 */
#include "expression.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64    /* brackets inside each other */
#define SIZE_MOST 20000u /* nodes of an expression with all its sets: so many steps a sentence may take */
#define DEPTH_MOST 2000u /* evaluation goes down on the stack */
#define BIT_GROUP_MIN 9 /* smaller groups are searched, not looked up */

struct parser {
	const struct expression_context *context;
	const struct place *place;
	struct lexer lexer;
	struct lex now;
	unsigned depth;
	enum base_result failed;
};

/* ---- nodes and groups ----------------------------------------------------------- */

static struct node *new_node(struct match_rules *rules, enum node_kind kind, const struct node *left,
                             const struct node *right)
{
	struct node *node = base_arena_alloc(rules->arena, sizeof *node);
	if (!node)
		return NULL;
	uint32_t sizes = (left ? left->size : 0) + (right ? right->size : 0);
	uint32_t a = left ? left->depth : 0, b = right ? right->depth : 0;
	*node = (struct node){.kind = kind, .left = left, .right = right, .depth = (a > b ? a : b) + 1};
	node->size = sizes < UINT32_MAX / 4 ? sizes + 1 : sizes; /* far beyond the limit: no overflow */
	return node;
}

bool expression_is_too_large(const struct node *node)
{
	return node->size > SIZE_MOST || node->depth > DEPTH_MOST;
}

static int compare_terms(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static bool fill_bits(struct match_rules *rules, struct group *group)
{
	if (group->count < BIT_GROUP_MIN)
		return true;
	group->bit_count = (size_t)group->terms[group->count - 1] + 1;
	uint8_t *bits = base_arena_alloc(rules->arena, group->bit_count / 8 + 1);
	if (!bits)
		return false;
	for (size_t i = 0; i < group->count; i++)
		bits[group->terms[i] / 8] |= (uint8_t)(1u << group->terms[i] % 8);
	group->bits = bits;
	return true;
}

static const struct node *group_node(struct match_rules *rules, struct group *group)
{
	struct node *node = new_node(rules, NODE_GROUP, NULL, NULL);
	if (!node)
		return NULL;
	group->id = (uint32_t)rules->group_count++;
	node->group = group;
	return node;
}

/* Of sorted terms, some of them perhaps twice. */
static enum base_result sorted_group(struct match_rules *rules, const uint32_t *terms, size_t count, bool parts,
                                     const struct node **out)
{
	struct group *group = base_arena_alloc(rules->arena, sizeof *group);
	uint32_t *copy = base_arena_alloc(rules->arena, count * sizeof *copy);
	if (!group || !copy)
		return BASE_NO_MEMORY;
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || copy[kept - 1] != terms[i])
			copy[kept++] = terms[i];
	*group = (struct group){.of = GROUP_TERMS, .parts = parts, .terms = copy, .count = kept};
	if (!fill_bits(rules, group))
		return BASE_NO_MEMORY;
	*out = group_node(rules, group);
	return *out ? BASE_OK : BASE_NO_MEMORY;
}

enum base_result expression_group(struct match_rules *rules, uint32_t *terms, size_t count, bool parts,
                                  const struct node **out)
{
	qsort(terms, count, sizeof *terms, compare_terms);
	return sorted_group(rules, terms, count, parts, out);
}

/* Merged, not sorted anew: a long list of words is united word by word. */
static void unite(const struct group *a, const struct group *b, uint32_t *out)
{
	size_t i = 0, k = 0;
	while (i < a->count || k < b->count)
		if (k == b->count || (i < a->count && a->terms[i] <= b->terms[k]))
			*out++ = a->terms[i++];
		else
			*out++ = b->terms[k++];
}

static bool can_unite(const struct node *left, const struct node *right)
{
	return left->kind == NODE_GROUP && right->kind == NODE_GROUP && left->group->of == GROUP_TERMS &&
	       right->group->of == GROUP_TERMS && left->group->parts == right->group->parts;
}

enum base_result expression_or(struct match_rules *rules, const struct node *left, const struct node *right,
                               const struct node **out)
{
	if (!left || !right) {
		*out = left ? left : right;
		return BASE_OK;
	}
	if (!can_unite(left, right)) {
		*out = new_node(rules, NODE_OR, left, right);
		return *out ? BASE_OK : BASE_NO_MEMORY;
	}
	const struct group *a = left->group, *b = right->group;
	uint32_t *terms = malloc((a->count + b->count) * sizeof *terms);
	if (!terms)
		return BASE_NO_MEMORY;
	unite(a, b, terms);
	enum base_result result = sorted_group(rules, terms, a->count + b->count, a->parts, out);
	free(terms);
	return result;
}

/* ---- the parser ------------------------------------------------------------------- */

static const struct node *parse_or(struct parser *parser);

static const struct node *fail(struct parser *parser, struct base_span why)
{
	if (parser->failed)
		return NULL;
	place_problem(parser->place, parser->lexer.in, parser->now.start, "%.*s", (int)why.len, why.ptr);
	parser->failed = BASE_SYNTAX;
	return NULL;
}

static const struct node *fail_text(struct parser *parser, const char *why)
{
	return fail(parser, base_span_of(why));
}

static void advance(struct parser *parser)
{
	parser->now = lexer_next(&parser->lexer);
	if (parser->now.kind == LEX_BAD)
		(void)fail(parser, parser->now.text);
}

static struct node *fail_node(struct parser *parser)
{
	(void)fail_text(parser, "too large an expression, with all its sets");
	return NULL;
}

static struct node *make(struct parser *parser, enum node_kind kind, const struct node *left, const struct node *right)
{
	if (parser->failed)
		return NULL;
	struct node *node = new_node(parser->context->rules, kind, left, right);
	if (!node)
		parser->failed = BASE_NO_MEMORY;
	else if (expression_is_too_large(node))
		return fail_node(parser);
	return node;
}

static const struct node *parse_term(struct parser *parser, bool cased)
{
	struct match_rules *rules = parser->context->rules;
	const char *why = NULL;
	const struct node *node = NULL;
	uint32_t term;
	enum base_result result = lexicon_add(&rules->lexicon, parser->now.text, cased, &term, &why);
	if (result == BASE_INVALID)
		return fail_text(parser, why);
	if (!result)
		result = expression_group(rules, &term, 1, false, &node);
	if (result)
		parser->failed = result;
	advance(parser);
	return node;
}

static const struct node *parse_builtin(struct parser *parser, enum group_of of)
{
	struct match_rules *rules = parser->context->rules;
	const struct node *node = NULL;
	struct node *again = rules->builtin[of] ? new_node(rules, NODE_GROUP, NULL, NULL) : NULL;
	struct group *group = rules->builtin[of] ? NULL : base_arena_alloc(rules->arena, sizeof *group);
	if (again) {
		again->group = rules->builtin[of];
		node = again;
	} else if (group) {
		*group = (struct group){.of = of, .parts = true};
		node = group_node(rules, group);
		rules->builtin[of] = group;
	}
	if (!node)
		parser->failed = BASE_NO_MEMORY;
	return node;
}

static const struct node *parse_number(struct parser *parser)
{
	struct match_rules *rules = parser->context->rules;
	uint32_t term;
	const struct node *node = NULL;
	enum base_result result = lexicon_add_number(&rules->lexicon, &term);
	if (!result)
		result = expression_group(rules, &term, 1, true, &node);
	if (result)
		parser->failed = result;
	return node;
}

static const struct node *fail_set(struct parser *parser, struct base_span name, enum base_result result)
{
	char why[160];
	(void)snprintf(why, sizeof why, result == BASE_INVALID ? "the set $%.*s contains itself"
	               : result == BASE_LIMIT ? "$%.*s: sets ask for sets too many levels deep"
	                                      : "there is no set $%.*s",
	               (int)(name.len < 100 ? name.len : 100), name.ptr);
	return fail_text(parser, why);
}

static const struct node *parse_set(struct parser *parser)
{
	struct base_span name = parser->now.text;
	const struct node *node;
	if (base_span_is(name, "systems")) {
		node = parse_builtin(parser, GROUP_SYSTEMS);
	} else if (base_span_is(name, "actors")) {
		node = parse_builtin(parser, GROUP_ACTORS);
	} else if (base_span_is(name, "number")) {
		node = parse_number(parser);
	} else {
		enum base_result result = BASE_OK;
		node = parser->context->set(parser->context->ctx, name, &result);
		if (result == BASE_NOT_FOUND || result == BASE_INVALID || result == BASE_LIMIT)
			return fail_set(parser, name, result);
		if (result)
			parser->failed = result;
	}
	if (!parser->failed && expression_is_too_large(node))
		return fail_node(parser);
	if (!parser->failed)
		advance(parser);
	return node;
}

static const struct node *parse_brackets(struct parser *parser)
{
	if (++parser->depth > DEPTH_MAX)
		return fail_text(parser, "too many brackets inside each other");
	advance(parser);
	const struct node *node = parse_or(parser);
	if (parser->failed)
		return NULL;
	if (parser->now.kind != LEX_CLOSE)
		return fail_text(parser, "a closing bracket is missing");
	parser->depth--;
	advance(parser);
	return node;
}

static const struct node *parse_lang(struct parser *parser)
{
	struct base_span lang = parser->now.text;
	if (parser->now.kind != LEX_TERM || lang.len < 2 || lang.len > 3)
		return fail_text(parser, "lang: takes a language code, such as lang:uk");
	struct node *node = make(parser, NODE_LANG, NULL, NULL);
	if (node)
		memcpy(node->lang, lang.ptr, lang.len);
	advance(parser);
	return node;
}

static const struct node *parse_source(struct parser *parser)
{
	struct base_span source = base_span_trim(parser->now.text);
	if (parser->now.kind != LEX_TERM || source.len == 0)
		return fail_text(parser, "source: takes the host, the URL or the quoted name of a feed");
	struct node *node = make(parser, NODE_SOURCE, NULL, NULL);
	if (node) {
		node->source = base_arena_copy(parser->context->rules->arena, source);
		if (!node->source.ptr)
			parser->failed = BASE_NO_MEMORY;
	}
	advance(parser);
	return node;
}

static const struct node *parse_primary(struct parser *parser);

static const struct node *parse_field(struct parser *parser)
{
	struct base_span field = parser->now.text;
	advance(parser);
	if (parser->failed)
		return NULL;
	if (base_span_is(field, "lang"))
		return parse_lang(parser);
	if (base_span_is(field, "source"))
		return parse_source(parser);
	if (base_span_is(field, "case")) {
		if (parser->now.kind != LEX_TERM)
			return fail_text(parser, "case: takes a word or a phrase in quotes");
		return parse_term(parser, true);
	}
	if (++parser->depth > DEPTH_MAX)
		return fail_text(parser, "too many fields inside each other");
	enum node_kind kind = base_span_is(field, "title") ? NODE_TITLE : NODE_LEAD;
	const struct node *inside = parse_primary(parser);
	parser->depth--;
	return make(parser, kind, inside, NULL);
}

static const struct node *parse_function(struct parser *parser, enum node_kind kind)
{
	uint32_t n = parser->now.n;
	advance(parser);
	if (parser->failed)
		return NULL;
	if (parser->now.kind != LEX_OPEN)
		return fail_text(parser, "a bracket must follow SENTENCE and ATLEAST/n");
	struct node *node = make(parser, kind, parse_brackets(parser), NULL);
	if (node)
		node->n = n;
	return node;
}

static const struct node *parse_primary(struct parser *parser)
{
	if (parser->failed)
		return NULL;
	switch (parser->now.kind) {
	case LEX_OPEN:
		return parse_brackets(parser);
	case LEX_TERM:
		return parse_term(parser, false);
	case LEX_SET:
		return parse_set(parser);
	case LEX_FIELD:
		return parse_field(parser);
	case LEX_SENTENCE:
		return parse_function(parser, NODE_SENTENCE);
	case LEX_ATLEAST:
		return parse_function(parser, NODE_ATLEAST);
	case LEX_END:
		return fail_text(parser, "something is missing at the end");
	default:
		return fail_text(parser, "a term, a $set or a bracket is expected here");
	}
}

/* Whether a place in the text can be named for it, which NEAR needs. */
static bool has_place(const struct node *node)
{
	switch (node->kind) {
	case NODE_LANG:
	case NODE_SOURCE:
		return false;
	case NODE_NOT:
		return node->left && has_place(node->left);
	case NODE_AND:
		return has_place(node->left) || has_place(node->right);
	case NODE_OR:
		return has_place(node->left) && has_place(node->right);
	default:
		return true;
	}
}

static const struct node *make_near(struct parser *parser, enum node_kind kind, uint32_t n, const struct node *left,
                                    const struct node *right)
{
	if (parser->failed)
		return NULL;
	if (!has_place(left) || !has_place(right))
		return fail_text(parser, "NEAR needs terms on both sides, not only NOT, lang: or source:");
	struct node *node = make(parser, kind, left, right);
	if (node)
		node->n = n;
	return node;
}

static const struct node *parse_near(struct parser *parser)
{
	const struct node *left = parse_primary(parser);
	while (!parser->failed && (parser->now.kind == LEX_NEAR || parser->now.kind == LEX_ONEAR)) {
		struct lex sign = parser->now;
		advance(parser);
		const struct node *right = parse_primary(parser);
		left = make_near(parser, sign.kind == LEX_NEAR ? NODE_NEAR : NODE_ONEAR, sign.n, left, right);
	}
	return left;
}

static const struct node *parse_not(struct parser *parser)
{
	const struct node *left = NULL;
	if (parser->now.kind != LEX_NOT)
		left = parse_near(parser);
	while (!parser->failed && parser->now.kind == LEX_NOT) {
		advance(parser);
		struct lex sign = parser->now;
		if (!left || (sign.kind != LEX_NEAR && sign.kind != LEX_ONEAR)) {
			left = make(parser, NODE_NOT, left, parse_near(parser));
			continue;
		}
		advance(parser);
		const struct node *right = parse_primary(parser);
		left = make_near(parser, sign.kind == LEX_NEAR ? NODE_NOT_NEAR : NODE_NOT_ONEAR, sign.n, left, right);
	}
	return left;
}

static const struct node *parse_and(struct parser *parser)
{
	const struct node *left = parse_not(parser);
	while (!parser->failed && parser->now.kind == LEX_AND) {
		advance(parser);
		left = make(parser, NODE_AND, left, parse_not(parser));
	}
	return left;
}

static const struct node *parse_or(struct parser *parser)
{
	const struct node *left = parse_and(parser);
	while (!parser->failed && parser->now.kind == LEX_OR) {
		advance(parser);
		const struct node *right = parse_and(parser), *both = NULL;
		if (parser->failed)
			break;
		parser->failed = expression_or(parser->context->rules, left, right, &both);
		left = both;
	}
	return left;
}

enum base_result expression_parse(const struct expression_context *context, struct base_span text,
                                  const struct place *place, const struct node **out)
{
	struct parser parser = {.context = context, .place = place, .lexer = {text, 0}};
	advance(&parser);
	const struct node *node = parser.failed ? NULL : parse_or(&parser);
	if (!parser.failed && parser.now.kind == LEX_TERM)
		(void)fail_text(&parser, "two terms stand side by side: put a phrase in quotes, or an operator between");
	if (!parser.failed && parser.now.kind != LEX_END)
		(void)fail_text(&parser, "an operator (AND, OR, NOT, NEAR/n, ONEAR/n) is expected here");
	if (!parser.failed && (expression_is_too_large(node))) /* by OR alone */
		(void)fail_node(&parser);
	if (!parser.failed)
		*out = node;
	return parser.failed;
}
