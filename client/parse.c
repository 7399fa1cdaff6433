/*
 * `wirewatch parse`: a feed as the daemon understands it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "get.h"
#include "show.h"
#include "terminal.h"

#define MAX_BYTES ((size_t)16 << 20)
#define PATIENCE (30 * BASE_SECOND)

static const char help[] = "usage: wirewatch parse [--json] [--content-type TYPE] [--base URL] FILE|URL|-\n\n"
						   "Shows a feed as the daemon understands it: RSS, Atom or JSON Feed, from a\n"
						   "file, an http or https URL or standard input (-). No daemon is needed.\n\n"
						   "  --json               one JSON object instead of text for people\n"
						   "  --content-type TYPE  the Content-Type header the feed came with,\n"
						   "                       like \"text/xml; charset=windows-1251\"\n"
						   "  --base URL           where the feed came from, for relative links\n"
						   "  -h, --help           this text\n";

struct request {
	const char *source, *content_type, *base;
	bool json;
};

/* Returns -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct request *request)
{
	static const struct option known[] = {{"json", no_argument, NULL, 'j'},
										  {"content-type", required_argument, NULL, 't'},
										  {"base", required_argument, NULL, 'b'},
										  {"help", no_argument, NULL, 'h'},
										  {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'j':
			request->json = true;
			break;
		case 't':
			request->content_type = optarg;
			break;
		case 'b':
			request->base = optarg;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return CLIENT_DONE;
		default:
			(void)fputs("wirewatch parse: `wirewatch parse --help` lists the options\n", stderr);
			return CLIENT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		(void)fputs("wirewatch parse: give one file, one URL or - for standard input\n", stderr);
		return CLIENT_USAGE;
	}
	request->source = argv[optind];
	return -1;
}

static int fail(const char *source, const char *reason)
{
	struct base_buf line;

	base_buf_init(&line, 4096);
	terminal_add(&line, strcmp(source, "-") == 0 ? "standard input" : source, 200);
	base_buf_add_text(&line, ": ");
	terminal_add(&line, reason, 0);
	(void)fprintf(stderr, "wirewatch parse: %s\n", line.data != NULL ? line.data : reason);
	base_buf_free(&line);
	return CLIENT_FAILED;
}

static int show(const struct request *request, const struct feed_input *input)
{
	struct feed_document *document = NULL;
	struct base_error err = {""};
	enum base_result result = feed_parse(input, &document, &err);
	int code;

	if (result != BASE_OK)
		return fail(request->source, err.text[0] != '\0' ? err.text : base_result_text(result));
	code = request->json ? show_feed_json(document) : show_feed(document);
	feed_free(document);
	return code;
}

static base_time present(void)
{
	struct base_clock *clock = NULL;
	base_time now = 0;

	if (base_clock_new_system(&clock) == BASE_OK)
		now = base_clock_wall(clock);
	base_clock_free(clock);
	return now;
}

static int parse_url(const struct request *request, struct feed_input *input)
{
	struct client_document answer;
	enum base_result result = client_get(request->source, NULL, PATIENCE, MAX_BYTES, &answer);
	int code = CLIENT_FAILED;

	if (result != BASE_OK) {
		fail(request->source, result == BASE_INVALID ? "this is no http or https URL" : base_result_text(result));
	} else if (answer.error != FETCH_FINE) {
		(void)fprintf(stderr, "wirewatch parse: %s\n", answer.reason);
	} else {
		input->bytes = base_buf_span(&answer.body);
		if (request->content_type == NULL && answer.content_type.len > 0)
			input->content_type = base_buf_span(&answer.content_type);
		if (request->base == NULL)
			input->url = answer.url.len > 0 ? base_buf_span(&answer.url) : base_span_of(request->source);
		code = show(request, input);
	}
	client_document_free(&answer);
	return code;
}

static int parse_file(const struct request *request, struct feed_input *input)
{
	bool standard_input = strcmp(request->source, "-") == 0;
	struct base_error err;
	char *bytes = NULL;
	size_t len = 0;
	int code;

	if (base_read_file(standard_input ? "/dev/stdin" : request->source, MAX_BYTES, &bytes, &len, &err) != BASE_OK) {
		(void)fprintf(stderr, "wirewatch parse: %s\n", err.text);
		return CLIENT_FAILED;
	}
	input->bytes = (struct base_span){bytes, len};
	code = show(request, input);
	free(bytes);
	return code;
}

int client_parse(int argc, char **argv)
{
	struct request request = {.json = false};
	int code = read_options(argc, argv, &request);
	struct feed_input input = {.now = present()};

	if (code >= 0)
		return code;
	input.content_type = base_span_of(request.content_type);
	input.url = base_span_of(request.base);
	if (base_span_starts(base_span_of(request.source), "http://") ||
		base_span_starts(base_span_of(request.source), "https://"))
		return parse_url(&request, &input);
	return parse_file(&request, &input);
}
