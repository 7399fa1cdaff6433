/*
 * date_clock: the time of day and its offset in a date.
 */
#include "date_reader.h"

/* ---- characters ---------------------------------------------------------------- */

bool feed_date_digit_at(const struct feed_date_reader *r, size_t offset)
{
	return (size_t)(r->end - r->at) > offset && r->at[offset] >= '0' && r->at[offset] <= '9';
}

char feed_date_char_at(const struct feed_date_reader *r, size_t offset)
{
	return (size_t)(r->end - r->at) > offset ? r->at[offset] : '\0';
}

long feed_date_read_digits(struct feed_date_reader *r, int max, int *digits)
{
	long value = 0;

	for (*digits = 0; *digits < max && feed_date_digit_at(r, 0); (*digits)++)
		value = value * 10 + (*r->at++ - '0');
	return value;
}

/* ---- times and zones --------------------------------------------------------------- */

static void read_fraction(struct feed_date_reader *r)
{
	long scale = 100000;

	r->micros = 0;
	if ((feed_date_char_at(r, 0) != '.' && feed_date_char_at(r, 0) != ',') || !feed_date_digit_at(r, 1))
		return;
	for (r->at++; feed_date_digit_at(r, 0); r->at++) {
		r->micros += scale * (*r->at - '0');
		scale /= 10;
	}
}

bool feed_date_read_clock(struct feed_date_reader *r, long hour)
{
	int digits;

	if (r->hour != NO_VALUE)
		return false;
	r->hour = hour;
	r->at++;
	r->minute = feed_date_read_digits(r, 2, &digits);
	if (digits == 0)
		return false;
	r->second = 0;
	if (feed_date_char_at(r, 0) == ':' && feed_date_digit_at(r, 1)) {
		r->at++;
		r->second = feed_date_read_digits(r, 2, &digits);
	}
	read_fraction(r);
	if (feed_date_char_at(r, 0) == ':' && (feed_date_char_at(r, 1) == '-' || feed_date_char_at(r, 1) == '+'))
		r->at++;
	return feed_date_char_at(r, 0) != ':' && !feed_date_digit_at(r, 0);
}

bool feed_date_read_compact_clock(struct feed_date_reader *r)
{
	int digits;
	long value = feed_date_read_digits(r, 6, &digits);

	if (feed_date_digit_at(r, 0) || (digits != 2 && digits != 4 && digits != 6))
		return false;
	for (; digits < 6; digits += 2)
		value *= 100;
	r->hour = value / 10000;
	r->minute = value / 100 % 100;
	r->second = value % 100;
	read_fraction(r);
	return true;
}

bool feed_date_read_offset(struct feed_date_reader *r)
{
	int sign = *r->at == '-' ? -1 : 1, digits;
	long hours, minutes = 0;

	r->at++;
	hours = feed_date_read_digits(r, 2, &digits);
	if (digits == 0 || r->zone_given)
		return false;
	if (feed_date_char_at(r, 0) == ':' || (digits == 2 && feed_date_digit_at(r, 0))) {
		r->at += feed_date_char_at(r, 0) == ':';
		minutes = feed_date_read_digits(r, 2, &digits);
		if (digits != 2)
			return false;
		if (feed_date_char_at(r, 0) == ':' && feed_date_digit_at(r, 1)) {
			r->at++;
			feed_date_read_digits(r, 2, &digits);
		}
	}
	if (hours > 15 || minutes > 59 || feed_date_digit_at(r, 0))
		return false;
	r->zone = sign * (int)(hours * 60 + minutes);
	r->zone_given = true;
	return true;
}
