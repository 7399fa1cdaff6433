/* Where the commands that run rules find them. */
#ifndef CLIENT_MATCH_RULES_H
#define CLIENT_MATCH_RULES_H

#include "wirewatch/match.h"

/*
 * Load the rules from files, folders and globs; none: the folder that
 * WIREWATCH_RULES names, else the installed one. more: the bytes of one more
 * rule file that is not on disk, or none. Failures are said on stderr in the
 * name of command.
 */
enum base_result rules_from_paths(const char *command, const char *const *paths, size_t count, struct base_span more,
                                  struct match_rules **out);

#endif
