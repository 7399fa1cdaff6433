/*
 * What was delivered: everything up to a base, and single alerts beyond it.
 *
 * Sequences are global. Who takes every alert sees each number; who takes some
 * topics sees holes, and learns from a message's previous sequence on its topic
 * whether one was missed. Only a replay proves that all up to a number is there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subscriber.h"

#define DELIVERED_MAX 4096
#define TOPICS_MAX 256
#define POSITION_HEAD "ww1"

void track_free(struct track *track)
{
	free(track->delivered);
	free(track->topics);
	track->delivered = NULL;
	track->topics = NULL;
	track->count = track->topic_count = 0;
}

void track_reset(struct track *track, uint64_t epoch, uint64_t base)
{
	track_free(track);
	track->epoch = epoch;
	track->base = base;
	track->based = true;
}

/* The first index whose sequence is not below. */
static size_t place_of(const struct track *track, uint64_t sequence)
{
	size_t low = 0, high = track->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (track->delivered[middle] < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool track_has(const struct track *track, uint64_t sequence)
{
	size_t at = place_of(track, sequence);

	return sequence <= track->base || (at < track->count && track->delivered[at] == sequence);
}

uint64_t track_top(const struct track *track)
{
	return track->count > 0 ? track->delivered[track->count - 1] : track->base;
}

static struct topic_last *topic_of(const struct track *track, const char *topic)
{
	for (size_t i = 0; i < track->topic_count; i++)
		if (strcmp(track->topics[i].topic, topic) == 0)
			return &track->topics[i];
	return NULL;
}

bool track_gap(const struct track *track, const struct message *message, uint64_t *first, uint64_t *last)
{
	uint64_t floor = track->base;

	if (track->contiguous) {
		floor = track_top(track);
		*last = message->sequence - 1;
	} else {
		const struct topic_last *topic = topic_of(track, message->topic);

		if (topic && topic->sequence > floor)
			floor = topic->sequence;
		*last = message->previous;
	}
	*first = floor + 1;
	return *last >= *first;
}

static void drop_first(struct track *track, size_t count)
{
	if (count == 0)
		return;
	track->count -= count;
	memmove(track->delivered, track->delivered + count, track->count * sizeof *track->delivered);
}

void track_raise(struct track *track, uint64_t base)
{
	if (base > track->base)
		track->base = base;
	drop_first(track, place_of(track, track->base + 1));
	while (track->contiguous && track->count > 0 && track->delivered[0] == track->base + 1) {
		track->base++;
		drop_first(track, 1);
	}
}

static bool remember_topic(struct track *track, const struct message *message)
{
	struct topic_last *topic = topic_of(track, message->topic), *grown;

	if (!topic) {
		if (track->topic_count == TOPICS_MAX)
			return true;
		grown = realloc(track->topics, (track->topic_count + 1) * sizeof *grown);
		if (!grown)
			return false;
		track->topics = grown;
		topic = &grown[track->topic_count++];
		memcpy(topic->topic, message->topic, sizeof topic->topic);
		topic->sequence = 0;
	}
	if (message->sequence > topic->sequence)
		topic->sequence = message->sequence;
	return true;
}

static bool insert(struct track *track, uint64_t sequence)
{
	size_t at;

	if (!track->delivered) {
		track->delivered = malloc(DELIVERED_MAX * sizeof *track->delivered);
		if (!track->delivered)
			return false;
	}
	if (track->count == DELIVERED_MAX)
		track_raise(track, track->delivered[DELIVERED_MAX / 4]);
	at = place_of(track, sequence);
	memmove(track->delivered + at + 1, track->delivered + at, (track->count - at) * sizeof *track->delivered);
	track->delivered[at] = sequence;
	track->count++;
	return true;
}

bool track_deliver(struct track *track, const struct message *message)
{
	if (!remember_topic(track, message))
		return false;
	if (track->contiguous && track->count == 0 && message->sequence == track->base + 1) {
		track->base++;
		return true;
	}
	if (!insert(track, message->sequence))
		return false;
	track_raise(track, track->base);
	return true;
}

/* ---- as text: "ww1 EPOCH BASE [SEQUENCE]..." ---------------------------------------------- */

char *track_text(const struct track *track)
{
	size_t size = 64 + 21 * track->count, len;
	char *text = malloc(size);

	if (!text)
		return NULL;
	len = (size_t)snprintf(text, size, POSITION_HEAD " %" PRIu64 " %" PRIu64, track->epoch, track->base);
	for (size_t i = 0; i < track->count; i++)
		len += (size_t)snprintf(text + len, size - len, " %" PRIu64, track->delivered[i]);
	return text;
}

static bool read_number(const char **at, uint64_t *out)
{
	char *end;

	if (**at != ' ' || (*at)[1] < '0' || (*at)[1] > '9')
		return false;
	errno = 0;
	*out = strtoull(*at + 1, &end, 10);
	*at = end;
	return errno == 0;
}

bool track_parse(struct track *track, const char *position)
{
	const char *at = position + strlen(POSITION_HEAD);
	uint64_t epoch, base, sequence;

	if (strncmp(position, POSITION_HEAD, strlen(POSITION_HEAD)) != 0 || !read_number(&at, &epoch) ||
	    !read_number(&at, &base))
		return false;
	track_reset(track, epoch, base);
	while (*at == ' ') {
		if (!read_number(&at, &sequence) || !insert(track, sequence))
			return false;
	}
	return *at == '\0' || *at == '\n';
}
