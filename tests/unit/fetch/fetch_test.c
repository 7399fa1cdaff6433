/* The room fetch against a scripted server in the same event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fetch/script.h"
#include "tests/unit/fetch/world.h"

static const char *url_of(const struct world *world, const char *path)
{
	return world_url(world, "127.0.0.1", path);
}

static struct asked ask(struct world *world, const char *path)
{
	struct fetch_request request = {.url = url_of(world, path)};

	return world_ask(world, &request);
}

/* ---- life ------------------------------------------------------------------------ */

static void new_fetch(struct world *world, base_time timeout, unsigned connections, size_t allow_count)
{
	struct fetch_options options = {.timeout = timeout, .max_size = MAX_SIZE, .max_connections = connections,
	                                .allow = &world_loopback, .allow_count = allow_count};

	world_fetch(world, &options);
}

static int set_up(void **state)
{
	struct world *world = world_new(script_answer);

	new_fetch(world, 10 * BASE_SECOND, 20, 1);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

/* ---- tests ------------------------------------------------------------------------ */

static void a_body_arrives(void **state)
{
	struct asked asked = ask(*state, "/plain");

	assert_int_equal(asked.error, FETCH_FINE);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.body, "hello");
	assert_string_equal(asked.reason, "");
	assert_string_equal(asked.etag, "(none)");
	assert_string_equal(asked.final_url, url_of(*state, "/plain"));
	assert_true(asked.received > 0);
	asked = ask(*state, "/empty");
	assert_int_equal(asked.error, FETCH_FINE);
	assert_string_equal(asked.body, "");
	asked = ask(*state, "/gzip");
	assert_int_equal(asked.error, FETCH_FINE);
	assert_string_equal(asked.body, "unpacked text");
}

static void requests_are_constant_and_say_who_asks(void **state)
{
	struct world *world = *state;
	char *first;

	ask(world, "/redirect/twice");
	assert_non_null(strstr(server_requests(world->server), "\r\nUser-Agent: wirewatchd/"));
	assert_non_null(strstr(server_requests(world->server), "\r\nAccept: application/atom+xml, "));
	assert_non_null(strstr(server_requests(world->server), "\r\nAccept-Encoding: gzip\r\n"));
	assert_null(strstr(server_requests(world->server), "Cookie"));
	assert_null(strstr(server_requests(world->server), "Referer"));
	assert_null(strstr(server_requests(world->server), "If-"));
	assert_null(strstr(server_requests(world->server), "part"));
	assert_null(strstr(server_requests(world->server), "A-IM"));
	assert_non_null(strstr(server_requests(world->server), "GET /plain?final=1 HTTP/1.1\r\n"));
	assert_null(strstr(server_requests(world->server), "HEAD "));
	first = strdup(server_requests(world->server));
	assert_non_null(first);
	server_forget(world->server);
	ask(world, "/redirect/twice");
	assert_string_equal(server_requests(world->server), first);
	free(first);
}

static void validators_go_back_byte_for_byte(void **state)
{
	struct world *world = *state;
	struct fetch_request request = {.url = url_of(world, "/304"), .etag = ETAG, .last_modified = LAST_MODIFIED};
	struct asked asked = ask(world, "/validators");

	assert_string_equal(asked.etag, ETAG);
	assert_string_equal(asked.last_modified, LAST_MODIFIED);
	assert_string_equal(asked.content_type, "application/rss+xml");
	assert_int_equal(asked.max_age, 200 * BASE_SECOND);
	request.url = url_of(world, "/304");
	asked = world_ask(world, &request);
	assert_non_null(strstr(server_requests(world->server), "\r\nIf-None-Match: " ETAG "\r\n"));
	assert_non_null(strstr(server_requests(world->server), "\r\nIf-Modified-Since: " LAST_MODIFIED "\r\n"));
	assert_int_equal(asked.error, FETCH_FINE);
	assert_int_equal(asked.status, 304);
	assert_string_equal(asked.etag, "\"new\"");
	assert_string_equal(asked.body, "(none)");
}

static void validators_cannot_smuggle_headers(void **state)
{
	struct world *world = *state;
	struct fetch_request request = {.url = url_of(world, "/plain"), .etag = "a\r\nX-Smuggled: 1", .last_modified = ""};
	struct asked asked = world_ask(world, &request);

	assert_int_equal(asked.error, FETCH_FINE);
	assert_null(strstr(server_requests(world->server), "Smuggled"));
	assert_null(strstr(server_requests(world->server), "If-"));
}

static void redirects_are_followed_within_bounds(void **state)
{
	struct world *world = *state;
	struct asked asked = ask(world, "/redirect/twice");

	assert_int_equal(asked.error, FETCH_FINE);
	assert_string_equal(asked.body, "hello");
	assert_string_equal(asked.etag, "(none)");
	assert_string_equal(asked.final_url, url_of(world, "/plain?final=1"));
	asked = ask(world, "/redirect/loop");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_non_null(strstr(asked.reason, "too many redirects"));
	asked = ask(world, "/redirect/file");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_non_null(strstr(asked.reason, "other than http or https"));
	asked = ask(world, "/redirect/ftp");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_null(strstr(asked.reason, "secret"));
	assert_null(strstr(asked.final_url, "secret"));
}

static void expect_hops(struct world *world, const char *path, unsigned redirects, unsigned permanent, const char *moved_to)
{
	struct asked asked = ask(world, path);

	assert_int_equal(asked.error, FETCH_FINE);
	assert_int_equal(asked.redirects, redirects);
	assert_int_equal(asked.permanent, permanent);
	assert_string_equal(asked.moved_to, moved_to != NULL ? url_of(world, moved_to) : "(none)");
}

static void permanent_redirects_are_told_from_others(void **state)
{
	expect_hops(*state, "/hops/", 0, 0, NULL);
	expect_hops(*state, "/hops/301", 1, 1, "/hops/");
	expect_hops(*state, "/hops/308,301", 2, 2, "/hops/");
	expect_hops(*state, "/hops/301,302", 2, 1, "/hops/302");
	expect_hops(*state, "/hops/301,308,307,301", 4, 2, "/hops/307,301");
	expect_hops(*state, "/hops/302,301", 2, 0, NULL);
	expect_hops(*state, "/hops/303", 1, 0, NULL);
	expect_hops(*state, "/hops/307", 1, 0, NULL);
	expect_hops(*state, "/hops/301,301,301,301,301,301,301,301,301,301", 10, 10, "/hops/");
	char url[128]; /* a new address would be one without the password */
	struct fetch_request request = {.url = url};
	snprintf(url, sizeof(url), "http://user:secret@%s", url_of(*state, "/hops/301") + strlen("http://"));
	struct asked asked = world_ask(*state, &request);
	assert_int_equal(asked.permanent, 1);
	assert_string_equal(asked.moved_to, "(none)");
	asked = ask(*state, "/hops/301,301,301,301,301,301,301,301,301,301,301");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_non_null(strstr(asked.reason, "too many redirects"));
}

static void differences_are_taken_where_they_were_offered(void **state)
{
	struct world *world = *state;
	struct fetch_request request = {.url = url_of(world, "/226"), .etag = "\"old\""};
	struct asked asked = world_ask(world, &request);

	assert_non_null(strstr(server_requests(world->server), "\r\nA-IM: feed\r\n"));
	assert_int_equal(asked.error, FETCH_FINE);
	assert_int_equal(asked.status, 226);
	assert_string_equal(asked.body, "new");
	assert_string_equal(asked.etag, "\"new\"");
	server_forget(world->server);
	asked = ask(world, "/226");
	assert_null(strstr(server_requests(world->server), "A-IM"));
	assert_int_equal(asked.error, FETCH_STATUS);
	assert_non_null(strstr(asked.reason, "HTTP status 226 to a request without conditions"));
	assert_string_equal(asked.body, "(none)");
}

static void a_challenge_is_no_document(void **state)
{
	static const char *const paths[] = {"/challenge", "/challenge-200"};

	for (size_t i = 0; i < 2; i++) {
		struct asked asked = ask(*state, paths[i]);
		assert_int_equal(asked.error, FETCH_BLOCKED);
		assert_non_null(strstr(asked.reason, ": blocked: HTTP status "));
		assert_string_equal(asked.body, "(none)");
		assert_string_equal(asked.etag, "(none)");
		assert_int_equal(asked.retry_after, BASE_MINUTE);
	}
}

static void near_addresses_are_refused_on_every_hop(void **state)
{
	struct world *world = *state;
	struct asked asked = ask(world, "/redirect/private");

	assert_int_equal(asked.error, FETCH_ADDRESS);
	assert_non_null(strstr(asked.reason, "redirected to 10.0.0.1: address 10.0.0.1 is not allowed"));
	asked = ask(world, "/redirect/metadata");
	assert_int_equal(asked.error, FETCH_ADDRESS);
	assert_non_null(strstr(asked.reason, "address 169.254.169.254 is not allowed"));
	size_t before = server_connections(world->server);
	new_fetch(world, 10 * BASE_SECOND, 20, 0);
	asked = ask(world, "/plain");
	assert_int_equal(asked.error, FETCH_ADDRESS);
	assert_int_equal(server_connections(world->server), before);
}

static void sizes_are_limited_as_they_arrive(void **state)
{
	struct asked asked = ask(*state, "/exact");

	assert_int_equal(asked.error, FETCH_FINE);
	assert_int_equal(asked.body_len, MAX_SIZE);
	asked = ask(*state, "/large");
	assert_int_equal(asked.error, FETCH_TOO_LARGE);
	assert_string_equal(asked.body, "(none)");
	asked = ask(*state, "/bomb");
	assert_int_equal(asked.error, FETCH_TOO_LARGE);
	assert_non_null(strstr(asked.reason, "larger than 100000 bytes"));
	asked = ask(*state, "/headers");
	assert_int_equal(asked.error, FETCH_TOO_LARGE);
	assert_non_null(strstr(asked.reason, "header"));
}

static void servers_that_fail_get_a_clear_line(void **state)
{
	struct asked asked = ask(*state, "/500");

	assert_int_equal(asked.error, FETCH_STATUS);
	assert_int_equal(asked.status, 500);
	assert_non_null(strstr(asked.reason, ": HTTP status 500"));
	assert_string_equal(asked.body, "(none)");
	assert_string_equal(asked.etag, "(none)");
	asked = ask(*state, "/500-hang"); /* nobody waits for the rest of an error */
	assert_int_equal(asked.error, FETCH_STATUS);
	asked = ask(*state, "/503");
	assert_int_equal(asked.error, FETCH_STATUS);
	assert_int_equal(asked.retry_after, 120 * BASE_SECOND);
	asked = ask(*state, "/206");
	assert_int_equal(asked.error, FETCH_STATUS);
	asked = ask(*state, "/304");
	assert_int_equal(asked.error, FETCH_STATUS);
	asked = ask(*state, "/no-http");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_non_null(strstr(asked.reason, "the reply is not HTTP"));
}

static void a_reply_cut_short_is_told_apart(void **state)
{
	struct asked asked = ask(*state, "/cut");

	assert_int_equal(asked.error, FETCH_CUT);
	assert_string_equal(asked.body, "only this");
	assert_string_equal(asked.etag, "(none)");
	asked = ask(*state, "/cut-chunk");
	assert_int_equal(asked.error, FETCH_CUT);
	asked = ask(*state, "/nothing");
	assert_int_equal(asked.error, FETCH_CUT);
	assert_string_equal(asked.body, "(none)");
}

static void a_trailer_does_not_speak_for_the_header(void **state)
{
	struct asked asked = ask(*state, "/trailer");

	assert_int_equal(asked.error, FETCH_FINE);
	assert_string_equal(asked.etag, "\"real\"");
	assert_string_equal(asked.last_modified, "(none)");
}

static void a_server_that_hangs_is_slow(void **state)
{
	struct asked asked;
	double seconds;

	new_fetch(*state, 100 * 1000, 20, 1);
	asked = ask(*state, "/hang");
	assert_int_equal(sscanf(asked.reason, "%*[^:]:%*d: timed out after %lf s", &seconds), 1);
	assert_true(seconds < 3); /* and not the 15 s or 30 s of the other limits */
	assert_int_equal(asked.error, FETCH_SLOW);
	assert_int_equal(asked.received, BASE_TIME_NONE);
	assert_non_null(strstr(asked.reason, "s while waiting for the reply"));
	asked = ask(*state, "/hang-body");
	assert_int_equal(asked.error, FETCH_SLOW);
	assert_non_null(strstr(asked.reason, "s while reading the reply"));
}

static void a_closed_port_refuses(void **state)
{
	struct world *world = *state;
	char url[128];
	struct fetch_request request = {.url = url};
	/* A port that was free a moment ago. */
	struct server *gone = server_new(world->base, script_answer, &world->hung);

	snprintf(url, sizeof(url), "http://user:secret@127.0.0.1:%u/", server_port(gone));
	server_free(gone);
	struct asked asked = world_ask(world, &request);
	assert_int_equal(asked.error, FETCH_CONNECT);
	assert_non_null(strstr(asked.reason, "connection refused"));
	assert_null(strstr(asked.reason, "secret"));
	assert_null(strstr(asked.final_url, "secret"));
}

static void names_that_are_none_do_not_resolve(void **state)
{
	struct fetch_request request = {.url = "http://no-such-host.invalid/"};
	struct asked asked = world_ask(*state, &request);

	assert_int_equal(asked.error, FETCH_NAME);
	assert_string_equal(asked.reason, "no-such-host.invalid: the host name cannot be resolved");
}

static void tls_to_a_plain_server_fails_as_tls(void **state)
{
	struct world *world = *state;
	char url[64];
	struct fetch_request request = {.url = url};

	new_fetch(world, BASE_SECOND, 20, 1);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", server_port(world->server));
	/* The server waits for the end of a request that never comes, or closes: slow or TLS, but never fine. */
	struct asked asked = world_ask(world, &request);
	assert_true(asked.error == FETCH_TLS || asked.error == FETCH_SLOW);
}

static void impossible_urls_are_refused_at_once(void **state)
{
	static const char *const urls[] = {"", "ftp://example.org/", "file:///etc/passwd", "example.org/rss", "http://",
	                                   "javascript:1", "http:///x", "http://a b/", "http://[::1/"};
	struct world *world = *state;
	char *longest = malloc(9000);

	assert_non_null(longest);
	memset(longest, 'a', 8999);
	longest[8999] = '\0';
	memcpy(longest, "http://", 7);
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct fetch_request request = {.url = urls[i]};
		if (fetch_start(world->fetch, &request, world_done, NULL, NULL) != BASE_INVALID)
			fail_msg("'%s' was taken", urls[i]);
	}
	struct fetch_request request = {.url = longest};
	assert_int_equal(fetch_start(world->fetch, &request, world_done, NULL, NULL), BASE_INVALID);
	free(longest);
	assert_int_equal(fetch_running(world->fetch), 0);
}

/* ---- many at once ----------------------------------------------------------------- */

#define MANY 200

struct crowd {
	struct event_base *base;
	struct fetch *fetch;
	size_t fine, left;
	struct fetch_transfer *victim; /* cancelled by the first to end */
};

static void one_of_many(void *ctx, const struct fetch_reply *reply)
{
	struct crowd *crowd = ctx;

	crowd->fine += reply->error == FETCH_FINE && base_span_is(reply->body, "hello");
	if (crowd->victim != NULL)
		fetch_cancel(crowd->fetch, crowd->victim);
	crowd->victim = NULL;
	if (--crowd->left == 0)
		event_base_loopbreak(crowd->base);
}

static void two_hundred_at_once_use_few_connections(void **state)
{
	struct world *world = *state;
	struct crowd crowd = {.base = world->base, .fetch = world->fetch, .left = MANY};
	struct fetch_request request = {.url = url_of(world, "/plain")};

	for (int i = 0; i < MANY; i++)
		assert_int_equal(fetch_start(world->fetch, &request, one_of_many, &crowd, NULL), BASE_OK);
	assert_int_equal(fetch_running(world->fetch), MANY);
	event_base_dispatch(world->base);
	assert_int_equal(crowd.fine, MANY);
	assert_true(server_most_open(world->server) <= 20);
}

static void cancelled_transfers_are_silent(void **state)
{
	struct world *world = *state;
	struct crowd crowd = {.base = world->base, .fetch = world->fetch, .left = 2};
	struct fetch_request hang = {.url = url_of(world, "/hang")};
	struct fetch_transfer *under_way, *waiting;
	struct asked never = {.base = world->base};

	new_fetch(world, 10 * BASE_SECOND, 2, 1);
	crowd.fetch = world->fetch;
	assert_int_equal(fetch_start(world->fetch, &hang, world_done, &never, &under_way), BASE_OK);
	while (world->hung == 0)
		event_base_loop(world->base, EVLOOP_ONCE);
	/* one more connection, then one that waits, then one cancelled by another's end */
	struct fetch_request plain = {.url = url_of(world, "/plain")};
	assert_int_equal(fetch_start(world->fetch, &plain, one_of_many, &crowd, NULL), BASE_OK);
	assert_int_equal(fetch_start(world->fetch, &plain, world_done, &never, &waiting), BASE_OK);
	assert_int_equal(fetch_start(world->fetch, &plain, one_of_many, &crowd, NULL), BASE_OK);
	fetch_cancel(world->fetch, waiting);
	crowd.victim = under_way;
	event_base_dispatch(world->base);
	assert_int_equal(crowd.fine, 2);
	assert_int_equal(never.done, 0);
	assert_int_equal(fetch_running(world->fetch), 0);
}

static void freeing_ends_what_is_under_way(void **state)
{
	struct world *world = *state;
	struct asked never = {.base = world->base};
	struct fetch_request hang = {.url = url_of(world, "/hang")};
	struct fetch_request nowhere = {.url = "http://no-such-host.invalid/"};

	for (int i = 0; i < 30; i++)
		assert_int_equal(fetch_start(world->fetch, i % 5 ? &hang : &nowhere, world_done, &never, NULL), BASE_OK);
	while (world->hung < 10)
		event_base_loop(world->base, EVLOOP_ONCE);
	int before = never.done;
	fetch_free(world->fetch);
	world->fetch = NULL;
	event_base_loop(world->base, EVLOOP_NONBLOCK);
	assert_int_equal(never.done, before);
}

/* done may start the next transfer: the loop of a poller. */
struct chain {
	struct event_base *base;
	struct fetch *fetch;
	const char *url;
	base_time again;
	int left;
};

static void next_in_chain(void *ctx, const struct fetch_reply *reply)
{
	struct chain *chain = ctx;
	struct fetch_request request = {.url = chain->url, .again = chain->again};

	assert_int_equal(reply->error, FETCH_FINE);
	if (--chain->left == 0)
		event_base_loopbreak(chain->base);
	else
		assert_int_equal(fetch_start(chain->fetch, &request, next_in_chain, chain, NULL), BASE_OK);
}

static size_t connections_of_a_chain(struct world *world, base_time again)
{
	struct chain chain = {
	    .base = world->base, .fetch = world->fetch, .url = url_of(world, "/plain"), .again = again, .left = 20};
	struct fetch_request request = {.url = chain.url, .again = again};
	size_t before = server_connections(world->server);

	assert_int_equal(fetch_start(world->fetch, &request, next_in_chain, &chain, NULL), BASE_OK);
	event_base_dispatch(world->base);
	assert_int_equal(chain.left, 0);
	return server_connections(world->server) - before;
}

static void connections_are_kept_for_a_poll_that_is_near(void **state)
{
	assert_int_equal(connections_of_a_chain(*state, BASE_SECOND), 1);
	assert_int_equal(connections_of_a_chain(*state, 59 * BASE_SECOND), 0);
	new_fetch(*state, 10 * BASE_SECOND, 20, 1);
	assert_int_equal(connections_of_a_chain(*state, BASE_MINUTE), 20);
	assert_int_equal(connections_of_a_chain(*state, 0), 20);
}

/* Descriptors are used again as soon as they are closed: what is watched must be the new connection. */
static void kept_connections_may_close_at_any_time(void **state)
{
	struct world *world = *state;
	struct fetch_request request = {.url = url_of(world, "/plain"), .again = BASE_SECOND};

	for (int i = 0; i < 12; i++) {
		size_t before = server_connections(world->server);
		assert_int_equal(world_ask(world, &request).error, FETCH_FINE);
		assert_int_equal(server_connections(world->server) - before, i % 3 == 2 ? 0 : 1);
		if (i % 3 == 1)
			continue; /* it is used once more */
		int watched = event_base_get_num_events(world->base, EVENT_BASE_COUNT_ADDED);
		server_hang_up(world->server);
		if (i % 3 == 0) {
			for (int turn = 0; turn < 3; turn++)
				event_base_loop(world->base, EVLOOP_NONBLOCK);
			/* ours and the server's: a closed connection does not wake the loop for ever */
			assert_int_equal(event_base_get_num_events(world->base, EVENT_BASE_COUNT_ADDED), watched - 2);
		}
	}
}

static void public_urls_hold_no_secrets(void **state)
{
	struct base_buf buf;

	(void)state;
	base_buf_init(&buf, 256);
	assert_int_equal(fetch_public_url("https://user:secret@example.org:8443/rss?a=b#part", &buf), BASE_OK);
	assert_string_equal(buf.data, "https://example.org:8443/rss?a=b");
	assert_int_equal(fetch_public_url("http://", &buf), BASE_INVALID);
	base_buf_free(&buf);
}

static void errors_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < FETCH_ERROR_COUNT; i++)
		assert_non_null(fetch_error_text((enum fetch_error)i));
	assert_string_equal(fetch_error_text(FETCH_TLS), "tls");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_body_arrives),
	    TEST(requests_are_constant_and_say_who_asks),
	    TEST(validators_go_back_byte_for_byte),
	    TEST(validators_cannot_smuggle_headers),
	    TEST(redirects_are_followed_within_bounds),
	    TEST(permanent_redirects_are_told_from_others),
	    TEST(differences_are_taken_where_they_were_offered),
	    TEST(a_challenge_is_no_document),
	    TEST(near_addresses_are_refused_on_every_hop),
	    TEST(sizes_are_limited_as_they_arrive),
	    TEST(servers_that_fail_get_a_clear_line),
	    TEST(a_reply_cut_short_is_told_apart),
	    TEST(a_trailer_does_not_speak_for_the_header),
	    TEST(a_server_that_hangs_is_slow),
	    TEST(a_closed_port_refuses),
	    TEST(names_that_are_none_do_not_resolve),
	    TEST(tls_to_a_plain_server_fails_as_tls),
	    TEST(impossible_urls_are_refused_at_once),
	    TEST(two_hundred_at_once_use_few_connections),
	    TEST(cancelled_transfers_are_silent),
	    TEST(freeing_ends_what_is_under_way),
	    TEST(connections_are_kept_for_a_poll_that_is_near),
	    TEST(kept_connections_may_close_at_any_time),
	    TEST(public_urls_hold_no_secrets),
	    TEST(errors_have_names),
	};
	if (fetch_global_init() != BASE_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
	fetch_global_cleanup();
	return failed;
}
