/* The running daemon's life, and the main thread's loop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "inquiry.h"
#include "service_inside.h"
#include "wirewatch/fetch.h"

#define STATUS_EVERY (5 * BASE_SECOND)
#define SIGN_OF_LIFE (60 * BASE_SECOND) /* a thread silent for longer is taken for hung */
#define NEWS_MAX 64

/* ---- the main thread's events ---------------------------------------------------- */

static void say_status(struct service *service, const char *besides)
{
	char state[320];
	const struct status_board *board = service->board;
	(void)snprintf(state, sizeof state, "%sSTATUS=%s%llu feeds, %llu failing, %llu stale, seq %llu, %llu subscribers",
	               besides, outbox_stuck(service->outbox) ? "ledger failing, polls wait; " : "",
	               (unsigned long long)status_get(board, STATUS_FEEDS),
	               (unsigned long long)status_get(board, STATUS_FEEDS_FAILING),
	               (unsigned long long)status_get(board, STATUS_FEEDS_STALE),
	               (unsigned long long)status_get(board, STATUS_SEQUENCE),
	               (unsigned long long)status_get(board, STATUS_SUBSCRIBERS));
	(void)status_notify(state);
}

static void on_status(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	say_status(ctx, "");
	sharing_look(ctx); /* orders that could not be carried out at once */
}

/* The watchdog is fed only while every thread shows signs of life. */
static void on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct service *service = ctx;
	base_time oldest = outbox_alive(service->outbox), pollers = service->polling ? pollers_alive(service->pollers) : oldest;
	oldest = pollers < oldest ? pollers : oldest;
	if (base_clock_monotonic(service->options.clock) - oldest < SIGN_OF_LIFE)
		(void)status_notify("WATCHDOG=1");
}

static void stop(struct service *service)
{
	service->stopping = true;
	base_log(service->options.log, BASE_NOTICE, "wirewatchd", "stopping");
	(void)status_notify("STOPPING=1");
	if (service->polling)
		pollers_stop(service->pollers, true);
	outbox_hurry(service->outbox);
}

static void on_news(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct service *service = ctx;
	(void)base_queue_pop(service->news);
	reload_look(service);
	sharing_look(service);
	if (atomic_load(&service->refused) && !service->stopping)
		stop(service);
	if (!service->polling || !atomic_load(&service->ended))
		return;
	pollers_join(service->pollers);
	service->polling = false;
	if (service->reloading && !service->stopping) {
		reload_finish(service);
		return;
	}
	service->failed = !service->stopping && (!service->options.once || pollers_failed(service->pollers));
	(void)event_base_loopexit(service->base, NULL);
}

static void take_signal(struct service *service, uint32_t number)
{
	if (service->stopping)
		return;
	if (number == SIGHUP) {
		if (!service->options.once) /* what runs once has one configuration */
			reload(service);
		return;
	}
	if (number == SIGUSR1) {
		if (service->outbox)
			outbox_order(service->outbox, OUTBOX_BACK_UP);
		return;
	}
	stop(service);
}

static void on_signals(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct signalfd_siginfo signal;
	while (read(fd, &signal, sizeof signal) == (ssize_t)sizeof signal)
		take_signal(ctx, signal.ssi_signo);
}

static struct event *add_event(struct service *service, int fd, short what, event_callback_fn call, base_time every)
{
	struct event *event = event_new(service->base, fd, what, call, service);
	struct timeval wait = {(time_t)(every / BASE_SECOND), (suseconds_t)(every % BASE_SECOND)};
	if (event && event_add(event, every ? &wait : NULL)) {
		event_free(event);
		return NULL;
	}
	return event;
}

/*
 * signalfd(2) instead of handlers: whatever the main thread is doing, a signal waits until it is read. They stay blocked
 * to the end, so that a second one does not cut the stop short that the first one asked for.
 */
static bool open_signals(struct service *service)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	sigset_t wanted;
	(void)sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		(void)sigaddset(&wanted, numbers[i]);
	errno = pthread_sigmask(SIG_BLOCK, &wanted, NULL);
	if (errno)
		return false;
	(void)signal(SIGHUP, SIG_DFL); /* one that is ignored would not wait */
	service->signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	return service->signals >= 0;
}

static enum base_result open_loop(struct service *service, struct base_error *err)
{
	service->base = event_base_new();
	if (!service->base || base_queue_new(NEWS_MAX, &service->news) ||
	    inquiries_new(service->base, &service->inquiries))
		return base_fail(err, BASE_NO_MEMORY, "no event loop");
	if (!open_signals(service))
		return base_fail(err, BASE_IO, "signals cannot be waited for: %s", strerror(errno));
	service->signal_event = add_event(service, service->signals, EV_READ | EV_PERSIST, on_signals, 0);
	service->news_event = add_event(service, base_queue_fd(service->news), EV_READ | EV_PERSIST, on_news, 0);
	service->status_event = add_event(service, -1, EV_PERSIST, on_status, STATUS_EVERY);
	base_time watchdog = status_watchdog_interval();
	if (watchdog)
		service->watchdog_event = add_event(service, -1, EV_PERSIST, on_watchdog, watchdog);
	if (service->signal_event && service->news_event && service->status_event && (!watchdog || service->watchdog_event))
		return BASE_OK;
	return base_fail(err, BASE_NO_MEMORY, "no events for signals and timers");
}

enum base_result service_new(const struct service_options *options, struct load *loaded, struct service **out,
                             struct base_error *err)
{
	struct service *service = calloc(1, sizeof *service);
	if (!service) {
		load_free(loaded);
		return base_fail(err, BASE_NO_MEMORY, "out of memory");
	}
	STAILQ_INIT(&service->listings);
	service->signals = -1;
	service->options = *options;
	service->loaded = *loaded;
	*loaded = (struct load){0};
	enum base_result result = rooms_open(service, open_loop, err);
	if (result)
		service_free(service);
	else
		*out = service;
	return result;
}

static void say_ready(const struct service *service, uint64_t sequence)
{
	struct base_log *log = service->options.log;
	const struct load *loaded = &service->loaded;
	size_t feeds = conf_feed_count(loaded->conf);
	if (loaded->rules)
		base_log(log, BASE_NOTICE, "wirewatchd", "ready: %zu feeds, %zu rules, %zu terms, sequence %llu", feeds,
		         match_rules_count(loaded->rules), match_terms_count(loaded->rules), (unsigned long long)sequence);
	else
		base_log(log, BASE_NOTICE, "wirewatchd", "ready: %zu feeds, rules when they are needed, sequence %llu", feeds,
		         (unsigned long long)sequence);
}

enum base_result service_run(struct service *service, struct base_error *err)
{
	uint64_t sequence = ledger_sequence(service->ledger);
	enum base_result result = outbox_start(service->outbox);
	if (result)
		return base_fail(err, result, "the outbox thread cannot start");
	service->outbox_running = true;
	result = reload_start_pollers(service);
	if (result)
		return base_fail(err, result, "the pollers cannot start: %s", base_result_text(result));
	say_ready(service, sequence);
	say_status(service, "READY=1\n");
	if (event_base_dispatch(service->base) < 0)
		return base_fail(err, BASE_IO, "the event loop failed");
	if (atomic_load(&service->refused))
		return base_fail(err, BASE_BUSY, "another node has this one's name");
	if (rulebook_failed(service->rulebook))
		return base_fail(err, rulebook_failed(service->rulebook), "the rules cannot be used");
	if (service->failed) /* whoever started it starts it again */
		return base_fail(err, BASE_NO_MEMORY, "the pollers have ended");
	return BASE_OK;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void wait_for_pollers(struct service *service)
{
	if (!service->polling)
		return;
	pollers_stop(service->pollers, true);
	if (service->outbox_running) /* a failing ledger must not keep their jobs */
		outbox_hurry(service->outbox);
	pollers_join(service->pollers);
	service->polling = false;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	status_server_free(service->server); /* whoever asked is gone; the inquiries bring answers to nobody */
	wait_for_pollers(service);
	pollers_free(service->pollers);
	rulebook_free(service->rulebook);
	reload_free(service);
	if (service->outbox_running)
		outbox_stop(service->outbox);
	rooms_close(service);
	free_event(service->signal_event);
	free_event(service->news_event);
	free_event(service->status_event);
	free_event(service->watchdog_event);
	if (service->base)
		event_base_free(service->base);
	if (service->signals >= 0)
		(void)close(service->signals);
	base_queue_free(service->news);
	rooms_close_logs(service);
	load_free(&service->pending);
	load_free(&service->loaded);
	fetch_global_cleanup();
	free(service);
}
