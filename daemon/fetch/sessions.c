/*
 * sessions: a hash table by key and a list by age of use. An entry stays when
 * its session is taken, since it knows when the certificate was verified.
 */
#include "daemon/fetch/sessions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 4096

struct entry {
	uint8_t key[FETCH_SESSION_KEY];
	uint8_t *bytes; /* NULL while taken */
	size_t len;
	base_time verified;
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) age;
};

LIST_HEAD(chain, entry);

struct fetch_sessions {
	struct chain buckets[BUCKETS];
	TAILQ_HEAD(, entry) oldest_first;
	size_t size, most;
};

enum base_result fetch_sessions_new(size_t most, struct fetch_sessions **out)
{
	struct fetch_sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions == NULL)
		return BASE_NO_MEMORY;
	TAILQ_INIT(&sessions->oldest_first);
	sessions->most = most;
	*out = sessions;
	return BASE_OK;
}

static size_t size_of(const struct entry *entry)
{
	return sizeof(*entry) + entry->len;
}

static void drop(struct fetch_sessions *sessions, struct entry *entry)
{
	sessions->size -= size_of(entry);
	LIST_REMOVE(entry, chain);
	TAILQ_REMOVE(&sessions->oldest_first, entry, age);
	free(entry->bytes);
	free(entry);
}

void fetch_sessions_free(struct fetch_sessions *sessions)
{
	struct entry *entry;

	if (sessions == NULL)
		return;
	while ((entry = TAILQ_FIRST(&sessions->oldest_first)) != NULL)
		drop(sessions, entry);
	free(sessions);
}

static struct chain *bucket_of(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY])
{
	return &sessions->buckets[(key[0] << 8 | key[1]) % BUCKETS];
}

static struct entry *find(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY])
{
	struct entry *entry;

	LIST_FOREACH(entry, bucket_of(sessions, key), chain)
		if (memcmp(entry->key, key, FETCH_SESSION_KEY) == 0)
			break;
	return entry;
}

static struct entry *add(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY])
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	memcpy(entry->key, key, FETCH_SESSION_KEY);
	LIST_INSERT_HEAD(bucket_of(sessions, key), entry, chain);
	TAILQ_INSERT_TAIL(&sessions->oldest_first, entry, age);
	sessions->size += size_of(entry);
	return entry;
}

/* Gives the entry other bytes, which become its own, and makes it the youngest. */
static void fill(struct fetch_sessions *sessions, struct entry *entry, uint8_t *bytes, size_t len)
{
	free(entry->bytes);
	sessions->size -= entry->len;
	entry->bytes = bytes;
	entry->len = len;
	sessions->size += len;
	TAILQ_REMOVE(&sessions->oldest_first, entry, age);
	TAILQ_INSERT_TAIL(&sessions->oldest_first, entry, age);
}

void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], const uint8_t *bytes,
                        size_t len, bool resumed, base_time now)
{
	struct entry *entry = find(sessions, key);

	if (len == 0 || len > FETCH_SESSION_MAX || (resumed && entry == NULL))
		return;
	uint8_t *copy = malloc(len);
	if (copy == NULL)
		return;
	if (entry == NULL && (entry = add(sessions, key)) == NULL) {
		free(copy);
		return;
	}
	memcpy(copy, bytes, len);
	if (!resumed)
		entry->verified = now;
	fill(sessions, entry, copy, len);
	while (sessions->size > sessions->most)
		drop(sessions, TAILQ_FIRST(&sessions->oldest_first));
}

uint8_t *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now,
                             size_t *len)
{
	struct entry *entry = find(sessions, key);

	if (entry == NULL)
		return NULL;
	if (now - entry->verified >= FETCH_SESSION_LASTS) {
		drop(sessions, entry);
		return NULL;
	}
	uint8_t *bytes = entry->bytes;
	*len = entry->len;
	entry->bytes = NULL;
	fill(sessions, entry, NULL, 0);
	return bytes;
}

size_t fetch_sessions_size(const struct fetch_sessions *sessions)
{
	return sessions->size;
}
