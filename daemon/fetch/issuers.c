/*
 * issuers: see issuers.h.
 *
 * To decode a public key OpenSSL 3.0 first gathers all decoders it has: for
 * each certificate of the chain 1.4 of the 9.2 million instructions of a poll
 * with a full handshake. A server's own certificate is another one at each
 * server, the one that issued it is not. libssl decodes what it received by
 * d2i_X509 of libcrypto and leaves no choice; so the program has a d2i_X509 of
 * its own, which the linker prefers. It takes an issuer seen before for what
 * it is only if all its bytes are the same, by SHA-256, and decides nothing: it
 * is verified in every handshake as if it had just been decoded. What a
 * certificate holds is never changed once it is decoded, and OpenSSL shares
 * such objects between threads itself.
 */
#include "daemon/fetch/issuers.h"

#include "wirewatch/base.h"

#include <dlfcn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define PLACES 256 /* by the first byte of the digest; the authorities of the web have fewer that are in use */

typedef X509 *decode_fn(X509 **into, const unsigned char **bytes, long len);

/* There is one d2i_X509 in a process, and libssl hands it nothing of ours. */
static struct {
	atomic_bool on;
	atomic_size_t recognised;
	decode_fn *decode; /* libcrypto's own */
	pthread_mutex_t lock; /* for places */
	struct place {
		uint8_t digest[BASE_SHA256_LEN];
		X509 *issuer; /* or NULL */
	} places[PLACES];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_decoder(void)
{
	void *found = dlsym(RTLD_NEXT, "d2i_X509");

	memcpy(&known.decode, &found, sizeof(found)); /* ISO C knows no cast from one to the other */
}

/* The caller's reference; NULL if it is not known. */
static X509 *recall(const uint8_t digest[BASE_SHA256_LEN])
{
	struct place *place = &known.places[digest[0]];
	X509 *issuer = NULL;

	pthread_mutex_lock(&known.lock);
	if (place->issuer != NULL && memcmp(place->digest, digest, BASE_SHA256_LEN) == 0 && X509_up_ref(place->issuer) == 1)
		issuer = place->issuer;
	pthread_mutex_unlock(&known.lock);
	return issuer;
}

static void keep(const uint8_t digest[BASE_SHA256_LEN], X509 *issuer)
{
	struct place *place = &known.places[digest[0]];

	if (X509_up_ref(issuer) != 1)
		return;
	pthread_mutex_lock(&known.lock);
	X509_free(place->issuer);
	place->issuer = issuer;
	memcpy(place->digest, digest, BASE_SHA256_LEN);
	pthread_mutex_unlock(&known.lock);
}

/* As libssl calls it, with an object to be filled and the bytes of one certificate. */
static X509 *decode_known(X509 **into, const unsigned char **bytes, long len)
{
	const unsigned char *end = *bytes + len;
	uint8_t digest[BASE_SHA256_LEN];
	struct base_sha256 sha;

	base_sha256_start(&sha);
	base_sha256_add(&sha, *bytes, (size_t)len);
	base_sha256_end(&sha, digest);
	X509 *issuer = recall(digest);
	if (issuer != NULL) {
		atomic_fetch_add(&known.recognised, 1);
		X509_free(*into);
		*into = issuer;
		*bytes = end;
		return issuer;
	}
	X509 *made = known.decode(into, bytes, len);
	/* With something behind it, it may become a trusted certificate, which is an object of another kind. */
	if (made != NULL && *bytes == end && X509_check_ca(made) == 1)
		keep(digest, made);
	return made;
}

X509 *d2i_X509(X509 **into, const unsigned char **bytes, long len)
{
	(void)pthread_once(&once, find_decoder);
	if (known.decode == NULL)
		return NULL;
	bool handshake = atomic_load(&known.on) && into != NULL && *into != NULL && bytes != NULL && len > 0;
	return handshake ? decode_known(into, bytes, len) : known.decode(into, bytes, len);
}

void fetch_issuers_remember(void)
{
	atomic_store(&known.on, true);
}

size_t fetch_issuers_recognised(void)
{
	return atomic_load(&known.recognised);
}
