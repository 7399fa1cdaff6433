/* faulty: SQLite's file layer, and its and jansson's memory, with failures on demand. */
#ifndef WIREWATCH_TESTS_FAULTY_H
#define WIREWATCH_TESTS_FAULTY_H

#include <stdbool.h>

/* Put it before the real ones; for the whole process, before either library is used. */
int faulty_install(void);
/*
 * Let the n-th write, sync, truncate, open or delete from now on fail with an
 * SQLite result code, and all after it too if lasting. n == 0: no failures.
 */
void faulty_arm(long n, int code, bool lasting);
/* The same for the n-th allocation of SQLite or jansson. */
void faulty_arm_memory(long n);
bool faulty_struck(void); /* since the last arming */

#endif
