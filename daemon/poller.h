/*
 * poller: one thread, one event loop, a share of the feeds.
 *
 * plan -> fetch -> feed -> match -> alert, then a batch for the outbox. A
 * poller is an object without global state: two can run side by side.
 */
#ifndef WIREWATCH_POLLER_H
#define WIREWATCH_POLLER_H

#include <sys/queue.h>

#include "outbox.h"
#include "rulebook.h"
#include "wirewatch/conf.h"
#include "wirewatch/match.h"

struct fetch_trust;
struct share;

struct poller_options {
	const struct conf_settings *settings; /* must outlive the poller, or its change */
	struct rulebook *rules;               /* the same; opened when the first entry is to be read */
	struct fetch_trust *trust;            /* needed during poller_new alone */
	unsigned transfers;                   /* at once, at most */
	struct outbox *outbox;
	const struct share *share;            /* whose leases allow to poll; NULL: none are needed */
	const struct base_clock *clock;
	struct base_log *log;
	struct status_board *board;
	uint64_t epoch;                       /* of the ledger */
	bool once; /* poll each feed of the first change once, then end */
	/* Called from the poller's thread when it has ended by itself or was stopped; then poller_join. */
	void (*ended)(void *ctx);
	void *ctx;
};

/*
 * Feeds that come and go while the poller runs. What is asked for takes effect
 * at once; it is done when nothing refers any more to what was removed or
 * replaced. Changes are done in the order in which they were asked for.
 *
 * All that it points to belongs to the caller and stays until it is done. A
 * feed's conf_feed is used until a later change that removes or replaces it is
 * done.
 */
struct poller_change {
	/*
	 * These go, by their URLs; those that are not there are passed over. A poll under way comes to its end and what it
	 * brought is stored: only when the change is done may anybody else ask their servers.
	 */
	const struct conf_feed *const *remove;
	size_t remove_count;
	/*
	 * Then these come. One that is there already goes on with all that is known of it, as its new conf_feed says; and so
	 * does one whose removal is not done. Of others the ledger is asked, some at a time.
	 */
	const struct conf_feed *const *add;
	size_t add_count;
	bool only;   /* whatever `add` does not name goes as well */
	/* NULL, or what takes the place of the settings that the poller was made with; what it was built by must be the same. */
	const struct conf_settings *settings;
	bool cancel; /* transfers of feeds that go are given up; that they were asked is stored all the same */
	/* Called from the poller's thread, or the one that frees it: once each, taken (which may be NULL) before done. */
	void (*taken)(struct poller_change *change); /* it is in effect */
	void (*done)(struct poller_change *change);  /* it is the caller's again */
	void *ctx;
	enum base_result result; /* when done: BASE_NO_MEMORY: feeds were left out; BASE_STOPPED: the poller ended before */

	/* the poller's own */
	size_t waits;    /* for so many feeds, and for what is to be stored */
	unsigned rounds; /* of touches that are to be stored first */
	bool told;    /* that it is taken */
	STAILQ_ENTRY(poller_change) link;
};

struct poller;
/* Without feeds, and not running. */
enum base_result poller_new(const struct poller_options *options, struct poller **out);
enum base_result poller_start(struct poller *poller);
/* From any thread, before poller_stop. BASE_BUSY: too many changes wait, and nothing was done. */
enum base_result poller_change(struct poller *poller, struct poller_change *change);
/* Start no new polls and end when those under way are done; cancel: give up their transfers at once. From any thread. */
void poller_stop(struct poller *poller, bool cancel);
void poller_join(struct poller *poller);
void poller_free(struct poller *poller);
base_time poller_alive(const struct poller *poller);
/* True if it ended because it could not learn what is stored of its feeds, or had no rules. After poller_join. */
bool poller_failed(const struct poller *poller);

#endif
