/* All settings of a file, and what they must be to each other. */
#include "room.h"

/* Where a setting is written, and what as; the default's text if it is not. */
struct written {
	size_t line; /* 0: not in the file */
	struct base_span text;
};

static struct written written_at(const struct conf_node *const *nodes, const char *key)
{
	size_t index = conf_schema_find(key);
	const struct conf_node *node = nodes[index];
	if (conf_node_is_null(node) || node->kind != CONF_SCALAR)
		return (struct written){0, base_span_of(conf_schema_info(index)->standard)};
	return (struct written){node->line, node->text};
}

static void check_poll(const struct conf_reader *reader, const struct conf_node *const *nodes,
                       const struct conf_settings *settings)
{
	if (settings->poll.max >= settings->poll.min)
		return;
	struct written min = written_at(nodes, "poll.min"), max = written_at(nodes, "poll.max");
	if (max.line)
		conf_mistake(reader->mistakes, max.line, "poll.max: %s is shorter than poll.min, %s", conf_shown(max.text).text,
		             conf_shown(min.text).text);
	else
		conf_mistake(reader->mistakes, min.line, "poll.min: %s is longer than poll.max, %s", conf_shown(min.text).text,
		             conf_shown(max.text).text);
}

static void check_curve(const struct conf_reader *reader, const struct conf_node *const *nodes,
                        const struct conf_settings *settings)
{
	bool key = settings->zeromq.curve_server_key, clients = settings->zeromq.curve_clients;
	if (key && !clients)
		conf_mistake(reader->mistakes, written_at(nodes, "zeromq.curve.server_key").line,
		             "zeromq.curve.server_key needs zeromq.curve.clients, the folder with the keys of those who may subscribe");
	else if (clients && !key)
		conf_mistake(reader->mistakes, written_at(nodes, "zeromq.curve.clients").line,
		             "zeromq.curve.clients needs zeromq.curve.server_key, the daemon's own key");
}

struct endpoint {
	const char *key;
	const struct conf_node *node;
};

/* The endpoints as written, publish first; at most max. */
static size_t list_endpoints(const struct conf_node *const *nodes, struct endpoint *out, size_t max)
{
	static const char *const keys[] = {"zeromq.publish", "zeromq.replay"};
	size_t count = 0;
	for (size_t k = 0; k < 2; k++) {
		const struct conf_node *node = nodes[conf_schema_find(keys[k])];
		if (!node || node->kind == CONF_MAP)
			continue;
		size_t items = node->kind == CONF_LIST ? node->count : 1;
		for (size_t i = 0; i < items && count < max; i++)
			out[count++] = (struct endpoint){keys[k], node->kind == CONF_LIST ? node->items[i] : node};
	}
	return count;
}

static void check_endpoints(const struct conf_reader *reader, const struct conf_node *const *nodes,
                            const struct conf_settings *settings)
{
	struct endpoint endpoints[64];
	bool curve = settings->zeromq.curve_server_key && settings->zeromq.curve_clients;
	size_t count = list_endpoints(nodes, endpoints, sizeof endpoints / sizeof endpoints[0]);
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *node = endpoints[i].node;
		if (node->kind != CONF_SCALAR || conf_node_is_null(node))
			continue;
		if (conf_endpoint_remote(node->text) && !curve)
			conf_mistake(reader->mistakes, node->line,
			             "%s: '%s' can be reached from other machines and needs zeromq.curve: {server_key, clients}",
			             endpoints[i].key, conf_shown(node->text).text);
		for (size_t j = 0; j < i; j++)
			if (endpoints[j].node->kind == CONF_SCALAR && base_span_equal(endpoints[j].node->text, node->text)) {
				conf_mistake(reader->mistakes, node->line, "%s: '%s' is already in line %zu", endpoints[i].key,
				             conf_shown(node->text).text, (size_t)endpoints[j].node->line);
				break;
			}
	}
}

enum base_result conf_settings_read(const struct conf_reader *reader, const struct conf_node *const *nodes,
                                    struct conf_settings *out)
{
	struct conf_settings settings = {0};
	for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
		enum conf_type type = conf_schema_place(i)->type;
		bool elsewhere = type == CONF_FEEDS || type == CONF_PATTERNS;
		if (elsewhere || base_span_starts(base_span_of(conf_schema_info(i)->key), CONF_FEED_PREFIX))
			continue;
		/* A bad value leaves the default, so that the checks below have something to compare. */
		enum base_result result = conf_value_read(reader, i, NULL, &settings);
		if (!result && nodes[i])
			result = conf_value_read(reader, i, nodes[i], &settings);
		if (result)
			return result;
	}
	check_poll(reader, nodes, &settings);
	check_curve(reader, nodes, &settings);
	check_endpoints(reader, nodes, &settings);
	*out = settings;
	return BASE_OK;
}
