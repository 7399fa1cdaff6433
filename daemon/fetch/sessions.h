/*
 * sessions: what lets the next TLS handshake with a server be a short one,
 * kept by server and bounded: as an object while there is room, as bytes when
 * that is short. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_SESSIONS_H
#define WIREWATCH_FETCH_SESSIONS_H

#include "wirewatch/base.h"

#define FETCH_SESSION_KEY 32      /* bytes, evenly spread */
#define FETCH_SESSION_MAX 16384   /* bytes; a larger session is not kept */
/* A certificate is verified at least this often, however long the server would resume. */
#define FETCH_SESSION_LASTS BASE_DAY

struct fetch_sessions;
struct fetch_session_ways {
	size_t (*write)(void *session, uint8_t bytes[FETCH_SESSION_MAX]); /* the length; 0: it cannot be written */
	void *(*read)(const uint8_t *bytes, size_t len);                  /* NULL: it cannot be read */
	void (*release)(void *session);
	size_t size; /* what the object of a resumed session takes of memory, about */
};
/*
 * most: bytes in all. When they are used up, objects are written, sessions that
 * have ended make room, and newcomers are turned away: servers are asked in
 * turn, so the one not used for longest is the next to be wanted.
 */
enum base_result fetch_sessions_new(size_t most, const struct fetch_session_ways *ways, struct fetch_sessions **out);
void fetch_sessions_free(struct fetch_sessions *sessions);
struct fetch_session {
	void *object;    /* becomes the cache's in any case */
	base_time lasts; /* from now; FETCH_SESSION_LASTS: as long as it may */
	/* The handshake was a short one, so the certificate was verified when the first of the line was kept. */
	bool resumed;
	bool same; /* it is the one that was taken, and ends when that would have ended */
};
/* Keeps it instead of what was there; not if it is resumed or the same and nothing is known of its line. */
void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY],
                        const struct fetch_session *session, base_time now);
/* The session, which is then the caller's and kept no longer (RFC 8446 appendix C.4); NULL: none. */
void *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now);
size_t fetch_sessions_size(const struct fetch_sessions *sessions); /* bytes */

#endif
