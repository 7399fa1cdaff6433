/*
 * rulebook: the rules, given to whoever reads an entry. With --once they are
 * read from their files when the first entry is to be read: a run that finds
 * nothing new does without them.
 */
#ifndef WIREWATCH_RULEBOOK_H
#define WIREWATCH_RULEBOOK_H

#include "load.h"

struct rulebook;
/* loaded must outlive it. Rules that it lacks are read at first demand; what is wrong in them goes to problems. */
enum base_result rulebook_new(const struct load *loaded, struct base_problems *problems, struct base_log *log,
                              struct rulebook **out);
/*
 * From any thread; one reads them, others wait. They stay as long as the book.
 * On failure it fails for everybody from then on, as nobody should be read by half the rules.
 */
enum base_result rulebook_open(struct rulebook *book, const struct match_rules **rules);
/* Whether it failed. When nobody opens it any more. NULL: no. */
enum base_result rulebook_failed(const struct rulebook *book);
void rulebook_free(struct rulebook *book);

#endif
