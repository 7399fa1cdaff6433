/*
 * What a fetch costs: processor time of this process for each transfer, with
 * the server in another process. Loopback, plain HTTP.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fetch/server.h"
#include "wirewatch/fetch.h"

#define BODY 65536
#define TRANSFERS 20000

struct run {
	struct event_base *base;
	struct fetch *fetch;
	struct fetch_request request;
	size_t to_start, to_end, failed;
};

static enum server_then answer(void *ctx, const char *path, struct base_buf *out)
{
	bool close = strstr(path, "close") != NULL;

	(void)ctx;
	if (strstr(path, "304") != NULL) {
		base_buf_printf(out, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n%s\r\n", close ? "Connection: close\r\n" : "");
	} else {
		base_buf_printf(out, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: %d\r\n%s\r\n", BODY,
		                close ? "Connection: close\r\n" : "");
		base_buf_reserve(out, BODY);
		for (int i = 0; i < BODY / 16; i++)
			base_buf_add_text(out, "<item>news</item");
	}
	return close ? SERVER_CLOSE : SERVER_KEEP;
}

/* The server's process: says its port, then serves until killed. */
static _Noreturn void serve(int port_fd)
{
	struct event_base *base = event_base_new();
	struct server *server = server_new(base, answer, NULL);
	unsigned port = server_port(server);

	if (write(port_fd, &port, sizeof(port)) != sizeof(port))
		_exit(1);
	event_base_dispatch(base);
	_exit(0);
}

static void start_one(struct run *run);

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct run *run = ctx;

	run->failed += reply->error != FETCH_FINE;
	if (run->to_start > 0)
		start_one(run);
	if (--run->to_end == 0)
		event_base_loopbreak(run->base);
}

static void start_one(struct run *run)
{
	run->to_start--;
	if (fetch_start(run->fetch, &run->request, on_done, run, NULL) != BASE_OK)
		abort();
}

static base_time cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * BASE_SECOND + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void measure(unsigned port, const char *path, const char *what, unsigned at_once)
{
	bool close = strstr(path, "close") != NULL;
	struct fetch_range anywhere = {.prefix_len = 0};
	struct fetch_options options = {.timeout = 30 * BASE_SECOND, .max_size = 1 << 20, .max_connections = at_once,
	                                .allow = &anywhere, .allow_count = 1};
	struct run run = {.to_start = TRANSFERS, .to_end = TRANSFERS};
	struct base_clock *clock;
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	run.base = event_base_new();
	run.request = (struct fetch_request){.url = url, .etag = "\"x\"", .again = close ? 0 : BASE_SECOND};
	if (run.base == NULL || fetch_new(run.base, &options, &run.fetch) != BASE_OK || base_clock_new_system(&clock) != BASE_OK)
		abort();
	base_time wall = base_clock_monotonic(clock), cpu = cpu_time();
	for (unsigned i = 0; i < at_once; i++)
		start_one(&run);
	event_base_dispatch(run.base);
	cpu = cpu_time() - cpu;
	wall = base_clock_monotonic(clock) - wall;
	printf("%-28s %4u at once: %6.1f us of processor, %6.0f a second, %zu failed\n", what, at_once,
	       (double)cpu / TRANSFERS, (double)TRANSFERS * 1e6 / (double)wall, run.failed);
	fetch_free(run.fetch);
	base_clock_free(clock);
	event_base_free(run.base);
}

int main(void)
{
	int pipe_fds[2];
	unsigned port;

	if (pipe(pipe_fds) != 0)
		return 1;
	pid_t child = fork();
	if (child == 0)
		serve(pipe_fds[1]);
	if (child < 0 || read(pipe_fds[0], &port, sizeof(port)) != sizeof(port) || fetch_global_init() != BASE_OK)
		return 1;
	measure(port, "/304", "304, kept connection", 50);
	measure(port, "/304/close", "304, new connection", 50);
	measure(port, "/200", "200 of 64 KiB, kept", 50);
	measure(port, "/200/close", "200 of 64 KiB, new", 50);
	measure(port, "/304", "304, kept connection", 200);
	fetch_global_cleanup();
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return 0;
}
