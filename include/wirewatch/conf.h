/*
 * conf: the settings and the feed list, read from YAML.
 *
 * A configuration is read into a new object, checked whole and then swapped in
 * by its user; every mistake is reported with its file and line. libyaml stays
 * inside this room: other rooms that read YAML (rules) get a tree of nodes.
 */
#ifndef WIREWATCH_CONF_H
#define WIREWATCH_CONF_H

#include "wirewatch/base.h"

/* ---- YAML as a tree ------------------------------------------------------ */

enum conf_node_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_node_kind kind;
	bool quoted;                  /* CONF_SCALAR: written in quotes, so surely a string */
	uint32_t line;                /* from 1 */
	uint32_t column;              /* CONF_SCALAR: in code points from 1, of its quotation mark if it has one */
	struct base_span text;        /* CONF_SCALAR; NUL-terminated */
	const char *const *keys;      /* CONF_MAP: count keys, NUL-terminated, no duplicates */
	const size_t *key_lines;
	const struct conf_node *const *items; /* CONF_LIST and CONF_MAP: count values */
	size_t count;
};

struct conf_tree;
/*
 * Parse one YAML document. Aliases and anchors are refused, depth is at most
 * 32, size at most 32 MiB, its nodes 256 MiB. Mistakes go to problems; then BASE_SYNTAX.
 */
enum base_result conf_tree_parse(const char *file, struct base_span bytes, struct base_problems *problems,
                                 struct conf_tree **out);
const struct conf_node *conf_tree_root(const struct conf_tree *tree); /* NULL for an empty document */
void conf_tree_free(struct conf_tree *tree);
/* The value of key in a map node, or NULL. */
const struct conf_node *conf_node_get(const struct conf_node *map, const char *key);

/* ---- settings ------------------------------------------------------------ */

struct conf_address_range { /* of fetch.allow_addresses: an IPv4 or IPv6 prefix */
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned prefix_len; /* 0 to 128 */
};

struct conf_feed {
	const char *url;      /* http or https */
	const char *name;     /* never NULL: the host if no name was given */
	bool named;           /* one was given */
	const char *language; /* NULL: what the feed says */
	const char *charset;  /* NULL: what the feed says */
	base_time interval;   /* 0: learned, or poll.min where nothing is known */
	const char *const *tags; /* for people: kinds and places the feed belongs to; no repeats */
	size_t tag_count;
	const char *file;     /* where it is written, with its line */
	size_t line;
};

struct conf_settings {
	const char *ledger; /* sqlite:///path or postgresql://... */
	struct {
		base_time min, max;
		base_time mean; /* 0: three times min */
		base_time gap;
		unsigned concurrency, per_host, pollers;
	} poll;
	struct {
		base_time timeout;
		size_t max_size;
		const struct conf_address_range *allow_addresses;
		size_t allow_count;
		const char *proxy; /* NULL: none */
	} fetch;
	struct {
		base_time max_age, story_window, keep;
	} alerts;
	struct {
		const char *const *publish;
		size_t publish_count;
		const char *const *replay;
		size_t replay_count;
		const char *curve_server_key; /* path of a file; NULL: no CURVE */
		const char *curve_clients;    /* path of a folder; set if and only if the key is */
	} zeromq;
	struct {
		int facility; /* LOG_DAEMON ... of <syslog.h> */
		enum base_level level;
	} syslog;
	struct {
		const char *alerts; /* path of the file alerts are appended to; NULL: none */
	} file;
	const char *http; /* "address:port", or NULL for off */
	struct {
		const char *node; /* never NULL: the host name if not set */
		base_time lease;
	} cluster;
};

struct conf;

/*
 * Reads one OPML file given as bytes and calls conf_add_feed for each feed it
 * lists; supplied by the program because OPML is the feed room's business.
 */
typedef enum base_result conf_opml_fn(struct conf *conf, const char *file, struct base_span bytes,
                                      struct base_problems *problems);

/*
 * Read the configuration at path and every file it names. On any mistake:
 * BASE_SYNTAX (or BASE_IO, BASE_NOT_FOUND), all of them in problems, nothing in *out.
 */
enum base_result conf_load(const char *path, conf_opml_fn *opml, struct base_problems *problems, struct conf **out);
void conf_free(struct conf *conf);
const struct conf_settings *conf_settings(const struct conf *conf);
size_t conf_feed_count(const struct conf *conf);
const struct conf_feed *conf_feed_at(const struct conf *conf, size_t index);
struct base_span conf_url_host(struct base_span url); /* of a feed's; without user, port and brackets */
/* Rule files, globs expanded, sorted. */
size_t conf_rule_file_count(const struct conf *conf);
const char *conf_rule_file_at(const struct conf *conf, size_t index);
/* A list without feeds and settings, for conf_add_feed. */
enum base_result conf_new(struct conf **out);

struct conf_outline { /* a feed of another list; all but url may be BASE_NONE */
	struct base_span url, name, language;
	const struct base_span *tags;
	size_t tag_count;
	const char *file;
	size_t line;
};
/*
 * For conf_opml_fn. A bad URL or language goes to problems and the result is
 * still BASE_OK, so that all are found. A feed already listed takes over what
 * was left open, and all tags; it is a problem only if both give a name, or a
 * language, and they differ.
 */
enum base_result conf_add_feed(struct conf *conf, const struct conf_outline *outline, struct base_problems *problems);

/* ---- the schema, for documentation and its test --------------------------- */

struct conf_setting_info {
	const char *key;      /* "poll.min"; "feeds[].url" for what a feed may have */
	const char *type;     /* "duration", "size", "count", "text", "list of feeds", ... */
	const char *standard; /* the default as written in YAML, "" if none */
	const char *bounds;   /* "1s to 7d", or "" */
	bool reloadable;      /* takes effect on SIGHUP */
	const char *help;     /* one sentence */
};
const struct conf_setting_info *conf_setting_infos(size_t *count);

#endif
