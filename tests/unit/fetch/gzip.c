/*
 * gzip: see gzip.h.
 */
#include "tests/unit/fetch/gzip.h"

#include <string.h>

static void add_le(struct base_buf *out, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		base_buf_add_char(out, (char)(value >> (8 * i) & 0xff));
}

static void add_header(struct base_buf *out)
{
	base_buf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
}

static uint32_t crc32(const char *bytes, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

void gzip_stored(struct base_buf *out, const char *text)
{
	size_t len = strlen(text);

	add_header(out);
	base_buf_add_char(out, 1); /* last block, stored */
	add_le(out, (uint32_t)len, 2);
	add_le(out, (uint32_t)~len & 0xffff, 2);
	base_buf_add(out, text, len);
	add_le(out, crc32(text, len), 4);
	add_le(out, (uint32_t)len, 4);
}

struct bits {
	struct base_buf *out;
	uint32_t held;
	int count;
};

/* Huffman codes go in from their highest bit (RFC 1951 section 3.1.1). */
static void add_code(struct bits *bits, uint32_t code, int len)
{
	for (int i = len - 1; i >= 0; i--) {
		bits->held |= (code >> i & 1) << bits->count;
		if (++bits->count == 8) {
			base_buf_add_char(bits->out, (char)bits->held);
			bits->held = 0;
			bits->count = 0;
		}
	}
}

void gzip_bomb(struct base_buf *out, size_t len)
{
	struct bits bits = {.out = out};

	add_header(out);
	add_code(&bits, 1, 1); /* last block */
	add_code(&bits, 2, 2); /* fixed codes: 01, sent from its lowest bit */
	add_code(&bits, 0x30 + 'a', 8);
	for (size_t made = 1; made < len; made += 258) {
		add_code(&bits, 0xc5, 8); /* length symbol 285: 258 bytes */
		add_code(&bits, 0, 5);    /* from one byte back */
	}
	add_code(&bits, 0, 7); /* end of block */
	add_code(&bits, 0, 7);
	add_le(out, 0, 4);
	add_le(out, (uint32_t)len, 4);
}
