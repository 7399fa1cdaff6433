/*
 * Datagrams to a local log socket: what the senders to syslog and to the journal share.
 */
#ifndef PUBLISH_DATAGRAM_H
#define PUBLISH_DATAGRAM_H

#include "wirewatch/publish.h"

#define PUBLISH_NOTICE_MAX 512

struct publish_datagrams;
/* Writes the datagram that tells of lost ones into out; its length. */
typedef size_t publish_notice_fn(void *ctx, uint64_t lost, char out[PUBLISH_NOTICE_MAX]);

/* queue_max 0: 1,024. BASE_INVALID: the path is too long. */
enum base_result publish_datagrams_new(const char *path, size_t queue_max, publish_notice_fn *notice, void *ctx,
                                       struct publish_datagrams **out);
void publish_datagrams_free(struct publish_datagrams *sender); /* tries once more to send what waits; NULL is fine */
void publish_datagrams_send(struct publish_datagrams *sender, const char *bytes, size_t len);
void publish_datagrams_flush(struct publish_datagrams *sender);
size_t publish_datagrams_waiting(struct publish_datagrams *sender);
uint64_t publish_datagrams_dropped(struct publish_datagrams *sender);

#endif
