/* cut: a way to the database that ends at the worst moment, right before or right after a commit. */
#ifndef WIREWATCH_TESTS_CUT_H
#define WIREWATCH_TESTS_CUT_H

#include <stddef.h>

enum cut_moment { CUT_NEVER, CUT_BEFORE_COMMIT, CUT_AFTER_COMMIT };

struct cut;
/* server: an address of a database through a socket in a folder; uri gets the address of the way to it. */
struct cut *cut_new(const char *server, char *uri, size_t size);
void cut_free(struct cut *cut);
/* The next commit on the way is cut; then it is whole again. */
void cut_at(struct cut *cut, enum cut_moment moment);

#endif
