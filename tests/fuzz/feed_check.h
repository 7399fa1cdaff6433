/* What must hold of every document that feed_parse gives out; aborts if it does not. */
#ifndef FEED_CHECK_H
#define FEED_CHECK_H

#include "wirewatch/feed.h"

/* Parse bytes as a document served with this Content-Type (NULL: none said) and check what comes out. */
void feed_check_parse(const char *content_type, const uint8_t *bytes, size_t len);

#endif
