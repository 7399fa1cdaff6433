/*
 * house: a ledger in a folder of its own, and batches for it. If WW_POSTGRES
 * names a database (as `tests/e2e/database.py run` does), the ledger is in a
 * schema of its own there.
 */
#ifndef WIREWATCH_TESTS_HOUSE_H
#define WIREWATCH_TESTS_HOUSE_H

#include "wirewatch/ledger.h"

#define HOUSE_FEED "https://feeds.example/a.xml"
#define HOUSE_MESSAGES 4096

struct house {
	char folder[64], path[96], uri[512];
	struct ledger *ledger;
	struct base_error err;
	/* What the last commit, replay or unpublished gave. */
	struct house_message {
		uint64_t sequence, previous;
		char topic[64];
		char id[16]; /* the item */
	} messages[HOUSE_MESSAGES];
	size_t count;
	uint64_t digest; /* over every byte of them */
	bool more;
};

bool house_is_postgres(void); /* for tests of what one engine alone has */
void house_build(struct house *house);
/* The same as a cmocka fixture: *state is a house with an open ledger. */
int house_set_up(void **state);
int house_tear_down(void **state);
void house_pull_down(struct house *house); /* closes the ledger and removes the folder */
enum base_result house_open(struct house *house);
void house_close(struct house *house);

/* A ledger_message_fn; ctx is the house. */
enum base_result house_take(void *ctx, const struct ledger_message *message);

struct house_item { /* an entry and, unless class is negative, an alert about it */
	const char *id, *link, *title, *change;
	int class;
	base_time published;
	bool reused;
};
#define HOUSE_QUIET (-1)

/* Commit one poll of a feed at a time; the messages are in house. */
enum base_result house_commit(struct house *house, const char *feed, const struct house_item *items, size_t count,
                              base_time now);
/* The entry that an item stands for, as the feed room would make it. */
struct feed_entry house_entry(const struct house_item *item);
/* What the ledger says of one of the items, all of which are looked up. */
struct ledger_known house_look_up(struct house *house, const char *feed, const struct house_item *items, size_t count,
                                  size_t which);
enum base_result house_replay(struct house *house, uint64_t after, const char *prefix, size_t limit);
enum base_result house_unpublished(struct house *house);

#endif
