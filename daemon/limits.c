/* Descriptors counted, so that nobody runs out of them. */
#include "limits.h"

#include <sys/resource.h>

/* The ledger's files, logs, HTTP with its 32 connections and 16 listeners, listening sockets, libzmq's own; and what is accepted in a
   burst before it can be closed again. */
#define FIXED 160
#define PER_POLLER 8
#define PER_TRANSFER 4 /* a name look-up: a pair to wake the loop, sockets to two servers; later two connections tried at once */
#define CONNECTIONS_LEAST 64
#define CONNECTIONS_MOST 2000
#define LIMIT_MOST 65536 /* nobody needs more, and the kernel's tables grow */

static size_t limit_now(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > LIMIT_MOST)
		return LIMIT_MOST;
	return (size_t)limit.rlim_cur;
}

/* What pollers and subscribers share. */
static size_t to_share(const struct conf_settings *settings)
{
	size_t limit = limit_now(), taken = FIXED + (size_t)settings->poll.pollers * PER_POLLER;
	return limit > taken ? limit - taken : 0;
}

enum base_result limits_raise(const struct conf_settings *settings, struct base_error *err)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max && limit.rlim_cur < LIMIT_MOST) {
		limit.rlim_cur = limit.rlim_max < LIMIT_MOST ? limit.rlim_max : LIMIT_MOST;
		(void)setrlimit(RLIMIT_NOFILE, &limit); /* else the old one has to do */
	}
	size_t least = FIXED + (size_t)settings->poll.pollers * (PER_POLLER + PER_TRANSFER) + CONNECTIONS_LEAST;
	if (limit_now() < least)
		return base_fail(err, BASE_LIMIT, "only %zu open files are allowed (ulimit -n), at least %zu are needed",
		                 limit_now(), least);
	return BASE_OK;
}

size_t limits_connections(const struct conf_settings *settings)
{
	size_t transfers = (size_t)settings->poll.concurrency * PER_TRANSFER;
	size_t share = to_share(settings), rest = share > transfers ? share - transfers : 0;
	if (rest < CONNECTIONS_LEAST)
		return CONNECTIONS_LEAST;
	return rest < CONNECTIONS_MOST ? rest : CONNECTIONS_MOST;
}

unsigned limits_transfers(const struct conf_settings *settings, size_t connections, struct base_log *log)
{
	size_t share = to_share(settings), pollers = settings->poll.pollers, wanted = settings->poll.concurrency;
	size_t fit = share > connections ? (share - connections) / PER_TRANSFER : 0;
	if (wanted < pollers)
		wanted = pollers;
	if (fit >= wanted)
		return (unsigned)(wanted / pollers);
	if (fit < pollers)
		fit = pollers;
	base_log(log, BASE_WARNING, "limits",
	         "poll.concurrency is %zu, but with %zu open files allowed (ulimit -n) only %zu transfers fit; %zu files would do",
	         wanted, limit_now(), fit, limit_now() + (wanted - fit) * PER_TRANSFER);
	return (unsigned)(fit / pollers);
}
