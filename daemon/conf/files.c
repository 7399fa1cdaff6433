/* Names and patterns of files, relative to the configuration's folder, to paths. */
#include "room.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILES ((size_t)10000)
#define LONGEST_PATH ((size_t)16384)

static bool is_pattern(struct base_span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (strchr("*?[", name.ptr[i]))
			return true;
	return false;
}

/* The folder's own name is taken as it is, whatever glob(3) would read into it. */
static enum base_result make_pattern(const char *folder, struct base_span name, struct base_buf *out)
{
	for (const char *c = name.ptr[0] == '/' ? "" : folder; *c; c++) {
		if (strchr("*?[\\", *c))
			(void)base_buf_add_char(out, '\\');
		(void)base_buf_add_char(out, *c);
	}
	return base_buf_add_span(out, name), out->failed;
}

/* A folder that is not there holds no matches; one that cannot be read might. */
static int is_serious(const char *path, int why)
{
	(void)path;
	return why != ENOENT && why != ENOTDIR;
}

static bool has(const struct conf_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (strcmp(paths->items[i], path) == 0)
			return true;
	return false;
}

static enum base_result add_path(struct conf_paths *paths, const char *path)
{
	if (has(paths, path))
		return BASE_OK;
	enum base_result result = base_grow(&paths->items, &paths->cap, paths->count + 1, sizeof *paths->items, MOST_FILES);
	char *copy = result ? NULL : strdup(path);
	if (!copy)
		return result ? result : BASE_NO_MEMORY;
	paths->items[paths->count++] = copy;
	return BASE_OK;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum base_result expand(const struct conf_reader *reader, const char *key, const struct conf_node *node,
                               struct conf_paths *paths)
{
	struct base_buf pattern;
	glob_t found = {0};
	base_buf_init(&pattern, LONGEST_PATH);
	enum base_result result = make_pattern(reader->folder, node->text, &pattern);
	if (result)
		goto out;
	int outcome = glob(pattern.data, GLOB_NOSORT, is_serious, &found);
	if (outcome == GLOB_NOSPACE) {
		result = BASE_NO_MEMORY;
	} else if (outcome == GLOB_ABORTED) {
		conf_mistake(reader->mistakes, node->line, "%s: '%s' cannot be searched: %s", key, conf_shown(node->text).text,
		             strerror(errno));
	} else if (outcome == GLOB_NOMATCH && !is_pattern(node->text)) {
		conf_mistake(reader->mistakes, node->line, "%s: there is no file '%s'", key, conf_shown(node->text).text);
	} else if (outcome == 0) {
		qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, by_bytes);
		for (size_t i = 0; i < found.gl_pathc && !result; i++)
			result = add_path(paths, found.gl_pathv[i]);
	}
	globfree(&found);
out:
	base_buf_free(&pattern);
	if (result == BASE_LIMIT) {
		conf_mistake(reader->mistakes, node->line, "%s: '%s' is too long or names too many files", key, conf_shown(node->text).text);
		result = BASE_OK;
	}
	return result;
}

static enum base_result expand_all(const struct conf_reader *reader, const char *key, const struct conf_node *list,
                                   struct conf_paths *paths)
{
	if (list->kind != CONF_LIST) {
		conf_mistake(reader->mistakes, list->line, "%s must be a list such as [name, folder/*.ext]", key);
		return BASE_OK;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct conf_node *node = list->items[i];
		enum base_result result = BASE_OK;
		if (node->kind != CONF_SCALAR || !node->text.len)
			conf_mistake(reader->mistakes, node->line, "%s must hold names of files", key);
		else
			result = expand(reader, key, node, paths);
		if (result)
			return result;
	}
	return BASE_OK;
}

enum base_result conf_paths_expand(const struct conf_reader *reader, size_t index, const struct conf_node *list,
                                   struct conf_paths *paths)
{
	const struct conf_setting_info *info = conf_schema_info(index);
	if (list && conf_node_is_null(list))
		return BASE_OK; /* `rules:` with nothing behind it: none */
	if (list)
		return expand_all(reader, info->key, list, paths);
	struct conf_tree *tree;
	enum base_result result = conf_tree_read(base_span_of(info->standard), reader->mistakes, &tree);
	if (result)
		return result;
	result = expand_all(reader, info->key, conf_tree_root(tree), paths);
	conf_tree_free(tree);
	return result;
}

void conf_paths_sort(struct conf_paths *paths)
{
	if (paths->count)
		qsort(paths->items, paths->count, sizeof *paths->items, by_bytes);
}

void conf_paths_free(struct conf_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i]);
	free(paths->items);
	*paths = (struct conf_paths){0};
}
