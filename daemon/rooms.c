/* The rooms of the running daemon: opened in order, closed in its mirror. */
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "service_inside.h"
#include "wirewatch/feed.h"
#include "wirewatch/fetch.h"

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
	    .share = service->share,
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

/* A run of --once may stand beside the daemon. */
static bool has_server(const struct service *service)
{
	return settings_of(service)->http && !service->options.once;
}

static enum base_result open_server(struct service *service, struct base_error *err)
{
	const char *address = settings_of(service)->http;
	if (!has_server(service))
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

enum base_result rooms_open(struct service *service, enum base_result (*open_loop)(struct service *, struct base_error *),
                            struct base_error *err)
{
	enum base_result result = limits_raise(settings_of(service), err);
	if (result)
		return result;
	feed_global_init();
	result = fetch_global_init();
	if (result)
		return base_fail(err, result, "libcurl cannot start");
	result = status_board_new(&service->board);
	if (result)
		return base_fail(err, result, "no status board: %s", base_result_text(result));
	if (!has_server(service)) /* kept for nobody, they were 5 % of a run of --once that finds nothing new */
		status_spare_feeds(service->board);
	result = open_logs(service, err);
	if (!result)
		result = open_loop(service, err);
	if (!result)
		result = open_ledger(service, err);
	if (!result)
		result = sharing_open(service, err);
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

void rooms_close(struct service *service)
{
	outbox_free(service->outbox);
	inquiries_free(service->inquiries);
	base_buf_free(&service->backup_path);
	alert_stories_free(service->stories);
	publish_file_free(service->file);
	publish_free(service->publish);
	sharing_close(service);
	ledger_close(service->ledger);
}

void rooms_close_logs(struct service *service)
{
	base_log_also(service->options.log, BASE_ERROR, NULL, NULL);
	publish_syslog_free(service->syslog);
	publish_journal_free(service->journal);
	status_board_free(service->board);
}
