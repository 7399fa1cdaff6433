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

/* Two bytes of a key: enough to say that it is not among a hundred others. 0: there is no key. */
typedef uint16_t key_tag;

struct known {
	uint64_t digest; /* 0: never familiar, for its date lay in the future, and is another one at each poll */
	key_tag key, link, title;
	uint16_t len; /* 0: more than fits, and not to be guessed */
};

struct feed_familiar {
	base_time whole, latest; /* when a document was read whole, and when the last was read */
	uint64_t context;        /* what its entries took from the feed */
	size_t count;
	struct known entries[];  /* in document order */
};

static key_tag tag_of(const struct feed_key *key)
{
	static const struct feed_key none;
	key_tag tag;

	if (memcmp(key, &none, sizeof none) == 0)
		return 0;
	memcpy(&tag, key->bytes, sizeof tag);
	return tag ? tag : 1;
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
	if (!set || next >= set->count || !set->entries[next].len)
		return false;
	*digest = set->entries[next].digest;
	*len = set->entries[next].len;
	return true;
}

size_t feed_familiar_find(const struct feed_familiar *set, uint64_t digest, size_t next)
{
	for (size_t tried = 0; set && tried < set->count; tried++) {
		size_t at = next + tried < set->count ? next + tried : next + tried - set->count;
		if (set->entries[at].digest == digest)
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

static bool share_key(const struct known *known, key_tag key, key_tag link, key_tag title)
{
	return (key && known->key == key) || (link && known->link == link) || (title && known->title == title);
}

bool feed_slices_share_keys(const struct feed_slices *slices, const struct feed_familiar *set,
                            const struct feed_owned *fresh)
{
	for (size_t i = 0; i < fresh->document.entry_count; i++) {
		const struct feed_entry *entry = &fresh->document.entries[i];
		key_tag key = tag_of(&entry->key), link = tag_of(&entry->link_key), title = tag_of(&entry->title_key);
		for (size_t k = 0; k < slices->count; k++)
			if (slices->slices[k].known != FAMILIAR_MOST && share_key(&set->entries[slices->slices[k].known], key, link, title))
				return true;
	}
	return false;
}

/* Where entries have the same link, the next one will have it too, and all has to be read. */
static bool share_links(const struct feed_document *document)
{
	const struct feed_entry *entries = document->entries;

	for (size_t i = 0; i < document->entry_count; i++)
		for (size_t k = 0; k < i && entries[i].link.len; k++)
			if (memcmp(&entries[i].link_key, &entries[k].link_key, sizeof entries[i].link_key) == 0)
				return true;
	return false;
}

static struct known describe(const struct feed_slice *slice, const struct feed_entry *entry)
{
	return (struct known){
		.digest = entry->date_clamped ? 0 : slice->digest,
		.key = tag_of(&entry->key),
		.link = tag_of(&entry->link_key),
		.title = tag_of(&entry->title_key),
		.len = slice->bytes.len <= UINT16_MAX ? (uint16_t)slice->bytes.len : 0,
	};
}

struct feed_familiar *feed_familiar_new(const struct feed_slices *slices, const struct feed_familiar *set,
                                        const struct feed_owned *read, base_time now)
{
	const struct feed_document *document = &read->document;
	size_t count = slices->count, fresh = 0;

	if (count == 0 || read->shared_ids || document->entry_count != count - slices->familiar || share_links(document))
		return NULL;
	struct feed_familiar *made = malloc(sizeof *made + count * sizeof *made->entries);
	if (!made) /* the next document is read whole */
		return NULL;
	made->whole = slices->familiar ? set->whole : now;
	made->latest = now;
	made->context = read->context;
	made->count = count;
	for (size_t i = 0; i < count; i++)
		made->entries[i] = slices->slices[i].known == FAMILIAR_MOST
		                       ? describe(&slices->slices[i], &document->entries[fresh++])
		                       : set->entries[slices->slices[i].known];
	return made;
}

void feed_familiar_free(struct feed_familiar *set)
{
	free(set);
}
