/* The sentence that shows why a rule fired, on one line, with its marks. */
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "scratch.h"

#define EVIDENCE_MAX 500 /* code points */
#define BEFORE_MARK 200  /* of a long sentence: kept before the first mark */
#define MARKS_MAX 64

struct writer {
	char *out;
	size_t len;    /* bytes */
	size_t points; /* code points */
	bool space;    /* one is due before the next letter */
};

static void write_point(struct writer *writer, uint32_t c)
{
	enum fold_class class = fold_class_of(c);
	if (class == FOLD_SPACE || class == FOLD_NEWLINE) {
		writer->space = writer->points > 0;
		return;
	}
	if (c < 0x20 || c == 0x7F)
		return;
	if (writer->space) {
		writer->out[writer->len++] = ' ';
		writer->points++;
		writer->space = false;
	}
	writer->len += base_utf8_encode(c, writer->out + writer->len);
	writer->points++;
}

/* Where the sentence's bytes end: with the punctuation that belongs to it. */
static size_t end_of(const struct text *text, const struct sentence *sentence, struct base_span field)
{
	const struct token *last = &text->tokens[sentence->last - 1];
	size_t limit = field.len;
	if (sentence->last < text->token_count &&
	    (text->tokens[sentence->last].flags & TOKEN_TITLE) == (last->flags & TOKEN_TITLE))
		limit = text->tokens[sentence->last].start;
	size_t end = last->end;
	while (end < limit) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(field.ptr + end, limit - end, &c, &valid);
		enum fold_class class = fold_class_of(c);
		if (class == FOLD_SPACE || class == FOLD_NEWLINE)
			break;
		end += used;
	}
	return end;
}

/* An opening quote or bracket, or a currency sign, right before the first token. */
static size_t start_of(const struct text *text, const struct sentence *sentence, struct base_span field)
{
	size_t start = text->tokens[sentence->first].start;
	size_t low = 0;
	bool first = true; /* of its field */
	if (sentence->first > 0 &&
	    (text->tokens[sentence->first - 1].flags & TOKEN_TITLE) == (text->tokens[sentence->first].flags & TOKEN_TITLE)) {
		low = text->tokens[sentence->first - 1].end;
		first = false;
	}
	size_t at = start;
	while (at > low && (unsigned char)field.ptr[at - 1] > ' ' && start - at < 12)
		at--;
	while (at < start && ((unsigned char)field.ptr[at] & 0xC0) == 0x80)
		at++;
	return first || at > low ? at : start;
}

/* At most MARKS_MAX, mostly sorted already; qsort would allocate. */
static void sort_marks(struct match_mark *marks, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct match_mark mark = marks[i];
		size_t at = i;
		for (; at > 0 && marks[at - 1].start > mark.start; at--)
			marks[at] = marks[at - 1];
		marks[at] = mark;
	}
}

/* Sorted, overlapping ones united. */
static size_t tidy_marks(struct match_mark *marks, size_t count)
{
	sort_marks(marks, count);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && marks[i].start < marks[kept - 1].end) {
			if (marks[i].end > marks[kept - 1].end)
				marks[kept - 1].end = marks[i].end;
		} else {
			marks[kept++] = marks[i];
		}
	}
	return kept;
}

struct span_mark { /* bytes of the field */
	size_t start, end;
};

static size_t read_marks(const struct match_scratch *scratch, const uint32_t *hits, size_t count, struct span_mark *out)
{
	if (count > MARKS_MAX)
		count = MARKS_MAX;
	for (size_t i = 0; i < count; i++) {
		const struct hit *hit = &scratch->hits[hits[i]];
		out[i] = (struct span_mark){scratch->text.tokens[hit->first].start, scratch->text.tokens[hit->last].end};
	}
	return count;
}

/* A start for what is shown of a long sentence, so that the first mark is inside. */
static size_t clip_start(struct base_span field, size_t start, size_t end, size_t first_mark)
{
	if (end - start <= EVIDENCE_MAX || first_mark - start <= BEFORE_MARK)
		return start;
	size_t at = first_mark - BEFORE_MARK;
	while (at < first_mark && field.ptr[at] != ' ')
		at++;
	return at < first_mark ? at + 1 : first_mark;
}

static void write_range(struct base_span field, size_t start, size_t end, struct writer *writer,
                        const struct span_mark *spans, struct match_mark *marks, size_t count)
{
	for (size_t at = start; at < end && writer->points < EVIDENCE_MAX;) {
		uint32_t c;
		bool valid;
		size_t used = base_utf8_decode(field.ptr + at, end - at, &c, &valid), before = writer->points;
		bool space = writer->space;
		write_point(writer, c);
		for (size_t i = 0; i < count; i++) {
			if (at == spans[i].start)
				marks[i].start = before + (space ? 1 : 0);
			if (at >= spans[i].start && at < spans[i].end)
				marks[i].end = writer->points;
		}
		at += used;
	}
}

enum base_result evidence_make(struct match_scratch *scratch, uint32_t index, const uint32_t *hits, size_t hit_count,
                               struct match_evidence *out)
{
	const struct sentence *sentence = &scratch->text.sentences[index];
	struct base_span field = scratch->text.fields[sentence->title ? 0 : 1];
	struct span_mark spans[MARKS_MAX];
	size_t count = read_marks(scratch, hits, hit_count, spans), first = field.len;
	for (size_t i = 0; i < count; i++)
		if (spans[i].start < first)
			first = spans[i].start;
	struct match_mark *marks = base_arena_alloc(scratch->arena, MARKS_MAX * sizeof *marks);
	struct writer writer = {.out = base_arena_alloc(scratch->arena, 4 * EVIDENCE_MAX + 8)};
	if (!marks || !writer.out)
		return BASE_NO_MEMORY;
	size_t start = start_of(&scratch->text, sentence, field), end = end_of(&scratch->text, sentence, field);
	start = clip_start(field, start, end, count ? first : start);
	write_range(field, start, end, &writer, spans, marks, count);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (marks[i].end > marks[i].start)
			marks[kept++] = marks[i];
	*out = (struct match_evidence){{writer.out, writer.len}, marks, tidy_marks(marks, kept)};
	return BASE_OK;
}
