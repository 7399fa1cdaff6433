/* Rule files from paths, folders and globs. */
#include "match_rules.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RULE_FILE_MAX ((size_t)16 << 20)

static enum base_result find_files(const char *command, const char *path, glob_t *found, bool first)
{
	struct stat about;
	char pattern[4096];
	bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
	int len = snprintf(pattern, sizeof pattern, folder ? "%s/*.yaml" : "%s", path);
	if (len < 0 || (size_t)len >= sizeof pattern)
		return BASE_LIMIT;
	switch (glob(pattern, first ? 0 : GLOB_APPEND, NULL, found)) {
	case 0:
		return BASE_OK;
	case GLOB_NOMATCH:
		(void)fprintf(stderr, "wirewatch %s: %s: %s\n", command, path, folder ? "no *.yaml in this folder" : "no such file");
		return BASE_NOT_FOUND;
	default:
		(void)fprintf(stderr, "wirewatch %s: %s: %s\n", command, path, strerror(errno));
		return BASE_IO;
	}
}

static enum base_result read_sources(const char *command, const glob_t *files, struct match_source *sources)
{
	for (size_t i = 0; i < files->gl_pathc; i++) {
		struct base_error err;
		char *bytes;
		size_t len;
		enum base_result result = base_read_file(files->gl_pathv[i], RULE_FILE_MAX, &bytes, &len, &err);
		if (result) {
			(void)fprintf(stderr, "wirewatch %s: %s\n", command, err.text);
			return result;
		}
		sources[i] = (struct match_source){files->gl_pathv[i], {bytes, len}};
	}
	return BASE_OK;
}

static void free_sources(struct match_source *sources, size_t count)
{
	for (size_t i = 0; sources && i < count; i++)
		free((void *)(uintptr_t)sources[i].bytes.ptr);
	free(sources);
}

/* more: a rule file that is not on disk, or none. */
static enum base_result load(const char *command, const glob_t *files, struct base_span more, struct match_rules **out)
{
	struct base_problems *problems = NULL;
	struct match_source *sources = calloc(files->gl_pathc + 2, sizeof *sources);
	enum base_result result = sources ? base_problems_new(&problems) : BASE_NO_MEMORY;
	if (!result)
		result = read_sources(command, files, sources);
	size_t count = files->gl_pathc;
	if (!result && more.ptr)
		sources[count++] = (struct match_source){"pattern", more};
	if (!result)
		result = match_rules_load(sources, count, problems, out);
	for (size_t i = 0; problems && i < base_problems_count(problems); i++) {
		const char *quote = base_problems_quote_at(problems, i);
		(void)fprintf(stderr, "%s\n%s%s", base_problems_at(problems, i), quote ? quote : "", quote ? "\n" : "");
	}
	if (result == BASE_NO_MEMORY || result == BASE_LIMIT)
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_result_text(result));
	base_problems_free(problems);
	free_sources(sources, files->gl_pathc);
	return result;
}

enum base_result rules_from_paths(const char *command, const char *const *paths, size_t count, struct base_span more,
                                  struct match_rules **out)
{
	const char *standard = getenv("WIREWATCH_RULES");
	if (!standard || !*standard)
		standard = MATCH_RULES_DIR;
	if (count == 0) {
		paths = &standard;
		count = 1;
	}
	glob_t files = {0};
	enum base_result result = BASE_OK;
	for (size_t i = 0; !result && i < count; i++)
		result = find_files(command, paths[i], &files, i == 0);
	if (!result)
		result = load(command, &files, more, out);
	globfree(&files);
	return result;
}
