/* What the scripted server answers, by path. */
#ifndef FETCH_SCRIPT_H
#define FETCH_SCRIPT_H

#include "tests/unit/fetch/server.h"

#define ETAG "W/\"a, b\" ;\xc3\xa9 'x"
#define LAST_MODIFIED "Sat,  16 Nov 2041 00:00:00 +0000"
#define MAX_SIZE 100000 /* of a body, in these tests */

/* ctx: a size_t that counts the requests left without an answer. */
enum server_then script_answer(void *ctx, const char *path, struct base_buf *out);

#endif
