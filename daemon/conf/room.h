/* The configuration as an object, and the steps that fill it. */
#ifndef WIREWATCH_CONF_ROOM_H
#define WIREWATCH_CONF_ROOM_H

#include "values.h"

struct conf_listed { /* a feed of the list */
	struct conf_feed feed;
	uint64_t hash;
	bool too_many_tags; /* that is said once */
};

struct conf_slot { /* of a hash table, open addressing */
	uint32_t feed;  /* its index + 1; 0: empty */
	uint32_t check; /* bits of its hash: mostly enough to know that it is another, without a look at it */
};

struct conf {
	struct base_arena *arena; /* all texts */
	struct conf_settings settings;
	struct conf_listed *feeds;
	size_t feed_count, feed_cap;
	struct conf_slot *slots; /* over the feeds' normal URLs */
	size_t slot_count;
	uint64_t hash_key[2];
	struct base_buf normal; /* an address in its normal form, while it is looked up */
	struct conf_feed_keys { /* a feed's settings in the schema */
		size_t url, name, language, tags;
	} keys;
	const char **rule_files;
	size_t rule_file_count;
};

/* settings.c: nodes has CONF_SETTING_COUNT places, NULL where the file says nothing. */
enum base_result conf_settings_read(const struct conf_reader *reader, const struct conf_node *const *nodes,
                                    struct conf_settings *out);

/* feeds.c: the list under `feeds`. file lives as long as conf. */
enum base_result conf_feeds_read(struct conf *conf, const struct conf_reader *reader, const struct conf_node *list,
                                 const char *file);
void conf_feeds_init(struct conf *conf);
void conf_feeds_free(struct conf *conf);

/* files.c: names and patterns to paths. Zero-initialise; conf_paths_free. */
struct conf_paths {
	char **items;
	size_t count, cap;
};
enum base_result conf_paths_expand(const struct conf_reader *reader, size_t index, const struct conf_node *list,
                                   struct conf_paths *paths);
void conf_paths_sort(struct conf_paths *paths); /* by bytes, whatever the locale */
void conf_paths_free(struct conf_paths *paths);

#endif
