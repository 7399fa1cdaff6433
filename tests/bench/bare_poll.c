/*
 * bare_poll: what polls cost with libcurl as one uses it. The transfers of the
 * daemon by libcurl's multi-socket interface and libevent in one thread:
 * handles used again, the daemon's header fields sent, byte for byte,
 * certificates loaded once, nothing stored. With -x each document passes libxml2's push parser with
 * handlers that only count.
 *
 *   bare_poll [-c CONCURRENCY] [-n] [-x] [-a BUNDLE.pem [-t]] [-r PER_SECOND] URLS
 *     URLS: a file, one a line; place k of -c takes the lines k, k + c, k + 2c ... in turn
 *     -n: no validators; -t: keep TLS sessions; -r: start so many a second instead of as many as there are places
 *
 * Reads commands from standard input: "go N" makes N transfers, each place its share, and answers with a line of JSON.
 */
#include "config.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <libxml/parser.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TAG_MAX 128

/* As daemon/fetch/request.c has them and docs/politeness.md promises them. */
static char accept_field[] = "Accept: application/atom+xml, application/rss+xml, application/feed+json, "
							 "application/rdf+xml;q=0.9, application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, "
							 "*/*;q=0.1";
static char difference_field[] = "A-IM: feed";

struct feed {
	char *url;
	char tag[TAG_MAX]; /* If-None-Match, "" when none is known */
	SSL_SESSION *session;
};

struct bare;

struct place {
	struct bare *bare;
	CURL *easy;
	size_t next, left; /* the feed to ask next; transfers to make */
	struct feed *feed;
	struct curl_slist headers[3];
	char tag[TAG_MAX];
	xmlParserCtxtPtr parser;
	bool busy;
};

struct bare {
	struct event_base *base;
	struct event *timer, *pace;
	CURLM *multi;
	struct feed *feeds;
	size_t feed_count, place_count;
	struct place *places;
	bool validators, parse, sessions;
	const char *bundle;
	double rate;
	size_t wanted, running, done, failed, bytes, elements, characters;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "bare_poll: %s failed\n", what);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec time;
	(void)clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- documents --------------------------------------------------------------------------- */

static void on_element(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nb_namespaces,
                       const xmlChar **namespaces, int nb_attributes, int nb_defaulted, const xmlChar **attributes)
{
	(void)name, (void)prefix, (void)uri, (void)nb_namespaces, (void)namespaces, (void)nb_attributes, (void)nb_defaulted;
	(void)attributes;
	((struct bare *)ctx)->elements++;
}

static void on_characters(void *ctx, const xmlChar *bytes, int len)
{
	(void)bytes;
	((struct bare *)ctx)->characters += (size_t)len;
}

static xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.startElementNs = on_element,
	.characters = on_characters,
	.cdataBlock = on_characters,
};

static size_t on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct place *place = ctx;
	place->bare->bytes += one * len;
	if (place->bare->parse) {
		if (place->parser == NULL)
			place->parser = xmlCreatePushParserCtxt(&handlers, place->bare, NULL, 0, NULL);
		must(place->parser != NULL && !xmlParseChunk(place->parser, bytes, (int)len, 0), "parsing");
	}
	return one * len;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *ctx)
{
	struct place *place = ctx;
	static const char name[] = "etag: ";
	if (len > sizeof name && len < TAG_MAX && strncasecmp(bytes, name, sizeof name - 1) == 0)
		(void)snprintf(place->tag, sizeof place->tag, "If-None-Match: %.*s", (int)(len - sizeof name - 1),
		               bytes + sizeof name - 1);
	return one * len;
}

/* ---- TLS sessions -------------------------------------------------------------------------- */

/* libcurl makes an SSL_CTX for each connection, so it can carry the feed. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct feed *feed = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION_free(feed->session);
	feed->session = session;
	return 1;
}

static void on_handshake(const SSL *ssl, int where, int value)
{
	struct feed *feed = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	(void)value;
	if ((where & SSL_CB_HANDSHAKE_START) && feed->session != NULL) {
		SSL_set_session((SSL *)(uintptr_t)ssl, feed->session);
		SSL_SESSION_free(feed->session); /* a ticket is used once */
		feed->session = NULL;
	}
}

static CURLcode on_context(CURL *easy, void *made, void *ctx)
{
	struct place *place = ctx;
	SSL_CTX *context = made;
	(void)easy;
	(void)SSL_CTX_set_app_data(context, place->feed);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
	SSL_CTX_sess_set_new_cb(context, on_session);
	SSL_CTX_set_info_callback(context, on_handshake);
	return CURLE_OK;
}

/* ---- transfers ------------------------------------------------------------------------------ */

static void open_place(struct bare *bare, struct place *place, size_t number)
{
	CURL *easy = place->easy = curl_easy_init();
	must(easy != NULL, "curl_easy_init");
	place->bare = bare;
	place->next = number % bare->feed_count;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* it walks the whole cache at each transfer */
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "wirewatchd/" PACKAGE_VERSION " (+" PACKAGE_URL ")");
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, place);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, place);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, place);
	if (bare->bundle == NULL)
		return;
	curl_easy_setopt(easy, CURLOPT_CAINFO, bare->bundle);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the bundle is read for each connection */
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	if (bare->sessions) {
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, place);
	}
}

static void start(struct bare *bare, struct place *place)
{
	place->feed = &bare->feeds[place->next];
	place->next = (place->next + bare->place_count) % bare->feed_count;
	place->tag[0] = '\0';
	place->headers[0] = (struct curl_slist){.data = accept_field};
	if (bare->validators && place->feed->tag[0]) {
		place->headers[0].next = &place->headers[1];
		place->headers[1] = (struct curl_slist){place->feed->tag, &place->headers[2]};
		place->headers[2] = (struct curl_slist){.data = difference_field};
	}
	curl_easy_setopt(place->easy, CURLOPT_URL, place->feed->url);
	curl_easy_setopt(place->easy, CURLOPT_HTTPHEADER, place->headers);
	must(curl_multi_add_handle(bare->multi, place->easy) == CURLM_OK, "curl_multi_add_handle");
	place->busy = true;
	place->left--;
	bare->running++;
}

static void start_all(struct bare *bare)
{
	for (size_t i = 0; i < bare->place_count; i++)
		if (bare->places[i].left > 0)
			start(bare, &bare->places[i]);
}

static void end(struct bare *bare, struct place *place, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(place->easy, CURLINFO_RESPONSE_CODE, &status);
	if (place->parser != NULL) {
		(void)xmlParseChunk(place->parser, NULL, 0, 1);
		must(place->parser->wellFormed, "well-formedness");
		xmlFreeParserCtxt(place->parser);
		place->parser = NULL;
	}
	if (code != CURLE_OK || (status != 200 && status != 304)) {
		(void)fprintf(stderr, "bare_poll: %s: %s, status %ld\n", place->feed->url, curl_easy_strerror(code), status);
		bare->failed++;
	}
	memcpy(place->feed->tag, place->tag, TAG_MAX);
	curl_multi_remove_handle(bare->multi, place->easy);
	place->busy = false;
	bare->running--;
	bare->done++;
}

static void collect(struct bare *bare)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(bare->multi, &left)) != NULL) {
		struct place *place;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&place);
		end(bare, place, code);
		if (bare->rate <= 0 && place->left > 0)
			start(bare, place);
	}
	if (bare->running == 0 && bare->done >= bare->wanted)
		event_base_loopbreak(bare->base);
}

/* ---- libevent ------------------------------------------------------------------------------- */

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
	struct bare *bare = ctx;
	int running, action = ((what & EV_READ) ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) ? CURL_CSELECT_OUT : 0);
	curl_multi_socket_action(bare->multi, fd, action, &running);
	collect(bare);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct bare *bare = ctx;
	int running;
	(void)fd, (void)what;
	curl_multi_socket_action(bare->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(bare);
}

static int set_timer(CURLM *multi, long milliseconds, void *ctx)
{
	struct bare *bare = ctx;
	struct timeval wait = {milliseconds / 1000, milliseconds % 1000 * 1000};
	(void)multi;
	if (milliseconds < 0)
		event_del(bare->timer);
	else
		event_add(bare->timer, &wait);
	return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct bare *bare = ctx;
	struct event *event = known;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (event != NULL)
			event_free(event);
		curl_multi_assign(bare->multi, fd, NULL);
		return 0;
	}
	short wanted = EV_PERSIST;
	wanted = (short)(wanted | ((what & CURL_POLL_IN) ? EV_READ : 0) | ((what & CURL_POLL_OUT) ? EV_WRITE : 0));
	if (event == NULL) {
		event = event_new(bare->base, fd, wanted, on_socket, bare);
		must(event != NULL, "event_new");
		curl_multi_assign(bare->multi, fd, event);
	} else {
		event_del(event);
		event_assign(event, bare->base, fd, wanted, on_socket, bare);
	}
	event_add(event, NULL);
	return 0;
}

/* Starts one transfer a tick, as a schedule does that spreads its polls. */
static void on_pace(evutil_socket_t fd, short what, void *ctx)
{
	struct bare *bare = ctx;
	(void)fd, (void)what;
	for (size_t i = 0; i < bare->place_count; i++) {
		struct place *place = &bare->places[i];
		if (!place->busy && place->left > 0) {
			start(bare, place);
			return;
		}
	}
}

/* ---- commands ------------------------------------------------------------------------------- */

static void go(struct bare *bare, size_t count)
{
	bare->wanted = count / bare->place_count * bare->place_count;
	for (size_t i = 0; i < bare->place_count; i++)
		bare->places[i].left = count / bare->place_count;
	bare->done = bare->failed = bare->bytes = bare->elements = 0;
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	if (bare->rate > 0) {
		struct timeval step = {(time_t)(1 / bare->rate), (suseconds_t)(1e6 / bare->rate) % 1000000};
		event_add(bare->pace, &step);
	} else {
		start_all(bare);
	}
	if (bare->wanted > 0)
		event_base_dispatch(bare->base);
	event_del(bare->pace);
	(void)printf("{\"transfers\": %zu, \"failed\": %zu, \"cpu\": %.6f, \"wall\": %.6f, \"bytes\": %zu, \"elements\": %zu}\n",
	             bare->done, bare->failed, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, seconds(CLOCK_MONOTONIC) - wall,
	             bare->bytes, bare->elements);
	(void)fflush(stdout);
}

static void read_urls(struct bare *bare, const char *path)
{
	char line[256];
	size_t room = 0;
	FILE *file = fopen(path, "r");
	must(file != NULL, path);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (bare->feed_count == room) {
			room = room ? room * 2 : 1024;
			bare->feeds = realloc(bare->feeds, room * sizeof *bare->feeds);
			must(bare->feeds != NULL, "memory");
		}
		bare->feeds[bare->feed_count++] = (struct feed){.url = strdup(line)};
	}
	(void)fclose(file);
	must(bare->feed_count > 0, "reading addresses");
}

static void open_all(struct bare *bare)
{
	bare->base = event_base_new();
	bare->multi = curl_multi_init();
	must(bare->base != NULL && bare->multi != NULL, "start");
	bare->timer = evtimer_new(bare->base, on_timer, bare);
	bare->pace = event_new(bare->base, -1, EV_PERSIST, on_pace, bare);
	curl_multi_setopt(bare->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(bare->multi, CURLMOPT_SOCKETDATA, bare);
	curl_multi_setopt(bare->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(bare->multi, CURLMOPT_TIMERDATA, bare);
	curl_multi_setopt(bare->multi, CURLMOPT_MAXCONNECTS, (long)bare->place_count);
	bare->places = calloc(bare->place_count, sizeof *bare->places);
	must(bare->places != NULL, "memory");
	for (size_t i = 0; i < bare->place_count; i++)
		open_place(bare, &bare->places[i], i);
}

int main(int argc, char **argv)
{
	struct bare bare = {.place_count = 50, .validators = true};
	struct rlimit files;
	char line[128];
	for (int option; (option = getopt(argc, argv, "c:nxa:tr:")) != -1;) {
		switch (option) {
		case 'c': bare.place_count = strtoul(optarg, NULL, 10); break;
		case 'n': bare.validators = false; break;
		case 'x': bare.parse = true; break;
		case 'a': bare.bundle = optarg; break;
		case 't': bare.sessions = true; break;
		case 'r': bare.rate = strtod(optarg, NULL); break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || bare.place_count == 0)
		return 2;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
	read_urls(&bare, argv[optind]);
	open_all(&bare);
	while (fgets(line, sizeof line, stdin))
		if (strncmp(line, "go ", 3) == 0)
			go(&bare, strtoul(line + 3, NULL, 10));
	return 0;
}
