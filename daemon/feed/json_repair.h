/*
 * json_repair: JSON with the mistakes publishers make, mended. Private to feed.
 */
#ifndef WIREWATCH_FEED_JSON_REPAIR_H
#define WIREWATCH_FEED_JSON_REPAIR_H

#include "document.h"

/*
 * A copy of json with control characters in strings, halves of surrogate pairs,
 * unknown escapes and commas before a closing bracket mended, and cut after the last complete
 * item if it breaks off. Each kind of repair is noted.
 */
enum base_result feed_json_repair(struct base_span json, struct base_buf *out, struct feed_builder *builder);

#endif
