/*
 * corpus: a file of items, one JSON object a line, run through a function;
 * says on a terminal how far it is.
 */
#ifndef WIREWATCH_CLIENT_CORPUS_H
#define WIREWATCH_CLIENT_CORPUS_H

#include "match_output.h"

/* BASE_OK to go on; else fill err, which is said with the line. */
typedef enum base_result corpus_item_fn(void *ctx, const struct output_item *item, struct base_error *err);

/* file may be "-". What failed was said on stderr in the name of command. */
enum base_result corpus_read(const char *command, const char *file, corpus_item_fn *each, void *ctx);
/* The item as the rules take it. */
struct match_input corpus_input(const struct output_item *item);

#endif
