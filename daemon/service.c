/* The running daemon: rooms opened in order, closed in its mirror. */
#include "service.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "inquiry.h"
#include "limits.h"
#include "outbox.h"
#include "pollers.h"
#include "wirewatch/fetch.h"
#include "wirewatch/status.h"

#define STATUS_EVERY (5 * BASE_SECOND)
#define SIGN_OF_LIFE (60 * BASE_SECOND) /* a thread silent for longer is taken for hung */
#define SIGNAL_COUNT 4

struct service {
	struct service_options options;
	struct load loaded;  /* what the pollers use */
	struct load pending; /* what a reload has read; used once the old pollers have ended */
	bool reloading, stopping;
	bool failed; /* it ends although nobody asked for it */

	struct ledger *ledger; /* the outbox's own as soon as that runs */
	uint64_t epoch;
	struct publish *publish;
	struct publish_syslog *syslog;   /* or, when stderr is the journal, */
	struct publish_journal *journal; /* this one */
	struct publish_file *file;       /* or NULL */
	struct alert_stories *stories;
	struct status_board *board;
	struct status_server *server;
	struct inquiries *inquiries;
	struct outbox *outbox;
	bool outbox_running;
	struct base_buf backup_path;

	struct pollers *pollers;
	bool polling;             /* they run, or are to be joined */
	struct base_queue *ended; /* who is told that all pollers have ended */
	struct poller_change listing; /* all feeds, for new pollers */

	size_t connections; /* of subscribers, at most */
	struct event_base *base;
	struct event *signals[SIGNAL_COUNT], *ended_event, *status_event, *watchdog_event;
};

static const struct conf_settings *settings_of(const struct service *service)
{
	return conf_settings(service->loaded.conf);
}

/* ---- pollers ---------------------------------------------------------------- */

static void pollers_ended(void *ctx)
{
	struct service *service = ctx;
	(void)base_queue_push(service->ended, service);
}

static void free_pollers(struct service *service)
{
	pollers_free(service->pollers);
	service->pollers = NULL;
}

static void listed(struct poller_change *listing)
{
	free((void *)(uintptr_t)listing->add);
	listing->add = NULL;
}

static enum base_result list_feeds(struct service *service)
{
	const struct conf *conf = service->loaded.conf;
	size_t count = conf_feed_count(conf);
	const struct conf_feed **feeds = calloc(count + 1, sizeof *feeds);
	if (!feeds)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		feeds[i] = conf_feed_at(conf, i);
	service->listing = (struct poller_change){.add = feeds, .add_count = count, .done = listed};
	enum base_result result = pollers_change(service->pollers, &service->listing);
	if (result)
		listed(&service->listing);
	return result;
}

static enum base_result make_pollers(struct service *service)
{
	const struct conf_settings *settings = settings_of(service);
	struct poller_options options = {
	    .settings = settings,
	    .transfers = limits_transfers(settings, service->connections, service->options.log),
	    .rules = service->loaded.rules,
	    .outbox = service->outbox,
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

static enum base_result start_pollers(struct service *service)
{
	status_set(service->board, STATUS_FEEDS, conf_feed_count(service->loaded.conf));
	for (enum status_number state = STATUS_FEEDS_FAILING; state <= STATUS_FEEDS_ENDED; state++)
		status_set(service->board, state, 0);
	enum base_result result = make_pollers(service);
	if (result)
		return result;
	service->polling = true;
	result = pollers_start(service->pollers);
	return result ? result : list_feeds(service);
}

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
	};
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (!fixed[i].same)
			base_log(service->options.log, BASE_WARNING, "reload", "%s takes effect only at a restart", fixed[i].key);
}

static void reload(struct service *service)
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
		base_log(log, BASE_ERROR, "reload", "refused, no memory; the old configuration stays");
		(void)status_notify("READY=1");
		return;
	}
	struct load loaded;
	if (load_all(service->options.conf_path, problems, &loaded)) {
		for (size_t i = 0; i < base_problems_count(problems); i++)
			base_log(log, BASE_ERROR, "reload", "%s", base_problems_at(problems, i));
		base_log(log, BASE_ERROR, "reload", "refused; the old configuration stays");
		(void)status_notify("READY=1");
	} else {
		load_free(&service->pending); /* of a reload that was overtaken */
		service->pending = loaded;
		service->reloading = true;
		warn_unreloadable(service);
		if (settings_of(service)->zeromq.curve_clients)
			outbox_order(service->outbox, OUTBOX_RELOAD_KEYS);
		pollers_stop(service->pollers, false);
	}
	base_problems_free(problems);
}

static void finish_reload(struct service *service)
{
	struct base_log *log = service->options.log;
	service->reloading = false;
	free_pollers(service);
	for (size_t i = 0; i < conf_feed_count(service->loaded.conf); i++)
		status_feed_remove(service->board, conf_feed_at(service->loaded.conf, i)->url);
	load_free(&service->loaded);
	service->loaded = service->pending;
	service->pending = (struct load){0};
	enum base_result result = start_pollers(service);
	if (result) {
		base_log(log, BASE_ERROR, "reload", "pollers cannot start: %s; stopping", base_result_text(result));
		service->failed = true;
		(void)event_base_loopexit(service->base, NULL);
		return;
	}
	base_log(log, BASE_NOTICE, "reload", "done: %zu feeds, %zu rules", conf_feed_count(service->loaded.conf),
	         match_rules_count(service->loaded.rules));
	(void)status_notify("READY=1");
}

static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct service *service = ctx;
	if (!base_queue_pop(service->ended))
		return;
	pollers_join(service->pollers);
	service->polling = false;
	if (service->reloading && !service->stopping) {
		finish_reload(service);
		return;
	}
	service->failed = !service->stopping && (!service->options.once || pollers_failed(service->pollers));
	(void)event_base_loopexit(service->base, NULL);
}

static void on_signal(evutil_socket_t number, short what, void *ctx)
{
	(void)what;
	struct service *service = ctx;
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
	service->stopping = true;
	base_log(service->options.log, BASE_NOTICE, "wirewatchd", "stopping");
	(void)status_notify("STOPPING=1");
	if (service->polling)
		pollers_stop(service->pollers, true);
	outbox_hurry(service->outbox);
}

/* ---- opening the rooms -------------------------------------------------------------- */

static void to_syslog(void *ctx, enum base_level level, const char *line, size_t len)
{
	publish_syslog_line(ctx, base_level_syslog(level), line, len);
}

static enum base_result open_logs(struct service *service, struct base_error *err)
{
	const struct conf_settings *settings = settings_of(service);
	struct publish_syslog_options options = {
	    .path = getenv("WIREWATCH_SYSLOG_SOCKET"),
	    .ident = "wirewatchd",
	    .facility = settings->syslog.facility,
	};
	/* The journal hands its lines to syslog itself: never both. */
	bool journal = base_log_to_journal() && !options.path;
	enum base_result result =
	    journal ? publish_journal_new(&options, &service->journal) : publish_syslog_new(&options, &service->syslog);
	if (result)
		return base_fail(err, result, "no sender for log lines: %s", base_result_text(result));
	if (service->syslog)
		base_log_also(service->options.log, settings->syslog.level, to_syslog, service->syslog);
	return BASE_OK;
}

static enum base_result open_ledger(struct service *service, struct base_error *err)
{
	const struct conf_settings *settings = settings_of(service);
	struct ledger_options options = {
	    .uri = settings->ledger,
	    .node = settings->cluster.node,
	    .keep = settings->alerts.keep,
	    .log = service->options.log,
	};
	enum base_result result = ledger_open(&options, &service->ledger, err);
	if (!result)
		service->epoch = ledger_epoch(service->ledger);
	return result;
}

static enum base_result open_publish(struct service *service, struct base_error *err)
{
	const struct conf_settings *settings = settings_of(service);
	service->connections = limits_connections(settings);
	struct publish_options options = {
	    .endpoints = settings->zeromq.publish,
	    .endpoint_count = settings->zeromq.publish_count,
	    .replay_endpoints = settings->zeromq.replay,
	    .replay_count = settings->zeromq.replay_count,
	    .ledger = service->ledger,
	    .server_key = settings->zeromq.curve_server_key,
	    .clients = settings->zeromq.curve_clients,
	    .epoch = service->epoch,
	    .connections_max = service->connections,
	    .log = service->options.log,
	};
	return publish_new(&options, &service->publish, err);
}

static enum base_result open_file(struct service *service, struct base_error *err)
{
	struct publish_file_options options = {
	    .path = settings_of(service)->file.alerts,
	    .ledger = service->ledger,
	    .clock = service->options.clock,
	    .log = service->options.log,
	};
	return options.path ? publish_file_new(&options, &service->file, err) : BASE_OK;
}

/* Beside the ledger, so that it is the ledger's own user and disk; `wirewatch backup` waits for it there. */
static enum base_result name_backup(struct service *service)
{
	static const char scheme[] = "sqlite://";
	const char *ledger = settings_of(service)->ledger;
	base_buf_init(&service->backup_path, 8192);
	if (strncmp(ledger, scheme, sizeof scheme - 1) != 0)
		return BASE_OK;
	(void)base_buf_printf(&service->backup_path, "%s.backup", ledger + sizeof scheme - 1);
	return service->backup_path.failed;
}

static enum base_result open_outbox(struct service *service, struct base_error *err)
{
	const struct conf_settings *settings = settings_of(service);
	enum base_result result = alert_stories_new(settings->alerts.story_window, &service->stories);
	if (result)
		return base_fail(err, result, "no story index: %s", base_result_text(result));
	result = name_backup(service);
	if (result)
		return base_fail(err, result, "the ledger's path is too long for a backup beside it");
	struct outbox_options options = {
	    .backup_path = service->backup_path.data,
	    .ledger = service->ledger,
	    .publish = service->publish,
	    .syslog = service->syslog,
	    .journal = service->journal,
	    .file = service->file,
	    .stories = service->stories,
	    .clock = service->options.clock,
	    .log = service->options.log,
	    .board = service->board,
	    .story_window = settings->alerts.story_window,
	    .queue_max = OUTBOX_QUEUE_MAX,
	    .published = inquiries_news,
	    .ctx = service->inquiries,
	};
	return outbox_new(&options, &service->outbox, err);
}

static enum base_result open_server(struct service *service, struct base_error *err)
{
	const char *address = settings_of(service)->http;
	if (!address || service->options.once) /* a run of --once may stand beside the daemon */
		return BASE_OK;
	struct status_server_options options = {
	    .address = address,
	    .board = service->board,
	    .clock = service->options.clock,
	    .log = service->options.log,
	    .ask = inquiries_ask,
	    .ask_ctx = service->inquiries,
	};
	enum base_result result = status_server_new(service->base, &options, &service->server, err);
	inquiries_join(service->inquiries, service->outbox, service->server);
	return result;
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

static enum base_result open_loop(struct service *service, struct base_error *err)
{
	static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	service->base = event_base_new();
	if (!service->base || base_queue_new(1, &service->ended) ||
	    inquiries_new(service->base, &service->inquiries))
		return base_fail(err, BASE_NO_MEMORY, "no event loop");
	bool ok = true;
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		service->signals[i] = add_event(service, numbers[i], EV_SIGNAL | EV_PERSIST, on_signal, 0);
		ok = ok && service->signals[i];
	}
	service->ended_event = add_event(service, base_queue_fd(service->ended), EV_READ | EV_PERSIST, on_ended, 0);
	service->status_event = add_event(service, -1, EV_PERSIST, on_status, STATUS_EVERY);
	base_time watchdog = status_watchdog_interval();
	if (watchdog)
		service->watchdog_event = add_event(service, -1, EV_PERSIST, on_watchdog, watchdog);
	ok = ok && service->ended_event && service->status_event && (!watchdog || service->watchdog_event);
	return ok ? BASE_OK : base_fail(err, BASE_NO_MEMORY, "no events for signals and timers");
}

static enum base_result open_all(struct service *service, struct base_error *err)
{
	enum base_result result = limits_raise(settings_of(service), err);
	if (result)
		return result;
	result = fetch_global_init();
	if (result)
		return base_fail(err, result, "libcurl cannot start");
	result = status_board_new(&service->board);
	if (result)
		return base_fail(err, result, "no status board: %s", base_result_text(result));
	result = open_logs(service, err);
	if (!result)
		result = open_loop(service, err);
	if (!result)
		result = open_ledger(service, err);
	if (!result)
		result = open_publish(service, err);
	if (!result)
		result = open_file(service, err);
	if (!result)
		result = open_outbox(service, err);
	if (!result)
		result = open_server(service, err);
	return result;
}

enum base_result service_new(const struct service_options *options, struct load *loaded, struct service **out,
                             struct base_error *err)
{
	struct service *service = calloc(1, sizeof *service);
	if (!service) {
		load_free(loaded);
		return base_fail(err, BASE_NO_MEMORY, "out of memory");
	}
	service->options = *options;
	service->loaded = *loaded;
	*loaded = (struct load){0};
	enum base_result result = open_all(service, err);
	if (result)
		service_free(service);
	else
		*out = service;
	return result;
}

enum base_result service_run(struct service *service, struct base_error *err)
{
	uint64_t sequence = ledger_sequence(service->ledger);
	enum base_result result = outbox_start(service->outbox);
	if (result)
		return base_fail(err, result, "the outbox thread cannot start");
	service->outbox_running = true;
	result = start_pollers(service);
	if (result)
		return base_fail(err, result, "the pollers cannot start: %s", base_result_text(result));
	base_log(service->options.log, BASE_NOTICE, "wirewatchd", "ready: %zu feeds, %zu rules, %zu terms, sequence %llu",
	         conf_feed_count(service->loaded.conf), match_rules_count(service->loaded.rules),
	         match_terms_count(service->loaded.rules), (unsigned long long)sequence);
	say_status(service, "READY=1\n");
	if (event_base_dispatch(service->base) < 0)
		return base_fail(err, BASE_IO, "the event loop failed");
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
	free_pollers(service);
	if (service->outbox_running)
		outbox_stop(service->outbox);
	outbox_free(service->outbox);
	inquiries_free(service->inquiries);
	base_buf_free(&service->backup_path);
	alert_stories_free(service->stories);
	publish_file_free(service->file);
	publish_free(service->publish);
	ledger_close(service->ledger);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		free_event(service->signals[i]);
	free_event(service->ended_event);
	free_event(service->status_event);
	free_event(service->watchdog_event);
	if (service->base)
		event_base_free(service->base);
	base_queue_free(service->ended);
	base_log_also(service->options.log, BASE_ERROR, NULL, NULL);
	publish_syslog_free(service->syslog);
	publish_journal_free(service->journal);
	status_board_free(service->board);
	load_free(&service->pending);
	load_free(&service->loaded);
	fetch_global_cleanup();
	free(service);
}
