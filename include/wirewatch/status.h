/*
 * status: what the daemon says about itself over HTTP (read only) and to systemd.
 */
#ifndef WIREWATCH_STATUS_H
#define WIREWATCH_STATUS_H

#include "wirewatch/base.h"

struct event_base;
struct base_clock;

/*
 * Numbers shared by all threads: each is written by its owner with
 * status_add/status_set and read by the HTTP side; relaxed atomics inside.
 */
struct status_board;

enum status_number {
	STATUS_POLLS_NEW,
	STATUS_POLLS_UNCHANGED,
	STATUS_POLLS_NOT_MODIFIED,
	STATUS_POLLS_ERROR,
	STATUS_ENTRIES_NEW,
	STATUS_ENTRIES_CHANGED,
	STATUS_ENTRIES_SEEN,
	STATUS_FEEDS,         /* gauge */
	STATUS_FEEDS_FAILING, /* gauge */
	STATUS_FEEDS_PAUSED,  /* gauge: asked to stay away by their servers */
	STATUS_FEEDS_STALE,   /* gauge: silent for longer than is likely */
	STATUS_FEEDS_ENDED,   /* gauge: gone for good (410), not polled */
	STATUS_SEQUENCE,      /* gauge */
	STATUS_EPOCH,         /* gauge */
	STATUS_SUBSCRIBERS,   /* gauge */
	STATUS_PUBLISH_DROPPED,
	STATUS_SYSLOG_DROPPED,
	STATUS_FILE_MISSING, /* gauge */
	STATUS_COMMITS,
	STATUS_LAST_COMMIT_OK, /* gauge: 1 while the ledger takes batches */
	STATUS_LISTENERS,      /* gauge: of /events */
	STATUS_LISTENERS_DROPPED,
	STATUS_CLUSTER_NODES,  /* gauge: that live; 0 where the ledger is one node's own */
	STATUS_CLUSTER_LEASES, /* gauge: hosts held here */
	STATUS_NUMBER_COUNT
};

/* histograms, in microseconds */
enum status_timing { STATUS_POLL_LAG, STATUS_ALERT_LATENCY, STATUS_COMMIT_TIME, STATUS_TIMING_COUNT };

enum base_result status_board_new(struct status_board **out);
void status_board_free(struct status_board *board);
void status_add(struct status_board *board, enum status_number number, uint64_t by);
void status_set(struct status_board *board, enum status_number number, uint64_t value);
uint64_t status_get(const struct status_board *board, enum status_number number);
void status_alert(struct status_board *board, const char *class_name, bool first); /* wirewatch_alerts_total */
void status_time(struct status_board *board, enum status_timing timing, base_time took);

/* A feed's health as shown by /feeds; given by the pollers after each poll, copied but for failure and state, which stay. */
struct status_feed {
	const char *url, *name;
	const char *result;   /* "new", "unchanged", "not_modified", "error", "" before the first poll */
	const char *reason;   /* of an error, else "" */
	const char *failure;  /* its kind, in plan's words, else "" */
	const char *state;    /* "well", "failing", "paused", "stale", "ended" */
	const char *plan;     /* why the next poll is when it is, for people */
	base_time last_poll, next_poll; /* wall; BASE_TIME_NONE: none */
	base_time took;       /* from the request to the last byte; BASE_TIME_NONE: none came */
	uint64_t failures;    /* in a row */
	long http_status;
	size_t entries;       /* in the last document */
};
/* Nobody will ask for feeds: none are kept from now on. Before other threads use the board. */
void status_spare_feeds(struct status_board *board);
bool status_wants_feeds(const struct status_board *board);
enum base_result status_feed_set(struct status_board *board, const struct status_feed *feed); /* keyed by url */
void status_feed_remove(struct status_board *board, const char *url); /* no longer in the configuration */

/* The nodes that share the ledger, as last read. */
#define STATUS_NODES_MOST 128
struct status_node {
	char name[72];
	const char *state;    /* "living", "left" or "dead"; lives for ever */
	bool self;
	uint64_t hosts, feeds; /* that it holds */
	uint64_t published;   /* the last sequence its subscribers have */
	base_time renewed;    /* wall: when it was heard of last, or ended */
};
void status_set_nodes(struct status_board *board, const struct status_node *nodes, size_t count); /* copied */

/* Why the daemon is not well (one line), or NULL when it is. Copied. */
void status_set_trouble(struct status_board *board, const char *reason);

/* ---- stored alerts ---------------------------------------------------------------- */

/*
 * The HTTP side has no ledger: it asks for the alerts after a sequence, and whoever owns the ledger answers. A question
 * belongs to those asked from when status_ask_fn took it until they call status_answered; only they touch it meanwhile.
 */
#define STATUS_PIECE 64 /* alerts in one answer, at most */
struct status_question {
	uint64_t after;
	char topic[64];          /* what the topics of the alerts wanted begin with */
	enum base_result result; /* of answering */
	bool more;               /* there are others behind the last one given */
	uint64_t stored;         /* if none was given: the latest sequence in the ledger, which may not have left here yet */
	size_t count;
	uint64_t sequences[STATUS_PIECE];
	size_t ends[STATUS_PIECE]; /* where the JSON of each ends in text */
	struct base_buf text;
	/* The HTTP side's own: who asked, NULL when nobody waits any more; and the latest sequence at that time. */
	void *asker;
	uint64_t latest;
};
/* Put the next alert into the answer, which has room for STATUS_PIECE of them. BASE_LIMIT: it had room for this one but
   is large enough now. */
enum base_result status_question_add(struct status_question *question, uint64_t sequence, struct base_span json);
/* In the thread of the HTTP side: it is answered, or will never be (result says so). */
void status_answered(struct status_question *question);
/* Not BASE_OK: not taken, ask again later. */
typedef enum base_result status_ask_fn(void *ctx, struct status_question *question);

/*
 * The HTTP side; lives in the event base of the main thread. address: "127.0.0.1:9475", "[::1]:9475" or "unix:/path".
 * Pages: /, /metrics, /healthz, /status, /feeds, /alerts, /events. GET and HEAD only, one request a connection, a
 * bounded number of connections and a deadline for each; the listeners of /events are counted apart and dropped when
 * they take nothing for two heartbeats. Against DNS rebinding the Host must be an address, localhost or, when the
 * address bound is not a loopback one, the host's own name as the kernel has it (or its first part, or that.local).
 */
struct status_server;
struct status_server_options {
	const char *address;
	struct status_board *board;
	const struct base_clock *clock;
	struct base_log *log; /* may be NULL */
	status_ask_fn *ask;   /* NULL: no alerts can be asked for */
	void *ask_ctx;
	base_time heartbeat;  /* of /events; 0: 15 s */
	base_time patience;   /* for a request and its reply together; 0: 20 s */
};
enum base_result status_server_new(struct event_base *base, const struct status_server_options *options,
                                   struct status_server **out, struct base_error *err);
void status_server_free(struct status_server *server);
/* The board has a new STATUS_SEQUENCE: those who listen are served. */
void status_server_news(struct status_server *server);
/* The port bound (useful when 0 was asked for); 0 for a unix socket. */
unsigned status_server_port(const struct status_server *server);

/* Tell systemd ("READY=1", "STATUS=...", several divided by newlines); nothing happens without $NOTIFY_SOCKET. */
enum base_result status_notify(const char *state);
/* Half the watchdog interval systemd asks for, or 0. */
base_time status_watchdog_interval(void);

#endif
