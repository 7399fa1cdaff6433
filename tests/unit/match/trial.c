/* Helpers of the tests: load rules, run texts. */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum base_result load(const char *yaml, struct base_problems *problems, struct match_rules **out)
{
	struct match_source source = {"t.yaml", base_span_of(yaml)};
	return match_rules_load(&source, 1, problems, out);
}

void trial_open(struct trial *trial, const char *yaml)
{
	struct base_problems *problems;
	*trial = (struct trial){0};
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	enum base_result result = load(yaml, problems, &trial->rules);
	if (result)
		print_message("# %s\n", base_problems_count(problems) ? base_problems_at(problems, 0) : "no problem said");
	base_problems_free(problems);
	assert_int_equal(result, BASE_OK);
	assert_int_equal(match_scratch_new(trial->rules, &trial->scratch), BASE_OK);
}

void trial_close(struct trial *trial)
{
	match_scratch_free(trial->scratch);
	match_rules_free(trial->rules);
}

void trial_run(struct trial *trial, const char *title, const char *text)
{
	struct match_input input = {.title = base_span_of(title), .text = base_span_of(text)};
	assert_int_equal(match_run(trial->rules, trial->scratch, &input, &trial->result), BASE_OK);
}

bool trial_fires(struct trial *trial, const char *title, const char *text)
{
	trial_run(trial, title, text);
	return trial->result->event_count > 0;
}

void trial_open_rule(struct trial *trial, const char *when, const char *keys, const char *sections)
{
	struct base_buf yaml;
	base_buf_init(&yaml, 1 << 16);
	assert_int_equal(base_buf_printf(&yaml, "rules:\n  - name: r\n    class: pause\n    when: '%s'\n%s%s", when, keys,
	                                 sections),
	                 BASE_OK);
	trial_open(trial, yaml.data);
	base_buf_free(&yaml);
}

bool expression_fires(const char *when, const char *text)
{
	struct trial trial;
	trial_open_rule(&trial, when, "", "");
	bool fires = trial_fires(&trial, NULL, text);
	trial_close(&trial);
	return fires;
}

char *problems_of(const char *yaml)
{
	struct base_problems *problems;
	struct match_rules *rules = NULL;
	struct base_buf all;
	base_buf_init(&all, 1 << 16);
	assert_int_equal(base_problems_new(&problems), BASE_OK);
	enum base_result result = load(yaml, problems, &rules);
	for (size_t i = 0; i < base_problems_count(problems); i++)
		assert_int_equal(base_buf_printf(&all, "%s\n", base_problems_at(problems, i)), BASE_OK);
	assert_int_equal(result, all.len ? BASE_SYNTAX : BASE_OK);
	base_problems_free(problems);
	match_rules_free(rules);
	size_t len;
	return base_buf_take(&all, &len);
}

const char *list_text(const struct base_span *list, size_t count, struct base_buf *buf)
{
	base_buf_reset(buf);
	assert_int_equal(base_buf_add_text(buf, ""), BASE_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(base_buf_printf(buf, "%s%.*s", i ? ", " : "", (int)list[i].len, list[i].ptr), BASE_OK);
	return count ? buf->data : "";
}
