/*
 * familiar: what is remembered of a document's entries, so that the next
 * document's need not be read again.
 *
 * A changed document mostly holds two new entries and twenty-eight old ones,
 * and to read an entry, to make its text and keys, and to look it up costs some
 * 10 us, to find that its bytes are the same 0.5. The digests are of 64 bits:
 * of a hundred entries one that is new is taken for an old one once in 10^17.
 * Who knows how to make two entries of one digest could hide his own.
 */
#include <stdlib.h>
#include <string.h>

#include "familiar.h"

/* Two bytes of a key: enough to say that it is not among a hundred others. */
typedef uint16_t key_tag;

struct feed_familiar {
	base_time whole, latest; /* when a document was read whole, and when the last was read */
	uint64_t context;        /* what its entries took from the feed */
	size_t count;
	uint64_t digests[];      /* in document order; then as many lengths, then tags */
};

static const uint32_t *lengths_of(const struct feed_familiar *set)
{
	return (const uint32_t *)(const void *)(set->digests + set->count);
}

static const key_tag *tags_of(const struct feed_familiar *set)
{
	return (const key_tag *)(const void *)(lengths_of(set) + set->count);
}

static key_tag tag_of(const struct feed_entry *entry)
{
	key_tag tag;

	memcpy(&tag, entry->key.bytes, sizeof tag);
	return tag;
}

base_time feed_familiar_since(const struct feed_familiar *set)
{
	return set->whole;
}

/* If the clock went back, dates that lay in the past may lie in the future. */
bool feed_familiar_holds(const struct feed_familiar *set, const struct feed_owned *fresh, base_time now)
{
	return set->context == fresh->context && set->latest <= now;
}

bool feed_familiar_guess(const struct feed_familiar *set, size_t next, uint64_t *digest, size_t *len)
{
	if (!set || next >= set->count)
		return false;
	*digest = set->digests[next];
	*len = lengths_of(set)[next];
	return true;
}

size_t feed_familiar_find(const struct feed_familiar *set, uint64_t digest, size_t next)
{
	for (size_t tried = 0; set && tried < set->count; tried++) {
		size_t at = next + tried < set->count ? next + tried : next + tried - set->count;
		if (set->digests[at] == digest)
			return at;
	}
	return FAMILIAR_MOST;
}

void feed_slices_forget(struct feed_slices *slices)
{
	slices->familiar = 0;
	for (size_t i = 0; i < slices->count; i++)
		slices->slices[i].known = FAMILIAR_MOST;
}

enum base_result feed_slices_cut(struct base_span xml, const struct feed_slices *slices, struct base_buf *out)
{
	const char *from = xml.ptr, *end = xml.ptr + xml.len;
	size_t left = xml.len;

	for (size_t i = 0; i < slices->count; i++)
		if (slices->slices[i].known != FAMILIAR_MOST)
			left -= slices->slices[i].bytes.len;
	enum base_result result = base_buf_reserve(out, left);
	for (size_t i = 0; i < slices->count && result == BASE_OK; i++) {
		const struct feed_slice *slice = &slices->slices[i];
		if (slice->known == FAMILIAR_MOST)
			continue;
		result = base_buf_add(out, from, (size_t)(slice->bytes.ptr - from));
		from = slice->bytes.ptr + slice->bytes.len;
	}
	return result == BASE_OK ? base_buf_add(out, from, (size_t)(end - from)) : result;
}

bool feed_slices_share_keys(const struct feed_slices *slices, const struct feed_familiar *set,
                            const struct feed_owned *fresh)
{
	const key_tag *tags = tags_of(set);

	for (size_t i = 0; i < fresh->document.entry_count; i++) {
		key_tag tag = tag_of(&fresh->document.entries[i]);
		for (size_t k = 0; k < slices->count; k++)
			if (slices->slices[k].known != FAMILIAR_MOST && tags[slices->slices[k].known] == tag)
				return true;
	}
	return false;
}

/* What may not be remembered: a date that the present took the place of, and links that tell no entry from another. */
static bool is_plain(const struct feed_document *document)
{
	const struct feed_entry *entries = document->entries;

	for (size_t i = 0; i < document->entry_count; i++) {
		if (entries[i].date_clamped)
			return false;
		for (size_t k = 0; k < i && entries[i].link.len; k++)
			if (memcmp(&entries[i].link_key, &entries[k].link_key, sizeof entries[i].link_key) == 0)
				return false;
	}
	return true;
}

struct feed_familiar *feed_familiar_new(const struct feed_slices *slices, const struct feed_familiar *set,
                                        const struct feed_owned *read, base_time now)
{
	const struct feed_document *document = &read->document;
	size_t count = slices->count, fresh = 0;

	if (count == 0 || read->shared_ids || document->entry_count != count - slices->familiar || !is_plain(document))
		return NULL;
	struct feed_familiar *made = malloc(sizeof *made + count * (sizeof *made->digests + sizeof(uint32_t) + sizeof(key_tag)));
	if (!made) /* the next document is read whole */
		return NULL;
	made->whole = slices->familiar ? set->whole : now;
	made->latest = now;
	made->context = read->context;
	made->count = count;
	uint32_t *lengths = (uint32_t *)(void *)(made->digests + count);
	key_tag *tags = (key_tag *)(void *)(lengths + count);
	for (size_t i = 0; i < count; i++) {
		size_t known = slices->slices[i].known;
		made->digests[i] = slices->slices[i].digest;
		lengths[i] = (uint32_t)slices->slices[i].bytes.len;
		tags[i] = known == FAMILIAR_MOST ? tag_of(&document->entries[fresh++]) : tags_of(set)[known];
	}
	return made;
}

void feed_familiar_free(struct feed_familiar *set)
{
	free(set);
}
