/* What a ledger would say is written down here once more, as plainly as can be. */
#include "tests/fuzz/feed_twice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

enum state { NEW, SEEN, CHANGED, REKEYED };

struct verdict {
	enum state state;
	size_t row; /* NOWHERE: there is none */
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "read in part and whole, a document differs: %s\n", what);
	abort();
}

static bool same_key(const struct feed_key *a, const struct feed_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool is_none(const struct feed_key *key)
{
	static const struct feed_key none;

	return same_key(key, &none);
}

/* ---- the ledger --------------------------------------------------------------- */

enum sign { LINK, TITLE };

static const struct feed_key *sign_of(const struct feed_entry *entry, enum sign sign)
{
	return sign == LINK ? &entry->link_key : &entry->title_key;
}

static size_t find(const struct feed_twice *twice, const struct feed_key *key)
{
	for (size_t i = 0; i < twice->row_count; i++)
		if (same_key(&twice->rows[i].key, key))
			return i;
	return NOWHERE;
}

/* The one row that bears this sign, if its entry has left the document and no other entry of it bears the sign. */
static size_t find_by_sign(const struct feed_twice *twice, const struct feed_document *document,
                           const struct feed_key *key, enum sign sign)
{
	size_t found = NOWHERE, bearers = 0;

	if (is_none(key))
		return NOWHERE;
	for (size_t i = 0; i < twice->row_count; i++)
		if (same_key(sign == LINK ? &twice->rows[i].link_key : &twice->rows[i].title_key, key)) {
			if (found != NOWHERE)
				return NOWHERE;
			found = i;
		}
	for (size_t i = 0; found != NOWHERE && i < document->entry_count; i++) {
		if (same_key(&document->entries[i].key, &twice->rows[found].key))
			return NOWHERE;
		bearers += same_key(sign_of(&document->entries[i], sign), key);
	}
	return bearers > 1 ? NOWHERE : found;
}

static struct verdict look_up(const struct feed_twice *twice, const struct feed_document *document,
                              const struct feed_entry *entry)
{
	if (is_none(&entry->key))
		return (struct verdict){SEEN, NOWHERE};
	size_t row = find(twice, &entry->key);
	if (row != NOWHERE)
		return (struct verdict){same_key(&twice->rows[row].change, &entry->change) ? SEEN : CHANGED, row};
	row = find_by_sign(twice, document, &entry->link_key, LINK);
	if (row == NOWHERE)
		row = find_by_sign(twice, document, &entry->title_key, TITLE);
	return (struct verdict){row == NOWHERE ? NEW : REKEYED, row};
}

static struct verdict *look_up_all(const struct feed_twice *twice, const struct feed_document *document)
{
	struct verdict *verdicts = calloc(document->entry_count + 1, sizeof *verdicts);

	if (!verdicts)
		abort();
	for (size_t i = 0; i < document->entry_count; i++)
		verdicts[i] = look_up(twice, document, &document->entries[i]);
	return verdicts;
}

static void store(struct feed_twice *twice, const struct feed_document *document, const struct verdict *verdicts)
{
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct feed_entry *entry = &document->entries[i];
		size_t row = find(twice, &entry->key);
		if (is_none(&entry->key))
			continue;
		if (row == NOWHERE)
			row = verdicts[i].row;
		if (row == NOWHERE) {
			if (base_grow(&twice->rows, &twice->row_cap, twice->row_count + 1, sizeof *twice->rows, SIZE_MAX / 256))
				abort();
			row = twice->row_count++;
		}
		twice->rows[row] = (struct feed_twice_row){entry->key, entry->link_key, entry->title_key, entry->change};
	}
}

/* ---- entries and documents ------------------------------------------------------ */

static bool same_text(struct base_span a, struct base_span b)
{
	return base_span_equal(a, b) && !a.ptr == !b.ptr;
}

static bool same_entry(const struct feed_entry *a, const struct feed_entry *b)
{
	bool same = same_key(&a->key, &b->key) && same_key(&a->link_key, &b->link_key) &&
	            same_key(&a->title_key, &b->title_key) && same_key(&a->change, &b->change) && same_text(a->id, b->id) &&
	            same_text(a->item, b->item) && same_text(a->title, b->title) && same_text(a->link, b->link) &&
	            same_text(a->author, b->author) && same_text(a->language, b->language) &&
	            same_text(a->summary, b->summary) && same_text(a->content, b->content) &&
	            same_text(a->raw_date, b->raw_date) && a->published == b->published && a->updated == b->updated &&
	            a->date_clamped == b->date_clamped && a->summary_plain == b->summary_plain &&
	            a->content_plain == b->content_plain && a->category_count == b->category_count;

	for (size_t i = 0; same && i < a->category_count; i++)
		same = same_text(a->categories[i], b->categories[i]);
	return same;
}

static void compare_feeds(const struct feed_document *part, const struct feed_document *whole)
{
	must(strcmp(part->format, whole->format) == 0, "format");
	must(same_text(part->title, whole->title), "title");
	must(same_text(part->link, whole->link), "link");
	must(same_text(part->language, whole->language), "language");
	must(same_text(part->hub, whole->hub) && same_text(part->self, whole->self), "hub or self");
	must(same_text(part->prev_archive, whole->prev_archive), "prev-archive");
	must(part->ttl == whole->ttl && part->skip_hours == whole->skip_hours && part->skip_days == whole->skip_days, "hints");
	must(part->truncated == whole->truncated && part->repair_count == whole->repair_count, "repairs");
	must(part->entry_count + part->left_out == whole->entry_count, "number of entries");
}

static bool holds(const struct feed_document *document, const struct feed_entry *entry)
{
	for (size_t i = 0; i < document->entry_count; i++)
		if (same_entry(&document->entries[i], entry))
			return true;
	return false;
}

/* What the ledger says of the entries given out is what it would have said, and of those left out: seen. */
static void compare_entries(const struct feed_twice *twice, const struct feed_document *part, const struct feed_document *whole,
                            const struct verdict *whole_verdicts)
{
	struct verdict *verdicts = look_up_all(twice, part);
	size_t next = 0, unknown = 0;

	for (size_t i = 0; i < whole->entry_count; i++) {
		unknown += whole_verdicts[i].state == NEW || whole_verdicts[i].state == REKEYED;
		if (next < part->entry_count && same_entry(&part->entries[next], &whole->entries[i])) {
			must(verdicts[next].state == whole_verdicts[i].state, "what the ledger says of an entry");
			must(verdicts[next].row == whole_verdicts[i].row, "which entry it is");
			next++;
			continue;
		}
		must(holds(twice->last, &whole->entries[i]), "an entry left out was not in the document before");
		must(whole_verdicts[i].state == SEEN, "an entry left out is not what the ledger knows");
	}
	must(next == part->entry_count, "an entry given out");
	must(!part->left_out || 2 * unknown < whole->entry_count, "the document may be a rekeyed one");
	free(verdicts);
}

/* ---- reading --------------------------------------------------------------------- */

static struct feed_document *parse(const struct feed_input *input, enum base_result *result)
{
	struct feed_document *document = NULL;
	struct base_error err;

	*result = feed_parse(input, &document, &err);
	return document;
}

void feed_twice_read(struct feed_twice *twice, const char *url, struct base_span bytes, base_time now)
{
	struct feed_input input = {.bytes = bytes, .url = base_span_of(url), .now = now};
	enum base_result result, other;
	struct feed_document *whole = parse(&input, &result);

	input.remember = true;
	input.familiar = twice->set;
	struct feed_document *part = parse(&input, &other);
	must(result == other, "whether it can be read");
	twice->documents++;
	if (!whole)
		return;
	struct verdict *verdicts = look_up_all(twice, whole);
	compare_feeds(part, whole);
	compare_entries(twice, part, whole, verdicts);
	store(twice, whole, verdicts);
	free(verdicts);
	feed_familiar_free(twice->set);
	twice->set = feed_familiar_take(part);
	feed_free(twice->last);
	twice->last = whole;
	twice->remembered += twice->set != NULL;
	twice->in_part += part->left_out != 0;
	twice->left_out += part->left_out;
	feed_free(part);
}

void feed_twice_free(struct feed_twice *twice)
{
	feed_familiar_free(twice->set);
	feed_free(twice->last);
	free(twice->rows);
	*twice = (struct feed_twice){0};
}
