/*
 * repair: writes a broken document anew with everything mended that can be:
 * what stands before it, control characters, HTML entities, ampersands, CDATA
 * and tags (repair_tag.c). One pass; declarations, comments and instructions
 * are left out, for they carry nothing.
 */
#include "config.h"

#include "repair.h"

#include <string.h>

#include "entity.h"

#define LONGEST_CDATA ((ptrdiff_t)8 << 20) /* libxml2 refuses more than ten million bytes; several in a row it takes */
#define MOST_MENDS 150000
#define MOST_REFERENCES 2000000
#define MOST_ENTITIES 200 /* occurrences looked at for their names */

void repair_note(struct repair *r, enum repair_mark mark)
{
	static const char *const texts[REPAIR_MARKS] = {
		[REPAIR_CONTROL] = "control character",
		[REPAIR_REFERENCE] = "impossible character reference",
		[REPAIR_AMPERSAND] = "bare ampersand",
		[REPAIR_LESS_THAN] = "bare less-than sign",
		[REPAIR_CDATA] = "unclosed CDATA",
		[REPAIR_CDATA_END] = "end of CDATA without its start",
		[REPAIR_ATTRIBUTE] = "malformed attribute",
		[REPAIR_UNCLOSED] = "unclosed element",
		[REPAIR_STRAY] = "end tag without its start",
	};

	if (++r->mends > MOST_MENDS && r->builder->failed == BASE_OK)
		r->builder->failed = BASE_LIMIT;
	if (!r->marked[mark])
		feed_builder_repair(r->builder, "%s", texts[mark]);
	r->marked[mark] = true;
}

static void add(struct repair *r, const char *from, const char *to)
{
	if (to > from)
		base_buf_add(r->out, from, (size_t)(to - from));
}

static void add_code_point(struct repair *r, uint32_t code_point)
{
	char bytes[4];

	if (code_point == '&')
		base_buf_add_text(r->out, "&amp;");
	else if (code_point == '<')
		base_buf_add_text(r->out, "&lt;");
	else if (code_point == '"')
		base_buf_add_text(r->out, "&quot;");
	else
		base_buf_add(r->out, bytes, base_utf8_encode(code_point, bytes));
}

static bool is_xml_character(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0xD800) || (c > 0xDFFF && c < 0xFFFE) || c > 0xFFFF;
}

/* The number of a reference as written ("#150", "#x96"); what is too large stays too large. */
static uint32_t reference_number(const char *name, size_t len)
{
	bool hex = len > 1 && (name[1] | 32) == 'x';
	uint32_t value = 0;

	for (size_t i = hex ? 2 : 1; i < len && value < 0x110000; i++) {
		unsigned digit = name[i] <= '9' ? (unsigned)(name[i] - '0') : (unsigned)((name[i] | 32) - 'a' + 10);
		value = value * (hex ? 16 : 10) + digit;
	}
	return value;
}

/* The five names XML knows, and numbers it allows; those of C1 are left out, for windows-1252 was meant. */
static bool is_xml_reference(const char *name, size_t len)
{
	static const char *const names[] = {"amp", "lt", "gt", "quot", "apos"};

	if (*name == '#') {
		uint32_t number = reference_number(name, len);
		return is_xml_character(number) && number < 0x110000 && (number < 0x80 || number > 0x9F);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}

/* What the ampersand at *at starts; *at moves past it. */
static void mend_ampersand(struct repair *r, const char **at, const char *end)
{
	uint32_t code_points[2] = {0};
	const char *name = *at + 1;
	size_t used = feed_entity_read(name, (size_t)(end - name), code_points);

	if (used < 2 || name[used - 1] != ';') {
		repair_note(r, REPAIR_AMPERSAND);
		base_buf_add_text(r->out, "&amp;");
		++*at;
		return;
	}
	*at = name + used;
	if (is_xml_reference(name, used - 1)) {
		if (*name != '#')
			add(r, name - 1, *at);
		else
			add_code_point(r, code_points[0]);
		return;
	}
	if (*name == '#')
		repair_note(r, REPAIR_REFERENCE);
	else if (++r->entities > MOST_REFERENCES && r->builder->failed == BASE_OK)
		r->builder->failed = BASE_LIMIT;
	else if (r->entities <= MOST_ENTITIES)
		feed_builder_repair(r->builder, "undefined entity %.*s", (int)(used - 1), name);
	if (is_xml_character(code_points[0]))
		add_code_point(r, code_points[0]);
	if (code_points[1])
		add_code_point(r, code_points[1]);
}

/* A character XML does not allow. Separators part words, so a space stays; the rest vanishes. */
static const char *mend_control(struct repair *r, const char *at)
{
	unsigned char c = (unsigned char)*at;

	repair_note(r, REPAIR_CONTROL);
	if (c == '\v' || c == '\f' || (c >= 0x1C && c <= 0x1F))
		base_buf_add_char(r->out, ' ');
	return at + (c == 0xEF ? 3 : 1);
}

static bool is_forbidden(const char *at, const char *end)
{
	unsigned char c = (unsigned char)*at;

	if (c < ' ')
		return c != '\t' && c != '\n' && c != '\r';
	return c == 0xEF && end - at > 2 && (unsigned char)at[1] == 0xBF && ((unsigned char)at[2] & 0xFE) == 0xBE;
}

void repair_text(struct repair *r, struct base_span text, bool attribute)
{
	const char *at = text.ptr, *end = text.ptr + text.len, *from = at;

	while (at < end && r->builder->failed == BASE_OK) {
		bool cdata_end = !attribute && *at == ']' && end - at > 2 && at[1] == ']' && at[2] == '>';
		if (*at != '&' && *at != '<' && !(attribute && *at == '"') && !cdata_end && !is_forbidden(at, end)) {
			at++;
			continue;
		}
		add(r, from, at);
		if (cdata_end) {
			repair_note(r, REPAIR_CDATA_END);
			at += 3; /* what it closed was mended away, or never was */
		} else if (*at == '&') {
			mend_ampersand(r, &at, end);
		} else if (*at == '<' || *at == '"') {
			add_code_point(r, (unsigned char)*at++);
		} else {
			at = mend_control(r, at);
		}
		from = at;
	}
	add(r, from, at);
}

/* ---- what is between tags --------------------------------------------------------- */

static const char *find(const char *at, const char *end, const char *mark)
{
	for (; at < end && (at = memchr(at, *mark, (size_t)(end - at))); at++)
		if (base_span_starts((struct base_span){at, (size_t)(end - at)}, mark))
			return at;
	return NULL;
}

static const char *find_end_tag(const char *at, const char *end, struct base_span name)
{
	while ((at = find(at, end, "</"))) {
		at += 2;
		if ((size_t)(end - at) >= name.len && memcmp(at, name.ptr, name.len) == 0)
			return at - 2;
	}
	return NULL;
}

/* Where the CDATA whose text starts at `at` ends, also if its mark was forgotten. NULL: the document is cut off in it. */
static const char *cdata_end(struct repair *r, const char *at)
{
	if (!r->no_cdata_end && (!r->cdata_end || r->cdata_end < at)) {
		r->cdata_end = find(at, r->end, "]]>");
		r->no_cdata_end = !r->cdata_end;
	}
	const char *close = r->cdata_end, *limit = close ? close : r->end;
	const char *next = find(at, limit, "<![CDATA[");

	if (close && !next)
		return close;
	if (!r->depth)
		return close;
	/* the mark found is that of a later CDATA if this element ends before that begins */
	const char *tag = find_end_tag(at, next ? next : limit, r->open[r->depth - 1]);
	if (tag) {
		repair_note(r, REPAIR_CDATA);
		return tag;
	}
	return close;
}

static void mend_cdata(struct repair *r)
{
	const char *at = r->at + 9;
	const char *close = cdata_end(r, at);
	const char *end = close ? close : r->end;

	base_buf_add_text(r->out, "<![CDATA[");
	for (const char *from = at;;) {
		bool full = at - from == LONGEST_CDATA;
		if (at < end && !full && !is_forbidden(at, end)) {
			at++;
			continue;
		}
		if (full)
			at = from + base_utf8_clip(from, (size_t)(end - from), LONGEST_CDATA);
		add(r, from, at);
		if (at == end)
			break;
		if (full) {
			feed_builder_repair(r->builder, "very long CDATA");
			base_buf_add_text(r->out, "]]><![CDATA[");
			from = at;
		} else {
			from = at = mend_control(r, at);
		}
	}
	if (close)
		base_buf_add_text(r->out, "]]>");
	else
		r->cut = true;
	r->at = close && base_span_starts((struct base_span){close, (size_t)(r->end - close)}, "]]>") ? close + 3 : end;
}

/* Leave out what starts at r->at and ends with mark; without it, it is text. */
static void leave_out(struct repair *r, const char *mark)
{
	const char *close = find(r->at + 2, r->end, mark);

	if (close) {
		r->at = close + strlen(mark);
		return;
	}
	r->at = r->end;
	r->cut = true;
}

/* Only a DOCTYPE that declares something is kept, to be refused. */
static void mend_doctype(struct repair *r)
{
	const char *at = r->at;

	while (at < r->end && *at != '>' && *at != '[')
		at++;
	if (at < r->end && *at == '[' && r->depth == 0) {
		const char *close = find(at, r->end, "]");
		const char *end = close ? memchr(close, '>', (size_t)(r->end - close)) : NULL;
		at = end ? end : r->end - 1;
		add(r, r->at, at + 1);
	}
	r->at = at < r->end ? at + 1 : r->end;
}

static void mend_markup(struct repair *r)
{
	struct base_span rest = {r->at, (size_t)(r->end - r->at)};

	if (base_span_starts(rest, "<![CDATA[") && r->depth)
		mend_cdata(r);
	else if (base_span_starts(rest, "<!--"))
		leave_out(r, "-->");
	else if (base_span_starts(rest, "<?"))
		leave_out(r, ">");
	else if (base_span_starts(rest, "<!"))
		mend_doctype(r);
	else if (!(rest.len > 1 && rest.ptr[1] == '/' ? repair_end_tag(r) : repair_start_tag(r))) {
		if (r->depth) {
			repair_note(r, REPAIR_LESS_THAN);
			base_buf_add_text(r->out, "&lt;");
		}
		r->at++;
	}
}

/* Text before the root element is none of the document's. */
static void note_what_is_before(struct repair *r)
{
	const char *start = memchr(r->at, '<', (size_t)(r->end - r->at));

	if (start != r->at)
		feed_builder_repair(r->builder, "something before the document");
	r->at = start ? start : r->end;
}

enum base_result feed_xml_repair(struct base_span xml, struct base_buf *out, struct feed_builder *builder)
{
	struct repair r = {.at = xml.ptr, .end = xml.ptr + xml.len, .out = out, .builder = builder};

	note_what_is_before(&r);
	while (r.at < r.end && !r.cut && out->failed == BASE_OK && builder->failed == BASE_OK) {
		const char *next = memchr(r.at, '<', (size_t)(r.end - r.at));
		if (!next)
			next = r.end;
		if (r.depth)
			repair_text(&r, (struct base_span){r.at, (size_t)(next - r.at)}, false);
		r.at = next;
		if (r.at < r.end)
			mend_markup(&r);
	}
	if (out->failed == BASE_OK && builder->failed == BASE_OK)
		return repair_finish(&r);
	return out->failed != BASE_OK ? out->failed : builder->failed;
}
