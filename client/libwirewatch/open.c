/*
 * Opening and closing a subscriber: options, topics, sockets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "subscriber.h"

#define RECEIVE_HWM 20000 /* messages that wait for a busy program */
#define TOPIC_ALERT "ww1/alert/"
#define MONITOR "inproc://wirewatch-monitor"

static enum wirewatch_result fail(char *reason, enum wirewatch_result result, const char *what, const char *why)
{
	if (reason)
		snprintf(reason, WIREWATCH_REASON_MAX, "%s: %s", what, why);
	return result;
}

/* replay.sock beside the ipc socket, or the next tcp port; "" when there is no such rule. */
static char *derive_replay(const char *endpoint)
{
	const char *cut = strrchr(endpoint, '/'), *colon = strrchr(endpoint, ':');
	size_t size = strlen(endpoint) + 32;
	char *text = calloc(1, size), *end;

	if (!text)
		return NULL;
	if (strncmp(endpoint, "ipc://", 6) == 0 && cut) {
		snprintf(text, size, "%.*s/replay.sock", (int)(cut - endpoint), endpoint);
	} else if (strncmp(endpoint, "tcp://", 6) == 0 && colon) {
		long port = strtol(colon + 1, &end, 10);

		if (*end == '\0' && port > 0 && port < 65535)
			snprintf(text, size, "%.*s:%ld", (int)(colon - endpoint), endpoint, port + 1);
	}
	return text;
}

static void copy_common_prefix(struct wirewatch *w)
{
	size_t len = strlen(w->topics[0]);

	for (size_t i = 1; i < w->topic_count; i++) {
		size_t same = 0;

		while (same < len && w->topics[i][same] == w->topics[0][same])
			same++;
		len = same;
	}
	memcpy(w->prefix, w->topics[0], len);
	w->prefix[len] = '\0';
}

static enum wirewatch_result copy_topics(struct wirewatch *w, const struct wirewatch_options *options, char *reason)
{
	static const char *const all[] = {TOPIC_ALERT};
	const char *const *topics = options->topic_count ? options->topics : all;

	w->topic_count = options->topic_count ? options->topic_count : 1;
	w->topics = calloc(w->topic_count, sizeof *w->topics);
	if (!w->topics)
		return fail(reason, WIREWATCH_NO_MEMORY, "topics", "out of memory");
	for (size_t i = 0; i < w->topic_count; i++) {
		const char *topic = topics[i];

		if (strncmp(topic, TOPIC_ALERT, strlen(TOPIC_ALERT)) != 0 || strlen(topic) > TOPIC_MAX ||
		    strpbrk(topic, "\"\\"))
			return fail(reason, WIREWATCH_INVALID, topic, "topics begin with " TOPIC_ALERT);
		memcpy(w->topics[i], topic, strlen(topic));
		w->track.contiguous |= strcmp(topic, TOPIC_ALERT) == 0;
	}
	copy_common_prefix(w);
	return WIREWATCH_OK;
}

static bool copy_text(char **to, const char *from)
{
	if (from)
		*to = strdup(from);
	return !from || *to;
}

static enum wirewatch_result copy_options(struct wirewatch *w, const struct wirewatch_options *options, char *reason)
{
	if (!options->server_key != !options->secret_key)
		return fail(reason, WIREWATCH_INVALID, "keys", "the server's and the own secret key are both needed");
	w->endpoint = strdup(options->endpoint ? options->endpoint : WIREWATCH_DEFAULT_ENDPOINT);
	if (!w->endpoint)
		return fail(reason, WIREWATCH_NO_MEMORY, "endpoint", "out of memory");
	w->replay = options->replay ? strdup(options->replay) : derive_replay(w->endpoint);
	if (!w->replay || !copy_text(&w->server_key, options->server_key) ||
	    !copy_text(&w->public_key, options->public_key) || !copy_text(&w->secret_key, options->secret_key))
		return fail(reason, WIREWATCH_NO_MEMORY, "options", "out of memory");
	if (w->secret_key && !w->public_key) {
		w->public_key = calloc(1, WIREWATCH_KEY_SIZE);
		if (!w->public_key || strlen(w->secret_key) != WIREWATCH_KEY_SIZE - 1 || zmq_curve_public(w->public_key, w->secret_key) != 0)
			return fail(reason, WIREWATCH_INVALID, "keys", "the secret key is not valid");
	}
	if (options->position && *options->position && !track_parse(&w->track, options->position))
		return fail(reason, WIREWATCH_INVALID, "position", "not a text of wirewatch_position()");
	return copy_topics(w, options, reason);
}

static int set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value);
}

bool subscriber_set_keys(const struct wirewatch *w, void *socket)
{
	if (!w->server_key)
		return true;
	return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, w->server_key, strlen(w->server_key) + 1) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, w->public_key, strlen(w->public_key) + 1) == 0 &&
	       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, w->secret_key, strlen(w->secret_key) + 1) == 0;
}

static int set_options(void *socket)
{
	int rc = set(socket, ZMQ_LINGER, 0);

	rc |= set(socket, ZMQ_IPV6, 1);
	rc |= set(socket, ZMQ_RCVHWM, RECEIVE_HWM);
	rc |= set(socket, ZMQ_RECONNECT_IVL, 100);
	rc |= set(socket, ZMQ_RECONNECT_IVL_MAX, 5000);
	rc |= set(socket, ZMQ_TCP_KEEPALIVE, 1);
	rc |= set(socket, ZMQ_TCP_KEEPALIVE_IDLE, 60);
	rc |= set(socket, ZMQ_HEARTBEAT_IVL, 15000);
	rc |= set(socket, ZMQ_HEARTBEAT_TIMEOUT, 60000);
	return rc;
}

static int watch(struct wirewatch *w)
{
	w->monitor = zmq_socket(w->context, ZMQ_PAIR);
	if (!w->monitor || set(w->monitor, ZMQ_LINGER, 0) != 0 || set(w->monitor, ZMQ_RCVHWM, 0) != 0 ||
	    zmq_socket_monitor(w->subscriber, MONITOR, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0)
		return -1;
	return zmq_connect(w->monitor, MONITOR);
}

static int subscribe(struct wirewatch *w)
{
	static const char *const states[] = {"ww1/heartbeat/", "ww1/welcome/"};
	int rc = 0;

	for (size_t i = 0; i < w->topic_count; i++)
		rc |= zmq_setsockopt(w->subscriber, ZMQ_SUBSCRIBE, w->topics[i], strlen(w->topics[i]));
	/* The welcome last: it then says that the subscriptions above are in force. */
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		rc |= zmq_setsockopt(w->subscriber, ZMQ_SUBSCRIBE, states[i], strlen(states[i]));
	return rc;
}

static enum wirewatch_result open_sockets(struct wirewatch *w, char *reason)
{
	w->context = zmq_ctx_new();
	w->subscriber = w->context ? zmq_socket(w->context, ZMQ_SUB) : NULL;
	if (!w->subscriber || set_options(w->subscriber) != 0 || watch(w) != 0 || subscribe(w) != 0)
		return fail(reason, WIREWATCH_FAILED, "ZeroMQ", zmq_strerror(zmq_errno()));
	if (!subscriber_set_keys(w, w->subscriber))
		return fail(reason, WIREWATCH_INVALID, "keys", "a CURVE key is not valid");
	if (zmq_connect(w->subscriber, w->endpoint) != 0)
		return fail(reason, WIREWATCH_INVALID, w->endpoint, zmq_strerror(zmq_errno()));
	if (*w->replay) {
		void *probe = zmq_socket(w->context, ZMQ_DEALER);
		int rc = probe ? set(probe, ZMQ_LINGER, 0) | zmq_connect(probe, w->replay) : -1;
		int error = zmq_errno();

		if (probe)
			zmq_close(probe);
		if (rc != 0)
			return fail(reason, WIREWATCH_INVALID, w->replay, zmq_strerror(error));
	}
	return WIREWATCH_OK;
}

static void start(struct wirewatch *w, const struct wirewatch_options *options)
{
	if (!w->track.based && options->start == WIREWATCH_FROM_SEQUENCE)
		track_reset(&w->track, 0, options->after);
	if (!*w->replay)
		return;
	if (w->track.based)
		catch_up_begin(w);
	else if (options->start == WIREWATCH_FROM_TIME)
		catch_up_seek(w, options->since);
}

enum wirewatch_result wirewatch_open(const struct wirewatch_options *options, struct wirewatch **out, char *reason)
{
	enum wirewatch_result result;
	struct wirewatch *w;

	if (options->size != sizeof *options)
		return fail(reason, WIREWATCH_INVALID, "options", "the size is not set");
	w = calloc(1, sizeof *w);
	if (!w)
		return fail(reason, WIREWATCH_NO_MEMORY, "subscriber", "out of memory");
	w->held_end = &w->held;
	result = copy_options(w, options, reason);
	if (result == WIREWATCH_OK)
		result = open_sockets(w, reason);
	if (result != WIREWATCH_OK) {
		wirewatch_close(w);
		return result;
	}
	start(w, options);
	*out = w;
	return WIREWATCH_OK;
}

void wirewatch_close(struct wirewatch *w)
{
	if (!w)
		return;
	if (w->subscriber)
		zmq_socket_monitor(w->subscriber, NULL, 0);
	for (size_t i = 0; i < 3; i++) {
		void *socket = i == 0 ? w->dealer : i == 1 ? w->monitor : w->subscriber;

		if (socket)
			zmq_close(socket);
	}
	if (w->context)
		zmq_ctx_term(w->context);
	while (w->held) {
		struct message *message = w->held;

		w->held = message->next;
		free(message);
	}
	track_free(&w->track);
	free(w->current);
	free(w->position);
	free(w->topics);
	free(w->endpoint);
	free(w->replay);
	free(w->server_key);
	free(w->public_key);
	free(w->secret_key);
	free(w);
}

enum wirewatch_result wirewatch_make_keys(char public_key[WIREWATCH_KEY_SIZE], char secret_key[WIREWATCH_KEY_SIZE])
{
	return zmq_curve_keypair(public_key, secret_key) == 0 ? WIREWATCH_OK : WIREWATCH_FAILED;
}
