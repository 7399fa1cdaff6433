/*
 * What the files of the room publish share.
 */
#ifndef PUBLISH_PRIVATE_H
#define PUBLISH_PRIVATE_H

#include <sys/types.h>
#include <zmq.h>

#include "wirewatch/publish.h"

#define PUBLISH_TOPIC_MAX 128       /* bytes of a subscription; our topics have under 64 */
#define PUBLISH_SUBSCRIPTIONS_MAX 64 /* per peer */
#define PUBLISH_REQUEST_MAX 1024    /* bytes of a replay request */
#define PUBLISH_LIMIT_DEFAULT 1000  /* alerts per replay */
#define PUBLISH_LIMIT_MAX 10000

#define PUBLISH_TOPIC_ALERT "ww1/alert/"
#define PUBLISH_TOPIC_HEARTBEAT "ww1/heartbeat/"
#define PUBLISH_TOPIC_WELCOME "ww1/welcome/"
#define PUBLISH_TOPIC_END "ww1/end/"
#define PUBLISH_TOPIC_ERROR "ww1/error/"

/* ---- subscriptions.c: who has subscribed to what -------------------------------- */

struct publish_peers;
enum base_result publish_peers_new(struct publish_peers **out);
void publish_peers_free(struct publish_peers *peers);
/* A connection was accepted on fd: what was known of an older one is forgotten. */
void publish_peers_accepted(struct publish_peers *peers, int fd);
void publish_peers_gone(struct publish_peers *peers, int fd);
/* Peers with at least one subscription. */
size_t publish_peers_subscribed(const struct publish_peers *peers);
/* Whether fd still is the connection that was accepted as this peer. */
bool publish_peers_is_same(const struct publish_peers *peers, int fd);

enum publish_verdict {
	PUBLISH_NEW,     /* a subscription; one it has already may be what a gone connection with its descriptor had sent */
	PUBLISH_USELESS, /* nothing of ours begins like this */
	PUBLISH_REFUSED, /* too many, too long, no memory, or of a connection that is gone */
};
/* Called for each topic that the socket must be told to give to, or to keep from, this peer. */
typedef void publish_change_fn(void *ctx, bool subscribe, struct base_span topic);
enum publish_verdict publish_peers_subscribe(struct publish_peers *peers, int fd, struct base_span topic,
                                             publish_change_fn *change, void *ctx);
void publish_peers_unsubscribe(struct publish_peers *peers, int fd, struct base_span topic, publish_change_fn *change,
                               void *ctx);

/* ---- endpoint.c: binding ----------------------------------------------------------- */

/* Whether only this machine can reach the endpoint (ipc, or tcp on a loopback address). */
bool publish_endpoint_is_local(const char *endpoint);
enum base_result publish_bind(void *socket, const char *endpoint, struct base_error *err);
/* The options that all listening sockets share; hwm in messages per peer, max_inbound in bytes per frame. */
enum base_result publish_socket_new(void *context, int type, int hwm, int64_t max_inbound, void **out,
                                    struct base_error *err);
/* The reason of a failed libzmq call as a result and a line. */
enum base_result publish_zmq_fail(struct base_error *err, const char *what);

/* ---- monitor.c: connections ---------------------------------------------------------- */

struct publish_monitor {
	void *socket, *watched;
	size_t *total, total_max;    /* connections of all sockets, and their bound */
	struct publish_peers *peers; /* told of accepted connections; may be NULL */
	struct base_log *log;
	struct base_complaint complaint_full, complaint_accept, complaint_handshake;
};
enum base_result publish_monitor_start(struct publish_monitor *monitor, void *context, const char *address,
                                       struct base_error *err);
void publish_monitor_stop(struct publish_monitor *monitor);
void publish_monitor_serve(struct publish_monitor *monitor, base_time now);

/* ---- accept.c ------------------------------------------------------------------------- */

/* Does nothing; called so that the linker takes the accept of this room into the program. */
void publish_accept_guard(void);

/* ---- auth.c: who may connect ------------------------------------------------------------ */

struct publish_auth;
/* Before any listening socket: binds the handler that libzmq asks. server_key, clients: as in publish_options. */
enum base_result publish_auth_new(void *context, const char *server_key, const char *clients, struct base_log *log,
                                  struct publish_auth **out, struct base_error *err);
void publish_auth_free(struct publish_auth *auth);
/* Make a socket demand keys; before it is bound. */
enum base_result publish_auth_apply(const struct publish_auth *auth, void *socket, struct base_error *err);
enum base_result publish_auth_reload(struct publish_auth *auth, struct base_error *err);
void *publish_auth_socket(const struct publish_auth *auth); /* to be polled; NULL without auth */
void publish_auth_serve(struct publish_auth *auth);

/* ---- request.c: what a replay client asks for ------------------------------------------ */

struct publish_request {
	uint64_t after;
	char topic[PUBLISH_TOPIC_MAX + 1];
	size_t topic_len, limit;
};
/* *reason (a constant) is set on failure: BASE_SYNTAX, BASE_INVALID, BASE_LIMIT or BASE_NO_MEMORY. */
enum base_result publish_request_parse(struct base_span text, struct publish_request *out, const char **reason);

/* ---- replay.c ----------------------------------------------------------------------- */

struct publish_replay;
struct publish_replay_options {
	void *socket; /* ROUTER, bound; stays the caller's */
	struct ledger *ledger;
	uint64_t epoch;
	const struct base_clock *clock;
	struct base_log *log;
};
enum base_result publish_replay_new(const struct publish_replay_options *options, struct publish_replay **out);
void publish_replay_free(struct publish_replay *replay);
/* One bounded turn: take requests, send a piece of every replay under way. */
void publish_replay_turn(struct publish_replay *replay, base_time now);
/* How long the next turn may wait: 0 at once, BASE_TIME_NONE when nothing is under way. */
base_time publish_replay_wait(const struct publish_replay *replay, base_time now);
void publish_replay_counts(const struct publish_replay *replay, uint64_t *replays, uint64_t *bad_requests);

/* ---- frames ---------------------------------------------------------------------------- */

#define PUBLISH_FRAMES_MAX 8

/* One message. Begin with zeros; what fails on the way is kept in error, an errno. */
struct publish_frames {
	zmq_msg_t frames[PUBLISH_FRAMES_MAX];
	size_t count, sent;
	int error;
};
void publish_frames_add(struct publish_frames *frames, const void *bytes, size_t len);
void publish_frames_add_alert(struct publish_frames *frames, struct base_span topic, struct base_span header,
                              struct base_span body);
/* The first frame alone, with more to come; on failure (an errno) nothing has left and it can be tried again. */
int publish_frames_send_first(struct publish_frames *frames, void *socket);
/* All that has not left. more: the message goes on with other frames. Frees everything; 0 or an errno. */
int publish_frames_send(struct publish_frames *frames, void *socket, bool more);
/* Free what has not left; publish_frames_send does so by itself. */
void publish_frames_drop(struct publish_frames *frames);

#endif
