/*
 * How fast rules are loaded and items matched: the shipped rules, and made
 * ones of 10,000 terms. Items have 3 KB and one in twenty is about arms. The
 * measure is a bare pass over the same items in the same run that only folds
 * and cuts into tokens, so that figures of different machines compare.
 *
 *   match_bench [--json] [--smoke] [--runs N] [FOLDER OF RULES]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/match/text.h"
#include "figures.h"
#include "wirewatch/match.h"

#define ITEMS 400
#define ITEM_BYTES 3000
#define WORDS 20000
#define FILES_MAX 64

static uint32_t seed = 1;

static uint32_t next_random(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed >> 4) * below) >> 28);
}

/* Of this thread alone: others share the machine. */
static double seconds(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- texts ------------------------------------------------------------------------- */

static const char *const ordinary[] = {
    "The council voted on Tuesday to close two schools in the north of the city after years of falling numbers.",
    "Prices for bread and milk rose again in October, the statistics office said, while fuel became a little cheaper.",
    "\"We did not expect so many visitors,\" said the director of the museum, which opened its new wing last week.",
    "A storm has left about 20,000 homes without power along the coast; repairs may take until Friday.",
    "The striker, who scored twice in the first half, is to miss the next three games because of an injury.",
    "Shares of the company fell by 4.5 percent after it had cut its forecast for the third quarter.",
    "Researchers in Geneva say they have found a way to make batteries last longer, but much work remains.",
    "Міська рада у вівторок вирішила закрити дві школи на півночі міста, бо дітей там стало менше.",
    "Ціни на хліб і молоко знову зросли, повідомили у відомстві статистики, а пальне трохи подешевшало.",
    "У п'ятницю очікується сильний вітер; мешканців просять не залишати автомобілі під деревами.",
    "Городской совет во вторник решил закрыть две школы на севере города, где детей становится меньше.",
    "Цены на хлеб и молоко снова выросли, сообщило ведомство, а топливо немного подешевело.",
    "Der Stadtrat hat am Dienstag beschlossen, zwei Schulen im Norden der Stadt zu schließen.",
    "Die Preise für Brot und Milch sind im Oktober erneut gestiegen, teilte das Statistikamt mit.",
    "Le conseil municipal a décidé mardi de fermer deux écoles dans le nord de la ville.",
    "Les prix du pain et du lait ont encore augmenté en octobre, selon l'institut de la statistique.",
    "Rada miasta zdecydowała we wtorek o zamknięciu dwóch szkół na północy miasta.",
    "Ceny chleba i mleka znów wzrosły w październiku, podał urząd statystyczny.",
};

static const char *const martial[] = {
    "The United States has halted deliveries of Patriot missiles to Ukraine, officials said on Wednesday.",
    "Germany will send 18 more Leopard 2 tanks and ammunition worth 250 million euros, the defence ministry said.",
    "Kyiv asked its allies for air defence systems and F-16 spare parts, but did not receive an answer.",
    "Норвегія передала Україні шість винищувачів F-16 і ракети до них, повідомило міністерство оборони.",
    "Польща призупинила постачання снарядів, але не відмовляється від обіцяних танків.",
    "Deutschland liefert weitere IRIS-T-Systeme und Munition an die Ukraine.",
    "La France suspend la livraison de missiles Aster, selon le ministère des Armées.",
    "Россия поставила Индии комплексы С-400 по контракту на сумму 5,4 млрд долларов.",
};
#define COUNT(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static char words[WORDS][24];

/* Words of two to five syllables; common ones are met often, as in a language. */
static void make_words(void)
{
	static const char *const syllables[] = {"ra", "ke", "mi", "sil", "to", "ve", "ap", "on", "ta", "ner", "du",
	                                        "li", "fen", "za", "cor", "ep", "ul", "sha", "ger", "ni", "бо", "ро"};
	for (size_t i = 0; i < WORDS; i++) {
		size_t count = 2 + next_random(4), len = 0;
		for (size_t s = 0; s < count && len < 18; s++) {
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

/* Sentences, and between them made-up words, so that no memory of words seen helps too much. */
static void make_item(struct base_buf *item, size_t bytes, bool arms)
{
	while (item->len < bytes) {
		bool martially = arms && next_random(3) == 0;
		(void)base_buf_add_text(item, martially ? martial[next_random(COUNT(martial))] : ordinary[next_random(COUNT(ordinary))]);
		(void)base_buf_add_text(item, " The");
		for (uint32_t i = next_random(16); i > 0; i--)
			(void)base_buf_printf(item, " %s", pick_word());
		(void)base_buf_add_text(item, next_random(3) ? ". " : ".\n");
	}
}

/* ---- rules ------------------------------------------------------------------------- */

/* Sets of eight terms, one of them a phrase and one a wildcard; a third of the words occurs in texts. */
static void make_rules(size_t terms, size_t rules, struct base_buf *yaml)
{
	size_t sets = terms / 8;
	(void)base_buf_add_text(yaml, "sets:\n");
	for (size_t s = 0; s < sets; s++) {
		(void)base_buf_printf(yaml, "  s%zu: [", s);
		for (uint32_t t = 0; t < 8; t++) {
			(void)base_buf_printf(yaml, t ? ", '%s" : "'%s", words[next_random(WORDS)]);
			if (t == 1)
				(void)base_buf_printf(yaml, " %s", words[next_random(WORDS)]);
			else if (t % 3)
				(void)base_buf_add_text(yaml, words[next_random(WORDS)]);
			(void)base_buf_add_text(yaml, t == 2 ? "*'" : "'");
		}
		(void)base_buf_add_text(yaml, "]\n");
	}
	(void)base_buf_add_text(yaml, "rules:\n");
	for (size_t r = 0; r < rules; r++)
		(void)base_buf_printf(yaml, "  - {name: r%zu, class: pause, when: $s%u NEAR/10 $s%u, guard: $s%u ONEAR/3 $s%u}\n", r,
		                      next_random((uint32_t)sets), next_random((uint32_t)sets), next_random((uint32_t)sets),
		                      next_random((uint32_t)sets));
}

static int complain(const struct base_problems *problems)
{
	(void)fprintf(stderr, "match_bench: %s\n",
	              problems && base_problems_count(problems) ? base_problems_at(problems, 0) : "out of memory");
	return 1;
}

/* ---- measuring ----------------------------------------------------------------------- */

static double bare_pass(const struct base_buf *items, size_t count, struct text *text)
{
	double start = seconds();
	for (size_t i = 0; i < count; i++)
		if (text_cut(text, BASE_NONE, base_buf_span(&items[i])))
			abort();
	return seconds() - start;
}

static double match_all(const struct match_rules *rules, struct match_scratch *scratch, const struct base_buf *items,
                        size_t count, size_t *events)
{
	double start = seconds();
	*events = 0;
	for (size_t i = 0; i < count; i++) {
		const struct match_result *result;
		struct match_input input = {.text = base_buf_span(&items[i])};
		if (match_run(rules, scratch, &input, &result))
			abort();
		*events += result->event_count;
	}
	return seconds() - start;
}

/* Both in turns: what else the machine does falls on both alike. */
static int measure(const struct figures_options *options, const char *name, const struct match_source *sources, size_t count,
                   const struct base_buf *items)
{
	struct base_problems *problems = NULL;
	struct match_rules *rules = NULL;
	struct match_scratch *scratch = NULL;
	struct text text = {0};
	char what[2][96];
	double start = seconds();
	if (base_problems_new(&problems) || match_rules_load(sources, count, problems, &rules) ||
	    match_scratch_new(rules, &scratch)) {
		int failed = complain(problems);
		base_problems_free(problems);
		match_rules_free(rules);
		return failed;
	}
	(void)snprintf(what[0], sizeof what[0], "load %s, %zu terms", name, match_terms_count(rules));
	(void)snprintf(what[1], sizeof what[1], "match %s, %zu rules", name, match_rules_count(rules));
	struct figures load = {.bench = "match", .name = what[0], .unit = "ms", .runs = {(seconds() - start) * 1e3}, .count = 1};
	struct figures match = {.bench = "match", .name = what[1], .unit = "us/item", .count = options->runs, .of = "folding and cutting"};
	size_t events = 0, few = options->smoke ? 20 : ITEMS;
	for (size_t run = 0; run < options->runs; run++) {
		match.reference[run] = bare_pass(items, few, &text) / (double)few * 1e6;
		match.runs[run] = match_all(rules, scratch, items, few, &events) / (double)few * 1e6;
	}
	(void)figures_show(options, &load);
	(void)figures_show(options, &match);
	text_free(&text);
	match_scratch_free(scratch);
	match_rules_free(rules);
	base_problems_free(problems);
	return 0;
}

static int measure_made(const struct figures_options *options, const char *name, size_t terms, size_t rules,
                        const struct base_buf *items)
{
	struct base_buf yaml;
	base_buf_init(&yaml, 64 << 20);
	make_rules(terms, rules, &yaml);
	struct match_source source = {"made.yaml", base_buf_span(&yaml)};
	int failed = measure(options, name, &source, 1, items);
	base_buf_free(&yaml);
	return failed;
}

/* Everything that costs: many alternatives, NEAR in NEAR, ATLEAST, wildcards without a literal start, guards of all. */
static const char nasty[] =
    "sets: {a: [a1, '*ara*', '*ata*', '*ita*'], b: [b1, a1, '*ara*', '*aba*'], c: [a1, b1, c1]}\n"
    "rules:\n"
    "  - {name: n1, class: pause, when: '((($a NEAR/100 $b) NEAR/100 $c) NEAR/100 ($a AND $b)) NEAR/100 ATLEAST/50($a NEAR/90 $c)',\n"
    "     guard: ['$a NEAR/100 $b NEAR/100 $c', '$c NOT NEAR/100 zz'], given: 'ATLEAST/100($a NEAR/100 $b)', unless: '$a ONEAR/100 zz'}\n"
    "  - {name: n2, class: sale, when: '($a OR ($b NEAR/99 $c)) NOT ONEAR/100 ($b NEAR/100 zz)', block: '$c NEAR/100 zz'}\n";

static int measure_nasty(const struct figures_options *options)
{
	struct base_problems *problems = NULL;
	struct match_rules *rules = NULL;
	struct match_scratch *scratch = NULL;
	struct match_source source = {"nasty.yaml", base_span_of(nasty)};
	if (base_problems_new(&problems) || match_rules_load(&source, 1, problems, &rules) || match_scratch_new(rules, &scratch))
		return complain(problems);
	for (size_t bytes = 10000; bytes <= 1000000; bytes *= 10) {
		struct base_buf item;
		size_t events;
		char name[64];
		base_buf_init(&item, 2 << 20);
		while (item.len < bytes) /* no full stop: sentences as long as they get */
			(void)base_buf_printf(&item, "a1 b1 %sara c1 ", pick_word());
		(void)match_all(rules, scratch, &item, 1, &events);
		(void)snprintf(name, sizeof name, "match nasty, %zu bytes in a sentence", bytes);
		struct figures nasty_figures = {.bench = "match", .name = name, .unit = "ns/byte", .count = options->runs};
		for (size_t run = 0; run < options->runs; run++)
			nasty_figures.runs[run] = match_all(rules, scratch, &item, 1, &events) * 1e9 / (double)item.len;
		(void)figures_show(options, &nasty_figures);
		base_buf_free(&item);
	}
	match_scratch_free(scratch);
	match_rules_free(rules);
	base_problems_free(problems);
	return 0;
}

static size_t read_folder(const char *folder, struct match_source *sources)
{
	size_t count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && count < FILES_MAX && (entry = readdir(dir));) {
		char path[4096], *bytes;
		size_t len = strlen(entry->d_name);
		struct base_error err;
		if (len < 5 || strcmp(entry->d_name + len - 5, ".yaml") != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (base_read_file(path, 16 << 20, &bytes, &len, &err) == BASE_OK)
			sources[count++] = (struct match_source){strdup(path), {bytes, len}};
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

static int measure_shipped(const struct figures_options *options, const char *folder, const struct base_buf *items)
{
	struct match_source sources[FILES_MAX];
	size_t count = read_folder(folder, sources);
	int failed = count ? measure(options, "shipped", sources, count, items) : 1;
	if (!count)
		(void)fprintf(stderr, "match_bench: no rules in %s\n", folder);
	for (size_t i = 0; i < count; i++) {
		free((void *)(uintptr_t)sources[i].file);
		free((void *)(uintptr_t)sources[i].bytes.ptr);
	}
	return failed;
}

int main(int argc, char **argv)
{
	static struct base_buf items[ITEMS];
	const struct figures_options options = figures_begin(argc, argv);
	make_words();
	for (size_t i = 0; i < ITEMS; i++) {
		base_buf_init(&items[i], 1 << 20);
		make_item(&items[i], ITEM_BYTES, i % 20 == 7);
	}
	int failed = measure_shipped(&options, options.argument ? options.argument : RULES_DIR, items);
	failed |= measure_made(&options, "1,000", 1000, 100, items);
	if (!options.smoke) {
		failed |= measure_made(&options, "10,000", 10000, 1000, items);
		failed |= measure_made(&options, "100,000", 140000, 1000, items);
		failed |= measure_nasty(&options);
	}
	for (size_t i = 0; i < ITEMS; i++)
		base_buf_free(&items[i]);
	return failed;
}
