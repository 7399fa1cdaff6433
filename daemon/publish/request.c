/*
 * A replay request: {"after":N,"topic":"ww1/alert/","limit":N}. Every member
 * may be missing; members that are not known are passed over.
 */
#include <jansson.h>
#include <string.h>

#include "publish.h"

/* A whole number of at least least; missing leaves *out alone. */
static bool take_number(const json_t *object, const char *name, json_int_t least, json_int_t *out)
{
	const json_t *value = json_object_get(object, name);

	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < least)
		return false;
	*out = json_integer_value(value);
	return true;
}

static bool take_topic(const json_t *object, struct publish_request *out)
{
	const json_t *value = json_object_get(object, "topic");
	const char *topic = PUBLISH_TOPIC_ALERT;
	size_t len = strlen(topic);

	if (value) {
		topic = json_string_value(value);
		len = json_string_length(value);
		if (!topic || len > PUBLISH_TOPIC_MAX)
			return false;
	}
	memcpy(out->topic, topic, len);
	out->topic[len] = '\0';
	out->topic_len = len;
	return true;
}

static enum base_result read_members(const json_t *object, struct publish_request *out, const char **reason)
{
	struct publish_request request = {0};
	json_int_t after = 0, limit = PUBLISH_LIMIT_DEFAULT;

	if (!take_number(object, "after", 0, &after)) {
		*reason = "after must be a whole number, the last sequence you have";
		return BASE_INVALID;
	}
	if (!take_number(object, "limit", 1, &limit)) {
		*reason = "limit must be a whole number of at least 1";
		return BASE_INVALID;
	}
	if (!take_topic(object, &request)) {
		*reason = "topic must be a string of at most 128 bytes";
		return BASE_INVALID;
	}
	request.after = (uint64_t)after;
	request.limit = limit > PUBLISH_LIMIT_MAX ? PUBLISH_LIMIT_MAX : (size_t)limit;
	*out = request;
	return BASE_OK;
}

enum base_result publish_request_parse(struct base_span text, struct publish_request *out, const char **reason)
{
	enum base_result result;
	json_error_t error;
	json_t *root;

	/* The bound on the size bounds the depth too. */
	if (text.len > PUBLISH_REQUEST_MAX) {
		*reason = "the request is longer than 1024 bytes";
		return BASE_LIMIT;
	}
	root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		*reason = "the request is not JSON";
		return json_error_code(&error) == json_error_out_of_memory ? BASE_NO_MEMORY : BASE_SYNTAX;
	}
	if (json_is_object(root)) {
		result = read_members(root, out, reason);
	} else {
		*reason = "the request is not a JSON object";
		result = BASE_SYNTAX;
	}
	json_decref(root);
	return result;
}
