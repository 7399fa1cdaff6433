/*
 * An alert for people: when, what, who to whom, the title, the sentence that
 * says it with the words that decided, the source. A repeat is one line under
 * the story it belongs to.
 *
 *  14:02:11  PAUSE  United States → Ukraine · Patriot · 2 batteries
 *            The title, wrapped to the terminal
 *            “The sentence with its decisive words in bold.”
 *            Feed · https://example.org/item · #17
 *            ↳ 14:05 Other feed: its title https://example.net/item
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tail.h"
#include "terminal.h"
#include "wirewatch/feed.h"

#define MARGIN 10       /* the columns of the time */
#define PART_MAX 131072 /* of a line before it is broken; escaping makes text longer */

struct block {
	struct tail_view *view;
	struct base_buf *out;
	struct base_buf line; /* what is to be broken into lines next */
	const json_t *event, *data;
	struct tm when; /* local */
};

/* ---- parts ------------------------------------------------------------------------------ */

static const json_t *get(const json_t *object, const char *name)
{
	return json_object_get(object, name);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(get(object, name));

	return text != NULL ? text : "";
}

static void style(struct block *block, enum terminal_colour colour)
{
	base_buf_add_text(&block->line, terminal_start(block->view->colour, colour));
}

static void foreign(struct block *block, const char *text)
{
	base_escape(&block->line, text, strlen(text), BASE_ESCAPE_LINE);
}

static void margin(struct block *block)
{
	for (size_t i = 0; i < MARGIN; i++)
		base_buf_add_char(block->out, ' ');
}

/* What stands in line goes out, broken to the width of the terminal. */
static void end_line(struct block *block)
{
	terminal_wrap(block->out, base_buf_span(&block->line), MARGIN, MARGIN, block->view->columns);
	base_buf_add_char(block->out, '\n');
	base_buf_reset(&block->line);
}

static bool add_list(struct block *block, const char *before, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		base_buf_add_text(&block->line, i == 0 ? before : ", ");
		foreign(block, text != NULL ? text : "");
	}
	return json_array_size(list) > 0;
}

/* ---- stories ------------------------------------------------------------------------------ */

static const struct tail_story *find_story(const struct tail_view *view, const char *id)
{
	size_t kept = view->story_count < TAIL_STORIES ? view->story_count : TAIL_STORIES;

	for (size_t i = 0; i < kept; i++)
		if (strcmp(view->stories[i].id, id) == 0)
			return &view->stories[i];
	return NULL;
}

static void keep_story(struct tail_view *view, const char *id, const char *title)
{
	struct tail_story *story = &view->stories[view->story_count++ % TAIL_STORIES];
	struct base_buf clipped;

	base_buf_init(&clipped, PART_MAX);
	terminal_add(&clipped, title, TAIL_TITLE_MAX);
	(void)snprintf(story->id, sizeof(story->id), "%s", id);
	(void)snprintf(story->title, sizeof(story->title), "%s", clipped.data != NULL ? clipped.data : "");
	base_buf_free(&clipped);
}

/* ---- the block ------------------------------------------------------------------------------ */

static void add_class(struct block *block)
{
	static const struct {
		const char *name;
		enum terminal_colour colour;
	} classes[] = {{"delivery", TERMINAL_GOOD},   {"pledge", TERMINAL_BLUE}, {"pause", TERMINAL_BAD},
	               {"resume", TERMINAL_CYAN},     {"request", TERMINAL_YELLOW}, {"refusal", TERMINAL_MAGENTA},
	               {"sale", TERMINAL_BLUE}, {"production", TERMINAL_CYAN}};
	const char *name = text_of(block->data, "class");

	style(block, TERMINAL_BOLD);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strcmp(classes[i].name, name) == 0)
			style(block, classes[i].colour);
	foreign(block, name);
	style(block, TERMINAL_PLAIN);
}

/* "United States → Ukraine"; without either of them the actors, for who they are. */
static void add_parties(struct block *block)
{
	const json_t *supplier = get(block->data, "supplier"), *recipient = get(block->data, "recipient");

	if (json_array_size(supplier) + json_array_size(recipient) == 0) {
		(void)add_list(block, "  ", get(block->data, "actors"));
		return;
	}
	if (!add_list(block, "  ", supplier))
		base_buf_add_text(&block->line, "  …");
	if (!add_list(block, " → ", recipient))
		base_buf_add_text(&block->line, " → …");
}

/* "300 million", "1.2 billion"; small ones in full. */
static void add_sum(struct block *block, double amount)
{
	static const struct {
		double unit;
		const char *name;
	} units[] = {{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (amount >= units[i].unit) {
			base_buf_printf(&block->line, "%.4g%s ", amount / units[i].unit, units[i].name);
			return;
		}
	base_buf_printf(&block->line, "%.0f ", amount);
}

static void add_amounts(struct block *block)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)get(block->data, "quantities"), i, item) {
		base_buf_printf(&block->line, " · %lld ", (long long)json_integer_value(get(item, "count")));
		foreign(block, text_of(item, "of"));
	}
	json_array_foreach((json_t *)(uintptr_t)get(block->data, "money"), i, item) {
		base_buf_add_text(&block->line, " · ");
		add_sum(block, json_number_value(get(item, "amount")));
		foreign(block, text_of(item, "currency"));
	}
}

static void add_head(struct block *block)
{
	char time[16];

	(void)strftime(time, sizeof(time), "%H:%M:%S", &block->when);
	base_buf_printf(block->out, "%s%s%s  ", terminal_start(block->view->colour, TERMINAL_DIM), time,
	                terminal_start(block->view->colour, TERMINAL_PLAIN));
	add_class(block);
	if (strcmp(text_of(block->data, "report"), "first") != 0)
		base_buf_add_text(&block->line, " again");
	add_parties(block);
	(void)add_list(block, " · ", get(block->data, "systems"));
	add_amounts(block);
	end_line(block);
}

static void add_title(struct block *block)
{
	margin(block);
	style(block, TERMINAL_BOLD);
	foreign(block, text_of(block->data, "title"));
	style(block, TERMINAL_PLAIN);
	end_line(block);
}

/* Whether a mark [start, end) begins (or ends) at this code point. */
static bool mark_at(const json_t *marks, size_t edge, size_t code_point)
{
	for (size_t i = 0; i < json_array_size(marks); i++)
		if (json_integer_value(json_array_get(json_array_get(marks, i), edge)) == (json_int_t)code_point)
			return true;
	return false;
}

static void add_marked(struct block *block, const json_t *evidence)
{
	const json_t *text = get(evidence, "text"), *marks = get(evidence, "marks");
	const char *bytes = json_string_value(text);
	size_t len = json_string_length(text), at = 0, code_point = 0, start = 0;

	while (bytes != NULL && at < len) {
		bool opens = mark_at(marks, 0, code_point), closes = mark_at(marks, 1, code_point);
		uint32_t value;
		bool valid;

		if (opens || closes) {
			base_escape(&block->line, bytes + start, at - start, BASE_ESCAPE_LINE);
			start = at;
			style(block, opens ? TERMINAL_BOLD : TERMINAL_PLAIN);
		}
		at += base_utf8_decode(bytes + at, len - at, &value, &valid);
		code_point++;
	}
	if (bytes != NULL)
		base_escape(&block->line, bytes + start, len - start, BASE_ESCAPE_LINE);
	style(block, TERMINAL_PLAIN);
}

static void add_evidence(struct block *block)
{
	const json_t *evidence;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)get(block->data, "evidence"), i, evidence) {
		if (strcmp(text_of(evidence, "text"), text_of(block->data, "title")) == 0)
			continue; /* it stands above */
		margin(block);
		base_buf_add_text(&block->line, "“");
		add_marked(block, evidence);
		base_buf_add_text(&block->line, "”");
		end_line(block);
	}
}

static void add_feed_name(struct block *block)
{
	const json_t *feed = get(block->data, "feed");
	const char *name = text_of(feed, "name");

	foreign(block, name[0] != '\0' ? name : text_of(feed, "url"));
}

static void add_source(struct block *block)
{
	const char *id = text_of(block->event, "id"), *revised = text_of(block->data, "revision_of");
	const char *dash = strrchr(id, '-');

	margin(block);
	style(block, TERMINAL_DIM);
	add_feed_name(block);
	base_buf_add_text(&block->line, " · ");
	foreign(block, text_of(block->data, "link"));
	base_buf_add_text(&block->line, " · #");
	foreign(block, dash != NULL ? dash + 1 : id);
	if (revised[0] != '\0') {
		base_buf_add_text(&block->line, " revises ");
		foreign(block, revised);
	}
	style(block, TERMINAL_PLAIN);
	end_line(block);
}

static void add_repeat(struct block *block, const struct tail_story *story)
{
	char time[16];

	(void)strftime(time, sizeof(time), "%H:%M", &block->when);
	margin(block);
	base_buf_printf(&block->line, "↳ %s ", time);
	add_feed_name(block);
	if (strcmp(block->view->last, story->id) != 0)
		base_buf_printf(&block->line, " on “%s”", story->title);
	base_buf_add_text(&block->line, ": ");
	foreign(block, text_of(block->data, "title"));
	style(block, TERMINAL_DIM);
	base_buf_add_text(&block->line, " ");
	foreign(block, text_of(block->data, "link"));
	style(block, TERMINAL_PLAIN);
	end_line(block);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* On a terminal each day has a heading; elsewhere each alert could be the only one that is read. */
static void add_day(struct block *block)
{
	struct tail_view *view = block->view;
	char day[64];

	if (view->columns == 0 || (view->year == block->when.tm_year && view->day == block->when.tm_yday))
		return;
	view->year = block->when.tm_year;
	view->day = block->when.tm_yday;
	(void)strftime(day, sizeof(day), "%A %d %B %Y", &block->when);
	base_buf_printf(block->out, "%s── %s ──%s\n\n", terminal_start(view->colour, TERMINAL_DIM), day,
	                terminal_start(view->colour, TERMINAL_PLAIN));
}

static void read_time(struct block *block)
{
	const char *text = text_of(block->event, "time");
	base_time when = 0;
	time_t seconds;

	(void)feed_date_parse(base_span_of(text), &when);
	seconds = (time_t)(when / BASE_SECOND);
	(void)localtime_r(&seconds, &block->when);
}

static void add_alert(struct block *block)
{
	struct tail_view *view = block->view;
	const char *story = text_of(block->data, "story");
	const struct tail_story *known = find_story(view, story);
	bool repeat = strcmp(text_of(block->data, "report"), "first") != 0 && text_of(block->data, "revision_of")[0] == '\0';

	bool folded = repeat && known != NULL;

	if (view->last[0] != '\0' && !(folded && strcmp(view->last, story) == 0))
		base_buf_add_char(block->out, '\n');
	add_day(block);
	if (folded) {
		add_repeat(block, known);
	} else {
		add_head(block);
		add_title(block);
		add_evidence(block);
		add_source(block);
		if (known == NULL)
			keep_story(view, story, text_of(block->data, "title"));
	}
	(void)snprintf(view->last, sizeof(view->last), "%s", story);
}

enum base_result tail_block(struct tail_view *view, struct base_buf *out, struct base_span json)
{
	json_t *event = json_loadb(json.ptr, json.len, 0, NULL);
	struct block block = {.view = view, .out = out, .event = event, .data = get(event, "data")};

	if (!json_is_object(block.data)) {
		json_decref(event);
		return BASE_SYNTAX;
	}
	base_buf_init(&block.line, PART_MAX);
	read_time(&block);
	add_alert(&block);
	base_buf_free(&block.line);
	json_decref(event);
	return out->failed;
}
