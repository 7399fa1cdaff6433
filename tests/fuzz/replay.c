/*
 * replay: stands in for the fuzzer's engine. Gives every file of
 * tests/fuzz/corpus/<program's name> to the fuzz target and prints TAP.
 * Files named on the command line are replayed instead.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wirewatch/base.h"

#define LARGEST ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int replay(size_t number, const char *path)
{
	struct base_error err;
	char *bytes = NULL;
	size_t len = 0;

	if (base_read_file(path, LARGEST, &bytes, &len, &err) != BASE_OK) {
		(void)printf("not ok %zu - %s\n", number, err.text);
		return 1;
	}
	/* A copy of the exact size: reading past its end shows. */
	uint8_t *exact = malloc(len > 0 ? len : 1);
	if (exact == NULL)
		abort();
	memcpy(exact, bytes, len);
	free(bytes);
	(void)printf("# %s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	(void)printf("ok %zu - %s\n", number, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
	return 0;
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_corpus(const char *target)
{
	const char *source = getenv("WW_SRCDIR");
	struct dirent **files;
	char folder[4096];
	int count, failed = 0;

	(void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", target);
	count = scandir(folder, &files, is_file, alphasort);
	if (count <= 0) {
		(void)printf("Bail out! there is no corpus in %s\n", folder);
		return 1;
	}
	(void)printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		char path[sizeof(folder) + 256];

		(void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
		failed |= replay((size_t)i + 1, path);
		free(files[i]);
	}
	free(files);
	return failed;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	int failed = 0;

	if (argc < 2)
		return replay_corpus(name != NULL ? name + 1 : argv[0]);
	(void)printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		failed |= replay((size_t)i, argv[i]);
	return failed;
}
