/*
 * The daemons that share a ledger: the sockets to the one in use, and when it
 * is left for the next.
 *
 * One is subscribed to at a time. Sequences are the ledger's, so at the next
 * one all that is after what was delivered is asked for, as after a
 * reconnection; nothing of the old one's can arrive any more, its sockets are
 * closed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "subscriber.h"

#define RECEIVE_HWM 20000 /* messages that wait for a busy program */
#define CONNECT_MS 3000   /* for a connection, before the next endpoint is tried */
#define REFUSED_MS 250    /* after a refused one */

static enum wirewatch_result fail(char *reason, enum wirewatch_result result, const char *what, const char *why)
{
	if (reason)
		snprintf(reason, WIREWATCH_REASON_MAX, "%s: %s", what, why);
	return result;
}

/* ---- sockets ---------------------------------------------------------------------------- */

static int set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value);
}

bool endpoints_set_keys(const struct wirewatch *w, void *socket)
{
	const char *server_key = w->endpoints[w->at].server_key;

	if (!server_key)
		return true;
	return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, strlen(server_key) + 1) == 0 &&
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
	char name[48];

	snprintf(name, sizeof name, "inproc://wirewatch-monitor-%u", w->moves++);
	w->monitor = zmq_socket(w->context, ZMQ_PAIR);
	if (!w->monitor || set(w->monitor, ZMQ_LINGER, 0) != 0 || set(w->monitor, ZMQ_RCVHWM, 0) != 0 ||
	    zmq_socket_monitor(w->subscriber, name,
	                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED) != 0)
		return -1;
	return zmq_connect(w->monitor, name);
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

/* Whether the address can be connected to at all. */
static enum wirewatch_result check_replay(struct wirewatch *w, char *reason)
{
	void *probe = zmq_socket(w->context, ZMQ_DEALER);
	int rc = probe ? set(probe, ZMQ_LINGER, 0) | zmq_connect(probe, w->replay) : -1;
	int error = zmq_errno();

	if (probe)
		zmq_close(probe);
	return rc == 0 ? WIREWATCH_OK : fail(reason, WIREWATCH_INVALID, w->replay, zmq_strerror(error));
}

enum wirewatch_result endpoints_open(struct wirewatch *w, char *reason)
{
	const struct endpoint *endpoint = &w->endpoints[w->at];

	w->replay = endpoint->replay;
	w->move_at = subscriber_now() + CONNECT_MS;
	w->move = false;
	w->subscriber = zmq_socket(w->context, ZMQ_SUB);
	if (!w->subscriber || set_options(w->subscriber) != 0 || watch(w) != 0 || subscribe(w) != 0)
		return fail(reason, WIREWATCH_FAILED, "ZeroMQ", zmq_strerror(zmq_errno()));
	if (!endpoints_set_keys(w, w->subscriber))
		return fail(reason, WIREWATCH_INVALID, "keys", "a CURVE key is not valid");
	if (zmq_connect(w->subscriber, endpoint->publish) != 0)
		return fail(reason, WIREWATCH_INVALID, endpoint->publish, zmq_strerror(zmq_errno()));
	return *w->replay ? check_replay(w, reason) : WIREWATCH_OK;
}

void endpoints_close(struct wirewatch *w)
{
	void **const sockets[] = {&w->dealer, &w->monitor, &w->subscriber};

	if (w->subscriber)
		zmq_socket_monitor(w->subscriber, NULL, 0);
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		if (*sockets[i])
			zmq_close(*sockets[i]);
		*sockets[i] = NULL;
	}
}

/* ---- which one ---------------------------------------------------------------------------- */

void endpoints_heard(struct wirewatch *w)
{
	if (!w->move)
		w->move_at = subscriber_now() + w->silence;
}

void endpoints_connected(struct wirewatch *w)
{
	w->move = false;
	endpoints_heard(w);
}

bool endpoints_leave(struct wirewatch *w, int64_t pause)
{
	if (w->endpoint_count < 2)
		return false;
	if (!w->move || subscriber_now() + pause < w->move_at)
		w->move_at = subscriber_now() + pause;
	w->move = true;
	return true;
}

void endpoints_ours(struct wirewatch *w)
{
	for (size_t i = 0; i < w->endpoint_count; i++)
		w->endpoints[i].foreign = false;
}

bool endpoints_pass_over(struct wirewatch *w)
{
	struct endpoint *endpoint = &w->endpoints[w->at];

	if (w->endpoint_count < 2)
		return false;
	if (endpoint->foreign) { /* all others were tried since, and none had ours */
		endpoints_ours(w);
		return false;
	}
	endpoint->foreign = true;
	subscriber_note(w, WIREWATCH_OTHER_LEDGER, 0, 0);
	return endpoints_leave(w, REFUSED_MS);
}

/* What was delivered stays; what was only received is asked for again. */
bool endpoints_check(struct wirewatch *w)
{
	if (w->endpoint_count < 2 || subscriber_now() < w->move_at || w->note_count > 0)
		return true;
	endpoints_close(w);
	subscriber_drop_held(w);
	if (w->connected)
		subscriber_note(w, WIREWATCH_DISCONNECTED, 0, 0);
	w->connected = false;
	w->at = (w->at + 1) % w->endpoint_count;
	if (endpoints_open(w, NULL) != WIREWATCH_OK)
		return false;
	catch_up_elsewhere(w);
	return true;
}

const char *wirewatch_endpoint(const struct wirewatch *w)
{
	return w->endpoints[w->at].publish;
}
