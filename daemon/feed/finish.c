/* finish: from what the readers found to the feed_document that is given out. */
#include <stdlib.h>
#include <string.h>

#include "builder.h"
#include "document.h"

#define LONGEST_LINK 8192
#define LONGEST_HINT (366 * BASE_DAY)

struct finish {
	struct feed_builder *builder;
	struct base_buf buf;
	struct base_span base; /* of links of entries: the feed's link, else the document's address */
	struct base_span language;
	struct base_span author; /* of entries that name none */
	enum base_result result;
};

/* A copy in the arena; empty text is no text. */
static struct base_span keep(struct finish *finish, struct base_span text)
{
	if (text.len == 0)
		return BASE_NONE;
	struct base_span copy = base_arena_copy(finish->builder->arena, text);
	if (!copy.ptr)
		finish->result = BASE_NO_MEMORY;
	return copy;
}

static bool has_scheme(struct base_span link)
{
	for (size_t i = 0; i < link.len; i++) {
		unsigned char c = (unsigned char)link.ptr[i];
		if (c == ':')
			return i > 1;
		if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return false;
}

/* Nothing in it that resolving would change: the common case, and not cheap to find out otherwise. */
static bool is_resolved(struct base_span link)
{
	if (!base_span_starts(link, "https://") && !base_span_starts(link, "http://"))
		return false;
	for (size_t i = 0; i < link.len; i++) {
		unsigned char c = (unsigned char)link.ptr[i];
		if (c <= ' ' || c == 0x7F || (c == '.' && i && link.ptr[i - 1] == '/'))
			return false;
	}
	return true;
}

/* The link as sent if it can neither be resolved nor need be. */
static struct base_span resolve(struct finish *finish, struct base_span base, const struct feed_value *value)
{
	struct base_span link = base_span_trim(value->text);

	if (link.len == 0 || link.len > LONGEST_LINK)
		return BASE_NONE;
	if (is_resolved(link))
		return link;
	if (value->base.ptr)
		base = value->base;
	if (!base.ptr && !has_scheme(link))
		return keep(finish, link);
	base_buf_reset(&finish->buf);
	enum base_result result = feed_link_resolve(base, link, &finish->buf);
	if (result == BASE_NO_MEMORY)
		finish->result = result;
	return keep(finish, result == BASE_OK ? base_buf_span(&finish->buf) : link);
}

static struct base_span title(struct finish *finish, const struct feed_value *value)
{
	struct base_span text = BASE_NONE;

	if (!value->text.ptr)
		return BASE_NONE;
	enum base_result result = feed_title_text(value, &finish->buf, &text);
	if (result != BASE_OK)
		finish->result = result;
	return text.ptr == value->text.ptr ? text : keep(finish, text);
}

static struct base_span trimmed(const struct feed_value *value)
{
	struct base_span text = base_span_trim(value->text);

	return text.len ? text : BASE_NONE;
}

/* "en_US" is what programs call it; BCP 47 has a hyphen. */
static struct base_span language(struct finish *finish, struct base_span sent)
{
	sent = base_span_trim(sent);
	if (!sent.len || !memchr(sent.ptr, '_', sent.len))
		return sent.len ? sent : BASE_NONE;
	base_buf_reset(&finish->buf);
	for (size_t i = 0; i < sent.len; i++)
		base_buf_add_char(&finish->buf, sent.ptr[i] == '_' ? '-' : sent.ptr[i]);
	return keep(finish, base_buf_span(&finish->buf));
}

static base_time date(const struct feed_value *value, base_time now, bool *clamped)
{
	base_time time;

	if (!value->text.ptr || feed_date_parse(base_span_trim(value->text), &time) != BASE_OK)
		return BASE_TIME_NONE;
	if (now != BASE_TIME_NONE && time > now) {
		*clamped = true;
		return now;
	}
	return time;
}

static void finish_entry(struct finish *finish, struct feed_draft *draft, struct feed_entry *entry)
{
	struct feed_builder *builder = finish->builder;
	struct feed_value *values = draft->values;

	entry->id = trimmed(&values[FEED_ID]);
	entry->title = title(finish, &values[FEED_TITLE]);
	entry->link = resolve(finish, finish->base, &values[FEED_LINK]);
	entry->author = title(finish, &values[FEED_AUTHOR]);
	if (!entry->author.ptr) /* RFC 4287 section 4.2.1, JSON Feed 1.1 "authors" */
		entry->author = finish->author;
	entry->language = language(finish, values[FEED_LANGUAGE].text);
	if (!entry->language.ptr && draft->language.ptr != builder->feed.language.ptr)
		entry->language = language(finish, draft->language);
	if (!entry->language.ptr)
		entry->language = finish->language;
	entry->summary = values[FEED_SUMMARY].text;
	entry->content = values[FEED_CONTENT].text;
	entry->summary_plain = values[FEED_SUMMARY].kind == FEED_PLAIN && entry->summary.ptr;
	entry->content_plain = values[FEED_CONTENT].kind == FEED_PLAIN && entry->content.ptr;
	entry->raw_date = trimmed(&values[values[FEED_PUBLISHED].text.ptr ? FEED_PUBLISHED : FEED_UPDATED]);
	entry->published = date(&values[FEED_PUBLISHED], builder->input->now, &entry->date_clamped);
	entry->updated = date(&values[FEED_UPDATED], builder->input->now, &entry->date_clamped);
	if (draft->category_count) {
		struct base_span *categories =
		    base_arena_alloc(builder->arena, draft->category_count * sizeof *draft->categories);
		if (!categories) {
			finish->result = BASE_NO_MEMORY;
			return;
		}
		memcpy(categories, draft->categories, draft->category_count * sizeof *draft->categories);
		entry->categories = categories;
		entry->category_count = draft->category_count;
	}
}

static void finish_feed(struct finish *finish, struct feed_document *document)
{
	struct feed_builder *builder = finish->builder;
	struct feed_value *values = builder->feed.values;
	struct base_span url = builder->input->url;

	document->format = builder->format;
	document->title = title(finish, &values[FEED_TITLE]);
	document->link = resolve(finish, url, &values[FEED_LINK]);
	document->language = language(finish, values[FEED_LANGUAGE].text);
	if (!document->language.ptr)
		document->language = language(finish, builder->feed.language);
	finish->language = document->language;
	document->hub = resolve(finish, url, &values[FEED_HUB]);
	document->self = resolve(finish, url, &values[FEED_SELF]);
	document->prev_archive = resolve(finish, url, &values[FEED_PREV_ARCHIVE]);
	document->ttl = builder->ttl ? builder->ttl : builder->frequency > 0 ? builder->period / builder->frequency : 0;
	if (document->ttl > LONGEST_HINT)
		document->ttl = LONGEST_HINT;
	document->skip_hours = builder->skip_hours;
	document->skip_days = builder->skip_days;
	finish->author = title(finish, &values[FEED_AUTHOR]);
	finish->base = document->link.ptr && has_scheme(document->link) ? document->link : url;
}

/* All that finish_entry and the reader put into an entry which does not stand in it, but for the tags around it. */
static uint64_t context_of(const struct finish *finish, const struct feed_document *document)
{
	const struct base_span parts[] = {
		base_span_of(document->format), finish->builder->input->url, finish->base, finish->language, finish->author,
		finish->builder->feed.language,
	};
	uint64_t key[2] = {0, 0};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		key[i % 2] = base_hash64(key, parts[i].len ? parts[i].ptr : "", parts[i].len);
	return key[0] ^ key[1];
}

static enum base_result finish_repairs(struct feed_builder *builder, struct feed_document *document)
{
	if (builder->repair_count == 0)
		return BASE_OK;
	const char **repairs = base_arena_alloc(builder->arena, builder->repair_count * sizeof *repairs);
	if (!repairs)
		return BASE_NO_MEMORY;
	memcpy(repairs, builder->repairs, builder->repair_count * sizeof *repairs);
	document->repairs = repairs;
	document->repair_count = builder->repair_count;
	document->truncated = builder->truncated;
	return BASE_OK;
}

enum base_result feed_builder_finish(struct feed_builder *builder, struct feed_document **out)
{
	struct finish finish = {.builder = builder, .result = builder->failed};
	struct feed_owned *owned = base_arena_alloc(builder->arena, sizeof *owned);
	struct feed_entry *entries = NULL;

	if (!owned)
		return BASE_NO_MEMORY;
	base_buf_init(&finish.buf, LONGEST_LINK * 4);
	finish_feed(&finish, &owned->document);
	owned->context = context_of(&finish, &owned->document);
	if (builder->entry_count) {
		entries = base_arena_alloc(builder->arena, builder->entry_count * sizeof *entries);
		if (!entries)
			finish.result = BASE_NO_MEMORY;
	}
	for (size_t i = 0; i < builder->entry_count && finish.result == BASE_OK; i++)
		finish_entry(&finish, &builder->entries[i], &entries[i]);
	base_buf_free(&finish.buf);
	if (finish.result == BASE_OK)
		finish.result = finish_repairs(builder, &owned->document);
	if (finish.result == BASE_OK)
		finish.result = feed_identify(entries, builder->entry_count, builder->arena, &owned->shared_ids);
	if (finish.result != BASE_OK)
		return finish.result;
	owned->document.entries = entries;
	owned->document.entry_count = builder->entry_count;
	owned->arena = builder->arena;
	builder->arena = NULL;
	feed_builder_free(builder);
	*out = &owned->document;
	return BASE_OK;
}
