/*
 * corpus: see corpus.h.
 */
#include "corpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define PROGRESS_EVERY 500

static void show_progress(size_t items, bool done)
{
	if (isatty(STDERR_FILENO) && (done || items % PROGRESS_EVERY == 0))
		(void)fprintf(stderr, done ? "\r\033[K" : "\r%zu items", items);
}

struct match_input corpus_input(const struct output_item *item)
{
	return (struct match_input){
	    .title = item->title, .text = item->text, .language = item->language, .feed_url = item->source, .feed_name = item->source};
}

static enum base_result read_line(struct base_span line, corpus_item_fn *each, void *ctx, struct base_error *err)
{
	struct output_item item;
	if (line.len > LINE_MAX_BYTES)
		return base_fail(err, BASE_LIMIT, "too long");
	enum base_result result = output_read_item(line, &item, err);
	if (result)
		return result;
	result = each(ctx, &item, err);
	output_free_item(&item);
	return result;
}

enum base_result corpus_read(const char *command, const char *file, corpus_item_fn *each, void *ctx)
{
	FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	enum base_result result = BASE_OK;
	struct base_error err = {""};
	char *line = NULL;
	size_t cap = 0, number = 0, items = 0;
	ssize_t got;

	if (in == NULL) {
		(void)fprintf(stderr, "wirewatch %s: %s: %s\n", command, file, strerror(errno));
		return BASE_IO;
	}
	while (result == BASE_OK && (got = getline(&line, &cap, in)) > 0) {
		struct base_span text = base_span_trim((struct base_span){line, (size_t)got});

		number++;
		if (text.len == 0)
			continue;
		result = read_line(text, each, ctx, &err);
		show_progress(++items, false);
	}
	show_progress(items, true);
	if (result == BASE_OK && ferror(in)) {
		(void)fprintf(stderr, "wirewatch %s: %s: %s\n", command, file, strerror(errno));
		result = BASE_IO;
	} else if (result != BASE_OK) {
		(void)fprintf(stderr, "wirewatch %s: %s:%zu: %s\n", command, file, number,
		              err.text[0] != '\0' ? err.text : base_result_text(result));
	}
	free(line);
	if (in != stdin)
		(void)fclose(in);
	return result;
}
