/*
 * Which entry is which. An unknown key may be a known entry whose publisher
 * gave it a new id; its link or its title and date give it away. That counts
 * only if the sign is unmistakable: one stored entry bears it, that entry has
 * left the document, and no other entry of the document bears it too. Feeds
 * that link every entry to one page would otherwise never show a new one. Nor
 * would one whose page is always for the latest entry: hence is_reused.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

/*
 * Within that time of an entry's first appearance another text with its link is the same report, edited: publishers that
 * give it a new id with each edit date it anew, too. Later it is what a page for the latest report shows next.
 */
#define EDITED_WITHIN (6 * BASE_HOUR)
/* Entries of a document up to which its keys are not sorted: mostly a few are asked for, and to read 30 is nothing. */
#define READ_THROUGH 64

bool identity_is_none(const struct feed_key *key)
{
	static const struct feed_key none;
	return identity_equal(key, &none);
}

bool identity_equal(const struct feed_key *a, const struct feed_key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static int ascending(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct feed_key));
}

static const struct feed_key *item(const struct feed_key *first, size_t stride, size_t i)
{
	return (const struct feed_key *)(const void *)((const char *)first + i * stride);
}

enum base_result identity_new(const struct feed_key *keys, const struct feed_key *link_keys,
                              const struct feed_key *title_keys, size_t stride, size_t count, struct identity *out)
{
	const struct feed_key *const lists[] = {keys, link_keys, title_keys};
	*out = (struct identity){keys, link_keys, title_keys, count, stride, NULL};
	if (count <= READ_THROUGH)
		return BASE_OK;
	struct feed_key *sorted = calloc(3 * count, sizeof *sorted);
	if (!sorted)
		return BASE_NO_MEMORY;
	for (size_t list = 0; list < 3; list++) {
		for (size_t i = 0; i < count; i++)
			sorted[list * count + i] = *item(lists[list], stride, i);
		qsort(sorted + list * count, count, sizeof *sorted, ascending);
	}
	*out = (struct identity){sorted, sorted + count, sorted + 2 * count, count, sizeof *sorted, sorted};
	return BASE_OK;
}

void identity_free(struct identity *identity)
{
	free(identity->sorted);
	*identity = (struct identity){0};
}

/* How often key is in one of the document's lists: 0, 1 or 2 (meaning more than one). */
static int occurrences(const struct identity *document, const struct feed_key *list, const struct feed_key *key)
{
	size_t count = document->count;
	int seen = 0;
	for (size_t i = 0; !document->sorted && seen < 2 && i < count; i++)
		seen += identity_equal(item(list, document->stride, i), key);
	if (!document->sorted || !count)
		return seen;
	const struct feed_key *found = bsearch(key, list, count, sizeof *list, ascending);
	if (!found)
		return 0;
	bool again = (found > list && identity_equal(found - 1, key)) ||
	             (found + 1 < list + count && identity_equal(found + 1, key));
	return again ? 2 : 1;
}

static enum base_result find(struct ledger *ledger, int64_t feed, const struct identity *document,
                             enum engine_secondary which, const struct feed_key *key, struct engine_entry *out)
{
	const struct feed_key *list = which == ENGINE_LINK_KEY ? document->link_keys : document->title_keys;
	if (identity_is_none(key) || occurrences(document, list, key) > 1)
		return BASE_NOT_FOUND;
	struct engine_entry entry;
	enum base_result result = ledger->engine->ops->entry_find(ledger->engine, feed, which, key, &entry);
	if (result)
		return result;
	if (occurrences(document, document->keys, &entry.key))
		return BASE_NOT_FOUND;
	*out = entry;
	return BASE_OK;
}

enum base_result identity_earlier(struct ledger *ledger, int64_t feed, const struct identity *document,
                                  const struct feed_key *link_key, const struct feed_key *title_key,
                                  struct engine_entry *out)
{
	enum base_result result = find(ledger, feed, document, ENGINE_LINK_KEY, link_key, out);
	return result == BASE_NOT_FOUND ? find(ledger, feed, document, ENGINE_TITLE_KEY, title_key, out) : result;
}

/* ---- looking up ------------------------------------------------------------------ */

static void tell(struct ledger_known *known, enum ledger_state state, const struct engine_entry *entry, bool changed)
{
	*known = (struct ledger_known){
		.state = state,
		.changed = changed,
		.classes = entry->classes,
		.last_alert = entry->last_alert,
		.first_seen = entry->first_seen,
	};
}

struct look_up {
	const struct feed_entry *entries;
	struct ledger_known *known;
};

/* An engine_entry_fn: what is stored under an entry's key. */
static void tell_stored(void *ctx, size_t which, const struct engine_entry *stored)
{
	const struct look_up *look_up = ctx;
	const struct feed_entry *entry = &look_up->entries[which];
	struct ledger_known *known = &look_up->known[which];
	if (!known->unknown) /* it has no key */
		return;
	bool changed = !identity_equal(&stored->change, &entry->change);
	tell(known, changed ? LEDGER_CHANGED : LEDGER_SEEN, stored, changed);
	if (!changed && identity_equal(&stored->link_key, &entry->link_key) &&
	    identity_equal(&stored->title_key, &entry->title_key))
		known->settled = stored->last_seen;
}

/* By their keys. */
static enum base_result look_up_keys(struct ledger *ledger, int64_t feed, const struct engine_want *want,
                                     struct look_up *look_up)
{
	struct engine *engine = ledger->engine;
	enum base_result result = BASE_OK;
	if (engine->ops->entries_get)
		return engine->ops->entries_get(engine, feed, want, tell_stored, look_up);
	for (size_t i = 0; !result && i < want->count; i++) {
		struct engine_entry stored;
		if (!look_up->known[i].unknown)
			continue;
		result = engine->ops->entry_get(engine, feed, &look_up->entries[i].key, &stored);
		if (!result)
			tell_stored(look_up, i, &stored);
		else if (result == BASE_NOT_FOUND)
			result = BASE_OK;
	}
	return result;
}

static enum base_result number_of(struct ledger *ledger, const char *url, int64_t *id)
{
	const struct engine_ops *ops = ledger->engine->ops;
	struct engine_feed feed;
	if (ops->feed_id)
		return ops->feed_id(ledger->engine, url, id);
	enum base_result result = ops->feed_get(ledger->engine, url, &feed);
	if (!result)
		*id = feed.id;
	return result;
}

static bool is_reused(const struct engine_entry *stored, const struct feed_entry *entry)
{
	base_time date = entry->published != BASE_TIME_NONE ? entry->published : entry->updated;
	bool same_title = !identity_is_none(&entry->title_key) && identity_equal(&stored->title_key, &entry->title_key);
	return date != BASE_TIME_NONE && date > stored->first_seen + EDITED_WITHIN && !same_title &&
	       !identity_equal(&stored->change, &entry->change);
}

/* Those that are not known by their key, by other signs. */
static enum base_result look_up_rest(struct ledger *ledger, int64_t feed, const struct feed_entry *entries,
                                     size_t count, struct ledger_known *out)
{
	struct identity document;
	size_t first = 0;
	while (first < count && !out[first].unknown)
		first++;
	if (first == count) /* mostly: nothing is to be sorted */
		return BASE_OK;
	enum base_result result = identity_new(&entries->key, &entries->link_key, &entries->title_key, sizeof *entries, count,
	                                       &document);
	if (result)
		return result;
	for (size_t i = first; !result && i < count; i++) {
		struct engine_entry stored;
		if (!out[i].unknown)
			continue;
		result = identity_earlier(ledger, feed, &document, &entries[i].link_key, &entries[i].title_key, &stored);
		if (!result) {
			tell(&out[i], LEDGER_REKEYED, &stored, !identity_equal(&stored.change, &entries[i].change));
			out[i].reused = is_reused(&stored, &entries[i]);
		} else if (result == BASE_NOT_FOUND)
			result = BASE_OK;
	}
	identity_free(&document);
	return result;
}

enum base_result ledger_look_up(struct ledger *ledger, const char *url, const struct feed_entry *entries, size_t count,
                                struct ledger_known *out)
{
	int64_t feed;
	for (size_t i = 0; i < count; i++) {
		bool nothing = identity_is_none(&entries[i].key);
		out[i] = (struct ledger_known){
			.state = nothing ? LEDGER_SEEN : LEDGER_NEW, .unknown = !nothing, .first_seen = BASE_TIME_NONE};
	}
	if (!count)
		return BASE_OK;
	const struct engine_ops *ops = ledger->engine->ops;
	const struct engine_want want = {url, &entries->key, &entries->link_key, &entries->title_key, count, sizeof *entries};
	ledger->expected = 0;
	enum base_result result = ops->prefetch ? ops->prefetch(ledger->engine, &want, 1) : BASE_OK;
	if (!result)
		result = number_of(ledger, url, &feed);
	if (result == BASE_NOT_FOUND)
		return BASE_OK;
	if (result)
		return ledger_failed(ledger, result);
	result = look_up_keys(ledger, feed, &want, &(struct look_up){entries, out});
	if (!result)
		result = look_up_rest(ledger, feed, entries, count, out);
	return result ? ledger_failed(ledger, result) : BASE_OK;
}

bool ledger_is_rekeyed(const struct ledger_known *known, const struct feed_entry *entries, size_t count,
                       base_time newest)
{
	size_t unknown = 0, rekeyed = 0, old = 0;
	for (size_t i = 0; i < count; i++) {
		if (known[i].state != LEDGER_NEW && known[i].state != LEDGER_REKEYED)
			continue;
		base_time published = entries[i].published;
		unknown++;
		if (known[i].state == LEDGER_REKEYED)
			rekeyed++;
		else if (published != BASE_TIME_NONE && newest != BASE_TIME_NONE && published < newest)
			old++;
	}
	if (rekeyed >= 5 && 2 * rekeyed >= count)
		return true;
	return unknown >= 5 && 2 * unknown >= count && rekeyed + old == unknown;
}
