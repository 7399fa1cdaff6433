/* Several nodes, seen from the main thread: the share's orders on their way to the pollers and back. */
#include <stdlib.h>

#include "holdings.h"
#include "service_inside.h"

#define ORDERS_MOST 65536

/* ---- what the share calls, in the outbox's thread ------------------------------------ */

static enum base_result take_order(void *ctx, struct share_order *order)
{
	struct service *service = ctx;
	enum base_result result = base_queue_push(service->orders, order);
	if (!result)
		(void)base_queue_push(service->news, service); /* full: it will look anyway */
	return result;
}

static void wake(void *ctx)
{
	struct service *service = ctx;
	if (service->outbox_running)
		outbox_order(service->outbox, 0);
}

static void refused(void *ctx)
{
	struct service *service = ctx;
	atomic_store(&service->refused, true);
	(void)base_queue_push(service->news, service);
}

/* ---- the main thread --------------------------------------------------------------------- */

static enum base_result open_share(struct service *service, struct base_error *err)
{
	const struct conf_settings *settings = settings_of(service);
	struct share_listing *listing;
	enum base_result result = holdings_listing(service->holdings, &listing);
	if (result)
		return base_fail(err, result, "out of memory");
	struct share_options options = {
	    .ledger = service->ledger,
	    .node = settings->cluster.node,
	    .lease = settings->cluster.lease,
	    .clock = service->options.clock,
	    .log = service->options.log,
	    .board = service->board,
	    .order = take_order,
	    .wake = wake,
	    .refused = refused,
	    .ctx = service,
	};
	result = share_new(&options, listing, &service->share, err);
	if (!result) {
		result = share_serve(service->share, true); /* so that the pollers start with what is free */
		if (result)
			(void)base_fail(err, result, "%s", ledger_reason(service->ledger));
	}
	return result;
}

enum base_result sharing_open(struct service *service, struct base_error *err)
{
	if (!ledger_is_shared(service->ledger))
		return BASE_OK;
	enum base_result result = base_queue_new(ORDERS_MOST, &service->orders);
	if (!result)
		result = holdings_new(service->loaded.conf, NULL, &service->holdings);
	if (result)
		return base_fail(err, result, "no room for the feeds that the nodes share: %s", base_result_text(result));
	return open_share(service, err);
}

void sharing_close(struct service *service)
{
	free(service->order);
	while (service->orders && (service->order = base_queue_pop(service->orders)))
		free(service->order);
	share_free(service->share);
	holdings_free(service->holdings);
	base_queue_free(service->orders);
}

void sharing_done(struct service *service, struct share_order *order)
{
	if (order->kind == SHARE_GIVE && !order->hurry)
		share_answer(service->share, order);
	else
		free(order);
}

void sharing_settle(struct service *service)
{
	if (!service->share)
		return;
	while (service->order || (service->order = base_queue_pop(service->orders))) {
		holdings_note(service->holdings, service->order);
		sharing_done(service, service->order);
		service->order = NULL;
	}
}

void sharing_look(struct service *service)
{
	if (!service->share || service->reloading || !service->polling || service->stopping)
		return;
	while (service->order || (service->order = base_queue_pop(service->orders))) {
		holdings_note(service->holdings, service->order);
		enum base_result result = reload_change(service, service->order);
		if (result) {
			base_log(service->options.log, BASE_WARNING, "share", "the pollers take no more now: %s",
			         base_result_text(result));
			return; /* tried again at the next look */
		}
		service->order = NULL;
	}
}

enum base_result sharing_list(struct service *service, const struct conf *conf, struct holdings **holdings,
                              const struct conf_feed ***feeds, size_t *count)
{
	enum base_result result = holdings_new(conf, service->holdings, holdings);
	if (result)
		return result;
	result = holdings_held(*holdings, feeds, count);
	if (result)
		holdings_free(*holdings);
	return result;
}

void sharing_listed(struct service *service, struct holdings *holdings)
{
	struct share_listing *listing;
	holdings_free(service->holdings);
	service->holdings = holdings;
	if (holdings_listing(holdings, &listing))
		base_log(service->options.log, BASE_ERROR, "share", "no memory to tell the other nodes what is listed now");
	else
		share_list(service->share, listing);
}
