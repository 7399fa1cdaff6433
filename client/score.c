/*
 * `wirewatch score`: judges the rules by a corpus whose items say which classes
 * they expect.
 *
 * A class that an item allows is neither right nor wrong. An item that expects
 * nothing and allows something is left out of the counting of alerts when the
 * alert has only allowed classes; with any other class it is a false alarm.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "corpus.h"
#include "match_rules.h"
#include "score.h"

#define LANGUAGES_MAX 64

struct options {
	const char **rules;
	size_t rule_count;
	const char *languages, *file;
	bool json, strict, no_misses;
};

struct scorer {
	const struct options *options;
	const struct match_rules *rules;
	struct match_scratch *scratch;
	struct score_tally *tallies; /* all, then a language each as they come */
	size_t count;
	json_t *misses[SCORE_MISS_KINDS];
};

static const char help[] =
    "usage: wirewatch score [--json] [--lang LANGUAGE,...] [--strict] [--no-misses] [-r RULES]... CORPUS.jsonl|-\n"
    "\n"
    "Runs the rules over a labelled corpus and prints precision and recall, by class and\n"
    "language, and what went wrong, item by item. A line of the corpus is an object with\n"
    "\"id\", \"lang\", \"title\", \"text\", \"expect\" and \"allow\" (lists of classes), and if need\n"
    "be \"kind\", \"systems\" and \"actors\".\n"
    "\n"
    "  -r, --rules RULES  a rule file, a folder of them, or a glob; may be given again\n"
    "                     (standard: " MATCH_RULES_DIR ", or the folder named by WIREWATCH_RULES)\n"
    "      --lang LIST    only items in these languages\n"
    "      --strict       as if nothing were allowed\n"
    "      --no-misses    only the figures\n"
    "      --json         one JSON object\n"
    "  -h, --help         this text\n";

static int usage(void)
{
	(void)fputs("usage: wirewatch score [--json] [--lang LIST] [--strict] [--no-misses] [-r RULES]... CORPUS.jsonl\n", stderr);
	return CLIENT_USAGE;
}

/* Fills options; -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct options *options)
{
	enum { JSON = 256, LANG, STRICT, NO_MISSES };
	static const struct option known[] = {
	    {"rules", required_argument, NULL, 'r'}, {"json", no_argument, NULL, JSON},
	    {"lang", required_argument, NULL, LANG}, {"strict", no_argument, NULL, STRICT},
	    {"no-misses", no_argument, NULL, NO_MISSES}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "r:h", known, NULL)) != -1) {
		switch (option) {
		case 'r': options->rules[options->rule_count++] = optarg; break;
		case JSON: options->json = true; break;
		case LANG: options->languages = optarg; break;
		case STRICT: options->strict = true; break;
		case NO_MISSES: options->no_misses = true; break;
		case 'h': (void)fputs(help, stdout); return CLIENT_DONE;
		default: return usage();
		}
	}
	if (argc - optind != 1)
		return usage();
	options->file = argv[optind];
	return -1;
}

/* ---- labels ------------------------------------------------------------------------- */

static enum base_result read_classes(const json_t *json, const char *key, unsigned *out, struct base_error *err)
{
	size_t i;
	json_t *value;
	*out = 0;
	json_array_foreach(json_object_get(json, key), i, value) {
		enum match_class class;
		const char *text = json_string_value(value);
		if (!text || match_class_parse(text, &class) != BASE_OK)
			return base_fail(err, BASE_SYNTAX, "there is no class %s", text ? text : "that is no text");
		*out |= 1u << class;
	}
	return BASE_OK;
}

static json_t *class_names(unsigned classes)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < MATCH_CLASS_COUNT; i++)
		if (classes >> i & 1)
			(void)json_array_append_new(list, json_string(match_class_text((enum match_class)i)));
	return list;
}

static const char *text_or(const json_t *json, const char *key, const char *other)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : other;
}

struct verdict { /* of one item */
	unsigned expect, allow, got;
	const char *kind;
	const json_t *json;
	const struct match_result *found;
	bool counted; /* its misses were noted: with the tally of all */
};

static void note(struct scorer *scorer, const struct verdict *verdict, enum score_miss_kind kind, json_t *lacks, json_t *many)
{
	json_t *miss = json_pack("{s:O,s:s,s:s,s:o,s:o}", "id", json_object_get(verdict->json, "id"), "title",
	                         text_or(verdict->json, "title", ""), "kind", verdict->kind, "lacks", lacks, "too_many", many);
	if (verdict->counted)
		json_decref(miss);
	else
		(void)json_array_append_new(scorer->misses[kind], miss);
}

/* ---- counting ----------------------------------------------------------------------- */

static bool is_named(const struct base_span *list, size_t count, struct base_span name)
{
	for (size_t i = 0; i < count; i++)
		if (match_same_name(list[i], name))
			return true;
	return false;
}

static json_t *name_list(const struct base_span *list, size_t count)
{
	json_t *names = json_array();
	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(names, json_stringn(list[i].ptr, list[i].len));
	return names;
}

static void count_names(struct scorer *scorer, struct score_tally *tally, const struct verdict *verdict, int which)
{
	const struct match_result *found = verdict->found;
	const struct base_span *list = which == SCORE_SYSTEMS ? found->systems : found->actors;
	size_t count = which == SCORE_SYSTEMS ? found->system_count : found->actor_count, i;
	struct score_names *names = &tally->names[which];
	json_t *value;
	json_array_foreach(json_object_get(verdict->json, which == SCORE_SYSTEMS ? "systems" : "actors"), i, value) {
		const char *name = json_string_value(value);
		bool there = is_named(list, count, base_span_of(name ? name : ""));
		names->of++;
		names->found += there;
		names->of_alerted += verdict->got != 0;
		names->found_alerted += verdict->got && there;
		if (which == SCORE_SYSTEMS && verdict->got && !there)
			note(scorer, verdict, SCORE_SYSTEM, json_pack("[s]", name ? name : ""), name_list(list, count));
	}
}

static struct score_kind *kind_of(struct score_tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->kind_count; i++)
		if (strncmp(tally->kinds[i].name, name, SCORE_NAME_MAX - 1) == 0)
			return &tally->kinds[i];
	if (tally->kind_count == SCORE_KINDS_MAX)
		return &tally->kinds[SCORE_KINDS_MAX - 1];
	struct score_kind *kind = &tally->kinds[tally->kind_count++];
	(void)snprintf(kind->name, sizeof kind->name, "%s", name);
	return kind;
}

static void count_positive(struct scorer *scorer, struct score_tally *tally, const struct verdict *verdict)
{
	unsigned lacks = verdict->expect & ~verdict->got, many = verdict->got & ~verdict->expect & ~verdict->allow;
	tally->tp += verdict->got != 0;
	tally->fn += verdict->got == 0;
	tally->exact += verdict->got && !lacks && !many;
	if (!verdict->got)
		note(scorer, verdict, SCORE_MISSED, class_names(verdict->expect), json_array());
	else if (lacks || many)
		note(scorer, verdict, SCORE_CLASSES, class_names(lacks), class_names(many));
	count_names(scorer, tally, verdict, SCORE_SYSTEMS);
	count_names(scorer, tally, verdict, SCORE_ACTORS);
}

static void count_negative(struct scorer *scorer, struct score_tally *tally, const struct verdict *verdict)
{
	struct score_kind *kind = kind_of(tally, verdict->kind);
	kind->items++;
	if (!verdict->got) {
		tally->tn++;
	} else if (!(verdict->got & ~verdict->allow)) {
		tally->ignored++;
	} else {
		tally->fp++;
		kind->alarms++;
		note(scorer, verdict, SCORE_FALSE_ALARM, json_array(), class_names(verdict->got));
	}
}

static void count(struct scorer *scorer, struct score_tally *tally, const struct verdict *verdict)
{
	tally->items++;
	if (verdict->expect)
		count_positive(scorer, tally, verdict);
	else
		count_negative(scorer, tally, verdict);
	for (unsigned i = 0; i < MATCH_CLASS_COUNT; i++) {
		bool expect = verdict->expect >> i & 1, got = verdict->got >> i & 1, allow = verdict->allow >> i & 1;
		struct score_class *class = &tally->classes[i];
		class->tp += expect && got;
		class->fn += expect && !got;
		class->fp += got && !expect && !allow;
		class->allowed += got && !expect && allow;
	}
}

static struct score_tally *tally_of(struct scorer *scorer, const char *language)
{
	for (size_t i = 1; i < scorer->count; i++)
		if (strcmp(scorer->tallies[i].name, language) == 0)
			return &scorer->tallies[i];
	if (scorer->count == LANGUAGES_MAX)
		return NULL;
	struct score_tally *tally = &scorer->tallies[scorer->count++];
	(void)snprintf(tally->name, sizeof tally->name, "%s", language);
	return tally;
}

static bool is_in_list(const char *list, const char *item)
{
	size_t len = strlen(item);
	for (const char *at = list; at && len > 0; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, item, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static enum base_result score_item(void *ctx, const struct output_item *item, struct base_error *err)
{
	struct scorer *scorer = ctx;
	struct verdict verdict = {.json = item->json, .kind = text_or(item->json, "kind", "negative")};
	const char *language = text_or(item->json, "lang", "unknown");
	if (scorer->options->languages && !is_in_list(scorer->options->languages, language))
		return BASE_OK;
	enum base_result result = read_classes(item->json, "expect", &verdict.expect, err);
	if (!result)
		result = read_classes(item->json, "allow", &verdict.allow, err);
	struct match_input input = corpus_input(item);
	if (!result)
		result = match_run(scorer->rules, scorer->scratch, &input, &verdict.found);
	if (result)
		return result;
	if (scorer->options->strict)
		verdict.allow = 0;
	for (size_t i = 0; i < verdict.found->event_count; i++)
		verdict.got |= 1u << verdict.found->events[i].class;
	count(scorer, &scorer->tallies[0], &verdict);
	verdict.counted = true;
	struct score_tally *tally = tally_of(scorer, language);
	if (tally)
		count(scorer, tally, &verdict);
	return tally ? BASE_OK : base_fail(err, BASE_LIMIT, "more than %d languages", LANGUAGES_MAX - 1);
}

/* ---- the command ---------------------------------------------------------------------- */

static int score(const struct options *options, const struct match_rules *rules)
{
	struct scorer scorer = {.options = options, .rules = rules, .count = 1};
	int code = CLIENT_FAILED;
	scorer.tallies = calloc(LANGUAGES_MAX, sizeof *scorer.tallies);
	bool ready = scorer.tallies && match_scratch_new(rules, &scorer.scratch) == BASE_OK;
	for (size_t i = 0; i < SCORE_MISS_KINDS; i++)
		ready &= (scorer.misses[i] = json_array()) != NULL;
	if (!ready) {
		(void)fprintf(stderr, "wirewatch score: %s\n", base_result_text(BASE_NO_MEMORY));
		goto out;
	}
	(void)snprintf(scorer.tallies[0].name, sizeof scorer.tallies[0].name, "all");
	if (corpus_read("score", options->file, score_item, &scorer) != BASE_OK)
		goto out;
	if (scorer.tallies[0].items == 0) {
		(void)fputs("wirewatch score: there are no items\n", stderr);
		goto out;
	}
	size_t shown = scorer.count == 2 ? 1 : scorer.count; /* one language is all there is */
	code = (options->json ? score_print_json : score_print_text)(scorer.tallies, shown,
	                                                             options->no_misses ? NULL : scorer.misses);
out:
	for (size_t i = 0; i < SCORE_MISS_KINDS; i++)
		json_decref(scorer.misses[i]);
	match_scratch_free(scorer.scratch);
	free(scorer.tallies);
	return code;
}

int client_score(int argc, char **argv)
{
	struct options options = {.rules = calloc((size_t)argc + 1, sizeof *options.rules)};
	struct match_rules *rules = NULL;
	if (!options.rules)
		return CLIENT_FAILED;
	int code = read_options(argc, argv, &options);
	if (code < 0 && rules_from_paths("score", options.rules, options.rule_count, BASE_NONE, &rules))
		code = CLIENT_FAILED;
	if (code < 0)
		code = score(&options, rules);
	match_rules_free(rules);
	free(options.rules);
	return code;
}
