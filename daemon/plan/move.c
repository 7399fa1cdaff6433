/*
 * move: 301 and 308 say that a feed has moved for good, and so do captive
 * portals and broken proxies. The new address is taken only after many
 * identical answers over a week, each leading to a feed, and given up when it
 * does not work. Temporary redirects never count.
 */
#include "fleet.h"

#include <stdlib.h>
#include <string.h>

#define ANSWERS 10
#define OVER (7 * BASE_DAY)
#define FAILURES 5 /* of the new address in a row */

static void forget(struct plan_move *move)
{
	free(move->to);
	*move = (struct plan_move){0};
}

void move_note(struct plan_feed *feed, const struct plan_poll *poll)
{
	struct plan_move *move = &feed->move;
	if (move->confirmed)
		return;
	if (!poll->moved_to || strlen(poll->moved_to) > PLAN_URL_MAX) {
		forget(move);
		return;
	}
	if (!move->to || strcmp(move->to, poll->moved_to) != 0) {
		forget(move);
		move->to = strdup(poll->moved_to); /* without memory it begins at the next poll */
		move->since = poll->started;
	}
	if (move->to)
		move->seen++;
}

unsigned move_confirm(const struct plan_fleet *fleet, struct plan_feed *feed, base_time now)
{
	struct plan_move *move = &feed->move;
	if (!move->to || move->confirmed || move->seen < ANSWERS || now - move->since < OVER ||
	    fleet_is_portal(fleet, fleet_host_hash(plan_host_of(move->to))))
		return 0;
	move->confirmed = true;
	return PLAN_EVENT_MOVED;
}

unsigned move_failure(struct plan_feed *feed)
{
	if (!feed->move.confirmed || (feed->state.failures < FAILURES && feed->failure != PLAN_GONE))
		return 0;
	forget(&feed->move);
	return PLAN_EVENT_MOVED_BACK;
}
