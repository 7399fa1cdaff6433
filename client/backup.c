/*
 * `wirewatch backup`: asks the running daemon for a copy of its ledger. The
 * daemon keeps the ledger locked, so it alone can read it; it is found by that
 * lock, told by SIGUSR1, and writes the copy beside the ledger.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "print.h"
#include "setting.h"

#define SCHEME "sqlite://"
#define PATIENCE (60 * BASE_SECOND) /* until the daemon begins */
#define LOOK_EVERY (BASE_SECOND / 20)

static void usage(FILE *out)
{
	(void)fputs("usage: wirewatch backup [-c FILE]\n\n"
	            "Have the running daemon write a copy of its ledger beside it (LEDGER.backup, replaced\n"
	            "whole or not at all) and print the copy's path. Alerts wait while it is written; none is lost.\n\n"
	            "  -c, --config FILE   the daemon's configuration (default: " CONF_PATH ")\n"
	            "  -h, --help          print this and exit\n",
	            out);
}

static int fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "wirewatch backup: %s%s%s\n", what, *why ? ": " : "", why);
	return CLIENT_FAILED;
}

/* The path of the ledger the configuration names; the caller frees. NULL: *err says why. */
static char *find_ledger(const char *config, struct base_error *err)
{
	char *ledger = client_setting(config, "ledger", err), *path = NULL;
	if (ledger && base_span_starts(base_span_of(ledger), SCHEME))
		path = strdup(ledger + strlen(SCHEME));
	else if (ledger)
		(void)base_fail(err, BASE_UNSUPPORTED, "%s: `ledger` names no file after " SCHEME, config);
	free(ledger);
	return path;
}

/* A signal to anything but our daemon could end it. */
static bool is_daemon(pid_t pid)
{
	char path[64], name[32] = "";
	(void)snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool read = fgets(name, sizeof name, file) != NULL;
	(void)fclose(file);
	return read && strcmp(name, "wirewatchd\n") == 0;
}

/* Who holds the ledger's lock; 0: nobody, -1: errno. */
static pid_t find_holder(const char *ledger)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(ledger, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fcntl(fd, F_GETLK, &lock);
	(void)close(fd);
	return rc ? -1 : lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

struct watched { /* a file, and how it was before the daemon was told */
	const char *path;
	struct stat before;
	bool existed;
};

static struct watched watch(const char *path)
{
	struct watched file = {.path = path};
	file.existed = stat(path, &file.before) == 0;
	return file;
}

static bool is_new(const struct watched *file)
{
	struct stat now;
	return stat(file->path, &now) == 0 &&
	       (!file->existed || file->before.st_ino != now.st_ino || file->before.st_mtim.tv_sec != now.st_mtim.tv_sec ||
	        file->before.st_mtim.tv_nsec != now.st_mtim.tv_nsec);
}

/*
 * Once the daemon has begun, it takes as long as it takes: the partial copy grows, is synced, which may take minutes of
 * a large ledger, and becomes the copy, or is removed when something fails.
 */
static int ask(pid_t daemon, const char *ledger, const char *copy, const char *partial)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY * 1000};
	struct watched whole = watch(copy), part = watch(partial);
	bool begun = false;
	if (kill(daemon, SIGUSR1))
		return fail("the daemon cannot be told; run this as its user or as root", strerror(errno));
	for (base_time waited = 0;; waited += LOOK_EVERY) {
		bool lives = find_holder(ledger) == daemon, writing = is_new(&part);
		if (is_new(&whole)) { /* looked at last: the part may have become it, and the daemon ended, in this moment */
			(void)puts(copy);
			return print_end("backup");
		}
		if (!lives)
			return fail("the daemon has ended meanwhile", "");
		begun = begun || writing;
		if (begun ? !writing : waited >= PATIENCE)
			return fail("no backup came; the daemon's log says why", "");
		(void)nanosleep(&pause, NULL);
	}
}

static int back_up(const char *config)
{
	struct base_error err = {"out of memory"};
	struct base_buf copy, partial;
	char *ledger = find_ledger(config, &err);
	if (!ledger)
		return fail(err.text, "");
	int code = CLIENT_FAILED;
	base_buf_init(&copy, 8192);
	base_buf_init(&partial, 8192);
	(void)base_buf_printf(&copy, "%s.backup", ledger);
	(void)base_buf_printf(&partial, "%s.backup.partial", ledger);
	pid_t daemon = find_holder(ledger);
	if (copy.failed || partial.failed)
		(void)fail(base_result_text(copy.failed ? copy.failed : partial.failed), "");
	else if (daemon < 0)
		(void)fail(ledger, strerror(errno));
	else if (daemon == 0)
		(void)fail(ledger, "no daemon has it open, so the file itself can be copied");
	else if (!is_daemon(daemon))
		(void)fail(ledger, "another program than wirewatchd has it open");
	else
		code = ask(daemon, ledger, copy.data, partial.data);
	base_buf_free(&copy);
	base_buf_free(&partial);
	free(ledger);
	return code;
}

int client_backup(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *config = CONF_PATH;
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		if (option == 'h') {
			usage(stdout);
			return CLIENT_DONE;
		}
		if (option != 'c') {
			usage(stderr);
			return CLIENT_USAGE;
		}
		config = optarg;
	}
	if (optind < argc) {
		usage(stderr);
		return CLIENT_USAGE;
	}
	return back_up(config);
}
