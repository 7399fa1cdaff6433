/* A document read with its runs apart and by libyaml alone: both must come to the same. */
#ifndef WIREWATCH_TEST_BOTH_WAYS_H
#define WIREWATCH_TEST_BOTH_WAYS_H

#include "wirewatch/base.h"

/* What differs, or NULL. cut: items that libyaml did not see, 0 without a tree; may be NULL. */
const char *both_ways(struct base_span bytes, size_t *cut);

#endif
