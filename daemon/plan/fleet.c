/*
 * fleet: many feeds and one budget.
 *
 * The mean delay of all items is least, for a number of requests, when feed i
 * is polled at intervals of kappa / sqrt(w_i * rate_i(t)); polling in
 * proportion to the rate gains nothing over polling all alike (Sia, Cho and
 * Cho, IEEE TKDE 19(7), 2007). kappa is what makes the requests fit the
 * budget: found by bisection over all feeds with their bounds, and trimmed by
 * a controller that compares what was really asked.
 */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PRIOR_RATE 4.0            /* items a day, as long as there is no median */
#define PRIOR_FEEDS 3             /* observed feeds that make one */
#define SOLVE_EVERY (10 * BASE_MINUTE)
#define PERIOD (6 * BASE_HOUR)    /* of the controller */
#define STEP_LEAST 0.67
#define STEP_MOST 1.5
#define STEP_POWER 0.7
#define TRIM_MOST 2.0
#define YIELD_ITEMS 20.0          /* items before a feed's own yield counts half */
#define WEIGHT_MOST 4.0           /* a feed that alerts often is polled at most twice as often, a barren one half */
#define OUTAGE_LEAST 3            /* hosts: with fewer nobody can tell */
#define OUTAGE_MOST 10            /* so many in a row are no accident */
#define KAPPA_LEAST 1e-7
#define KAPPA_MOST 1e7

static double days_of(base_time time)
{
	return (double)time / (double)BASE_DAY;
}

/* ---- feeds and hosts ------------------------------------------------------------------ */

uint64_t fleet_host_hash(struct base_span host)
{
	static const uint64_t key[2] = {0, 0}; /* operators name the hosts */
	return base_hash64(key, host.ptr, host.len) | 1;
}

enum base_result plan_fleet_new(const struct plan_options *options, struct plan_fleet **out)
{
	struct plan_fleet *fleet = calloc(1, sizeof *fleet);
	if (!fleet)
		return BASE_NO_MEMORY;
	fleet->options = *options;
	fleet->kappa = days_of(options->mean) * sqrt(PRIOR_RATE);
	fleet->prior = PRIOR_RATE;
	fleet->trim = 1;
	fleet->round = 1;
	fleet->solved_at = fleet->period_start = fleet->answered = BASE_TIME_NONE;
	*out = fleet;
	return BASE_OK;
}

void plan_fleet_free(struct plan_fleet *fleet)
{
	if (!fleet)
		return;
	free(fleet->slots);
	free(fleet->hosts);
	free(fleet);
}

/* The host's place, or the free one it would take. */
static struct fleet_host *place_of(const struct plan_fleet *fleet, uint64_t name)
{
	size_t at = (size_t)name & (fleet->host_places - 1);
	while (fleet->hosts[at].name && fleet->hosts[at].name != name)
		at = (at + 1) & (fleet->host_places - 1);
	return &fleet->hosts[at];
}

static enum base_result make_room(struct plan_fleet *fleet)
{
	if (fleet->places_taken * 2 < fleet->host_places)
		return BASE_OK;
	struct plan_fleet wider = *fleet;
	if (fleet->host_count * 4 > fleet->host_places || !fleet->host_places)
		wider.host_places = fleet->host_places ? fleet->host_places * 2 : 64;
	wider.places_taken = fleet->host_count;
	wider.hosts = calloc(wider.host_places, sizeof *wider.hosts);
	if (!wider.hosts)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < fleet->host_places; i++)
		if (fleet->hosts[i].feeds)
			*place_of(&wider, fleet->hosts[i].name) = fleet->hosts[i];
	free(fleet->hosts);
	*fleet = wider;
	return BASE_OK;
}

static enum base_result add_host(struct plan_fleet *fleet, uint64_t name)
{
	enum base_result result = make_room(fleet);
	if (result)
		return result;
	struct fleet_host *host = place_of(fleet, name);
	fleet->places_taken += !host->name;
	fleet->host_count += !host->feeds;
	host->name = name;
	host->feeds++;
	return BASE_OK;
}

static void remove_host(struct plan_fleet *fleet, uint64_t name)
{
	struct fleet_host *host = place_of(fleet, name);
	if (--host->feeds)
		return;
	fleet->host_count--;
	fleet->silent -= fleet->silent && host->round == fleet->round;
	host->round = 0;
}

static enum base_result take_slot(struct plan_fleet *fleet, size_t *slot)
{
	if (fleet->free_slot) {
		*slot = fleet->free_slot - 1;
		fleet->free_slot = fleet->slots[*slot].next_free;
		return BASE_OK;
	}
	enum base_result result =
	    base_grow(&fleet->slots, &fleet->slot_cap, fleet->slot_count + 1, sizeof *fleet->slots, SIZE_MAX / 128);
	if (!result)
		*slot = fleet->slot_count++;
	return result;
}

enum base_result plan_fleet_add(struct plan_fleet *fleet, struct base_span host, bool fixed, size_t *slot)
{
	uint64_t name = fleet_host_hash(host);
	enum base_result result = add_host(fleet, name);
	if (result)
		return result;
	result = take_slot(fleet, slot);
	if (result) {
		remove_host(fleet, name);
		return result;
	}
	fleet->slots[*slot] = (struct fleet_slot){
	    .host = name,
	    .shape = 1,
	    .shortest = days_of(fleet->options.min),
	    .longest = days_of(fleet->options.max),
	    .counted = !fixed,
	};
	fleet->feed_count++;
	fleet->changes++;
	return BASE_OK;
}

void plan_fleet_fix(struct plan_fleet *fleet, size_t slot, bool fixed)
{
	fleet->slots[slot].counted = !fixed;
	fleet->changes++;
}

void plan_fleet_remove(struct plan_fleet *fleet, size_t slot)
{
	remove_host(fleet, fleet->slots[slot].host);
	fleet->slots[slot] = (struct fleet_slot){.next_free = fleet->free_slot};
	fleet->free_slot = slot + 1;
	fleet->feed_count--;
	fleet->changes++;
}

base_time fleet_shortest(const struct plan_fleet *fleet, const struct plan_feed *feed, enum plan_why *why)
{
	base_time shortest = fleet->options.min;
	*why = WHY_FLOOR;
	if (feed->max_age > shortest) {
		shortest = feed->max_age;
		*why = WHY_MAX_AGE;
	}
	if (feed->document.ttl > shortest) {
		shortest = feed->document.ttl;
		*why = WHY_TTL;
	}
	return shortest < fleet->options.max ? shortest : fleet->options.max;
}

/*
 * A document shows so many entries: half of that at the feed's busiest hour,
 * lest entries leave it unseen.
 */
static base_time longest_of(const struct plan_fleet *fleet, const struct plan_feed *feed, const double *profile)
{
	double most = 0;
	for (size_t h = 0; h < RATE_HOURS; h++)
		if (profile[h] > most)
			most = profile[h];
	double rate = rate_mean(&feed->rate, fleet->prior) * most;
	if (!feed->document.entries || feed->rate.learned < feed->document.entries / 2)
		return fleet->options.max;
	double days = (double)feed->document.entries / 2 / rate;
	return days < days_of(fleet->options.max) ? (base_time)(days * (double)BASE_DAY) : fleet->options.max;
}

void fleet_note(struct plan_fleet *fleet, size_t slot, const struct plan_feed *feed)
{
	struct fleet_slot *of = &fleet->slots[slot];
	double profile[RATE_HOURS];
	enum plan_why why;
	rate_profile(&feed->rate, profile);
	of->shape = 0;
	for (size_t h = 0; h < RATE_HOURS; h++)
		of->shape += sqrt(profile[h]) / RATE_HOURS;
	of->items = feed->rate.items;
	of->days = feed->rate.days;
	of->alerts = feed->rate.alerts;
	of->shortest = days_of(fleet_shortest(fleet, feed, &why));
	of->longest = days_of(longest_of(fleet, feed, profile));
	if (of->longest < of->shortest)
		of->longest = of->shortest;
	if (feed->ended)
		of->counted = false;
	struct base_span to = feed->move.to && !feed->move.confirmed ? plan_host_of(feed->move.to) : BASE_NONE;
	of->moving_to = to.len ? fleet_host_hash(to) : 0;
	fleet->changes++;
}

void plan_fleet_know(struct plan_fleet *fleet, size_t slot, const struct plan_feed *feed)
{
	fleet_note(fleet, slot, feed);
}

bool fleet_is_portal(const struct plan_fleet *fleet, uint64_t host)
{
	uint64_t first = 0;
	size_t moving = 0;
	bool several = false;
	for (size_t i = 0; i < fleet->slot_count; i++) {
		const struct fleet_slot *slot = &fleet->slots[i];
		if (slot->moving_to != host)
			continue;
		moving++;
		several = several || (first && slot->host != first);
		first = slot->host;
	}
	return several && moving * 2 > fleet->feed_count;
}

/* ---- the budget ------------------------------------------------------------------------- */

/* How much an item of this feed counts: by how often its items alert, compared with all feeds. */
static double weight_of(const struct plan_fleet *fleet, double items, double alerts)
{
	if (!(fleet->yield > 0))
		return 1;
	double own = (alerts + YIELD_ITEMS * fleet->yield) / (items + YIELD_ITEMS);
	double weight = own / fleet->yield;
	return weight < 1 / WEIGHT_MOST ? 1 / WEIGHT_MOST : weight > WEIGHT_MOST ? WEIGHT_MOST : weight;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The median rate and the mean yield. rates has room for every feed. */
static void survey(struct plan_fleet *fleet, double *rates)
{
	double items = 0, alerts = 0;
	size_t found = 0;
	for (size_t i = 0; i < fleet->slot_count; i++) {
		const struct fleet_slot *slot = &fleet->slots[i];
		items += slot->items;
		alerts += slot->alerts;
		if (slot->days >= 0.5)
			rates[found++] = slot->items / slot->days;
	}
	qsort(rates, found, sizeof *rates, by_value);
	fleet->prior = found >= PRIOR_FEEDS && rates[found / 2] > 0 ? rates[found / 2] : PRIOR_RATE;
	fleet->yield = items > 0 ? alerts / items : 0;
}

/* Requests a day if kappa were that; needs[i] is what kappa divides, negative for a feed without a part. */
static double requests_at(const struct plan_fleet *fleet, const double *needs, double kappa)
{
	double sum = 0;
	for (size_t i = 0; i < fleet->slot_count; i++) {
		const struct fleet_slot *slot = &fleet->slots[i];
		double interval = kappa / needs[i]; /* without need infinite; fmin and fmax are calls, forty times a feed */
		if (needs[i] >= 0)
			sum += 1 / (interval < slot->shortest ? slot->shortest : interval > slot->longest ? slot->longest : interval);
	}
	return sum;
}

/* The kappa with which all feeds together fit the budget. */
static void solve(struct plan_fleet *fleet, base_time now)
{
	double *needs = calloc(fleet->slot_count + 1, sizeof *needs);
	double low = log(KAPPA_LEAST), high = log(KAPPA_MOST), counted = 0;
	if (!needs)
		return; /* the old one will do */
	survey(fleet, needs);
	for (size_t i = 0; i < fleet->slot_count; i++) {
		const struct fleet_slot *slot = &fleet->slots[i];
		double rate = rate_mean_of(slot->items, slot->days, fleet->prior);
		needs[i] = slot->counted ? sqrt(weight_of(fleet, slot->items, slot->alerts) * rate) * slot->shape : -1;
		counted += slot->counted;
	}
	double budget = counted / days_of(fleet->options.mean);
	for (int i = 0; i < 40 && counted > 0; i++) {
		double middle = (low + high) / 2;
		if (requests_at(fleet, needs, exp(middle)) > budget)
			low = middle;
		else
			high = middle;
	}
	if (counted > 0)
		fleet->kappa = exp(high);
	free(needs);
	fleet->solved_at = now;
	fleet->changes = 0;
}

static void control(struct plan_fleet *fleet, base_time now)
{
	size_t counted = 0;
	for (size_t i = 0; i < fleet->slot_count; i++)
		counted += fleet->slots[i].counted;
	double target = (double)counted * (double)(now - fleet->period_start) / (double)fleet->options.mean;
	if (target > 0) {
		double step = fmin(fmax((double)fleet->asked / target, STEP_LEAST), STEP_MOST);
		fleet->trim = fmin(fmax(fleet->trim * pow(step, STEP_POWER), 1 / TRIM_MOST), TRIM_MOST);
	}
	fleet->period_start = now;
	fleet->asked = 0;
}

void fleet_asked(struct plan_fleet *fleet, size_t slot, base_time now)
{
	bool begins = fleet->period_start == BASE_TIME_NONE || now < fleet->period_start - PERIOD;
	if (begins || fleet->outage) {
		fleet->period_start = now;
		fleet->asked = 0;
	} else if (now - fleet->period_start >= PERIOD) {
		control(fleet, now);
	}
	fleet->asked += fleet->slots[slot].counted;
	if (fleet->solved_at == BASE_TIME_NONE || now < fleet->solved_at - PERIOD || now - fleet->solved_at >= SOLVE_EVERY ||
	    fleet->changes > fleet->feed_count / 4)
		solve(fleet, now);
}

/* ---- the interval ------------------------------------------------------------------------- */

/*
 * The next poll is when the density of polls, sqrt(w * rate(t)) / kappa, adds
 * up to one: for a constant rate that is kappa / sqrt(w * rate), and a long
 * interval that begins at night does not sleep into the morning.
 */
static base_time walk(double kappa, double weighted, const double *profile, base_time from, base_time longest)
{
	double left = kappa;
	base_time at = from, end = from + longest;
	while (at < end) {
		base_time next = (at / BASE_HOUR + 1) * BASE_HOUR;
		base_time hour = at / BASE_HOUR % RATE_HOURS;
		double density = sqrt(weighted * profile[hour < 0 ? hour + RATE_HOURS : hour]);
		double part = density * days_of(next - at);
		if (part >= left) {
			at += (base_time)(left / density * (double)BASE_DAY);
			break;
		}
		left -= part;
		at = next;
	}
	return (at < end ? at : end) - from;
}

base_time fleet_interval(const struct plan_fleet *fleet, const struct plan_feed *feed, base_time from,
                         enum plan_why *why)
{
	double profile[RATE_HOURS];
	enum plan_why floor;
	rate_profile(&feed->rate, profile);
	double weighted = weight_of(fleet, feed->rate.items, feed->rate.alerts) * rate_mean(&feed->rate, fleet->prior);
	base_time shortest = fleet_shortest(fleet, feed, &floor), longest = longest_of(fleet, feed, profile);
	base_time interval = walk(fleet->kappa * fleet->trim, weighted, profile, from, longest);
	*why = WHY_LEARNED;
	if (interval >= longest)
		*why = longest < fleet->options.max ? WHY_OVERFLOW : WHY_LONGEST;
	if (interval < shortest)
		*why = floor;
	return interval < shortest ? shortest : interval;
}

/* ---- outages --------------------------------------------------------------------------------- */

bool plan_fleet_outage(const struct plan_fleet *fleet)
{
	return fleet->outage;
}

unsigned fleet_heard(struct plan_fleet *fleet, size_t slot, const struct plan_poll *poll, bool answered)
{
	bool before = fleet->outage;
	if (answered || fleet->answered > poll->ended) /* or the clock was set back */
		fleet->answered = poll->ended;
	if (answered) {
		fleet->round++;
		fleet->silent = 0;
		fleet->outage = false;
		return before ? PLAN_EVENT_NETWORK : 0;
	}
	/* Hosts that lie dead together time out together: that means nothing if another one answered meanwhile. */
	if (poll->started < fleet->answered)
		return 0;
	struct fleet_host *host = place_of(fleet, fleet->slots[slot].host);
	if (host->round != fleet->round) {
		host->round = fleet->round;
		fleet->silent++;
	}
	size_t enough = fleet->host_count < OUTAGE_MOST ? fleet->host_count : OUTAGE_MOST;
	fleet->outage = fleet->host_count >= OUTAGE_LEAST && fleet->silent >= enough;
	return fleet->outage && !before ? PLAN_EVENT_OUTAGE : 0;
}
