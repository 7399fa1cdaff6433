/* What the HTTP side asks of the ledger, brought to the outbox and back. */
#include "inquiry.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>

#define UNDER_WAY_MAX 64 /* the outbox has better things to do */

struct inquiry {
	struct outbox_job job;
	struct status_question *question;
};

struct inquiries {
	struct base_queue *answers; /* inquiries whose job was answered; the inquiries themselves stand for news */
	struct event *event;
	struct outbox *outbox;
	struct status_server *server;
	size_t under_way;
	_Atomic bool news; /* said and not yet heard */
};

/* A ledger_message_fn, in the outbox's thread. */
static enum base_result take(void *ctx, const struct ledger_message *message)
{
	return status_question_add(ctx, message->sequence, message->json);
}

static void answered(struct inquiry *inquiry)
{
	struct status_question *question = inquiry->question;
	bool full = inquiry->job.result == BASE_LIMIT;

	question->result = full ? BASE_OK : inquiry->job.result;
	question->stored = inquiry->job.replay.latest;
	question->more = full || inquiry->job.replay.more;
	if (full && question->count == 0) /* one alert alone is too much */
		question->result = BASE_LIMIT;
	free(inquiry);
	status_answered(question);
}

static void on_answers(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct inquiries *inquiries = ctx;
	for (void *item; (item = base_queue_pop(inquiries->answers));) {
		if (item == inquiries) {
			atomic_store(&inquiries->news, false);
			if (inquiries->server)
				status_server_news(inquiries->server);
		} else {
			inquiries->under_way--;
			answered(item);
		}
	}
}

enum base_result inquiries_new(struct event_base *base, struct inquiries **out)
{
	struct inquiries *inquiries = calloc(1, sizeof *inquiries);
	if (!inquiries)
		return BASE_NO_MEMORY;
	enum base_result result = base_queue_new(UNDER_WAY_MAX + 1, &inquiries->answers);
	if (!result) {
		inquiries->event = event_new(base, base_queue_fd(inquiries->answers), EV_READ | EV_PERSIST, on_answers, inquiries);
		if (!inquiries->event || event_add(inquiries->event, NULL))
			result = BASE_NO_MEMORY;
	}
	if (result)
		inquiries_free(inquiries);
	else
		*out = inquiries;
	return result;
}

void inquiries_free(struct inquiries *inquiries)
{
	if (!inquiries)
		return;
	inquiries->server = NULL;
	if (inquiries->answers)
		on_answers(-1, 0, inquiries);
	if (inquiries->event)
		event_free(inquiries->event);
	base_queue_free(inquiries->answers);
	free(inquiries);
}

void inquiries_join(struct inquiries *inquiries, struct outbox *outbox, struct status_server *server)
{
	inquiries->outbox = outbox;
	inquiries->server = server;
}

void inquiries_news(void *ctx)
{
	struct inquiries *inquiries = ctx;
	if (!atomic_exchange(&inquiries->news, true))
		(void)base_queue_push(inquiries->answers, inquiries); /* one place is always left for it */
}

enum base_result inquiries_ask(void *ctx, struct status_question *question)
{
	struct inquiries *inquiries = ctx;
	if (inquiries->under_way == UNDER_WAY_MAX)
		return BASE_BUSY;
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);
	if (!inquiry)
		return BASE_NO_MEMORY;
	*inquiry = (struct inquiry){
	    .job = {.kind = OUTBOX_REPLAY, .reply_to = inquiries->answers},
	    .question = question,
	};
	inquiry->job.replay.after = question->after;
	inquiry->job.replay.topic = question->topic;
	inquiry->job.replay.limit = STATUS_PIECE;
	inquiry->job.replay.each = take;
	inquiry->job.replay.ctx = question;
	enum base_result result = outbox_submit(inquiries->outbox, &inquiry->job);
	if (result)
		free(inquiry);
	else
		inquiries->under_way++;
	return result;
}
