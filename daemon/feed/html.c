/*
 * html: HTML to the plain text that rules read, in one pass.
 *
 * Follows the tokenizer of the HTML Living Standard (section 13.2.5) as far as
 * text is concerned, and is kinder than it where a publisher's mistake would
 * swallow words. Time stays linear: a search that ran to the end in vain is
 * remembered and never repeated.
 */
#include "config.h"

#include <endian.h>
#include <string.h>

#include "entity.h"
#include "html.h"
#include "wirewatch/feed.h"

#define LONGEST_TAG 16
#define LONGEST_CUT_TAG 2048 /* bytes of a tag cut off at the end that are taken for its attributes */

/* What separates the last character written from the next one; the strongest wins. */
enum gap { GAP_NONE, GAP_SPACE, GAP_LINE, GAP_PARAGRAPH };

enum class { CLASS_TEXT, CLASS_SPACE, CLASS_LINE, CLASS_PARAGRAPH, CLASS_NOTHING };

struct reader {
	const char *at, *end;
	struct base_buf *out;
	enum base_result result;
	enum gap gap;
	bool started;         /* something was written: a gap counts */
	size_t cdata;         /* CDATA marks open */
	size_t templates;     /* <template> elements open: their text is not shown */
	const char *name_end; /* of the last tag read: a name that starts before it ends there too */
	bool no_quote[2];     /* no " (0) or ' (1) follows any more */
	bool ignore_quotes;   /* quotes led a tag astray: from now on a tag ends at its first > */
	bool no_tag_end;      /* no > follows any more */
	bool no_comment_end;  /* no --> follows any more */
	bool no_template_end; /* no </template follows any more */
};

struct tag {
	char name[LONGEST_TAG + 1]; /* lower case; "" if it is longer */
	bool closing, empty;        /* </x>, <x/> */
};

/* ---- writing -------------------------------------------------------------- */

static void write_bytes(struct reader *r, const char *bytes, size_t len)
{
	size_t room = r->out->max - r->out->len;

	if (r->result != BASE_OK)
		return;
	if (len <= room) {
		r->result = base_buf_add(r->out, bytes, len);
		return;
	}
	r->result = base_buf_add(r->out, bytes, base_utf8_clip(bytes, len, room));
	if (r->result == BASE_OK)
		r->result = BASE_LIMIT;
}

static void write_text(struct reader *r, const char *bytes, size_t len)
{
	static const char *const gaps[] = {"", " ", "\n", "\n\n"};

	if (len == 0 || r->templates > 0)
		return;
	if (r->started && r->gap != GAP_NONE)
		write_bytes(r, gaps[r->gap], strlen(gaps[r->gap]));
	r->gap = GAP_NONE;
	r->started = true;
	write_bytes(r, bytes, len);
}

static void widen(struct reader *r, enum gap gap)
{
	if (gap > r->gap && r->templates == 0)
		r->gap = gap;
}

/* Invisible marks and controls are left out: they neither join nor part words. */
static enum class classify(uint32_t c) {
	if (c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
		c == 0x202F || c == 0x205F || c == 0x3000) return CLASS_SPACE;
	if (c == 0x2028) return CLASS_LINE;
	if (c == 0x2029) return CLASS_PARAGRAPH;
	if (c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || c == 0x180E || c == 0x200B || c == 0x200E ||
		c == 0x200F || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF ||
		(c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE) return CLASS_NOTHING;
	return CLASS_TEXT;
}

static void write_code_point(struct reader *r, uint32_t code_point)
{
	char bytes[4];

	switch (classify(code_point)) {
	case CLASS_TEXT:
		write_text(r, bytes, base_utf8_encode(code_point, bytes));
		break;
	case CLASS_SPACE:
		widen(r, GAP_SPACE);
		break;
	case CLASS_LINE:
		widen(r, GAP_LINE);
		break;
	case CLASS_PARAGRAPH:
		widen(r, GAP_PARAGRAPH);
		break;
	case CLASS_NOTHING:
		break;
	}
}

/* ---- tags ------------------------------------------------------------------ */

enum effect { EFFECT_NONE, EFFECT_SPACE, EFFECT_LINE, EFFECT_PARAGRAPH, EFFECT_RAW, EFFECT_TEMPLATE };

struct known_tag {
	char name[LONGEST_TAG];
	enum effect effect;
};

/* Sorted by name. Tags that join their words to their neighbours stand here too: a cut tag must be one of these. */
/* clang-format off */
static const struct known_tag known_tags[] = {
	{"a", EFFECT_NONE}, {"abbr", EFFECT_NONE}, {"address", EFFECT_LINE}, {"article", EFFECT_LINE},
	{"aside", EFFECT_LINE}, {"audio", EFFECT_SPACE}, {"b", EFFECT_NONE}, {"big", EFFECT_NONE},
	{"blockquote", EFFECT_PARAGRAPH}, {"body", EFFECT_LINE}, {"br", EFFECT_LINE}, {"button", EFFECT_SPACE},
	{"canvas", EFFECT_SPACE}, {"caption", EFFECT_LINE}, {"center", EFFECT_LINE}, {"cite", EFFECT_NONE},
	{"code", EFFECT_NONE}, {"dd", EFFECT_LINE}, {"del", EFFECT_NONE}, {"details", EFFECT_LINE},
	{"dialog", EFFECT_LINE}, {"dir", EFFECT_LINE}, {"div", EFFECT_LINE}, {"dl", EFFECT_LINE}, {"dt", EFFECT_LINE},
	{"em", EFFECT_NONE}, {"embed", EFFECT_SPACE}, {"fieldset", EFFECT_LINE}, {"figcaption", EFFECT_LINE},
	{"figure", EFFECT_LINE}, {"font", EFFECT_NONE}, {"footer", EFFECT_LINE}, {"form", EFFECT_LINE},
	{"h1", EFFECT_PARAGRAPH}, {"h2", EFFECT_PARAGRAPH}, {"h3", EFFECT_PARAGRAPH}, {"h4", EFFECT_PARAGRAPH},
	{"h5", EFFECT_PARAGRAPH}, {"h6", EFFECT_PARAGRAPH}, {"head", EFFECT_LINE}, {"header", EFFECT_LINE},
	{"hgroup", EFFECT_LINE}, {"hr", EFFECT_PARAGRAPH}, {"html", EFFECT_LINE}, {"i", EFFECT_NONE},
	{"iframe", EFFECT_SPACE}, {"img", EFFECT_SPACE}, {"input", EFFECT_SPACE}, {"ins", EFFECT_NONE},
	{"legend", EFFECT_LINE}, {"li", EFFECT_LINE}, {"link", EFFECT_NONE}, {"main", EFFECT_LINE},
	{"menu", EFFECT_LINE}, {"meta", EFFECT_NONE}, {"nav", EFFECT_LINE}, {"noscript", EFFECT_SPACE},
	{"object", EFFECT_SPACE}, {"ol", EFFECT_LINE}, {"optgroup", EFFECT_LINE}, {"option", EFFECT_LINE},
	{"p", EFFECT_PARAGRAPH}, {"pre", EFFECT_PARAGRAPH}, {"q", EFFECT_NONE}, {"s", EFFECT_NONE},
	{"script", EFFECT_RAW}, {"section", EFFECT_LINE}, {"select", EFFECT_SPACE}, {"small", EFFECT_NONE},
	{"span", EFFECT_NONE}, {"strike", EFFECT_NONE}, {"strong", EFFECT_NONE}, {"style", EFFECT_RAW},
	{"sub", EFFECT_NONE}, {"summary", EFFECT_LINE}, {"sup", EFFECT_NONE}, {"svg", EFFECT_SPACE},
	{"table", EFFECT_LINE}, {"tbody", EFFECT_LINE}, {"td", EFFECT_LINE}, {"template", EFFECT_TEMPLATE},
	{"textarea", EFFECT_LINE}, {"tfoot", EFFECT_LINE}, {"th", EFFECT_LINE}, {"thead", EFFECT_LINE},
	{"title", EFFECT_LINE}, {"tr", EFFECT_LINE}, {"tt", EFFECT_NONE}, {"u", EFFECT_NONE}, {"ul", EFFECT_LINE},
	{"video", EFFECT_SPACE}, {"wbr", EFFECT_NONE},
};
/* clang-format on */

static const struct known_tag *find_tag(const char *name)
{
	size_t low = 0, high = sizeof(known_tags) / sizeof(known_tags[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, known_tags[middle].name);

		if (order == 0)
			return &known_tags[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The place behind the name at p. */
static const char *end_of_name(const char *p, const char *end)
{
	while (p < end && !is_white(*p) && *p != '/' && *p != '>')
		p++;
	return p;
}

static void set_name(struct tag *tag, const char *p, const char *end)
{
	size_t len = end - p <= LONGEST_TAG ? (size_t)(end - p) : 0;

	for (size_t i = 0; i < len; i++)
		tag->name[i] = lower(p[i]);
	tag->name[len] = '\0';
}

/* The quote that closes the one at p, or NULL when there is none and it is an ordinary character. */
static const char *closing_quote(struct reader *r, const char *p)
{
	bool *none = &r->no_quote[*p == '"' ? 0 : 1];
	const char *found;

	if (*none)
		return NULL;
	found = memchr(p + 1, *p, (size_t)(r->end - p - 1));
	if (found == NULL)
		*none = true;
	return found;
}

/* The > that ends the tag whose name ends at p, minding quoted attribute values, or NULL. */
static const char *tag_end(struct reader *r, const char *p)
{
	const char *start = p;
	bool value = false; /* just behind an equals sign */

	for (; !r->ignore_quotes && p < r->end; p++) {
		if (*p == '>')
			return p;
		if (value && (*p == '"' || *p == '\'')) {
			const char *close = closing_quote(r, p);

			if (close != NULL)
				p = close;
		}
		value = *p == '=' || (value && is_white(*p));
	}
	r->ignore_quotes = true;
	p = r->no_tag_end ? NULL : memchr(start, '>', (size_t)(r->end - start));
	if (p == NULL)
		r->no_tag_end = true;
	return p;
}

/* Is the rest of the text, from p behind a tag's name, a tag that was cut off, rather than words behind a "less than"?
 */
static bool is_cut_tag(const char *p, const char *end, const struct tag *tag)
{
	if (end - p > LONGEST_CUT_TAG || (!tag->closing && find_tag(tag->name) == NULL))
		return false;
	while (p < end && (is_white(*p) || *p == '/'))
		p++;
	if (p == end)
		return true;
	while (p < end && (is_letter(*p) || *p == '-' || *p == ':' || *p == '_'))
		p++;
	return p < end && *p == '=';
}

/* Finds </name, any case, followed by what ends a name. */
static const char *find_closing(const char *p, const char *end, const char *name)
{
	size_t len = strlen(name);

	while ((p = memchr(p, '<', (size_t)(end - p))) != NULL) {
		const char *q = p + 1;
		size_t i = 0;

		if ((size_t)(end - p) < len + 2)
			return NULL;
		if (*q++ == '/') {
			while (i < len && lower(q[i]) == name[i])
				i++;
			if (i == len && (q + len == end || is_white(q[len]) || q[len] == '/' || q[len] == '>'))
				return p;
		}
		p++;
	}
	return NULL;
}

static void open_template(struct reader *r)
{
	if (r->templates == 0 && (r->no_template_end || find_closing(r->at, r->end, "template") == NULL)) {
		r->no_template_end = true;
		return;
	}
	r->templates++;
}

static void apply_tag(struct reader *r, const struct tag *tag)
{
	const struct known_tag *known = find_tag(tag->name);
	const char *close;

	switch (known == NULL ? EFFECT_NONE : known->effect) {
	case EFFECT_NONE:
		break;
	case EFFECT_SPACE:
		widen(r, GAP_SPACE);
		break;
	case EFFECT_LINE:
		widen(r, GAP_LINE);
		break;
	case EFFECT_PARAGRAPH:
		widen(r, GAP_PARAGRAPH);
		break;
	case EFFECT_RAW:
		widen(r, GAP_SPACE);
		if (!tag->closing && !tag->empty) {
			close = find_closing(r->at, r->end, tag->name);
			r->at = close == NULL ? r->end : close;
		}
		break;
	case EFFECT_TEMPLATE:
		if (!tag->closing && !tag->empty)
			open_template(r);
		else if (tag->closing && r->templates > 0)
			r->templates--;
		break;
	}
}

/* At a < that begins a tag. */
static void read_tag(struct reader *r)
{
	struct tag tag = {.closing = r->at[1] == '/'};
	const char *name = r->at + 1 + tag.closing, *close;

	if (name > r->name_end)
		r->name_end = end_of_name(name, r->end);
	set_name(&tag, name, r->name_end);
	close = tag_end(r, r->name_end);
	if (close == NULL) {
		if (is_cut_tag(r->name_end, r->end, &tag)) {
			r->at = r->end;
			return;
		}
		write_text(r, r->at, 1);
		r->at++;
		return;
	}
	tag.empty = close[-1] == '/';
	r->at = close + 1;
	apply_tag(r, &tag);
}

/*
 * At a <. What follows the name of a tag: attributes with values, up to the > (those without are too like words).
 * last: the last > of the text, or NULL.
 */
static bool is_known_tag(const char *p, const char *end, const char *last)
{
	struct tag tag = {.closing = end - p > 1 && p[1] == '/'};
	const char *name = p + 1 + tag.closing;

	/* one byte more than the longest: enough to see that a name is too long */
	p = end_of_name(name, end - name > LONGEST_TAG + 1 ? name + LONGEST_TAG + 1 : end);
	set_name(&tag, name, p);
	if (find_tag(tag.name) == NULL)
		return false;
	while (p < end && (is_white(*p) || *p == '/'))
		p++;
	if (p == end || *p == '>')
		return p < end;
	while (p < end && (is_letter(*p) || *p == '-' || *p == ':' || *p == '_'))
		p++;
	return p < end && *p == '=' && last != NULL && p < last;
}

bool feed_html_has_markup(struct base_span text)
{
	const char *end = text.ptr + text.len;
	const char *at = text.len > 0 ? memchr(text.ptr, '<', text.len) : NULL;
	const char *last = at == NULL ? NULL : memrchr(at, '>', (size_t)(end - at));

	for (; at != NULL; at = memchr(at + 1, '<', (size_t)(end - at - 1)))
		if (end - at > 2 && (memcmp(at, "<!-", 3) == 0 || memcmp(at, "<![", 3) == 0 || is_known_tag(at, end, last)))
			return true;
	return false;
}

/* ---- comments and other marks ----------------------------------------------- */

const char *feed_html_comment_end(const char *p, const char *end)
{
	if (p < end && *p == '>')
		return p + 1;
	if (end - p >= 2 && p[0] == '-' && p[1] == '>')
		return p + 2;
	while ((p = memchr(p, '-', (size_t)(end - p))) != NULL) {
		if (end - p >= 3 && memcmp(p, "-->", 3) == 0)
			return p + 3;
		if (end - p >= 4 && memcmp(p, "--!>", 4) == 0)
			return p + 4;
		p++;
	}
	return NULL;
}

/* At "<!--". */
static const char *comment_end(struct reader *r)
{
	const char *close = r->no_comment_end ? NULL : feed_html_comment_end(r->at + 4, r->end);

	r->no_comment_end = close == NULL;
	return close;
}

/* At "<!", "<?" or "</" that begins no tag: a comment, a CDATA mark, or junk up to the next >. */
static void read_mark(struct reader *r)
{
	size_t len = (size_t)(r->end - r->at);
	const char *close = NULL;

	if (len >= 9 && memcmp(r->at, "<![CDATA[", 9) == 0) {
		r->cdata++;
		r->at += 9;
		return;
	}
	if (len >= 4 && memcmp(r->at, "<!--", 4) == 0 && (close = comment_end(r)) != NULL) {
		r->at = close;
		return;
	}
	if (!r->no_tag_end)
		close = memchr(r->at, '>', len);
	if (close == NULL) {
		r->no_tag_end = true;
		write_text(r, r->at, 1);
		r->at++;
		return;
	}
	r->at = close + 1;
}

static void read_less_than(struct reader *r)
{
	char next = r->end - r->at > 1 ? r->at[1] : ' ';

	if (r->no_tag_end && r->end - r->at > LONGEST_CUT_TAG) {
		write_text(r, r->at, 1);
		r->at++;
	} else if (is_letter(next) || (next == '/' && r->end - r->at > 2 && is_letter(r->at[2]))) {
		read_tag(r);
	} else if (next == '!' || next == '?' || next == '/') {
		read_mark(r);
	} else {
		write_text(r, r->at, 1);
		r->at++;
	}
}

/* ---- text -------------------------------------------------------------------- */

static void read_ampersand(struct reader *r)
{
	uint32_t code_points[2];
	size_t used = feed_entity_read(r->at + 1, (size_t)(r->end - r->at - 1), code_points);

	if (used == 0) {
		write_text(r, r->at, 1);
	} else {
		write_code_point(r, code_points[0]);
		if (code_points[1] != 0)
			write_code_point(r, code_points[1]);
	}
	r->at += 1 + used;
}

static void read_bracket(struct reader *r)
{
	if (r->cdata > 0 && r->end - r->at >= 3 && memcmp(r->at, "]]>", 3) == 0) {
		r->cdata--;
		r->at += 3;
		return;
	}
	write_text(r, r->at, 1);
	r->at++;
}

#define EACH(byte) ((uint64_t)(byte) * 0x0101010101010101u)

/* 0x80 in each byte of seven bits that is c. */
static uint64_t bytes_that_are(uint64_t sevens, unsigned char c)
{
	return ~((sevens ^ EACH(c)) + EACH(0x7F)) & EACH(0x80);
}

/*
 * How many bytes at p are printable ASCII that means nothing in HTML, with no
 * two spaces in a row. Eight a step: to write a text word by word takes four
 * times as long.
 */
static size_t plain_ascii(const char *p, const char *end, bool after_space)
{
	const char *start = p;
	uint64_t space = after_space ? 0x80 : 0;

	for (uint64_t word; end - p >= 8; p += 8) {
		memcpy(&word, p, sizeof word);
		word = le64toh(word);
		uint64_t sevens = word & EACH(0x7F), spaces = bytes_that_are(sevens, ' ');
		uint64_t special = word | ~(sevens + EACH(0x80 - ' ')) | (sevens + EACH(0x80 - 0x7F)); /* beyond, below, DEL */
		special |= bytes_that_are(sevens, '<') | bytes_that_are(sevens, '&') | bytes_that_are(sevens, ']');
		special = (special | (spaces & (spaces << 8 | space))) & EACH(0x80);
		if (special)
			return (size_t)(p - start) + (size_t)__builtin_ctzll(special) / 8;
		space = spaces >> 56;
	}
	for (; p < end && *p >= ' ' && *p < 0x7F && *p != '<' && *p != '&' && *p != ']'; p++) {
		if (*p == ' ' && space)
			break;
		space = *p == ' ';
	}
	return (size_t)(p - start);
}

/* The length of the stretch at p that is written as it stands: printable ASCII, two-byte letters, a space between. */
static size_t plain_run(const char *p, const char *end)
{
	const char *start = p, *before;

	do {
		before = p;
		p += plain_ascii(p, end, p == start || p[-1] == ' ');
		/* U+00C0 to U+07FF without U+0600 to U+063F: none of them is special */
		while (end - p > 1 && (unsigned char)*p >= 0xC3 && (unsigned char)*p <= 0xDF && (unsigned char)*p != 0xD8 &&
		       ((unsigned char)p[1] & 0xC0) == 0x80)
			p += 2;
	} while (p != before);
	return (size_t)(p - start) - (p > start && p[-1] == ' ');
}

static void read_code_point(struct reader *r)
{
	uint32_t code_point;
	bool valid;

	r->at += base_utf8_decode(r->at, (size_t)(r->end - r->at), &code_point, &valid);
	write_code_point(r, code_point);
}

enum base_result feed_html_to_text(struct base_span html, struct base_buf *text)
{
	struct reader r = {.at = html.ptr, .end = html.ptr == NULL ? NULL : html.ptr + html.len, .out = text};

	r.name_end = r.at;
	while (r.at < r.end && r.result == BASE_OK) {
		size_t run = plain_run(r.at, r.end);

		if (run > 0) {
			write_text(&r, r.at, run);
			r.at += run;
		} else if (*r.at == '<') {
			read_less_than(&r);
		} else if (*r.at == '&') {
			read_ampersand(&r);
		} else if (*r.at == ']') {
			read_bracket(&r);
		} else {
			read_code_point(&r);
		}
	}
	return r.result;
}

/* The blank line that ends a paragraph of plain text; a single line end is only where a line was full. */
static void read_line_end(struct reader *r)
{
	size_t lines = 0;

	for (; r->at < r->end && is_white(*r->at); r->at++)
		lines += *r->at == '\n';
	widen(r, lines > 1 ? GAP_PARAGRAPH : GAP_SPACE);
}

enum base_result feed_plain_to_text(struct base_span plain, struct base_buf *text)
{
	struct reader r = {.at = plain.ptr, .end = plain.ptr == NULL ? NULL : plain.ptr + plain.len, .out = text};

	while (r.at < r.end && r.result == BASE_OK) {
		size_t run = plain_run(r.at, r.end);

		if (run == 0 && memchr("<&]", *r.at, 3) != NULL)
			run = 1;
		if (run > 0) {
			write_text(&r, r.at, run);
			r.at += run;
		} else if (is_white(*r.at)) {
			read_line_end(&r);
		} else {
			read_code_point(&r);
		}
	}
	return r.result;
}
