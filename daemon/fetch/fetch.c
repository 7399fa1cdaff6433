/*
 * fetch: joins libcurl's multi-socket interface to a libevent loop, starts
 * transfers in turn and ends them outside libcurl's callbacks.
 */
#include "config.h"

#include "daemon/fetch/sockets.h"
#include "daemon/fetch/tls.h"
#include "daemon/fetch/transfer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum base_result fetch_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? BASE_OK : BASE_NO_MEMORY;
}

void fetch_global_cleanup(void)
{
	curl_global_cleanup();
}

static void kick(struct fetch *fetch)
{
	event_active(fetch->kick, EV_TIMEOUT, 0);
}

/* ---- ends ----------------------------------------------------------------------- */

static void end(struct fetch_transfer *transfer, CURLcode code)
{
	struct fetch *fetch = transfer->fetch;

	TAILQ_REMOVE(&fetch->active, transfer, link);
	fetch->active_count--;
	if (transfer->added)
		curl_multi_remove_handle(fetch->multi, transfer->easy);
	transfer->added = false;
	fetch->progress++;
	fetch_transfer_found(transfer, code == CURLE_OPERATION_TIMEDOUT);
	fetch_transfer_report(transfer, code);
	if (transfer->easy != NULL)
		fetch_transfer_release(transfer, code == CURLE_OK);
	fetch_transfer_free(transfer);
	if (fetch->waiting_count > 0)
		kick(fetch);
}

static void drain(struct fetch *fetch)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
		struct fetch_transfer *transfer = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		end(transfer, code); /* the message is gone after this */
	}
}

/* ---- the loop -------------------------------------------------------------------- */

static enum base_result make_multi(struct fetch *fetch);

/*
 * After an error of curl_multi_socket_action nothing is known about any
 * transfer: all of them fail and a new multi handle takes over.
 */
static void start_over(struct fetch *fetch, CURLMcode code)
{
	struct fetch_transfer *transfer;
	CURLM *old = fetch->multi;

	base_log(fetch->log, BASE_ERROR, "fetch", "transfers given up: %s", curl_multi_strerror(code));
	TAILQ_FOREACH(transfer, &fetch->active, link) {
		if (transfer->added)
			curl_multi_remove_handle(old, transfer->easy);
		transfer->added = false;
	}
	event_del(fetch->timer);
	if (make_multi(fetch) == BASE_OK) {
		curl_multi_cleanup(old);
		fetch_sockets_drop(fetch);
	} else {
		fetch->multi = old;
	}
	/* What done starts goes to the waiting list, so this ends. */
	while ((transfer = TAILQ_FIRST(&fetch->active)) != NULL)
		end(transfer, CURLE_FAILED_INIT);
}

void fetch_act(struct fetch *fetch, curl_socket_t fd, int what)
{
	int running;
	CURLMcode code = curl_multi_socket_action(fetch->multi, fd, what, &running);

	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		start_over(fetch, code);
	else
		drain(fetch);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;

	(void)fd;
	(void)what;
	fetch->woken = base_clock_monotonic(fetch->clock);
	fetch_act(fetch, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION: each call replaces the timeout before; -1: none. Not to be answered from inside. */
static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct fetch *fetch = ctx;
	struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return event_del(fetch->timer);
	return event_add(fetch->timer, &wait);
}

static enum base_result make_multi(struct fetch *fetch)
{
	CURLM *multi = curl_multi_init();

	if (multi == NULL)
		return BASE_NO_MEMORY;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, fetch_on_watch);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetch);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetch);
	/* A pool larger than what is in flight costs a walk at each transfer and a descriptor per idle host. */
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)fetch->max_connections);
	fetch->multi = multi;
	return BASE_OK;
}

/* ---- starting --------------------------------------------------------------------- */

static void begin(struct fetch_transfer *transfer, base_time now)
{
	struct fetch *fetch = transfer->fetch;

	TAILQ_INSERT_TAIL(&fetch->active, transfer, link);
	fetch->active_count++;
	transfer->began = now;
	transfer->looking_up = transfer->has_name;
	if (transfer->has_name)
		fetch_lookups_start(&fetch->lookups);
	if (fetch_transfer_prepare(transfer) != BASE_OK ||
	    curl_multi_add_handle(fetch->multi, transfer->easy) != CURLM_OK) {
		end(transfer, CURLE_OUT_OF_MEMORY);
		return;
	}
	transfer->added = true;
}

/* When too many look-ups are under way: those that end kick, the abandoned ones are waited for here. */
static void wait_for_lookups(struct fetch *fetch, base_time now)
{
	base_time wait = fetch_lookups_wait(&fetch->lookups, now);
	struct timeval until = {.tv_sec = wait / BASE_SECOND, .tv_usec = wait % BASE_SECOND};

	if (wait > 0)
		event_add(fetch->kick, &until);
}

/* The first in the queue; while names have to wait, the first that has none. NULL: nothing may begin now. */
static struct fetch_transfer *next_to_begin(struct fetch *fetch, base_time now)
{
	struct fetch_transfer *transfer = TAILQ_FIRST(&fetch->waiting);

	if (fetch->active_count >= fetch->max_connections)
		return NULL;
	if (transfer == NULL || fetch_lookups_free(&fetch->lookups, now))
		return transfer;
	wait_for_lookups(fetch, now);
	while (transfer != NULL && transfer->has_name)
		transfer = TAILQ_NEXT(transfer, link);
	return transfer;
}

/* Our own queue, since time spent in libcurl's counts against the transfer's timeout. */
static void on_kick(evutil_socket_t fd, short what, void *ctx)
{
	struct fetch *fetch = ctx;
	/* As many as wait now: done may start more, and the loop has others to serve. */
	size_t turns = fetch->waiting_count;
	struct fetch_transfer *transfer;
	base_time now = base_clock_monotonic(fetch->clock);

	(void)fd;
	(void)what;
	while (turns-- > 0 && (transfer = next_to_begin(fetch, now)) != NULL) {
		TAILQ_REMOVE(&fetch->waiting, transfer, link);
		fetch->waiting_count--;
		begin(transfer, now);
	}
}

enum base_result fetch_start(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *ctx,
                             struct fetch_transfer **out)
{
	struct fetch_transfer *transfer;
	enum base_result result = fetch_transfer_new(fetch, request, &transfer);

	if (result != BASE_OK)
		return result;
	transfer->done = done;
	transfer->ctx = ctx;
	TAILQ_INSERT_TAIL(&fetch->waiting, transfer, link);
	fetch->waiting_count++;
	kick(fetch);
	if (out != NULL)
		*out = transfer;
	return BASE_OK;
}

void fetch_cancel(struct fetch *fetch, struct fetch_transfer *transfer)
{
	if (transfer->easy == NULL) {
		TAILQ_REMOVE(&fetch->waiting, transfer, link);
		fetch->waiting_count--;
	} else {
		TAILQ_REMOVE(&fetch->active, transfer, link);
		fetch->active_count--;
		if (transfer->added)
			curl_multi_remove_handle(fetch->multi, transfer->easy);
		fetch_transfer_found(transfer, true);
		if (fetch->waiting_count > 0)
			kick(fetch);
	}
	fetch_transfer_free(transfer);
}

size_t fetch_running(const struct fetch *fetch)
{
	return fetch->waiting_count + fetch->active_count;
}

bool fetch_stuck(const struct fetch *fetch)
{
	const struct fetch_transfer *oldest = TAILQ_FIRST(&fetch->active);

	return oldest != NULL && base_clock_monotonic(fetch->clock) - oldest->began > fetch->timeout + BASE_MINUTE;
}

/* ---- life ------------------------------------------------------------------------- */

static enum base_result copy_options(struct fetch *fetch, const struct fetch_options *options)
{
	const char *agent = options->user_agent;

	if (agent == NULL)
		agent = "wirewatchd/" PACKAGE_VERSION " (+" PACKAGE_URL ")";
	fetch->timeout = options->timeout;
	fetch->max_size = options->max_size;
	fetch->max_connections = options->max_connections;
	fetch->log = options->log;
	if (fetch_write_fields(fetch, agent) != BASE_OK)
		return BASE_NO_MEMORY;
	if (options->unix_socket != NULL && (fetch->unix_socket = strdup(options->unix_socket)) == NULL)
		return BASE_NO_MEMORY;
	if (options->proxy != NULL && (fetch->proxy = strdup(options->proxy)) == NULL)
		return BASE_NO_MEMORY;
	fetch->proxy_has_name = fetch->proxy != NULL && fetch_url_has_name(fetch->proxy);
	if (options->allow_count == 0)
		return BASE_OK;
	fetch->allow = calloc(options->allow_count, sizeof(*fetch->allow));
	if (fetch->allow == NULL)
		return BASE_NO_MEMORY;
	memcpy(fetch->allow, options->allow, options->allow_count * sizeof(*fetch->allow));
	fetch->allow_count = options->allow_count;
	return BASE_OK;
}

/* Only kinds of proxy to which names are sent and not addresses that we would have to look up. */
static bool proxy_valid(const char *proxy)
{
	return proxy == NULL || (strncasecmp(proxy, "http://", 7) == 0 && fetch_check_url(proxy) == BASE_OK);
}

enum base_result fetch_new(struct event_base *base, const struct fetch_options *options, struct fetch **out)
{
	enum base_result result = BASE_NO_MEMORY;

	if (options->timeout <= 0 || options->max_size == 0 || options->max_connections == 0 || !proxy_valid(options->proxy))
		return BASE_INVALID;
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return BASE_NO_MEMORY;
	fetch->base = base;
	TAILQ_INIT(&fetch->waiting);
	TAILQ_INIT(&fetch->active);
	result = copy_options(fetch, options);
	if (result == BASE_OK)
		result = base_clock_new_system(&fetch->clock);
	if (result == BASE_OK)
		result = fetch_tls_new(options->trust, options->ca_file, options->log, fetch->clock, &fetch->tls);
	if (result != BASE_OK)
		goto fail;
	result = BASE_NO_MEMORY;
	fetch->timer = evtimer_new(base, on_timer, fetch);
	fetch->kick = evtimer_new(base, on_kick, fetch);
	if (fetch->timer == NULL || fetch->kick == NULL)
		goto fail;
	result = make_multi(fetch);
	if (result != BASE_OK)
		goto fail;
	*out = fetch;
	return BASE_OK;
fail:
	fetch_free(fetch);
	return result;
}

static void drop_all(struct fetch *fetch, struct fetch_transfers *list)
{
	struct fetch_transfer *transfer;

	while ((transfer = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, transfer, link);
		if (transfer->added)
			curl_multi_remove_handle(fetch->multi, transfer->easy);
		fetch_transfer_free(transfer);
	}
}

/* Easy handles, then the multi handle (which still calls fetch_on_watch and fetch_on_close), then the events. */
void fetch_free(struct fetch *fetch)
{
	if (fetch == NULL)
		return;
	drop_all(fetch, &fetch->active);
	drop_all(fetch, &fetch->waiting);
	fetch_drop_idle(fetch);
	if (fetch->multi != NULL)
		curl_multi_cleanup(fetch->multi);
	fetch_sockets_drop(fetch);
	if (fetch->timer != NULL)
		event_free(fetch->timer);
	if (fetch->kick != NULL)
		event_free(fetch->kick);
	fetch_tls_free(fetch->tls); /* closed connections may still have brought sessions */
	base_clock_free(fetch->clock);
	base_buf_free(&fetch->lines);
	free(fetch->proxy);
	free(fetch->unix_socket);
	free(fetch->allow);
	free(fetch);
}
