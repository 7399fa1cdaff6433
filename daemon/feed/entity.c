/*
 * entity: look up and read HTML's character references.
 */
#include "entity.h"

#include <string.h>

#include "wirewatch/base.h"

#define LONGEST_NAME 31 /* CounterClockwiseContourIntegral */
#define LONGEST_BARE 6  /* Aacute, without a semicolon */

static int compare(const char *name, size_t len, const char *known)
{
	int order = strncmp(name, known, len);

	if (order != 0)
		return order;
	return known[len] == '\0' ? 0 : -1;
}

static const struct feed_entity *find(const char *name, size_t len)
{
	size_t low = 0, high = feed_entity_count;

	if (len == 0 || len > LONGEST_NAME || memchr(name, '\0', len) != NULL)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(name, len, feed_entities[middle].name);

		if (order == 0)
			return &feed_entities[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool feed_entity_find(const char *name, size_t len, uint32_t code_points[2])
{
	const struct feed_entity *entity = find(name, len);

	if (entity == NULL)
		return false;
	code_points[0] = entity->first;
	code_points[1] = entity->second;
	return true;
}

uint32_t feed_windows_1252(unsigned char byte)
{
	/* WHATWG Encoding Standard, index windows-1252: its five holes are the C1 controls themselves. */
	static const uint16_t high[32] = {
		0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
		0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
		0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
	};

	return byte >= 0x80 && byte <= 0x9F ? high[byte - 0x80] : byte;
}

/* HTML Living Standard, section 13.2.5.84: what a number really stands for. */
static uint32_t mend_number(uint32_t number)
{
	if (number == 0 || number > 0x10FFFF || (number >= 0xD800 && number <= 0xDFFF))
		return BASE_REPLACEMENT;
	if (number >= 0x80 && number <= 0x9F)
		return feed_windows_1252((unsigned char)number);
	return number;
}

static int digit_value(char c, uint32_t radix)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (radix == 16 && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (radix == 16 && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* text starts behind "&#". */
static size_t read_number(const char *text, size_t len, uint32_t *code_point)
{
	uint32_t radix = 10, number = 0;
	size_t at = 0, digits;

	if (len > 0 && (text[0] == 'x' || text[0] == 'X')) {
		radix = 16;
		at = 1;
	}
	digits = at;
	for (; at < len; at++) {
		int value = digit_value(text[at], radix);

		if (value < 0)
			break;
		if (number <= 0x10FFFF)
			number = number * radix + (uint32_t)value;
	}
	if (at == digits)
		return 0;
	*code_point = mend_number(number);
	return at + (at < len && text[at] == ';');
}

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

size_t feed_entity_read(const char *text, size_t len, uint32_t code_points[2])
{
	size_t run = 0, used;

	code_points[1] = 0;
	if (len > 0 && text[0] == '#') {
		used = read_number(text + 1, len - 1, &code_points[0]);
		return used == 0 ? 0 : used + 1;
	}
	while (run < len && run <= LONGEST_NAME && is_alphanumeric(text[run]))
		run++;
	if (run < len && text[run] == ';' && feed_entity_find(text, run, code_points))
		return run + 1;
	for (used = run < LONGEST_BARE ? run : LONGEST_BARE; used >= 2; used--) {
		const struct feed_entity *entity = find(text, used);

		if (entity != NULL && entity->bare) {
			code_points[0] = entity->first;
			return used;
		}
	}
	return 0;
}
