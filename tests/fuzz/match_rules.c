/* Fuzz target: a rule file, and a text run through it if it loads. */
#include "wirewatch/match.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void run(const struct match_rules *rules, const uint8_t *bytes, size_t len)
{
	struct match_scratch *scratch;
	const struct match_result *result;
	/* The rules' own text holds their terms, so some will fire. */
	struct match_input input = {.title = base_span_of("US halts 18 Patriot missiles for Ukraine"),
	                            .text = {(const char *)bytes, len},
	                            .feed_url = base_span_of("https://news.example.org/rss"),
	                            .feed_name = base_span_of("Example")};
	const struct match_explanation *why;
	if (match_scratch_new(rules, &scratch) == BASE_OK) {
		if (match_run(rules, scratch, &input, &result) == BASE_OK && result->event_count > MATCH_CLASS_COUNT)
			abort();
		if (match_rules_count(rules))
			(void)match_rule_at(rules, match_rules_count(rules) - 1);
		(void)match_explain(rules, scratch, &input, &why);
		match_scratch_free(scratch);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct match_source source = {"fuzz.yaml", {(const char *)bytes, len}};
	struct base_problems *problems;
	struct match_rules *rules = NULL;
	if (base_problems_new(&problems) != BASE_OK)
		return 0;
	enum base_result result = match_rules_load(&source, 1, problems, &rules);
	if ((result == BASE_OK) != (rules != NULL) || (result == BASE_SYNTAX && base_problems_count(problems) == 0))
		abort();
	for (size_t i = 0; i < base_problems_count(problems); i++) {
		const char *quote = base_problems_quote_at(problems, i);
		if (quote && (!strchr(quote, '\n') || strchr(quote, '\n') != strrchr(quote, '\n')))
			abort(); /* two lines, whatever the file holds */
	}
	if (rules)
		run(rules, bytes, len);
	match_rules_free(rules);
	base_problems_free(problems);
	return 0;
}
