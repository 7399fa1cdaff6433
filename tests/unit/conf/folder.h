/* For the tests of conf: a folder with files, and what loading one of them says. */
#ifndef TEST_CONF_FOLDER_H
#define TEST_CONF_FOLDER_H

#include "wirewatch/conf.h"

struct folder {
	char path[64]; /* ends in '/' */
	struct base_problems *problems;
};

int folder_setup(void **state); /* for cmocka: a struct folder */
int folder_teardown(void **state);
/* Write a file; name may hold one folder, which is made. */
void folder_write(const struct folder *folder, const char *name, const char *text);
/* Load wirewatch.yaml with this text; every problem there was is in folder->problems. */
enum base_result folder_load(struct folder *folder, const char *text, struct conf **out);
/* The same, and it must be good. */
struct conf *folder_good(struct folder *folder, const char *text);
/* The same, and these must be its problems, in order: "LINE: message", or with a file's name before. */
void folder_bad(struct folder *folder, const char *text, size_t count, const char *const want[]);
void folder_bad_one(struct folder *folder, const char *text, const char *want);

#endif
