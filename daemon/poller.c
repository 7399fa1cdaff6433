/* The poller's life and its loop: orders, jobs that come back, the end. */
#include "poller_inside.h"

#include <stdlib.h>
#include <string.h>

#define ALIVE_EVERY (5 * BASE_SECOND)
#define ORDERS_MAX 1024 /* changes that wait to be taken */

base_time poller_wall(const struct poller *poller)
{
	return base_clock_wall(poller->context.options.clock);
}

base_time poller_now(const struct poller *poller)
{
	return base_clock_monotonic(poller->context.options.clock);
}

struct timeval poller_wait(base_time time)
{
	if (time < 0)
		time = 0;
	return (struct timeval){.tv_sec = (time_t)(time / BASE_SECOND), .tv_usec = (suseconds_t)(time % BASE_SECOND)};
}

void poller_end_if_done(struct poller *poller)
{
	bool all_polled = poller->context.options.once && poller->change_count && !poller->feeds_left;
	bool over = atomic_load(&poller->stopping) || all_polled;
	if (over && !poller->running && poll_touches_flush(&poller->context) && !poller->context.jobs_out)
		(void)event_base_loopexit(poller->base, NULL);
}

/* Polls under way end first. Feeds stay as they are: the clock finds the poller stopping. */
static void come_to_an_end(struct poller *poller)
{
	struct base_table_node *node = base_table_first(&poller->feeds), *next;
	for (; node; node = next) {
		struct poll_feed *feed = (struct poll_feed *)node;
		next = base_table_next(&poller->feeds, node); /* one that was leaving may go now */
		if (feed->poll && atomic_load(&poller->cancelling))
			poll_cancel(feed->poll);
	}
	poller_end_if_done(poller);
}

void poller_fail(struct poller *poller, const char *why, enum base_result result)
{
	if (atomic_exchange(&poller->stopping, true))
		return;
	poller->failed = true;
	base_log(poller->context.options.log, BASE_ERROR, "poller", "%s: %s", why, base_result_text(result));
	atomic_store(&poller->cancelling, true);
	come_to_an_end(poller);
}

/* ---- the loop ------------------------------------------------------------------ */

static void on_inbox(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	struct outbox_job *job = base_queue_pop(poller->context.inbox);
	if (!job)
		return;
	bool stored = job->kind == OUTBOX_TOUCH;
	if (job == &poller->recall)
		poller_recalled(poller);
	else
		poll_answered(&poller->context, job);
	if (poller->context.no_rules)
		poller_fail(poller, "there are no rules", BASE_SYNTAX);
	if (stored)
		poller_stored(poller);
	poller_end_if_done(poller);
}

static void on_orders(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	void *order = base_queue_pop(poller->orders);
	if (order && order != poller)
		poller_take_change(poller, order);
	if (atomic_load(&poller->stopping))
		come_to_an_end(poller);
	poller_end_if_done(poller);
}

static void on_alive(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	if (!fetch_stuck(poller->context.fetch))
		atomic_store(&poller->alive, base_clock_monotonic(poller->context.options.clock));
	turns_wind_clock(poller);
	poller_forget_hosts(poller);
}

static void *run(void *arg)
{
	struct poller *poller = arg;
	(void)event_base_dispatch(poller->base);
	poller_end_changes(poller);
	poller->context.options.ended(poller->context.options.ctx);
	return NULL;
}

/* ---- the object -------------------------------------------------------------------- */

static struct event *add_event(struct poller *poller, int fd, short what, event_callback_fn call, base_time every)
{
	struct event *event = event_new(poller->base, fd, what, call, poller);
	struct timeval wait = poller_wait(every);
	if (event && event_add(event, every ? &wait : NULL)) {
		event_free(event);
		return NULL;
	}
	return event;
}

/*
 * With leases the loop looks for new events after each callback: one that is stopped in the middle of a row of them must
 * not send the requests of the others before it has seen that its time is over.
 */
static struct event_base *new_base(const struct poller *poller)
{
	struct event_config *config = poller->context.options.share ? event_config_new() : NULL;
	if (!config)
		return poller->context.options.share ? NULL : event_base_new();
	int failed = event_config_set_max_dispatch_interval(config, NULL, 1, 1);
	struct event_base *base = failed ? NULL : event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static enum base_result build_loop(struct poller *poller)
{
	enum base_result result = base_queue_new((size_t)poller->context.options.transfers + 3, &poller->context.inbox);
	if (!result)
		result = base_queue_new(ORDERS_MAX + 1, &poller->orders);
	if (result)
		return result;
	poller->base = new_base(poller);
	if (!poller->base || event_base_priority_init(poller->base, 3)) /* events have the middle one if nothing is said */
		return BASE_NO_MEMORY;
	poller->inbox_event = add_event(poller, base_queue_fd(poller->context.inbox), EV_READ | EV_PERSIST, on_inbox, 0);
	poller->orders_event = add_event(poller, base_queue_fd(poller->orders), EV_READ | EV_PERSIST, on_orders, 0);
	poller->alive_event = add_event(poller, -1, EV_PERSIST, on_alive, ALIVE_EVERY);
	poller->clock_event = event_new(poller->base, -1, 0, turns_on_clock, poller);
	poller->clock_at = BASE_TIME_NONE;
	if (!poller->inbox_event || !poller->orders_event || !poller->alive_event || !poller->clock_event)
		return BASE_NO_MEMORY;
	result = poll_touches_init(&poller->context, poller->base);
	return result ? result : poller_lease_open(poller);
}

static enum base_result build_fetch(struct poller *poller)
{
	const struct conf_settings *settings = poller->context.options.settings;
	struct fetch_range *allow = calloc(settings->fetch.allow_count + 1, sizeof *allow);
	if (!allow)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < settings->fetch.allow_count; i++) {
		memcpy(allow[i].address, settings->fetch.allow_addresses[i].address, sizeof allow[i].address);
		allow[i].prefix_len = settings->fetch.allow_addresses[i].prefix_len;
	}
	struct fetch_options options = {
	    .timeout = settings->fetch.timeout,
	    .max_size = settings->fetch.max_size,
	    .max_connections = poller->context.options.transfers,
	    .allow = allow,
	    .allow_count = settings->fetch.allow_count,
	    .proxy = settings->fetch.proxy,
	    .trust = poller->context.options.trust,
	    .log = poller->context.options.log,
	};
	enum base_result result = fetch_new(poller->base, &options, &poller->context.fetch);
	free(allow);
	return result;
}

static enum base_result build_fleet(struct poller *poller)
{
	const struct conf_settings *settings = poller->context.options.settings;
	base_time min = settings->poll.min, max = settings->poll.max;
	base_time mean = settings->poll.mean ? settings->poll.mean : 3 * min;
	struct plan_options options = {.min = min, .max = max, .mean = mean < min ? min : mean > max ? max : mean};
	return plan_fleet_new(&options, &poller->context.fleet);
}

enum base_result poller_new(const struct poller_options *options, struct poller **out)
{
	struct poller *poller = calloc(1, sizeof *poller);
	if (!poller)
		return BASE_NO_MEMORY;
	poller->context.options = *options;
	poller->context.ended = turns_poll_ended;
	poller->context.host_free = turns_host_free;
	atomic_store(&poller->alive, base_clock_monotonic(options->clock));
	TAILQ_INIT(&poller->ready);
	TAILQ_INIT(&poller->arriving);
	LIST_INIT(&poller->empty);
	STAILQ_INIT(&poller->changes);
	enum base_result result = base_random(poller->hash_key, sizeof poller->hash_key);
	if (!result)
		result = base_random(&poller->context.chance, sizeof poller->context.chance);
	poller->context.chance |= 1;
	if (!result)
		result = build_loop(poller);
	if (!result)
		result = build_fetch(poller);
	if (!result)
		result = build_fleet(poller);
	if (result)
		poller_free(poller);
	else
		*out = poller;
	return result;
}

enum base_result poller_start(struct poller *poller)
{
	return base_thread_start(&poller->thread, run, poller);
}

enum base_result poller_change(struct poller *poller, struct poller_change *change)
{
	change->told = false;
	return base_queue_push(poller->orders, change);
}

void poller_stop(struct poller *poller, bool cancel)
{
	if (cancel)
		atomic_store(&poller->cancelling, true);
	atomic_store(&poller->stopping, true);
	(void)base_queue_push(poller->orders, poller); /* full: what is in it finds the poller stopping */
}

void poller_join(struct poller *poller)
{
	(void)pthread_join(poller->thread, NULL);
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void poller_free(struct poller *poller)
{
	if (!poller)
		return;
	if (poller->orders)
		poller_end_changes(poller);
	match_scratch_free(poller->context.scratch);
	fetch_free(poller->context.fetch); /* before the base it lives in */
	poller_free_feeds(poller);
	plan_fleet_free(poller->context.fleet);
	free_event(poller->inbox_event);
	free_event(poller->orders_event);
	free_event(poller->alive_event);
	poll_touches_free(&poller->context);
	free_event(poller->lease_event);
	free_event(poller->clock_event);
	if (poller->base)
		event_base_free(poller->base);
	base_queue_free(poller->context.inbox);
	base_queue_free(poller->orders);
	free(poller);
}

bool poller_failed(const struct poller *poller)
{
	return poller->failed;
}

base_time poller_alive(const struct poller *poller)
{
	return atomic_load(&poller->alive);
}
