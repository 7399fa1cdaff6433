/* Every setting there is, in one table: for reading, checking and documenting. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

#define NOWHERE ledger /* has no place in struct conf_settings */
#define URL_BOUNDS "http or https"
#define SPAN_BOUNDS "1s to 36500d"
#define POLL_BOUNDS "1s to 7d"
#define FACILITIES \
	"auth, authpriv, cron, daemon, ftp, lpr, mail, news, syslog, user, uucp, " \
	"local0, local1, local2, local3, local4, local5, local6, local7"

/* What a type is called in the documentation. */
#define TEXT_NAME "text"
#define PATH_NAME "path"
#define DURATION_NAME "duration"
#define SIZE_NAME "size"
#define COUNT_NAME "count"
#define FACILITY_NAME "word"
#define LEVEL_NAME "word"
#define LEDGER_NAME "url"
#define ADDRESS_NAME "address"
#define NODE_NAME "name"
#define LANGUAGE_NAME "language"
#define CHARSET_NAME "charset"
#define URL_NAME "url"
#define PROXY_NAME "url"
#define ENDPOINTS_NAME "endpoint or list"
#define RANGES_NAME "list of address ranges"
#define TEXTS_NAME "list of texts"
#define PATTERNS_NAME "list of files"
#define FEEDS_NAME "list of feeds"

#define S conf_settings
#define F conf_feed
/* X(owner, key, type, standard, bounds, reloadable, field, field of the count, help) */
#define SETTINGS(X) \
	X(S, "feeds", FEEDS, "[]", "", true, NOWHERE, NOWHERE, "The feeds to poll: URLs, or maps with settings of their own.") \
	X(S, "feed_files", PATTERNS, "[feeds.d/*.opml]", "", true, NOWHERE, NOWHERE, \
	  "OPML files with more feeds; names or patterns, relative to this file.") \
	X(S, "rules", PATTERNS, "[rules.d/*.yaml]", "", true, NOWHERE, NOWHERE, \
	  "Rule files; names or patterns, relative to this file.") \
	X(S, "ledger", LEDGER, "sqlite:///var/lib/wirewatch/ledger.db", "sqlite:///path or postgresql://", false, ledger, ledger, \
	  "Where entries, validators and alerts are stored.") \
	X(S, "poll.min", DURATION, "5m", POLL_BOUNDS, true, poll.min, poll.min, "A feed is never polled more often than this.") \
	X(S, "poll.max", DURATION, "6h", POLL_BOUNDS, true, poll.max, poll.max, \
	  "A healthy feed is polled at least this often, however quiet it is.") \
	X(S, "poll.mean", DURATION, "", POLL_BOUNDS, true, poll.mean, poll.mean, \
	  "The budget: on the average over all feeds a feed is polled once in this time; three times poll.min if not given.") \
	X(S, "poll.gap", DURATION, "1s", "1s to 10m", true, poll.gap, poll.gap, \
	  "The least time between two requests to one public host.") \
	X(S, "poll.concurrency", COUNT, "200", "1 to 10000", true, poll.concurrency, poll.concurrency, \
	  "Transfers under way at once, at most.") \
	X(S, "poll.per_host", COUNT, "1", "1 to 100", true, poll.per_host, poll.per_host, \
	  "Transfers under way at once to one host, at most.") \
	X(S, "poll.pollers", COUNT, "1", "1 to 64", true, poll.pollers, poll.pollers, "Threads that poll; feeds are split by host.") \
	X(S, "fetch.timeout", DURATION, "30s", "1s to 10m", true, fetch.timeout, fetch.timeout, \
	  "A transfer that takes longer, redirects included, is given up.") \
	X(S, "fetch.max_size", SIZE, "16MiB", "1KiB to 256MiB", true, fetch.max_size, fetch.max_size, \
	  "A document that is larger, once decompressed, is refused.") \
	X(S, "fetch.allow_addresses", RANGES, "[]", "", true, fetch.allow_addresses, fetch.allow_count, \
	  "Address ranges that may be polled although they are private or loopback.") \
	X(S, "fetch.proxy", PROXY, "", "http://host:port", true, fetch.proxy, fetch.proxy, \
	  "The HTTP proxy to fetch through; none if empty.") \
	X(S, "alerts.max_age", DURATION, "48h", SPAN_BOUNDS, true, alerts.max_age, alerts.max_age, \
	  "Entries older than this are recorded but raise no alert.") \
	X(S, "alerts.story_window", DURATION, "72h", "1s to 365d", false, alerts.story_window, alerts.story_window, \
	  "Reports of one event within this time are one story.") \
	X(S, "alerts.keep", DURATION, "90d", SPAN_BOUNDS, false, alerts.keep, alerts.keep, \
	  "Alerts are kept for replay this long.") \
	X(S, "zeromq.publish", ENDPOINTS, "ipc:///run/wirewatch/alerts.sock", "ipc:// or tcp://", false, zeromq.publish, \
	  zeromq.publish_count, "Where alerts are published; one endpoint or a list.") \
	X(S, "zeromq.replay", ENDPOINTS, "ipc:///run/wirewatch/replay.sock", "ipc:// or tcp://", false, zeromq.replay, \
	  zeromq.replay_count, "Where stored alerts can be asked for; one endpoint or a list.") \
	X(S, "zeromq.curve.server_key", PATH, "", "", false, zeromq.curve_server_key, zeromq.curve_server_key, \
	  "File with the daemon's CURVE secret key; needed before a tcp:// endpoint beyond loopback is bound.") \
	X(S, "zeromq.curve.clients", PATH, "", "", false, zeromq.curve_clients, zeromq.curve_clients, \
	  "Folder with the CURVE public keys of those who may subscribe.") \
	X(S, "syslog.facility", FACILITY, "daemon", FACILITIES, false, syslog.facility, syslog.facility, \
	  "The syslog facility of alerts and messages.") \
	X(S, "syslog.level", LEVEL, "notice", "debug, info, notice, warning, error", false, syslog.level, syslog.level, \
	  "Messages below this level are not sent to syslog.") \
	X(S, "file.alerts", PATH, "", "", false, file.alerts, file.alerts, \
	  "File that alerts are appended to, one JSON object a line; none if empty.") \
	X(S, "http", ADDRESS, "127.0.0.1:9475", "address:port, unix:/path or off", false, http, http, \
	  "Where the page, alerts, metrics, health and status are served, or off.") \
	X(S, "cluster.node", NODE, "", "letters, digits, '.', '-' and '_'; at most 64", false, cluster.node, cluster.node, \
	  "This machine's name in alerts and towards other machines; the host name if empty.") \
	X(S, "cluster.lease", DURATION, "30s", "5s to 1h", false, cluster.lease, cluster.lease, \
	  "With a shared ledger, the time after which another machine takes over the feeds of a silent one.") \
	X(F, "feeds[].url", URL, "", URL_BOUNDS, true, url, url, "The feed's address; required.") \
	X(F, "feeds[].name", TEXT, "", "", true, name, name, "What alerts and messages call the feed; its host if not given.") \
	X(F, "feeds[].language", LANGUAGE, "", "a language tag such as uk or pt-BR", true, language, language, \
	  "The language of the entries, if the feed does not say it or says it wrong.") \
	X(F, "feeds[].charset", CHARSET, "", "a charset's name such as windows-1251", true, charset, charset, \
	  "The charset to assume where the document gives no valid one.") \
	X(F, "feeds[].interval", DURATION, "", POLL_BOUNDS, true, interval, interval, \
	  "Poll this often; without it the interval is learned between poll.min and poll.max.") \
	X(F, "feeds[].tags", TEXTS, "", "at most 64 of them", true, tags, tag_count, "For people: what kinds of feed it is.")

#define INFO(owner, key, type, standard, bounds, reloadable, field, count, help) \
	{key, type##_NAME, standard, bounds, reloadable, help},
#define PLACE(owner, key, type, standard, bounds, reloadable, field, count, help) \
	{CONF_##type, offsetof(struct owner, field), offsetof(struct owner, count)},

static const struct conf_setting_info infos[] = {SETTINGS(INFO)};
static const struct conf_place places[] = {SETTINGS(PLACE)};

#define FEEDS_OWN(owner, key, type, standard, bounds, reloadable, field, count, help) \
	+(sizeof(struct owner) == sizeof(struct conf_feed))
_Static_assert(sizeof infos / sizeof infos[0] == CONF_SETTING_COUNT, "CONF_SETTING_COUNT is not the table's length");
_Static_assert(0 SETTINGS(FEEDS_OWN) == CONF_SETTING_COUNT - CONF_FEED_FIRST, "CONF_FEED_FIRST is not where they begin");

const struct conf_setting_info *conf_setting_infos(size_t *count)
{
	*count = CONF_SETTING_COUNT;
	return infos;
}

const struct conf_setting_info *conf_schema_info(size_t index)
{
	return &infos[index];
}

const struct conf_place *conf_schema_place(size_t index)
{
	return &places[index];
}

size_t conf_schema_find(const char *key)
{
	size_t i = 0;
	while (i < CONF_SETTING_COUNT && (infos[i].key[0] != key[0] || strcmp(infos[i].key, key) != 0))
		i++;
	return i;
}

bool conf_node_is_null(const struct conf_node *node)
{
	return !node || (node->kind == CONF_SCALAR && !node->quoted &&
	                 (!node->text.len || (node->text.len == 1 && node->text.ptr[0] == '~') ||
	                  (node->text.len == 4 && memcmp(node->text.ptr, "null", 4) == 0)));
}

/* ---- suggestions for keys nobody knows ---------------------------------------- */

#define LONGEST_KEY 40

static size_t least(size_t a, size_t b, size_t c)
{
	size_t small = a < b ? a : b;
	return small < c ? small : c;
}

/* Levenshtein's distance with neighbours swapped counting once (optimal string alignment). */
static size_t distance(struct base_span a, struct base_span b)
{
	size_t rows[3][LONGEST_KEY + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b.len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]));
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				row[j] = least(row[j], row[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[b.len];
}

/* What comes after prefix in the setting's key, up to the next dot: a key that is known there. */
static struct base_span step_below(const char *key, const char *prefix)
{
	size_t len = strlen(prefix);
	if (strncmp(key, prefix, len) != 0)
		return BASE_NONE;
	return (struct base_span){key + len, strcspn(key + len, ".[")};
}

static struct base_span nearest(const char *key, const char *prefix)
{
	struct base_span wanted = base_span_of(key), best = BASE_NONE;
	size_t best_distance = wanted.len / 3 + 2; /* farther away it is another word */
	if (wanted.len > LONGEST_KEY)
		return BASE_NONE;
	for (size_t i = 0; i < CONF_SETTING_COUNT; i++) {
		struct base_span known = step_below(infos[i].key, prefix);
		if (!known.ptr || known.len > LONGEST_KEY)
			continue;
		size_t d = distance(wanted, known);
		if (d < best_distance && d < known.len) {
			best_distance = d;
			best = known;
		}
	}
	return best;
}

static void unknown_key(const char *key, const char *prefix, size_t line, struct conf_mistakes *mistakes)
{
	const char *dot = strchr(key, '.');
	struct base_span known = nearest(key, prefix);
	const char *in = *prefix ? " in " : "";
	int in_len = *prefix ? (int)strcspn(prefix, "[") : 0;
	if (in_len && prefix[in_len] == '\0')
		in_len--; /* the last dot */
	if (dot && !*prefix && conf_schema_find(key) < CONF_SETTING_COUNT)
		conf_mistake(mistakes, line, "unknown key '%s'; write it as %.*s: {%s: ...}", key, (int)(dot - key), key, dot + 1);
	else if (known.ptr)
		conf_mistake(mistakes, line, "unknown key '%s'%s%.*s; did you mean '%.*s'?", conf_shown(base_span_of(key)).text, in,
		             in_len, prefix, (int)known.len, known.ptr);
	else
		conf_mistake(mistakes, line, "unknown key '%s'%s%.*s", conf_shown(base_span_of(key)).text, in, in_len, prefix);
}

/* ---- from keys to settings ------------------------------------------------------ */

static bool is_section(const char *path)
{
	size_t len = strlen(path);
	for (size_t i = 0; i < CONF_SETTING_COUNT; i++)
		if (strncmp(infos[i].key, path, len) == 0 && infos[i].key[len] == '.')
			return true;
	return false;
}

/* The setting of that key below prefix, which is len bytes. Feeds are many: only their own keys are looked at. */
static size_t find_below(const char *prefix, size_t len, const char *key)
{
	size_t i = *prefix == CONF_FEED_PREFIX[0] && strcmp(prefix, CONF_FEED_PREFIX) == 0 ? CONF_FEED_FIRST : 0;
	while (i < CONF_SETTING_COUNT && (strncmp(infos[i].key, prefix, len) != 0 || strcmp(infos[i].key + len, key) != 0))
		i++;
	return i;
}

static void bind_key(const char *prefix, const char *key, size_t line, const struct conf_node *value,
                     const struct conf_node **nodes, struct conf_mistakes *mistakes)
{
	bool plain = *key && !key[strcspn(key, ".[")];
	size_t found = plain ? find_below(prefix, strlen(prefix), key) : CONF_SETTING_COUNT;
	if (found < CONF_SETTING_COUNT) {
		nodes[found] = value;
		return;
	}
	char path[128];
	int len = snprintf(path, sizeof path - 1, "%s%s", prefix, key);
	if (!plain || len < 0 || (size_t)len >= sizeof path - 1 || !is_section(path)) {
		unknown_key(key, prefix, line, mistakes);
	} else if (value->kind == CONF_MAP) {
		path[len] = '.';
		path[len + 1] = '\0';
		conf_schema_bind(value, path, nodes, mistakes);
	} else if (!conf_node_is_null(value)) {
		conf_mistake(mistakes, value->line, "%s must be a map of settings", path);
	}
}

void conf_schema_bind(const struct conf_node *map, const char *prefix, const struct conf_node **nodes,
                      struct conf_mistakes *mistakes)
{
	for (size_t i = 0; i < map->count; i++)
		bind_key(prefix, map->keys[i], map->key_lines[i], map->items[i], nodes, mistakes);
}
