/* Compiles rule files into a rule set; says every mistake with its file and line. */
#include "rules_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)512 << 20)
#define RULES_MAX ((size_t)1 << 16)
#define ALTERNATIVES_MAX 2000u /* evaluation goes down on the stack */
#define TOTAL_SIZE_MAX ((size_t)4000000) /* nodes of all rules, those of sets counted for each */

struct place loader_place(const struct loader *loader, const struct conf_node *node, const char *file)
{
	struct place place = {.file = file, .line = node->line, .problems = loader->problems, .column = node->column};
	for (size_t i = 0; i < loader->file_count; i++)
		if (loader->files[i].file == file)
			place.bytes = loader->files[i].bytes;
	return place;
}

void loader_check_keys(const struct loader *loader, const struct conf_node *map, const char *const *known,
                       const char *what)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *const *key = known;
		while (*key && strcmp(*key, map->keys[i]) != 0)
			key++;
		if (!*key)
			base_problem(loader->problems, loader->file, map->key_lines[i], "unknown key \"%s\" in %s", map->keys[i],
			             what);
	}
}

static enum base_result one_expression(struct loader *loader, const struct conf_node *node, const struct node **out)
{
	struct place place = loader_place(loader, node, loader->file);
	if (node->kind == CONF_SCALAR) {
		enum base_result result = expression_parse(&loader->context, node->text, &place, out);
		return result == BASE_SYNTAX ? BASE_OK : result;
	}
	base_problem(loader->problems, loader->file, node->line, "an expression must be a text, or a list of texts");
	return BASE_OK;
}

enum base_result loader_expression(struct loader *loader, const struct conf_node *node, const struct node **out)
{
	enum base_result result = BASE_OK;
	if (!node || node->kind != CONF_LIST)
		return node ? one_expression(loader, node, out) : BASE_OK;
	const struct node *all = NULL;
	for (size_t i = 0; !result && i < node->count; i++) {
		const struct node *one = NULL;
		result = one_expression(loader, node->items[i], &one);
		if (!result)
			result = expression_or(loader->rules, all, one, &all);
		if (!result && all && all->depth > ALTERNATIVES_MAX) {
			base_problem(loader->problems, loader->file, node->items[i]->line, "more than %u expressions here", ALTERNATIVES_MAX);
			return BASE_OK;
		}
	}
	if (!result)
		*out = all;
	return result;
}

/* ---- rules ------------------------------------------------------------------------ */

static const char *scalar_of(const struct loader *loader, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_node_get(map, key);
	if (node && node->kind == CONF_SCALAR && node->text.len > 0)
		return node->text.ptr;
	base_problem(loader->problems, loader->file, node ? node->line : map->line, "a rule needs a %s", key);
	return NULL;
}

static void read_lang(const struct loader *loader, const struct conf_node *node, struct rule *rule)
{
	if (node->kind != CONF_SCALAR || node->text.len < 2 || node->text.len > 3 || rule->lang_count == RULE_LANGS_MAX) {
		base_problem(loader->problems, loader->file, node->line, "lang must be a language code or a list of at most %d",
		             RULE_LANGS_MAX);
		return;
	}
	memcpy(rule->langs[rule->lang_count++], node->text.ptr, node->text.len);
	size_t used = strlen(rule->languages);
	(void)snprintf(rule->languages + used, sizeof rule->languages - used, used ? ",%s" : "%s",
	               rule->langs[rule->lang_count - 1]);
}

static void read_langs(const struct loader *loader, const struct conf_node *node, struct rule *rule)
{
	if (node && node->kind == CONF_LIST)
		for (size_t i = 0; i < node->count; i++)
			read_lang(loader, node->items[i], rule);
	else if (node)
		read_lang(loader, node, rule);
}

static const struct group *leftmost(const struct node *node)
{
	if (!node || node->kind == NODE_GROUP)
		return node ? node->group : NULL;
	const struct group *group = leftmost(node->left);
	return group ? group : leftmost(node->right);
}

/* Keeps each expression of the part on its own too. */
static enum base_result keep_alternative(struct loader *loader, const struct conf_node *node, const struct node *one,
                                         struct alternative *out)
{
	struct base_arena *arena = loader->rules->arena;
	const char *file = loader->rules_file;
	struct base_span text = base_arena_copy(arena, node->text);
	*out = (struct alternative){one, text.ptr, file, node->line};
	return text.ptr ? BASE_OK : BASE_NO_MEMORY;
}

static enum base_result read_part(struct loader *loader, const struct conf_node *node, struct rule *rule,
                                  enum rule_part part, const struct node **out)
{
	if (!node)
		return BASE_OK;
	bool list = node->kind == CONF_LIST;
	size_t count = list ? node->count : 1;
	struct alternative *items = base_arena_alloc(loader->rules->arena, count * sizeof *items);
	enum base_result result = items ? BASE_OK : BASE_NO_MEMORY;
	rule->parts[part].items = items;
	for (size_t i = 0; !result && i < count; i++) {
		const struct conf_node *item = list ? node->items[i] : node;
		const struct node *one = NULL;
		result = one_expression(loader, item, &one);
		if (result || !one)
			continue;
		result = keep_alternative(loader, item, one, &items[rule->parts[part].count++]);
		if (!result)
			result = expression_or(loader->rules, *out, one, out);
		if (!result && (*out)->depth > ALTERNATIVES_MAX) {
			base_problem(loader->problems, loader->file, item->line, "more than %u expressions here", ALTERNATIVES_MAX);
			return BASE_OK;
		}
	}
	return result;
}

/* Said once, for the rule with which it is too much. */
static void check_total(struct loader *loader, const struct conf_node *map, const struct rule *rule)
{
	const struct node *const nodes[] = {rule->when, rule->guard, rule->block, rule->given, rule->unless};
	size_t before = loader->total_size;
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		loader->total_size += nodes[i] ? nodes[i]->size : 0;
	if (before <= TOTAL_SIZE_MAX && loader->total_size > TOTAL_SIZE_MAX)
		base_problem(loader->problems, loader->file, map->line, "the rules up to here are too large, with all their sets");
}

static enum base_result read_expressions(struct loader *loader, const struct conf_node *map, struct rule *rule)
{
	const struct {
		const char *key;
		const struct node **out;
	} parts[PART_COUNT] = {{"when", &rule->when},   {"guard", &rule->guard},   {"block", &rule->block},
	             {"given", &rule->given}, {"unless", &rule->unless}};
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < sizeof parts / sizeof parts[0]; i++)
		result = read_part(loader, conf_node_get(map, parts[i].key), rule, (enum rule_part)i, parts[i].out);
	if (result)
		return result;
	check_total(loader, map, rule);
	const struct conf_node *when = conf_node_get(map, "when");
	if (!when)
		base_problem(loader->problems, loader->file, map->line, "a rule needs a when");
	else if (rule->when && !rules_can_be_reached(rule->when))
		base_problem(loader->problems, loader->file, when->line, "nothing in this expression must occur: "
		             "a rule needs at least one term that is not under NOT");
	rule->trigger = leftmost(rule->when);
	return BASE_OK;
}

static void check_name(const struct loader *loader, const struct conf_node *map, const char *name)
{
	for (size_t i = 0; name && i < loader->rules->rule_count; i++)
		if (strcmp(loader->rules->rules[i].name, name) == 0)
			base_problem(loader->problems, loader->file, map->line, "there is another rule named %s", name);
}

static enum base_result read_rule(struct loader *loader, const struct conf_node *map)
{
	static const char *const known[] = {"name", "class", "when", "guard", "block", "given", "unless", "lang", NULL};
	struct match_rules *rules = loader->rules;
	struct rule rule = {0};
	if (map->kind != CONF_MAP) {
		base_problem(loader->problems, loader->file, map->line, "a rule must be a map with name, class and when");
		return BASE_OK;
	}
	loader_check_keys(loader, map, known, "a rule");
	const char *name = scalar_of(loader, map, "name"), *class = scalar_of(loader, map, "class");
	if (name && leave_out_has(loader, LEAVE_RULE, NULL, base_span_of(name)))
		return BASE_OK;
	check_name(loader, map, name);
	if (class && match_class_parse(class, &rule.class))
		base_problem(loader->problems, loader->file, conf_node_get(map, "class")->line, "there is no class %s", class);
	read_langs(loader, conf_node_get(map, "lang"), &rule);
	rule.file = loader->rules_file;
	rule.line = map->line;
	rule.name = base_arena_copy(rules->arena, base_span_of(name ? name : "?")).ptr;
	enum base_result result = rule.name ? read_expressions(loader, map, &rule) : BASE_NO_MEMORY;
	if (!result)
		result = base_grow(&rules->rules, &rules->rule_cap, rules->rule_count + 1, sizeof *rules->rules, RULES_MAX);
	if (!result)
		rules->rules[rules->rule_count++] = rule;
	return result;
}

static enum base_result read_rules(struct loader *loader, const struct conf_node *list)
{
	enum base_result result = BASE_OK;
	struct base_span file = base_arena_copy(loader->rules->arena, base_span_of(loader->file));
	loader->rules_file = file.ptr;
	if (!file.ptr)
		return BASE_NO_MEMORY;
	for (size_t i = 0; !result && i < list->count; i++)
		result = read_rule(loader, list->items[i]);
	return result;
}

/* ---- files ------------------------------------------------------------------------ */

/* The section of a file, or NULL; a wrong kind is said once, when say is true. */
static const struct conf_node *section(const struct loader *loader, const struct conf_node *root, const char *key,
                                       enum conf_node_kind kind, bool say)
{
	const struct conf_node *node = root && root->kind == CONF_MAP ? conf_node_get(root, key) : NULL;
	if (!node || node->kind == kind)
		return node;
	if (say)
		base_problem(loader->problems, loader->file, node->line, "%s must be a %s", key,
		             kind == CONF_MAP ? "map" : "list");
	return NULL;
}

static enum base_result collect_file(struct loader *loader, const struct conf_node *root)
{
	static const char *const known[] = {"sets", "rules", "systems", "actors", "details", "furniture", "tail",
	                                    "leave_out", NULL};
	if (!root)
		return BASE_OK;
	if (root->kind != CONF_MAP) {
		base_problem(loader->problems, loader->file, root->line, "a rule file has sets, rules, systems, actors, details, "
		             "furniture, tail and leave_out");
		return BASE_OK;
	}
	loader_check_keys(loader, root, known, "a rule file");
	const struct conf_node *sets = section(loader, root, "sets", CONF_MAP, true),
	                       *leave_out = section(loader, root, "leave_out", CONF_MAP, true);
	enum base_result result = leave_out ? leave_out_collect(loader, leave_out) : BASE_OK;
	return !result && sets ? sets_collect(loader, sets) : result;
}

/* Of several files any one will do. */
static enum base_result read_tail(struct loader *loader, const struct conf_node *root)
{
	const struct node *tail = NULL;
	const struct conf_node *node = root && root->kind == CONF_MAP ? conf_node_get(root, "tail") : NULL;
	enum base_result result = loader_expression(loader, node, &tail);
	return result || !tail ? result : expression_or(loader->rules, loader->rules->tail, tail, &loader->rules->tail);
}

static enum base_result read_file(struct loader *loader, const struct conf_node *root)
{
	const struct conf_node *systems = section(loader, root, "systems", CONF_MAP, true),
	                       *actors = section(loader, root, "actors", CONF_MAP, true),
	                       *rules = section(loader, root, "rules", CONF_LIST, true),
	                       *details = section(loader, root, "details", CONF_MAP, true),
	                       *furniture = section(loader, root, "furniture", CONF_MAP, true);
	enum base_result result = systems ? entities_read(loader, systems, GROUP_SYSTEMS) : BASE_OK;
	if (!result && actors)
		result = entities_read(loader, actors, GROUP_ACTORS);
	if (!result && rules)
		result = read_rules(loader, rules);
	if (!result && details)
		result = details_read(loader, details);
	if (!result && furniture)
		result = furniture_read(loader, furniture);
	return result ? result : read_tail(loader, root);
}

static enum base_result parse_files(struct loader *loader, const struct match_source *sources, size_t count,
                                    struct conf_tree **trees)
{
	for (size_t i = 0; i < count; i++) {
		enum base_result result = conf_tree_parse(sources[i].file, sources[i].bytes, loader->problems, &trees[i]);
		if (result && result != BASE_SYNTAX)
			return result;
		loader->file = sources[i].file;
		result = trees[i] ? collect_file(loader, conf_tree_root(trees[i])) : BASE_OK;
		if (result)
			return result;
	}
	return BASE_OK;
}

static enum base_result read_all(struct loader *loader, const struct match_source *sources, size_t count,
                                 struct conf_tree **trees)
{
	enum base_result result = parse_files(loader, sources, count, trees);
	if (!result)
		result = sets_read_all(loader);
	if (!result)
		result = sets_keep(loader);
	for (size_t i = 0; !result && i < count; i++) {
		loader->file = sources[i].file;
		result = trees[i] ? read_file(loader, conf_tree_root(trees[i])) : BASE_OK;
	}
	if (!result)
		leave_out_check(loader);
	return result ? result : rules_index(loader->rules);
}

static enum base_result new_rules(struct match_rules **out)
{
	struct match_rules *rules = calloc(1, sizeof *rules);
	if (!rules)
		return BASE_NO_MEMORY;
	enum base_result result = base_arena_new(ARENA_MAX, &rules->arena);
	if (!result)
		result = lexicon_init(&rules->lexicon);
	if (result)
		match_rules_free(rules);
	else
		*out = rules;
	return result;
}

enum base_result match_rules_load(const struct match_source *sources, size_t count, struct base_problems *problems,
                                  struct match_rules **out)
{
	struct match_rules *rules = NULL;
	struct conf_tree **trees = calloc(count + 1, sizeof *trees);
	enum base_result result = trees ? new_rules(&rules) : BASE_NO_MEMORY;
	if (result)
		goto out;
	size_t before = base_problems_count(problems);
	struct loader loader = {.rules = rules, .problems = problems, .files = sources, .file_count = count};
	loader.context = (struct expression_context){rules, sets_resolve, &loader};
	result = read_all(&loader, sources, count, trees);
	sets_free(&loader);
	free(loader.omissions);
	if (!result && base_problems_count(problems) > before)
		result = BASE_SYNTAX;
	if (!result) {
		*out = rules;
		rules = NULL;
	}
out:
	for (size_t i = 0; trees && i < count; i++)
		conf_tree_free(trees[i]);
	free(trees);
	match_rules_free(rules);
	return result;
}

void match_rules_free(struct match_rules *rules)
{
	if (!rules)
		return;
	lexicon_free(&rules->lexicon);
	base_arena_free(rules->arena);
	free(rules->rules);
	free(rules->entities);
	table_free(&rules->entity_table);
	free(rules->aliases);
	links_free(&rules->term_slots);
	links_free(&rules->slot_ways);
	free(rules->ways);
	free(rules->group_slots);
	free(rules->group_weights);
	free(rules->term_flags);
	free(rules->heads);
	free(rules->furniture);
	free(rules->sets);
	free(rules->details.patterns);
	free(rules->details.signs);
	free(rules);
}

size_t match_rules_count(const struct match_rules *rules)
{
	return rules->rule_count;
}

struct match_rule_info match_rule_at(const struct match_rules *rules, size_t index)
{
	const struct rule *rule = &rules->rules[index];
	return (struct match_rule_info){rule->name, rule->file, rule->line, rule->class, rule->languages};
}

size_t match_terms_count(const struct match_rules *rules)
{
	return rules->lexicon.term_count;
}
