/* The sentence shown, and its marks in code points. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "trial.h"

static const char rules[] = "rules: [{name: r, class: pause, when: (halt* OR зупин*) NEAR/90 (arms OR зброю OR F-16)}]\n";

/* The evidence with its marks in brackets, read by code points. */
static void marked(const struct match_evidence *evidence, struct base_buf *out)
{
	size_t point = 0, mark = 0;
	for (size_t at = 0; at < evidence->text.len; point++) {
		uint32_t c;
		bool valid;
		if (mark < evidence->mark_count && evidence->marks[mark].start == point)
			assert_int_equal(base_buf_add_char(out, '['), BASE_OK);
		size_t used = base_utf8_decode(evidence->text.ptr + at, evidence->text.len - at, &c, &valid);
		assert_int_equal(base_buf_add(out, evidence->text.ptr + at, used), BASE_OK);
		at += used;
		if (mark < evidence->mark_count && evidence->marks[mark].end == point + 1) {
			assert_int_equal(base_buf_add_char(out, ']'), BASE_OK);
			mark++;
		}
	}
	assert_int_equal(mark, evidence->mark_count);
}

static void check(const char *text, const char *wanted)
{
	struct trial trial;
	struct base_buf out;
	base_buf_init(&out, 1 << 16);
	trial_open(&trial, rules);
	trial_run(&trial, NULL, text);
	assert_int_equal(trial.result->event_count, 1);
	marked(&trial.result->events[0].evidence[0], &out);
	assert_string_equal(out.data, wanted);
	base_buf_free(&out);
	trial_close(&trial);
}

static void test_marks(void **state)
{
	(void)state;
	check("They came. US halts the arms! They went.", "US [halts] the [arms]!");
	check("США зупинили всю зброю сьогодні.", "США [зупинили] всю [зброю] сьогодні.");
	check("US \xF0\x9F\x9A\x80\xF0\x9F\x9A\x80 halts \xF0\x9F\x92\xA3 arms", "US \xF0\x9F\x9A\x80\xF0\x9F\x9A\x80 [halts] \xF0\x9F\x92\xA3 [arms]");
	check("\xE2\x80\x9CHalt\xE2\x80\x9D  the \t F\xE2\x80\x91" "16", "\xE2\x80\x9C[Halt]\xE2\x80\x9D the [F\xE2\x80\x91" "16]");
	check("Now. (Halt of arms) y", "([Halt] of [arms]) y");
	check("halts e\xCC\x81 arms", "[halts] e\xCC\x81 [arms]"); /* a combining mark is a code point */
	check("halts \xFF\xFE arms", "[halts] \xEF\xBF\xBD\xEF\xBF\xBD [arms]");
}

static void test_title(void **state)
{
	(void)state;
	struct trial trial;
	trial_open(&trial, rules);
	trial_run(&trial, "US halts arms", "They halt more arms. And halt arms");
	assert_int_equal(trial.result->events[0].evidence_count, 3);
	assert_true(base_span_is(trial.result->events[0].evidence[0].text, "US halts arms"));
	trial_close(&trial);
}

/* A long sentence is cut around its marks to 500 code points. */
static void test_long_sentence(void **state)
{
	(void)state;
	struct trial trial;
	struct base_buf text, out;
	base_buf_init(&text, 1 << 16);
	base_buf_init(&out, 1 << 16);
	for (int i = 0; i < 150; i++)
		assert_int_equal(base_buf_add_text(&text, "словечко "), BASE_OK);
	assert_int_equal(base_buf_add_text(&text, "зупинили зброю"), BASE_OK);
	for (int i = 0; i < 150; i++)
		assert_int_equal(base_buf_add_text(&text, " словечко"), BASE_OK);
	trial_open(&trial, rules);
	trial_run(&trial, NULL, text.data);
	assert_int_equal(trial.result->event_count, 1);
	const struct match_evidence *evidence = &trial.result->events[0].evidence[0];
	assert_in_range(base_utf8_count(evidence->text.ptr, evidence->text.len), 400, 500);
	marked(evidence, &out);
	assert_non_null(strstr(out.data, "[зупинили] [зброю]"));
	assert_true(base_utf8_valid(evidence->text.ptr, evidence->text.len));
	base_buf_free(&text);
	base_buf_free(&out);
	trial_close(&trial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_marks),
	    cmocka_unit_test(test_title),
	    cmocka_unit_test(test_long_sentence),
	};
	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
