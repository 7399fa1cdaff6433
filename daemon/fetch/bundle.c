/*
 * bundle: see bundle.h. The bundle of a system holds some 140 certificates, of
 * which a run needs a handful; to decode all of them takes OpenSSL 3.0 28 ms.
 * So only their subjects are, which takes 3, and a way to look up certificates
 * by those (X509_LOOKUP_meth_new(3)) puts into the store what is asked for.
 */
#include "daemon/fetch/bundle.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct certificate {
	X509_NAME *subject;
	unsigned char *bytes; /* DER, as OpenSSL allocated it */
	long len;
};

/* Never changed once it is read: threads look into it at the same time. */
struct bundle {
	X509_LOOKUP_METHOD *method;
	size_t count, room;
	struct certificate *certificates;
};

static void free_bundle(struct bundle *bundle)
{
	if (bundle == NULL)
		return;
	for (size_t i = 0; i < bundle->count; i++) {
		X509_NAME_free(bundle->certificates[i].subject);
		OPENSSL_free(bundle->certificates[i].bytes);
	}
	X509_LOOKUP_meth_free(bundle->method);
	free(bundle->certificates);
	free(bundle);
}

/* ---- reading ---------------------------------------------------------------------- */

/* Go on behind the value at *at, or into it. -1: none is there; else its tag, 0 if it is no universal one. */
static int next_value(const unsigned char **at, const unsigned char *end, bool into)
{
	const unsigned char *content = *at;
	long len = 0;
	int tag = 0, class = 0;

	/* 0x80: an error; 1: a length that DER does not know (ASN1_get_object(3)) */
	if ((ASN1_get_object(&content, &len, &tag, &class, end - *at) & 0x81) != 0)
		return -1;
	*at = into ? content : content + len;
	return class == V_ASN1_UNIVERSAL ? tag : 0;
}

/* RFC 5280 section 4.1: version [0], number, signature, issuer, validity, subject. The caller frees; NULL: it is none. */
static X509_NAME *subject_of(const unsigned char *at, long len)
{
	const unsigned char *end = at + len;

	if (next_value(&at, end, true) != V_ASN1_SEQUENCE || next_value(&at, end, true) != V_ASN1_SEQUENCE)
		return NULL;
	int tag = next_value(&at, end, false);
	if (tag == 0) /* the version may be missing */
		tag = next_value(&at, end, false);
	for (int i = 0; tag >= 0 && i < 3; i++)
		tag = next_value(&at, end, false);
	return tag >= 0 ? d2i_X509_NAME(NULL, &at, end - at) : NULL;
}

/* bytes becomes the bundle's. */
static bool append(struct bundle *bundle, unsigned char *bytes, long len)
{
	X509_NAME *subject = subject_of(bytes, len);

	if (subject != NULL && bundle->count == bundle->room) {
		size_t room = bundle->room * 2 + 64;
		struct certificate *more = realloc(bundle->certificates, room * sizeof(*more));
		bundle->room = more != NULL ? room : bundle->room;
		bundle->certificates = more != NULL ? more : bundle->certificates;
	}
	if (subject == NULL || bundle->count == bundle->room) {
		X509_NAME_free(subject);
		OPENSSL_free(bytes);
		return false;
	}
	bundle->certificates[bundle->count++] = (struct certificate){subject, bytes, len};
	return true;
}

/* False: it is not all plain certificates, or memory is short. */
static bool read_all(struct bundle *bundle, BIO *bio)
{
	bool plain = true;
	char *name = NULL, *header = NULL;
	unsigned char *bytes = NULL;
	long len = 0;

	while (plain && PEM_read_bio(bio, &name, &header, &bytes, &len) == 1) {
		plain = strcmp(name, PEM_STRING_X509) == 0 && header[0] == '\0';
		if (plain)
			plain = append(bundle, bytes, len);
		else
			OPENSSL_free(bytes);
		OPENSSL_free(name);
		OPENSSL_free(header);
	}
	bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error(); /* libcurl would take it for one of a connection's */
	return plain && ended && bundle->count > 0;
}

static struct bundle *read_bundle(const char *file)
{
	struct bundle *bundle = calloc(1, sizeof(*bundle));
	BIO *bio = BIO_new_file(file, "r");

	if (bundle != NULL && bio != NULL && read_all(bundle, bio)) {
		BIO_free(bio);
		return bundle;
	}
	ERR_clear_error();
	BIO_free(bio);
	free_bundle(bundle);
	return NULL;
}

/* ---- looking up ------------------------------------------------------------------- */

static bool decode(X509_STORE *store, const struct certificate *certificate)
{
	const unsigned char *bytes = certificate->bytes;
	(void)ERR_set_mark(); /* libcurl would report what is wrong with it as wrong with the connection */
	X509 *decoded = d2i_X509(NULL, &bytes, certificate->len);
	(void)ERR_pop_to_mark();
	bool added = decoded != NULL && X509_STORE_add_cert(store, decoded) == 1; /* once more is no error */

	X509_free(decoded);
	return added;
}

/*
 * A name may stand for several certificates, an old root and the new one. The store must have them all before any thread
 * can find one of them there and look no further.
 */
static void decode_namesakes(X509_STORE *store, const struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++)
		for (size_t k = i + 1; k < bundle->count; k++)
			if (X509_NAME_cmp(bundle->certificates[i].subject, bundle->certificates[k].subject) == 0) {
				(void)decode(store, &bundle->certificates[i]);
				(void)decode(store, &bundle->certificates[k]);
			}
}

/* The store keeps its object for good, and OpenSSL takes a reference of its own to what out holds. */
static int give(X509_STORE *store, const X509_NAME *name, X509_OBJECT *out)
{
	int given = 0;

	if (X509_STORE_lock(store) != 1)
		return 0;
	X509_OBJECT *found = X509_OBJECT_retrieve_by_subject(X509_STORE_get0_objects(store), X509_LU_X509, name);
	X509 *certificate = found != NULL ? X509_OBJECT_get0_X509(found) : NULL;
	if (certificate != NULL && X509_OBJECT_set1_X509(out, certificate) == 1) {
		X509_free(certificate); /* the reference that set1 took, which nobody would give back */
		given = 1;
	}
	X509_STORE_unlock(store);
	return given;
}

/* Called when the store itself has nothing of that name. */
static int look_up(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type, const X509_NAME *name, X509_OBJECT *out)
{
	const struct bundle *bundle = X509_LOOKUP_get_method_data(lookup);
	X509_STORE *store = X509_LOOKUP_get_store(lookup);
	bool any = false;

	for (size_t i = 0; type == X509_LU_X509 && i < bundle->count; i++)
		if (X509_NAME_cmp(bundle->certificates[i].subject, name) == 0)
			any = decode(store, &bundle->certificates[i]) || any;
	return any ? give(store, name, out) : 0;
}

static void on_free(X509_LOOKUP *lookup)
{
	free_bundle(X509_LOOKUP_get_method_data(lookup)); /* with the method, which nobody uses after this call */
}

bool fetch_bundle_add(X509_STORE *store, const char *file)
{
	struct bundle *bundle = read_bundle(file);

	if (bundle == NULL) /* other things may be in there, such as certificates with conditions: OpenSSL reads it, all of it */
		return X509_STORE_load_file(store, file) == 1;
	decode_namesakes(store, bundle);
	bundle->method = X509_LOOKUP_meth_new("bundle");
	bool ready = bundle->method != NULL && X509_LOOKUP_meth_set_get_by_subject(bundle->method, look_up) == 1;
	X509_LOOKUP *lookup = ready ? X509_STORE_add_lookup(store, bundle->method) : NULL;
	if (lookup == NULL || X509_LOOKUP_set_method_data(lookup, bundle) != 1) {
		free_bundle(lookup == NULL ? bundle : NULL);
		return false;
	}
	return X509_LOOKUP_meth_set_free(bundle->method, on_free) == 1;
}
