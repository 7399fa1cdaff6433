/*
 * How many and how much: numbers beside systems, things and currencies. A
 * number that is a bound ("up to 20"), half of a range or of a name (F-16) or
 * that can be read in two ways is left out.
 */
#include <string.h>

#include "details.h"

#define AMOUNT_MAX UINT64_C(1000000000000000) /* beyond this somebody jests */
#define MULTIPLIER_MIN 1000
#define SIGN_ROOM 8

struct number {
	uint32_t first, end; /* tokens, end exclusive */
	uint64_t value;      /* without decimals: value / scale */
	uint64_t scale;
	uint64_t times; /* "million"; 1 if there is none */
};

static const struct token *token_at(const struct view *view, uint32_t token)
{
	return &view->scratch->text.tokens[token];
}

/* "1200", "1.5": at most 15 digits. */
static bool read_digits(struct base_span folded, struct number *number)
{
	number->value = 0;
	number->scale = 1;
	bool decimals = false;
	for (size_t i = 0; i < folded.len; i++) {
		if (folded.ptr[i] == '.') {
			decimals = true;
			continue;
		}
		if (number->value >= AMOUNT_MAX || number->scale >= AMOUNT_MAX)
			return false;
		number->value = number->value * 10 + (uint64_t)(folded.ptr[i] - '0');
		if (decimals)
			number->scale *= 10;
	}
	return folded.len > 0;
}

static uint64_t value_at(const struct view *view, uint32_t token, uint32_t *last)
{
	uint32_t entity = token < view->end ? view_entity_at(view, GROUP_NUMBERS, token, last) : LEXICON_NONE;
	return entity == LEXICON_NONE ? 0 : view->scratch->rules->entities[entity].value;
}

/* A number in digits or words at token, with its "million". */
static bool read_number(const struct view *view, uint32_t token, struct number *number)
{
	const struct token *at = token_at(view, token);
	uint32_t last = token;
	if (at->flags & (TOKEN_HYPHEN | TOKEN_DIGIT | TOKEN_UNSURE | TOKEN_LONG))
		return false;
	*number = (struct number){.first = token, .scale = 1, .times = 1};
	if (at->flags & TOKEN_NUMBER) {
		if (!read_digits(text_folded(&view->scratch->text, at), number))
			return false;
	} else {
		number->value = value_at(view, token, &last);
		if (number->value == 0 || number->value >= MULTIPLIER_MIN)
			return false;
	}
	number->end = last + 1;
	uint64_t times = view_breaks(view, number->end) ? 0 : value_at(view, number->end, &last);
	if (times >= MULTIPLIER_MIN) {
		number->times = times;
		number->end = last + 1;
	}
	return true;
}

/* The whole number that it is, or 0. */
static uint64_t whole(const struct number *number)
{
	if (number->value > AMOUNT_MAX / number->times)
		return 0;
	uint64_t product = number->value * number->times;
	return product % number->scale == 0 ? product / number->scale : 0;
}

static bool is_number(const struct view *view, uint32_t token)
{
	uint32_t last;
	return token_at(view, token)->flags & TOKEN_NUMBER || value_at(view, token, &last) > 0;
}

/* Half of a range or a bound. */
static bool is_inexact(const struct view *view, const struct number *number)
{
	const struct node *ranges = view->details->words[DETAIL_RANGES], *bounds = view->details->words[DETAIL_BOUNDS];
	uint32_t edge;
	if (view_words_before(view, bounds, number->first, &edge))
		return true;
	if (view_words_before(view, ranges, number->first, &edge) && edge > view->first && is_number(view, edge - 1))
		return true;
	return number->end < view->end && view_words_at(view, ranges, number->end, &edge) && edge + 1 < view->end &&
	       is_number(view, edge + 1);
}

static bool is_one_clause(struct view *view, uint32_t from, uint32_t to)
{
	uint32_t last;
	for (; from < to; from++, view->budget--)
		if (view->budget == 0 || view_words_at(view, view->details->words[DETAIL_CLAUSES], from, &last))
			return false;
	return true;
}

/*
 * Whether the tokens from first to before end stand in one clause with a
 * marked word besides them: no word between starts another statement.
 */
static bool belongs(struct view *view, uint32_t first, uint32_t end)
{
	bool others = false;
	for (size_t i = 0; i < view->mark_count; i++) {
		const struct hit *hit = &view->scratch->hits[view->marks[i]];
		if (hit->first < end && hit->last >= first)
			continue;
		others = true;
		if (hit->last < first ? is_one_clause(view, hit->last + 1, first) : is_one_clause(view, end, hit->first))
			return true;
	}
	return !others;
}

/* ---- money ---------------------------------------------------------------------------- */

/* The bytes around tokens; empty beyond the sentence. */
static struct base_span bytes_before(const struct view *view, uint32_t token)
{
	const struct text *text = &view->scratch->text;
	struct base_span field = text->fields[token_at(view, token)->flags & TOKEN_TITLE ? 0 : 1];
	size_t end = token_at(view, token)->start, start = end > SIGN_ROOM + 2 ? end - SIGN_ROOM - 2 : 0;
	return (struct base_span){field.ptr + start, end - start};
}

static struct base_span bytes_after(const struct view *view, uint32_t token)
{
	const struct text *text = &view->scratch->text;
	struct base_span field = text->fields[token_at(view, token)->flags & TOKEN_TITLE ? 0 : 1];
	size_t start = token_at(view, token)->end, end = start + SIGN_ROOM + 2 < field.len ? start + SIGN_ROOM + 2 : field.len;
	return (struct base_span){field.ptr + start, end - start};
}

static struct base_span without_space(struct base_span bytes, bool at_end)
{
	struct base_span trimmed = base_span_trim(bytes);
	while (trimmed.len >= 2 && memcmp(at_end ? trimmed.ptr + trimmed.len - 2 : trimmed.ptr, "\xC2\xA0", 2) == 0) {
		trimmed.ptr += at_end ? 0 : 2;
		trimmed.len -= 2;
	}
	return trimmed;
}

static bool is_plain_before(struct base_span rest)
{
	unsigned char c = rest.len ? (unsigned char)rest.ptr[rest.len - 1] : ' ';
	return c == ' ' || c == '\n' || c == '(' || c == '"' || c == '\t' || c == 0xA0;
}

/* The currency whose sign stands right before the number: the longest, and no letter joined to it. */
static uint32_t sign_before(const struct view *view, const struct number *number, bool *strange)
{
	struct base_span bytes = without_space(bytes_before(view, number->first), true);
	size_t best = 0;
	uint32_t found = LEXICON_NONE;
	for (size_t i = 0; i < view->details->sign_count; i++) {
		const struct sign *sign = &view->details->signs[i];
		if (sign->text.len <= bytes.len && sign->text.len > best &&
		    memcmp(bytes.ptr + bytes.len - sign->text.len, sign->text.ptr, sign->text.len) == 0) {
			best = sign->text.len;
			found = sign->entity;
		}
	}
	*strange = best > 0 && !is_plain_before((struct base_span){bytes.ptr, bytes.len - best});
	return found;
}

static uint32_t sign_after(const struct view *view, const struct number *number)
{
	struct base_span bytes = without_space(bytes_after(view, number->end - 1), false);
	for (size_t i = 0; i < view->details->sign_count; i++) {
		struct base_span sign = view->details->signs[i].text;
		if (sign.len <= bytes.len && memcmp(bytes.ptr, sign.ptr, sign.len) == 0)
			return view->details->signs[i].entity;
	}
	return LEXICON_NONE;
}

/* True if the number is money, plain or not. */
static bool read_money(const struct view *view, const struct number *number, uint32_t *end, uint32_t *currency)
{
	uint32_t last;
	bool strange;
	uint32_t before = sign_before(view, number, &strange), after = LEXICON_NONE;
	*end = number->end;
	if (!view_breaks(view, number->end))
		after = view_entity_at(view, GROUP_CURRENCIES, number->end, &last);
	if (after != LEXICON_NONE)
		*end = last + 1;
	else if (before == LEXICON_NONE)
		after = sign_after(view, number);
	*currency = before == LEXICON_NONE ? after : before;
	bool money = *currency != LEXICON_NONE;
	if (strange || (before != LEXICON_NONE && after != LEXICON_NONE && before != after))
		*currency = LEXICON_NONE;
	return money;
}

static bool joins_next(const struct view *view, uint32_t end)
{
	struct base_span bytes = bytes_after(view, end - 1);
	return bytes.len > 1 && (bytes.ptr[0] == '-' || (bytes.len > 3 && memcmp(bytes.ptr, "\xE2\x80\x93", 3) == 0)) &&
	       end < view->end && is_number(view, end);
}

static void add_money(struct details_found *found, const struct view *view, uint64_t amount, uint32_t currency)
{
	struct match_money money = {.amount = amount};
	memcpy(money.currency, view->scratch->rules->entities[currency].name, 3);
	for (size_t i = 0; i < found->money_count; i++)
		if (found->money[i].amount == amount && memcmp(found->money[i].currency, money.currency, 4) == 0)
			return;
	if (found->money_count < DETAIL_AMOUNTS_MAX)
		found->money[found->money_count++] = money;
}

/* ---- quantities ------------------------------------------------------------------------- */

static uint32_t system_at(const struct view *view, uint32_t token, uint32_t *last)
{
	const struct match_scratch *scratch = view->scratch;
	for (size_t i = view->mention; i < view->mention_end; i++) {
		const struct hit *hit = &scratch->hits[scratch->mentions[i].hit];
		uint32_t entity = scratch->mentions[i].entity;
		if (hit->first == token && scratch->rules->entities[entity].of == GROUP_SYSTEMS) {
			*last = hit->last;
			return entity;
		}
	}
	return LEXICON_NONE;
}

/*
 * What is counted, from token on: units and actors ("more", "American",
 * "batteries of"), things and one system in a row, whole at its end. The
 * system is named if there is one, else the last thing.
 */
static uint32_t read_counted(const struct view *view, uint32_t token, uint32_t *end)
{
	uint32_t system = LEXICON_NONE, thing = LEXICON_NONE, last;
	while (token < view->end && (token == *end || !view_breaks(view, token))) {
		uint32_t entity = system_at(view, token, &last);
		const struct actor *actor = view_actor(view, token);
		if (entity != LEXICON_NONE) {
			if (system != LEXICON_NONE && system != entity)
				return LEXICON_NONE;
			system = entity;
		} else if ((entity = view_entity_at(view, GROUP_THINGS, token, &last)) != LEXICON_NONE) {
			thing = entity;
		} else if (actor && system == LEXICON_NONE && thing == LEXICON_NONE) {
			last = actor->last;
		} else if (!view_words_at(view, view->details->words[DETAIL_UNITS], token, &last)) {
			break;
		}
		token = last + 1;
	}
	*end = token;
	if (!view_ends(view, token))
		return LEXICON_NONE;
	return system != LEXICON_NONE ? system : thing;
}

static bool is_inside_system(const struct view *view, uint32_t token)
{
	const struct match_scratch *scratch = view->scratch;
	for (size_t i = view->mention; i < view->mention_end; i++) {
		const struct hit *hit = &scratch->hits[scratch->mentions[i].hit];
		if (hit->first <= token && token <= hit->last)
			return true;
	}
	return false;
}

/* A year, or a number that a longer name joins ("155mm"). */
static bool may_count(const struct view *view, const struct number *number)
{
	struct base_span written = text_original(&view->scratch->text, token_at(view, number->first));
	bool year = written.len == 4 && number->value >= 1900 && number->value <= 2100 && number->times == 1;
	bool joined = number->end < view->end && token_at(view, number->end)->flags & TOKEN_JOINED;
	return !year && !joined && !is_inside_system(view, number->first);
}

static void add_quantity(struct details_found *found, const struct view *view, uint64_t count, uint32_t entity)
{
	struct match_quantity quantity = {count, base_span_of(view->scratch->rules->entities[entity].name)};
	for (size_t i = 0; i < found->quantity_count; i++)
		if (found->quantities[i].count == count && base_span_equal(found->quantities[i].of, quantity.of))
			return;
	if (found->quantity_count < DETAIL_AMOUNTS_MAX)
		found->quantities[found->quantity_count++] = quantity;
}

/* ---- a sentence ------------------------------------------------------------------------- */

/* Reads the number at token and what it counts; returns the token to go on with. */
static uint32_t read_amount(struct view *view, uint32_t token, struct details_found *found)
{
	struct number number;
	uint32_t end, currency;
	if (!read_number(view, token, &number))
		return token + 1;
	uint64_t value = whole(&number);
	bool exact = value > 0 && !is_inexact(view, &number);
	if (read_money(view, &number, &end, &currency)) {
		if (exact && currency != LEXICON_NONE && !joins_next(view, number.end) && belongs(view, token, end))
			add_money(found, view, value, currency);
		return end;
	}
	if (!may_count(view, &number))
		return number.end;
	end = number.end;
	uint32_t entity = view_breaks(view, end) ? LEXICON_NONE : read_counted(view, end, &end);
	if (exact && entity != LEXICON_NONE && belongs(view, token, end))
		add_quantity(found, view, value, entity);
	return number.end;
}

void amounts_read(struct view *view, struct details_found *found)
{
	for (uint32_t token = view->first; token < view->end;)
		token = read_amount(view, token, found);
}
