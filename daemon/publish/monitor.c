/*
 * Connections as libzmq's socket monitor tells them: how many there are, and
 * a bound on them, because libzmq's accept loop spins when descriptors run out.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "publish.h"

#define EVENTS \
	(ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
	 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

enum base_result publish_monitor_start(struct publish_monitor *monitor, void *context, const char *address,
                                       struct base_error *err)
{
	int unlimited = 0, linger = 0;

	if (zmq_socket_monitor(monitor->watched, address, EVENTS) != 0)
		return publish_zmq_fail(err, "socket monitor");
	monitor->socket = zmq_socket(context, ZMQ_PAIR);
	/* A full monitor would make libzmq's own thread wait for ours. */
	if (!monitor->socket || zmq_setsockopt(monitor->socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited) != 0 ||
	    zmq_setsockopt(monitor->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
	    zmq_connect(monitor->socket, address) != 0)
		return publish_zmq_fail(err, "socket monitor");
	return BASE_OK;
}

void publish_monitor_stop(struct publish_monitor *monitor)
{
	if (monitor->watched)
		zmq_socket_monitor(monitor->watched, NULL, 0);
	if (monitor->socket)
		zmq_close(monitor->socket);
	monitor->socket = NULL;
}

static void accepted(struct publish_monitor *monitor, int fd, base_time now)
{
	++*monitor->total;
	if (monitor->peers)
		publish_peers_accepted(monitor->peers, fd);
	if (*monitor->total <= monitor->total_max)
		return;
	shutdown(fd, SHUT_RDWR); /* libzmq sees the end of the stream and closes it */
	if (base_complain(&monitor->complaint_full, now))
		base_log(monitor->log, BASE_WARNING, "publish", "more than %zu connections: refused one (%llu so far)",
		         monitor->total_max, (unsigned long long)monitor->complaint_full.count);
}

static void take(struct publish_monitor *monitor, uint16_t event, uint32_t value, base_time now)
{
	switch (event) {
	case ZMQ_EVENT_ACCEPTED:
		accepted(monitor, (int)value, now);
		break;
	case ZMQ_EVENT_DISCONNECTED:
		*monitor->total -= *monitor->total > 0;
		if (monitor->peers)
			publish_peers_gone(monitor->peers, (int)value);
		break;
	case ZMQ_EVENT_ACCEPT_FAILED:
		if (base_complain(&monitor->complaint_accept, now))
			base_log(monitor->log, BASE_WARNING, "publish", "cannot accept a subscriber: %s (%llu times so far)",
			         (int)value == ECONNABORTED ? "no descriptor to spare" : strerror((int)value),
			         (unsigned long long)monitor->complaint_accept.count);
		break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: /* it left before it was greeted, as a look whether we are there does */
		base_log(monitor->log, BASE_DEBUG, "publish", "a connection ended during its handshake");
		break;
	default:
		if (base_complain(&monitor->complaint_handshake, now))
			base_log(monitor->log, BASE_NOTICE, "publish", "a connection was refused: %s (%llu so far)",
			         event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? "its key is not known" : "it does not speak ZMTP",
			         (unsigned long long)monitor->complaint_handshake.count);
	}
}

void publish_monitor_serve(struct publish_monitor *monitor, base_time now)
{
	for (;;) {
		unsigned char event[6];
		uint16_t number;
		uint32_t value;
		int rc = zmq_recv(monitor->socket, event, sizeof event, ZMQ_DONTWAIT);

		if (rc < 0)
			return;
		zmq_recv(monitor->socket, NULL, 0, ZMQ_DONTWAIT); /* the endpoint */
		if (rc != (int)sizeof event)
			continue;
		/* zmq_socket_monitor(3): 16 bits event, 32 bits value, in the host's order, packed. */
		memcpy(&number, event, sizeof number);
		memcpy(&value, event + sizeof number, sizeof value);
		take(monitor, number, value, now);
	}
}
