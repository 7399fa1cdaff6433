/* Alerts for tests, made from a few words. */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

static const char *or_else(const char *text, const char *standard)
{
	return text ? text : standard;
}

struct feed_key sample_key(const char *text)
{
	uint8_t digest[BASE_SHA256_LEN];
	struct base_sha256 sha;
	struct feed_key key;
	base_sha256_start(&sha);
	base_sha256_add(&sha, text, strlen(text));
	base_sha256_end(&sha, digest);
	memcpy(key.bytes, digest, sizeof key.bytes);
	return key;
}

static size_t spans_of(const char *const names[4], struct base_span out[4])
{
	size_t count = 0;
	while (count < 4 && names[count]) {
		out[count] = base_span_of(names[count]);
		count++;
	}
	return count;
}

struct alert *sample_alert(const struct sample *sample)
{
	const char *item = or_else(sample->item, "item-1");
	struct base_span systems[4], actors[4], supplier = base_span_of(sample->supplier),
											recipient = base_span_of(sample->recipient);
	const struct match_mark mark = {0, 3};
	const struct match_evidence evidence = {base_span_of("The shipment was halted."), &mark, 1};
	const struct match_quantity quantity = {sample->quantity, base_span_of(sample->systems[0])};
	const struct match_event event = {
		.class = sample->class,
		.rule = "sample rule",
		.evidence = &evidence,
		.evidence_count = 1,
		.supplier = &supplier,
		.supplier_count = sample->supplier ? 1 : 0,
		.recipient = &recipient,
		.recipient_count = sample->recipient ? 1 : 0,
		.quantities = &quantity,
		.quantity_count = sample->quantity ? 1 : 0,
		.money = &sample->money,
		.money_count = sample->money.amount ? 1 : 0,
	};
	struct match_result match = {.events = &event, .event_count = 1, .systems = systems, .actors = actors};
	match.system_count = spans_of(sample->systems, systems);
	match.actor_count = spans_of(sample->actors, actors);
	memcpy(match.language, or_else(sample->language, "en"), strlen(or_else(sample->language, "en")) + 1);
	const struct feed_entry entry = {
		.id = base_span_of(item),
		.item = base_span_of(item),
		.title = base_span_of(sample->title),
		.link = base_span_of(sample->link),
		.published = SAMPLE_NOW - BASE_HOUR,
		.updated = BASE_TIME_NONE,
		.key = sample_key(item),
	};
	const struct alert_source source = {
		.feed_url = or_else(sample->feed, "https://feeds.example/a.xml"),
		.feed_name = or_else(sample->feed, "Example agency"),
		.entry = &entry,
		.text = base_span_of(or_else(sample->text, "")),
		.detected = sample->detected ? sample->detected : SAMPLE_NOW,
		.revision_of = base_span_of(sample->revision_of),
	};
	struct alert *alert;
	if (alert_new(&source, &match, 0, &alert))
		abort();
	return alert;
}
