/*
 * The seal of a ledger at rest: what the file was when it was closed, in an
 * extended attribute of it. While it holds nobody has written into the file,
 * so the check of all its pages need not be made again: 10 ms for 30,000
 * entries, a third of what a run of --once that finds nothing new does itself,
 * and it grows with the ledger. Opening breaks the seal; a crash, a full disk
 * or damage leave the file without one. What rots on the disk is found by
 * SQLite where it is read, as while the daemon runs, and by the check that is
 * made all the same once a week.
 */
#include "sqlite.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define SEAL "user.wirewatch.closed"
#define CHECK_LASTS ((int64_t)7 * 86400)

/* Without the device: its number may change with a reboot. A copy has another inode. */
struct seal {
	int64_t checked; /* when the whole file was, in seconds */
	int64_t inode, size, modified, modified_ns;
};

static bool describe(const char *file, struct seal *out)
{
	struct stat info;
	if (stat(file, &info))
		return false;
	out->inode = (int64_t)info.st_ino;
	out->size = info.st_size;
	out->modified = info.st_mtim.tv_sec;
	out->modified_ns = info.st_mtim.tv_nsec;
	return true;
}

/* A log beside the file: it was not closed, or not all of it is in the file. */
static bool has_log(const char *file)
{
	char log[PATH_MAX];
	struct stat info;
	int len = snprintf(log, sizeof log, "%s-wal", file);
	return len < 0 || (size_t)len >= sizeof log || !stat(log, &info);
}

int64_t sqlite_unseal(const char *file, int64_t now)
{
	struct seal seal, here;
	bool sealed = getxattr(file, SEAL, &seal, sizeof seal) == sizeof seal;
	if (!sealed || removexattr(file, SEAL))
		return 0;
	here.checked = seal.checked;
	int64_t age = now - seal.checked;
	bool holds = describe(file, &here) && !memcmp(&seal, &here, sizeof seal) && !has_log(file);
	return holds && age >= 0 && age < CHECK_LASTS ? seal.checked : 0;
}

void sqlite_seal(const char *file, int64_t checked)
{
	struct seal seal = {.checked = checked};
	if (!checked || has_log(file) || !describe(file, &seal))
		return;
	/*
	 * Kernels give files the time of a clock that ticks some hundred times a second. Between its ticks no write must
	 * leave the file looking like this.
	 */
	seal.modified_ns = (seal.modified_ns + 1) % 1000000000;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {seal.modified, (long)seal.modified_ns}};
	if (!utimensat(AT_FDCWD, file, times, 0))
		(void)setxattr(file, SEAL, &seal, sizeof seal, 0); /* a file system without them: it is checked next time */
}
