/*
 * libwirewatch: receive the alerts of wirewatchd, each exactly once.
 *
 * The library subscribes first and then asks for what was missed, notices
 * gaps, fills them from the daemon's ledger, and survives restarts of both
 * sides. Keep the text of wirewatch_position() and give it back at the next
 * start: then nothing is lost and nothing comes twice. Of several daemons that
 * share a ledger it listens to one, and goes on at another when that one fails.
 *
 *	struct wirewatch_options options = WIREWATCH_OPTIONS;
 *	struct wirewatch_event event;
 *	struct wirewatch *w;
 *	char reason[WIREWATCH_REASON_MAX];
 *
 *	if (wirewatch_open(&options, &w, reason) != WIREWATCH_OK)
 *		errx(1, "%s", reason);
 *	while (wirewatch_next(w, -1, &event) == WIREWATCH_OK)
 *		if (event.kind == WIREWATCH_ALERT)
 *			puts(event.json);
 *	wirewatch_close(w);
 *
 * An object belongs to one thread at a time; there is no global state. The
 * daemon is trusted to speak its protocol, the texts inside an alert are not:
 * they come from the open network. Never print them to a terminal unescaped.
 */
#ifndef WIREWATCH_H
#define WIREWATCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WIREWATCH_ENDPOINTS_MAX 64
#define WIREWATCH_DEFAULT_ENDPOINT "ipc:///run/wirewatch/alerts.sock"
#define WIREWATCH_REASON_MAX 256

struct wirewatch;

enum wirewatch_result {
	WIREWATCH_OK = 0,
	WIREWATCH_TIMEOUT,     /* nothing came in time */
	WIREWATCH_INTERRUPTED, /* a signal came; call again or close */
	WIREWATCH_INVALID,     /* an option is wrong */
	WIREWATCH_NO_MEMORY,
	WIREWATCH_FAILED,      /* ZeroMQ or the operating system refused */
};

enum wirewatch_start {
	WIREWATCH_FROM_NOW = 0,  /* only what is alerted from now on */
	WIREWATCH_FROM_SEQUENCE, /* stored alerts after options.after, then new ones */
	WIREWATCH_FROM_TIME,     /* stored alerts made at options.since or later, then new ones */
};

struct wirewatch_options {
	size_t size;                /* sizeof (struct wirewatch_options): lets the struct grow */
	const char *endpoint;       /* NULL: WIREWATCH_DEFAULT_ENDPOINT */
	/*
	 * Where to ask for stored alerts. NULL: derived from endpoint: the file
	 * replay.sock beside an ipc socket, the next port of a tcp address.
	 * "": nowhere; gaps are then only told, not filled.
	 */
	const char *replay;
	const char *const *topics;  /* prefixes such as "ww1/alert/pause/"; NULL: all alerts */
	size_t topic_count;
	enum wirewatch_start start; /* used when there is no position */
	uint64_t after;
	int64_t since;              /* seconds since 1970 UTC */
	const char *position;       /* text of wirewatch_position(), or NULL */
	/* CURVE, 40 characters of Z85 each; all NULL: none. public_key may be NULL: made from secret_key. */
	const char *server_key, *public_key, *secret_key;
	/*
	 * Several daemons that share one ledger; then endpoint and replay are not used. The library subscribes to one of
	 * them, in their order, and goes on at the next one, from what was delivered last, when it is gone or silent, or says
	 * that it has no access to the ledger. replays (may be NULL) and server_keys (may be NULL: server_key for all) have
	 * endpoint_count entries: the one that belongs to each endpoint, and each may be NULL as replay and server_key may.
	 */
	const char *const *endpoints;
	const char *const *replays, *const *server_keys;
	size_t endpoint_count; /* at most WIREWATCH_ENDPOINTS_MAX */
	int silence_ms;        /* without any message, after which the next endpoint is tried; 0: 25 seconds */
};
#define WIREWATCH_OPTIONS {sizeof(struct wirewatch_options), 0, 0, 0, 0, WIREWATCH_FROM_NOW, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

enum wirewatch_kind {
	WIREWATCH_ALERT,        /* topic, epoch, sequence, json */
	WIREWATCH_LOST,         /* alerts first..last cannot be had any more, some of them perhaps on other topics */
	WIREWATCH_NEW_LEDGER,   /* the daemon's ledger was lost or replaced: its alerts begin anew */
	WIREWATCH_CONNECTED,    /* to the endpoint */
	WIREWATCH_DISCONNECTED, /* from now on the library tries again by itself */
	WIREWATCH_REPLAY_SILENT,/* stored alerts were asked for and none came; asked again with later heartbeats */
	WIREWATCH_OTHER_LEDGER, /* wirewatch_endpoint() belongs to another ledger and is passed over as long as any is left */
};

struct wirewatch_event {
	enum wirewatch_kind kind;
	const char *topic; /* the strings are the library's and last until its next call */
	const char *json;  /* NUL-terminated CloudEvents object, exactly as received */
	size_t json_len;
	uint64_t epoch, sequence;
	uint64_t first, last; /* of WIREWATCH_LOST */
};

/* Start subscribing. reason (may be NULL, else WIREWATCH_REASON_MAX bytes) says what went wrong. No daemon needs to run. */
enum wirewatch_result wirewatch_open(const struct wirewatch_options *options, struct wirewatch **out, char *reason);
/* Wait up to timeout_ms (-1: for ever) for the next event. */
enum wirewatch_result wirewatch_next(struct wirewatch *w, int timeout_ms, struct wirewatch_event *event);
/*
 * What was delivered so far, as one line of text to be kept. It counts the
 * event that wirewatch_next returned last: take it once that is dealt with.
 * NULL when nothing is known yet, or memory ran out.
 */
const char *wirewatch_position(struct wirewatch *w);
/* The endpoint in use, or tried, now: one of the options'. Lasts as long as w. */
const char *wirewatch_endpoint(const struct wirewatch *w);
#define WIREWATCH_KEY_SIZE 41 /* with the NUL */
/* A new CURVE key pair. WIREWATCH_FAILED: libzmq has no CURVE. */
enum wirewatch_result wirewatch_make_keys(char public_key[WIREWATCH_KEY_SIZE], char secret_key[WIREWATCH_KEY_SIZE]);
/* NULL is fine. */
void wirewatch_close(struct wirewatch *w);

#ifdef __cplusplus
}
#endif

#endif
