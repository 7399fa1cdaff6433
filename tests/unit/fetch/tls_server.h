/*
 * tls_server: HTTPS in a thread of its own, one connection after the other,
 * with a certificate for *.feeds.test by an authority of its own.
 */
#ifndef WIREWATCH_TEST_TLS_SERVER_H
#define WIREWATCH_TEST_TLS_SERVER_H

#include <stddef.h>

struct tls_server;
enum tls_keys { TLS_KEYS_EC, TLS_KEYS_RSA }; /* P-256; or 2048 bits, the root 4096, as many sites have them */
/* On 127.0.0.1; version: TLS1_2_VERSION or TLS1_3_VERSION alone. The chain has an intermediate. */
struct tls_server *tls_server_new(int version, enum tls_keys keys);
void tls_server_free(struct tls_server *server);
unsigned tls_server_port(const struct tls_server *server);
const char *tls_server_ca(const struct tls_server *server); /* PEM file of the authority */
/* What "/redirect" leads to; all else is answered by 200. Before the first request. */
void tls_server_redirect(struct tls_server *server, const char *location);
size_t tls_server_full(struct tls_server *server);    /* handshakes that were finished, so far */
size_t tls_server_resumed(struct tls_server *server);

#endif
