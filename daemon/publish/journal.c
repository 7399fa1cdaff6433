/*
 * Alerts as journal entries with fields of their own.
 *
 * The journal's native protocol: one datagram of KEY=value lines, a value that
 * may hold newlines given with its length instead
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). Ours are escaped, so none does.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "datagram.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define ENTRY_MAX (32 * 1024)
#define LINK_MAX 4096

struct publish_journal {
	struct publish_datagrams *socket;
	char *ident;
	int facility;
};

static size_t write_notice(void *ctx, uint64_t lost, char out[PUBLISH_NOTICE_MAX])
{
	const struct publish_journal *journal = ctx;

	return (size_t)snprintf(out, PUBLISH_NOTICE_MAX,
	                        "MESSAGE=journal: %llu alerts were dropped while the journal took none\n"
	                        "PRIORITY=4\nSYSLOG_IDENTIFIER=%.64s\n",
	                        (unsigned long long)lost, journal->ident);
}

enum base_result publish_journal_new(const struct publish_syslog_options *options, struct publish_journal **out)
{
	struct publish_journal *journal;
	enum base_result result;

	if (!options->ident)
		return BASE_INVALID;
	journal = calloc(1, sizeof *journal);
	if (!journal)
		return BASE_NO_MEMORY;
	journal->facility = options->facility;
	journal->ident = strdup(options->ident);
	result = journal->ident ? publish_datagrams_new(options->path ? options->path : JOURNAL_SOCKET, options->queue_max,
	                                                write_notice, journal, &journal->socket)
	                        : BASE_NO_MEMORY;
	if (result)
		publish_journal_free(journal);
	else
		*out = journal;
	return result;
}

void publish_journal_free(struct publish_journal *journal)
{
	if (!journal)
		return;
	publish_datagrams_free(journal->socket);
	free(journal->ident);
	free(journal);
}

static void add_field(struct base_buf *entry, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text)
		return;
	base_buf_printf(entry, "%s=", name);
	base_escape(entry, text, base_utf8_clip(text, json_string_length(value), LINK_MAX), BASE_ESCAPE_LINE);
	base_buf_add_char(entry, '\n');
}

void publish_journal_alert(struct publish_journal *journal, int priority, const struct ledger_message *message,
                           struct base_span line)
{
	json_t *event = json_loadb(message->json.ptr, message->json.len, 0, NULL);
	const json_t *data = json_object_get(event, "data");
	struct base_buf entry;

	base_buf_init(&entry, ENTRY_MAX);
	base_buf_add_text(&entry, "MESSAGE=");
	base_buf_add_span(&entry, line);
	base_buf_printf(&entry, "\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n", LOG_PRI(priority),
	                LOG_FAC(journal->facility), journal->ident);
	base_buf_printf(&entry, "MESSAGE_ID=" PUBLISH_MESSAGE_ID_ALERT "\nWIREWATCH_SEQUENCE=%llu\n",
	                (unsigned long long)message->sequence);
	add_field(&entry, "WIREWATCH_CLASS", json_object_get(data, "class"));
	add_field(&entry, "WIREWATCH_STORY", json_object_get(data, "story"));
	add_field(&entry, "WIREWATCH_LINK", json_object_get(data, "link"));
	if (!entry.failed)
		publish_datagrams_send(journal->socket, entry.data, entry.len);
	base_buf_free(&entry);
	json_decref(event);
}

void publish_journal_flush(struct publish_journal *journal)
{
	publish_datagrams_flush(journal->socket);
}

size_t publish_journal_waiting(const struct publish_journal *journal)
{
	return publish_datagrams_waiting(journal->socket);
}

uint64_t publish_journal_dropped(const struct publish_journal *journal)
{
	return publish_datagrams_dropped(journal->socket);
}
