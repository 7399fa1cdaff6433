/*
 * spin: see spin.h.
 */
#include "daemon/fetch/spin.h"

bool fetch_spins(struct fetch_spin *spin, uint64_t progress, base_time now)
{
	if (now - spin->since >= BASE_SECOND) {
		spin->since = now;
		spin->wakes = 0;
	}
	if (progress != spin->progress) {
		spin->progress = progress;
		spin->in_vain = 0;
	}
	spin->wakes++;
	spin->in_vain++;
	return spin->wakes > FETCH_WAKES_MAX || spin->in_vain > FETCH_WAKES_IN_VAIN;
}
