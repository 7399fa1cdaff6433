/*
 * match: text -> folded tokens -> terms -> rules -> classes, systems, actors, evidence.
 *
 * Pure. A rule set is compiled once, never changes and may be used by many
 * threads at a time; each thread has its own scratch. The rule language is
 * described in docs/wirewatch-rules.5.
 */
#ifndef WIREWATCH_MATCH_H
#define WIREWATCH_MATCH_H

#include "wirewatch/base.h"

/* The event classes, in the order of their table. */
enum match_class {
	MATCH_DELIVERY,
	MATCH_PLEDGE,
	MATCH_PAUSE,
	MATCH_RESUME,
	MATCH_REQUEST,
	MATCH_REFUSAL,
	MATCH_SALE,
	MATCH_PRODUCTION,
};
#define MATCH_CLASS_COUNT 8

const char *match_class_text(enum match_class class);  /* "delivery" */
const char *match_class_cameo(enum match_class class); /* "072" */
enum base_result match_class_parse(const char *text, enum match_class *out);

/* ---- rule sets ------------------------------------------------------------ */

struct match_source { /* one rule file */
	const char *file;
	struct base_span bytes;
};

struct match_rules;
/* All mistakes of all files go to problems ("file:line: ..."); then BASE_SYNTAX and nothing in *out. */
enum base_result match_rules_load(const struct match_source *sources, size_t count, struct base_problems *problems,
                                  struct match_rules **out);
void match_rules_free(struct match_rules *rules);
size_t match_rules_count(const struct match_rules *rules); /* rules that raise a class */
size_t match_terms_count(const struct match_rules *rules); /* distinct terms */

/* ---- matching --------------------------------------------------------------- */

struct match_input {
	struct base_span title;    /* plain text or none */
	struct base_span text;     /* plain text, paragraphs divided by newlines */
	struct base_span language; /* BCP 47 or none: then guessed */
	struct base_span feed_url, feed_name; /* for source: in rules; may be none */
};

struct match_mark { /* code point offsets into the evidence text, end exclusive */
	size_t start, end;
};

struct match_evidence {
	struct base_span text; /* the sentence, white space folded, at most 500 code points */
	const struct match_mark *marks;
	size_t mark_count;
};

struct match_quantity {
	uint64_t count;
	struct base_span of; /* canonical system name, or a plain noun */
};

struct match_money {
	uint64_t amount;
	char currency[4]; /* ISO 4217 */
};

/* One class that the text reports. Lists are canonical English names without repeats. */
struct match_event {
	enum match_class class;
	const char *rule; /* the rule with the first evidence */
	const struct match_evidence *evidence;
	size_t evidence_count; /* 1 to 5 */
	const struct base_span *supplier, *recipient; /* empty unless the evidence says it plainly */
	size_t supplier_count, recipient_count;
	const struct match_quantity *quantities;
	size_t quantity_count;
	const struct match_money *money;
	size_t money_count;
};

struct match_result {
	const struct match_event *events; /* at most one a class, in the order of enum match_class */
	size_t event_count;
	const struct base_span *systems, *actors; /* named anywhere in the item, in order of appearance */
	size_t system_count, actor_count;
	char language[12]; /* as given or guessed, primary subtag; "" if unknown */
};

struct match_scratch; /* one per thread; grows to the longest text seen, then allocates no more */
enum base_result match_scratch_new(const struct match_rules *rules, struct match_scratch **out);
void match_scratch_free(struct match_scratch *scratch);

/*
 * Run all rules over one item. *out and everything in it belongs to scratch
 * and is valid until the next call with it. Text beyond 1 MiB is not read.
 */
enum base_result match_run(const struct match_rules *rules, struct match_scratch *scratch,
                           const struct match_input *input, const struct match_result **out);

/*
 * Why: one line for each rule whose trigger occurs in the item, saying the
 * sentence, what fired, and for those that did not the guard or missing part;
 * then one line for each system and actor that was left out.
 */
enum base_result match_explain(const struct match_rules *rules, struct match_scratch *scratch,
                               const struct match_input *input, struct base_buf *out);

#endif
