/*
 * search: the query of /alerts and /events, and whether an alert answers it.
 */
#include "daemon/status/search.h"

#include "wirewatch/match.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- small letters -------------------------------------------------------------------- */

/* What upper-case letters feeds use have to do with their lower-case ones; the rest stays as it is. */
static uint32_t small_letter(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9) ||
	    (c >= 0x410 && c <= 0x42F))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	/* Pairs side by side: upper case is odd in three stretches of Latin Extended-A, even elsewhere. */
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	if ((c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48A && c <= 0x4BF))
		return c | 1;
	return c;
}

void status_fold(struct base_buf *out, struct base_span text)
{
	char bytes[4];

	for (size_t at = 0; at < text.len;) {
		uint32_t c;
		bool valid;
		at += base_utf8_decode(text.ptr + at, text.len - at, &c, &valid);
		base_buf_add(out, bytes, base_utf8_encode(small_letter(c), bytes));
	}
}

/* ---- the query ------------------------------------------------------------------------ */

bool status_number_read(struct base_span text, uint64_t *out)
{
	uint64_t number = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
		if (digit > 9 || number > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (text.len > 0)
		*out = number;
	return text.len > 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* "%41" at the start of text, or -1. */
static int decode_escape(struct base_span text)
{
	int high = text.len >= 3 ? hex_digit(text.ptr[1]) : -1, low = text.len >= 3 ? hex_digit(text.ptr[2]) : -1;

	return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

/* One value, form-encoded (WHATWG URL, section 5.1), without control characters. */
static bool decode(struct base_span text, char out[STATUS_VALUE_MAX], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		int c = (unsigned char)text.ptr[i];
		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			c = decode_escape((struct base_span){text.ptr + i, text.len - i});
			i += 2;
		}
		if (c < 0x20 || c == 0x7F || *len + 1 >= STATUS_VALUE_MAX)
			return false;
		out[(*len)++] = (char)c;
	}
	out[*len] = '\0';
	return base_utf8_valid(out, *len);
}

static bool read_classes(const char *text, uint32_t *out)
{
	uint32_t classes = 0;

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, ",");
		char name[32];
		enum match_class class;
		if (len >= sizeof(name))
			return false;
		memcpy(name, at, len);
		name[len] = '\0';
		if (match_class_parse(name, &class) != BASE_OK)
			return false;
		classes |= UINT32_C(1) << class;
		at += len + (at[len] == ',');
	}
	*out = classes;
	return true;
}

static const char *store_folded(struct base_span value, char out[STATUS_VALUE_MAX])
{
	struct base_buf folded;

	base_buf_init(&folded, STATUS_VALUE_MAX - 1);
	status_fold(&folded, value);
	if (folded.failed == BASE_OK && folded.len > 0)
		memcpy(out, folded.data, folded.len + 1);
	const char *reason = folded.failed != BASE_OK ? "a value is too long" : NULL;
	base_buf_free(&folded);
	return reason;
}

/* NULL, or what is wrong. */
static const char *store(struct status_search *search, struct base_span key, struct base_span encoded)
{
	char value[STATUS_VALUE_MAX];
	struct base_span span = {value, 0};
	uint64_t limit;

	if (!decode(encoded, value, &span.len))
		return "a value is badly encoded, not UTF-8 or longer than 255 bytes";
	if (base_span_is(key, "after")) {
		search->has_after = true;
		return status_number_read(span, &search->after) ? NULL : "after must be a sequence, such as 1187";
	}
	if (base_span_is(key, "limit")) {
		if (!status_number_read(span, &limit) || limit < 1 || limit > STATUS_LIMIT_MAX)
			return "limit must be a number from 1 to 1000";
		search->limit = (size_t)limit;
		return NULL;
	}
	if (base_span_is(key, "class"))
		return read_classes(value, &search->classes) ? NULL : "class must be one of the event classes, or several with commas";
	if (base_span_is(key, "language"))
		return store_folded(span, search->language);
	if (base_span_is(key, "system"))
		return store_folded(span, search->system);
	if (base_span_is(key, "actor"))
		return store_folded(span, search->actor);
	if (base_span_is(key, "text"))
		return store_folded(span, search->text);
	return "known are after, limit, class, language, system, actor and text";
}

enum base_result status_search_read(struct base_span query, struct status_search *out, const char **reason)
{
	struct status_search search = {.limit = STATUS_LIMIT_DEFAULT};

	while (query.len > 0) {
		const char *end = memchr(query.ptr, '&', query.len);
		struct base_span pair = {query.ptr, end != NULL ? (size_t)(end - query.ptr) : query.len};
		query.ptr += pair.len + (end != NULL);
		query.len -= pair.len + (end != NULL);
		if (pair.len == 0)
			continue;
		const char *equals = memchr(pair.ptr, '=', pair.len);
		struct base_span key = {pair.ptr, equals != NULL ? (size_t)(equals - pair.ptr) : pair.len};
		struct base_span value = {key.ptr + key.len, 0};
		if (equals != NULL)
			value = (struct base_span){equals + 1, pair.len - key.len - 1};
		*reason = store(&search, key, value);
		if (*reason != NULL)
			return BASE_INVALID;
	}
	*out = search;
	return BASE_OK;
}

void status_search_topic(const struct status_search *search, char out[64])
{
	uint32_t classes = search->classes;
	unsigned class = 0;

	snprintf(out, 64, "ww1/alert/");
	if (classes == 0 || (classes & (classes - 1)) != 0)
		return;
	while ((classes & 1) == 0) {
		classes >>= 1;
		class++;
	}
	snprintf(out, 64, "ww1/alert/%s/", match_class_text((enum match_class)class));
}

/* ---- an alert ------------------------------------------------------------------------- */

/* Whether text, folded, is wanted or (within) holds it. */
static bool is_like(const json_t *text, const char *wanted, bool within)
{
	struct base_buf folded;

	base_buf_init(&folded, (size_t)64 << 10);
	status_fold(&folded, (struct base_span){json_string_value(text), json_string_length(text)});
	bool is = folded.data != NULL &&
	          (within ? strstr(folded.data, wanted) != NULL : base_span_is(base_buf_span(&folded), wanted));
	base_buf_free(&folded);
	return is;
}

static bool class_wanted(const json_t *data, uint32_t classes)
{
	const char *name = json_string_value(json_object_get(data, "class"));
	enum match_class class;

	return name != NULL && match_class_parse(name, &class) == BASE_OK && (classes >> class & 1) != 0;
}

/* "uk" is asked for and "uk-UA" given: that is meant too (RFC 4647 section 3.3.1). */
static bool language_wanted(const json_t *data, const char *wanted)
{
	const char *language = json_string_value(json_object_get(data, "language"));
	size_t len = strlen(wanted);

	return language != NULL && strlen(language) >= len && (language[len] == '\0' || language[len] == '-') &&
	       base_span_is_nocase((struct base_span){language, len}, wanted);
}

static bool name_wanted(const json_t *names, const char *wanted)
{
	bool found = false;

	for (size_t i = 0; i < json_array_size(names) && !found; i++)
		found = is_like(json_array_get(names, i), wanted, false);
	return found;
}

static bool text_wanted(const json_t *data, const char *wanted)
{
	const json_t *evidence = json_object_get(data, "evidence");
	bool found = is_like(json_object_get(data, "title"), wanted, true) ||
	             is_like(json_object_get(json_object_get(data, "feed"), "name"), wanted, true);

	for (size_t i = 0; i < json_array_size(evidence) && !found; i++)
		found = is_like(json_object_get(json_array_get(evidence, i), "text"), wanted, true);
	return found;
}

bool status_search_matches(const struct status_search *search, struct base_span json)
{
	if (search->classes == 0 && !search->language[0] && !search->system[0] && !search->actor[0] && !search->text[0])
		return true;
	json_t *root = json_loadb(json.ptr, json.len, 0, NULL);
	const json_t *data = json_object_get(root, "data");
	bool wanted = data != NULL && (search->classes == 0 || class_wanted(data, search->classes)) &&
	              (!search->language[0] || language_wanted(data, search->language)) &&
	              (!search->system[0] || name_wanted(json_object_get(data, "systems"), search->system)) &&
	              (!search->actor[0] || name_wanted(json_object_get(data, "actors"), search->actor)) &&
	              (!search->text[0] || text_wanted(data, search->text));
	json_decref(root);
	return wanted;
}
