/* document: how the files that make a feed_document play together. Private to feed. */
#ifndef WIREWATCH_FEED_DOCUMENT_H
#define WIREWATCH_FEED_DOCUMENT_H

#include "builder.h"

/* What feed_parse gives out; the document lies within its own arena. */
struct feed_owned {
	struct feed_document document;
	struct base_arena *arena;
	uint64_t context; /* a hash of all that entries take from the feed */
	bool shared_ids;  /* entries would have shared a key, or do */
	struct feed_familiar *familiar; /* all entries of the document, or NULL */
};

/* How one reading of the document ended. */
enum feed_ending {
	FEED_WHOLE,     /* read to its end without an error */
	FEED_TAIL,      /* whole, but something follows the root element */
	FEED_CUT,       /* ends too early; entries complete until then */
	FEED_BROKEN,    /* an error in the middle */
	FEED_NO_FEED,   /* XML, but no feed: no use to try again */
	FEED_REFUSED,   /* against the limits: no use to try again */
};

struct feed_reading {
	enum feed_ending ending;
	enum base_result result; /* of FEED_REFUSED and FEED_NO_FEED */
	struct base_error why;   /* of every ending but FEED_WHOLE */
};

/*
 * xml_reader.c: read UTF-8 XML into the builder. recover: go on after errors.
 * Undefined entities count as errors whatever the DOCTYPE says.
 */
enum base_result feed_xml_read(struct base_span xml, bool recover, struct feed_builder *builder,
                               struct feed_reading *reading);

/*
 * guard.c: refuse what would keep libxml2 busy beyond the document's share.
 * *too_long: a CDATA section is longer than libxml2 takes; no use to try.
 */
enum base_result feed_xml_guard(struct base_span xml, bool *too_long, struct base_error *err);

/* guard.c: past the tag, CDATA section, comment or instruction that xml begins with; of a DOCTYPE to its '>' or '['. */
const char *feed_xml_skip(struct base_span xml);

/*
 * references.c: write UTF-8 XML to out, which is empty, with the commonest
 * references in its character data as two bytes each. False: there are none,
 * or it cannot be done; out is not to be used.
 */
bool feed_references_shorten(struct base_span xml, struct base_buf *out);
/*
 * The character data as it was meant; valid until out is used again. *open, at
 * first false: the piece before ended in the midst of a reference. BASE_NONE:
 * out->failed says why.
 */
struct base_span feed_references_restore(struct base_span text, bool *open, struct base_buf *out);

/* repair.c: a copy of the document with everything mended that can be mended byte by byte; each repair is noted. */
enum base_result feed_xml_repair(struct base_span xml, struct base_buf *out, struct feed_builder *builder);

/* json_reader.c: JSON Feed 1.0 and 1.1. */
enum base_result feed_json_read(struct base_span json, struct feed_builder *builder, struct base_error *err);

#endif
