/* For the tests of conf: a folder with files, and what loading one of them says. */
#include "config.h"

#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int folder_setup(void **state)
{
	struct folder *folder = calloc(1, sizeof *folder);
	assert_non_null(folder);
	(void)snprintf(folder->path, sizeof folder->path, "/tmp/wirewatch-conf-[x]-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	folder->path[strlen(folder->path)] = '/';
	*state = folder;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

int folder_teardown(void **state)
{
	struct folder *folder = *state;
	base_problems_free(folder->problems);
	(void)nftw(folder->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return 0;
}

void folder_write(const struct folder *folder, const char *name, const char *text)
{
	char path[256];
	const char *slash = strchr(name, '/');
	if (slash) {
		(void)snprintf(path, sizeof path, "%s%.*s", folder->path, (int)(slash - name), name);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(path, sizeof path, "%s%s", folder->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* Stands in for the OPML reader: each line "URL NAME LANGUAGE TAG", the latter three may be left out; "fail" fails. */
static enum base_result read_lines(struct conf *conf, const char *file, struct base_span bytes, struct base_problems *problems)
{
	size_t line = 0;
	const char *end = bytes.ptr + bytes.len;
	for (const char *at = bytes.ptr; at < end;) {
		char part[4][200] = {"", "", "", ""};
		size_t len = strcspn(at, "\n");
		char copy[1024];
		(void)snprintf(copy, sizeof copy, "%.*s", (int)len, at);
		line++;
		at += len + 1;
		(void)sscanf(copy, "%199s %199s %199s %199s", part[0], part[1], part[2], part[3]);
		if (strcmp(part[0], "fail") == 0)
			return BASE_SYNTAX;
		struct base_span tag = base_span_of(part[3]);
		struct conf_outline outline = {.url = base_span_of(part[0]),
		                               .name = *part[1] ? base_span_of(part[1]) : BASE_NONE,
		                               .language = *part[2] ? base_span_of(part[2]) : BASE_NONE,
		                               .tags = &tag,
		                               .tag_count = *part[3] != '\0',
		                               .file = file,
		                               .line = line};
		enum base_result result = conf_add_feed(conf, &outline, problems);
		if (result)
			return result;
	}
	return BASE_OK;
}

enum base_result folder_load(struct folder *folder, const char *text, struct conf **out)
{
	char path[128];
	base_problems_free(folder->problems);
	folder->problems = NULL;
	assert_int_equal(base_problems_new(&folder->problems), BASE_OK);
	folder_write(folder, "wirewatch.yaml", text);
	(void)snprintf(path, sizeof path, "%swirewatch.yaml", folder->path);
	return conf_load(path, read_lines, folder->problems, out);
}

struct conf *folder_good(struct folder *folder, const char *text)
{
	struct conf *conf = NULL;
	enum base_result result = folder_load(folder, text, &conf);
	for (size_t i = 0; i < base_problems_count(folder->problems); i++)
		print_message("%s\n", base_problems_at(folder->problems, i));
	assert_int_equal(result, BASE_OK);
	assert_int_equal(base_problems_count(folder->problems), 0);
	return conf;
}

void folder_bad(struct folder *folder, const char *text, size_t count, const char *const want[])
{
	struct conf *conf = NULL;
	assert_int_equal(folder_load(folder, text, &conf), BASE_SYNTAX);
	assert_null(conf);
	for (size_t i = 0; i < count; i++) {
		const char *seen = base_problems_at(folder->problems, i);
		assert_int_equal(strncmp(seen, folder->path, strlen(folder->path)), 0);
		seen += strlen(folder->path);
		bool here = want[i][0] >= '0' && want[i][0] <= '9';
		if (here && strncmp(seen, "wirewatch.yaml:", 15) == 0)
			seen += 15;
		assert_string_equal(seen, want[i]);
	}
	if (base_problems_count(folder->problems) > count)
		print_message("not expected: %s\n", base_problems_at(folder->problems, count));
	assert_int_equal(base_problems_count(folder->problems), count);
}

void folder_bad_one(struct folder *folder, const char *text, const char *want)
{
	folder_bad(folder, text, 1, &want);
}
