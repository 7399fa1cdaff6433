/* The room ledger at rest: a file that was closed as it should be is not checked again, any other is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../alert/sample.h"
#include "house.h"

#define NOW SAMPLE_NOW
#define SEAL "user.wirewatch.closed"
#define SEAL_LEN 40 /* five numbers, the first of them when the file was checked, in seconds */
#define PAGE 4096
#define ALERTS 200

static bool is_sealed(const struct house *house)
{
	char bytes[SEAL_LEN];
	return getxattr(house->path, SEAL, bytes, sizeof bytes) == SEAL_LEN;
}

/* A ledger with alerts on many pages, closed. */
static int set_up(void **state)
{
	struct house *house;
	if (house_set_up(state))
		return -1;
	house = *state;
	for (int i = 0; i < ALERTS; i++) {
		const struct house_item item = {.id = "a", .class = MATCH_PAUSE};
		if (house_commit(house, HOUSE_FEED, &item, 1, NOW + i))
			return -1;
	}
	house_close(house);
	return 0;
}

/* Spoil what holds alerts. Quietly: the file keeps its time, as if the disk had done it. */
static void spoil(struct house *house, bool quietly)
{
	char noise[PAGE];
	struct stat before;
	assert_int_equal(stat(house->path, &before), 0);
	assert_true(before.st_size > 20 * PAGE);
	memset(noise, 0xA5, sizeof noise);
	int fd = open(house->path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (long at = before.st_size / PAGE / 2; at < before.st_size / PAGE; at++)
		assert_int_equal(pwrite(fd, noise, sizeof noise, at * PAGE), sizeof noise);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before.st_mtim};
	if (quietly)
		assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(close(fd), 0);
}

static void an_open_ledger_bears_no_seal(void **state)
{
	struct house *house = *state;
	assert_true(is_sealed(house));
	assert_int_equal(house_open(house), BASE_OK);
	assert_false(is_sealed(house));
	house_close(house);
	assert_true(is_sealed(house));
}

static void what_was_closed_is_not_checked_again(void **state)
{
	struct house *house = *state;
	spoil(house, true);
	assert_int_equal(house_open(house), BASE_OK);
	house_close(house);
	assert_true(is_sealed(house));
}

static void what_was_written_to_since_is_checked(void **state)
{
	struct house *house = *state;
	spoil(house, false); /* at once: within the same tick of the clock that files get their times from */
	assert_int_equal(house_open(house), BASE_DAMAGED);
	assert_non_null(strstr(house->err.text, "restore a backup"));
	assert_false(is_sealed(house));
}

/* As `cp -a` and `mv` do it. */
static void replace_by_copy(struct house *house)
{
	char copy[128], seal[SEAL_LEN];
	struct stat info;
	(void)snprintf(copy, sizeof copy, "%s.copy", house->path);
	int from = open(house->path, O_RDONLY | O_CLOEXEC), to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &info), 0);
	for (ssize_t left = info.st_size, len; left > 0; left -= len)
		assert_true((len = sendfile(to, from, NULL, (size_t)left)) > 0);
	assert_int_equal(fgetxattr(from, SEAL, seal, sizeof seal), sizeof seal);
	assert_int_equal(fsetxattr(to, SEAL, seal, sizeof seal, 0), 0);
	const struct timespec times[2] = {info.st_atim, info.st_mtim};
	assert_int_equal(futimens(to, times), 0);
	assert_int_equal(rename(copy, house->path), 0);
	(void)close(to);
	(void)close(from); /* only now, so that the copy cannot have its inode */
}

static void a_copy_is_checked(void **state)
{
	struct house *house = *state;
	spoil(house, true);
	replace_by_copy(house);
	assert_true(is_sealed(house));
	assert_int_equal(house_open(house), BASE_DAMAGED);
}

static void age(struct house *house, int days)
{
	int64_t seal[SEAL_LEN / sizeof(int64_t)];
	assert_int_equal(getxattr(house->path, SEAL, seal, sizeof seal), sizeof seal);
	seal[0] -= days * INT64_C(86400);
	assert_int_equal(setxattr(house->path, SEAL, seal, sizeof seal, 0), 0);
}

static void after_a_week_it_is_checked(void **state)
{
	struct house *house = *state;
	spoil(house, true);
	age(house, 6);
	assert_int_equal(house_open(house), BASE_OK);
	house_close(house);
	age(house, 1); /* since that opening; it took over when the last check was */
	assert_int_equal(house_open(house), BASE_DAMAGED);
}

static void a_check_in_the_future_counts_for_nothing(void **state)
{
	struct house *house = *state;
	spoil(house, true);
	age(house, -1);
	assert_int_equal(house_open(house), BASE_DAMAGED);
}

static void after_a_crash_it_is_checked(void **state)
{
	struct house *house = *state;
	pid_t child = fork();
	if (child == 0)
		_exit(house_open(house) ? 1 : 0); /* not closed */
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(is_sealed(house));
	spoil(house, true);
	assert_int_equal(house_open(house), BASE_DAMAGED);
}

static void damage_that_is_met_leaves_no_seal(void **state)
{
	struct house *house = *state;
	spoil(house, true);
	assert_int_equal(house_open(house), BASE_OK);
	assert_int_equal(house_replay(house, 0, "", ALERTS), BASE_DAMAGED);
	house_close(house);
	assert_false(is_sealed(house));
	assert_int_equal(house_open(house), BASE_DAMAGED);
}

#define IN_A_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, house_tear_down)

static bool file_system_has_attributes(void)
{
	const char *root = getenv("TMPDIR");
	char path[64];
	(void)snprintf(path, sizeof path, "%.30s/ww-seal-XXXXXX", root ? root : "/tmp");
	int fd = mkstemp(path);
	bool has = fd >= 0 && !fsetxattr(fd, SEAL, "", 0, 0);
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(path);
	}
	return has;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOUSE(an_open_ledger_bears_no_seal),
		IN_A_HOUSE(what_was_closed_is_not_checked_again),
		IN_A_HOUSE(what_was_written_to_since_is_checked),
		IN_A_HOUSE(a_copy_is_checked),
		IN_A_HOUSE(after_a_week_it_is_checked),
		IN_A_HOUSE(a_check_in_the_future_counts_for_nothing),
		IN_A_HOUSE(after_a_crash_it_is_checked),
		IN_A_HOUSE(damage_that_is_met_leaves_no_seal),
	};
	if (house_is_postgres() || !file_system_has_attributes())
		return puts("1..0 # SKIP no file with extended attributes") < 0;
	return cmocka_run_group_tests_name("ledger seal", tests, NULL, NULL);
}
