/* Fuzz target: a text, up to the first NUL its title; the rules are fixed. Checks what a result promises. */
#include "wirewatch/match.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char rules_yaml[] =
    "sets: {halted: [halt*, paus*, 'put on hold', зупин*], arms: [arms, missile*, 'air defence', ракет*], not: [not, не]}\n"
    "rules:\n"
    "  - {name: p, class: pause, when: $halted NEAR/8 ($arms OR $systems), guard: $not ONEAR/3 $halted, block: if}\n"
    "  - {name: d, class: delivery, when: (sent OR deliver*) AND ($arms OR $systems OR $number), unless: title:(quiz)}\n"
    "  - {name: a, class: pledge, when: ATLEAST/2($arms NEAR/4 $actors) NOT lead:opinion}\n"
    "  - {name: s, class: sale, when: 'bought NOT ONEAR/2 $not', given: '$arms NOT source:x.org', guard: 'lead:(if NEAR/1 $arms)'}\n"
    "furniture: {starts: [Read also, 'Photo:'], contains: [AP Photo], headings: [Related], ends: [Comments]}\n"
    "tail: $arms OR title:news OR source:x.org\n"
    "systems: {Patriot: {ambiguous: [Patriot*], needs: $arms, except: ['Patriot Day']}, F-16: [F-16], HIMARS: [HIMARS]}\n"
    "actors: {US: ['case:US', U.S.], Ukraine: [Ukrain*, Україн*]}\n"
    "details:\n"
    "  skip: the OR has\n  joins: and\n  ends: in OR to OR and\n  clauses: who\n  units: more\n  bounds: '\"up to\"'\n"
    "  ranges: to\n  body: army\n  not_after: from\n"
    "  roles: [SUPPLIER $halted, SUPPLIER sent .. to RECIPIENT, $arms .. for RECIPIENT]\n"
    "  numbers: {4: [four], 1000000: [million, m]}\n  currencies: {USD: {signs: ['$', US$], aliases: [dollars]}}\n"
    "  things: {missiles: [missiles]}\n";

static const struct match_rules *fixed_rules(void)
{
	static struct match_rules *rules;
	struct match_source source = {"fixed.yaml", base_span_of(rules_yaml)};
	struct base_problems *problems;
	if (rules)
		return rules;
	if (base_problems_new(&problems) != BASE_OK || match_rules_load(&source, 1, problems, &rules) != BASE_OK)
		abort();
	base_problems_free(problems);
	return rules;
}

static void check_evidence(const struct match_evidence *evidence)
{
	size_t points = base_utf8_count(evidence->text.ptr, evidence->text.len), last = 0;
	if (points > 500 || !base_utf8_valid(evidence->text.ptr, evidence->text.len))
		abort();
	for (size_t i = 0; i < evidence->mark_count; i++) {
		const struct match_mark *mark = &evidence->marks[i];
		if (mark->start < last || mark->end <= mark->start || mark->end > points)
			abort();
		last = mark->end;
	}
}

static void check(const struct match_result *result)
{
	for (size_t i = 0; i < result->event_count; i++) {
		const struct match_event *event = &result->events[i];
		if (event->evidence_count < 1 || event->evidence_count > 5 || (i > 0 && event->class <= event[-1].class))
			abort();
		for (size_t e = 0; e < event->evidence_count; e++)
			check_evidence(&event->evidence[e]);
		for (size_t m = 0; m < event->money_count; m++)
			if (event->money[m].amount == 0 || strlen(event->money[m].currency) != 3)
				abort();
	}
}

static void count_words(void *ctx, struct base_span words)
{
	*(size_t *)ctx += words.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct match_rules *rules = fixed_rules();
	const uint8_t *end = len ? memchr(bytes, 0, len) : NULL;
	size_t title = end ? (size_t)(end - bytes) : 0;
	struct match_input input = {.title = {(const char *)bytes, title},
	                            .text = {(const char *)bytes + title, len - title}};
	static struct match_scratch *scratch; /* kept, as a worker keeps it: no item may disturb the next */
	const struct match_result *result;
	if (!scratch && match_scratch_new(rules, &scratch) != BASE_OK)
		return 0;
	if (match_run(rules, scratch, &input, &result) != BASE_OK)
		abort(); /* whatever the text */
	check(result);
	size_t events = result->event_count;
	const struct match_explanation *why;
	if (len < 4096 && match_explain(rules, scratch, &input, &why) == BASE_OK && why->result->event_count != events)
		abort(); /* what is said must be what was done */
	(void)match_set_words(rules, scratch, &input, base_span_of("arms"), count_words, &events);
	return 0;
}
