/*
 * Listening sockets: their options, and binding them - with the rights of a
 * unix socket set whatever the umask, and never taking one from a live process.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "publish.h"

#define IPC_MODE 0660           /* the daemon's user and group */
#define LINGER_MS 1000
#define HEARTBEAT_MS 15000      /* ZMTP ping; a peer that is silent for four of them is cut */
#define HEARTBEAT_TIMEOUT_MS 60000
#define HANDSHAKE_MS 10000

enum base_result publish_zmq_fail(struct base_error *err, const char *what)
{
	int number = zmq_errno();
	enum base_result result = BASE_IO;

	if (number == ENOMEM)
		result = BASE_NO_MEMORY;
	else if (number == EINVAL || number == EPROTONOSUPPORT || number == ENOCOMPATPROTO || number == ENODEV ||
	         number == ENAMETOOLONG)
		result = BASE_INVALID;
	else if (number == EACCES || number == EPERM)
		result = BASE_DENIED;
	return base_fail(err, result, "%s: %s", what, zmq_strerror(number));
}

static int set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value);
}

enum base_result publish_socket_new(void *context, int type, int hwm, int64_t max_inbound, void **out,
                                    struct base_error *err)
{
	void *socket = zmq_socket(context, type);
	int rc;

	if (!socket)
		return publish_zmq_fail(err, "no socket");
	rc = set(socket, ZMQ_LINGER, LINGER_MS);
	rc |= set(socket, ZMQ_SNDHWM, hwm);
	rc |= set(socket, ZMQ_RCVHWM, 1000);
	rc |= set(socket, ZMQ_IPV6, 1);
	rc |= set(socket, ZMQ_BACKLOG, 256);
	rc |= set(socket, ZMQ_TCP_KEEPALIVE, 1);
	rc |= set(socket, ZMQ_TCP_KEEPALIVE_IDLE, 60);
	rc |= set(socket, ZMQ_TCP_KEEPALIVE_INTVL, 20);
	rc |= set(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
	rc |= set(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
	rc |= set(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
	rc |= set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	/* Without it, one announced frame takes as much memory as its sender says. */
	rc |= zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_inbound, sizeof max_inbound);
	if (rc != 0) {
		enum base_result result = publish_zmq_fail(err, "socket option");

		zmq_close(socket);
		return result;
	}
	*out = socket;
	return BASE_OK;
}

bool publish_endpoint_is_local(const char *endpoint)
{
	struct base_span span = base_span_of(endpoint);

	return base_span_starts(span, "ipc://") || base_span_starts(span, "inproc://") ||
	       base_span_starts(span, "tcp://127.") || base_span_starts(span, "tcp://[::1]:") ||
	       base_span_starts(span, "tcp://localhost:");
}

/* Whether somebody listens on the unix socket at path. */
static bool is_alive(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof address.sun_path)
		return false;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (struct sockaddr *)&address, sizeof address);
	if (rc != 0 && errno == EAGAIN)
		rc = 0; /* its backlog is full */
	close(fd);
	return rc == 0;
}

/* libzmq unlinks whatever lies at the path, so look first. */
static enum base_result check_path(const char *endpoint, const char *path, struct base_error *err)
{
	struct stat st;

	if (strlen(path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
		return base_fail(err, BASE_INVALID, "%s: the path is too long for a unix socket", endpoint);
	if (lstat(path, &st) != 0) {
		char folder[sizeof ((struct sockaddr_un *)0)->sun_path];
		const char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			return BASE_OK;
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		if (stat(folder, &st) != 0)
			return base_fail(err, BASE_IO, "%s: the folder %s: %s", endpoint, folder, strerror(errno));
		return S_ISDIR(st.st_mode) ? BASE_OK : base_fail(err, BASE_IO, "%s: %s is no folder", endpoint, folder);
	}
	if (!S_ISSOCK(st.st_mode))
		return base_fail(err, BASE_IO, "%s: the path is taken by something that is no socket", endpoint);
	if (is_alive(path))
		return base_fail(err, BASE_IO, "%s: another process listens there", endpoint);
	return BASE_OK;
}

enum base_result publish_bind(void *socket, const char *endpoint, struct base_error *err)
{
	struct base_span span = base_span_of(endpoint);
	const char *path = NULL;

	if (base_span_starts(span, "ipc://"))
		path = endpoint + strlen("ipc://");
	else if (!base_span_starts(span, "tcp://"))
		return base_fail(err, BASE_INVALID, "%s: endpoints begin with ipc:// or tcp://", endpoint);
	if (path && (*path == '\0' || strcmp(path, "*") == 0))
		return base_fail(err, BASE_INVALID, "%s: the path is missing", endpoint);
	if (path && *path != '@') {
		enum base_result result = check_path(endpoint, path, err);

		if (result)
			return result;
	}
	if (zmq_bind(socket, endpoint) != 0)
		return publish_zmq_fail(err, endpoint);
	if (path && *path != '@' && chmod(path, IPC_MODE) != 0)
		return base_fail(err, BASE_IO, "%s: chmod: %s", endpoint, strerror(errno));
	return BASE_OK;
}
