/* Where `wirewatch match` finds its rules. */
#ifndef CLIENT_MATCH_RULES_H
#define CLIENT_MATCH_RULES_H

#include "wirewatch/match.h"

/*
 * Load the rules from files, folders and globs; none: the folder that
 * WIREWATCH_RULES names, else the installed one. Failures are said on stderr.
 */
enum base_result rules_from_paths(const char *const *paths, size_t count, struct match_rules **out);

#endif
