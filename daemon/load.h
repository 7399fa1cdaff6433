/*
 * load: everything a person writes - configuration, feed lists, rules - read
 * and checked together, so that all mistakes are reported in one go.
 */
#ifndef WIREWATCH_LOAD_H
#define WIREWATCH_LOAD_H

#include "wirewatch/conf.h"
#include "wirewatch/match.h"

struct load {
	struct conf *conf;
	struct match_rules *rules; /* NULL: not read yet, or the same as before */
	uint8_t rules_digest[BASE_SHA256_LEN]; /* of the rule files' names and bytes */
	bool same_rules; /* as those loaded before: rules is NULL, for theirs to go on */
};

/* On failure nothing is in *out and problems says why. before: what was loaded last, or NULL. */
enum base_result load_all(const char *path, const struct load *before, struct base_problems *problems, struct load *out);
/* For who may not need the rules: what they are made of is only named. On failure as load_all. */
enum base_result load_but_rules(const char *path, struct base_problems *problems, struct load *out);
/* Then, when they are needed: those that conf names. On failure problems says why. */
enum base_result load_rules(struct conf *conf, struct base_problems *problems, struct match_rules **out);
void load_free(struct load *load); /* zeroed afterwards */

#endif
