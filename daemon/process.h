/*
 * process: names this process so that a later one can tell whether it is gone.
 */
#ifndef WIREWATCH_PROCESS_H
#define WIREWATCH_PROCESS_H

#include <stdbool.h>

#define PROCESS_NAME_MAX 200

/* "boot b, space s, process p since t": the boot, the space of process numbers, the number, the time of its start. */
void process_name(char out[PROCESS_NAME_MAX]);
/* True only when the process of that name certainly lives no more: it was of this boot and space, and is not there. */
bool process_gone(const char *name);
/* True only when it certainly is this process's own. */
bool process_is_self(const char *name);

#endif
