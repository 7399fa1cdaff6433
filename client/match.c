/* `wirewatch match`: runs the rules over texts, without a daemon. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "corpus.h"
#include "match_explain.h"
#include "match_output.h"
#include "match_rules.h"
#include "terminal.h"

#define INPUT_MAX ((size_t)16 << 20)

struct options {
	const char **rules;
	size_t rule_count;
	bool json, jsonl, explain;
	const char *file;
};

static const char help[] =
    "usage: wirewatch match [--json] [--jsonl] [--explain] [-r RULES]... [FILE|-]\n"
    "\n"
    "Runs the rules over a text and says which event classes it reports and why.\n"
    "The first line of the text is its title if an empty line follows.\n"
    "\n"
    "  -r, --rules RULES  a rule file, a folder of them, or a glob; may be given again\n"
    "                     (standard: " MATCH_RULES_DIR ", or the folder named by WIREWATCH_RULES)\n"
    "      --json         one JSON object for the text\n"
    "      --jsonl        the input has one {\"id\",\"title\",\"text\",\"lang\"} a line, text may be HTML;\n"
    "                     the output has one {\"id\",\"alerts\"} a line, in the same order\n"
    "      --explain      how the text is read: sentences, words, sets, and what each rule made of\n"
    "                     it; with --json as JSON, with --jsonl for each line\n"
    "  -h, --help         this text\n";

static int usage(void)
{
	(void)fputs("usage: wirewatch match [--json] [--jsonl] [--explain] [-r RULES]... [FILE|-]\n", stderr);
	return CLIENT_USAGE;
}

/* Fills options; -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct options *options)
{
	enum { JSON = 256, JSONL, EXPLAIN };
	static const struct option known[] = {
	    {"rules", required_argument, NULL, 'r'}, {"json", no_argument, NULL, JSON},
	    {"jsonl", no_argument, NULL, JSONL},     {"explain", no_argument, NULL, EXPLAIN},
	    {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "r:h", known, NULL)) != -1) {
		switch (option) {
		case 'r':
			options->rules[options->rule_count++] = optarg;
			break;
		case JSON:
			options->json = true;
			break;
		case JSONL:
			options->jsonl = true;
			break;
		case EXPLAIN:
			options->explain = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return CLIENT_DONE;
		default:
			return usage();
		}
	}
	if (argc - optind > 1)
		return usage();
	options->file = optind < argc ? argv[optind] : "-";
	return -1;
}

static FILE *open_input(const char *file)
{
	if (strcmp(file, "-") == 0)
		return stdin;
	FILE *in = fopen(file, "re");
	if (!in)
		(void)fprintf(stderr, "wirewatch match: %s: %s\n", file, strerror(errno));
	return in;
}

/* The whole input as one text. */
static enum base_result read_all(FILE *in, struct base_buf *buf)
{
	char chunk[16384];
	size_t got;
	while ((got = fread(chunk, 1, sizeof chunk, in)) > 0) {
		enum base_result result = base_buf_add(buf, chunk, got);
		if (result)
			return result;
	}
	return ferror(in) ? BASE_IO : BASE_OK;
}

/* A first line that an empty line follows is the title. */
static struct match_input split_title(struct base_span all)
{
	struct match_input input = {.text = all};
	const char *end = all.len ? memchr(all.ptr, '\n', all.len) : NULL;
	size_t len = end ? (size_t)(end - all.ptr) : 0;
	if (end && len > 0 && len + 1 < all.len && (end[1] == '\n' || (end[1] == '\r' && end[2] == '\n'))) {
		input.title = (struct base_span){all.ptr, len};
		input.text = (struct base_span){end + 1, all.len - len - 1};
	}
	return input;
}

static enum base_result explain(const struct options *options, const struct match_rules *rules,
                                struct match_scratch *scratch, const struct match_input *input, struct base_span id,
                                struct base_buf *out)
{
	const struct match_explanation *why;
	enum base_result result = match_explain(rules, scratch, input, &why);
	if (result)
		return result;
	if (options->json)
		return explain_json(why, id, out);
	if (id.ptr) {
		(void)base_buf_add_text(out, "== ");
		(void)base_escape(out, id.ptr, id.len, BASE_ESCAPE_LINE);
		(void)base_buf_add_char(out, '\n');
	}
	return explain_text(why, terminal_colours(), out);
}

static enum base_result match_whole(const struct options *options, FILE *in, const struct match_rules *rules,
                                    struct match_scratch *scratch)
{
	struct base_buf buf, out;
	base_buf_init(&buf, INPUT_MAX);
	base_buf_init(&out, 16 * INPUT_MAX);
	const struct match_result *found;
	enum base_result result = read_all(in, &buf);
	struct match_input input = split_title(base_buf_span(&buf));
	if (!result && options->explain)
		result = explain(options, rules, scratch, &input, BASE_NONE, &out);
	else if (!result)
		result = match_run(rules, scratch, &input, &found);
	if (!result && !options->explain)
		result = options->json ? output_json(found, BASE_NONE, &out)
		                       : output_text(found, terminal_colours(), &out);
	if (!result)
		(void)fwrite(out.data, 1, out.len, stdout);
	base_buf_free(&buf);
	base_buf_free(&out);
	return result;
}

static enum base_result match_line(const struct options *options, struct base_span line,
                                   const struct match_rules *rules, struct match_scratch *scratch, struct base_buf *out,
                                   struct base_error *err)
{
	struct output_item item;
	enum base_result result = output_read_item(line, &item, err);
	if (result)
		return result;
	struct match_input input = corpus_input(&item);
	const struct match_result *found;
	if (options->explain) {
		result = explain(options, rules, scratch, &input, item.id, out);
	} else {
		result = match_run(rules, scratch, &input, &found);
		if (!result)
			result = output_json(found, item.id, out);
	}
	output_free_item(&item);
	return result;
}

static enum base_result match_lines(const struct options *options, FILE *in, const struct match_rules *rules,
                                    struct match_scratch *scratch, struct base_error *err)
{
	struct base_buf line, out;
	enum base_result result;
	struct base_error why = {""};
	size_t number = 1;
	base_buf_init(&line, CORPUS_LINE_MAX);
	base_buf_init(&out, 16 * INPUT_MAX);
	for (; !(result = corpus_next_line(in, &line, &why)) && line.len > 0; number++) {
		struct base_span text = base_span_trim(base_buf_span(&line));
		base_buf_reset(&out);
		if (text.len > 0)
			result = match_line(options, text, rules, scratch, &out, &why);
		if (result)
			break;
		if (out.len > 0)
			(void)fwrite(out.data, 1, out.len, stdout);
	}
	if (*why.text)
		(void)base_fail(err, result, "line %zu: %s", number, why.text);
	base_buf_free(&line);
	base_buf_free(&out);
	return result;
}

static int match_input(const struct options *options, const struct match_rules *rules)
{
	struct match_scratch *scratch = NULL;
	struct base_error err = {""};
	FILE *in = open_input(options->file);
	if (!in)
		return CLIENT_FAILED;
	enum base_result result = match_scratch_new(rules, &scratch);
	if (!result && options->jsonl)
		result = match_lines(options, in, rules, scratch, &err);
	else if (!result)
		result = match_whole(options, in, rules, scratch);
	if (!result && (fflush(stdout) != 0 || ferror(stdout)))
		result = base_fail(&err, BASE_IO, "standard output: %s", strerror(errno));
	if (result)
		(void)fprintf(stderr, "wirewatch match: %s\n", *err.text ? err.text : base_result_text(result));
	match_scratch_free(scratch);
	if (in != stdin)
		(void)fclose(in);
	return result ? CLIENT_FAILED : CLIENT_DONE;
}

int client_match(int argc, char **argv)
{
	struct options options = {.rules = calloc((size_t)argc + 1, sizeof *options.rules)};
	struct match_rules *rules = NULL;
	if (!options.rules)
		return CLIENT_FAILED;
	int code = read_options(argc, argv, &options);
	if (code < 0)
		code = rules_from_paths("match", options.rules, options.rule_count, BASE_NONE, &rules) ? CLIENT_FAILED : -1;
	if (code < 0)
		code = match_input(&options, rules);
	match_rules_free(rules);
	free(options.rules);
	return code;
}
