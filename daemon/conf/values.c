/* Values of settings: text in YAML to C types, within the bounds of the schema. */
#include "values.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const struct {
	const char *name;
	int code;
} facilities[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},     {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},
    {"lpr", LOG_LPR},       {"mail", LOG_MAIL},         {"news", LOG_NEWS},     {"syslog", LOG_SYSLOG}, {"user", LOG_USER},
    {"uucp", LOG_UUCP},     {"local0", LOG_LOCAL0},     {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},
};

/* ---- numbers with units ---------------------------------------------------------- */

static bool parse_count(struct base_span text, int64_t *out)
{
	int64_t number = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || i > 15)
			return false;
		number = number * 10 + (text.ptr[i] - '0');
	}
	*out = number;
	return text.len > 0;
}

/* A count of bytes, or with one of the units KiB, MiB and GiB (IEC 80000-13). */
static bool parse_size(struct base_span text, int64_t *out)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	int64_t unit = 1;
	for (size_t i = 0; i < 3; i++) {
		if (text.len > 3 && memcmp(text.ptr + text.len - 3, units[i], 3) == 0) {
			text.len -= 3;
			unit = (int64_t)1 << (10 * (i + 1));
		}
	}
	int64_t number;
	if (!parse_count(text, &number) || number > INT64_MAX / unit)
		return false;
	*out = number * unit;
	return true;
}

static bool parse_duration(struct base_span text, int64_t *out)
{
	return base_duration_parse(text.ptr, text.len, out) == BASE_OK;
}

static bool parse_number(enum conf_type type, struct base_span text, int64_t *out)
{
	switch (type) {
	case CONF_DURATION: return parse_duration(text, out);
	case CONF_SIZE: return parse_size(text, out);
	default: return parse_count(text, out);
	}
}

/* bounds: "LEAST to MOST", as people read it in the manual. */
static bool within(enum conf_type type, int64_t value, const char *bounds)
{
	const char *to = strstr(bounds, " to ");
	int64_t least, most;
	return to && parse_number(type, (struct base_span){bounds, (size_t)(to - bounds)}, &least) &&
	       parse_number(type, base_span_of(to + 4), &most) && value >= least && value <= most;
}

static void store_number(enum conf_type type, int64_t value, void *place)
{
	if (type == CONF_DURATION)
		*(base_time *)place = value;
	else if (type == CONF_SIZE)
		*(size_t *)place = (size_t)value;
	else
		*(unsigned *)place = (unsigned)value;
}

static void read_number(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *place)
{
	const struct conf_setting_info *info = conf_schema_info(index);
	enum conf_type type = conf_schema_place(index)->type;
	const char *wanted = type == CONF_DURATION ? "a duration such as 90s, 5m, 6h or 2d"
	                     : type == CONF_SIZE   ? "a size such as 512KiB or 16MiB"
	                                           : "a whole number";
	int64_t value;
	if ((type == CONF_COUNT && node->quoted) || !parse_number(type, node->text, &value))
		conf_mistake(reader->mistakes, node->line, "%s: '%s' is not %s", info->key, conf_shown(node->text).text, wanted);
	else if (!within(type, value, info->bounds))
		conf_mistake(reader->mistakes, node->line, "%s: %s is not within %s", info->key, conf_shown(node->text).text,
		             info->bounds);
	else
		store_number(type, value, place);
}

/* ---- words ------------------------------------------------------------------------ */

static bool parse_word(enum conf_type type, struct base_span text, void *place)
{
	if (type == CONF_LEVEL)
		return base_level_parse(text.ptr, place) == BASE_OK;
	for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++) {
		if (base_span_is(text, facilities[i].name)) {
			*(int *)place = facilities[i].code;
			return true;
		}
	}
	return false;
}

/* ---- text ------------------------------------------------------------------------- */

static bool made_of(struct base_span text, const char *extra, size_t most)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (!c || !strchr(extra, c)))
			return false;
	}
	return text.len > 0 && text.len <= most;
}

/* The shape of RFC 5646 section 2.1, not its registry: 2 or 3 letters, then parts of up to 8. */
static bool is_language(struct base_span text)
{
	size_t part = 0, primary = 0; /* their lengths; primary 0: not over yet */
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '-') {
			part++;
			if (part > 8 || (!primary && text.ptr[i] >= '0' && text.ptr[i] <= '9'))
				return false;
			continue;
		}
		primary = primary ? primary : part;
		if (!part)
			return false;
		part = 0;
	}
	primary = primary ? primary : part;
	return made_of(text, "-", 35) && part && (primary == 2 || primary == 3);
}

static bool is_ledger(struct base_span text, const char **reason)
{
	*reason = "must be sqlite:///path or postgresql://...";
	if (base_span_starts(text, "postgresql://") || base_span_starts(text, "postgres://"))
		return text.len > strlen("postgresql://");
	return base_span_starts(text, "sqlite:///") && text.len > strlen("sqlite:///") && text.ptr[text.len - 1] != '/';
}

static bool is_proxy(struct base_span text, const char **reason)
{
	*reason = "must be http://host:port";
	return base_span_starts(text, "http://") && conf_url_valid(text, reason);
}

static bool text_fits(enum conf_type type, struct base_span text, const char **reason)
{
	switch (type) {
	case CONF_LEDGER: return is_ledger(text, reason);
	case CONF_ADDRESS: return base_span_is(text, "off") || conf_address_valid(text, reason);
	case CONF_URL: return conf_url_valid(text, reason);
	case CONF_PROXY: return is_proxy(text, reason);
	case CONF_NODE: *reason = "must be at most 64 letters, digits, '.', '-' and '_'"; return made_of(text, ".-_", 64);
	case CONF_LANGUAGE: *reason = "is no language tag such as uk or pt-BR"; return is_language(text);
	case CONF_CHARSET: *reason = "is no name of a charset"; return made_of(text, ".-_:+()", 40);
	default: *reason = "is too long"; return text.len <= 4096;
	}
}

/* The host name, with what has no place in a node's name replaced. */
static enum base_result host_name(struct base_arena *arena, const char **out)
{
	char name[65] = "";
	if (gethostname(name, sizeof name) || !*name)
		(void)snprintf(name, sizeof name, "localhost");
	name[sizeof name - 1] = '\0';
	for (char *c = name; *c; c++)
		if (!made_of((struct base_span){c, 1}, ".-_", 1))
			*c = '-';
	struct base_span copy = base_arena_copy(arena, base_span_of(name));
	*out = copy.ptr;
	return copy.ptr ? BASE_OK : BASE_NO_MEMORY;
}

static enum base_result store_text(const struct conf_reader *reader, enum conf_type type, struct base_span text,
                                   const char **place)
{
	if (type == CONF_ADDRESS && base_span_is(text, "off")) {
		*place = NULL;
		return BASE_OK;
	}
	struct base_span copy;
	if (type == CONF_PATH && text.ptr[0] != '/') {
		struct base_buf buf;
		base_buf_init(&buf, (size_t)64 << 10);
		(void)base_buf_add_text(&buf, reader->folder);
		(void)base_buf_add_span(&buf, text);
		copy = buf.failed ? BASE_NONE : base_arena_copy(reader->arena, base_buf_span(&buf));
		base_buf_free(&buf);
	} else {
		copy = base_arena_copy(reader->arena, text);
	}
	if (!copy.ptr)
		return BASE_NO_MEMORY;
	*place = copy.ptr;
	return BASE_OK;
}

static enum base_result read_text(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *place)
{
	enum conf_type type = conf_schema_place(index)->type;
	const char *reason = "";
	if (!node->text.len && !*conf_schema_info(index)->standard && type != CONF_URL)
		return type == CONF_NODE ? host_name(reader->arena, place) : BASE_OK;
	if (text_fits(type, node->text, &reason))
		return store_text(reader, type, node->text, place);
	bool words = type == CONF_LEDGER && memchr(node->text.ptr, '=', node->text.len); /* libpq's "host=... password=..." */
	if (type == CONF_PROXY || words) /* may hold a password */
		conf_mistake(reader->mistakes, node->line, "%s: the value %s", conf_schema_info(index)->key, reason);
	else
		conf_mistake(reader->mistakes, node->line, "%s: '%s' %s", conf_schema_info(index)->key, conf_shown(node->text).text,
		             reason);
	return BASE_OK;
}

/* ---- lists ------------------------------------------------------------------------ */

static enum base_result read_ranges(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *place,
                                    size_t *count)
{
	struct conf_address_range *ranges = base_arena_alloc(reader->arena, (node->count + 1) * sizeof *ranges);
	if (!ranges)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < node->count; i++) {
		const struct conf_node *item = node->items[i];
		if (item->kind != CONF_SCALAR || !conf_range_parse(item->text, &ranges[i]))
			conf_mistake(reader->mistakes, item->line, "%s: '%s' is no address range such as 10.0.0.0/8 or fd00::/8",
			             conf_schema_info(index)->key, conf_shown(item->text).text);
	}
	*(const struct conf_address_range **)place = ranges;
	*count = node->count;
	return BASE_OK;
}

static enum base_result read_endpoints(const struct conf_reader *reader, size_t index, const struct conf_node *node,
                                       void *place, size_t *count)
{
	const struct conf_node *const *items = node->kind == CONF_LIST ? node->items : &node;
	size_t wanted = node->kind == CONF_LIST ? node->count : 1;
	const char **endpoints = base_arena_alloc(reader->arena, (wanted + 1) * sizeof *endpoints);
	if (!endpoints)
		return BASE_NO_MEMORY;
	const char *key = conf_schema_info(index)->key, *reason = "must be text";
	for (size_t i = 0; i < wanted; i++) {
		struct base_span copy = base_arena_copy(reader->arena, items[i]->kind == CONF_SCALAR ? items[i]->text : base_span_of(""));
		if (!copy.ptr)
			return BASE_NO_MEMORY;
		if (items[i]->kind != CONF_SCALAR || !conf_endpoint_valid(copy, &reason))
			conf_mistake(reader->mistakes, items[i]->line, "%s: '%s' %s", key, conf_shown(copy).text, reason);
		endpoints[i] = copy.ptr;
	}
	if (!wanted)
		conf_mistake(reader->mistakes, node->line, "%s needs at least one endpoint", key);
	*(const char *const **)place = endpoints;
	*count = wanted;
	return BASE_OK;
}

/* A list of texts without repeats; one alone needs no brackets. */
static enum base_result read_texts(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *place,
                                   size_t *count)
{
	const struct conf_node *const *items = node->kind == CONF_LIST ? node->items : &node;
	size_t wanted = node->kind == CONF_LIST ? node->count : 1, kept = 0;
	size_t places = wanted < CONF_MOST_TEXTS ? wanted + 1 : CONF_MOST_TEXTS;
	const char **texts = base_arena_alloc(reader->arena, places * sizeof *texts);
	if (!texts)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < wanted; i++) {
		struct base_span text = items[i]->kind == CONF_SCALAR ? base_span_trim(items[i]->text) : base_span_of("");
		bool repeated = false;
		for (size_t k = 0; k < kept && !repeated; k++)
			repeated = base_span_is(text, texts[k]);
		if (!text.len)
			conf_mistake(reader->mistakes, items[i]->line, "%s: an empty text", conf_schema_info(index)->key);
		if (!text.len || repeated)
			continue;
		if (kept == CONF_MOST_TEXTS) {
			conf_mistake(reader->mistakes, items[i]->line, "%s: more than %zu texts", conf_schema_info(index)->key, kept);
			return BASE_OK;
		}
		texts[kept] = base_arena_copy(reader->arena, text).ptr;
		if (!texts[kept++])
			return BASE_NO_MEMORY;
	}
	*(const char *const **)place = texts;
	*count = kept;
	return BASE_OK;
}

/* ---- any ------------------------------------------------------------------------- */

static bool kind_fits(enum conf_type type, enum conf_node_kind kind)
{
	if (type == CONF_ENDPOINTS || type == CONF_TEXTS)
		return kind != CONF_MAP;
	return kind == (type == CONF_RANGES ? CONF_LIST : CONF_SCALAR);
}

static enum base_result read_node(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *target)
{
	const struct conf_setting_info *info = conf_schema_info(index);
	const struct conf_place *where = conf_schema_place(index);
	void *place = (char *)target + where->offset;
	void *count = (char *)target + where->count_offset;
	if (!kind_fits(where->type, node->kind)) {
		conf_mistake(reader->mistakes, node->line, "%s must be %s, not a %s", info->key,
		             where->type == CONF_RANGES                                      ? "a list such as [10.0.0.0/8]"
		             : where->type == CONF_TEXTS || where->type == CONF_ENDPOINTS ? "a single value or a list"
		                                                                          : "a single value",
		             node->kind == CONF_MAP    ? "map"
		             : node->kind == CONF_LIST ? "list"
		                                       : "single value");
		return BASE_OK;
	}
	switch (where->type) {
	case CONF_DURATION:
	case CONF_SIZE:
	case CONF_COUNT: read_number(reader, index, node, place); return BASE_OK;
	case CONF_FACILITY:
	case CONF_LEVEL:
		if (!parse_word(where->type, node->text, place))
			conf_mistake(reader->mistakes, node->line, "%s: '%s' is not one of %s", info->key, conf_shown(node->text).text,
			             info->bounds);
		return BASE_OK;
	case CONF_RANGES: return read_ranges(reader, index, node, place, count);
	case CONF_ENDPOINTS: return read_endpoints(reader, index, node, place, count);
	case CONF_TEXTS: return read_texts(reader, index, node, place, count);
	default: return read_text(reader, index, node, place);
	}
}

/* Defaults are written in the schema as people write them, and read the same way. */
static enum base_result read_standard(const struct conf_reader *reader, size_t index, void *target)
{
	static const struct conf_node nothing = {.kind = CONF_SCALAR, .text = {"", 0}};
	struct conf_tree *tree;
	enum base_result result = conf_tree_read(base_span_of(conf_schema_info(index)->standard), reader->mistakes, &tree);
	if (result)
		return result;
	const struct conf_node *root = conf_tree_root(tree);
	result = read_node(reader, index, root ? root : &nothing, target);
	conf_tree_free(tree);
	return result;
}

enum base_result conf_value_read(const struct conf_reader *reader, size_t index, const struct conf_node *node, void *target)
{
	const struct conf_setting_info *info = conf_schema_info(index);
	bool may_be_empty = !*info->standard || strcmp(info->standard, "[]") == 0;
	if (node && conf_node_is_null(node) && !may_be_empty)
		conf_mistake(reader->mistakes, node->line, "%s needs a value", info->key);
	if (conf_node_is_null(node))
		return *info->standard || conf_schema_place(index)->type == CONF_NODE ? read_standard(reader, index, target) : BASE_OK;
	return read_node(reader, index, node, target);
}
