/*
 * Documents of one feed, one after the other, each read whole and read without
 * the entries that are familiar: what comes of both, in entries and in what a
 * ledger would say of them, must be the same. Aborts if it is not.
 */
#ifndef FEED_TWICE_H
#define FEED_TWICE_H

#include "wirewatch/feed.h"

struct feed_twice_row { /* an entry, as a ledger knows it */
	struct feed_key key, link_key, title_key, change;
};

struct feed_twice {
	struct feed_familiar *set;
	struct feed_document *last; /* the document before, whole */
	struct feed_twice_row *rows;
	size_t row_count, row_cap;
	size_t documents, remembered, in_part, left_out; /* how many there were, for the test's own test */
};

/* Zero-initialise. */
void feed_twice_read(struct feed_twice *twice, const char *url, struct base_span bytes, base_time now);
void feed_twice_free(struct feed_twice *twice);

#endif
