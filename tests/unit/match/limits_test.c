/* Rule files that would take too long or too much of the stack are refused, soon, with a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "trial.h"

#define MANY 100000
#define SECONDS_MAX 20 /* under sanitizers on a slow machine */

static struct base_buf yaml;

static int setup(void **state)
{
	(void)state;
	base_buf_init(&yaml, 16 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	base_buf_free(&yaml);
	return 0;
}

#define ADD(...) assert_int_equal(base_buf_printf(&yaml, __VA_ARGS__), BASE_OK)

static void refuses(const char *problem)
{
	clock_t start = clock();
	char *problems = problems_of(yaml.data);
	if (!problems || !strstr(problems, problem))
		fail_msg("says %.300s, not %s", problems ? problems : "nothing", problem);
	free(problems);
	assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, SECONDS_MAX);
}

#define RULE "rules:\n  - name: r\n    class: pause\n    when: "

static void test_sets_that_double(void **state)
{
	(void)state;
	ADD("sets:\n  s0: [x]\n");
	for (int i = 0; i < 40; i++)
		ADD(i % 2 ? "  s%d: $s%d NEAR/9 $s%d\n" : "  s%d: [$s%d AND x, $s%d AND y]\n", i + 1, i, i);
	ADD(RULE "$s40\n");
	refuses("too large");
}

static void test_sets_in_sets(void **state)
{
	(void)state;
	ADD("sets:\n");
	for (int i = 0; i < MANY / 4; i++)
		ADD("  s%d: [$s%d]\n", i, i + 1);
	ADD("  s%d: [x]\n", MANY / 4);
	refuses("too many levels deep");
}

static void test_long_chains(void **state)
{
	(void)state;
	static const char *const chains[] = {"x AND ", "x NOT ", "x NEAR/1 ", "(x AND y) OR ", "title:", "(", "ATLEAST/9(", "x OR NOT "};
	for (size_t c = 0; c < sizeof chains / sizeof chains[0]; c++) {
		base_buf_reset(&yaml);
		ADD(RULE);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(base_buf_add_text(&yaml, chains[c]), BASE_OK);
		ADD("x\n");
		refuses("t.yaml:4: column");
	}
}

static void test_many_alternatives(void **state)
{
	(void)state;
	ADD(RULE "x\n    guard:\n");
	for (int i = 0; i < MANY; i++)
		ADD("      - a NEAR/1 b\n");
	refuses("more than 2000 expressions");
	base_buf_reset(&yaml);
	ADD("sets:\n  s:\n");
	for (int i = 0; i < MANY; i++)
		ADD("    - a NEAR/1 b\n");
	refuses("the set $s is too large");
}

static void test_large_in_all(void **state)
{
	(void)state;
	ADD("sets:\n  s: (a AND b)");
	for (int i = 0; i < 1500; i++)
		ADD(" OR (a AND b)");
	ADD("\nrules:\n");
	for (int i = 0; i < 2000; i++)
		ADD("  - {name: r%d, class: pause, when: $s}\n", i);
	refuses("the rules up to here are too large");
}

/* ATLEAST in ATLEAST multiplies what it rests on; it must stay bounded and still hold. */
static void test_nested_counts(void **state)
{
	(void)state;
	struct trial trial;
	trial_open_rule(&trial, "ATLEAST/9(ATLEAST/9(ATLEAST/50(x1 NEAR/9 y1)))", "", "");
	for (int i = 0; i < 20000; i++)
		ADD("x1 y1 ");
	clock_t start = clock();
	assert_true(trial_fires(&trial, NULL, yaml.data));
	assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, SECONDS_MAX);
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sets_that_double, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sets_in_sets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long_chains, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_alternatives, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_large_in_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nested_counts, setup, teardown),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
