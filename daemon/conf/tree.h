/* The tree of a YAML document, read as far as it can be in spite of mistakes. */
#ifndef WIREWATCH_CONF_TREE_H
#define WIREWATCH_CONF_TREE_H

#include "mistakes.h"
#include "wirewatch/conf.h"

/*
 * Like conf_tree_parse, but notes mistakes and still gives the tree where the
 * document's structure is whole (a duplicate key, say), so that what is in it
 * can be checked in the same go. BASE_SYNTAX: no tree. BASE_OK: a tree; look
 * at the mistakes.
 */
enum base_result conf_tree_read(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out);

/* For tests: the same, with libyaml seeing all of it; and how many items it did not see. */
enum base_result conf_tree_read_whole(struct base_span bytes, struct conf_mistakes *mistakes, struct conf_tree **out);
size_t conf_tree_cut_items(const struct conf_tree *tree);

#endif
