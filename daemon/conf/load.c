/* A configuration and every file it names, read into a new object; all mistakes in one go. */
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define MOST_MEMORY ((size_t)512 << 20)
#define MOST_BYTES ((size_t)32 << 20)

/* ---- feed lists ----------------------------------------------------------------- */

struct list_file {
	const char *path;
	char *bytes;
	size_t len;
};

/*
 * All lists are read before any is parsed: a list that cannot be opened is a
 * mistake in a line of the configuration, and those come first.
 */
static enum base_result read_lists(const struct conf_paths *paths, size_t line, struct conf_mistakes *mistakes,
                                   struct list_file *lists)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct base_error err;
		lists[i].path = paths->items[i];
		enum base_result result = base_read_file(paths->items[i], MOST_BYTES, &lists[i].bytes, &lists[i].len, &err);
		if (result == BASE_NO_MEMORY)
			return result;
		if (result)
			conf_mistake(mistakes, line, "feed_files: %s", err.text);
	}
	return BASE_OK;
}

static enum base_result parse_lists(struct conf *conf, conf_opml_fn *opml, const struct list_file *lists, size_t count,
                                    struct base_problems *problems)
{
	enum base_result failed = BASE_OK;
	for (size_t i = 0; i < count && opml; i++) {
		if (!lists[i].bytes)
			continue;
		size_t before = base_problems_count(problems);
		enum base_result result = opml(conf, lists[i].path, (struct base_span){lists[i].bytes, lists[i].len}, problems);
		if (result && base_problems_count(problems) == before)
			base_problem(problems, lists[i].path, 0, "%s", base_result_text(result));
		if (result)
			failed = result;
	}
	return failed;
}

/* ---- the file itself --------------------------------------------------------------- */

static enum base_result keep_rule_files(struct conf *conf, const struct conf_paths *paths)
{
	conf->rule_files = base_arena_alloc(conf->arena, (paths->count + 1) * sizeof *conf->rule_files);
	if (!conf->rule_files)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < paths->count; i++) {
		conf->rule_files[i] = base_arena_copy(conf->arena, base_span_of(paths->items[i])).ptr;
		if (!conf->rule_files[i])
			return BASE_NO_MEMORY;
	}
	conf->rule_file_count = paths->count;
	return BASE_OK;
}

static enum base_result read_tree(struct conf *conf, const struct conf_reader *reader, const struct conf_node *root,
                                  const char *file, struct conf_paths *lists, size_t *lists_line)
{
	const struct conf_node *nodes[CONF_SETTING_COUNT] = {NULL};
	struct conf_paths rules = {0};
	size_t feeds = conf_schema_find("feeds"), feed_files = conf_schema_find("feed_files"), rule = conf_schema_find("rules");
	if (root && root->kind != CONF_MAP)
		conf_mistake(reader->mistakes, root->line, "the configuration must be a map of settings");
	else if (root)
		conf_schema_bind(root, "", nodes, reader->mistakes);
	enum base_result result = conf_settings_read(reader, nodes, &conf->settings);
	if (!result)
		result = conf_feeds_read(conf, reader, nodes[feeds], file);
	if (!result)
		result = conf_paths_expand(reader, feed_files, nodes[feed_files], lists);
	if (!result)
		result = conf_paths_expand(reader, rule, nodes[rule], &rules);
	conf_paths_sort(&rules);
	if (!result)
		result = keep_rule_files(conf, &rules);
	*lists_line = nodes[feed_files] ? nodes[feed_files]->line : 0;
	conf_paths_free(&rules);
	return result;
}

static enum base_result read_folder(struct conf *conf, const char *path, const char **out)
{
	const char *slash = strrchr(path, '/');
	struct base_span folder = {path, slash ? (size_t)(slash - path) + 1 : 0};
	*out = base_arena_copy(conf->arena, folder).ptr;
	return *out ? BASE_OK : BASE_NO_MEMORY;
}

static enum base_result fill(struct conf *conf, const char *path, struct base_span bytes, conf_opml_fn *opml,
                             struct base_problems *problems)
{
	struct conf_mistakes mistakes = {0};
	struct conf_reader reader = {.arena = conf->arena, .mistakes = &mistakes};
	struct conf_tree *tree = NULL;
	struct conf_paths paths = {0};
	struct list_file *lists = NULL;
	size_t line = 0;
	const char *file = base_arena_copy(conf->arena, base_span_of(path)).ptr;
	enum base_result result = file ? read_folder(conf, path, &reader.folder) : BASE_NO_MEMORY;
	if (!result)
		result = conf_tree_read(bytes, &mistakes, &tree);
	if (!result)
		result = read_tree(conf, &reader, conf_tree_root(tree), file, &paths, &line);
	if (!result && !(lists = calloc(paths.count + 1, sizeof *lists)))
		result = BASE_NO_MEMORY;
	if (!result)
		result = read_lists(&paths, line, &mistakes, lists);
	conf_mistakes_report(&mistakes, path, problems);
	if (!result)
		result = parse_lists(conf, opml, lists, paths.count, problems);
	for (size_t i = 0; lists && i < paths.count; i++)
		free(lists[i].bytes);
	free(lists);
	conf_paths_free(&paths);
	conf_tree_free(tree);
	conf_mistakes_free(&mistakes);
	return result;
}

enum base_result conf_new(struct conf **out)
{
	struct conf *conf = calloc(1, sizeof *conf);
	enum base_result result = conf ? base_arena_new(MOST_MEMORY, &conf->arena) : BASE_NO_MEMORY;
	if (conf)
		conf_feeds_init(conf);
	if (result)
		conf_free(conf);
	else
		*out = conf;
	return result;
}

enum base_result conf_load(const char *path, conf_opml_fn *opml, struct base_problems *problems, struct conf **out)
{
	struct base_error err;
	char *bytes = NULL;
	size_t len = 0, before = base_problems_count(problems);
	struct conf *conf = NULL;
	enum base_result result = base_read_file(path, MOST_BYTES, &bytes, &len, &err);
	if (result) {
		base_problem(problems, path, 0, "%s", err.text);
		return result;
	}
	result = conf_new(&conf);
	if (!result)
		result = fill(conf, path, (struct base_span){bytes, len}, opml, problems);
	free(bytes);
	if (!result && base_problems_count(problems) > before)
		result = BASE_SYNTAX;
	if (result && base_problems_count(problems) == before)
		base_problem(problems, path, 0, "%s", base_result_text(result));
	if (result)
		conf_free(conf);
	else
		*out = conf;
	return result;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	conf_feeds_free(conf);
	base_arena_free(conf->arena);
	free(conf);
}

const struct conf_settings *conf_settings(const struct conf *conf)
{
	return &conf->settings;
}

size_t conf_rule_file_count(const struct conf *conf)
{
	return conf->rule_file_count;
}

const char *conf_rule_file_at(const struct conf *conf, size_t index)
{
	return index < conf->rule_file_count ? conf->rule_files[index] : NULL;
}
