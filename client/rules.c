/* `wirewatch rules`: lists the rules, and the words that a pattern catches. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "corpus.h"
#include "match_rules.h"
#include "print.h"
#include "terminal.h"

#define TEXT_MAX ((size_t)64 << 20)
#define WORDS_MAX ((size_t)1 << 22)
#define PATTERN_SET "asked-on-the-command-line"

struct options {
	const char **rules;
	size_t rule_count;
	const char *words, *class, *file;
	bool json, jsonl;
};

static const char help[] =
    "usage: wirewatch rules [--json] [--class CLASS] [-r RULES]...\n"
    "       wirewatch rules --words PATTERN [--json] [--jsonl] [-r RULES]... [FILE|CORPUS.jsonl|-]\n"
    "\n"
    "Lists the rules: name, class, languages, and where they are written.\n"
    "\n"
    "  -r, --rules RULES    a rule file, a folder of them, or a glob; may be given again\n"
    "                       (standard: " MATCH_RULES_DIR ", or the folder named by WIREWATCH_RULES)\n"
    "      --class CLASS    only the rules of this class\n"
    "      --words PATTERN  the distinct words of a text or of a corpus that PATTERN catches, with\n"
    "                       their counts; a word, phrase, $set or expression as in wirewatch-rules(5)\n"
    "      --jsonl          the input is a corpus, one {\"id\",\"title\",\"text\"} a line (by itself so\n"
    "                       for a name that ends in .jsonl)\n"
    "      --json           one JSON object\n"
    "  -h, --help           this text\n";

static int usage(void)
{
	(void)fputs("usage: wirewatch rules [--json] [--class CLASS] [--words PATTERN] [-r RULES]... [FILE]\n", stderr);
	return CLIENT_USAGE;
}

/* Fills options; -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct options *options)
{
	enum { JSON = 256, JSONL, WORDS, CLASS };
	static const struct option known[] = {
	    {"rules", required_argument, NULL, 'r'}, {"json", no_argument, NULL, JSON},
	    {"jsonl", no_argument, NULL, JSONL},     {"words", required_argument, NULL, WORDS},
	    {"class", required_argument, NULL, CLASS}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "r:h", known, NULL)) != -1) {
		switch (option) {
		case 'r': options->rules[options->rule_count++] = optarg; break;
		case JSON: options->json = true; break;
		case JSONL: options->jsonl = true; break;
		case WORDS: options->words = optarg; break;
		case CLASS: options->class = optarg; break;
		case 'h': (void)fputs(help, stdout); return CLIENT_DONE;
		default: return usage();
		}
	}
	enum match_class class;
	if (options->class && match_class_parse(options->class, &class) != BASE_OK) {
		(void)fprintf(stderr, "wirewatch rules: there is no class %s\n", options->class);
		return CLIENT_USAGE;
	}
	if (argc - optind > (options->words ? 1 : 0) || (options->jsonl && !options->words))
		return usage();
	options->file = optind < argc ? argv[optind] : "-";
	size_t len = strlen(options->file);
	options->jsonl |= len > 6 && strcmp(options->file + len - 6, ".jsonl") == 0;
	return -1;
}

/* ---- the list --------------------------------------------------------------------- */

static bool is_asked(const struct options *options, const struct match_rule_info *info)
{
	return !options->class || strcmp(options->class, match_class_text(info->class)) == 0;
}

static int list_json(const struct options *options, const struct match_rules *rules)
{
	json_t *list = json_array(), *root;
	for (size_t i = 0; i < match_rules_count(rules); i++) {
		struct match_rule_info info = match_rule_at(rules, i);
		if (is_asked(options, &info))
			(void)json_array_append_new(
			    list, json_pack("{s:s,s:s,s:s,s:s,s:I}", "name", info.name, "class", match_class_text(info.class), "languages",
			                    info.languages, "file", info.file, "line", (json_int_t)info.line));
	}
	root = json_pack("{s:o,s:I}", "rules", list, "terms", (json_int_t)match_terms_count(rules));
	int code = root ? print_json("rules", root) : CLIENT_FAILED;
	json_decref(root);
	return code;
}

static size_t widest_name(const struct match_rules *rules)
{
	size_t widest = 4;
	for (size_t i = 0; i < match_rules_count(rules); i++) {
		struct match_rule_info info = match_rule_at(rules, i);
		size_t width = base_utf8_count(info.name, strlen(info.name));
		widest = width > widest && width <= 40 ? width : widest;
	}
	return widest;
}

static void add_column(struct base_buf *out, const char *text, size_t width)
{
	size_t start = out->len;
	terminal_add(out, text, 0);
	terminal_pad(out, start, width);
	(void)base_buf_add_text(out, "  ");
}

static int list_text(const struct options *options, const struct match_rules *rules)
{
	struct base_buf out;
	size_t width = widest_name(rules);
	bool colours = terminal_colours();
	base_buf_init(&out, TEXT_MAX);
	(void)base_buf_add_text(&out, terminal_start(colours, TERMINAL_BOLD));
	add_column(&out, "RULE", width);
	(void)base_buf_printf(&out, "CLASS       LANGUAGES  WHERE%s\n", terminal_start(colours, TERMINAL_PLAIN));
	for (size_t i = 0; i < match_rules_count(rules); i++) {
		struct match_rule_info info = match_rule_at(rules, i);
		if (!is_asked(options, &info))
			continue;
		add_column(&out, info.name, width);
		add_column(&out, match_class_text(info.class), 10);
		add_column(&out, *info.languages ? info.languages : "all", 9);
		terminal_add(&out, info.file, 0);
		(void)base_buf_printf(&out, ":%zu\n", info.line);
	}
	bool failed = out.failed || fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0;
	base_buf_free(&out);
	if (failed)
		(void)fputs("wirewatch rules: cannot write\n", stderr);
	return failed ? CLIENT_FAILED : CLIENT_DONE;
}

/* ---- the words of a pattern --------------------------------------------------------- */

struct caught {
	char *words;
	size_t count, items;
	size_t last_item; /* the last item it was in + 1 */
};

struct catch {
	const struct match_rules *rules;
	struct match_scratch *scratch;
	struct caught *list;
	size_t count, cap;
	uint32_t *cells; /* hash table: index + 1 */
	size_t cell_count;
	size_t items, places;
	enum base_result failed;
};

static uint64_t hash(struct base_span words)
{
	uint64_t value = 0xCBF29CE484222325u; /* FNV-1a */
	for (size_t i = 0; i < words.len; i++)
		value = (value ^ (unsigned char)words.ptr[i]) * 0x100000001B3u;
	return value;
}

static uint32_t *cell_of(const struct catch *catch, struct base_span words)
{
	size_t mask = catch->cell_count - 1, at = hash(words) & mask;
	while (catch->cells[at] && !base_span_is(words, catch->list[catch->cells[at] - 1].words))
		at = (at + 1) & mask;
	return &catch->cells[at];
}

static enum base_result grow_table(struct catch *catch)
{
	if (2 * (catch->count + 1) <= catch->cell_count)
		return BASE_OK;
	free(catch->cells);
	catch->cell_count = catch->cell_count ? 2 * catch->cell_count : 1024;
	catch->cells = calloc(catch->cell_count, sizeof *catch->cells);
	if (!catch->cells)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < catch->count; i++)
		*cell_of(catch, base_span_of(catch->list[i].words)) = (uint32_t)i + 1;
	return BASE_OK;
}

static void take_words(void *ctx, struct base_span words)
{
	struct catch *catch = ctx;
	if (!catch->failed)
		catch->failed = grow_table(catch);
	if (!catch->failed)
		catch->failed = base_grow(&catch->list, &catch->cap, catch->count + 1, sizeof *catch->list, WORDS_MAX);
	if (catch->failed)
		return;
	uint32_t *cell = cell_of(catch, words);
	if (!*cell) {
		char *copy = strndup(words.ptr, words.len);
		if (!copy) {
			catch->failed = BASE_NO_MEMORY;
			return;
		}
		catch->list[catch->count++] = (struct caught){.words = copy};
		*cell = (uint32_t)catch->count;
	}
	struct caught *caught = &catch->list[*cell - 1];
	caught->count++;
	caught->items += caught->last_item != catch->items + 1;
	caught->last_item = catch->items + 1;
	catch->places++;
}

static enum base_result catch_input(struct catch *catch, const struct match_input *input)
{
	enum base_result result = match_set_words(catch->rules, catch->scratch, input, base_span_of(PATTERN_SET), take_words, catch);
	catch->items++;
	return result ? result : catch->failed;
}

static enum base_result catch_item(void *ctx, const struct output_item *item, struct base_error *err)
{
	struct match_input input = corpus_input(item);
	(void)err;
	return catch_input(ctx, &input);
}

static enum base_result catch_text(struct catch *catch, const char *file)
{
	struct base_error err = {""};
	char *bytes = NULL;
	size_t len;
	enum base_result result = base_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, TEXT_MAX, &bytes, &len, &err);
	if (result) {
		(void)fprintf(stderr, "wirewatch rules: %s\n", err.text);
		return result;
	}
	struct match_input input = {.text = {bytes, len}};
	result = catch_input(catch, &input);
	free(bytes);
	if (result)
		(void)fprintf(stderr, "wirewatch rules: %s\n", base_result_text(result));
	return result;
}

static int by_count(const void *a, const void *b)
{
	const struct caught *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->words, y->words);
}

static int print_caught(const struct options *options, struct catch *catch)
{
	if (catch->count)
		qsort(catch->list, catch->count, sizeof *catch->list, by_count);
	if (options->json) {
		json_t *list = json_array();
		for (size_t i = 0; i < catch->count; i++)
			(void)json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "words", catch->list[i].words, "count",
			                                            (json_int_t)catch->list[i].count, "items",
			                                            (json_int_t)catch->list[i].items));
		json_t *root = json_pack("{s:s,s:I,s:I,s:o}", "pattern", options->words, "items", (json_int_t)catch->items, "places",
		                         (json_int_t)catch->places, "words", list);
		int code = root ? print_json("rules", root) : CLIENT_FAILED;
		json_decref(root);
		return code;
	}
	struct base_buf out;
	base_buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < catch->count; i++) {
		(void)base_buf_printf(&out, "%8zu  ", catch->list[i].count);
		terminal_add(&out, catch->list[i].words, 0);
		(void)base_buf_add_char(&out, '\n');
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	bool failed = out.failed || fflush(stdout) != 0 || ferror(stdout);
	base_buf_free(&out);
	(void)fprintf(stderr, "%zu places, %zu different, in %zu item%s\n", catch->places, catch->count, catch->items,
	              catch->items == 1 ? "" : "s");
	return failed ? CLIENT_FAILED : CLIENT_DONE;
}

/* The pattern as a set of one member, in YAML's single quotes. */
static enum base_result write_pattern(const char *pattern, struct base_buf *out)
{
	(void)base_buf_add_text(out, "sets: {" PATTERN_SET ": ['");
	for (const char *at = pattern; *at; at++)
		(void)base_buf_add_text(out, *at == '\'' ? "''" : (char[]){*at == '\n' ? ' ' : *at, '\0'});
	return base_buf_add_text(out, "']}\n");
}

static int show_words(const struct options *options, const struct match_rules *rules)
{
	struct catch catch = {.rules = rules};
	enum base_result result = match_scratch_new(rules, &catch.scratch);
	if (!result)
		result = options->jsonl ? corpus_read("rules", options->file, catch_item, &catch) : catch_text(&catch, options->file);
	int code = result ? CLIENT_FAILED : print_caught(options, &catch);
	for (size_t i = 0; i < catch.count; i++)
		free(catch.list[i].words);
	free(catch.list);
	free(catch.cells);
	match_scratch_free(catch.scratch);
	return code;
}

int client_rules(int argc, char **argv)
{
	struct options options = {.rules = calloc((size_t)argc + 1, sizeof *options.rules)};
	struct match_rules *rules = NULL;
	struct base_buf pattern;
	if (!options.rules)
		return CLIENT_FAILED;
	base_buf_init(&pattern, 1 << 20);
	int code = read_options(argc, argv, &options);
	if (code < 0 && options.words && write_pattern(options.words, &pattern) != BASE_OK)
		code = CLIENT_FAILED;
	if (code < 0 && rules_from_paths("rules", options.rules, options.rule_count, base_buf_span(&pattern), &rules))
		code = CLIENT_FAILED;
	if (code < 0)
		code = options.words ? show_words(&options, rules) : options.json ? list_json(&options, rules) : list_text(&options, rules);
	match_rules_free(rules);
	base_buf_free(&pattern);
	free(options.rules);
	return code;
}
