/*
 * repair: the state shared by the mending of text (repair.c) and of tags
 * (repair_tag.c). Private to feed.
 */
#ifndef WIREWATCH_FEED_REPAIR_H
#define WIREWATCH_FEED_REPAIR_H

#include "document.h"

#define REPAIR_DEPTH 250     /* libxml2 stops at 256 */
#define REPAIR_ATTRIBUTES 64
#define REPAIR_PREFIXES 32

enum repair_mark {
	REPAIR_CONTROL,
	REPAIR_REFERENCE,
	REPAIR_AMPERSAND,
	REPAIR_LESS_THAN,
	REPAIR_CDATA,
	REPAIR_CDATA_END,
	REPAIR_ATTRIBUTE,
	REPAIR_UNCLOSED,
	REPAIR_STRAY,
	REPAIR_MARKS
};

struct repair {
	const char *at, *end;
	struct base_buf *out;
	struct feed_builder *builder;
	bool marked[REPAIR_MARKS]; /* said already */
	bool cut;                  /* the document ends within something */
	size_t entities;           /* named so far */
	size_t mistakes, mends, tags; /* each has a limit, so that the time stays in proportion */
	struct base_span open[REPAIR_DEPTH]; /* names of open elements */
	size_t depth;
	size_t entry;              /* depth of the open item or entry; 0: none */
	bool root_closed;
	size_t root_end;           /* where more attributes of the root fit into out; 0: not seen */
	struct base_span declared[REPAIR_PREFIXES], missing[REPAIR_PREFIXES];
	size_t declared_count, missing_count;
	bool no_quote[2];          /* no " (0) or ' (1) follows any more */
	bool no_cdata_end;
	const char *cdata_end;     /* the last "]]>" found: of all CDATA that starts before it */
};

void repair_note(struct repair *r, enum repair_mark mark);
/* Text of an element (or of an attribute), to out. */
void repair_text(struct repair *r, struct base_span text, bool attribute);

/* repair_tag.c: r->at is at '<'. False: it is no tag, just a character. */
bool repair_start_tag(struct repair *r);
bool repair_end_tag(struct repair *r);
/* What is still open, and prefixes that were never declared. */
enum base_result repair_finish(struct repair *r);

#endif
