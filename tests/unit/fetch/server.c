/*
 * server: see server.h.
 */
#include "tests/unit/fetch/server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct peer {
	struct server *server;
	struct bufferevent *bev;
	bool close_when_sent;
	LIST_ENTRY(peer) link;
};

struct server {
	struct evconnlistener *listener;
	server_answer *answer;
	void *ctx;
	LIST_HEAD(, peer) peers;
	size_t connections, open, most_open;
	struct base_buf requests;
};

static void drop(struct peer *peer)
{
	LIST_REMOVE(peer, link);
	peer->server->open--;
	bufferevent_free(peer->bev);
	free(peer);
}

static void on_sent(struct bufferevent *bev, void *ctx)
{
	struct peer *peer = ctx;

	if (peer->close_when_sent && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		drop(peer);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		drop(ctx);
}

/* "GET /path HTTP/1.1": the path, NUL-terminated in place. */
static const char *path_of(char *request)
{
	char *path = strchr(request, ' ');

	if (path == NULL)
		return "";
	path[1 + strcspn(path + 1, " \r\n")] = '\0';
	return path + 1;
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct peer *peer = ctx;
	struct server *server = peer->server;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	struct base_buf reply;

	if (end.pos < 0)
		return;
	size_t len = (size_t)end.pos + 4;
	char *request = calloc(1, len + 1);
	if (request == NULL)
		abort();
	evbuffer_remove(in, request, len);
	base_buf_add(&server->requests, request, len);
	base_buf_init(&reply, (size_t)64 << 20);
	enum server_then then = server->answer(server->ctx, path_of(request), &reply);
	free(request);
	peer->close_when_sent = then == SERVER_CLOSE;
	if (reply.len > 0)
		bufferevent_write(bev, reply.data, reply.len);
	else if (then == SERVER_CLOSE)
		drop(peer);
	base_buf_free(&reply);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct server *server = ctx;
	struct peer *peer = calloc(1, sizeof(*peer));

	(void)from;
	(void)len;
	if (peer == NULL)
		abort();
	peer->server = server;
	peer->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	LIST_INSERT_HEAD(&server->peers, peer, link);
	server->connections++;
	if (++server->open > server->most_open)
		server->most_open = server->open;
	bufferevent_setcb(peer->bev, on_read, on_sent, on_event, peer);
	bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
}

struct server *server_new(struct event_base *base, server_answer *answer, void *ctx)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		abort();
	server->answer = answer;
	server->ctx = ctx;
	LIST_INIT(&server->peers);
	base_buf_init(&server->requests, (size_t)16 << 20);
	server->listener = evconnlistener_new_bind(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 512,
	                                           (struct sockaddr *)&here, sizeof(here));
	if (server->listener == NULL)
		abort();
	return server;
}

void server_hang_up(struct server *server)
{
	while (!LIST_EMPTY(&server->peers))
		drop(LIST_FIRST(&server->peers));
}

void server_free(struct server *server)
{
	server_hang_up(server);
	evconnlistener_free(server->listener);
	base_buf_free(&server->requests);
	free(server);
}

unsigned server_port(const struct server *server)
{
	struct sockaddr_in here;
	socklen_t len = sizeof(here);

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&here, &len) != 0)
		abort();
	return ntohs(here.sin_port);
}

size_t server_connections(const struct server *server)
{
	return server->connections;
}

size_t server_most_open(const struct server *server)
{
	return server->most_open;
}

const char *server_requests(const struct server *server)
{
	return server->requests.data != NULL ? server->requests.data : "";
}

void server_forget(struct server *server)
{
	base_buf_free(&server->requests);
	base_buf_init(&server->requests, (size_t)16 << 20);
}
