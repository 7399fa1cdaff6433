/*
 * What the files of libwirewatch share.
 */
#ifndef LIBWIREWATCH_SUBSCRIBER_H
#define LIBWIREWATCH_SUBSCRIBER_H

#include <stdbool.h>

#include "wirewatch.h"

#define TOPIC_MAX 128
#define HEADER_LEN 24

struct message {
	struct message *next;
	uint64_t epoch, sequence, previous;
	char topic[TOPIC_MAX + 1];
	size_t len;
	char body[]; /* NUL-terminated */
};

/* ---- track.c: what was delivered --------------------------------------------------- */

struct topic_last {
	char topic[TOPIC_MAX + 1];
	uint64_t sequence;
};

struct track {
	bool based;      /* base is known */
	bool contiguous; /* every alert is ours, so that sequences have no holes */
	uint64_t epoch;  /* 0: not known */
	uint64_t base;   /* everything up to it was delivered */
	uint64_t *delivered; /* beyond base, ascending */
	size_t count;
	struct topic_last *topics;
	size_t topic_count;
};

void track_free(struct track *track);
/* Forget all; everything up to base counts as delivered. */
void track_reset(struct track *track, uint64_t epoch, uint64_t base);
bool track_has(const struct track *track, uint64_t sequence);
uint64_t track_top(const struct track *track); /* the highest delivered */
/* Whether messages before this one are missing, *first..*last. */
bool track_gap(const struct track *track, const struct message *message, uint64_t *first, uint64_t *last);
bool track_deliver(struct track *track, const struct message *message); /* false: no memory */
/* Everything up to base was delivered, as a replay has shown. */
void track_raise(struct track *track, uint64_t base);
bool track_parse(struct track *track, const char *position);
char *track_text(const struct track *track); /* malloc'd */

/* ---- subscriber.c --------------------------------------------------------------------- */

enum mode { MODE_LIVE, MODE_SEEK, MODE_CATCH_UP };

#define NOTES_MAX 16

struct catch_up {
	uint64_t after;       /* as asked last */
	uint64_t started_at;  /* base when it began */
	int64_t deadline;     /* milliseconds; when the request counts as lost */
	int64_t pause_until;  /* no new try before */
	int attempts;
	bool told_silent;
	/* the search for a time: the last alert older than it lies in [low, high] */
	bool seek_begun, seek_older, seek_found;
	uint64_t low, high, seek_sequence;
	char since[32];
};

struct endpoint {
	char *publish, *replay, *server_key;
	bool foreign; /* had another ledger when it was tried last */
};

struct wirewatch {
	void *context, *subscriber, *monitor, *dealer;
	struct endpoint *endpoints;
	size_t endpoint_count, at;
	const char *replay;   /* of the endpoint in use */
	int64_t silence;      /* milliseconds */
	int64_t move_at;      /* when the next endpoint is tried, unless this one is heard */
	bool move;            /* now, once what is under way is done */
	unsigned moves;
	uint64_t stated;      /* the latest sequence that a heartbeat or welcome stated during a catch-up */
	char (*topics)[TOPIC_MAX + 1];
	size_t topic_count;
	char prefix[TOPIC_MAX + 1]; /* what the topics have in common */
	char *public_key, *secret_key;
	struct track track;
	uint64_t old_epoch;
	enum mode mode;
	struct catch_up catch_up;
	bool connected;
	struct message *held, **held_end; /* live ones that wait for the replay to end */
	size_t held_count;
	struct wirewatch_event notes[NOTES_MAX];
	size_t note_first, note_count;
	struct message *current; /* what the caller holds */
	char *position;
};

int64_t subscriber_now(void); /* milliseconds, monotonic */
void subscriber_note(struct wirewatch *w, enum wirewatch_kind kind, uint64_t first, uint64_t last);
bool subscriber_wants(const struct wirewatch *w, const char *topic);
/* A received message of three frames, or NULL when there is none or it is not one of ours. *got: something was read. */
struct message *subscriber_receive(void *socket, bool *got);
void subscriber_drop_held(struct wirewatch *w);
/* Another epoch: the old ledger is gone. */
void subscriber_new_ledger(struct wirewatch *w, uint64_t epoch, uint64_t base);

/* ---- endpoints.c: which daemon, and its sockets ------------------------------------------ */

bool endpoints_set_keys(const struct wirewatch *w, void *socket);
/* Subscribe at the one that w->at names. reason as for wirewatch_open. */
enum wirewatch_result endpoints_open(struct wirewatch *w, char *reason);
void endpoints_close(struct wirewatch *w);
/* It was heard now. */
void endpoints_heard(struct wirewatch *w);
void endpoints_connected(struct wirewatch *w);
/* It is of no use now: if there are others, the next one is tried after pause milliseconds. False: there is no other. */
bool endpoints_leave(struct wirewatch *w, int64_t pause);
/* It has our ledger. */
void endpoints_ours(struct wirewatch *w);
/* It has another ledger. True: it is passed over; false: no endpoint has ours any more, or there is no other. */
bool endpoints_pass_over(struct wirewatch *w);
/* Move on if it is time to. False: ZeroMQ failed. */
bool endpoints_check(struct wirewatch *w);

/* ---- catchup.c ---------------------------------------------------------------------------- */

void catch_up_begin(struct wirewatch *w);          /* from what was delivered */
void catch_up_seek(struct wirewatch *w, int64_t since);
bool catch_up_possible(const struct wirewatch *w); /* there is somebody to ask, and it is not too early */
void catch_up_again(struct wirewatch *w);          /* ask anew, after a reconnection */
/* At another endpoint: go on with what was under way, or begin, for it may have what the one before had not. */
void catch_up_elsewhere(struct wirewatch *w);
void catch_up_check_time(struct wirewatch *w);
/* Take a reply; true when message is an alert to be delivered now. */
bool catch_up_take(struct wirewatch *w, const struct message *message);

#endif
