/*
 * Who may connect: CURVE keys, and the ZAP handler that knows the clients.
 *
 * libzmq lets every key in when no handler answers at inproc://zeromq.zap.01,
 * so the handler is bound before any socket that listens, or there is no start.
 * ZAP: https://rfc.zeromq.org/spec/27/, CURVE: https://rfc.zeromq.org/spec/25/.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "publish.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN "wirewatch"
#define KEY_BYTES 32
#define KEY_TEXT 40 /* Z85 */
#define CLIENTS_MAX 10000
#define KEY_FILE_MAX 4096
#define REQUESTS_PER_TURN 64
#define ZAP_FRAMES 8

struct publish_auth {
	void *handler;
	char secret[KEY_TEXT + 1];
	char *clients_folder;
	uint8_t (*clients)[KEY_BYTES]; /* sorted */
	size_t count, cap;
	struct base_log *log;
};

/* ---- keys ----------------------------------------------------------------------------------- */

static bool is_key(struct base_span text, uint8_t bytes[KEY_BYTES])
{
	char copy[KEY_TEXT + 1];

	if (text.len != KEY_TEXT)
		return false;
	memcpy(copy, text.ptr, KEY_TEXT);
	copy[KEY_TEXT] = '\0';
	return zmq_z85_decode(bytes, copy) != NULL;
}

/* The first line of the file that is neither empty nor a comment. */
static struct base_span first_line(struct base_span text)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '\n', text.len);
		struct base_span line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
		size_t used = line.len + (end != NULL);

		line = base_span_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			return line;
		text = (struct base_span){text.ptr + used, text.len - used};
	}
	return BASE_NONE;
}

static enum base_result read_key(const char *path, char text[KEY_TEXT + 1], struct base_error *err)
{
	uint8_t bytes[KEY_BYTES];
	struct base_span line;
	char *file;
	size_t len;
	enum base_result result = base_read_file(path, KEY_FILE_MAX, &file, &len, err);

	if (result)
		return result;
	line = first_line((struct base_span){file, len});
	if (is_key(line, bytes)) {
		memcpy(text, line.ptr, KEY_TEXT);
		text[KEY_TEXT] = '\0';
	} else {
		result = base_fail(err, BASE_SYNTAX, "%s: holds no key (40 characters of Z85)", path);
	}
	explicit_bzero(file, len);
	free(file);
	return result;
}

/* A file that is not there is looked for by its name among systemd's credentials. */
static enum base_result find_file(const char *name, char path[4096], struct base_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"), *slash = strrchr(name, '/');
	int len;

	if (!folder || access(name, F_OK) == 0)
		len = snprintf(path, 4096, "%s", name);
	else
		len = snprintf(path, 4096, "%s/%s", folder, slash ? slash + 1 : name);
	return len > 0 && len < 4096 ? BASE_OK : base_fail(err, BASE_INVALID, "%s: the path is too long", name);
}

static enum base_result read_secret(struct publish_auth *auth, const char *name, struct base_error *err)
{
	char path[4096];
	struct stat st;
	enum base_result result = find_file(name, path, err);

	if (result)
		return result;
	if (stat(path, &st) == 0 && (st.st_mode & S_IROTH))
		return base_fail(err, BASE_DENIED, "%s: a secret key that everybody can read (chmod 600)", path);
	return read_key(path, auth->secret, err);
}

/* ---- the clients' folder ---------------------------------------------------------------------- */

struct keys {
	uint8_t (*keys)[KEY_BYTES];
	size_t count, cap;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, KEY_BYTES);
}

static enum base_result add_client(struct keys *keys, const char *folder, const char *name, struct base_error *err)
{
	char path[4096], text[KEY_TEXT + 1];
	enum base_result result;

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return base_fail(err, BASE_INVALID, "%s: the path is too long", folder);
	result = read_key(path, text, err);
	if (result)
		return result;
	if (base_grow(&keys->keys, &keys->cap, keys->count + 1, sizeof *keys->keys, CLIENTS_MAX))
		return base_fail(err, BASE_LIMIT, "%s: more than %d keys", folder, CLIENTS_MAX);
	zmq_z85_decode(keys->keys[keys->count++], text);
	return BASE_OK;
}

/* Every file NAME.pub of the folder holds one public key. */
static enum base_result read_clients(const char *folder, struct keys *out, struct base_error *err)
{
	struct keys keys = {0};
	enum base_result result = BASE_OK;
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (!dir)
		return base_fail(err, BASE_IO, "%s: %s", folder, strerror(errno));
	while (!result && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".pub") == 0)
			result = add_client(&keys, folder, entry->d_name, err);
	}
	closedir(dir);
	if (result) {
		free(keys.keys);
		return result;
	}
	if (keys.count > 0)
		qsort(keys.keys, keys.count, sizeof *keys.keys, compare);
	*out = keys;
	return BASE_OK;
}

enum base_result publish_auth_reload(struct publish_auth *auth, struct base_error *err)
{
	struct keys keys = {0};
	enum base_result result = read_clients(auth->clients_folder, &keys, err);

	if (result)
		return result;
	free(auth->clients);
	auth->clients = keys.keys;
	auth->count = keys.count;
	base_log(auth->log, BASE_INFO, "publish", "%zu client keys are known", auth->count);
	return BASE_OK;
}

/* ---- opening ------------------------------------------------------------------------------------ */

enum base_result publish_auth_new(void *context, const char *server_key, const char *clients, struct base_log *log,
                                  struct publish_auth **out, struct base_error *err)
{
	struct publish_auth *auth;
	enum base_result result;
	int linger = 0;

	if (!zmq_has("curve"))
		return base_fail(err, BASE_UNSUPPORTED, "this libzmq is built without CURVE");
	if (!server_key || !clients)
		return base_fail(err, BASE_INVALID, "zeromq.curve needs both server_key and clients");
	auth = calloc(1, sizeof *auth);
	if (!auth || !(auth->clients_folder = strdup(clients))) {
		free(auth);
		return base_fail(err, BASE_NO_MEMORY, "no memory for keys");
	}
	auth->log = log;
	result = read_secret(auth, server_key, err);
	if (!result)
		result = publish_auth_reload(auth, err);
	if (!result) {
		auth->handler = zmq_socket(context, ZMQ_REP);
		if (!auth->handler || zmq_setsockopt(auth->handler, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
		    zmq_bind(auth->handler, ZAP_ENDPOINT) != 0)
			result = publish_zmq_fail(err, "the handler that checks keys");
	}
	if (result)
		publish_auth_free(auth);
	else
		*out = auth;
	return result;
}

void publish_auth_free(struct publish_auth *auth)
{
	if (!auth)
		return;
	if (auth->handler)
		zmq_close(auth->handler);
	explicit_bzero(auth->secret, sizeof auth->secret);
	free(auth->clients_folder);
	free(auth->clients);
	free(auth);
}

enum base_result publish_auth_apply(const struct publish_auth *auth, void *socket, struct base_error *err)
{
	int on = 1;

	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) != 0 ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, auth->secret, KEY_TEXT + 1) != 0 ||
	    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) != 0)
		return publish_zmq_fail(err, "CURVE");
	return BASE_OK;
}

void *publish_auth_socket(const struct publish_auth *auth)
{
	return auth ? auth->handler : NULL;
}

/* ---- answering ------------------------------------------------------------------------------------ */

/* version, request id, domain, address, identity, mechanism, credentials */
enum zap_frame { ZAP_VERSION, ZAP_ID, ZAP_DOMAIN_FRAME, ZAP_ADDRESS, ZAP_IDENTITY, ZAP_MECHANISM, ZAP_CREDENTIALS };

static bool frame_is(zmq_msg_t *frame, const char *text)
{
	return base_span_is((struct base_span){zmq_msg_data(frame), zmq_msg_size(frame)}, text);
}

static bool is_allowed(const struct publish_auth *auth, zmq_msg_t frames[ZAP_FRAMES], size_t count)
{
	return count == ZAP_CREDENTIALS + 1 && frame_is(&frames[ZAP_VERSION], "1.0") &&
	       frame_is(&frames[ZAP_DOMAIN_FRAME], ZAP_DOMAIN) && frame_is(&frames[ZAP_MECHANISM], "CURVE") &&
	       zmq_msg_size(&frames[ZAP_CREDENTIALS]) == KEY_BYTES && auth->count > 0 &&
	       bsearch(zmq_msg_data(&frames[ZAP_CREDENTIALS]), auth->clients, auth->count, sizeof *auth->clients, compare);
}

static void answer(struct publish_auth *auth, zmq_msg_t *id, bool allowed)
{
	void *handler = auth->handler;
	const char *code = allowed ? "200" : "400", *text = allowed ? "OK" : "unknown key";

	zmq_send(handler, "1.0", 3, ZMQ_SNDMORE);
	zmq_send(handler, zmq_msg_data(id), zmq_msg_size(id), ZMQ_SNDMORE);
	zmq_send(handler, code, 3, ZMQ_SNDMORE);
	zmq_send(handler, text, strlen(text), ZMQ_SNDMORE);
	zmq_send(handler, "", 0, ZMQ_SNDMORE);
	zmq_send(handler, "", 0, 0);
}

static bool serve_one(struct publish_auth *auth)
{
	zmq_msg_t frames[ZAP_FRAMES];
	size_t count = 0, kept;
	bool more = true;

	while (more) {
		zmq_msg_t *frame = &frames[count < ZAP_FRAMES ? count : ZAP_FRAMES - 1];

		if (count >= ZAP_FRAMES)
			zmq_msg_close(frame);
		zmq_msg_init(frame);
		if (zmq_msg_recv(frame, auth->handler, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(frame);
			return false; /* only the first frame can be missing: messages come whole */
		}
		more = zmq_msg_more(frame);
		count++;
	}
	kept = count < ZAP_FRAMES ? count : ZAP_FRAMES;
	if (kept > ZAP_ID)
		answer(auth, &frames[ZAP_ID], is_allowed(auth, frames, count));
	for (size_t i = 0; i < kept; i++)
		zmq_msg_close(&frames[i]);
	return true;
}

void publish_auth_serve(struct publish_auth *auth)
{
	for (int i = 0; auth && i < REQUESTS_PER_TURN && serve_one(auth); i++)
		;
}
