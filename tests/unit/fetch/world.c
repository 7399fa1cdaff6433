/*
 * world: see world.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/fetch/world.h"

const struct fetch_range world_loopback = {
    .address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, .prefix_len = 96 + 8};

struct world *world_new(server_answer *answer)
{
	struct world *world = calloc(1, sizeof(*world));

	if (world == NULL || (world->base = event_base_new()) == NULL)
		abort();
	world->server = server_new(world->base, answer, &world->hung);
	return world;
}

void world_free(struct world *world)
{
	fetch_free(world->fetch);
	server_free(world->server);
	event_base_free(world->base);
	free(world);
}

void world_fetch(struct world *world, const struct fetch_options *options)
{
	fetch_free(world->fetch);
	world->fetch = NULL;
	assert_int_equal(fetch_new(world->base, options, &world->fetch), BASE_OK);
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "(none)");
}

void world_done(void *ctx, const struct fetch_reply *reply)
{
	struct asked *asked = ctx;

	asked->done++;
	asked->error = reply->error;
	asked->status = reply->status;
	copy(asked->reason, sizeof(asked->reason), reply->reason);
	copy(asked->etag, sizeof(asked->etag), reply->etag);
	copy(asked->last_modified, sizeof(asked->last_modified), reply->last_modified);
	copy(asked->final_url, sizeof(asked->final_url), reply->final_url);
	copy(asked->moved_to, sizeof(asked->moved_to), reply->moved_to);
	copy(asked->content_type, sizeof(asked->content_type), reply->content_type);
	asked->body_len = reply->body.len;
	copy(asked->body, sizeof(asked->body), reply->body.ptr);
	asked->redirects = reply->redirects;
	asked->permanent = reply->permanent;
	asked->retry_after = reply->retry_after;
	asked->max_age = reply->max_age;
	asked->received = reply->received;
	event_base_loopbreak(asked->base);
}

struct asked world_ask(struct world *world, const struct fetch_request *request)
{
	struct asked asked = {.base = world->base};

	assert_int_equal(fetch_start(world->fetch, request, world_done, &asked, NULL), BASE_OK);
	assert_int_equal(asked.done, 0);
	assert_int_equal(fetch_running(world->fetch), 1);
	event_base_dispatch(world->base);
	assert_int_equal(asked.done, 1);
	assert_int_equal(fetch_running(world->fetch), 0);
	return asked;
}

const char *world_url(const struct world *world, const char *host, const char *path)
{
	static char urls[4][512];
	static size_t next;
	char *url = urls[next++ % 4];

	snprintf(url, sizeof(urls[0]), "http://%s:%u%s", host, server_port(world->server), path);
	return url;
}
