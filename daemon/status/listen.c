/*
 * listen: where the HTTP side can be reached - an address with a port, or a unix socket.
 */
#include "daemon/status/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define SOCKET_MODE 0660 /* the daemon's user and group */
#define BACKLOG 64
#define LISTEN_FLAGS (LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC)

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, address, sizeof(v6));
	return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* "127.0.0.1:9475" or "[::1]:9475"; port 0 lets the system choose. */
static enum base_result parse_address(const char *text, struct sockaddr_storage *address, int *len,
                                      struct base_error *err)
{
	const char *port = strrchr(text, ':');
	int size = sizeof(*address);

	memset(address, 0, sizeof(*address));
	/* evutil_parse_sockaddr_port reads a bare IPv6 address too, and refuses port 0. */
	bool zero = port != NULL && strcmp(port, ":0") == 0;
	char *copy = strdup(text);
	if (copy == NULL)
		return BASE_NO_MEMORY;
	if (zero)
		copy[port - text] = '\0';
	bool ok = port != NULL && (text[0] == '[' ? port[-1] == ']' : strchr(text, ':') == port) &&
	          evutil_parse_sockaddr_port(copy, (struct sockaddr *)address, &size) == 0;
	free(copy);
	if (!ok || (!zero && port[1] == '\0'))
		return base_fail(err, BASE_INVALID, "http: '%s' is not an address with a port, like 127.0.0.1:9475", text);
	*len = size;
	return BASE_OK;
}

static enum base_result listen_ip(struct status_server *server, struct event_base *base, const char *text,
                                  evconnlistener_cb accepted, struct base_error *err)
{
	struct sockaddr_storage address;
	int len = 0;
	enum base_result result = parse_address(text, &address, &len, err);

	if (result != BASE_OK)
		return result;
	if (!is_loopback((struct sockaddr *)&address) && gethostname(server->own_name, sizeof(server->own_name) - 1) != 0)
		server->own_name[0] = '\0';
	server->listener = evconnlistener_new_bind(base, accepted, server, LISTEN_FLAGS | LEV_OPT_REUSEABLE, BACKLOG,
	                                           (struct sockaddr *)&address, len);
	return server->listener != NULL ? BASE_OK
	                                : base_fail(err, BASE_IO, "http: cannot listen on %s: %s", text, strerror(errno));
}

/* A socket that a daemon before us left behind is taken away; one that somebody listens on, or a file, is not. */
static enum base_result clear_way(const struct sockaddr_un *address, struct base_error *err)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return BASE_OK; /* the bind says what else is wrong */
	if (!S_ISSOCK(st.st_mode))
		return base_fail(err, BASE_IO, "http: %s is taken by something that is no socket", address->sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return base_fail(err, BASE_IO, "http: no socket: %s", strerror(errno));
	bool alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	(void)close(fd);
	if (alive)
		return base_fail(err, BASE_IO, "http: another process listens at %s", address->sun_path);
	(void)unlink(address->sun_path);
	return BASE_OK;
}

static enum base_result listen_unix(struct status_server *server, struct event_base *base, const char *path,
                                    evconnlistener_cb accepted, struct base_error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(address.sun_path))
		return base_fail(err, BASE_INVALID, "http: the path of a unix socket is absolute and at most 107 bytes long");
	memcpy(address.sun_path, path, len);
	enum base_result result = clear_way(&address, err);
	if (result != BASE_OK)
		return result;
	server->listener = evconnlistener_new_bind(base, accepted, server, LISTEN_FLAGS, BACKLOG,
	                                           (struct sockaddr *)&address, sizeof(address));
	if (server->listener == NULL)
		return base_fail(err, BASE_IO, "http: cannot listen at %s: %s", path, strerror(errno));
	server->socket_path = strdup(path);
	if (server->socket_path == NULL)
		return base_fail(err, BASE_NO_MEMORY, "http: out of memory");
	if (chmod(path, SOCKET_MODE) != 0)
		return base_fail(err, BASE_IO, "http: %s: chmod: %s", path, strerror(errno));
	return BASE_OK;
}

enum base_result status_listen(struct status_server *server, struct event_base *base, const char *address,
                               evconnlistener_cb accepted, struct base_error *err)
{
	if (strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return listen_unix(server, base, address + strlen(UNIX_PREFIX), accepted, err);
	return listen_ip(server, base, address, accepted, err);
}
