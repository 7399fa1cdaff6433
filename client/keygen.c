/*
 * `wirewatch keygen`: a CURVE key pair in two files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wirewatch.h>

#include "client.h"
#include "print.h"

#define PATH_LEN 4096

static void usage(FILE *out)
{
	fputs("usage: wirewatch keygen NAME\n\n"
	      "Make a key pair: NAME.key (secret, readable by its owner alone) and NAME.pub.\n"
	      "Files that exist are left alone.\n\n"
	      "  -h, --help   print this and exit\n",
	      out);
}

static int write_key(const char *path, mode_t mode, const char *key)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	size_t len = strlen(key);
	bool good;

	if (fd < 0) {
		fprintf(stderr, "wirewatch keygen: %s: %s\n", path, strerror(errno));
		return CLIENT_FAILED;
	}
	good = fchmod(fd, mode) == 0 && write(fd, key, len) == (ssize_t)len && write(fd, "\n", 1) == 1;
	good = close(fd) == 0 && good;
	if (good)
		return CLIENT_DONE;
	fprintf(stderr, "wirewatch keygen: %s: cannot be written\n", path);
	unlink(path);
	return CLIENT_FAILED;
}

static int make(const char *name)
{
	char public_key[WIREWATCH_KEY_SIZE], secret_key[WIREWATCH_KEY_SIZE], path[PATH_LEN], secret_path[PATH_LEN];
	int code;

	if (snprintf(path, sizeof path, "%s.pub", name) >= PATH_LEN ||
	    snprintf(secret_path, sizeof secret_path, "%s.key", name) >= PATH_LEN) {
		fputs("wirewatch keygen: the name is too long\n", stderr);
		return CLIENT_USAGE;
	}
	if (wirewatch_make_keys(public_key, secret_key) != WIREWATCH_OK) {
		fputs("wirewatch keygen: this libzmq is built without CURVE\n", stderr);
		return CLIENT_FAILED;
	}
	code = write_key(secret_path, 0600, secret_key);
	explicit_bzero(secret_key, sizeof secret_key);
	if (code != CLIENT_DONE)
		return code;
	code = write_key(path, 0644, public_key);
	if (code != CLIENT_DONE) {
		unlink(secret_path);
		return code;
	}
	printf("%s\n", public_key);
	return print_end("keygen");
}

int client_keygen(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return CLIENT_DONE;
	}
	if (argc != 2 || argv[1][0] == '-' || argv[1][0] == '\0') {
		usage(stderr);
		return CLIENT_USAGE;
	}
	return make(argv[1]);
}
