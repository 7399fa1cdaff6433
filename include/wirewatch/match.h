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
struct match_scratch;
/* All mistakes of all files go to problems ("file:line: ..."); then BASE_SYNTAX and nothing in *out. */
enum base_result match_rules_load(const struct match_source *sources, size_t count, struct base_problems *problems,
                                  struct match_rules **out);
void match_rules_free(struct match_rules *rules);
size_t match_rules_count(const struct match_rules *rules); /* rules that raise a class */
size_t match_terms_count(const struct match_rules *rules); /* distinct terms */

struct match_rule_info { /* texts belong to the rule set */
	const char *name, *file;
	size_t line;
	enum match_class class;
	const char *languages; /* "en,uk"; "" for all */
};
struct match_rule_info match_rule_at(const struct match_rules *rules, size_t index); /* in the order they were read */

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

/* One per thread; grows to the longest text seen, then allocates no more. */
enum base_result match_scratch_new(const struct match_rules *rules, struct match_scratch **out);
void match_scratch_free(struct match_scratch *scratch);

/*
 * Run all rules over one item. *out and everything in it belongs to scratch
 * and is valid until the next call with it. Text beyond 1 MiB is not read.
 */
enum base_result match_run(const struct match_rules *rules, struct match_scratch *scratch,
                           const struct match_input *input, const struct match_result **out);

/* ---- why -------------------------------------------------------------------------- */

struct match_token {
	struct base_span folded;
	const char *joint; /* what stands before it: " ", "-", "'", ".", "/", "+" where letters meet digits, "|" no phrase goes on */
};

struct match_set_hit {
	const char *set;
	const struct base_span *words;
	size_t count;
};

enum match_verdict {
	MATCH_FIRED,
	MATCH_MISSING, /* the trigger is there, the rest of `when` is not */
	MATCH_GUARDED, /* no: a guard used the words up */
	MATCH_BLOCKED,
	MATCH_OTHER_LANGUAGE,
	MATCH_NOT_GIVEN,
	MATCH_UNLESS,
	MATCH_TAIL, /* no: `tail` does not hold for title and lead */
};

struct match_trial { /* a rule whose trigger occurs */
	struct match_rule_info rule;
	enum match_verdict verdict;
	const struct base_span *words; /* what fired; of the guard or block that won; else the trigger */
	size_t count;
	const char *expression; /* what decided, as it is written: a `when`, guard, block or unless; may be NULL */
	const char *file;       /* ... and where */
	size_t line;
};

struct match_sentence {
	struct base_span text;
	bool title, lead;
	const char *furniture; /* why it is none of the item's own text; NULL: it is */
	const struct match_token *tokens;
	size_t token_count;
	const struct match_set_hit *sets;
	size_t set_count;
	const struct match_trial *trials; /* those that fired first, then those that were stopped, then the missing */
	size_t trial_count;
};

struct match_left_out { /* a system or an actor whose name occurs and does not count */
	const char *name;
	bool system;
	bool excepted; /* an exception stands there; else its needs are not met */
	struct base_span words;
};

struct match_explanation {
	const struct match_sentence *sentences; /* at most 1,000 */
	size_t sentence_count;
	const struct match_left_out *left_out;
	size_t left_out_count;
	const struct match_result *result;
};

/* As match_run, and why. *out belongs to scratch and is valid until its next use. */
enum base_result match_explain(const struct match_rules *rules, struct match_scratch *scratch,
                               const struct match_input *input, const struct match_explanation **out);

/*
 * Calls found for each place of the item that the set named `set` (without $)
 * catches, with its words, folded and with a space between; so does no place
 * in furniture. BASE_NOT_FOUND: there is no such set.
 */
typedef void match_word_fn(void *ctx, struct base_span words);
enum base_result match_set_words(const struct match_rules *rules, struct match_scratch *scratch,
                             const struct match_input *input, struct base_span set, match_word_fn *found, void *ctx);

/* Whether two names mean one thing: equal letters and digits, or one is the start of the other ("Leopard", "Leopard 2"). */
bool match_same_name(struct base_span a, struct base_span b);

#endif
