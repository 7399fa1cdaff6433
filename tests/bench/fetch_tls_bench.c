/*
 * What a poll over TLS costs: processor time of this process for each
 * transfer, the room fetch beside libcurl alone with its certificates loaded
 * once. The server is another process on loopback; its chain is RSA, verified
 * against the system's bundle with the test's root in it. Ends with a line of
 * ratios and exits 1 if one is above its mark.
 */
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fetch/names.h"
#include "tests/unit/fetch/tls_server.h"
#include "wirewatch/fetch.h"

#define TRANSFERS 400
#define ROUNDS 5
#define FEW 4 /* hosts: libcurl's cache must hold them */
#define MARK_FRESH 1.15
#define MARK_RESUMED 1.20

struct place {
	unsigned port;
	char bundle[64];
};

static const char *loopback(const char *name)
{
	(void)name;
	return "127.0.0.1";
}

static base_time cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * BASE_SECOND + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Fresh: each transfer another host, so that nothing can be resumed. */
static void url_of(const struct place *place, size_t number, bool fresh, char url[128])
{
	static size_t run;

	run += number == 0;
	snprintf(url, 128, "https://h%zu-%zu.feeds.test:%u/", fresh ? run : 0, fresh ? number : number % FEW, place->port);
}

/* ---- the server's process -------------------------------------------------------------- */

static void append(FILE *to, const char *path)
{
	char bytes[4096];
	size_t got;
	FILE *from = path != NULL ? fopen(path, "r") : NULL;

	while (from != NULL && (got = fread(bytes, 1, sizeof(bytes), from)) > 0)
		fwrite(bytes, 1, got, to);
	if (from != NULL)
		fclose(from);
}

static _Noreturn void serve(int place_fd)
{
	struct tls_server *server = tls_server_new(TLS1_3_VERSION, TLS_KEYS_RSA);
	struct place place = {.port = tls_server_port(server), .bundle = "/tmp/ww-bundle-XXXXXX"};
	int fd = mkstemp(place.bundle);
	FILE *bundle = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (bundle == NULL)
		_exit(1);
	append(bundle, curl_version_info(CURLVERSION_NOW)->cainfo);
	append(bundle, tls_server_ca(server));
	fclose(bundle);
	unlink(tls_server_ca(server));
	if (write(place_fd, &place, sizeof(place)) != sizeof(place))
		_exit(1);
	for (;;)
		pause();
}

/* ---- libcurl alone ----------------------------------------------------------------------- */

static size_t swallow(char *bytes, size_t one, size_t len, void *ctx)
{
	(void)bytes;
	(void)ctx;
	return one * len;
}

static void bare_one(CURLM *multi, CURLSH *share, const struct place *place, const char *url)
{
	CURL *easy = curl_easy_init();
	CURLMsg *message = NULL;
	int running = 1, left;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, place->bundle);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	if (share != NULL)
		curl_easy_setopt(easy, CURLOPT_SHARE, share);
	else
		curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_multi_add_handle(multi, easy);
	while (running && curl_multi_perform(multi, &running) == CURLM_OK)
		if (running)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	message = curl_multi_info_read(multi, &left);
	if (message == NULL || message->data.result != CURLE_OK)
		abort();
	curl_multi_remove_handle(multi, easy);
	curl_easy_cleanup(easy);
}

static double bare(CURLM *multi, CURLSH *share, const struct place *place, bool fresh)
{
	base_time start = cpu_time();
	char url[128];

	for (size_t i = 0; i < TRANSFERS; i++) {
		url_of(place, i, fresh, url);
		bare_one(multi, share, place, url);
	}
	return (double)(cpu_time() - start) / TRANSFERS;
}

/* ---- the room ---------------------------------------------------------------------------- */

struct run {
	struct event_base *base;
	struct fetch *fetch;
	const struct place *place;
	bool fresh;
	size_t done;
};

static void start_one(struct run *run);

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct run *run = ctx;

	if (reply->error != FETCH_FINE) {
		fprintf(stderr, "%s\n", reply->reason);
		abort();
	}
	if (++run->done == TRANSFERS)
		event_base_loopbreak(run->base);
	else
		start_one(run);
}

static void start_one(struct run *run)
{
	char url[128];
	struct fetch_request request = {.url = url};

	url_of(run->place, run->done, run->fresh, url);
	if (fetch_start(run->fetch, &request, on_done, run, NULL) != BASE_OK)
		abort();
}

static double ours(struct run *run, bool fresh)
{
	base_time start = cpu_time();

	run->fresh = fresh;
	run->done = 0;
	start_one(run);
	event_base_dispatch(run->base);
	return (double)(cpu_time() - start) / TRANSFERS;
}

/* ---- both -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(*values), by_size);
	return values[ROUNDS / 2];
}

/* In turns, so that a busy machine is busy for both. */
static double compare(const char *what, struct run *run, CURLM *multi, CURLSH *share, bool fresh)
{
	double theirs[ROUNDS], us[ROUNDS];

	(void)bare(multi, share, run->place, fresh); /* certificates are read now, sessions kept */
	(void)ours(run, fresh);
	for (int i = 0; i < ROUNDS; i++) {
		theirs[i] = bare(multi, share, run->place, fresh);
		us[i] = ours(run, fresh);
	}
	double ratio = middle(us) / middle(theirs);
	printf("%-24s fetch %6.0f us, libcurl alone %6.0f us of processor a transfer: %.2f\n", what, middle(us), middle(theirs),
	       ratio);
	return ratio;
}

static int measure(const struct place *place)
{
	struct fetch_range anywhere = {.prefix_len = 0};
	struct fetch_options options = {.timeout = 30 * BASE_SECOND, .max_size = 1 << 20, .max_connections = 50,
	                                .allow = &anywhere, .allow_count = 1, .ca_file = place->bundle};
	struct run run = {.base = event_base_new(), .place = place};
	CURLM *multi = curl_multi_init();
	CURLSH *share = curl_share_init();

	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	if (run.base == NULL || fetch_new(run.base, &options, &run.fetch) != BASE_OK)
		return 1;
	double fresh = compare("TLS, full handshake", &run, multi, NULL, true);
	double resumed = compare("TLS, resumed", &run, multi, share, false);
	fetch_free(run.fetch);
	event_base_free(run.base);
	curl_multi_cleanup(multi);
	curl_share_cleanup(share);
	printf("ratios: full %.2f (at most %.2f), resumed %.2f (at most %.2f)\n", fresh, MARK_FRESH, resumed, MARK_RESUMED);
	return fresh <= MARK_FRESH && resumed <= MARK_RESUMED ? 0 : 1;
}

int main(void)
{
	int pipe_fds[2];
	struct place place;

	if (pipe(pipe_fds) != 0)
		return 1;
	pid_t child = fork();
	if (child == 0)
		serve(pipe_fds[1]);
	names_script(loopback);
	if (child < 0 || read(pipe_fds[0], &place, sizeof(place)) != sizeof(place) || fetch_global_init() != BASE_OK)
		return 1;
	int failed = measure(&place);
	fetch_global_cleanup();
	unlink(place.bundle);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return failed;
}
