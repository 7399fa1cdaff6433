/* Whether the process that bore a name is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/process.h"

static void who_lives_is_not_gone(void **state)
{
	char name[PROCESS_NAME_MAX];
	(void)state;
	process_name(name);
	assert_non_null(strstr(name, "boot "));
	assert_false(process_gone(name));
}

/* A child's own name, told through a pipe; it lives until it is killed. */
static pid_t start_child(char name[PROCESS_NAME_MAX])
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (!child) {
		char own[PROCESS_NAME_MAX] = {0};
		process_name(own);
		if (write(ends[1], own, sizeof own) == sizeof own)
			for (;;)
				(void)pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], name, PROCESS_NAME_MAX), PROCESS_NAME_MAX);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return child;
}

static void who_was_killed_is_gone(void **state)
{
	char name[PROCESS_NAME_MAX];
	siginfo_t info;
	(void)state;
	pid_t child = start_child(name);
	assert_false(process_gone(name));
	(void)kill(child, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WSTOPPED), 0);
	assert_false(process_gone(name));
	(void)kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_true(process_gone(name)); /* although nobody has asked yet how it ended */
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(process_gone(name));
}

static void another_with_its_number_is_another(void **state)
{
	char name[PROCESS_NAME_MAX];
	(void)state;
	process_name(name);
	char *since = strstr(name, "since ");
	assert_non_null(since);
	since[6] = since[6] == '9' ? '8' : (char)(since[6] + 1); /* one that started at another time */
	assert_true(process_gone(name));
}

static void only_its_own_name_is_its_own(void **state)
{
	char name[PROCESS_NAME_MAX], child_name[PROCESS_NAME_MAX];
	(void)state;
	process_name(name);
	assert_true(process_is_self(name));
	pid_t child = start_child(child_name);
	assert_false(process_is_self(child_name));
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(process_is_self("process 1")); /* who is called so may be anybody */
	name[strlen(name) - 1] = '\0';
	assert_false(process_is_self(name));
}

static void what_cannot_be_seen_may_live(void **state)
{
	char name[PROCESS_NAME_MAX], *boot;
	(void)state;
	process_name(name);
	boot = strstr(name, "boot ") + 5;
	*boot = *boot == '0' ? '1' : '0'; /* another machine, or before its last start */
	assert_false(process_gone(name));
	assert_false(process_gone(""));
	assert_false(process_gone("process 1"));
	assert_false(process_gone("boot x, space y, process -1 since 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_lives_is_not_gone),
	    cmocka_unit_test(who_was_killed_is_gone),
	    cmocka_unit_test(another_with_its_number_is_another),
	    cmocka_unit_test(only_its_own_name_is_its_own),
	    cmocka_unit_test(what_cannot_be_seen_may_live),
	};
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
