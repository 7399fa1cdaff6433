/* Systems and actors: canonical names and the aliases by which texts call them. */
#include <stdlib.h>
#include <string.h>

#include "rules_load.h"

#define ENTITIES_MAX ((size_t)1 << 16)
#define ALIASES_MAX ((size_t)1 << 20)

static uint64_t hash_of(const struct entity *entity)
{
	return lexicon_hash(entity->name, strlen(entity->name), (uint64_t)entity->of);
}

static uint64_t hash_at(const void *ctx, uint32_t index)
{
	const struct match_rules *rules = ctx;
	return hash_of(&rules->entities[index]);
}

static bool same_entity(const void *ctx, uint32_t index, const void *key)
{
	const struct match_rules *rules = ctx;
	const struct entity *entity = &rules->entities[index], *wanted = key;
	return entity->of == wanted->of && strcmp(entity->name, wanted->name) == 0;
}

enum base_result entities_find_or_add(struct loader *loader, const char *name, enum group_of of, uint32_t *out)
{
	struct match_rules *rules = loader->rules;
	const struct entity wanted = {.name = name, .of = of};
	uint32_t found = table_find(&rules->entity_table, hash_of(&wanted), same_entity, rules, &wanted);
	if (found != LEXICON_NONE) {
		*out = found;
		return BASE_OK;
	}
	enum base_result result =
	    base_grow(&rules->entities, &rules->entity_cap, rules->entity_count + 1, sizeof *rules->entities, ENTITIES_MAX);
	struct base_span copy = base_arena_copy(rules->arena, base_span_of(name));
	if (result || !copy.ptr)
		return result ? result : BASE_NO_MEMORY;
	*out = (uint32_t)rules->entity_count++;
	rules->entities[*out] = (struct entity){.name = copy.ptr, .of = of};
	return table_put(&rules->entity_table, hash_of(&wanted), *out, hash_at, rules);
}

static enum base_result add_alias(struct match_rules *rules, uint32_t term, uint32_t entity, enum alias_kind kind)
{
	enum base_result result = rules_grow_heads(rules);
	if (!result)
		result = base_grow(&rules->aliases, &rules->alias_cap, rules->alias_count + 1, sizeof *rules->aliases,
		                   ALIASES_MAX);
	if (result)
		return result;
	uint32_t index = (uint32_t)rules->alias_count++;
	rules->aliases[index] = (struct alias){entity, kind, rules->heads[term].alias};
	rules->heads[term].alias = index;
	return BASE_OK;
}

enum base_result entities_read_aliases(struct loader *loader, const struct conf_node *list, uint32_t entity,
                                       enum alias_kind kind)
{
	if (!list)
		return BASE_OK;
	if (list->kind != CONF_LIST) {
		base_problem(loader->problems, loader->file, list->line, "aliases must be a list");
		return BASE_OK;
	}
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < list->count; i++) {
		uint32_t term;
		result = sets_read_term(loader, list->items[i], loader->file, &term);
		if (!result)
			result = add_alias(loader->rules, term, entity, kind);
		if (result == BASE_SYNTAX)
			result = BASE_OK;
	}
	return result;
}

static enum base_result read_needs(struct loader *loader, const struct conf_node *map, uint32_t entity)
{
	const struct conf_node *needs = conf_node_get(map, "needs"), *ambiguous = conf_node_get(map, "ambiguous");
	const struct node *expression = NULL;
	if (!needs) {
		if (ambiguous && !loader->rules->entities[entity].needs)
			base_problem(loader->problems, loader->file, ambiguous->line, "ambiguous aliases need a `needs`");
		return BASE_OK;
	}
	enum base_result result = loader_expression(loader, needs, &expression);
	if (!result)
		loader->rules->entities[entity].needs = expression;
	return result;
}

static enum base_result read_entity(struct loader *loader, const char *name, const struct conf_node *node,
                                    enum group_of of)
{
	static const char *const known[] = {"aliases", "ambiguous", "except", "needs", "kind", NULL};
	uint32_t entity;
	enum base_result result = entities_find_or_add(loader, name, of, &entity);
	if (result || node->kind == CONF_LIST)
		return result ? result : entities_read_aliases(loader, node, entity, ALIAS_SURE);
	if (node->kind != CONF_MAP) {
		base_problem(loader->problems, loader->file, node->line, "%s needs a list of aliases", name);
		return BASE_OK;
	}
	loader_check_keys(loader, node, known, name);
	result = entities_read_aliases(loader, conf_node_get(node, "aliases"), entity, ALIAS_SURE);
	if (!result)
		result = entities_read_aliases(loader, conf_node_get(node, "ambiguous"), entity, ALIAS_AMBIGUOUS);
	if (!result)
		result = entities_read_aliases(loader, conf_node_get(node, "except"), entity, ALIAS_EXCEPT);
	return result ? result : read_needs(loader, node, entity);
}

enum base_result entities_read(struct loader *loader, const struct conf_node *map, enum group_of of)
{
	enum base_result result = BASE_OK;
	enum leave_kind kind = of == GROUP_SYSTEMS ? LEAVE_SYSTEM : LEAVE_ACTOR;
	for (size_t i = 0; !result && i < map->count; i++)
		if (!leave_out_has(loader, kind, NULL, base_span_of(map->keys[i])))
			result = read_entity(loader, map->keys[i], map->items[i], of);
	return result;
}
