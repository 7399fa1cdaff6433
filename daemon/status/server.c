/*
 * server: a small read-only HTTP server. It answers one request a connection,
 * reads at most 8 KiB, and gives each connection a deadline; libevent's own
 * evhttp limits neither the number of connections nor their whole time.
 */
#include "daemon/status/assets.h"
#include "daemon/status/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX 32
#define HEARTBEAT (15 * BASE_SECOND)
#define PATIENCE (20 * BASE_SECOND)
#define RETRY_AFTER "Retry-After: 10\r\n" /* half of what slow readers have */

static const struct timeval linger = {.tv_sec = 2};     /* for the client to take the end */
static const struct timeval pause_time = {.tv_sec = 1}; /* after a failed accept */

/* ---- connections -------------------------------------------------------------------- */

void status_peer_drop(struct status_peer *peer)
{
	struct status_server *server = peer->server;

	if (peer->kind == STATUS_PEER_LISTENER) {
		TAILQ_REMOVE(&server->listeners, peer, link);
		status_set(server->view.board, STATUS_LISTENERS, --server->listener_count);
	} else {
		TAILQ_REMOVE(&server->peers, peer, link);
		server->peer_count--;
	}
	status_peer_forget(peer);
	if (peer->timer != NULL)
		event_free(peer->timer);
	if (peer->bev != NULL)
		bufferevent_free(peer->bev);
	base_buf_free(&peer->found);
	free(peer);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct status_peer *peer = ctx;

	(void)fd;
	(void)what;
	if (peer->kind == STATUS_PEER_LISTENER) {
		status_events_beat(peer);
	} else if (peer->question != NULL && !peer->answered) {
		status_peer_forget(peer);
		status_peer_error(peer, "503 Service Unavailable", "the ledger does not answer now");
		(void)event_add(peer->timer, &linger);
	} else {
		status_peer_drop(peer);
	}
}

/*
 * A client may end its side and still wait for the reply (RFC 9112 section 9.6); one that is gone looks the same until it
 * is written to. A listener only takes, and may come back: it is done when its end is.
 */
static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct status_peer *peer = ctx;
	bool waits = peer->kind != STATUS_PEER_LISTENER && !peer->closing &&
	             (peer->question != NULL || evbuffer_get_length(bufferevent_get_output(bev)) > 0);

	if (what & BEV_EVENT_ERROR || (what & BEV_EVENT_EOF && !waits))
		status_peer_drop(peer);
	else if (what & BEV_EVENT_EOF)
		peer->ended = true;
}

/* All is sent: end our side and wait a moment, since closing over unread bytes would reset the reply away. */
static void on_sent(struct bufferevent *bev, void *ctx)
{
	struct status_peer *peer = ctx;

	if (peer->kind == STATUS_PEER_LISTENER && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		status_events_sent(peer);
	if (!peer->answered || peer->closing || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	if (peer->ended) {
		status_peer_drop(peer);
		return;
	}
	peer->closing = true;
	(void)shutdown(bufferevent_getfd(bev), SHUT_WR);
	(void)event_add(peer->timer, &linger);
}

/* ---- replies ------------------------------------------------------------------------ */

/* The page runs its own script and nothing else, and hands no text to the HTML parser; other replies are only data. */
#define POLICY_PAGE \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
#define POLICY_DATA "default-src 'none'; frame-ancestors 'none'"

static void free_page(const void *data, size_t len, void *ctx)
{
	(void)len;
	(void)ctx;
	free((void *)(uintptr_t)data);
}

static void add_head(struct status_peer *peer, const char *status, const char *type, size_t len)
{
	peer->answered = true;
	evbuffer_add_printf(bufferevent_get_output(peer->bev),
	                    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
	                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
	                    "Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: %s\r\n%s\r\n",
	                    status, type, len, strncmp(type, "text/html", 9) == 0 ? POLICY_PAGE : POLICY_DATA,
	                    strncmp(status, "405", 3) == 0   ? "Allow: GET, HEAD\r\n"
	                    : strncmp(status, "503", 3) == 0 ? RETRY_AFTER
	                                                     : "");
}

size_t status_reply_room(const struct status_peer *peer)
{
	const struct status_peer *other;
	size_t used = 0;

	TAILQ_FOREACH(other, &peer->server->peers, link)
		if (other != peer)
			used += evbuffer_get_length(bufferevent_get_output(other->bev)) + other->found.len;
	return used < STATUS_REPLIES_MAX - STATUS_REPLY_SMALL ? STATUS_REPLIES_MAX - used : STATUS_REPLY_SMALL;
}

void status_peer_no_room(struct status_peer *peer)
{
	status_peer_error(peer, "503 Service Unavailable", "too much is waiting to be taken by others, ask again later");
}

void status_peer_reply(struct status_peer *peer, const char *status, const char *type, struct base_buf *page)
{
	size_t len;
	char *bytes = base_buf_take(page, &len);

	add_head(peer, status, type, len);
	if (bytes == NULL || peer->head_only ||
	    evbuffer_add_reference(bufferevent_get_output(peer->bev), bytes, len, free_page, NULL) != 0)
		free(bytes);
}

void status_peer_error(struct status_peer *peer, const char *status, const char *reason)
{
	struct base_buf page;

	base_buf_free(&peer->found);
	base_buf_init(&page, 1024);
	base_buf_printf(&page, "%s%s%s\n", status, reason != NULL ? ": " : "", reason != NULL ? reason : "");
	status_peer_reply(peer, status, "text/plain; charset=utf-8", &page);
	base_buf_free(&page);
}

static const struct {
	const char *path, *type;
	enum base_result (*page)(const struct status_view *view, struct base_buf *out);
} pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", status_page_metrics},
    {"/status", "application/json", status_page_status},
    {"/feeds", "application/json", status_page_feeds},
};
#define PAGE_COUNT (sizeof(pages) / sizeof(*pages))

static void show_health(struct status_peer *peer)
{
	struct base_buf page;
	bool well = false;

	base_buf_init(&page, STATUS_REPLY_SMALL);
	if (status_page_health(&peer->server->view, &page, &well) == BASE_OK)
		status_peer_reply(peer, well ? "200 OK" : "503 Service Unavailable", "text/plain; charset=utf-8", &page);
	else
		status_peer_error(peer, "500 Internal Server Error", NULL);
	base_buf_free(&page);
}

static void show_page(struct status_peer *peer, size_t index)
{
	size_t room = status_reply_room(peer);
	struct base_buf page;

	base_buf_init(&page, room);
	enum base_result result = pages[index].page(&peer->server->view, &page);
	if (result == BASE_OK)
		status_peer_reply(peer, "200 OK", pages[index].type, &page);
	else if (result == BASE_LIMIT && room < STATUS_REPLIES_MAX)
		status_peer_no_room(peer);
	else
		status_peer_error(peer, "500 Internal Server Error", NULL);
	base_buf_free(&page);
}

/* A file of the page for people: part of the program. */
static bool show_asset(struct status_peer *peer, struct base_span path)
{
	for (size_t i = 0; i < status_asset_count; i++) {
		const struct status_asset *asset = &status_assets[i];
		if (!base_span_is(path, asset->path))
			continue;
		add_head(peer, "200 OK", asset->type, asset->len);
		if (!peer->head_only)
			(void)evbuffer_add_reference(bufferevent_get_output(peer->bev), asset->bytes, asset->len, NULL, NULL);
		return true;
	}
	return false;
}

static void show(struct status_peer *peer, const struct status_request *request)
{
	bool asks = peer->server->ask != NULL;
	size_t i = 0;

	while (i < PAGE_COUNT && !base_span_is(request->path, pages[i].path))
		i++;
	if (i < PAGE_COUNT)
		show_page(peer, i);
	else if (base_span_is(request->path, "/healthz"))
		show_health(peer);
	else if (asks && base_span_is(request->path, "/alerts"))
		status_alerts_begin(peer, request);
	else if (asks && base_span_is(request->path, "/events"))
		status_events_begin(peer, request);
	else if (!show_asset(peer, request->path))
		status_peer_error(peer, "404 Not Found", NULL);
}

static void answer(struct status_peer *peer, struct base_span head)
{
	const struct status_server *server = peer->server;
	struct status_request request;

	if (status_request_read(head, &request) != BASE_OK) {
		status_peer_error(peer, "400 Bad Request", NULL);
	} else if (request.method == STATUS_OTHER_METHOD) {
		status_peer_error(peer, "405 Method Not Allowed", NULL);
	} else if (request.host.ptr != NULL && !status_host_allowed(request.host, server->own_name)) {
		status_peer_error(peer, "403 Forbidden", "ask for this server by its address");
	} else {
		peer->head_only = request.method == STATUS_HEAD;
		show(peer, &request);
	}
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct status_peer *peer = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (peer->answered || peer->kind != STATUS_PEER_SHORT) {
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
			status_peer_drop(peer);
			return;
		}
		answer(peer, (struct base_span){(const char *)bytes, head});
		evbuffer_drain(in, len); /* a peer is never dropped by its own answer */
	} else if (end.pos >= 0 || len >= STATUS_HEAD_MAX) {
		status_peer_error(peer, "431 Request Header Fields Too Large", NULL);
		evbuffer_drain(in, len);
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct status_server *server = ctx;
	struct event_base *base = evconnlistener_get_base(listener);
	struct status_peer *peer = calloc(1, sizeof(*peer));

	(void)from;
	(void)len;
	if (peer == NULL) {
		close(fd);
		return;
	}
	if (server->peer_count >= PEERS_MAX) /* the oldest had its time */
		status_peer_drop(TAILQ_FIRST(&server->peers));
	peer->server = server;
	TAILQ_INSERT_TAIL(&server->peers, peer, link);
	server->peer_count++;
	peer->timer = evtimer_new(base, on_deadline, peer);
	peer->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (peer->bev == NULL)
		close(fd);
	if (peer->bev == NULL || peer->timer == NULL || event_add(peer->timer, &server->deadline) != 0) {
		status_peer_drop(peer);
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

static struct timeval as_timeval(base_time time)
{
	return (struct timeval){(time_t)(time / BASE_SECOND), (suseconds_t)(time % BASE_SECOND)};
}

enum base_result status_server_new(struct event_base *base, const struct status_server_options *options,
                                   struct status_server **out, struct base_error *err)
{
	struct status_server *server = calloc(1, sizeof(*server));
	if (server == NULL)
		return base_fail(err, BASE_NO_MEMORY, "http: out of memory");
	TAILQ_INIT(&server->peers);
	TAILQ_INIT(&server->listeners);
	server->log = options->log;
	server->view = (struct status_view){options->board, options->clock, base_clock_wall(options->clock),
	                                    base_clock_monotonic(options->clock)};
	server->ask = options->ask;
	server->ask_ctx = options->ask_ctx;
	server->heartbeat = as_timeval(options->heartbeat > 0 ? options->heartbeat : HEARTBEAT);
	server->deadline = as_timeval(options->patience > 0 ? options->patience : PATIENCE);
	server->resume = evtimer_new(base, on_resume, server);
	enum base_result result = server->resume != NULL ? status_listen(server, base, options->address, on_accept, err)
	                                                 : base_fail(err, BASE_NO_MEMORY, "http: out of memory");
	if (result != BASE_OK) {
		status_server_free(server);
		return result;
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
		status_peer_drop(TAILQ_FIRST(&server->peers));
	while (!TAILQ_EMPTY(&server->listeners))
		status_peer_drop(TAILQ_FIRST(&server->listeners));
	if (server->listener != NULL)
		evconnlistener_free(server->listener);
	if (server->socket_path != NULL)
		(void)unlink(server->socket_path);
	free(server->socket_path);
	if (server->resume != NULL)
		event_free(server->resume);
	free(server);
}

void status_server_news(struct status_server *server)
{
	struct status_peer *peer;

	TAILQ_FOREACH(peer, &server->listeners, link)
		status_events_news(peer);
}

unsigned status_server_port(const struct status_server *server)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address, &len) != 0 ||
	    address.ss_family == AF_UNIX)
		return 0;
	memcpy(&v4, &address, sizeof(v4));
	memcpy(&v6, &address, sizeof(v6));
	return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}
