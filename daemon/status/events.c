/*
 * events: the page /events - alerts as server-sent events (WHATWG HTML, section 9.2).
 *
 * A listener is a position in the sequence of alerts. It asks the ledger for
 * what comes after it, one piece at a time and the next only when the last one
 * has left, so whatever it missed and whatever is new comes by the same way, in
 * order, without gap or repeat, and no more than a piece waits for it in memory.
 */
#include "daemon/status/peer.h"

#include <inttypes.h>

#define LISTENERS_MAX 16
#define IDLE_BEATS 2 /* heartbeats that a listener may take nothing */

static size_t waiting(const struct status_peer *peer)
{
	return evbuffer_get_length(bufferevent_get_output(peer->bev));
}

static bool behind(const struct status_peer *peer)
{
	return peer->doubtful || peer->position < status_get(peer->server->view.board, STATUS_SEQUENCE);
}

void status_events_news(struct status_peer *peer)
{
	/* If it cannot be asked now, the next heartbeat tries again. */
	if (peer->question == NULL && waiting(peer) == 0 && behind(peer))
		(void)status_peer_ask(peer);
}

void status_events_sent(struct status_peer *peer)
{
	peer->unsent = 0;
	status_events_news(peer);
}

/* An alert is one line of JSON, so it is one data field. */
void status_events_answered(struct status_peer *peer, const struct status_question *question)
{
	struct evbuffer *out = bufferevent_get_output(peer->bev);

	if (question->result != BASE_OK) /* the next heartbeat asks again */
		return;
	if (peer->doubtful) {
		peer->doubtful = false;
		if (question->count == 0 && !question->more && question->stored < peer->position) {
			peer->position = 0; /* from before the ledger was lost: everything in the new one is new */
			status_events_news(peer);
			return;
		}
	}
	for (size_t i = 0; i < question->count; i++) {
		struct base_span json = status_question_json(question, i);
		peer->position = question->sequences[i];
		if (!status_search_matches(&peer->search, json))
			continue;
		if (evbuffer_add_printf(out, "id: %" PRIu64 "\ndata: ", peer->position) < 0 ||
		    evbuffer_add(out, json.ptr, json.len) != 0 || evbuffer_add(out, "\n\n", 2) != 0) {
			status_peer_drop(peer); /* half an alert must not be followed by another; it resumes */
			return;
		}
	}
	if (!question->more && peer->position < question->latest) /* the rest is not for this listener */
		peer->position = question->latest;
	status_events_news(peer);
}

void status_events_beat(struct status_peer *peer)
{
	struct status_server *server = peer->server;
	size_t unsent = waiting(peer);

	peer->idle = unsent > 0 && unsent >= peer->unsent && peer->unsent > 0 ? peer->idle + 1 : 0;
	peer->unsent = unsent;
	if (peer->idle >= IDLE_BEATS) {
		status_add(server->view.board, STATUS_LISTENERS_DROPPED, 1);
		status_peer_drop(peer);
		return;
	}
	/* With the position, so that who comes back is not shown again what the search left out. */
	if (unsent == 0)
		evbuffer_add_printf(bufferevent_get_output(peer->bev), ": alive\nid: %" PRIu64 "\n\n", peer->position);
	status_events_news(peer);
	(void)event_add(peer->timer, &server->heartbeat);
}

/* Where to begin: behind what the listener has, else now. */
static uint64_t first_position(const struct status_peer *peer, struct base_span last_event_id)
{
	uint64_t latest = status_get(peer->server->view.board, STATUS_SEQUENCE), position = latest;

	if (peer->search.has_after)
		position = peer->search.after;
	(void)status_number_read(last_event_id, &position);
	return position;
}

static void become_listener(struct status_peer *peer)
{
	struct status_server *server = peer->server;

	TAILQ_REMOVE(&server->peers, peer, link);
	server->peer_count--;
	TAILQ_INSERT_TAIL(&server->listeners, peer, link);
	server->listener_count++;
	peer->kind = STATUS_PEER_LISTENER;
	status_set(server->view.board, STATUS_LISTENERS, server->listener_count);
	(void)event_add(peer->timer, &server->heartbeat);
}

void status_events_begin(struct status_peer *peer, const struct status_request *request)
{
	struct status_server *server = peer->server;
	const struct status_board *board = server->view.board;
	const char *reason = NULL;
	struct base_buf none = {0};

	if (status_search_read(request->query, &peer->search, &reason) != BASE_OK) {
		status_peer_error(peer, "400 Bad Request", reason);
	} else if (peer->head_only) {
		status_peer_reply(peer, "200 OK", "text/event-stream", &none);
	} else if (server->listener_count >= LISTENERS_MAX) {
		status_peer_error(peer, "503 Service Unavailable", "too many listeners, come again later");
	} else {
		peer->position = first_position(peer, request->last_event_id);
		peer->doubtful = peer->position > status_get(board, STATUS_SEQUENCE);
		become_listener(peer);
		evbuffer_add_printf(bufferevent_get_output(peer->bev),
		                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
		                    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		                    "Cross-Origin-Resource-Policy: same-origin\r\n\r\n"
		                    "retry: 2000\nevent: welcome\ndata: {\"epoch\":%" PRIu64 ",\"sequence\":%" PRIu64 "}\n\n",
		                    status_get(board, STATUS_EPOCH), status_get(board, STATUS_SEQUENCE));
	}
}
