/*
 * notify: tells systemd how we are, in the protocol of sd_notify(3): one
 * datagram to the socket it names, without its library.
 */
#include "wirewatch/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum base_result status_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 1};

	if (path == NULL || path[0] == '\0')
		return BASE_OK;
	size_t len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(to.sun_path))
		return BASE_INVALID;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* an abstract socket: its name starts with a zero byte and has no end mark */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return BASE_IO;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
	ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size);
	close(fd);
	return sent == (ssize_t)strlen(state) ? BASE_OK : BASE_IO;
}

static bool read_number(const char *name, unsigned long long *out)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

base_time status_watchdog_interval(void)
{
	unsigned long long micros, pid;

	if (!read_number("WATCHDOG_USEC", &micros) || micros == 0 || micros > INT64_MAX)
		return 0;
	if (getenv("WATCHDOG_PID") != NULL && (!read_number("WATCHDOG_PID", &pid) || pid != (unsigned long long)getpid()))
		return 0; /* meant for another process */
	return (base_time)(micros / 2);
}
