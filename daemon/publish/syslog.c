/*
 * A sender to the local syslog socket that never waits.
 *
 * syslog(3) blocks for ever when the socket is full. The line is the format
 * that syslog(3) itself writes to the socket, without a time: rsyslog and
 * journald add their own, and both misread RFC 5424 there.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "wirewatch/publish.h"

#define QUEUE_DEFAULT 1024
#define LINE_MAX_LEN 4096
#define PREFIX_MAX 128

struct line {
	size_t len;
	char bytes[];
};

struct publish_syslog {
	pthread_mutex_t lock;
	struct sockaddr_un address;
	socklen_t address_len;
	char *ident;
	int facility, fd;
	struct line **queue; /* a ring */
	size_t first, count, max;
	uint64_t dropped; /* in all */
	uint64_t untold;  /* of them, not yet said on the socket */
};

enum base_result publish_syslog_new(const struct publish_syslog_options *options, struct publish_syslog **out)
{
	const char *path = options->path ? options->path : "/dev/log";
	struct publish_syslog *sender;

	if (strlen(path) >= sizeof sender->address.sun_path || !options->ident)
		return BASE_INVALID;
	sender = calloc(1, sizeof *sender);
	if (!sender)
		return BASE_NO_MEMORY;
	sender->max = options->queue_max ? options->queue_max : QUEUE_DEFAULT;
	sender->queue = calloc(sender->max, sizeof *sender->queue);
	sender->ident = strdup(options->ident);
	if (!sender->queue || !sender->ident || pthread_mutex_init(&sender->lock, NULL) != 0) {
		free(sender->queue);
		free(sender->ident);
		free(sender);
		return BASE_NO_MEMORY;
	}
	sender->fd = -1;
	sender->facility = options->facility;
	sender->address.sun_family = AF_UNIX;
	memcpy(sender->address.sun_path, path, strlen(path) + 1);
	sender->address_len = sizeof sender->address;
	*out = sender;
	return BASE_OK;
}

/* ---- the socket; all with the lock held ----------------------------------------------- */

static void disconnect(struct publish_syslog *sender)
{
	if (sender->fd >= 0)
		close(sender->fd);
	sender->fd = -1;
}

static bool ensure_connected(struct publish_syslog *sender)
{
	if (sender->fd >= 0)
		return true;
	sender->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sender->fd < 0)
		return false;
	if (connect(sender->fd, (struct sockaddr *)&sender->address, sender->address_len) != 0) {
		disconnect(sender);
		return false;
	}
	return true;
}

enum outcome { TAKEN, LATER, NEVER };

/* A log daemon that was restarted has a new socket at the same path: connect again, once. */
static enum outcome send_bytes(struct publish_syslog *sender, const char *bytes, size_t len)
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

static size_t write_prefix(const struct publish_syslog *sender, int priority, char out[PREFIX_MAX])
{
	int len = snprintf(out, PREFIX_MAX, "<%d>%.64s[%ld]: ", LOG_MAKEPRI(sender->facility, LOG_PRI(priority)),
	                   sender->ident, (long)getpid());

	return len > 0 && len < PREFIX_MAX ? (size_t)len : 0;
}

static void lose(struct publish_syslog *sender)
{
	sender->dropped++;
	sender->untold++;
}

static bool tell_losses(struct publish_syslog *sender)
{
	char text[PREFIX_MAX + 96];
	size_t len;
	int more;

	if (sender->untold == 0)
		return true;
	len = write_prefix(sender, LOG_WARNING, text);
	more = snprintf(text + len, sizeof text - len, "syslog: %llu lines were dropped while the log took none",
	                (unsigned long long)sender->untold);
	if (more < 0 || send_bytes(sender, text, len + (size_t)more) == LATER)
		return false;
	sender->untold = 0;
	return true;
}

/* Send what waits, oldest first, until the socket takes no more; true when nothing waits. */
static bool flush_queue(struct publish_syslog *sender)
{
	while (sender->count > 0) {
		struct line *line = sender->queue[sender->first];
		enum outcome outcome = send_bytes(sender, line->bytes, line->len);

		if (outcome == LATER)
			return false;
		if (outcome == NEVER)
			lose(sender);
		free(line);
		sender->queue[sender->first] = NULL;
		sender->first = (sender->first + 1) % sender->max;
		sender->count--;
	}
	return tell_losses(sender);
}

static void keep(struct publish_syslog *sender, const char *bytes, size_t len)
{
	struct line *line = sender->count < sender->max ? malloc(sizeof *line + len) : NULL;

	if (!line) {
		lose(sender);
		return;
	}
	line->len = len;
	memcpy(line->bytes, bytes, len);
	sender->queue[(sender->first + sender->count++) % sender->max] = line;
}

/* ---- the door ----------------------------------------------------------------------------- */

void publish_syslog_line(struct publish_syslog *sender, int priority, const char *line, size_t len)
{
	char text[PREFIX_MAX + LINE_MAX_LEN];
	size_t prefix = write_prefix(sender, priority, text);

	len = base_utf8_clip(line, len, LINE_MAX_LEN);
	memcpy(text + prefix, line, len);
	pthread_mutex_lock(&sender->lock);
	switch (flush_queue(sender) ? send_bytes(sender, text, prefix + len) : LATER) {
	case TAKEN:
		break;
	case LATER:
		keep(sender, text, prefix + len);
		break;
	case NEVER:
		lose(sender);
		break;
	}
	pthread_mutex_unlock(&sender->lock);
}

void publish_syslog_flush(struct publish_syslog *sender)
{
	pthread_mutex_lock(&sender->lock);
	flush_queue(sender);
	pthread_mutex_unlock(&sender->lock);
}

uint64_t publish_syslog_dropped(const struct publish_syslog *sender)
{
	/* The lock changes, what the caller sees does not. */
	struct publish_syslog *mine = (struct publish_syslog *)(uintptr_t)sender;
	uint64_t dropped;

	pthread_mutex_lock(&mine->lock);
	dropped = mine->dropped;
	pthread_mutex_unlock(&mine->lock);
	return dropped;
}

void publish_syslog_free(struct publish_syslog *sender)
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
	free(sender->ident);
	free(sender);
}
