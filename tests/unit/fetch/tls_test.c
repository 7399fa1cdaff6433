/* TLS: verified always, resumed where it may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/fetch/issuers.h"
#include "tests/unit/fetch/names.h"
#include "tests/unit/fetch/tls_server.h"
#include "tests/unit/fetch/world.h"

struct scene {
	struct world *world; /* its server speaks plain HTTP */
	struct tls_server *tls;
};

static const char *loopback(const char *name)
{
	(void)name;
	return "127.0.0.1";
}

static enum server_then plain_answer(void *ctx, const char *path, struct base_buf *out)
{
	(void)ctx;
	(void)path;
	base_buf_add_text(out, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
	return SERVER_KEEP;
}

/* trust NULL: the test server's authority, by its file. */
static void new_fetch(struct scene *scene, struct fetch_trust *trust)
{
	struct fetch_options options = {.timeout = 10 * BASE_SECOND, .max_size = 1000, .max_connections = 20,
	                                .allow = &world_loopback, .allow_count = 1, .trust = trust,
	                                .ca_file = tls_server_ca(scene->tls)};

	world_fetch(scene->world, &options);
}

static int set_up(void **state, int version)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (scene == NULL)
		return -1;
	names_script(loopback);
	scene->world = world_new(plain_answer);
	scene->tls = tls_server_new(version, TLS_KEYS_EC);
	new_fetch(scene, NULL);
	*state = scene;
	return 0;
}

static int set_up_12(void **state)
{
	return set_up(state, TLS1_2_VERSION);
}

static int set_up_13(void **state)
{
	return set_up(state, TLS1_3_VERSION);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	world_free(scene->world);
	tls_server_free(scene->tls);
	free(scene);
	return 0;
}

static struct asked ask(struct scene *scene, const char *host, const char *path)
{
	char url[256];
	struct fetch_request request = {.url = url};

	snprintf(url, sizeof(url), "https://%s:%u%s", host, tls_server_port(scene->tls), path);
	return world_ask(scene->world, &request);
}

static void expect_handshakes(struct scene *scene, size_t full, size_t resumed)
{
	assert_int_equal(tls_server_full(scene->tls), full);
	assert_int_equal(tls_server_resumed(scene->tls), resumed);
}

/* ---- tests ---------------------------------------------------------------------------- */

static void later_polls_resume(void **state)
{
	for (size_t i = 0; i < 5; i++) {
		struct asked asked = ask(*state, "a.feeds.test", "/");
		assert_string_equal(asked.reason, "");
		assert_string_equal(asked.body, "hello");
		expect_handshakes(*state, 1, i);
	}
}

static void each_name_has_its_own_session(void **state)
{
	ask(*state, "a.feeds.test", "/");
	ask(*state, "b.feeds.test", "/");
	expect_handshakes(*state, 2, 0);
	ask(*state, "A.feeds.test", "/"); /* the same name */
	ask(*state, "b.feeds.test", "/");
	expect_handshakes(*state, 2, 2);
}

static void a_certificate_for_another_name_never_passes(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct asked asked = ask(*state, "feeds.example", "/");
		assert_int_equal(asked.error, FETCH_TLS);
		assert_non_null(strstr(asked.reason, "feeds.example"));
	}
	assert_int_equal(ask(*state, "a.feeds.test", "/").error, FETCH_FINE);
	assert_int_equal(ask(*state, "feeds.example", "/").error, FETCH_TLS);
}

static void an_unknown_authority_never_passes(void **state)
{
	struct scene *scene = *state;
	struct fetch_trust *trust;

	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
	assert_int_equal(fetch_trust_new(NULL, NULL, &trust), BASE_OK); /* the system's, which does not know ours */
	new_fetch(scene, trust);
	fetch_trust_free(trust);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_TLS);
	expect_handshakes(scene, 1, 0);
}

/* The server's session keys are the same; what was verified by one bundle is not taken over by another. */
static void other_trust_resumes_nothing(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
	new_fetch(scene, NULL);
	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
	expect_handshakes(scene, 2, 0);
	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
	expect_handshakes(scene, 2, 1);
}

static void trust_is_shared_and_outlives_its_maker(void **state)
{
	struct scene *scene = *state;
	struct fetch_trust *trust;

	assert_int_equal(fetch_trust_new(tls_server_ca(scene->tls), NULL, &trust), BASE_OK);
	new_fetch(scene, trust);
	fetch_trust_free(trust);
	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
}

static void a_bundle_that_cannot_be_read_leaves_nothing_trusted(void **state)
{
	struct scene *scene = *state;
	struct fetch_trust *trust;

	assert_int_equal(fetch_trust_new("/nonexistent/bundle", NULL, &trust), BASE_OK);
	new_fetch(scene, trust);
	fetch_trust_free(trust);
	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_TLS);
}

static void secure_stays_secure(void **state)
{
	struct scene *scene = *state;

	tls_server_redirect(scene->tls, world_url(scene->world, "a.feeds.test", "/"));
	struct asked asked = ask(scene, "a.feeds.test", "/redirect");
	assert_int_equal(asked.error, FETCH_OTHER);
	assert_non_null(strstr(asked.reason, "redirects from https to http, which is not followed"));
	assert_int_equal(server_connections(scene->world->server), 0);
}

static void redirects_resume_too(void **state)
{
	struct scene *scene = *state;

	tls_server_redirect(scene->tls, "/there");
	assert_int_equal(ask(scene, "a.feeds.test", "/redirect").error, FETCH_FINE);
	expect_handshakes(scene, 1, 1);
}

/* The intermediate is the same whatever the name; that it was decoded before makes nobody believe it. */
static void issuers_are_decoded_once_and_verified_each_time(void **state)
{
	struct scene *scene = *state;
	size_t before = fetch_issuers_recognised();
	struct fetch_trust *trust;

	assert_int_equal(ask(scene, "a.feeds.test", "/").error, FETCH_FINE);
	assert_int_equal(fetch_issuers_recognised(), before); /* each server of these tests has an authority of its own */
	assert_int_equal(ask(scene, "b.feeds.test", "/").error, FETCH_FINE);
	assert_int_equal(fetch_issuers_recognised(), before + 1);
	assert_int_equal(fetch_trust_new(NULL, NULL, &trust), BASE_OK); /* the system's, which does not know ours */
	new_fetch(scene, trust);
	fetch_trust_free(trust);
	assert_int_equal(ask(scene, "c.feeds.test", "/").error, FETCH_TLS);
	assert_true(fetch_issuers_recognised() > before + 1);
}

#define BOTH(function)                                                                                                  \
	{#function " (TLS 1.2)", function, set_up_12, tear_down, NULL}, {#function " (TLS 1.3)", function, set_up_13, tear_down, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(later_polls_resume),
	    BOTH(each_name_has_its_own_session),
	    BOTH(a_certificate_for_another_name_never_passes),
	    BOTH(an_unknown_authority_never_passes),
	    BOTH(other_trust_resumes_nothing),
	    BOTH(trust_is_shared_and_outlives_its_maker),
	    BOTH(a_bundle_that_cannot_be_read_leaves_nothing_trusted),
	    BOTH(secure_stays_secure),
	    BOTH(redirects_resume_too),
	    BOTH(issuers_are_decoded_once_and_verified_each_time),
	};
	if (fetch_global_init() != BASE_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("fetch TLS", tests, NULL, NULL);
	fetch_global_cleanup();
	return failed;
}
