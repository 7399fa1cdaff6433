/*
 * tls: verified connections at a sane price. Trusted certificates are read
 * once and shared; sessions are resumed from poll to poll. Both need libcurl
 * to use the OpenSSL that we use; else libcurl does what it can by itself.
 * Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_TLS_H
#define WIREWATCH_FETCH_TLS_H

#include "daemon/fetch/sessions.h"
#include "wirewatch/fetch.h"

#include <curl/curl.h>

struct fetch_tls;
/*
 * For the transfers of one thread. trust may be NULL: then certificates are
 * read from ca_file (NULL: the system's) when the first is needed.
 */
enum base_result fetch_tls_new(struct fetch_trust *trust, const char *ca_file, struct base_log *log,
                               const struct base_clock *clock, struct fetch_tls **out);
/* After every connection is closed. */
void fetch_tls_free(struct fetch_tls *tls);
/* Sets all options about TLS; false if one could not be set. */
bool fetch_tls_set(struct fetch_tls *tls, CURL *easy);

#endif
