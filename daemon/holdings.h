/*
 * holdings: the feeds of each host that this node lists, and which of the hosts
 * it holds; the main thread's. Without a share all of them are held.
 */
#ifndef WIREWATCH_HOLDINGS_H
#define WIREWATCH_HOLDINGS_H

#include "share.h"
#include "wirewatch/conf.h"

struct holdings;
/* Of all feeds of a configuration, which must outlive it. before: those that are replaced, whose hosts stay held; or NULL. */
enum base_result holdings_new(const struct conf *conf, const struct holdings *before, struct holdings **out);
void holdings_free(struct holdings *holdings); /* NULL is fine */
/* What a share is told. */
enum base_result holdings_listing(const struct holdings *holdings, struct share_listing **out);
/* The feeds of all hosts that are held, or of those an order names; the caller frees *feeds. */
enum base_result holdings_held(const struct holdings *holdings, const struct conf_feed ***feeds, size_t *count);
enum base_result holdings_of(const struct holdings *holdings, const struct share_order *order,
                             const struct conf_feed ***feeds, size_t *count);
/* The order is carried out. */
void holdings_note(struct holdings *holdings, const struct share_order *order);

#endif
