/*
 * corpus: see corpus.h.
 */
#include "corpus.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

enum base_result corpus_next_line(FILE *in, struct base_buf *line, struct base_error *err)
{
	char piece[4096];
	size_t len = 0;
	int c;

	base_buf_reset(line);
	do {
		c = getc_unlocked(in);
		if (c != EOF)
			piece[len++] = (char)c;
		if (len == sizeof(piece) || c == EOF || c == '\n') {
			(void)base_buf_add(line, piece, len);
			len = 0;
		}
	} while (c != EOF && c != '\n' && line->failed == BASE_OK);
	if (ferror(in))
		return base_fail(err, BASE_IO, "%s", strerror(errno));
	if (line->failed != BASE_OK)
		return base_fail(err, line->failed, "%s",
		                 line->failed == BASE_LIMIT ? "the line is too long" : base_result_text(line->failed));
	return BASE_OK;
}

static enum base_result read_item(struct base_span line, corpus_item_fn *each, void *ctx, struct base_error *err)
{
	struct output_item item;
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
	struct base_buf line;
	size_t number = 1, items = 0;

	if (in == NULL) {
		(void)fprintf(stderr, "wirewatch %s: %s: %s\n", command, file, strerror(errno));
		return BASE_IO;
	}
	base_buf_init(&line, CORPUS_LINE_MAX);
	for (; (result = corpus_next_line(in, &line, &err)) == BASE_OK && line.len > 0; number++) {
		struct base_span text = base_span_trim(base_buf_span(&line));

		if (text.len == 0)
			continue;
		result = read_item(text, each, ctx, &err);
		if (result != BASE_OK)
			break;
		show_progress(++items, false);
	}
	show_progress(items, true);
	if (result != BASE_OK)
		(void)fprintf(stderr, "wirewatch %s: %s:%zu: %s\n", command, file, number,
		              err.text[0] != '\0' ? err.text : base_result_text(result));
	base_buf_free(&line);
	if (in != stdin)
		(void)fclose(in);
	return result;
}
