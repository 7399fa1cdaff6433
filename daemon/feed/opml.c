/*
 * opml: feed lists (OPML 2.0, http://opml.org/spec2.opml), read.
 *
 * A list comes from other people's programs, so its bytes are as hostile as a
 * feed's: no entity declarations, nothing fetched, only http and https.
 */
#include <libxml/xmlreader.h>
#include <string.h>

#include "charset.h"
#include "document.h"

#define MAX_BYTES ((size_t)16 << 20)
#define MAX_OUTLINES 100000
#define MAX_OTHERS 1000 /* elements that are no outlines; libxml2 grows slow with many names */
#define MAX_URL 8192
#define MAX_NAME 1024

#define MAX_FOLDER_NAME 200

#define MAX_NAMES 256 /* of attributes that are not OPML's */

struct folder { /* an outline without an address that is not closed yet */
	int depth;
	size_t len;
	char name[MAX_FOLDER_NAME];
};

struct list {
	const char *file;
	struct base_problems *problems;
	feed_outline_fn *each;
	void *ctx;
	xmlTextReaderPtr xml;
	size_t outlines, others;
	const xmlChar *names[MAX_NAMES]; /* libxml2 keeps each name once: a pointer tells it */
	size_t name_count;
	struct folder folders[FEED_OUTLINE_TAGS];
	size_t folder_count;
	int comment_depth;       /* of the outline that is a comment with all inside it; -1: none */
	enum base_result result; /* the first thing that went wrong */
};

/* The attributes of one outline; each buffer is reused for the next. */
struct attributes {
	struct base_buf url, name, title, language, type, category;
	bool comment, long_url;
};

static void complain(struct list *list, size_t line, enum base_result result, const char *text)
{
	base_problem(list->problems, list->file, line, "%s", text);
	if (list->result == BASE_OK)
		list->result = result;
}

/* A name too long for its buffer is cut; an address is left out by its caller. */
static void keep(struct base_buf *buf, const char *value)
{
	base_buf_reset(buf);
	base_buf_add(buf, value, base_utf8_clip(value, strlen(value), buf->max));
}

static void note_name(struct list *list, const xmlChar *name, size_t line)
{
	for (size_t i = 0; i < list->name_count; i++) {
		if (list->names[i] == name)
			return;
	}
	if (list->name_count == MAX_NAMES)
		complain(list, line, BASE_LIMIT, "the list has too many names of attributes");
	else
		list->names[list->name_count++] = name;
}

static void read_attribute(struct list *list, struct attributes *attributes, size_t line)
{
	struct base_span name = base_span_of((const char *)xmlTextReaderConstLocalName(list->xml));
	const char *value = (const char *)xmlTextReaderConstValue(list->xml);

	if (value == NULL)
		return;
	if (base_span_is_nocase(name, "xmlUrl")) {
		attributes->long_url = strlen(value) > MAX_URL;
		keep(&attributes->url, value);
	} else if (base_span_is_nocase(name, "text"))
		keep(&attributes->name, value);
	else if (base_span_is_nocase(name, "title"))
		keep(&attributes->title, value);
	else if (base_span_is_nocase(name, "language"))
		keep(&attributes->language, value);
	else if (base_span_is_nocase(name, "type"))
		keep(&attributes->type, value);
	else if (base_span_is_nocase(name, "category"))
		keep(&attributes->category, value);
	else if (base_span_is_nocase(name, "isComment"))
		attributes->comment = base_span_is_nocase(base_span_of(value), "true");
	else
		note_name(list, xmlTextReaderConstLocalName(list->xml), line);
}

/* The text of an attribute, trimmed; BASE_NONE if it is missing or empty. */
static struct base_span text_of(const struct base_buf *buf)
{
	struct base_span text = buf->len == 0 ? BASE_NONE : base_span_trim(base_buf_span(buf));

	return text.len == 0 ? BASE_NONE : text;
}

static bool is_web_address(struct base_span url)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(schemes[i]);

		if (url.len > len && base_span_is_nocase((struct base_span){url.ptr, len}, schemes[i]))
			return strchr("/?#:@", url.ptr[len]) == NULL;
	}
	return false;
}

static void open_folder(struct list *list, struct base_span name)
{
	struct folder *folder = &list->folders[list->folder_count];

	if (name.len == 0 || list->folder_count == FEED_OUTLINE_TAGS)
		return;
	folder->depth = xmlTextReaderDepth(list->xml);
	folder->len = base_utf8_clip(name.ptr, name.len, sizeof(folder->name));
	memcpy(folder->name, name.ptr, folder->len);
	list->folder_count++;
}

static void add_tag(struct base_span tag, struct base_span *tags, size_t *count)
{
	tag = base_span_trim(tag);
	for (size_t i = 0; i < *count; i++) {
		if (base_span_equal(tags[i], tag))
			return;
	}
	if (tag.len > 0 && *count < FEED_OUTLINE_TAGS)
		tags[(*count)++] = tag;
}

/* Categories: "comma-separated slash-delimited category strings, in the format defined by the RSS 2.0 category element". */
static void add_categories(struct base_span categories, struct base_span *tags, size_t *count)
{
	while (categories.len > 0) {
		const char *comma = memchr(categories.ptr, ',', categories.len);
		size_t len = comma == NULL ? categories.len : (size_t)(comma - categories.ptr);
		struct base_span one = base_span_trim((struct base_span){categories.ptr, len});

		if (one.len > 0 && one.ptr[0] == '/')
			one = (struct base_span){one.ptr + 1, one.len - 1};
		add_tag(one, tags, count);
		len += comma != NULL;
		categories = (struct base_span){categories.ptr + len, categories.len - len};
	}
}

static size_t collect_tags(const struct list *list, const struct attributes *attributes, struct base_span *tags)
{
	size_t count = 0;

	for (size_t i = 0; i < list->folder_count; i++)
		add_tag((struct base_span){list->folders[i].name, list->folders[i].len}, tags, &count);
	add_categories(text_of(&attributes->category), tags, &count);
	return count;
}

/* An outline without an address is a folder, unless it says it is a feed. */
static void give(struct list *list, const struct attributes *attributes, size_t line)
{
	struct base_span tags[FEED_OUTLINE_TAGS];
	struct feed_outline outline = {.url = text_of(&attributes->url),
								   .name = text_of(&attributes->name),
								   .language = text_of(&attributes->language),
								   .tags = tags,
								   .tag_count = collect_tags(list, attributes, tags),
								   .line = line};
	struct base_span type = text_of(&attributes->type);
	enum base_result result;

	if (outline.name.ptr == NULL)
		outline.name = text_of(&attributes->title);
	if (outline.url.ptr == NULL) {
		if (base_span_is_nocase(type, "rss") || base_span_is_nocase(type, "atom") || attributes->url.data != NULL)
			complain(list, line, BASE_SYNTAX, "this feed has no address (xmlUrl)");
		else
			open_folder(list, outline.name);
		return;
	}
	if (attributes->long_url) {
		complain(list, line, BASE_SYNTAX, "the address is too long");
		return;
	}
	if (!is_web_address(outline.url)) {
		if (memchr(outline.url.ptr, '@', outline.url.len) != NULL) /* problems go to the log */
			base_problem(list->problems, list->file, line,
						 "the address is not http or https, and not shown as it may hold a password");
		else
			base_problem(list->problems, list->file, line, "the address is not http or https: %.*s",
						 (int)(outline.url.len < 200 ? outline.url.len : 200), outline.url.ptr);
		if (list->result == BASE_OK)
			list->result = BASE_SYNTAX;
		return;
	}
	result = list->each(list->ctx, &outline);
	if (result != BASE_OK)
		list->result = result;
}

static bool stopped(const struct list *list)
{
	return list->result != BASE_OK && list->result != BASE_SYNTAX;
}

static void read_outline(struct list *list)
{
	struct attributes attributes = {.comment = false};
	size_t line = (size_t)xmlGetLineNo(xmlTextReaderCurrentNode(list->xml));
	int depth = xmlTextReaderDepth(list->xml);

	if (++list->outlines > MAX_OUTLINES) {
		complain(list, line, BASE_LIMIT, "the list has too many outlines");
		return;
	}
	base_buf_init(&attributes.url, MAX_URL);
	base_buf_init(&attributes.name, MAX_NAME);
	base_buf_init(&attributes.title, MAX_NAME);
	base_buf_init(&attributes.language, MAX_NAME);
	base_buf_init(&attributes.type, MAX_NAME);
	base_buf_init(&attributes.category, MAX_NAME);
	while (xmlTextReaderMoveToNextAttribute(list->xml) == 1 && !stopped(list))
		read_attribute(list, &attributes, line);
	xmlTextReaderMoveToElement(list->xml);
	if (attributes.comment)
		list->comment_depth = depth;
	else if (!stopped(list))
		give(list, &attributes, line);
	base_buf_free(&attributes.url);
	base_buf_free(&attributes.name);
	base_buf_free(&attributes.title);
	base_buf_free(&attributes.language);
	base_buf_free(&attributes.type);
	base_buf_free(&attributes.category);
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	struct list *list = ctx;
	char text[200];
	size_t len;

	if (error->level < XML_ERR_ERROR || list->result != BASE_OK || error->message == NULL)
		return;
	len = strcspn(error->message, "\n");
	len = base_utf8_clip(error->message, len, sizeof(text) - 1);
	memcpy(text, error->message, len);
	text[len] = '\0';
	complain(list, (size_t)(error->line > 0 ? error->line : 0), BASE_SYNTAX, text);
}

static void read_element(struct list *list)
{
	struct base_span name = base_span_of((const char *)xmlTextReaderConstLocalName(list->xml));
	int depth = xmlTextReaderDepth(list->xml);

	if (depth == 0 && !base_span_is_nocase(name, "opml")) {
		complain(list, (size_t)xmlGetLineNo(xmlTextReaderCurrentNode(list->xml)), BASE_UNSUPPORTED,
				 "this is no feed list: its first element is not opml");
		return;
	}
	if (!base_span_is_nocase(name, "outline")) {
		if (++list->others > MAX_OTHERS)
			complain(list, 0, BASE_LIMIT, "the list has too many elements that are no outlines");
		return;
	}
	if (list->comment_depth >= 0 && depth > list->comment_depth)
		return;
	list->comment_depth = -1;
	while (list->folder_count > 0 && list->folders[list->folder_count - 1].depth >= depth)
		list->folder_count--;
	read_outline(list);
}

static void read_elements(struct list *list)
{
	int more = 1;

	while (!stopped(list) && (more = xmlTextReaderRead(list->xml)) == 1) {
		if (xmlTextReaderNodeType(list->xml) == XML_READER_TYPE_ELEMENT)
			read_element(list);
	}
	if (more < 0 && list->result == BASE_OK)
		complain(list, 0, BASE_SYNTAX, "the XML cannot be read");
}

static bool declares_entities(struct base_span xml)
{
	const char *at = xml.ptr, *end = xml.ptr + xml.len;

	while (at != NULL && at < end && (at = memchr(at, '<', (size_t)(end - at))) != NULL) {
		if (base_span_starts((struct base_span){at, (size_t)(end - at)}, "<!ENTITY"))
			return true;
		at++;
	}
	return false;
}

enum base_result feed_opml_read(const char *file, struct base_span bytes, feed_outline_fn *each, void *ctx,
								struct base_problems *problems)
{
	bool too_long; /* no list has such a text; libxml2 says so itself */
	struct list list = {.file = file, .problems = problems, .each = each, .ctx = ctx, .comment_depth = -1};
	struct feed_input input = {.bytes = bytes, .limits = {.max_bytes = MAX_BYTES}};
	struct base_buf utf8;
	struct base_error err;
	const char *note;

	base_buf_init(&utf8, MAX_BYTES);
	list.result = feed_charset_decode(&input, &utf8, &note);
	if (list.result != BASE_OK) {
		base_problem(problems, file, 0, "%s", base_result_text(list.result));
		goto done;
	}
	if (utf8.len > 0)
		bytes = base_buf_span(&utf8);
	if (declares_entities(bytes)) {
		complain(&list, 0, BASE_SYNTAX, "a feed list must not declare entities");
		goto done;
	}
	if (feed_xml_guard(bytes, &too_long, &err) != BASE_OK) {
		complain(&list, 0, BASE_LIMIT, err.text);
		goto done;
	}
	if (bytes.len == 0) {
		complain(&list, 0, BASE_SYNTAX, "the list is empty");
		goto done;
	}
	list.xml = xmlReaderForMemory(bytes.ptr, (int)bytes.len, NULL, "UTF-8",
								  XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_BIG_LINES);
	if (list.xml == NULL) {
		list.result = BASE_NO_MEMORY;
		goto done;
	}
	xmlTextReaderSetStructuredErrorHandler(list.xml, on_error, &list);
	read_elements(&list);
	xmlFreeTextReader(list.xml);
done:
	base_buf_free(&utf8);
	return list.result;
}
