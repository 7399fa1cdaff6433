/* The room ledger over the years: retention, opening, damage, backups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../alert/sample.h"
#include "config.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- retention --------------------------------------------------------------------------------- */

static void prune_all(struct house *house, base_time now)
{
	bool more = true;
	for (int i = 0; more; i++) {
		assert_true(i < 100);
		assert_int_equal(ledger_prune(house->ledger, now, &more), BASE_OK);
	}
}

/* As a daemon does that goes on for days. */
static void prune_daily(struct house *house, base_time from, int days)
{
	for (int day = 0; day <= days; day++)
		prune_all(house, from + day * BASE_DAY);
}

static void old_alerts_go_and_sequences_do_not_return(void **state)
{
	struct house *house = *state;
	for (int i = 0; i < 3; i++) {
		const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
		assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW + i * BASE_DAY), BASE_OK);
	}
	prune_all(house, NOW + 200 * BASE_DAY);
	assert_int_equal(ledger_oldest(house->ledger), 1); /* not yet published: they stay */
	assert_int_equal(ledger_published(house->ledger, 3), BASE_OK);
	prune_all(house, NOW + 91 * BASE_DAY);
	assert_int_equal(ledger_oldest(house->ledger), 2);
	prune_all(house, NOW + 200 * BASE_DAY);
	assert_int_equal(ledger_oldest(house->ledger), 0);
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_sequence(house->ledger), 3);
	const struct house_item item = {.id = "z", .class = MATCH_PAUSE};
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	assert_int_equal(house->messages[0].sequence, 4);
	assert_int_equal(house->messages[0].previous, 3); /* the topic's last, though it is gone */
}

static void entries_stay_while_they_appear(void **state)
{
	struct house *house = *state;
	const struct house_item items[] = {{.id = "stays", .class = HOUSE_QUIET}, {.id = "leaves", .class = HOUSE_QUIET}};
	const struct ledger_batch not_modified = {.feed = {.url = HOUSE_FEED}, .now = NOW + 300 * BASE_DAY};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 2, NOW), BASE_OK);
	/* 300 days of "not modified": both still appear. */
	assert_int_equal(ledger_commit(house->ledger, &not_modified, 1, NULL, NULL, &house->err), BASE_OK);
	prune_all(house, NOW + 300 * BASE_DAY);
	assert_int_equal(house_look_up(house, HOUSE_FEED, items, 2, 1).state, LEDGER_SEEN);
	/* Then a document without the second one, and again 91 days later. */
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1, NOW + 300 * BASE_DAY), BASE_OK);
	prune_all(house, NOW + 300 * BASE_DAY);
	assert_int_equal(house_look_up(house, HOUSE_FEED, items, 2, 0).state, LEDGER_SEEN);
	assert_int_equal(house_look_up(house, HOUSE_FEED, items, 2, 1).state, LEDGER_NEW);
}

static void a_feed_no_longer_polled_is_forgotten(void **state)
{
	struct house *house = *state;
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	struct ledger_feed feed;
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	assert_int_equal(house_commit(house, "https://other.example/", &item, 1, NOW + 80 * BASE_DAY), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, 2), BASE_OK);
	prune_daily(house, NOW + 91 * BASE_DAY, 1);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_NOT_FOUND);
	assert_int_equal(ledger_feed_get(house->ledger, "https://other.example/", &feed), BASE_OK);
	assert_int_equal(house_look_up(house, "https://other.example/", &item, 1, 0).state, LEDGER_SEEN);
}

/* Stopped for 100 days, or the clock is suddenly 100 days ahead, or behind: nobody could have polled it. */
static void a_rest_of_our_own_abandons_no_feed(void **state)
{
	struct house *house = *state;
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	struct ledger_feed feed;
	base_time now = NOW + 100 * BASE_DAY;
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, 1), BASE_OK);
	house_close(house);
	assert_int_equal(house_open(house), BASE_OK);
	prune_all(house, now + BASE_MINUTE);
	prune_all(house, now + 23 * BASE_HOUR);
	assert_int_equal(house_look_up(house, HOUSE_FEED, &item, 1, 0).state, LEDGER_SEEN);
	now += 20 * BASE_HOUR;
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, now), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, 2), BASE_OK);
	prune_daily(house, now, 3);
	const base_time jumps[] = {now + 200 * BASE_DAY, now + 150 * BASE_DAY};
	for (size_t i = 0; i < COUNT(jumps); i++) {
		prune_all(house, jumps[i]);
		prune_all(house, jumps[i] + 23 * BASE_HOUR);
		assert_int_equal(house_look_up(house, HOUSE_FEED, &item, 1, 0).state, LEDGER_SEEN);
	}
	prune_daily(house, jumps[1] + 23 * BASE_HOUR, 1);
	assert_int_equal(ledger_feed_get(house->ledger, HOUSE_FEED, &feed), BASE_NOT_FOUND);
}

static void a_feed_that_floods_is_bounded(void **state)
{
	struct house *house = *state;
	enum { FLOOD = 50400 };
	struct ledger_entry *entries = calloc(FLOOD, sizeof *entries);
	assert_non_null(entries);
	for (uint32_t i = 0; i < FLOOD; i++)
		memcpy(entries[i].key.bytes + 3, &i, sizeof i);
	for (size_t i = 0; i < FLOOD; i++)
		entries[i].key.bytes[0] = 1;
	struct ledger_batch batch = {.feed = {.url = HOUSE_FEED}, .entries = entries, .entry_count = FLOOD, .now = NOW};
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	const struct feed_entry first = {.key = entries[0].key}, last = {.key = entries[FLOOD - 1].key};
	struct ledger_known known;
	prune_all(house, NOW);
	assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, &first, 1, &known), BASE_OK);
	assert_int_equal(known.state, LEDGER_SEEN); /* all of them still appear */
	batch.entries = &entries[FLOOD - 1];
	batch.entry_count = 1;
	batch.now = NOW + 3 * BASE_DAY;
	assert_int_equal(ledger_commit(house->ledger, &batch, 1, NULL, NULL, &house->err), BASE_OK);
	prune_all(house, NOW + 3 * BASE_DAY);
	size_t gone = 0;
	for (size_t i = 0; i < FLOOD; i++) {
		const struct feed_entry entry = {.key = entries[i].key};
		assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, &entry, 1, &known), BASE_OK);
		gone += known.state == LEDGER_NEW;
	}
	assert_true(gone >= 400 && gone <= 900);
	assert_int_equal(ledger_look_up(house->ledger, HOUSE_FEED, &last, 1, &known), BASE_OK);
	assert_int_equal(known.state, LEDGER_SEEN);
	free(entries);
}

static void pruning_goes_in_bounded_pieces(void **state)
{
	struct house *house = *state;
	static struct house_item items[1200];
	static char ids[1200][8];
	for (int i = 0; i < 1200; i++) {
		(void)snprintf(ids[i], sizeof ids[i], "i%d", i);
		items[i] = (struct house_item){.id = ids[i], .class = MATCH_PAUSE};
	}
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1200, NOW), BASE_OK);
	assert_int_equal(ledger_published(house->ledger, 1200), BASE_OK);
	bool more = false;
	assert_int_equal(ledger_prune(house->ledger, NOW + 91 * BASE_DAY, &more), BASE_OK);
	assert_true(more);
	assert_int_equal(ledger_oldest(house->ledger), 501);
	prune_all(house, NOW + 91 * BASE_DAY);
	assert_int_equal(ledger_oldest(house->ledger), 0);
}

/* ---- opening --------------------------------------------------------------------------------------- */

static void addresses_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *uri;
		enum base_result result;
		const char *says;
	} cases[] = {
#ifdef HAVE_LIBPQ
		{"postgresql://role:secret%zz@host/db", BASE_INVALID, "libpq"},
		{"postgres://role:secret@127.0.0.1:1/db", BASE_NETWORK, "postgresql://role@127.0.0.1:1/db: cannot connect"},
#else
		{"postgresql://role:secret@host/db", BASE_UNSUPPORTED, "libpq-dev"},
		{"postgres://role:secret@host/db", BASE_UNSUPPORTED, "libpq-dev"},
#endif
		{"host=db password=secret", BASE_INVALID, "not an address"},
		{"mysql://x", BASE_UNSUPPORTED, "mysql://"},
		{"/var/lib/x.db", BASE_INVALID, "sqlite:///"},
		{"sqlite://", BASE_INVALID, "path"},
		{"sqlite://:memory:", BASE_IO, "write-ahead log"},
		{"sqlite:///tmp/x?mode=ro", BASE_INVALID, "path"},
		{"sqlite:///nowhere/at/all/x.db", BASE_IO, "create it"},
		{"sqlite:///dev/null/x.db", BASE_IO, "/dev/null"},
		{"sqlite:///tmp", BASE_IO, "no regular file"},
		{"sqlite:///proc/wirewatch.db", BASE_IO, "/proc/wirewatch.db"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ledger *ledger = NULL;
		struct base_error err;
		const struct ledger_options options = {.uri = cases[i].uri, .node = "n", .keep = BASE_DAY};
		assert_int_equal(ledger_open(&options, &ledger, &err), cases[i].result);
		assert_null(ledger);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(strstr(err.text, "secret"));
	}
}

static void a_second_process_is_kept_out(void **state)
{
	struct house *house = *state;
	/* A child that opens the same file, as a second daemon would. */
	pid_t child = fork();
	if (child == 0) {
		house->ledger = NULL;
		enum base_result result = house_open(house);
		_exit(result == BASE_BUSY && strstr(house->err.text, "another process") ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* And in the same process. */
	struct house second = *house;
	second.ledger = NULL;
	assert_int_equal(house_open(&second), BASE_BUSY);
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
}

static void a_killed_process_leaves_what_it_committed(void **state)
{
	struct house *house = *state;
	house_close(house);
	pid_t child = fork();
	if (child == 0) {
		const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}};
		if (house_open(house) || house_commit(house, HOUSE_FEED, items, 2, NOW) || ledger_published(house->ledger, 1) ||
		    house_commit(house, HOUSE_FEED, items, 1, NOW) || ledger_published(house->ledger, 3))
			_exit(1);
		_exit(0); /* not closed: as after kill -9 */
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(ledger_sequence(house->ledger), 3);
	assert_int_equal(house_unpublished(house), BASE_OK);
	/* The mark at 1 was written by the second commit, the mark at 3 by none. */
	assert_int_equal(house->count, 2);
	assert_int_equal(house->messages[0].sequence, 2);
}

/* Overwrite part of the closed database. */
static void spoil(struct house *house, long at, const char *bytes, size_t len)
{
	int fd = open(house->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static void a_damaged_ledger_is_refused(void **state)
{
	struct house *house = *state;
	char noise[4096];
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	house_close(house);
	memset(noise, 0xA5, sizeof noise);
	spoil(house, 4096 * 3, noise, sizeof noise);
	assert_int_equal(house_open(house), BASE_DAMAGED);
	assert_non_null(strstr(house->err.text, "restore a backup"));
	spoil(house, 0, noise, sizeof noise);
	assert_int_equal(house_open(house), BASE_DAMAGED);
	assert_non_null(strstr(house->err.text, "restore a backup"));
}

static void a_ledger_that_was_moved_takes_nothing(void **state)
{
	struct house *house = *state;
	char elsewhere[128];
	const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
	(void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", house->folder);
	assert_int_equal(rename(house->path, elsewhere), 0);
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_IO);
	assert_non_null(strstr(house->err.text, "moved or deleted"));
	assert_int_equal(rename(elsewhere, house->path), 0);
	assert_int_equal(house_commit(house, HOUSE_FEED, &item, 1, NOW), BASE_OK);
	assert_int_equal(house->messages[0].sequence, 1);
}

static void a_newer_or_foreign_database_is_refused(void **state)
{
	struct house *house = *state;
	char version[4];
	house_close(house);
	int fd = open(house->path, O_RDONLY);
	assert_true(fd >= 0 && pread(fd, version, sizeof version, 60) == sizeof version);
	close(fd);
	spoil(house, 60, "\0\0\0\x63", 4); /* user_version, in the file's header (fileformat2.html 1.3) */
	assert_int_equal(house_open(house), BASE_UNSUPPORTED);
	assert_non_null(strstr(house->err.text, "newer"));
	spoil(house, 60, version, sizeof version);
	assert_int_equal(house_open(house), BASE_OK);
	house_close(house);
	spoil(house, 68, "\0\0\0\x07", 4); /* application_id */
	assert_int_equal(house_open(house), BASE_INVALID);
	assert_non_null(strstr(house->err.text, "another program"));
}

static void an_empty_file_becomes_a_ledger(void **state)
{
	struct house *house = *state;
	uint64_t epoch = ledger_epoch(house->ledger);
	house_close(house);
	assert_int_equal(truncate(house->path, 0), 0);
	assert_int_equal(house_open(house), BASE_OK);
	assert_true(ledger_epoch(house->ledger) != epoch); /* a lost ledger is a new epoch */
}

/* Opens the ledger as somebody who is not root. */
static void refused_to_nobody(struct house *house)
{
	pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(2);
		enum base_result result = house_open(house);
		_exit(result == BASE_IO && strstr(house->err.text, "not writable") ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_may_not_be_written_is_refused(void **state)
{
	struct house *house = *state;
	house_close(house);
	assert_int_equal(chmod(house->path, 0444), 0);
	assert_int_equal(chmod(house->folder, 0777), 0);
	refused_to_nobody(house);
	assert_int_equal(chmod(house->folder, 0555), 0);
	refused_to_nobody(house);
	assert_int_equal(chmod(house->folder, 0700), 0);
}

/* ---- backup ------------------------------------------------------------------------------------------ */

static void a_backup_is_a_ledger(void **state)
{
	struct house *house = *state, copy;
	const struct house_item items[] = {{.id = "a", .class = MATCH_PAUSE}, {.id = "b", .class = MATCH_SALE}};
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 2, NOW), BASE_OK);
	uint64_t digest = house->digest;
	house_build(&copy);
	assert_int_equal(ledger_backup(house->ledger, copy.path, &house->err), BASE_OK);
	assert_int_equal(ledger_backup(house->ledger, copy.path, &house->err), BASE_OK); /* replaced */
	assert_int_equal(house_open(&copy), BASE_OK);
	assert_true(ledger_epoch(copy.ledger) == ledger_epoch(house->ledger));
	assert_int_equal(house_replay(&copy, 0, "ww1/", 10), BASE_OK);
	assert_true(copy.digest == digest);
	house_pull_down(&copy);
	/* The ledger goes on as before. */
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1, NOW), BASE_OK);
	assert_int_equal(ledger_backup(house->ledger, house->path, &house->err), BASE_INVALID);
	assert_int_equal(ledger_backup(house->ledger, "/nowhere/at/all/b.db", &house->err), BASE_IO);
	assert_int_equal(house_commit(house, HOUSE_FEED, items, 1, NOW), BASE_OK);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, house_set_up, house_tear_down)

int main(void)
{
	const struct CMUnitTest rows[] = {
		IN_A_HOUSE(old_alerts_go_and_sequences_do_not_return),
		IN_A_HOUSE(entries_stay_while_they_appear),
		IN_A_HOUSE(a_feed_no_longer_polled_is_forgotten),
		IN_A_HOUSE(a_rest_of_our_own_abandons_no_feed),
		IN_A_HOUSE(a_feed_that_floods_is_bounded),
		IN_A_HOUSE(pruning_goes_in_bounded_pieces),
		IN_A_HOUSE(a_killed_process_leaves_what_it_committed),
		cmocka_unit_test(addresses_are_checked),
	};
	const struct CMUnitTest files[] = {
		IN_A_HOUSE(a_second_process_is_kept_out),
		IN_A_HOUSE(a_damaged_ledger_is_refused),
		IN_A_HOUSE(a_ledger_that_was_moved_takes_nothing),
		IN_A_HOUSE(a_newer_or_foreign_database_is_refused),
		IN_A_HOUSE(an_empty_file_becomes_a_ledger),
		IN_A_HOUSE(what_may_not_be_written_is_refused),
		IN_A_HOUSE(a_backup_is_a_ledger),
	};
	struct CMUnitTest all[COUNT(rows) + COUNT(files)];
	memcpy(all, rows, sizeof rows);
	memcpy(all + COUNT(rows), files, sizeof files);
	return house_is_postgres() ? cmocka_run_group_tests_name("ledger upkeep", rows, NULL, NULL) :
	                             cmocka_run_group_tests_name("ledger upkeep", all, NULL, NULL);
}
