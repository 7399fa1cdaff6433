/* Named sets of terms and named expressions. */
#include <stdlib.h>
#include <string.h>

#include "rules_load.h"

#define SETS_MAX ((size_t)1 << 16)
#define SET_DEPTH_MAX 50 /* reading goes down on the stack */
#define MEMBERS_MAX ((size_t)1 << 20)

struct members { /* what a list adds up to */
	const char *set;
	uint32_t *terms;
	size_t count, cap;
	const struct node *rest; /* expressions among them */
	bool parts;
	bool broken; /* a mistake was said */
};

static bool same_set(const void *ctx, uint32_t index, const void *key)
{
	return base_span_is(*(const struct base_span *)key, ((const struct loader *)ctx)->sets[index].name);
}

static uint64_t hash_set(const void *ctx, uint32_t index)
{
	const char *name = ((const struct loader *)ctx)->sets[index].name;
	return lexicon_hash(name, strlen(name), 0);
}

static struct set *find_set(struct loader *loader, struct base_span name)
{
	uint32_t found = table_find(&loader->set_table, lexicon_hash(name.ptr, name.len, 0), same_set, loader, &name);
	return found == LEXICON_NONE ? NULL : &loader->sets[found];
}

static enum base_result add_set(struct loader *loader, const char *name, struct set **out)
{
	enum base_result result =
	    base_grow(&loader->sets, &loader->set_cap, loader->set_count + 1, sizeof *loader->sets, SETS_MAX);
	if (result)
		return result;
	uint32_t index = (uint32_t)loader->set_count++;
	loader->sets[index] = (struct set){.name = name, .first = SIZE_MAX, .last = SIZE_MAX};
	*out = &loader->sets[index];
	return table_put(&loader->set_table, hash_set(loader, index), index, hash_set, loader);
}

static bool name_is_good(const char *name)
{
	static const char *const taken[] = {"systems", "actors", "number"};
	for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
		if (strcmp(name, taken[i]) == 0)
			return false;
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

static enum base_result collect_one(struct loader *loader, const char *name, size_t line, const struct conf_node *node)
{
	if (!name_is_good(name)) {
		base_problem(loader->problems, loader->file, line, "%s is no name for a set: letters, digits, _ and - only, "
		             "and not systems, actors or number", name);
		return BASE_OK;
	}
	struct set *set = find_set(loader, base_span_of(name));
	enum base_result result = set ? BASE_OK : add_set(loader, name, &set);
	if (!result)
		result = base_grow(&loader->sources, &loader->source_cap, loader->source_count + 1, sizeof *loader->sources,
		                   MEMBERS_MAX);
	if (result)
		return result;
	size_t index = loader->source_count++;
	loader->sources[index] = (struct set_source){node, loader->file, SIZE_MAX};
	if (set->last == SIZE_MAX)
		set->first = index;
	else
		loader->sources[set->last].next = index;
	set->last = index;
	return BASE_OK;
}

enum base_result sets_collect(struct loader *loader, const struct conf_node *sets)
{
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < sets->count; i++)
		result = collect_one(loader, sets->keys[i], sets->key_lines[i], sets->items[i]);
	return result;
}

enum base_result sets_read_term(struct loader *loader, const struct conf_node *node, const char *file, uint32_t *term)
{
	if (node->kind != CONF_SCALAR) {
		base_problem(loader->problems, file, node->line, "a term must be a word or a phrase");
		return BASE_SYNTAX;
	}
	struct base_span text = node->text;
	bool cased = base_span_starts(text, "case:");
	if (cased)
		text = base_span_trim((struct base_span){text.ptr + 5, text.len - 5});
	const char *why;
	enum base_result result = lexicon_add(&loader->rules->lexicon, text, cased, term, &why);
	if (result == BASE_INVALID) {
		struct place place = loader_place(loader, node, file);
		place_problem(&place, node->text, 0, "\"%s\": %s", node->text.ptr, why);
		return BASE_SYNTAX;
	}
	return result;
}

/* Whether an item of a list is a term, not an expression. */
static bool is_term(const struct conf_node *node)
{
	return node->kind != CONF_SCALAR || base_span_starts(node->text, "case:") || expression_is_phrase(node->text);
}

static enum base_result read_member(struct loader *loader, const struct conf_node *node, const char *file,
                                    struct members *members)
{
	const struct node *expression;
	enum base_result result;
	if (node->kind == CONF_SCALAR && leave_out_has(loader, LEAVE_TERM, members->set, node->text))
		return BASE_OK;
	if (is_term(node)) {
		result = base_grow(&members->terms, &members->cap, members->count + 1, sizeof *members->terms, MEMBERS_MAX);
		if (!result)
			result = sets_read_term(loader, node, file, &members->terms[members->count]);
		if (!result)
			members->count++;
	} else {
		struct place place = loader_place(loader, node, file);
		result = expression_parse(&loader->context, node->text, &place, &expression);
		if (!result)
			result = expression_or(loader->rules, members->rest, expression, &members->rest);
	}
	members->broken |= result == BASE_SYNTAX;
	return result == BASE_SYNTAX ? BASE_OK : result; /* said; go on to find more */
}

static enum base_result read_list(struct loader *loader, const struct conf_node *list, const char *file,
                                  struct members *members)
{
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < list->count; i++)
		result = read_member(loader, list->items[i], file, members);
	return result;
}

/* {parts: yes, terms: [...]} */
static enum base_result read_map(struct loader *loader, const struct conf_node *map, const char *file,
                                 struct members *members)
{
	static const char *const known[] = {"parts", "terms", NULL};
	const struct conf_node *parts = conf_node_get(map, "parts"), *terms = conf_node_get(map, "terms");
	const char *saved = loader->file;
	loader->file = file;
	loader_check_keys(loader, map, known, "a set");
	loader->file = saved;
	if (parts && (parts->kind != CONF_SCALAR ||
	              (!base_span_is(parts->text, "yes") && !base_span_is(parts->text, "no"))))
		base_problem(loader->problems, file, parts->line, "parts must be yes or no");
	else if (parts && base_span_is(parts->text, "yes"))
		members->parts = true;
	if (!terms || terms->kind != CONF_LIST) {
		base_problem(loader->problems, file, map->line, "a set needs terms, as a list");
		return BASE_OK;
	}
	return read_list(loader, terms, file, members);
}

static enum base_result read_source(struct loader *loader, const struct set_source *source, struct members *members)
{
	const struct conf_node *node = source->node;
	if (node->kind == CONF_LIST)
		return read_list(loader, node, source->file, members);
	if (node->kind == CONF_MAP)
		return read_map(loader, node, source->file, members);
	struct place place = loader_place(loader, node, source->file);
	const struct node *expression;
	enum base_result result = expression_parse(&loader->context, node->text, &place, &expression);
	if (!result)
		result = expression_or(loader->rules, members->rest, expression, &members->rest);
	members->broken |= result == BASE_SYNTAX;
	return result == BASE_SYNTAX ? BASE_OK : result;
}

static enum base_result read_set(struct loader *loader, size_t index)
{
	struct members members = {.set = loader->sets[index].name};
	enum base_result result = BASE_OK;
	size_t before = base_problems_count(loader->problems);
	loader->sets[index].state = SET_READING;
	for (size_t i = loader->sets[index].first; !result && i != SIZE_MAX; i = loader->sources[i].next)
		result = read_source(loader, &loader->sources[i], &members);
	const struct node *node = NULL;
	if (!result && members.count > 0)
		result = expression_group(loader->rules, members.terms, members.count, members.parts, &node);
	if (!result)
		result = expression_or(loader->rules, node, members.rest, &node);
	if (!result && node && expression_is_too_large(node)) {
		const struct set_source *source = &loader->sources[loader->sets[index].first];
		base_problem(loader->problems, source->file, source->node->line, "the set $%s is too large, with all its sets",
		             loader->sets[index].name);
		node = NULL;
	}
	loader->sets[index].node = node;
	loader->sets[index].state = SET_READ;
	if (!result && !node && !members.broken && base_problems_count(loader->problems) == before)
		base_problem(loader->problems, loader->sources[loader->sets[index].first].file,
		             loader->sources[loader->sets[index].first].node->line, "the set $%s is empty",
		             loader->sets[index].name);
	free(members.terms);
	return result;
}

const struct node *sets_resolve(void *ctx, struct base_span name, enum base_result *result)
{
	struct loader *loader = ctx;
	struct set *set = find_set(loader, name);
	*result = !set ? BASE_NOT_FOUND : set->state == SET_READING ? BASE_INVALID : BASE_SYNTAX;
	if (!set || set->state == SET_READING)
		return NULL;
	size_t index = (size_t)(set - loader->sets);
	if (set->state == SET_UNREAD && loader->set_depth >= SET_DEPTH_MAX) {
		*result = BASE_LIMIT;
		return NULL;
	}
	loader->set_depth++;
	enum base_result read = set->state == SET_UNREAD ? read_set(loader, index) : BASE_OK;
	loader->set_depth--;
	if (read) {
		*result = read;
		return NULL;
	}
	const struct node *node = loader->sets[index].node;
	if (node)
		*result = BASE_OK;
	return node;
}

enum base_result sets_read_all(struct loader *loader)
{
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < loader->set_count; i++)
		if (loader->sets[i].state == SET_UNREAD)
			result = read_set(loader, i);
	return result;
}

enum base_result sets_keep(struct loader *loader)
{
	struct match_rules *rules = loader->rules;
	enum base_result result = base_grow(&rules->sets, &rules->set_cap, loader->set_count, sizeof *rules->sets, SETS_MAX);
	for (size_t i = 0; !result && i < loader->set_count; i++) {
		struct base_span name = base_arena_copy(rules->arena, base_span_of(loader->sets[i].name));
		if (!name.ptr)
			return BASE_NO_MEMORY;
		if (loader->sets[i].node)
			rules->sets[rules->set_count++] = (struct named_set){name.ptr, loader->sets[i].node};
	}
	return result;
}

void sets_free(struct loader *loader)
{
	free(loader->sets);
	table_free(&loader->set_table);
	free(loader->sources);
}
