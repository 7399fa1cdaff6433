/* Where in a file a mistake is: its line and column, and the row to be shown. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "expression.h"

#define LINES_SEARCHED 40 /* from the line where a value starts; long folded texts have more */

static struct base_span row_from(struct base_span bytes, size_t at)
{
	const char *start = bytes.ptr + at, *end = memchr(start, '\n', bytes.len - at);
	size_t len = end ? (size_t)(end - start) : bytes.len - at;
	if (len > 0 && start[len - 1] == '\r')
		len--;
	return (struct base_span){start, len};
}

static const char *find(struct base_span in, struct base_span wanted)
{
	for (size_t i = 0; wanted.len > 0 && i + wanted.len <= in.len; i++)
		if (memcmp(in.ptr + i, wanted.ptr, wanted.len) == 0)
			return in.ptr + i;
	return NULL;
}

/* The byte where a line starts, counted from 1. */
static size_t line_start(struct base_span bytes, size_t line)
{
	size_t at = 0;
	for (; line > 1 && at < bytes.len; line--) {
		const char *end = memchr(bytes.ptr + at, '\n', bytes.len - at);
		at = end ? (size_t)(end - bytes.ptr) + 1 : bytes.len;
	}
	return at;
}

static size_t column_start(struct base_span row, size_t column)
{
	size_t at = 0;
	for (; column > 1 && at < row.len; column--) {
		uint32_t c;
		bool valid;
		at += base_utf8_decode(row.ptr + at, row.len - at, &c, &valid);
	}
	return at;
}

struct spot { /* a byte of the file */
	size_t line;
	struct base_span row;
	size_t lead; /* bytes of the row before it */
};

/* The n-th place, from 0, where wanted stands at or after the start of the value. */
static bool find_spot(const struct place *place, struct base_span wanted, size_t n, struct spot *spot)
{
	if (!place->bytes.ptr)
		return false;
	size_t at = line_start(place->bytes, place->line);
	for (size_t i = 0; i < LINES_SEARCHED && at < place->bytes.len; i++) {
		struct base_span row = row_from(place->bytes, at);
		size_t skip = i == 0 ? column_start(row, place->column) : 0;
		const char *found;
		while ((found = find((struct base_span){row.ptr + skip, row.len - skip}, wanted)) && n-- > 0)
			skip = (size_t)(found - row.ptr) + wanted.len;
		if (found) {
			*spot = (struct spot){place->line + i, row, (size_t)(found - row.ptr)};
			return true;
		}
		const char *end = memchr(place->bytes.ptr + at, '\n', place->bytes.len - at);
		at = end ? (size_t)(end - place->bytes.ptr) + 1 : place->bytes.len;
	}
	return false;
}

/* The word at the mistake, or the last one before it. */
static struct base_span word_at(struct base_span text, size_t at)
{
	size_t start = at, end;
	while (start > 0 && (start == text.len || text.ptr[start] == ' '))
		start--;
	for (end = start; end < text.len && text.ptr[end] != ' ' && text.ptr[end] != '\n';)
		end++;
	while (start > 0 && text.ptr[start - 1] != ' ' && text.ptr[start - 1] != '\n')
		start--;
	return (struct base_span){text.ptr + start, end - start};
}

/* YAML folds a value of several lines into one: then the word at the mistake is looked for, else the whole row. */
static bool find_mistake(const struct place *place, struct base_span text, size_t at, struct base_span own,
                         struct spot *spot)
{
	if (find_spot(place, own, 0, spot)) {
		spot->lead += at - (size_t)(own.ptr - text.ptr);
		return true;
	}
	struct base_span word = word_at(text, at);
	size_t before = 0, from = 0;
	const char *found;
	while ((found = find((struct base_span){text.ptr + from, text.len - from}, word)) && found < word.ptr) {
		from = (size_t)(found - text.ptr) + word.len;
		before++;
	}
	if (word.len == 0 || !find_spot(place, word, before, spot))
		return false;
	spot->lead += at - (size_t)(word.ptr - text.ptr);
	return true;
}

void place_problem(const struct place *place, struct base_span text, size_t at, const char *format, ...)
{
	char message[512];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	size_t start = at;
	while (start > 0 && text.ptr[start - 1] != '\n')
		start--;
	struct base_span own = row_from(text, start);
	struct spot spot = {place->line, own, at - start};
	bool found = find_mistake(place, text, at, own, &spot);
	if (spot.lead > spot.row.len)
		spot.lead = spot.row.len;
	base_problem(place->problems, place->file, spot.line, "column %zu%s: %s",
	             base_utf8_count(spot.row.ptr, spot.lead) + 1, found ? "" : " of the expression", message);
	base_problem_quote(place->problems, spot.row, spot.lead);
}
