/*
 * headers: what a reply's header section says to a poller. Pure; private to
 * the room fetch (and its fuzz target).
 */
#ifndef WIREWATCH_FETCH_HEADERS_H
#define WIREWATCH_FETCH_HEADERS_H

#include "wirewatch/base.h"

/* Longer values are treated as missing: nobody needs an entity tag of a page. */
#define FETCH_VALUE_MAX 4096

#define FETCH_DATE_MAX 64 /* longer ones are none */

struct fetch_headers {
	long status;            /* of the section being read, 0: none yet */
	bool ended;             /* its empty line was seen; what follows are trailers */
	char *content_type;     /* owned; NULL when missing */
	char *etag, *last_modified;
	char *retry_after;      /* as sent: it depends on the time when it is read */
	bool challenge;         /* cf-mitigated: challenge */
	char date[FETCH_DATE_MAX]; /* Date as sent, "" when missing: every reply has one, few need it read (0.5 us) */
	base_time expires;      /* Expires; BASE_TIME_NONE when missing or unreadable */
	base_time cache_max_age; /* Cache-Control: max-age, or BASE_TIME_NONE */
	base_time age;          /* Age, 0 when missing */
};

void fetch_headers_init(struct fetch_headers *headers);
void fetch_headers_free(struct fetch_headers *headers);
/*
 * Take one line, with or without its line end. A status line starts the
 * section of the next hop and forgets what the one before said.
 * BASE_NO_MEMORY is the only failure; nonsense is ignored.
 */
enum base_result fetch_headers_line(struct fetch_headers *headers, const char *line, size_t len);

/* How long to stay away: 0 when not said, at most a day (RFC 9110 section 10.2.3). */
base_time fetch_headers_retry_after(const struct fetch_headers *headers, base_time now);
/* How long the reply stays fresh from now on: 0 when not said or stale, at most a year (RFC 9111 section 4.2). */
base_time fetch_headers_max_age(const struct fetch_headers *headers, base_time now);

/*
 * True when value may be sent as a header's value: not empty, at most
 * FETCH_VALUE_MAX bytes, no control character but tab (RFC 9110 section 5.5).
 */
bool fetch_value_valid(const char *value);

#endif
