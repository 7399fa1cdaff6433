/* The list of feeds: each address once, wherever it is written. */
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define MOST_FEEDS ((size_t)200000)
#define LONGEST_NORMAL ((size_t)16384) /* more than any usable address */

/* ---- finding a feed by its address --------------------------------------------- */

static struct conf_slot *slot_of(const struct conf *conf, uint64_t hash)
{
	struct conf_slot *slots = conf->slots;
	size_t at = (size_t)hash & (conf->slot_count - 1);
	while (slots[at].feed && (slots[at].check != hash >> 32 || conf->feeds[slots[at].feed - 1].hash != hash))
		at = (at + 1) & (conf->slot_count - 1);
	return &slots[at];
}

static void fill_slot(struct conf *conf, size_t index)
{
	uint64_t hash = conf->feeds[index].hash;
	*slot_of(conf, hash) = (struct conf_slot){(uint32_t)(index + 1), (uint32_t)(hash >> 32)};
}

/* Room for so many feeds more, the table at most half full. */
static enum base_result reserve(struct conf *conf, size_t more)
{
	size_t feeds = conf->feed_count + (more < MOST_FEEDS ? more : MOST_FEEDS), count = conf->slot_count ? conf->slot_count : 64;
	if (feeds * 2 <= conf->slot_count)
		return BASE_OK;
	if (!conf->slot_count && base_random(conf->hash_key, sizeof conf->hash_key))
		return BASE_IO;
	while (count < feeds * 2)
		count *= 2;
	struct conf_slot *slots = calloc(count, sizeof *slots);
	if (!slots)
		return BASE_NO_MEMORY;
	free(conf->slots);
	conf->slots = slots;
	conf->slot_count = count;
	for (size_t i = 0; i < conf->feed_count; i++)
		fill_slot(conf, i);
	return BASE_OK;
}

/* Two addresses with one hash of 64 bits under a secret key do not happen. */
static enum base_result hash_url(struct conf *conf, struct base_span url, uint64_t *hash)
{
	base_buf_reset(&conf->normal);
	enum base_result result = conf_url_normal(url, &conf->normal);
	if (!result)
		*hash = base_hash64(conf->hash_key, conf->normal.data, conf->normal.len);
	return result;
}

/* ---- adding one ---------------------------------------------------------------- */

/* A name is in every message and alert. Lists name a feed after its address where it has no title. */
static void drop_secret_name(struct conf_feed *feed)
{
	if (feed->name && strcmp(feed->name, feed->url) == 0 && conf_url_has_user(base_span_of(feed->url)))
		feed->name = NULL;
}

static enum base_result find(struct conf *conf, const struct conf_feed *feed, struct conf_listed **out, uint64_t *hash)
{
	enum base_result result = reserve(conf, 1);
	if (!result)
		result = hash_url(conf, base_span_of(feed->url), hash);
	if (result)
		return result;
	size_t listed = slot_of(conf, *hash)->feed;
	*out = listed ? &conf->feeds[listed - 1] : NULL;
	return BASE_OK;
}

static enum base_result append(struct conf *conf, const struct conf_feed *feed, uint64_t hash)
{
	enum base_result result =
	    base_grow(&conf->feeds, &conf->feed_cap, conf->feed_count + 1, sizeof *conf->feeds, MOST_FEEDS);
	if (result)
		return result;
	struct conf_listed listed = {*feed, hash, false};
	listed.feed.named = feed->name != NULL;
	if (!feed->name) {
		listed.feed.name = base_arena_copy(conf->arena, conf_url_host(base_span_of(feed->url))).ptr;
		if (!listed.feed.name)
			return BASE_NO_MEMORY;
	}
	conf->feeds[conf->feed_count] = listed;
	fill_slot(conf, conf->feed_count++);
	return BASE_OK;
}

/* ---- feeds in the configuration itself -------------------------------------------- */

static enum base_result read_feed(const struct conf_reader *reader, const struct conf_node *node, size_t url,
                                  struct conf_feed *feed)
{
	const struct conf_node *nodes[CONF_SETTING_COUNT] = {NULL};
	if (node->kind == CONF_SCALAR && !conf_node_is_null(node)) {
		feed->line = node->line;
		return conf_value_read(reader, url, node, feed);
	}
	if (node->kind == CONF_SCALAR)
		nodes[url] = node;
	else if (node->kind == CONF_MAP)
		conf_schema_bind(node, CONF_FEED_PREFIX, nodes, reader->mistakes);
	if (node->kind == CONF_LIST || conf_node_is_null(nodes[url]))
		conf_mistake(reader->mistakes, node->line, "a feed must be a URL or a map with url: ...");
	for (size_t i = CONF_FEED_FIRST; i < CONF_SETTING_COUNT; i++) {
		enum base_result result = conf_node_is_null(nodes[i]) ? BASE_OK : conf_value_read(reader, i, nodes[i], feed);
		if (result)
			return result;
	}
	feed->line = nodes[url] ? nodes[url]->line : node->line;
	return BASE_OK;
}

static enum base_result add_feed(struct conf *conf, const struct conf_reader *reader, const struct conf_feed *feed)
{
	struct conf_listed *listed = NULL;
	uint64_t hash = 0;
	enum base_result result = find(conf, feed, &listed, &hash);
	if (result)
		return result;
	if (!listed)
		return append(conf, feed, hash);
	conf_mistake(reader->mistakes, feed->line, "the feed '%s' is already in line %zu",
	             conf_shown(base_span_of(feed->url)).text, listed->feed.line);
	return BASE_OK;
}

enum base_result conf_feeds_read(struct conf *conf, const struct conf_reader *reader, const struct conf_node *list,
                                 const char *file)
{
	if (conf_node_is_null(list))
		return BASE_OK;
	if (list->kind != CONF_LIST) {
		conf_mistake(reader->mistakes, list->line, "feeds must be a list of URLs or maps");
		return BASE_OK;
	}
	enum base_result result = reserve(conf, list->count);
	for (size_t i = 0; i < list->count && !result; i++) {
		struct conf_feed feed = {.file = file};
		result = read_feed(reader, list->items[i], conf->keys.url, &feed);
		if (!result && feed.url) {
			drop_secret_name(&feed);
			result = add_feed(conf, reader, &feed);
		}
		if (result == BASE_LIMIT) {
			conf_mistake(reader->mistakes, list->items[i]->line, "more than %zu feeds", MOST_FEEDS);
			return BASE_OK;
		}
	}
	return result;
}

/* ---- feeds in other lists ---------------------------------------------------------- */

static bool differ(const char *a, const char *b)
{
	return a && b && strcmp(a, b) != 0;
}

static bool has_tag(const struct conf_feed *feed, const char *tag)
{
	for (size_t i = 0; i < feed->tag_count; i++)
		if (strcmp(feed->tags[i], tag) == 0)
			return true;
	return false;
}

/* Many readers list a feed once for each folder it is in. */
static enum base_result add_tags(struct conf *conf, struct conf_listed *listed, const struct conf_feed *feed,
                                 struct base_problems *problems)
{
	struct conf_feed *old = &listed->feed;
	size_t new = 0;
	for (size_t i = 0; i < feed->tag_count && !listed->too_many_tags; i++)
		new += !has_tag(old, feed->tags[i]);
	if (!new)
		return BASE_OK;
	if (old->tag_count + new > CONF_MOST_TEXTS) {
		base_problem(problems, feed->file, feed->line, "the feed '%s', already in %s:%zu, has more than %zu tags",
		             conf_shown(base_span_of(feed->url)).text, old->file, old->line, CONF_MOST_TEXTS);
		listed->too_many_tags = true;
		return BASE_OK;
	}
	const char **tags = base_arena_alloc(conf->arena, (old->tag_count + new) * sizeof *tags);
	if (!tags)
		return BASE_NO_MEMORY;
	size_t count = old->tag_count;
	for (size_t i = 0; i < count; i++)
		tags[i] = old->tags[i];
	for (size_t i = 0; i < feed->tag_count; i++)
		if (!has_tag(old, feed->tags[i]))
			tags[count++] = feed->tags[i];
	old->tags = tags;
	old->tag_count = count;
	return BASE_OK;
}

/* The feed is listed twice: each may say what the other leaves open. */
static enum base_result merge(struct conf *conf, struct conf_listed *listed, const struct conf_feed *feed,
                              struct base_problems *problems)
{
	struct conf_feed *old = &listed->feed;
	bool other_name = old->named && differ(old->name, feed->name), other_language = differ(old->language, feed->language);
	if (other_name || other_language)
		base_problem(problems, feed->file, feed->line, "the feed '%s' is already in %s:%zu with another %s",
		             conf_shown(base_span_of(feed->url)).text, old->file, old->line, other_name ? "name" : "language");
	if (feed->name && !old->named) {
		old->name = feed->name;
		old->named = true;
	}
	if (!old->language)
		old->language = feed->language;
	return add_tags(conf, listed, feed, problems);
}

/* A text that may not stand in a setting is a mistake and becomes empty. */
static enum base_result make_node(struct conf *conf, struct conf_mistakes *mistakes, struct base_span text, size_t line,
                                  struct conf_node *out)
{
	if (memchr(text.ptr, '\0', text.len)) {
		conf_mistake(mistakes, line, "a NUL character is not allowed");
		text = base_span_of("");
	}
	*out = (struct conf_node){
	    .kind = CONF_SCALAR, .quoted = true, .line = (uint32_t)line, .text = base_arena_copy(conf->arena, text)};
	return out->text.ptr ? BASE_OK : BASE_NO_MEMORY;
}

static enum base_result read_part(struct conf *conf, struct conf_mistakes *mistakes, size_t key, struct base_span text,
                                  size_t line, struct conf_feed *feed)
{
	struct conf_reader reader = {.arena = conf->arena, .mistakes = mistakes, .folder = ""};
	struct conf_node node;
	text = base_span_trim(text);
	if (!text.len)
		return BASE_OK;
	enum base_result result = make_node(conf, mistakes, text, line, &node);
	return result || !node.text.len ? result : conf_value_read(&reader, key, &node, feed);
}

static enum base_result read_tags(struct conf *conf, struct conf_mistakes *mistakes, const struct conf_outline *outline,
                                  struct conf_feed *feed)
{
	struct conf_reader reader = {.arena = conf->arena, .mistakes = mistakes, .folder = ""};
	struct conf_node *nodes = base_arena_alloc(conf->arena, (outline->tag_count + 1) * sizeof *nodes);
	const struct conf_node **items = base_arena_alloc(conf->arena, (outline->tag_count + 1) * sizeof *items);
	struct conf_node list = {.kind = CONF_LIST, .line = (uint32_t)outline->line, .items = items};
	if (!nodes || !items)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < outline->tag_count; i++) {
		enum base_result result = make_node(conf, mistakes, outline->tags[i], outline->line, &nodes[i]);
		if (result)
			return result;
		items[i] = &nodes[i];
	}
	list.count = outline->tag_count;
	return list.count ? conf_value_read(&reader, conf->keys.tags, &list, feed) : BASE_OK;
}

static enum base_result read_outline(struct conf *conf, struct conf_mistakes *mistakes, const struct conf_outline *outline,
                                     struct conf_feed *feed)
{
	if (!base_span_trim(outline->url).len)
		conf_mistake(mistakes, outline->line, "a feed has no URL");
	enum base_result result = read_part(conf, mistakes, conf->keys.url, outline->url, outline->line, feed);
	if (!result)
		result = read_part(conf, mistakes, conf->keys.name, outline->name, outline->line, feed);
	if (!result)
		result = read_part(conf, mistakes, conf->keys.language, outline->language, outline->line, feed);
	return result ? result : read_tags(conf, mistakes, outline, feed);
}

enum base_result conf_add_feed(struct conf *conf, const struct conf_outline *outline, struct base_problems *problems)
{
	struct conf_mistakes mistakes = {0};
	struct conf_listed *listed = NULL;
	uint64_t hash = 0;
	struct conf_feed feed = {.line = outline->line, .file = base_arena_copy(conf->arena, base_span_of(outline->file)).ptr};
	enum base_result result = feed.file ? read_outline(conf, &mistakes, outline, &feed) : BASE_NO_MEMORY;
	conf_mistakes_report(&mistakes, outline->file, problems);
	bool good = !result && !mistakes.count && !mistakes.lost && feed.url;
	conf_mistakes_free(&mistakes);
	if (!good)
		return result;
	drop_secret_name(&feed);
	result = find(conf, &feed, &listed, &hash);
	if (result)
		return result;
	if (listed)
		return merge(conf, listed, &feed, problems);
	result = append(conf, &feed, hash);
	if (result == BASE_LIMIT)
		base_problem(problems, outline->file, outline->line, "more than %zu feeds", MOST_FEEDS);
	return result;
}

size_t conf_feed_count(const struct conf *conf)
{
	return conf->feed_count;
}

const struct conf_feed *conf_feed_at(const struct conf *conf, size_t index)
{
	return index < conf->feed_count ? &conf->feeds[index].feed : NULL;
}

void conf_feeds_init(struct conf *conf)
{
	base_buf_init(&conf->normal, LONGEST_NORMAL);
	conf->keys.url = conf_schema_find(CONF_FEED_PREFIX "url");
	conf->keys.name = conf_schema_find(CONF_FEED_PREFIX "name");
	conf->keys.language = conf_schema_find(CONF_FEED_PREFIX "language");
	conf->keys.tags = conf_schema_find(CONF_FEED_PREFIX "tags");
}

void conf_feeds_free(struct conf *conf)
{
	base_buf_free(&conf->normal);
	free(conf->feeds);
	free(conf->slots);
}
