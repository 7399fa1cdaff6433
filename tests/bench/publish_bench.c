/*
 * What it costs to publish an alert to 1, 10 and 100 subscribers: processor
 * time of the publishing process, its ZeroMQ thread included, for the room
 * publish and for an XPUB socket of libzmq alone that sends the same three
 * frames. The subscribers are another process; it says when it has everything
 * of a burst, so that nothing is dropped and both meet the same pace.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "figures.h"
#include "wirewatch/publish.h"

#define BURST 1000
#define JSON 1000 /* bytes */
#define TOPIC "ww1/alert/pause/first/"
#define MOST_SUBSCRIBERS 100

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "publish_bench: %s failed\n", what);
	exit(1);
}

struct audience {
	pid_t child;
	int burst_read; /* a byte for each burst that all have */
	size_t subscribers;
	char endpoint[80];
};

/* ---- those who listen ----------------------------------------------------------------- */

static size_t take_all(void *socket)
{
	size_t taken = 0;
	char frame[JSON + 1];
	while (zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
		int more = 0;
		size_t len = sizeof more;
		(void)zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &len);
		taken += !more;
	}
	return taken;
}

static _Noreturn void listen_in(const char *endpoint, size_t subscribers, int burst_write)
{
	static zmq_pollitem_t items[MOST_SUBSCRIBERS];
	void *context = zmq_ctx_new();
	size_t taken = 0, wanted = subscribers * BURST;
	int unlimited = 0;
	for (size_t i = 0; i < subscribers; i++) {
		items[i] = (zmq_pollitem_t){.socket = zmq_socket(context, ZMQ_SUB), .events = ZMQ_POLLIN};
		(void)zmq_setsockopt(items[i].socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
		(void)zmq_setsockopt(items[i].socket, ZMQ_SUBSCRIBE, "ww1/alert/", 10);
		if (zmq_connect(items[i].socket, endpoint))
			_exit(1);
	}
	while (zmq_poll(items, (int)subscribers, -1) >= 0) {
		for (size_t i = 0; i < subscribers; i++)
			if (items[i].revents)
				taken += take_all(items[i].socket);
		for (; taken >= wanted; taken -= wanted)
			if (write(burst_write, "", 1) != 1)
				_exit(1);
	}
	_exit(0);
}

static void gather(struct audience *audience, size_t subscribers, const char *endpoint)
{
	int ends[2];
	must(!pipe(ends), "pipe");
	audience->subscribers = subscribers;
	(void)snprintf(audience->endpoint, sizeof audience->endpoint, "%s", endpoint);
	(void)fflush(stdout);
	audience->child = fork();
	must(audience->child >= 0, "fork");
	if (audience->child == 0) {
		(void)close(ends[0]);
		listen_in(endpoint, subscribers, ends[1]);
	}
	(void)close(ends[1]);
	audience->burst_read = ends[0];
}

static void wait_for_burst(const struct audience *audience)
{
	char byte;
	must(read(audience->burst_read, &byte, 1) == 1, "receiving");
}

static void disperse(struct audience *audience)
{
	(void)kill(audience->child, SIGTERM);
	(void)waitpid(audience->child, NULL, 0);
	(void)close(audience->burst_read);
}

/* ---- those who speak ------------------------------------------------------------------ */

static char json[JSON];

static double ours(struct ledger *ledger, const char *endpoint, size_t subscribers, size_t bursts)
{
	static const char header[24];
	char replay[96];
	(void)snprintf(replay, sizeof replay, "%s-replay", endpoint);
	const char *endpoints[] = {endpoint}, *replays[] = {replay};
	const struct publish_options options = {.endpoints = endpoints, .endpoint_count = 1, .replay_endpoints = replays,
	                                        .replay_count = 1, .ledger = ledger, .epoch = 1};
	struct ledger_message message = {.topic = base_span_of(TOPIC), .header = {header, sizeof header}, .json = {json, JSON}};
	struct publish *publish;
	struct audience audience;
	struct base_error err;
	gather(&audience, subscribers, endpoint); /* before libzmq has threads here */
	must(!publish_new(&options, &publish, &err), err.text);
	while (publish_counts(publish).subscribers < subscribers)
		must(!publish_serve(publish, NULL, 0, BASE_SECOND / 100), "serving");
	double start = figures_cpu();
	for (size_t i = 0; i < bursts; i++) {
		for (size_t j = 0; j < BURST; j++) {
			message.sequence++;
			must(!publish_message(publish, &message), "publishing");
		}
		wait_for_burst(&audience);
	}
	double took = figures_cpu() - start;
	disperse(&audience);
	publish_free(publish);
	return took / (double)(bursts * BURST) * 1e6;
}

static double bare(const char *endpoint, size_t subscribers, size_t bursts)
{
	static const char header[24];
	struct audience audience;
	char subscription[64];
	int hwm = 4000;
	gather(&audience, subscribers, endpoint);
	void *context = zmq_ctx_new(), *publisher = zmq_socket(context, ZMQ_XPUB);
	int verbose = 1;
	(void)zmq_setsockopt(publisher, ZMQ_SNDHWM, &hwm, sizeof hwm);
	(void)zmq_setsockopt(publisher, ZMQ_XPUB_VERBOSE, &verbose, sizeof verbose);
	must(publisher && !zmq_bind(publisher, endpoint), "binding");
	for (size_t i = 0; i < subscribers; i++)
		must(zmq_recv(publisher, subscription, sizeof subscription, 0) > 0, "a subscription");
	double start = figures_cpu();
	for (size_t i = 0; i < bursts; i++) {
		for (size_t j = 0; j < BURST; j++)
			must(zmq_send(publisher, TOPIC, strlen(TOPIC), ZMQ_SNDMORE) >= 0 &&
			         zmq_send(publisher, header, sizeof header, ZMQ_SNDMORE) >= 0 && zmq_send(publisher, json, JSON, 0) >= 0,
			     "sending");
		wait_for_burst(&audience);
	}
	double took = figures_cpu() - start;
	disperse(&audience);
	int linger = 0;
	(void)zmq_setsockopt(publisher, ZMQ_LINGER, &linger, sizeof linger);
	(void)zmq_close(publisher);
	(void)zmq_ctx_term(context);
	return took / (double)(bursts * BURST) * 1e6;
}

int main(int argc, char **argv)
{
	const struct figures_options options = figures_begin(argc, argv);
	static const struct {
		size_t subscribers, bursts;
		const char *name;
	} cases[] = {{1, 50, "to 1 subscriber"}, {10, 20, "to 10 subscribers"}, {100, 4, "to 100 subscribers"}};
	char folder[] = "/tmp/ww-publish-XXXXXX", endpoint[64], uri[64];
	struct ledger *ledger;
	struct base_error err;
	must(mkdtemp(folder) != NULL, "mkdtemp");
	(void)snprintf(uri, sizeof uri, "sqlite://%s/ledger.db", folder);
	must(!ledger_open(&(struct ledger_options){.uri = uri, .node = "bench", .keep = BASE_DAY}, &ledger, &err), err.text);
	(void)snprintf(endpoint, sizeof endpoint, "ipc://%s/alerts", folder);
	memset(json, 'x', sizeof json);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct figures figures = {.bench = "publish", .name = cases[i].name, .unit = "us/alert", .count = options.runs,
		                          .of = "libzmq"};
		size_t bursts = options.smoke ? 1 : cases[i].bursts;
		for (size_t run = 0; run < options.runs; run++) {
			figures.runs[run] = ours(ledger, endpoint, cases[i].subscribers, bursts);
			figures.reference[run] = bare(endpoint, cases[i].subscribers, bursts);
		}
		(void)figures_show(&options, &figures);
	}
	ledger_close(ledger);
	(void)unlink(uri + strlen("sqlite://"));
	(void)unlink(endpoint + strlen("ipc://"));
	(void)snprintf(endpoint, sizeof endpoint, "%s/alerts-replay", folder);
	(void)unlink(endpoint);
	return rmdir(folder) ? 1 : 0;
}
