/* Whether two names mean one thing, whatever their case, spaces, hyphens and accents. */
#include <string.h>

#include "fold.h"
#include "wirewatch/match.h"

#define LETTERS_MAX 256

struct bare_name { /* letters and digits alone */
	uint32_t letters[LETTERS_MAX];
	size_t count;
};

static void strip(struct base_span name, struct bare_name *out)
{
	out->count = 0;
	for (size_t at = 0; at < name.len && out->count + 2 <= LETTERS_MAX;) {
		uint32_t c;
		bool valid;
		at += base_utf8_decode(name.ptr + at, name.len - at, &c, &valid);
		enum fold_class class = fold_class_of(c);
		if (class != FOLD_LETTER && class != FOLD_UPPER && class != FOLD_DIGIT)
			continue;
		c = fold_base(fold_lower(c));
		if (c == 0xDFu) /* ß */
			out->letters[out->count++] = 's';
		out->letters[out->count++] = c == 0xDFu ? 's' : c;
	}
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

/* "Leopard" and "Leopard 2" agree; "F-1" and "F-16" do not: a number is not cut. */
bool match_same_name(struct base_span a, struct base_span b)
{
	struct bare_name x, y;
	strip(a, &x);
	strip(b, &y);
	const struct bare_name *shorter = x.count <= y.count ? &x : &y, *longer = x.count <= y.count ? &y : &x;
	if (shorter->count == 0 || memcmp(shorter->letters, longer->letters, shorter->count * sizeof *x.letters) != 0)
		return false;
	if (shorter->count == longer->count)
		return true;
	return shorter->count >= 2 &&
	       !(is_digit(shorter->letters[shorter->count - 1]) && is_digit(longer->letters[shorter->count]));
}
