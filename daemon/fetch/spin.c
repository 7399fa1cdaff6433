/*
 * spin: see spin.h.
 */
#include "daemon/fetch/spin.h"

bool fetch_spins(struct fetch_spin *spin, base_time now)
{
	if (now - spin->since >= BASE_SECOND) {
		spin->since = now;
		spin->wakes = 0;
	}
	return ++spin->wakes > FETCH_WAKES_MAX;
}
