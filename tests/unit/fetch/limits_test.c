/* Replies that mean ill: each ends within its limit, with one clear line, and memory stays flat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/fetch/bombs.h"
#include "tests/unit/fetch/world.h"

#define LARGEST ((size_t)1 << 20)
#define TIMEOUT (3 * BASE_SECOND)
/* The body's buffer doubles, so it may be there in two sizes at once; windows of decoders come on top. */
#define MEMORY_KIB 8192

/* A sanitizer's own memory grows with what is freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_COUNTS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_COUNTS false
#endif
#endif
#ifndef MEMORY_COUNTS
#define MEMORY_COUNTS true
#endif

static unsigned port;

static enum server_then no_answer(void *ctx, const char *path, struct base_buf *out)
{
	(void)ctx;
	(void)path;
	(void)out;
	return SERVER_CLOSE;
}

static int set_up(void **state)
{
	struct world *world = world_new(no_answer);
	struct fetch_options options = {.timeout = TIMEOUT, .max_size = LARGEST, .max_connections = 20,
	                                .allow = &world_loopback, .allow_count = 1};

	world_fetch(world, &options);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static long most_memory(void) /* so far, KiB */
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static struct asked ask(struct world *world, const char *path)
{
	char url[128];
	struct fetch_request request = {.url = url};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	return world_ask(world, &request);
}

static void expect(struct world *world, const char *path, enum fetch_error error, const char *line)
{
	struct base_clock *clock;

	assert_int_equal(base_clock_new_system(&clock), BASE_OK);
	long memory = most_memory();
	base_time start = base_clock_monotonic(clock);
	struct asked asked = ask(world, path);
	base_time took = base_clock_monotonic(clock) - start;
	base_clock_free(clock);
	if (asked.error != error || strstr(asked.reason, line) == NULL)
		fail_msg("%s: %s: %s", path, fetch_error_text(asked.error), asked.reason);
	if (took > TIMEOUT + 2 * BASE_SECOND)
		fail_msg("%s took %lld us", path, (long long)took);
	if (MEMORY_COUNTS && most_memory() - memory > MEMORY_KIB)
		fail_msg("%s took %ld KiB", path, most_memory() - memory);
	assert_null(strchr(asked.reason, '\n'));
}

static void bodies_end_at_the_limit(void **state)
{
	static const char *const paths[] = {"/10-gigabytes", "/announced", "/chunks", "/gzip", "/nested", "/nothing"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		expect(*state, paths[i], FETCH_TOO_LARGE, "the body is larger than 1048576 bytes (fetch.max_size)");
}

/* What is decoded without having been asked for, or not decoded at all. */
static void other_encodings_end_too(void **state)
{
	bool decodes = (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_BROTLI) != 0;

	expect(*state, "/brotli", decodes ? FETCH_TOO_LARGE : FETCH_OTHER, decodes ? "fetch.max_size" : "encoding");
	expect(*state, "/many-nested", FETCH_OTHER, "encod");
}

static void headers_end_at_the_limit(void **state)
{
	static const char *const paths[] = {"/header-lines", "/interim"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		expect(*state, paths[i], FETCH_TOO_LARGE, "the header is too large");
	expect(*state, "/header-line", FETCH_TOO_LARGE, "the header is too large");
	expect(*state, "/status-line", FETCH_TOO_LARGE, "the header is too large");
	expect(*state, "/trailers", FETCH_TOO_LARGE, "the header is too large");
}

static void what_never_ends_is_slow(void **state)
{
	expect(*state, "/drip", FETCH_SLOW, "while reading the reply");
	expect(*state, "/header-drip", FETCH_SLOW, "timed out");
	expect(*state, "/chunk-extension", FETCH_SLOW, "while reading the reply");
}

static void errors_are_not_read(void **state)
{
	expect(*state, "/error", FETCH_STATUS, "HTTP status 500");
}

static void circles_end(void **state)
{
	expect(*state, "/loop", FETCH_OTHER, "too many redirects");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(bodies_end_at_the_limit),
	    TEST(other_encodings_end_too),
	    TEST(headers_end_at_the_limit),
	    TEST(what_never_ends_is_slow),
	    TEST(errors_are_not_read),
	    TEST(circles_end),
	};
	pid_t child;

	port = bombs_start(&child);
	if (fetch_global_init() != BASE_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("fetch limits", tests, NULL, NULL);
	fetch_global_cleanup();
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return failed;
}
