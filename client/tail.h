/*
 * What the files of `wirewatch tail` share.
 */
#ifndef CLIENT_TAIL_H
#define CLIENT_TAIL_H

#include <stdbool.h>

#include "wirewatch/base.h"

/* One alert as a readable block, foreign text escaped, ended by an empty line. BASE_SYNTAX: no alert's JSON. */
enum base_result tail_block(struct base_buf *out, struct base_span json, bool colour);

#endif
