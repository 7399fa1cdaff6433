/*
 * charset: decide which charset a document is in.
 */
#include "charset.h"

#include <string.h>

#define SNIFF_LEN 1024 /* an XML declaration is looked for in this many bytes */
#define DEFAULT_MAX ((size_t)16 << 20)

/* Everything known about a document's charset before its bytes are read. */
struct labels {
	const struct feed_charset *header, *declared, *configured; /* NULL: none, or unknown */
};

/* ---- where labels stand ------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct base_span from(struct base_span text, size_t at)
{
	return (struct base_span){text.ptr + at, text.len - at};
}

/* The place behind the next word (lower case) in text, in any case; 0 if it is not there. */
static size_t behind(struct base_span text, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; text.len >= len && i <= text.len - len; i++) {
		size_t k = 0;

		while (k < len && (text.ptr[i + k] | 0x20) == (word[k] | 0x20))
			k++;
		if (k == len)
			return i + len;
	}
	return 0;
}

/* The value in `= "value"` at the start of text; BASE_NONE if there is none. */
static struct base_span assigned(struct base_span text)
{
	size_t at = 0, start;
	char quote = '\0';

	while (at < text.len && is_space(text.ptr[at]))
		at++;
	if (at == text.len || text.ptr[at] != '=')
		return BASE_NONE;
	for (at++; at < text.len && is_space(text.ptr[at]);)
		at++;
	if (at < text.len && (text.ptr[at] == '"' || text.ptr[at] == '\''))
		quote = text.ptr[at++];
	for (start = at; at < text.len; at++) {
		char c = text.ptr[at];

		if (c == quote || c == '"' || c == '>' || (quote == '\0' && (c == ';' || c == ',' || is_space(c))))
			break;
	}
	return (struct base_span){text.ptr + start, at - start};
}

/* RFC 9110, section 8.3.1: the charset parameter of a media type. */
static struct base_span header_label(struct base_span content_type)
{
	size_t at = content_type.ptr == NULL ? 0 : behind(content_type, "charset");

	return at == 0 ? BASE_NONE : assigned(from(content_type, at));
}

/* The encoding named by an XML declaration, which need not stand at the very beginning. */
static struct base_span declared_label(struct base_span bytes)
{
	struct base_span head = {bytes.ptr, bytes.len < SNIFF_LEN ? bytes.len : SNIFF_LEN};
	size_t at = behind(head, "<?xml");
	const char *end;

	if (at == 0)
		return BASE_NONE;
	head = from(head, at);
	end = memchr(head.ptr, '>', head.len);
	if (end != NULL)
		head.len = (size_t)(end - head.ptr);
	at = behind(head, "encoding");
	return at == 0 ? BASE_NONE : assigned(from(head, at));
}

static const struct feed_charset *find(struct base_span label)
{
	return label.ptr == NULL ? NULL : feed_charset_find(label);
}

static const struct feed_charset *named(const char *name)
{
	return feed_charset_find(base_span_of(name));
}

/* ---- what the bytes show ------------------------------------------------------- */

static bool starts(struct base_span bytes, const char *with, size_t len)
{
	return bytes.len >= len && memcmp(bytes.ptr, with, len) == 0;
}

/* *bom: the length of the byte order mark. */
static const struct feed_charset *by_bom(struct base_span bytes, size_t *bom)
{
	static const struct {
		const char *mark;
		size_t len;
		const char *name;
	} marks[] = {
		{"\xEF\xBB\xBF", 3, "utf-8"}, {"\xFF\xFE\0\0", 4, "utf-32le"}, {"\0\0\xFE\xFF", 4, "utf-32be"},
		{"\xFF\xFE", 2, "utf-16le"},  {"\xFE\xFF", 2, "utf-16be"},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (starts(bytes, marks[i].mark, marks[i].len)) {
			*bom = marks[i].len;
			return named(marks[i].name);
		}
	}
	return NULL;
}

/* XML 1.0, appendix F: wide characters show in the first one, which can only be markup or white space. */
static const struct feed_charset *by_width(struct base_span bytes)
{
	unsigned zero = 0;
	char first;

	if (bytes.len < 4)
		return NULL;
	for (size_t i = 0; i < 4; i++) {
		if (bytes.ptr[i] == '\0')
			zero |= 1u << i;
	}
	first = zero & 1 ? bytes.ptr[zero & 2 ? 3 : 1] : bytes.ptr[0];
	if (first != '<' && first != '{' && first != '\n' && first != '\r' && first != ' ' && first != '\t')
		return NULL;
	switch (zero) {
	case 0xE: /* x 0 0 0 */
		return named("utf-32le");
	case 0x7: /* 0 0 0 x */
		return named("utf-32be");
	case 0xA: /* x 0 y 0 */
		return named("utf-16le");
	case 0x5: /* 0 x 0 y */
		return named("utf-16be");
	default:
		return NULL;
	}
}

/* "<?xm" in EBCDIC; which EBCDIC it is stands in the declaration, whose letters are alike in all of them. */
static const struct feed_charset *by_ebcdic(struct base_span bytes)
{
	const struct feed_charset *plain = named("ibm037"), *declared = NULL;
	struct base_buf head;
	bool replaced;

	if (plain == NULL || !starts(bytes, "\x4C\x6F\xA7\x94", 4))
		return NULL;
	if (bytes.len > SNIFF_LEN)
		bytes.len = SNIFF_LEN;
	base_buf_init(&head, 3 * SNIFF_LEN);
	if (feed_charset_transcode(plain, bytes, &head, &replaced) == BASE_OK)
		declared = find(declared_label(base_buf_span(&head)));
	base_buf_free(&head);
	return declared != NULL && declared->kind == FEED_CHARSET_EBCDIC ? declared : plain;
}

static bool is_ascii(struct base_span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if ((unsigned char)bytes.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

/* Text in seven bits that only its label and its escapes tell from ASCII. */
static const struct feed_charset *by_escapes(struct base_span bytes, const struct labels *labels)
{
	const struct feed_charset *label = labels->header != NULL ? labels->header : labels->declared;

	if (label == NULL || label->kind != FEED_CHARSET_ESCAPE || memchr(bytes.ptr, '\x1B', bytes.len) == NULL)
		return NULL;
	return label;
}

/* ---- the decision ---------------------------------------------------------------- */

/* Whether a label may be believed of bytes that are neither wide, nor EBCDIC, nor UTF-8. */
static bool believable(const struct feed_charset *label)
{
	return label != NULL && (label->kind == FEED_CHARSET_SINGLE || label->kind == FEED_CHARSET_MULTI ||
							 label->kind == FEED_CHARSET_ESCAPE);
}

/* *valid: the bytes are known to be UTF-8. */
static const struct feed_charset *decide(struct base_span bytes, const struct labels *labels, bool *valid)
{
	const struct feed_charset *found;

	if ((found = by_escapes(bytes, labels)) != NULL)
		return found;
	*valid = base_utf8_valid(bytes.ptr, bytes.len);
	if (*valid)
		return named("utf-8");
	if ((found = by_ebcdic(bytes)) != NULL)
		return found;
	if (believable(labels->header))
		return labels->header;
	if (believable(labels->declared))
		return labels->declared;
	if (believable(labels->configured))
		return labels->configured;
	found = feed_charset_guess(bytes);
	return found != NULL ? found : named("utf-8");
}

static const char *note_for(struct base_span bytes, const struct labels *labels, const struct feed_charset *used)
{
	const struct feed_charset *label = labels->header != NULL ? labels->header : labels->declared;

	if (label == used || (label != NULL && label->kind == used->kind && used->kind == FEED_CHARSET_UTF16))
		return NULL;
	if (used->kind == FEED_CHARSET_UTF8)
		return label == NULL || is_ascii(bytes) ? NULL : label->as_utf8;
	if (label == NULL)
		return used->kind == FEED_CHARSET_UTF16 ? NULL : used->unlabelled;
	return label->kind == FEED_CHARSET_UTF8 ? used->instead_of_utf8 : used->instead_of_other;
}

enum base_result feed_charset_decode(const struct feed_input *in, struct base_buf *utf8, const char **note)
{
	struct base_span bytes = in->bytes;
	struct labels labels = {.configured = find(in->charset), .header = find(header_label(in->content_type))};
	const struct feed_charset *used;
	size_t max = in->limits.max_bytes == 0 ? DEFAULT_MAX : in->limits.max_bytes;
	enum base_result result = BASE_OK;
	bool replaced = false, valid = false;
	size_t bom = 0;
	const char *say;

	if (bytes.len > max)
		return BASE_LIMIT;
	if (bytes.len == 0) {
		*note = NULL;
		return BASE_OK;
	}
	labels.declared = find(declared_label(bytes));
	used = by_bom(bytes, &bom);
	if (used == NULL)
		used = by_width(bytes);
	bytes = from(bytes, bom);
	if (used == NULL)
		used = decide(bytes, &labels, &valid);
	else if (used->kind == FEED_CHARSET_UTF8)
		valid = base_utf8_valid(bytes.ptr, bytes.len);
	say = note_for(bytes, &labels, used);
	if (used->kind != FEED_CHARSET_UTF8 || !valid)
		result = feed_charset_transcode(used, bytes, utf8, &replaced);
	if (result == BASE_OK && bom > 0 && bytes.len == 0 && used->kind != FEED_CHARSET_UTF8)
		result = base_buf_add_char(utf8, '\n'); /* nothing but a mark: still not the bytes as they are */
	if (result != BASE_OK)
		return result;
	*note = say == NULL && replaced ? "undecodable bytes replaced" : say;
	return BASE_OK;
}
