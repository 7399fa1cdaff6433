/*
 * How fast rules are loaded and items matched, at 1,000 and 10,000 terms. A
 * plain strstr of every term over the same items in the same run gives the
 * measure, so that numbers of different machines can be compared.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wirewatch/match.h"

#define ITEMS 400
#define ITEM_WORDS 500
#define WORDS 20000
#define TERMS_PER_SET 8

static uint32_t seed = 1;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed >> 4) * below) >> 28);
}

static double seconds(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char words[WORDS][16];

/* Words of two to five syllables; common ones are met often, as in a language. */
static void make_words(void)
{
	static const char *const syllables[] = {"ra", "ke", "mi", "sil", "to", "ve", "ap", "on", "ta", "ner", "du",
	                                        "li", "fen", "za", "cor", "ep", "ul", "sha", "ger", "ni", "бо", "ро"};
	for (size_t i = 0; i < WORDS; i++) {
		size_t count = 2 + next_random(4), len = 0;
		for (size_t s = 0; s < count && len < 12; s++) {
			const char *syllable = syllables[next_random(22)];
			memcpy(words[i] + len, syllable, strlen(syllable));
			len += strlen(syllable);
		}
	}
}

static const char *pick_word(void)
{
	uint32_t range = 20;
	while (range < WORDS && next_random(3))
		range *= 4;
	return words[next_random(range < WORDS ? range : WORDS)];
}

static void make_item(struct base_buf *item)
{
	for (size_t i = 0; i < ITEM_WORDS; i++)
		(void)base_buf_printf(item, "%s%s", pick_word(), i % 18 == 17 ? ". The " : " ");
}

/* Sets of eight terms, one of them a phrase and one a wildcard; a rule for each pair of sets. */
static void make_rules(size_t terms, struct base_buf *yaml, char (*list)[48])
{
	size_t sets = terms / TERMS_PER_SET, count = 0;
	(void)base_buf_add_text(yaml, "sets:\n");
	for (size_t s = 0; s < sets; s++) {
		(void)base_buf_printf(yaml, "  s%zu: [", s);
		for (size_t t = 0; t < TERMS_PER_SET; t++, count++) {
			const char *word = words[next_random(WORDS)];
			(void)snprintf(list[count], sizeof list[0], t == 1 ? "%s %s" : "%s", word, words[next_random(WORDS)]);
			(void)base_buf_printf(yaml, "%s'%s%s'", t ? ", " : "", list[count], t == 2 ? "*" : "");
		}
		(void)base_buf_add_text(yaml, "]\n");
	}
	(void)base_buf_add_text(yaml, "rules:\n");
	for (size_t s = 0; s + 1 < sets; s += 2)
		(void)base_buf_printf(yaml, "  - {name: r%zu, class: pause, when: $s%zu NEAR/10 $s%zu, guard: $s%u ONEAR/3 $s%zu}\n",
		                      s, s, s + 1, next_random((uint32_t)sets), s);
}

static size_t scan_plainly(const struct base_buf *items, char (*list)[48], size_t terms, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t t = 0; t < terms; t++)
			found += strstr(items[i].data, list[t]) != NULL;
	return found;
}

static size_t match_all(const struct match_rules *rules, struct match_scratch *scratch, const struct base_buf *items)
{
	size_t events = 0;
	for (size_t i = 0; i < ITEMS; i++) {
		const struct match_result *result;
		struct match_input input = {.text = base_buf_span(&items[i])};
		if (match_run(rules, scratch, &input, &result) == BASE_OK)
			events += result->event_count;
	}
	return events;
}

static int measure(size_t terms, const struct base_buf *items)
{
	struct base_buf yaml;
	struct base_problems *problems = NULL;
	struct match_rules *rules = NULL;
	struct match_scratch *scratch = NULL;
	char(*list)[48] = calloc(terms, sizeof *list);
	base_buf_init(&yaml, 16 << 20);
	int failed = 1;
	if (!list || base_problems_new(&problems))
		goto out;
	make_rules(terms, &yaml, list);
	struct match_source source = {"bench.yaml", base_buf_span(&yaml)};
	double start = seconds();
	if (match_rules_load(&source, 1, problems, &rules) || match_scratch_new(rules, &scratch))
		goto out;
	double loaded = seconds() - start, best = 1e9;
	size_t events = match_all(rules, scratch, items); /* warm */
	for (int round = 0; round < 5; round++) {
		start = seconds();
		(void)match_all(rules, scratch, items);
		double took = seconds() - start;
		best = took < best ? took : best;
	}
	size_t some = terms > 2000 ? ITEMS / 10 : ITEMS;
	start = seconds();
	size_t found = scan_plainly(items, list, terms, some);
	double plain = (seconds() - start) / (double)some, each = best / ITEMS;
	(void)printf("%6zu terms %6zu rules: load %.1f ms, %.0f items/s, %.1f MB/s, %zu events; strstr %.0f items/s "
	             "(%zu hits), ratio %.1f\n",
	             match_terms_count(rules), match_rules_count(rules), loaded * 1e3, 1 / each,
	             (double)items[0].len / each / 1e6, events, 1 / plain, found, plain / each);
	failed = 0;
out:
	if (failed)
		(void)fprintf(stderr, "match_bench: %s\n",
		              problems && base_problems_count(problems) ? base_problems_at(problems, 0) : "out of memory");
	match_scratch_free(scratch);
	match_rules_free(rules);
	base_problems_free(problems);
	base_buf_free(&yaml);
	free(list);
	return failed;
}

int main(void)
{
	static struct base_buf items[ITEMS];
	make_words();
	for (size_t i = 0; i < ITEMS; i++) {
		base_buf_init(&items[i], 1 << 20);
		make_item(&items[i]);
	}
	int failed = measure(1000, items);
	failed |= measure(10000, items);
	for (size_t i = 0; i < ITEMS; i++)
		base_buf_free(&items[i]);
	return failed;
}
