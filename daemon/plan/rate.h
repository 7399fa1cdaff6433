/*
 * rate: how often a feed reports and at which hours, learned from when its
 * entries were published. Private to the room plan.
 */
#ifndef WIREWATCH_PLAN_RATE_H
#define WIREWATCH_PLAN_RATE_H

#include "wirewatch/base.h"

#define RATE_HOURS 24

struct plan_rate { /* counts are forgotten exponentially */
	base_time as_of;          /* observed up to here, and the counts' time; BASE_TIME_NONE: not at all */
	double days, items, alerts;
	double hours[RATE_HOURS]; /* items by hour of day, GMT */
	double pace;              /* items a day when the last one came */
	base_time last_item;      /* BASE_TIME_NONE: none yet */
	base_time longest;        /* silence between two items */
	uint32_t learned;         /* items ever */
};

void rate_init(struct plan_rate *rate);
/* A document came at now with these entries that were not known before. */
void rate_learn(struct plan_rate *rate, base_time now, const base_time *dates, size_t count, size_t alerts);
/* Items a day; prior is what to think of a feed that nothing is known of. */
double rate_mean(const struct plan_rate *rate, double prior);
double rate_mean_of(double items, double days, double prior);
/* How the rate of each hour relates to the mean. */
void rate_profile(const struct plan_rate *rate, double profile[RATE_HOURS]);
/* Items to be expected since the last one, by the pace of that time; 0 while too little is known. */
double rate_expected(const struct plan_rate *rate, base_time now);

#endif
