/*
 * metrics: the board in Prometheus' text format, version 0.0.4.
 */
#include "config.h"

#include "daemon/status/pages.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void status_add_label(struct base_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			base_buf_add_char(out, '\\');
		if (*text == '\n')
			base_buf_add_text(out, "\\n");
		else
			base_buf_add_char(out, *text);
	}
}

static void head(struct base_buf *out, const char *name, const char *type, const char *help)
{
	base_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

struct sample { /* one value of a metric, perhaps with a label */
	const char *label;
	enum status_number number;
};

static void samples(const struct status_view *view, struct base_buf *out, const char *name, const char *label,
                    const struct sample *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		base_buf_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, list[i].label,
		                status_get(view->board, list[i].number));
}

static void add_polls(const struct status_view *view, struct base_buf *out)
{
	static const struct sample polls[] = {{"new", STATUS_POLLS_NEW},
	                                      {"unchanged", STATUS_POLLS_UNCHANGED},
	                                      {"not_modified", STATUS_POLLS_NOT_MODIFIED},
	                                      {"error", STATUS_POLLS_ERROR}};
	static const struct sample entries[] = {{"new", STATUS_ENTRIES_NEW},
	                                        {"changed", STATUS_ENTRIES_CHANGED},
	                                        {"seen", STATUS_ENTRIES_SEEN}};
	static const struct sample states[] = {{"failing", STATUS_FEEDS_FAILING},
	                                       {"paused", STATUS_FEEDS_PAUSED},
	                                       {"stale", STATUS_FEEDS_STALE},
	                                       {"ended", STATUS_FEEDS_ENDED}};
	uint64_t feeds = status_get(view->board, STATUS_FEEDS), others = 0;

	head(out, "wirewatch_polls_total", "counter", "Polls of feeds by their result.");
	samples(view, out, "wirewatch_polls_total", "result", polls, sizeof(polls) / sizeof(*polls));
	head(out, "wirewatch_entries_total", "counter", "Entries in the documents polled, by whether they were known.");
	samples(view, out, "wirewatch_entries_total", "state", entries, sizeof(entries) / sizeof(*entries));
	head(out, "wirewatch_feeds", "gauge", "Feeds in the configuration by their health.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		others += status_get(view->board, states[i].number);
	base_buf_printf(out, "wirewatch_feeds{state=\"ok\"} %" PRIu64 "\n", feeds > others ? feeds - others : 0);
	samples(view, out, "wirewatch_feeds", "state", states, sizeof(states) / sizeof(*states));
}

static void add_alerts(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;

	head(out, "wirewatch_alerts_total", "counter", "Alerts made, by event class and whether the story was new.");
	pthread_mutex_lock(&board->lock);
	for (size_t i = 0; i < board->class_count; i++) {
		const struct status_class *class = &board->classes[i];
		base_buf_add_text(out, "wirewatch_alerts_total{class=\"");
		status_add_label(out, class->name);
		base_buf_printf(out, "\",report=\"first\"} %" PRIu64 "\nwirewatch_alerts_total{class=\"", class->first);
		status_add_label(out, class->name);
		base_buf_printf(out, "\",report=\"repeat\"} %" PRIu64 "\n", class->repeat);
	}
	pthread_mutex_unlock(&board->lock);
}

static void add_timing(const struct status_view *view, struct base_buf *out, enum status_timing timing,
                       const char *name, const char *help)
{
	const struct status_histogram *histogram = &view->board->timings[timing];
	uint64_t count = 0;

	head(out, name, "histogram", help);
	for (size_t i = 0; i <= STATUS_BUCKET_COUNT; i++) {
		count += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
		if (i < STATUS_BUCKET_COUNT)
			base_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			                (double)status_bucket_bounds[i] / 1e6, count);
		else
			base_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	}
	base_buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name,
	                (double)atomic_load_explicit(&histogram->sum, memory_order_relaxed) / 1e6, name, count);
}

static void add_timings(const struct status_view *view, struct base_buf *out)
{
	add_timing(view, out, STATUS_POLL_LAG, "wirewatch_poll_lag_seconds", "From when a poll was due to its start.");
	add_timing(view, out, STATUS_ALERT_LATENCY, "wirewatch_alert_latency_seconds",
	           "From the last byte of a feed's reply to the alert published.");
	add_timing(view, out, STATUS_COMMIT_TIME, "wirewatch_ledger_commit_seconds", "Time taken by commits to the ledger.");
}

static void add_plain(const struct status_view *view, struct base_buf *out)
{
	static const struct {
		enum status_number number;
		const char *name, *type, *help;
	} plain[] = {
	    {STATUS_SEQUENCE, "wirewatch_sequence", "gauge", "The sequence of the latest alert."},
	    {STATUS_SUBSCRIBERS, "wirewatch_subscribers", "gauge", "Subscribers connected now."},
	    {STATUS_PUBLISH_DROPPED, "wirewatch_publish_dropped_total", "counter", "Messages that a subscriber was too slow for."},
	    {STATUS_LISTENERS, "wirewatch_events_listeners", "gauge", "Listeners of /events connected now."},
	    {STATUS_LISTENERS_DROPPED, "wirewatch_events_dropped_total", "counter", "Listeners of /events that took nothing."},
	    {STATUS_SYSLOG_DROPPED, "wirewatch_syslog_dropped_total", "counter", "Lines that syslog did not take."},
	    {STATUS_FILE_MISSING, "wirewatch_file_missing", "gauge", "Alerts that the file of alerts did not take yet."},
	    {STATUS_COMMITS, "wirewatch_ledger_commits_total", "counter", "Transactions committed to the ledger."},
	    {STATUS_LAST_COMMIT_OK, "wirewatch_ledger_ok", "gauge", "1 while the ledger takes batches."},
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
		head(out, plain[i].name, plain[i].type, plain[i].help);
		base_buf_printf(out, "%s %" PRIu64 "\n", plain[i].name, status_get(view->board, plain[i].number));
	}
	head(out, "wirewatch_info", "gauge", "Version and ledger epoch of this daemon.");
	base_buf_printf(out, "wirewatch_info{version=\"%s\",epoch=\"%" PRIu64 "\"} 1\n", PACKAGE_VERSION,
	                status_get(view->board, STATUS_EPOCH));
}

/* Nothing where the ledger is one node's own. */
static void add_cluster(const struct status_view *view, struct base_buf *out)
{
	struct status_board *board = view->board;

	if (status_get(board, STATUS_CLUSTER_NODES) == 0)
		return;
	head(out, "wirewatch_cluster_nodes", "gauge", "Nodes that share the ledger and live.");
	base_buf_printf(out, "wirewatch_cluster_nodes %" PRIu64 "\n", status_get(board, STATUS_CLUSTER_NODES));
	head(out, "wirewatch_cluster_leases", "gauge", "Hosts whose feeds are polled here.");
	base_buf_printf(out, "wirewatch_cluster_leases %" PRIu64 "\n", status_get(board, STATUS_CLUSTER_LEASES));
	head(out, "wirewatch_cluster_lag", "gauge", "Alerts that a node has not published yet.");
	pthread_mutex_lock(&board->lock);
	for (size_t i = 0; i < board->node_count; i++) {
		if (strcmp(board->nodes[i].state, "living") != 0)
			continue;
		base_buf_add_text(out, "wirewatch_cluster_lag{node=\"");
		status_add_label(out, board->nodes[i].name);
		base_buf_printf(out, "\"} %" PRIu64 "\n", board->nodes[i].self ? 0 : status_node_lag(board, &board->nodes[i]));
	}
	pthread_mutex_unlock(&board->lock);
}

/* ---- process_* ---------------------------------------------------------------------- */

/* Fields 14, 15, 20, 23 and 24 of /proc/self/stat, proc(5). */
static bool read_stat(unsigned long *user, unsigned long *system, long *threads, unsigned long *virtual, long *resident)
{
	char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	const char *name_end = strrchr(text, ')');
	return name_end != NULL &&
	       sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %lu %ld",
	              user, system, threads, virtual, resident) == 5;
}

static size_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	if (dir == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count - (count > 0); /* not the one just used to count */
}

static void add_process(const struct status_view *view, struct base_buf *out)
{
	unsigned long user, system, virtual;
	long threads, resident;
	struct rlimit limit;

	head(out, "process_start_time_seconds", "gauge", "Start time since the Unix epoch.");
	base_buf_printf(out, "process_start_time_seconds %.3f\n", (double)view->started_wall / 1e6);
	head(out, "process_open_fds", "gauge", "Open file descriptors.");
	base_buf_printf(out, "process_open_fds %zu\n", count_descriptors());
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		head(out, "process_max_fds", "gauge", "The limit on open file descriptors.");
		base_buf_printf(out, "process_max_fds %" PRIu64 "\n", (uint64_t)limit.rlim_cur);
	}
	if (!read_stat(&user, &system, &threads, &virtual, &resident))
		return;
	head(out, "process_cpu_seconds_total", "counter", "User and system CPU time.");
	base_buf_printf(out, "process_cpu_seconds_total %.2f\n", (double)(user + system) / (double)sysconf(_SC_CLK_TCK));
	head(out, "process_virtual_memory_bytes", "gauge", "Virtual memory size.");
	base_buf_printf(out, "process_virtual_memory_bytes %lu\n", virtual);
	head(out, "process_resident_memory_bytes", "gauge", "Resident memory size.");
	base_buf_printf(out, "process_resident_memory_bytes %" PRIu64 "\n",
	                (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE));
	head(out, "process_threads", "gauge", "Threads.");
	base_buf_printf(out, "process_threads %ld\n", threads);
}

enum base_result status_page_metrics(const struct status_view *view, struct base_buf *out)
{
	add_polls(view, out);
	add_alerts(view, out);
	add_timings(view, out);
	add_plain(view, out);
	add_cluster(view, out);
	add_process(view, out);
	return out->failed;
}
