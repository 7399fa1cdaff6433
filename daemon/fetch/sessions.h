/*
 * sessions: what lets the next TLS handshake with a server be a short one,
 * kept by server and bounded. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_SESSIONS_H
#define WIREWATCH_FETCH_SESSIONS_H

#include "wirewatch/base.h"

#define FETCH_SESSION_KEY 32      /* bytes, evenly spread */
/* A certificate is verified at least this often, however long the server would resume. */
#define FETCH_SESSION_LASTS BASE_DAY

struct fetch_sessions;
/* most: bytes in all; then those not used for longest go. release: ends a session. */
enum base_result fetch_sessions_new(size_t most, void (*release)(void *session), struct fetch_sessions **out);
void fetch_sessions_free(struct fetch_sessions *sessions);
/*
 * Keeps the session, which becomes its own in any case, instead of what was
 * there. size: what it takes of memory, about. resumed: the handshake was a
 * short one, so the certificate was verified when the first of the line was
 * kept; without that one nothing is kept.
 */
void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], void *session, size_t size,
                        bool resumed, base_time now);
/*
 * The session, which is then the caller's and kept no longer (RFC 8446
 * appendix C.4); NULL: none. *resumed: as it was put.
 */
void *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now,
                          bool *resumed);
size_t fetch_sessions_size(const struct fetch_sessions *sessions); /* bytes */

#endif
