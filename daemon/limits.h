/*
 * limits: how the file descriptors of the process are shared out, so that
 * everything the configuration allows at once fits below the limit. libzmq
 * takes a whole core while it cannot accept a connection for want of one.
 */
#ifndef WIREWATCH_LIMITS_H
#define WIREWATCH_LIMITS_H

#include "wirewatch/conf.h"

/* Raise the soft limit to the hard one. BASE_LIMIT: it is too low to work with. */
enum base_result limits_raise(const struct conf_settings *settings, struct base_error *err);
/* Connections of subscribers and replay clients at once. */
size_t limits_connections(const struct conf_settings *settings);
/* A poller's share of poll.concurrency; less, and a line in the log, if that does not fit beside so many connections. */
unsigned limits_transfers(const struct conf_settings *settings, size_t connections, struct base_log *log);

#endif
