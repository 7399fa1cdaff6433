/* likeness: whether two sketches report the same event, and whether one adds anything to the other. */
#ifndef WIREWATCH_ALERT_LIKENESS_H
#define WIREWATCH_ALERT_LIKENESS_H

#include "sketch.h"

/* By which of their hashes two texts are compared: shingles need two long ones. */
enum sketch_set likeness_set(const struct sketch *a, const struct sketch *b);
/*
 * How surely two texts report the same event; 0: not at all. shared: how many
 * of the hashes that count they are known to share; unseen: how many more
 * there may be, which are then counted.
 */
size_t likeness_of_texts(const struct sketch *a, const struct sketch *b, size_t shared, size_t unseen);
/* Words tell nothing across languages; who, to whom and what does. */
bool likeness_across(const struct sketch *a, const struct sketch *b);
/* True when whatever is like the sketch is like the other too, so that comparing with the other is enough. */
bool likeness_adds_nothing(const struct sketch *sketch, const struct sketch *other);

#endif
