/* sample: alerts for tests, made from a few words instead of a feed and rules. */
#ifndef WIREWATCH_TESTS_SAMPLE_H
#define WIREWATCH_TESTS_SAMPLE_H

#include "wirewatch/alert.h"

struct sample { /* what is left out gets a plain standard value */
	enum match_class class;
	const char *feed, *item, *title, *text, *link, *language;
	const char *systems[4], *actors[4], *supplier, *recipient;
	struct match_money money;
	uint64_t quantity; /* of the first system */
	const char *revision_of;
	base_time detected;
};

#define SAMPLE_NOW ((base_time)1800000000 * BASE_SECOND) /* 2027-01-15T08:00:00Z */

struct feed_key sample_key(const char *text);
/* The caller frees it. */
struct alert *sample_alert(const struct sample *sample);

#endif
