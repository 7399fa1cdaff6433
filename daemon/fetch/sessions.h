/*
 * sessions: what lets the next TLS handshake with a server be a short one,
 * kept by server and bounded. Bytes only. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_SESSIONS_H
#define WIREWATCH_FETCH_SESSIONS_H

#include "wirewatch/base.h"

#define FETCH_SESSION_KEY 32      /* bytes, evenly spread */
#define FETCH_SESSION_MAX 16384   /* a session that is larger is not kept */
/* A certificate is verified at least this often, however long the server would resume. */
#define FETCH_SESSION_LASTS BASE_DAY

struct fetch_sessions;
/* most: bytes in all; then those not used for longest go. */
enum base_result fetch_sessions_new(size_t most, struct fetch_sessions **out);
void fetch_sessions_free(struct fetch_sessions *sessions);
/*
 * Keeps a copy instead of what was there. resumed: the handshake was a short
 * one, so the certificate was verified when the first of the line was kept;
 * without that one nothing is kept. Out of memory nothing is kept either.
 */
void fetch_sessions_put(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], const uint8_t *bytes,
                        size_t len, bool resumed, base_time now);
/* The session, which is then the caller's to free and kept no longer (RFC 8446 appendix C.4); NULL: none. */
uint8_t *fetch_sessions_take(struct fetch_sessions *sessions, const uint8_t key[FETCH_SESSION_KEY], base_time now,
                             size_t *len);
size_t fetch_sessions_size(const struct fetch_sessions *sessions); /* bytes */

#endif
