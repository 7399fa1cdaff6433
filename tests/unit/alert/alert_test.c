/* The room alert: frames, JSON and the log line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"

static const struct sample full = {
	.class = MATCH_PAUSE,
	.feed = "https://feeds.example/a.xml",
	.item = "urn:x:1",
	.title = "Shipment of 18 HIMARS halted",
	.text = "The shipment was halted.",
	.link = "https://example.org/1?a=1&b=\"",
	.systems = {"HIMARS", "Patriot"},
	.actors = {"United States", "Ukraine"},
	.supplier = "United States",
	.recipient = "Ukraine",
	.money = {250000000, "USD"},
	.quantity = 18,
	.revision_of = "77-3",
};

static struct alert *placed(const struct sample *sample)
{
	struct alert_stories *stories;
	struct alert *alert = sample_alert(sample);
	assert_int_equal(alert_stories_new(72 * BASE_HOUR, &stories), BASE_OK);
	assert_int_equal(alert_stories_place(stories, alert), BASE_OK);
	alert_stories_free(stories);
	return alert;
}

static void frames_are_as_the_protocol_says(void **state)
{
	(void)state;
	struct alert *alert = placed(&full);
	char topic[ALERT_TOPIC_MAX], id[ALERT_ID_MAX];
	uint8_t header[ALERT_HEADER_LEN];
	static const uint8_t want[ALERT_HEADER_LEN] = {0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
	                                               0, 0,    0x04, 0xa3, 0,    0,    0,    0,    0, 0, 0, 2};
	alert_topic(alert, topic);
	assert_string_equal(topic, "ww1/alert/pause/first/");
	alert_header(((uint64_t)1 << 53) - 1, 1187, 2, header);
	assert_memory_equal(header, want, sizeof want);
	alert_id(((uint64_t)1 << 53) - 1, UINT64_MAX, id);
	assert_string_equal(id, "9007199254740991-18446744073709551615");
	alert_free(alert);
}

static void json_is_a_cloud_event_in_order(void **state)
{
	(void)state;
	struct alert *alert = placed(&full);
	struct base_buf json;
	base_buf_init(&json, 1 << 20);
	assert_int_equal(alert_json(alert, "node1", 77, 1187, SAMPLE_NOW, &json), BASE_OK);
	char *story = strstr(json.data, "\"story\":\"");
	assert_non_null(story);
	memset(story + 9, 'S', 16);
	assert_string_equal(
		json.data,
		"{\"specversion\":\"1.0\",\"id\":\"77-1187\",\"source\":\"urn:wirewatch:node1\","
		"\"type\":\"wirewatch.alert.v1\","
		"\"subject\":\"https://example.org/1?a=1&b=\\\"\",\"time\":\"2027-01-15T08:00:00.000000Z\","
		"\"datacontenttype\":\"application/json\",\"sequence\":\"00000000000000001187\",\"sequencetype\":\"Ordered\","
		"\"data\":{\"class\":\"pause\",\"cameo\":\"1622\",\"report\":\"first\",\"story\":\"SSSSSSSSSSSSSSSS\","
		"\"title\":\"Shipment of 18 HIMARS halted\",\"link\":\"https://example.org/1?a=1&b=\\\"\","
		"\"published\":\"2027-01-15T07:00:00Z\",\"updated\":null,\"detected\":\"2027-01-15T08:00:00.000000Z\","
		"\"language\":\"en\",\"feed\":{\"url\":\"https://feeds.example/a.xml\","
		"\"name\":\"https://feeds.example/a.xml\"},"
		"\"item\":\"urn:x:1\",\"rule\":\"sample rule\",\"systems\":[\"HIMARS\",\"Patriot\"],"
		"\"actors\":[\"United States\",\"Ukraine\"],\"supplier\":[\"United States\"],\"recipient\":[\"Ukraine\"],"
		"\"quantities\":[{\"count\":18,\"of\":\"HIMARS\"}],\"money\":[{\"amount\":250000000,\"currency\":\"USD\"}],"
		"\"outlets\":1,\"evidence\":[{\"text\":\"The shipment was halted.\",\"marks\":[[0,3]]}],"
		"\"revision_of\":\"77-3\"}}");
	base_buf_free(&json);
	alert_free(alert);
}

static void json_says_null_and_empty_for_what_is_missing(void **state)
{
	(void)state;
	struct alert *alert = placed(&(struct sample){.class = MATCH_SALE});
	struct base_buf json;
	base_buf_init(&json, 1 << 20);
	assert_int_equal(alert_json(alert, "n", 1, 2, SAMPLE_NOW, &json), BASE_OK);
	assert_non_null(strstr(json.data, "\"subject\":null"));
	assert_non_null(strstr(json.data, "\"title\":null,\"link\":null"));
	assert_non_null(strstr(json.data, "\"systems\":[],\"actors\":[],\"supplier\":[],\"recipient\":[],\"quantities\":[],"
	                                  "\"money\":[]"));
	assert_non_null(strstr(json.data, "\"revision_of\":null"));
	base_buf_free(&json);
	alert_free(alert);
}

static void what_is_not_placed_cannot_go_out(void **state)
{
	(void)state;
	struct alert *alert = sample_alert(&full);
	struct base_buf out;
	base_buf_init(&out, 1 << 20);
	assert_int_equal(alert_json(alert, "n", 1, 2, SAMPLE_NOW, &out), BASE_INVALID);
	assert_int_equal(alert_log_line(alert, 1, &out), BASE_INVALID);
	assert_int_equal(alert_story_sketch(alert, &out), BASE_INVALID);
	assert_int_equal(out.len, 0);
	base_buf_free(&out);
	alert_free(alert);
}

static void an_overlong_id_is_named_by_its_key(void **state)
{
	(void)state;
	char item[5000];
	memset(item, 'i', sizeof item - 1);
	item[sizeof item - 1] = '\0';
	struct alert *alert = placed(&(struct sample){.item = item});
	assert_int_equal(strlen(alert_item(alert)), strlen("urn:wirewatch:") + 32);
	alert_free(alert);
}

/* ---- the log line ---------------------------------------------------------------- */

/* Both ways to the line must agree; the caller frees the line. */
static char *line_of(const struct sample *sample)
{
	struct alert *alert = placed(sample);
	struct base_buf json, line, again;
	base_buf_init(&json, 1 << 20);
	base_buf_init(&line, 1 << 20);
	base_buf_init(&again, 1 << 20);
	assert_int_equal(alert_log_line(alert, 1187, &line), BASE_OK);
	assert_int_equal(alert_json(alert, "n", 1, 1187, SAMPLE_NOW, &json), BASE_OK);
	assert_int_equal(alert_log_line_of_json(base_buf_span(&json), &again), BASE_OK);
	assert_string_equal(line.data, again.data);
	assert_true(line.len <= 2048);
	base_buf_free(&json);
	base_buf_free(&again);
	alert_free(alert);
	size_t len;
	return base_buf_take(&line, &len);
}

static void line_has_fixed_tokens_first(void **state)
{
	(void)state;
	char *line = line_of(&full);
	char *story = strstr(line, " story=");
	assert_non_null(story);
	memset(story + 7, 'S', 16);
	assert_string_equal(
		line, "alert class=pause report=first seq=1187 story=SSSSSSSSSSSSSSSS feed=\"https://feeds.example/a.xml\""
			  " lang=en systems=\"HIMARS,Patriot\" actors=\"United States,Ukraine\""
			  " link=\"https://example.org/1?a=1&b=\\\"\" title=\"Shipment of 18 HIMARS halted\"");
	free(line);
}

static void line_escapes_every_foreign_byte(void **state)
{
	(void)state;
	char *line = line_of(&(struct sample){.title = "a\nb\" c=\"\xe2\x80\xae\x1b[31m\\",
	                                      .link = "x\r\n",
	                                      .systems = {"S\n\""},
	                                      .feed = "f\"\n",
	                                      .language = ""});
	assert_non_null(strstr(line, "title=\"a\\nb\\\" c=\\\"\\u202E\\u001B[31m\\\\\""));
	assert_non_null(strstr(line, "link=\"x\\r\\n\""));
	assert_non_null(strstr(line, "systems=\"S\\n\\\"\""));
	assert_non_null(strstr(line, "feed=\"f\\\"\\n\" lang=und "));
	assert_null(strchr(line, '\n'));
	free(line);
}

/* True when text is a whole sequence of escapes and characters, closed by one quote. */
static bool is_closed(const char *title)
{
	const char *at = title;
	while (*at && *at != '"')
		at += *at == '\\' ? (at[1] == 'u' ? 6 : 2) : 1;
	return at[0] == '"' && at[1] == '\0';
}

static void line_is_cut_between_escapes(void **state)
{
	(void)state;
	char title[4000], link[4000], name[500];
	memset(link, 'l', sizeof link - 1);
	link[sizeof link - 1] = '\0';
	memset(name, '"', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (size_t shift = 0; shift < 8; shift++) {
		memset(title, 't', shift);
		memset(title + shift, '\x01', sizeof title - 1 - shift);
		title[sizeof title - 1] = '\0';
		char *line = line_of(&(struct sample){.title = title, .link = link, .systems = {name, "Short"}, .feed = name});
		char *at = strstr(line, " title=\"");
		assert_non_null(at);
		assert_true(is_closed(at + 8));
		assert_string_equal(line + strlen(line) - 4, "...\"");
		assert_true(strlen(line) > 2030);
		assert_non_null(strstr(line, "systems=\"Short\"")); /* the overlong name is left out whole */
		assert_non_null(strstr(line, "lll...\" title="));   /* and the link says that it was cut */
		free(line);
	}
}

static void line_of_json_refuses_what_is_no_alert(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
	                                  "{",
	                                  "[]",
	                                  "{}",
	                                  "{\"data\":1}",
	                                  "{\"data\":{}}",
	                                  "{\"sequence\":\"x\",\"data\":{}}",
	                                  "{\"sequence\":\"99999999999999999999\",\"data\":{}}"};
	struct base_buf line;
	base_buf_init(&line, 4096);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(alert_log_line_of_json(base_span_of(bad[i]), &line), BASE_SYNTAX);
	assert_int_equal(alert_log_line_of_json(base_span_of("{\"sequence\":\"07\",\"data\":{\"class\":\"a b\"}}"), &line),
	                 BASE_OK);
	assert_string_equal(
		line.data,
		"alert class=- report=- seq=7 story=- feed=\"\" lang=und systems=\"\" actors=\"\" link=\"\" title=\"\"");
	base_buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_as_the_protocol_says),
		cmocka_unit_test(json_is_a_cloud_event_in_order),
		cmocka_unit_test(json_says_null_and_empty_for_what_is_missing),
		cmocka_unit_test(what_is_not_placed_cannot_go_out),
		cmocka_unit_test(an_overlong_id_is_named_by_its_key),
		cmocka_unit_test(line_has_fixed_tokens_first),
		cmocka_unit_test(line_escapes_every_foreign_byte),
		cmocka_unit_test(line_is_cut_between_escapes),
		cmocka_unit_test(line_of_json_refuses_what_is_no_alert),
	};
	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
