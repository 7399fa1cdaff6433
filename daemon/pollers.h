/*
 * pollers: all of them together. Feeds are split by the host of their
 * configured address, so that politeness towards a server needs no lock.
 */
#ifndef WIREWATCH_POLLERS_H
#define WIREWATCH_POLLERS_H

#include "poller.h"

struct pollers;
/* As many as the settings say; options as for one of them, but `ended` is called when all have ended, and trust is not used. */
enum base_result pollers_new(const struct poller_options *options, struct pollers **out);
/* If it fails, some may be running: stop and join them all the same. */
enum base_result pollers_start(struct pollers *pollers);
/*
 * As poller_change, for feeds of any host: each poller gets its part. What they tell is told when all of them have,
 * from the thread of the last. From any thread, but one at a time; before pollers_stop. Result when done may also be
 * BASE_BUSY: some of it was not taken.
 */
enum base_result pollers_change(struct pollers *pollers, struct poller_change *change);
void pollers_stop(struct pollers *pollers, bool cancel);
void pollers_join(struct pollers *pollers); /* once */
void pollers_free(struct pollers *pollers); /* NULL is fine */
/* The oldest of their last signs of life. */
base_time pollers_alive(const struct pollers *pollers);
/* True if one ended because it could not learn what is stored of its feeds. After pollers_join. */
bool pollers_failed(const struct pollers *pollers);

#endif
