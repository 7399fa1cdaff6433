/* YAML to a tree of nodes that know their lines, through libyaml's events; what configuration needs of YAML and no more. */
#include "tree.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "runs.h"

#define MOST_BYTES ((size_t)32 << 20)
#define MOST_DEPTH 32
#define MOST_MEMORY ((size_t)256 << 20) /* two bytes can make 88; a feed with all it may have takes 1 KiB */
#define MOST_ITEMS (MOST_MEMORY / sizeof(struct conf_node)) /* so it is the memory that runs out */

struct conf_tree {
	struct base_arena *arena;
	const struct conf_node *root;
	size_t cut_items;
};

/* A list or map whose end has not come yet. The arrays are kept for the next one of the same depth. */
struct level {
	struct conf_node *node;
	const struct conf_node **items;
	const char **keys;
	size_t *key_lines;
	size_t count, item_cap, key_cap, line_cap;
	size_t last_keys; /* of the map before at this depth, still in keys */
	bool has_key; /* of a map: a key was read, its value comes next */
	bool block;   /* of a list: with dashes */
};

struct builder {
	yaml_parser_t parser;
	struct conf_mistakes *mistakes;
	struct conf_tree *tree;
	struct base_span bytes;
	struct level levels[MOST_DEPTH];
	size_t depth, documents;

	const struct conf_run *run, *runs_end; /* those that libyaml has not come to the end of */
	const struct conf_run *next_cut;       /* where bytes are left out for it */
	size_t given, cut_lines;               /* bytes, and lines that it does not know of */
	const struct conf_node *run_list;      /* run is known to be in this list; or NULL */
};

static size_t line_of(const struct builder *builder, yaml_mark_t mark)
{
	return mark.line + 1 + builder->cut_lines;
}

/* ---- what is refused before libyaml sees it ------------------------------ */

static bool starts_line(struct base_span bytes, size_t at)
{
	static const char *const before[] = {"\n", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"}; /* YAML 1.1, 5.4 */
	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
		size_t len = strlen(before[i]);
		if (at >= len && memcmp(bytes.ptr + at - len, before[i], len) == 0)
			return true;
	}
	return at == 0;
}

static size_t count_lines(struct base_span bytes, size_t until)
{
	size_t line = 1;
	for (size_t i = 0; i < until && i < bytes.len; i++)
		line += bytes.ptr[i] == '\n';
	return line;
}

/* libyaml compares each %TAG with all before it: a million of them would take hours. Nobody needs one. */
static enum base_result refuse_directives(struct base_span bytes, struct conf_mistakes *mistakes)
{
	for (size_t at = 0; at < bytes.len; at++) {
		const char *found = memchr(bytes.ptr + at, '%', bytes.len - at);
		if (!found)
			return BASE_OK;
		at = (size_t)(found - bytes.ptr);
		if (starts_line(bytes, at)) {
			conf_mistake(mistakes, count_lines(bytes, at), "a line cannot begin with %%: YAML directives are not supported");
			return BASE_SYNTAX;
		}
	}
	return BASE_OK;
}

/* ---- nodes ---------------------------------------------------------------- */

/* The arena has no place for size bytes more. */
static enum base_result no_place(struct builder *builder, size_t size, size_t line)
{
	if (size + alignof(max_align_t) < MOST_MEMORY - base_arena_used(builder->tree->arena))
		return BASE_NO_MEMORY;
	conf_mistake(builder->mistakes, line, "the document is too large: its values take more than %zu MiB of memory",
	             MOST_MEMORY >> 20);
	return BASE_SYNTAX;
}

static enum base_result new_node(struct builder *builder, enum conf_node_kind kind, size_t line, struct conf_node **out)
{
	struct conf_node *node = base_arena_alloc(builder->tree->arena, sizeof *node);
	if (!node)
		return no_place(builder, sizeof *node, line);
	node->kind = kind;
	node->line = (uint32_t)line; /* there are no more than bytes */
	*out = node;
	return BASE_OK;
}

static enum base_result copy_text(struct builder *builder, struct base_span text, size_t line, struct base_span *out)
{
	if (text.len && memchr(text.ptr, '\0', text.len)) {
		conf_mistake(builder->mistakes, line, "a NUL character is not allowed");
		text.len = strlen(text.ptr);
	}
	*out = base_arena_copy(builder->tree->arena, text);
	return out->ptr ? BASE_OK : no_place(builder, text.len, line);
}

static enum base_result add_key(struct level *level, const char *key, size_t line)
{
	enum base_result result =
	    base_grow(&level->keys, &level->key_cap, level->count + 1, sizeof *level->keys, MOST_ITEMS);
	if (!result)
		result = base_grow(&level->key_lines, &level->line_cap, level->count + 1, sizeof *level->key_lines, MOST_ITEMS);
	if (result)
		return result;
	level->keys[level->count] = key;
	level->key_lines[level->count] = line;
	level->has_key = true;
	return BASE_OK;
}

static enum base_result add_item(struct level *level, const struct conf_node *node)
{
	enum base_result result = base_grow(&level->items, &level->item_cap, level->count + 1, sizeof *level->items, MOST_ITEMS);
	if (result)
		return result;
	level->items[level->count++] = node;
	level->has_key = false;
	return BASE_OK;
}

/* The map whose next key has not been read yet, if that is what comes next. */
static struct level *awaits_key(struct builder *builder)
{
	struct level *level = builder->depth ? &builder->levels[builder->depth - 1] : NULL;
	return level && level->node->kind == CONF_MAP && !level->has_key ? level : NULL;
}

/* Put a node where the document has it: as the root, an item or the value of a key. */
static enum base_result place(struct builder *builder, struct conf_node *node)
{
	if (!builder->depth) {
		bool empty = node->kind == CONF_SCALAR && !node->text.len && !node->quoted;
		if (!builder->tree->root && !empty)
			builder->tree->root = node;
		return BASE_OK;
	}
	struct level *level = &builder->levels[builder->depth - 1];
	if (!awaits_key(builder))
		return add_item(level, node);
	conf_mistake(builder->mistakes, node->line, "a key must be plain text, not a list or map");
	return add_key(level, "", node->line);
}

/* ---- the end of a list or map ---------------------------------------------- */

struct key_place {
	const char *key;
	size_t line, index;
};

static int by_key(const void *a, const void *b)
{
	const struct key_place *left = a, *right = b;
	int order = strcmp(left->key, right->key);
	if (order)
		return order;
	return left->index < right->index ? -1 : 1;
}

/* Most maps are small: they are compared key by key, without memory of their own. */
static bool may_have_duplicates(const struct level *level)
{
	if (level->count > 8)
		return true;
	for (size_t i = 1; i < level->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(level->keys[i], level->keys[j]) == 0)
				return true;
	return false;
}

static enum base_result check_duplicates(struct builder *builder, const struct level *level)
{
	if (!may_have_duplicates(level))
		return BASE_OK;
	struct key_place *places = calloc(level->count, sizeof *places);
	if (!places)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < level->count; i++)
		places[i] = (struct key_place){level->keys[i], level->key_lines[i], i};
	qsort(places, level->count, sizeof *places, by_key);
	for (size_t i = 1, first = 0; i < level->count; i++) {
		if (strcmp(places[first].key, places[i].key) != 0)
			first = i;
		else
			conf_mistake(builder->mistakes, places[i].line, "the key '%s' is already in line %zu",
			             conf_shown(base_span_of(places[i].key)).text, places[first].line);
	}
	free(places);
	return BASE_OK;
}

static const void *keep(struct builder *builder, const void *array, size_t size)
{
	void *copy = base_arena_alloc(builder->tree->arena, size);
	return copy && size ? memcpy(copy, array, size) : copy;
}

static enum base_result finish_level(struct builder *builder)
{
	struct level *level = &builder->levels[--builder->depth];
	struct conf_node *node = level->node;
	size_t size = level->count * sizeof(void *);
	bool map = node->kind == CONF_MAP;
	node->count = level->count;
	if (map)
		level->last_keys = level->count;
	node->items = keep(builder, level->items, size);
	if (map) {
		node->keys = keep(builder, level->keys, size);
		node->key_lines = keep(builder, level->key_lines, level->count * sizeof *level->key_lines);
	}
	if (!node->items || (map && (!node->keys || !node->key_lines)))
		return no_place(builder, size, node->line);
	enum base_result result = map ? check_duplicates(builder, level) : BASE_OK;
	return result ? result : place(builder, node);
}

/* ---- values ------------------------------------------------------------------ */

static void refuse_extras(struct builder *builder, const yaml_char_t *anchor, const yaml_char_t *tag, size_t line)
{
	if (anchor)
		conf_mistake(builder->mistakes, line, "anchors (&%s) are not supported", (const char *)anchor);
	if (tag)
		conf_mistake(builder->mistakes, line, "tags (%s) are not supported", (const char *)tag);
}

static enum base_result start_level(struct builder *builder, enum conf_node_kind kind, bool block, size_t line)
{
	if (builder->depth == MOST_DEPTH) {
		conf_mistake(builder->mistakes, line, "nested more than %d levels deep", MOST_DEPTH);
		return BASE_SYNTAX;
	}
	struct conf_node *node;
	enum base_result result = new_node(builder, kind, line, &node);
	if (result)
		return result;
	struct level *level = &builder->levels[builder->depth++];
	level->node = node;
	level->count = 0;
	level->has_key = false;
	level->block = block;
	return BASE_OK;
}

static enum base_result add_scalar(struct builder *builder, struct base_span text, bool quoted, size_t line, size_t column)
{
	struct level *level = awaits_key(builder);
	struct base_span copy;
	struct conf_node *node;
	if (level && level->count < level->last_keys && base_span_is(text, level->keys[level->count]))
		return add_key(level, level->keys[level->count], line); /* maps of a list mostly have the same keys */
	enum base_result result = copy_text(builder, text, line, &copy);
	if (level && !result)
		return add_key(level, copy.ptr, line);
	if (!result)
		result = new_node(builder, CONF_SCALAR, line, &node);
	if (result)
		return result;
	node->text = copy;
	node->quoted = quoted;
	node->column = (uint32_t)column;
	return place(builder, node);
}

/* ---- runs: items that libyaml does not see --------------------------------------- */

static enum base_result take_run_event(void *ctx, const struct conf_run_event *event)
{
	switch (event->step) {
	case CONF_RUN_SCALAR: return add_scalar(ctx, event->text, event->quoted, event->line, event->column);
	case CONF_RUN_LIST: return start_level(ctx, CONF_LIST, false, event->line);
	case CONF_RUN_MAP: return start_level(ctx, CONF_MAP, false, event->line);
	default: return finish_level(ctx);
	}
}

/*
 * Before what begins at mark becomes a node. The first item of a run shows that
 * a block list is here and this line one of its items: the lines after it, of
 * the same kind and at the same columns, can only be more of them. The last
 * item shows where they belong. BASE_SYNTAX: it is all different.
 */
static enum base_result follow_run(struct builder *builder, const yaml_event_t *event)
{
	const struct conf_run *run = builder->run;
	size_t line = line_of(builder, event->start_mark), column = event->start_mark.column + 1;
	if (run == builder->runs_end || line < run->first_line)
		return BASE_OK;
	bool first = !builder->run_list;
	if (first ? event->type == YAML_SEQUENCE_START_EVENT && line == run->first_line && column < run->column :
	            line + run->lines < run->last_line)
		return BASE_OK; /* the dash of the list's first item; what is in the run's first item */
	const struct level *level = builder->depth ? &builder->levels[builder->depth - 1] : NULL;
	if (!level || !level->block || column != run->column)
		return BASE_SYNTAX;
	if (first && line == run->first_line) {
		builder->run_list = level->node;
		return BASE_OK;
	}
	if (first || line + run->lines != run->last_line || level->node != builder->run_list)
		return BASE_SYNTAX;
	builder->run++;
	builder->run_list = NULL;
	builder->cut_lines += run->lines;
	builder->tree->cut_items += run->items;
	return conf_run_read(builder->bytes, run, take_run_event, builder);
}

/* libyaml asks for bytes: the document without what is in runs. */
static int give_bytes(void *ctx, unsigned char *to, size_t size, size_t *given)
{
	struct builder *builder = ctx;
	const struct conf_run *cut = builder->next_cut;
	if (cut != builder->runs_end && builder->given == cut->from) {
		builder->given = cut->until;
		cut = ++builder->next_cut;
	}
	size_t until = cut != builder->runs_end ? cut->from : builder->bytes.len;
	*given = until - builder->given < size ? until - builder->given : size;
	if (*given)
		memcpy(to, builder->bytes.ptr + builder->given, *given);
	builder->given += *given;
	return 1;
}

/* ---- events ------------------------------------------------------------------ */

static enum base_result take_node(struct builder *builder, const yaml_event_t *event)
{
	size_t line = line_of(builder, event->start_mark), column = event->start_mark.column + 1;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		conf_mistake(builder->mistakes, line, "aliases (*%s) are not supported", (const char *)event->data.alias.anchor);
		return add_scalar(builder, base_span_of(""), true, line, column);
	case YAML_SCALAR_EVENT:
		refuse_extras(builder, event->data.scalar.anchor, event->data.scalar.tag, line);
		return add_scalar(builder, (struct base_span){(const char *)event->data.scalar.value, event->data.scalar.length},
		                  event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, line, column);
	case YAML_SEQUENCE_START_EVENT:
		refuse_extras(builder, event->data.sequence_start.anchor, event->data.sequence_start.tag, line);
		return start_level(builder, CONF_LIST, event->data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE, line);
	default:
		refuse_extras(builder, event->data.mapping_start.anchor, event->data.mapping_start.tag, line);
		return start_level(builder, CONF_MAP, false, line);
	}
}

static enum base_result take_event(struct builder *builder, const yaml_event_t *event)
{
	enum base_result result;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++builder->documents == 1)
			return BASE_OK;
		conf_mistake(builder->mistakes, line_of(builder, event->start_mark),
		             "a second YAML document begins; only one is allowed");
		return BASE_SYNTAX;
	case YAML_ALIAS_EVENT:
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		result = follow_run(builder, event);
		return result ? result : take_node(builder, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return finish_level(builder);
	case YAML_STREAM_END_EVENT: return builder->run == builder->runs_end ? BASE_OK : BASE_SYNTAX;
	default: return BASE_OK;
	}
}

/* ---- libyaml's own complaints ------------------------------------------------ */

static bool indented_with_tab(struct base_span bytes, size_t line)
{
	const char *at = bytes.ptr, *end = bytes.ptr + bytes.len;
	for (size_t now = 1; now < line && at; now++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

static enum base_result parser_failed(struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	const char *problem = parser->problem ? parser->problem : "not YAML";
	size_t line = line_of(builder, parser->problem_mark);
	switch (parser->error) {
	case YAML_MEMORY_ERROR: return BASE_NO_MEMORY;
	case YAML_READER_ERROR:
		conf_mistake(builder->mistakes, count_lines(builder->bytes, parser->problem_offset), "not UTF-8 text: %s", problem);
		return BASE_SYNTAX;
	default: break;
	}
	if (indented_with_tab(builder->bytes, line))
		conf_mistake(builder->mistakes, line, "indented with a tab; YAML takes only spaces");
	else if (parser->context && line_of(builder, parser->context_mark) != line)
		conf_mistake(builder->mistakes, line, "%s, %s that began in line %zu", problem, parser->context,
		             line_of(builder, parser->context_mark));
	else
		conf_mistake(builder->mistakes, line, "%s%s%s", problem, parser->context ? ", " : "",
		             parser->context ? parser->context : "");
	return BASE_SYNTAX;
}

static enum base_result read_events(struct builder *builder)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&builder->parser, &event))
			return parser_failed(builder);
		bool last = event.type == YAML_STREAM_END_EVENT;
		enum base_result result = take_event(builder, &event);
		yaml_event_delete(&event);
		if (result || last)
			return result;
	}
}

static enum base_result build(struct base_span bytes, const struct conf_runs *runs, struct conf_mistakes *mistakes,
                              struct conf_tree *tree)
{
	struct builder *builder = calloc(1, sizeof *builder);
	if (!builder)
		return BASE_NO_MEMORY;
	builder->mistakes = mistakes;
	builder->tree = tree;
	builder->bytes = bytes;
	builder->run = builder->next_cut = runs->runs;
	builder->runs_end = runs->count ? runs->runs + runs->count : builder->run;
	enum base_result result = BASE_NO_MEMORY;
	if (yaml_parser_initialize(&builder->parser)) {
		yaml_parser_set_encoding(&builder->parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input(&builder->parser, give_bytes, builder);
		result = read_events(builder);
		yaml_parser_delete(&builder->parser);
	}
	for (size_t i = 0; i < MOST_DEPTH; i++) {
		free(builder->levels[i].items);
		free(builder->levels[i].keys);
		free(builder->levels[i].key_lines);
	}
	free(builder);
	return result;
}

typedef enum base_result build_fn(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree *tree);

static enum base_result build_whole(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree *tree)
{
	return build(bytes, &(struct conf_runs){0}, mistakes, tree);
}

/*
 * With runs everything is as it would be without, only sooner: so a document
 * that is refused, or not what it seemed, is read again as a whole, and what
 * is said of it is always what libyaml finds.
 */
static enum base_result build_with_runs(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree *tree)
{
	struct conf_runs runs = {0};
	struct conf_mistakes own = {0};
	enum base_result result = conf_runs_find(bytes, &runs);
	bool done = false;
	if (!result && runs.count) {
		result = build(bytes, &runs, &own, tree);
		done = !result && !own.count && !own.lost;
	}
	conf_mistakes_free(&own);
	conf_runs_free(&runs);
	if (done)
		return BASE_OK;
	base_arena_reset(tree->arena);
	tree->root = NULL;
	tree->cut_items = 0;
	return build_whole(bytes, mistakes, tree);
}

static enum base_result read_by(build_fn *how, struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out)
{
	if (bytes.len > MOST_BYTES) {
		conf_mistake(mistakes, 0, "larger than %zu MiB", MOST_BYTES >> 20);
		return BASE_SYNTAX;
	}
	if (!bytes.ptr)
		bytes = base_span_of("");
	if (base_span_starts(bytes, "\xef\xbb\xbf")) { /* libyaml would count it as a column */
		bytes.ptr += 3;
		bytes.len -= 3;
	}
	enum base_result result = refuse_directives(bytes, mistakes);
	if (result)
		return result;
	struct conf_tree *tree = calloc(1, sizeof *tree);
	if (!tree)
		return BASE_NO_MEMORY;
	result = base_arena_new(MOST_MEMORY, &tree->arena);
	if (!result)
		result = how(bytes, mistakes, tree);
	if (result)
		conf_tree_free(tree);
	else
		*out = tree;
	return result;
}

enum base_result conf_tree_read(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out)
{
	return read_by(build_with_runs, bytes, mistakes, out);
}

enum base_result conf_tree_read_whole(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out)
{
	return read_by(build_whole, bytes, mistakes, out);
}

size_t conf_tree_cut_items(const struct conf_tree *tree)
{
	return tree->cut_items;
}

enum base_result conf_tree_parse(const char *file, struct base_span bytes, struct base_problems *problems,
                                 struct conf_tree **out)
{
	struct conf_mistakes mistakes = {0};
	struct conf_tree *tree = NULL;
	enum base_result result = conf_tree_read(bytes, &mistakes, &tree);
	if (!result && (mistakes.count || mistakes.lost))
		result = BASE_SYNTAX;
	conf_mistakes_report(&mistakes, file, problems);
	conf_mistakes_free(&mistakes);
	if (result)
		conf_tree_free(tree);
	else
		*out = tree;
	return result;
}

const struct conf_node *conf_tree_root(const struct conf_tree *tree)
{
	return tree->root;
}

void conf_tree_free(struct conf_tree *tree)
{
	if (!tree)
		return;
	base_arena_free(tree->arena);
	free(tree);
}

const struct conf_node *conf_node_get(const struct conf_node *map, const char *key)
{
	if (!map || map->kind != CONF_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i], key) == 0)
			return map->items[i];
	return NULL;
}
