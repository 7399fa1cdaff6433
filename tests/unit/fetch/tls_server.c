/*
 * tls_server: see tls_server.h.
 */
#include "tests/unit/fetch/tls_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_server {
	SSL_CTX *context;
	int listener;
	pthread_t thread;
	char ca_path[64], location[256];
	_Atomic size_t full, resumed;
	atomic_bool ends;
};

/* ---- certificates --------------------------------------------------------------------- */

static void extend(X509 *certificate, int what, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);

	if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1)
		abort();
	X509_EXTENSION_free(extension);
}

struct pair { /* a certificate and its key */
	X509 *certificate;
	EVP_PKEY *key;
};

/* issuer NULL: signed by itself. what, value: an extension. */
static struct pair make_pair(EVP_PKEY *key, const char *name, const struct pair *issuer, int what, const char *value)
{
	struct pair made = {X509_new(), key};
	X509_NAME *subject = X509_get_subject_name(made.certificate);

	X509_set_version(made.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
	X509_set_pubkey(made.certificate, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made.certificate, issuer != NULL ? X509_get_subject_name(issuer->certificate) : subject);
	extend(made.certificate, what, value);
	if (X509_sign(made.certificate, issuer != NULL ? issuer->key : key, EVP_sha256()) == 0)
		abort();
	return made;
}

static void free_pair(struct pair *pair)
{
	X509_free(pair->certificate);
	EVP_PKEY_free(pair->key);
}

static EVP_PKEY *make_key(enum tls_keys keys, unsigned bits)
{
	EVP_PKEY *key = keys == TLS_KEYS_RSA ? EVP_RSA_gen(bits) : EVP_EC_gen("P-256");

	if (key == NULL)
		abort();
	return key;
}

static void set_certificates(struct tls_server *server, enum tls_keys keys)
{
	static const char ca[] = "critical,CA:TRUE";
	struct pair root = make_pair(make_key(keys, 4096), "root of a test", NULL, NID_basic_constraints, ca);
	struct pair middle = make_pair(make_key(keys, 2048), "between", &root, NID_basic_constraints, ca);
	struct pair leaf =
	    make_pair(make_key(keys, 2048), "feeds.test", &middle, NID_subject_alt_name, "DNS:*.feeds.test");
	int fd = mkstemp(server->ca_path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL || PEM_write_X509(file, root.certificate) != 1 || fclose(file) != 0)
		abort();
	if (SSL_CTX_use_certificate(server->context, leaf.certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(server->context, leaf.key) != 1 ||
	    SSL_CTX_add1_chain_cert(server->context, middle.certificate) != 1)
		abort();
	free_pair(&root);
	free_pair(&middle);
	free_pair(&leaf);
}

/* ---- serving -------------------------------------------------------------------------- */

static void answer(struct tls_server *server, SSL *ssl)
{
	char request[4096], reply[512];
	size_t len = 0;

	while (len < sizeof(request) - 1) {
		int got = SSL_read(ssl, request + len, (int)(sizeof(request) - 1 - len));
		if (got <= 0)
			return;
		len += (size_t)got;
		request[len] = '\0';
		if (strstr(request, "\r\n\r\n") != NULL)
			break;
	}
	if (strncmp(request, "GET /redirect", 13) == 0)
		snprintf(reply, sizeof(reply), "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", server->location);
	else
		snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	(void)SSL_write(ssl, reply, (int)strlen(reply));
	while (SSL_read(ssl, request, sizeof(request)) > 0)
		; /* until the client closes */
	SSL_shutdown(ssl);
}

static void serve(struct tls_server *server, int fd)
{
	SSL *ssl = SSL_new(server->context);
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		if (SSL_session_reused(ssl))
			server->resumed++;
		else
			server->full++;
		answer(server, ssl);
	}
	SSL_free(ssl);
}

static void *run(void *ctx)
{
	struct tls_server *server = ctx;

	while (!server->ends) {
		int fd = accept(server->listener, NULL, NULL);
		if (fd < 0)
			continue;
		if (!server->ends)
			serve(server, fd);
		close(fd);
	}
	return NULL;
}

struct tls_server *tls_server_new(int version, enum tls_keys keys)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct tls_server *server = calloc(1, sizeof(*server));

	signal(SIGPIPE, SIG_IGN);
	if (server == NULL || (server->context = SSL_CTX_new(TLS_server_method())) == NULL)
		abort();
	snprintf(server->ca_path, sizeof(server->ca_path), "/tmp/ww-ca-XXXXXX");
	SSL_CTX_set_min_proto_version(server->context, version);
	SSL_CTX_set_max_proto_version(server->context, version);
	SSL_CTX_set_session_id_context(server->context, (const unsigned char *)"test", 4);
	set_certificates(server, keys);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(server->listener, 64) != 0)
		abort();
	if (pthread_create(&server->thread, NULL, run, server) != 0)
		abort();
	return server;
}

/* A connection wakes the thread. */
void tls_server_free(struct tls_server *server)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                           .sin_port = htons((in_port_t)tls_server_port(server))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	server->ends = true;
	if (connect(fd, (struct sockaddr *)&here, sizeof(here)) != 0)
		abort();
	pthread_join(server->thread, NULL);
	close(fd);
	close(server->listener);
	unlink(server->ca_path);
	SSL_CTX_free(server->context);
	free(server);
}

unsigned tls_server_port(const struct tls_server *server)
{
	struct sockaddr_in here;
	socklen_t len = sizeof(here);

	if (getsockname(server->listener, (struct sockaddr *)&here, &len) != 0)
		abort();
	return ntohs(here.sin_port);
}

const char *tls_server_ca(const struct tls_server *server)
{
	return server->ca_path;
}

void tls_server_redirect(struct tls_server *server, const char *location)
{
	snprintf(server->location, sizeof(server->location), "%s", location);
}

size_t tls_server_full(struct tls_server *server)
{
	return server->full;
}

size_t tls_server_resumed(struct tls_server *server)
{
	return server->resumed;
}
