/*
 * xml_reader: the state shared by the SAX handlers (xml_reader.c), the meaning
 * of elements (xml_element.c) and the collecting of text (xml_capture.c).
 * Private to feed.
 */
#ifndef WIREWATCH_FEED_XML_READER_H
#define WIREWATCH_FEED_XML_READER_H

#include <libxml/parser.h>

#include "document.h"
#include "elements.h"

#define XML_READER_NAMESPACES 16 /* remembered; a power of two */
#define XML_READER_ELEMENTS 64   /* the same */
#define XML_READER_DEPTH 300 /* libxml2 stops at 256 */

struct xml_attribute {
	const char *name, *prefix;
	struct base_span value;
};

struct xml_tag {
	const char *name, *prefix, *uri;
	size_t namespace_count, attribute_count;
	const xmlChar **attributes; /* five pointers each, as libxml2 gives them */
};

struct xml_frame {
	const struct feed_element *element; /* what the element is; NULL: nothing of ours */
	uint16_t place;                     /* of what stands in it */
	bool wrapper;                       /* the div around XHTML content, which is not part of it */
	size_t namespaces;
	size_t base_start, base_end, bases_before;
	size_t language_start, language_end, languages_before;
};

/* What a person is called by, the best first. */
enum { XML_PERSON_NAME, XML_PERSON_EMAIL, XML_PERSON_TEXT };

enum capture_mode {
	CAPTURE_TEXT,   /* character data as it is; becomes markup at the first element in it */
	CAPTURE_MIXED,  /* character data that is HTML, with elements between */
	CAPTURE_PLAIN,  /* character data only; elements in it are passed over */
	CAPTURE_MARKUP, /* character data is escaped again */
	CAPTURE_BASE64,
};

struct xml_namespace {
	const char *uri, *prefix;
	uint16_t ns; /* 0: nothing kept here yet */
};

/* What was found for an element: libxml2 keeps one copy of each name, so its address is enough. */
struct xml_known_element {
	const char *name; /* NULL: nothing kept here yet */
	uint16_t ns, place;
	const struct feed_element *element;
};

struct xml_reader {
	xmlParserCtxtPtr ctxt;
	struct feed_builder *builder;
	struct feed_reading *reading;
	bool recover, stopped;
	bool in_channel;       /* the feed's own element was seen */
	bool root_closed;
	size_t errors, prefix_errors, undefined, parts, texts;
	uint16_t native;       /* namespace of the root element */
	size_t depth;
	struct xml_namespace known[XML_READER_NAMESPACES];
	struct xml_known_element elements[XML_READER_ELEMENTS];
	struct base_buf bases, languages; /* stacks of what xml:base and xml:lang said */

	const struct feed_element *capture; /* the element whose text is collected */
	size_t capture_depth;
	enum capture_mode mode;
	enum feed_kind kind;
	bool permalink;                     /* the guid may serve as link */
	bool wrapped;                       /* XHTML: one div is to be left out */
	size_t entry_depth;
	struct base_buf text;
	struct base_buf restored; /* character data whose references were shortened */
	bool shortened, in_reference;

	struct base_buf person; /* name, else address, of the person being read */
	uint8_t person_rank;

	struct xml_frame frames[XML_READER_DEPTH]; /* last: filled when pushed, not before */
};

struct xml_attribute xml_tag_attribute(const struct xml_tag *tag, size_t index);
/* The value of an attribute without prefix; or BASE_NONE. Case is ignored. */
struct base_span xml_tag_value(const struct xml_tag *tag, const char *name);

struct base_span xml_reader_base(const struct xml_reader *r);
struct base_span xml_reader_language(const struct xml_reader *r);

/* xml_element.c */
void xml_element_start(struct xml_reader *r, const struct xml_tag *tag, struct xml_frame *frame);
void xml_element_end(struct xml_reader *r, struct xml_frame *frame);

/* xml_capture.c */
void xml_capture_open(struct xml_reader *r, const struct feed_element *element, enum capture_mode mode,
                      enum feed_kind kind);
void xml_capture_start(struct xml_reader *r, const struct xml_tag *tag);
void xml_capture_end(struct xml_reader *r, const char *name, struct xml_frame *frame);
void xml_capture_text(struct xml_reader *r, struct base_span text);
/* What was collected, trimmed (BASE64: decoded); valid until the next capture. */
struct base_span xml_capture_close(struct xml_reader *r);

#endif
