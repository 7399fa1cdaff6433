/*
 * leave_out: what a rule file takes out of the others, so that people can
 * change the rules that came with the program without touching their files.
 */
#include <stdlib.h>

#include "rules_load.h"

#define OMISSIONS_MAX ((size_t)1 << 16)

static const char *const what[] = {[LEAVE_RULE] = "rule", [LEAVE_SYSTEM] = "system", [LEAVE_ACTOR] = "actor",
                                   [LEAVE_TERM] = "word"};

static enum base_result add(struct loader *loader, enum leave_kind kind, const char *set, const struct conf_node *node)
{
	enum base_result result = base_grow(&loader->omissions, &loader->omission_cap, loader->omission_count + 1,
	                                    sizeof *loader->omissions, OMISSIONS_MAX);
	if (!result)
		loader->omissions[loader->omission_count++] =
		    (struct omission){.kind = kind, .set = set, .node = node, .file = loader->file};
	return result;
}

static enum base_result add_list(struct loader *loader, enum leave_kind kind, const char *set, const struct conf_node *list)
{
	enum base_result result = BASE_OK;
	if (list && list->kind != CONF_LIST) {
		base_problem(loader->problems, loader->file, list->line, "leave_out needs a list here");
		return BASE_OK;
	}
	for (size_t i = 0; !result && list && i < list->count; i++) {
		if (list->items[i]->kind == CONF_SCALAR)
			result = add(loader, kind, set, list->items[i]);
		else
			base_problem(loader->problems, loader->file, list->items[i]->line, "leave_out needs names here");
	}
	return result;
}

enum base_result leave_out_collect(struct loader *loader, const struct conf_node *map)
{
	static const char *const known[] = {"rules", "sets", "systems", "actors", NULL};
	const struct conf_node *sets = conf_node_get(map, "sets");
	loader_check_keys(loader, map, known, "leave_out");
	enum base_result result = add_list(loader, LEAVE_RULE, NULL, conf_node_get(map, "rules"));
	if (!result)
		result = add_list(loader, LEAVE_SYSTEM, NULL, conf_node_get(map, "systems"));
	if (!result)
		result = add_list(loader, LEAVE_ACTOR, NULL, conf_node_get(map, "actors"));
	if (sets && sets->kind != CONF_MAP) {
		base_problem(loader->problems, loader->file, sets->line, "leave_out needs a map of sets here");
		return result;
	}
	for (size_t i = 0; !result && sets && i < sets->count; i++)
		result = add_list(loader, LEAVE_TERM, sets->keys[i], sets->items[i]);
	return result;
}

bool leave_out_has(struct loader *loader, enum leave_kind kind, const char *set, struct base_span name)
{
	bool found = false;
	for (size_t i = 0; i < loader->omission_count; i++) {
		struct omission *omission = &loader->omissions[i];
		if (omission->kind != kind || !base_span_equal(omission->node->text, name) ||
		    (set && !base_span_is(base_span_of(omission->set), set)))
			continue;
		omission->used = found = true;
	}
	return found;
}

void leave_out_check(const struct loader *loader)
{
	for (size_t i = 0; i < loader->omission_count; i++) {
		const struct omission *omission = &loader->omissions[i];
		if (omission->used)
			continue;
		base_problem(loader->problems, omission->file, omission->node->line, "leave_out: there is no %s \"%s\"%s%s",
		             what[omission->kind], omission->node->text.ptr, omission->set ? " in the set $" : "",
		             omission->set ? omission->set : "");
	}
}
