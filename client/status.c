/* `wirewatch status`: totals of the running daemon. */
#include "ask.h"
#include "client.h"
#include "print.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: wirewatch status [--json] [-c FILE | --http ADDRESS]\n\n"
    "Asks the running daemon for its totals, uptime and sequence.\n\n"
    "  --json           one JSON object instead of a table\n"
    "  -c FILE          the daemon's configuration, for the address of its `http` setting\n"
    "  --http ADDRESS   that address itself (" CLIENT_HTTP_DEFAULT ")\n"
    "  -h, --help       this text\n";

#define LABEL_COLUMNS 13

static void add_label(struct base_buf *out, bool colours, const char *label)
{
	base_buf_add_text(out, terminal_start(colours, TERMINAL_DIM));
	size_t start = out->len;
	base_buf_add_text(out, label);
	terminal_pad(out, start, LABEL_COLUMNS);
	base_buf_add_text(out, terminal_start(colours, TERMINAL_PLAIN));
}

/* "label   name 1, name 2": the integer members of an object in their order. */
static void add_counts(struct base_buf *out, bool colours, const char *label, const json_t *counts)
{
	const char *key, *divider = "";
	json_t *value;

	add_label(out, colours, label);
	json_object_foreach((json_t *)(uintptr_t)counts, key, value) {
		base_buf_add_text(out, divider);
		terminal_add(out, key, 40);
		base_buf_printf(out, " %lld", (long long)json_integer_value(value));
		divider = ", ";
	}
	base_buf_add_text(out, divider[0] != '\0' ? "\n" : "none\n");
}

static void add_alerts(struct base_buf *out, bool colours, const json_t *alerts)
{
	const char *class, *divider = "";
	json_t *counts;

	add_label(out, colours, "alerts");
	json_object_foreach((json_t *)(uintptr_t)alerts, class, counts) {
		long long first = client_json_number(counts, "first"), repeat = client_json_number(counts, "repeat");
		base_buf_add_text(out, divider);
		terminal_add(out, class, 40);
		base_buf_printf(out, " %lld", first);
		if (repeat > 0)
			base_buf_printf(out, " (+ %lld repeats)", repeat);
		divider = ", ";
	}
	base_buf_add_text(out, divider[0] != '\0' ? "\n" : "none yet\n");
}

static void add_head(struct base_buf *out, bool colours, const json_t *root)
{
	bool healthy = json_is_true(json_object_get(root, "healthy"));
	const char *trouble = client_json_text(root, "trouble");

	base_buf_printf(out, "%swirewatchd ", terminal_start(colours, TERMINAL_BOLD));
	terminal_add(out, client_json_text(root, "version"), 40);
	base_buf_printf(out, "%s, up ", terminal_start(colours, TERMINAL_PLAIN));
	terminal_add_span(out, client_json_number(root, "uptime") * BASE_SECOND);
	base_buf_add_text(out, ", since ");
	terminal_add(out, client_json_text(root, "started"), 40);
	base_buf_add_text(out, "\n");
	add_label(out, colours, "health");
	base_buf_add_text(out, terminal_start(colours, healthy ? TERMINAL_GOOD : TERMINAL_BAD));
	terminal_add(out, healthy ? "well" : trouble[0] != '\0' ? trouble : "not well", 0);
	base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
}

static void add_feeds(struct base_buf *out, bool colours, const json_t *feeds)
{
	static const char *const states[] = {"paused", "stale", "ended"};
	long long failing = client_json_number(feeds, "failing");

	add_label(out, colours, "feeds");
	base_buf_printf(out, "%lld", client_json_number(feeds, "total"));
	if (failing > 0)
		base_buf_printf(out, ", %s%lld failing%s", terminal_start(colours, TERMINAL_BAD), failing,
		                terminal_start(colours, TERMINAL_PLAIN));
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		long long count = client_json_number(feeds, states[i]);
		if (count > 0)
			base_buf_printf(out, ", %lld %s", count, states[i]);
	}
	base_buf_add_text(out, "\n");
}

/* What a day and an hour bring, once there is an hour to judge by. */
static void add_rates(struct base_buf *out, bool colours, const json_t *root)
{
	double hours = (double)client_json_number(root, "uptime") / 3600, polls = 0, alerts = 0;
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(root, "polls"), key, value)
		polls += (double)json_integer_value(value);
	json_object_foreach(json_object_get(root, "alerts"), key, value)
		alerts += (double)(client_json_number(value, "first") + client_json_number(value, "repeat"));
	if (hours < 1)
		return;
	add_label(out, colours, "rates");
	base_buf_printf(out, "%.0f polls an hour, %.1f alerts a day\n", polls / hours, alerts / hours * 24);
}

static void add_lag(struct base_buf *out, const char *before, const json_t *seconds, const char *what)
{
	if (json_is_number(seconds))
		base_buf_printf(out, "%s%s within %.3g s", before, what, json_number_value(seconds));
}

static void add_lags(struct base_buf *out, bool colours, const json_t *p99)
{
	const json_t *poll = json_object_get(p99, "poll_lag");

	if (!json_is_number(poll))
		return;
	add_label(out, colours, "99 of 100");
	add_lag(out, "", poll, "polls started");
	add_lag(out, ", ", json_object_get(p99, "alert_latency"), "alerts published");
	add_lag(out, ", ", json_object_get(p99, "commit"), "commits done");
	base_buf_add_text(out, "\n");
}

static void add_number(struct base_buf *out, bool colours, const char *label, const json_t *root, const char *key)
{
	add_label(out, colours, label);
	base_buf_printf(out, "%lld\n", client_json_number(root, key));
}

/* One line for each node that shares the ledger. */
static void add_nodes(struct base_buf *out, bool colours, const json_t *nodes)
{
	json_t *node;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)nodes, i, node) {
		const char *state = client_json_text(node, "state");
		bool living = strcmp(state, "living") == 0;
		long long lag = client_json_number(node, "lag");
		add_label(out, colours, i == 0 ? "nodes" : "");
		base_buf_add_text(out, terminal_start(colours, living ? TERMINAL_PLAIN : TERMINAL_DIM));
		terminal_add(out, client_json_text(node, "name"), 64);
		base_buf_printf(out, "%s: ", json_is_true(json_object_get(node, "self")) ? " (this one)" : "");
		terminal_add(out, state, 16);
		if (living)
			base_buf_printf(out, ", %lld feeds of %lld hosts, published %lld", client_json_number(node, "feeds"),
			                client_json_number(node, "hosts"), client_json_number(node, "published"));
		if (living && lag > 0)
			base_buf_printf(out, ", %lld behind", lag);
		base_buf_add_text(out, living ? ", heard of " : " since ");
		terminal_add(out, client_json_text(node, "renewed"), 40);
		base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
	}
}

static int print(const json_t *root)
{
	bool colours = terminal_colours();
	struct base_buf out;
	int code = CLIENT_DONE;

	base_buf_init(&out, 1 << 20);
	add_head(&out, colours, root);
	add_feeds(&out, colours, json_object_get(root, "feeds"));
	add_counts(&out, colours, "polls", json_object_get(root, "polls"));
	add_counts(&out, colours, "entries", json_object_get(root, "entries"));
	add_alerts(&out, colours, json_object_get(root, "alerts"));
	add_rates(&out, colours, root);
	add_lags(&out, colours, json_object_get(root, "p99"));
	add_number(&out, colours, "sequence", root, "sequence");
	add_number(&out, colours, "epoch", root, "epoch");
	add_number(&out, colours, "subscribers", root, "subscribers");
	add_label(&out, colours, "dropped");
	base_buf_printf(&out, "%lld messages, %lld syslog lines\n", client_json_number(root, "publish_dropped"),
	                client_json_number(root, "syslog_dropped"));
	add_number(&out, colours, "commits", root, "commits");
	add_nodes(&out, colours, json_object_get(root, "nodes"));
	if (out.failed != BASE_OK || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0) {
		(void)fputs("wirewatch status: cannot write\n", stderr);
		code = CLIENT_FAILED;
	}
	base_buf_free(&out);
	return code;
}

int client_status(int argc, char **argv)
{
	struct client_ask_options options;
	json_t *root = NULL;
	int code = client_ask_options(argc, argv, help, 0, &options);

	if (code >= 0)
		return code;
	code = client_ask("status", &options, "/status", &root);
	if (code == CLIENT_DONE)
		code = options.json ? print_json("status", root) : print(root);
	json_decref(root);
	return code;
}
