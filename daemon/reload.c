/*
 * What the pollers are given: at the start and on SIGHUP. When only feeds have
 * changed the pollers go on and take the difference; other changes need new
 * pollers, which start when the old ones have ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdings.h"
#include "limits.h"
#include "service_inside.h"

/* ---- the list of feeds -------------------------------------------------------------- */

struct listing { /* given to the pollers */
	struct poller_change change;
	struct service *service;
	const struct conf_feed **feeds;
	struct conf *old; /* whose feeds it replaces, kept until it is done; or NULL */
	struct share_order *order; /* that it carries out, or NULL */
	bool reload, said;
	atomic_bool taken, done;
	STAILQ_ENTRY(listing) link;
};

static void free_listing(struct listing *listing)
{
	conf_free(listing->old);
	free(listing->feeds);
	free(listing);
}

static void tell(struct service *service)
{
	(void)base_queue_push(service->news, service); /* full: it will look anyway */
}

static void on_taken(struct poller_change *change)
{
	struct listing *listing = change->ctx;
	atomic_store(&listing->taken, true);
	tell(listing->service);
}

static void on_done(struct poller_change *change)
{
	struct listing *listing = change->ctx;
	struct service *service = listing->service;
	atomic_store(&listing->done, true); /* from now on the main thread may free it */
	tell(service);
}

static enum base_result all_feeds(const struct conf *conf, const struct conf_feed ***feeds, size_t *count)
{
	*count = conf_feed_count(conf);
	const struct conf_feed **list = calloc(*count + 1, sizeof *list);
	if (!list)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < *count; i++)
		list[i] = conf_feed_at(conf, i);
	*feeds = list;
	return BASE_OK;
}

/* feeds becomes the listing's. */
static enum base_result new_listing(struct service *service, const struct conf_feed **feeds, struct listing **out)
{
	struct listing *listing = calloc(1, sizeof *listing);
	if (!listing) {
		free(feeds);
		return BASE_NO_MEMORY;
	}
	listing->feeds = feeds;
	listing->service = service;
	listing->change = (struct poller_change){.taken = on_taken, .done = on_done, .ctx = listing};
	*out = listing;
	return BASE_OK;
}

static enum base_result submit(struct service *service, struct listing *listing)
{
	enum base_result result = pollers_change(service->pollers, &listing->change);
	if (result)
		free_listing(listing);
	else
		STAILQ_INSERT_TAIL(&service->listings, listing, link);
	return result;
}

/* Give the pollers the feeds of conf, and no others. */
static enum base_result list_feeds(struct service *service, const struct conf *conf, bool reload, struct listing **out)
{
	struct holdings *holdings = NULL;
	const struct conf_feed **feeds;
	size_t count;
	enum base_result result = service->share ? sharing_list(service, conf, &holdings, &feeds, &count) :
	                                           all_feeds(conf, &feeds, &count);
	if (!result)
		result = new_listing(service, feeds, out);
	if (!result) {
		(*out)->reload = reload;
		(*out)->change.settings = conf_settings(conf);
		(*out)->change.add = feeds;
		(*out)->change.add_count = count;
		(*out)->change.only = true;
		result = submit(service, *out);
	}
	if (result)
		holdings_free(holdings);
	else if (holdings)
		sharing_listed(service, holdings);
	return result;
}

enum base_result reload_change(struct service *service, struct share_order *order)
{
	const struct conf_feed **feeds;
	struct listing *listing;
	size_t count;
	enum base_result result = holdings_of(service->holdings, order, &feeds, &count);
	if (!result)
		result = new_listing(service, feeds, &listing);
	if (result)
		return result;
	bool gain = order->kind == SHARE_GAIN;
	listing->change.add = gain ? feeds : NULL;
	listing->change.add_count = gain ? count : 0;
	listing->change.remove = gain ? NULL : feeds;
	listing->change.remove_count = gain ? 0 : count;
	listing->change.cancel = order->cancel;
	result = submit(service, listing);
	if (!result)
		listing->order = order;
	return result;
}

static void say_done(const struct service *service)
{
	base_log(service->options.log, BASE_NOTICE, "reload", "done: %zu feeds, %zu rules",
	         conf_feed_count(service->loaded.conf), match_rules_count(service->loaded.rules));
	(void)status_notify("READY=1");
}

void reload_look(struct service *service)
{
	struct listing *listing, *next;
	for (listing = STAILQ_FIRST(&service->listings); listing; listing = next) {
		next = STAILQ_NEXT(listing, link);
		bool done = atomic_load(&listing->done);
		if (atomic_load(&listing->taken) && !listing->said) {
			listing->said = true;
			if (listing->reload && !service->stopping)
				say_done(service);
		}
		if (!done)
			continue;
		if (listing->change.result && listing->change.result != BASE_STOPPED)
			base_log(service->options.log, BASE_ERROR, "reload", "feeds were left out: %s",
			         base_result_text(listing->change.result));
		STAILQ_REMOVE(&service->listings, listing, listing, link);
		if (listing->order)
			sharing_done(service, listing->order);
		free_listing(listing);
	}
}

void reload_free(struct service *service)
{
	struct listing *listing;
	while ((listing = STAILQ_FIRST(&service->listings))) {
		STAILQ_REMOVE_HEAD(&service->listings, link);
		free(listing->order);
		free_listing(listing);
	}
}

/* ---- pollers --------------------------------------------------------------------------- */

static void pollers_ended(void *ctx)
{
	struct service *service = ctx;
	atomic_store(&service->ended, true);
	tell(service);
}

static enum base_result make_pollers(struct service *service)
{
	const struct conf_settings *settings = settings_of(service);
	enum base_result result =
	    rulebook_new(&service->loaded, service->options.problems, service->options.log, &service->rulebook);
	if (result)
		return result;
	struct poller_options options = {
	    .settings = settings,
	    .transfers = limits_transfers(settings, service->connections, service->options.log),
	    .rules = service->rulebook,
	    .outbox = service->outbox,
	    .share = service->share,
	    .clock = service->options.clock,
	    .log = service->options.log,
	    .board = service->board,
	    .epoch = service->epoch,
	    .once = service->options.once,
	    .ended = pollers_ended,
	    .ctx = service,
	};
	return pollers_new(&options, &service->pollers);
}

static enum base_result start_pollers(struct service *service, bool reload)
{
	struct listing *listing;
	status_set(service->board, STATUS_FEEDS, conf_feed_count(service->loaded.conf));
	for (enum status_number state = STATUS_FEEDS_FAILING; state <= STATUS_FEEDS_ENDED; state++)
		status_set(service->board, state, 0);
	atomic_store(&service->ended, false);
	sharing_settle(service);
	enum base_result result = make_pollers(service);
	if (result)
		return result;
	service->polling = true;
	result = pollers_start(service->pollers);
	return result ? result : list_feeds(service, service->loaded.conf, reload, &listing);
}

enum base_result reload_start_pollers(struct service *service)
{
	return start_pollers(service, false);
}

/* ---- what has changed --------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_list(const char *const *a, size_t a_count, const char *const *b, size_t b_count)
{
	bool same = a_count == b_count;
	for (size_t i = 0; same && i < a_count; i++)
		same = strcmp(a[i], b[i]) == 0;
	return same;
}

/* What was changed and is only read at the start. */
static void warn_unreloadable(const struct service *service)
{
	const struct conf_settings *old = settings_of(service), *new = conf_settings(service->pending.conf);
	const struct {
		const char *key;
		bool same;
	} fixed[] = {
	    {"ledger", same_text(old->ledger, new->ledger)},
	    {"alerts.story_window", old->alerts.story_window == new->alerts.story_window},
	    {"alerts.keep", old->alerts.keep == new->alerts.keep},
	    {"zeromq.publish",
	     same_list(old->zeromq.publish, old->zeromq.publish_count, new->zeromq.publish, new->zeromq.publish_count)},
	    {"zeromq.replay",
	     same_list(old->zeromq.replay, old->zeromq.replay_count, new->zeromq.replay, new->zeromq.replay_count)},
	    {"zeromq.curve.server_key", same_text(old->zeromq.curve_server_key, new->zeromq.curve_server_key)},
	    {"zeromq.curve.clients", same_text(old->zeromq.curve_clients, new->zeromq.curve_clients)},
	    {"syslog.facility", old->syslog.facility == new->syslog.facility},
	    {"syslog.level", old->syslog.level == new->syslog.level},
	    {"file.alerts", same_text(old->file.alerts, new->file.alerts)},
	    {"http", same_text(old->http, new->http)},
	    {"cluster.node", same_text(old->cluster.node, new->cluster.node)},
	    {"cluster.lease", old->cluster.lease == new->cluster.lease},
	};
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (!fixed[i].same)
			base_log(service->options.log, BASE_WARNING, "reload", "%s takes effect only at a restart", fixed[i].key);
}

static bool same_ranges(const struct conf_settings *a, const struct conf_settings *b)
{
	bool same = a->fetch.allow_count == b->fetch.allow_count;
	for (size_t i = 0; same && i < a->fetch.allow_count; i++) {
		const struct conf_address_range *x = &a->fetch.allow_addresses[i], *y = &b->fetch.allow_addresses[i];
		same = x->prefix_len == y->prefix_len && memcmp(x->address, y->address, sizeof x->address) == 0;
	}
	return same;
}

/* Whether running pollers can go on: nothing has changed that they were made with. */
static bool fits_pollers(const struct service *service)
{
	const struct conf_settings *a = settings_of(service), *b = conf_settings(service->pending.conf);
	return service->pending.same_rules && a->poll.min == b->poll.min && a->poll.max == b->poll.max &&
	       a->poll.mean == b->poll.mean && a->poll.gap == b->poll.gap && a->poll.concurrency == b->poll.concurrency &&
	       a->poll.per_host == b->poll.per_host && a->poll.pollers == b->poll.pollers &&
	       a->fetch.timeout == b->fetch.timeout && a->fetch.max_size == b->fetch.max_size && same_ranges(a, b) &&
	       same_text(a->fetch.proxy, b->fetch.proxy) && a->alerts.max_age == b->alerts.max_age;
}

/* ---- a reload -------------------------------------------------------------------------------- */

/* The pollers go on, with other feeds. */
static enum base_result change_feeds(struct service *service)
{
	struct listing *listing;
	enum base_result result = list_feeds(service, service->pending.conf, true, &listing);
	if (result)
		return result;
	listing->old = service->loaded.conf;
	service->pending.rules = service->loaded.rules;
	service->loaded = service->pending;
	service->pending = (struct load){0};
	status_set(service->board, STATUS_FEEDS, conf_feed_count(service->loaded.conf));
	return BASE_OK;
}

static void refuse(struct service *service, const char *why)
{
	base_log(service->options.log, BASE_ERROR, "reload", "refused%s; the old configuration stays", why);
	(void)status_notify("READY=1");
}

static void take_up(struct service *service)
{
	warn_unreloadable(service);
	if (settings_of(service)->zeromq.curve_clients)
		outbox_order(service->outbox, OUTBOX_RELOAD_KEYS);
	if (!service->reloading && fits_pollers(service)) {
		if (change_feeds(service)) {
			refuse(service, ", no memory");
			load_free(&service->pending);
		}
		return;
	}
	service->reloading = true;
	pollers_stop(service->pollers, false);
}

void reload(struct service *service)
{
	struct base_log *log = service->options.log;
	char state[64];
	(void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld",
	               (long long)base_clock_monotonic(service->options.clock));
	(void)status_notify(state);
	/* Whatever becomes of the configuration: a log that was rotated must be let go. */
	outbox_order(service->outbox, OUTBOX_REOPEN_FILE);
	struct base_problems *problems;
	if (base_problems_new(&problems)) {
		refuse(service, ", no memory");
		return;
	}
	struct load loaded;
	if (load_all(service->options.conf_path, &service->loaded, problems, &loaded)) {
		for (size_t i = 0; i < base_problems_count(problems); i++)
			base_log(log, BASE_ERROR, "reload", "%s", base_problems_at(problems, i));
		refuse(service, "");
	} else {
		load_free(&service->pending); /* of a reload that was overtaken */
		service->pending = loaded;
		take_up(service);
	}
	base_problems_free(problems);
}

static void replace_load(struct service *service)
{
	for (size_t i = 0; i < conf_feed_count(service->loaded.conf); i++)
		status_feed_remove(service->board, conf_feed_at(service->loaded.conf, i)->url);
	if (service->pending.same_rules) {
		service->pending.rules = service->loaded.rules;
		service->loaded.rules = NULL;
	}
	load_free(&service->loaded);
	service->loaded = service->pending;
	service->pending = (struct load){0};
}

void reload_finish(struct service *service)
{
	service->reloading = false;
	pollers_free(service->pollers);
	service->pollers = NULL;
	rulebook_free(service->rulebook);
	service->rulebook = NULL;
	reload_look(service);
	replace_load(service);
	enum base_result result = start_pollers(service, true);
	if (!result)
		return;
	base_log(service->options.log, BASE_ERROR, "reload", "pollers cannot start: %s; stopping", base_result_text(result));
	service->failed = true;
	(void)event_base_loopexit(service->base, NULL);
}
