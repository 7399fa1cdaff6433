/*
 * terminal: text for people - colours where they belong, foreign text made
 * harmless, columns that line up.
 */
#ifndef WIREWATCH_CLIENT_TERMINAL_H
#define WIREWATCH_CLIENT_TERMINAL_H

#include "wirewatch/base.h"

enum terminal_colour {
	TERMINAL_PLAIN,
	TERMINAL_BOLD,
	TERMINAL_GOOD,
	TERMINAL_BAD,
	TERMINAL_DIM,
	TERMINAL_BLUE,
	TERMINAL_CYAN,
	TERMINAL_MAGENTA,
	TERMINAL_YELLOW,
};

/* True when standard output is a terminal that wants colours (NO_COLOR and TERM=dumb do not). */
bool terminal_colours(void);
/* The sequence that starts the colour, TERMINAL_PLAIN ends any; "" without colours. */
const char *terminal_start(bool colours, enum terminal_colour colour);

/* How wide standard output is; 0: it is no terminal, or nobody knows. */
size_t terminal_columns(void);

/* Append foreign text, escaped, at most `columns` code points (the last one is then an ellipsis); 0: all. */
void terminal_add(struct base_buf *out, const char *text, size_t columns);
/* Fill with spaces until what was added since `start` is `columns` wide. */
void terminal_pad(struct base_buf *out, size_t start, size_t columns);

/*
 * Append text that was made with the functions of this header, broken at
 * spaces so that no line is wider than columns; each new line begins with
 * indent spaces, the first one is where out stands, at column `at`. 0 columns:
 * nothing is broken.
 */
void terminal_wrap(struct base_buf *out, struct base_span text, size_t at, size_t indent, size_t columns);

/* "4 min", "2 h", "3 d" */
void terminal_add_span(struct base_buf *out, base_time span);

#endif
