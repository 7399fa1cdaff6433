/*
 * Evaluates expressions by minimal intervals (Clarke, Cormack, Burkowski
 * 1995): each expression gives the shortest stretches of a sentence in which it
 * holds, none inside another. Every step is linear in the hits of the sentence.
 */
#include "scratch.h"

#define INTERVALS_MAX ((size_t)1 << 22)
#define MARKS_MAX ((size_t)1 << 23)
#define INTERVAL_MARKS_MAX 256u /* one interval's: more than any evidence shows; else ATLEAST in ATLEAST multiplies them */
#define ANY_DISTANCE UINT32_MAX

static const struct list nothing = {0, 0, false};

void eval_reset(struct match_scratch *scratch)
{
	scratch->interval_count = scratch->mark_count = 0;
}

bool eval_within_limits(struct match_scratch *scratch)
{
	if (scratch->failed != BASE_LIMIT)
		return true;
	scratch->failed = BASE_OK;
	eval_reset(scratch);
	return false;
}

bool eval_holds(struct list list)
{
	return list.always || list.count > 0;
}

/* ---- building lists ---------------------------------------------------------------- */

static struct list open_list(const struct match_scratch *scratch)
{
	return (struct list){(uint32_t)scratch->interval_count, 0, false};
}

static void add_interval(struct match_scratch *scratch, struct list *list, struct interval interval)
{
	if (scratch->failed)
		return;
	scratch->failed = base_grow(&scratch->intervals, &scratch->interval_cap, scratch->interval_count + 1,
	                            sizeof *scratch->intervals, INTERVALS_MAX);
	if (scratch->failed)
		return;
	scratch->intervals[scratch->interval_count++] = interval;
	list->count++;
}

/*
 * The same for lists that must keep no interval inside another; intervals come
 * in the order of their first token.
 */
static void add_minimal(struct match_scratch *scratch, struct list *list, struct interval interval)
{
	while (list->count > 0) {
		const struct interval *top = &scratch->intervals[scratch->interval_count - 1];
		if (top->first == interval.first && top->last <= interval.last)
			return;
		if (top->last < interval.last)
			break;
		scratch->interval_count--;
		list->count--;
	}
	add_interval(scratch, list, interval);
}

/* Adds the marks of an interval to those that `to`, the newest, has. */
static void copy_marks(struct match_scratch *scratch, const struct interval *from, struct interval *to)
{
	uint32_t room = INTERVAL_MARKS_MAX - to->mark_count, count = from->mark_count < room ? from->mark_count : room;
	if (scratch->failed)
		return;
	scratch->failed = base_grow(&scratch->marks, &scratch->mark_cap, scratch->mark_count + count,
	                            sizeof *scratch->marks, MARKS_MAX);
	for (uint32_t i = 0; !scratch->failed && i < count; i++)
		scratch->marks[scratch->mark_count++] = scratch->marks[from->mark + i];
	to->mark_count += scratch->failed ? 0 : count;
}

static struct interval join(struct match_scratch *scratch, const struct interval *a, const struct interval *b)
{
	struct interval joined = {
	    a->first < b->first ? a->first : b->first,
	    a->last > b->last ? a->last : b->last,
	    (uint32_t)scratch->mark_count,
	    0,
	};
	copy_marks(scratch, a, &joined);
	copy_marks(scratch, b, &joined);
	return joined;
}

/* ---- groups ------------------------------------------------------------------------ */

static bool has_term(const struct group *group, uint32_t term)
{
	if (group->bits)
		return term < group->bit_count && group->bits[term / 8] >> term % 8 & 1;
	for (size_t i = 0; i < group->count; i++)
		if (group->terms[i] == term)
			return true;
	return false;
}

static bool is_consumed(const struct match_scratch *scratch, const struct hit *hit)
{
	for (uint32_t i = hit->first; i <= hit->last; i++)
		if (scratch->consumed[i] == scratch->evaluation)
			return true;
	return false;
}

bool eval_hit_counts(const struct match_scratch *scratch, const struct group *group, const struct hit *hit)
{
	if (group->of == GROUP_SYSTEMS || group->of == GROUP_ACTORS) {
		if (!(hit->flags & (group->of == GROUP_SYSTEMS ? HIT_SYSTEM : HIT_ACTOR)))
			return false;
	} else if (!has_term(group, hit->term) || (!group->parts && hit->flags & (HIT_PART_LEFT | HIT_PART_RIGHT))) {
		return false;
	}
	return !scratch->guarded || !is_consumed(scratch, hit);
}

/* Of hits that overlap, the first and then the longest counts. */
static void add_hit(struct match_scratch *scratch, struct list *list, uint32_t index)
{
	const struct hit *hit = &scratch->hits[index];
	struct interval *top = list->count ? &scratch->intervals[scratch->interval_count - 1] : NULL;
	if (top && hit->first <= top->last && !(hit->first == top->first && hit->last > top->last))
		return;
	if (top && hit->first == top->first) {
		top->last = hit->last;
		scratch->marks[top->mark] = index;
		return;
	}
	scratch->failed =
	    base_grow(&scratch->marks, &scratch->mark_cap, scratch->mark_count + 1, sizeof *scratch->marks, MARKS_MAX);
	if (scratch->failed)
		return;
	scratch->marks[scratch->mark_count] = index;
	add_interval(scratch, list, (struct interval){hit->first, hit->last, (uint32_t)scratch->mark_count++, 1});
}

static struct list eval_group(struct match_scratch *scratch, const struct group *group)
{
	struct list list = open_list(scratch);
	uint32_t slot = scratch->rules->group_slots[group->id];
	groups_read(scratch, scratch->sentence);
	if (!slot) {
		if (!groups_may_have(scratch, group))
			return list;
		uint32_t end = scratch->sentence_hits[scratch->sentence + 1];
		for (uint32_t i = scratch->sentence_hits[scratch->sentence]; i < end && !scratch->failed; i++)
			if (eval_hit_counts(scratch, group, &scratch->hits[i]))
				add_hit(scratch, &list, i);
		return list;
	}
	if (!groups_has(scratch, slot))
		return list;
	uint32_t i = groups_first(scratch, slot);
	for (; i != LEXICON_NONE && !scratch->failed; i = scratch->group_entries[i].next) {
		const struct hit *hit = &scratch->hits[scratch->group_entries[i].hit];
		bool part = !group->parts && hit->flags & (HIT_PART_LEFT | HIT_PART_RIGHT);
		if (!part && !(scratch->guarded && is_consumed(scratch, hit)))
			add_hit(scratch, &list, scratch->group_entries[i].hit);
	}
	return list;
}

/* ---- operators --------------------------------------------------------------------- */

static struct list eval_node(struct match_scratch *scratch, const struct node *node);

static struct list eval_or(struct match_scratch *scratch, struct list a, struct list b)
{
	struct list list = open_list(scratch);
	list.always = a.always || b.always;
	uint32_t i = 0, j = 0;
	while (i < a.count || j < b.count) {
		const struct interval *x = i < a.count ? &scratch->intervals[a.start + i] : NULL,
		                      *y = j < b.count ? &scratch->intervals[b.start + j] : NULL;
		bool left = x && (!y || x->first < y->first || (x->first == y->first && x->last <= y->last));
		struct interval next = left ? *x : *y;
		i += left;
		j += !left;
		add_minimal(scratch, &list, next);
		if (scratch->failed)
			return nothing;
	}
	return list;
}

/* Words between the end of a and the start of b, which is later. */
static uint32_t words_between(const struct match_scratch *scratch, const struct interval *a, const struct interval *b)
{
	uint32_t from = scratch->text.tokens[a->last].word, to = scratch->text.tokens[b->first].word;
	return to > from ? to - from - 1 : 0;
}

struct pairing { /* walks two lists side by side */
	struct list a, b;
	uint32_t n;
	uint32_t before; /* intervals of b that end before the present one of a starts */
	uint32_t after;  /* the first of b that starts after the present one of a ends */
};

static const struct interval *at(const struct match_scratch *scratch, struct list list, uint32_t index)
{
	return &scratch->intervals[list.start + index];
}

static void pair_with(const struct match_scratch *scratch, struct pairing *pairing, const struct interval *x)
{
	while (pairing->before < pairing->b.count && at(scratch, pairing->b, pairing->before)->last < x->first)
		pairing->before++;
	while (pairing->after < pairing->b.count && at(scratch, pairing->b, pairing->after)->first <= x->last)
		pairing->after++;
}

static bool near_before(const struct match_scratch *scratch, const struct pairing *pairing, const struct interval *x)
{
	return pairing->before > 0 &&
	       words_between(scratch, at(scratch, pairing->b, pairing->before - 1), x) <= pairing->n;
}

static bool near_after(const struct match_scratch *scratch, const struct pairing *pairing, const struct interval *x)
{
	return pairing->after < pairing->b.count &&
	       words_between(scratch, x, at(scratch, pairing->b, pairing->after)) <= pairing->n;
}

/* Joins each of a with its neighbour of b on one side (or that overlaps it: side 0). */
static struct list join_side(struct match_scratch *scratch, struct pairing pairing, int side)
{
	struct list list = open_list(scratch);
	for (uint32_t i = 0; i < pairing.a.count && !scratch->failed; i++) {
		struct interval x = *at(scratch, pairing.a, i);
		pair_with(scratch, &pairing, &x);
		uint32_t other = side < 0 ? pairing.before - 1 : side > 0 ? pairing.after : pairing.before;
		bool good = side < 0   ? near_before(scratch, &pairing, &x)
		            : side > 0 ? near_after(scratch, &pairing, &x)
		                       : pairing.before < pairing.after;
		if (!good)
			continue;
		struct interval y = *at(scratch, pairing.b, other);
		add_minimal(scratch, &list, join(scratch, &x, &y));
	}
	return list;
}

static struct list eval_near(struct match_scratch *scratch, struct list a, struct list b, uint32_t n, bool ordered)
{
	struct pairing pairing = {.a = a, .b = b, .n = n};
	struct list list = join_side(scratch, pairing, 1);
	if (!ordered)
		list = eval_or(scratch, list, join_side(scratch, pairing, -1));
	return list;
}

static struct list eval_and(struct match_scratch *scratch, struct list a, struct list b)
{
	if (a.always || b.always)
		return a.always ? b : a;
	struct list list = eval_near(scratch, a, b, ANY_DISTANCE, false);
	return eval_or(scratch, list, join_side(scratch, (struct pairing){.a = a, .b = b}, 0));
}

/* Those of a that have no b within n words; ordered: after them. */
static struct list eval_not_near(struct match_scratch *scratch, struct list a, struct list b, uint32_t n, bool ordered)
{
	struct pairing pairing = {.a = a, .b = b, .n = n};
	struct list list = open_list(scratch);
	for (uint32_t i = 0; i < a.count && !scratch->failed; i++) {
		struct interval x = *at(scratch, a, i);
		pair_with(scratch, &pairing, &x);
		bool overlaps = pairing.before < pairing.after, before = !ordered && near_before(scratch, &pairing, &x);
		if (!overlaps && !before && !near_after(scratch, &pairing, &x))
			add_interval(scratch, &list, x);
	}
	return list;
}

static struct list eval_not(struct match_scratch *scratch, const struct node *node)
{
	struct list right = eval_node(scratch, node->right);
	if (!node->left)
		return (struct list){0, 0, !eval_holds(right)};
	return eval_holds(right) ? nothing : eval_node(scratch, node->left);
}

static struct list eval_atleast(struct match_scratch *scratch, struct list a, uint32_t n)
{
	struct list list = open_list(scratch);
	for (uint32_t i = 0; i + n <= a.count && !scratch->failed; i++) {
		struct interval window = *at(scratch, a, i);
		window.mark = (uint32_t)scratch->mark_count;
		window.mark_count = 0;
		for (uint32_t j = i; j < i + n; j++) {
			struct interval x = *at(scratch, a, j);
			copy_marks(scratch, &x, &window);
			window.last = x.last;
		}
		add_interval(scratch, &list, window);
	}
	return list;
}

/* A group that does not occur here, known without its hits. */
static bool is_absent(const struct match_scratch *scratch, const struct node *node)
{
	uint32_t slot = node->kind == NODE_GROUP ? scratch->rules->group_slots[node->group->id] : 0;
	return slot && scratch->group_sentence == scratch->sentence + 1 && !groups_has(scratch, slot);
}

static struct list eval_both(struct match_scratch *scratch, const struct node *node)
{
	bool both = node->kind == NODE_AND || node->kind == NODE_NEAR || node->kind == NODE_ONEAR;
	if (both && is_absent(scratch, node->right))
		return nothing;
	struct list a = eval_node(scratch, node->left);
	if (node->kind != NODE_OR && !eval_holds(a))
		return nothing;
	struct list b = eval_node(scratch, node->right);
	switch (node->kind) {
	case NODE_OR:
		return eval_or(scratch, a, b);
	case NODE_AND:
		return eval_and(scratch, a, b);
	case NODE_NEAR:
	case NODE_ONEAR:
		return eval_near(scratch, a, b, node->n, node->kind == NODE_ONEAR);
	default:
		return eval_not_near(scratch, a, b, node->n, node->kind == NODE_NOT_ONEAR);
	}
}

static struct list eval_node(struct match_scratch *scratch, const struct node *node)
{
	const struct sentence *sentence = &scratch->text.sentences[scratch->sentence];
	if (scratch->failed)
		return nothing;
	switch (node->kind) {
	case NODE_GROUP:
		return eval_group(scratch, node->group);
	case NODE_NOT:
		return eval_not(scratch, node);
	case NODE_SENTENCE:
		return eval_node(scratch, node->left);
	case NODE_ATLEAST:
		return eval_atleast(scratch, eval_node(scratch, node->left), node->n);
	case NODE_TITLE:
		return sentence->title ? eval_node(scratch, node->left) : nothing;
	case NODE_LEAD:
		return sentence->lead ? eval_node(scratch, node->left) : nothing;
	case NODE_LANG:
		return (struct list){0, 0, base_span_is(base_span_of(node->lang), scratch->language)};
	case NODE_SOURCE:
		return (struct list){0, 0, source_is(scratch->input, node->source)};
	default:
		return eval_both(scratch, node);
	}
}

struct list eval_sentence(struct match_scratch *scratch, const struct node *node, uint32_t sentence)
{
	scratch->sentence = sentence;
	return eval_node(scratch, node);
}

/* ---- whole items ------------------------------------------------------------------- */

static bool group_occurs(struct match_scratch *scratch, const struct group *group)
{
	struct state *state = &scratch->group_seen[group->id];
	if (state->stamp != scratch->item) {
		bool found = false;
		for (size_t i = 0; i < scratch->hit_count && !found; i++)
			found = eval_hit_counts(scratch, group, &scratch->hits[i]);
		*state = (struct state){scratch->item, found};
	}
	return state->value;
}

/* Counts the places of node over all sentences that have hits, up to enough. */
static uint32_t count_places(struct match_scratch *scratch, const struct node *node, uint32_t enough)
{
	uint32_t count = 0;
	for (uint32_t s = 0; s < scratch->text.sentence_count && count < enough && !scratch->failed; s++) {
		if (scratch->sentence_hits[s] == scratch->sentence_hits[s + 1])
			continue;
		eval_reset(scratch);
		struct list list = eval_sentence(scratch, node, s);
		count += list.count + (list.always ? 1 : 0);
	}
	return count;
}

/* False if the expression holds in no sentence, by its groups alone: that spares most walks over all sentences. */
static bool item_may_hold(struct match_scratch *scratch, const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return group_occurs(scratch, node->group);
	case NODE_AND:
	case NODE_NEAR:
	case NODE_ONEAR:
		return item_may_hold(scratch, node->left) && item_may_hold(scratch, node->right);
	case NODE_OR:
		return item_may_hold(scratch, node->left) || item_may_hold(scratch, node->right);
	case NODE_LANG:
	case NODE_SOURCE:
		return true;
	default:
		return !node->left || item_may_hold(scratch, node->left);
	}
}

/* Asked once an item: rules share the sets that they rule out, so two of three questions are repeats. */
static bool holds_somewhere(struct match_scratch *scratch, const struct node *node)
{
	struct answer *answer = &scratch->answers[((uintptr_t)node / sizeof *node) % ANSWERS];
	if (answer->node == node && answer->stamp == scratch->item)
		return answer->holds;
	uint32_t wanted = node->kind == NODE_ATLEAST ? node->n : 1;
	const struct node *counted = node->kind == NODE_ATLEAST ? node->left : node;
	bool holds = item_may_hold(scratch, node) && count_places(scratch, counted, wanted) >= wanted;
	if (!scratch->failed)
		*answer = (struct answer){node, scratch->item, holds};
	return holds;
}

bool eval_item(struct match_scratch *scratch, const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return group_occurs(scratch, node->group);
	case NODE_AND:
		return eval_item(scratch, node->left) && eval_item(scratch, node->right);
	case NODE_OR:
		return eval_item(scratch, node->left) || eval_item(scratch, node->right);
	case NODE_NOT:
		return (!node->left || eval_item(scratch, node->left)) && !eval_item(scratch, node->right);
	case NODE_LANG:
		return base_span_is(base_span_of(node->lang), scratch->language);
	case NODE_SOURCE:
		return source_is(scratch->input, node->source);
	default:
		return holds_somewhere(scratch, node);
	}
}
