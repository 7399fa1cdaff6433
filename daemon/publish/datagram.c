/*
 * Datagrams to a local log socket, never waiting: what the socket does not take
 * is kept in a bounded queue, beyond it dropped, counted, and told once the
 * socket takes datagrams again. Safe from any thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "datagram.h"

#define QUEUE_DEFAULT 1024

struct datagram {
	size_t len;
	char bytes[];
};

struct publish_datagrams {
	pthread_mutex_t lock;
	struct sockaddr_un address;
	publish_notice_fn *notice;
	void *ctx;
	int fd;
	struct datagram **queue; /* a ring */
	size_t first, count, max;
	uint64_t dropped; /* in all */
	uint64_t untold;  /* of them, not yet told on the socket */
};

enum base_result publish_datagrams_new(const char *path, size_t queue_max, publish_notice_fn *notice, void *ctx,
                                       struct publish_datagrams **out)
{
	struct publish_datagrams *sender;

	if (strlen(path) >= sizeof sender->address.sun_path)
		return BASE_INVALID;
	sender = calloc(1, sizeof *sender);
	if (!sender)
		return BASE_NO_MEMORY;
	sender->max = queue_max ? queue_max : QUEUE_DEFAULT;
	sender->queue = calloc(sender->max, sizeof *sender->queue);
	if (!sender->queue || pthread_mutex_init(&sender->lock, NULL) != 0) {
		free(sender->queue);
		free(sender);
		return BASE_NO_MEMORY;
	}
	sender->fd = -1;
	sender->notice = notice;
	sender->ctx = ctx;
	sender->address.sun_family = AF_UNIX;
	memcpy(sender->address.sun_path, path, strlen(path) + 1);
	*out = sender;
	return BASE_OK;
}

/* ---- the socket; all with the lock held ----------------------------------------------- */

static void disconnect(struct publish_datagrams *sender)
{
	if (sender->fd >= 0)
		close(sender->fd);
	sender->fd = -1;
}

static bool ensure_connected(struct publish_datagrams *sender)
{
	if (sender->fd >= 0)
		return true;
	sender->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sender->fd < 0)
		return false;
	if (connect(sender->fd, (struct sockaddr *)&sender->address, sizeof sender->address) != 0) {
		disconnect(sender);
		return false;
	}
	return true;
}

enum outcome { TAKEN, LATER, NEVER };

/* A log daemon that was restarted has a new socket at the same path: connect again, once. */
static enum outcome send_bytes(struct publish_datagrams *sender, const char *bytes, size_t len)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (!ensure_connected(sender))
			return LATER;
		if (send(sender->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return TAKEN;
		if (errno == EMSGSIZE)
			return NEVER;
		if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR)
			return LATER;
		disconnect(sender);
	}
	return LATER;
}

static void lose(struct publish_datagrams *sender)
{
	sender->dropped++;
	sender->untold++;
}

static bool tell_losses(struct publish_datagrams *sender)
{
	char text[PUBLISH_NOTICE_MAX];
	size_t len;

	if (sender->untold == 0)
		return true;
	len = sender->notice(sender->ctx, sender->untold, text);
	if (send_bytes(sender, text, len) == LATER)
		return false;
	sender->untold = 0;
	return true;
}

/* Send what waits, oldest first, until the socket takes no more; true when nothing waits. */
static bool flush_queue(struct publish_datagrams *sender)
{
	while (sender->count > 0) {
		struct datagram *datagram = sender->queue[sender->first];
		enum outcome outcome = send_bytes(sender, datagram->bytes, datagram->len);

		if (outcome == LATER)
			return false;
		if (outcome == NEVER)
			lose(sender);
		free(datagram);
		sender->queue[sender->first] = NULL;
		sender->first = (sender->first + 1) % sender->max;
		sender->count--;
	}
	return tell_losses(sender);
}

static void keep(struct publish_datagrams *sender, const char *bytes, size_t len)
{
	struct datagram *datagram = sender->count < sender->max ? malloc(sizeof *datagram + len) : NULL;

	if (!datagram) {
		lose(sender);
		return;
	}
	datagram->len = len;
	memcpy(datagram->bytes, bytes, len);
	sender->queue[(sender->first + sender->count++) % sender->max] = datagram;
}

void publish_datagrams_send(struct publish_datagrams *sender, const char *bytes, size_t len)
{
	pthread_mutex_lock(&sender->lock);
	switch (flush_queue(sender) ? send_bytes(sender, bytes, len) : LATER) {
	case TAKEN:
		break;
	case LATER:
		keep(sender, bytes, len);
		break;
	case NEVER:
		lose(sender);
		break;
	}
	pthread_mutex_unlock(&sender->lock);
}

void publish_datagrams_flush(struct publish_datagrams *sender)
{
	pthread_mutex_lock(&sender->lock);
	flush_queue(sender);
	pthread_mutex_unlock(&sender->lock);
}

size_t publish_datagrams_waiting(struct publish_datagrams *sender)
{
	size_t waiting;

	pthread_mutex_lock(&sender->lock);
	waiting = sender->count;
	pthread_mutex_unlock(&sender->lock);
	return waiting;
}

uint64_t publish_datagrams_dropped(struct publish_datagrams *sender)
{
	uint64_t dropped;

	pthread_mutex_lock(&sender->lock);
	dropped = sender->dropped;
	pthread_mutex_unlock(&sender->lock);
	return dropped;
}

void publish_datagrams_free(struct publish_datagrams *sender)
{
	if (!sender)
		return;
	flush_queue(sender);
	while (sender->count > 0) {
		free(sender->queue[sender->first]);
		sender->first = (sender->first + 1) % sender->max;
		sender->count--;
	}
	disconnect(sender);
	pthread_mutex_destroy(&sender->lock);
	free(sender->queue);
	free(sender);
}
