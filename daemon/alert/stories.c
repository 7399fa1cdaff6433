/*
 * Stories: alerts of one class that report the same event, and the sketches by
 * which they are known. Memory is bounded; the stories silent for longest go first.
 */
#include "stories.h"
#include "likeness.h"
#include "record.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define STORY_LIFE (7 * BASE_DAY) /* no member joins a story older than this */
#define STORIES_MAX 20000
#define MEMBERS_MAX 20000
#define WEIGHT_MAX ((size_t)2000000)   /* hashes of all members: 24 MB, and 56 MB for their postings */
#define FEEDS_MAX 1024                 /* of one story that are told apart */
#define STORY_MEMBERS_MAX 2048         /* the latest sketches of one story: more would crowd out other stories, */
#define STORY_WEIGHT_MAX (WEIGHT_MAX / 8) /* and so would as many of long texts */
#define PLACINGS_MAX ((size_t)1 << 24) /* alerts placed and not stored yet: those of the batches at hand */
#define SWEEP_EVERY (10 * BASE_MINUTE)

/* In the index beside the sets: where a story with this id is. */
#define KIND_STORY 0xFFu

#define NOWHERE UINT32_MAX /* no place in a table */

enum base_result alert_stories_new(base_time window, struct alert_stories **out)
{
	struct alert_stories *stories = calloc(1, sizeof *stories);
	if (!stories)
		return BASE_NO_MEMORY;
	enum base_result result = index_new(&stories->index);
	if (result) {
		free(stories);
		return result;
	}
	stories->window = window;
	stories->oldest = stories->newest = stories->empty_story = stories->empty_member = NOWHERE;
	*out = stories;
	return BASE_OK;
}

void alert_stories_free(struct alert_stories *stories)
{
	if (!stories)
		return;
	for (size_t i = 0; i < stories->story_used; i++)
		free(stories->stories[i].feeds);
	for (size_t i = 0; i < stories->member_used; i++)
		free(stories->members[i].memory);
	free(stories->stories);
	free(stories->members);
	free(stories->readings);
	free(stories->touched);
	free(stories->placings);
	index_free(stories->index);
	free(stories);
}

base_time alert_stories_reach(base_time window)
{
	return window > STORY_LIFE ? window : STORY_LIFE;
}

size_t alert_stories_count(const struct alert_stories *stories)
{
	return stories->story_count;
}

size_t stories_steps(const struct alert_stories *stories)
{
	return index_steps(stories->index) + stories->compared;
}

/* ---- members and stories come and go ------------------------------------------- */

static bool is_compared(enum sketch_set set)
{
	/* Numbers and parties alone make no candidate: too many share them. */
	return set != SKETCH_NUMBERS && set != SKETCH_PARTIES;
}

static size_t memory_of(size_t weight)
{
	return weight * (sizeof(uint64_t) + sizeof(uint32_t)) + 1;
}

/* Where the numbers of a member's postings are, behind its sets. */
static uint32_t *postings_of(const struct member *member)
{
	return (uint32_t *)(void *)(member->memory + sketch_weight(&member->sketch));
}

static void post(struct alert_stories *stories, uint32_t at)
{
	const struct sketch *sketch = &stories->members[at].sketch;
	uint32_t *posting = postings_of(&stories->members[at]);
	for (enum sketch_set set = 0; set < SKETCH_SETS; set++)
		for (size_t i = 0; is_compared(set) && i < sketch->sets[set].count; i++)
			*posting++ = index_add(stories->index, stories_feature(stories, sketch, set, i, sketch->is_long), at);
}

static void withdraw_postings(struct alert_stories *stories, const struct member *member)
{
	const uint32_t *posting = postings_of(member);
	for (enum sketch_set set = 0; set < SKETCH_SETS; set++)
		for (size_t i = 0; is_compared(set) && i < member->sketch.sets[set].count; i++)
			index_remove(stories->index, *posting++);
}

/* Stories are chained in the order they were last joined, so that the one silent for longest is at hand. */
static void unchain(struct alert_stories *stories, const struct story *story)
{
	*(story->older == NOWHERE ? &stories->oldest : &stories->stories[story->older].newer) = story->newer;
	*(story->newer == NOWHERE ? &stories->newest : &stories->stories[story->newer].older) = story->older;
}

static void chain(struct alert_stories *stories, uint32_t at)
{
	struct story *story = &stories->stories[at];
	story->older = stories->newest;
	story->newer = NOWHERE;
	*(story->older == NOWHERE ? &stories->oldest : &stories->stories[story->older].newer) = at;
	stories->newest = at;
}

static void drop_member(struct alert_stories *stories, uint32_t at)
{
	struct member *member = &stories->members[at];
	withdraw_postings(stories, member);
	stories->weight -= sketch_weight(&member->sketch);
	free(member->memory);
	*member = (struct member){.next = stories->empty_member};
	stories->empty_member = at;
	stories->member_count--;
}

static void leave_story(struct alert_stories *stories, uint32_t at)
{
	stories->stories[at] = (struct story){.newer = stories->empty_story};
	stories->empty_story = at;
}

/* The member after this one leaves its story; of the newest, that is the oldest. */
static void drop_next(struct alert_stories *stories, struct story *story, uint32_t before)
{
	uint32_t at = stories->members[before].next;
	stories->members[before].next = stories->members[at].next;
	if (story->member == at)
		story->member = before;
	story->weight -= sketch_weight(&stories->members[at].sketch);
	if (!--story->member_count)
		story->member = NOWHERE;
	drop_member(stories, at);
}

/* With its members. */
static void drop_story(struct alert_stories *stories, uint32_t at)
{
	struct story *story = &stories->stories[at];
	while (story->member_count)
		drop_next(stories, story, story->member);
	index_remove(stories->index, story->posting);
	unchain(stories, story);
	free(story->feeds);
	leave_story(stories, at);
	stories->story_count--;
}

bool stories_is_open(const struct alert_stories *stories, const struct story *story)
{
	base_time now = stories->now; /* it may jump, forth and back */
	return now - story->last <= stories->window && story->last - now <= stories->window &&
		   now - story->begun <= alert_stories_reach(stories->window);
}

/* Forget the stories that nothing can join any more. */
static void sweep(struct alert_stories *stories)
{
	base_time since = stories->now - stories->swept;
	if (since >= 0 && since < SWEEP_EVERY)
		return;
	stories->swept = stories->now;
	for (uint32_t at = stories->oldest, newer; at != NOWHERE; at = newer) {
		newer = stories->stories[at].newer;
		if (!stories_is_open(stories, &stories->stories[at]))
			drop_story(stories, at);
	}
}

/* Keep within bounds: the story that was silent for longest goes whole. */
static void make_room(struct alert_stories *stories, size_t weight)
{
	while (stories->story_count && (stories->story_count >= STORIES_MAX || stories->member_count >= MEMBERS_MAX ||
									stories->weight + weight > WEIGHT_MAX))
		drop_story(stories, stories->oldest);
}

/* An empty place in one of the two tables; the tables' memory has been reserved. */
static uint32_t empty_story(struct alert_stories *stories)
{
	uint32_t at = stories->empty_story;
	if (at != NOWHERE)
		stories->empty_story = stories->stories[at].newer;
	else
		at = (uint32_t)stories->story_used++;
	stories->stories[at] = (struct story){.member = NOWHERE};
	return at;
}

static uint32_t empty_member(struct alert_stories *stories)
{
	uint32_t at = stories->empty_member;
	if (at != NOWHERE)
		stories->empty_member = stories->members[at].next;
	else
		at = (uint32_t)stories->member_used++;
	return at;
}

/* All the memory that taking in one sketch can need; empty places are used again. */
static enum base_result reserve(struct alert_stories *stories, const struct sketch *sketch)
{
	size_t places = stories->story_used + (stories->story_count == stories->story_used);
	size_t seats = stories->member_used + (stories->member_count == stories->member_used);
	enum base_result result = index_reserve(stories->index, sketch_weight(sketch) + 1);
	if (!result)
		result = base_grow(&stories->stories, &stories->story_cap, places, sizeof *stories->stories, STORIES_MAX);
	if (!result)
		result = base_grow(&stories->members, &stories->member_cap, seats, sizeof *stories->members, MEMBERS_MAX);
	if (!result)
		result = base_grow(&stories->readings, &stories->reading_cap, 2 * sketch_weight(sketch),
						   sizeof *stories->readings, 2 * SKETCH_SETS * (size_t)SKETCH_MEMBERS_MAX);
	if (!result)
		result = base_grow(&stories->touched, &stories->touched_cap, seats, sizeof *stories->touched, MEMBERS_MAX);
	if (!result)
		result = base_grow(&stories->placings, &stories->placing_cap, stories->placing_count + 1,
						   sizeof *stories->placings, PLACINGS_MAX);
	return result;
}

/* ---- joining it ------------------------------------------------------------------------ */

static enum base_result add_feed(struct story *story, uint64_t feed)
{
	for (size_t i = 0; i < story->feed_count; i++)
		if (story->feeds[i] == feed)
			return BASE_OK;
	if (story->feed_count >= FEEDS_MAX)
		return BASE_OK;
	enum base_result result =
		base_grow(&story->feeds, &story->feed_cap, story->feed_count + 1, sizeof *story->feeds, FEEDS_MAX);
	if (!result)
		story->feeds[story->feed_count++] = feed;
	return result;
}

static void begin_story(struct alert_stories *stories, const struct sketch *sketch, uint32_t at)
{
	struct story *story = &stories->stories[at];
	story->id = sketch->story;
	story->begun = story->last = sketch->detected;
	stories->story_count++;
	story->posting = index_add(stories->index, index_feature(stories->index, story->id, KIND_STORY), at);
}

/* The story at a place, begun in an empty one if *at is NOWHERE. */
static enum base_result join(struct alert_stories *stories, const struct sketch *sketch, uint32_t *at)
{
	bool begun = *at == NOWHERE;
	uint32_t place = begun ? empty_story(stories) : *at;
	struct story *story = &stories->stories[place];
	enum base_result result = add_feed(story, sketch->feed);
	if (result) {
		if (begun)
			leave_story(stories, place);
		return result;
	}
	if (begun)
		begin_story(stories, sketch, place);
	else
		unchain(stories, story);
	chain(stories, place);
	if (sketch->detected > story->last)
		story->last = sketch->detected;
	if (sketch->detected < story->begun)
		story->begun = sketch->detected;
	*at = place;
	return BASE_OK;
}

/* As the newest of its story. */
static void add_member(struct alert_stories *stories, const struct sketch *sketch, uint64_t *memory, uint32_t place)
{
	struct story *story = &stories->stories[place];
	size_t weight = sketch_weight(sketch);
	while (story->member_count && (story->member_count >= STORY_MEMBERS_MAX || story->weight + weight > STORY_WEIGHT_MAX))
		drop_next(stories, story, story->member);
	uint32_t at = empty_member(stories), newest = story->member;
	struct member *member = &stories->members[at];
	*member = (struct member){.sketch = *sketch, .memory = memory, .story = place, .next = at};
	member->sketch.story = story->id;
	if (newest != NOWHERE) {
		member->next = stories->members[newest].next;
		stories->members[newest].next = at;
	}
	story->member = at;
	story->member_count++;
	story->weight += weight;
	stories->weight += weight;
	stories->member_count++;
	post(stories, at);
}

/* A copy of the sketch with its sets in one piece of memory. */
static enum base_result copy_sketch(const struct sketch *sketch, struct sketch *out, uint64_t **memory)
{
	uint64_t *room = malloc(memory_of(sketch_weight(sketch)));
	if (!room)
		return BASE_NO_MEMORY;
	*memory = room;
	*out = *sketch;
	for (int i = 0; i < SKETCH_SETS; i++) {
		size_t count = sketch->sets[i].count;
		if (count)
			memcpy(room, sketch->sets[i].hashes, count * sizeof *room);
		out->sets[i].hashes = room;
		room += count;
	}
	return BASE_OK;
}

static uint64_t new_story_id(const struct alert_stories *stories, const struct alert *alert)
{
	uint64_t parts[4] = {(uint64_t)alert->class, (uint64_t)alert->detected, alert->sketch.feed,
						 words_hash(alert->item.ptr, alert->item.len)};
	uint64_t id = words_hash(parts, sizeof parts);
	uint32_t value;
	for (struct index_walk walk;; id = words_hash(&id, sizeof id)) {
		walk = index_find(stories->index, index_feature(stories->index, id, KIND_STORY));
		if (id && !index_next(stories->index, &walk, &value))
			return id;
	}
}

static void begin(struct alert_stories *stories, base_time now, size_t weight)
{
	stories->now = now;
	sweep(stories);
	make_room(stories, weight);
}

enum base_result alert_stories_place(struct alert_stories *stories, struct alert *alert)
{
	struct sketch *sketch = &alert->sketch, copy;
	uint64_t *memory = NULL;
	if (alert->placed)
		return BASE_OK;
	if (alert->detected < 0) /* also BASE_TIME_NONE */
		return BASE_INVALID;
	begin(stories, alert->detected, sketch_weight(sketch));
	enum base_result result = reserve(stories, sketch);
	if (result)
		return result;
	const struct member *like = stories_nearest(stories, sketch);
	bool reprint = like && likeness_adds_nothing(sketch, &like->sketch);
	uint32_t at = like ? like->story : NOWHERE;
	uint64_t id = like ? stories->stories[at].id : new_story_id(stories, alert);
	result = reprint ? BASE_OK : copy_sketch(sketch, &copy, &memory);
	if (result)
		return result;
	sketch->story = id;
	struct placing placing = {.alert = alert, .memory = memory, .began = !like};
	size_t feeds = 0;
	if (like) {
		placing.begun = stories->stories[at].begun;
		placing.last = stories->stories[at].last;
		feeds = stories->stories[at].feed_count;
	}
	result = join(stories, sketch, &at);
	if (result) {
		free(memory);
		return result;
	}
	if (memory)
		add_member(stories, &copy, memory, at);
	placing.added_feed = stories->stories[at].feed_count > feeds;
	stories->placings[stories->placing_count++] = placing;
	sketch->reprint = reprint;
	alert->placed = true;
	alert->first = !like;
	alert->outlets = stories->stories[at].feed_count;
	return BASE_OK;
}

/* ---- places taken back ------------------------------------------------------------------ */

static void leave_member(struct alert_stories *stories, struct story *story, const uint64_t *memory)
{
	uint32_t before = story->member;
	for (size_t i = 0; i < story->member_count; i++, before = stories->members[before].next)
		if (stories->members[stories->members[before].next].memory == memory) {
			drop_next(stories, story, before);
			return;
		}
}

/* As if it had never been placed, but for what it crowded out. Whatever was placed later has been taken back. */
static void take_back(struct alert_stories *stories, const struct placing *placing)
{
	const struct sketch *sketch = &placing->alert->sketch;
	uint32_t at;
	placing->alert->placed = false;
	struct index_walk walk = index_find(stories->index, index_feature(stories->index, sketch->story, KIND_STORY));
	if (!index_next(stories->index, &walk, &at))
		return; /* room was made of it since */
	struct story *story = &stories->stories[at];
	if (placing->began) {
		drop_story(stories, at);
		return;
	}
	if (placing->memory)
		leave_member(stories, story, placing->memory);
	if (placing->added_feed)
		story->feed_count--; /* the last one */
	story->begun = placing->begun;
	story->last = placing->last;
}

void alert_stories_withdraw(struct alert_stories *stories)
{
	while (stories->placing_count)
		take_back(stories, &stories->placings[--stories->placing_count]);
}

void alert_stories_keep(struct alert_stories *stories, size_t count)
{
	if (count > stories->placing_count)
		count = stories->placing_count;
	stories->placing_count -= count;
	if (count)
		memmove(stories->placings, stories->placings + count, stories->placing_count * sizeof *stories->placings);
}

enum base_result alert_story_sketch(const struct alert *alert, struct base_buf *out)
{
	return alert->placed ? sketch_write(&alert->sketch, out) : BASE_INVALID;
}

enum base_result alert_stories_restore(struct alert_stories *stories, struct base_span bytes)
{
	struct sketch sketch, copy;
	uint64_t *read, *memory = NULL;
	enum base_result result = sketch_read(bytes, &sketch, &read);
	if (result)
		return result;
	if (!sketch.story) {
		result = BASE_DAMAGED;
		goto done;
	}
	alert_stories_withdraw(stories);
	begin(stories, sketch.detected, sketch_weight(&sketch));
	result = reserve(stories, &sketch);
	if (!result && !sketch.reprint)
		result = copy_sketch(&sketch, &copy, &memory);
	if (result)
		goto done;
	uint32_t at = NOWHERE;
	struct index_walk walk = index_find(stories->index, index_feature(stories->index, sketch.story, KIND_STORY));
	(void)index_next(stories->index, &walk, &at);
	result = join(stories, &sketch, &at);
	if (result)
		free(memory);
	else if (memory)
		add_member(stories, &copy, memory, at);
done:
	free(read);
	return result;
}
