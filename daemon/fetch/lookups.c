/*
 * lookups: see lookups.h.
 */
#include "daemon/fetch/lookups.h"

static void drop_first(struct fetch_lookups *lookups)
{
	lookups->first = (lookups->first + 1) % FETCH_LOOKUPS_MAX;
	lookups->abandoned--;
}

bool fetch_lookups_free(struct fetch_lookups *lookups, base_time now)
{
	while (lookups->abandoned > 0 && lookups->until[lookups->first] <= now)
		drop_first(lookups);
	return lookups->waited_for + lookups->abandoned < FETCH_LOOKUPS_MAX;
}

void fetch_lookups_start(struct fetch_lookups *lookups)
{
	lookups->waited_for++;
}

void fetch_lookups_end(struct fetch_lookups *lookups, bool abandoned, base_time now)
{
	lookups->waited_for--;
	if (!abandoned)
		return;
	if (lookups->abandoned == FETCH_LOOKUPS_MAX)
		drop_first(lookups);
	lookups->until[(lookups->first + lookups->abandoned) % FETCH_LOOKUPS_MAX] = now + FETCH_LOOKUP_LINGERS;
	lookups->abandoned++;
}

base_time fetch_lookups_wait(const struct fetch_lookups *lookups, base_time now)
{
	if (lookups->abandoned == 0)
		return 0;
	base_time until = lookups->until[lookups->first];
	return until > now ? until - now : 1;
}
