/* Texts made to hurt: the work stays bounded, nothing fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "trial.h"

#define SIZE ((size_t)1 << 20)
#define SECONDS_MAX 60 /* of processor time, far above what it takes, also under the sanitizers; a quadratic step would take hours */

#define HARD_ONE "'$a .. $a .. $a .. $a .. $a .. RECIPIENT', "
#define HARD HARD_ONE HARD_ONE HARD_ONE HARD_ONE HARD_ONE HARD_ONE HARD_ONE HARD_ONE

static const char rules[] =
    "sets: {a: [abc, abc*, '*abc', 'abc abc', 'abc abc abc'], b: [abd, 'abd abc'], not: [not]}\n"
    "rules:\n"
    "  - {name: r1, class: pause, when: ($a NEAR/100 $b) AND $a AND $a AND ATLEAST/50($a), guard: not ONEAR/3 $a,\n"
    "     block: $systems NEAR/100 ($a OR $actors), given: $a NEAR/100 $systems, unless: $a NEAR/3 nothing}\n"
    "  - {name: r2, class: delivery, when: $a OR $b OR $systems OR $actors OR $number}\n"
    "  - {name: r3, class: pledge, when: ATLEAST/100($a NEAR/5 $a)}\n"
    "systems: {S: {aliases: [sys], ambiguous: [abc, abd], needs: $a NEAR/2 $b, except: ['abc abc abd']}}\n"
    "actors: {X: [act, 'act act'], Y: [yac]}\n"
    "details:\n"
    "  skip: the OR a\n  joins: and\n  ends: in\n  clauses: who\n  units: more\n  bounds: 'under'\n  ranges: to\n"
    "  roles: ['SUPPLIER .. $a .. $a .. RECIPIENT', '$a .. $a .. $a .. to RECIPIENT', 'SUPPLIER $a .. SUPPLIER $a', "
    HARD HARD HARD HARD HARD HARD HARD HARD "'$a to RECIPIENT']\n"
    "  numbers: {1: [one], 1000: [thousand]}\n  currencies: {USD: {signs: ['$', US$], aliases: [dollar]}}\n"
    "  things: {tanks: [tank, abc]}\n";

static void fill(struct base_buf *text, const char *piece)
{
	base_buf_reset(text);
	while (text->len + strlen(piece) < SIZE)
		assert_int_equal(base_buf_add_text(text, piece), BASE_OK);
}

/* Roles could be read in very many ways here, none of which holds. */
#define MANY_WAYS "abc xx abc xx abc xx abc xx abc xx abc xx abc xx abc xx abc xx abc xx "
#define MAZE "Act " MANY_WAYS MANY_WAYS MANY_WAYS MANY_WAYS MANY_WAYS MANY_WAYS ". "

static void test_bounded(void **state)
{
	(void)state;
	static const char *const pieces[] = {
	    "abc ", "abc abd ", "abc abc abd not act sys ", "act abc abc abc and the a the a ", "a", "a b ", ". ", "\n", "A. ",
	    "$1 one thousand abc ", "1 1 1 1 ", "1.1", "act and act, ", "yac abc act ", "\xCC\x81", "\xFF", "U.S.", "'", "-", "abc-",
	    "\xD0\xB0'", "<abc & abd>", "$5-$", "abc\xE2\x80\x8B", MAZE,
	};
	struct trial trial;
	struct base_buf text;
	base_buf_init(&text, SIZE + 64);
	trial_open(&trial, rules);
	clock_t start = clock();
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		fill(&text, pieces[i]);
		struct match_input input = {.text = base_buf_span(&text)};
		assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
		for (size_t e = 0; e < trial.result->event_count; e++)
			assert_in_range(trial.result->events[e].evidence_count, 1, 5);
		const struct match_explanation *why;
		enum base_result result = match_explain(trial.rules, trial.scratch, &input, &why);
		assert_true(result == BASE_OK || result == BASE_LIMIT);
		if ((clock() - start) / CLOCKS_PER_SEC > SECONDS_MAX)
			fail_msg("too slow at \"%s\"", pieces[i]);
	}
	base_buf_free(&text);
	trial_close(&trial);
}

/* Beyond the limit of hits what fits is matched. */
static void test_hit_limit(void **state)
{
	(void)state;
	struct base_buf yaml, text;
	struct trial trial;
	base_buf_init(&yaml, SIZE);
	base_buf_init(&text, SIZE + 64);
	assert_int_equal(base_buf_add_text(&yaml, "rules:\n  - {name: r, class: pause, when: halt}\nsets:\n  a: ["), BASE_OK);
	for (int len = 1; len <= 16; len++) {
		for (int i = 0; i < len; i++)
			assert_int_equal(base_buf_add_text(&yaml, i ? " ab" : "ab"), BASE_OK);
		assert_int_equal(base_buf_add_text(&yaml, len < 16 ? ", " : "]\n"), BASE_OK);
	}
	trial_open(&trial, yaml.data);
	fill(&text, "ab ");
	struct match_input input = {.title = base_span_of("halt it"), .text = base_buf_span(&text)};
	assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
	assert_int_equal(trial.result->event_count, 1);
	base_buf_free(&yaml);
	base_buf_free(&text);
	trial_close(&trial);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void test_noise(void **state)
{
	(void)state;
	struct trial trial;
	uint32_t seed = 7;
	char bytes[3000];
	trial_open(&trial, rules);
	for (int round = 0; round < 300; round++) {
		static const char *const words[] = {"abc", "abd", " act ", "$", "1", ",5", " to ", "-", "\n", ". A", "\xD0", "sys"};
		size_t len = 0;
		while (len + 8 < sizeof bytes) {
			const char *word = words[next_random(&seed) % 12];
			size_t n = strlen(word);
			memcpy(bytes + len, word, n);
			len += n;
			if (next_random(&seed) % 2)
				bytes[len++] = (char)(next_random(&seed) % 4 ? ' ' : next_random(&seed));
		}
		char *exact = malloc(len); /* so that a step too far is seen */
		assert_non_null(exact);
		memcpy(exact, bytes, len);
		struct match_input input = {.text = {exact, len}};
		assert_int_equal(match_run(trial.rules, trial.scratch, &input, &trial.result), BASE_OK);
		free(exact);
	}
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_hit_limit),
	    cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
