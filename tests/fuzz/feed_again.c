/*
 * A document, and the same again with changes: the first bytes say which, the rest is the document. Pieces between
 * the starts of entries are dropped, doubled and moved, and bytes changed. What comes of reading it whole and in part
 * must be the same.
 */
#include <string.h>

#include "tests/fuzz/feed_twice.h"

#define EDITS 3       /* between two documents */
#define EDIT_BYTES 4  /* what, and at which two places */
#define DOCUMENTS 3   /* after the first */
#define HEAD (DOCUMENTS * EDITS * EDIT_BYTES)
#define PIECES 64

enum edit { NOTHING, DROP, DOUBLE, SWAP, SET_BYTE, CUT_BYTE, ADD_TEXT, REPLACE, EDIT_KINDS };

static const char *const texts[] = {"<item><guid>1</guid></item>", "<!-- <item> -->", "<![CDATA[</item>]]>", "<item/>",
                                    "<entry><id>a</id></entry>", " xml:lang=\"de\"", "<channel>", "</item>"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool starts_entry(struct base_span rest)
{
	return base_span_starts(rest, "<item") || base_span_starts(rest, "<entry") || base_span_starts(rest, "<channel");
}

static size_t split(struct base_span text, struct base_span pieces[PIECES])
{
	size_t count = 0, from = 0;

	for (size_t i = 1; i <= text.len && count < PIECES; i++)
		if (i == text.len || count == PIECES - 1 || starts_entry((struct base_span){text.ptr + i, text.len - i})) {
			size_t end = count == PIECES - 1 ? text.len : i;
			pieces[count++] = (struct base_span){text.ptr + from, end - from};
			from = end;
			i = end;
		}
	return count;
}

static void add_changed(struct base_buf *out, struct base_span piece, const uint8_t edit[EDIT_BYTES], enum edit kind)
{
	size_t at = piece.len ? (size_t)(edit[2] * 256u + edit[3]) % piece.len : 0;
	const char *text = texts[edit[3] % (sizeof texts / sizeof *texts)];

	base_buf_add(out, piece.ptr, at);
	if (kind == SET_BYTE)
		base_buf_add_char(out, (char)(edit[3] | 32));
	else if (kind != CUT_BYTE)
		base_buf_add_text(out, text);
	if (piece.len)
		base_buf_add(out, piece.ptr + at + (kind != ADD_TEXT), piece.len - at - (kind != ADD_TEXT));
}

static void apply(struct base_span text, const uint8_t edit[EDIT_BYTES], struct base_buf *out)
{
	struct base_span pieces[PIECES];
	size_t count = split(text, pieces);
	enum edit kind = (enum edit)(edit[0] % EDIT_KINDS);
	size_t one = count ? edit[1] % count : 0, other = count ? edit[2] % count : 0;

	for (size_t i = 0; i < count; i++) {
		if (kind == SWAP && (i == one || i == other))
			base_buf_add_span(out, pieces[i == one ? other : one]);
		else if (kind == NOTHING || kind == SWAP || i != one)
			base_buf_add_span(out, pieces[i]);
		else if (kind == DOUBLE && base_buf_add_span(out, pieces[i]) == BASE_OK)
			base_buf_add_span(out, pieces[i]);
		else if (kind > SWAP)
			add_changed(out, pieces[i], edit, kind);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_twice twice = {0};
	const base_time now = 1770091506 * BASE_SECOND;
	const char *url = "https://example.org/feed/rss.xml";
	struct base_buf text, next;

	if (size < HEAD)
		return 0;
	base_buf_init(&text, 4 * size + 1000);
	base_buf_init(&next, 4 * size + 1000);
	base_buf_add(&text, (const char *)data + HEAD, size - HEAD);
	feed_twice_read(&twice, url, base_buf_span(&text), now);
	for (size_t i = 0; i < DOCUMENTS * EDITS; i++) {
		base_buf_reset(&next);
		apply(base_buf_span(&text), data + i * EDIT_BYTES, &next);
		struct base_buf old = text;
		text = next;
		next = old;
		if (i % EDITS == EDITS - 1)
			feed_twice_read(&twice, url, base_buf_span(&text), now);
	}
	feed_twice_free(&twice);
	base_buf_free(&text);
	base_buf_free(&next);
	return 0;
}
