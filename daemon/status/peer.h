/*
 * peer: a connection to the HTTP side, and what server.c, alerts.c and events.c share of it.
 * Private to the room status.
 */
#ifndef WIREWATCH_STATUS_PEER_H
#define WIREWATCH_STATUS_PEER_H

#include "daemon/status/pages.h"
#include "daemon/status/request.h"
#include "daemon/status/search.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

enum status_peer_kind {
	STATUS_PEER_SHORT,    /* asks for a page */
	STATUS_PEER_SEARCH,   /* asks for alerts and waits for the ledger */
	STATUS_PEER_LISTENER, /* of /events */
};

struct status_peer {
	struct status_server *server;
	struct bufferevent *bev;
	struct event *timer; /* its deadline; of a listener the next heartbeat */
	enum status_peer_kind kind;
	bool head_only, answered, closing;
	bool ended; /* the client says no more */
	TAILQ_ENTRY(status_peer) link;

	/* Of a search or listener: the alerts up to position were looked at. */
	struct status_search search;
	struct status_question *question; /* under way, or NULL */
	uint64_t position;
	/* Of a search. */
	struct base_buf found;
	size_t found_count, looked_at;
	/* Of a listener. */
	bool doubtful; /* it has more than left here: of a ledger that was lost, or of a node that is ahead */
	size_t unsent, idle; /* bytes at the last heartbeat, and heartbeats since it took some */
};
TAILQ_HEAD(status_peers, status_peer);

struct status_server {
	struct status_view view;
	struct evconnlistener *listener;
	struct base_log *log;
	char own_name[256]; /* "" when only addresses and localhost may be asked for */
	char *socket_path;  /* of a unix socket, else NULL */
	struct status_peers peers, listeners; /* the oldest first */
	size_t peer_count, listener_count;
	struct event *resume; /* accepting after a pause */
	struct base_complaint accept_trouble;
	status_ask_fn *ask;
	void *ask_ctx;
	struct timeval heartbeat, deadline;
};

/* ---- server.c ------------------------------------------------------------------------- */

/*
 * How large the peer's reply may be, so that all that are gathered or wait to be taken stay within STATUS_REPLIES_MAX
 * together; at least STATUS_REPLY_SMALL, for who watches the daemon is answered although others take their feeds slowly.
 */
#define STATUS_REPLIES_MAX ((size_t)128 << 20)
#define STATUS_REPLY_SMALL ((size_t)1 << 20)
size_t status_reply_room(const struct status_peer *peer);
/* Answer that there is no room. */
void status_peer_no_room(struct status_peer *peer);
void status_peer_drop(struct status_peer *peer);
/* Answer with a page, whose bytes are taken, and close. status: "200 OK". */
void status_peer_reply(struct status_peer *peer, const char *status, const char *type, struct base_buf *page);
/* Answer with the status and a reason (or NULL) as text, and close. */
void status_peer_error(struct status_peer *peer, const char *status, const char *reason);

/* ---- questions.c ---------------------------------------------------------------------- */

/* Ask for the alerts after the peer's position. BASE_BUSY and others: nothing is under way. */
enum base_result status_peer_ask(struct status_peer *peer);
/* The JSON of the alert at index of an answer. */
struct base_span status_question_json(const struct status_question *question, size_t index);
/* The peer goes and does not wait for the answer. */
void status_peer_forget(struct status_peer *peer);

/* ---- alerts.c, events.c --------------------------------------------------------------- */

void status_alerts_begin(struct status_peer *peer, const struct status_request *request);
void status_alerts_answered(struct status_peer *peer, const struct status_question *question);
void status_events_begin(struct status_peer *peer, const struct status_request *request);
void status_events_answered(struct status_peer *peer, const struct status_question *question);
/* All that a listener was sent has left. */
void status_events_sent(struct status_peer *peer);
/* A listener's timer. */
void status_events_beat(struct status_peer *peer);
/* There may be alerts that the listener has not. */
void status_events_news(struct status_peer *peer);

/* ---- listen.c ------------------------------------------------------------------------- */

/* Listen at the address, written as in status_server_options; sets listener, own_name and socket_path. */
enum base_result status_listen(struct status_server *server, struct event_base *base, const char *address,
                               evconnlistener_cb accepted, struct base_error *err);

#endif
