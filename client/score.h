/* What `wirewatch score` counts, and how it prints it. */
#ifndef WIREWATCH_CLIENT_SCORE_H
#define WIREWATCH_CLIENT_SCORE_H

#include <jansson.h>

#include "wirewatch/match.h"

#define SCORE_KINDS_MAX 16
#define SCORE_NAME_MAX 32

struct score_kind { /* of items that expect nothing */
	char name[SCORE_NAME_MAX];
	size_t alarms, items;
};

enum { SCORE_SYSTEMS, SCORE_ACTORS, SCORE_NAMES };

struct score_names { /* of the items that expect something */
	size_t found, of, found_alerted, of_alerted;
};

struct score_class {
	size_t tp, fp, fn, allowed;
};

struct score_tally { /* of a language, or of all */
	char name[SCORE_NAME_MAX];
	size_t items, tp, fp, fn, tn, ignored, exact;
	struct score_kind kinds[SCORE_KINDS_MAX];
	size_t kind_count;
	struct score_class classes[MATCH_CLASS_COUNT];
	struct score_names names[SCORE_NAMES];
};

enum score_miss_kind { SCORE_MISSED, SCORE_FALSE_ALARM, SCORE_CLASSES, SCORE_SYSTEM, SCORE_MISS_KINDS };

/* Exit code. misses: one array of objects a kind, or NULL not to print them. */
int score_print_text(const struct score_tally *tallies, size_t count, json_t *const misses[SCORE_MISS_KINDS]);
int score_print_json(const struct score_tally *tallies, size_t count, json_t *const misses[SCORE_MISS_KINDS]);

#endif
