/*
 * accept4 with a reserve: the last descriptors of the process are not for
 * those who come from outside.
 *
 * libzmq accepts in a thread of its own, as fast as others connect, and can be
 * given no bound. Out of descriptors its ipc listener ends the whole process
 * (ipc_listener.cpp, errno_assert without EMFILE) and its tcp listener spins.
 * By the time the monitor tells us of connections it can be too late. So the
 * program has an accept4 of its own, which the linker prefers to libc's: it
 * closes a connection that would eat into the reserve and says ECONNABORTED,
 * which every caller of accept has to expect.
 */
#ifdef HAVE_CONFIG_H
#include "config.h" /* accept4 is no POSIX function */
#endif

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "publish.h"

#define RESERVE_LEAST 64
#define RESERVE_SHARE 8 /* of the limit: an eighth */
#define PAUSE_MS 10

/* The kernel gives the lowest number that is free, so a high one tells that many are taken. */
static bool eats_reserve(int fd)
{
	struct rlimit limit;
	rlim_t reserve;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return false;
	reserve = limit.rlim_cur / RESERVE_SHARE;
	if (reserve < RESERVE_LEAST)
		reserve = RESERVE_LEAST;
	return (rlim_t)fd + reserve >= limit.rlim_cur;
}

int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
	int fd = (int)syscall(SYS_accept4, listener, address, len, flags);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
		(void)poll(NULL, 0, PAUSE_MS); /* it stays in the backlog, and the caller comes again at once */
		errno = ECONNABORTED;
	}
	if (fd < 0 || !eats_reserve(fd))
		return fd;
	close(fd);
	errno = ECONNABORTED;
	return -1;
}

int accept(int listener, struct sockaddr *restrict address, socklen_t *restrict len)
{
	return accept4(listener, address, len, 0);
}

void publish_accept_guard(void)
{
}
