/*
 * spin: notices a descriptor that wakes the loop without end. Some releases of
 * libcurl (8.9.0, 8.20.0) leave one watched that stays readable for ever; it
 * would take a whole processor. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_SPIN_H
#define WIREWATCH_FETCH_SPIN_H

#include "wirewatch/base.h"

/* A second. At 16 KiB a wake this is more than any feed may send in all. */
#define FETCH_WAKES_MAX 50000
/* In a row while no transfer gets on: a busy machine may not manage the former. */
#define FETCH_WAKES_IN_VAIN 10000

struct fetch_spin { /* zero-initialise */
	base_time since;
	unsigned wakes;    /* within a second */
	unsigned in_vain;
	uint64_t progress; /* when it was last seen to change */
};

/*
 * Counts a wake at the monotonic time now. progress: a number that changes
 * with every byte that arrives. True when there were too many.
 */
bool fetch_spins(struct fetch_spin *spin, uint64_t progress, base_time now);

#endif
