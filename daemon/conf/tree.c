/* YAML to a tree of nodes that know their lines, through libyaml's events; what configuration needs of YAML and no more. */
#include "tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MOST_BYTES ((size_t)16 << 20)
#define MOST_DEPTH 32
#define MOST_NODES ((size_t)1000000) /* two bytes can make a node of eighty */
#define MOST_MEMORY ((size_t)256 << 20)

struct conf_tree {
	struct base_arena *arena;
	const struct conf_node *root;
};

/* A list or map whose end has not come yet. The arrays are kept for the next one of the same depth. */
struct level {
	struct conf_node *node;
	const struct conf_node **items;
	const char **keys;
	size_t *key_lines;
	size_t count, item_cap, key_cap, line_cap;
	bool has_key; /* of a map: a key was read, its value comes next */
};

struct builder {
	yaml_parser_t parser;
	struct conf_mistakes *mistakes;
	struct conf_tree *tree;
	struct base_span bytes;
	struct level levels[MOST_DEPTH];
	size_t depth, nodes, documents;
};

static size_t line_of(yaml_mark_t mark)
{
	return mark.line + 1;
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

static enum base_result too_large(struct builder *builder, size_t line)
{
	conf_mistake(builder->mistakes, line, "the document is too large: more than %zu values or %zu MiB of memory", MOST_NODES,
	             MOST_MEMORY >> 20);
	return BASE_SYNTAX;
}

static enum base_result new_node(struct builder *builder, enum conf_node_kind kind, size_t line, struct conf_node **out)
{
	if (++builder->nodes > MOST_NODES)
		return too_large(builder, line);
	struct conf_node *node = base_arena_alloc(builder->tree->arena, sizeof *node);
	if (!node)
		return base_arena_used(builder->tree->arena) > MOST_MEMORY / 2 ? too_large(builder, line) : BASE_NO_MEMORY;
	node->kind = kind;
	node->line = line;
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
	return out->ptr ? BASE_OK : BASE_NO_MEMORY;
}

static enum base_result add_key(struct level *level, const char *key, size_t line)
{
	enum base_result result =
	    base_grow(&level->keys, &level->key_cap, level->count + 1, sizeof *level->keys, MOST_NODES);
	if (!result)
		result = base_grow(&level->key_lines, &level->line_cap, level->count + 1, sizeof *level->key_lines, MOST_NODES);
	if (result)
		return result;
	level->keys[level->count] = key;
	level->key_lines[level->count] = line;
	level->has_key = true;
	return BASE_OK;
}

static enum base_result add_item(struct level *level, const struct conf_node *node)
{
	enum base_result result = base_grow(&level->items, &level->item_cap, level->count + 1, sizeof *level->items, MOST_NODES);
	if (result)
		return result;
	level->items[level->count++] = node;
	level->has_key = false;
	return BASE_OK;
}

/* Put a node where the document has it: as the root, an item, a key or the value of a key. */
static enum base_result place(struct builder *builder, struct conf_node *node)
{
	if (!builder->depth) {
		bool empty = node->kind == CONF_SCALAR && !node->text.len && !node->quoted;
		if (!builder->tree->root && !empty)
			builder->tree->root = node;
		return BASE_OK;
	}
	struct level *level = &builder->levels[builder->depth - 1];
	if (level->node->kind != CONF_MAP || level->has_key)
		return add_item(level, node);
	if (node->kind != CONF_SCALAR)
		conf_mistake(builder->mistakes, node->line, "a key must be plain text, not a list or map");
	return add_key(level, node->kind == CONF_SCALAR ? node->text.ptr : "", node->line);
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
			conf_mistake(builder->mistakes, places[i].line, "the key '%s' is already in line %zu", places[i].key,
			             places[first].line);
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
	node->count = level->count;
	node->items = keep(builder, level->items, level->count * sizeof *level->items);
	if (!node->items)
		return BASE_NO_MEMORY;
	if (node->kind == CONF_MAP) {
		node->keys = keep(builder, level->keys, level->count * sizeof *level->keys);
		node->key_lines = keep(builder, level->key_lines, level->count * sizeof *level->key_lines);
		if (!node->keys || !node->key_lines)
			return BASE_NO_MEMORY;
		enum base_result result = check_duplicates(builder, level);
		if (result)
			return result;
	}
	return place(builder, node);
}

/* ---- events ------------------------------------------------------------------ */

static void refuse_extras(struct builder *builder, const yaml_char_t *anchor, const yaml_char_t *tag, size_t line)
{
	if (anchor)
		conf_mistake(builder->mistakes, line, "anchors (&%s) are not supported", (const char *)anchor);
	if (tag)
		conf_mistake(builder->mistakes, line, "tags (%s) are not supported", (const char *)tag);
}

static enum base_result start_level(struct builder *builder, enum conf_node_kind kind, size_t line)
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
	return BASE_OK;
}

static enum base_result add_scalar(struct builder *builder, struct base_span text, bool quoted, yaml_mark_t mark)
{
	size_t line = line_of(mark);
	struct conf_node *node;
	enum base_result result = new_node(builder, CONF_SCALAR, line, &node);
	if (!result)
		result = copy_text(builder, text, line, &node->text);
	if (result)
		return result;
	node->quoted = quoted;
	node->column = mark.column + 1;
	return place(builder, node);
}

static enum base_result take_event(struct builder *builder, const yaml_event_t *event)
{
	size_t line = line_of(event->start_mark);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++builder->documents == 1)
			return BASE_OK;
		conf_mistake(builder->mistakes, line, "a second YAML document begins; only one is allowed");
		return BASE_SYNTAX;
	case YAML_ALIAS_EVENT:
		conf_mistake(builder->mistakes, line, "aliases (*%s) are not supported", (const char *)event->data.alias.anchor);
		return add_scalar(builder, base_span_of(""), true, event->start_mark);
	case YAML_SCALAR_EVENT:
		refuse_extras(builder, event->data.scalar.anchor, event->data.scalar.tag, line);
		return add_scalar(builder, (struct base_span){(const char *)event->data.scalar.value, event->data.scalar.length},
		                  event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, event->start_mark);
	case YAML_SEQUENCE_START_EVENT:
		refuse_extras(builder, event->data.sequence_start.anchor, event->data.sequence_start.tag, line);
		return start_level(builder, CONF_LIST, line);
	case YAML_MAPPING_START_EVENT:
		refuse_extras(builder, event->data.mapping_start.anchor, event->data.mapping_start.tag, line);
		return start_level(builder, CONF_MAP, line);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return finish_level(builder);
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
	size_t line = line_of(parser->problem_mark);
	switch (parser->error) {
	case YAML_MEMORY_ERROR: return BASE_NO_MEMORY;
	case YAML_READER_ERROR:
		conf_mistake(builder->mistakes, count_lines(builder->bytes, parser->problem_offset), "not UTF-8 text: %s", problem);
		return BASE_SYNTAX;
	default: break;
	}
	if (indented_with_tab(builder->bytes, line))
		conf_mistake(builder->mistakes, line, "indented with a tab; YAML takes only spaces");
	else if (parser->context && line_of(parser->context_mark) != line)
		conf_mistake(builder->mistakes, line, "%s, %s that began in line %zu", problem, parser->context,
		             line_of(parser->context_mark));
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

static enum base_result build(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree *tree)
{
	struct builder *builder = calloc(1, sizeof *builder);
	if (!builder)
		return BASE_NO_MEMORY;
	builder->mistakes = mistakes;
	builder->tree = tree;
	builder->bytes = bytes;
	enum base_result result = BASE_NO_MEMORY;
	if (yaml_parser_initialize(&builder->parser)) {
		yaml_parser_set_encoding(&builder->parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&builder->parser, (const unsigned char *)bytes.ptr, bytes.len);
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

enum base_result conf_tree_read(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out)
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
		result = build(bytes, mistakes, tree);
	if (result)
		conf_tree_free(tree);
	else
		*out = tree;
	return result;
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
