/*
 * What the files of `wirewatch tail` share.
 */
#ifndef CLIENT_TAIL_H
#define CLIENT_TAIL_H

#include <stdbool.h>

#include "wirewatch/base.h"

#define TAIL_STORIES 128
#define TAIL_STORY_LEN 40
#define TAIL_TITLE_MAX 60 /* code points */

struct tail_story { /* one that was printed */
	char id[TAIL_STORY_LEN];
	char title[4 * TAIL_TITLE_MAX + 8]; /* of its first report, escaped */
};

/* What is on the screen so far. Zero-initialise, then set the first two. */
struct tail_view {
	bool colour;
	size_t columns; /* 0: lines are not broken */
	int year, day;  /* of the last alert, local time */
	struct tail_story stories[TAIL_STORIES]; /* a ring */
	size_t story_count;
	char last[TAIL_STORY_LEN]; /* story of the last alert */
};

/*
 * Append one alert for people to read, foreign text escaped: a block, divided
 * from the one before by an empty line, or one line under the story it
 * repeats. BASE_SYNTAX: it is no alert's JSON.
 */
enum base_result tail_block(struct tail_view *view, struct base_buf *out, struct base_span json);

#endif
