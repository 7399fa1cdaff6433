/* The table of all settings, and how the keys of a file find their place in it. */
#ifndef WIREWATCH_CONF_SCHEMA_H
#define WIREWATCH_CONF_SCHEMA_H

#include "mistakes.h"
#include "wirewatch/conf.h"

enum conf_type {
	CONF_TEXT,
	CONF_PATH,     /* relative to the configuration's folder */
	CONF_DURATION, /* base_time */
	CONF_SIZE,     /* size_t */
	CONF_COUNT,    /* unsigned */
	CONF_FACILITY, /* int */
	CONF_LEVEL,    /* enum base_level */
	CONF_LEDGER,   /* const char * */
	CONF_ADDRESS,  /* const char *, NULL for off */
	CONF_NODE,     /* const char *, the host name for "" */
	CONF_LANGUAGE,
	CONF_CHARSET,
	CONF_URL,
	CONF_PROXY,    /* const char *, NULL for "" */
	CONF_ENDPOINTS, /* const char *const *, size_t */
	CONF_RANGES,    /* const struct conf_address_range *, size_t */
	CONF_TEXTS,     /* const char *const *, size_t */
	CONF_PATTERNS,  /* not a value: expanded to files */
	CONF_FEEDS,     /* not a value: read one by one */
};

/* Where a value goes: in struct conf_settings, or in struct conf_feed for the keys of a feed. */
struct conf_place {
	enum conf_type type;
	size_t offset, count_offset; /* count_offset: of a list's length, else the same as offset */
};

#define CONF_SETTING_COUNT 34 /* checked where the table is */
#define CONF_FEED_FIRST 28    /* from there on they are those of a feed; checked, too */

#define CONF_FEED_PREFIX "feeds[]."

const struct conf_setting_info *conf_schema_info(size_t index);
const struct conf_place *conf_schema_place(size_t index);
size_t conf_schema_find(const char *key); /* CONF_SETTING_COUNT: no such setting */

/*
 * Find for each setting its node below map; nodes has CONF_SETTING_COUNT
 * places, zeroed. prefix: "" for the whole file, CONF_FEED_PREFIX for a feed.
 * Unknown keys and sections that are no map are mistakes.
 */
void conf_schema_bind(const struct conf_node *map, const char *prefix, const struct conf_node **nodes,
                      struct conf_mistakes *mistakes);
/* `key:` with nothing behind it, `~` or `null`. NULL is null too. */
bool conf_node_is_null(const struct conf_node *node);

#endif
