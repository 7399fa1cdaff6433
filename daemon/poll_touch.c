/* Polls that brought nothing, on their way to the ledger. */
#include <event2/event.h>
#include <stdlib.h>

#include "poll_inside.h"

#define WAIT BASE_SECOND
#define MANY 4096 /* so many are not kept waiting */

static void hand_over(struct poll_context *context)
{
	struct poll_touches *touches = &context->touches;
	touches->job = (struct outbox_job){
	    .kind = OUTBOX_TOUCH,
	    .reply_to = context->inbox,
	    .touch = {.polls = touches->polls, .count = touches->count, .now = base_clock_wall(context->options.clock)},
	};
	if (outbox_submit(context->options.outbox, &touches->job))
		return; /* its queue is full: the timer is still there */
	context->jobs_out++;
	touches->handed = touches->polls;
	touches->polls = NULL;
	touches->count = touches->cap = 0;
}

static void wait(struct poll_touches *touches)
{
	const struct timeval in = {.tv_sec = WAIT / BASE_SECOND};
	if (!event_pending(touches->timer, EV_TIMEOUT, NULL))
		(void)event_add(touches->timer, &in); /* without memory for it the next poll tries again */
}

bool poll_touches_flush(struct poll_context *context)
{
	struct poll_touches *touches = &context->touches;
	if (touches->count && !touches->handed)
		hand_over(context);
	if (touches->count)
		wait(touches);
	return !touches->count && !touches->handed;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	(void)poll_touches_flush(ctx);
}

enum base_result poll_touch(struct poll_context *context, const struct poll_feed *feed, const struct plan_state *state)
{
	struct poll_touches *touches = &context->touches;
	enum base_result result =
	    base_grow(&touches->polls, &touches->cap, touches->count + 1, sizeof *touches->polls, SIZE_MAX / 64);
	if (result)
		return result;
	touches->polls[touches->count++] = (struct ledger_poll){feed->id, state->last_start, state->next_due};
	if (touches->count >= MANY)
		(void)poll_touches_flush(context);
	else
		wait(touches);
	return BASE_OK;
}

void poll_touched(struct poll_context *context)
{
	context->jobs_out--;
	free(context->touches.handed); /* what the outbox could not store at its end is asked again a little sooner */
	context->touches.handed = NULL;
}

enum base_result poll_touches_init(struct poll_context *context, struct event_base *base)
{
	context->touches.timer = event_new(base, -1, 0, on_timer, context);
	return context->touches.timer ? BASE_OK : BASE_NO_MEMORY;
}

void poll_touches_free(struct poll_context *context)
{
	if (context->touches.timer)
		event_free(context->touches.timer);
	free(context->touches.polls);
	free(context->touches.handed);
}
