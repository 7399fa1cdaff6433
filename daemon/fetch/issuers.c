/*
 * issuers: see issuers.h.
 *
 * To decode a public key OpenSSL 3.0 first gathers all decoders it has: for
 * each certificate of the chain 1.4 of the 9.2 million instructions of a poll
 * with a full handshake. A server's own certificate is another one at each
 * server, the one that issued it is not. libssl decodes what it received by
 * d2i_X509 of libcrypto and leaves no choice; so the program has a d2i_X509 of
 * its own, which the linker prefers. It takes an issuer seen before for what
 * it is only if all its bytes are the same, and decides nothing: it is verified
 * in every handshake as if it had just been decoded. What a
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
#include <stdlib.h>
#include <string.h>

#define PLACES 256 /* the authorities of the web have fewer that are in use */
/*
 * Real ones have 1 to 2 KB. They are kept before they are verified, and a hostile one takes up eighteen times its length.
 */
#define LONGEST 4096

typedef X509 *decode_fn(X509 **into, const unsigned char **bytes, long len);

/* There is one d2i_X509 in a process, and libssl hands it nothing of ours. */
static struct {
	atomic_bool on;
	atomic_size_t recognised;
	decode_fn *decode; /* libcrypto's own */
	uint64_t key[2]; /* nobody can choose certificates that fall into one place */
	pthread_mutex_t lock; /* for places */
	struct place {
		unsigned char *bytes; /* as it was received */
		size_t len;
		X509 *issuer; /* or NULL */
	} places[PLACES];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_decoder(void)
{
	void *found = dlsym(RTLD_NEXT, "d2i_X509");

	memcpy(&known.decode, &found, sizeof(found)); /* ISO C knows no cast from one to the other */
	(void)base_random(known.key, sizeof(known.key)); /* without it the places are less fairly shared */
}

static struct place *place_of(const unsigned char *bytes, size_t len)
{
	return &known.places[base_hash64(known.key, bytes, len) % PLACES];
}

/* The caller's reference; NULL if it is not known. */
static X509 *recall(const unsigned char *bytes, size_t len)
{
	struct place *place = place_of(bytes, len);
	X509 *issuer = NULL;

	pthread_mutex_lock(&known.lock);
	if (place->issuer != NULL && place->len == len && memcmp(place->bytes, bytes, len) == 0 &&
	    X509_up_ref(place->issuer) == 1)
		issuer = place->issuer;
	pthread_mutex_unlock(&known.lock);
	return issuer;
}

static void keep(const unsigned char *bytes, size_t len, X509 *issuer)
{
	struct place *place = place_of(bytes, len);
	unsigned char *copy = malloc(len);

	if (copy == NULL || X509_up_ref(issuer) != 1) {
		free(copy);
		return;
	}
	memcpy(copy, bytes, len);
	pthread_mutex_lock(&known.lock);
	X509_free(place->issuer);
	free(place->bytes);
	*place = (struct place){copy, len, issuer};
	pthread_mutex_unlock(&known.lock);
}

/* As libssl calls it, with an object to be filled and the bytes of one certificate. */
static X509 *decode_known(X509 **into, const unsigned char **bytes, long len)
{
	const unsigned char *start = *bytes, *end = start + len;
	X509 *issuer = recall(start, (size_t)len);

	if (issuer != NULL) {
		atomic_fetch_add(&known.recognised, 1);
		X509_free(*into);
		*into = issuer;
		*bytes = end;
		return issuer;
	}
	X509 *made = known.decode(into, bytes, len);
	/* With something behind it, it may become a trusted certificate, which is an object of another kind. */
	if (made != NULL && len <= LONGEST && *bytes == end && X509_check_ca(made) == 1)
		keep(start, (size_t)len, made);
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
