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
	void *session; /* NULL while taken */
	size_t size;   /* of the session */
	bool resumed;
	base_time verified;
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) age;
};

LIST_HEAD(chain, entry);

struct fetch_sessions {
	struct chain buckets[BUCKETS];
	TAILQ_HEAD(, entry) oldest_first;
	size_t size, most;
	void (*release)(void *session);
};

enum base_result fetch_sessions_new(size_t most, void (*release)(void *session), struct fetch_sessions **out)
{
	struct fetch_sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions == NULL)
		return BASE_NO_MEMORY;
	TAILQ_INIT(&sessions->oldest_first);
	sessions->most = most;
	sessions->release = release;
	*out = sessions;
	return BASE_OK;
}

static size_t size_of(const struct entry *entry)
{
	return sizeof(*entry) + entry->size;
}

static void drop(struct fetch_sessions *sessions, struct entry *entry)
{
	sessions->size -= size_of(entry);
	LIST_REMOVE(entry, chain);
	TAILQ_REMOVE(&sessions->oldest_first, entry, age);
	if (entry->session != NULL)
		sessions->release(entry->session);
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

/* Makes the entry the youngest. */
static void fill(struct fetch_sessions *sessions, struct entry *entry, void *session, size_t size)
{
	sessions->size -= entry->size;
	entry->session = session;
	entry->size = size;
	sessions->size += size;
	TAILQ_REMOVE(&sessions->oldest_first, entry, age);
	TAILQ_INSERT_TAIL(&sessions->oldest_first, entry, age);
}

void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], void *session, size_t size,
                        bool resumed, base_time now)
{
	struct entry *entry = find(sessions, key);

	if (entry == NULL && !resumed)
		entry = add(sessions, key);
	if (entry == NULL) {
		sessions->release(session);
		return;
	}
	if (!resumed)
		entry->verified = now;
	entry->resumed = resumed;
	if (entry->session != NULL)
		sessions->release(entry->session);
	fill(sessions, entry, session, size);
	while (sessions->size > sessions->most)
		drop(sessions, TAILQ_FIRST(&sessions->oldest_first));
}

void *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now,
                          bool *resumed)
{
	struct entry *entry = find(sessions, key);

	if (entry == NULL)
		return NULL;
	if (now - entry->verified >= FETCH_SESSION_LASTS) {
		drop(sessions, entry);
		return NULL;
	}
	void *session = entry->session;
	*resumed = entry->resumed;
	fill(sessions, entry, NULL, 0);
	return session;
}

size_t fetch_sessions_size(const struct fetch_sessions *sessions)
{
	return sessions->size;
}
