/*
 * lookups: counts name look-ups. libcurl gives each a thread of its own, which
 * goes on after the transfer has given up waiting for a dead name server.
 * Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_LOOKUPS_H
#define WIREWATCH_FETCH_LOOKUPS_H

#include "wirewatch/base.h"

/* At once. Also what a small resolver answers without dropping questions. */
#define FETCH_LOOKUPS_MAX 64
/* A thread that nobody waits for counts this long: resolv.conf(5) asks three servers twice, for 5 s each. */
#define FETCH_LOOKUP_LINGERS (30 * BASE_SECOND)

struct fetch_lookups { /* zero-initialise */
	size_t waited_for;
	base_time until[FETCH_LOOKUPS_MAX]; /* of the abandoned ones, the oldest at `first` */
	size_t first, abandoned;
};

/* Times are monotonic. True when another one may start. */
bool fetch_lookups_free(struct fetch_lookups *lookups, base_time now);
void fetch_lookups_start(struct fetch_lookups *lookups);
/* It is over or, abandoned, only nobody waits any more. */
void fetch_lookups_end(struct fetch_lookups *lookups, bool abandoned, base_time now);
/* How long until an abandoned one is counted no more; 0 when there is none. */
base_time fetch_lookups_wait(const struct fetch_lookups *lookups, base_time now);

#endif
