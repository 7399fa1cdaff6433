/*
 * Replay requests, subscriptions, the log senders, and the publisher from opening to closing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "../../../daemon/publish/publish.h"
#include "fake_ledger.h"

#define TIME "2026-01-02T03:04:05Z"

/* ---- requests --------------------------------------------------------------------------- */

static enum base_result parse(const char *text, struct publish_request *out)
{
	const char *reason = NULL;
	enum base_result result = publish_request_parse(base_span_of(text), out, &reason);

	assert_true((result == BASE_OK) == (reason == NULL));
	return result;
}

static void test_request(void **state)
{
	struct publish_request request;

	(void)state;
	assert_int_equal(parse("{\"after\":12,\"topic\":\"ww1/alert/pause/\",\"limit\":5,\"more\":[1]}", &request), BASE_OK);
	assert_int_equal(request.after, 12);
	assert_int_equal(request.limit, 5);
	assert_string_equal(request.topic, "ww1/alert/pause/");
	assert_int_equal(parse("{}", &request), BASE_OK);
	assert_int_equal(request.after, 0);
	assert_int_equal(request.limit, PUBLISH_LIMIT_DEFAULT);
	assert_string_equal(request.topic, PUBLISH_TOPIC_ALERT);
	assert_int_equal(parse("{\"limit\":9223372036854775807}", &request), BASE_OK);
	assert_int_equal(request.limit, PUBLISH_LIMIT_MAX);
}

static void test_bad_requests(void **state)
{
	static const char *const bad[] = {"",
	                                  "nonsense",
	                                  "[]",
	                                  "12",
	                                  "{\"after\":1.5}",
	                                  "{\"after\":-1}",
	                                  "{\"after\":\"1\"}",
	                                  "{\"after\":99999999999999999999}",
	                                  "{\"after\":1,\"after\":2}",
	                                  "{\"limit\":0}",
	                                  "{\"limit\":null}",
	                                  "{\"topic\":7}",
	                                  "{\"after\":1",
	                                  "{} {}"};
	struct publish_request request;
	char deep[PUBLISH_REQUEST_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_not_equal(parse(bad[i], &request), BASE_OK);
	memset(deep, '[', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	assert_int_equal(parse(deep, &request), BASE_LIMIT);
	deep[PUBLISH_REQUEST_MAX] = '\0';
	assert_int_equal(parse(deep, &request), BASE_SYNTAX);
	snprintf(deep, sizeof deep, "{\"topic\":\"%0129d\"}", 0);
	assert_int_equal(parse(deep, &request), BASE_INVALID);
}

/* ---- subscriptions ------------------------------------------------------------------------ */

static char changes[512];

static void note_change(void *ctx, bool subscribe, struct base_span topic)
{
	size_t len = strlen(changes);

	(void)ctx;
	snprintf(changes + len, sizeof changes - len, "%c%.*s ", subscribe ? '+' : '-', (int)topic.len, topic.ptr);
}

static enum publish_verdict subscribe(struct publish_peers *peers, int fd, const char *topic)
{
	changes[0] = '\0';
	return publish_peers_subscribe(peers, fd, base_span_of(topic), note_change, NULL);
}

static const char *unsubscribe(struct publish_peers *peers, int fd, const char *topic)
{
	changes[0] = '\0';
	publish_peers_unsubscribe(peers, fd, base_span_of(topic), note_change, NULL);
	return changes;
}

static void test_subscriptions(void **state)
{
	struct publish_peers *peers;

	(void)state;
	assert_int_equal(publish_peers_new(&peers), BASE_OK);
	assert_int_equal(subscribe(peers, 5, ""), PUBLISH_REFUSED); /* no such connection */
	publish_peers_accepted(peers, 5);
	assert_int_equal(subscribe(peers, 5, "ww1/alert/pause/"), PUBLISH_NEW);
	assert_string_equal(changes, "+ww1/alert/pause/ ");
	/* The first may have come from a connection that is gone, and reached nobody: libzmq is told again. */
	assert_int_equal(subscribe(peers, 5, "ww1/alert/pause/"), PUBLISH_NEW);
	assert_string_equal(changes, "+ww1/alert/pause/ ");
	/* What covers the welcome is replaced, so that nobody stays subscribed to it. */
	assert_int_equal(subscribe(peers, 5, ""), PUBLISH_NEW);
	assert_string_equal(changes, "+ww1/alert/ +ww1/heartbeat/ ");
	assert_int_equal(subscribe(peers, 5, "ww1/alert/"), PUBLISH_NEW);
	assert_int_equal(subscribe(peers, 5, "ww1/welcome/"), PUBLISH_NEW);
	assert_string_equal(changes, "");
	assert_int_equal(subscribe(peers, 5, "weather/"), PUBLISH_USELESS);
	assert_string_equal(unsubscribe(peers, 5, ""), "-ww1/heartbeat/ ");
	assert_string_equal(unsubscribe(peers, 5, "ww1/alert/"), "-ww1/alert/ ");
	assert_string_equal(unsubscribe(peers, 5, "ww1/alert/"), "");
	assert_int_equal(publish_peers_subscribed(peers), 1);
	publish_peers_gone(peers, 5);
	assert_int_equal(publish_peers_subscribed(peers), 0);
	publish_peers_free(peers);
}

static void test_subscription_bounds(void **state)
{
	struct publish_peers *peers;
	char topic[PUBLISH_TOPIC_MAX + 2];

	(void)state;
	assert_int_equal(publish_peers_new(&peers), BASE_OK);
	publish_peers_accepted(peers, 3);
	publish_peers_accepted(peers, 4);
	for (int i = 0; i < PUBLISH_SUBSCRIPTIONS_MAX; i++) {
		snprintf(topic, sizeof topic, "ww1/alert/%d/", i);
		assert_int_equal(subscribe(peers, 3, topic), PUBLISH_NEW);
	}
	assert_int_equal(subscribe(peers, 3, "ww1/alert/one too many/"), PUBLISH_REFUSED);
	assert_int_equal(subscribe(peers, 3, "ww1/alert/0/"), PUBLISH_REFUSED); /* and from then on */
	snprintf(topic, sizeof topic, "ww1/alert/%0119d", 0);
	assert_int_equal(subscribe(peers, 4, topic), PUBLISH_REFUSED);
	assert_int_equal(publish_peers_subscribed(peers), 1);
	publish_peers_free(peers);
}

/* ---- log senders ----------------------------------------------------------------------------- */

struct log_socket {
	char folder[32], path[64];
	int fd;
};

static void open_log(struct log_socket *log)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, log->path, strlen(log->path));
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(log->fd >= 0);
	assert_int_equal(bind(log->fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void close_log(struct log_socket *log)
{
	close(log->fd);
	unlink(log->path);
}

static int set_up_log(void **state)
{
	struct log_socket *log = calloc(1, sizeof *log);

	assert_non_null(log);
	snprintf(log->folder, sizeof log->folder, "/tmp/wirewatch-XXXXXX");
	assert_non_null(mkdtemp(log->folder));
	snprintf(log->path, sizeof log->path, "%s/log", log->folder);
	open_log(log);
	*state = log;
	return 0;
}

static int tear_down_log(void **state)
{
	struct log_socket *log = *state;

	close_log(log);
	rmdir(log->folder);
	free(log);
	return 0;
}

static const char *next_line(const struct log_socket *log)
{
	static char line[8192];
	ssize_t len = recv(log->fd, line, sizeof line - 1, MSG_DONTWAIT);

	if (len < 0)
		return NULL;
	line[len] = '\0';
	return line;
}

static struct publish_syslog *new_syslog(const struct log_socket *log, size_t queue_max)
{
	struct publish_syslog_options options = {
		.path = log->path, .ident = "test", .facility = LOG_DAEMON, .queue_max = queue_max};
	struct publish_syslog *sender;

	assert_int_equal(publish_syslog_new(&options, &sender), BASE_OK);
	return sender;
}

static void test_syslog_line(void **state)
{
	struct log_socket *log = *state;
	struct publish_syslog *sender = new_syslog(log, 4);
	char wanted[64];

	publish_syslog_line(sender, LOG_NOTICE, "hello", 5);
	snprintf(wanted, sizeof wanted, "<29>test[%ld]: hello", (long)getpid());
	assert_string_equal(next_line(log), wanted);
	/* The log daemon starts anew: its socket is another one. */
	close_log(log);
	publish_syslog_line(sender, LOG_NOTICE, "waits", 5);
	open_log(log);
	publish_syslog_line(sender, LOG_NOTICE, "after", 5);
	assert_non_null(strstr(next_line(log), ": waits"));
	assert_non_null(strstr(next_line(log), ": after"));
	assert_int_equal(publish_syslog_dropped(sender), 0);
	publish_syslog_free(sender);
}

/* A full socket never blocks: what does not fit waits, then is dropped, counted and told. */
static void test_syslog_full(void **state)
{
	struct log_socket *log = *state;
	struct publish_syslog *sender = new_syslog(log, 4);
	const char *line;
	unsigned got = 0;

	for (int i = 0; i < 5000; i++)
		publish_syslog_line(sender, LOG_NOTICE, "line", 4);
	assert_true(publish_syslog_dropped(sender) > 0);
	while (got < 4996 && (line = next_line(log)))
		got += strstr(line, ": line") != NULL;
	publish_syslog_flush(sender);
	for (int i = 0; i < 4; i++)
		assert_non_null(strstr(next_line(log), ": line"));
	got += 4;
	line = next_line(log);
	assert_non_null(line);
	assert_non_null(strstr(line, "lines were dropped"));
	assert_int_equal(got + publish_syslog_dropped(sender), 5000);
	assert_null(next_line(log));
	publish_syslog_free(sender);
}

#define THREADS 4
#define LINES 500

static void *send_lines(void *sender)
{
	for (int i = 0; i < LINES; i++) {
		publish_syslog_line(sender, LOG_INFO, "line", 4);
		if (i % 50 == 0)
			publish_syslog_flush(sender);
	}
	return NULL;
}

static void test_syslog_threads(void **state)
{
	struct log_socket *log = *state;
	struct publish_syslog *sender = new_syslog(log, THREADS * LINES);
	pthread_t threads[THREADS];
	int got = 0;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_lines, sender), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (got < THREADS * LINES) {
		const char *line = next_line(log);

		if (line)
			got++;
		else
			publish_syslog_flush(sender);
	}
	assert_int_equal(publish_syslog_dropped(sender), 0);
	publish_syslog_free(sender);
}

static void test_journal(void **state)
{
	struct log_socket *log = *state;
	struct publish_syslog_options options = {.path = log->path, .ident = "test", .facility = LOG_DAEMON};
	struct ledger *ledger = fake_ledger_new(7);
	struct publish_journal *journal;
	const char *entry;

	assert_int_equal(publish_journal_new(&options, &journal), BASE_OK);
	publish_journal_alert(journal, LOG_NOTICE, fake_ledger_add(ledger, "pause", "first", TIME), base_span_of("alert x"));
	entry = next_line(log);
	assert_non_null(entry);
	assert_non_null(strstr(entry, "MESSAGE=alert x\nPRIORITY=5\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=test\n"));
	assert_non_null(strstr(entry, "MESSAGE_ID=" PUBLISH_MESSAGE_ID_ALERT "\nWIREWATCH_SEQUENCE=1\n"));
	assert_non_null(strstr(entry, "WIREWATCH_CLASS=pause\nWIREWATCH_STORY=s1\nWIREWATCH_LINK=https://example.org/1\n"));
	publish_journal_free(journal);
	fake_ledger_free(ledger);
}

/* ---- the publisher ---------------------------------------------------------------------------- */

static void serve_until(struct publish *publish, void *socket)
{
	zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};

	for (int i = 0; i < 1000 && zmq_poll(&item, 1, 0) == 0; i++)
		publish_serve(publish, NULL, 0, 10000);
	assert_true(item.revents & ZMQ_POLLIN);
}

static void receive(void *socket, char *topic, char *body, size_t size)
{
	int len = zmq_recv(socket, topic, size - 1, 0);

	assert_true(len >= 0);
	topic[len] = '\0';
	assert_int_equal(zmq_recv(socket, body, size - 1, 0), ALERT_HEADER_LEN);
	len = zmq_recv(socket, body, size - 1, 0);
	assert_true(len >= 0);
	body[len] = '\0';
}

static void test_publisher(void **state)
{
	struct log_socket *log = *state;
	char endpoint[96], replay[96], topic[2048], body[2048];
	const char *endpoints[] = {endpoint}, *replays[] = {replay};
	struct ledger *ledger = fake_ledger_new(7);
	struct publish_options options = {.endpoints = endpoints, .endpoint_count = 1, .replay_endpoints = replays,
	                                  .replay_count = 1, .ledger = ledger, .epoch = 7};
	struct publish *publish, *second = NULL;
	struct base_error err;
	void *context = zmq_ctx_new(), *subscriber = zmq_socket(context, ZMQ_SUB), *dealer = zmq_socket(context, ZMQ_DEALER);
	int linger = 0;

	snprintf(endpoint, sizeof endpoint, "ipc://%s/alerts.sock", log->folder);
	snprintf(replay, sizeof replay, "ipc://%s/replay.sock", log->folder);
	assert_int_equal(publish_new(&options, &publish, &err), BASE_OK);
	assert_int_equal(publish_new(&options, &second, &err), BASE_IO); /* the endpoint is taken */
	zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "ww1/", 4);
	assert_int_equal(zmq_connect(subscriber, endpoint), 0);
	serve_until(publish, subscriber);
	receive(subscriber, topic, body, sizeof topic);
	assert_string_equal(topic, PUBLISH_TOPIC_WELCOME);
	assert_int_equal(publish_counts(publish).subscribers, 1);
	assert_int_equal(publish_message(publish, fake_ledger_add(ledger, "sale", "repeat", TIME)), BASE_OK);
	serve_until(publish, subscriber);
	receive(subscriber, topic, body, sizeof topic);
	assert_string_equal(topic, "ww1/alert/sale/repeat/");
	zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof linger);
	assert_int_equal(zmq_connect(dealer, replay), 0);
	fake_ledger_fail(ledger, BASE_IO);
	zmq_send(dealer, "{}", 2, 0);
	serve_until(publish, dealer);
	receive(dealer, topic, body, sizeof topic);
	assert_string_equal(topic, PUBLISH_TOPIC_ERROR);
	zmq_close(dealer);
	zmq_close(subscriber);
	zmq_ctx_term(context);
	publish_free(publish);
	fake_ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_subscriptions),
		cmocka_unit_test(test_subscription_bounds),
		cmocka_unit_test_setup_teardown(test_syslog_line, set_up_log, tear_down_log),
		cmocka_unit_test_setup_teardown(test_syslog_full, set_up_log, tear_down_log),
		cmocka_unit_test_setup_teardown(test_syslog_threads, set_up_log, tear_down_log),
		cmocka_unit_test_setup_teardown(test_journal, set_up_log, tear_down_log),
		cmocka_unit_test_setup_teardown(test_publisher, set_up_log, tear_down_log),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
