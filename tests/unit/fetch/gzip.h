/*
 * gzip: just enough of a writer (RFC 1951, RFC 1952) to make replies for tests.
 */
#ifndef WIREWATCH_TEST_GZIP_H
#define WIREWATCH_TEST_GZIP_H

#include "wirewatch/base.h"

/* text (under 64 KiB) in one stored block. */
void gzip_stored(struct base_buf *out, const char *text);
/* About len times the letter a, in a thousandth of the space. The checksum at the end is wrong. */
void gzip_bomb(struct base_buf *out, size_t len);

#endif
