/*
 * Runs of simple items: a reader of what any version of YAML takes for the
 * same. Whatever else there is ends a run, and libyaml reads it.
 */
#include "runs.h"

#include <stdlib.h>
#include <string.h>

#define FEWEST 4        /* items that are worth being cut out */
#define MOST_DEPTH 3    /* of an item */
#define LONGEST_KEY 100 /* YAML 1.1, 7.1.3: 1024 */

enum kind { /* of characters */
	LETTER = 1, /* a plain scalar may begin with it */
	FLOW = 2,   /* it may be part of one within brackets; elsewhere whatever is printable may */
};

struct reader {
	const char *start, *at, *end; /* end: of what is looked at */
	const char *line_start;
	size_t line;
	uint8_t kinds[256];
	conf_run_fn *tell; /* NULL: only to find out whether it can be read */
	void *ctx;
	enum base_result failed;
};

/* ---- characters and lines ------------------------------------------------------------- */

static void set_kind(struct reader *reader, const char *members, unsigned kind)
{
	for (; *members; members++)
		reader->kinds[(unsigned char)*members] |= (uint8_t)kind;
}

static bool is(const struct reader *reader, char c, enum kind kind)
{
	return reader->kinds[(unsigned char)c] & kind;
}

static bool printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* The end of the document is the end of a line, too. */
static char peek(const struct reader *reader, size_t ahead)
{
	return ahead < (size_t)(reader->end - reader->at) ? reader->at[ahead] : '\n';
}

static void skip_spaces(struct reader *reader)
{
	while (peek(reader, 0) == ' ')
		reader->at++;
}

static void next_line(struct reader *reader)
{
	reader->at += reader->at < reader->end;
	reader->line_start = reader->at;
	reader->line++;
}

/* Spaces and a comment, and on to the next line. */
static bool end_line(struct reader *reader)
{
	const char *before = reader->at;
	skip_spaces(reader);
	if (peek(reader, 0) == '#') {
		if (reader->at == before && before != reader->line_start)
			return false;
		while (printable(peek(reader, 0)))
			reader->at++;
	}
	if (peek(reader, 0) != '\n')
		return false;
	next_line(reader);
	return true;
}

/* On to the next line with more than a comment; its indentation. */
static bool next_content(struct reader *reader, size_t *indent)
{
	for (*indent = 0; reader->at < reader->end; *indent = 0) {
		while (peek(reader, *indent) == ' ')
			(*indent)++;
		if (peek(reader, *indent) != '#' && peek(reader, *indent) != '\n')
			return true;
		if (!end_line(reader))
			return false;
	}
	return true;
}

/* ---- scalars ---------------------------------------------------------------------------- */

static bool read_quoted(struct reader *reader, struct base_span *text)
{
	const char *start = reader->at + 1, *at = start, *end = reader->end;
	char mark = *reader->at;
	while (at < end && *at != mark && *at != '\\' && printable(*at))
		at++;
	*text = (struct base_span){start, (size_t)(at - start)};
	bool whole = at < end && *at == mark;
	reader->at = at + whole;
	return whole;
}

/* Whether the text goes on with c, which is not a space. What stops it is looked at by whoever comes next. */
static bool goes_on(const struct reader *reader, bool flow, char c)
{
	if (c == ':' && flow)
		return is(reader, peek(reader, 1), FLOW);
	if (c == ':')
		return peek(reader, 1) != ' ' && printable(peek(reader, 1));
	if (c == '#')
		return !flow && reader->at[-1] != ' ';
	return flow ? is(reader, c, FLOW) : printable(c);
}

static bool read_plain(struct reader *reader, bool flow, struct base_span *text)
{
	const char *start = reader->at, *end = start;
	if (!is(reader, peek(reader, 0), LETTER))
		return false;
	for (char c; is(reader, c = peek(reader, 0), LETTER) || c == ' ' || goes_on(reader, flow, c);) {
		reader->at++;
		if (c != ' ')
			end = reader->at;
	}
	reader->at = end; /* spaces are part of what comes next */
	*text = (struct base_span){start, (size_t)(end - start)};
	return true;
}

/* Plain or in quotes; told later, for it may be a map's first key. */
static bool read_scalar(struct reader *reader, bool flow, struct conf_run_event *out)
{
	char c = peek(reader, 0);
	bool quoted = c == '"' || c == '\'';
	*out = (struct conf_run_event){.step = CONF_RUN_SCALAR,
	                               .quoted = quoted,
	                               .line = reader->line,
	                               .column = (size_t)(reader->at - reader->line_start) + 1};
	return quoted ? read_quoted(reader, &out->text) : read_plain(reader, flow, &out->text);
}

/* ---- values ------------------------------------------------------------------------------- */

static bool tell(struct reader *reader, const struct conf_run_event *event)
{
	if (reader->tell)
		reader->failed = reader->tell(reader->ctx, event);
	return !reader->failed;
}

static bool tell_step(struct reader *reader, enum conf_run_step step, size_t line, size_t column)
{
	return !reader->tell || tell(reader, &(struct conf_run_event){.step = step, .line = line, .column = column});
}

/* The colon behind a key, and the spaces behind that. */
static bool tell_key(struct reader *reader, const struct conf_run_event *key)
{
	if (peek(reader, 0) != ':' || peek(reader, 1) != ' ' || key->text.len > LONGEST_KEY || !tell(reader, key))
		return false;
	reader->at++;
	skip_spaces(reader);
	return true;
}

static bool read_value(struct reader *reader, bool flow, unsigned depth);

static bool read_brackets(struct reader *reader, unsigned depth)
{
	struct conf_run_event key;
	bool map = peek(reader, 0) == '{';
	size_t column = (size_t)(reader->at - reader->line_start) + 1;
	if (!depth || !tell_step(reader, map ? CONF_RUN_MAP : CONF_RUN_LIST, reader->line, column))
		return false;
	do {
		reader->at++;
		skip_spaces(reader);
		if (map && (!read_scalar(reader, true, &key) || !tell_key(reader, &key)))
			return false;
		if (!read_value(reader, true, depth - 1))
			return false;
		skip_spaces(reader);
	} while (peek(reader, 0) == ',');
	if (peek(reader, 0) != (map ? '}' : ']'))
		return false;
	reader->at++;
	return tell_step(reader, CONF_RUN_END, reader->line, 0);
}

/* flow: within brackets. depth: levels that may begin. */
static bool read_value(struct reader *reader, bool flow, unsigned depth)
{
	struct conf_run_event scalar;
	if (peek(reader, 0) == '[' || peek(reader, 0) == '{')
		return read_brackets(reader, depth);
	return read_scalar(reader, flow, &scalar) && tell(reader, &scalar);
}

/* A map, each key in a line of its own; behind the first key. On to what follows. */
static bool read_map(struct reader *reader, struct conf_run_event *key, size_t *indent)
{
	size_t column = key->column;
	if (!tell_step(reader, CONF_RUN_MAP, key->line, column))
		return false;
	for (;;) {
		if (!tell_key(reader, key) || !read_value(reader, false, MOST_DEPTH - 1) || !end_line(reader) ||
		    !next_content(reader, indent))
			return false;
		if (*indent + 1 != column)
			return tell_step(reader, CONF_RUN_END, reader->line, 0);
		reader->at += *indent;
		if (!read_scalar(reader, false, key))
			return false;
	}
}

/* From behind the dash on to the next line that says something: it does not belong to the item. */
static bool read_item(struct reader *reader, size_t dash, size_t *column)
{
	struct conf_run_event scalar;
	size_t indent = 0;
	skip_spaces(reader);
	*column = (size_t)(reader->at - reader->line_start) + 1;
	bool brackets = peek(reader, 0) == '[' || peek(reader, 0) == '{';
	if (brackets ? !read_brackets(reader, MOST_DEPTH) : !read_scalar(reader, false, &scalar))
		return false;
	if (!brackets && peek(reader, 0) == ':')
		return read_map(reader, &scalar, &indent) && indent <= dash;
	return (brackets || tell(reader, &scalar)) && end_line(reader) && next_content(reader, &indent) && indent <= dash;
}

static struct reader new_reader(struct base_span bytes)
{
	struct reader reader = {.start = bytes.ptr, .at = bytes.ptr, .end = bytes.ptr + bytes.len, .line_start = bytes.ptr, .line = 1};
	set_kind(&reader, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_", LETTER | FLOW);
	set_kind(&reader, ".~+=&%@-", FLOW);
	return reader;
}

/* ---- runs ------------------------------------------------------------------------------------- */

struct finder {
	struct reader reader;
	struct conf_runs *out;
	struct conf_run run; /* items: all so far, 0 if there is none */
	size_t dash;         /* the column of its dashes, from 0 */
	size_t second_line;
};

static enum base_result close_run(struct finder *finder)
{
	struct conf_runs *out = finder->out;
	struct conf_run run = finder->run;
	finder->run.items = 0;
	if (run.items < FEWEST + 2)
		return BASE_OK;
	run.items -= 2;
	run.lines = run.last_line - finder->second_line;
	enum base_result result = base_grow(&out->runs, &out->cap, out->count + 1, sizeof *out->runs, SIZE_MAX / sizeof *out->runs);
	if (!result)
		out->runs[out->count++] = run;
	return result;
}

static enum base_result add_item(struct finder *finder, size_t dash, size_t column, size_t line, size_t from)
{
	struct conf_run *run = &finder->run;
	enum base_result result = BASE_OK;
	if (run->items && (dash != finder->dash || column != run->column))
		result = close_run(finder);
	if (!run->items) {
		*run = (struct conf_run){.first_line = line, .column = column};
		finder->dash = dash;
	}
	if (++run->items == 2) {
		run->from = from;
		finder->second_line = line;
	}
	run->until = from;
	run->last_line = line;
	return result;
}

/* Other ends of lines (YAML 1.1, 5.4): from there on libyaml counts more lines than are counted here. */
static bool has_other_break(struct base_span line)
{
	for (size_t i = 0; i < line.len; i++) {
		struct base_span rest = {line.ptr + i, line.len - i};
		unsigned char c = (unsigned char)line.ptr[i];
		if (c == '\r' || (c == 0xc2 && base_span_starts(rest, "\xc2\x85")) ||
		    (c == 0xe2 && (base_span_starts(rest, "\xe2\x80\xa8") || base_span_starts(rest, "\xe2\x80\xa9"))))
			return true;
	}
	return false;
}

static enum base_result look_at_line(struct finder *finder)
{
	struct reader *reader = &finder->reader;
	const char *from = reader->at;
	size_t dash = 0, column, line = reader->line;
	while (peek(reader, dash) == ' ')
		dash++;
	if (peek(reader, dash) == '-' && peek(reader, dash + 1) == ' ') {
		reader->at += dash + 1;
		if (read_item(reader, dash, &column))
			return add_item(finder, dash, column, line, (size_t)(from - reader->start));
	}
	reader->line = line;
	reader->at = memchr(from, '\n', (size_t)(reader->end - from));
	if (!reader->at)
		reader->at = reader->end;
	if (has_other_break((struct base_span){from, (size_t)(reader->at - from)}))
		reader->end = reader->at;
	next_line(reader);
	return finder->run.items ? close_run(finder) : BASE_OK;
}

enum base_result conf_runs_find(struct base_span bytes, struct conf_runs *out)
{
	struct finder finder = {.reader = new_reader(bytes), .out = out};
	enum base_result result = BASE_OK;
	while (finder.reader.at < finder.reader.end && !result)
		result = look_at_line(&finder);
	return result || !finder.run.items ? result : close_run(&finder);
}

enum base_result conf_run_read(struct base_span bytes, const struct conf_run *run, conf_run_fn *take, void *ctx)
{
	struct reader reader = new_reader(bytes);
	size_t column, dash;
	reader.tell = take;
	reader.ctx = ctx;
	reader.at = reader.line_start = reader.start + run->from;
	reader.end = reader.start + run->until;
	reader.line = run->last_line - run->lines;
	for (size_t i = 0; i < run->items; i++) {
		for (dash = 0; peek(&reader, 0) == ' '; dash++)
			reader.at++;
		reader.at++;
		if (!read_item(&reader, dash, &column))
			return reader.failed ? reader.failed : BASE_SYNTAX;
	}
	return BASE_OK;
}

void conf_runs_free(struct conf_runs *runs)
{
	free(runs->runs);
	*runs = (struct conf_runs){0};
}
