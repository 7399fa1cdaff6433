/* One clock for everything, real or simulated, and times as text. */
#include "wirewatch/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct base_clock {
	bool simulated;
	_Atomic base_time now; /* of a simulated clock; other threads may read it while a test moves it */
};

static enum base_result clock_new(bool simulated, base_time start, struct base_clock **out)
{
	struct base_clock *clock = calloc(1, sizeof *clock);
	if (!clock)
		return BASE_NO_MEMORY;
	clock->simulated = simulated;
	atomic_init(&clock->now, start);
	*out = clock;
	return BASE_OK;
}

enum base_result base_clock_new_system(struct base_clock **out)
{
	return clock_new(false, 0, out);
}

enum base_result base_clock_new_simulated(base_time start, struct base_clock **out)
{
	return clock_new(true, start, out);
}

void base_clock_free(struct base_clock *clock)
{
	free(clock);
}

static base_time read_clock(const struct base_clock *clock, clockid_t id)
{
	if (clock->simulated)
		return atomic_load(&clock->now);
	struct timespec now;
	(void)clock_gettime(id, &now);
	return (base_time)now.tv_sec * BASE_SECOND + now.tv_nsec / 1000;
}

base_time base_clock_wall(const struct base_clock *clock)
{
	return read_clock(clock, CLOCK_REALTIME);
}

base_time base_clock_monotonic(const struct base_clock *clock)
{
	return read_clock(clock, CLOCK_MONOTONIC);
}

base_time base_clock_boot(const struct base_clock *clock)
{
	return read_clock(clock, CLOCK_BOOTTIME);
}

void base_clock_advance(struct base_clock *clock, base_time by)
{
	if (clock->simulated)
		atomic_fetch_add(&clock->now, by);
}

/* Both conversions count eras of 400 years from 1 March 0000, so that leap days come last. */
int64_t base_days_from_civil(int64_t year, int month, int day)
{
	if (month <= 2)
		year--;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

void base_time_format(base_time time, bool micros, char out[BASE_RFC3339_LEN])
{
	int64_t days = time / BASE_DAY, rest = time % BASE_DAY;
	if (rest < 0) {
		days--;
		rest += BASE_DAY;
	}
	int64_t year;
	int month, day;
	civil_from_days(days, &year, &month, &day);
	if (time == BASE_TIME_NONE || year < 0 || year > 9999) {
		out[0] = '\0';
		return;
	}
	int hour = (int)(rest / BASE_HOUR), minute = (int)(rest / BASE_MINUTE % 60), second = (int)(rest / BASE_SECOND % 60);
	if (micros)
		(void)snprintf(out, BASE_RFC3339_LEN, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", (int)year, month, day, hour, minute,
		               second, (int)(rest % BASE_SECOND));
	else
		(void)snprintf(out, BASE_RFC3339_LEN, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, month, day, hour, minute, second);
}

static base_time unit_of(char c)
{
	switch (c) {
	case 's': return BASE_SECOND;
	case 'm': return BASE_MINUTE;
	case 'h': return BASE_HOUR;
	case 'd': return BASE_DAY;
	case 'w': return 7 * BASE_DAY;
	default: return 0;
	}
}

enum base_result base_duration_parse(const char *text, size_t len, base_time *out)
{
	const base_time most = 36525 * BASE_DAY; /* a century: beyond it is a slip of the pen */
	base_time total = 0;
	size_t i = 0;
	while (i < len) {
		base_time number = 0;
		size_t start = i;
		for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
			number = number * 10 + (text[i] - '0');
			if (number > most / BASE_SECOND)
				return BASE_LIMIT;
		}
		base_time unit = i < len ? unit_of(text[i]) : 0;
		if (i == start || !unit)
			return BASE_SYNTAX;
		if (number > (most - total) / unit)
			return BASE_LIMIT;
		total += number * unit;
		i++;
	}
	if (total <= 0)
		return BASE_SYNTAX;
	*out = total;
	return BASE_OK;
}
