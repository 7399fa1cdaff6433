/*
 * tls: see tls.h. libcurl makes an SSL_CTX for each connection and lets us
 * change it before the handshake (CURLOPT_SSL_CTX_FUNCTION).
 */
#include "daemon/fetch/tls.h"

#include "daemon/fetch/bundle.h"
#include "daemon/fetch/issuers.h"
#include "daemon/fetch/transfer.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * For each thread: sessions of 5,000 servers as objects, of about 20,000 when
 * they are written. Written, one takes some 300 bytes, the ticket and the
 * server's own certificate: 1.2 to 2.5 KB. An object takes 6 KB with that
 * certificate alone, 13 KB with the chain. Measured.
 */
#define SESSIONS_SIZE ((size_t)32 << 20)
#define OBJECT_SIZE ((size_t)6 << 10)

struct fetch_trust {
	atomic_uint users;
	pthread_mutex_t lock;
	char *ca_file;     /* or NULL */
	X509_STORE *store; /* NULL until it is needed */
	struct base_log *log;
};

struct fetch_tls {
	char *ca_file;     /* or NULL */
	struct fetch_trust *trust;
	X509_STORE *store; /* the trust's; NULL until it is needed */
	bool ours;         /* libcurl uses this OpenSSL */
	struct base_log *log;
	const struct base_clock *clock;
	uint8_t salt[16];  /* nobody can choose names that fall into one bucket */
	struct fetch_sessions *sessions;
	SSL_CTX *starting; /* of the handshake about to begin, only to be compared */
	SSL_SESSION *resume; /* for that one, or NULL */
};

/* ---- trust ------------------------------------------------------------------------ */

/* libcurl may be built with another TLS library, several of them, or an OpenSSL beside ours. */
static bool openssl_is_shared(void)
{
	const char *version = curl_version_info(CURLVERSION_NOW)->ssl_version;
	char wanted[32];

	(void)snprintf(wanted, sizeof(wanted), "OpenSSL/%u.", OPENSSL_version_major());
	return version != NULL && strncmp(version, wanted, strlen(wanted)) == 0;
}

static bool read_certificates(X509_STORE *store, const char *file)
{
	return file != NULL ? fetch_bundle_add(store, file) : X509_STORE_set_default_paths(store) == 1;
}

/* The caller frees; NULL when out of memory. */
static X509_STORE *load_store(const char *file, struct base_log *log)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return NULL;
	if (file == NULL)
		file = curl_version_info(CURLVERSION_NOW)->cainfo;
	if (!read_certificates(store, file))
		base_log(log, BASE_ERROR, "fetch", "no trusted certificate can be read from %s, so https cannot work",
		         file != NULL ? file : "the places that OpenSSL knows");
	/* As libcurl has it: what the bundle holds is trusted, root or not. */
	X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	return store;
}

enum base_result fetch_trust_new(const char *ca_file, struct base_log *log, struct fetch_trust **out)
{
	struct fetch_trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL)
		return BASE_NO_MEMORY;
	if ((ca_file != NULL && (trust->ca_file = strdup(ca_file)) == NULL) || pthread_mutex_init(&trust->lock, NULL) != 0) {
		free(trust->ca_file);
		free(trust);
		return BASE_NO_MEMORY;
	}
	atomic_init(&trust->users, 1);
	trust->log = log;
	*out = trust;
	return BASE_OK;
}

void fetch_trust_free(struct fetch_trust *trust)
{
	if (trust == NULL || atomic_fetch_sub(&trust->users, 1) > 1)
		return;
	X509_STORE_free(trust->store);
	pthread_mutex_destroy(&trust->lock);
	free(trust->ca_file);
	free(trust);
}

/* Read by the first who needs it: a daemon all of whose feeds are plain HTTP can do without. */
static X509_STORE *store_of(struct fetch_trust *trust)
{
	X509_STORE *store;

	pthread_mutex_lock(&trust->lock);
	if (trust->store == NULL)
		trust->store = load_store(trust->ca_file, trust->log);
	store = trust->store;
	if (store != NULL && X509_STORE_up_ref(store) != 1)
		store = NULL;
	pthread_mutex_unlock(&trust->lock);
	return store;
}

/* ---- sessions --------------------------------------------------------------------- */

static size_t write_session(void *session, uint8_t bytes[FETCH_SESSION_MAX])
{
	uint8_t *end = bytes;
	int len = i2d_SSL_SESSION(session, NULL);

	return len > 0 && len <= FETCH_SESSION_MAX && i2d_SSL_SESSION(session, &end) == len ? (size_t)len : 0;
}

static void *read_session(const uint8_t *bytes, size_t len)
{
	return d2i_SSL_SESSION(NULL, &bytes, (long)len);
}

static void release_session(void *session)
{
	SSL_SESSION_free(session);
}

static const struct fetch_session_ways ways = {write_session, read_session, release_session, OBJECT_SIZE};

/*
 * How long the server will resume it: as it says (RFC 8446 section 4.6.1: 0 is
 * not at all; RFC 5077 section 3.3: 0 is unsaid), at most as long as we would.
 */
static base_time lasting(const SSL *ssl, const SSL_SESSION *session)
{
	unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);

	if (hint == 0 && SSL_version(ssl) < TLS1_3_VERSION)
		return FETCH_SESSION_LASTS;
	return hint < FETCH_SESSION_LASTS / BASE_SECOND ? (base_time)hint * BASE_SECOND : FETCH_SESSION_LASTS;
}

/*
 * The context id of the session is the server's key, so OpenSSL itself refuses
 * to resume it for another name or port. Written, it keeps that id, the
 * outcome of the verification and the server's own certificate, whose names
 * libcurl compares with the host's on every handshake; the chain goes. Takes
 * the caller's reference.
 */
static void keep_session(struct fetch_tls *tls, SSL *ssl, SSL_SESSION *session, bool same)
{
	unsigned len = 0;
	const uint8_t *key = SSL_SESSION_get0_id_context(session, &len);
	struct fetch_session kept = {
	    .object = session, .lasts = lasting(ssl, session), .resumed = SSL_session_reused(ssl) == 1, .same = same};

	if (len != FETCH_SESSION_KEY || SSL_get_verify_result(ssl) != X509_V_OK || !SSL_SESSION_is_resumable(session))
		SSL_SESSION_free(session);
	else
		fetch_sessions_put(tls->sessions, key, &kept, base_clock_monotonic(tls->clock));
}

static bool certificate_has_ended(const SSL_SESSION *session)
{
	X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session); /* OpenSSL forgot a const */

	return peer == NULL || X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0;
}

static bool belongs_to(const SSL_SESSION *session, const uint8_t key[FETCH_SESSION_KEY])
{
	unsigned len = 0;
	const uint8_t *id = SSL_SESSION_get0_id_context(session, &len);

	return len == FETCH_SESSION_KEY && memcmp(id, key, len) == 0;
}

static SSL_SESSION *recall_session(struct fetch_tls *tls, const uint8_t key[FETCH_SESSION_KEY])
{
	SSL_SESSION *session = fetch_sessions_take(tls->sessions, key, base_clock_monotonic(tls->clock));

	if (session == NULL ||
	    (SSL_SESSION_is_resumable(session) && belongs_to(session, key) && !certificate_has_ended(session)))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

/* TLS 1.3: for each ticket, after the handshake. Before: at the end of a full one. 1: its reference is ours. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	keep_session(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)), ssl, session, false);
	return 1;
}

static void on_handshake(const SSL *const_ssl, int where, int value)
{
	SSL *ssl = (SSL *)(uintptr_t)const_ssl; /* the callback may change it, whatever its type says */
	SSL_CTX *context = SSL_get_SSL_CTX(ssl);
	struct fetch_tls *tls = SSL_CTX_get_app_data(context);

	(void)value;
	if ((where & SSL_CB_HANDSHAKE_START) && tls->starting == context) {
		if (tls->resume != NULL)
			SSL_set_session(ssl, tls->resume);
		SSL_SESSION_free(tls->resume);
		tls->resume = NULL;
		tls->starting = NULL;
	}
	/* Before TLS 1.3 a session may be used again, and one that was resumed is not announced as new. */
	if ((where & SSL_CB_HANDSHAKE_DONE) && SSL_version(ssl) < TLS1_3_VERSION && SSL_session_reused(ssl))
		keep_session(tls, ssl, SSL_get1_session(ssl), true);
}

static bool key_of(const struct fetch_tls *tls, CURL *easy, uint8_t key[FETCH_SESSION_KEY])
{
	struct base_buf server;
	struct base_sha256 sha;
	char *url = NULL;

	_Static_assert(FETCH_SESSION_KEY == BASE_SHA256_LEN, "the key is a digest");
	base_buf_init(&server, 16384);
	bool known = curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != NULL &&
	             fetch_url_server(url, &server);
	if (known) {
		base_sha256_start(&sha);
		base_sha256_add(&sha, tls->salt, sizeof(tls->salt));
		base_sha256_add(&sha, server.data, server.len);
		base_sha256_end(&sha, key);
	}
	base_buf_free(&server);
	return known;
}

/* CURLOPT_SSL_CTX_FUNCTION: a connection's context is ready, its handshake is the next thing to be done. */
static CURLcode on_context(CURL *easy, void *made, void *ctx)
{
	struct fetch_tls *tls = ctx;
	SSL_CTX *context = made;
	uint8_t key[FETCH_SESSION_KEY];

	if (tls->store == NULL && (tls->store = store_of(tls->trust)) == NULL)
		return CURLE_OUT_OF_MEMORY;
	SSL_CTX_set1_cert_store(context, tls->store);
	SSL_SESSION_free(tls->resume);
	tls->resume = NULL;
	tls->starting = NULL;
	if (!key_of(tls, easy, key) || SSL_CTX_set_session_id_context(context, key, sizeof(key)) != 1)
		return CURLE_OK; /* without sessions, then */
	SSL_CTX_set_app_data(context, tls);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_clear_options(context, SSL_OP_NO_TICKET); /* libcurl's default, from before TLS 1.3 */
	SSL_CTX_sess_set_new_cb(context, on_session);
	SSL_CTX_set_info_callback(context, on_handshake);
	tls->resume = recall_session(tls, key);
	tls->starting = context;
	return CURLE_OK;
}

/* ---- life ------------------------------------------------------------------------- */

enum base_result fetch_tls_new(struct fetch_trust *trust, const char *ca_file, struct base_log *log,
                               const struct base_clock *clock, struct fetch_tls **out)
{
	struct fetch_tls *tls = calloc(1, sizeof(*tls));
	enum base_result result = BASE_NO_MEMORY;

	if (tls == NULL)
		return result;
	tls->ours = openssl_is_shared();
	if (tls->ours)
		fetch_issuers_remember();
	tls->log = log;
	tls->clock = clock;
	if (ca_file != NULL && (tls->ca_file = strdup(ca_file)) == NULL)
		goto fail;
	if (trust != NULL) {
		atomic_fetch_add(&trust->users, 1);
		tls->trust = trust;
	} else if (fetch_trust_new(ca_file, log, &tls->trust) != BASE_OK) {
		goto fail;
	}
	result = fetch_sessions_new(SESSIONS_SIZE, &ways, &tls->sessions);
	if (result == BASE_OK)
		result = base_random(tls->salt, sizeof(tls->salt));
	if (result != BASE_OK)
		goto fail;
	if (!tls->ours)
		base_log(log, BASE_DEBUG, "fetch", "libcurl uses %s: it reads certificates itself and resumes few sessions",
		         curl_version_info(CURLVERSION_NOW)->ssl_version);
	*out = tls;
	return BASE_OK;
fail:
	fetch_tls_free(tls);
	return result;
}

void fetch_tls_free(struct fetch_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_SESSION_free(tls->resume);
	X509_STORE_free(tls->store);
	fetch_trust_free(tls->trust);
	fetch_sessions_free(tls->sessions);
	free(tls->ca_file);
	free(tls);
}

/* With a folder set too, libcurl reads the whole bundle again for each connection. */
static bool set_files(const struct fetch_tls *tls, CURL *easy)
{
	const char *file = tls->ca_file;

	if (file == NULL && curl_version_info(CURLVERSION_NOW)->cainfo == NULL)
		return true; /* this libcurl knows a folder only */
	return (file == NULL || curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK) &&
	       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

bool fetch_tls_set(struct fetch_tls *tls, CURL *easy)
{
	CURLcode failed = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);

	failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (!tls->ours)
		return failed == CURLE_OK && set_files(tls, easy);
	failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL); /* the store below takes their place */
	failed |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	failed |= curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* holds a handful */
	failed |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	failed |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, tls);
	return failed == CURLE_OK;
}
