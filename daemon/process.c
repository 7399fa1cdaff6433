/* This process by its name, from /proc (proc(5)). */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct identity {
	char boot[64], space[64];
	long number;
	unsigned long long since; /* ticks after the boot */
};

static bool read_line(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);
	if (fd >= 0)
		(void)close(fd);
	out[len > 0 ? len : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out[0] != '\0';
}

/* Field 22 of its stat, if it is readable and has not ended already; the name before it, in parentheses, may have spaces. */
static bool started_at(long number, unsigned long long *since, bool *ended)
{
	char path[64], line[1024];
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", number);
	if (!read_line(path, line, sizeof line))
		return false;
	const char *at = strrchr(line, ')');
	*ended = at && (at[2] == 'Z' || at[2] == 'X'); /* nobody has asked yet how it ended */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	*since = strtoull(at + 1, NULL, 10);
	return true;
}

static bool identify(struct identity *out)
{
	bool ended;
	ssize_t len = readlink("/proc/self/ns/pid", out->space, sizeof out->space - 1);
	out->space[len > 0 ? len : 0] = '\0';
	out->number = (long)getpid();
	return read_line("/proc/sys/kernel/random/boot_id", out->boot, sizeof out->boot) && len > 0 &&
	       started_at(out->number, &out->since, &ended);
}

void process_name(char out[PROCESS_NAME_MAX])
{
	struct identity self;
	if (identify(&self))
		(void)snprintf(out, PROCESS_NAME_MAX, "boot %s, space %s, process %ld since %llu", self.boot, self.space,
		               self.number, self.since);
	else
		(void)snprintf(out, PROCESS_NAME_MAX, "process %ld", (long)getpid());
}

bool process_gone(const char *name)
{
	struct identity self, other;
	unsigned long long since;
	bool ended;
	if (!identify(&self) || sscanf(name, "boot %63[^,], space %63[^,], process %ld since %llu", other.boot, other.space,
	                               &other.number, &other.since) != 4)
		return false;
	if (strcmp(self.boot, other.boot) != 0 || strcmp(self.space, other.space) != 0 || other.number <= 0)
		return false;
	if (started_at(other.number, &since, &ended))
		return ended || since != other.since;
	return kill((pid_t)other.number, 0) && errno == ESRCH; /* its folder may only be hidden from us */
}

bool process_is_self(const char *name)
{
	char self[PROCESS_NAME_MAX];
	process_name(self);
	return strncmp(self, "boot ", 5) == 0 && strcmp(self, name) == 0;
}
