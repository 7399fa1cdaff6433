/*
 * issuers: the certificates that thousands of servers have in common, the
 * intermediate ones of their authorities, are decoded once. Private to the
 * room fetch.
 */
#ifndef WIREWATCH_FETCH_ISSUERS_H
#define WIREWATCH_FETCH_ISSUERS_H

#include <stddef.h>

/* From now on, for the whole process: in every handshake. */
void fetch_issuers_remember(void);
size_t fetch_issuers_recognised(void); /* certificates that needed no decoding, so far */

#endif
