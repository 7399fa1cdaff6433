/*
 * print: what goes to standard output, and whether it got there.
 */
#ifndef WIREWATCH_CLIENT_PRINT_H
#define WIREWATCH_CLIENT_PRINT_H

#include <jansson.h>

/*
 * Prints the value on one line. Controls, line separators and marks that turn
 * the reading direction are escaped: it may be shown on a terminal. Returns an
 * enum client_exit; what failed was said on stderr in the name of command.
 */
int print_json(const char *command, const json_t *value);
/* After the last of what a command prints: CLIENT_FAILED, and said, if any of it could not be written. */
int print_end(const char *command);

#endif
