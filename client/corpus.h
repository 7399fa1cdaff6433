/*
 * corpus: a file of items, one JSON object a line, line by line or run through
 * a function; that says on a terminal how far it is.
 */
#ifndef WIREWATCH_CLIENT_CORPUS_H
#define WIREWATCH_CLIENT_CORPUS_H

#include <stdio.h>

#include "match_output.h"

#define CORPUS_LINE_MAX ((size_t)16 << 20)

/*
 * The next line, with its newline if it has one; at the end it is empty. line
 * is initialised with a maximum: a longer one is BASE_LIMIT, and no more than
 * that of it is read. err says what failed.
 */
enum base_result corpus_next_line(FILE *in, struct base_buf *line, struct base_error *err);
/* BASE_OK to go on; else fill err, which is said with the line. */
typedef enum base_result corpus_item_fn(void *ctx, const struct output_item *item, struct base_error *err);

/* file may be "-". What failed was said on stderr in the name of command. */
enum base_result corpus_read(const char *command, const char *file, corpus_item_fn *each, void *ctx);
/* The item as the rules take it. */
struct match_input corpus_input(const struct output_item *item);

#endif
