/*
 * show: a parsed feed on standard output.
 */
#ifndef WIREWATCH_CLIENT_SHOW_H
#define WIREWATCH_CLIENT_SHOW_H

#include "wirewatch/feed.h"

/* Each returns an enum client_exit; what failed was said on stderr. */
int show_feed(const struct feed_document *document);      /* for people */
int show_feed_json(const struct feed_document *document); /* one JSON object on one line */

#endif
