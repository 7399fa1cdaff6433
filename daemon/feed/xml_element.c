/* xml_element: what is done at the start and the end of an element of ours. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xml_reader.h"

#define DESCRIPTION_RANK 0 /* of these elements in RSS: elements.c */
#define SUMMARY_RANK 3
#define SECOND_TEXT_RANK 4
#define RDF_ABOUT_RANK 2
#define GUID_LINK_RANK 2
#define OTHER_TYPE_LINK_RANK 3 /* an alternate that is no page: another feed, a PDF */
#define SOURCE_LINK_RANK 5
#define RELATED_LINK_RANK 6
#define ENCLOSURE_LINK_RANK 7 /* all there is of a recording */
#define LONGEST_HINT 1000000 /* minutes, or updates per period; anything above is nonsense */

static struct base_span decode_ampersands(struct xml_reader *r, struct base_span value)
{
	/* libxml2 gives the ampersand of an attribute as "&#38;" unless told to replace entities. */
	static const char mark[] = "&#38;";
	const size_t mark_len = sizeof mark - 1;

	if (!value.len || !memmem(value.ptr, value.len, mark, mark_len))
		return value;
	char *out = base_arena_alloc(r->builder->arena, value.len);
	size_t len = 0;
	if (!out)
		return BASE_NONE;
	for (size_t i = 0; i < value.len; len++) {
		out[len] = value.ptr[i];
		i += value.len - i >= mark_len && memcmp(value.ptr + i, mark, mark_len) == 0 ? mark_len : 1;
	}
	return (struct base_span){out, len};
}

struct xml_attribute xml_tag_attribute(const struct xml_tag *tag, size_t index)
{
	const xmlChar **a = tag->attributes + 5 * index;

	return (struct xml_attribute){
		.name = (const char *)a[0],
		.prefix = (const char *)a[1],
		.value = {(const char *)a[3], (size_t)(a[4] - a[3])},
	};
}

static struct base_span attribute(const struct xml_tag *tag, const char *name, bool prefixed)
{
	for (size_t i = 0; i < tag->attribute_count; i++) {
		struct xml_attribute attribute = xml_tag_attribute(tag, i);
		if ((attribute.prefix != NULL) == prefixed && base_span_is_nocase(base_span_of(attribute.name), name))
			return attribute.value;
	}
	return BASE_NONE;
}

struct base_span xml_tag_value(const struct xml_tag *tag, const char *name)
{
	return attribute(tag, name, false);
}

static void set(struct xml_reader *r, enum feed_field field, struct base_span text, enum feed_kind kind, uint8_t rank)
{
	feed_builder_set(r->builder, field,
	                 (struct feed_value){.text = text, .base = xml_reader_base(r), .kind = kind, .rank = rank});
}

/* RSS has one link; where there are several all the same, the last one is meant. */
static void set_link(struct xml_reader *r, struct base_span text)
{
	if (text.len)
		feed_builder_replace(r->builder, FEED_LINK,
		                     (struct feed_value){.text = text, .base = xml_reader_base(r)});
}

/* ---- the document and its entries ---------------------------------------------- */

static void open_feed(struct xml_reader *r, struct xml_frame *frame)
{
	struct base_span language = xml_reader_language(r);

	frame->place = IN_FEED;
	if (r->depth > 2 || r->builder->in_entry)
		r->builder->odd = true;
	if (language.len && !r->builder->feed.language.ptr)
		r->builder->feed.language = base_arena_copy(r->builder->arena, language);
}

static bool is_channel(const struct xml_frame *frame)
{
	return frame->element && frame->element->action == ACT_FEED;
}

static void open_entry(struct xml_reader *r, const struct xml_tag *tag, struct xml_frame *frame)
{
	struct base_span language = xml_reader_language(r);

	frame->place = IN_ENTRY;
	if (r->depth != 2 && !(r->depth == 3 && is_channel(&r->frames[1])))
		r->builder->odd = true;
	feed_builder_open_entry(r->builder);
	if (!r->builder->in_entry)
		return;
	struct feed_draft *draft = feed_builder_draft(r->builder);
	draft->language = r->builder->feed.language;
	if (language.len && !base_span_equal(language, draft->language))
		draft->language = base_arena_copy(r->builder->arena, language);
	set(r, FEED_ID, base_span_trim(decode_ampersands(r, attribute(tag, "about", true))), FEED_PLAIN, RDF_ABOUT_RANK);
}

static void open_root(struct xml_reader *r, const struct xml_tag *tag, struct xml_frame *frame)
{
	char version[8] = "";
	struct base_span value = base_span_trim(xml_tag_value(tag, "version"));

	if (value.len < sizeof version && value.len)
		memcpy(version, value.ptr, value.len);
	r->builder->format = feed_format(tag->name, tag->uri, version);
	if (!r->builder->format) {
		bool html = base_span_is_nocase(base_span_of(tag->name), "html");
		r->stopped = true;
		r->reading->ending = FEED_NO_FEED;
		r->reading->result = html ? base_fail(&r->reading->why, BASE_SYNTAX, "no feed but an HTML page")
		                          : base_fail(&r->reading->why, BASE_SYNTAX, "no feed but XML that starts with <%.60s>", tag->name);
		xmlStopParser(r->ctxt);
		return;
	}
	r->native = strncmp(r->builder->format, "atom", 4) == 0 ? NS_ATOM : NS_RSS;
	open_feed(r, frame);
	if (base_span_is_nocase(base_span_of(tag->name), "entry"))
		open_entry(r, tag, frame);
}

/* ---- fields ---------------------------------------------------------------------- */

static bool is_markup_type(struct base_span type)
{
	return base_span_is_nocase(type, "html") || base_span_is_nocase(type, "text/html");
}

static bool is_plain_type(struct base_span type)
{
	return base_span_is_nocase(type, "text") || base_span_is_nocase(type, "text/plain");
}

static bool ends_in(struct base_span text, const char *end)
{
	size_t len = strlen(end);

	return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

/* RFC 4287 sections 3.1.1 and 4.1.3.3; the attribute mode is Atom 0.3's. */
static void open_construct(struct xml_reader *r, const struct xml_tag *tag, const struct feed_element *element)
{
	struct base_span type = base_span_trim(xml_tag_value(tag, "type"));
	struct base_span encoding = base_span_trim(xml_tag_value(tag, "mode"));
	struct base_span source = decode_ampersands(r, xml_tag_value(tag, "src"));
	enum capture_mode mode = CAPTURE_TEXT;
	enum feed_kind kind = element->kind;

	if (tag->attribute_count == 0) {
		xml_capture_open(r, element, mode, kind);
		return;
	}
	if (source.len && element->field == FEED_CONTENT)
		set(r, FEED_LINK, source, FEED_PLAIN, SOURCE_LINK_RANK);
	if (is_markup_type(type))
		kind = FEED_HTML;
	else if (is_plain_type(type))
		kind = FEED_PLAIN;
	else if (type.len == 0 && base_span_is_nocase(encoding, "escaped"))
		kind = FEED_MAYBE_HTML;

	if (base_span_is_nocase(encoding, "base64") || base_span_is_nocase(type, "base64")) {
		mode = CAPTURE_BASE64;
	} else if (base_span_is_nocase(type, "xhtml") || ends_in(type, "+xml") || ends_in(type, "/xml")) {
		mode = base_span_is_nocase(encoding, "escaped") ? CAPTURE_TEXT : CAPTURE_MARKUP;
		kind = FEED_HTML;
	} else if (element->ns == NS_ATOM && encoding.len == 0 &&
	           memchr(type.len ? type.ptr : "", '/', type.len) && !base_span_starts(type, "text/")) {
		mode = CAPTURE_BASE64;
	}
	xml_capture_open(r, element, mode, kind);
	r->wrapped = mode == CAPTURE_MARKUP;
}

static bool is_page(const struct xml_tag *tag)
{
	struct base_span type = base_span_trim(xml_tag_value(tag, "type"));

	return type.len == 0 || is_markup_type(type) || base_span_is_nocase(type, "application/xhtml+xml");
}

/* RFC 4287 section 4.2.7, RFC 5005 section 4, WebSub section 4. */
static void read_atom_link(struct xml_reader *r, const struct xml_tag *tag, struct base_span href, uint16_t ns)
{
	static const char registry[] = "http://www.iana.org/assignments/relation/";
	struct base_span rel = base_span_trim(xml_tag_value(tag, "rel"));

	if (base_span_starts(rel, registry)) {
		rel.ptr += sizeof registry - 1;
		rel.len -= sizeof registry - 1;
	}
	href = base_span_trim(decode_ampersands(r, href));
	if (href.len == 0) /* the base itself: RFC 3986, section 4.4 */
		href = xml_reader_base(r);
	if (rel.len == 0 && ns == NS_RSS)
		set_link(r, href);
	else if (rel.len == 0 || base_span_is_nocase(rel, "alternate"))
		set(r, FEED_LINK, href, FEED_PLAIN, !is_page(tag) ? OTHER_TYPE_LINK_RANK : ns == r->native ? 0 : 1);
	else if (base_span_is_nocase(rel, "related"))
		set(r, FEED_LINK, href, FEED_PLAIN, RELATED_LINK_RANK);
	else if (r->builder->in_entry && base_span_is_nocase(rel, "enclosure"))
		set(r, FEED_LINK, href, FEED_PLAIN, ENCLOSURE_LINK_RANK);
	else if (r->builder->in_entry)
		return;
	else if (base_span_is_nocase(rel, "self"))
		set(r, FEED_SELF, href, FEED_PLAIN, 0);
	else if (base_span_is_nocase(rel, "hub"))
		set(r, FEED_HUB, href, FEED_PLAIN, 0);
	else if (base_span_is_nocase(rel, "prev-archive"))
		set(r, FEED_PREV_ARCHIVE, href, FEED_PLAIN, 0);
}

static void open_link(struct xml_reader *r, const struct xml_tag *tag, const struct feed_element *element, uint16_t ns)
{
	struct base_span href = xml_tag_value(tag, "href");

	struct base_span rel = base_span_trim(xml_tag_value(tag, "rel"));

	if (href.ptr)
		read_atom_link(r, tag, href, ns);
	else if (rel.len == 0 || base_span_is_nocase(rel, "alternate"))
		xml_capture_open(r, element, CAPTURE_PLAIN, FEED_PLAIN);
}

static void open_category(struct xml_reader *r, const struct xml_tag *tag, const struct feed_element *element)
{
	static const char *const names[] = {"term", "label", "text"};
	bool found = false;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct base_span value = xml_tag_value(tag, names[i]);
		if (value.len == 0)
			continue;
		feed_builder_category(r->builder, decode_ampersands(r, value));
		found = true;
	}
	if (!found)
		xml_capture_open(r, element, CAPTURE_PLAIN, FEED_PLAIN);
}

/* RSS items with a summary beside their description: whichever comes second is the content, unless there is a real one. */
static const struct feed_element *second_text(struct xml_reader *r, const struct feed_element *element)
{
	static const struct feed_element instead = {
		"summary", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, SECOND_TEXT_RANK, FEED_MAYBE_HTML};
	static const struct feed_element other = {
		"description", NS_RSS, IN_ENTRY, ACT_CONSTRUCT, FEED_CONTENT, SECOND_TEXT_RANK, FEED_MAYBE_HTML};
	const struct feed_value *have = &feed_builder_draft(r->builder)->values[FEED_SUMMARY];

	if (element->field != FEED_SUMMARY || element->ns != NS_RSS || !have->text.ptr)
		return element;
	if (element->rank == DESCRIPTION_RANK)
		return have->rank == SUMMARY_RANK ? &other : element;
	return element->rank == SUMMARY_RANK && have->rank == DESCRIPTION_RANK ? &instead : element;
}

/* True if nothing is said (RSS 2.0). */
static bool is_permalink(struct base_span value)
{
	return value.len == 0 || base_span_is_nocase(value, "true") || base_span_is(value, "1") || base_span_is_nocase(value, "yes");
}

static void open_field(struct xml_reader *r, const struct xml_tag *tag, const struct feed_element *element, uint16_t ns)
{
	switch (element->action) {
	case ACT_TEXT:
		if (feed_builder_wants(r->builder, element->field, element->rank))
			xml_capture_open(r, element, element->kind == FEED_PLAIN ? CAPTURE_PLAIN : CAPTURE_TEXT, element->kind);
		break;
	case ACT_CONSTRUCT:
		element = second_text(r, element);
		if (feed_builder_wants(r->builder, element->field, element->rank))
			open_construct(r, tag, element);
		break;
	case ACT_GUID:
		r->permalink = is_permalink(base_span_trim(xml_tag_value(tag, "isPermaLink")));
		xml_capture_open(r, element, CAPTURE_PLAIN, FEED_PLAIN);
		break;
	case ACT_LINK:
		open_link(r, tag, element, ns);
		break;
	case ACT_ENCLOSURE:
		set(r, FEED_LINK, base_span_trim(decode_ampersands(r, xml_tag_value(tag, "url"))), FEED_PLAIN, ENCLOSURE_LINK_RANK);
		break;
	case ACT_CATEGORY:
		open_category(r, tag, element);
		if (ns == NS_ITUNES && !r->capture) /* subcategories stand in it */
			r->frames[r->depth - 1].place = IN_ENTRY;
		break;
	default:
		xml_capture_open(r, element, CAPTURE_PLAIN, FEED_PLAIN);
		break;
	}
}

/* RDF Site Summary 0.90 differs from 1.0 in nothing but this. */
static void note_rdf_version(struct xml_reader *r, const struct xml_tag *tag)
{
	if (tag->uri && strstr(tag->uri, "netscape.com/rdf/simple/0.9") && strcmp(r->builder->format, "rss-1.0") == 0)
		r->builder->format = "rss-0.9x";
}

static bool is_address(const char *name)
{
	struct base_span span = base_span_of(name);

	return base_span_is_nocase(span, "uri") || base_span_is_nocase(span, "url") || base_span_is_nocase(span, "homepage");
}

/* A place in a table of size entries (a power of two) for what these addresses name. */
static size_t place_of(const void *one, const void *other, size_t size)
{
	uint64_t mixed = ((uint64_t)(uintptr_t)one * 3 + (uint64_t)(uintptr_t)other) * 0x9e3779b97f4a7c15; /* the golden ratio */

	return (size_t)(mixed >> 40) & (size - 1);
}

/* libxml2 keeps one copy of each URI and prefix, so their addresses tell them apart. */
static uint16_t find_namespace(struct xml_reader *r, const struct xml_tag *tag)
{
	struct xml_namespace *known = &r->known[place_of(tag->prefix, tag->uri, XML_READER_NAMESPACES)];

	if (!known->ns || known->uri != tag->uri || known->prefix != tag->prefix)
		*known = (struct xml_namespace){tag->uri, tag->prefix, feed_namespace(tag->uri, tag->prefix, r->native)};
	return known->ns;
}

static const struct feed_element *find_element(struct xml_reader *r, const char *name, uint16_t ns, uint16_t place)
{
	struct xml_known_element *known = &r->elements[place_of(name, NULL, XML_READER_ELEMENTS)];

	if (known->name != name || known->ns != ns || known->place != place)
		*known = (struct xml_known_element){name, ns, place, feed_element_find(name, ns, place)};
	return known->element;
}

void xml_element_start(struct xml_reader *r, const struct xml_tag *tag, struct xml_frame *frame)
{
	if (r->depth == 1) {
		open_root(r, tag, frame);
		return;
	}
	uint16_t place = frame->place;
	uint16_t ns = find_namespace(r, tag);
	const struct feed_element *element = find_element(r, tag->name, ns, place);

	frame->element = element;
	/* a person's name within markup; but an address is no name */
	frame->place = place == IN_PERSON && !is_address(tag->name) ? IN_PERSON : IN_NOTHING;
	if (!element)
		return;
	switch (element->action) {
	case ACT_FEED:
		note_rdf_version(r, tag);
		open_feed(r, frame);
		break;
	case ACT_ENTRY:
		if (!r->builder->in_entry)
			open_entry(r, tag, frame);
		else
			frame->element = NULL;
		break;
	case ACT_GROUP:
		frame->place = place;
		break;
	case ACT_SOURCE:
		frame->place = IN_SOURCE;
		break;
	case ACT_SKIP_HOURS:
		frame->place = IN_SKIP_HOURS;
		break;
	case ACT_SKIP_DAYS:
		frame->place = IN_SKIP_DAYS;
		break;
	case ACT_PERSON:
		frame->place = IN_PERSON;
		r->person_rank = XML_PERSON_TEXT;
		base_buf_reset(&r->person);
		break;
	default:
		open_field(r, tag, element, ns);
		break;
	}
}

/* ---- at the end -------------------------------------------------------------------- */

/* A number of at most LONGEST_HINT, or -1. */
static int64_t number(struct base_span text)
{
	int64_t value = 0;

	text = base_span_trim(text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return i && text.ptr[i] == '.' ? value : -1;
		value = value * 10 + (text.ptr[i] - '0');
		if (value > LONGEST_HINT)
			return LONGEST_HINT;
	}
	return text.len ? value : -1;
}

static base_time period(struct base_span text)
{
	static const struct {
		const char *name;
		base_time length;
	} periods[] = {
		{"hourly", BASE_HOUR},       {"daily", BASE_DAY},          {"weekly", 7 * BASE_DAY},
		{"monthly", 30 * BASE_DAY}, {"yearly", 365 * BASE_DAY},
	};

	for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
		if (base_span_is_nocase(text, periods[i].name))
			return periods[i].length;
	return 0;
}

static void read_day(struct feed_builder *builder, struct base_span text)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

	for (int i = 0; i < 7 && text.len >= 3; i++)
		if (base_span_is_nocase((struct base_span){text.ptr, 3}, days[i]))
			builder->skip_days |= (uint8_t)(1u << i);
}

static void read_hint(struct feed_builder *builder, enum feed_action action, struct base_span text)
{
	int64_t value = number(text);

	if (action == ACT_TTL && value > 0)
		builder->ttl = value * BASE_MINUTE;
	else if (action == ACT_HOUR && value >= 0 && value <= 24) /* 24 is midnight in RSS 0.91 */
		builder->skip_hours |= 1u << (value % 24);
	else if (action == ACT_DAY)
		read_day(builder, text);
	else if (action == ACT_PERIOD)
		builder->period = period(text);
	else if (action == ACT_FREQUENCY && value > 0)
		builder->frequency = value;
}

static void note_person(struct xml_reader *r, struct base_span text, uint8_t rank)
{
	if (text.len == 0 || rank >= r->person_rank)
		return;
	base_buf_reset(&r->person);
	base_buf_add_span(&r->person, text);
	r->person_rank = rank;
}

static void add_keywords(struct feed_builder *builder, struct base_span text)
{
	while (text.len) {
		const char *comma = memchr(text.ptr, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
		feed_builder_category(builder, (struct base_span){text.ptr, len});
		if (!comma)
			break;
		text = (struct base_span){comma + 1, text.len - len - 1};
	}
}

static void close_field(struct xml_reader *r)
{
	const struct feed_element *element = r->capture;
	struct base_span text = xml_capture_close(r);

	switch (element->action) {
	case ACT_GUID:
		set(r, FEED_ID, text, FEED_PLAIN, element->rank);
		if (r->permalink && (base_span_starts(text, "http://") || base_span_starts(text, "https://")))
			set(r, FEED_LINK, text, FEED_PLAIN, GUID_LINK_RANK);
		break;
	case ACT_CATEGORY:
		feed_builder_category(r->builder, text);
		break;
	case ACT_NAME:
		note_person(r, text, element->rank == 0 ? XML_PERSON_NAME : XML_PERSON_EMAIL);
		break;
	case ACT_KEYWORDS:
		add_keywords(r->builder, text);
		break;
	case ACT_LINK:
		set_link(r, text);
		break;
	case ACT_DATE:
		set(r, FEED_PUBLISHED, text, FEED_PLAIN, element->rank);
		set(r, FEED_UPDATED, text, FEED_PLAIN, element->rank);
		break;
	case ACT_TEXT:
	case ACT_CONSTRUCT:
		set(r, element->field, text, r->kind, element->rank);
		break;
	default:
		read_hint(r->builder, element->action, text);
		break;
	}
}

void xml_element_end(struct xml_reader *r, struct xml_frame *frame)
{
	if (r->depth == 1) {
		r->root_closed = true;
		feed_builder_close_entry(r->builder, true);
	}
	if (r->capture) {
		close_field(r);
		return;
	}
	if (!frame->element)
		return;
	if (frame->element->action == ACT_ENTRY) {
		feed_builder_close_entry(r->builder, true);
	} else if (frame->element->action == ACT_PERSON) {
		set(r, FEED_AUTHOR, base_span_trim(base_buf_span(&r->person)), FEED_MAYBE_HTML, frame->element->rank);
	}
}
