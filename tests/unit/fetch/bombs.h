/*
 * bombs: a server in a process of its own that means ill, so that what the
 * test's process needs of memory is the room's doing alone.
 */
#ifndef WIREWATCH_TEST_BOMBS_H
#define WIREWATCH_TEST_BOMBS_H

#include <sys/types.h>

/* Forks, so before any thread. The port; *child is to be killed. */
unsigned bombs_start(pid_t *child);

#endif
