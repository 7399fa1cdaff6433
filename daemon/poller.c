/* The poller's thread: timers of feeds, places of hosts, jobs that come back. */
#include "poller.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"

#define HOST_BUCKETS 1024
#define FIRST_POLL_GAP (BASE_SECOND / 10) /* polls of feeds never read are spread this far apart on the average */
#define ALIVE_EVERY (5 * BASE_SECOND)
#define STUCK_PAUSE (BASE_SECOND) /* how long due feeds wait while the ledger refuses */

struct poller {
	struct poll_context context;
	pthread_t thread;
	struct event_base *base;
	struct event *inbox_event, *wake_event, *alive_event;
	struct base_queue *wake; /* poller_stop pushes here */
	_Atomic base_time alive;
	_Atomic bool stopping, cancelling;
	bool failed;                    /* to learn what is stored of its feeds */

	struct poll_feed **feeds;
	size_t feed_count, feed_cap, feeds_left; /* left: of --once */
	struct poll_host *hosts[HOST_BUCKETS];
	uint64_t hash_key[2];
	STAILQ_HEAD(, poll_feed) ready; /* due, their host has a place for them */
	unsigned running;               /* polls under way, up to their commit */
	struct outbox_job recall;
};

static base_time wall(const struct poller *poller)
{
	return base_clock_wall(poller->context.options.clock);
}

static struct timeval timeval_of(base_time time)
{
	if (time < 0)
		time = 0;
	return (struct timeval){.tv_sec = (time_t)(time / BASE_SECOND), .tv_usec = (suseconds_t)(time % BASE_SECOND)};
}

/* ---- which feed goes next ------------------------------------------------ */

static void end_if_done(struct poller *poller)
{
	bool over = atomic_load(&poller->stopping) || (poller->context.options.once && !poller->feeds_left);
	if (over && !poller->running && !poller->context.jobs_out)
		(void)event_base_loopexit(poller->base, NULL);
}

/* A timer that cannot be set for want of memory is set again by on_alive. */
static void arm(struct poll_feed *feed, base_time in)
{
	struct timeval wait = timeval_of(in);
	feed->unarmed = event_add(feed->timer, &wait) != 0;
	if (feed->unarmed)
		base_log(feed->poller->context.options.log, BASE_WARNING, feed->conf->name, "no memory for its timer; trying again");
}

static void set_timer(struct poll_feed *feed)
{
	base_time ahead = feed->plan.last_start == BASE_TIME_NONE ? 0 : feed->plan.last_start - wall(feed->poller);
	if (ahead > 0) { /* the clock was set back: the wait stays as long as it was */
		feed->plan.last_start -= ahead;
		feed->plan.next_due -= ahead;
	}
	if (!atomic_load(&feed->poller->stopping) && !feed->done)
		arm(feed, feed->plan.next_due - wall(feed->poller));
}

static void start_ready(struct poller *poller)
{
	const struct poller_options *options = &poller->context.options;
	while (!STAILQ_EMPTY(&poller->ready) && poller->running < options->transfers &&
	       !atomic_load(&poller->stopping)) {
		struct poll_feed *feed = STAILQ_FIRST(&poller->ready);
		STAILQ_REMOVE_HEAD(&poller->ready, link);
		enum base_result result = poll_start(&poller->context, feed);
		if (!result) {
			poller->running++;
			continue;
		}
		base_log(options->log, BASE_ERROR, feed->conf->name, "cannot be polled now: %s", base_result_text(result));
		poller->context.host_free(feed);
		feed->plan.next_due = wall(poller) + options->settings->poll.min;
		set_timer(feed);
	}
}

/* A feed is due: it takes a place of its host, or waits for one. */
static void queue_feed(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	if (feed->host->running >= poller->context.options.settings->poll.per_host) {
		STAILQ_INSERT_TAIL(&feed->host->waiting, feed, link);
		return;
	}
	feed->host->running++;
	STAILQ_INSERT_TAIL(&poller->ready, feed, link);
	start_ready(poller);
}

static void host_free(struct poll_feed *feed)
{
	struct poll_host *host = feed->host;
	host->running--;
	if (STAILQ_EMPTY(&host->waiting))
		return;
	struct poll_feed *next = STAILQ_FIRST(&host->waiting);
	STAILQ_REMOVE_HEAD(&host->waiting, link);
	host->running++;
	STAILQ_INSERT_TAIL(&feed->poller->ready, next, link);
	start_ready(feed->poller);
}

static void poll_ended(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	poller->running--;
	if (poller->context.options.once && !feed->done) {
		feed->done = true;
		poller->feeds_left--;
	}
	set_timer(feed);
	start_ready(poller);
	end_if_done(poller);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poll_feed *feed = ctx;
	if (atomic_load(&feed->poller->stopping))
		return;
	if (outbox_stuck(feed->poller->context.options.outbox)) {
		arm(feed, STUCK_PAUSE);
		return;
	}
	queue_feed(feed);
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
	}
	free(job->recall.feeds);
}

static void plan_first_poll(struct poll_feed *feed, bool known)
{
	struct poller *poller = feed->poller;
	const struct poller_options *options = &poller->context.options;
	uint32_t number = 0;
	(void)base_random(&number, sizeof number);
	base_time spread = FIRST_POLL_GAP * (base_time)poller->feed_count;
	base_time interval = feed->conf->interval ? feed->conf->interval : options->settings->poll.min;
	base_time now = wall(poller);
	if (feed->conf->interval && known && !feed->plan.failures && feed->plan.next_due > feed->plan.last_start + interval)
		feed->plan.next_due = feed->plan.last_start + interval; /* it may have been shortened meanwhile */
	if (options->once)
		feed->plan.next_due = now;
	else
		feed->plan.next_due = plan_first(&feed->plan, now, known ? 0 : spread < interval ? spread : interval,
		                                 (double)number / 4294967296.0);
}

static void recalled(struct poller *poller)
{
	poller->context.jobs_out--;
	if (poller->recall.result) { /* to poll without it would drop validators and ask too early */
		poller->failed = !atomic_load(&poller->stopping);
		if (poller->failed)
			base_log(poller->context.options.log, BASE_ERROR, "poller", "what is stored of the feeds cannot be read: %s",
			         base_result_text(poller->recall.result));
		free_recalls(&poller->recall);
		(void)event_base_loopexit(poller->base, NULL);
		return;
	}
	struct status_board *board = poller->context.options.board;
	for (size_t i = 0; i < poller->feed_count; i++) {
		struct poll_feed *feed = poller->feeds[i];
		struct outbox_recall *recall = &poller->recall.recall.feeds[i];
		if (!recall->known) {
			recall->plan = (struct plan_state){BASE_TIME_NONE, BASE_TIME_NONE, 0};
			recall->newest = BASE_TIME_NONE;
		}
		feed->etag = recall->etag;
		feed->last_modified = recall->last_modified;
		recall->etag = recall->last_modified = NULL;
		feed->body = recall->body;
		feed->plan = recall->plan;
		feed->newest = recall->newest;
		feed->polled = recall->polled;
		status_add(board, STATUS_FEEDS_FAILING, feed->plan.failures > 0);
		plan_first_poll(feed, recall->known);
		struct status_feed shown = {
		    .url = feed->conf->url,
		    .name = feed->conf->name,
		    .result = "",
		    .reason = "",
		    .last_poll = feed->plan.last_start,
		    .next_poll = feed->plan.next_due,
		    .took = BASE_TIME_NONE,
		    .failures = feed->plan.failures,
		};
		(void)status_feed_set(board, &shown);
		set_timer(feed);
	}
	free_recalls(&poller->recall);
	end_if_done(poller);
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
		poll_answered(job);
	end_if_done(poller);
}

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	(void)base_queue_pop(poller->wake);
	for (size_t i = 0; i < poller->feed_count; i++) {
		struct poll_feed *feed = poller->feeds[i];
		(void)event_del(feed->timer);
		if (feed->poll && atomic_load(&poller->cancelling))
			poll_cancel(feed->poll);
	}
	end_if_done(poller);
}

static void on_alive(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	atomic_store(&poller->alive, base_clock_monotonic(poller->context.options.clock));
	for (size_t i = 0; i < poller->feed_count; i++)
		if (poller->feeds[i]->unarmed)
			set_timer(poller->feeds[i]);
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
	struct timeval wait = timeval_of(every);
	if (event && event_add(event, every ? &wait : NULL)) {
		event_free(event);
		return NULL;
	}
	return event;
}

static enum base_result build_loop(struct poller *poller)
{
	enum base_result result = base_queue_new((size_t)poller->context.options.transfers + 2, &poller->context.inbox);
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
	return poller->inbox_event && poller->wake_event && poller->alive_event ? BASE_OK : BASE_NO_MEMORY;
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
	    .log = poller->context.options.log,
	};
	enum base_result result = fetch_new(poller->base, &options, &poller->context.fetch);
	free(allow);
	return result;
}

enum base_result poller_new(const struct poller_options *options, struct poller **out)
{
	struct poller *poller = calloc(1, sizeof *poller);
	if (!poller)
		return BASE_NO_MEMORY;
	poller->context.options = *options;
	poller->context.ended = poll_ended;
	poller->context.host_free = host_free;
	atomic_store(&poller->alive, base_clock_monotonic(options->clock));
	STAILQ_INIT(&poller->ready);
	enum base_result result = base_random(poller->hash_key, sizeof poller->hash_key);
	if (!result)
		result = build_loop(poller);
	if (!result)
		result = build_fetch(poller);
	if (!result)
		result = match_scratch_new(options->rules, &poller->context.scratch);
	if (result)
		poller_free(poller);
	else
		*out = poller;
	return result;
}

struct base_span poller_server_of(const char *url)
{
	const char *start = strstr(url, "://");
	start = start ? start + 3 : url;
	size_t len = strcspn(start, "/?#");
	const char *at = memchr(start, '@', len);
	if (at) {
		len -= (size_t)(at + 1 - start);
		start = at + 1;
	}
	return (struct base_span){start, len};
}

static enum base_result find_host(struct poller *poller, const char *url, struct poll_host **out)
{
	struct base_span name = poller_server_of(url);
	struct poll_host **bucket = &poller->hosts[base_hash64(poller->hash_key, name.ptr, name.len) % HOST_BUCKETS];
	for (struct poll_host *host = *bucket; host; host = host->next)
		if (base_span_is(name, host->name)) {
			*out = host;
			return BASE_OK;
		}
	struct poll_host *host = calloc(1, sizeof *host);
	char *copy = strndup(name.ptr, name.len);
	if (!host || !copy) {
		free(host);
		free(copy);
		return BASE_NO_MEMORY;
	}
	host->name = copy;
	STAILQ_INIT(&host->waiting);
	host->next = *bucket;
	*bucket = host;
	*out = host;
	return BASE_OK;
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
	feed->timer = event_new(poller->base, -1, 0, on_timer, feed);
	result = feed->timer ? find_host(poller, conf->url, &feed->host) : BASE_NO_MEMORY;
	if (result) {
		if (feed->timer)
			event_free(feed->timer);
		free(feed);
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
	for (size_t i = 0; i < poller->feed_count; i++) {
		free_event(poller->feeds[i]->timer);
		free(poller->feeds[i]->etag);
		free(poller->feeds[i]->last_modified);
		free(poller->feeds[i]);
	}
	free(poller->feeds);
	for (size_t i = 0; i < HOST_BUCKETS; i++)
		for (struct poll_host *host = poller->hosts[i], *next; host; host = next) {
			next = host->next;
			free(host->name);
			free(host);
		}
}

void poller_free(struct poller *poller)
{
	if (!poller)
		return;
	match_scratch_free(poller->context.scratch);
	fetch_free(poller->context.fetch); /* before the base it lives in */
	free_feeds(poller);
	free_event(poller->inbox_event);
	free_event(poller->wake_event);
	free_event(poller->alive_event);
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
