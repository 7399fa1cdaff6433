/* The comparison of two sketches. */
#include "likeness.h"

/* The thresholds, in hundredths; measured on pairs of reports of the same and of different events. */
#define SHINGLES_SHARED 10
#define SHINGLES_REPRINT 90
#define SHINGLES_LEAST 3
#define WORDS_SHARED 30
#define WORDS_LEAST 4

static bool share(const struct sketch *a, const struct sketch *b, enum sketch_set set)
{
	return sketch_shared(&a->sets[set], &b->sets[set]) > 0;
}

static size_t smaller(const struct sketch *a, const struct sketch *b, enum sketch_set set)
{
	return a->sets[set].count < b->sets[set].count ? a->sets[set].count : b->sets[set].count;
}

enum sketch_set likeness_set(const struct sketch *a, const struct sketch *b)
{
	return a->is_long && b->is_long ? SKETCH_SHINGLES : SKETCH_WORDS;
}

static bool is_enough(size_t shared, size_t of, enum sketch_set set)
{
	return set == SKETCH_SHINGLES ? shared >= SHINGLES_LEAST && 100 * shared >= SHINGLES_SHARED * of
								  : shared >= WORDS_LEAST && 100 * shared >= WORDS_SHARED * of;
}

size_t likeness_of_texts(const struct sketch *a, const struct sketch *b, size_t shared, size_t unseen)
{
	enum sketch_set set = likeness_set(a, b);
	size_t of = smaller(a, b, set);
	if (unseen && is_enough(shared + unseen, of, set))
		shared = sketch_shared(&a->sets[set], &b->sets[set]);
	if (!is_enough(shared, of, set))
		return 0;
	if (set == SKETCH_SHINGLES)
		return 200 + 100 * shared / of;
	bool what = share(a, b, SKETCH_SYSTEMS) || share(a, b, SKETCH_NUMBERS) || share(a, b, SKETCH_AMOUNTS);
	return what ? 100 + 99 * shared / of : 0;
}

bool likeness_across(const struct sketch *a, const struct sketch *b)
{
	return a->language && b->language && a->language != b->language && share(a, b, SKETCH_PARTIES) &&
		   (share(a, b, SKETCH_SYSTEMS) || share(a, b, SKETCH_AMOUNTS));
}

static bool is_within(const struct sketch *a, const struct sketch *b, enum sketch_set set)
{
	return sketch_shared(&a->sets[set], &b->sets[set]) == a->sets[set].count;
}

bool likeness_adds_nothing(const struct sketch *sketch, const struct sketch *other)
{
	if (sketch->is_long != other->is_long || sketch->language != other->language ||
		!is_within(sketch, other, SKETCH_SYSTEMS) || !is_within(sketch, other, SKETCH_AMOUNTS) ||
		!is_within(sketch, other, SKETCH_PARTIES))
		return false;
	if (!sketch->is_long)
		return is_within(sketch, other, SKETCH_WORDS) && is_within(sketch, other, SKETCH_NUMBERS);
	return 100 * sketch_shared(&sketch->sets[SKETCH_SHINGLES], &other->sets[SKETCH_SHINGLES]) >=
		   SHINGLES_REPRINT * sketch->sets[SKETCH_SHINGLES].count;
}
