/*
 * charset: bytes of any charset to UTF-8, as the decoders of the WHATWG
 * Encoding Standard do it: what cannot be decoded becomes U+FFFD, and the
 * decoder goes on.
 */
#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "charset.h"

#define CHUNK ((size_t)64 << 10)
#define STORM 64 /* after so many errors in a row, the rest up to the next ASCII byte is one error */

static enum base_result add_code_point(struct base_buf *utf8, uint32_t code_point)
{
	char bytes[4];

	return base_buf_add(utf8, bytes, base_utf8_encode(code_point, bytes));
}

/* ---- UTF-8 with holes ------------------------------------------------------------- */

static enum base_result mend_utf8(struct base_span bytes, struct base_buf *utf8, bool *replaced)
{
	const char *at = bytes.ptr, *end = bytes.ptr + bytes.len, *good = at;

	while (at < end) {
		uint32_t code_point;
		bool valid;
		size_t used = base_utf8_decode(at, (size_t)(end - at), &code_point, &valid);

		if (!valid) {
			base_buf_add(utf8, good, (size_t)(at - good));
			if (add_code_point(utf8, BASE_REPLACEMENT) != BASE_OK)
				return utf8->failed;
			*replaced = true;
			good = at + used;
		}
		at += used;
	}
	base_buf_add(utf8, good, (size_t)(end - good));
	return utf8->failed;
}

/* ---- one byte a character ----------------------------------------------------------- */

/* What iconv makes of a single byte. */
static uint32_t ask(iconv_t cd, unsigned char byte)
{
	char in = (char)byte, out[16];
	char *from = &in, *to = out;
	size_t in_left = 1, out_left = sizeof(out);
	uint32_t code_point;
	bool valid;

	if (iconv(cd, &from, &in_left, &to, &out_left) == (size_t)-1 ||
		iconv(cd, NULL, NULL, &to, &out_left) == (size_t)-1) {
		iconv(cd, NULL, NULL, NULL, NULL);
		/* Section 9 of the standard: holes among 0x80 to 0x9F stand for the C1 controls. */
		return byte >= 0x80 && byte <= 0x9F ? byte : BASE_REPLACEMENT;
	}
	if (to == out)
		return BASE_REPLACEMENT;
	base_utf8_decode(out, (size_t)(to - out), &code_point, &valid);
	return code_point;
}

static enum base_result transcode_single(iconv_t cd, bool ebcdic, struct base_span bytes, struct base_buf *utf8,
										 bool *replaced)
{
	struct {
		char bytes[4];
		unsigned char len;
		bool bad;
	} table[256];

	for (unsigned i = 0; i < 256; i++) {
		uint32_t code_point = i < 0x80 && !ebcdic ? i : ask(cd, (unsigned char)i);

		table[i].len = (unsigned char)base_utf8_encode(code_point, table[i].bytes);
		table[i].bad = code_point == BASE_REPLACEMENT;
	}
	if (base_buf_reserve(utf8, 0) != BASE_OK)
		return utf8->failed;
	for (size_t at = 0; at < bytes.len; at++) {
		const unsigned char byte = (unsigned char)bytes.ptr[at];

		if (utf8->cap - utf8->len < 5 && base_buf_reserve(utf8, table[byte].len) != BASE_OK)
			return utf8->failed;
		memcpy(utf8->data + utf8->len, table[byte].bytes, table[byte].len);
		utf8->len += table[byte].len;
		*replaced |= table[byte].bad;
	}
	utf8->data[utf8->len] = '\0';
	return BASE_OK;
}

/* ---- anything iconv knows ------------------------------------------------------------ */

struct stream {
	iconv_t cd;
	enum feed_charset_kind kind;
	size_t unit; /* bytes to pass over where nothing can be decoded */
	const char *at, *end;
	size_t errors; /* in a row */
};

/* Passes over what cannot be decoded, never over an ASCII byte, so that no markup is lost. */
static void skip(struct stream *in)
{
	size_t left = (size_t)(in->end - in->at), count = in->unit < left ? in->unit : left;

	if (in->kind == FEED_CHARSET_UTF16 && in->errors >= STORM)
		count = in->unit * STORM < left ? in->unit * STORM : left;
	if (in->kind == FEED_CHARSET_MULTI) {
		while (count < left && (unsigned char)in->at[count] >= 0x80 && (count < 2 || in->errors >= STORM))
			count++;
	}
	in->at += count;
	in->errors++;
}

/* Decodes until the room in utf8 is used up, something is wrong, or all is done. */
static int step(struct stream *in, struct base_buf *utf8)
{
	/* iconv takes its input by a pointer that is not const, and leaves the bytes alone. */
	char *from = (char *)(uintptr_t)in->at, *to = utf8->data + utf8->len;
	size_t in_left = (size_t)(in->end - in->at), out_left = utf8->cap - 1 - utf8->len;
	size_t done = iconv(in->cd, &from, &in_left, &to, &out_left);
	int error = done == (size_t)-1 ? errno : 0;

	if (from != in->at)
		in->errors = 0;
	in->at = from;
	utf8->len = (size_t)(to - utf8->data);
	utf8->data[utf8->len] = '\0';
	return error;
}

static enum base_result grow(struct base_buf *utf8, size_t want)
{
	size_t room = utf8->max - utf8->len;

	if (want > CHUNK)
		want = CHUNK;
	if (want > room && room >= 16) /* the longest thing iconv writes at a time */
		want = room;
	return base_buf_reserve(utf8, want);
}

static enum base_result transcode_stream(struct stream *in, struct base_buf *utf8, bool *replaced)
{
	enum base_result result = BASE_OK;

	while (in->at < in->end && result == BASE_OK) {
		size_t left = (size_t)(in->end - in->at);

		result = grow(utf8, left + left / 2 + 16);
		if (result != BASE_OK)
			break;
		switch (step(in, utf8)) {
		case 0:
		case E2BIG:
			break;
		default: /* EILSEQ, or EINVAL: the last character is cut */
			skip(in);
			result = add_code_point(utf8, BASE_REPLACEMENT);
			*replaced = true;
		}
	}
	if (result == BASE_OK && in->kind == FEED_CHARSET_MULTI && grow(utf8, 16) == BASE_OK) {
		/* Some decoders hold a letter back until they know whether a mark follows. */
		char *to = utf8->data + utf8->len;
		size_t out_left = utf8->cap - 1 - utf8->len;

		iconv(in->cd, NULL, NULL, &to, &out_left);
		utf8->len = (size_t)(to - utf8->data);
		utf8->data[utf8->len] = '\0';
	}
	return result;
}

enum base_result feed_charset_transcode(const struct feed_charset *charset, struct base_span bytes,
										struct base_buf *utf8, bool *replaced)
{
	struct stream in = {.kind = charset->kind, .unit = 1, .at = bytes.ptr, .end = bytes.ptr + bytes.len};
	enum base_result result;

	*replaced = false;
	if (charset->kind == FEED_CHARSET_UTF8)
		return mend_utf8(bytes, utf8, replaced);
	in.cd = iconv_open("UTF-8", charset->iconv);
	if (in.cd == (iconv_t)-1)
		return errno == ENOMEM ? BASE_NO_MEMORY : mend_utf8(bytes, utf8, replaced);
	if (charset->kind == FEED_CHARSET_SINGLE || charset->kind == FEED_CHARSET_EBCDIC) {
		result = transcode_single(in.cd, charset->kind == FEED_CHARSET_EBCDIC, bytes, utf8, replaced);
	} else {
		if (charset->kind == FEED_CHARSET_UTF16)
			in.unit = strstr(charset->name, "32") != NULL ? 4 : 2;
		result = transcode_stream(&in, utf8, replaced);
	}
	iconv_close(in.cd);
	return result;
}
