/*
 * document: from a body to a feed_document. A clean document is read once, as
 * it came; only one that fails is mended, step by step. Of one that mostly
 * holds what the last one held, only the rest is read.
 */
#include "document.h"

#include <libxml/parser.h>
#include <stddef.h>
#include <string.h>

#include "charset.h"
#include "familiar.h"

#define DEFAULT_BYTES ((size_t)16 << 20)

struct work {
	const struct feed_input *input;
	struct feed_builder builder;
	struct feed_reading reading;
	struct base_buf decoded, mended, rest;
	const char *charset_note;
	struct base_error *err;
	bool in_part; /* what is read is part of the document: it must be clean */
	bool clean;   /* XML, read at the first attempt, nothing mended, every entry at its usual place */
	struct feed_slices slices; /* last: not cleared, for it is large */
};

static enum base_result give_up(struct work *work)
{
	return base_fail(work->err, work->reading.result, "%s", work->reading.why.text);
}

static enum base_result attempt(struct work *work, struct base_span xml, bool recover)
{
	bool too_long;
	enum base_result result = feed_xml_guard(xml, &too_long, &work->reading.why);

	if (result == BASE_OK && too_long) {
		work->reading = (struct feed_reading){.ending = FEED_BROKEN};
		work->reading.result = base_fail(&work->reading.why, BASE_SYNTAX, "a very long CDATA section");
		return BASE_OK;
	}
	if (result == BASE_OK)
		return feed_xml_read(xml, recover, &work->builder, &work->reading);
	work->reading.ending = FEED_REFUSED;
	work->reading.result = result;
	return BASE_OK;
}

static bool is_final(const struct work *work)
{
	return work->reading.ending == FEED_WHOLE || work->reading.ending == FEED_TAIL;
}

static bool is_hopeless(const struct work *work)
{
	return work->reading.ending == FEED_REFUSED || work->reading.ending == FEED_NO_FEED;
}

/* The steps after the first reading failed; BASE_OK: the builder holds the best there is. */
static enum base_result mend(struct work *work, struct base_span xml)
{
	feed_builder_restart(&work->builder);
	enum base_result result = feed_xml_repair(xml, &work->mended, &work->builder);
	if (result == BASE_OK)
		result = attempt(work, base_buf_span(&work->mended), false);
	if (result != BASE_OK || work->reading.ending != FEED_BROKEN)
		return result;

	struct base_error why = work->reading.why;
	feed_builder_restart(&work->builder);
	result = attempt(work, base_buf_span(&work->mended), true);
	if (result == BASE_OK && !is_hopeless(work)) {
		feed_builder_repair(&work->builder, "recovered: %s", why.text);
		work->reading.ending = FEED_WHOLE;
	}
	return result;
}

static enum base_result read_xml(struct work *work, struct base_span xml)
{
	enum base_result result = attempt(work, xml, false);

	work->clean = result == BASE_OK && work->reading.ending == FEED_WHOLE && work->builder.repair_count == 0 &&
	              !work->builder.odd;
	if (result == BASE_OK && work->in_part && !work->clean)
		return BASE_SYNTAX;
	if (result == BASE_OK && !is_final(work) && !is_hopeless(work))
		result = mend(work, xml);
	if (result != BASE_OK)
		return base_fail(work->err, result, "%s", result == BASE_LIMIT ? "too broken to be mended" : base_result_text(result));
	if (is_hopeless(work))
		return give_up(work);
	if (!work->builder.format)
		return base_fail(work->err, BASE_SYNTAX, "no feed: %s", work->reading.why.text);
	if (work->reading.ending == FEED_TAIL)
		feed_builder_repair(&work->builder, "something after the end");
	else if (work->reading.ending == FEED_CUT)
		feed_builder_truncated(&work->builder);
	return BASE_OK;
}

static struct base_span without_bom(struct base_span text)
{
	if (base_span_starts(text, "\xEF\xBB\xBF"))
		text = (struct base_span){text.ptr + 3, text.len - 3};
	return text;
}

static enum base_result decode(struct work *work, struct base_span *text)
{
	enum base_result result = feed_charset_decode(work->input, &work->decoded, &work->charset_note);

	if (result != BASE_OK)
		return base_fail(work->err, result, "%s", base_result_text(result));
	*text = without_bom(work->decoded.len ? base_buf_span(&work->decoded) : work->input->bytes);
	return BASE_OK;
}

static enum base_result read_any(struct work *work, struct base_span text)
{
	struct base_span trimmed = base_span_trim(text);

	work->clean = false;
	if (trimmed.len == 0)
		return base_fail(work->err, BASE_SYNTAX, "an empty document");
	enum base_result result =
	    *trimmed.ptr == '{' ? feed_json_read(trimmed, &work->builder, work->err) : read_xml(work, text);
	if (result == BASE_OK && work->charset_note)
		feed_builder_repair(&work->builder, "%s", work->charset_note);
	return result;
}

static enum base_result read_text(struct work *work, struct base_span text, struct feed_document **out)
{
	enum base_result result = feed_builder_init(&work->builder, work->input, text.len);

	if (result != BASE_OK)
		base_fail(work->err, result, "%s", base_result_text(result));
	else
		result = read_any(work, text);
	if (result == BASE_OK) {
		result = feed_builder_finish(&work->builder, out);
		if (result != BASE_OK)
			base_fail(work->err, result, "%s", base_result_text(result));
	}
	feed_builder_free(&work->builder);
	return result;
}

/* ---- entries that are familiar ------------------------------------------------- */

static struct feed_owned *owned(struct feed_document *document)
{
	return (struct feed_owned *)document;
}

static void remember(struct work *work, const struct feed_familiar *set, struct feed_document *document)
{
	if (work->clean)
		owned(document)->familiar = feed_familiar_new(&work->slices, set, owned(document), work->input->now);
}

/*
 * False: the whole document is to be read, because an entry has a key in common with one left out, which may decide
 * what the entry is called or which known entry it is; or because what all entries take from the feed has changed. So it
 * is where most is new, for it takes all entries to see that a publisher gave them new ids.
 */
static bool read_rest(struct work *work, struct base_span text, struct feed_document **out)
{
	const struct feed_familiar *set = work->input->familiar;
	struct feed_slices *slices = &work->slices;
	struct feed_document *document;

	if (2 * slices->familiar <= slices->count || feed_slices_cut(text, slices, &work->rest))
		return false;
	work->in_part = true;
	enum base_result result = read_text(work, base_buf_span(&work->rest), &document);
	work->in_part = false;
	if (result)
		return false;
	if (!work->clean || document->entry_count != slices->count - slices->familiar || owned(document)->shared_ids ||
	    !feed_familiar_holds(set, owned(document), work->input->now) ||
	    feed_slices_share_keys(slices, set, owned(document))) {
		feed_free(document);
		return false;
	}
	document->left_out = slices->familiar;
	remember(work, set, document);
	*out = document;
	return true;
}

static enum base_result read_document(struct work *work, struct base_span text, struct feed_document **out)
{
	bool sliced = work->input->remember && !work->charset_note && feed_slices_find(text, work->input->familiar, &work->slices);

	if (sliced && work->input->familiar && read_rest(work, text, out))
		return BASE_OK;
	enum base_result result = read_text(work, text, out);
	if (result == BASE_OK && sliced) {
		feed_slices_forget(&work->slices);
		remember(work, NULL, *out);
	}
	return result;
}

/* ---- the door ------------------------------------------------------------------ */

enum base_result feed_parse(const struct feed_input *input, struct feed_document **out, struct base_error *err)
{
	struct work work;
	struct base_span text = BASE_NONE;
	size_t max = input->limits.max_bytes ? input->limits.max_bytes : DEFAULT_BYTES;

	if (input->bytes.len > max)
		return base_fail(err, BASE_LIMIT, "the document has more than %zu bytes", max);
	memset(&work, 0, offsetof(struct work, slices));
	work.input = input;
	work.err = err;
	base_buf_init(&work.decoded, max);
	base_buf_init(&work.rest, max);
	base_buf_init(&work.mended, max < SIZE_MAX / 8 ? 8 * max : SIZE_MAX);
	enum base_result result = decode(&work, &text);
	if (result == BASE_OK)
		result = read_document(&work, text, out);
	base_buf_free(&work.decoded);
	base_buf_free(&work.rest);
	base_buf_free(&work.mended);
	return result;
}

struct feed_familiar *feed_familiar_take(struct feed_document *document)
{
	struct feed_familiar *set = owned(document)->familiar;

	owned(document)->familiar = NULL;
	return set;
}

void feed_free(struct feed_document *document)
{
	if (!document)
		return;
	feed_familiar_free(owned(document)->familiar);
	base_arena_free(owned(document)->arena);
}

void feed_global_init(void)
{
	xmlInitParser();
}
