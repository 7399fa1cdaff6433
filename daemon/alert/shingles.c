/*
 * From an alert and its text to a sketch. Two texts tell the same story when
 * they share 3-word shingles (Broder 1997); hashes that are 0 modulo 4 are
 * a fair sample of them. Short texts have too few and are known by their words.
 */
#include "record.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_WORDS_MAX 6000 /* of a text that are read */
#define LEAD_WORDS 80       /* title and beginning, whose words and numbers count */
#define SAME_TITLE_WORDS 6  /* a shorter title is no name for a story */

/* A set being gathered, in a fixed room. */
struct gathered {
	uint64_t hashes[SKETCH_MEMBERS_MAX];
	size_t count;
};

static void gather(struct gathered *set, uint64_t hash)
{
	if (set->count < SKETCH_MEMBERS_MAX)
		set->hashes[set->count++] = hash;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return x < y ? -1 : x > y;
}

/* Sort, drop repeats, copy into the alert's memory, empty the gathering. */
static enum base_result keep(struct alert *alert, struct gathered *set, enum sketch_set which)
{
	size_t kept = 0;
	qsort(set->hashes, set->count, sizeof *set->hashes, ascending);
	for (size_t i = 0; i < set->count; i++)
		if (!i || set->hashes[i] != set->hashes[i - 1])
			set->hashes[kept++] = set->hashes[i];
	set->count = 0;
	if (!kept)
		return BASE_OK;
	uint64_t *copy = base_arena_alloc(alert->arena, kept * sizeof *copy);
	if (!copy)
		return BASE_NO_MEMORY;
	memcpy(copy, set->hashes, kept * sizeof *copy);
	alert->sketch.sets[which] = (struct sketch_list){copy, kept};
	return BASE_OK;
}

static uint64_t hash_parts(struct base_span first, struct base_span second)
{
	uint64_t parts[2] = {words_hash(first.ptr, first.len), words_hash(second.ptr, second.len)};
	return words_hash(parts, sizeof parts);
}

/* ---- what the text says ------------------------------------------------------ */

static enum base_result keep_shingles(struct alert *alert, struct base_span text, struct gathered *set)
{
	struct words words = words_of(text);
	struct word word;
	uint64_t last[3] = {0, 0, 0};
	size_t count = 0;

	while (count < TEXT_WORDS_MAX && words_next(&words, &word)) {
		last[0] = last[1];
		last[1] = last[2];
		last[2] = word.hash;
		if (++count < 3)
			continue;
		uint64_t shingle = words_hash(last, sizeof last);
		if (shingle % 4 == 0)
			gather(set, shingle);
	}
	alert->sketch.is_long = count >= SKETCH_LONG_TEXT;
	if (!alert->sketch.is_long)
		set->count = 0;
	return keep(alert, set, SKETCH_SHINGLES);
}

/* A number that tells events apart: two digits and more, and not a year. */
static bool is_telling(uint64_t number)
{
	return number >= 10 && !(number >= 1900 && number <= 2100);
}

static enum base_result keep_lead(struct alert *alert, struct base_span text, struct gathered *set)
{
	const struct base_span parts[2] = {alert->title, text};
	struct gathered numbers = {.count = 0};
	size_t count = 0;

	for (size_t part = 0; part < 2; part++) {
		struct words words = words_of(parts[part]);
		struct word word;
		while (count < LEAD_WORDS && words_next(&words, &word)) {
			count++;
			if (!words_is_common(&word))
				gather(set, word.hash);
			if (is_telling(word.number))
				gather(&numbers, words_hash(&word.number, sizeof word.number));
		}
	}
	enum base_result result = keep(alert, set, SKETCH_WORDS);
	return result ? result : keep(alert, &numbers, SKETCH_NUMBERS);
}

/* ---- what the rules found ------------------------------------------------------ */

static void gather_names(struct gathered *set, const char *role, const struct alert_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		gather(set, hash_parts(base_span_of(role), names->items[i]));
}

static enum base_result keep_findings(struct alert *alert, struct gathered *set)
{
	gather_names(set, "system", &alert->systems);
	enum base_result result = keep(alert, set, SKETCH_SYSTEMS);
	if (result)
		return result;
	gather_names(set, "supplier", &alert->supplier);
	gather_names(set, "recipient", &alert->recipient);
	result = keep(alert, set, SKETCH_PARTIES);
	if (result)
		return result;
	for (size_t i = 0; i < alert->money_count; i++) {
		char amount[32];
		(void)snprintf(amount, sizeof amount, "%" PRIu64 " %.3s", alert->money[i].amount, alert->money[i].currency);
		gather(set, hash_parts(base_span_of("amount"), base_span_of(amount)));
	}
	return keep(alert, set, SKETCH_AMOUNTS);
}

/* ---- what makes it the same report ---------------------------------------------- */

/* A parameter that only says where a reader came from. */
static bool is_tracking(struct base_span parameter)
{
	static const char *const names[] = {
		"utm_", "fbclid=", "gclid=", "at_medium=", "at_campaign=", "cmpid=", "ref=", "rss="};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (base_span_starts(parameter, names[i]))
			return true;
	return false;
}

/* The link without scheme, "www.", fragment and tracking parameters. 0: a front page, which names no report. */
static uint64_t link_hash(struct base_span link)
{
	const char *end = link.ptr + link.len, *at = memchr(link.ptr, '#', link.len);
	if (at)
		end = at;
	at = link.ptr;
	for (const char *p = at; p + 2 < end; p++)
		if (p[0] == ':' && p[1] == '/' && p[2] == '/') {
			at = p + 3;
			break;
		}
	if (end - at > 4 && !memcmp(at, "www.", 4))
		at += 4;
	const char *query = memchr(at, '?', (size_t)(end - at));
	const char *path_end = query ? query : end, *path = memchr(at, '/', (size_t)(path_end - at));
	bool names = path && path + 1 < path_end;
	uint64_t hash = words_hash(at, (size_t)(path_end - at));
	while (query && query < end) {
		const char *from = query + 1, *next = memchr(from, '&', (size_t)(end - from));
		struct base_span parameter = {from, (size_t)((next ? next : end) - from)};
		if (parameter.len && !is_tracking(parameter)) {
			uint64_t parts[2] = {hash, words_hash(parameter.ptr, parameter.len)};
			hash = words_hash(parts, sizeof parts);
			names = true;
		}
		query = next;
	}
	return names ? hash : 0;
}

static enum base_result keep_same(struct alert *alert, struct gathered *set)
{
	struct words words = words_of(alert->title);
	struct word word;
	uint64_t title = 0;
	size_t count = 0;

	gather(set, hash_parts(alert->feed_url, alert->item));
	uint64_t link = alert->link.len ? link_hash(alert->link) : 0;
	if (link)
		gather(set, link);
	while (words_next(&words, &word)) {
		uint64_t parts[2] = {title, word.hash};
		title = words_hash(parts, sizeof parts);
		count++;
	}
	if (count >= SAME_TITLE_WORDS)
		gather(set, title);
	return keep(alert, set, SKETCH_SAME);
}

enum base_result sketch_make(struct alert *alert, const struct alert_source *source)
{
	struct gathered *set = malloc(sizeof *set);
	if (!set)
		return BASE_NO_MEMORY;
	set->count = 0;
	alert->sketch.class = alert->class;
	alert->sketch.detected = alert->detected;
	alert->sketch.feed = words_hash(alert->feed_url.ptr, alert->feed_url.len);
	size_t language = strlen(alert->language);
	alert->sketch.language = language ? words_hash(alert->language, language) : 0;
	enum base_result result = keep_shingles(alert, source->text, set);
	if (!result)
		result = keep_lead(alert, source->text, set);
	if (!result)
		result = keep_findings(alert, set);
	if (!result)
		result = keep_same(alert, set);
	free(set);
	return result;
}
