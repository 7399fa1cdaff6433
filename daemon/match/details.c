/* Looks at the evidence of an event for who gives what to whom, and puts it into the event. */
#include "details.h"

#include <string.h>

#define BUDGET 20000 /* a plain sentence needs some hundreds */

/* Asked for each word of each pattern: looked up, for a search each time took half of what roles cost. */
static void index_hits(struct view *view)
{
	uint32_t hit = view->scratch->sentence_hits[view->sentence], end = view->scratch->sentence_hits[view->sentence + 1];
	for (uint32_t token = view->first; token <= view->end; token++) {
		while (hit < end && view->scratch->hits[hit].first < token)
			hit++;
		view->hit_at[token - view->first] = hit;
	}
}

/* The first hit of the sentence that starts at token or later. */
static uint32_t first_hit(const struct view *view, uint32_t token)
{
	return view->hit_at[(token < view->end ? token : view->end) - view->first];
}

static bool is_hit_at(const struct view *view, uint32_t hit, uint32_t token)
{
	return hit < view->scratch->sentence_hits[view->sentence + 1] && view->scratch->hits[hit].first == token;
}

static bool words_count(const struct match_scratch *scratch, const struct node *words, const struct hit *hit)
{
	if (words->kind == NODE_OR)
		return words_count(scratch, words->left, hit) || words_count(scratch, words->right, hit);
	return eval_hit_counts(scratch, words->group, hit);
}

bool view_words_at(const struct view *view, const struct node *words, uint32_t token, uint32_t *last)
{
	bool found = false;
	for (uint32_t i = first_hit(view, token); words && is_hit_at(view, i, token); i++) {
		const struct hit *hit = &view->scratch->hits[i];
		if ((!found || hit->last > *last) && words_count(view->scratch, words, hit)) {
			*last = hit->last;
			found = true;
		}
	}
	return found;
}

bool view_words_before(const struct view *view, const struct node *words, uint32_t token, uint32_t *first)
{
	uint32_t last;
	for (uint32_t back = 1; back <= 4 && token >= view->first + back; back++) {
		if (view_words_at(view, words, token - back, &last) && last + 1 == token) {
			*first = token - back;
			return true;
		}
	}
	return false;
}

uint32_t view_entity_at(const struct view *view, enum group_of of, uint32_t token, uint32_t *last)
{
	const struct match_rules *rules = view->scratch->rules;
	uint32_t found = LEXICON_NONE;
	for (uint32_t i = first_hit(view, token); is_hit_at(view, i, token); i++) {
		const struct hit *hit = &view->scratch->hits[i];
		for (uint32_t a = rules->heads[hit->term].alias; a != LEXICON_NONE; a = rules->aliases[a].next) {
			if (rules->entities[rules->aliases[a].entity].of != of || (found != LEXICON_NONE && hit->last <= *last))
				continue;
			found = rules->aliases[a].entity;
			*last = hit->last;
		}
	}
	return found;
}

bool view_is_marked(const struct view *view, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < view->mark_count; i++) {
		const struct hit *hit = &view->scratch->hits[view->marks[i]];
		if (hit->first <= last && hit->last >= first)
			return true;
	}
	return false;
}

bool view_breaks(const struct view *view, uint32_t token)
{
	return token >= view->end || view->scratch->text.tokens[token].flags & TOKEN_BREAK;
}

bool view_ends(const struct view *view, uint32_t token)
{
	uint32_t last;
	return view_breaks(view, token) || view->scratch->text.tokens[token].flags & TOKEN_NUMBER ||
	       view_entity_at(view, GROUP_NUMBERS, token, &last) != LEXICON_NONE ||
	       view_words_at(view, view->details->words[DETAIL_ENDS], token, &last) ||
	       view_words_at(view, view->details->words[DETAIL_CLAUSES], token, &last) ||
	       view_words_at(view, view->details->words[DETAIL_JOINS], token, &last);
}

/* ---- actors --------------------------------------------------------------------- */

const struct actor *view_actor(const struct view *view, uint32_t token)
{
	for (size_t i = 0; i < view->actor_count; i++)
		if (view->actors[i].first <= token && token <= view->actors[i].last)
			return &view->actors[i];
	return NULL;
}

static bool add_actor(struct view *view, const struct mention *mention)
{
	const struct hit *hit = &view->scratch->hits[mention->hit];
	struct actor *last = view->actor_count ? &view->actors[view->actor_count - 1] : NULL;
	if (last && last->first == hit->first) {
		if (last->entity != mention->entity)
			last->entity = LEXICON_NONE;
		return true;
	}
	if (last && last->entity == mention->entity && last->last + 1 == hit->first && !view_breaks(view, hit->first)) {
		last->last = hit->last; /* "US Defense Department" */
		return true;
	}
	if (view->actor_count == DETAIL_ACTORS_MAX)
		return false;
	bool part = hit->flags & (HIT_PART_LEFT | HIT_PART_RIGHT);
	view->actors[view->actor_count++] =
	    (struct actor){.first = hit->first, .last = hit->last, .entity = mention->entity, .part = part};
	return true;
}

/* The sentence's actors; mentions are in the order of their hits. False if there are too many. */
static bool find_actors(struct view *view)
{
	const struct match_scratch *scratch = view->scratch;
	uint32_t from = scratch->sentence_hits[view->sentence], to = scratch->sentence_hits[view->sentence + 1];
	size_t low = 0, high = scratch->mention_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (scratch->mentions[middle].hit < from)
			low = middle + 1;
		else
			high = middle;
	}
	view->mention = low;
	for (; low < scratch->mention_count && scratch->mentions[low].hit < to; low++)
		if (scratch->rules->entities[scratch->mentions[low].entity].of == GROUP_ACTORS &&
		    !add_actor(view, &scratch->mentions[low]))
			return false;
	view->mention_end = low;
	return true;
}

/* ---- an event's details ------------------------------------------------------------- */

void details_add(struct match_scratch *scratch, uint32_t sentence, const uint32_t *marks, size_t mark_count,
                 struct details_found *found)
{
	struct view view = {
	    .scratch = scratch,
	    .details = &scratch->rules->details,
	    .sentence = sentence,
	    .first = scratch->text.sentences[sentence].first,
	    .end = scratch->text.sentences[sentence].last,
	    .marks = marks,
	    .mark_count = mark_count,
	    .budget = BUDGET,
	};
	if (!find_actors(&view))
		return;
	index_hits(&view);
	struct cast said[ROLE_COUNT] = {{.count = 0}, {.count = 0}};
	roles_read(&view, said);
	for (size_t r = 0; r < ROLE_COUNT; r++)
		if (!found->roles[r].count && !found->roles[r].torn)
			found->roles[r] = said[r];
	amounts_read(&view, found);
}

static enum base_result put_role(struct match_scratch *scratch, const struct cast *cast, const struct base_span **out,
                                 size_t *count)
{
	if (cast->torn || cast->count == 0)
		return BASE_OK;
	struct base_span *names = base_arena_alloc(scratch->arena, cast->count * sizeof *names);
	if (!names)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < cast->count; i++)
		names[i] = base_span_of(scratch->rules->entities[cast->entities[i]].name);
	*out = names;
	*count = cast->count;
	return BASE_OK;
}

/* Nobody supplies himself: then one of the two was misread. */
static bool shares_somebody(const struct cast *a, const struct cast *b)
{
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++)
			if (a->entities[i] == b->entities[j])
				return true;
	return false;
}

static enum base_result put_amounts(struct match_scratch *scratch, const struct details_found *found,
                                    struct match_event *event)
{
	struct match_quantity *quantities =
	    base_arena_alloc(scratch->arena, (found->quantity_count + 1) * sizeof *quantities);
	struct match_money *money = base_arena_alloc(scratch->arena, (found->money_count + 1) * sizeof *money);
	if (!quantities || !money)
		return BASE_NO_MEMORY;
	memcpy(quantities, found->quantities, found->quantity_count * sizeof *quantities);
	memcpy(money, found->money, found->money_count * sizeof *money);
	event->quantities = quantities;
	event->quantity_count = found->quantity_count;
	event->money = money;
	event->money_count = found->money_count;
	return BASE_OK;
}

enum base_result details_put(struct match_scratch *scratch, const struct details_found *found,
                             struct match_event *event)
{
	const struct cast *supplier = &found->roles[ROLE_SUPPLIER], *recipient = &found->roles[ROLE_RECIPIENT];
	enum base_result result = BASE_OK;
	if (!shares_somebody(supplier, recipient)) {
		result = put_role(scratch, supplier, &event->supplier, &event->supplier_count);
		if (!result)
			result = put_role(scratch, recipient, &event->recipient, &event->recipient_count);
	}
	return result ? result : put_amounts(scratch, found, event);
}
