/* Reading rule files: sets first, then what uses them. */
#ifndef MATCH_RULES_LOAD_H
#define MATCH_RULES_LOAD_H

#include "expression.h"
#include "wirewatch/conf.h"

struct set_source { /* a set may be written in several files */
	const struct conf_node *node;
	const char *file;
	size_t next; /* index, SIZE_MAX: last */
};

enum set_state { SET_UNREAD, SET_READING, SET_READ };

struct set {
	const char *name;
	size_t first, last; /* of its sources */
	enum set_state state;
	const struct node *node; /* NULL: nothing usable in it */
};

enum leave_kind { LEAVE_RULE, LEAVE_SYSTEM, LEAVE_ACTOR, LEAVE_TERM };

struct omission { /* something that leave_out names */
	enum leave_kind kind;
	const char *set; /* of a term */
	const struct conf_node *node;
	const char *file;
	bool used; /* it was there */
};

struct loader {
	struct match_rules *rules;
	struct base_problems *problems;
	struct expression_context context;
	struct set *sets;
	size_t set_count, set_cap;
	struct table set_table;
	struct set_source *sources;
	size_t source_count, source_cap;
	size_t total_size; /* of all rules */
	size_t set_depth; /* sets being read inside each other */
	const char *file; /* being read */
	const char *rules_file; /* the same, kept with the rules */
	const struct match_source *files;
	size_t file_count;
	struct omission *omissions;
	size_t omission_count, omission_cap;
};

/* leave_out.c: collected from all files before anything is read */
enum base_result leave_out_collect(struct loader *loader, const struct conf_node *map);
bool leave_out_has(struct loader *loader, enum leave_kind kind, const char *set, struct base_span name);
/* Says what was not there. */
void leave_out_check(const struct loader *loader);

/* sets.c */
enum base_result sets_collect(struct loader *loader, const struct conf_node *sets);
/* Reads every set, used or not, so that all mistakes are found. */
enum base_result sets_read_all(struct loader *loader);
/* Their names and nodes, for explanations. */
enum base_result sets_keep(struct loader *loader);
void sets_free(struct loader *loader);
expression_set_fn sets_resolve;
/* One term of a list, with an optional case: before it. BASE_SYNTAX: a problem was said. */
enum base_result sets_read_term(struct loader *loader, const struct conf_node *node, const char *file, uint32_t *term);
/* entities.c; aliases of one name may be written in several files */
enum base_result entities_read(struct loader *loader, const struct conf_node *map, enum group_of of);
enum base_result entities_find_or_add(struct loader *loader, const char *name, enum group_of of, uint32_t *out);
enum base_result entities_read_aliases(struct loader *loader, const struct conf_node *list, uint32_t entity,
                                       enum alias_kind kind);
/* furniture_load.c */
enum base_result furniture_read(struct loader *loader, const struct conf_node *map);
/* details_load.c; what several files say is united */
enum base_result details_read(struct loader *loader, const struct conf_node *map);
/* Where a value is written. */
struct place loader_place(const struct loader *loader, const struct conf_node *node, const char *file);
/* A text or a list of texts of which any one will do. NULL stays NULL. */
enum base_result loader_expression(struct loader *loader, const struct conf_node *node, const struct node **out);
/* Says each key of map that is not in known (which NULL ends). */
void loader_check_keys(const struct loader *loader, const struct conf_node *map, const char *const *known,
                       const char *what);

#endif
