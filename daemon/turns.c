/*
 * turns: which feed goes next. A due feed waits for a place of its host, for
 * the gap since the host's last request, and for one of the transfers that may
 * be under way at once; while its host asked to be left alone it is put off.
 */
#include "poller_inside.h"

#define CLOCK_STEP (BASE_SECOND / 200)  /* libevent's clock is as coarse as that: later by it, no poll is too early */
#define STUCK_PAUSE (BASE_SECOND)      /* how long due feeds wait while the ledger refuses */
#define PAUSE_SPREAD (BASE_MINUTE)     /* feeds of a host do not come back all at once after its pause ... */
#define PAUSE_PART 20                  /* ... but within this part of it, before the one that brought it about */

/*
 * One event for the earliest alarm of all: one of libevent's own for each feed
 * and host would be 280 bytes for each of them. If it cannot be set for want
 * of memory, that is tried again when the poller shows its sign of life.
 */
void turns_wind_clock(struct poller *poller)
{
	const struct base_heap_node *due = base_heap_first(&poller->due), *gap = base_heap_first(&poller->gaps);
	const struct base_heap_node *first = !gap || (due && due->at <= gap->at) ? due : gap;
	if (!first || atomic_load(&poller->stopping) || (poller->clock_at != BASE_TIME_NONE && poller->clock_at <= first->at))
		return;
	struct timeval wait = poller_wait(first->at - poller_now(poller) + CLOCK_STEP);
	poller->clock_at = event_add(poller->clock_event, &wait) ? BASE_TIME_NONE : first->at;
}

static void set_alarm(struct poll_feed *feed, base_time in)
{
	base_heap_set(&feed->poller->due, &feed->due, poller_now(feed->poller) + (in > 0 ? in : 0));
	turns_wind_clock(feed->poller);
}

void turns_set_alarm(struct poll_feed *feed)
{
	base_time now = poller_wall(feed->poller);
	plan_feed_clock_set(feed->plan, now);
	feed->at = FEED_RESTS;
	if (!feed->done && plan_feed_health(feed->plan) != PLAN_ENDED)
		set_alarm(feed, plan_feed_state(feed->plan)->next_due - now);
}

void turns_done(struct poll_feed *feed)
{
	if (!feed->poller->context.options.once || feed->done)
		return;
	feed->done = true;
	feed->poller->feeds_left--;
}

/* When the feeds of a host that asked to be left alone until then are back at the latest. */
static base_time back_by(base_time until, base_time now)
{
	base_time part = (until - now) / PAUSE_PART;
	return until + (part < PAUSE_SPREAD ? part : PAUSE_SPREAD);
}

/* The one that was told comes back last: else it would bring the next pause before the others had their turn. */
static void let_others_go_first(struct poll_feed *feed)
{
	base_time now = poller_wall(feed->poller), until = plan_host_paused(&feed->host->pace, now);
	if (until != BASE_TIME_NONE && plan_feed_health(feed->plan) != PLAN_ENDED)
		plan_feed_postpone(feed->plan, back_by(until, now));
}

/* Its host asked to be left alone: the feed comes later. */
static bool put_off(struct poll_feed *feed)
{
	base_time now = poller_wall(feed->poller), until = plan_host_paused(&feed->host->pace, now);
	if (until == BASE_TIME_NONE)
		return false;
	plan_feed_postpone(feed->plan, until + (base_time)(poll_chance(&feed->poller->context) * (double)(back_by(until, now) - until)));
	turns_done(feed);
	turns_set_alarm(feed);
	return true;
}

/* Feeds that wait for the host become ready as far as it has places and its gap is over. */
static void serve_host(struct poll_host *host)
{
	const struct poller_options *options = &host->poller->context.options;
	while (!TAILQ_EMPTY(&host->waiting)) {
		base_time now = base_clock_monotonic(options->clock);
		base_time wait = plan_host_wait(&host->pace, options->settings->poll.per_host, now);
		if (wait == BASE_TIME_NONE)
			return;
		if (wait > 0) {
			base_heap_set(&host->poller->gaps, &host->gap, now + wait);
			turns_wind_clock(host->poller);
			return;
		}
		struct poll_feed *feed = TAILQ_FIRST(&host->waiting);
		TAILQ_REMOVE(&host->waiting, feed, link);
		if (put_off(feed))
			continue;
		plan_host_start(&host->pace, now);
		feed->at = FEED_READY;
		TAILQ_INSERT_TAIL(&host->poller->ready, feed, link);
	}
}

void turns_go_on(struct poller *poller)
{
	const struct poller_options *options = &poller->context.options;
	while (!TAILQ_EMPTY(&poller->ready) && poller->running < options->transfers && !poller->changing &&
	       !atomic_load(&poller->stopping) && poller_may_poll(poller)) {
		struct poll_feed *feed = TAILQ_FIRST(&poller->ready);
		TAILQ_REMOVE(&poller->ready, feed, link);
		enum base_result result = poll_start(&poller->context, feed);
		if (!result) {
			feed->at = FEED_POLLED;
			poller->running++;
			continue;
		}
		base_log(options->log, BASE_ERROR, feed->conf->name, "cannot be polled now: %s", base_result_text(result));
		plan_feed_postpone(feed->plan, poller_wall(poller) + options->settings->poll.min);
		turns_done(feed); /* a run of --once ends all the same */
		turns_set_alarm(feed);
		plan_host_end(&feed->host->pace, base_clock_monotonic(options->clock));
		serve_host(feed->host);
	}
}

void turns_leave(struct poll_feed *feed)
{
	struct poll_host *host = feed->host;
	if (feed->at == FEED_RESTS)
		base_heap_remove(&feed->poller->due, &feed->due);
	else if (feed->at == FEED_WAITS)
		TAILQ_REMOVE(&host->waiting, feed, link);
	if (feed->at == FEED_READY) {
		TAILQ_REMOVE(&host->poller->ready, feed, link);
		plan_host_end(&host->pace, base_clock_monotonic(host->poller->context.options.clock));
		serve_host(host);
	}
}

void turns_host_free(struct poll_feed *feed)
{
	plan_host_end(&feed->host->pace, base_clock_monotonic(feed->poller->context.options.clock));
	serve_host(feed->host);
	turns_go_on(feed->poller);
}

void turns_poll_ended(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	poller->running--;
	turns_done(feed);
	feed->at = FEED_RESTS;
	if (poller_feed_back(feed)) {
		(void)poller_find_host(poller, feed);
		let_others_go_first(feed);
		turns_set_alarm(feed);
	}
	turns_go_on(poller);
	poller_end_if_done(poller);
}

static void is_due(struct poll_feed *feed)
{
	if (outbox_stuck(feed->poller->context.options.outbox) || !poller_may_poll(feed->poller)) {
		set_alarm(feed, STUCK_PAUSE);
		return;
	}
	TAILQ_INSERT_TAIL(&feed->host->waiting, feed, link);
	feed->at = FEED_WAITS;
	serve_host(feed->host);
}

void turns_on_clock(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	struct base_heap_node *node;
	base_time until = poller_now(poller);
	if (atomic_load(&poller->stopping))
		return;
	poller->clock_at = until; /* nothing sets it meanwhile */
	while ((node = base_heap_first(&poller->gaps)) && node->at <= until) {
		base_heap_remove(&poller->gaps, node);
		serve_host((struct poll_host *)((char *)node - offsetof(struct poll_host, gap)));
	}
	while ((node = base_heap_first(&poller->due)) && node->at <= until) {
		base_heap_remove(&poller->due, node);
		is_due((struct poll_feed *)((char *)node - offsetof(struct poll_feed, due)));
	}
	poller->clock_at = BASE_TIME_NONE;
	turns_wind_clock(poller);
	turns_go_on(poller);
	poller_end_if_done(poller);
}
