/*
 * entity: HTML's named and numeric character references. Private to feed.
 */
#ifndef WIREWATCH_FEED_ENTITY_H
#define WIREWATCH_FEED_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_entity {
	const char *name; /* without & and ; */
	uint32_t first;
	uint16_t second; /* 0: the reference stands for one code point */
	bool bare;       /* HTML takes it without its semicolon too */
};

extern const struct feed_entity feed_entities[]; /* sorted by name, byte order */
extern const size_t feed_entity_count;

/* Look up a name (no & and no ;). code_points[1] is 0 if there is only one. */
bool feed_entity_find(const char *name, size_t len, uint32_t code_points[2]);

/*
 * Read the character reference whose & stands just before text, as HTML does
 * in text: the longest name wins, old names need no semicolon, numbers are
 * mended. Returns the bytes read, with the semicolon; 0 if it is no reference.
 */
size_t feed_entity_read(const char *text, size_t len, uint32_t code_points[2]);

/* What windows-1252 (as the WHATWG Encoding Standard has it) means by a byte 0x80 to 0x9F. */
uint32_t feed_windows_1252(unsigned char byte);

#endif
