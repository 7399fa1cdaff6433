/*
 * date_words: the words dates are made of, in several languages. Private to feed.
 */
#ifndef WIREWATCH_FEED_DATE_WORDS_H
#define WIREWATCH_FEED_DATE_WORDS_H

#include "wirewatch/base.h"

enum feed_date_kind {
	FEED_DATE_UNKNOWN,
	FEED_DATE_MONTH,   /* value 1 to 12 */
	FEED_DATE_WEEKDAY, /* value unused: publishers get it wrong */
	FEED_DATE_HALF,    /* value 0: before noon, 12: after noon */
	FEED_DATE_UNIT,    /* what the number before it counts: value 'y' 'm' 'd' 'H' 'M' 'S' */
	FEED_DATE_FILLER,  /* "at", "de", "года" */
};

struct feed_date_word {
	enum feed_date_kind kind;
	int value;
	bool doubtful; /* a month that may as well be a weekday: "mar", "сер" */
	bool korean;
};

#define FEED_DATE_WORD_MAX 32

/*
 * The word at the start of text, lower case and without accents or
 * apostrophes, into folded ("" if it is too long). Returns the bytes it takes;
 * 0 if text does not start with a letter.
 */
size_t feed_date_read_word(const char *text, size_t len, char folded[FEED_DATE_WORD_MAX + 1]);
struct feed_date_word feed_date_word(const char *folded);
/* A zone's name: *minutes east of Greenwich. Unknown names give false. */
bool feed_date_zone(const char *folded, int *minutes);

#endif
