/*
 * sessions: a hash table by key. An entry stays when its session is taken,
 * since it knows when the certificate was verified and holds the place of the
 * session that will follow.
 */
#include "daemon/fetch/sessions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 16384
#define LOOKS 32 /* entries looked at for one newcomer, when there is no room */
/* For so long a place is held for what follows a session that was taken. */
#define HELD BASE_MINUTE
#define OVERHEAD 32 /* bytes of the allocator, for two blocks */

struct entry {
	uint8_t key[FETCH_SESSION_KEY];
	void *object;   /* this or bytes; both NULL while taken */
	uint8_t *bytes;
	size_t len;     /* of what is kept; while it is taken, of the place held */
	base_time verified, ends, taken;
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) turn;
};

LIST_HEAD(chain, entry);

struct fetch_sessions {
	struct chain buckets[BUCKETS];
	TAILQ_HEAD(, entry) turns; /* in which entries are looked at to make room */
	size_t size, most;
	struct fetch_session_ways ways;
};

enum base_result fetch_sessions_new(size_t most, const struct fetch_session_ways *ways, struct fetch_sessions **out)
{
	struct fetch_sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions == NULL)
		return BASE_NO_MEMORY;
	TAILQ_INIT(&sessions->turns);
	sessions->most = most;
	sessions->ways = *ways;
	*out = sessions;
	return BASE_OK;
}

static size_t size_of(size_t len)
{
	return sizeof(struct entry) + OVERHEAD + len;
}

/* A session holds the key of connections to come. */
static void forget(struct fetch_sessions *sessions, struct entry *entry)
{
	if (entry->object != NULL)
		sessions->ways.release(entry->object);
	entry->object = NULL;
	if (entry->bytes != NULL)
		explicit_bzero(entry->bytes, entry->len);
	free(entry->bytes);
	entry->bytes = NULL;
}

static void drop(struct fetch_sessions *sessions, struct entry *entry)
{
	sessions->size -= size_of(entry->len);
	LIST_REMOVE(entry, chain);
	TAILQ_REMOVE(&sessions->turns, entry, turn);
	forget(sessions, entry);
	free(entry);
}

void fetch_sessions_free(struct fetch_sessions *sessions)
{
	struct entry *entry;

	if (sessions == NULL)
		return;
	while ((entry = TAILQ_FIRST(&sessions->turns)) != NULL)
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

static bool has_ended(const struct entry *entry, base_time now)
{
	return now >= entry->ends || now - entry->verified >= FETCH_SESSION_LASTS;
}

static bool is_idle(const struct entry *entry, base_time now)
{
	return has_ended(entry, now) || (entry->object == NULL && entry->bytes == NULL && now - entry->taken >= HELD);
}

static void keep_object(struct fetch_sessions *sessions, struct entry *entry, void *object)
{
	forget(sessions, entry);
	sessions->size += sessions->ways.size - entry->len;
	entry->object = object;
	entry->len = sessions->ways.size;
}

static bool keep_bytes(struct fetch_sessions *sessions, struct entry *entry, const uint8_t *from, size_t len)
{
	uint8_t *bytes = malloc(len);

	if (bytes == NULL)
		return false;
	memcpy(bytes, from, len);
	forget(sessions, entry);
	sessions->size += len - entry->len;
	entry->bytes = bytes;
	entry->len = len;
	return true;
}

static void shrink(struct fetch_sessions *sessions, struct entry *entry)
{
	uint8_t bytes[FETCH_SESSION_MAX];
	size_t len = sessions->ways.write(entry->object, bytes);

	if (len > 0 && len < entry->len)
		(void)keep_bytes(sessions, entry, bytes, len);
	explicit_bzero(bytes, len);
}

/* Whether there is room for what takes so many bytes; entry, unless NULL, gives its own for it. */
static bool make_room(struct fetch_sessions *sessions, size_t size, const struct entry *own, base_time now)
{
	size_t given = own != NULL ? size_of(own->len) : 0;

	for (int i = 0; i < LOOKS && sessions->size - given + size > sessions->most; i++) {
		struct entry *entry = TAILQ_FIRST(&sessions->turns);
		if (entry == NULL)
			break;
		if (entry != own && is_idle(entry, now)) {
			drop(sessions, entry);
			continue;
		}
		if (entry->object != NULL && entry != own)
			shrink(sessions, entry);
		TAILQ_REMOVE(&sessions->turns, entry, turn);
		TAILQ_INSERT_TAIL(&sessions->turns, entry, turn);
	}
	return sessions->size - given + size <= sessions->most;
}

static struct entry *add(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY])
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	memcpy(entry->key, key, FETCH_SESSION_KEY);
	LIST_INSERT_HEAD(bucket_of(sessions, key), entry, chain);
	TAILQ_INSERT_TAIL(&sessions->turns, entry, turn);
	sessions->size += size_of(0);
	return entry;
}

/* As bytes or, if len is 0, as the object. */
static void place(struct fetch_sessions *sessions, struct entry *entry, const struct fetch_session *session,
                  const uint8_t *bytes, size_t len, base_time now)
{
	if (len == 0) {
		keep_object(sessions, entry, session->object);
	} else if (!keep_bytes(sessions, entry, bytes, len)) {
		drop(sessions, entry);
		return;
	}
	if (!session->resumed)
		entry->verified = now;
	if (!session->same)
		entry->ends = now + session->lasts;
}

/*
 * One that follows from another is an object without the chain's other
 * certificates. To read what is written costs a third of a short handshake,
 * so it stays one while there is room.
 */
static bool fits_as_object(const struct fetch_sessions *sessions, const struct entry *entry, bool resumed)
{
	return resumed && sessions->size - size_of(entry->len) + size_of(sessions->ways.size) <= sessions->most;
}

void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY],
                        const struct fetch_session *session, base_time now)
{
	struct entry *entry = find(sessions, key);
	uint8_t bytes[FETCH_SESSION_MAX];
	size_t len = 0;

	if ((!session->same && session->lasts <= 0) || (entry == NULL && (session->resumed || session->same)))
		goto out;
	if (entry != NULL && fits_as_object(sessions, entry, session->resumed)) {
		place(sessions, entry, session, NULL, 0, now);
		return;
	}
	len = sessions->ways.write(session->object, bytes);
	if (len > 0 && make_room(sessions, size_of(len), entry, now) &&
	    (entry != NULL || (entry = add(sessions, key)) != NULL))
		place(sessions, entry, session, bytes, len, now);
out:
	sessions->ways.release(session->object);
	explicit_bzero(bytes, len);
}

void *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now)
{
	struct entry *entry = find(sessions, key);

	if (entry == NULL || (entry->object == NULL && entry->bytes == NULL))
		return NULL;
	if (has_ended(entry, now)) {
		drop(sessions, entry);
		return NULL;
	}
	void *object = entry->object != NULL ? entry->object : sessions->ways.read(entry->bytes, entry->len);
	entry->object = NULL;
	forget(sessions, entry);
	entry->taken = now;
	return object;
}

size_t fetch_sessions_size(const struct fetch_sessions *sessions)
{
	return sessions->size;
}
