/* Feeds come and go: what the ledger remembers of those that come, and how those that go are let go. */
#include "poller_inside.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_POLL_GAP (BASE_SECOND / 10) /* first polls of feeds that came together are this far apart on the average */
#define NOT_RECALLED "what is stored of the feeds cannot be read"
#define ONCE_PATIENCE (10 * BASE_SECOND)   /* --once waits no longer for a feed that was asked a moment ago */

/* ---- hosts ---------------------------------------------------------------------------- */

static bool is_host(const struct base_table_node *node, const void *name)
{
	return base_span_is(*(const struct base_span *)name, ((const struct poll_host *)node)->name);
}

static void free_host(struct poll_host *host)
{
	free(host->name);
	free(host);
}

static enum base_result new_host(struct poller *poller, struct base_span name, uint64_t hash, struct poll_host **out)
{
	struct poll_host *host = calloc(1, sizeof *host);
	if (!host)
		return BASE_NO_MEMORY;
	host->node.hash = hash;
	host->poller = poller;
	host->name = strndup(name.ptr, name.len);
	plan_host_init(&host->pace, name, poller->context.options.settings->poll.gap);
	TAILQ_INIT(&host->waiting);
	if (!host->name || base_heap_reserve(&poller->gaps, poller->hosts.count + 1) ||
	    base_table_put(&poller->hosts, &host->node)) {
		free_host(host);
		return BASE_NO_MEMORY;
	}
	LIST_INSERT_HEAD(&poller->empty, host, empty);
	*out = host;
	return BASE_OK;
}

static void leave_host(struct poll_feed *feed)
{
	struct poll_host *host = feed->host;
	feed->host = NULL;
	if (host && !--host->feeds)
		LIST_INSERT_HEAD(&host->poller->empty, host, empty);
}

enum base_result poller_find_host(struct poller *poller, struct poll_feed *feed)
{
	const char *address = feed->plan ? plan_feed_address(feed->plan) : NULL;
	struct base_span name = plan_host_of(address ? address : feed->conf->url);
	if (feed->host && base_span_is(name, feed->host->name))
		return BASE_OK;
	uint64_t hash = base_hash64(poller->hash_key, name.ptr, name.len);
	struct poll_host *host = (struct poll_host *)base_table_find(&poller->hosts, hash, is_host, &name);
	enum base_result result = host ? BASE_OK : new_host(poller, name, hash, &host);
	if (result)
		return result;
	leave_host(feed);
	if (!host->feeds++) {
		LIST_REMOVE(host, empty);
		if (poller->context.options.share)
			plan_host_taken(&host->pace, poller_now(poller));
	}
	feed->host = host;
	return BASE_OK;
}

void poller_forget_hosts(struct poller *poller)
{
	base_time wall = poller_wall(poller), now = poller_now(poller);
	struct poll_host *host = LIST_FIRST(&poller->empty), *next;
	for (; host; host = next) {
		next = LIST_NEXT(host, empty);
		if (plan_host_wait(&host->pace, 1, now) || plan_host_paused(&host->pace, wall) != BASE_TIME_NONE)
			continue;
		LIST_REMOVE(host, empty);
		base_heap_remove(&poller->gaps, &host->gap);
		base_table_remove(&poller->hosts, &host->node);
		free_host(host);
	}
}

/* ---- feeds ------------------------------------------------------------------------------ */

static bool is_feed(const struct base_table_node *node, const void *url)
{
	return strcmp(((const struct poll_feed *)node)->conf->url, url) == 0;
}

static uint64_t hash_of(const struct poller *poller, const char *url)
{
	return base_hash64(poller->hash_key, url, strlen(url));
}

static bool in_list(const struct poll_feed *feed)
{
	const struct poller *poller = feed->poller;
	return feed->place < poller->list_count && poller->list[feed->place] == feed;
}

static struct poll_feed *find_feed(const struct poller *poller, const char *url)
{
	return (struct poll_feed *)base_table_find(&poller->feeds, hash_of(poller, url), is_feed, url);
}

/*
 * The same, where lists mostly have the order of the list before: the one after
 * the last one found, *at, is looked at first. Of 100,000 feeds that takes 5 ms
 * for 25, for memory is read in order.
 */
static struct poll_feed *find_next_feed(const struct poller *poller, const char *url, size_t *at)
{
	struct poll_feed *feed = *at < poller->list_count ? poller->list[*at] : NULL;
	if (!feed || strcmp(feed->conf->url, url) != 0)
		feed = find_feed(poller, url);
	if (feed && in_list(feed))
		*at = feed->place + 1;
	return feed;
}

static void free_feed(struct poll_feed *feed)
{
	plan_feed_free(feed->plan);
	feed_familiar_free(feed->familiar);
	free(feed->etag);
	free(feed->last_modified);
	free(feed);
}

static enum base_result new_feed(struct poller *poller, const struct conf_feed *conf, struct poll_feed **out)
{
	struct poll_feed *feed = calloc(1, sizeof *feed);
	if (!feed)
		return BASE_NO_MEMORY;
	feed->node.hash = hash_of(poller, conf->url);
	feed->conf = conf;
	feed->poller = poller;
	feed->named = poller->change_count;
	enum base_result result = base_heap_reserve(&poller->due, poller->feeds.count + 1);
	if (!result)
		result = poller_find_host(poller, feed);
	if (!result)
		result = plan_fleet_add(poller->context.fleet, plan_host_of(conf->url), conf->interval != 0, &feed->slot);
	if (!result && base_table_put(&poller->feeds, &feed->node)) {
		plan_fleet_remove(poller->context.fleet, feed->slot);
		result = BASE_NO_MEMORY;
	}
	if (result) {
		leave_host(feed);
		free_feed(feed);
		return result;
	}
	TAILQ_INSERT_TAIL(&poller->arriving, feed, link);
	poller->named++;
	poller->arrived++;
	poller->feeds_left++;
	*out = feed;
	return BASE_OK;
}

static void drop_feed(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	if (feed->plan) {
		poll_feed_count(&poller->context, feed, false);
		status_feed_remove(poller->context.options.board, feed->conf->url);
	}
	turns_done(feed);
	plan_fleet_remove(poller->context.fleet, feed->slot);
	base_table_remove(&poller->feeds, &feed->node);
	if (in_list(feed))
		poller->list[feed->place] = NULL;
	leave_host(feed);
	free_feed(feed);
}

void poller_free_feeds(struct poller *poller)
{
	struct base_table_node *node, *next;
	for (node = base_table_first(&poller->feeds); node; node = next) {
		next = base_table_next(&poller->feeds, node);
		free_feed((struct poll_feed *)node);
	}
	for (node = base_table_first(&poller->hosts); node; node = next) {
		next = base_table_next(&poller->hosts, node);
		free_host((struct poll_host *)node);
	}
	free(poller->list);
	base_table_free(&poller->feeds);
	base_table_free(&poller->hosts);
	base_heap_free(&poller->due);
	base_heap_free(&poller->gaps);
}

/* ---- the start: what the ledger remembers ------------------------------------------------ */

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

static void plan_first_poll(struct poll_feed *feed, size_t together)
{
	const struct poller_options *options = &feed->poller->context.options;
	base_time spread = FIRST_POLL_GAP * (base_time)together;
	base_time interval = feed->conf->interval ? feed->conf->interval : options->settings->poll.min;
	base_time now = poller_wall(feed->poller);
	if (options->once)
		plan_only_poll(feed, now);
	else
		plan_first(feed->plan, now, feed->conf->interval, spread < interval ? spread : interval,
		           poll_chance(&feed->poller->context));
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
	(void)poller_find_host(poller, feed);
	feed->complaint.count = plan_feed_state(feed->plan)->failures; /* said before the restart */
	plan_fleet_know(poller->context.fleet, feed->slot, feed->plan);
	if (plan_feed_health(feed->plan) == PLAN_PAUSED)
		plan_host_pause(&feed->host->pace, plan_feed_paused(feed->plan));
	poll_feed_count(&poller->context, feed, true);
	plan_first_poll(feed, poller->arrived);
	poll_feed_show(&poller->context, feed, &(struct poll_result){"", "", "", 0, BASE_TIME_NONE});
	turns_set_alarm(feed);
	return BASE_OK;
}

static void free_recalls(struct outbox_job *job)
{
	for (size_t i = 0; i < job->recall.count; i++) {
		free(job->recall.feeds[i].etag);
		free(job->recall.feeds[i].last_modified);
		plan_feed_free(job->recall.feeds[i].plan);
	}
	free(job->recall.feeds);
	job->recall.feeds = NULL;
}

/* Ask the outbox about the next feeds in line: only some, so that the first are polled while others are still read. */
static enum base_result ask_recall(struct poller *poller)
{
	struct outbox_recall *recalls = calloc(RECALL_PIECE, sizeof *recalls);
	size_t count = 0;
	if (!recalls)
		return BASE_NO_MEMORY;
	for (; count < RECALL_PIECE && !TAILQ_EMPTY(&poller->arriving); count++) {
		struct poll_feed *feed = TAILQ_FIRST(&poller->arriving);
		TAILQ_REMOVE(&poller->arriving, feed, link);
		feed->at = FEED_ASKED;
		poller->recalled[count] = feed;
		recalls[count].url = feed->conf->url;
	}
	poller->recall = (struct outbox_job){
	    .kind = OUTBOX_RECALL,
	    .reply_to = poller->context.inbox,
	    .recall = {.feeds = recalls, .count = count},
	};
	enum base_result result = outbox_submit(poller->context.options.outbox, &poller->recall);
	if (result)
		free_recalls(&poller->recall);
	else
		poller->context.jobs_out++;
	return result;
}

static void recall_more(struct poller *poller)
{
	if (poller->recall.recall.feeds || poller->storing || atomic_load(&poller->stopping))
		return;
	if (TAILQ_EMPTY(&poller->arriving)) {
		poller->arrived = 0;
		return;
	}
	enum base_result result = ask_recall(poller);
	if (result)
		poller_fail(poller, NOT_RECALLED, result);
}

void poller_recalled(struct poller *poller)
{
	enum base_result result = poller->recall.result;
	poller->context.jobs_out--;
	for (size_t i = 0; i < poller->recall.recall.count && !result; i++)
		if (poller_feed_back(poller->recalled[i]))
			result = take_recall(poller->recalled[i], &poller->recall.recall.feeds[i]);
	free_recalls(&poller->recall);
	if (result) /* to poll without it would drop validators and ask too early */
		poller_fail(poller, NOT_RECALLED, result);
	else
		recall_more(poller);
}

/* ---- changes ------------------------------------------------------------------------------- */

static void tell_taken(struct poller_change *change)
{
	if (change->taken && !change->told)
		change->taken(change);
	change->told = true;
}

static void finish_changes(struct poller *poller)
{
	struct poller_change *change;
	while ((change = STAILQ_FIRST(&poller->changes)) && !change->waits) {
		(void)poll_touches_flush(&poller->context); /* whoever has its feeds next should know when they were polled */
		STAILQ_REMOVE_HEAD(&poller->changes, link);
		change->done(change);
	}
}

/*
 * Polls of feeds that go may still be touches on their way to the ledger:
 * whoever asks these feeds next, here or elsewhere, must know of them. One
 * round is under way; what came later goes with the next.
 */
static void await_storing(struct poller *poller, struct poller_change *change)
{
	const struct poll_touches *touches = &poller->context.touches;
	(void)poll_touches_flush(&poller->context);
	unsigned rounds = (touches->handed ? 1u : 0u) + (touches->count ? 1u : 0u);
	if (rounds && !change->rounds) {
		change->waits++;
		poller->storing++;
	}
	if (rounds > change->rounds)
		change->rounds = rounds;
}

void poller_stored(struct poller *poller)
{
	struct poller_change *change;
	if (!poller->storing)
		return;
	(void)poll_touches_flush(&poller->context); /* the next round */
	STAILQ_FOREACH(change, &poller->changes, link)
		if (change->rounds && !--change->rounds) {
			change->waits--;
			poller->storing--;
		}
	finish_changes(poller);
	recall_more(poller);
}

/* Another thread or a poll holds on to what the feed was. */
static bool is_busy(const struct poll_feed *feed)
{
	return feed->at == FEED_ASKED || feed->at == FEED_POLLED;
}

/* If a change before waits for it, that is enough: they are done in order. */
static void await(struct poll_feed *feed, struct poller_change *change)
{
	if (feed->awaited_by)
		return;
	feed->awaited_by = change;
	change->waits++;
}

static void use_conf(struct poll_feed *feed, const struct conf_feed *conf)
{
	struct poller *poller = feed->poller;
	bool same = feed->conf->interval == conf->interval;
	feed->conf = conf;
	if (same)
		return;
	bool ended = feed->plan && plan_feed_health(feed->plan) == PLAN_ENDED;
	plan_fleet_fix(poller->context.fleet, feed->slot, conf->interval || ended);
	if (feed->at != FEED_RESTS || !feed->plan || poller->context.options.once)
		return; /* it is due, or planned later on */
	plan_first_poll(feed, 1);
	turns_set_alarm(feed);
}

bool poller_feed_back(struct poll_feed *feed)
{
	struct poller *poller = feed->poller;
	struct poller_change *change = feed->awaited_by;
	bool stays = !feed->leaving;
	feed->awaited_by = NULL;
	feed->at = FEED_RESTS;
	if (!stays)
		drop_feed(feed);
	else if (feed->next_conf)
		use_conf(feed, feed->next_conf);
	if (stays)
		feed->next_conf = NULL;
	if (change && !stays)
		await_storing(poller, change);
	if (change)
		change->waits--;
	finish_changes(poller);
	return stays;
}

static void remove_feed(struct poll_feed *feed, struct poller_change *change)
{
	if (!is_busy(feed)) {
		if (feed->at == FEED_NEW)
			TAILQ_REMOVE(&feed->poller->arriving, feed, link);
		else
			turns_leave(feed);
		await_storing(feed->poller, change);
		drop_feed(feed);
		return;
	}
	feed->leaving = true;
	feed->next_conf = NULL;
	await(feed, change);
	if (change->cancel && feed->poll)
		poll_cancel(feed->poll);
}

/* feed: what there is of it already, or NULL. What there is of it then. */
static struct poll_feed *add_feed(struct poller *poller, const struct conf_feed *conf, struct poll_feed *feed,
                                  struct poller_change *change)
{
	if (!feed) {
		if (new_feed(poller, conf, &feed)) {
			base_log(poller->context.options.log, BASE_ERROR, conf->name, "no memory to poll it");
			change->result = BASE_NO_MEMORY;
		}
		return feed;
	}
	poller->named += feed->named != poller->change_count;
	feed->named = poller->change_count;
	feed->leaving = false;
	if (is_busy(feed)) {
		feed->next_conf = conf;
		await(feed, change);
	} else {
		use_conf(feed, conf);
	}
	return feed;
}

static void add_feeds(struct poller *poller, struct poller_change *change)
{
	/* Without memory for the list feeds are found by their table. */
	struct poll_feed **list = change->only ? calloc(change->add_count + 1, sizeof *list) : NULL;
	size_t at = 0;
	for (size_t i = 0; i < change->add_count; i++) {
		const struct conf_feed *conf = change->add[i];
		struct poll_feed *feed = add_feed(poller, conf, find_next_feed(poller, conf->url, &at), change);
		bool twice = feed && list && feed->place < i && list[feed->place] == feed;
		if (!feed || !list || twice)
			continue;
		list[i] = feed;
		feed->place = i;
	}
	if (!change->only)
		return;
	free(poller->list);
	poller->list = list;
	poller->list_count = list ? change->add_count : 0;
}

/* Mostly there are none, and then they need not be looked for: a fifth of the time that a change of 100,000 feeds takes. */
static void remove_unnamed(struct poller *poller, struct poller_change *change)
{
	if (poller->named == poller->feeds.count)
		return;
	struct base_table_node *node = base_table_first(&poller->feeds), *next;
	for (; node; node = next) {
		struct poll_feed *feed = (struct poll_feed *)node;
		next = base_table_next(&poller->feeds, node);
		if (feed->named != poller->change_count)
			remove_feed(feed, change);
	}
}

void poller_take_change(struct poller *poller, struct poller_change *change)
{
	change->result = BASE_OK;
	change->waits = 1; /* for this function */
	change->rounds = 0;
	STAILQ_INSERT_TAIL(&poller->changes, change, link);
	poller->change_count++;
	poller->named = 0;
	poller->changing = true;
	if (change->settings)
		poller->context.options.settings = change->settings;
	for (size_t i = 0; i < change->remove_count; i++) {
		struct poll_feed *feed = find_feed(poller, change->remove[i]->url);
		if (feed)
			remove_feed(feed, change);
	}
	add_feeds(poller, change);
	if (change->only)
		remove_unnamed(poller, change);
	poller->changing = false;
	tell_taken(change);
	change->waits--;
	finish_changes(poller);
	recall_more(poller);
	turns_go_on(poller);
}

void poller_end_changes(struct poller *poller)
{
	void *order;
	while ((order = base_queue_pop(poller->orders)))
		if (order != poller) {
			struct poller_change *change = order;
			change->result = BASE_STOPPED;
			STAILQ_INSERT_TAIL(&poller->changes, change, link);
		}
	struct poller_change *change;
	STAILQ_FOREACH(change, &poller->changes, link) {
		tell_taken(change);
		change->waits = 0;
	}
	finish_changes(poller);
}
