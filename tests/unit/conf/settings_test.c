/* Settings: defaults, every type, bounds, and what they must be to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "folder.h"

static void an_empty_file_gives_the_defaults(void **state)
{
	struct conf *conf = folder_good(*state, "");
	const struct conf_settings *s = conf_settings(conf);
	char host[65] = "";
	(void)gethostname(host, sizeof host - 1);
	assert_string_equal(s->ledger, "sqlite:///var/lib/wirewatch/ledger.db");
	assert_int_equal(s->poll.min, 5 * BASE_MINUTE);
	assert_int_equal(s->poll.max, 6 * BASE_HOUR);
	assert_int_equal(s->poll.concurrency, 200);
	assert_int_equal(s->poll.per_host, 1);
	assert_int_equal(s->poll.pollers, 1);
	assert_int_equal(s->fetch.timeout, 30 * BASE_SECOND);
	assert_int_equal(s->fetch.max_size, 16 << 20);
	assert_int_equal(s->fetch.allow_count, 0);
	assert_int_equal(s->alerts.max_age, 48 * BASE_HOUR);
	assert_int_equal(s->alerts.story_window, 72 * BASE_HOUR);
	assert_int_equal(s->alerts.keep, 90 * BASE_DAY);
	assert_int_equal(s->zeromq.publish_count, 1);
	assert_string_equal(s->zeromq.publish[0], "ipc:///run/wirewatch/alerts.sock");
	assert_int_equal(s->zeromq.replay_count, 1);
	assert_string_equal(s->zeromq.replay[0], "ipc:///run/wirewatch/replay.sock");
	assert_null(s->zeromq.curve_server_key);
	assert_null(s->zeromq.curve_clients);
	assert_int_equal(s->syslog.facility, LOG_DAEMON);
	assert_int_equal(s->syslog.level, BASE_NOTICE);
	assert_string_equal(s->http, "127.0.0.1:9475");
	assert_string_equal(s->cluster.node, host);
	assert_int_equal(s->cluster.lease, 30 * BASE_SECOND);
	assert_int_equal(conf_feed_count(conf), 0);
	assert_int_equal(conf_rule_file_count(conf), 0);
	conf_free(conf);
}

static void every_setting_is_read(void **state)
{
	const struct folder *folder = *state;
	struct conf *conf = folder_good(*state, "ledger: postgresql://db.example/wirewatch\n"
	                                        "poll: {min: 1s, max: 1d12h, concurrency: 7, per_host: 2, pollers: 3}\n"
	                                        "fetch:\n"
	                                        "  timeout: 90s\n"
	                                        "  max_size: 512KiB\n"
	                                        "  allow_addresses: [127.0.0.1/8, 10.1.2.3, 'fd00::1/8', \"::1\"]\n"
	                                        "alerts: {max_age: 1h, story_window: 2h, keep: 3d}\n"
	                                        "zeromq:\n"
	                                        "  publish: [ipc:///tmp/a, 'tcp://*:5556']\n"
	                                        "  replay: tcp://[::1]:5557\n"
	                                        "  curve: {server_key: keys/server, clients: /etc/keys}\n"
	                                        "syslog: {facility: local3, level: debug}\n"
	                                        "http: off\n"
	                                        "cluster: {node: a.b-c_1, lease: 1m}\n");
	const struct conf_settings *s = conf_settings(conf);
	char key[128];
	(void)snprintf(key, sizeof key, "%skeys/server", folder->path);
	assert_string_equal(s->ledger, "postgresql://db.example/wirewatch");
	assert_int_equal(s->poll.min, BASE_SECOND);
	assert_int_equal(s->poll.max, 36 * BASE_HOUR);
	assert_int_equal(s->poll.concurrency, 7);
	assert_int_equal(s->poll.per_host, 2);
	assert_int_equal(s->poll.pollers, 3);
	assert_int_equal(s->fetch.timeout, 90 * BASE_SECOND);
	assert_int_equal(s->fetch.max_size, 512 << 10);
	assert_int_equal(s->fetch.allow_count, 4);
	static const struct conf_address_range ranges[] = {
	    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 0}, 104},
	    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}, 128},
	    {{0xfd}, 8},
	    {{[15] = 1}, 128},
	};
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(s->fetch.allow_addresses[i].address, ranges[i].address, 16);
		assert_int_equal(s->fetch.allow_addresses[i].prefix_len, ranges[i].prefix_len);
	}
	assert_int_equal(s->alerts.max_age, BASE_HOUR);
	assert_int_equal(s->alerts.story_window, 2 * BASE_HOUR);
	assert_int_equal(s->alerts.keep, 3 * BASE_DAY);
	assert_int_equal(s->zeromq.publish_count, 2);
	assert_string_equal(s->zeromq.publish[1], "tcp://*:5556");
	assert_string_equal(s->zeromq.replay[0], "tcp://[::1]:5557");
	assert_string_equal(s->zeromq.curve_server_key, key);
	assert_string_equal(s->zeromq.curve_clients, "/etc/keys");
	assert_int_equal(s->syslog.facility, LOG_LOCAL3);
	assert_int_equal(s->syslog.level, BASE_DEBUG);
	assert_null(s->http);
	assert_string_equal(s->cluster.node, "a.b-c_1");
	assert_int_equal(s->cluster.lease, BASE_MINUTE);
	conf_free(conf);
}

static void what_is_left_empty_keeps_its_default(void **state)
{
	struct conf *conf = folder_good(*state, "feeds:\nfeed_files:\nrules:\npoll:\nfetch: {allow_addresses: }\n"
	                                        "zeromq: {curve: {server_key: , clients: ''}}\ncluster: {node: ~}\n");
	assert_int_equal(conf_settings(conf)->poll.min, 5 * BASE_MINUTE);
	assert_null(conf_settings(conf)->zeromq.curve_clients);
	assert_true(*conf_settings(conf)->cluster.node);
	conf_free(conf);
}

static void mistakes_are_said_together_in_order(void **state)
{
	const char *const want[] = {
	    ("2: http: '127.0.0.1:99999' must be address:port with an IP address and a port from 1 to 65535, such as 127.0.0.1:9475, "
	     "or off"),
	    "4: poll.min: 'soon' is not a duration such as 90s, 5m, 6h or 2d",
	    "6: unknown key 'max_aeg' in alerts; did you mean 'max_age'?",
	    "8: the key 'rules' is already in line 1",
	};
	folder_bad(*state, "rules: []\n"
	                   "http: 127.0.0.1:99999\n"
	                   "poll:\n"
	                   "  min: soon\n"
	                   "alerts:\n"
	                   "  max_aeg: 48h\n"
	                   "feeds: []\n"
	                   "rules: []\n",
	           4, want);
}

static void http_may_be_a_socket_of_the_file_system(void **state)
{
	struct conf *conf = folder_good(*state, "feeds: []\nhttp: unix:/run/wirewatch/http.sock\n");
	char longest[160] = "feeds: []\nhttp: unix:/";
	assert_string_equal(conf_settings(conf)->http, "unix:/run/wirewatch/http.sock");
	conf_free(conf);
	static const char reason[] = "must be unix: and the absolute path of a socket, at most 107 bytes";
	char want[400];
	(void)snprintf(want, sizeof want, "2: http: 'unix:http.sock' %s", reason);
	folder_bad_one(*state, "feeds: []\nhttp: unix:http.sock\n", want);
	(void)snprintf(want, sizeof want, "2: http: 'unix:' %s", reason);
	folder_bad_one(*state, "feeds: []\nhttp: 'unix:'\n", want);
	size_t start = strlen(longest), rest = 107 - 1; /* the slash is one */
	memset(longest + start, 'a', rest);
	conf_free(folder_good(*state, longest));
	longest[start + rest] = 'a';
	(void)snprintf(want, sizeof want, "2: http: '%.100s' %s", longest + strlen("feeds: []\nhttp: "), reason);
	folder_bad_one(*state, longest, want);
}

static void unknown_keys_get_a_suggestion(void **state)
{
	folder_bad_one(*state, "fedes: []\n", "1: unknown key 'fedes'; did you mean 'feeds'?");
	folder_bad_one(*state, "Poll: {min: 1m}\n", "1: unknown key 'Poll'; did you mean 'poll'?");
	folder_bad_one(*state, "poll: {concurency: 3}\n", "1: unknown key 'concurency' in poll; did you mean 'concurrency'?");
	folder_bad_one(*state, "zeromq: {curve: {key: x}}\n", "1: unknown key 'key' in zeromq.curve");
	folder_bad_one(*state, "completely: {other: things}\n", "1: unknown key 'completely'");
	folder_bad_one(*state, "poll.min: 5m\n", "1: unknown key 'poll.min'; write it as poll: {min: ...}");
	folder_bad_one(*state, "\"feeds[]\": {url: x}\n", "1: unknown key 'feeds[]'; did you mean 'feeds'?");
	folder_bad_one(*state, "feeds:\n  - url: http://a.b/\n    intervall: 5m\n",
	               "3: unknown key 'intervall' in feeds; did you mean 'interval'?");
	folder_bad_one(*state, "'': 1\n", "1: unknown key ''");
	folder_bad_one(*state, "<<: {a: 1}\n", "1: unknown key '<<'");
}

static void the_line_is_that_of_the_value(void **state)
{
	folder_bad_one(*state, "http:\n\n  nowhere\n",
	               "3: http: 'nowhere' must be address:port with an IP address and a port from 1 to 65535, such as "
	               "127.0.0.1:9475, or off");
	folder_bad_one(*state, "fetch:\n  allow_addresses:\n    - 10.0.0.0/8\n    - ten\n",
	               "4: fetch.allow_addresses: 'ten' is no address range such as 10.0.0.0/8 or fd00::/8");
}

static void wrong_types_are_refused(void **state)
{
	folder_bad_one(*state, "[a, b]\n", "1: the configuration must be a map of settings");
	folder_bad_one(*state, "just text\n", "1: the configuration must be a map of settings");
	folder_bad_one(*state, "poll: 5m\n", "1: poll must be a map of settings");
	folder_bad_one(*state, "poll: {min: [5m]}\n", "1: poll.min must be a single value, not a list");
	folder_bad_one(*state, "http: {port: 1}\n", "1: http must be a single value, not a map");
	folder_bad_one(*state, "zeromq: {publish: {a: b}}\n", "1: zeromq.publish must be a single value or a list, not a map");
	folder_bad_one(*state, "zeromq: {publish: []}\n", "1: zeromq.publish needs at least one endpoint");
	folder_bad_one(*state, "fetch: {allow_addresses: 10.0.0.0/8}\n",
	               "1: fetch.allow_addresses must be a list such as [10.0.0.0/8], not a single value");
	folder_bad_one(*state, "poll: {concurrency: '5'}\n", "1: poll.concurrency: '5' is not a whole number");
	folder_bad_one(*state, "poll: {concurrency: -5}\n", "1: poll.concurrency: '-5' is not a whole number");
	folder_bad_one(*state, "poll: {concurrency: 1e3}\n", "1: poll.concurrency: '1e3' is not a whole number");
	folder_bad_one(*state, "poll: {min: 300}\n", "1: poll.min: '300' is not a duration such as 90s, 5m, 6h or 2d");
	folder_bad_one(*state, "fetch: {max_size: 16MB}\n", "1: fetch.max_size: '16MB' is not a size such as 512KiB or 16MiB");
	folder_bad_one(*state, "ledger:\n", "1: ledger needs a value");
	folder_bad_one(*state, "feeds: http://a.b/\n", "1: feeds must be a list of URLs or maps");
	folder_bad_one(*state, "rules: rules.yaml\n", "1: rules must be a list such as [name, folder/*.ext]");
}

static void bounds_hold_at_both_ends(void **state)
{
	static const struct {
		const char *good, *bad, *want;
	} cases[] = {
	    {"poll: {concurrency: 10000}", "poll: {concurrency: 10001}", "1: poll.concurrency: 10001 is not within 1 to 10000"},
	    {"poll: {per_host: 1}", "poll: {per_host: 0}", "1: poll.per_host: 0 is not within 1 to 100"},
	    {"poll: {max: 7d}", "poll: {max: 169h}", "1: poll.max: 169h is not within 1s to 7d"},
	    {"fetch: {max_size: 1024}", "fetch: {max_size: 1023}", "1: fetch.max_size: 1023 is not within 1KiB to 256MiB"},
	    {"fetch: {max_size: 256MiB}", "fetch: {max_size: 1GiB}", "1: fetch.max_size: 1GiB is not within 1KiB to 256MiB"},
	    {"fetch: {timeout: 10m}", "fetch: {timeout: 601s}", "1: fetch.timeout: 601s is not within 1s to 10m"},
	    {"cluster: {lease: 5s}", "cluster: {lease: 4s}", "1: cluster.lease: 4s is not within 5s to 1h"},
	    {"syslog: {level: error}", "syslog: {level: loud}",
	     "1: syslog.level: 'loud' is not one of debug, info, notice, warning, error"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		conf_free(folder_good(*state, cases[i].good));
		folder_bad_one(*state, cases[i].bad, cases[i].want);
	}
	size_t count;
	const struct conf_setting_info *infos = conf_setting_infos(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(infos[i].type, "word") != 0)
			continue;
		for (const char *word = infos[i].bounds; *word; word += strspn(word, ", ")) {
			char text[128]; /* every word the manual names is taken */
			int dot = (int)strcspn(infos[i].key, "."), len = (int)strcspn(word, ",");
			(void)snprintf(text, sizeof text, "%.*s: {%s: %.*s}\n", dot, infos[i].key, infos[i].key + dot + 1, len, word);
			conf_free(folder_good(*state, text));
			word += len;
		}
	}
}

static void settings_must_fit_each_other(void **state)
{
	folder_bad_one(*state, "poll:\n  min: 10m\n  max: 5m\n", "3: poll.max: 5m is shorter than poll.min, 10m");
	folder_bad_one(*state, "poll:\n  max: 1m\n", "2: poll.max: 1m is shorter than poll.min, 5m");
	folder_bad_one(*state, "poll:\n  min: 7h\n", "2: poll.min: 7h is longer than poll.max, 6h");
	folder_bad_one(*state, "zeromq: {curve: {server_key: k}}\n",
	               "1: zeromq.curve.server_key needs zeromq.curve.clients, the folder with the keys of those who may subscribe");
	folder_bad_one(*state, "zeromq: {curve: {clients: k}}\n",
	               "1: zeromq.curve.clients needs zeromq.curve.server_key, the daemon's own key");
	folder_bad_one(*state, "zeromq:\n  publish: ipc:///tmp/a\n  replay: ipc:///tmp/a\n",
	               "3: zeromq.replay: 'ipc:///tmp/a' is already in line 2");
}

static void an_open_endpoint_needs_curve(void **state)
{
	static const char *const remote[] = {"tcp://*:5556",         "tcp://0.0.0.0:5556",     "tcp://192.0.2.1:5556",
	                                     "tcp://eth0:5556",      "tcp://[::]:5556",        "tcp://[2001:db8::1]:5556",
	                                     "tcp://[::ffff:192.0.2.1]:5556"};
	static const char *const local[] = {"tcp://127.0.0.1:5556", "tcp://127.9.9.9:1", "tcp://[::1]:65535", "tcp://lo:5556",
	                                    "ipc:///tmp/a", "ipc://relative", "ipc://@abstract"};
	char text[256], want[256];
	for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
		(void)snprintf(text, sizeof text, "zeromq:\n  publish:\n    - ipc:///tmp/x\n    - '%s'\n", remote[i]);
		(void)snprintf(want, sizeof want,
		               "4: zeromq.publish: '%s' can be reached from other machines and needs zeromq.curve: "
		               "{server_key, clients}",
		               remote[i]);
		folder_bad_one(*state, text, want);
		(void)snprintf(text, sizeof text, "zeromq: {publish: '%s', curve: {server_key: k, clients: d}}\n", remote[i]);
		conf_free(folder_good(*state, text));
	}
	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
		(void)snprintf(text, sizeof text, "zeromq: {publish: '%s'}\n", local[i]);
		conf_free(folder_good(*state, text));
	}
}

static void bad_endpoints_and_addresses_are_refused(void **state)
{
	static const char *const endpoints[] = {"http://a", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://127.0.0.1:0",
	                                        "tcp://127.0.0.1:65536", "tcp://localhost:1", "tcp://::1:5", "tcp://[127.0.0.1]:5",
	                                        "tcp://:5", "ipc://", "inproc://x", "/run/x", "tcp://a-very-long-interface:5",
	                                        "tcp://127.0.0.1:5556;tcp://127.0.0.1:5557", "tcp://[::1:5"};
	static const char *const addresses[] = {"9475", ":9475", "localhost:9475", "::1:9475", "127.0.0.1", "[::1]", "on", "1.2.3:5"};
	static const char *const ranges[] = {"10.0.0.0/33", "::/129", "10/8", "/8", "10.0.0.0/", "10.0.0.0/-1", "a.b.c.d", "''"};
	char text[256];
	struct conf *conf = NULL;
	for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
		(void)snprintf(text, sizeof text, "zeromq: {replay: '%s'}\n", endpoints[i]);
		assert_int_equal(folder_load(*state, text, &conf), BASE_SYNTAX);
	}
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		(void)snprintf(text, sizeof text, "http: '%s'\n", addresses[i]);
		assert_int_equal(folder_load(*state, text, &conf), BASE_SYNTAX);
	}
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		(void)snprintf(text, sizeof text, "fetch: {allow_addresses: [%s]}\n", ranges[i]);
		assert_int_equal(folder_load(*state, text, &conf), BASE_SYNTAX);
	}
	folder_bad_one(*state, "ledger: host=db.example password=secret\n",
	               "1: ledger: the value must be sqlite:///path or postgresql://...");
	folder_bad_one(*state, "ledger: mysql://wirewatch:secret@db.example/x\n",
	               "1: ledger: 'mysql://db.example/x' must be sqlite:///path or postgresql://...");
	folder_bad_one(*state, "ledger: ledger.db\n", "1: ledger: 'ledger.db' must be sqlite:///path or postgresql://...");
	folder_bad_one(*state, "ledger: sqlite://ledger.db\n",
	               "1: ledger: 'sqlite://ledger.db' must be sqlite:///path or postgresql://...");
	folder_bad_one(*state, "cluster: {node: 'a b'}\n",
	               "1: cluster.node: 'a b' must be at most 64 letters, digits, '.', '-' and '_'");
	folder_bad_one(*state, "cluster: {node: \"a\\e[31m\"}\n",
	               "1: cluster.node: 'a\\u001B[31m' must be at most 64 letters, digits, '.', '-' and '_'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_file_gives_the_defaults),
	    TEST(every_setting_is_read),
	    TEST(what_is_left_empty_keeps_its_default),
	    TEST(mistakes_are_said_together_in_order),
	    TEST(http_may_be_a_socket_of_the_file_system),
	    TEST(unknown_keys_get_a_suggestion),
	    TEST(the_line_is_that_of_the_value),
	    TEST(wrong_types_are_refused),
	    TEST(bounds_hold_at_both_ends),
	    TEST(settings_must_fit_each_other),
	    TEST(an_open_endpoint_needs_curve),
	    TEST(bad_endpoints_and_addresses_are_refused),
	};
	return cmocka_run_group_tests_name("conf/settings", tests, NULL, NULL);
}
