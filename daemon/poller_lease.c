/*
 * The poller and its leases: nothing starts and no transfer goes on when what
 * this node holds may be another's. Its event comes before all others of one
 * turn of the loop, so that a process that was stopped and goes on sends
 * nothing before it has looked.
 */
#include "poller_inside.h"
#include "share.h"

#define LOOK_AGAIN (BASE_SECOND / 10)

bool poller_may_poll(const struct poller *poller)
{
	return share_valid_for(poller->context.options.share) > 0;
}

static void give_up_transfers(struct poller *poller)
{
	struct base_table_node *node = base_table_first(&poller->feeds), *next;
	for (; node; node = next) {
		struct poll_feed *feed = (struct poll_feed *)node;
		next = base_table_next(&poller->feeds, node); /* one that was leaving may go now */
		if (feed->poll)
			poll_cancel(feed->poll);
	}
}

static void on_lease(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	struct poller *poller = ctx;
	base_time left = share_valid_for(poller->context.options.share);
	bool valid = left > 0, was = poller->lease_valid;
	struct timeval wait = poller_wait(valid ? left : LOOK_AGAIN);
	(void)event_add(poller->lease_event, &wait); /* it has its place: it was there a moment ago */
	poller->lease_valid = valid;
	if (was && !valid)
		give_up_transfers(poller);
	else if (valid && !was)
		turns_go_on(poller);
	poller_end_if_done(poller);
}

enum base_result poller_lease_open(struct poller *poller)
{
	if (!poller->context.options.share)
		return BASE_OK;
	struct timeval now = poller_wait(0);
	poller->lease_event = event_new(poller->base, -1, 0, on_lease, poller);
	if (!poller->lease_event || event_priority_set(poller->lease_event, 0) || event_add(poller->lease_event, &now))
		return BASE_NO_MEMORY;
	return BASE_OK;
}
