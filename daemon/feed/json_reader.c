/*
 * json_reader: JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1, /version/1.1).
 *
 * What jansson would turn into far more memory than the document has bytes is
 * refused before; what it refuses although it can be mended goes through
 * json_repair.c first.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "json_repair.h"

#define MOST_VALUES 500000     /* one costs jansson up to 40 bytes */
#define MOST_CONTAINERS 100000 /* and one of these up to 300 */

/* Cheap and only roughly right for what is no JSON anyway. */
static enum base_result guard(struct base_span json, struct base_error *err)
{
	size_t values = 0, containers = 0;
	const char *end = json.ptr + json.len;
	bool quoted = false;

	for (const char *at = json.ptr; at < end; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\' && quoted)
			at++;
		else if (!quoted)
			values += *at == ',', containers += *at == '{' || *at == '[';
	}
	if (values > MOST_VALUES || containers > MOST_CONTAINERS)
		return base_fail(err, BASE_LIMIT, "too many values");
	return BASE_OK;
}

static struct base_span string(const json_t *value)
{
	if (!json_is_string(value))
		return BASE_NONE;
	return (struct base_span){json_string_value(value), json_string_length(value)};
}

static struct base_span member(const json_t *object, const char *name)
{
	return string(json_object_get(object, name));
}

/* Strings given out hold no NUL, which JSON can write as \u0000. In place: the value is ours. */
static struct base_span without_nul(struct base_span text)
{
	char *bytes = (char *)(uintptr_t)text.ptr;
	size_t len = 0;

	if (!text.len || !memchr(text.ptr, '\0', text.len))
		return text;
	for (size_t i = 0; i < text.len; i++)
		if (bytes[i])
			bytes[len++] = bytes[i];
	return (struct base_span){bytes, len};
}

static void set(struct feed_builder *builder, enum feed_field field, struct base_span text, enum feed_kind kind, uint8_t rank)
{
	feed_builder_set(builder, field,
	                 (struct feed_value){.text = without_nul(base_span_trim(text)), .kind = kind, .rank = rank});
}

static void add_author(struct feed_builder *builder, const json_t *author)
{
	set(builder, FEED_AUTHOR, string(author), FEED_PLAIN, 0);
	set(builder, FEED_AUTHOR, member(author, "name"), FEED_PLAIN, 0);
	set(builder, FEED_AUTHOR, member(author, "url"), FEED_PLAIN, 1);
}

static void read_author(struct feed_builder *builder, const json_t *object)
{
	const json_t *author;
	size_t i;

	json_array_foreach(json_object_get(object, "authors"), i, author)
		add_author(builder, author);
	add_author(builder, json_object_get(object, "author"));
}

/* A number is no id by the specification, but readers are asked to take it. */
static void read_id(struct feed_builder *builder, const json_t *item)
{
	const json_t *id = json_object_get(item, "id");
	char number[40] = "";

	if (json_is_integer(id))
		snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else if (json_is_real(id))
		snprintf(number, sizeof number, "%.17g", json_real_value(id));
	set(builder, FEED_ID, number[0] ? base_span_of(number) : string(id), FEED_PLAIN, 0);
}

/* The names of JSON Feed, and from rank 2 on those that converters from RSS use. */
static const struct {
	const char *name;
	enum feed_field field;
	enum feed_kind kind;
	uint8_t rank;
} item_members[] = {
	{"url", FEED_LINK, FEED_PLAIN, 0},
	{"external_url", FEED_LINK, FEED_PLAIN, 1},
	{"link", FEED_LINK, FEED_PLAIN, 2},
	{"guid", FEED_ID, FEED_PLAIN, 2},
	{"title", FEED_TITLE, FEED_MAYBE_HTML, 0},
	{"content_html", FEED_CONTENT, FEED_HTML, 0},
	{"content_text", FEED_CONTENT, FEED_PLAIN, 1},
	{"content", FEED_CONTENT, FEED_HTML, 2},
	{"summary", FEED_SUMMARY, FEED_PLAIN, 0},
	{"description", FEED_SUMMARY, FEED_HTML, 2},
	{"date_published", FEED_PUBLISHED, FEED_PLAIN, 0},
	{"published", FEED_PUBLISHED, FEED_PLAIN, 2},
	{"pubDate", FEED_PUBLISHED, FEED_PLAIN, 2},
	{"date_modified", FEED_UPDATED, FEED_PLAIN, 0},
	{"updated", FEED_UPDATED, FEED_PLAIN, 2},
	{"language", FEED_LANGUAGE, FEED_PLAIN, 0},
};

static void read_item(struct feed_builder *builder, const json_t *item)
{
	const json_t *tag;
	size_t i;

	feed_builder_open_entry(builder);
	if (!builder->in_entry)
		return;
	read_id(builder, item);
	for (size_t k = 0; k < sizeof item_members / sizeof *item_members; k++)
		set(builder, item_members[k].field, member(item, item_members[k].name), item_members[k].kind, item_members[k].rank);
	read_author(builder, item);
	const json_t *tags = json_object_get(item, "tags");
	json_array_foreach(tags ? tags : json_object_get(item, "categories"), i, tag)
		feed_builder_category(builder, without_nul(string(tag)));
	feed_builder_close_entry(builder, true);
}

static void read_hub(struct feed_builder *builder, const json_t *root)
{
	const json_t *hub;
	size_t i;

	json_array_foreach(json_object_get(root, "hubs"), i, hub)
		if (base_span_is_nocase(member(hub, "type"), "WebSub"))
			set(builder, FEED_HUB, member(hub, "url"), FEED_PLAIN, 0);
}

static enum base_result read_root(struct feed_builder *builder, const json_t *root, struct base_error *err)
{
	const json_t *items = json_object_get(root, "items"), *item;
	struct base_span version = member(root, "version");
	size_t i;

	if (!json_is_array(items) && !base_span_starts(version, "https://jsonfeed.org/version/"))
		return base_fail(err, BASE_SYNTAX, "no feed but other JSON");
	builder->format = base_span_is(version, "https://jsonfeed.org/version/1") ? "json-feed-1.0" : "json-feed-1.1";
	set(builder, FEED_TITLE, member(root, "title"), FEED_MAYBE_HTML, 0);
	set(builder, FEED_LINK, member(root, "home_page_url"), FEED_PLAIN, 0);
	set(builder, FEED_SELF, member(root, "feed_url"), FEED_PLAIN, 0);
	set(builder, FEED_LANGUAGE, member(root, "language"), FEED_PLAIN, 0);
	read_author(builder, root);
	read_hub(builder, root);
	json_array_foreach(items, i, item) {
		if (json_is_object(item))
			read_item(builder, item);
		if (builder->failed != BASE_OK)
			return base_fail(err, builder->failed, "%s",
			                 builder->failed == BASE_LIMIT ? "too many entries" : base_result_text(builder->failed));
	}
	return BASE_OK;
}

static json_t *load(struct base_span json, json_error_t *error)
{
	return json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, error);
}

static enum base_result load_mended(struct base_span json, struct feed_builder *builder, json_t **root, json_error_t *error)
{
	struct base_buf mended;

	base_buf_init(&mended, json.len < SIZE_MAX / 8 ? 6 * json.len + 64 : SIZE_MAX);
	enum base_result result = feed_json_repair(json, &mended, builder);
	if (result == BASE_OK)
		*root = load(base_buf_span(&mended), error);
	base_buf_free(&mended);
	return result;
}

enum base_result feed_json_read(struct base_span json, struct feed_builder *builder, struct base_error *err)
{
	json_error_t error;
	enum base_result result = guard(json, err);

	if (result != BASE_OK)
		return result;
	json_t *root = load(json, &error);
	if (!root && json_error_code(&error) != json_error_out_of_memory)
		result = load_mended(json, builder, &root, &error);
	if (result != BASE_OK)
		return base_fail(err, result, "%s", base_result_text(result));
	if (!root)
		return base_fail(err, json_error_code(&error) == json_error_out_of_memory ? BASE_NO_MEMORY : BASE_SYNTAX,
		                 "no JSON Feed: line %d: %s", error.line, error.text);
	result = read_root(builder, root, err);
	json_decref(root);
	return result;
}
