/*
 * familiar: entries that stand in a document as they stood in the one before,
 * byte for byte, and so need not be read. Private to feed.
 */
#ifndef WIREWATCH_FEED_FAMILIAR_H
#define WIREWATCH_FEED_FAMILIAR_H

#include "document.h"

#define FAMILIAR_MOST 100 /* entries of a document that is remembered: at most 1 KB for each feed */

struct feed_slice {
	struct base_span bytes; /* from the start tag to the end tag of an entry's element */
	uint64_t digest;        /* of these bytes and of all tags around them */
	size_t known;           /* its place in the set; FAMILIAR_MOST: it is not in it. Of feed_slices_compare, as is */
};

struct feed_slices {
	struct feed_slice slices[FAMILIAR_MOST];
	size_t count;
	size_t familiar; /* how many are in the set */
};

/*
 * slices.c: find the entries of UTF-8 XML: elements "item" and "entry" within the root element, or within a channel in it.
 * False: it is not to be sliced. What comes of a document that is not well formed means nothing.
 */
bool feed_slices_find(struct base_span xml, struct feed_slices *out);

/* familiar.c: look the slices up in set, which may be NULL: then none is familiar. */
void feed_slices_compare(struct feed_slices *slices, const struct feed_familiar *set);
/* xml without the familiar slices to out, which is empty. */
enum base_result feed_slices_cut(struct base_span xml, const struct feed_slices *slices, struct base_buf *out);
/* What makes entries what they are beside their bytes is as it was. */
bool feed_familiar_holds(const struct feed_familiar *set, const struct feed_owned *fresh, base_time now);
/* Does an entry have a key that an entry left out has, or may have? Then one tells how the other is to be named. */
bool feed_slices_share_keys(const struct feed_slices *slices, const struct feed_familiar *set,
                            const struct feed_owned *fresh);
/*
 * The set for the next document, or NULL: of this document, read without any mending, whose entries are those of the
 * slices that are not familiar by set (or all, when none are).
 */
struct feed_familiar *feed_familiar_new(const struct feed_slices *slices, const struct feed_familiar *set,
                                        const struct feed_owned *read, base_time now);

#endif
