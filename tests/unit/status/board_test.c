/* The room status without a network: board, pages, request heads, sd_notify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/status/pages.h"
#include "daemon/status/request.h"

#define START ((base_time)1767225600 * BASE_SECOND) /* 2026-01-01T00:00:00Z */

struct world {
	struct status_board *board;
	struct base_clock *clock;
	struct status_view view;
	struct base_buf page;
	_Atomic bool enough;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (world == NULL || status_board_new(&world->board) != BASE_OK ||
	    base_clock_new_simulated(START, &world->clock) != BASE_OK)
		return -1;
	world->view = (struct status_view){world->board, world->clock, START, START};
	base_buf_init(&world->page, 1 << 25);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	status_board_free(world->board);
	base_clock_free(world->clock);
	base_buf_free(&world->page);
	free(world);
	return 0;
}

typedef enum base_result page_fn(const struct status_view *view, struct base_buf *out);

static const char *page(struct world *world, page_fn *make)
{
	base_buf_reset(&world->page);
	assert_int_equal(make(&world->view, &world->page), BASE_OK);
	return world->page.data;
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is missing in:\n%s", part, text);
}

static void lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("'%s' should not be in:\n%s", part, text);
}

/* ---- metrics ---------------------------------------------------------------------- */

static void metrics_count_what_happens(void **state)
{
	struct world *world = *state;

	status_add(world->board, STATUS_POLLS_NEW, 3);
	status_add(world->board, STATUS_POLLS_NEW, 1);
	status_set(world->board, STATUS_FEEDS, 10);
	status_set(world->board, STATUS_FEEDS_FAILING, 2);
	status_set(world->board, STATUS_FEEDS_STALE, 1);
	status_alert(world->board, "pause", true);
	status_alert(world->board, "pause", false);
	status_alert(world->board, "pause", false);
	status_alert(world->board, "a\"b\\c\nd", true);
	const char *text = page(world, status_page_metrics);
	has(text, "\n# TYPE wirewatch_entries_total counter\n");
	has(text, "wirewatch_polls_total{result=\"new\"} 4\n");
	has(text, "wirewatch_polls_total{result=\"error\"} 0\n");
	has(text, "wirewatch_feeds{state=\"ok\"} 7\nwirewatch_feeds{state=\"failing\"} 2\n");
	has(text, "wirewatch_feeds{state=\"stale\"} 1\n");
	has(text, "wirewatch_alerts_total{class=\"pause\",report=\"first\"} 1\n");
	has(text, "wirewatch_alerts_total{class=\"pause\",report=\"repeat\"} 2\n");
	has(text, "{class=\"a\\\"b\\\\c\\nd\",report=\"first\"} 1\n");
	has(text, "\nwirewatch_ledger_ok 1\n");
	has(text, "\nprocess_start_time_seconds 1767225600.000\n");
	has(text, "\nprocess_resident_memory_bytes ");
	has(text, "\nprocess_open_fds ");
}

static void histograms_are_cumulative(void **state)
{
	struct world *world = *state;

	status_time(world->board, STATUS_ALERT_LATENCY, 1000);
	status_time(world->board, STATUS_ALERT_LATENCY, 1001);
	status_time(world->board, STATUS_ALERT_LATENCY, 40 * BASE_MINUTE);
	status_time(world->board, STATUS_ALERT_LATENCY, -5);
	const char *text = page(world, status_page_metrics);
	has(text, "\n# TYPE wirewatch_alert_latency_seconds histogram\n");
	has(text, "wirewatch_alert_latency_seconds_bucket{le=\"0.001\"} 2\n");
	has(text, "wirewatch_alert_latency_seconds_bucket{le=\"0.0025\"} 3\n");
	has(text, "wirewatch_alert_latency_seconds_bucket{le=\"300\"} 3\n");
	has(text, "wirewatch_alert_latency_seconds_bucket{le=\"+Inf\"} 4\n");
	has(text, "wirewatch_alert_latency_seconds_sum 2400.002001\n");
	has(text, "wirewatch_alert_latency_seconds_count 4\n");
}

/* Every line is a comment or `name{labels} value`, every name was declared once, right before its samples. */
static void metrics_follow_the_text_format(void **state)
{
	struct world *world = *state;
	char declared[128] = "";

	status_alert(world->board, "delivery", true);
	char *text = strdup(page(world, status_page_metrics));
	assert_non_null(text);
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line, *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		if (line[0] == '\0')
			continue;
		size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
		if (strncmp(line, "# TYPE ", 7) == 0) {
			snprintf(declared, sizeof(declared), "%.*s", (int)strcspn(line + 7, " "), line + 7);
			continue;
		}
		if (line[0] == '#')
			continue;
		assert_true(strncmp(line, declared, strlen(declared)) == 0);
		assert_true(name >= strlen(declared));
		const char *value = strrchr(line, ' ');
		assert_non_null(value);
		char *end;
		strtod(value + 1, &end);
		assert_string_equal(end, "");
		assert_true(line[name] == '{' || line[name] == ' ');
	}
	free(text);
}

/* ---- feeds ------------------------------------------------------------------------ */

static const struct status_feed example = {
    .url = "https://user:secret@example.org/rss", .name = "<b>\"Agency\" & 'co'\x1b[31m \xe2\x80\xae", .result = "error",
    .reason = "example.org: HTTP status 500\nforged line", .last_poll = START, .next_poll = BASE_TIME_NONE,
    .failures = 3, .http_status = 500, .entries = 0, .state = "failing", .plan = "backing off\x1b"};

static void foreign_text_is_harmless_everywhere(void **state)
{
	struct world *world = *state;

	assert_int_equal(status_feed_set(world->board, &example), BASE_OK);
	status_set_trouble(world->board, "disk <full>\nforged");
	const char *text = page(world, status_page_status);
	has(text, "\"trouble\":\"disk <full>\\\\nforged\"");
	text = page(world, status_page_feeds);
	has(text, "\"name\":\"<b>\\\"Agency\\\" & 'co'\\\\u001B[31m \\\\u202E\"");
	lacks(text, "\x1b");
	has(text, "\"url\":\"https://example.org/rss\"");
	has(text, "\"last_poll\":\"2026-01-01T00:00:00Z\",\"next_poll\":null");
	has(text, "\"failures\":3,\"http_status\":500,\"entries\":0");
	has(text, "HTTP status 500\\\\nforged line");
	has(text, "\"state\":\"failing\",\"plan\":\"backing off\\\\u001B\"");
	lacks(text, "secret");
}

static void a_feed_remembers_its_last_polls(void **state)
{
	struct world *world = *state;
	struct status_feed feed = {.url = "http://example.org/", .name = "n", .result = "", .took = BASE_TIME_NONE};
	char wanted[1024] = "\"past\":[";

	assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	has(page(world, status_page_feeds), "\"past\":[]");
	for (int i = 0; i < 30; i++) {
		feed.result = i % 3 == 0 ? "error" : i % 3 == 1 ? "new" : "not_modified";
		feed.took = i % 3 == 0 ? BASE_TIME_NONE : i * BASE_SECOND / 4;
		assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	}
	for (int i = 6; i < 30; i++) { /* the last 24 */
		size_t len = strlen(wanted);
		if (i % 3 == 0)
			snprintf(wanted + len, sizeof(wanted) - len, "[\"error\",null]%s", i < 29 ? "," : "]");
		else
			snprintf(wanted + len, sizeof(wanted) - len, "[\"%s\",%g%s]%s", i % 3 == 1 ? "new" : "not_modified", i / 4.0,
			         i % 4 == 0 ? ".0" : "", i < 29 ? "," : "]");
	}
	has(page(world, status_page_feeds), wanted);
	feed.result = ""; /* a reload: the feed is known again, and nothing was polled */
	assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	has(page(world, status_page_feeds), wanted);
}

static void feeds_are_replaced_and_removed_by_url(void **state)
{
	struct world *world = *state;
	char url[64];
	struct status_feed feed = {.url = url, .name = "x", .result = "new", .last_poll = BASE_TIME_NONE, .next_poll = START,
	                           .took = BASE_TIME_NONE};

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			snprintf(url, sizeof(url), "http://host-%d.example/", i);
			feed.entries = (size_t)(1000 * round + i);
			assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
		}
	assert_int_equal(world->board->table.count, 1000);
	has(page(world, status_page_feeds), "{\"feeds\":[{\"url\":\"http://host-0.example/\"");
	has(page(world, status_page_feeds), "\"entries\":1999,\"past\":[[\"new\",null],[\"new\",null]]}],\"listed\":0}\n");
	for (int i = 0; i < 999; i++) {
		snprintf(url, sizeof(url), "http://host-%d.example/", i);
		status_feed_remove(world->board, url);
		status_feed_remove(world->board, url);
	}
	assert_int_equal(world->board->table.count, 1);
	has(page(world, status_page_feeds), "{\"feeds\":[{\"url\":\"http://host-999.example/\"");
	feed.url = "no url at all: user:secret@x";
	assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	lacks(page(world, status_page_feeds), "secret");
}

static void feeds_nobody_asks_for_are_not_kept(void **state)
{
	struct world *world = *state;
	struct status_feed feed = {.url = "http://example.org/", .name = "x", .result = "new", .took = BASE_TIME_NONE};

	assert_true(status_wants_feeds(world->board));
	status_spare_feeds(world->board);
	assert_false(status_wants_feeds(world->board));
	assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	assert_int_equal(world->board->table.count, 0);
	status_feed_remove(world->board, feed.url);
}

static void health_follows_trouble(void **state)
{
	struct world *world = *state;
	bool well = false;

	assert_int_equal(status_page_health(&world->view, &world->page, &well), BASE_OK);
	assert_true(well);
	assert_string_equal(world->page.data, "ok\n");
	status_set_trouble(world->board, "the ledger is locked");
	base_buf_reset(&world->page);
	assert_int_equal(status_page_health(&world->view, &world->page, &well), BASE_OK);
	assert_false(well);
	assert_string_equal(world->page.data, "the ledger is locked\n");
	has(page(world, status_page_status), "\"healthy\":false,\"trouble\":\"the ledger is locked\"");
	status_set_trouble(world->board, NULL);
	base_clock_advance(world->clock, 90 * BASE_SECOND);
	status_alert(world->board, "pause", true);
	const char *text = page(world, status_page_status);
	has(text, "\"started\":\"2026-01-01T00:00:00Z\",\"uptime\":90,\"healthy\":true,\"trouble\":null");
	has(text, "\"alerts\":{\"pause\":{\"first\":1,\"repeat\":0}}");
}

static void nodes_are_shown_with_their_lag(void **state)
{
	struct world *world = *state;
	const struct status_node nodes[] = {
	    {.name = "a", .state = "living", .self = true, .hosts = 2, .feeds = 5, .published = 3, .renewed = BASE_TIME_NONE},
	    {.name = "b", .state = "living", .hosts = 1, .feeds = 4, .published = 11, .renewed = BASE_TIME_NONE},
	    {.name = "c", .state = "dead", .published = 6, .renewed = BASE_TIME_NONE},
	};
	const char *text = page(world, status_page_status);

	has(text, "\"nodes\":[]");
	lacks(page(world, status_page_metrics), "wirewatch_cluster");
	status_set(world->board, STATUS_SEQUENCE, 10);
	status_set(world->board, STATUS_CLUSTER_NODES, 2);
	status_set(world->board, STATUS_CLUSTER_LEASES, 2);
	status_set_nodes(world->board, nodes, 3);
	text = page(world, status_page_status);
	/* This node's own is as its subscribers have it now, not as the database was told. */
	has(text, "{\"name\":\"a\",\"state\":\"living\",\"self\":true,\"hosts\":2,\"feeds\":5,\"renewed\":null,\"published\":10,"
	          "\"lag\":0}");
	has(text, "\"name\":\"b\"");
	has(text, "\"published\":11,\"lag\":0");
	has(text, "\"published\":6,\"lag\":5");
	text = page(world, status_page_metrics);
	has(text, "wirewatch_cluster_nodes 2\n");
	has(text, "wirewatch_cluster_leases 2\n");
	has(text, "wirewatch_cluster_lag{node=\"b\"} 0\n");
	lacks(text, "node=\"c\"");
}

/* ---- threads ----------------------------------------------------------------------- */

#define WRITERS 4
#define ROUNDS 500

static void *write_much(void *ctx)
{
	struct status_board *board = ctx;
	char url[64];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(url, sizeof(url), "http://host-%d.example/", i % 50);
		struct status_feed feed = {.url = url, .name = "x", .last_poll = i, .next_poll = i};
		status_add(board, STATUS_POLLS_NEW, 1);
		status_time(board, STATUS_POLL_LAG, i);
		status_alert(board, "pause", i % 2);
		if (status_feed_set(board, &feed) != BASE_OK)
			return board;
		if (i % 7 == 0)
			status_feed_remove(board, url);
		status_set_trouble(board, i % 2 ? "busy" : NULL);
	}
	return NULL;
}

static void many_threads_write_while_pages_are_made(void **state)
{
	struct world *world = *state;
	pthread_t writers[WRITERS];
	void *failed;
	bool well;

	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, write_much, world->board), 0);
	for (int i = 0; i < 50; i++) {
		page(world, status_page_metrics);
		page(world, status_page_feeds);
		page(world, status_page_status);
		assert_int_equal(status_page_health(&world->view, &world->page, &well), BASE_OK);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writers[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(status_get(world->board, STATUS_POLLS_NEW), WRITERS * ROUNDS);
	has(page(world, status_page_metrics), "wirewatch_poll_lag_seconds_count 2000\n");
	has(page(world, status_page_metrics), "{class=\"pause\",report=\"first\"} 1000\n");
}

#define STEADY 3000

/* New rows for feeds that stay, and feeds that come and go between them. */
static void *replace_rows(void *ctx)
{
	struct world *world = ctx;
	char url[64];

	for (unsigned i = 0; !atomic_load(&world->enough); i++) {
		snprintf(url, sizeof(url), "http://steady/%u", i * 7 % STEADY);
		struct status_feed feed = {.url = url, .name = i % 2 ? "x" : "y", .reason = i % 3 ? "" : "cut"};
		(void)status_feed_set(world->board, &feed);
		snprintf(url, sizeof(url), "http://other/%u", i % 500);
		if (i % 1000 < 500)
			(void)status_feed_set(world->board, &feed);
		else
			status_feed_remove(world->board, url);
	}
	return NULL;
}

static void a_page_has_every_feed_once_while_rows_change(void **state)
{
	struct world *world = *state;
	pthread_t writer;
	char url[64];

	for (unsigned i = 0; i < STEADY; i++) {
		snprintf(url, sizeof(url), "http://steady/%u", i);
		assert_int_equal(status_feed_set(world->board, &(struct status_feed){.url = url, .name = ""}), BASE_OK);
	}
	assert_int_equal(pthread_create(&writer, NULL, replace_rows, world), 0);
	for (int round = 0; round < 8; round++) {
		unsigned char seen[STEADY] = {0};
		size_t count = 0;
		for (const char *at = page(world, status_page_feeds); (at = strstr(at, "\"http://steady/")) != NULL; at++) {
			unsigned long i = strtoul(at + strlen("\"http://steady/"), NULL, 10);
			assert_true(i < STEADY && !seen[i]);
			seen[i] = 1;
			count++;
		}
		assert_int_equal(count, STEADY);
	}
	atomic_store(&world->enough, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
}

static long peak_kb(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

/* The page, as it grows, and what a sanitizer keeps; a tree of it would be thirteen times the page. */
static void a_large_page_takes_little_more_than_itself(void **state)
{
	struct world *world = *state;
	char url[64];
	struct status_feed feed = {.url = url, .name = "name", .result = "not_modified", .took = BASE_SECOND / 3};

	for (int i = 0; i < 20000; i++) {
		snprintf(url, sizeof(url), "http://host-%d.example/news.xml", i);
		for (int k = 0; k < STATUS_HISTORY; k++)
			assert_int_equal(status_feed_set(world->board, &feed), BASE_OK);
	}
	long before = peak_kb();
	size_t len = strlen(page(world, status_page_feeds));
	assert_true(len > 10000000);
	assert_true((peak_kb() - before) * 1024 < 8 * (long)len);
}

/* ---- requests ----------------------------------------------------------------------- */

static enum base_result read_head(const char *text, struct status_request *request)
{
	return status_request_read(base_span_of(text), request);
}

static void request_heads_are_read_strictly(void **state)
{
	static const char *const bad[] = {
	    "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/0.9\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", " / HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://x/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
	    "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	    "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nX-Host: a\r\n\r\n"};
	struct status_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (read_head(bad[i], &request) != BASE_SYNTAX)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(read_head("HEAD /feeds?a=b?c HTTP/1.0\r\nhOST: \t x:1 \r\n\r\n", &request), BASE_OK);
	assert_int_equal(request.method, STATUS_HEAD);
	assert_true(base_span_is(request.path, "/feeds"));
	assert_true(base_span_is(request.query, "a=b?c"));
	assert_true(base_span_is(request.host, "x:1"));
	assert_int_equal(read_head("POST / HTTP/1.0\r\n\r\n", &request), BASE_OK);
	assert_int_equal(request.method, STATUS_OTHER_METHOD);
	assert_null(request.host.ptr);
	assert_int_equal(read_head("GET / HTTP/1.1\r\nHost:\r\n\r\n", &request), BASE_OK); /* there, and empty */
}

static void only_hosts_that_cannot_be_faked_are_allowed(void **state)
{
	static const char *const good[] = {"localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9475", "10.1.2.3:80", "[::1]",
	                                   "[fe80::1]:9475", "myhost", "MyHost:9475", "myhost.local", "MYHOST.Local:80"};
	static const char *const bad[] = {"", ":", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.1",
	                                  "[::1", "[::1]x", "[localhost]", "127.0.0.1:x", "::1", "myhostile", "[]", "myhost:9:9", "myhost.", "myhost.evil.example", "myhost.local.evil.example",
	                                  "myhost.localx", "xmyhost.local", ".local", "myhost.local.", "[myhost]"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!status_host_allowed(base_span_of(good[i]), "myhost"))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (status_host_allowed(base_span_of(bad[i]), "myhost"))
			fail_msg("allowed: %s", bad[i]);
	static const char *const full[] = {"myhost.example.org", "MyHost.example.ORG:9475", "myhost", "myhost.local:80"};
	for (size_t i = 0; i < sizeof(full) / sizeof(*full); i++)
		assert_true(status_host_allowed(base_span_of(full[i]), "myhost.example.org"));
	assert_false(status_host_allowed(base_span_of("myhost.example.com"), "myhost.example.org"));
	assert_false(status_host_allowed(base_span_of("myhost.example"), "myhost.example.org"));
	assert_false(status_host_allowed(BASE_NONE, "myhost"));
	assert_false(status_host_allowed(base_span_of("myhost"), NULL));
	assert_false(status_host_allowed(base_span_of("myhost"), ""));
}

/* ---- sd_notify ------------------------------------------------------------------------ */

static void notified(struct sockaddr_un *address, socklen_t len, const char *name)
{
	char got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	assert_int_equal(status_notify("READY=1\nSTATUS=fine"), BASE_OK);
	ssize_t size = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_int_equal(size, 19);
	assert_string_equal(got, "READY=1\nSTATUS=fine");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void systemd_is_told_by_path_or_abstract_name(void **state)
{
	char folder[] = "/tmp/wirewatch-status-XXXXXX", path[64];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[40];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/notify", folder);
	memcpy(address.sun_path, path, strlen(path) + 1);
	notified(&address, sizeof(address), path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);

	snprintf(name, sizeof(name), "@wirewatch-status-%ld", (long)getpid());
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	notified(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)), name);

	assert_int_equal(status_notify("READY=1"), BASE_OK); /* without systemd: nothing to do */
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(status_notify("READY=1"), BASE_IO);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(status_notify("READY=1"), BASE_INVALID);
	unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_fed_twice_as_often_as_asked(void **state)
{
	char pid[32];

	(void)state;
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(status_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(status_watchdog_interval(), 15 * BASE_SECOND);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(status_watchdog_interval(), 15 * BASE_SECOND);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(status_watchdog_interval(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "-1", 1);
	assert_int_equal(status_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "99999999999999999999999", 1);
	assert_int_equal(status_watchdog_interval(), 0);
	unsetenv("WATCHDOG_USEC");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(metrics_count_what_happens),
	    TEST(histograms_are_cumulative),
	    TEST(metrics_follow_the_text_format),
	    TEST(foreign_text_is_harmless_everywhere),
	    TEST(a_feed_remembers_its_last_polls),
	    TEST(feeds_are_replaced_and_removed_by_url),
	    TEST(feeds_nobody_asks_for_are_not_kept),
	    TEST(health_follows_trouble),
	    TEST(nodes_are_shown_with_their_lag),
	    TEST(many_threads_write_while_pages_are_made),
	    TEST(a_page_has_every_feed_once_while_rows_change),
	    TEST(a_large_page_takes_little_more_than_itself),
	    cmocka_unit_test(request_heads_are_read_strictly),
	    cmocka_unit_test(only_hosts_that_cannot_be_faked_are_allowed),
	    cmocka_unit_test(systemd_is_told_by_path_or_abstract_name),
	    cmocka_unit_test(the_watchdog_is_fed_twice_as_often_as_asked),
	};
	return cmocka_run_group_tests_name("status board", tests, NULL, NULL);
}
