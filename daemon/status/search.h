/*
 * search: which alerts somebody asks for, by the query of /alerts or /events.
 * Pure; private to the room status (and its fuzz target).
 */
#ifndef WIREWATCH_STATUS_SEARCH_H
#define WIREWATCH_STATUS_SEARCH_H

#include "wirewatch/base.h"

#define STATUS_VALUE_MAX 256 /* bytes of one value, decoded */
#define STATUS_LIMIT_DEFAULT 100
#define STATUS_LIMIT_MAX 1000

struct status_search {
	bool has_after;
	uint64_t after;
	size_t limit;
	uint32_t classes; /* a bit for each match_class wanted; 0: all */
	/* Folded to small letters; "" for any. */
	char language[STATUS_VALUE_MAX], system[STATUS_VALUE_MAX], actor[STATUS_VALUE_MAX], text[STATUS_VALUE_MAX];
};

/* A whole decimal number without sign. */
bool status_number_read(struct base_span text, uint64_t *out);
/*
 * Read "after=7&class=pause,refusal&language=uk&system=Patriot&actor=Ukraine&text=...&limit=50", form-encoded, any part
 * missing. BASE_INVALID: *reason (a constant) says what is wrong.
 */
enum base_result status_search_read(struct base_span query, struct status_search *out, const char **reason);
/* The topic that all alerts wanted begin with. */
void status_search_topic(const struct status_search *search, char out[64]);
/* Whether an alert (its JSON) is wanted. */
bool status_search_matches(const struct status_search *search, struct base_span json);
/* Append text in small letters (Latin, Greek, Cyrillic), so that people need not care. */
void status_fold(struct base_buf *out, struct base_span text);

#endif
