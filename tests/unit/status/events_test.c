/* /alerts and /events of the room status, with a ledger that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wirewatch/status.h"

#define QUESTIONS_MAX 64

struct world {
	struct event_base *base;
	struct status_board *board;
	struct base_clock *clock;
	struct status_server *server;
	uint64_t sequence, first; /* alerts in the ledger */
	size_t padding;           /* bytes that each alert is made larger by */
	bool busy, failing, silent;
	struct status_question *waiting[QUESTIONS_MAX]; /* while silent */
	size_t waiting_count, asked;
	char path[64];
};

/* ---- the ledger ------------------------------------------------------------------------ */

static enum base_result add(struct world *world, struct status_question *question, uint64_t sequence)
{
	size_t size = world->padding + 200;
	char *json = calloc(1, size);

	assert_non_null(json);
	snprintf(json, size, "{\"sequence\":\"%020" PRIu64 "\",\"data\":{\"class\":\"%s\",\"title\":\"", sequence,
	         sequence % 2 == 0 ? "pause" : "sale");
	size_t len = strlen(json);
	memset(json + len, 'x', world->padding);
	memcpy(json + len + world->padding, "\"}}", 4);
	enum base_result result = status_question_add(question, sequence, base_span_of(json));
	free(json);
	return result;
}

static void answer(struct world *world, struct status_question *question)
{
	uint64_t at = question->after + 1 > world->first ? question->after + 1 : world->first;
	bool only_pause = strcmp(question->topic, "ww1/alert/pause/") == 0;
	enum base_result result = BASE_OK;

	for (; at <= world->sequence && question->count < STATUS_PIECE && result == BASE_OK; at++)
		if (!only_pause || at % 2 == 0)
			result = add(world, question, at);
	question->more = at <= world->sequence;
	question->stored = world->sequence;
	question->result = world->failing ? BASE_IO : BASE_OK;
	status_answered(question);
}

static enum base_result ask(void *ctx, struct status_question *question)
{
	struct world *world = ctx;

	world->asked++;
	if (world->busy)
		return BASE_BUSY;
	if (world->silent) {
		assert_true(world->waiting_count < QUESTIONS_MAX);
		world->waiting[world->waiting_count++] = question;
	} else {
		answer(world, question);
	}
	return BASE_OK;
}

static void speak(struct world *world)
{
	world->silent = false;
	for (size_t i = 0; i < world->waiting_count; i++)
		answer(world, world->waiting[i]);
	world->waiting_count = 0;
}

static void publish(struct world *world, uint64_t upto)
{
	world->sequence = upto;
	status_set(world->board, STATUS_SEQUENCE, upto);
	status_server_news(world->server);
}

/* ---- the world ------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (world == NULL || status_board_new(&world->board) != BASE_OK || base_clock_new_system(&world->clock) != BASE_OK)
		return -1;
	world->first = 1;
	world->base = event_base_new();
	snprintf(world->path, sizeof(world->path), "unix:/tmp/ww-events-%ld.sock", (long)getpid());
	struct status_server_options options = {.address = world->path, .board = world->board, .clock = world->clock,
	                                        .ask = ask, .ask_ctx = world, .heartbeat = BASE_SECOND / 20,
	                                        .patience = BASE_SECOND};
	struct base_error err = {""};
	if (status_server_new(world->base, &options, &world->server, &err) != BASE_OK) {
		print_message("%s\n", err.text);
		return -1;
	}
	status_set(world->board, STATUS_EPOCH, 77);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	status_server_free(world->server);
	speak(world); /* those who asked are gone */
	status_board_free(world->board);
	base_clock_free(world->clock);
	event_base_free(world->base);
	free(world);
	return 0;
}

static int dial(const struct world *world, const char *request)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

	assert_true(fd >= 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", world->path + strlen("unix:"));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	return fd;
}

struct heard {
	char text[1 << 20];
	size_t len;
	bool closed;
};

/* Drive the server until the condition holds, for ten seconds at most. */
#define DRIVE_UNTIL(world, condition) \
	do { \
		base_time drive_end = base_clock_monotonic((world)->clock) + 10 * BASE_SECOND; \
		while (!(condition)) { \
			if (base_clock_monotonic((world)->clock) > drive_end) \
				fail_msg("in vain: %s", #condition); \
			event_base_loop((world)->base, EVLOOP_NONBLOCK); \
		} \
	} while (0)

/* Drive the server until the text heard has a part, or the connection ends. */
static void listen_until(const struct world *world, int fd, struct heard *heard, const char *part)
{
	for (int tries = 0; tries < 10000 && !heard->closed; tries++) {
		if (part != NULL && strstr(heard->text, part) != NULL)
			return;
		event_base_loop(world->base, EVLOOP_NONBLOCK);
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		if (poll(&wait, 1, 1) == 0)
			continue;
		ssize_t got = recv(fd, heard->text + heard->len, sizeof(heard->text) - 1 - heard->len, MSG_DONTWAIT);
		if (got > 0)
			heard->len += (size_t)got;
		heard->closed = got == 0 || (got < 0 && errno != EAGAIN);
		heard->text[heard->len] = '\0';
	}
	if (part != NULL && strstr(heard->text, part) == NULL)
		fail_msg("'%s' was not said, but '%.300s'", part, heard->text);
}

static struct heard *get(const struct world *world, const char *request)
{
	struct heard *heard = calloc(1, sizeof(*heard));
	int fd = dial(world, request);

	assert_non_null(heard);
	listen_until(world, fd, heard, NULL);
	assert_true(heard->closed);
	close(fd);
	return heard;
}

static void expects(const struct world *world, const char *request, const char *start, const char *part)
{
	struct heard *heard = get(world, request);

	if (strncmp(heard->text, start, strlen(start)) != 0 || strstr(heard->text, part) == NULL)
		fail_msg("to '%.60s' came '%.600s'", request, heard->text);
	free(heard);
}

/* The events heard are those of first, first + step ... last, each once. */
static void has_events(const struct heard *heard, uint64_t first, uint64_t step, uint64_t last)
{
	uint64_t wanted = first;

	for (const char *at = heard->text; (at = strstr(at, "\ndata: {\"sequence\"")) != NULL; at++) {
		assert_int_equal(strtoull(at + strlen("\ndata: {\"sequence\":\""), NULL, 10), wanted);
		wanted += step;
	}
	assert_int_equal(wanted, last + step);
}

/* ---- /alerts --------------------------------------------------------------------------- */

#define GET(target) "GET " target " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void alerts_come_page_by_page(void **state)
{
	struct world *world = *state;

	expects(world, GET("/alerts"), "HTTP/1.1 200 OK\r\n", "{\"alerts\":[],\"last\":0,\"more\":false,\"epoch\":77,\"sequence\":0}\n");
	publish(world, 500);
	expects(world, GET("/alerts?after=498"), "HTTP/1.1 200 OK\r\n", "\"last\":500,\"more\":false,");
	expects(world, GET("/alerts?after=0&limit=200"), "HTTP/1.1 200 OK\r\n", "\"last\":200,\"more\":true,");
	expects(world, GET("/alerts?after=300&limit=200"), "HTTP/1.1 200 OK\r\n", "\"last\":500,\"more\":false,");
	expects(world, GET("/alerts?class=pause,sale&text=nowhere"), "HTTP/1.1 200 OK\r\n", "{\"alerts\":[],\"last\":500,\"more\":false,");
	expects(world, GET("/alerts?class=pause&after=496"), "HTTP/1.1 200 OK\r\n",
	     "{\"alerts\":[{\"sequence\":\"00000000000000000498\",\"data\":{\"class\":\"pause\",\"title\":\"\"}},"
	     "{\"sequence\":\"00000000000000000500\"");
	expects(world, GET("/alerts?after=900"), "HTTP/1.1 200 OK\r\n", "{\"alerts\":[],\"last\":900,\"more\":false,");
}

static void bad_questions_and_a_bad_ledger_are_told(void **state)
{
	struct world *world = *state;

	publish(world, 5);
	expects(world, GET("/alerts?limit=0"), "HTTP/1.1 400 ", "limit must be");
	expects(world, GET("/events?class=x"), "HTTP/1.1 400 ", "class must be");
	expects(world, "GET /alerts HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 ", "");
	expects(world, "HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n", "");
	world->failing = true;
	expects(world, GET("/alerts"), "HTTP/1.1 503 ", "cannot be read");
	world->failing = false;
	world->busy = true;
	expects(world, GET("/alerts"), "HTTP/1.1 503 ", "too many");
}

static void who_leaves_is_not_answered(void **state)
{
	struct world *world = *state;

	world->silent = true;
	int fd = dial(world, GET("/alerts"));
	DRIVE_UNTIL(world, world->waiting_count > 0);
	close(fd);
	DRIVE_UNTIL(world, world->waiting[0]->asker == NULL);
	speak(world);
}

/* RFC 9112 section 9.6: who says no more may still be listening. */
static void who_only_ends_its_side_is_answered(void **state)
{
	struct world *world = *state;
	struct heard *heard = calloc(1, sizeof(*heard));

	assert_non_null(heard);
	publish(world, 5);
	world->silent = true;
	int fd = dial(world, GET("/alerts"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	DRIVE_UNTIL(world, world->waiting_count > 0);
	for (int i = 0; i < 20; i++) /* the end is heard of while the ledger looks */
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	speak(world);
	base_time start = base_clock_monotonic(world->clock);
	listen_until(world, fd, heard, NULL);
	assert_true(heard->closed);
	assert_non_null(strstr(heard->text, "\"last\":5,\"more\":false,"));
	close(fd);

	memset(heard, 0, sizeof(*heard)); /* more than the buffers take at once */
	world->padding = 20000;
	fd = dial(world, GET("/alerts"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	listen_until(world, fd, heard, NULL);
	assert_true(heard->closed);
	assert_non_null(strstr(heard->text, "\"last\":5,\"more\":false,"));
	close(fd);
	assert_true(base_clock_monotonic(world->clock) - start < BASE_SECOND); /* not by its deadline */

	fd = dial(world, "GET /alerts HTT"); /* nothing can be answered any more */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	memset(heard, 0, sizeof(*heard));
	listen_until(world, fd, heard, NULL);
	assert_true(heard->closed && heard->len == 0);
	close(fd);
	free(heard);
}

static void a_ledger_that_does_not_answer_is_told(void **state)
{
	struct world *world = *state;

	world->silent = true;
	expects(world, GET("/alerts"), "HTTP/1.1 503 ", "the ledger does not answer now");
	assert_null(world->waiting[0]->asker);
	speak(world);
	int fd = dial(world, "GET /alerts HTT"); /* who does not finish is cut off */
	struct heard *heard = calloc(1, sizeof(*heard));
	assert_non_null(heard);
	listen_until(world, fd, heard, NULL);
	assert_true(heard->closed && heard->len == 0);
	close(fd);
	free(heard);
}

/* ---- /events --------------------------------------------------------------------------- */

static void stored_alerts_come_first_then_live_ones(void **state)
{
	struct world *world = *state;
	struct heard *heard = calloc(1, sizeof(*heard));

	assert_non_null(heard);
	publish(world, 300);
	int fd = dial(world, GET("/events?after=10"));
	listen_until(world, fd, heard, "id: 300\n");
	assert_non_null(strstr(heard->text, "event: welcome\ndata: {\"epoch\":77,\"sequence\":300}\n\n"));
	assert_int_equal(status_get(world->board, STATUS_LISTENERS), 1);
	for (uint64_t next = 301; next <= 320; next++)
		publish(world, next);
	listen_until(world, fd, heard, "id: 320\ndata");
	has_events(heard, 11, 1, 320);
	listen_until(world, fd, heard, ": alive\nid: 320\n\n");
	size_t asked = world->asked;
	for (int i = 0; i < 3; i++) { /* nothing new: nothing is asked */
		heard->text[heard->len = 0] = '\0';
		listen_until(world, fd, heard, ": alive\n");
	}
	assert_int_equal(world->asked, asked);
	close(fd);
	DRIVE_UNTIL(world, status_get(world->board, STATUS_LISTENERS) == 0);
	free(heard);
}

static void listeners_resume_where_they_were(void **state)
{
	static const struct {
		const char *request;
		uint64_t first, step;
	} cases[] = {
	    {"GET /events?after=3 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 90\r\n\r\n", 91, 1},
	    {"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n", 1, 1},
	    {"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", 101, 1},                         /* from now on */
	    {"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: x\r\n\r\n", 101, 1},
	    {"GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 4000\r\n\r\n", 1, 1},    /* of a ledger that was lost */
	    {"GET /events?class=pause&after=50 HTTP/1.1\r\nHost: localhost\r\n\r\n", 52, 2},
	    {"GET /events?class=pause,request&after=50 HTTP/1.1\r\nHost: localhost\r\n\r\n", 52, 2},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct heard *heard = calloc(1, sizeof(*heard));
		assert_non_null(heard);
		publish(world, 100);
		int fd = dial(world, cases[i].request);
		listen_until(world, fd, heard, "event: welcome");
		publish(world, 110);
		listen_until(world, fd, heard, "id: 110\n");
		has_events(heard, cases[i].first, cases[i].step, 110);
		publish(world, 111); /* a sale: also who does not want it comes back behind it */
		listen_until(world, fd, heard, "id: 111\n");
		close(fd);
		free(heard);
	}
}

/* The ledger is ahead of what this node published: another node published it, and its listeners come over. */
static void a_listener_of_a_node_that_is_ahead_goes_on(void **state)
{
	struct world *world = *state;
	struct heard *heard = calloc(1, sizeof(*heard));

	assert_non_null(heard);
	publish(world, 100);
	world->sequence = 102;
	int ahead = dial(world, "GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 102\r\n\r\n");
	listen_until(world, ahead, heard, ": alive\nid: 102\n");
	has_events(heard, 103, 1, 102); /* none */
	publish(world, 105);
	listen_until(world, ahead, heard, "id: 105\ndata");
	has_events(heard, 103, 1, 105);
	close(ahead);

	memset(heard, 0, sizeof(*heard)); /* what it has is in doubt until the ledger can be asked */
	world->failing = true;
	world->sequence = 110;
	int behind = dial(world, "GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 108\r\n\r\n");
	listen_until(world, behind, heard, ": alive\nid: 108\n");
	world->failing = false;
	publish(world, 110);
	listen_until(world, behind, heard, "id: 110\ndata");
	has_events(heard, 109, 1, 110);
	close(behind);
	free(heard);
}

static void a_ledger_in_trouble_only_delays(void **state)
{
	struct world *world = *state;
	struct heard *heard = calloc(1, sizeof(*heard));

	assert_non_null(heard);
	world->failing = true;
	publish(world, 5);
	int fd = dial(world, GET("/events?after=0"));
	listen_until(world, fd, heard, ": alive\nid: 0\n");
	world->failing = false;
	world->busy = true;
	heard->text[heard->len = 0] = '\0';
	listen_until(world, fd, heard, ": alive\nid: 0\n");
	world->busy = false;
	listen_until(world, fd, heard, "id: 5\ndata");
	has_events(heard, 1, 1, 5);
	close(fd);
	free(heard);
}

static void who_takes_nothing_is_dropped(void **state)
{
	struct world *world = *state;

	world->padding = 60000;
	publish(world, 1000); /* 60 MB wait for a listener that reads nothing */
	int fd = dial(world, GET("/events?after=0"));
	DRIVE_UNTIL(world, status_get(world->board, STATUS_LISTENERS_DROPPED) > 0);
	assert_int_equal(status_get(world->board, STATUS_LISTENERS), 0);
	assert_true(world->asked <= 4); /* no more was asked for than its buffers took */
	close(fd);
}

static void listeners_are_counted_and_leave_room(void **state)
{
	struct world *world = *state;
	int fds[16];

	for (size_t i = 0; i < 16; i++)
		fds[i] = dial(world, GET("/events"));
	DRIVE_UNTIL(world, status_get(world->board, STATUS_LISTENERS) == 16);
	expects(world, GET("/events"), "HTTP/1.1 503 ", "too many listeners");
	expects(world, GET("/healthz"), "HTTP/1.1 200 ", "ok\n");
	for (size_t i = 0; i < 16; i++)
		close(fds[i]);
}

/* ---- the socket ------------------------------------------------------------------------ */

static void the_socket_is_for_the_group_and_never_stolen(void **state)
{
	struct world *world = *state;
	struct status_server_options options = {.address = world->path, .board = world->board, .clock = world->clock};
	struct status_server *second = NULL;
	struct base_error err;
	struct stat st;

	assert_int_equal(stat(world->path + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(status_server_port(world->server), 0);
	assert_int_equal(status_server_new(world->base, &options, &second, &err), BASE_IO);
	assert_non_null(strstr(err.text, "another process listens"));
	options.address = "unix:/dev/null";
	assert_int_equal(status_server_new(world->base, &options, &second, &err), BASE_IO);
	assert_non_null(strstr(err.text, "is no socket"));
	options.address = "unix:relative";
	assert_int_equal(status_server_new(world->base, &options, &second, &err), BASE_INVALID);
	expects(world, GET("/healthz"), "HTTP/1.1 200 ", "ok\n");
}

static void a_socket_left_behind_is_replaced(void **state)
{
	struct world *world = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct status_server_options options = {.board = world->board, .clock = world->clock};
	struct status_server *server = NULL;
	char address[sizeof(at.sun_path) + 8];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/ww-left-%ld.sock", (long)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	snprintf(address, sizeof(address), "unix:%s", at.sun_path);
	options.address = address;
	assert_int_equal(status_server_new(world->base, &options, &server, NULL), BASE_OK);
	status_server_free(server);
	assert_int_equal(access(at.sun_path, F_OK), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(alerts_come_page_by_page),
	    TEST(bad_questions_and_a_bad_ledger_are_told),
	    TEST(who_leaves_is_not_answered),
	    TEST(who_only_ends_its_side_is_answered),
	    TEST(a_ledger_that_does_not_answer_is_told),
	    TEST(stored_alerts_come_first_then_live_ones),
	    TEST(listeners_resume_where_they_were),
	    TEST(a_listener_of_a_node_that_is_ahead_goes_on),
	    TEST(a_ledger_in_trouble_only_delays),
	    TEST(who_takes_nothing_is_dropped),
	    TEST(listeners_are_counted_and_leave_room),
	    TEST(the_socket_is_for_the_group_and_never_stolen),
	    TEST(a_socket_left_behind_is_replaced),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does: who leaves may be written to */
	return cmocka_run_group_tests_name("status events", tests, NULL, NULL);
}
