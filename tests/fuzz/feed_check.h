/* What must hold of every document that feed_parse gives out; aborts if it does not. */
#ifndef FEED_CHECK_H
#define FEED_CHECK_H

#include "wirewatch/feed.h"

void feed_check_document(const struct feed_document *document);

#endif
