/*
 * plan_bench: the scheduler against fixed hourly polling, in simulated time.
 *
 * 200 feeds post as Poisson processes with a day profile; their rates are the
 * quantiles of a lognormal with the spread sigma, so that the spread is sigma
 * and not what a seed makes of it. The room plan polls them as the daemon
 * would, 14 days to learn and 14 that count. Fixed polling gets exactly as
 * many requests. A second fleet has publishers with wishes and failing
 * servers, and shows that none of the rules is broken.
 *
 * usage: plan_bench [seeds]; exit status 1 if a mark is missed.
 */
#include "wirewatch/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEEDS 200
#define WARM_UP (14 * BASE_DAY)
#define WHOLE (28 * BASE_DAY)
#define BEGIN ((base_time)1767225600 * BASE_SECOND)
#define WINDOW 30 /* entries in a document */
#define MEDIAN_RATE 8.0
#define SEEDS 3
#define PI 3.14159265358979

static const struct plan_options standard = {.min = 5 * BASE_MINUTE, .max = 6 * BASE_HOUR, .mean = BASE_HOUR};

/* ---- chance ------------------------------------------------------------------------ */

/* SplitMix64 (Steele, Lea, Flood 2014): the same traces on every machine. */
static double chance(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* The x below which a normal variable is with probability p, by bisection. */
static double normal_quantile(double p)
{
	double low = -8, high = 8;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		if (erfc(-middle / sqrt(2)) / 2 < p)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* ---- traces ------------------------------------------------------------------------- */

struct trace {
	base_time *items;
	size_t count, seen; /* seen: found by a poll */
};

/* By thinning: candidates at the highest rate, each kept with the ratio of the hour's rate to it. */
static void make_trace(struct trace *trace, double rate, double amplitude, uint64_t *random)
{
	double top = rate * (1 + amplitude), phase = chance(random), at = -7;
	size_t cap = (size_t)(top * 36) + 100;
	*trace = (struct trace){.items = calloc(cap, sizeof *trace->items)};
	while (trace->items && trace->count < cap) {
		at -= log(1 - chance(random)) / top;
		if (at > (double)(WHOLE / BASE_DAY))
			break;
		if (chance(random) * (1 + amplitude) < 1 + amplitude * sin(2 * PI * (at + phase)))
			trace->items[trace->count++] = BEGIN + (base_time)(at * (double)BASE_DAY);
	}
}

/* ---- delays -------------------------------------------------------------------------- */

struct delays {
	double *minutes;
	size_t count, cap;
	double sum;
};

static void add_delay(struct delays *delays, base_time delay)
{
	if (base_grow(&delays->minutes, &delays->cap, delays->count + 1, sizeof *delays->minutes, SIZE_MAX / 64))
		abort();
	delays->minutes[delays->count++] = (double)delay / (double)BASE_MINUTE;
	delays->sum += (double)delay / (double)BASE_MINUTE;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

struct figures {
	double mean, median, p95;
};

static struct figures figures_of(struct delays *delays)
{
	if (!delays->count)
		return (struct figures){0};
	qsort(delays->minutes, delays->count, sizeof *delays->minutes, by_value);
	return (struct figures){delays->sum / (double)delays->count, delays->minutes[delays->count / 2],
	                        delays->minutes[delays->count * 95 / 100]};
}

/* ---- the simulation --------------------------------------------------------------------- */

struct feed {
	struct trace trace;
	struct plan_feed *plan;
	size_t slot;
	base_time due, allowed; /* allowed: no poll before, by what the publisher said */
	base_time wish;         /* max-age or ttl */
	struct plan_document document;
	double failing;         /* the part of polls that fail */
};

struct simulation {
	struct plan_fleet *fleet;
	struct feed feeds[FEEDS];
	struct delays delays;
	uint64_t random;
	size_t requests, counted_requests, violations;
	bool wishes;
};

static void start(struct simulation *run, const struct plan_options *options, double sigma, double amplitude)
{
	char host[32];
	if (plan_fleet_new(options, &run->fleet))
		abort();
	for (size_t i = 0; i < FEEDS; i++) {
		struct feed *feed = &run->feeds[i];
		double rate = MEDIAN_RATE * exp(sigma * normal_quantile(((double)i + 0.5) / FEEDS));
		make_trace(&feed->trace, rate, amplitude, &run->random);
		(void)snprintf(host, sizeof host, "host%zu.example", i);
		if (!feed->trace.items || plan_feed_new(&feed->plan) ||
		    plan_fleet_add(run->fleet, base_span_of(host), false, &feed->slot))
			abort();
		plan_first(feed->plan, BEGIN, 0, options->min, chance(&run->random));
		feed->due = plan_feed_state(feed->plan)->next_due;
		feed->document.entries = WINDOW;
		if (!run->wishes)
			continue;
		feed->wish = i % 3 ? (base_time)(chance(&run->random) * 3) * BASE_HOUR : 0;
		feed->document.ttl = i % 5 == 0 ? 45 * BASE_MINUTE : 0;
		feed->document.skip_hours = i % 7 == 0 ? 0xFC001F : 0;
		feed->document.skip_days = i % 11 == 0 ? 0x60 : 0;
		feed->failing = i % 4 == 0 ? 0.3 : 0;
	}
}

/* The reply to a poll at now: all items up to then, of which the document shows the last ones. */
static size_t take_items(struct simulation *run, struct feed *feed, base_time now, base_time *dates)
{
	struct trace *trace = &feed->trace;
	size_t until = trace->seen, first, count = 0;
	while (until < trace->count && trace->items[until] <= now)
		until++;
	first = until > WINDOW ? until - WINDOW : 0;
	for (size_t i = trace->seen; i < until; i++) {
		if (trace->items[i] >= BEGIN + WARM_UP)
			add_delay(&run->delays, now - trace->items[i]);
		if (i >= first)
			dates[count++] = trace->items[i];
	}
	trace->seen = until;
	return count;
}

static bool is_skipped(const struct plan_document *document, base_time at)
{
	return (document->skip_hours >> (at / BASE_HOUR % 24) & 1) || (document->skip_days >> ((at / BASE_DAY + 3) % 7) & 1);
}

static void poll(struct simulation *run, const struct plan_options *options, struct feed *feed)
{
	base_time dates[WINDOW], now = feed->due;
	struct plan_poll done = {.started = now, .ended = now + BASE_SECOND};
	run->violations += now < feed->allowed || (feed->trace.seen && is_skipped(&feed->document, now));
	run->requests++;
	run->counted_requests += now >= BEGIN + WARM_UP;
	base_time least = options->min;
	if (feed->failing > 0 && chance(&run->random) < feed->failing) {
		done.outcome = PLAN_FAILED;
		done.failure = (enum plan_failure)(chance(&run->random) * (PLAN_OTHER - PLAN_SERVER) + PLAN_SERVER);
		if (chance(&run->random) < 0.3) {
			done.failure = PLAN_BUSY;
			done.retry_after = (base_time)(chance(&run->random) * 8) * BASE_HOUR + BASE_SECOND;
			least = done.retry_after > least ? done.retry_after : least;
		}
	} else {
		done.dates = dates;
		done.date_count = take_items(run, feed, now, dates);
		done.outcome = done.date_count ? PLAN_NEW : PLAN_NOT_MODIFIED;
		done.document = done.date_count ? &feed->document : NULL;
		done.max_age = feed->wish;
		least = feed->wish > least ? feed->wish : least;
		if (done.document && feed->document.ttl > least)
			least = feed->document.ttl;
	}
	(void)plan_next(run->fleet, feed->slot, feed->plan, &done, chance(&run->random));
	feed->due = plan_feed_state(feed->plan)->next_due;
	feed->allowed = now + (least < options->max || done.retry_after ? least : options->max);
}

static void simulate(struct simulation *run, const struct plan_options *options)
{
	for (;;) {
		struct feed *next = &run->feeds[0];
		for (size_t i = 1; i < FEEDS; i++)
			if (run->feeds[i].due < next->due)
				next = &run->feeds[i];
		if (next->due >= BEGIN + WHOLE)
			break;
		poll(run, options, next);
	}
}

/*
 * The mean delay, in minutes, of one who knows every rate and polls at
 * kappa / sqrt(rate(t)) without bounds: no schedule of as many requests is better.
 */
static double oracle(double sigma, double amplitude, double interval)
{
	double roots = 0, rates = 0, day = 0;
	for (int i = 0; i < 240; i++)
		day += sqrt(1 + amplitude * sin(2 * PI * (i + 0.5) / 240)) / 240;
	for (size_t i = 0; i < FEEDS; i++) {
		double rate = exp(sigma * normal_quantile(((double)i + 0.5) / FEEDS));
		roots += sqrt(rate) * day / FEEDS;
		rates += rate / FEEDS;
	}
	return interval / 2 * roots * roots / rates;
}

/* Each feed at the same interval, with its own phase, so that there are as many requests. */
static struct figures fixed_polling(struct simulation *run)
{
	struct delays delays = {0};
	double interval = (double)(WHOLE - WARM_UP) * FEEDS / (double)run->counted_requests;
	for (size_t i = 0; i < FEEDS; i++) {
		const struct trace *trace = &run->feeds[i].trace;
		double phase = chance(&run->random) * interval;
		for (size_t j = 0; j < trace->count; j++) {
			if (trace->items[j] < BEGIN + WARM_UP)
				continue;
			double since = fmod((double)(trace->items[j] - BEGIN) + phase, interval);
			add_delay(&delays, (base_time)(interval - since));
		}
	}
	struct figures figures = figures_of(&delays);
	free(delays.minutes);
	return figures;
}

static void finish(struct simulation *run)
{
	for (size_t i = 0; i < FEEDS; i++) {
		free(run->feeds[i].trace.items);
		plan_feed_free(run->feeds[i].plan);
	}
	plan_fleet_free(run->fleet);
	free(run->delays.minutes);
	free(run);
}

static struct simulation *new_simulation(uint64_t seed, bool wishes)
{
	struct simulation *run = calloc(1, sizeof *run);
	if (!run)
		abort();
	run->random = seed * 7919 + 17;
	run->wishes = wishes;
	return run;
}

/* ---- the table ------------------------------------------------------------------------------ */

struct worst {
	double steep_mean, steep_p95, flat_mean, flat_p95, requests;
	size_t violations;
};

static void compare(double sigma, double amplitude, uint64_t seed, struct worst *worst)
{
	struct simulation *run = new_simulation(seed, false);
	start(run, &standard, sigma, amplitude);
	simulate(run, &standard);
	struct figures ours = figures_of(&run->delays), fixed = fixed_polling(run);
	double hourly = (double)(FEEDS * ((WHOLE - WARM_UP) / BASE_HOUR));
	double requests = (double)run->counted_requests / hourly;
	double mean = ours.mean / fixed.mean, p95 = ours.p95 / fixed.p95;
	printf("%5.1f %9.1f %4llu | %5.1f %5.1f %6.1f | %5.1f %5.1f %6.1f | %6.1f | %5.2f %5.2f %8.3f\n", sigma, amplitude,
	       (unsigned long long)seed, fixed.mean, fixed.median, fixed.p95, ours.mean, ours.median, ours.p95,
	       oracle(sigma, amplitude, 60 / requests), mean, p95, requests);
	double *worst_mean = sigma >= 1.5 ? &worst->steep_mean : &worst->flat_mean;
	double *worst_p95 = sigma >= 1.5 ? &worst->steep_p95 : &worst->flat_p95;
	*worst_mean = fmax(*worst_mean, mean);
	*worst_p95 = fmax(*worst_p95, p95);
	worst->requests = fmax(worst->requests, requests);
	worst->violations += run->violations;
	finish(run);
}

static void obey(uint64_t seed, struct worst *worst)
{
	struct simulation *run = new_simulation(seed, true);
	start(run, &standard, 1.5, 0.9);
	simulate(run, &standard);
	printf("wishes and failures, seed %llu: %zu requests, %zu earlier than allowed\n", (unsigned long long)seed,
	       run->requests, run->violations);
	worst->violations += run->violations;
	finish(run);
}

int main(int argc, char **argv)
{
	static const double sigmas[] = {1.0, 1.5, 2.0}, amplitudes[] = {0.5, 0.9};
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : SEEDS;
	struct worst worst = {0};
	printf("                     |  fixed, minutes    |      learned       | oracle |     ratio    requests\n"
	       "sigma amplitude seed |  mean   med    p95 |  mean   med    p95 |   mean |  mean   p95 to hourly\n");
	for (size_t s = 0; s < 3; s++)
		for (size_t a = 0; a < 2; a++)
			for (uint64_t seed = 1; seed <= seeds; seed++)
				compare(sigmas[s], amplitudes[a], seed, &worst);
	for (uint64_t seed = 1; seed <= seeds; seed++)
		obey(seed, &worst);
	bool good = seeds && worst.steep_mean <= 0.60 && worst.steep_p95 <= 1.0 && worst.flat_mean <= 0.80 &&
	            worst.flat_p95 <= 1.1 && worst.requests <= 1.05 && !worst.violations;
	printf("worst: mean %.3f (sigma >= 1.5, mark 0.60), %.3f (1.0, mark 0.80); p95 %.3f (mark 1.0), %.3f (mark 1.1); "
	       "requests %.3f; %zu violations: %s\n",
	       worst.steep_mean, worst.flat_mean, worst.steep_p95, worst.flat_p95, worst.requests, worst.violations,
	       good ? "all marks met" : "MISSED");
	return good ? 0 : 1;
}
