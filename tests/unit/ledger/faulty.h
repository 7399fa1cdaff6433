/* faulty: SQLite's file layer with failures on demand. */
#ifndef WIREWATCH_TESTS_FAULTY_H
#define WIREWATCH_TESTS_FAULTY_H

#include <stdbool.h>

/* Put it before the real file layer; for the whole process. */
int faulty_install(void);
/*
 * Let the n-th write, sync, truncate, open or delete from now on fail with an
 * SQLite result code, and all after it too if lasting. n == 0: no failures.
 */
void faulty_arm(long n, int code, bool lasting);
bool faulty_struck(void); /* since the last faulty_arm */

#endif
