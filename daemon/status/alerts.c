/*
 * alerts: the page /alerts - stored alerts after a sequence, as JSON. The
 * ledger is asked piece by piece until enough of them match.
 */
#include "daemon/status/peer.h"

#include <inttypes.h>

#define PAGE_MAX ((size_t)64 << 20)
#define LOOK_MOST 20000 /* alerts looked at for one request; `last` says where to go on */

static void finish(struct status_peer *peer, bool more)
{
	const struct status_board *board = peer->server->view.board;

	base_buf_printf(&peer->found, "],\"last\":%" PRIu64 ",\"more\":%s,\"epoch\":%" PRIu64 ",\"sequence\":%" PRIu64 "}\n",
	                peer->position, more ? "true" : "false", status_get(board, STATUS_EPOCH),
	                status_get(board, STATUS_SEQUENCE));
	if (peer->found.failed == BASE_OK)
		status_peer_reply(peer, "200 OK", "application/json", &peer->found);
	else if (peer->found.failed == BASE_LIMIT && peer->found.max < PAGE_MAX)
		status_peer_no_room(peer);
	else
		status_peer_error(peer, "500 Internal Server Error", NULL);
}

/* What others hold may have become more or less since the last piece. */
static void measure(struct status_peer *peer)
{
	size_t room = status_reply_room(peer), least = peer->found.len;

	peer->found.max = room < least ? least : room < PAGE_MAX ? room : PAGE_MAX;
}

static void ask(struct status_peer *peer)
{
	if (status_peer_ask(peer) != BASE_OK)
		status_peer_error(peer, "503 Service Unavailable", "too many questions at once, ask again later");
}

void status_alerts_begin(struct status_peer *peer, const struct status_request *request)
{
	const char *reason = NULL;

	if (status_search_read(request->query, &peer->search, &reason) != BASE_OK) {
		status_peer_error(peer, "400 Bad Request", reason);
		return;
	}
	peer->kind = STATUS_PEER_SEARCH;
	peer->position = peer->search.after;
	base_buf_init(&peer->found, PAGE_MAX);
	base_buf_add_text(&peer->found, "{\"alerts\":[");
	ask(peer);
}

void status_alerts_answered(struct status_peer *peer, const struct status_question *question)
{
	if (question->result != BASE_OK) {
		status_peer_error(peer, "503 Service Unavailable", "the ledger cannot be read now");
		return;
	}
	measure(peer);
	for (size_t i = 0; i < question->count; i++) {
		struct base_span json = status_question_json(question, i);
		peer->position = question->sequences[i];
		if (!status_search_matches(&peer->search, json))
			continue;
		if (peer->found_count++ > 0)
			base_buf_add_char(&peer->found, ',');
		base_buf_add_span(&peer->found, json);
		if (peer->found_count == peer->search.limit) {
			finish(peer, question->more || i + 1 < question->count);
			return;
		}
	}
	if (!question->more && peer->position < question->latest) /* nothing up to there matches */
		peer->position = question->latest;
	peer->looked_at += question->count;
	if (!question->more || peer->looked_at >= LOOK_MOST || peer->found.failed != BASE_OK)
		finish(peer, question->more);
	else
		ask(peer);
}
