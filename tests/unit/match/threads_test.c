/* One rule set, four threads: a compiled rule set never changes. Build with ThreadSanitizer to see more. */
#include <setjmp.h>
#include <stdarg.h>
#include <pthread.h>

#include <cmocka.h>

#include "trial.h"

#define THREADS 4
#define ROUNDS 500

static const char rules[] =
    "sets: {halted: [halt*, paus*], arms: [arms, missile*]}\n"
    "rules: [{name: r, class: pause, when: $halted NEAR/8 ($arms OR $systems), guard: not ONEAR/3 $halted}]\n"
    "systems: {Patriot: {ambiguous: [Patriot], needs: $arms}}\n"
    "actors: {Germany: [German*], Ukraine: [Ukrain*]}\n"
    "details: {roles: [SUPPLIER $halted, to RECIPIENT $halted], numbers: {4: [four]}}\n";

static const struct {
	const char *text;
	size_t events, systems;
} cases[] = {
    {"Germany halted four Patriot missiles", 1, 1},
    {"Germany did not halt missiles", 0, 0},
    {"A Patriot paused", 0, 0},
    {"The Ukrainian army paused. Arms to Ukraine paused", 1, 0},
};

struct worker {
	const struct match_rules *rules;
	size_t wrong;
};

static void *work(void *ctx)
{
	struct worker *worker = ctx;
	struct match_scratch *scratch;
	if (match_scratch_new(worker->rules, &scratch)) {
		worker->wrong++;
		return NULL;
	}
	for (size_t i = 0; i < ROUNDS; i++) {
		const struct match_result *result;
		struct match_input input = {.text = base_span_of(cases[i % 4].text)};
		if (match_run(worker->rules, scratch, &input, &result))
			worker->wrong++;
		else
			worker->wrong += result->event_count != cases[i % 4].events || result->system_count != cases[i % 4].systems;
	}
	match_scratch_free(scratch);
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	struct trial trial;
	pthread_t threads[THREADS];
	struct worker workers[THREADS];
	trial_open(&trial, rules);
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){trial.rules, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].wrong, 0);
	}
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads)};
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
