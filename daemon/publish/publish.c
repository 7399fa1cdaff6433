/*
 * The publisher: an XPUB socket for alerts, heartbeat and welcome, and a
 * ROUTER socket for replay, served by one thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "publish.h"

#define PUBLISH_HWM 4000 /* messages that wait for one slow subscriber; their bodies are shared */
#define REPLAY_HWM 128 /* alerts on their way to one client; with 256 clients that read nothing, about 100 MB */
#define SUBSCRIPTIONS_PER_TURN 256
/* Also the largest handshake: CURVE's INITIATE with its metadata stays under it. */
#define INBOUND_MAX 1024
#define CONNECTIONS_MAX 2000
#define SOCKETS_MAX 5

struct publish {
	void *context, *publisher, *router;
	struct publish_peers *peers;
	struct publish_replay *replay;
	struct publish_auth *auth;
	struct publish_monitor publisher_monitor, router_monitor;
	void *sockets[SOCKETS_MAX]; /* all of the above */
	int fds[SOCKETS_MAX];       /* readable when a socket may have something new */
	size_t socket_count;
	bool shifted; /* subscriptions that are read now may be given to the wrong peer */
	bool settled; /* no socket has anything to be read until its descriptor says so */
	struct base_clock *clock;
	struct base_log *log;
	uint64_t epoch, sequence, beat; /* beat: the sequence of the last heartbeat */
	uint64_t sent, dropped, refused;
	size_t connections;
	struct base_complaint complaint_refused, complaint_slow;
};

/* ---- opening and closing ------------------------------------------------------------ */

/* Half of the descriptors belong to subscribers at most, so that fetching keeps its own. */
static size_t connections_max(const struct publish_options *options)
{
	struct rlimit limit;
	size_t half;

	if (options->connections_max)
		return options->connections_max < CONNECTIONS_MAX ? options->connections_max : CONNECTIONS_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return CONNECTIONS_MAX;
	half = (size_t)limit.rlim_cur / 2;
	return half < CONNECTIONS_MAX ? half : CONNECTIONS_MAX;
}

static enum base_result bind_all(const struct publish *publish, void *socket, const char *const *endpoints,
                                 size_t count, struct base_error *err)
{
	if (publish->auth) {
		enum base_result result = publish_auth_apply(publish->auth, socket, err);

		if (result)
			return result;
	}
	for (size_t i = 0; i < count; i++) {
		enum base_result result;

		if (!publish->auth && !publish_endpoint_is_local(endpoints[i]))
			return base_fail(err, BASE_DENIED,
			                 "%s can be reached from other machines: set zeromq.curve, or bind ipc:// or loopback",
			                 endpoints[i]);
		result = publish_bind(socket, endpoints[i], err);
		if (result)
			return result;
	}
	return BASE_OK;
}

static enum base_result open_publisher(struct publish *publish, const struct publish_options *options,
                                       struct base_error *err)
{
	enum base_result result = publish_socket_new(publish->context, ZMQ_XPUB, PUBLISH_HWM, INBOUND_MAX,
	                                             &publish->publisher, err);
	int on = 1;

	if (result)
		return result;
	if (zmq_setsockopt(publish->publisher, ZMQ_XPUB_MANUAL, &on, sizeof on) != 0)
		return publish_zmq_fail(err, "XPUB_MANUAL");
	publish->publisher_monitor.watched = publish->publisher;
	result = publish_monitor_start(&publish->publisher_monitor, publish->context, "inproc://publish-monitor", err);
	return result ? result : bind_all(publish, publish->publisher, options->endpoints, options->endpoint_count, err);
}

static enum base_result open_router(struct publish *publish, const struct publish_options *options,
                                    struct base_error *err)
{
	enum base_result result = publish_socket_new(publish->context, ZMQ_ROUTER, REPLAY_HWM, PUBLISH_REQUEST_MAX + 1,
	                                             &publish->router, err);
	struct publish_replay_options replay = {.ledger = options->ledger, .epoch = options->epoch};
	int on = 1;

	if (result)
		return result;
	/* A full or vanished client is an error that can be seen, not a silent drop. */
	if (zmq_setsockopt(publish->router, ZMQ_ROUTER_MANDATORY, &on, sizeof on) != 0)
		return publish_zmq_fail(err, "ROUTER_MANDATORY");
	publish->router_monitor.watched = publish->router;
	result = publish_monitor_start(&publish->router_monitor, publish->context, "inproc://replay-monitor", err);
	if (result)
		return result;
	replay.socket = publish->router;
	replay.clock = publish->clock;
	replay.log = publish->log;
	result = publish_replay_new(&replay, &publish->replay);
	return result ? result : bind_all(publish, publish->router, options->replay_endpoints, options->replay_count, err);
}

static void set_up_monitor(struct publish *publish, struct publish_monitor *monitor, size_t connections)
{
	monitor->total = &publish->connections;
	monitor->total_max = connections;
	monitor->log = publish->log;
}

static enum base_result list_sockets(struct publish *publish, struct base_error *err)
{
	void *all[SOCKETS_MAX] = {publish->publisher, publish->router, publish->publisher_monitor.socket,
	                          publish->router_monitor.socket, publish->auth ? publish_auth_socket(publish->auth) : NULL};

	for (size_t i = 0; i < SOCKETS_MAX && all[i]; i++) {
		size_t len = sizeof publish->fds[i];

		if (zmq_getsockopt(all[i], ZMQ_FD, &publish->fds[i], &len) != 0)
			return publish_zmq_fail(err, "FD");
		publish->sockets[publish->socket_count++] = all[i];
	}
	return BASE_OK;
}

static enum base_result open_all(struct publish *publish, const struct publish_options *options, struct base_error *err)
{
	enum base_result result = base_clock_new_system(&publish->clock);

	if (!result)
		result = publish_peers_new(&publish->peers);
	if (result)
		return base_fail(err, result, "no memory for the publisher");
	publish_accept_guard();
	publish->context = zmq_ctx_new();
	if (!publish->context)
		return publish_zmq_fail(err, "ZeroMQ");
	set_up_monitor(publish, &publish->publisher_monitor, connections_max(options));
	set_up_monitor(publish, &publish->router_monitor, connections_max(options));
	publish->publisher_monitor.peers = publish->peers;
	if (options->server_key || options->clients) {
		result = publish_auth_new(publish->context, options->server_key, options->clients, publish->log, &publish->auth,
		                          err);
		if (result)
			return result;
	}
	/* Replay first: who hears a welcome may ask at once. */
	result = open_router(publish, options, err);
	if (!result)
		result = open_publisher(publish, options, err);
	return result ? result : list_sockets(publish, err);
}

enum base_result publish_new(const struct publish_options *options, struct publish **out, struct base_error *err)
{
	struct publish *publish = calloc(1, sizeof *publish);
	enum base_result result;

	if (!publish)
		return base_fail(err, BASE_NO_MEMORY, "no memory for the publisher");
	publish->log = options->log;
	publish->epoch = options->epoch;
	publish->sequence = ledger_sequence(options->ledger);
	publish->beat = publish->sequence;
	result = open_all(publish, options, err);
	if (result)
		publish_free(publish);
	else
		*out = publish;
	return result;
}

void publish_free(struct publish *publish)
{
	if (!publish)
		return;
	publish_monitor_stop(&publish->publisher_monitor);
	publish_monitor_stop(&publish->router_monitor);
	if (publish->publisher)
		zmq_close(publish->publisher);
	if (publish->router)
		zmq_close(publish->router);
	publish_auth_free(publish->auth);
	while (publish->context && zmq_ctx_term(publish->context) != 0 && zmq_errno() == EINTR)
		;
	publish_replay_free(publish->replay);
	publish_peers_free(publish->peers);
	base_clock_free(publish->clock);
	free(publish);
}

/* ---- sending -------------------------------------------------------------------------- */

static int set_nodrop(struct publish *publish, int on)
{
	return zmq_setsockopt(publish->publisher, ZMQ_XPUB_NODROP, &on, sizeof on);
}

/*
 * The topic frame is tried with NODROP, which says whether a subscriber is
 * full; then it is sent with the default drop, so that the others have it.
 */
static int send_topic(struct publish *publish, struct publish_frames *frames)
{
	int error;

	set_nodrop(publish, 1);
	error = publish_frames_send_first(frames, publish->publisher);
	set_nodrop(publish, 0);
	if (error != EAGAIN)
		return error;
	publish->dropped++;
	if (base_complain(&publish->complaint_slow, base_clock_monotonic(publish->clock)))
		base_log(publish->log, BASE_WARNING, "publish", "a subscriber is too slow and loses messages (%llu times so far)",
		         (unsigned long long)publish->complaint_slow.count);
	return publish_frames_send_first(frames, publish->publisher);
}

static enum base_result send_message(struct publish *publish, struct base_span topic, struct base_span header,
                                     struct base_span body)
{
	struct publish_frames frames = {0};
	int error;

	publish->settled = false; /* sending takes in what a descriptor had to say */
	publish_frames_add_alert(&frames, topic, header, body);
	error = send_topic(publish, &frames);
	if (error == 0)
		error = publish_frames_send(&frames, publish->publisher, false);
	else
		publish_frames_drop(&frames);
	if (error == 0)
		return BASE_OK;
	return error == ENOMEM ? BASE_NO_MEMORY : BASE_IO;
}

enum base_result publish_message(struct publish *publish, const struct ledger_message *message)
{
	enum base_result result = send_message(publish, message->topic, message->header, message->json);

	if (result)
		return result;
	publish->sent++;
	publish_set_sequence(publish, message->sequence);
	return BASE_OK;
}

void publish_set_sequence(struct publish *publish, uint64_t sequence)
{
	if (sequence > publish->sequence)
		publish->sequence = sequence;
}

static enum base_result send_notice(struct publish *publish, const char *topic, uint64_t previous,
                                    const struct base_buf *body)
{
	uint8_t header[ALERT_HEADER_LEN];

	if (body->failed)
		return body->failed;
	alert_header(publish->epoch, publish->sequence, previous, header);
	return send_message(publish, base_span_of(topic), (struct base_span){(const char *)header, sizeof header},
	                    base_buf_span(body));
}

enum base_result publish_heartbeat(struct publish *publish, const struct publish_health *health)
{
	char time[BASE_RFC3339_LEN];
	enum base_result result;
	struct base_buf body;

	publish_set_sequence(publish, health->sequence);
	base_time_format(health->now, false, time);
	base_buf_init(&body, 512);
	base_buf_printf(&body,
	                "{\"epoch\":%llu,\"sequence\":%llu,\"time\":\"%s\",\"feeds\":%zu,\"failing\":%zu%s}",
	                (unsigned long long)publish->epoch, (unsigned long long)publish->sequence, time, health->feeds,
	                health->failing, health->stuck ? ",\"stuck\":true" : "");
	result = send_notice(publish, PUBLISH_TOPIC_HEARTBEAT, publish->beat, &body);
	if (!result)
		publish->beat = publish->sequence;
	base_buf_free(&body);
	return result;
}

/*
 * To the peer whose subscription was received last, and to nobody else: it
 * alone is subscribed to the welcome, for the length of this call.
 */
static void send_welcome(struct publish *publish)
{
	struct base_span topic = base_span_of(PUBLISH_TOPIC_WELCOME);
	struct base_buf body;

	if (zmq_setsockopt(publish->publisher, ZMQ_SUBSCRIBE, topic.ptr, topic.len) != 0)
		return; /* the peer is gone already */
	base_buf_init(&body, 512);
	base_buf_printf(&body, "{\"version\":\"%s\",\"protocol\":\"ww1\",\"epoch\":%llu,\"sequence\":%llu}", PACKAGE_VERSION,
	                (unsigned long long)publish->epoch, (unsigned long long)publish->sequence);
	send_notice(publish, PUBLISH_TOPIC_WELCOME, 0, &body);
	base_buf_free(&body);
	zmq_setsockopt(publish->publisher, ZMQ_UNSUBSCRIBE, topic.ptr, topic.len);
}

/* ---- serving --------------------------------------------------------------------------- */

static void change_subscription(void *ctx, bool subscribe, struct base_span topic)
{
	struct publish *publish = ctx;

	zmq_setsockopt(publish->publisher, subscribe ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, topic.ptr, topic.len);
}

/* libzmq keeps every subscription it was sent, refused or not: only closing the connection frees them. */
static void refuse_peer(struct publish *publish, int fd, base_time now)
{
	if (!publish_peers_is_same(publish->peers, fd))
		return;
	shutdown(fd, SHUT_RDWR);
	publish->refused++;
	if (base_complain(&publish->complaint_refused, now))
		base_log(publish->log, BASE_WARNING, "publish",
		         "a subscriber with more than %d subscriptions, one longer than %d bytes, or other messages was cut "
		         "(%llu so far)",
		         PUBLISH_SUBSCRIPTIONS_MAX, PUBLISH_TOPIC_MAX, (unsigned long long)publish->refused);
}

static void take_subscription(struct publish *publish, zmq_msg_t *message, base_time now)
{
	const char *bytes = zmq_msg_data(message);
	size_t len = zmq_msg_size(message);
	int fd = zmq_msg_get(message, ZMQ_SRCFD);
	struct base_span topic;

	if (fd < 0)
		return; /* without a descriptor: what a closed connection leaves behind */
	/* Its connection is known once the events until now are read. */
	publish_monitor_serve(&publish->publisher_monitor, now);
	/*
	 * An XSUB socket may send anything. What is no subscription makes libzmq (xpub.cpp, pending pipes) take each of those
	 * that wait behind it for the next one's: they are to connect and to come again.
	 */
	publish->shifted = publish->shifted || len == 0 || (bytes[0] != 0 && bytes[0] != 1);
	if (publish->shifted) {
		refuse_peer(publish, fd, now);
		return;
	}
	topic = (struct base_span){bytes + 1, len - 1};
	if (bytes[0] == 0) {
		publish_peers_unsubscribe(publish->peers, fd, topic, change_subscription, publish);
		return;
	}
	switch (publish_peers_subscribe(publish->peers, fd, topic, change_subscription, publish)) {
	case PUBLISH_NEW:
		send_welcome(publish);
		break;
	case PUBLISH_REFUSED:
		refuse_peer(publish, fd, now);
		break;
	case PUBLISH_USELESS:
		break;
	}
}

static bool take_subscriptions(struct publish *publish, base_time now)
{
	for (size_t i = 0; i < SUBSCRIPTIONS_PER_TURN; i++) {
		zmq_msg_t message;

		zmq_msg_init(&message);
		if (zmq_msg_recv(&message, publish->publisher, ZMQ_DONTWAIT) < 0) {
			publish->shifted = false;
			return false;
		}
		take_subscription(publish, &message, now);
		zmq_msg_close(&message);
	}
	return true;
}

static bool has_input(void *socket)
{
	int events = ZMQ_POLLIN;
	size_t len = sizeof events;

	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) != 0 || (events & ZMQ_POLLIN);
}

/* One turn of bounded work; how long the next may wait. */
static base_time turn(struct publish *publish, base_time now)
{
	base_time wait;

	publish_auth_serve(publish->auth);
	publish_monitor_serve(&publish->publisher_monitor, now);
	publish_monitor_serve(&publish->router_monitor, now);
	wait = take_subscriptions(publish, now) ? 0 : BASE_TIME_NONE;
	publish_replay_turn(publish->replay, now);
	if (wait == BASE_TIME_NONE)
		wait = publish_replay_wait(publish->replay, now);
	publish->settled = wait == BASE_TIME_NONE;
	for (size_t i = 0; i < publish->socket_count && publish->settled; i++)
		publish->settled = !has_input(publish->sockets[i]);
	return wait == BASE_TIME_NONE && !publish->settled ? 0 : wait;
}

/*
 * Waits for the caller's descriptors and the sockets', microseconds at most; *woken: one of the caller's is ready. By
 * poll(2): zmq_poll(3) asks each socket, twice, which a busy outbox would pay for with every poll of a feed (ten system
 * calls of it, a twentieth of all its time).
 */
static bool wait_for(struct publish *publish, const int *wake_fds, size_t wake_count, base_time most, bool *woken)
{
	struct pollfd items[PUBLISH_WAKE_MAX + SOCKETS_MAX];
	size_t count = 0;
	int milliseconds = most <= 0 ? 0 : most > BASE_DAY ? (int)(BASE_DAY / 1000) : (int)((most + 999) / 1000);

	*woken = false;
	for (; count < wake_count; count++)
		items[count] = (struct pollfd){.fd = wake_fds[count], .events = POLLIN};
	for (size_t i = 0; i < publish->socket_count; i++)
		items[count++] = (struct pollfd){.fd = publish->fds[i], .events = POLLIN};
	if (poll(items, (nfds_t)count, milliseconds) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		*woken = *woken || (i < wake_count && items[i].revents);
		publish->settled = publish->settled && !(i >= wake_count && items[i].revents);
	}
	return true;
}

enum base_result publish_serve(struct publish *publish, const int *wake_fds, size_t wake_count, base_time wait)
{
	base_time now = base_clock_monotonic(publish->clock), deadline = now + (wait > 0 ? wait : 0);

	if (wake_count > PUBLISH_WAKE_MAX)
		return BASE_LIMIT;
	for (;;) {
		base_time next = publish->settled ? BASE_TIME_NONE : turn(publish, now), left = deadline - now;
		bool woken;

		if (next != BASE_TIME_NONE && next < left)
			left = next;
		if (!wait_for(publish, wake_fds, wake_count, left, &woken))
			return errno == EINTR ? BASE_OK : BASE_IO;
		now = base_clock_monotonic(publish->clock);
		if (woken || now >= deadline) {
			if (wait <= 0 && !publish->settled)
				turn(publish, now);
			return BASE_OK;
		}
	}
}

enum base_result publish_reload_keys(struct publish *publish, struct base_error *err)
{
	return publish->auth ? publish_auth_reload(publish->auth, err) : BASE_OK;
}

struct publish_counts publish_counts(const struct publish *publish)
{
	struct publish_counts counts = {
		.subscribers = publish_peers_subscribed(publish->peers), .sent = publish->sent, .dropped = publish->dropped};

	publish_replay_counts(publish->replay, &counts.replays, &counts.bad_requests);
	return counts;
}
