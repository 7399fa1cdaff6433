/*
 * show: a parsed feed for people - a table of what it says about itself, then
 * a block for each entry.
 */
#include "show.h"

#include <stdio.h>

#include "client.h"
#include "terminal.h"

#define LABEL_COLUMNS 12
#define TITLE_COLUMNS 120
#define TEXT_COLUMNS 300
#define MAX_TEXT ((size_t)16 << 20)
#define MAX_SHOWN ((size_t)1 << 30)

static void add_foreign(struct base_buf *out, struct base_span text, size_t columns)
{
	struct base_buf copy; /* terminal_add wants a C string */

	base_buf_init(&copy, 8192);
	base_buf_add(&copy, text.ptr, base_utf8_clip(text.ptr, text.len, 8192));
	terminal_add(out, copy.data != NULL ? copy.data : "", columns);
	base_buf_free(&copy);
}

static void add_label(struct base_buf *out, bool colours, const char *label)
{
	size_t start;

	base_buf_printf(out, "  %s", terminal_start(colours, TERMINAL_DIM));
	start = out->len;
	base_buf_add_text(out, label);
	terminal_pad(out, start, LABEL_COLUMNS);
	base_buf_add_text(out, terminal_start(colours, TERMINAL_PLAIN));
}

static void add_row(struct base_buf *out, bool colours, const char *label, struct base_span value)
{
	if (value.ptr == NULL || value.len == 0)
		return;
	add_label(out, colours, label);
	add_foreign(out, value, 0);
	base_buf_add_text(out, "\n");
}

static void add_pauses(struct base_buf *out, bool colours, const struct feed_document *document)
{
	static const char *const days[] = {"Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"};

	if (document->skip_hours == 0 && document->skip_days == 0)
		return;
	add_label(out, colours, "pauses");
	for (unsigned day = 0; day < 7; day++) {
		if (document->skip_days >> day & 1)
			base_buf_printf(out, "%s ", days[day]);
	}
	for (unsigned hour = 0; hour < 24; hour++) {
		if (document->skip_hours >> hour & 1)
			base_buf_printf(out, "%02u:00 ", hour);
	}
	base_buf_add_text(out, "UTC\n");
}

static void add_head(struct base_buf *out, bool colours, const struct feed_document *document)
{
	base_buf_add_text(out, terminal_start(colours, TERMINAL_BOLD));
	add_foreign(out, document->title.len > 0 ? document->title : base_span_of("(no title)"), TITLE_COLUMNS);
	base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
	add_row(out, colours, "format", base_span_of(document->format));
	add_row(out, colours, "link", document->link);
	add_row(out, colours, "language", document->language);
	add_row(out, colours, "self", document->self);
	add_row(out, colours, "hub", document->hub);
	add_row(out, colours, "archive", document->prev_archive);
	if (document->ttl > 0) {
		add_label(out, colours, "renewed");
		base_buf_add_text(out, "every ");
		terminal_add_span(out, document->ttl);
		base_buf_add_text(out, "\n");
	}
	add_pauses(out, colours, document);
	for (size_t i = 0; i < document->repair_count; i++)
		add_row(out, colours, i == 0 ? "repaired" : "", base_span_of(document->repairs[i]));
	add_label(out, colours, "entries");
	base_buf_printf(out, "%zu\n", document->entry_count);
}

static void add_time(struct base_buf *out, const struct feed_entry *entry)
{
	char time[BASE_RFC3339_LEN];

	if (entry->published == BASE_TIME_NONE && entry->updated == BASE_TIME_NONE) {
		base_buf_add_text(out, "undated");
		return;
	}
	base_time_format(entry->published != BASE_TIME_NONE ? entry->published : entry->updated, false, time);
	base_buf_printf(out, "%.10s %.5s%s", time, time + 11, entry->date_clamped ? " (was in the future)" : "");
}

static void add_meta(struct base_buf *out, const struct feed_entry *entry)
{
	add_time(out, entry);
	if (entry->language.len > 0) {
		base_buf_add_text(out, " · ");
		add_foreign(out, entry->language, 20);
	}
	if (entry->author.len > 0) {
		base_buf_add_text(out, " · ");
		add_foreign(out, entry->author, 60);
	}
	for (size_t i = 0; i < entry->category_count && i < 10; i++) {
		base_buf_add_text(out, i == 0 ? " · " : ", ");
		add_foreign(out, entry->categories[i], 40);
	}
}

/* The beginning of the plain text on one line; lines are parted as sentences are. */
static void add_text(struct base_buf *out, struct base_buf *text)
{
	size_t len = 0;

	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i] == '\n' ? ' ' : text->data[i];

		if (c != ' ' || (len > 0 && text->data[len - 1] != ' '))
			text->data[len++] = c;
	}
	if (len == 0)
		return;
	base_buf_add_text(out, "  ");
	add_foreign(out, (struct base_span){text->data, len}, TEXT_COLUMNS);
	base_buf_add_text(out, "\n");
}

static void add_entry(struct base_buf *out, bool colours, const struct feed_entry *entry, struct base_buf *text)
{
	base_buf_printf(out, "\n%s", terminal_start(colours, TERMINAL_BOLD));
	add_foreign(out, entry->title.len > 0 ? entry->title : base_span_of("(no title)"), TITLE_COLUMNS);
	base_buf_printf(out, "%s\n  %s", terminal_start(colours, TERMINAL_PLAIN), terminal_start(colours, TERMINAL_DIM));
	add_meta(out, entry);
	base_buf_printf(out, "%s\n", terminal_start(colours, TERMINAL_PLAIN));
	if (entry->link.len > 0) {
		base_buf_add_text(out, "  ");
		add_foreign(out, entry->link, 0);
		base_buf_add_text(out, "\n");
	}
	base_buf_reset(text);
	(void)feed_entry_text(entry, text); /* what was cut off would not be shown anyway */
	add_text(out, text);
}

int show_feed(const struct feed_document *document)
{
	bool colours = terminal_colours(), fine = true;
	struct base_buf out, text;

	base_buf_init(&out, MAX_SHOWN);
	base_buf_init(&text, MAX_TEXT);
	add_head(&out, colours, document);
	for (size_t i = 0; i <= document->entry_count && fine; i++) {
		fine = out.failed == BASE_OK && fwrite(out.data, 1, out.len, stdout) == out.len;
		base_buf_reset(&out);
		if (i < document->entry_count)
			add_entry(&out, colours, &document->entries[i], &text);
	}
	if (!fine || fflush(stdout) != 0) {
		(void)fputs("wirewatch parse: cannot write\n", stderr);
		fine = false;
	}
	base_buf_free(&out);
	base_buf_free(&text);
	return fine ? CLIENT_DONE : CLIENT_FAILED;
}
