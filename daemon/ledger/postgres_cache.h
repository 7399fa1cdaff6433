/*
 * postgres_cache: the rows that a transaction has read and will write. What
 * is not in it is not known; a row that is known to be missing is in it, too.
 */
#ifndef WIREWATCH_LEDGER_POSTGRES_CACHE_H
#define WIREWATCH_LEDGER_POSTGRES_CACHE_H

#include "engine.h"

struct cache_feed {
	const char *url;
	struct engine_feed row;
	bool there;  /* else row has nothing but, perhaps, an id */
	bool fresh;  /* made in this transaction: nothing of it is stored */
	bool dirty;  /* to be written, with what follows */
	base_time documented, updated; /* documented: BASE_TIME_NONE leaves it as it is */
	uint64_t batch;
	size_t next; /* in its chain, 0 is the end; all chains hold indices plus one */
};

enum cache_chain { CACHE_KEY, CACHE_LINK, CACHE_TITLE, CACHE_CHAINS };

struct cache_entry {
	int64_t feed;
	struct engine_entry row; /* of one that is not there: its key */
	bool there, stored, dirty; /* stored: a row of this key is in the table, whatever it says */
	size_t next[CACHE_CHAINS];
};

/* The entries with a secondary key were asked for. */
struct cache_asked {
	int64_t feed;
	struct feed_key key;
	enum cache_chain chain;
	bool complete; /* else there may be more than are here */
	size_t next;
};

struct postgres_cache {
	uint64_t secret[2];
	struct base_arena *arena;
	struct cache_feed *feeds;
	struct cache_entry *entries;
	struct cache_asked *asked;
	size_t feed_count, feed_cap, entry_count, entry_cap, asked_count, asked_cap;
	size_t *buckets; /* of feeds, entries by each chain, and asked: one block each */
	size_t mask;     /* buckets of a block less one */
};

enum base_result cache_new(struct postgres_cache **out);
void cache_free(struct postgres_cache *cache); /* NULL is fine */
/* Forget everything; room for about that many entries. */
enum base_result cache_reset(struct postgres_cache *cache, size_t entries);

/* Here and below: NULL if it is not known. Pointers last until the next row is added. */
struct cache_feed *cache_feed(struct postgres_cache *cache, const char *url);
/* A row that is not there yet; url is copied. */
enum base_result cache_add_feed(struct postgres_cache *cache, const char *url, struct cache_feed **out);
struct base_span cache_copy(struct postgres_cache *cache, struct base_span span); /* BASE_NONE also when it does not fit */

struct cache_entry *cache_entry(struct postgres_cache *cache, int64_t feed, const struct feed_key *key);
/* The entry of that key, made (as not there) if it was not known. */
enum base_result cache_add_entry(struct postgres_cache *cache, int64_t feed, const struct feed_key *key,
                                 struct cache_entry **out);
/* Change what it says; it is there. */
void cache_put_entry(struct postgres_cache *cache, struct cache_entry *entry, const struct engine_entry *row);
void cache_drop_entry(struct postgres_cache *cache, struct cache_entry *entry);

struct cache_asked *cache_asked(struct postgres_cache *cache, int64_t feed, enum cache_chain chain,
                                const struct feed_key *key);
/* Note that all, or two at least, of the entries with that secondary key are here now. */
enum base_result cache_add_asked(struct postgres_cache *cache, int64_t feed, enum cache_chain chain,
                                 const struct feed_key *key);
/* How many entries have that secondary key: 0, 1 or 2 (meaning more than one); *out: one of them. */
int cache_count(struct postgres_cache *cache, int64_t feed, enum cache_chain chain, const struct feed_key *key,
                struct cache_entry **out);

#endif
