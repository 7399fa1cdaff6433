/*
 * terminal: see terminal.h.
 */
#include "terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_colours(void)
{
	const char *kind = getenv("TERM"), *none = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (none == NULL || none[0] == '\0') && kind != NULL && strcmp(kind, "dumb") != 0;
}

const char *terminal_start(bool colours, enum terminal_colour colour)
{
	static const char *const sequences[] = {[TERMINAL_PLAIN] = "\x1b[0m", [TERMINAL_BOLD] = "\x1b[1m",
	                                        [TERMINAL_GOOD] = "\x1b[32m", [TERMINAL_BAD] = "\x1b[31m",
	                                        [TERMINAL_DIM] = "\x1b[2m",    [TERMINAL_BLUE] = "\x1b[34m",
	                                        [TERMINAL_CYAN] = "\x1b[36m",  [TERMINAL_MAGENTA] = "\x1b[35m",
	                                        [TERMINAL_YELLOW] = "\x1b[33m"};

	return colours ? sequences[colour] : "";
}

size_t terminal_columns(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void terminal_add(struct base_buf *out, const char *text, size_t columns)
{
	struct base_buf safe;
	size_t used = 0, count = 0;
	uint32_t code_point;
	bool valid;

	base_buf_init(&safe, 65536);
	base_escape(&safe, text, base_utf8_clip(text, strlen(text), 8192), BASE_ESCAPE_LINE);
	if (columns == 0 || base_utf8_count(safe.data != NULL ? safe.data : "", safe.len) <= columns) {
		base_buf_add_span(out, base_buf_span(&safe));
	} else {
		while (used < safe.len && ++count < columns)
			used += base_utf8_decode(safe.data + used, safe.len - used, &code_point, &valid);
		base_buf_add(out, safe.data, used);
		base_buf_add_text(out, "…");
	}
	base_buf_free(&safe);
}

void terminal_pad(struct base_buf *out, size_t start, size_t columns)
{
	size_t count = out->len > start ? base_utf8_count(out->data + start, out->len - start) : 0;

	for (; count < columns; count++)
		base_buf_add_char(out, ' ');
}

/* What a word takes on the screen: its code points, but not those of colours (ECMA-48, 8.3.117: CSI ... m). */
static size_t width_of(struct base_span word)
{
	size_t width = 0;

	for (size_t at = 0; at < word.len;) {
		uint32_t code_point;
		bool valid;

		if (word.ptr[at] == '\x1b') {
			const char *end = memchr(word.ptr + at, 'm', word.len - at);
			at = end != NULL ? (size_t)(end - word.ptr) + 1 : word.len;
			continue;
		}
		at += base_utf8_decode(word.ptr + at, word.len - at, &code_point, &valid);
		width++;
	}
	return width;
}

void terminal_wrap(struct base_buf *out, struct base_span text, size_t at, size_t indent, size_t columns)
{
	bool first = true;

	while (text.len > 0) {
		const char *space = memchr(text.ptr, ' ', text.len);
		struct base_span word = {text.ptr, space != NULL ? (size_t)(space - text.ptr) : text.len};
		size_t width = width_of(word);

		if (!first && columns > 0 && at + 1 + width > columns) {
			base_buf_add_char(out, '\n');
			for (at = 0; at < indent; at++)
				base_buf_add_char(out, ' ');
		} else if (!first) {
			base_buf_add_char(out, ' ');
			at++;
		}
		base_buf_add_span(out, word);
		at += width;
		first = false;
		text = (struct base_span){word.ptr + word.len, text.len - word.len};
		if (text.len > 0)
			text = (struct base_span){text.ptr + 1, text.len - 1};
	}
}

void terminal_add_span(struct base_buf *out, base_time span)
{
	if (span < 2 * BASE_MINUTE)
		base_buf_printf(out, "%" PRId64 " s", span / BASE_SECOND);
	else if (span < 2 * BASE_HOUR)
		base_buf_printf(out, "%" PRId64 " min", span / BASE_MINUTE);
	else if (span < 2 * BASE_DAY)
		base_buf_printf(out, "%" PRId64 " h", span / BASE_HOUR);
	else
		base_buf_printf(out, "%" PRId64 " d", span / BASE_DAY);
}
