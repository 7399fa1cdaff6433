/*
 * print: see print.h.
 */
#include "print.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "wirewatch/base.h"

/* Writes what base_escape would escape the way JSON does (RFC 8259, section 7). */
static void print_code_point(const char *bytes, size_t len, uint32_t code_point)
{
	struct base_buf escaped;

	base_buf_init(&escaped, 16);
	if (base_escape(&escaped, bytes, len, BASE_ESCAPE_LINE) == BASE_OK && escaped.len == len &&
		memcmp(escaped.data, bytes, len) == 0)
		(void)fwrite(bytes, 1, len, stdout);
	else if (code_point < 0x10000)
		(void)printf("\\u%04X", (unsigned)code_point);
	else
		(void)printf("\\u%04X\\u%04X", (unsigned)(0xD7C0 + (code_point >> 10)),
					 (unsigned)(0xDC00 | (code_point & 0x3FF)));
	base_buf_free(&escaped);
}

/* The length of the stretch of ASCII and of two-byte letters up to U+05FF, in which only DEL and U+0080 to U+009F
 * count. */
static size_t harmless(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		unsigned char c = (unsigned char)text[at];

		if (c < 0x7F)
			at++;
		else if (c >= 0xC3 && c <= 0xD7 && len - at > 1)
			at += 2;
		else
			break;
	}
	return at;
}

/* Called by jansson with each piece; a piece may be cut anywhere between characters. */
static int print_piece(const char *text, size_t len, void *ctx)
{
	(void)ctx;
	for (size_t at = 0; at < len;) {
		size_t used = harmless(text + at, len - at);
		uint32_t code_point;
		bool valid;

		if (used > 0) {
			(void)fwrite(text + at, 1, used, stdout);
		} else {
			used = base_utf8_decode(text + at, len - at, &code_point, &valid);
			print_code_point(text + at, used, code_point);
		}
		at += used;
	}
	return ferror(stdout) ? -1 : 0;
}

int print_end(const char *command)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLIENT_DONE;
	(void)fprintf(stderr, "wirewatch %s: cannot write\n", command);
	return CLIENT_FAILED;
}

int print_json(const char *command, const json_t *value)
{
	if (json_dump_callback(value, print_piece, NULL, JSON_COMPACT) == 0 && putchar('\n') != EOF)
		return print_end(command);
	(void)fprintf(stderr, "wirewatch %s: cannot write\n", command);
	return CLIENT_FAILED;
}
