/* Letters as the matcher sees them: their class, lower case and composed form. */
#ifndef MATCH_FOLD_H
#define MATCH_FOLD_H

#include "wirewatch/base.h"

enum fold_class { /* in the order that make-fold-table.py writes */
	FOLD_OTHER,
	FOLD_SPACE,
	FOLD_NEWLINE,
	FOLD_LETTER,
	FOLD_UPPER,
	FOLD_DIGIT,
	FOLD_MARK,    /* combines with the letter before it */
	FOLD_IGNORED, /* soft hyphen, zero width: as if not there */
	FOLD_HYPHEN,
	FOLD_APOSTROPHE,
};

enum fold_class fold_class_of(uint32_t code_point);
/* Lower case; what has none stays. */
uint32_t fold_lower(uint32_t code_point);
/* The letter that base (in lower case) and a combining mark make, or 0. */
uint32_t fold_compose(uint32_t base, uint32_t mark);
/* The letter without its marks: é to e, й to и; what has none stays. */
uint32_t fold_base(uint32_t code_point);
bool fold_is_cyrillic(uint32_t code_point);
#define FOLD_SHARP_S 0xDFu /* lower case, and written as two letters: ss */

#endif
