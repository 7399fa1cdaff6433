/*
 * `wirewatch import` and `wirewatch export`: feed lists from and to OPML.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
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

struct yaml {
	struct base_buf text;
	size_t count;
};

/* A double-quoted YAML string (YAML 1.2, section 5.7): its escapes are those of base_escape. */
static void add_value(struct base_buf *text, const char *key, struct base_span value)
{
	if (value.ptr == NULL)
		return;
	base_buf_printf(text, "%s\"", key);
	base_escape(text, value.ptr, value.len, BASE_ESCAPE_QUOTED);
	base_buf_add_text(text, "\"\n");
}

static enum base_result add_feed(void *ctx, const struct feed_outline *outline)
{
	struct yaml *yaml = ctx;

	if (yaml->count++ == 0)
		base_buf_add_text(&yaml->text, "feeds:\n");
	if (outline->name.ptr == NULL && outline->language.ptr == NULL) {
		add_value(&yaml->text, "  - ", outline->url);
	} else {
		add_value(&yaml->text, "  - url: ", outline->url);
		add_value(&yaml->text, "    name: ", outline->name);
		add_value(&yaml->text, "    language: ", outline->language);
	}
	return yaml->text.failed;
}

static int import(const char *file)
{
	struct base_problems *problems = NULL;
	struct yaml yaml = {.count = 0};
	struct base_error err;
	char *bytes = NULL;
	size_t len = 0;
	enum base_result result;
	int code = CLIENT_FAILED;

	base_buf_init(&yaml.text, MAX_OUT);
	if (base_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, MAX_LIST, &bytes, &len, &err) != BASE_OK) {
		(void)fprintf(stderr, "wirewatch import: %s\n", err.text);
		goto done;
	}
	if (base_problems_new(&problems) != BASE_OK)
		goto done;
	result = feed_opml_read(file, (struct base_span){bytes, len}, add_feed, &yaml, problems);
	if (result == BASE_OK && yaml.count == 0)
		base_buf_add_text(&yaml.text, "feeds: []\n");
	code = print_out("import", &yaml.text);
	if (result != BASE_OK)
		code = print_problems("import", result, problems);
done:
	base_problems_free(problems);
	base_buf_free(&yaml.text);
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

struct listing {
	struct conf *conf;
	const char *file;
	struct base_problems *problems;
};

static enum base_result list_feed(void *ctx, const struct feed_outline *outline)
{
	struct listing *listing = ctx;

	return conf_add_feed(listing->conf, outline->url, outline->name, outline->language, listing->file, outline->line,
						 listing->problems);
}

static enum base_result read_list(struct conf *conf, const char *file, struct base_span bytes,
								  struct base_problems *problems)
{
	struct listing listing = {conf, file, problems};

	return feed_opml_read(file, bytes, list_feed, &listing, problems);
}

static enum base_result write_list(const struct conf *conf, struct base_buf *out)
{
	size_t count = conf_feed_count(conf);
	struct feed_outline *outlines = calloc(count + 1, sizeof(*outlines));
	enum base_result result;

	if (outlines == NULL)
		return out->failed = BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		const struct conf_feed *feed = conf_feed_at(conf, i);

		outlines[i] = (struct feed_outline){
			.url = base_span_of(feed->url), .name = base_span_of(feed->name), .language = base_span_of(feed->language)};
	}
	result = feed_opml_write(outlines, count, out);
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
	result = conf_load(file, read_list, problems, &conf);
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
