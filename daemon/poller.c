/* The poller's life and its loop: what is stored of feeds, jobs that come back, the end. */
#include "poller_inside.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_POLL_GAP (BASE_SECOND / 10) /* first polls after a start are spread this far apart on the average */
#define ONCE_PATIENCE (10 * BASE_SECOND)   /* --once waits no longer for a feed that was asked a moment ago */
#define ALIVE_EVERY (5 * BASE_SECOND)

base_time poller_wall(const struct poller *poller)
{
	return base_clock_wall(poller->context.options.clock);
}

struct timeval poller_wait(base_time time)
{
	if (time < 0)
		time = 0;
	return (struct timeval){.tv_sec = (time_t)(time / BASE_SECOND), .tv_usec = (suseconds_t)(time % BASE_SECOND)};
}

void poller_end_if_done(struct poller *poller)
{
	bool over = atomic_load(&poller->stopping) || (poller->context.options.once && !poller->feeds_left);
	if (over && !poller->running && poll_touches_flush(&poller->context) && !poller->context.jobs_out)
		(void)event_base_loopexit(poller->base, NULL);
}

/* ---- the start: what the ledger remembers ----------------------------------- */

static enum base_result ask_recall(struct poller *poller)
{
	struct outbox_recall *recalls = calloc(poller->feed_count + 1, sizeof *recalls);
	if (!recalls)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < poller->feed_count; i++)
		recalls[i].url = poller->feeds[i]->conf->url;
	poller->recall = (struct outbox_job){
	    .kind = OUTBOX_RECALL,
	    .reply_to = poller->context.inbox,
	    .recall = {.feeds = recalls, .count = poller->feed_count},
	};
	enum base_result result = outbox_submit(poller->context.options.outbox, &poller->recall);
	if (result)
		free(recalls);
	else
		poller->context.jobs_out++;
	return result;
}

static void free_recalls(struct outbox_job *job)
{
	for (size_t i = 0; i < job->recall.count; i++) {
		free(job->recall.feeds[i].etag);
		free(job->recall.feeds[i].last_modified);
		plan_feed_free(job->recall.feeds[i].plan);
	}
	free(job->recall.feeds);
}

/* --once: now, but no feed is asked more often for being asked by hand. */
static void plan_only_poll(struct poll_feed *feed, base_time now)
{
	const struct poller_options *options = &feed->poller->context.options;
	base_time floor = options->settings->poll.min, own = feed->conf->interval;
	if (!plan_feed_hurry(feed->plan, now, own && own < floor ? own : floor))
		base_log(options->log, BASE_NOTICE, feed->conf->name,
		         "not polled: its server asked to be left alone, or said that the feed is gone for good");
	else if (plan_feed_state(feed->plan)->next_due - now > ONCE_PATIENCE)
		base_log(options->log, BASE_NOTICE, feed->conf->name, "not polled: it was asked less than %s ago",
		         own && own < floor ? "its interval" : "poll.min");
	else
		return;
	turns_done(feed);
}

static void plan_first_poll(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	const struct poller_options *options = &poller->context.options;
	base_time spread = FIRST_POLL_GAP * (base_time)poller->feed_count;
	base_time interval = feed->conf->interval ? feed->conf->interval : options->settings->poll.min;
	base_time now = poller_wall(poller);
	if (options->once)
		plan_only_poll(feed, now);
	else
		plan_first(feed->plan, now, feed->conf->interval, spread < interval ? spread : interval, poll_chance(&poller->context));
}

/* The feed goes on with what is stored of it. */
static enum base_result take_recall(struct poll_feed *feed, struct outbox_recall *recall)
{
	struct poller *poller = feed->poller;
	if (!recall->known) {
		enum base_result result = plan_feed_new(&recall->plan);
		if (result)
			return result;
		recall->newest = BASE_TIME_NONE;
	}
	feed->etag = recall->etag;
	feed->last_modified = recall->last_modified;
	feed->plan = recall->plan;
	recall->etag = recall->last_modified = NULL;
	recall->plan = NULL;
	feed->body = recall->body;
	feed->newest = recall->newest;
	feed->id = recall->id;
	feed->written = recall->known ? recall->written : BASE_TIME_NONE;
	feed->polled = recall->polled;
	(void)poller_find_host(poller, feed); /* without memory the configured one paces it */
	feed->complaint.count = plan_feed_state(feed->plan)->failures; /* said before the restart */
	plan_fleet_know(poller->context.fleet, feed->slot, feed->plan);
	if (plan_feed_health(feed->plan) == PLAN_PAUSED)
		plan_host_pause(&feed->host->pace, plan_feed_paused(feed->plan));
	poll_feed_count(&poller->context, feed, true);
	plan_first_poll(feed);
	poll_feed_show(&poller->context, feed, &(struct poll_result){"", "", "", 0, BASE_TIME_NONE});
	turns_set_timer(feed);
	return BASE_OK;
}

static void recalled(struct poller *poller)
{
	enum base_result result = poller->recall.result;
	poller->context.jobs_out--;
	for (size_t i = 0; i < poller->feed_count && !result; i++)
		result = take_recall(poller->feeds[i], &poller->recall.recall.feeds[i]);
	free_recalls(&poller->recall);
	if (result) { /* to poll without it would drop validators and ask too early */
		poller->failed = !atomic_load(&poller->stopping);
		if (poller->failed)
			base_log(poller->context.options.log, BASE_ERROR, "poller", "what is stored of the feeds cannot be read: %s",
			         base_result_text(result));
		(void)event_base_loopexit(poller->base, NULL);
		return;
	}
	poller_end_if_done(poller);
}

/* ---- the loop ------------------------------------------------------------------ */

static void on_inbox(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	struct outbox_job *job = base_queue_pop(poller->context.inbox);
	if (!job)
		return;
	if (job == &poller->recall)
		recalled(poller);
	else
		poll_answered(&poller->context, job);
	poller_end_if_done(poller);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	(void)base_queue_pop(poller->wake);
	for (size_t i = 0; i < HOST_BUCKETS; i++)
		for (struct poll_host *host = poller->hosts[i]; host; host = host->next)
			(void)event_del(host->timer);
	for (size_t i = 0; i < poller->feed_count; i++) {
		struct poll_feed *feed = poller->feeds[i];
		(void)event_del(feed->timer);
		if (feed->poll && atomic_load(&poller->cancelling))
			poll_cancel(feed->poll);
	}
	poller_end_if_done(poller);
}

static void on_alive(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	if (!fetch_stuck(poller->context.fetch))
		atomic_store(&poller->alive, base_clock_monotonic(poller->context.options.clock));
	for (size_t i = 0; i < poller->feed_count; i++)
		if (poller->feeds[i]->unarmed)
			turns_set_timer(poller->feeds[i]);
	for (size_t i = 0; i < HOST_BUCKETS; i++)
		for (struct poll_host *host = poller->hosts[i]; host; host = host->next)
			if (host->unarmed)
				turns_on_gap(-1, 0, host);
}

static void *run(void *arg)
{
	struct poller *poller = arg;
	enum base_result result = ask_recall(poller);
	poller->failed = result != BASE_OK;
	if (result)
		base_log(poller->context.options.log, BASE_ERROR, "poller", "cannot start: %s", base_result_text(result));
	else
		(void)event_base_dispatch(poller->base);
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

static enum base_result build_loop(struct poller *poller)
{
	enum base_result result = base_queue_new((size_t)poller->context.options.transfers + 3, &poller->context.inbox);
	if (!result)
		result = base_queue_new(4, &poller->wake);
	if (result)
		return result;
	poller->base = event_base_new();
	if (!poller->base)
		return BASE_NO_MEMORY;
	poller->inbox_event = add_event(poller, base_queue_fd(poller->context.inbox), EV_READ | EV_PERSIST, on_inbox, 0);
	poller->wake_event = add_event(poller, base_queue_fd(poller->wake), EV_READ | EV_PERSIST, on_wake, 0);
	poller->alive_event = add_event(poller, -1, EV_PERSIST, on_alive, ALIVE_EVERY);
	if (!poller->inbox_event || !poller->wake_event || !poller->alive_event)
		return BASE_NO_MEMORY;
	return poll_touches_init(&poller->context, poller->base);
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
	STAILQ_INIT(&poller->ready);
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
	if (!result)
		result = match_scratch_new(options->rules, &poller->context.scratch);
	if (result)
		poller_free(poller);
	else
		*out = poller;
	return result;
}

static void free_host(struct poll_host *host)
{
	if (host && host->timer)
		event_free(host->timer);
	if (host)
		free(host->name);
	free(host);
}

static struct poll_host *new_host(struct poller *poller, struct base_span name)
{
	struct poll_host *host = calloc(1, sizeof *host);
	if (!host)
		return NULL;
	host->poller = poller;
	host->name = strndup(name.ptr, name.len);
	host->timer = event_new(poller->base, -1, 0, turns_on_gap, host);
	plan_host_init(&host->pace, name, poller->context.options.settings->poll.gap);
	STAILQ_INIT(&host->waiting);
	if (host->name && host->timer)
		return host;
	free_host(host);
	return NULL;
}

enum base_result poller_find_host(struct poller *poller, struct poll_feed *feed)
{
	const char *address = feed->plan ? plan_feed_address(feed->plan) : NULL;
	struct base_span name = plan_host_of(address ? address : feed->conf->url);
	struct poll_host **bucket = &poller->hosts[base_hash64(poller->hash_key, name.ptr, name.len) % HOST_BUCKETS];
	for (struct poll_host *host = *bucket; host; host = host->next)
		if (base_span_is(name, host->name)) {
			feed->host = host;
			return BASE_OK;
		}
	struct poll_host *host = new_host(poller, name);
	if (!host)
		return BASE_NO_MEMORY;
	host->next = *bucket;
	*bucket = host;
	feed->host = host;
	return BASE_OK;
}

static void free_feed(struct poll_feed *feed)
{
	if (feed->timer)
		event_free(feed->timer);
	plan_feed_free(feed->plan);
	free(feed->etag);
	free(feed->last_modified);
	free(feed);
}

enum base_result poller_add(struct poller *poller, const struct conf_feed *conf)
{
	enum base_result result =
	    base_grow(&poller->feeds, &poller->feed_cap, poller->feed_count + 1, sizeof *poller->feeds, SIZE_MAX / 64);
	if (result)
		return result;
	struct poll_feed *feed = calloc(1, sizeof *feed);
	if (!feed)
		return BASE_NO_MEMORY;
	feed->conf = conf;
	feed->poller = poller;
	feed->timer = event_new(poller->base, -1, 0, turns_on_timer, feed);
	result = feed->timer ? poller_find_host(poller, feed) : BASE_NO_MEMORY;
	if (!result)
		result = plan_fleet_add(poller->context.fleet, plan_host_of(conf->url), conf->interval != 0, &feed->slot);
	if (result) {
		free_feed(feed);
		return result;
	}
	poller->feeds[poller->feed_count++] = feed;
	poller->feeds_left++;
	return BASE_OK;
}

enum base_result poller_start(struct poller *poller)
{
	return pthread_create(&poller->thread, NULL, run, poller) ? BASE_NO_MEMORY : BASE_OK;
}

void poller_stop(struct poller *poller, bool cancel)
{
	if (cancel)
		atomic_store(&poller->cancelling, true);
	atomic_store(&poller->stopping, true);
	(void)base_queue_push(poller->wake, poller); /* full: it is awake already */
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

static void free_feeds(struct poller *poller)
{
	for (size_t i = 0; i < poller->feed_count; i++)
		free_feed(poller->feeds[i]);
	free(poller->feeds);
	for (size_t i = 0; i < HOST_BUCKETS; i++)
		for (struct poll_host *host = poller->hosts[i], *next; host; host = next) {
			next = host->next;
			free_host(host);
		}
}

void poller_free(struct poller *poller)
{
	if (!poller)
		return;
	match_scratch_free(poller->context.scratch);
	fetch_free(poller->context.fetch); /* before the base it lives in */
	free_feeds(poller);
	plan_fleet_free(poller->context.fleet);
	free_event(poller->inbox_event);
	free_event(poller->wake_event);
	free_event(poller->alive_event);
	poll_touches_free(&poller->context);
	if (poller->base)
		event_base_free(poller->base);
	base_queue_free(poller->context.inbox);
	base_queue_free(poller->wake);
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
