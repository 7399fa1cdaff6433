/* Reads the section `furniture`: the words that give away what is none of an item's own text. */
#include <string.h>

#include "rules_load.h"

#define FURNITURE_MAX ((size_t)1 << 16)

static enum base_result add(struct match_rules *rules, uint32_t term, enum furniture_kind kind, bool colon)
{
	enum base_result result = rules_grow_heads(rules);
	if (!result)
		result = base_grow(&rules->furniture, &rules->furniture_cap, rules->furniture_count + 1,
		                   sizeof *rules->furniture, FURNITURE_MAX);
	if (result)
		return result;
	rules->furniture[rules->furniture_count] = (struct furniture){kind, colon, rules->heads[term].furniture};
	rules->heads[term].furniture = (uint32_t)rules->furniture_count++;
	return BASE_OK;
}

static enum base_result read_list(struct loader *loader, const struct conf_node *list, enum furniture_kind kind)
{
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < list->count; i++) {
		uint32_t term;
		result = sets_read_term(loader, list->items[i], loader->file, &term);
		if (!result) {
			struct base_span text = list->items[i]->text;
			result = add(loader->rules, term, kind, text.ptr[text.len - 1] == ':');
		}
		if (result == BASE_SYNTAX)
			result = BASE_OK; /* said */
	}
	return result;
}

enum base_result furniture_read(struct loader *loader, const struct conf_node *map)
{
	static const char *const keys[] = {"starts", "contains", "headings", "ends", NULL}; /* as enum furniture_kind */
	enum base_result result = BASE_OK;
	loader_check_keys(loader, map, keys, "furniture");
	for (size_t kind = 0; !result && keys[kind]; kind++) {
		const struct conf_node *list = conf_node_get(map, keys[kind]);
		if (list && list->kind != CONF_LIST)
			base_problem(loader->problems, loader->file, list->line, "%s must be a list of words and phrases", keys[kind]);
		else if (list)
			result = read_list(loader, list, (enum furniture_kind)kind);
	}
	return result;
}
