/* A bundle of trusted certificates: whatever is decoded when, the store gives what OpenSSL's own would give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/fetch/bundle.h"

#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

struct scene {
	char path[64];
	FILE *file;
	EVP_PKEY *key;
	X509_STORE *store;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	const char *root = getenv("TMPDIR");

	assert_non_null(scene);
	snprintf(scene->path, sizeof(scene->path), "%.30s/ww-bundle-XXXXXX", root != NULL ? root : "/tmp");
	scene->file = fdopen(mkstemp(scene->path), "w");
	scene->key = EVP_EC_gen("P-256");
	scene->store = X509_STORE_new();
	*state = scene;
	return scene->file != NULL && scene->key != NULL && scene->store != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	X509_STORE_free(scene->store);
	EVP_PKEY_free(scene->key);
	unlink(scene->path);
	free(scene);
	return 0;
}

static X509_NAME *name_of(const char *common)
{
	X509_NAME *name = X509_NAME_new();

	assert_int_equal(
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0), 1);
	return name;
}

static X509 *certificate(struct scene *scene, const char *common, long serial, long version)
{
	X509 *made = X509_new();
	X509_NAME *name = name_of(common);

	X509_set_version(made, version);
	ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
	X509_gmtime_adj(X509_getm_notBefore(made), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made), 3600);
	X509_set_pubkey(made, scene->key);
	X509_set_subject_name(made, name);
	X509_set_issuer_name(made, name);
	assert_true(X509_sign(made, scene->key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	return made;
}

static void write_certificate(struct scene *scene, const char *common, long serial, long version)
{
	X509 *made = certificate(scene, common, serial, version);

	assert_int_equal(PEM_write_X509(scene->file, made), 1);
	X509_free(made);
}

static bool add(struct scene *scene)
{
	assert_int_equal(fclose(scene->file), 0);
	return fetch_bundle_add(scene->store, scene->path);
}

static int in_store(const X509_STORE *store)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

/* How many certificates of that name are trusted. */
static int trusted(X509_STORE *store, const X509_NAME *name)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	assert_int_equal(X509_STORE_CTX_init(context, store, NULL, NULL), 1);
	STACK_OF(X509) *found = X509_STORE_CTX_get1_certs(context, name);
	int count = found != NULL ? sk_X509_num(found) : 0;
	sk_X509_pop_free(found, X509_free);
	X509_STORE_CTX_free(context);
	return count;
}

static int trusted_as(struct scene *scene, const char *common)
{
	X509_NAME *name = name_of(common);
	int count = trusted(scene->store, name);

	X509_NAME_free(name);
	return count;
}

static void what_is_asked_for_is_decoded(void **state)
{
	struct scene *scene = *state;

	write_certificate(scene, "one", 1, X509_VERSION_3);
	fputs("words between them\n", scene->file);
	write_certificate(scene, "two", 2, X509_VERSION_3);
	write_certificate(scene, "three", 4, X509_VERSION_3);
	write_certificate(scene, "ONE", 3, X509_VERSION_1); /* the same name, RFC 5280 section 7.1; and no version is told */
	write_certificate(scene, "two", 2, X509_VERSION_3); /* once more, signed anew */
	assert_true(add(scene));
	assert_int_equal(in_store(scene->store), 4); /* all that have a name together, before anyone can find one alone */
	assert_int_equal(trusted_as(scene, "nobody"), 0);
	assert_int_equal(in_store(scene->store), 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(trusted_as(scene, "three"), 1);
		assert_int_equal(in_store(scene->store), 5);
	}
	assert_int_equal(trusted_as(scene, "one"), 2);
	assert_int_equal(trusted_as(scene, "two"), trusted_as(scene, "two"));
	assert_true(trusted_as(scene, "two") > 0);
}

static void certificates_with_conditions_are_left_to_openssl(void **state)
{
	struct scene *scene = *state;
	X509 *made = certificate(scene, "one", 1, X509_VERSION_3);

	write_certificate(scene, "two", 2, X509_VERSION_3);
	assert_int_equal(X509_add1_reject_object(made, OBJ_nid2obj(NID_server_auth)), 1);
	assert_int_equal(PEM_write_X509_AUX(scene->file, made), 1);
	X509_free(made);
	assert_true(add(scene));
	assert_int_equal(in_store(scene->store), 2);
}

static void what_is_no_bundle_is_refused(void **state)
{
	struct scene *scene = *state;
	static const unsigned char junk[] = {0x30, 0x82, 0xff, 0xff, 0x30, 0x80};

	assert_false(fetch_bundle_add(scene->store, "/nonexistent/bundle"));
	assert_false(fetch_bundle_add(scene->store, scene->path)); /* nothing is in it */
	for (int len = 1; len <= (int)sizeof(junk); len++)
		assert_true(PEM_write(scene->file, PEM_STRING_X509, "", junk, len) > 0);
	assert_false(add(scene));
	assert_int_equal(in_store(scene->store), 0);
}

static void the_systems_bundle_is_the_same_either_way(void **state)
{
	struct scene *scene = *state;
	X509_STORE *whole = X509_STORE_new();

	fclose(scene->file);
	if (access(SYSTEM_BUNDLE, R_OK) != 0 || X509_STORE_load_file(whole, SYSTEM_BUNDLE) != 1) {
		X509_STORE_free(whole);
		skip();
	}
	assert_true(fetch_bundle_add(scene->store, SYSTEM_BUNDLE));
	X509_NAME *nobody = name_of("nobody");
	assert_int_equal(trusted(whole, nobody), 0); /* puts its objects in the order they will have */
	X509_NAME_free(nobody);
	for (int i = 0; i < in_store(whole); i++) {
		X509 *wanted = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(X509_STORE_get0_objects(whole), i));
		const X509_NAME *name = X509_get_subject_name(wanted);
		assert_int_equal(trusted(scene->store, name), trusted(whole, name));
	}
	assert_int_equal(in_store(scene->store), in_store(whole));
	X509_STORE_free(whole);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_asked_for_is_decoded),
	    TEST(certificates_with_conditions_are_left_to_openssl),
	    TEST(what_is_no_bundle_is_refused),
	    TEST(the_systems_bundle_is_the_same_either_way),
	};
	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
