/* stories: the inside of the stories, shared by the files that keep them and that search them. */
#ifndef WIREWATCH_ALERT_STORIES_H
#define WIREWATCH_ALERT_STORIES_H

#include "index.h"
#include "sketch.h"

struct story {
	uint64_t id;           /* 0: an empty place */
	uint32_t older, newer; /* by when it was last joined; newer: also the next empty place */
	base_time begun, last;
	uint64_t *feeds;
	size_t feed_count, feed_cap;
	uint32_t member, member_count; /* the newest of them */
	size_t weight;                 /* of all */
	uint32_t posting;              /* of its id */
};

struct member {
	struct sketch sketch;
	uint64_t *memory; /* the sets, then the numbers of their postings; NULL: an empty place */
	uint32_t story;
	uint32_t next;   /* the next newer of its story, the oldest after the newest; also the next empty place */
	uint32_t shared; /* with the alert being placed: hashes of the set that the two are compared by */
	bool touched;
};

/* A feature of the alert being placed, whose bearers are being read. */
struct reading {
	struct index_walk walk;
	enum sketch_set set;
};

/* A place given to an alert that is not stored yet, and what must be known to take it back. */
struct placing {
	struct alert *alert;
	const uint64_t *memory; /* of the member it became, or NULL */
	bool began, added_feed;
	base_time begun, last; /* of the story before */
};

struct alert_stories {
	base_time window, now, swept;
	struct index *index;
	struct story *stories;
	size_t story_cap, story_used, story_count;
	uint32_t oldest, newest, empty_story;
	struct member *members;
	size_t member_cap, member_used, member_count;
	uint32_t empty_member;
	size_t weight;
	struct reading *readings;
	size_t reading_cap, reading_count;
	size_t unread[SKETCH_SETS]; /* readings of the alert at hand that did not come to their end */
	uint32_t *touched;
	size_t touched_cap, touched_count;
	struct placing *placings; /* in their order */
	size_t placing_cap, placing_count;
	size_t compared; /* sketches, since the beginning */
};

/* What a hash of a sketch is in the index. of_long: as the words of long texts have it. */
uint64_t stories_feature(const struct alert_stories *stories, const struct sketch *sketch, enum sketch_set set,
						 size_t i, bool of_long);
/* A member may join it now. */
bool stories_is_open(const struct alert_stories *stories, const struct story *story);
/* The member most like the sketch whose story is open, or NULL. All room it takes has been reserved: twice the sketch's
   weight of readings, all members in touched. */
const struct member *stories_nearest(struct alert_stories *stories, const struct sketch *sketch);

/* Postings and sketches looked at since the beginning: what placing costs, independent of the machine. */
size_t stories_steps(const struct alert_stories *stories);

#endif
