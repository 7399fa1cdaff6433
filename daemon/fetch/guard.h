/*
 * guard: which addresses a feed may lead us to. Private to the room fetch.
 */
#ifndef WIREWATCH_FETCH_GUARD_H
#define WIREWATCH_FETCH_GUARD_H

#include "wirewatch/fetch.h"

#define FETCH_ADDRESS_MAX 46 /* of an address as text, with its end: INET6_ADDRSTRLEN */

struct sockaddr;

/* The address in the form of fetch_range (IPv4 as ::ffff:a.b.c.d); false for other families. */
bool fetch_guard_address(const struct sockaddr *from, uint8_t address[16]);
/* True for public unicast addresses and for those in the allow list. */
bool fetch_guard_allows(const uint8_t address[16], const struct fetch_range *allow, size_t allow_count);
/* IPv4 in its own form. */
void fetch_guard_text(const uint8_t address[16], char text[FETCH_ADDRESS_MAX]);

#endif
