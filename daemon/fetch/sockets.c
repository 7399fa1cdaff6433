/*
 * sockets: see sockets.h. libcurl wants a connection watched while it waits
 * for a reply and not between two polls; taken literally that is up to two
 * system calls a poll (0.9 of a busy daemon's, two of one whose servers take
 * their time), for a descriptor that stays quiet. So one of ours remains
 * watched until it is closed, or wakes the loop while nobody wants it.
 */
#include "daemon/fetch/sockets.h"

#include "daemon/fetch/spin.h"
#include "daemon/fetch/transfer.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct fetch_socket {
	struct fetch *fetch;
	struct event event;
	struct fetch_spin spin;
	short watched; /* EV_READ, EV_WRITE; 0: the event is not in the loop */
	bool wanted;   /* libcurl waits for it */
	bool ours;     /* opened by fetch_on_open: its end will be told */
};

static struct fetch_socket *find(const struct fetch *fetch, curl_socket_t fd)
{
	return (size_t)fd < fetch->socket_cap ? fetch->sockets[fd] : NULL;
}

static struct fetch_socket *add(struct fetch *fetch, curl_socket_t fd)
{
	size_t before = fetch->socket_cap;

	if (base_grow(&fetch->sockets, &fetch->socket_cap, (size_t)fd + 1, sizeof(struct fetch_socket *), INT_MAX) != BASE_OK)
		return NULL;
	for (size_t i = before; i < fetch->socket_cap; i++)
		fetch->sockets[i] = NULL;
	struct fetch_socket *socket = calloc(1, sizeof(*socket));
	if (socket != NULL)
		socket->fetch = fetch;
	fetch->sockets[fd] = socket;
	return socket;
}

static void unwatch(struct fetch_socket *socket)
{
	if (socket->watched)
		event_del(&socket->event);
	socket->watched = 0;
}

static void forget(struct fetch *fetch, curl_socket_t fd)
{
	struct fetch_socket *socket = find(fetch, fd);

	if (socket == NULL)
		return;
	unwatch(socket);
	free(socket);
	fetch->sockets[fd] = NULL;
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch_socket *socket = ctx;
	struct fetch *fetch = socket->fetch;

	fetch->woken = base_clock_monotonic(fetch->clock);
	if (!socket->wanted) { /* between two polls the server has closed it, most likely: libcurl will see */
		unwatch(socket);
		return;
	}
	if (fetch_spins(&socket->spin, fetch->progress, fetch->woken)) {
		/* If a transfer needs it after all, that one runs into its timeout. */
		base_log(fetch->log, BASE_WARNING, "fetch", "descriptor %d wakes without end, no longer watched", (int)fd);
		unwatch(socket);
		return;
	}
	fetch_act(fetch, fd, ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0));
}

static int watch(struct fetch_socket *socket, curl_socket_t fd, short events)
{
	socket->wanted = true;
	if (socket->watched == events)
		return 0;
	unwatch(socket);
	event_assign(&socket->event, socket->fetch->base, fd, EV_PERSIST | events, on_ready, socket);
	if (event_add(&socket->event, NULL) != 0)
		return -1;
	socket->watched = events;
	return 0;
}

/* The easy handle may be an internal one and the descriptor closed already. */
int fetch_on_watch(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct fetch *fetch = ctx;
	struct fetch_socket *socket = find(fetch, fd);
	short events = 0;

	(void)easy;
	(void)known; /* gone with libcurl's interest, ours is not */
	if (what == CURL_POLL_REMOVE) {
		if (socket == NULL)
			return 0;
		socket->wanted = false;
		if (!socket->ours)
			forget(fetch, fd);
		else if (socket->watched != EV_READ) /* it could be written to at any time */
			unwatch(socket);
		return 0;
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (socket == NULL)
		socket = add(fetch, fd); /* of a thread that looks a name up */
	return socket != NULL ? watch(socket, fd, events) : -1;
}

void fetch_socket_opened(struct fetch *fetch, curl_socket_t fd)
{
	forget(fetch, fd); /* whatever had that number is gone */
	struct fetch_socket *socket = add(fetch, fd);
	if (socket != NULL) /* else it is watched as libcurl says */
		socket->ours = true;
}

int fetch_on_close(void *ctx, curl_socket_t fd)
{
	forget(ctx, fd);
	return close(fd);
}

void fetch_sockets_drop(struct fetch *fetch)
{
	for (size_t fd = 0; fd < fetch->socket_cap; fd++)
		forget(fetch, (curl_socket_t)fd);
	free(fetch->sockets);
	fetch->sockets = NULL;
	fetch->socket_cap = 0;
}
