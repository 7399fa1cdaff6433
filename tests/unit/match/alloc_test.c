/* Once warm, matching an item allocates nothing: this program counts its own calls of the allocator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static size_t calls;

/* glibc's own names of what the program replaces (glibc manual, "Replacing malloc"). */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	calls++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	calls++;
	return __libc_realloc(old, size);
}

static const char rules[] =
    "sets: {halts: [halt*, stop*], arms: [missile*, tank*, 'air defence'], no: [not, never]}\n"
    "rules:\n"
    "  - {name: p, class: pause, when: $halts NEAR/8 ($arms OR $systems), guard: $no ONEAR/3 $halts, given: $actors AND $arms}\n"
    "  - {name: d, class: delivery, when: sent NEAR/6 $arms, unless: ATLEAST/3(quiz), block: museum}\n"
    "systems: {Patriot: {ambiguous: [Patriot*], needs: $arms}, HIMARS: [HIMARS]}\n"
    "actors: {United States: [US, U.S.], Ukraine: [Ukraine]}\n"
    "furniture: {starts: [Read also], headings: [Related], ends: [Comments]}\n"
    "tail: $arms\n"
    "details: {roles: [SUPPLIER $halts, SUPPLIER sent .. to RECIPIENT], numbers: {4: [four]}, things: {tanks: [tanks]},\n"
    "  currencies: {USD: {signs: ['$'], aliases: [dollars]}}, skip: the}\n";

static const char *const texts[] = {
    ("The US halts missiles for Ukraine. It did not stop tanks.\nRead also: US stops HIMARS\nThe US sent four tanks to Ukraine "
     "for $5 million. Patriots and the air defence stopped."),
    "Nothing at all.",
    "The US stopped tanks, missiles, HIMARS and Patriots and stopped tanks again.\nRelated\nUS halts tanks\nComments\nmore",
};

static void test_none_when_warm(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, rules);
	size_t events = 0, before = 0;
	for (int round = 0; round < 3; round++) { /* two to warm: buffers, then the block of results */
		if (round == 2)
			before = calls;
		for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
			struct match_input input = {.title = base_span_of("A title"), .text = base_span_of(texts[i])};
			if (match_run(trial.rules, trial.scratch, &input, &trial.result) != BASE_OK)
				fail();
			events += trial.result->event_count;
		}
	}
	size_t after = calls;
	assert_int_equal(after - before, 0);
	assert_int_equal(events, 9);
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_none_when_warm)};
	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
