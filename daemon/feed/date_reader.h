/*
 * date_reader: what the files that read dates share. Private to date*.c.
 */
#ifndef WIREWATCH_FEED_DATE_READER_H
#define WIREWATCH_FEED_DATE_READER_H

#include "wirewatch/base.h"

#define NO_VALUE (-1)

/* A date half read: what is known of it, and the text to come. */
struct feed_date_reader {
	const char *at, *end;
	long year, month, day, ordinal, week; /* NO_VALUE: not read yet; ordinal: day of the year */
	long hour, minute, second, micros;
	long short_year; /* the two digits taken for the year, if year_short */
	long number;     /* a number that waits for its unit, and for its place if no unit comes */
	int number_digits, half;
	int zone; /* minutes east */
	bool zone_named, zone_given, month_doubtful, year_short, korean;
	bool either_order; /* 3/2/2026: the European order was taken, the American one is as good */
	base_time epoch;   /* seconds were given as one number */
};

bool feed_date_digit_at(const struct feed_date_reader *r, size_t offset);
char feed_date_char_at(const struct feed_date_reader *r, size_t offset); /* NUL behind the end */
/* Reads at most max digits; *digits says how many. */
long feed_date_read_digits(struct feed_date_reader *r, int max, int *digits);

/* At the mark behind the hour: ":mm", ":mm:ss", ":mm:ss.ffffff". */
bool feed_date_read_clock(struct feed_date_reader *r, long hour);
/* Behind an ISO 8601 "T" in basic form: hh, hhmm, hhmmss. */
bool feed_date_read_compact_clock(struct feed_date_reader *r);
/* At a sign: +h, +hh, +hhmm, +hh:mm; seconds are read and left out. */
bool feed_date_read_offset(struct feed_date_reader *r);

/* date_usual.c: false if the date (trimmed) is in another form, or may be a wrong one. */
bool feed_date_usual(struct base_span text, base_time *out);

#endif
