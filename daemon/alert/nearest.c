/*
 * Which story an alert belongs to: candidates come from the inverted index,
 * the decision from comparing sketches.
 */
#include "likeness.h"
#include "stories.h"

#include <string.h>

/*
 * Postings looked at for one alert: 0.1 ms among 20,000 that are alike. Its
 * features are read in turns of a few postings each, newest first, so those
 * that few bear are read to their end, and of those that thousands bear the
 * latest. Not seen is only who shares nothing with the alert but such words
 * and is older than some hundred others that share each of them. Among 20,000
 * real news items, all taken for one class, half of this changes no story.
 */
#define READ_MAX 4096
#define READ_TURN 4 /* of each feature in any case */
/* The same for the item, link and title: all who bear one are of one story. */
#define READ_SAME_MAX 256

/* Words of long texts, which are compared by shingles with each other, are apart from those of short ones. */
#define KIND_LONG 0x80u

uint64_t stories_feature(const struct alert_stories *stories, const struct sketch *sketch, enum sketch_set set,
						 size_t i, bool of_long)
{
	unsigned kind = (unsigned)sketch->class << 8 | (set == SKETCH_WORDS && of_long ? KIND_LONG : 0) | (unsigned)set;
	return index_feature(stories->index, sketch->sets[set].hashes[i], kind);
}

static void touch(struct alert_stories *stories, uint32_t at)
{
	struct member *member = &stories->members[at];
	if (!member->touched) {
		member->touched = true;
		stories->touched[stories->touched_count++] = at;
	}
	member->shared++;
}

static void begin_reading(struct alert_stories *stories, const struct sketch *sketch, enum sketch_set set, bool of_long)
{
	for (size_t i = 0; i < sketch->sets[set].count; i++)
		stories->readings[stories->reading_count++] =
			(struct reading){index_find(stories->index, stories_feature(stories, sketch, set, i, of_long)), set};
}

/* False at its end. */
static bool read_turn(struct alert_stories *stories, struct reading *reading, size_t *left)
{
	uint32_t at;
	for (size_t i = 0; i < READ_TURN && *left; i++, --*left) {
		if (!index_next(stories->index, &reading->walk, &at))
			return false;
		touch(stories, at);
	}
	return true;
}

/* Touch who bears what was begun to be read. */
static void read_bearers(struct alert_stories *stories, size_t left)
{
	size_t count = stories->reading_count;
	while (count && left) {
		size_t open = 0;
		for (size_t i = 0; i < count; i++)
			if (read_turn(stories, &stories->readings[i], &left))
				stories->readings[open++] = stories->readings[i];
		count = open;
	}
	memset(stories->unread, 0, sizeof stories->unread);
	for (size_t i = 0; i < count; i++)
		stories->unread[stories->readings[i].set]++;
	stories->reading_count = 0;
}

typedef size_t like_fn(const struct alert_stories *stories, const struct sketch *sketch, const struct member *member);

/* The most alike of those touched whose story is still open, or NULL; touched no more. */
static const struct member *best_touched(struct alert_stories *stories, const struct sketch *sketch, like_fn *like_of)
{
	const struct member *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < stories->touched_count; i++) {
		struct member *member = &stories->members[stories->touched[i]];
		const struct story *story = &stories->stories[member->story];
		size_t like = stories_is_open(stories, story) ? like_of(stories, sketch, member) : 0;
		if (like > most || (like && like == most && story->last > stories->stories[best->story].last)) {
			most = like;
			best = member;
		}
		member->touched = false;
		member->shared = 0;
	}
	stories->compared += stories->touched_count;
	stories->touched_count = 0;
	return best;
}

static size_t like_same(const struct alert_stories *stories, const struct sketch *sketch, const struct member *member)
{
	(void)stories;
	(void)sketch;
	return member->shared > 0;
}

static const struct member *nearest_same(struct alert_stories *stories, const struct sketch *sketch)
{
	begin_reading(stories, sketch, SKETCH_SAME, false);
	read_bearers(stories, READ_SAME_MAX);
	return best_touched(stories, sketch, like_same);
}

static size_t like_text(const struct alert_stories *stories, const struct sketch *sketch, const struct member *member)
{
	const struct sketch *other = &member->sketch;
	return likeness_of_texts(sketch, other, member->shared, stories->unread[likeness_set(sketch, other)]);
}

/* What is counted for two of them is what their likeness goes by: long texts meet in their shingles alone. */
static const struct member *nearest_text(struct alert_stories *stories, const struct sketch *sketch)
{
	begin_reading(stories, sketch, SKETCH_SHINGLES, false);
	begin_reading(stories, sketch, SKETCH_WORDS, false);
	if (!sketch->is_long)
		begin_reading(stories, sketch, SKETCH_WORDS, true);
	read_bearers(stories, READ_MAX + READ_TURN * stories->reading_count);
	return best_touched(stories, sketch, like_text);
}

static size_t like_across(const struct alert_stories *stories, const struct sketch *sketch, const struct member *member)
{
	(void)stories;
	return likeness_across(sketch, &member->sketch);
}

/* In another language. */
static const struct member *nearest_across(struct alert_stories *stories, const struct sketch *sketch)
{
	if (!sketch->language || !sketch->sets[SKETCH_PARTIES].count)
		return NULL;
	begin_reading(stories, sketch, SKETCH_AMOUNTS, false);
	begin_reading(stories, sketch, SKETCH_SYSTEMS, false);
	read_bearers(stories, READ_MAX);
	return best_touched(stories, sketch, like_across);
}

const struct member *stories_nearest(struct alert_stories *stories, const struct sketch *sketch)
{
	const struct member *nearest = nearest_same(stories, sketch);
	if (!nearest)
		nearest = nearest_text(stories, sketch);
	return nearest ? nearest : nearest_across(stories, sketch);
}
