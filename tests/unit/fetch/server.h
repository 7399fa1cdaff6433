/*
 * server: a scripted HTTP server for tests, in the same event loop as the
 * client. It answers each request with bytes chosen by the path.
 */
#ifndef WIREWATCH_TEST_SERVER_H
#define WIREWATCH_TEST_SERVER_H

#include "wirewatch/base.h"

struct event_base;
struct server;

enum server_then { SERVER_KEEP, SERVER_CLOSE, SERVER_HANG };

/* Appends the reply to out and says what happens to the connection afterwards. */
typedef enum server_then server_answer(void *ctx, const char *path, struct base_buf *out);

struct server *server_new(struct event_base *base, server_answer *answer, void *ctx);
void server_free(struct server *server);
unsigned server_port(const struct server *server);
size_t server_connections(const struct server *server); /* accepted so far */
size_t server_most_open(const struct server *server);   /* at a time */
/* All requests seen, one after the other, as they came. */
const char *server_requests(const struct server *server);
void server_forget(struct server *server);
/* Closes every connection, as servers do with idle ones. */
void server_hang_up(struct server *server);

#endif
