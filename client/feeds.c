/* `wirewatch feeds`: each feed's health, asked of the running daemon. */
#include "ask.h"
#include "client.h"
#include "print.h"
#include "terminal.h"
#include "wirewatch/feed.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: wirewatch feeds [--json] [--failing] [-c FILE | --http ADDRESS]\n\n"
    "Asks the running daemon for each feed's health, last result and next poll.\n\n"
    "  --failing        only feeds that are not well: failing, paused, stale or ended; and what to\n"
    "                   do about them\n"
    "  --json           one JSON object instead of a table\n"
    "  -c FILE          the daemon's configuration, for the address of its `http` setting\n"
    "  --http ADDRESS   that address itself (" CLIENT_HTTP_DEFAULT ")\n"
    "  -h, --help       this text\n";

enum { NAME, RESULT, LAST, NEXT, ENTRIES, COLUMN_COUNT };
static const char *const titles[COLUMN_COUNT] = {"FEED", "RESULT", "POLLED", "NEXT", "ENTRIES"};
static const size_t widest[COLUMN_COUNT] = {40, 14, 16, 16, 8};

struct layout {
	size_t widths[COLUMN_COUNT];
	base_time now;
	bool colours;
};

static bool is_failing(const json_t *feed)
{
	return client_json_number(feed, "failures") > 0;
}

/* A feed that asks for patience for ever, or has fallen silent, fails nobody's poll and still brings nothing. */
static bool is_well(const json_t *feed)
{
	return strcmp(client_json_text(feed, "state"), "well") == 0;
}

/* BASE_TIME_NONE if the daemon says none. */
static base_time read_time(const char *text)
{
	base_time time;

	return feed_date_parse(base_span_of(text), &time) == BASE_OK ? time : BASE_TIME_NONE;
}

static void add_when(struct base_buf *out, base_time when, base_time now)
{
	if (when == BASE_TIME_NONE) {
		base_buf_add_text(out, "-");
	} else if (when > now) {
		base_buf_add_text(out, "in ");
		terminal_add_span(out, when - now);
	} else {
		terminal_add_span(out, now - when);
		base_buf_add_text(out, " ago");
	}
}

static void add_cell(struct base_buf *out, const json_t *feed, int column, base_time now)
{
	const char *name = client_json_text(feed, "name"), *result = client_json_text(feed, "result");

	switch (column) {
	case NAME:
		terminal_add(out, name[0] != '\0' ? name : client_json_text(feed, "url"), widest[NAME]);
		break;
	case RESULT:
		terminal_add(out, result[0] != '\0' ? result : "not yet", widest[RESULT]);
		if (is_failing(feed))
			base_buf_printf(out, " x%lld", client_json_number(feed, "failures"));
		break;
	case LAST:
		add_when(out, read_time(client_json_text(feed, "last_poll")), now);
		break;
	case NEXT: {
		base_time due = read_time(client_json_text(feed, "next_poll"));
		if (due != BASE_TIME_NONE && due <= now)
			base_buf_add_text(out, "now");
		else
			add_when(out, due, now);
		break;
	}
	default:
		base_buf_printf(out, "%lld", client_json_number(feed, "entries"));
	}
}

static void measure(const json_t *feeds, struct layout *layout)
{
	struct base_buf cell;
	json_t *feed;
	size_t i;

	base_buf_init(&cell, 65536);
	for (int column = 0; column < COLUMN_COUNT; column++) {
		layout->widths[column] = strlen(titles[column]);
		json_array_foreach((json_t *)(uintptr_t)feeds, i, feed) {
			base_buf_reset(&cell);
			add_cell(&cell, feed, column, layout->now);
			size_t width = base_utf8_count(cell.data != NULL ? cell.data : "", cell.len);
			if (width > layout->widths[column])
				layout->widths[column] = width;
		}
	}
	base_buf_free(&cell);
}

static void add_feed(struct base_buf *out, const json_t *feed, const struct layout *layout)
{
	const char *reason = client_json_text(feed, "reason"), *plan = client_json_text(feed, "plan");
	bool well = is_well(feed) || plan[0] == '\0';

	base_buf_add_text(out, terminal_start(layout->colours, is_failing(feed) ? TERMINAL_BAD : TERMINAL_PLAIN));
	for (int column = 0; column < COLUMN_COUNT; column++) {
		size_t start = out->len;
		add_cell(out, feed, column, layout->now);
		if (column < COLUMN_COUNT - 1 || reason[0] != '\0' || !well)
			terminal_pad(out, start, layout->widths[column] + 2);
	}
	terminal_add(out, reason, 0);
	if (!well && reason[0] != '\0')
		base_buf_add_text(out, "; ");
	if (!well)
		terminal_add(out, plan, 0);
	base_buf_printf(out, "%s\n", terminal_start(layout->colours, TERMINAL_PLAIN));
}

/* What its owner can do about a feed of this state, or with this failure; "" when waiting is all. */
static const char *advice(const char *trouble)
{
	static const struct {
		const char *trouble, *text;
	} known[] = {
	    {"paused", "Nothing: it is asked again when the publisher allows it."},
	    {"stale", "Look at the publisher's site: has the feed moved, or is it no longer written?"},
	    {"ended", "The publisher has taken the feed down: remove it."},
	    {"no such name", "Look the address up: does the host exist? The feed may have moved."},
	    {"no connection", "The host does not answer. If that lasts for days, look for another address of the feed."},
	    {"timed out", "The host is slow; it is asked less often meanwhile. fetch.timeout can be raised."},
	    {"TLS", "Open the address in a browser: is its certificate valid? Is this machine's clock right?"},
	    {"access denied", "The publisher refuses programs, or this network. Ask it, or look for another feed."},
	    {"not found", "The feed has moved: look for its new address on the publisher's site."},
	    {"asked to slow down", "It is asked less often meanwhile. If that lasts for days, give it a longer interval."},
	    {"not a feed", "See what is there: wirewatch parse, with the feed's address."},
	    {"refused here", "Its address or size is not allowed: see fetch.allow_addresses and fetch.max_size."},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].trouble, trouble) == 0)
			return known[i].text;
	return "";
}

static void add_advice(struct base_buf *out, const json_t *feed, bool colours)
{
	const char *text = advice(client_json_text(feed, "state"));

	if (text[0] == '\0')
		text = advice(client_json_text(feed, "failure"));
	if (text[0] != '\0')
		base_buf_printf(out, "  %s%s%s\n", terminal_start(colours, TERMINAL_DIM), text,
		                terminal_start(colours, TERMINAL_PLAIN));
}

/* Of a ledger that nodes share, the feeds that others poll. */
static void print_elsewhere(const json_t *root, size_t here)
{
	long long listed = client_json_number(root, "listed");

	if (listed > (long long)here)
		(void)printf("%lld of %lld feeds are polled here; other nodes poll the rest.\n", (long long)here, listed);
}

static void print(const json_t *feeds, bool advise)
{
	struct layout layout = {.colours = terminal_colours(), .now = (base_time)time(NULL) * BASE_SECOND};
	struct base_buf line;
	json_t *feed;
	size_t i;

	base_buf_init(&line, 1 << 20);
	measure(feeds, &layout);
	base_buf_add_text(&line, terminal_start(layout.colours, TERMINAL_BOLD));
	for (int column = 0; column < COLUMN_COUNT; column++) {
		size_t start = line.len;
		base_buf_add_text(&line, titles[column]);
		if (column < COLUMN_COUNT - 1)
			terminal_pad(&line, start, layout.widths[column] + 2);
	}
	base_buf_printf(&line, "%s\n", terminal_start(layout.colours, TERMINAL_PLAIN));
	(void)fwrite(line.data, 1, line.len, stdout);
	json_array_foreach((json_t *)(uintptr_t)feeds, i, feed) {
		base_buf_reset(&line);
		add_feed(&line, feed, &layout);
		if (advise)
			add_advice(&line, feed, layout.colours);
		(void)fwrite(line.data, 1, line.len, stdout);
	}
	base_buf_free(&line);
}

static void drop_well(json_t *feeds)
{
	for (size_t i = json_array_size(feeds); i-- > 0;)
		if (is_well(json_array_get(feeds, i)))
			(void)json_array_remove(feeds, i);
}

int client_feeds(int argc, char **argv)
{
	struct client_ask_options options;
	json_t *root = NULL, *feeds;
	size_t here;
	int code = client_ask_options(argc, argv, help, 1, &options);

	if (code >= 0)
		return code;
	code = client_ask("feeds", &options, "/feeds", &root);
	if (code != CLIENT_DONE)
		return code;
	feeds = json_object_get(root, "feeds");
	here = json_array_size(feeds);
	if (options.failing)
		drop_well(feeds);
	if (options.json) {
		code = print_json("feeds", root);
	} else {
		if (json_array_size(feeds) > 0)
			print(feeds, options.failing);
		else
			(void)puts(options.failing ? "No feed is failing." : "The daemon has no feeds.");
		print_elsewhere(root, here);
		code = print_end("feeds");
	}
	json_decref(root);
	return code;
}
