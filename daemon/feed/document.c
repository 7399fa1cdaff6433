/*
 * document: from a body to a feed_document. A clean document is read once, as
 * it came; only one that fails is mended, step by step.
 */
#include "document.h"

#include <libxml/parser.h>
#include <string.h>

#include "charset.h"

#define DEFAULT_BYTES ((size_t)16 << 20)

struct work {
	const struct feed_input *input;
	struct feed_builder builder;
	struct feed_reading reading;
	struct base_buf decoded, mended;
	const char *charset_note;
	struct base_error *err;
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

static enum base_result read_any(struct work *work)
{
	struct base_span text = BASE_NONE;
	enum base_result result = decode(work, &text);

	if (result != BASE_OK)
		return result;
	struct base_span trimmed = base_span_trim(text);
	if (trimmed.len == 0)
		return base_fail(work->err, BASE_SYNTAX, "an empty document");
	result = *trimmed.ptr == '{' ? feed_json_read(trimmed, &work->builder, work->err) : read_xml(work, text);
	if (result == BASE_OK && work->charset_note)
		feed_builder_repair(&work->builder, "%s", work->charset_note);
	return result;
}

enum base_result feed_parse(const struct feed_input *input, struct feed_document **out, struct base_error *err)
{
	struct work work = {.input = input, .err = err};
	size_t max = input->limits.max_bytes ? input->limits.max_bytes : DEFAULT_BYTES;

	if (input->bytes.len > max)
		return base_fail(err, BASE_LIMIT, "the document has more than %zu bytes", max);
	base_buf_init(&work.decoded, max);
	base_buf_init(&work.mended, max < SIZE_MAX / 8 ? 8 * max : SIZE_MAX);
	enum base_result result = feed_builder_init(&work.builder, input);
	if (result != BASE_OK)
		base_fail(err, result, "%s", base_result_text(result));
	else
		result = read_any(&work);
	if (result == BASE_OK) {
		result = feed_builder_finish(&work.builder, out);
		if (result != BASE_OK)
			base_fail(err, result, "%s", base_result_text(result));
	}
	feed_builder_free(&work.builder);
	base_buf_free(&work.decoded);
	base_buf_free(&work.mended);
	return result;
}

void feed_free(struct feed_document *document)
{
	if (document)
		base_arena_free(((struct feed_owned *)document)->arena);
}

void feed_global_init(void)
{
	xmlInitParser();
}
