/*
 * date_usual: the two forms nearly every feed uses, without the reader of all
 * forms, which costs ten times as much.
 *
 *     Tue, 03 Feb 2026 04:05:06 +0200    RFC 5322, section 3.3
 *     2026-02-03T04:05:06Z               RFC 3339
 */
#include <string.h>

#include "date_reader.h"

#define SHORTEST (sizeof "2026-02-03T04:05:06Z" - 1)

/* Two digits, or NO_VALUE. */
static int two(const char *at)
{
	unsigned tens = (unsigned)(at[0] - '0'), ones = (unsigned)(at[1] - '0');

	return tens < 10 && ones < 10 ? (int)(10 * tens + ones) : NO_VALUE;
}

static int year_of(const char *at)
{
	int first = two(at), second = two(at + 2);

	return first < 0 || second < 0 ? NO_VALUE : 100 * first + second;
}

static int month_of(const char *at)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int month = 0; month < 12; month++)
		if (memcmp(at, names + 3 * month, 3) == 0)
			return month + 1;
	return NO_VALUE;
}

/* hh:mm:ss at `at`; NO_VALUE also for 24:00 and leap seconds, which are left to the other reader. */
static long clock_of(const char *at)
{
	int hour = two(at), minute = two(at + 3), second = two(at + 6);

	if (at[2] != ':' || at[5] != ':' || hour < 0 || minute < 0 || second < 0)
		return NO_VALUE;
	return hour < 24 && minute < 60 && second < 60 ? hour * 3600L + minute * 60L + second : NO_VALUE;
}

/* "+hhmm", or with a colon between. Minutes. */
static bool read_offset(struct base_span text, bool colon, long *offset)
{
	size_t place = colon ? 4 : 3;

	if (text.len != place + 2 || (*text.ptr != '+' && *text.ptr != '-') || (colon && text.ptr[3] != ':'))
		return false;
	int hours = two(text.ptr + 1), minutes = two(text.ptr + place);
	if (hours < 0 || minutes < 0 || hours > 14 || minutes > 59)
		return false;
	*offset = (hours * 60L + minutes) * (*text.ptr == '-' ? -1 : 1);
	return true;
}

static bool make(int year, int month, int day, long seconds, long offset, base_time *out)
{
	/* the last days are left to the other reader, which knows how many a month has */
	int days = month == 2 ? 28 : 30;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days || seconds < 0)
		return false;
	*out = base_days_from_civil(year, month, day) * BASE_DAY + seconds * BASE_SECOND - offset * BASE_MINUTE;
	return true;
}

/* Which day it is does not matter: publishers get it wrong. */
static bool weekday_before(struct base_span text)
{
	static const char names[] = "MonTueWedThuFriSatSun";

	for (size_t day = 0; day < 7 && text.ptr[3] == ',' && text.ptr[4] == ' '; day++)
		if (memcmp(text.ptr, names + 3 * day, 3) == 0)
			return true;
	return false;
}

static bool read_rfc5322(struct base_span text, base_time *out)
{
	long offset = 0;

	if (weekday_before(text))
		text = (struct base_span){text.ptr + 5, text.len - 5};
	if (text.len < sizeof "03 Feb 2026 04:05:06 GMT" - 1)
		return false;
	const char *at = text.ptr;
	struct base_span zone = {at + 21, text.len - 21};
	if (at[2] != ' ' || at[6] != ' ' || at[11] != ' ' || at[20] != ' ')
		return false;
	if (!base_span_is(zone, "GMT") && !read_offset(zone, false, &offset))
		return false;
	return make(year_of(at + 7), month_of(at + 3), two(at), clock_of(at + 12), offset, out);
}

static bool read_rfc3339(struct base_span text, base_time *out)
{
	const char *at = text.ptr;
	struct base_span zone = {at + 19, text.len - 19};
	long offset = 0;

	if (at[4] != '-' || at[7] != '-' || at[10] != 'T')
		return false;
	if (!base_span_is(zone, "Z") && !read_offset(zone, true, &offset))
		return false;
	return make(year_of(at), two(at + 5), two(at + 8), clock_of(at + 11), offset, out);
}

bool feed_date_usual(struct base_span text, base_time *out)
{
	return text.len >= SHORTEST && (read_rfc5322(text, out) || read_rfc3339(text, out));
}
