/* A rule set and a scratch to try texts on. */
#ifndef TRIAL_H
#define TRIAL_H

#include "wirewatch/match.h"

struct trial {
	struct match_rules *rules;
	struct match_scratch *scratch;
	const struct match_result *result;
};

/* The rules must be good; every helper fails the running test otherwise. */
void trial_open(struct trial *trial, const char *yaml);
void trial_close(struct trial *trial);
void trial_run(struct trial *trial, const char *title, const char *text);
/* Whether the expression fires as the `when` of a rule on text. */
bool expression_fires(const char *when, const char *text);
/* A rule set of one rule and more sections: its other keys, indented by four; the sections. */
void trial_open_rule(struct trial *trial, const char *when, const char *keys, const char *sections);
bool trial_fires(struct trial *trial, const char *title, const char *text);
/* All problems of the rules, one a line; NULL if there are none. The caller frees it. */
char *problems_of(const char *yaml);
/* "a, b" */
const char *list_text(const struct base_span *list, size_t count, struct base_buf *buf);

#endif
