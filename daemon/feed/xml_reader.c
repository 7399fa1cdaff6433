/*
 * xml_reader: libxml2's SAX2 events to fields of the builder.
 *
 * Each open element has a frame that says what stands in it. While a field's
 * text is collected, elements in it are written out again as markup.
 */
#include "config.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "xml_reader.h"

#define MOST_NAMES 10000     /* distinct names in one document: libxml2's dictionary is quadratic */
#define MOST_NAMESPACES 256  /* in scope: each lookup walks through them */
#define MOST_ERRORS 2000     /* each costs a formatted message */
#define MOST_PREFIX_ERRORS 300
#define MOST_PARTS 600000    /* elements and attributes: ten thousand rich entries have fewer */
#define MOST_TEXTS 2000000   /* stretches of text between tags and references */
#define MOST_UNDEFINED 20    /* entities; after that it is clear what is needed */
#define LONGEST_BASE 2048
#define BASE_SHARE 64        /* bytes of a base: to resolve against them takes as long as another element */
#define LONGEST_LANGUAGE 64
#define LONGEST_PERSON 2048

static void stop(struct xml_reader *r, enum feed_ending ending, enum base_result result, const char *why)
{
	if (r->stopped)
		return;
	r->stopped = true;
	r->reading->ending = ending;
	r->reading->result = base_fail(&r->reading->why, result, "%s", why);
	xmlStopParser(r->ctxt);
}


/* ---- frames ----------------------------------------------------------------- */

static struct base_span stacked(const struct base_buf *stack, size_t start, size_t end)
{
	return end > start ? (struct base_span){stack->data + start, end - start} : BASE_NONE;
}

struct base_span xml_reader_base(const struct xml_reader *r)
{
	const struct xml_frame *frame = &r->frames[r->depth - 1];

	return stacked(&r->bases, frame->base_start, frame->base_end);
}

struct base_span xml_reader_language(const struct xml_reader *r)
{
	const struct xml_frame *frame = &r->frames[r->depth - 1];

	return stacked(&r->languages, frame->language_start, frame->language_end);
}

/* xml:base (W3C XML Base): against the base in force, else against the document's address. */
static void push_base(struct xml_reader *r, struct xml_frame *frame, struct base_span reference)
{
	struct base_span outer = stacked(&r->bases, frame->base_start, frame->base_end);
	struct base_buf resolved;

	if (reference.len > LONGEST_BASE)
		return;
	r->parts += outer.len / BASE_SHARE;
	base_buf_init(&resolved, LONGEST_BASE);
	if (feed_link_resolve(outer.ptr ? outer : r->builder->input->url, base_span_trim(reference), &resolved) == BASE_OK) {
		frame->base_start = r->bases.len;
		if (base_buf_add_span(&r->bases, base_buf_span(&resolved)) == BASE_OK)
			frame->base_end = r->bases.len;
		else
			stop(r, FEED_REFUSED, r->bases.failed, "too many xml:base");
	}
	base_buf_free(&resolved);
}

static void push_language(struct xml_reader *r, struct xml_frame *frame, struct base_span language)
{
	language = base_span_trim(language);
	if (language.len > LONGEST_LANGUAGE)
		return;
	frame->language_start = r->languages.len;
	if (base_buf_add_span(&r->languages, language) == BASE_OK)
		frame->language_end = r->languages.len;
	else
		stop(r, FEED_REFUSED, r->languages.failed, "too many xml:lang");
}

static struct xml_frame *push(struct xml_reader *r, const struct xml_tag *tag)
{
	if (r->depth == XML_READER_DEPTH) {
		stop(r, FEED_REFUSED, BASE_LIMIT, "elements are nested too deeply");
		return NULL;
	}
	struct xml_frame *frame = &r->frames[r->depth];
	if (r->depth)
		*frame = r->frames[r->depth - 1];
	else
		*frame = (struct xml_frame){0};
	frame->element = NULL;
	frame->bases_before = r->bases.len;
	frame->languages_before = r->languages.len;
	frame->namespaces += tag->namespace_count;
	frame->wrapper = false;
	r->depth++;
	r->parts += 1 + tag->attribute_count;
	if (r->parts > MOST_PARTS)
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many elements and attributes");
	else if (frame->namespaces > MOST_NAMESPACES)
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many namespaces at once");
	else if (xmlDictSize(r->ctxt->dict) > MOST_NAMES)
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many different names");
	/* once stopped, libxml2 has freed the document, in which the values of attributes stand */
	for (size_t i = 0; i < tag->attribute_count && !r->stopped; i++) {
		struct xml_attribute attribute = xml_tag_attribute(tag, i);
		if (!attribute.prefix || strcmp(attribute.prefix, "xml") != 0)
			continue;
		r->parts += 3; /* what these cost more */
		if (strcmp(attribute.name, "base") == 0)
			push_base(r, frame, attribute.value);
		else if (strcmp(attribute.name, "lang") == 0)
			push_language(r, frame, attribute.value);
	}
	return frame;
}

/* ---- SAX -------------------------------------------------------------------- */

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
                     const xmlChar **namespaces, int attribute_count, int default_count, const xmlChar **attributes)
{
	struct xml_reader *r = ctx;
	struct xml_tag tag = {
		.name = (const char *)name,
		.prefix = (const char *)prefix,
		.uri = (const char *)uri,
		.namespace_count = (size_t)namespace_count,
		.attribute_count = (size_t)attribute_count,
		.attributes = attributes,
	};
	(void)namespaces;
	(void)default_count;

	if (r->stopped)
		return;
	struct xml_frame *frame = push(r, &tag);
	if (!frame || r->stopped)
		return;
	if (r->capture) {
		xml_capture_start(r, &tag);
		return;
	}
	xml_element_start(r, &tag, frame);
	if (r->builder->failed != BASE_OK)
		stop(r, FEED_REFUSED, r->builder->failed,
		     r->builder->failed == BASE_LIMIT ? "too many entries" : base_result_text(r->builder->failed));
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_reader *r = ctx;
	(void)prefix;
	(void)uri;

	if (r->stopped || r->depth == 0)
		return;
	struct xml_frame *frame = &r->frames[r->depth - 1];
	if (r->capture && r->depth > r->capture_depth)
		xml_capture_end(r, (const char *)name, frame);
	else
		xml_element_end(r, frame);
	r->bases.len = frame->bases_before;
	r->languages.len = frame->languages_before;
	r->depth--;
	if (r->builder->failed != BASE_OK)
		stop(r, FEED_REFUSED, r->builder->failed, base_result_text(r->builder->failed));
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct xml_reader *r = ctx;

	if (r->stopped)
		return;
	if (++r->texts > MOST_TEXTS) {
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many character references");
		return;
	}
	struct base_span piece = {(const char *)text, (size_t)len};
	if (r->shortened)
		piece = feed_references_restore(piece, &r->in_reference, &r->restored);
	if (r->restored.failed) {
		stop(r, FEED_REFUSED, r->restored.failed, base_result_text(r->restored.failed));
		return;
	}
	if (!r->capture) {
		/* <author>Jane Roe</author> */
		if (r->depth && r->frames[r->depth - 1].place == IN_PERSON && r->person_rank > XML_PERSON_EMAIL)
			base_buf_add_span(&r->person, piece);
		return;
	}
	xml_capture_text(r, piece);
	if (r->text.failed != BASE_OK)
		stop(r, FEED_REFUSED, r->text.failed, "a text is too long");
}

/* An end tag of elements of this name, with or without prefix. */
static bool has_end_tag(struct base_span text, const char *name)
{
	const char *end = text.ptr + text.len, *close = NULL;
	const size_t len = strlen(name);

	for (const char *tag = text.ptr; (tag = memchr(tag, '<', (size_t)(end - tag))); tag++) {
		if (end - tag < 2 || tag[1] != '/')
			continue;
		if (!close || close < tag) /* else it ends this one too */
			close = memchr(tag, '>', (size_t)(end - tag));
		if (!close)
			return false;
		if ((size_t)(close - tag) >= len + 2 && base_span_is_nocase((struct base_span){close - len, len}, name) &&
		    (close[-(ptrdiff_t)len - 1] == '/' || close[-(ptrdiff_t)len - 1] == ':'))
			return true;
	}
	return false;
}

/*
 * A CDATA section whose end was forgotten swallows what follows up to the end
 * of the next one, and the document is well formed all the same: the end tag
 * of this very element stands in it, then the start of another section.
 */
static bool swallows(const struct xml_reader *r, struct base_span text)
{
	static const char mark[] = "<![CDATA[";
	const size_t len = sizeof mark - 1;
	const char *end = text.ptr + text.len;

	for (const char *at = text.ptr; (at = memchr(at, '[', (size_t)(end - at))); at++) {
		const char *start = at + 1 - len;
		if (start >= text.ptr && memcmp(start, mark, len) == 0)
			return has_end_tag((struct base_span){text.ptr, (size_t)(start - text.ptr)}, r->capture->name);
	}
	return false;
}

static void on_cdata(void *ctx, const xmlChar *text, int len)
{
	struct xml_reader *r = ctx;

	if (!r->stopped && r->capture && !r->recover && r->builder->in_entry &&
	    swallows(r, (struct base_span){(const char *)text, (size_t)len}))
		stop(r, FEED_BROKEN, BASE_SYNTAX, "a CDATA section is not closed");
	else
		on_text(ctx, text, len);
}

/* Only a DOCTYPE with an address (Netscape's RSS 0.91 has one) lets undefined entities pass as no error. */
static xmlEntityPtr on_entity(void *ctx, const xmlChar *name)
{
	struct xml_reader *r = ctx;
	xmlEntityPtr predefined = xmlGetPredefinedEntity(name);

	if (!predefined && ++r->undefined > MOST_UNDEFINED && !r->recover)
		xmlStopParser(r->ctxt);
	if (!predefined && xmlDictSize(r->ctxt->dict) > MOST_NAMES)
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many different names");
	return predefined;
}

static void on_instruction(void *ctx, const xmlChar *target, const xmlChar *data)
{
	struct xml_reader *r = ctx;
	(void)target;
	(void)data;

	if (!r->stopped && xmlDictSize(r->ctxt->dict) > MOST_NAMES)
		stop(r, FEED_REFUSED, BASE_LIMIT, "too many different names");
}

static void refuse_declaration(struct xml_reader *r)
{
	stop(r, FEED_REFUSED, BASE_DENIED, "the document declares entities or elements of its own, which is refused");
}

static void on_entity_declaration(void *ctx, const xmlChar *name, int type, const xmlChar *public_id,
                                  const xmlChar *system_id, xmlChar *content)
{
	(void)name;
	(void)type;
	(void)public_id;
	(void)system_id;
	(void)content;
	refuse_declaration(ctx);
}

static void on_unparsed_declaration(void *ctx, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id,
                                    const xmlChar *notation)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	(void)notation;
	refuse_declaration(ctx);
}

static void on_notation_declaration(void *ctx, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	refuse_declaration(ctx);
}

static void on_attribute_declaration(void *ctx, const xmlChar *element, const xmlChar *full_name, int type, int def,
                                     const xmlChar *value, xmlEnumerationPtr tree)
{
	(void)element;
	(void)full_name;
	(void)type;
	(void)def;
	(void)value;
	xmlFreeEnumeration(tree); /* ours, as libxml2's own handler has it */
	refuse_declaration(ctx);
}

static void on_element_declaration(void *ctx, const xmlChar *name, int type, xmlElementContentPtr content)
{
	(void)name;
	(void)type;
	(void)content;
	refuse_declaration(ctx);
}

static bool is_early_end(const struct xml_reader *r, int code)
{
	switch (code) {
	case XML_ERR_TAG_NOT_FINISHED:
	case XML_ERR_CDATA_NOT_FINISHED:
	case XML_ERR_COMMENT_NOT_FINISHED:
	case XML_ERR_PI_NOT_FINISHED:
	case XML_ERR_ATTRIBUTE_NOT_FINISHED:
		return true;
	default:
		return r->ctxt->input && r->ctxt->input->end - r->ctxt->input->cur <= 1;
	}
}

/*
 * The prefix tells what is meant; but libxml2 makes an error of each, so when
 * they are many it is cheaper to mend the document (feed_xml_repair declares them).
 */
static void note_prefix(struct xml_reader *r, xmlErrorPtr error)
{
	if (error->str1)
		feed_builder_repair(r->builder, "undeclared prefix %s", error->str1);
	if (++r->prefix_errors <= MOST_PREFIX_ERRORS)
		return;
	if (r->reading->ending == FEED_WHOLE) {
		r->reading->ending = FEED_BROKEN;
		r->reading->result = base_fail(&r->reading->why, BASE_LIMIT, "too many undeclared prefixes");
	}
	xmlStopParser(r->ctxt);
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	struct xml_reader *r = ctx;

	if (r->stopped || error->level < XML_ERR_ERROR)
		return;
	if (error->code == XML_NS_ERR_UNDEFINED_NAMESPACE) {
		note_prefix(r, error);
		return;
	}
	if (error->level != XML_ERR_FATAL)
		return;
	if (r->errors++ == 0) {
		struct base_span message = base_span_trim(base_span_of(error->message));
		r->reading->ending = error->code == XML_ERR_DOCUMENT_END && r->root_closed ? FEED_TAIL
		                     : is_early_end(r, error->code)                        ? FEED_CUT
		                                                                           : FEED_BROKEN;
		r->reading->result = base_fail(&r->reading->why, BASE_SYNTAX, "line %d: %.*s", error->line,
		                               (int)(message.len < 200 ? message.len : 200), message.len ? message.ptr : "");
	} else if (r->errors > MOST_ERRORS) {
		xmlStopParser(r->ctxt);
	}
}

static const xmlSAXHandler handlers = {
	.initialized = XML_SAX2_MAGIC,
	.getEntity = on_entity,
	.entityDecl = on_entity_declaration,
	.unparsedEntityDecl = on_unparsed_declaration,
	.notationDecl = on_notation_declaration,
	.attributeDecl = on_attribute_declaration,
	.elementDecl = on_element_declaration,
	.startElementNs = on_start,
	.endElementNs = on_end,
	.characters = on_text,
	.ignorableWhitespace = on_text,
	.cdataBlock = on_cdata,
	.processingInstruction = on_instruction,
	.serror = on_error,
};

/* ---- the door ------------------------------------------------------------------ */

static enum base_result parse(struct xml_reader *r, struct base_span xml)
{
	/* The charset is decided already, whatever the declaration says. Never NOENT, DTDLOAD or HUGE. */
	int options = XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | (r->recover ? XML_PARSE_RECOVER : 0);

	r->ctxt = xmlNewParserCtxt();
	if (!r->ctxt)
		return BASE_NO_MEMORY;
	*r->ctxt->sax = handlers;
	r->ctxt->userData = r;
	xmlDocPtr doc = xmlCtxtReadMemory(r->ctxt, xml.ptr, (int)xml.len, NULL, NULL, options);
	bool no_memory = r->ctxt->errNo == XML_ERR_NO_MEMORY;
	if (doc)
		xmlFreeDoc(doc);
	if (r->ctxt->myDoc) {
		xmlFreeDoc(r->ctxt->myDoc);
		r->ctxt->myDoc = NULL;
	}
	xmlFreeParserCtxt(r->ctxt);
	return no_memory ? BASE_NO_MEMORY : BASE_OK;
}

/* An entry that was being read when the document broke off is not kept: the next poll has it whole. */
static void conclude(struct xml_reader *r)
{
	struct feed_reading *reading = r->reading;

	feed_builder_close_entry(r->builder, false);
	if (r->stopped)
		return;
	if (r->undefined && reading->ending == FEED_WHOLE) {
		reading->ending = FEED_BROKEN;
		reading->result = base_fail(&reading->why, BASE_SYNTAX, "an entity is not defined");
	}
	if (!r->builder->format && reading->ending == FEED_WHOLE) {
		reading->ending = FEED_NO_FEED;
		reading->result = base_fail(&reading->why, BASE_SYNTAX, "no feed");
	}
}

enum base_result feed_xml_read(struct base_span xml, bool recover, struct feed_builder *builder,
                               struct feed_reading *reading)
{
	struct xml_reader *r = malloc(sizeof *r);

	if (!r)
		return BASE_NO_MEMORY;
	memset(r, 0, offsetof(struct xml_reader, frames));
	*reading = (struct feed_reading){.ending = FEED_WHOLE};
	if (xml.len > INT32_MAX)
		xml.len = INT32_MAX;
	r->builder = builder;
	r->reading = reading;
	r->recover = recover;
	base_buf_init(&r->text, xml.len > SIZE_MAX / 8 ? SIZE_MAX : 8 * xml.len + 64);
	base_buf_init(&r->person, LONGEST_PERSON);
	base_buf_init(&r->bases, XML_READER_DEPTH * LONGEST_BASE);
	base_buf_init(&r->languages, XML_READER_DEPTH * LONGEST_LANGUAGE);
	base_buf_init(&r->restored, xml.len);
	struct base_buf shorter;
	base_buf_init(&shorter, xml.len);
	r->shortened = !recover && feed_references_shorten(xml, &shorter);
	enum base_result result = parse(r, r->shortened ? base_buf_span(&shorter) : xml);
	base_buf_free(&shorter);
	if (result == BASE_OK)
		conclude(r);
	base_buf_free(&r->text);
	base_buf_free(&r->restored);
	base_buf_free(&r->person);
	base_buf_free(&r->bases);
	base_buf_free(&r->languages);
	free(r);
	return result;
}
