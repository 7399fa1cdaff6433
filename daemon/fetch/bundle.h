/* bundle: a file of trusted certificates, each decoded when it is wanted. Private to the room fetch. */
#ifndef WIREWATCH_FETCH_BUNDLE_H
#define WIREWATCH_FETCH_BUNDLE_H

#include <openssl/x509.h>
#include <stdbool.h>

/*
 * The store trusts what the file (PEM) holds. False: there is no certificate in it that can be read. One that turns out
 * to be damaged when it is wanted is as good as missing; the others hold.
 */
bool fetch_bundle_add(X509_STORE *store, const char *file);

#endif
