/* One value of a setting: from its node to C. */
#ifndef WIREWATCH_CONF_VALUES_H
#define WIREWATCH_CONF_VALUES_H

#include "schema.h"
#include "tree.h"

/* What reading the values of one file needs. */
struct conf_reader {
	struct base_arena *arena; /* texts and lists go there */
	struct conf_mistakes *mistakes;
	const char *folder; /* of the file; "" or ends in '/' */
};

/*
 * Read node (or the default, if node is NULL or null) as the setting index
 * into target, a struct conf_settings or struct conf_feed. A bad value is a
 * mistake and leaves target as it was; the result is about memory only.
 */
enum base_result conf_value_read(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *target);

/* Of a CONF_TEXTS, without repeats: each is compared with all before it. */
#define CONF_MOST_TEXTS ((size_t)64)

/* ---- addresses (addresses.c); reason says why not ------------------------------- */

bool conf_address_valid(struct base_span text, const char **reason); /* "127.0.0.1:80", "[::1]:80", "unix:/path" */
bool conf_endpoint_valid(struct base_span text, const char **reason);
bool conf_endpoint_remote(struct base_span text); /* tcp:// and reachable from other machines */
bool conf_range_parse(struct base_span text, struct conf_address_range *out);

/* ---- feed addresses (url.c) ------------------------------------------------------- */

bool conf_url_valid(struct base_span text, const char **reason);
/* Append the form by which two spellings of one address are recognised. */
enum base_result conf_url_normal(struct base_span url, struct base_buf *out);
bool conf_url_has_user(struct base_span url); /* or a password; url is valid */

#endif
