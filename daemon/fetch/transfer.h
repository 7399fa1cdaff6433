/*
 * transfer: one request on its way, and the loop that drives them all.
 * Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_TRANSFER_H
#define WIREWATCH_FETCH_TRANSFER_H

#include "daemon/fetch/guard.h"
#include "daemon/fetch/headers.h"
#include "daemon/fetch/lookups.h"
#include "wirewatch/fetch.h"

#include <curl/curl.h>
#include <sys/queue.h>

struct fetch_socket;
struct fetch_tls;
struct event;

TAILQ_HEAD(fetch_transfers, fetch_transfer);

/* Easy handles with every option set that is the same for all: setting them all costs more than an unchanged feed. */
#define FETCH_IDLE_MAX 64
struct fetch_idle {
	CURL *handles[FETCH_IDLE_MAX];
	size_t count;
};

enum { FETCH_FIELD_ACCEPT, FETCH_FIELD_AGENT, FETCH_FIELD_ENCODING, FETCH_FIELDS_SAME };

struct fetch {
	struct event_base *base;
	CURLM *multi;
	struct event *timer; /* libcurl's one timeout */
	struct event *kick;  /* starts what waits, outside every callback */
	struct fetch_socket **sockets; /* by descriptor; NULL where none is known */
	size_t socket_cap;
	struct fetch_transfers waiting, active;
	size_t waiting_count, active_count;
	base_time timeout;
	size_t max_size;
	unsigned max_connections;
	struct fetch_idle idle[2]; /* for http, for https */
	struct fetch_range *allow;
	size_t allow_count;
	char *proxy, *unix_socket;
	struct base_buf lines; /* header fields that never change, each with its NUL */
	struct curl_slist fields[FETCH_FIELDS_SAME]; /* those of every request */
	char *differences;     /* one of those that have an entity tag */
	bool proxy_has_name;
	struct fetch_tls *tls;
	struct fetch_lookups lookups;
	base_time woken;   /* monotonic: when libcurl was last told to work; the time of all that it does then */
	uint64_t progress; /* bytes, connections, ends: whatever says that transfers get on */
	struct base_log *log;
	struct base_clock *clock;
};

/* Why we gave a transfer up ourselves; libcurl only knows that a callback said no. */
enum fetch_stop {
	FETCH_STOP_NONE,
	FETCH_STOP_STATUS,    /* the body of an error is not read */
	FETCH_STOP_SIZE,
	FETCH_STOP_HEADERS,
	FETCH_STOP_MEMORY,
	FETCH_STOP_DOWNGRADE, /* from https to http */
	FETCH_STOP_ADDRESS,   /* refused by the guard after the connection was made */
};

/* Lets libcurl work on what happened at a descriptor (CURL_CSELECT_...), and ends the transfers that are over. */
void fetch_act(struct fetch *fetch, curl_socket_t fd, int what);

#define FETCH_FIELDS_OWN 3

struct fetch_transfer {
	struct fetch *fetch;
	TAILQ_ENTRY(fetch_transfer) link;
	fetch_done *done;
	void *ctx;
	struct base_buf lines;       /* the URL and header fields, each with its NUL */
	char *url;
	struct curl_slist fields[FETCH_FIELDS_OWN]; /* with those of every request behind them */
	struct curl_slist *sent;     /* the first of all */
	bool tagged, dated;          /* an entity tag, a date is sent */
	base_time again;
	CURL *easy; /* NULL while waiting */
	bool added; /* to the multi handle */
	base_time began; /* monotonic; while active */
	bool plain;      /* see fetch_url_is_plain */
	bool has_name;   /* to be looked up, unless a connection is kept; an address is not */
	bool looking_up; /* that name; counted in fetch->lookups */
	struct fetch_headers headers;
	size_t header_bytes;
	struct base_buf body;
	base_time received;
	enum fetch_stop stop;
	bool secure;           /* a hop was https */
	bool asked;            /* a hop's request was sent */
	unsigned tried;        /* addresses of this hop that the guard let pass */
	char refused[FETCH_ADDRESS_MAX]; /* the last one it did not, or "" */
	long answered;         /* status of the hop that was asked last, 0: none yet */
	unsigned redirects, permanent;
	char *moved_to;        /* from fetch_strip_url */
	char error[CURL_ERROR_SIZE];
};

enum base_result fetch_transfer_new(struct fetch *fetch, const struct fetch_request *request,
                                    struct fetch_transfer **out);
/* The transfer must be out of the multi handle and out of every list. */
void fetch_transfer_free(struct fetch_transfer *transfer);
/* Writes the header fields that are the same for all. agent: who asks. */
enum base_result fetch_write_fields(struct fetch *fetch, const char *agent);
/* Writes what the request is sent with. */
enum base_result fetch_transfer_write(struct fetch_transfer *transfer, const struct fetch_request *request);
/* Takes an easy handle and sets all its options. */
enum base_result fetch_transfer_prepare(struct fetch_transfer *transfer);
/* Gives the easy handle back, out of the multi handle. good: it may serve another transfer. */
void fetch_transfer_release(struct fetch_transfer *transfer, bool good);
void fetch_drop_idle(struct fetch *fetch);
/* Tells the owner how it ended, by calling done. */
void fetch_transfer_report(struct fetch_transfer *transfer, CURLcode code);

/* What went wrong, and the line about it; FETCH_FINE with an empty line. */
enum fetch_error fetch_explain(const struct fetch_transfer *transfer, CURLcode code, struct base_error *reason);
/* libcurl's callbacks; the context is the transfer. */
size_t fetch_on_header(char *line, size_t one, size_t len, void *ctx);
size_t fetch_on_body(char *bytes, size_t one, size_t len, void *ctx);
int fetch_on_bytes(void *ctx, curl_off_t total, curl_off_t got, curl_off_t to_send, curl_off_t sent);
curl_socket_t fetch_on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to);
int fetch_on_request(void *ctx, char *remote, char *local, int remote_port, int local_port);

/* Takes the look-up of its first name as done; abandoned: its thread goes on. Twice does no harm. */
void fetch_transfer_found(struct fetch_transfer *transfer, bool abandoned);

/*
 * True for the common kind that has but one reading: lower-case scheme, a host of letters, digits, dots, a port or
 * none, a path without dot segments and fragment. It need not be parsed, which costs 2 us each time.
 */
bool fetch_url_is_plain(const char *url);
#define FETCH_URL_MAX 8192
/* BASE_INVALID: not an http or https URL with a host, or too long. */
enum base_result fetch_check_url(const char *url);
/* The URL without user name, password and fragment; NULL if it is none. The caller frees with curl_free. */
char *fetch_strip_url(const char *url);
/* True if its host is a name and no address. */
bool fetch_url_has_name(const char *url);
/* Appends "host:port", the host in lower case; false if it has none or memory is out. */
bool fetch_url_server(const char *url, struct base_buf *out);
/* False if the host is an address, in whatever spelling, that the guard refuses: for where nobody else looks. */
bool fetch_url_allowed(const char *url, const struct fetch_range *allow, size_t allow_count,
                       char refused[FETCH_ADDRESS_MAX]);

#endif
