/*
 * Page furniture: what stands in an item's text and is none of it - links to
 * other articles, captions, share buttons, tags, newsletter lines. The words
 * that give it away are data (furniture: in rule files); the shapes are here.
 * Whatever is found is taken out before anything is judged.
 */
#include <string.h>

#include "fold.h"
#include "scratch.h"

#define PARAGRAPHS_MAX ((size_t)1 << 22)
#define PARAGRAPH_WORDS 60 /* a longer paragraph is text: only the sentence with the words goes */
#define HEADLINE_WORDS 25  /* the longest line that may be a link to another article */
#define LINK_WORDS_MIN 4   /* the shortest one that is known by its shape alone */
#define LINKS_MIN 3        /* so many of them at the end make a list */
#define BODY_WORDS_MIN 40  /* before these no heading ends the text */
#define LIST_BODY_MIN 80   /* before these no list of links is known by its shape alone */

/* ---- paragraphs ----------------------------------------------------------------- */

static const struct token *first_token(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	return &scratch->text.tokens[scratch->text.sentences[paragraph->first].first];
}

static const struct token *last_token(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	return &scratch->text.tokens[scratch->text.sentences[paragraph->last].last - 1];
}

static enum base_result read_paragraphs(struct match_scratch *scratch)
{
	const struct text *text = &scratch->text;
	scratch->paragraph_count = 0;
	for (uint32_t s = 0; s < text->sentence_count; s++) {
		if (text->sentences[s].title)
			continue;
		if (scratch->paragraph_count > 0 && !(text->tokens[text->sentences[s].first].flags & TOKEN_NEWLINE)) {
			scratch->paragraphs[scratch->paragraph_count - 1].last = s;
			continue;
		}
		enum base_result result = base_grow(&scratch->paragraphs, &scratch->paragraph_cap, scratch->paragraph_count + 1,
		                                    sizeof *scratch->paragraphs, PARAGRAPHS_MAX);
		if (result)
			return result;
		scratch->paragraphs[scratch->paragraph_count++] = (struct paragraph){.first = s, .last = s};
	}
	for (size_t i = 0; i < scratch->paragraph_count; i++) {
		struct paragraph *paragraph = &scratch->paragraphs[i];
		paragraph->words = last_token(scratch, paragraph)->word - first_token(scratch, paragraph)->word + 1;
	}
	return BASE_OK;
}

static void drop(struct match_scratch *scratch, const struct paragraph *paragraph, enum furniture_why why)
{
	for (uint32_t s = paragraph->first; s <= paragraph->last; s++)
		if (!scratch->text.sentences[s].furniture)
			scratch->text.sentences[s].furniture = why;
	scratch->has_furniture = true;
}

static bool is_dropped(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	return scratch->text.sentences[paragraph->first].furniture != FURNITURE_NONE;
}

/* The last sign of the paragraph that is no quotation mark, bracket or space; 0 if it ends with a word. */
static char last_sign(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	struct base_span field = scratch->text.fields[1];
	const struct token *last = last_token(scratch, paragraph);
	bool more = last + 1 < scratch->text.tokens + scratch->text.token_count;
	size_t end = more ? last[1].start : field.len;
	char sign = '\0';
	for (size_t at = last->end; at < end && field.ptr[at] != '\n'; at++) {
		if (strchr(".!?:;", field.ptr[at]) && field.ptr[at])
			sign = field.ptr[at];
		else if (end - at >= 3 && memcmp(field.ptr + at, "…", 3) == 0)
			sign = '.';
	}
	return sign;
}

/* As a link to another article is written: one line, not closed like a sentence. */
static bool is_headline(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	if (paragraph->words > HEADLINE_WORDS)
		return false;
	char sign = last_sign(scratch, paragraph);
	return sign == '\0' || (sign == '?' && paragraph->first == paragraph->last);
}

/* "#Ukraine #HIMARS": tags alone. */
static bool is_tags(const struct match_scratch *scratch, const struct paragraph *paragraph)
{
	const struct token *first = first_token(scratch, paragraph), *last = last_token(scratch, paragraph);
	size_t tags = 0, words = 0;
	if (paragraph->words > HEADLINE_WORDS || first->start == 0 || scratch->text.fields[1].ptr[first->start - 1] != '#')
		return false;
	for (const struct token *token = first; token <= last; token++) {
		words += !(token->flags & TOKEN_JOINED);
		tags += token->start > 0 && scratch->text.fields[1].ptr[token->start - 1] == '#';
	}
	return 2 * tags > words;
}

/* ---- words ---------------------------------------------------------------------- */

/* The colon that "Photo:" asks for. */
static bool has_colon(const struct match_scratch *scratch, const struct hit *hit)
{
	const struct token *last = &scratch->text.tokens[hit->last];
	struct base_span field = scratch->text.fields[last->flags & TOKEN_TITLE ? 0 : 1];
	size_t at = last->end;
	uint32_t c = ' ';
	bool valid;
	while (at < field.len && fold_class_of(c) == FOLD_SPACE) /* French has one before the colon */
		at += base_utf8_decode(field.ptr + at, field.len - at, &c, &valid);
	return c == ':';
}

/* Whether the paragraph is these words alone, but for a number: "Related articles (5)". */
static bool is_whole(const struct match_scratch *scratch, const struct paragraph *paragraph, const struct hit *hit)
{
	const struct token *last = last_token(scratch, paragraph), *at = &scratch->text.tokens[hit->last];
	if (&scratch->text.tokens[hit->first] != first_token(scratch, paragraph))
		return false;
	while (at < last && at[1].flags & TOKEN_NUMBER)
		at++;
	return at == last;
}

/* The sentence goes, or its rest when the words stand inside it; of a short paragraph that is not all there is, all goes. */
static void drop_around(struct match_scratch *scratch, const struct paragraph *paragraph, uint32_t sentence,
                        const struct hit *hit, const struct furniture *furniture)
{
	struct sentence *in = &scratch->text.sentences[sentence];
	bool starts = hit->first == in->first, alone = scratch->paragraph_count == 1;
	bool opens = starts && sentence == paragraph->first;
	bool whole = !alone && paragraph->words <= PARAGRAPH_WORDS;
	scratch->has_furniture = true;
	if (whole && (opens || furniture->kind == FURNITURE_CONTAINS))
		drop(scratch, paragraph, FURNITURE_WORDS);
	else if (starts || (!alone && furniture->kind == FURNITURE_CONTAINS))
		in->furniture = FURNITURE_WORDS;
	else if (hit->first < in->cut)
		in->cut = hit->first;
}

/* What the hit says about its paragraph. Headings are answered, the rest is done at once. */
static void take_hit(struct match_scratch *scratch, struct paragraph *paragraph, uint32_t sentence,
                     const struct hit *hit)
{
	const struct match_rules *rules = scratch->rules;
	for (uint32_t f = rules->heads[hit->term].furniture; f != LEXICON_NONE; f = rules->furniture[f].next) {
		const struct furniture *furniture = &rules->furniture[f];
		if (furniture->colon && !has_colon(scratch, hit))
			continue;
		bool starts = hit->first == scratch->text.sentences[sentence].first;
		if (furniture->kind == FURNITURE_HEADINGS || furniture->kind == FURNITURE_ENDS) {
			paragraph->heading |= is_whole(scratch, paragraph, hit);
			paragraph->ends |= furniture->kind == FURNITURE_ENDS && is_whole(scratch, paragraph, hit);
		} else if (starts || furniture->colon || furniture->kind == FURNITURE_CONTAINS) {
			drop_around(scratch, paragraph, sentence, hit, furniture);
		}
	}
}

static void take_words(struct match_scratch *scratch, struct paragraph *paragraph)
{
	for (uint32_t s = paragraph->first; s <= paragraph->last; s++)
		for (uint32_t h = scratch->sentence_hits[s]; h < scratch->sentence_hits[s + 1]; h++)
			if (scratch->hits[h].flags & HIT_FURNITURE)
				take_hit(scratch, paragraph, s, &scratch->hits[h]);
}

/* ---- lists ---------------------------------------------------------------------- */

/* Headings, the headlines below them, and what follows the end of the item's own text. */
static void drop_lists(struct match_scratch *scratch)
{
	uint32_t body = 0;
	bool in_list = false, ended = false;
	for (size_t i = 0; i < scratch->paragraph_count; i++) {
		struct paragraph *paragraph = &scratch->paragraphs[i];
		ended |= paragraph->ends && body >= BODY_WORDS_MIN;
		in_list = paragraph->heading || (in_list && is_headline(scratch, paragraph));
		if (ended || in_list)
			drop(scratch, paragraph, ended ? FURNITURE_AFTER_END : FURNITURE_LIST);
		else if (is_tags(scratch, paragraph))
			drop(scratch, paragraph, FURNITURE_TAGS);
		if (!is_dropped(scratch, paragraph))
			body += paragraph->words;
	}
}

/* A list of headlines at the end, without a heading. After a colon it is a list of the item's own. */
static void drop_links(struct match_scratch *scratch)
{
	size_t end = scratch->paragraph_count, start;
	uint32_t body = 0;
	while (end > 0 && is_dropped(scratch, &scratch->paragraphs[end - 1]))
		end--;
	for (start = end; start > 0; start--) {
		const struct paragraph *paragraph = &scratch->paragraphs[start - 1];
		if (paragraph->words < LINK_WORDS_MIN || is_dropped(scratch, paragraph) || !is_headline(scratch, paragraph))
			break;
	}
	if (end - start < LINKS_MIN || start == 0 || last_sign(scratch, &scratch->paragraphs[start - 1]) == ':')
		return;
	for (size_t i = 0; i < start; i++)
		body += is_dropped(scratch, &scratch->paragraphs[i]) ? 0 : scratch->paragraphs[i].words;
	for (size_t i = start; i < end && body >= LIST_BODY_MIN; i++)
		drop(scratch, &scratch->paragraphs[i], FURNITURE_LIST);
}

/* ---- taking it out ---------------------------------------------------------------- */

static void remove_hits(struct match_scratch *scratch)
{
	const struct text *text = &scratch->text;
	uint32_t kept = 0;
	for (uint32_t s = 0; s < text->sentence_count; s++) {
		uint32_t from = scratch->sentence_hits[s], to = scratch->sentence_hits[s + 1];
		scratch->sentence_hits[s] = kept;
		for (uint32_t h = from; h < to && !text->sentences[s].furniture; h++)
			if (scratch->hits[h].last < text->sentences[s].cut)
				scratch->hits[kept++] = scratch->hits[h];
	}
	scratch->sentence_hits[text->sentence_count] = kept;
	scratch->hit_count = kept;
}

enum base_result furniture_find(struct match_scratch *scratch)
{
	scratch->has_furniture = false;
	if (!scratch->rules->furniture_count)
		return BASE_OK;
	enum base_result result = read_paragraphs(scratch);
	if (result)
		return result == BASE_LIMIT ? BASE_OK : result; /* nothing but line ends */
	for (size_t i = 0; i < scratch->paragraph_count; i++)
		take_words(scratch, &scratch->paragraphs[i]);
	drop_lists(scratch);
	drop_links(scratch);
	if (scratch->has_furniture) {
		remove_hits(scratch);
		text_mark_lead(&scratch->text);
	}
	return BASE_OK;
}
