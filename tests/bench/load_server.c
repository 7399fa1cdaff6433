/*
 * load_server: many feeds over HTTP/1.1 or TLS 1.3 on loopback, from one
 * thread, fast enough not to be what is measured; and the counters to measure
 * by. /<number> is a feed. It answers commands on standard input, a line of
 * JSON each, and ends with its input.
 *
 *   load_server [-n FEEDS] [-e ENTRIES] [-s BYTES] [-1] [-c CHAIN.pem -k KEY.pem [-t]]
 *     -1: close after each answer; -s: text of an entry; -t: give tickets, so that sessions can be resumed
 *
 *   stats           counters: answered requests, connections, handshakes, ... and the server's processor time
 *   wait N          stats, once N requests were answered since the start
 *   wait-held N     stats, once N requests wait for an answer
 *   hold, release   let requests wait, answer them
 *   change PERCENT  of the conditional requests that find their feed changed, with two new entries; at first 0
 *   dump FILE       when (CLOCK_MONOTONIC) which feed was asked: a line "seconds number" each; stats
 */
#include "config.h" /* accept4 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "load_document.h"

#define REQUEST_MAX 4096
#define HEAD_MAX 512
#define EVENTS 256

struct peer {
	int fd;
	SSL *ssl; /* or NULL */
	bool accepted, held, gone;
	uint32_t events;
	size_t in_len, head_len, body_len, sent;
	char in[REQUEST_MAX + 1], head[HEAD_MAX];
	char *body;
	LIST_ENTRY(peer) holding;
};

struct ask { /* a feed was asked for */
	double at;
	uint32_t feed;
};

struct counters {
	size_t requests, found, unchanged, other, connections, handshakes, resumed, open, held;
};

struct server {
	int epoll, listeners[2];
	SSL_CTX *tls;
	struct load_documents *documents;
	uint32_t *versions;
	size_t feeds;
	bool closing, holding;
	unsigned change; /* percent */
	struct counters counters;
	LIST_HEAD(, peer) held;
	struct ask *asks;
	size_t ask_count, ask_room;
	size_t wait, wait_held; /* 0: nobody waits */
	char command[4096];
	size_t command_len;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec time;
	(void)clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- what is answered to commands ------------------------------------------------------ */

static void tell(const struct server *server)
{
	const struct counters *c = &server->counters;
	(void)printf("{\"requests\": %zu, \"found\": %zu, \"unchanged\": %zu, \"other\": %zu, \"connections\": %zu, "
	             "\"handshakes\": %zu, \"resumed\": %zu, \"open\": %zu, \"held\": %zu, \"cpu\": %.6f}\n",
	             c->requests, c->found, c->unchanged, c->other, c->connections, c->handshakes, c->resumed, c->open, c->held,
	             seconds(CLOCK_PROCESS_CPUTIME_ID));
	(void)fflush(stdout);
}

static void tell_who_waits(struct server *server)
{
	if (server->wait && server->counters.requests >= server->wait) {
		server->wait = 0;
		tell(server);
	}
	if (server->wait_held && server->counters.held >= server->wait_held) {
		server->wait_held = 0;
		tell(server);
	}
}

/* ---- peers ------------------------------------------------------------------------------ */

static void watch(struct server *server, struct peer *peer, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};
	if (peer->events != events)
		(void)epoll_ctl(server->epoll, EPOLL_CTL_MOD, peer->fd, &event);
	peer->events = events;
}

static void drop(struct server *server, struct peer *peer)
{
	if (peer->held) {
		LIST_REMOVE(peer, holding);
		server->counters.held--;
	}
	if (peer->ssl != NULL && peer->accepted && !peer->gone)
		(void)SSL_shutdown(peer->ssl);
	ERR_clear_error();
	SSL_free(peer->ssl);
	(void)close(peer->fd);
	free(peer->body);
	free(peer);
	server->counters.open--;
}

static void welcome(struct server *server, int listener)
{
	int fd, one = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *peer = calloc(1, sizeof *peer);
		must(peer != NULL, "memory");
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		peer->fd = fd;
		peer->events = EPOLLIN;
		if (server->tls != NULL) {
			peer->ssl = SSL_new(server->tls);
			must(peer->ssl != NULL && SSL_set_fd(peer->ssl, fd) == 1, "SSL_new");
			SSL_set_accept_state(peer->ssl);
		}
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
		must(!epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
		server->counters.connections++;
		server->counters.open++;
	}
}

/* ---- answers ---------------------------------------------------------------------------- */

static void note(struct server *server, size_t feed)
{
	if (server->ask_count == server->ask_room) {
		server->ask_room = server->ask_room ? server->ask_room * 2 : 4096;
		server->asks = realloc(server->asks, server->ask_room * sizeof *server->asks);
		must(server->asks != NULL, "memory");
	}
	server->asks[server->ask_count++] = (struct ask){seconds(CLOCK_MONOTONIC), (uint32_t)feed};
}

/* The value of a header, or NULL. */
static const char *header(const char *request, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = strchr(request, '\n'); line != NULL; line = strchr(line + 1, '\n'))
		if (strncasecmp(line + 1, name, len) == 0 && line[len + 1] == ':')
			return line + len + 2 + strspn(line + len + 2, " ");
	return NULL;
}

static void answer_found(struct server *server, struct peer *peer, size_t feed)
{
	peer->body = malloc(load_documents_most(server->documents));
	must(peer->body != NULL, "memory");
	peer->body_len = load_documents_write(server->documents, feed, server->versions[feed], peer->body);
	peer->head_len = (size_t)snprintf(peer->head, sizeof peer->head,
	                                  "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %zu\r\n"
	                                  "ETag: \"%zu-%u\"\r\n%s\r\n",
	                                  peer->body_len, feed, server->versions[feed],
	                                  server->closing ? "Connection: close\r\n" : "");
	server->counters.found++;
}

static void answer(struct server *server, struct peer *peer)
{
	char *end;
	size_t feed = strncmp(peer->in, "GET /", 5) == 0 ? strtoul(peer->in + 5, &end, 10) : SIZE_MAX;
	const char *sent = header(peer->in, "If-None-Match"), *last = server->closing ? "Connection: close\r\n" : "";
	char tag[48];
	if (feed >= server->feeds) {
		peer->head_len = (size_t)snprintf(peer->head, sizeof peer->head,
		                                  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n%s\r\n", last);
		server->counters.other++;
		return;
	}
	if (sent != NULL && server->change &&
	    (feed * 31 + server->counters.requests * 17) % 100 < server->change)
		server->versions[feed]++;
	(void)snprintf(tag, sizeof tag, "\"%zu-%u\"", feed, server->versions[feed]);
	if (sent == NULL || strncmp(sent, tag, strlen(tag)) != 0) {
		answer_found(server, peer, feed);
		return;
	}
	peer->head_len = (size_t)snprintf(peer->head, sizeof peer->head,
	                                  "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n%s\r\n", tag, last);
	server->counters.unchanged++;
}

/* 1: all is sent; 0: later; -1: the peer is gone. */
static int send_some(struct peer *peer)
{
	size_t total = peer->head_len + peer->body_len;
	while (peer->sent < total) {
		bool in_head = peer->sent < peer->head_len;
		char *from = in_head ? peer->head + peer->sent : peer->body + (peer->sent - peer->head_len);
		size_t len = in_head ? peer->head_len - peer->sent : total - peer->sent;
		ssize_t done;
		if (peer->ssl != NULL) {
			done = SSL_write(peer->ssl, from, (int)len);
			if (done <= 0) {
				int why = SSL_get_error(peer->ssl, (int)done);
				ERR_clear_error();
				return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
			}
		} else {
			struct iovec pieces[2] = {{from, len}, {peer->body, peer->body_len}};
			struct msghdr message = {.msg_iov = pieces, .msg_iovlen = in_head && peer->body_len ? 2 : 1};
			done = sendmsg(peer->fd, &message, MSG_NOSIGNAL);
			if (done < 0)
				return errno == EAGAIN ? 0 : -1;
		}
		peer->sent += (size_t)done;
	}
	return 1;
}

/* What is read; 0: later; -1: the peer is gone. */
static ssize_t receive(struct server *server, struct peer *peer)
{
	size_t room = REQUEST_MAX - peer->in_len;
	if (peer->ssl == NULL) {
		ssize_t done = read(peer->fd, peer->in + peer->in_len, room);
		return done > 0 ? done : done < 0 && errno == EAGAIN ? 0 : -1;
	}
	int done = peer->accepted ? 1 : SSL_accept(peer->ssl);
	if (done == 1 && !peer->accepted) {
		peer->accepted = true;
		server->counters.handshakes++;
		server->counters.resumed += SSL_session_reused(peer->ssl) ? 1 : 0;
	}
	if (done == 1)
		done = SSL_read(peer->ssl, peer->in + peer->in_len, (int)room);
	if (done > 0)
		return done;
	int why = SSL_get_error(peer->ssl, done);
	ERR_clear_error();
	peer->gone = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
	return peer->gone ? -1 : 0;
}

/* Sends what is to be sent. Whether the peer can be read again. */
static bool finish_answer(struct server *server, struct peer *peer)
{
	int sent = send_some(peer);
	if (sent == 0)
		watch(server, peer, EPOLLOUT);
	if (sent > 0) {
		server->counters.requests++;
		free(peer->body);
		peer->body = NULL;
		peer->head_len = peer->body_len = peer->sent = peer->in_len = 0;
	}
	if (sent < 0 || (sent > 0 && server->closing)) {
		drop(server, peer);
		return false;
	}
	return sent > 0;
}

static void hold(struct server *server, struct peer *peer)
{
	peer->held = true;
	LIST_INSERT_HEAD(&server->held, peer, holding);
	server->counters.held++;
	watch(server, peer, EPOLLRDHUP);
}

/* One request at a time: clients here do not send the next before they have the answer. */
static void serve(struct server *server, struct peer *peer)
{
	if (peer->held) { /* it has hung up */
		drop(server, peer);
		return;
	}
	if (peer->head_len > 0 && !finish_answer(server, peer))
		return;
	for (;;) {
		ssize_t got = receive(server, peer);
		if (got < 0 || peer->in_len + (size_t)got == REQUEST_MAX) {
			drop(server, peer);
			return;
		}
		if (got == 0) {
			watch(server, peer, EPOLLIN);
			return;
		}
		peer->in_len += (size_t)got;
		peer->in[peer->in_len] = '\0';
		if (peer->in_len < 4 || memcmp(peer->in + peer->in_len - 4, "\r\n\r\n", 4) != 0)
			continue;
		if (strncmp(peer->in, "GET /", 5) == 0)
			note(server, strtoul(peer->in + 5, NULL, 10));
		if (server->holding) {
			hold(server, peer);
			return;
		}
		answer(server, peer);
		if (!finish_answer(server, peer))
			return;
	}
}

/* ---- commands ---------------------------------------------------------------------------- */

static void release(struct server *server)
{
	struct peer *peer;
	server->holding = false;
	while ((peer = LIST_FIRST(&server->held)) != NULL) {
		LIST_REMOVE(peer, holding);
		peer->held = false;
		server->counters.held--;
		answer(server, peer);
		if (finish_answer(server, peer))
			watch(server, peer, EPOLLIN);
	}
}

static void dump(const struct server *server, const char *path)
{
	FILE *file = fopen(path, "w");
	must(file != NULL, path);
	for (size_t i = 0; i < server->ask_count; i++)
		(void)fprintf(file, "%.6f %u\n", server->asks[i].at, server->asks[i].feed);
	must(!fclose(file), path);
}

static void obey(struct server *server, const char *line)
{
	const char *argument = strchr(line, ' ');
	argument = argument ? argument + 1 : "";
	if (strncmp(line, "wait ", 5) == 0) {
		server->wait = strtoul(argument, NULL, 10);
		return; /* the answer comes later */
	}
	if (strncmp(line, "wait-held ", 10) == 0) {
		server->wait_held = strtoul(argument, NULL, 10);
		return;
	}
	if (strcmp(line, "hold") == 0)
		server->holding = true;
	else if (strcmp(line, "release") == 0)
		release(server);
	else if (strncmp(line, "change ", 7) == 0)
		server->change = (unsigned)strtoul(argument, NULL, 10);
	else if (strncmp(line, "dump ", 5) == 0)
		dump(server, argument);
	tell(server);
}

static void read_commands(struct server *server)
{
	char *end;
	ssize_t got = read(STDIN_FILENO, server->command + server->command_len,
	                   sizeof server->command - server->command_len - 1);
	if (got <= 0)
		exit(0);
	server->command_len += (size_t)got;
	server->command[server->command_len] = '\0';
	while ((end = strchr(server->command, '\n')) != NULL) {
		*end = '\0';
		obey(server, server->command);
		server->command_len -= (size_t)(end + 1 - server->command);
		memmove(server->command, end + 1, server->command_len + 1);
	}
}

/* ---- start ------------------------------------------------------------------------------- */

/* Bound to the device lo: all of 127.0.0.0/8, and nobody from outside. port: 0 for any; returns it. */
static in_port_t listen_on(int *listener, int family, in_port_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof v4 : sizeof v6;
	int one = 1;
	*listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(*listener >= 0 || family == AF_INET6, "socket");
	if (*listener < 0)
		return port;
	(void)setsockopt(*listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	must(!setsockopt(*listener, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), "SO_BINDTODEVICE lo");
	bool bound = bind(*listener, address, len) == 0 && listen(*listener, 4096) == 0;
	must(bound || family == AF_INET6, "bind");
	if (!bound) {
		(void)close(*listener); /* a machine without IPv6 */
		*listener = -1;
		return port;
	}
	must(!getsockname(*listener, address, &len), "getsockname");
	return family == AF_INET ? v4.sin_port : v6.sin6_port;
}

static SSL_CTX *make_tls(const char *chain, const char *key, bool tickets)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	must(tls != NULL && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 &&
	         SSL_CTX_use_certificate_chain_file(tls, chain) == 1 &&
	         SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1,
	     chain);
	(void)SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(tls, tickets ? 1 : 0);
	return tls;
}

static void watch_input(const struct server *server, int fd, const int *which)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)which};
	must(!epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void run(struct server *server)
{
	static const int input = STDIN_FILENO;
	struct epoll_event events[EVENTS];
	watch_input(server, STDIN_FILENO, &input);
	for (size_t i = 0; i < 2; i++)
		if (server->listeners[i] >= 0)
			watch_input(server, server->listeners[i], &server->listeners[i]);
	for (;;) {
		int count = epoll_wait(server->epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			void *what = events[i].data.ptr;
			if (what == &input)
				read_commands(server);
			else if (what == &server->listeners[0] || what == &server->listeners[1])
				welcome(server, *(int *)what);
			else
				serve(server, what);
			tell_who_waits(server);
		}
	}
}

int main(int argc, char **argv)
{
	struct server server = {.feeds = 1000};
	struct rlimit files;
	size_t entries = 30, bytes = 1800;
	const char *chain = NULL, *key = NULL;
	bool tickets = false;
	for (int option; (option = getopt(argc, argv, "n:e:s:1c:k:t")) != -1;) {
		switch (option) {
		case 'n': server.feeds = strtoul(optarg, NULL, 10); break;
		case 'e': entries = strtoul(optarg, NULL, 10); break;
		case 's': bytes = strtoul(optarg, NULL, 10); break;
		case '1': server.closing = true; break;
		case 'c': chain = optarg; break;
		case 'k': key = optarg; break;
		case 't': tickets = true; break;
		default: return 2;
		}
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	server.versions = calloc(server.feeds + 1, sizeof *server.versions);
	server.documents = load_documents_new(entries, bytes, time(NULL));
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	must(server.versions != NULL && server.documents != NULL && server.epoll >= 0, "start");
	if (chain != NULL)
		server.tls = make_tls(chain, key, tickets);
	in_port_t port = listen_on(&server.listeners[0], AF_INET, 0);
	(void)listen_on(&server.listeners[1], AF_INET6, port);
	(void)printf("{\"port\": %u}\n", ntohs(port));
	(void)fflush(stdout);
	run(&server);
}
