/* The file of alerts: whole lines, a new file after a rotation, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_ledger.h"
#include "wirewatch/publish.h"

#define TIME "2026-01-02T03:04:05Z"

struct room {
	char folder[32], path[64], aside[64];
	struct ledger *ledger;
	struct base_clock *clock;
	struct base_log *log;
	char said[4096];
};

static void note_line(void *ctx, enum base_level level, const char *line, size_t len)
{
	struct room *room = ctx;
	size_t used = strlen(room->said);

	(void)level;
	snprintf(room->said + used, sizeof room->said - used, "%.*s\n", (int)len, line);
}

static int set_up(void **state)
{
	struct room *room = calloc(1, sizeof *room);

	assert_non_null(room);
	snprintf(room->folder, sizeof room->folder, "/tmp/wirewatch-XXXXXX");
	assert_non_null(mkdtemp(room->folder));
	snprintf(room->path, sizeof room->path, "%s/alerts.jsonl", room->folder);
	snprintf(room->aside, sizeof room->aside, "%s/alerts.jsonl.1", room->folder);
	room->ledger = fake_ledger_new(7);
	assert_int_equal(base_clock_new_simulated(BASE_DAY, &room->clock), BASE_OK);
	assert_int_equal(base_log_new(BASE_DEBUG, note_line, room, &room->log), BASE_OK);
	*state = room;
	return 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;

	unlink(room->path);
	unlink(room->aside);
	rmdir(room->folder);
	fake_ledger_free(room->ledger);
	base_clock_free(room->clock);
	base_log_free(room->log);
	free(room);
	return 0;
}

static struct publish_file *open_file(const struct room *room)
{
	struct publish_file_options options = {
	    .path = room->path, .ledger = room->ledger, .clock = room->clock, .log = room->log};
	struct publish_file *file;
	struct base_error err;

	if (publish_file_new(&options, &file, &err))
		fail_msg("%s", err.text);
	return file;
}

static void add(const struct room *room, struct publish_file *file)
{
	publish_file_alert(file, fake_ledger_add(room->ledger, "pause", "first", TIME));
}

/* Each line is one alert; they are numbered from first on without a gap. Returns how many there are. */
static uint64_t check_lines(const char *path, uint64_t first)
{
	struct base_error err;
	char *bytes, *line, *rest;
	size_t len;
	uint64_t count = 0;

	assert_int_equal(base_read_file(path, 1 << 22, &bytes, &len, &err), BASE_OK);
	assert_true(len == 0 || bytes[len - 1] == '\n');
	for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *event = json_loads(line, 0, NULL);

		assert_non_null(event);
		assert_int_equal(strtoull(json_string_value(json_object_get(event, "sequence")), NULL, 10), first + count);
		json_decref(event);
		count++;
	}
	free(bytes);
	return count;
}

static void limit_size(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_lines(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);
	struct stat about;

	for (int i = 0; i < 3; i++)
		add(room, file);
	assert_int_equal(publish_file_serve(file), BASE_TIME_NONE);
	assert_int_equal(check_lines(room->path, 1), 3);
	assert_int_equal(stat(room->path, &about), 0);
	assert_int_equal(about.st_mode & 07137, 0); /* 0640 at most, whatever the umask */
	publish_file_free(file);
	file = open_file(room); /* it goes on where it ended */
	add(room, file);
	assert_int_equal(check_lines(room->path, 1), 4);
	publish_file_free(file);
	assert_string_equal(room->said, "");
}

static void test_reopen(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);

	add(room, file);
	assert_int_equal(rename(room->path, room->aside), 0);
	add(room, file); /* not told yet: still the old one */
	publish_file_reopen(file);
	add(room, file);
	assert_int_equal(check_lines(room->aside, 1), 2);
	assert_int_equal(check_lines(room->path, 3), 1);
	/* Where the new one cannot be opened, the old one is used until it can. */
	unlink(room->aside);
	assert_int_equal(rename(room->path, room->aside), 0);
	assert_int_equal(mkdir(room->path, 0700), 0);
	publish_file_reopen(file);
	assert_non_null(strstr(room->said, "alerts.jsonl: Is a directory"));
	add(room, file);
	assert_int_equal(check_lines(room->aside, 3), 2);
	assert_int_equal(rmdir(room->path), 0);
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	assert_int_equal(publish_file_serve(file), BASE_TIME_NONE);
	assert_non_null(strstr(room->said, "could be opened again"));
	add(room, file);
	assert_int_equal(check_lines(room->path, 5), 1);
	publish_file_free(file);
}

/* A limit on the size of files stands for a full disk: the line that crosses it is cut short. */
static void test_full(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);
	const char *said;

	limit_size(2000);
	for (int i = 0; i < 10; i++)
		add(room, file);
	assert_true(check_lines(room->path, 1) < 3);
	assert_true(publish_file_missing(file) >= 8);
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	assert_int_equal(publish_file_serve(file), BASE_SECOND); /* it is tried again, not spun on */
	assert_true(check_lines(room->path, 1) < 3);
	limit_size(RLIM_INFINITY);
	fake_ledger_fail(room->ledger, BASE_BUSY); /* it may be in trouble, too */
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	assert_int_equal(publish_file_serve(file), BASE_SECOND);
	fake_ledger_fail(room->ledger, BASE_OK);
	add(room, file);
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	assert_int_equal(publish_file_serve(file), BASE_TIME_NONE);
	assert_int_equal(check_lines(room->path, 1), 11);
	assert_int_equal(publish_file_missing(file), 0);
	said = strstr(room->said, "cannot be written");
	assert_non_null(said);
	assert_non_null(strstr(said, "has everything again after 6 s"));
	add(room, file);
	assert_int_equal(check_lines(room->path, 1), 12);
	publish_file_free(file);
}

/* What other nodes stored is written when it leaves here, not also when the file catches up. */
static void test_others(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);
	const struct ledger_message *message;

	limit_size(0);
	add(room, file);
	limit_size(RLIM_INFINITY);
	fake_ledger_add_elsewhere(room->ledger, "pause", "first", TIME);
	fake_ledger_add_elsewhere(room->ledger, "pause", "first", TIME);
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	assert_int_equal(publish_file_serve(file), BASE_TIME_NONE);
	assert_int_equal(check_lines(room->path, 1), 1);
	while ((message = fake_ledger_follow(room->ledger)) != NULL)
		publish_file_alert(file, message);
	assert_int_equal(check_lines(room->path, 1), 3);
	assert_null(strstr(room->said, "in the ledger no more"));
	publish_file_free(file);
}

/* Many are missing: they come in pieces, and what the ledger has dropped is told. */
static void test_many(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);
	unsigned turns = 0;

	limit_size(0);
	for (int i = 0; i < 1000; i++)
		add(room, file);
	assert_int_equal(publish_file_missing(file), 1000);
	limit_size(RLIM_INFINITY);
	fake_ledger_forget(room->ledger, 10);
	base_clock_advance(room->clock, 2 * BASE_SECOND);
	while (publish_file_serve(file) != BASE_TIME_NONE)
		assert_true(++turns < 10);
	assert_true(turns > 1);
	assert_int_equal(check_lines(room->path, 11), 990);
	assert_non_null(strstr(room->said, "10 alerts are in the ledger no more"));
	publish_file_free(file);
}

/* A line that a crash of the machine cut short is not joined with the next. */
static void test_torn(void **state)
{
	struct room *room = *state;
	int fd = open(room->path, O_WRONLY | O_CREAT, 0600);
	struct publish_file *file;
	struct base_error err;
	char *bytes;
	size_t len;

	assert_int_equal(write(fd, "{\"half", 6), 6);
	close(fd);
	file = open_file(room);
	add(room, file);
	assert_int_equal(base_read_file(room->path, 1 << 20, &bytes, &len, &err), BASE_OK);
	assert_memory_equal(bytes, "{\"half\n{\"specversion\"", 21);
	free(bytes);
	publish_file_free(file);
}

/* What breaks lines or turns the reading direction is written as JSON's escapes. */
static void test_escapes(void **state)
{
	struct room *room = *state;
	struct publish_file *file = open_file(room);
	static const char json[] = "{\"t\":\"\xE2\x80\xA8\xE2\x80\xAE\x7F\xC2\x85\xF3\xA0\x80\x81\\n\xC3\xA9\"}";
	struct ledger_message message = {.sequence = 1, .json = {json, sizeof json - 1}};
	struct base_error err;
	char *bytes;
	size_t len;

	publish_file_alert(file, &message);
	assert_int_equal(base_read_file(room->path, 1 << 20, &bytes, &len, &err), BASE_OK);
	assert_string_equal(bytes, "{\"t\":\"\\u2028\\u202E\\u007F\\u0085\\uDB40\\uDC01\\n\xC3\xA9\"}\n");
	json_t *before = json_loads(json, 0, NULL), *after = json_loads(bytes, 0, NULL);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	free(bytes);
	publish_file_free(file);
}

static void test_refused(void **state)
{
	struct room *room = *state;
	struct publish_file_options options = {
	    .path = room->path, .ledger = room->ledger, .clock = room->clock, .log = room->log};
	struct publish_file *file;
	struct base_error err;

	assert_int_equal(mkfifo(room->path, 0600), 0);
	assert_int_equal(publish_file_new(&options, &file, &err), BASE_INVALID);
	assert_non_null(strstr(err.text, "is no plain file"));
	options.path = "/nowhere/at/all";
	assert_int_equal(publish_file_new(&options, &file, &err), BASE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_reopen, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_escapes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
