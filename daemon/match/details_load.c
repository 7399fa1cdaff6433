/* Reads the section `details`: how texts say who gives what to whom. */
#include <string.h>

#include "rules_load.h"

#define PATTERNS_MAX 256
#define STEPS_MAX 12
#define SIGNS_MAX 512
#define NUMBER_DIGITS_MAX 15

static const char *const words_keys[DETAIL_WORDS_COUNT] = {"skip", "body",    "joins", "not_after", "not_before",
                                                           "ends", "clauses", "units", "bounds",    "ranges"};

static bool is_words_only(const struct node *node)
{
	if (node->kind == NODE_OR)
		return is_words_only(node->left) && is_words_only(node->right);
	return node->kind == NODE_GROUP;
}

static enum base_result read_words(struct loader *loader, const struct conf_node *node, const struct node **out)
{
	const struct node *words = NULL;
	enum base_result result = loader_expression(loader, node, &words);
	if (result || !words)
		return result;
	if (is_words_only(words))
		return expression_or(loader->rules, *out, words, out);
	base_problem(loader->problems, loader->file, node->line, "only words and sets are possible here, with OR between");
	return BASE_OK;
}

/* ---- patterns -------------------------------------------------------------------- */

/* The length of "SUPPLIER" or "RECIPIENT" at the start of a step; 0 if it is something else. */
static size_t role_of(struct base_span word, enum role_step_kind *kind)
{
	static const struct {
		const char *name;
		enum role_step_kind kind;
	} roles[] = {{"SUPPLIER", STEP_SUPPLIER}, {"RECIPIENT", STEP_RECIPIENT}};
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		size_t len = strlen(roles[i].name);
		if (base_span_starts(word, roles[i].name) && (word.len == len || word.ptr[len] == ':')) {
			*kind = roles[i].kind;
			return len;
		}
	}
	return 0;
}

static enum base_result read_step(struct loader *loader, struct base_span word, bool quoted, const struct place *place,
                                  struct role_step *step)
{
	*step = (struct role_step){.kind = STEP_WORDS};
	if (!quoted && base_span_is(word, "..")) {
		step->kind = STEP_GAP;
		return BASE_OK;
	}
	size_t role = quoted ? 0 : role_of(word, &step->kind);
	if (role && role == word.len)
		return BASE_OK;
	if (role)
		word = (struct base_span){word.ptr + role + 1, word.len - role - 1};
	enum base_result result = expression_parse(&loader->context, word, place, &step->words);
	if (!result && !is_words_only(step->words)) {
		base_problem(place->problems, place->file, place->line, "a step of a pattern is a word or a set of words");
		result = BASE_SYNTAX;
	}
	return result;
}

/* The next step as it is written: a word, a $set, or a phrase with its quotation marks. */
static struct base_span next_step(struct base_span text, size_t *at, bool *quoted)
{
	while (*at < text.len && text.ptr[*at] == ' ')
		(*at)++;
	size_t start = *at;
	*quoted = start < text.len && text.ptr[start] == '"';
	if (*quoted)
		for ((*at)++; *at < text.len && text.ptr[*at] != '"';)
			(*at)++;
	while (*at < text.len && text.ptr[*at] != ' ')
		(*at)++;
	return (struct base_span){text.ptr + start, *at - start};
}

static const char *what_is_wrong(const struct role_step *steps, size_t count)
{
	size_t words = 0, roles = 0;
	for (size_t i = 0; i < count; i++) {
		words += steps[i].kind == STEP_WORDS;
		roles += steps[i].kind == STEP_SUPPLIER || steps[i].kind == STEP_RECIPIENT;
		if (steps[i].kind == STEP_GAP && (i == 0 || i + 1 == count || steps[i - 1].kind == STEP_GAP))
			return "\"..\" stands between two steps";
	}
	if (count > STEPS_MAX)
		return "a pattern has at most 12 steps";
	return words && roles ? NULL : "a pattern needs SUPPLIER or RECIPIENT, and words beside it";
}

static enum base_result add_pattern(struct loader *loader, const struct role_step *steps, size_t count)
{
	struct details *details = &loader->rules->details;
	struct role_step *copy = base_arena_alloc(loader->rules->arena, count * sizeof *copy);
	if (!copy)
		return BASE_NO_MEMORY;
	memcpy(copy, steps, count * sizeof *copy);
	enum base_result result = base_grow(&details->patterns, &details->pattern_cap, details->pattern_count + 1,
	                                    sizeof *details->patterns, PATTERNS_MAX);
	if (!result)
		details->patterns[details->pattern_count++] = (struct role_pattern){copy, count};
	return result;
}

static enum base_result read_pattern(struct loader *loader, const struct conf_node *node)
{
	struct place place = loader_place(loader, node, loader->file);
	struct role_step steps[STEPS_MAX + 1];
	size_t count = 0;
	if (node->kind != CONF_SCALAR) {
		base_problem(loader->problems, loader->file, node->line, "a pattern must be a text");
		return BASE_OK;
	}
	for (size_t at = 0; at < node->text.len && count <= STEPS_MAX;) {
		bool quoted;
		struct base_span word = next_step(node->text, &at, &quoted);
		if (word.len == 0)
			break;
		enum base_result result = read_step(loader, word, quoted, &place, &steps[count++]);
		if (result)
			return result == BASE_SYNTAX ? BASE_OK : result;
	}
	const char *why = what_is_wrong(steps, count);
	if (!why)
		return add_pattern(loader, steps, count);
	base_problem(loader->problems, loader->file, node->line, "%s", why);
	return BASE_OK;
}

static enum base_result read_patterns(struct loader *loader, const struct conf_node *list)
{
	if (list->kind != CONF_LIST) {
		base_problem(loader->problems, loader->file, list->line, "roles must be a list of patterns");
		return BASE_OK;
	}
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < list->count; i++)
		result = read_pattern(loader, list->items[i]);
	return result;
}

/* ---- numbers, currencies, things ----------------------------------------------------- */

static bool read_value(const char *name, uint64_t *value)
{
	size_t len = strspn(name, "0123456789");
	if (len == 0 || name[len] || len > NUMBER_DIGITS_MAX || name[0] == '0')
		return false;
	*value = 0;
	for (size_t i = 0; i < len; i++)
		*value = *value * 10 + (uint64_t)(name[i] - '0');
	return true;
}

static bool is_currency(const char *name)
{
	return strlen(name) == 3 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static enum base_result read_signs(struct loader *loader, const struct conf_node *list, uint32_t entity)
{
	struct details *details = &loader->rules->details;
	enum base_result result = BASE_OK;
	for (size_t i = 0; list && !result && i < list->count; i++) {
		const struct conf_node *node = list->items[i];
		if (node->kind != CONF_SCALAR || node->text.len == 0) {
			base_problem(loader->problems, loader->file, node->line, "a sign must be a text");
			continue;
		}
		struct base_span copy = base_arena_copy(loader->rules->arena, node->text);
		result = copy.ptr ? base_grow(&details->signs, &details->sign_cap, details->sign_count + 1,
		                              sizeof *details->signs, SIGNS_MAX)
		                  : BASE_NO_MEMORY;
		if (!result)
			details->signs[details->sign_count++] = (struct sign){copy, entity};
	}
	return result;
}

/* A list of words; of a currency also {signs: [...], aliases: [...]}. */
static enum base_result read_name(struct loader *loader, const struct conf_node *map, size_t index, enum group_of of)
{
	static const char *const known[] = {"signs", "aliases", NULL};
	const char *name = map->keys[index];
	const struct conf_node *node = map->items[index], *signs = NULL;
	uint64_t value = 0;
	if ((of == GROUP_NUMBERS && !read_value(name, &value)) || (of == GROUP_CURRENCIES && !is_currency(name))) {
		base_problem(loader->problems, loader->file, map->key_lines[index],
		             of == GROUP_NUMBERS ? "\"%s\" is no whole number" : "\"%s\" is no currency code", name);
		return BASE_OK;
	}
	uint32_t entity;
	enum base_result result = entities_find_or_add(loader, name, of, &entity);
	if (result)
		return result;
	loader->rules->entities[entity].value = value;
	if (of == GROUP_CURRENCIES && node->kind == CONF_MAP) {
		loader_check_keys(loader, node, known, name);
		signs = conf_node_get(node, "signs");
		node = conf_node_get(node, "aliases");
	}
	result = entities_read_aliases(loader, node, entity, ALIAS_SURE);
	return result ? result : read_signs(loader, signs, entity);
}

static enum base_result read_names(struct loader *loader, const struct conf_node *map, const char *key,
                                   enum group_of of)
{
	const struct conf_node *names = conf_node_get(map, key);
	if (!names)
		return BASE_OK;
	if (names->kind != CONF_MAP) {
		base_problem(loader->problems, loader->file, names->line, "%s must be a map", key);
		return BASE_OK;
	}
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < names->count; i++)
		result = read_name(loader, names, i, of);
	return result;
}

enum base_result details_read(struct loader *loader, const struct conf_node *map)
{
	static const char *const known[] = {"roles", "numbers", "currencies", "things", "skip",   "body",   "joins",
	                                    "not_after", "not_before", "ends", "clauses", "units",  "bounds", "ranges", NULL};
	const struct conf_node *roles = conf_node_get(map, "roles");
	loader_check_keys(loader, map, known, "details");
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < DETAIL_WORDS_COUNT; i++)
		result = read_words(loader, conf_node_get(map, words_keys[i]), &loader->rules->details.words[i]);
	if (!result && roles)
		result = read_patterns(loader, roles);
	if (!result)
		result = read_names(loader, map, "numbers", GROUP_NUMBERS);
	if (!result)
		result = read_names(loader, map, "currencies", GROUP_CURRENCIES);
	return result ? result : read_names(loader, map, "things", GROUP_THINGS);
}
