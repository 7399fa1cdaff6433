/*
 * names: takes the place of getaddrinfo in a test program, libcurl's calls
 * included, so that a test says what each look-up finds.
 */
#ifndef WIREWATCH_TEST_NAMES_H
#define WIREWATCH_TEST_NAMES_H

#include <stddef.h>

#define NAMES_HANG "hang"

/* Addresses with spaces between; NULL: no such name; NAMES_HANG: no answer until names_release. From any thread. */
typedef const char *names_answer(const char *name);

void names_script(names_answer *answer);
size_t names_most_at_once(void); /* look-ups, since names_script */
size_t names_looked_up(void);
/* Ends those that hang, and waits until no look-up is left. */
void names_release(void);

#endif
