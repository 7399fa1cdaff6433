/*
 * world: an event loop, a scripted server in it and the room fetch; and a
 * reply that outlives its callback.
 */
#ifndef WIREWATCH_TEST_WORLD_H
#define WIREWATCH_TEST_WORLD_H

#include "tests/unit/fetch/server.h"
#include "wirewatch/fetch.h"

struct world {
	struct event_base *base;
	struct server *server;
	struct fetch *fetch;
	size_t hung; /* requests the server does not answer */
};

struct asked { /* a reply, kept */
	struct event_base *base;
	int done;
	enum fetch_error error;
	char reason[512], body[256], etag[256], last_modified[256], final_url[256], content_type[64], moved_to[256];
	long status;
	size_t body_len;
	unsigned redirects, permanent;
	base_time retry_after, max_age, received;
};

extern const struct fetch_range world_loopback; /* 127.0.0.0/8 */

/* Loop and server, no fetch. */
struct world *world_new(server_answer *answer);
void world_free(struct world *world);
/* Replaces world->fetch. */
void world_fetch(struct world *world, const struct fetch_options *options);
/* Starts it and runs the loop until it is done. */
struct asked world_ask(struct world *world, const struct fetch_request *request);
/* A fetch_done that fills a struct asked and stops the loop. */
void world_done(void *ctx, const struct fetch_reply *reply);
/* http://HOST:PORT PATH of the server; valid until the next call but three. */
const char *world_url(const struct world *world, const char *host, const char *path);

#endif
