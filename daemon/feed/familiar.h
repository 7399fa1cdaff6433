/*
 * familiar: entries that stand in a document as they stood in the one before,
 * byte for byte, and so need not be read. Private to feed.
 */
#ifndef WIREWATCH_FEED_FAMILIAR_H
#define WIREWATCH_FEED_FAMILIAR_H

#include "document.h"

#define FAMILIAR_MOST 100 /* entries of a document that is remembered: at most 1.6 KB for each feed */

struct feed_slice {
	struct base_span bytes; /* from the start tag to the end tag of an entry's element */
	uint64_t digest;        /* of these bytes and of all tags around them; not 0 */
	size_t known;           /* its place in the set; FAMILIAR_MOST: it is not in it */
};

struct feed_slices {
	struct feed_slice slices[FAMILIAR_MOST];
	size_t count;
	size_t familiar; /* how many of them are in the set */
};

/*
 * slices.c: find the entries of UTF-8 XML: elements "item" and "entry" within the root element, or within a channel in it;
 * and which of them are in set, which may be NULL. False: it is not to be sliced. What comes of a document that is not
 * well formed means nothing.
 */
bool feed_slices_find(struct base_span xml, const struct feed_familiar *set, struct feed_slices *out);

/* familiar.c: what is looked for at place `next` of set: its digest and how long it is. False: there is nothing. */
bool feed_familiar_guess(const struct feed_familiar *set, size_t next, uint64_t *digest, size_t *len);
/* The place of a digest in set, that at or after `next` first; FAMILIAR_MOST: it is not there. */
size_t feed_familiar_find(const struct feed_familiar *set, uint64_t digest, size_t next);
/* The document is read whole: nothing is familiar. */
void feed_slices_forget(struct feed_slices *slices);
/* xml without the familiar slices to out, which is empty. */
enum base_result feed_slices_cut(struct base_span xml, const struct feed_slices *slices, struct base_buf *out);
/* What makes entries what they are beside their bytes is as it was. */
bool feed_familiar_holds(const struct feed_familiar *set, const struct feed_owned *fresh, base_time now);
/*
 * Does an entry have a key, link_key or title_key of an entry left out? Then one tells which the other is. Now and then
 * wrongly true.
 */
bool feed_slices_share_keys(const struct feed_slices *slices, const struct feed_familiar *set,
                            const struct feed_owned *fresh);
/*
 * The set for the next document, or NULL: of this document, read without any mending, whose entries are those of the
 * slices that are not familiar by set (or all, when none are).
 */
struct feed_familiar *feed_familiar_new(const struct feed_slices *slices, const struct feed_familiar *set,
                                        const struct feed_owned *read, base_time now);

#endif
