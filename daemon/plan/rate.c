/*
 * rate: an inhomogeneous Poisson process with a day profile, estimated with a
 * Gamma prior and exponential forgetting. The dates of entries count, not the
 * times they were found at, which only mirror our own polls.
 */
#include "rate.h"

#include <math.h>
#include <stdlib.h>

#define MEMORY_DAYS 14.0              /* time constant of forgetting */
#define PRIOR_DAYS 0.5                /* what the prior weighs */
#define PROFILE_PRIOR 12.0            /* items: below that the day is taken to be flat */
#define PROFILE_LEAST 0.15
#define OLDEST_DATE (28 * BASE_DAY)   /* in a first document; two time constants */
#define SHORTEST_SPAN BASE_HOUR       /* of a first document's dates: below, they are all "now" */
#define DATE_SLACK (6 * BASE_HOUR)    /* an entry may show up that long after its date */
#define BLUR (2 * BASE_HOUR)          /* an undated entry's hour is known if the poll before was not earlier */
#define LONGEST_SILENCE (14 * BASE_DAY)
#define LEARNED_LEAST 5               /* items, before silence means anything */

static double days_of(base_time time)
{
	return (double)time / (double)BASE_DAY;
}

static size_t hour_of(base_time time)
{
	base_time hour = time / BASE_HOUR % RATE_HOURS;
	return (size_t)(hour < 0 ? hour + RATE_HOURS : hour);
}

void rate_init(struct plan_rate *rate)
{
	*rate = (struct plan_rate){.as_of = BASE_TIME_NONE, .last_item = BASE_TIME_NONE};
}

/* Move the counts to now and add the time from then to now as observed. */
static void observe(struct plan_rate *rate, base_time from, base_time now)
{
	if (rate->as_of != BASE_TIME_NONE && now > rate->as_of) {
		double kept = exp(-days_of(now - rate->as_of) / MEMORY_DAYS);
		rate->days *= kept;
		rate->items *= kept;
		rate->alerts *= kept;
		for (size_t h = 0; h < RATE_HOURS; h++)
			rate->hours[h] *= kept;
	}
	if (now > from)
		rate->days += MEMORY_DAYS * (1 - exp(-days_of(now - from) / MEMORY_DAYS));
	rate->as_of = now;
}

static void add_item(struct plan_rate *rate, base_time at, base_time now, bool hour_known)
{
	double weight = exp(-days_of(now - at) / MEMORY_DAYS);
	rate->items += weight;
	if (hour_known)
		rate->hours[hour_of(at)] += weight;
	if (rate->learned < UINT32_MAX)
		rate->learned++;
}

/* Items came at about that time. */
static void heard(struct plan_rate *rate, base_time at)
{
	if (rate->last_item != BASE_TIME_NONE && at - rate->last_item > rate->longest)
		rate->longest = at - rate->last_item < LONGEST_SILENCE ? at - rate->last_item : LONGEST_SILENCE;
	if (at > rate->last_item)
		rate->last_item = at;
}

static int by_time(const void *a, const void *b)
{
	const base_time *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/*
 * The first document shows some weeks of the past: all of its dates but the
 * oldest, which only says where the window begins.
 */
static void learn_first(struct plan_rate *rate, base_time now, const base_time *dates, size_t count)
{
	base_time *sorted = count ? calloc(count, sizeof *sorted) : NULL;
	size_t found = 0;
	for (size_t i = 0; sorted && i < count; i++)
		if (dates[i] != BASE_TIME_NONE && dates[i] <= now && now - dates[i] <= OLDEST_DATE)
			sorted[found++] = dates[i];
	if (found > 1)
		qsort(sorted, found, sizeof *sorted, by_time);
	bool fine = found > 2 && now - sorted[0] >= SHORTEST_SPAN && sorted[found - 1] > sorted[0];
	observe(rate, fine ? sorted[0] : now, now);
	for (size_t i = 1; fine && i < found; i++) {
		add_item(rate, sorted[i], now, true);
		heard(rate, sorted[i]);
	}
	free(sorted); /* without memory the feed is learned from now on */
}

/* The time since the last document in which the new entries came: since the oldest, if older ones may be missed. */
static void learn_more(struct plan_rate *rate, base_time now, const base_time *dates, size_t count)
{
	base_time from = rate->as_of < now ? rate->as_of : now, middle = from + (now - from) / 2;
	observe(rate, from, now);
	for (size_t i = 0; i < count; i++) {
		bool sane = dates[i] != BASE_TIME_NONE && dates[i] <= now && dates[i] >= from - DATE_SLACK;
		base_time at = sane ? dates[i] : middle;
		add_item(rate, at, now, sane || now - from <= BLUR);
		heard(rate, at > from ? at : from);
	}
}

void rate_learn(struct plan_rate *rate, base_time now, const base_time *dates, size_t count, size_t alerts)
{
	if (rate->as_of == BASE_TIME_NONE) {
		learn_first(rate, now, dates, count);
	} else {
		learn_more(rate, now, dates, count);
		rate->alerts += (double)alerts;
	}
	if (count)
		rate->pace = rate->days > 0 ? rate_mean(rate, rate->items / rate->days) : 0;
}

double rate_mean_of(double items, double days, double prior)
{
	return (items + prior * PRIOR_DAYS) / (days + PRIOR_DAYS);
}

double rate_mean(const struct plan_rate *rate, double prior)
{
	return rate_mean_of(rate->items, rate->days, prior);
}

void rate_profile(const struct plan_rate *rate, double profile[RATE_HOURS])
{
	static const double kernel[] = {0.1, 0.2, 0.4, 0.2, 0.1};
	double sum = 0, around[RATE_HOURS + 4]; /* with the two hours before and after the day, as every poll comes here */
	for (size_t h = 0; h < RATE_HOURS; h++)
		around[h + 2] = rate->hours[h];
	for (size_t h = 0; h < 2; h++) {
		around[h] = rate->hours[RATE_HOURS - 2 + h];
		around[RATE_HOURS + 2 + h] = rate->hours[h];
	}
	for (size_t h = 0; h < RATE_HOURS; h++)
		sum += rate->hours[h];
	for (size_t h = 0; h < RATE_HOURS; h++) {
		double smooth = 0;
		for (size_t k = 0; k < 5; k++)
			smooth += kernel[k] * around[h + k];
		double share = (smooth + PROFILE_PRIOR / RATE_HOURS) * RATE_HOURS / (sum + PROFILE_PRIOR);
		profile[h] = share > PROFILE_LEAST ? share : PROFILE_LEAST;
	}
}

double rate_expected(const struct plan_rate *rate, base_time now)
{
	double profile[RATE_HOURS], expected = 0;
	if (rate->learned < LEARNED_LEAST || rate->last_item == BASE_TIME_NONE || now <= rate->last_item)
		return 0;
	base_time from = rate->last_item, whole = (now - from) / BASE_DAY;
	rate_profile(rate, profile);
	for (base_time at = from + whole * BASE_DAY, next; at < now; at = next) {
		next = (at / BASE_HOUR + 1) * BASE_HOUR;
		expected += profile[hour_of(at)] * days_of((next < now ? next : now) - at);
	}
	return rate->pace * ((double)whole + expected);
}
