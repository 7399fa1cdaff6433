/*
 * publish: alerts leave the house - ZeroMQ for programs, syslog and the
 * journal for people. libzmq stays inside this room.
 *
 * One object belongs to one thread; nothing here blocks but publish_serve,
 * and that only as long as it is told to.
 */
#ifndef WIREWATCH_PUBLISH_H
#define WIREWATCH_PUBLISH_H

#include "wirewatch/base.h"
#include "wirewatch/ledger.h"

struct publish;

struct publish_options {
	const char *const *endpoints; /* of the XPUB socket */
	size_t endpoint_count;
	const char *const *replay_endpoints; /* of the ROUTER socket */
	size_t replay_count;
	struct ledger *ledger; /* what replay reads; same thread */
	uint64_t epoch;
	size_t connections_max; /* of both sockets; 0: half of the descriptors. Never above 2,000 */
	struct base_log *log;  /* may be NULL */
	/*
	 * CURVE, both or none. server_key: file with the secret key; one that
	 * is not there is looked for in $CREDENTIALS_DIRECTORY. clients: folder of NAME.pub
	 * files, one public key each. Without them only ipc and loopback addresses
	 * are bound (else BASE_DENIED); with them every socket demands a known key.
	 */
	const char *server_key, *clients;
};
/* Binds everything or fails: BASE_INVALID for an endpoint that cannot be, BASE_IO when it is taken. */
enum base_result publish_new(const struct publish_options *options, struct publish **out, struct base_error *err);
/* Waits up to a second for what is queued to leave, then closes. NULL is fine. */
void publish_free(struct publish *publish);

/* Send the three frames. Never blocks; a subscriber that is too slow loses and sees it by the sequence. */
enum base_result publish_message(struct publish *publish, const struct ledger_message *message);

struct publish_health {
	uint64_t sequence;
	size_t feeds, failing;
	bool stuck;    /* the ledger fails, so that alerts may be late */
	base_time now; /* wall */
};
enum base_result publish_heartbeat(struct publish *publish, const struct publish_health *health);
/* The latest sequence that a welcome states. */
void publish_set_sequence(struct publish *publish, uint64_t sequence);

/*
 * Serve subscriptions and replays until one of the wake_fds is readable or
 * wait has passed. wait <= 0: only what is already there.
 */
#define PUBLISH_WAKE_MAX 4
enum base_result publish_serve(struct publish *publish, const int *wake_fds, size_t wake_count, base_time wait);

/* Read the clients' keys anew; on failure the old ones stay. Connections that stand are not cut. */
enum base_result publish_reload_keys(struct publish *publish, struct base_error *err);

struct publish_counts {
	uint64_t subscribers; /* now */
	uint64_t sent, dropped; /* dropped: times a subscriber was too slow and began to lose */
	uint64_t replays, bad_requests;
};
struct publish_counts publish_counts(const struct publish *publish);

/* ---- syslog -------------------------------------------------------------------- */

/*
 * A sender in syslog's local format to a datagram socket (/dev/log). Never
 * blocks: what does not fit waits in a bounded queue, beyond it is dropped,
 * counted and said once the socket takes lines again. Safe from any thread.
 */
struct publish_syslog;
struct publish_syslog_options {
	const char *path;  /* NULL: /dev/log */
	const char *ident; /* "wirewatchd" */
	int facility;      /* LOG_DAEMON ... */
	size_t queue_max;  /* lines; 0: 1,024 */
};
enum base_result publish_syslog_new(const struct publish_syslog_options *options, struct publish_syslog **out);
void publish_syslog_free(struct publish_syslog *sender); /* tries once more to send what waits */
/* line: escaped already, without newline. priority: LOG_NOTICE ... */
void publish_syslog_line(struct publish_syslog *sender, int priority, const char *line, size_t len);
/* Try to send what waits; called now and then. */
void publish_syslog_flush(struct publish_syslog *sender);
size_t publish_syslog_waiting(const struct publish_syslog *sender); /* lines the socket has not taken yet */
uint64_t publish_syslog_dropped(const struct publish_syslog *sender);

/* ---- journal -------------------------------------------------------------------- */

/*
 * Alerts as journal entries with the fields MESSAGE_ID and WIREWATCH_CLASS,
 * _SEQUENCE, _LINK and _STORY. To be used instead of the syslog sender when
 * base_log_to_journal(): journald hands entries on to syslog by itself, and
 * both together would tell each alert twice. Never blocks; safe from any thread.
 */
#define PUBLISH_MESSAGE_ID_ALERT "8d2bfa4e7f7c4f0fa3e1c0c5d94b6a17"

struct publish_journal;
/* As for syslog; path NULL: the journal's own socket. */
enum base_result publish_journal_new(const struct publish_syslog_options *options, struct publish_journal **out);
void publish_journal_free(struct publish_journal *journal);
/* line: what syslog would get, escaped, without newline. */
void publish_journal_alert(struct publish_journal *journal, int priority, const struct ledger_message *message,
                           struct base_span line);
void publish_journal_flush(struct publish_journal *journal);
size_t publish_journal_waiting(const struct publish_journal *journal);
uint64_t publish_journal_dropped(const struct publish_journal *journal);

/* ---- file ------------------------------------------------------------------------ */

/*
 * Alerts appended to a file, one JSON object a line, as on the wire. What
 * cannot be written (a full disk) is read from the ledger again and written
 * once it can be, in order. Lines are whole: one cut short is taken back. Not
 * synced: the ledger is what lasts.
 */
struct publish_file;
struct publish_file_options {
	const char *path;
	struct ledger *ledger; /* what is missing is read from; same thread */
	const struct base_clock *clock;
	struct base_log *log; /* may be NULL */
};
/* BASE_DENIED, BASE_NOT_FOUND or BASE_IO when the file cannot be opened, BASE_INVALID when it is no plain file. */
enum base_result publish_file_new(const struct publish_file_options *options, struct publish_file **out,
                                  struct base_error *err);
void publish_file_free(struct publish_file *file); /* says what is still missing; NULL is fine */
/* Sequences must come in order. Does not call the ledger. */
void publish_file_alert(struct publish_file *file, const struct ledger_message *message);
/* The file was renamed: open a new one. If that fails the old one is used until it can be. */
void publish_file_reopen(struct publish_file *file);
/* Write a piece of what is missing, if it is time to. How long until the next call, BASE_TIME_NONE: nothing is missing. */
base_time publish_file_serve(struct publish_file *file);
uint64_t publish_file_missing(const struct publish_file *file); /* alerts not in the file yet */

#endif
