/*
 * A sender to the local syslog socket that never waits.
 *
 * syslog(3) blocks for ever when the socket is full. The line is the format
 * that syslog(3) itself writes to the socket, without a time: rsyslog and
 * journald add their own, and both misread RFC 5424 there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "datagram.h"

#define LINE_MAX_LEN 4096
#define PREFIX_MAX 128

struct publish_syslog {
	struct publish_datagrams *socket;
	char *ident;
	int facility;
};

static size_t write_prefix(const struct publish_syslog *sender, int priority, char out[PREFIX_MAX])
{
	int len = snprintf(out, PREFIX_MAX, "<%d>%.64s[%ld]: ", LOG_MAKEPRI(sender->facility, LOG_PRI(priority)),
	                   sender->ident, (long)getpid());

	return len > 0 && len < PREFIX_MAX ? (size_t)len : 0;
}

static size_t write_notice(void *ctx, uint64_t lost, char out[PUBLISH_NOTICE_MAX])
{
	size_t len = write_prefix(ctx, LOG_WARNING, out);

	return len + (size_t)snprintf(out + len, PUBLISH_NOTICE_MAX - len,
	                              "syslog: %llu lines were dropped while the log took none", (unsigned long long)lost);
}

enum base_result publish_syslog_new(const struct publish_syslog_options *options, struct publish_syslog **out)
{
	const char *path = options->path ? options->path : "/dev/log";
	struct publish_syslog *sender;
	enum base_result result;

	if (!options->ident)
		return BASE_INVALID;
	sender = calloc(1, sizeof *sender);
	if (!sender)
		return BASE_NO_MEMORY;
	sender->facility = options->facility;
	sender->ident = strdup(options->ident);
	result = sender->ident ? publish_datagrams_new(path, options->queue_max, write_notice, sender, &sender->socket)
	                       : BASE_NO_MEMORY;
	if (result)
		publish_syslog_free(sender);
	else
		*out = sender;
	return result;
}

void publish_syslog_line(struct publish_syslog *sender, int priority, const char *line, size_t len)
{
	char text[PREFIX_MAX + LINE_MAX_LEN];
	size_t prefix = write_prefix(sender, priority, text);

	len = base_utf8_clip(line, len, LINE_MAX_LEN);
	memcpy(text + prefix, line, len);
	publish_datagrams_send(sender->socket, text, prefix + len);
}

void publish_syslog_flush(struct publish_syslog *sender)
{
	publish_datagrams_flush(sender->socket);
}

size_t publish_syslog_waiting(const struct publish_syslog *sender)
{
	return publish_datagrams_waiting(sender->socket);
}

uint64_t publish_syslog_dropped(const struct publish_syslog *sender)
{
	return publish_datagrams_dropped(sender->socket);
}

void publish_syslog_free(struct publish_syslog *sender)
{
	if (!sender)
		return;
	publish_datagrams_free(sender->socket);
	free(sender->ident);
	free(sender);
}
