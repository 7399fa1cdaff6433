/* The room status over HTTP: with the fetch room as a good client, and with raw sockets as bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wirewatch/fetch.h"
#include "wirewatch/status.h"

struct world {
	struct event_base *base;
	struct status_board *board;
	struct base_clock *clock;
	struct status_server *server;
	struct fetch *fetch;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct fetch_range anywhere = {.prefix_len = 0};
	struct fetch_options how = {.timeout = 10 * BASE_SECOND, .max_size = 1 << 24, .max_connections = 4,
	                            .allow = &anywhere, .allow_count = 1};

	if (world == NULL || status_board_new(&world->board) != BASE_OK || base_clock_new_system(&world->clock) != BASE_OK)
		return -1;
	world->base = event_base_new();
	struct status_server_options options = {.address = "127.0.0.1:0", .board = world->board, .clock = world->clock};
	if (status_server_new(world->base, &options, &world->server, NULL) != BASE_OK ||
	    fetch_new(world->base, &how, &world->fetch) != BASE_OK)
		return -1;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	fetch_free(world->fetch);
	status_server_free(world->server);
	status_board_free(world->board);
	base_clock_free(world->clock);
	event_base_free(world->base);
	free(world);
	return 0;
}

/* ---- a good client ------------------------------------------------------------------- */

struct asked {
	struct event_base *base;
	long status;
	char *body;
	char type[64];
};

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct asked *asked = ctx;

	asked->status = reply->status;
	asked->body = reply->body.ptr != NULL ? strndup(reply->body.ptr, reply->body.len) : strdup("");
	snprintf(asked->type, sizeof(asked->type), "%s", reply->content_type != NULL ? reply->content_type : "");
	event_base_loopbreak(asked->base);
}

static struct asked ask(struct world *world, const char *path)
{
	struct asked asked = {.base = world->base};
	char url[256];
	struct fetch_request request = {.url = url};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", status_server_port(world->server), path);
	assert_int_equal(fetch_start(world->fetch, &request, on_done, &asked, NULL), BASE_OK);
	event_base_dispatch(world->base);
	assert_non_null(asked.body);
	return asked;
}

static void pages_are_served(void **state)
{
	struct status_feed feed = {.url = "http://example.org/", .name = "n", .last_poll = BASE_TIME_NONE, .next_poll = 0};
	struct world *world = *state;

	assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	struct asked asked = ask(world, "/metrics");
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.type, "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(asked.body, "wirewatch_subscribers 0\n"));
	free(asked.body);
	asked = ask(world, "/?query");
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.type, "text/html; charset=utf-8");
	free(asked.body);
	static const char *const paths[] = {"/status", "/feeds"};
	for (size_t i = 0; i < 2; i++) {
		asked = ask(world, paths[i]);
		assert_int_equal(asked.status, 200);
		assert_string_equal(asked.type, "application/json");
		json_t *root = json_loads(asked.body, JSON_REJECT_DUPLICATES, NULL);
		assert_true(json_is_object(root));
		json_decref(root);
		free(asked.body);
	}
	asked = ask(world, "/nothing");
	assert_int_equal(asked.status, 404);
	free(asked.body);
}

static void health_is_a_status_code(void **state)
{
	struct world *world = *state;
	struct asked asked = ask(world, "/healthz");

	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.body, "ok\n");
	free(asked.body);
	status_set_trouble(world->board, "disk full");
	asked = ask(world, "/healthz");
	assert_int_equal(asked.status, 503);
	free(asked.body);
}

/* ---- bad clients --------------------------------------------------------------------- */

static int dial(const struct world *world)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons((uint16_t)status_server_port(world->server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Drive the server until it closed the connection; what it said is in reply. */
static void until_closed(const struct world *world, int fd, char *reply, size_t size)
{
	size_t len = 0;

	for (;;) {
		event_base_loop(world->base, EVLOOP_NONBLOCK);
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		if (poll(&wait, 1, 1) == 0)
			continue;
		ssize_t got = recv(fd, reply + len, size - 1 - len, MSG_DONTWAIT);
		if (got > 0)
			len += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			break;
	}
	reply[len] = '\0';
}

static void say(const struct world *world, const char *bytes, size_t len, char *reply, size_t size)
{
	int fd = dial(world);

	/* The server may have hung up on us already: that is for the reply to show. */
	(void)!send(fd, bytes, len, MSG_NOSIGNAL);
	until_closed(world, fd, reply, size);
	close(fd);
}

static void replies(const struct world *world, const char *request, const char *start)
{
	char reply[8192];

	say(world, request, strlen(request), reply, sizeof(reply));
	if (strncmp(reply, start, strlen(start)) != 0)
		fail_msg("to '%.60s' came '%.60s'", request, reply);
}

static void requests_that_are_wrong_get_an_error(void **state)
{
	struct world *world = *state;
	char noise[3000], reply[8192];

	replies(world, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nbody", "HTTP/1.1 405 ");
	replies(world, "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405 ");
	replies(world, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 ");
	replies(world, "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9475\r\n\r\n", "HTTP/1.1 403 ");
	replies(world, "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 ");
	replies(world, "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 ");
	replies(world, "\r\n\r\n", "HTTP/1.1 400 ");
	replies(world, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
	replies(world, "GET / HTTP/1.1\r\nHost:\r\n\r\n", "HTTP/1.1 403 ");
	replies(world, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ");
	replies(world, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400 ");
	assert_int_equal(base_random(noise, sizeof(noise)), BASE_OK);
	memcpy(noise + sizeof(noise) - 4, "\r\n\r\n", 4);
	say(world, noise, sizeof(noise), reply, sizeof(reply));
	assert_true(strncmp(reply, "HTTP/1.1 400 ", 13) == 0);
}

static void head_sends_no_body(void **state)
{
	char reply[8192];
	static const char request[] = "HEAD /metrics HTTP/1.1\r\nHost: [::1]:9475\r\n\r\n";

	say(*state, request, strlen(request), reply, sizeof(reply));
	assert_true(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) == 0);
	const char *end = strstr(reply, "\r\n\r\n");
	assert_non_null(end);
	assert_string_equal(end, "\r\n\r\n");
}

static void endless_heads_are_cut_off(void **state)
{
	struct world *world = *state;
	size_t len = 200000;
	char *flood = malloc(len), reply[8192];

	assert_non_null(flood);
	memset(flood, 'a', len);
	memcpy(flood, "GET / HTTP/1.1\r\nX: ", 19);
	say(world, flood, len, reply, sizeof(reply));
	assert_true(strncmp(reply, "HTTP/1.1 431 ", 13) == 0);
	free(flood);
}

/* Those who connect and say nothing make room for those who come after. */
static void idle_connections_do_not_lock_others_out(void **state)
{
	struct world *world = *state;
	int idle[100];

	for (size_t i = 0; i < 100; i++) {
		idle[i] = dial(world);
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
	struct asked asked = ask(world, "/healthz");
	assert_int_equal(asked.status, 200);
	free(asked.body);
	char byte;
	assert_int_equal(recv(idle[0], &byte, 1, MSG_DONTWAIT), 0); /* hung up on */
	assert_int_equal(recv(idle[99], &byte, 1, MSG_DONTWAIT), -1);
	for (size_t i = 0; i < 100; i++)
		close(idle[i]);
}

static void a_request_in_pieces_is_understood(void **state)
{
	struct world *world = *state;
	static const char request[] = "GET /healthz HTTP/1.0\r\n\r\n";
	char reply[4096];
	int fd = dial(world);

	for (size_t i = 0; i < strlen(request); i++) {
		assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
	until_closed(world, fd, reply, sizeof(reply));
	close(fd);
	assert_true(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) == 0);
	assert_non_null(strstr(reply, "\r\n\r\nok\n"));
}

/*
 * Readers that take nothing: when their replies are too much together the next one is told to come again, while small
 * pages are still given; what was promised comes whole.
 */
static void slow_readers_do_not_fill_the_memory(void **state)
{
	static const char request[] = "GET /feeds HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct world *world = *state;
	char url[64], start[4096];
	struct status_feed feed = {.url = url, .name = "n", .result = "not_modified", .took = BASE_SECOND / 3};
	int fds[12];
	size_t told = 0, given = 0;

	for (int i = 0; i < 30000; i++) { /* some 20 MB */
		snprintf(url, sizeof(url), "http://host-%d.example/", i);
		for (int k = 0; k < 24; k++)
			assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	}
	for (size_t i = 0; i < 12; i++) {
		fds[i] = dial(world);
		assert_int_equal(send(fds[i], request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
		struct pollfd wait = {.fd = fds[i], .events = POLLIN};
		while (poll(&wait, 1, 1) == 0)
			event_base_loop(world->base, EVLOOP_NONBLOCK);
		ssize_t got = recv(fds[i], start, sizeof(start) - 1, MSG_PEEK);
		assert_true(got > 0);
		start[got] = '\0';
		given += strncmp(start, "HTTP/1.1 200 ", 13) == 0;
		bool refused = strncmp(start, "HTTP/1.1 503 ", 13) == 0;
		told += refused && strstr(start, "\r\nRetry-After: 10\r\n") != NULL;
	}
	assert_int_equal(given + told, 12);
	assert_in_range(given, 4, 7);
	struct asked asked = ask(world, "/metrics");
	assert_int_equal(asked.status, 200);
	free(asked.body);
	size_t size = 64 << 20;
	char *whole = malloc(size);
	assert_non_null(whole);
	until_closed(world, fds[0], whole, size);
	assert_non_null(strstr(whole, "],\"listed\":0}\n"));
	free(whole);
	for (size_t i = 0; i < 12; i++)
		close(fds[i]);
}

static void addresses_are_checked(void **state)
{
	struct world *world = *state;
	static const char *const bad[] = {"", "9475", "localhost:9475", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:9475",
	                                  "[::1]", "127.0.0.1:x"};
	struct status_server_options options = {.board = world->board, .clock = world->clock};
	struct status_server *server = NULL;
	struct base_error error;
	char taken[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		options.address = bad[i];
		if (status_server_new(world->base, &options, &server, &error) != BASE_INVALID)
			fail_msg("taken: '%s'", bad[i]);
		assert_non_null(strstr(error.text, "is not an address with a port"));
	}
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", status_server_port(world->server));
	options.address = taken;
	assert_int_equal(status_server_new(world->base, &options, &server, &error), BASE_IO);
	assert_non_null(strstr(error.text, taken));
	assert_null(server);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pages_are_served),
	    TEST(health_is_a_status_code),
	    TEST(requests_that_are_wrong_get_an_error),
	    TEST(head_sends_no_body),
	    TEST(endless_heads_are_cut_off),
	    TEST(idle_connections_do_not_lock_others_out),
	    TEST(a_request_in_pieces_is_understood),
	    TEST(slow_readers_do_not_fill_the_memory),
	    TEST(addresses_are_checked),
	};
	if (fetch_global_init() != BASE_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("status server", tests, NULL, NULL);
	fetch_global_cleanup();
	return failed;
}
