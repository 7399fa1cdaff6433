/*
 * `wirewatch import` and `wirewatch export`: feed lists from and to OPML.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "feed_list.h"
#include "wirewatch/conf.h"
#include "wirewatch/feed.h"

#define MAX_LIST ((size_t)16 << 20)
#define MAX_OUT ((size_t)64 << 20)

static const char import_help[] = "usage: wirewatch import FILE.opml\n\n"
								  "Prints the feeds of an OPML file the way the configuration lists them, to be\n"
								  "put into wirewatch.yaml. A file of - is standard input. (The configuration\n"
								  "can also name OPML files itself: see feed_files in wirewatch.yaml(5).)\n\n"
								  "  -h, --help   this text\n";

static const char export_help[] = "usage: wirewatch export [-c FILE]\n\n"
								  "Prints the configured feeds as OPML 2.0.\n\n"
								  "  -c, --config FILE   the configuration (" CONF_PATH ")\n"
								  "  -h, --help          this text\n";

static int print_problems(const char *command, enum base_result result, const struct base_problems *problems)
{
	if (base_problems_count(problems) == 0)
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_result_text(result));
	for (size_t i = 0; i < base_problems_count(problems); i++)
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_problems_at(problems, i));
	return CLIENT_FAILED;
}

static int print_out(const char *command, const struct base_buf *out)
{
	if (out->failed != BASE_OK) {
		(void)fprintf(stderr, "wirewatch %s: %s\n", command, base_result_text(out->failed));
		return CLIENT_FAILED;
	}
	if ((out->len > 0 && fwrite(out->data, 1, out->len, stdout) != out->len) || fflush(stdout) != 0) {
		(void)fprintf(stderr, "wirewatch %s: cannot write\n", command);
		return CLIENT_FAILED;
	}
	return CLIENT_DONE;
}

/* ---- import --------------------------------------------------------------------- */

/* A double-quoted YAML string (YAML 1.2, section 5.7): its escapes are those of base_escape. */
static void add_text(struct base_buf *text, const char *before, const char *value)
{
	base_buf_printf(text, "%s\"", before);
	base_escape(text, value, strlen(value), BASE_ESCAPE_QUOTED);
	base_buf_add_text(text, "\"");
}

static void add_feed(struct base_buf *text, const struct conf_feed *feed)
{
	bool bare = !feed->named && feed->language == NULL && feed->tag_count == 0;

	add_text(text, bare ? "  - " : "  - url: ", feed->url);
	if (feed->named)
		add_text(text, "\n    name: ", feed->name);
	if (feed->language != NULL)
		add_text(text, "\n    language: ", feed->language);
	for (size_t i = 0; i < feed->tag_count; i++)
		add_text(text, i == 0 ? "\n    tags: [" : ", ", feed->tags[i]);
	base_buf_add_text(text, feed->tag_count > 0 ? "]\n" : "\n");
}

static int print_yaml(const struct conf *conf)
{
	struct base_buf text;
	int code;

	base_buf_init(&text, MAX_OUT);
	base_buf_add_text(&text, conf_feed_count(conf) > 0 ? "feeds:\n" : "feeds: []\n");
	for (size_t i = 0; i < conf_feed_count(conf); i++)
		add_feed(&text, conf_feed_at(conf, i));
	code = print_out("import", &text);
	base_buf_free(&text);
	return code;
}

static int import(const char *file)
{
	struct base_problems *problems = NULL;
	struct conf *conf = NULL;
	struct base_error err;
	char *bytes = NULL;
	size_t len = 0;
	enum base_result result;
	int code = CLIENT_FAILED;

	if (base_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, MAX_LIST, &bytes, &len, &err) != BASE_OK) {
		(void)fprintf(stderr, "wirewatch import: %s\n", err.text);
		goto done;
	}
	if (base_problems_new(&problems) != BASE_OK || conf_new(&conf) != BASE_OK)
		goto done;
	result = feed_list_read(conf, file, (struct base_span){bytes, len}, problems);
	if (conf_feed_count(conf) > 0 || result == BASE_OK)
		code = print_yaml(conf);
	if (result != BASE_OK || base_problems_count(problems) > 0)
		code = print_problems("import", result, problems);
done:
	conf_free(conf);
	base_problems_free(problems);
	free(bytes);
	return code;
}

int client_import(int argc, char **argv)
{
	static const struct option known[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(import_help, stdout);
			return CLIENT_DONE;
		}
		(void)fputs("wirewatch import: `wirewatch import --help` lists the options\n", stderr);
		return CLIENT_USAGE;
	}
	if (optind + 1 != argc) {
		(void)fputs("wirewatch import: give one OPML file, or - for standard input\n", stderr);
		return CLIENT_USAGE;
	}
	return import(argv[optind]);
}

/* ---- export --------------------------------------------------------------------- */

static struct feed_outline outline_of(const struct conf_feed *feed, struct base_span *tags)
{
	size_t count = feed->tag_count < FEED_OUTLINE_TAGS ? feed->tag_count : FEED_OUTLINE_TAGS;

	for (size_t i = 0; i < count; i++)
		tags[i] = base_span_of(feed->tags[i]);
	return (struct feed_outline){.url = base_span_of(feed->url),
								 .name = base_span_of(feed->name),
								 .language = base_span_of(feed->language),
								 .tags = tags,
								 .tag_count = count};
}

static enum base_result write_list(const struct conf *conf, struct base_buf *out)
{
	size_t count = conf_feed_count(conf);
	struct feed_outline *outlines = calloc(count + 1, sizeof(*outlines));
	struct base_span(*tags)[FEED_OUTLINE_TAGS] = calloc(count + 1, sizeof(*tags));
	enum base_result result = BASE_NO_MEMORY;

	if (outlines == NULL || tags == NULL) {
		out->failed = BASE_NO_MEMORY;
		goto done;
	}
	for (size_t i = 0; i < count; i++)
		outlines[i] = outline_of(conf_feed_at(conf, i), tags[i]);
	result = feed_opml_write(outlines, count, out);
done:
	free(tags);
	free(outlines);
	return result;
}

static int export(const char *file)
{
	struct base_problems *problems = NULL;
	struct conf *conf = NULL;
	struct base_buf out;
	enum base_result result;
	int code = CLIENT_FAILED;

	base_buf_init(&out, MAX_OUT);
	if (base_problems_new(&problems) != BASE_OK)
		return CLIENT_FAILED;
	result = conf_load(file, feed_list_read, problems, &conf);
	if (result != BASE_OK) {
		print_problems("export", result, problems);
	} else {
		(void)write_list(conf, &out);
		code = print_out("export", &out);
	}
	conf_free(conf);
	base_problems_free(problems);
	base_buf_free(&out);
	return code;
}

int client_export(int argc, char **argv)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = CONF_PATH;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			(void)fputs(export_help, stdout);
			return CLIENT_DONE;
		default:
			(void)fputs("wirewatch export: `wirewatch export --help` lists the options\n", stderr);
			return CLIENT_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "wirewatch export: takes no argument, but got '%s'\n", argv[optind]);
		return CLIENT_USAGE;
	}
	return export(file);
}
