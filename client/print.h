/*
 * print: JSON on standard output.
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

#endif
