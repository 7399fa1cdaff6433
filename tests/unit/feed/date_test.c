/* Dates: every form feeds use, and what is no date. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "wirewatch/feed.h"

struct pair {
	const char *text, *want; /* RFC 3339; NULL: no date */
};

static void check(const struct pair *pairs, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		base_time time = BASE_TIME_NONE;
		enum base_result result = feed_date_parse(base_span_of(pairs[i].text), &time);
		char got[BASE_RFC3339_LEN] = "no date";

		if (result == BASE_OK)
			base_time_format(time, time % BASE_SECOND != 0, got);
		else
			assert_true(result == BASE_SYNTAX && time == BASE_TIME_NONE);
		if (strcmp(got, pairs[i].want == NULL ? "no date" : pairs[i].want) != 0) {
			print_message("# \"%s\": %s, not %s\n", pairs[i].text, got, pairs[i].want);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

#define CHECK(pairs) check(pairs, sizeof(pairs) / sizeof((pairs)[0]))

static void mail_dates(void **state)
{
	static const struct pair pairs[] = {
		{"Tue, 03 Feb 2026 04:05:06 GMT", "2026-02-03T04:05:06Z"},
		{"Tue, 3 Feb 2026 04:05:06 +0200", "2026-02-03T02:05:06Z"},
		{"03 Feb 2026 04:05:06 -0530", "2026-02-03T09:35:06Z"},
		{"Tue, 03 Feb 26 04:05 UT", "2026-02-03T04:05:00Z"},
		{"Tue, 03 Feb 99 04:05 EST", "1999-02-03T09:05:00Z"},
		{"Tue, 03 Feb 49 00:00 Z", "2049-02-03T00:00:00Z"},
		{"Tue, 03 Feb 50 00:00 Z", "1950-02-03T00:00:00Z"},
		{"Tue, 03 Feb 103 00:00:00 GMT", "2003-02-03T00:00:00Z"},
		{"Mon, 03 Feb 2026 04:05:06 GMT", "2026-02-03T04:05:06Z"}, /* it was a Tuesday */
		{"Tuesday, 3 February 2026 04:05:06 PDT", "2026-02-03T11:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 A", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 M", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 CEST", "2026-02-03T02:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 MSK", "2026-02-03T01:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 EET", "2026-02-03T02:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 XYZ", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 +0200 (EET)", "2026-02-03T02:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 GMT+02:00", "2026-02-03T02:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 Etc/GMT", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb 2026 04:05:06 0000", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb, 2026 04:05:06 UTC", "2026-02-03T04:05:06Z"},
		{"Tue,03 Feb 2026 04:05:06 -0000", "2026-02-03T04:05:06Z"},
		{"  Tue ,  3  Feb   2026  4:5:6  GMT ", "2026-02-03T04:05:06Z"},
		{"Tue, 03 Feb 2026", "2026-02-03T00:00:00Z"},
		{"3 Feb 2026", "2026-02-03T00:00:00Z"},
		{"TUE, 03 FEB 2026 04:05:06 gmt", "2026-02-03T04:05:06Z"},
		{"Tue, 03-Feb-2026 04:05:06 GMT", "2026-02-03T04:05:06Z"},
		{"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"},
		{"Sun Nov  6 08:49:37 PST 1994", "1994-11-06T16:49:37Z"},
		{"Sun Jul 15 01:16:00 +0000 2012", "2012-07-15T01:16:00Z"},
		{"Thu Aug 30 2012 17:26:16 +0200", "2012-08-30T15:26:16Z"},
		{"Thu Aug 30 2012 17:26:16 GMT+0200 (CEST)", "2012-08-30T15:26:16Z"},
		{"Tue, 03 Feb 2026 24:00:00 GMT", "2026-02-04T00:00:00Z"},
		{"Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"},
		{"Thu, 01 Jan 0100 00:00:01 +0100", "0099-12-31T23:00:01Z"},
		{"Fri, 2006/09/15 08:19:53 EDT", "2006-09-15T12:19:53Z"},
		{"February 3, 2026 4:05 PM", "2026-02-03T16:05:00Z"},
		{"Feb 3rd, 2026 at 12:30 a.m. EST", "2026-02-03T05:30:00Z"},
		{"Feb. 3, 2026, 12:30 p.m.", "2026-02-03T12:30:00Z"},
		{"Lör, 3 Feb 2026 04:05:06 +0100", "2026-02-03T03:05:06Z"},
	};

	(void)state;
	CHECK(pairs);
}

static void iso_dates(void **state)
{
	static const struct pair pairs[] = {
		{"2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"},
		{"2026-02-03t04:05:06z", "2026-02-03T04:05:06Z"},
		{"2026-02-03T04:05:06.123456789+02:00", "2026-02-03T02:05:06.123456Z"},
		{"2026-02-03T04:05:06,5-08:00", "2026-02-03T12:05:06.500000Z"},
		{"2026-02-03T04:05Z", "2026-02-03T04:05:00Z"},
		{"2026-02-03T04:05+0530", "2026-02-02T22:35:00Z"},
		{"2026-02-03T04:05:06+02", "2026-02-03T02:05:06Z"},
		{"2026-02-03 04:05:06", "2026-02-03T04:05:06Z"},
		{"2026-02-03 04:05:06.0", "2026-02-03T04:05:06Z"},
		{"2026-02-03 04:05:06 +0200", "2026-02-03T02:05:06Z"},
		{"2026-02-03 04:05:06 UTC", "2026-02-03T04:05:06Z"},
		{"2004-07-08 23:56:58 -00:20", "2004-07-09T00:16:58Z"},
		{"2026-02-03", "2026-02-03T00:00:00Z"},
		{"2026-02-03+02:00", "2026-02-02T22:00:00Z"},
		{"2026-02-03Z", "2026-02-03T00:00:00Z"},
		{"2026-02", "2026-02-01T00:00:00Z"},
		{"2026", "2026-01-01T00:00:00Z"},
		{"20260203", "2026-02-03T00:00:00Z"},
		{"20260203T040506Z", "2026-02-03T04:05:06Z"},
		{"20260203T0405+0200", "2026-02-03T02:05:00Z"},
		{"20260203T04", "2026-02-03T04:00:00Z"},
		{"20260203040506", "2026-02-03T04:05:06Z"},
		{"202602030405", "2026-02-03T04:05:00Z"},
		{"2026-034", "2026-02-03T00:00:00Z"},
		{"2026034", "2026-02-03T00:00:00Z"},
		{"2024-366T01:00Z", "2024-12-31T01:00:00Z"},
		{"2023-366", NULL},
		{"2026-W06-2", "2026-02-03T00:00:00Z"},
		{"2026W062", "2026-02-03T00:00:00Z"},
		{"2026-W06", "2026-02-02T00:00:00Z"},
		{"2020-W53-5", "2021-01-01T00:00:00Z"},
		{"2026-W54", NULL},
		{"2003-012-31T10:14:55+00:00", "2003-12-31T10:14:55Z"},
		{"03-12-31", "2003-12-31T00:00:00Z"},
		{"031231", "2003-12-31T00:00:00Z"},
		{"2026/02/03", "2026-02-03T00:00:00Z"},
		{"2026.02.03 10:00", "2026-02-03T10:00:00Z"},
		{"31/01/2026", "2026-01-31T00:00:00Z"},
		{"01/31/2026 10:00 PM", "2026-01-31T22:00:00Z"},
		{"03.02.2026 04:05", "2026-02-03T04:05:00Z"},
		{"3.2.26", "2026-02-03T00:00:00Z"},
		{"03-02-2026", "2026-02-03T00:00:00Z"},
		{"1770091506", "2026-02-03T04:05:06Z"},
		{"1770091506123", "2026-02-03T04:05:06.123000Z"},
		{"2004-02-28T18:14:55-08:00", "2004-02-29T02:14:55Z"},
		{"2003-02-28T18:14:55-08:00", "2003-03-01T02:14:55Z"},
	};

	(void)state;
	CHECK(pairs);
}

static void dates_in_other_languages(void **state)
{
	static const char *const months[6][12] = {
		{"січня", "лютого", "березня", "квітня", "травня", "червня", "липня", "серпня", "вересня", "жовтня",
		 "листопада", "грудня"},
		{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
		 "декабря"},
		{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
		 "Dezember"},
		{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
		 "décembre"},
		{"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października",
		 "listopada", "grudnia"},
		{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
		 "diciembre"},
	};
	static const struct pair pairs[] = {
		{"Вт, 03 Лют 2026 04:05:06 +0200", "2026-02-03T02:05:06Z"},
		{"Сер, 12 Сер 2026 10:00:00 +0300", "2026-08-12T07:00:00Z"},
		{"середа, 4 лютого 2026 р., 10:30", "2026-02-04T10:30:00Z"},
		{"п’ятниця, 6 лютого 2026 року о 10:30", "2026-02-06T10:30:00Z"},
		{"П'ят, 6 Лют 2026 10:30:00 EET", "2026-02-06T08:30:00Z"},
		{"Вторник, 3 февраля 2026 г. в 10:30 MSK", "2026-02-03T07:30:00Z"},
		{"Вт, 03 фев 2026 04:05:06 +0300", "2026-02-03T01:05:06Z"},
		{"Di, 03 Feb 2026 04:05:06 +0100", "2026-02-03T03:05:06Z"},
		{"Mi, 04 Mrz 2026 04:05:06 MEZ", "2026-03-04T03:05:06Z"},
		{"Dienstag, 3. Februar 2026, 10:30 Uhr", "2026-02-03T10:30:00Z"},
		{"3. M\xC3\xA4rz 2026", "2026-03-03T00:00:00Z"},
		{"3. Ma\xCC\x88rz 2026", "2026-03-03T00:00:00Z"},
		{"mar., 03 févr. 2026 04:05:06 +0100", "2026-02-03T03:05:06Z"},
		{"mardi 3 mars 2026 à 10h30", "2026-03-03T10:30:00Z"},
		{"1er août 2026", "2026-08-01T00:00:00Z"},
		{"wt., 03 lut 2026 04:05:06 +0100", "2026-02-03T03:05:06Z"},
		{"środa, 4 paź 2023 10:00", "2023-10-04T10:00:00Z"},
		{"mar, 03 feb 2026 04:05:06 +0100", "2026-02-03T03:05:06Z"},
		{"martes, 3 de febrero de 2026", "2026-02-03T00:00:00Z"},
		{"mar, 03 mar 2026 04:05:06 GMT", "2026-03-03T04:05:06Z"},
		{"Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00Z"},
		{"2004-július-13T9:15-05:00", "2004-07-13T14:15:00Z"},
		{"2004-05-25 오후 11:23:17", "2004-05-25T14:23:17Z"},
		{"2004년 05월 28일  01:31:15", "2004-05-27T16:31:15Z"},
		{"2026年2月3日 10時05分", "2026-02-03T10:05:00Z"},
	};

	(void)state;
	for (size_t language = 0; language < 6; language++) {
		for (size_t month = 0; month < 12; month++) {
			char text[64] = "Xx, 07 ", want[] = "2026-00-07T09:10:11Z";
			struct pair pair = {text, want};

			strncat(text, months[language][month], 30);
			strncat(text, " 2026 09:10:11 GMT", 20);
			want[5] = (char)('0' + (month + 1) / 10);
			want[6] = (char)('0' + (month + 1) % 10);
			check(&pair, 1);
		}
	}
	CHECK(pairs);
}

static void what_is_no_date(void **state)
{
	static const struct pair pairs[] = {
		{"", NULL},
		{" ", NULL},
		{"yesterday", NULL},
		{"tba", NULL},
		{"0", NULL},
		{"12", NULL},
		{"013", NULL},
		{"22013", NULL},
		{"2013-xx-27", NULL},
		{"2013-01-27-01", NULL},
		{"2013-01-28T09:xx:00Z", NULL},
		{"2013-01-28T09:00:00+00:xx", NULL},
		{"2013-01-28T11:30:00-06:00Textra", NULL},
		{"2003-12-31T25:14:55Z", NULL},
		{"2003-12-31T10:61:55Z", NULL},
		{"2003-12-31T10:14:61Z", NULL},
		{"9999-12-31T23:59:59-99:99", NULL},
		{"Sun, 31 Dec 9999 23:59:59 -0100", NULL},
		{"0000-00-00", NULL},
		{"0000-00-00 00:00:00", NULL},
		{"2026-02-30", NULL},
		{"2026-13-01", NULL},
		{"2026-00-10", NULL},
		{"2025-02-29", NULL},
		{"Sun, 99 Jun 2009 12:00:00 GMT", NULL},
		{"Sun, 16 zzz 2012 11:47:32 GMT", NULL},
		{"Sun, Dec x 2012 11:47:32 GMT", NULL},
		{"Sun, 16 Dec zz 11:47:32 GMT", NULL},
		{"Sun, 16 Dec 2012 11:47:32 +zz:00", NULL},
		{"Sun, 16 Dec 2012 11:47:32 +00:zz", NULL},
		{"Sun, 16 Dec 2012 1:2:3:4 GMT", NULL},
		{"Feb 2026 Apr", NULL},
		{"10:30:00", NULL},
		{"10:30:00 2026", NULL},
		{"3 4 5 6", NULL},
		{"99999999999999999999999", NULL},
		{"2026-02-03T04:05:06Z2026-02-03T04:05:06Z", NULL},
		{"\xFF\xFF", NULL},
		{"2026-02-03\xFF", NULL},
		{"Mon", NULL},
		{"+0200", NULL},
		{"-", NULL},
		{"T", NULL},
		{"In 2024 there were 3 of them", NULL},
		{"12월", NULL},
		{"월", NULL},
	};

	(void)state;
	CHECK(pairs);
	base_time time;
	assert_int_equal(feed_date_parse(BASE_NONE, &time), BASE_SYNTAX);
	assert_int_equal(feed_date_parse((struct base_span){"2026-02-03\0", 11}, &time), BASE_SYNTAX);
}

/* Both ways to read a date agree: lower case sends it to the reader of all forms. */
static void test_usual_dates_are_read_alike_by_both_readers(void **state)
{
	static const char *const zones[] = {"GMT", "+0000", "+0200", "-0530", "+1400"};
	static const char *const months[2][3] = {{"Jan", "Feb", "Dec"}, {"jan", "feb", "dec"}};

	(void)state;
	for (int year = 1999; year < 2030; year++) {
		for (int day = 1; day < 32; day++) {
			char usual[64], other[64];
			base_time one = 0, two = 0;
			int month = day % 3, zone = (day + year) % 5;
			snprintf(usual, sizeof usual, "Tue, %02d %s %d 23:%02d:59 %s", day, months[0][month], year, day, zones[zone]);
			snprintf(other, sizeof other, "Tue, %02d %s %d 23:%02d:59 %s", day, months[1][month], year, day, zones[zone]);
			assert_int_equal(feed_date_parse(base_span_of(usual), &one), feed_date_parse(base_span_of(other), &two));
			assert_true(one == two);
			one = two = 0;
			snprintf(usual, sizeof usual, "%d-%02d-%02dT23:%02d:59%s", year, month + 1, day, day, day % 2 ? "Z" : "+02:00");
			snprintf(other, sizeof other, "%d-%02d-%02dt23:%02d:59%s", year, month + 1, day, day, day % 2 ? "Z" : "+02:00");
			assert_int_equal(feed_date_parse(base_span_of(usual), &one), feed_date_parse(base_span_of(other), &two));
			assert_true(one == two);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual_dates_are_read_alike_by_both_readers),
		cmocka_unit_test(mail_dates),
		cmocka_unit_test(iso_dates),
		cmocka_unit_test(dates_in_other_languages),
		cmocka_unit_test(what_is_no_date),
	};
	return cmocka_run_group_tests_name("feed: date", tests, NULL, NULL);
}
