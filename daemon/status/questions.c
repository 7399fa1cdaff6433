/*
 * questions: stored alerts, asked of those who own the ledger.
 */
#include "daemon/status/peer.h"

#include <stdlib.h>

#define ANSWER_ENOUGH ((size_t)256 << 10) /* bytes that end an answer */
#define ANSWER_MAX ((size_t)16 << 20)

enum base_result status_question_add(struct status_question *question, uint64_t sequence, struct base_span json)
{
	if (question->count == STATUS_PIECE)
		return BASE_LIMIT;
	enum base_result result = base_buf_add_span(&question->text, json);
	if (result != BASE_OK)
		return result;
	question->sequences[question->count] = sequence;
	question->ends[question->count++] = question->text.len;
	return question->text.len < ANSWER_ENOUGH ? BASE_OK : BASE_LIMIT;
}

struct base_span status_question_json(const struct status_question *question, size_t index)
{
	size_t start = index > 0 ? question->ends[index - 1] : 0;

	return (struct base_span){question->text.data + start, question->ends[index] - start};
}

static void question_free(struct status_question *question)
{
	base_buf_free(&question->text);
	free(question);
}

enum base_result status_peer_ask(struct status_peer *peer)
{
	struct status_question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		return BASE_NO_MEMORY;
	base_buf_init(&question->text, ANSWER_MAX);
	question->after = peer->position;
	question->latest = status_get(peer->server->view.board, STATUS_SEQUENCE);
	status_search_topic(&peer->search, question->topic);
	question->asker = peer;
	peer->question = question;
	enum base_result result = peer->server->ask(peer->server->ask_ctx, question);
	if (result != BASE_OK) {
		peer->question = NULL;
		question_free(question);
	}
	return result;
}

void status_peer_forget(struct status_peer *peer)
{
	if (peer->question != NULL)
		peer->question->asker = NULL;
	peer->question = NULL;
}

void status_answered(struct status_question *question)
{
	struct status_peer *peer = question->asker;

	if (peer != NULL) {
		peer->question = NULL;
		if (peer->kind == STATUS_PEER_LISTENER)
			status_events_answered(peer, question);
		else
			status_alerts_answered(peer, question);
	}
	question_free(question);
}
