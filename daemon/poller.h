/*
 * poller: one thread, one event loop, a share of the feeds.
 *
 * plan -> fetch -> feed -> match -> alert, then a batch for the outbox. A
 * poller is an object without global state: two can run side by side.
 */
#ifndef WIREWATCH_POLLER_H
#define WIREWATCH_POLLER_H

#include "outbox.h"
#include "wirewatch/conf.h"
#include "wirewatch/fetch.h"
#include "wirewatch/match.h"

struct poller_options {
	const struct conf_settings *settings; /* must outlive the poller */
	const struct match_rules *rules;      /* the same */
	struct fetch_trust *trust;            /* needed during poller_new alone */
	unsigned transfers;                   /* at once, at most */
	struct outbox *outbox;
	const struct base_clock *clock;
	struct base_log *log;
	struct status_board *board;
	uint64_t epoch;                       /* of the ledger */
	bool once; /* poll each feed once, then end */
	/* Called from the poller's thread when it has ended by itself or was stopped; then poller_join. */
	void (*ended)(void *ctx);
	void *ctx;
};

struct poller;
enum base_result poller_new(const struct poller_options *options, struct poller **out);
/* Before poller_start. The feed must outlive the poller. */
enum base_result poller_add(struct poller *poller, const struct conf_feed *feed);
enum base_result poller_start(struct poller *poller);
/* Start no new polls and end when those under way are done; cancel: give up their transfers at once. From any thread. */
void poller_stop(struct poller *poller, bool cancel);
void poller_join(struct poller *poller);
void poller_free(struct poller *poller);
base_time poller_alive(const struct poller *poller);
/* True if it ended because it could not learn what is stored of its feeds. After poller_join. */
bool poller_failed(const struct poller *poller);

#endif
