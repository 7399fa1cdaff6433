/*
 * fetch: bytes from the network. HTTP(S) only, within limits, politely.
 *
 * libcurl stays inside this room; it is driven by the caller's libevent loop.
 * One object belongs to one thread. Nothing blocks.
 */
#ifndef WIREWATCH_FETCH_H
#define WIREWATCH_FETCH_H

#include "wirewatch/base.h"

struct event_base;

/* Once per program, before any thread and after all objects are gone. */
enum base_result fetch_global_init(void);
void fetch_global_cleanup(void);

struct fetch_range { /* an address prefix; IPv4 as ::ffff:a.b.c.d */
	uint8_t address[16];
	unsigned prefix_len;
};

/*
 * The certificates that are trusted, read once for all who fetch, by whichever
 * thread needs them first. A bundle that cannot be read is logged, and then
 * https fails. ca_file: PEM, NULL: the system's. log must outlive the fetch
 * objects that it is given to; itself it may be freed before them.
 */
struct fetch_trust;
enum base_result fetch_trust_new(const char *ca_file, struct base_log *log, struct fetch_trust **out);
void fetch_trust_free(struct fetch_trust *trust);

struct fetch_options {
	base_time timeout;        /* of a whole transfer */
	size_t max_size;          /* of a decoded body; counted as it arrives */
	unsigned max_connections; /* open at a time; also bounds name look-ups */
	const struct fetch_range *allow; /* else refused: loopback, private, link-local ... */
	size_t allow_count;
	const char *user_agent;   /* NULL: "wirewatchd/<version> (+<url>)" */
	/* "http://host:port", NULL: none, whatever the environment says. It resolves the names and is trusted with that. */
	const char *proxy;
	struct fetch_trust *trust; /* NULL: ca_file is read when first needed */
	const char *ca_file;      /* PEM bundle of trusted roots; NULL: the system's */
	const char *unix_socket;  /* everything is asked there, whatever host a URL names; NULL: of the hosts */
	struct base_log *log;     /* may be NULL */
};

struct fetch;
enum base_result fetch_new(struct event_base *base, const struct fetch_options *options, struct fetch **out);
/* Cancels what is under way (its callbacks are not called) and frees everything. Not to be called from fetch_done. */
void fetch_free(struct fetch *fetch);
/* Transfers started and not done, those waiting for a connection included. */
size_t fetch_running(const struct fetch *fetch);
/* True when a transfer is under way for much longer than its timeout: something is broken. */
bool fetch_stuck(const struct fetch *fetch);

struct fetch_request {
	const char *url;
	const char *etag;          /* sent back byte for byte as If-None-Match, or NULL */
	const char *last_modified; /* as If-Modified-Since, or NULL */
	/* How long until this server is asked again, 0: not known. The connection is kept if that is soon. */
	base_time again;
};

enum fetch_error { /* what kind of failure, for back-off and for people */
	FETCH_FINE,
	FETCH_NAME,     /* the host name cannot be resolved */
	FETCH_CONNECT,  /* refused, unreachable */
	FETCH_TLS,
	FETCH_SLOW,     /* timed out */
	FETCH_TOO_LARGE,
	FETCH_ADDRESS,  /* the address is not allowed */
	FETCH_CUT,      /* the body ended early */
	FETCH_STATUS,   /* an HTTP status other than 200, or a 226 or 304 that nobody asked for */
	FETCH_BLOCKED,  /* a page that tells people from programs took the document's place */
	FETCH_OTHER,
};
#define FETCH_ERROR_COUNT (FETCH_OTHER + 1)
const char *fetch_error_text(enum fetch_error error); /* "name", "connect" ... */

/* Strings are NULL when missing; all of it is valid only during the callback. */
struct fetch_reply {
	enum fetch_error error;
	const char *reason;        /* one line for people: host and what failed, escaped; "" when fine */
	long status;               /* HTTP status of the last hop, 0 if none came */
	struct base_span body;     /* of a 200, or a 226: then only what is new; with FETCH_CUT what came of it, else none */
	const char *content_type;
	const char *etag, *last_modified;
	const char *final_url;     /* after redirects, without user name and password */
	unsigned redirects;        /* followed */
	unsigned permanent;        /* how many of them, from the first on, were permanent (301, 308) */
	const char *moved_to;      /* where these led; NULL if there were none, or credentials in it, or the fetch failed */
	base_time retry_after;     /* how long to stay away, at most a day; 0: not said */
	base_time max_age;         /* Cache-Control max-age minus Age, or Expires; at most a year, 0: not said */
	base_time received;        /* monotonic time of the last byte; BASE_TIME_NONE: none came */
};

struct fetch_transfer;
/* Called once for each request, from the event loop, never from inside fetch_start. */
typedef void fetch_done(void *ctx, const struct fetch_reply *reply);
/*
 * Starts a transfer; it waits its turn, and its timeout starts with that, when
 * max_connections are busy. *out (may be NULL) is for fetch_cancel and valid
 * until done is called. A validator that no header can carry is left out.
 * BASE_INVALID: not an http or https URL with a host, or longer than 8 KiB.
 */
enum base_result fetch_start(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *ctx,
                             struct fetch_transfer **out);
/* done is not called any more. May be called from another transfer's done. */
void fetch_cancel(struct fetch *fetch, struct fetch_transfer *transfer);

/* Appends the URL without user name, password and fragment, fit to be shown. BASE_INVALID: it is no URL. */
enum base_result fetch_public_url(const char *url, struct base_buf *out);

#endif
