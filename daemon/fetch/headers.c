/*
 * headers: reads status line and header fields of a reply, line by line:
 * validators byte for byte, and the hints about when to come again.
 */
#include "daemon/fetch/headers.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MAX (366 * BASE_DAY)

void fetch_headers_init(struct fetch_headers *headers)
{
	*headers = (struct fetch_headers){
	    .expires = BASE_TIME_NONE, .cache_max_age = BASE_TIME_NONE};
}

void fetch_headers_free(struct fetch_headers *headers)
{
	free(headers->content_type);
	free(headers->etag);
	free(headers->last_modified);
	free(headers->retry_after);
	fetch_headers_init(headers);
}

static bool is_value_byte(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

bool fetch_value_valid(const char *value)
{
	size_t len = strnlen(value, FETCH_VALUE_MAX + 1);

	if (len == 0 || len > FETCH_VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_value_byte((unsigned char)value[i]))
			return false;
	return true;
}

/* The first value of a field counts; a second one is a server's mistake. */
static enum base_result keep(char **slot, struct base_span value)
{
	if (*slot != NULL || value.len == 0 || value.len > FETCH_VALUE_MAX)
		return BASE_OK;
	char *copy = strndup(value.ptr, value.len);
	if (copy == NULL)
		return BASE_NO_MEMORY;
	if (!fetch_value_valid(copy) || strlen(copy) != value.len) {
		free(copy);
		return BASE_OK;
	}
	*slot = copy;
	return BASE_OK;
}

/* delta-seconds (RFC 9111 section 1.2.2): digits only; what is too large saturates at AGE_MAX. */
static bool parse_seconds(struct base_span value, base_time *out)
{
	base_time seconds = 0;

	if (value.len == 0)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] < '0' || value.ptr[i] > '9')
			return false;
		if (seconds <= AGE_MAX / BASE_SECOND)
			seconds = seconds * 10 + (value.ptr[i] - '0');
	}
	*out = seconds > AGE_MAX / BASE_SECOND ? AGE_MAX : seconds * BASE_SECOND;
	return true;
}

/* HTTP-date in its three forms (RFC 9110 section 5.6.7). */
static base_time parse_date(struct base_span value)
{
	char text[FETCH_DATE_MAX];

	if (value.len == 0 || value.len >= sizeof(text))
		return BASE_TIME_NONE;
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	time_t seconds = curl_getdate(text, NULL);
	if (seconds < 0 || seconds > INT64_MAX / BASE_SECOND)
		return BASE_TIME_NONE;
	return (base_time)seconds * BASE_SECOND;
}

static void keep_date(struct fetch_headers *headers, struct base_span value)
{
	if (value.len >= sizeof(headers->date))
		value.len = 0;
	memcpy(headers->date, value.ptr, value.len);
	headers->date[value.len] = '\0';
}

/* When the reply was made, by the server's own clock if it tells it: ours may differ. */
static base_time made_at(const struct fetch_headers *headers, base_time now)
{
	base_time date = parse_date(base_span_of(headers->date));

	return date != BASE_TIME_NONE ? date : now;
}

/* The first max-age among the directives of one Cache-Control field. */
static void take_cache_control(struct fetch_headers *headers, struct base_span value)
{
	static const char name[] = "max-age=";
	const char *at = value.ptr, *end = value.ptr + value.len;

	while (at < end && headers->cache_max_age == BASE_TIME_NONE) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma != NULL ? comma : end;
		struct base_span part = base_span_trim((struct base_span){at, (size_t)(stop - at)});
		if (part.len > strlen(name) && base_span_is_nocase((struct base_span){part.ptr, strlen(name)}, name)) {
			struct base_span number = {part.ptr + strlen(name), part.len - strlen(name)};
			if (number.len >= 2 && number.ptr[0] == '"' && number.ptr[number.len - 1] == '"')
				number = (struct base_span){number.ptr + 1, number.len - 2};
			(void)parse_seconds(number, &headers->cache_max_age);
		}
		at = stop + 1;
	}
}

/* "HTTP/1.1 200 OK" */
static bool take_status_line(struct fetch_headers *headers, struct base_span line)
{
	if (!base_span_starts(line, "HTTP/"))
		return false;
	fetch_headers_free(headers);
	const char *space = memchr(line.ptr, ' ', line.len);
	size_t left = space != NULL ? line.len - (size_t)(space - line.ptr) : 0;
	for (size_t i = 1; i <= 3 && i < left; i++) {
		if (space[i] < '0' || space[i] > '9') {
			headers->status = 0;
			break;
		}
		headers->status = headers->status * 10 + (space[i] - '0');
	}
	return true;
}

static enum base_result take_field(struct fetch_headers *headers, struct base_span name, struct base_span value)
{
	if (base_span_is_nocase(name, "etag"))
		return keep(&headers->etag, value);
	if (base_span_is_nocase(name, "last-modified"))
		return keep(&headers->last_modified, value);
	if (base_span_is_nocase(name, "content-type"))
		return keep(&headers->content_type, value);
	if (base_span_is_nocase(name, "retry-after"))
		return keep(&headers->retry_after, value);
	if (base_span_is_nocase(name, "cf-mitigated"))
		headers->challenge = base_span_is_nocase(value, "challenge");
	else if (base_span_is_nocase(name, "cache-control"))
		take_cache_control(headers, value);
	else if (base_span_is_nocase(name, "age"))
		(void)parse_seconds(value, &headers->age);
	else if (base_span_is_nocase(name, "date"))
		keep_date(headers, value);
	else if (base_span_is_nocase(name, "expires"))
		headers->expires = parse_date(value);
	return BASE_OK;
}

enum base_result fetch_headers_line(struct fetch_headers *headers, const char *line, size_t len)
{
	struct base_span rest = base_span_trim((struct base_span){line, len});

	if (take_status_line(headers, rest))
		return BASE_OK;
	if (rest.len == 0)
		headers->ended = true;
	if (headers->ended)
		return BASE_OK;
	const char *colon = memchr(rest.ptr, ':', rest.len);
	if (colon == NULL)
		return BASE_OK;
	struct base_span name = {rest.ptr, (size_t)(colon - rest.ptr)};
	struct base_span value = {colon + 1, rest.len - name.len - 1};
	return take_field(headers, name, base_span_trim(value));
}

static base_time clamp(base_time value, base_time max)
{
	return value < 0 ? 0 : value > max ? max : value;
}

base_time fetch_headers_retry_after(const struct fetch_headers *headers, base_time now)
{
	struct base_span value = base_span_of(headers->retry_after);
	base_time wait;

	if (headers->retry_after == NULL)
		return 0;
	if (parse_seconds(value, &wait))
		return clamp(wait, BASE_DAY);
	base_time until = parse_date(value);
	if (until == BASE_TIME_NONE)
		return 0;
	return clamp(until - made_at(headers, now), BASE_DAY);
}

base_time fetch_headers_max_age(const struct fetch_headers *headers, base_time now)
{
	base_time fresh = headers->cache_max_age;

	if (fresh == BASE_TIME_NONE && headers->expires != BASE_TIME_NONE)
		fresh = headers->expires - made_at(headers, now);
	if (fresh == BASE_TIME_NONE)
		return 0;
	return clamp(fresh - headers->age, AGE_MAX);
}
