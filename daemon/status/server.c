/*
 * server: a small read-only HTTP server. It answers one request a connection,
 * reads at most 8 KiB, and gives each connection a deadline; libevent's own
 * evhttp limits neither the number of connections nor their whole time.
 */
#include "daemon/status/pages.h"
#include "daemon/status/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX 32
#define PAGE_MAX ((size_t)256 << 20)

static const struct timeval deadline = {.tv_sec = 20}; /* for request and reply together */
static const struct timeval linger = {.tv_sec = 2};    /* for the client to take the end */
static const struct timeval pause_time = {.tv_sec = 1}; /* after a failed accept */

struct peer {
	struct status_server *server;
	struct bufferevent *bev;
	struct event *timer;
	bool answered, closing;
	TAILQ_ENTRY(peer) link;
};

struct status_server {
	struct status_view view;
	struct evconnlistener *listener;
	struct base_log *log;
	char own_name[256]; /* "" when only addresses and localhost may be asked for */
	TAILQ_HEAD(, peer) peers; /* the oldest first */
	size_t peer_count;
	struct event *resume; /* accepting after a pause */
	struct base_complaint accept_trouble;
};

/* ---- connections -------------------------------------------------------------------- */

static void drop(struct peer *peer)
{
	TAILQ_REMOVE(&peer->server->peers, peer, link);
	peer->server->peer_count--;
	if (peer->timer != NULL)
		event_free(peer->timer);
	if (peer->bev != NULL)
		bufferevent_free(peer->bev);
	free(peer);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	drop(ctx);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		drop(ctx);
}

/* All is sent: end our side and wait a moment, since closing over unread bytes would reset the reply away. */
static void on_sent(struct bufferevent *bev, void *ctx)
{
	struct peer *peer = ctx;

	if (!peer->answered || peer->closing || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	peer->closing = true;
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
	(void)event_add(peer->timer, &linger);
}

/* ---- replies ------------------------------------------------------------------------ */

static void free_page(const void *data, size_t len, void *ctx)
{
	(void)len;
	(void)ctx;
	free((void *)(uintptr_t)data);
}

static void reply(struct peer *peer, const char *status, const char *type, struct base_buf *page, bool head_only)
{
	struct evbuffer *out = bufferevent_get_output(peer->bev);
	size_t len;
	char *bytes = base_buf_take(page, &len);

	peer->answered = true;
	evbuffer_add_printf(out,
	                    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
	                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
	                    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
	                    "%s\r\n",
	                    status, type, len, strncmp(status, "405", 3) == 0 ? "Allow: GET, HEAD\r\n" : "");
	if (bytes == NULL || head_only || evbuffer_add_reference(out, bytes, len, free_page, NULL) != 0)
		free(bytes);
}

static void reply_error(struct peer *peer, const char *status)
{
	struct base_buf page;

	base_buf_init(&page, 1024);
	base_buf_printf(&page, "%s\n", status);
	reply(peer, status, "text/plain; charset=utf-8", &page, false);
	base_buf_free(&page);
}

static const struct {
	const char *path, *type;
	enum base_result (*page)(const struct status_view *view, struct base_buf *out);
} pages[] = {
    {"/", "text/html; charset=utf-8", status_page_people},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", status_page_metrics},
    {"/status", "application/json", status_page_status},
    {"/feeds", "application/json", status_page_feeds},
};
#define PAGE_COUNT (sizeof(pages) / sizeof(*pages))

static void show(struct peer *peer, const struct status_request *request)
{
	const struct status_view *view = &peer->server->view;
	bool well = true, head_only = request->method == STATUS_HEAD;
	enum base_result result = BASE_NOT_FOUND;
	const char *type = "text/plain; charset=utf-8";
	struct base_buf page;

	base_buf_init(&page, PAGE_MAX);
	if (base_span_is(request->path, "/healthz"))
		result = status_page_health(view, &page, &well);
	for (size_t i = 0; i < PAGE_COUNT && result == BASE_NOT_FOUND; i++) {
		if (!base_span_is(request->path, pages[i].path))
			continue;
		type = pages[i].type;
		result = pages[i].page(view, &page);
	}
	if (result == BASE_OK)
		reply(peer, well ? "200 OK" : "503 Service Unavailable", type, &page, head_only);
	else if (result == BASE_NOT_FOUND)
		reply_error(peer, "404 Not Found");
	else
		reply_error(peer, "500 Internal Server Error");
	base_buf_free(&page);
}

static void answer(struct peer *peer, struct base_span head)
{
	const struct status_server *server = peer->server;
	struct status_request request;

	if (status_request_read(head, &request) != BASE_OK)
		reply_error(peer, "400 Bad Request");
	else if (request.method == STATUS_OTHER_METHOD)
		reply_error(peer, "405 Method Not Allowed");
	else if (request.host.ptr != NULL && !status_host_allowed(request.host, server->own_name))
		reply_error(peer, "403 Forbidden: ask for this server by its address");
	else
		show(peer, &request);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct peer *peer = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (peer->answered) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	/* The input holds little more than STATUS_HEAD_MAX (the read watermark), so searching again is cheap. */
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	size_t len = evbuffer_get_length(in);
	if (end.pos >= 0 && end.pos + 4 <= STATUS_HEAD_MAX) {
		size_t head = (size_t)end.pos + 4;
		const unsigned char *bytes = evbuffer_pullup(in, end.pos + 4);
		if (bytes == NULL) {
			drop(peer);
			return;
		}
		answer(peer, (struct base_span){(const char *)bytes, head});
		evbuffer_drain(in, len);
	} else if (end.pos >= 0 || len >= STATUS_HEAD_MAX) {
		reply_error(peer, "431 Request Header Fields Too Large");
		evbuffer_drain(in, len);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct status_server *server = ctx;
	struct event_base *base = evconnlistener_get_base(listener);
	struct peer *peer = calloc(1, sizeof(*peer));

	(void)from;
	(void)len;
	if (peer == NULL) {
		close(fd);
		return;
	}
	if (server->peer_count >= PEERS_MAX) /* the oldest had its time */
		drop(TAILQ_FIRST(&server->peers));
	peer->server = server;
	TAILQ_INSERT_TAIL(&server->peers, peer, link);
	server->peer_count++;
	peer->timer = evtimer_new(base, on_deadline, peer);
	peer->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (peer->bev == NULL)
		close(fd);
	if (peer->bev == NULL || peer->timer == NULL || event_add(peer->timer, &deadline) != 0) {
		drop(peer);
		return;
	}
	bufferevent_setcb(peer->bev, on_read, on_sent, on_event, peer);
	bufferevent_setwatermark(peer->bev, EV_READ, 0, STATUS_HEAD_MAX + 1);
	bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors: the connection stays in the backlog, and without a pause the loop would spin on it. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	struct status_server *server = ctx;
	int error = errno;

	(void)evconnlistener_disable(listener);
	(void)event_add(server->resume, &pause_time);
	if (base_complain(&server->accept_trouble, base_clock_monotonic(server->view.clock)))
		base_log(server->log, BASE_WARNING, "status", "cannot accept a connection: %s", strerror(error));
}

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
	struct status_server *server = ctx;

	(void)fd;
	(void)what;
	(void)evconnlistener_enable(server->listener);
}

/* ---- life --------------------------------------------------------------------------- */

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

enum base_result status_server_new(struct event_base *base, const struct status_server_options *options,
                                   struct status_server **out, struct base_error *err)
{
	struct sockaddr_storage address;
	int len = 0;
	enum base_result result = parse_address(options->address, &address, &len, err);

	if (result != BASE_OK)
		return result;
	struct status_server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		return base_fail(err, BASE_NO_MEMORY, "http: out of memory");
	TAILQ_INIT(&server->peers);
	server->log = options->log;
	server->view = (struct status_view){options->board, options->clock, base_clock_wall(options->clock),
	                                    base_clock_monotonic(options->clock)};
	if (!is_loopback((struct sockaddr *)&address) && gethostname(server->own_name, sizeof(server->own_name) - 1) != 0)
		server->own_name[0] = '\0';
	server->resume = evtimer_new(base, on_resume, server);
	if (server->resume == NULL) {
		free(server);
		return base_fail(err, BASE_NO_MEMORY, "http: out of memory");
	}
	server->listener = evconnlistener_new_bind(base, on_accept, server,
	                                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 64,
	                                           (struct sockaddr *)&address, len);
	if (server->listener == NULL) {
		int error = errno;
		event_free(server->resume);
		free(server);
		return base_fail(err, BASE_IO, "http: cannot listen on %s: %s", options->address, strerror(error));
	}
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	*out = server;
	return BASE_OK;
}

void status_server_free(struct status_server *server)
{
	if (server == NULL)
		return;
	while (!TAILQ_EMPTY(&server->peers))
		drop(TAILQ_FIRST(&server->peers));
	evconnlistener_free(server->listener);
	event_free(server->resume);
	free(server);
}

unsigned status_server_port(const struct status_server *server)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address, &len) != 0)
		return 0;
	memcpy(&v4, &address, sizeof(v4));
	memcpy(&v6, &address, sizeof(v6));
	return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}
