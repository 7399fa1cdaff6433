/*
 * A ledger in memory, for tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_ledger.h"

struct stored {
	struct ledger_message message;
	char topic[ALERT_TOPIC_MAX], json[1024];
	uint8_t header[ALERT_HEADER_LEN];
};

struct ledger {
	uint64_t epoch, sequence, oldest;
	uint64_t behind; /* how many of them were not handed on here */
	struct stored **alerts; /* sequence - 1 */
	size_t cap;
	enum base_result failure;
};

struct ledger *fake_ledger_new(uint64_t epoch)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);

	if (!ledger)
		abort();
	ledger->epoch = epoch;
	return ledger;
}

void fake_ledger_free(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->sequence; i++)
		free(ledger->alerts[i]);
	free(ledger->alerts);
	free(ledger);
}

static uint64_t previous_on(const struct ledger *ledger, const char *topic)
{
	for (uint64_t i = ledger->sequence; i > 0; i--)
		if (strcmp(ledger->alerts[i - 1]->topic, topic) == 0)
			return i;
	return 0;
}

const struct ledger_message *fake_ledger_add(struct ledger *ledger, const char *class_name, const char *report,
                                             const char *time)
{
	struct stored *stored = calloc(1, sizeof *stored);
	uint64_t sequence = ledger->sequence + 1;

	if (!stored || base_grow(&ledger->alerts, &ledger->cap, sequence, sizeof *ledger->alerts, SIZE_MAX))
		abort();
	snprintf(stored->topic, sizeof stored->topic, "ww1/alert/%s/%s/", class_name, report);
	alert_header(ledger->epoch, sequence, previous_on(ledger, stored->topic), stored->header);
	snprintf(stored->json, sizeof stored->json,
	         "{\"specversion\":\"1.0\",\"id\":\"%llu-%llu\",\"source\":\"urn:wirewatch:test\",\"type\":\"wirewatch.alert.v1\","
	         "\"subject\":\"https://example.org/%llu\",\"time\":\"%s\",\"datacontenttype\":\"application/json\","
	         "\"sequence\":\"%020llu\",\"sequencetype\":\"Ordered\",\"data\":{\"class\":\"%s\",\"cameo\":\"1622\","
	         "\"report\":\"%s\",\"story\":\"s%llu\",\"title\":\"Item %llu \\u001b[31m\",\"link\":\"https://example.org/%llu\","
	         "\"published\":\"%s\",\"updated\":null,\"detected\":\"%s\",\"language\":\"en\","
	         "\"feed\":{\"url\":\"https://example.org/rss\",\"name\":\"Example\"},\"item\":\"i%llu\",\"rule\":\"r\","
	         "\"systems\":[\"Patriot\"],\"actors\":[\"United States\"],\"supplier\":[\"United States\"],"
	         "\"recipient\":[\"Ukraine\"],\"quantities\":[],\"money\":[],\"outlets\":1,"
	         "\"evidence\":[{\"text\":\"The U.S. paused it.\",\"marks\":[[9,15]]}],\"revision_of\":null}}",
	         (unsigned long long)ledger->epoch, (unsigned long long)sequence, (unsigned long long)sequence, time,
	         (unsigned long long)sequence, class_name, report, (unsigned long long)sequence, (unsigned long long)sequence,
	         (unsigned long long)sequence, time, time, (unsigned long long)sequence);
	stored->message = (struct ledger_message){
		.sequence = sequence,
		.topic = base_span_of(stored->topic),
		.header = {(const char *)stored->header, sizeof stored->header},
		.json = base_span_of(stored->json),
	};
	ledger->alerts[ledger->sequence++] = stored;
	if (ledger->oldest == 0)
		ledger->oldest = sequence;
	return &stored->message;
}

void fake_ledger_add_elsewhere(struct ledger *ledger, const char *class_name, const char *report, const char *time)
{
	fake_ledger_add(ledger, class_name, report, time);
	ledger->behind++;
}

const struct ledger_message *fake_ledger_follow(struct ledger *ledger)
{
	return ledger->behind ? &ledger->alerts[ledger->sequence - ledger->behind--]->message : NULL;
}

void fake_ledger_forget(struct ledger *ledger, uint64_t up_to)
{
	ledger->oldest = up_to < ledger->sequence ? up_to + 1 : 0;
}

void fake_ledger_fail(struct ledger *ledger, enum base_result result)
{
	ledger->failure = result;
}

uint64_t ledger_sequence(const struct ledger *ledger)
{
	return ledger->sequence - ledger->behind;
}

enum base_result ledger_latest(struct ledger *ledger, uint64_t *sequence)
{
	if (ledger->failure)
		return ledger->failure;
	*sequence = ledger->sequence;
	return BASE_OK;
}

uint64_t ledger_oldest(struct ledger *ledger)
{
	return ledger->oldest;
}

const char *ledger_reason(const struct ledger *ledger)
{
	return ledger->failure ? "told to fail" : "";
}

enum base_result ledger_replay(struct ledger *ledger, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more)
{
	size_t given = 0;

	if (ledger->failure)
		return ledger->failure;
	*more = false;
	for (uint64_t i = after; i < ledger->sequence; i++) {
		const struct ledger_message *message = &ledger->alerts[i]->message;
		enum base_result result;

		if (ledger->oldest == 0 || i + 1 < ledger->oldest || prefix.len > message->topic.len ||
		    memcmp(message->topic.ptr, prefix.ptr, prefix.len) != 0)
			continue;
		if (given++ == limit) {
			*more = true;
			return BASE_OK;
		}
		result = each(ctx, message);
		if (result)
			return result;
	}
	return BASE_OK;
}
