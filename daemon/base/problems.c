/* Everything wrong in the files people write, collected so that it can be said in one go. */
#include "wirewatch/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PROBLEMS 1000
#define ROW_BEFORE 64 /* code points of a long row shown before the mistake ... */
#define ROW_AFTER 40  /* ... and after it starts */

struct problem {
	char *line;
	char *quote; /* or NULL */
};

struct base_problems {
	struct problem *items;
	size_t count, cap;
	bool lost; /* memory ran out while one was noted */
};

enum base_result base_problems_new(struct base_problems **out)
{
	struct base_problems *problems = calloc(1, sizeof *problems);
	if (!problems)
		return BASE_NO_MEMORY;
	*out = problems;
	return BASE_OK;
}

void base_problems_free(struct base_problems *problems)
{
	if (!problems)
		return;
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].line);
		free(problems->items[i].quote);
	}
	free(problems->items);
	free(problems);
}

static char *make_line(const char *file, size_t line, const char *message)
{
	struct base_buf raw, escaped;
	base_buf_init(&raw, 4096);
	base_buf_init(&escaped, 32768);
	(void)(line ? base_buf_printf(&raw, "%s:%zu: %s", file, line, message) : base_buf_printf(&raw, "%s: %s", file, message));
	char *out = NULL;
	size_t len;
	if (!raw.failed && !base_escape(&escaped, raw.data, raw.len, BASE_ESCAPE_LINE))
		out = base_buf_take(&escaped, &len);
	base_buf_free(&raw);
	base_buf_free(&escaped);
	return out;
}

void base_problem(struct base_problems *problems, const char *file, size_t line, const char *format, ...)
{
	if (problems->count >= MOST_PROBLEMS)
		return;
	char message[1024];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	char *text = make_line(file, line, message);
	if (!text || base_grow(&problems->items, &problems->cap, problems->count + 1, sizeof *problems->items, MOST_PROBLEMS)) {
		free(text);
		problems->lost = true;
		return;
	}
	problems->items[problems->count++] = (struct problem){text, NULL};
}

/* Where `points` code points before at begin. */
static size_t step_back(struct base_span row, size_t at, size_t points)
{
	while (at > 0 && points > 0) {
		at--;
		points -= ((unsigned char)row.ptr[at] & 0xC0) != 0x80;
	}
	return at;
}

static size_t step_on(struct base_span row, size_t at, size_t points)
{
	uint32_t c;
	bool valid;
	for (; at < row.len && points > 0; points--)
		at += base_utf8_decode(row.ptr + at, row.len - at, &c, &valid);
	return at;
}

static void write_quote(struct base_buf *out, struct base_span row, size_t lead)
{
	size_t from = step_back(row, lead, ROW_BEFORE), to = step_on(row, lead, ROW_AFTER);
	(void)base_buf_add_text(out, from ? "    ..." : "    ");
	(void)base_escape(out, row.ptr + from, lead - from, BASE_ESCAPE_LINE);
	size_t column = base_utf8_count(out->data, out->len);
	(void)base_escape(out, row.ptr + lead, to - lead, BASE_ESCAPE_LINE);
	(void)base_buf_printf(out, "%s\n%*s", to < row.len ? "..." : "", (int)column + 1, "^");
}

void base_problem_quote(struct base_problems *problems, struct base_span row, size_t lead)
{
	struct problem *last = problems->count ? &problems->items[problems->count - 1] : NULL;
	if (!last || last->quote || problems->count == MOST_PROBLEMS || lead > row.len)
		return;
	struct base_buf out;
	size_t len;
	base_buf_init(&out, 8192);
	write_quote(&out, row, lead);
	if (!out.failed)
		last->quote = base_buf_take(&out, &len);
	base_buf_free(&out);
}

size_t base_problems_count(const struct base_problems *problems)
{
	return problems->count + problems->lost;
}

const char *base_problems_at(const struct base_problems *problems, size_t index)
{
	return index < problems->count ? problems->items[index].line : "out of memory while collecting problems";
}

const char *base_problems_quote_at(const struct base_problems *problems, size_t index)
{
	return index < problems->count ? problems->items[index].quote : NULL;
}
