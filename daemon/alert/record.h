/* record: the inside of an alert, shared by the files of this room. */
#ifndef WIREWATCH_ALERT_RECORD_H
#define WIREWATCH_ALERT_RECORD_H

#include "sketch.h"

struct alert_names {
	const struct base_span *items;
	size_t count;
};

struct alert {
	struct base_arena *arena; /* owns all that follows */
	enum match_class class;
	struct base_span feed_url, feed_name, item, title, link, rule, revision_of;
	char language[12]; /* "" if unknown */
	base_time published, updated, detected;
	struct feed_key key;
	struct alert_names systems, actors, supplier, recipient;
	const struct match_quantity *quantities;
	size_t quantity_count;
	const struct match_money *money;
	size_t money_count;
	const struct match_evidence *evidence;
	size_t evidence_count;

	struct sketch sketch;
	bool placed, first; /* first report of its story */
	size_t outlets;
};

const char *record_report(const struct alert *alert); /* "first" or "repeat" */

#define RECORD_STORY_LEN 17
void record_story(uint64_t story, char out[RECORD_STORY_LEN]); /* 16 hex digits */

#endif
