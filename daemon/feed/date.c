/*
 * date: any date found in feeds.
 *
 * One reader for all forms: RFC 822 and its successors, RFC 850, asctime,
 * RFC 3339 and W3CDTF, ISO 8601 (calendar, ordinal and week dates, basic and
 * extended), and what publishers make of them. It goes from token to token and
 * fails at what it does not understand: a wrong date is worse than none.
 * A date without a zone is taken for UTC.
 */
#include <string.h>

#include "date_reader.h"
#include "date_words.h"
#include "wirewatch/feed.h"

#define LONGEST_DATE 128
#define LONGEST_UNKNOWN_ZONE 5
#define SEOUL (9 * 60)
#define END_OF_9999 (253402300800 * BASE_SECOND)

/* ---- dates in digits ------------------------------------------------------------------ */

/* RFC 2822, section 4.3: years of two and three digits. */
static long full_year(long year, int digits)
{
	if (digits <= 2)
		return year < 50 ? 2000 + year : 1900 + year;
	return digits == 3 ? 1900 + year : year;
}

struct triple {
	long value[3];
	int digits[3];
	int count;
	long month; /* the second part was a month's name; else NO_VALUE */
	char mark;  /* what stood between the parts */
};

static bool set_date(struct feed_date_reader *r, long year, long month, long day)
{
	if (r->year != NO_VALUE || r->month != NO_VALUE || r->day != NO_VALUE)
		return false;
	r->year = year;
	r->month = month;
	r->day = day;
	return true;
}

/* yyyy-mm-dd, yyyy-mm, yyyy-ddd. */
static bool place_year_first(struct feed_date_reader *r, const struct triple *t)
{
	long year = full_year(t->value[0], t->digits[0]);

	if (t->month == NO_VALUE && t->count == 2 && t->digits[1] == 3) {
		r->ordinal = t->value[1];
		return set_date(r, year, 1, 1);
	}
	return set_date(r, year, t->month != NO_VALUE ? t->month : t->value[1], t->count == 3 ? t->value[2] : 1);
}

/* Two short numbers first: the day leads unless that cannot be, or the time behind it is an American one. */
static bool place_year_last(struct feed_date_reader *r, const struct triple *t)
{
	long year = full_year(t->value[2], t->digits[2]);
	bool month_first = t->value[1] > 12;

	r->either_order = t->mark == '/' && t->month == NO_VALUE && t->value[0] <= 12 && t->value[1] <= 12;
	if (t->month != NO_VALUE)
		return set_date(r, year, t->month, t->value[0]);
	return month_first ? set_date(r, year, t->value[0], t->value[1]) : set_date(r, year, t->value[1], t->value[0]);
}

static bool place(struct feed_date_reader *r, const struct triple *t)
{
	if (t->digits[0] == 4)
		return place_year_first(r, t);
	if (t->digits[0] > 2 || t->count < 3)
		return false;
	if (t->mark == '-' && t->digits[2] <= 2 && t->month == NO_VALUE && t->value[1] <= 12)
		return place_year_first(r, t);
	return place_year_last(r, t);
}

/* The second part of "12-Feb-2026". */
static bool read_month_name(struct feed_date_reader *r, struct triple *t)
{
	char folded[FEED_DATE_WORD_MAX + 1];
	size_t used = feed_date_read_word(r->at, (size_t)(r->end - r->at), folded);
	struct feed_date_word word = feed_date_word(folded);

	if (used == 0 || word.kind != FEED_DATE_MONTH)
		return false;
	t->month = word.value;
	r->at += used;
	return true;
}

/* At the mark behind the first number of a date in digits. */
static bool read_triple(struct feed_date_reader *r, long first, int first_digits)
{
	struct triple t = {.value = {first}, .digits = {first_digits}, .count = 1, .month = NO_VALUE, .mark = *r->at};

	while (t.count < 3 && feed_date_char_at(r, 0) == t.mark) {
		const char *mark = r->at++;

		if (feed_date_digit_at(r, 0)) {
			t.value[t.count] = feed_date_read_digits(r, 4, &t.digits[t.count]);
		} else if (t.count != 1 || !read_month_name(r, &t)) {
			r->at = mark;
			break;
		}
		t.count++;
	}
	if (feed_date_digit_at(r, 0))
		return false;
	return place(r, &t);
}

/* ISO 8601 week date, at the W: Www-D, WwwD, Www. */
static bool read_week(struct feed_date_reader *r, long year)
{
	int digits;

	r->at++;
	r->week = feed_date_read_digits(r, 2, &digits);
	if (digits != 2 || r->week < 1 || r->week > 53)
		return false;
	if (feed_date_char_at(r, 0) == '-' && feed_date_digit_at(r, 1))
		r->at++;
	r->ordinal = 1; /* the weekday, from Monday */
	if (feed_date_digit_at(r, 0))
		r->ordinal = feed_date_read_digits(r, 1, &digits);
	return r->ordinal >= 1 && r->ordinal <= 7 && set_date(r, year, 1, 1);
}

/* A long number alone: yyyymmdd and longer, yymmdd, yyyyddd, or seconds or milliseconds since 1970. */
static bool place_long_number(struct feed_date_reader *r, const char *text, int digits)
{
	long long value = 0;

	for (int i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	if (digits == 10 || digits == 13) {
		r->epoch = (base_time)value * (digits == 10 ? BASE_SECOND : BASE_SECOND / 1000);
		return true;
	}
	if (digits == 7) {
		r->ordinal = (long)(value % 1000);
		return set_date(r, (long)(value / 1000), 1, 1);
	}
	if (digits == 12 || digits == 14) {
		long time = (long)(digits == 12 ? value % 10000 * 100 : value % 1000000);

		r->hour = time / 10000;
		r->minute = time / 100 % 100;
		r->second = time % 100;
		r->micros = 0;
		value /= digits == 12 ? 10000 : 1000000;
	} else if (digits == 6) {
		value += value < 500000 ? 20000000 : 19000000;
	} else if (digits != 8) {
		return false;
	}
	return set_date(r, (long)(value / 10000), (long)(value / 100 % 100), (long)(value % 100));
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Gives the waiting number its place: a long one is the year, the first short one the day, the next the year. */
static bool settle(struct feed_date_reader *r)
{
	long number = r->number;
	int digits = r->number_digits;

	r->number = NO_VALUE;
	if (number == NO_VALUE)
		return true;
	if (digits > 4)
		return false;
	if (digits >= 3 || r->day != NO_VALUE) {
		if (r->year != NO_VALUE && r->hour != NO_VALUE && number == 0 && !r->zone_given)
			return r->zone_given = true; /* "0000": a zone without its sign */
		if (r->year != NO_VALUE && r->month != NO_VALUE && r->hour == NO_VALUE && digits <= 2) {
			r->hour = number;
			r->minute = r->second = 0;
			return true;
		}
		if (r->year_short && r->month == NO_VALUE && digits == 4) { /* "11 04 2020": it was the month */
			r->month = r->short_year;
			r->year = NO_VALUE;
		}
		if (r->year != NO_VALUE || (digits == 3 && number < 100))
			return false;
		r->year_short = digits == 2;
		r->short_year = number;
		r->year = full_year(number, digits);
		return true;
	}
	r->day = number;
	return true;
}

static bool apply_unit(struct feed_date_reader *r, int unit)
{
	long number = r->number, *place = NULL;

	r->number = NO_VALUE;
	switch (unit) {
	case 'y':
		place = &r->year;
		break;
	case 'm':
		place = &r->month;
		break;
	case 'd':
		place = &r->day;
		break;
	case 'H':
		place = &r->hour;
		r->minute = r->second = r->micros = 0;
		break;
	case 'M':
		r->minute = number;
		break;
	default:
		r->second = number;
	}
	if (number == NO_VALUE || (place != NULL && *place != NO_VALUE))
		return false;
	if (place != NULL)
		*place = number;
	return place != NULL || r->hour != NO_VALUE;
}

static bool read_number(struct feed_date_reader *r)
{
	const char *start = r->at;
	int digits;
	long value;
	char mark;

	if (!settle(r))
		return false;
	value = feed_date_read_digits(r, 14, &digits);
	if (feed_date_digit_at(r, 0))
		return false;
	mark = feed_date_char_at(r, 0);
	if (digits <= 2 && mark == ':' && feed_date_digit_at(r, 1))
		return feed_date_read_clock(r, value);
	if (digits <= 2 && (mark == 'h' || mark == 'H') && feed_date_digit_at(r, 1))
		return feed_date_read_clock(r, value);
	if (digits == 4 && (mark == 'W' || (mark == '-' && feed_date_char_at(r, 1) == 'W'))) {
		r->at += mark == '-';
		return read_week(r, value);
	}
	if (digits <= 4 && (mark == '-' || mark == '/' || mark == '.') && (r->year == NO_VALUE || r->day == NO_VALUE) &&
		r->at + 1 < r->end && r->at[1] != ' ' && (feed_date_digit_at(r, 1) || mark != '.') && r->month == NO_VALUE)
		return read_triple(r, value, digits);
	if (digits > 4)
		return place_long_number(r, start, digits);
	r->number = value;
	r->number_digits = digits;
	return true;
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool place_month(struct feed_date_reader *r, const struct feed_date_word *word)
{
	if (r->month != NO_VALUE && !r->month_doubtful)
		return word->doubtful;
	r->month = word->value;
	r->month_doubtful = word->doubtful;
	return true;
}

/* "a.m." and "p.m.": the point parts the letters. */
static bool read_half(struct feed_date_reader *r)
{
	char half = (char)(feed_date_char_at(r, 0) | 0x20);

	if ((half != 'a' && half != 'p') || feed_date_char_at(r, 1) != '.' || (feed_date_char_at(r, 2) | 0x20) != 'm')
		return false;
	r->half = half == 'p' ? 12 : 0;
	r->at += 3;
	return true;
}

/* The rest of "Europe/Brussels": which zone that was on that day only a database knows. */
static bool skip_place(struct feed_date_reader *r)
{
	if (feed_date_char_at(r, 0) != '/')
		return false;
	while (r->at < r->end && *r->at != ' ' && *r->at != ')')
		r->at++;
	return true;
}

/* A word that is no month or the like: a zone if a time came before, an unknown weekday if nothing did. */
static bool place_zone(struct feed_date_reader *r, const char *folded, bool first)
{
	bool known;
	int minutes = 0;

	known = feed_date_zone(folded, &minutes);
	if (r->hour == NO_VALUE && !(known && r->year != NO_VALUE && r->day != NO_VALUE))
		return first && (feed_date_char_at(r, 0) == ',' || feed_date_char_at(r, 0) == '.');
	if (r->zone_given || r->zone_named)
		return r->zone_given && known; /* "+0200 (CEST)" */
	/* RFC 5322, section 4.3: an unknown name counts as UTC. */
	if (!known && !skip_place(r) && (folded[0] == '\0' || strlen(folded) > LONGEST_UNKNOWN_ZONE))
		return false;
	r->zone = minutes;
	r->zone_named = true;
	return true;
}

static bool read_word(struct feed_date_reader *r, bool first)
{
	char folded[FEED_DATE_WORD_MAX + 1];
	size_t used;
	struct feed_date_word word;
	int minutes;

	if (read_half(r))
		return settle(r);
	used = feed_date_read_word(r->at, (size_t)(r->end - r->at), folded);
	r->at += used;
	if (strcmp(folded, "t") == 0 && feed_date_digit_at(r, 0) && r->hour == NO_VALUE) {
		if (!settle(r) || r->year == NO_VALUE)
			return false;
		return feed_date_char_at(r, 1) == ':' || feed_date_char_at(r, 2) == ':' || feed_date_read_compact_clock(r);
	}
	word = feed_date_word(folded);
	r->korean = r->korean || word.korean;
	if (word.kind == FEED_DATE_UNIT)
		return apply_unit(r, word.value);
	if (!settle(r))
		return false;
	if (r->hour != NO_VALUE && word.kind != FEED_DATE_MONTH && feed_date_zone(folded, &minutes))
		return place_zone(r, folded, first);
	switch (word.kind) {
	case FEED_DATE_MONTH:
		return place_month(r, &word);
	case FEED_DATE_HALF:
		r->half = word.value;
		return true;
	case FEED_DATE_UNIT:
	case FEED_DATE_WEEKDAY:
	case FEED_DATE_FILLER:
		return true;
	case FEED_DATE_UNKNOWN:
		break;
	}
	return place_zone(r, folded, first);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* Punctuation, and spaces and dashes beyond ASCII. */
static bool read_mark(struct feed_date_reader *r)
{
	unsigned char c = (unsigned char)*r->at;
	uint32_t code_point;
	bool valid;

	if (c >= 0x80) {
		r->at += base_utf8_decode(r->at, (size_t)(r->end - r->at), &code_point, &valid);
		return valid;
	}
	if (c == '(' && (r->zone_given || r->zone_named)) { /* a comment: RFC 5322, section 3.2.2 */
		const char *close = memchr(r->at, ')', (size_t)(r->end - r->at));

		r->at = close == NULL ? r->end : close + 1;
		return true;
	}
	r->at++;
	return strchr(" \t\n\r\f,.;()/|@'\"[]", c) != NULL && c != '\0';
}

/* A date may have a zone without a time: "2026-02-03+02:00", "03.02.2026 +0200". */
static bool may_be_offset(const struct feed_date_reader *r, const char *sign)
{
	return r->hour != NO_VALUE || feed_date_char_at(r, 3) == ':' || (feed_date_digit_at(r, 4) && sign[-1] == ' ');
}

static bool read_all(struct feed_date_reader *r)
{
	bool first = true, fine = true;

	while (r->at < r->end && fine) {
		char folded[FEED_DATE_WORD_MAX + 1];
		const char *before = r->at;

		if (feed_date_digit_at(r, 0)) {
			fine = read_number(r);
		} else if (feed_date_read_word(r->at, (size_t)(r->end - r->at), folded) > 0) {
			fine = read_word(r, first);
		} else if ((*r->at == '+' || *r->at == '-') && feed_date_digit_at(r, 1) &&
				   (r->hour != NO_VALUE || r->day != NO_VALUE)) {
			fine = settle(r) && may_be_offset(r, before) && feed_date_read_offset(r);
		} else if (*r->at == '-' &&
				   (feed_date_char_at(r, 1) == '-' || (r->hour == NO_VALUE && !feed_date_digit_at(r, 1)))) {
			r->at++;
		} else {
			fine = read_mark(r);
		}
		first = first && before != r->at && (*before == ' ' || *before == '"');
	}
	return fine && settle(r);
}

static long days_in_month(long year, long month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* The day as a count since 1970, or false if there is no such day. */
static bool count_days(const struct feed_date_reader *r, int64_t *days)
{
	long month = r->month, day = r->day == NO_VALUE ? 1 : r->day;

	if (r->either_order && r->half != NO_VALUE) {
		month = r->day;
		day = r->month;
	}
	if (month == NO_VALUE) {
		if (r->day != NO_VALUE || r->hour != NO_VALUE) /* only a year may stand alone */
			return false;
		month = 1;
	}
	if (r->year < 1 || r->year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(r->year, month))
		return false;
	*days = base_days_from_civil(r->year, (int)month, (int)day);
	if (r->week != NO_VALUE) { /* week 1 holds 4 January; 1970-01-01 was a Thursday */
		int64_t fourth = *days + 3, weekday = ((fourth + 3) % 7 + 7) % 7;

		*days = fourth - weekday + 7 * (r->week - 1) + r->ordinal - 1;
	} else if (r->ordinal != NO_VALUE) {
		if (r->ordinal < 1 || r->ordinal > 337 + days_in_month(r->year, 2))
			return false;
		*days += r->ordinal - 1;
	}
	return true;
}

static bool count_seconds(const struct feed_date_reader *r, int64_t *seconds)
{
	long hour = r->hour;

	if (hour == NO_VALUE) {
		*seconds = 0;
		return true;
	}
	if (r->half != NO_VALUE && hour <= 12)
		hour = hour % 12 + r->half;
	/* 24:00 ends a day, second 60 is a leap second (RFC 3339, section 5.7). */
	if (hour > 24 || r->minute > 59 || r->second > 60 || (hour == 24 && r->minute + r->second > 0))
		return false;
	*seconds = hour * 3600 + r->minute * 60 + r->second;
	return true;
}

enum base_result feed_date_parse(struct base_span text, base_time *out)
{
	struct feed_date_reader r = {
		.year = NO_VALUE,
		.month = NO_VALUE,
		.day = NO_VALUE,
		.ordinal = NO_VALUE,
		.week = NO_VALUE,
		.hour = NO_VALUE,
		.number = NO_VALUE,
		.half = NO_VALUE,
		.epoch = BASE_TIME_NONE,
	};
	int64_t days, seconds;
	base_time time;

	text = base_span_trim(text);
	if (text.ptr == NULL || text.len == 0 || text.len > LONGEST_DATE)
		return BASE_SYNTAX;
	if (feed_date_usual(text, out))
		return BASE_OK;
	r.at = text.ptr;
	r.end = text.ptr + text.len;
	if (!read_all(&r))
		return BASE_SYNTAX;
	if (r.epoch != BASE_TIME_NONE) {
		if (r.year != NO_VALUE || r.month != NO_VALUE || r.day != NO_VALUE || r.hour != NO_VALUE)
			return BASE_SYNTAX;
		*out = r.epoch;
		return BASE_OK;
	}
	if (r.korean && !r.zone_given && !r.zone_named)
		r.zone = SEOUL;
	if (!count_days(&r, &days) || !count_seconds(&r, &seconds))
		return BASE_SYNTAX;
	time = days * BASE_DAY + seconds * BASE_SECOND + r.micros - r.zone * BASE_MINUTE;
	if (time >= END_OF_9999)
		return BASE_SYNTAX;
	*out = time;
	return BASE_OK;
}
