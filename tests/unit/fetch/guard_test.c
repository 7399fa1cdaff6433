/* Where the room fetch may be led: by URLs, names, redirects and proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fetch/names.h"
#include "tests/unit/fetch/world.h"

/* 127.0.0.1 is the one public address of these tests. */
static const struct fetch_range one_address = {
    .address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, .prefix_len = 128};

/* ---- what the server and the resolver say -------------------------------------------- */

static size_t asked_about_turns; /* of the names "turns" */

static const char *address_of(const char *name)
{
	if (strncmp(name, "good", 4) == 0 || strcmp(name, "proxy.test") == 0)
		return "127.0.0.1";
	if (strcmp(name, "turns.test") == 0)
		return asked_about_turns++ == 0 ? "127.0.0.1" : "127.0.0.2";
	if (strcmp(name, "both.test") == 0)
		return "10.0.0.1 127.0.0.2 127.0.0.1";
	if (strncmp(name, "hangs", 5) == 0)
		return NAMES_HANG;
	if (strncmp(name, "at-", 3) == 0) /* the address is in the name */
		return name + 3;
	return NULL;
}

static const char *location; /* of the redirect */

static enum server_then answer(void *ctx, const char *path, struct base_buf *out)
{
	(void)ctx;
	if (strstr(path, "/redirect") != NULL)
		base_buf_printf(out, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
	else
		base_buf_add_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	return SERVER_KEEP;
}

/* ---- life ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct world *world = world_new(answer);
	struct fetch_options options = {.timeout = 10 * BASE_SECOND, .max_size = 1000, .max_connections = 200,
	                                .allow = &one_address, .allow_count = 1};

	world_fetch(world, &options);
	names_script(address_of);
	asked_about_turns = 0;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	names_release();
	return 0;
}

static struct asked ask(struct world *world, const char *host, const char *path)
{
	struct fetch_request request = {.url = world_url(world, host, path)};

	return world_ask(world, &request);
}

/* ---- addresses ----------------------------------------------------------------------- */

/* All lead to addresses that are not public, in spellings that some parsers see through and others do not. */
static const char *const near_hosts[] = {
    "127.0.0.2", "2130706434", "0x7f000002", "0x7f.0.0.2", "0177.0.0.2", "017700000002", "127.2", "127.0.2",
    "127.0.0.2.", "0x7f.0.0.2.", "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.2", ("127\xe3\x80\x82" "0.0.2"),
    "10.1.2.3", "167838211", "0xa.1.515", "169.254.169.254", "2852039166", "192.168.1", "0", "0.0.0.0",
    "255.255.255.255", "100.64.0.1", "[::]", "[::1]", "[::2]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::127.0.0.2]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
    "[2002:7f00:2::]", "[fe80::1]", "[fe80::1%251]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]",
    "[2001::1]", "[100::1]", "user:secret@127.0.0.2", "good.test@127.0.0.2",
};

/* Refused, or no host at all to some versions of libcurl; never asked. */
static void expect_refusal(struct world *world, const struct fetch_request *request, const char *what)
{
	struct asked asked = {.base = world->base};

	if (fetch_start(world->fetch, request, world_done, &asked, NULL) == BASE_INVALID)
		return;
	event_base_dispatch(world->base);
	if (asked.error != FETCH_ADDRESS && asked.error != FETCH_NAME && strstr(asked.reason, "URL") == NULL)
		fail_msg("%s: %s %s", what, fetch_error_text(asked.error), asked.reason);
	assert_null(strstr(asked.reason, "secret"));
}

static void near_literals_are_refused_in_every_spelling(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(near_hosts) / sizeof(*near_hosts); i++) {
		struct fetch_request request = {.url = world_url(world, near_hosts[i], "/")};
		expect_refusal(world, &request, near_hosts[i]);
	}
	assert_int_equal(server_connections(world->server), 0);
	assert_int_equal(ask(world, "0x7f.1", "/").error, FETCH_FINE); /* the guard judges the address, not its spelling */
}

static void near_literals_are_refused_as_redirects(void **state)
{
	struct world *world = *state;
	char to[256];

	location = to;
	for (size_t i = 0; i < sizeof(near_hosts) / sizeof(*near_hosts); i++) {
		struct fetch_request request = {.url = world_url(world, "127.0.0.1", "/redirect")};
		snprintf(to, sizeof(to), "http://%s:%u/x", near_hosts[i], server_port(world->server));
		expect_refusal(world, &request, near_hosts[i]);
	}
	assert_null(strstr(server_requests(world->server), "GET /x"));
}

static void names_of_near_addresses_are_refused(void **state)
{
	static const char *const names[] = {"at-127.0.0.2", "at-10.0.0.1", "at-169.254.169.254", "at-100.64.0.1",
	                                    "at-0.0.0.0"};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct asked asked = ask(world, names[i], "/");
		assert_int_equal(asked.error, FETCH_ADDRESS);
		assert_non_null(strstr(asked.reason, "is not allowed (fetch.allow_addresses)"));
	}
	assert_int_equal(server_connections(world->server), 0);
}

static const char *v6_answer;

static const char *a_v6_address(const char *name)
{
	(void)name;
	return v6_answer;
}

static void names_of_near_v6_addresses_are_refused(void **state)
{
	static const char *const answers[] = {"::1", "::ffff:10.0.0.1", "64:ff9b::7f00:2", "2002:a00:1::", "fd00::1",
	                                      "fe80::1", "::1 10.0.0.1"};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		v6_answer = answers[i];
		names_script(a_v6_address);
		assert_int_equal(ask(world, "v6.test", "/").error, FETCH_ADDRESS);
	}
	assert_int_equal(server_connections(world->server), 0);
}

static void of_many_addresses_only_allowed_ones_are_tried(void **state)
{
	struct world *world = *state;

	assert_int_equal(ask(world, "both.test", "/").error, FETCH_FINE);
	assert_int_equal(server_connections(world->server), 1);
}

static void a_name_that_turns_is_refused(void **state)
{
	struct world *world = *state;

	assert_int_equal(ask(world, "turns.test", "/").error, FETCH_FINE);
	struct asked asked = ask(world, "turns.test", "/");
	assert_int_equal(asked.error, FETCH_ADDRESS);
	assert_non_null(strstr(asked.reason, "address 127.0.0.2 is not allowed"));
	asked_about_turns = 0;
	char to[64]; /* and between two hops of one transfer */
	location = to;
	snprintf(to, sizeof(to), "http://turns.test:%u/x", server_port(world->server));
	asked = ask(world, "turns.test", "/redirect");
	assert_int_equal(asked.error, FETCH_ADDRESS);
	assert_null(strstr(server_requests(world->server), "GET /x"));
}

/* ---- credentials --------------------------------------------------------------------- */

static void credentials_stay_with_their_host(void **state)
{
	struct world *world = *state;
	char to[64];

	location = to;
	snprintf(to, sizeof(to), "http://good-other.test:%u/x", server_port(world->server));
	struct asked asked = ask(world, "user:secret@good.test", "/redirect");
	assert_int_equal(asked.error, FETCH_FINE);
	const char *second = strstr(server_requests(world->server), "GET /x");
	assert_non_null(strstr(server_requests(world->server), "Authorization: Basic"));
	assert_non_null(second);
	assert_null(strstr(second, "Authorization"));
	assert_null(strstr(second, "Referer"));
	assert_null(strstr(asked.final_url, "secret"));
	location = "/y";
	ask(world, "user:secret@good.test", "/redirect"); /* within the host they go along */
	assert_non_null(strstr(strstr(server_requests(world->server), "GET /y"), "Authorization: Basic"));
}

/* ---- proxies ------------------------------------------------------------------------- */

static void proxies_of_the_environment_do_not_matter(void **state)
{
	struct world *world = *state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	assert_int_equal(ask(world, "good.test", "/").error, FETCH_FINE);
	assert_non_null(strstr(server_requests(world->server), "GET / HTTP/1.1"));
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void through_proxy(struct world *world)
{
	struct fetch_options options = {.timeout = 10 * BASE_SECOND, .max_size = 1000, .max_connections = 20,
	                                .proxy = world_url(world, "proxy.test", "")};

	world_fetch(world, &options);
}

static void a_proxy_is_trusted_with_names_alone(void **state)
{
	struct world *world = *state;

	through_proxy(world);
	setenv("no_proxy", "*", 1);
	assert_int_equal(ask(world, "at-10.0.0.1", "/name").error, FETCH_FINE); /* not looked up here */
	unsetenv("no_proxy");
	assert_int_equal(names_looked_up(), 1);
	assert_non_null(strstr(server_requests(world->server), "GET http://at-10.0.0.1:"));
	size_t before = server_connections(world->server);
	for (size_t i = 0; i < sizeof(near_hosts) / sizeof(*near_hosts); i++) {
		struct fetch_request request = {.url = world_url(world, near_hosts[i], "/")};
		expect_refusal(world, &request, near_hosts[i]);
	}
	assert_int_equal(ask(world, "localhost", "/").error, FETCH_ADDRESS);
	assert_int_equal(ask(world, "a.LOCALHOST.", "/").error, FETCH_ADDRESS);
	assert_int_equal(server_connections(world->server), before);
	location = "http://169.254.169.254/x";
	assert_int_equal(ask(world, "good.test", "/redirect").error, FETCH_ADDRESS);
	location = "http://0x7f.2/x";
	assert_int_equal(ask(world, "good.test", "/redirect").error, FETCH_ADDRESS);
	assert_null(strstr(server_requests(world->server), "/x "));
}

static void only_http_proxies_are_taken(void **state)
{
	static const char *const proxies[] = {"socks5://127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1:1", "http://", ""};
	struct world *world = *state;
	struct fetch_options options = {.timeout = BASE_SECOND, .max_size = 1000, .max_connections = 20};
	struct fetch *fetch;

	for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) {
		options.proxy = proxies[i];
		assert_int_equal(fetch_new(world->base, &options, &fetch), BASE_INVALID);
	}
}

/* ---- a resolver that hangs ------------------------------------------------------------- */

#define MANY 100
#define AT_ONCE 64

struct crowd {
	struct event_base *base;
	size_t slow;
	base_time last_tick, longest;
	struct base_clock *clock;
};

static void one_of_many(void *ctx, const struct fetch_reply *reply)
{
	struct crowd *crowd = ctx;

	assert_int_equal(reply->error, FETCH_SLOW);
	assert_non_null(strstr(reply->reason, "looking up the name"));
	if (++crowd->slow == AT_ONCE)
		event_base_loopbreak(crowd->base);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct crowd *crowd = ctx;
	base_time now = base_clock_monotonic(crowd->clock);

	(void)fd;
	(void)what;
	if (now - crowd->last_tick > crowd->longest)
		crowd->longest = now - crowd->last_tick;
	crowd->last_tick = now;
}

static void a_resolver_that_hangs_neither_stalls_nor_piles_up(void **state)
{
	struct world *world = *state;
	struct fetch_options options = {.timeout = 200 * 1000, .max_size = 1000, .max_connections = 200};
	struct crowd crowd = {.base = world->base};
	struct timeval often = {.tv_usec = 10000};
	struct event *tick = event_new(world->base, -1, EV_PERSIST, on_tick, &crowd);

	assert_int_equal(base_clock_new_system(&crowd.clock), BASE_OK);
	world_fetch(world, &options);
	crowd.last_tick = base_clock_monotonic(crowd.clock);
	event_add(tick, &often);
	for (int i = 0; i < MANY; i++) {
		char host[32];
		snprintf(host, sizeof(host), "hangs-%d.test", i);
		struct fetch_request request = {.url = world_url(world, host, "/")};
		assert_int_equal(fetch_start(world->fetch, &request, one_of_many, &crowd, NULL), BASE_OK);
	}
	event_base_dispatch(world->base);
	assert_int_equal(crowd.slow, AT_ONCE);
	assert_true(names_most_at_once() <= AT_ONCE);
	assert_int_equal(fetch_running(world->fetch), MANY - AT_ONCE); /* they wait for threads to end */
	struct asked asked = {.base = world->base};
	struct fetch_request nameless = {.url = world_url(world, "10.0.0.1", "/")}; /* but not this one */
	assert_int_equal(fetch_start(world->fetch, &nameless, world_done, &asked, NULL), BASE_OK);
	event_base_dispatch(world->base);
	assert_int_equal(asked.error, FETCH_ADDRESS);
	fetch_free(world->fetch);
	world->fetch = NULL;
	on_tick(-1, 0, &crowd);
	assert_true(crowd.longest < 2 * BASE_SECOND); /* a resolver's own patience is longer */
	event_free(tick);
	base_clock_free(crowd.clock);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(near_literals_are_refused_in_every_spelling),
	    TEST(near_literals_are_refused_as_redirects),
	    TEST(names_of_near_addresses_are_refused),
	    TEST(names_of_near_v6_addresses_are_refused),
	    TEST(of_many_addresses_only_allowed_ones_are_tried),
	    TEST(a_name_that_turns_is_refused),
	    TEST(credentials_stay_with_their_host),
	    TEST(proxies_of_the_environment_do_not_matter),
	    TEST(a_proxy_is_trusted_with_names_alone),
	    TEST(only_http_proxies_are_taken),
	    TEST(a_resolver_that_hangs_neither_stalls_nor_piles_up),
	};
	if (fetch_global_init() != BASE_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("fetch guard", tests, NULL, NULL);
	fetch_global_cleanup();
	return failed;
}
