/* Everything wrong in the files people write, collected so that it can be said in one go. */
#include "wirewatch/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PROBLEMS 1000

struct base_problems {
	char **lines;
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
	for (size_t i = 0; i < problems->count; i++)
		free(problems->lines[i]);
	free(problems->lines);
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
	if (!text || base_grow(&problems->lines, &problems->cap, problems->count + 1, sizeof *problems->lines, MOST_PROBLEMS)) {
		free(text);
		problems->lost = true;
		return;
	}
	problems->lines[problems->count++] = text;
}

size_t base_problems_count(const struct base_problems *problems)
{
	return problems->count + problems->lost;
}

const char *base_problems_at(const struct base_problems *problems, size_t index)
{
	return index < problems->count ? problems->lines[index] : "out of memory while collecting problems";
}
