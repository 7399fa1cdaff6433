/* Mistakes in one YAML file: different passes find them, people read them from top to bottom. */
#include "mistakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_MISTAKES 1000 /* as many as base_problems keeps */

struct conf_mistake {
	size_t line, order;
	char *text;
};

void conf_mistake(struct conf_mistakes *mistakes, size_t line, const char *format, ...)
{
	if (mistakes->count >= MOST_MISTAKES)
		return;
	char text[1024];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char *copy = strdup(text);
	if (!copy || base_grow(&mistakes->items, &mistakes->cap, mistakes->count + 1, sizeof *mistakes->items, MOST_MISTAKES)) {
		free(copy);
		mistakes->lost = true;
		return;
	}
	mistakes->items[mistakes->count] = (struct conf_mistake){line, mistakes->count, copy};
	mistakes->count++;
}

static int by_line(const void *a, const void *b)
{
	const struct conf_mistake *left = a, *right = b;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

void conf_mistakes_report(struct conf_mistakes *mistakes, const char *file, struct base_problems *problems)
{
	if (mistakes->count)
		qsort(mistakes->items, mistakes->count, sizeof *mistakes->items, by_line);
	for (size_t i = 0; i < mistakes->count; i++)
		base_problem(problems, file, mistakes->items[i].line, "%s", mistakes->items[i].text);
	if (mistakes->lost)
		base_problem(problems, file, 0, "out of memory while collecting mistakes");
}

void conf_mistakes_free(struct conf_mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count; i++)
		free(mistakes->items[i].text);
	free(mistakes->items);
	*mistakes = (struct conf_mistakes){0};
}
