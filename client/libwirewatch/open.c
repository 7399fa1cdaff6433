/*
 * Opening and closing a subscriber: options, topics, sockets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "subscriber.h"

#define TOPIC_ALERT "ww1/alert/"
#define SILENCE_MS 25000 /* two heartbeats and a half */

static enum wirewatch_result fail(char *reason, enum wirewatch_result result, const char *what, const char *why)
{
	if (reason)
		snprintf(reason, WIREWATCH_REASON_MAX, "%s: %s", what, why);
	return result;
}

/* replay.sock beside the ipc socket, or the next tcp port; "" when there is no such rule. */
static char *derive_replay(const char *endpoint)
{
	const char *cut = strrchr(endpoint, '/'), *colon = strrchr(endpoint, ':');
	size_t size = strlen(endpoint) + 32;
	char *text = calloc(1, size), *end;

	if (!text)
		return NULL;
	if (strncmp(endpoint, "ipc://", 6) == 0 && cut) {
		snprintf(text, size, "%.*s/replay.sock", (int)(cut - endpoint), endpoint);
	} else if (strncmp(endpoint, "tcp://", 6) == 0 && colon) {
		long port = strtol(colon + 1, &end, 10);

		if (*end == '\0' && port > 0 && port < 65535)
			snprintf(text, size, "%.*s:%ld", (int)(colon - endpoint), endpoint, port + 1);
	}
	return text;
}

static void copy_common_prefix(struct wirewatch *w)
{
	size_t len = strlen(w->topics[0]);

	for (size_t i = 1; i < w->topic_count; i++) {
		size_t same = 0;

		while (same < len && w->topics[i][same] == w->topics[0][same])
			same++;
		len = same;
	}
	memcpy(w->prefix, w->topics[0], len);
	w->prefix[len] = '\0';
}

static enum wirewatch_result copy_topics(struct wirewatch *w, const struct wirewatch_options *options, char *reason)
{
	static const char *const all[] = {TOPIC_ALERT};
	const char *const *topics = options->topic_count ? options->topics : all;

	w->topic_count = options->topic_count ? options->topic_count : 1;
	w->topics = calloc(w->topic_count, sizeof *w->topics);
	if (!w->topics)
		return fail(reason, WIREWATCH_NO_MEMORY, "topics", "out of memory");
	for (size_t i = 0; i < w->topic_count; i++) {
		const char *topic = topics[i];

		if (strncmp(topic, TOPIC_ALERT, strlen(TOPIC_ALERT)) != 0 || strlen(topic) > TOPIC_MAX ||
		    strpbrk(topic, "\"\\"))
			return fail(reason, WIREWATCH_INVALID, topic, "topics begin with " TOPIC_ALERT);
		memcpy(w->topics[i], topic, strlen(topic));
		w->track.contiguous |= strcmp(topic, TOPIC_ALERT) == 0;
	}
	copy_common_prefix(w);
	return WIREWATCH_OK;
}

static bool copy_text(char **to, const char *from)
{
	if (from)
		*to = strdup(from);
	return !from || *to;
}

static enum wirewatch_result copy_endpoint(struct endpoint *to, const char *publish, const char *replay,
                                           const char *server_key, bool have_secret, char *reason)
{
	if (!publish || !server_key != !have_secret)
		return fail(reason, WIREWATCH_INVALID, "keys", "the server's and the own secret key are both needed");
	to->publish = strdup(publish);
	to->replay = !to->publish ? NULL : replay ? strdup(replay) : derive_replay(publish);
	if (!to->replay || !copy_text(&to->server_key, server_key))
		return fail(reason, WIREWATCH_NO_MEMORY, "endpoint", "out of memory");
	return WIREWATCH_OK;
}

static enum wirewatch_result copy_endpoints(struct wirewatch *w, const struct wirewatch_options *options, char *reason)
{
	const char *one = options->endpoint ? options->endpoint : WIREWATCH_DEFAULT_ENDPOINT;
	const char *const *list = options->endpoint_count ? options->endpoints : &one;
	const char *const *replays = options->endpoint_count ? options->replays : &options->replay;
	const char *const *keys = options->endpoint_count ? options->server_keys : NULL;
	size_t count = options->endpoint_count ? options->endpoint_count : 1;
	enum wirewatch_result result = WIREWATCH_OK;

	if (count > WIREWATCH_ENDPOINTS_MAX || !list)
		return fail(reason, WIREWATCH_INVALID, "endpoints", "there are too many, or none");
	w->endpoints = calloc(count, sizeof *w->endpoints);
	if (!w->endpoints)
		return fail(reason, WIREWATCH_NO_MEMORY, "endpoints", "out of memory");
	w->endpoint_count = count;
	for (size_t i = 0; i < count && result == WIREWATCH_OK; i++)
		result = copy_endpoint(&w->endpoints[i], list[i] ? list[i] : WIREWATCH_DEFAULT_ENDPOINT,
		                       replays ? replays[i] : NULL, keys && keys[i] ? keys[i] : options->server_key,
		                       options->secret_key != NULL, reason);
	return result;
}

static enum wirewatch_result copy_options(struct wirewatch *w, const struct wirewatch_options *options, char *reason)
{
	enum wirewatch_result result = copy_endpoints(w, options, reason);

	if (result != WIREWATCH_OK)
		return result;
	w->silence = options->silence_ms > 0 ? options->silence_ms : SILENCE_MS;
	if (!copy_text(&w->public_key, options->public_key) || !copy_text(&w->secret_key, options->secret_key))
		return fail(reason, WIREWATCH_NO_MEMORY, "options", "out of memory");
	if (w->secret_key && !w->public_key) {
		w->public_key = calloc(1, WIREWATCH_KEY_SIZE);
		if (!w->public_key || strlen(w->secret_key) != WIREWATCH_KEY_SIZE - 1 || zmq_curve_public(w->public_key, w->secret_key) != 0)
			return fail(reason, WIREWATCH_INVALID, "keys", "the secret key is not valid");
	}
	if (options->position && *options->position && !track_parse(&w->track, options->position))
		return fail(reason, WIREWATCH_INVALID, "position", "not a text of wirewatch_position()");
	return copy_topics(w, options, reason);
}

/* Each once, so that a wrong one is told now; the last one opened is the first, which stays. */
static enum wirewatch_result open_all(struct wirewatch *w, char *reason)
{
	enum wirewatch_result result = WIREWATCH_OK;

	for (w->at = w->endpoint_count; w->at-- > 0 && result == WIREWATCH_OK;) {
		endpoints_close(w);
		result = endpoints_open(w, reason);
	}
	w->at = 0;
	return result;
}

static void start(struct wirewatch *w, const struct wirewatch_options *options)
{
	if (!w->track.based && options->start == WIREWATCH_FROM_SEQUENCE)
		track_reset(&w->track, 0, options->after);
	if (!*w->replay)
		return;
	if (w->track.based)
		catch_up_begin(w);
	else if (options->start == WIREWATCH_FROM_TIME)
		catch_up_seek(w, options->since);
}

/* Programs built with an earlier version know fewer of the options. */
static bool take_options(const struct wirewatch_options *given, struct wirewatch_options *out)
{
	*out = (struct wirewatch_options){0};
	if (given->size != sizeof *given && given->size != offsetof(struct wirewatch_options, endpoints))
		return false;
	memcpy(out, given, given->size);
	return true;
}

enum wirewatch_result wirewatch_open(const struct wirewatch_options *given, struct wirewatch **out, char *reason)
{
	struct wirewatch_options own, *options = &own;
	enum wirewatch_result result;
	struct wirewatch *w;

	if (!take_options(given, options))
		return fail(reason, WIREWATCH_INVALID, "options", "the size is not set");
	w = calloc(1, sizeof *w);
	if (!w)
		return fail(reason, WIREWATCH_NO_MEMORY, "subscriber", "out of memory");
	w->held_end = &w->held;
	result = copy_options(w, options, reason);
	if (result == WIREWATCH_OK) {
		w->context = zmq_ctx_new();
		result = w->context ? open_all(w, reason)
		                    : fail(reason, WIREWATCH_FAILED, "ZeroMQ", zmq_strerror(zmq_errno()));
	}
	if (result != WIREWATCH_OK) {
		wirewatch_close(w);
		return result;
	}
	start(w, options);
	*out = w;
	return WIREWATCH_OK;
}

void wirewatch_close(struct wirewatch *w)
{
	if (!w)
		return;
	endpoints_close(w);
	if (w->context)
		zmq_ctx_term(w->context);
	subscriber_drop_held(w);
	for (size_t i = 0; i < w->endpoint_count; i++) {
		free(w->endpoints[i].publish);
		free(w->endpoints[i].replay);
		free(w->endpoints[i].server_key);
	}
	free(w->endpoints);
	track_free(&w->track);
	free(w->current);
	free(w->position);
	free(w->topics);
	free(w->public_key);
	free(w->secret_key);
	free(w);
}

enum wirewatch_result wirewatch_make_keys(char public_key[WIREWATCH_KEY_SIZE], char secret_key[WIREWATCH_KEY_SIZE])
{
	return zmq_curve_keypair(public_key, secret_key) == 0 ? WIREWATCH_OK : WIREWATCH_FAILED;
}
