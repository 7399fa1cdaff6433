/* A thread that hands on bytes between one connection at a time and the server. */
#define _GNU_SOURCE /* memmem */
#include "cut.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct cut {
	pthread_t thread;
	_Atomic int moment;
	int listener, stop[2];
	struct sockaddr_un here, there;
	char folder[64];
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool has(const char *bytes, ssize_t len, const char *word)
{
	return len > 0 && memmem(bytes, (size_t)len, word, strlen(word) + 1);
}

/* The server has committed when it says so; the one who asked never hears it. */
static void await_commit(int server)
{
	char bytes[65536];
	ssize_t len;
	do
		len = recv(server, bytes, sizeof bytes, 0);
	while (len > 0 && !has(bytes, len, "COMMIT"));
}

/* One piece, from the client or from the server. False: the connection is over. */
static bool hand_on(struct cut *cut, int client, int server, bool from_client)
{
	char bytes[65536];
	ssize_t len = recv(from_client ? client : server, bytes, sizeof bytes, 0);
	int moment = atomic_load(&cut->moment);
	bool cuts = from_client && moment != CUT_NEVER && has(bytes, len, "commit"); /* the statement's name */
	if (len <= 0)
		return false;
	if (cuts)
		atomic_store(&cut->moment, CUT_NEVER);
	if (cuts && moment == CUT_BEFORE_COMMIT)
		return false;
	if (!send_all(from_client ? server : client, bytes, (size_t)len))
		return false;
	if (cuts)
		await_commit(server);
	return !cuts;
}

static void serve(struct cut *cut, int client)
{
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	bool on = server >= 0 && !connect(server, (const struct sockaddr *)&cut->there, sizeof cut->there);
	while (on) {
		struct pollfd fds[3] = {{client, POLLIN, 0}, {server, POLLIN, 0}, {cut->stop[0], POLLIN, 0}};
		on = poll(fds, 3, -1) > 0 && !fds[2].revents;
		if (on && fds[0].revents)
			on = hand_on(cut, client, server, true);
		if (on && fds[1].revents)
			on = hand_on(cut, client, server, false);
	}
	close(server);
}

static void *run(void *arg)
{
	struct cut *cut = arg;
	for (;;) {
		struct pollfd fds[2] = {{cut->listener, POLLIN, 0}, {cut->stop[0], POLLIN, 0}};
		must(poll(fds, 2, -1) > 0, "poll");
		if (fds[1].revents)
			return NULL;
		int client = accept(cut->listener, NULL, NULL);
		must(client >= 0, "accept");
		serve(cut, client);
		close(client);
	}
}

struct cut *cut_new(const char *server, char *uri, size_t size)
{
	struct cut *cut = calloc(1, sizeof *cut);
	const char *host = strstr(server, "host="), *port = strstr(server, "port=");
	must(cut && host && port, "an address with a folder and a port");
	host += strlen("host=");
	size_t len = strcspn(host, "&");
	(void)snprintf(cut->folder, sizeof cut->folder, "/tmp/ww-cut-XXXXXX");
	must(mkdtemp(cut->folder) != NULL, "mkdtemp");
	cut->here.sun_family = cut->there.sun_family = AF_UNIX;
	(void)snprintf(cut->there.sun_path, sizeof cut->there.sun_path, "%.*s/.s.PGSQL.%d", (int)len, host, (int)strtol(port + 5, NULL, 10));
	(void)snprintf(cut->here.sun_path, sizeof cut->here.sun_path, "%s/.s.PGSQL.%d", cut->folder, (int)strtol(port + 5, NULL, 10));
	(void)snprintf(uri, size, "%.*s%s%s", (int)(host - server), server, cut->folder, host + len);
	cut->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	must(cut->listener >= 0 && !bind(cut->listener, (const struct sockaddr *)&cut->here, sizeof cut->here) &&
	         !listen(cut->listener, 8) && !pipe(cut->stop) && !pthread_create(&cut->thread, NULL, run, cut),
	     "the way");
	return cut;
}

void cut_free(struct cut *cut)
{
	close(cut->stop[1]);
	pthread_join(cut->thread, NULL);
	close(cut->stop[0]);
	close(cut->listener);
	unlink(cut->here.sun_path);
	rmdir(cut->folder);
	free(cut);
}

void cut_at(struct cut *cut, enum cut_moment moment)
{
	atomic_store(&cut->moment, moment);
}
