/*
 * Who gives and who gets: tries the role patterns on a sentence. A pattern is
 * only believed where nothing stands between its steps but words that may, and
 * where it covers a word that the event's rules rest on.
 */
#include <string.h>

#include "details.h"

#define GAP_MAX 16 /* tokens that ".." spans */
#define SKIP_MAX 6 /* words that may stand between two steps */
#define BACK_MAX 4

struct attempt {
	struct view *view;
	const struct role_pattern *pattern;
	struct cast casts[ROLE_COUNT];
	uint32_t end; /* of what matched, exclusive */
};

static const struct node *words(const struct attempt *attempt, enum detail_words which)
{
	return attempt->view->details->words[which];
}

static bool has_name(const struct cast *cast, uint32_t entity)
{
	for (size_t i = 0; i < cast->count; i++)
		if (cast->entities[i] == entity)
			return true;
	return false;
}

static bool add_name(struct cast *cast, uint32_t entity)
{
	if (has_name(cast, entity))
		return true;
	if (cast->count == DETAIL_ROLE_MAX)
		return false;
	cast->entities[cast->count++] = entity;
	return true;
}

/* ---- actors ---------------------------------------------------------------------------- */

static const struct actor *actor_from(const struct view *view, uint32_t token)
{
	const struct actor *actor = token < view->end ? view_actor(view, token) : NULL;
	return actor && actor->first == token ? actor : NULL;
}

static bool is_possessive(const struct view *view, uint32_t token)
{
	const struct text *text = &view->scratch->text;
	return token < view->end && text->tokens[token].flags & TOKEN_APOSTROPHE &&
	       text_token_is(text, &text->tokens[token], "s");
}

/* Over "'s" and the words that belong to the actor; false: it owns something that is no body of it. */
static bool pass_body(const struct attempt *attempt, const struct actor *actor, uint32_t *at)
{
	const struct view *view = attempt->view;
	bool owns = is_possessive(view, actor->last), body = false;
	uint32_t last;
	*at = actor->last + 1;
	if (is_possessive(view, *at)) {
		owns = true;
		(*at)++;
	}
	while (!view_breaks(view, *at) && view_words_at(view, words(attempt, DETAIL_BODY), *at, &last)) {
		body = true;
		*at = last + 1;
	}
	return body || !owns;
}

/* "and", a comma or both between two actors of a list, and an article: moves to the next actor. */
static bool pass_join(const struct attempt *attempt, uint32_t *at)
{
	const struct view *view = attempt->view;
	uint32_t next = *at, last;
	if (next >= view->end)
		return false;
	bool joined = view_breaks(view, next);
	if (view_words_at(view, words(attempt, DETAIL_JOINS), next, &last)) {
		joined = true;
		next = last + 1;
	}
	if (!actor_from(view, next) && next < view->end && !view_breaks(view, next) &&
	    view_words_at(view, words(attempt, DETAIL_SKIP), next, &last))
		next = last + 1;
	if (!joined || !actor_from(view, next))
		return false;
	*at = next;
	return true;
}

static bool fits(const struct view *view, const struct role_step *step, const struct actor *actor)
{
	uint32_t last;
	return !actor->part && actor->entity != LEXICON_NONE &&
	       (!step->words || view_words_at(view, step->words, actor->first, &last));
}

/* A list of actors at *at, which moves behind it. */
static bool read_cast(const struct attempt *attempt, const struct role_step *step, uint32_t *at, struct cast *cast)
{
	const struct actor *actor = actor_from(attempt->view, *at);
	*cast = (struct cast){.count = 0};
	while (actor) {
		if (!fits(attempt->view, step, actor) || !add_name(cast, actor->entity) || !pass_body(attempt, actor, at))
			return false;
		actor = pass_join(attempt, at) ? actor_from(attempt->view, *at) : NULL;
	}
	return cast->count > 0;
}

/* Whether it may stand where the pattern names no word before it: no later member of a list, nor "in Germany". */
static bool may_start(const struct view *view, const struct actor *actor)
{
	const struct node *const *sets = view->details->words;
	uint32_t at = actor->first, first;
	if (view_breaks(view, at) && at > view->first && view_actor(view, at - 1))
		return false;
	for (int i = 0; i < BACK_MAX && view_words_before(view, sets[DETAIL_SKIP], at, &first); i++)
		at = first;
	if (view_words_before(view, sets[DETAIL_NOT_AFTER], at, &first))
		return false;
	return at == view->first || !view_words_before(view, sets[DETAIL_JOINS], at, &first) || first == view->first ||
	       !view_actor(view, first - 1);
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool match_from(struct attempt *attempt, size_t index, uint32_t at);

static bool is_gap(const struct attempt *attempt, size_t index)
{
	return index < attempt->pattern->count && attempt->pattern->steps[index].kind == STEP_GAP;
}

static bool match_words(struct attempt *attempt, size_t index, uint32_t at)
{
	const struct view *view = attempt->view;
	const struct node *wanted = attempt->pattern->steps[index].words;
	uint32_t last, end = at;
	while ((end == at || !view_breaks(view, end)) && view_words_at(view, wanted, end, &last)) /* one or more in a row */
		end = last + 1;
	if (end == at)
		return false;
	return match_from(attempt, index + 1, end);
}

static bool may_end(const struct attempt *attempt, uint32_t at)
{
	uint32_t last;
	return view_ends(attempt->view, at) &&
	       !view_words_at(attempt->view, words(attempt, DETAIL_NOT_BEFORE), at, &last);
}

static bool match_actor(struct attempt *attempt, size_t index, uint32_t at)
{
	const struct role_step *step = &attempt->pattern->steps[index];
	struct cast cast;
	bool free = index == 0 || is_gap(attempt, index - 1); /* no word of the pattern stands before */
	const struct actor *actor = actor_from(attempt->view, at);
	if (!actor || (free && !actor->starts) || !read_cast(attempt, step, &at, &cast))
		return false;
	bool last = index + 1 == attempt->pattern->count || is_gap(attempt, index + 1);
	if (last && !step->words && !may_end(attempt, at)) /* a case tells by itself that it is whole */
		return false;
	attempt->casts[step->kind == STEP_SUPPLIER ? ROLE_SUPPLIER : ROLE_RECIPIENT] = cast;
	return match_from(attempt, index + 1, at);
}

static bool match_gap(struct attempt *attempt, size_t index, uint32_t at)
{
	const struct view *view = attempt->view;
	uint32_t last;
	for (uint32_t i = 0; i <= GAP_MAX && at < view->end; i++, at++) {
		if (match_from(attempt, index + 1, at))
			return true;
		const struct actor *actor = view_actor(view, at);
		if ((actor && !actor->part) || view_words_at(view, words(attempt, DETAIL_CLAUSES), at, &last))
			return false;
	}
	return false;
}

static bool match_step(struct attempt *attempt, size_t index, uint32_t at)
{
	if (attempt->pattern->steps[index].kind == STEP_WORDS)
		return match_words(attempt, index, at);
	return match_actor(attempt, index, at);
}

/* The steps from index on, at `at` or behind words that may be skipped. */
static bool match_from(struct attempt *attempt, size_t index, uint32_t at)
{
	struct view *view = attempt->view;
	uint32_t last;
	if (index == attempt->pattern->count) {
		attempt->end = at;
		return true;
	}
	if (is_gap(attempt, index))
		return match_gap(attempt, index, at);
	bool after_gap = index == 0 || is_gap(attempt, index - 1);
	for (int skips = after_gap ? 0 : SKIP_MAX;; skips--) {
		if (view->budget == 0 || at >= view->end || (!after_gap && view_breaks(view, at)))
			return false;
		view->budget--;
		if (match_step(attempt, index, at))
			return true;
		if (skips == 0 || !view_words_at(view, words(attempt, DETAIL_SKIP), at, &last))
			return false;
		at = last + 1;
	}
}

/* ---- a sentence --------------------------------------------------------------------------- */

static bool same_cast(const struct cast *a, const struct cast *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = has_name(b, a->entities[i]);
	return same;
}

static void take(struct cast *out, const struct cast *read)
{
	if (read->count == 0)
		return;
	if (out->count == 0)
		*out = *read;
	else if (!same_cast(out, read))
		out->torn = true;
}

static void try_pattern(struct view *view, const struct role_pattern *pattern, uint32_t at, struct cast out[ROLE_COUNT])
{
	struct attempt attempt = {.view = view, .pattern = pattern};
	if (!match_from(&attempt, 0, at) || !view_is_marked(view, at, attempt.end - 1))
		return;
	for (size_t r = 0; r < ROLE_COUNT; r++)
		take(&out[r], &attempt.casts[r]);
}

/*
 * Where patterns that start with words are tried: at the tokens with a word
 * that some pattern starts with, one in ten of those at which a hit starts.
 * At the others the first step fails, which costs a step of the budget.
 */
struct starts {
	struct {
		uint32_t token, before; /* others before it */
	} items[SENTENCE_TOKENS_MAX + 1];
	size_t count; /* with a last one that has no token */
};

static void find_starts(const struct view *view, struct starts *starts)
{
	const struct match_scratch *scratch = view->scratch;
	uint32_t h = scratch->sentence_hits[view->sentence], end = scratch->sentence_hits[view->sentence + 1], others = 0;
	starts->count = 0;
	while (h < end) {
		uint32_t token = scratch->hits[h].first, flags = 0;
		for (; h < end && scratch->hits[h].first == token; h++)
			flags |= scratch->hits[h].flags;
		others++;
		if (flags & HIT_OPENS) {
			starts->items[starts->count].token = token;
			starts->items[starts->count++].before = others - 1;
			others = 0;
		}
	}
	starts->items[starts->count++].before = others;
}

/* Only where the pattern's first step can be: at actors, or at words that it may be. */
static void try_everywhere(struct view *view, const struct role_pattern *pattern, const struct starts *starts,
                           struct cast out[ROLE_COUNT])
{
	if (pattern->steps[0].kind != STEP_WORDS) {
		for (size_t i = 0; i < view->actor_count; i++)
			try_pattern(view, pattern, view->actors[i].first, out);
		return;
	}
	for (size_t i = 0; i < starts->count; i++) {
		view->budget -= starts->items[i].before < view->budget ? starts->items[i].before : view->budget;
		if (i + 1 < starts->count)
			try_pattern(view, pattern, starts->items[i].token, out);
	}
}

void roles_read(struct view *view, struct cast out[ROLE_COUNT])
{
	const struct details *details = view->details;
	struct starts starts;
	find_starts(view, &starts);
	for (size_t i = 0; i < view->actor_count; i++)
		view->actors[i].starts = may_start(view, &view->actors[i]);
	for (size_t p = 0; view->actor_count && p < details->pattern_count; p++)
		try_everywhere(view, &details->patterns[p], &starts, out);
	if (view->budget == 0) /* what was not tried might say otherwise */
		for (size_t r = 0; r < ROLE_COUNT; r++)
			out[r].torn = true;
}
