/*
 * identity: which entry is which, from one poll to the next.
 *
 * key: the id; without one the link without its fragment; without that the
 * title with the date as sent; else title and text. Entries of one document
 * that would share a key though they differ are told apart, all of them, by
 * adding the link, else title and date, else title and text: so their order in
 * the document does not matter. Entries that agree in everything share a key.
 */
#include "config.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "builder.h"

/* How far an entry's own name has to reach to be its alone. */
enum level { BY_BASE, BY_LINK, BY_TITLE_DATE, BY_TEXT, LEVELS };

struct rival {
	struct feed_key base;  /* the name at the level under work */
	struct feed_key whole; /* everything that tells entries apart */
	size_t index;
};

static bool is_zero(const struct feed_key *key)
{
	static const struct feed_key none;

	return memcmp(key, &none, sizeof none) == 0;
}

/* Stored in ledgers and seen in names of items: for ever the same. The numbers are the fractional part of pi. */
static struct feed_key make_key(char kind, struct base_span bytes)
{
	const uint64_t secret[2] = {0x243f6a8885a308d3 ^ (unsigned char)kind, 0x13198a2e03707344};
	struct feed_key key;

	base_hash128(secret, bytes.len ? bytes.ptr : "", bytes.len, key.bytes);
	return key;
}

/* The first is the secret under which the second is hashed: what ends one cannot begin the other. */
static struct feed_key make_key_of_two(char kind, struct base_span first, struct base_span second)
{
	struct feed_key key = make_key(kind, first);
	uint64_t secret[2];

	for (int i = 0; i < 2; i++) {
		memcpy(&secret[i], key.bytes + 8 * i, sizeof secret[i]);
		secret[i] = le64toh(secret[i]);
	}
	base_hash128(secret, second.len ? second.ptr : "", second.len, key.bytes);
	return key;
}

static struct base_span key_span(const struct feed_key *key)
{
	return (struct base_span){(const char *)key->bytes, sizeof key->bytes};
}

static struct base_span without_fragment(struct base_span link)
{
	const char *mark = link.len ? memchr(link.ptr, '#', link.len) : NULL;

	return mark ? (struct base_span){link.ptr, (size_t)(mark - link.ptr)} : link;
}

static void make_base_keys(struct feed_entry *entry)
{
	struct base_span link = without_fragment(entry->link);

	if (link.len)
		entry->link_key = make_key('l', link);
	if (entry->title.len && entry->raw_date.len)
		entry->title_key = make_key_of_two('t', entry->title, entry->raw_date);
	if (entry->id.len)
		entry->key = make_key('i', entry->id);
	else if (link.len)
		entry->key = entry->link_key;
	else if (entry->title.len && entry->raw_date.len)
		entry->key = entry->title_key;
	else if (entry->title.len || entry->summary.len || entry->content.len)
		entry->key = make_key_of_two('x', entry->title, key_span(&entry->change));
}

static struct feed_key refine(const struct feed_entry *entry, enum level level)
{
	struct feed_key detail;

	switch (level) {
	case BY_LINK:
		detail = make_key('l', entry->link);
		break;
	case BY_TITLE_DATE:
		detail = make_key_of_two('t', entry->title, entry->raw_date);
		break;
	default:
		detail = make_key_of_two('d', entry->raw_date, key_span(&entry->change));
		break;
	}
	return make_key_of_two((char)('A' + (int)level), key_span(&entry->key), key_span(&detail));
}

static int by_base(const void *a, const void *b)
{
	const struct rival *one = a, *other = b;
	int order = memcmp(&one->base, &other->base, sizeof one->base);

	return order ? order : memcmp(&one->whole, &other->whole, sizeof one->whole);
}

/*
 * Of rivals[0..count), sorted, those whose base no other entry than their
 * equals shares get it as their key; the others are moved to the front.
 */
static size_t settle(struct rival *rivals, size_t count, struct feed_key *final, bool last)
{
	size_t left = 0;

	for (size_t start = 0, end; start < count; start = end) {
		bool alone = true;
		for (end = start; end < count && memcmp(&rivals[end].base, &rivals[start].base, sizeof rivals->base) == 0; end++)
			if (memcmp(&rivals[end].whole, &rivals[start].whole, sizeof rivals->whole) != 0)
				alone = false;
		for (size_t i = start; i < end; i++) {
			if (alone || last)
				final[rivals[i].index] = rivals[i].base;
			else
				rivals[left++] = rivals[i];
		}
	}
	return left;
}

/* Moves those whose base another entry has too to the front; rivals gets sorted. */
static size_t find_rivals(struct rival *rivals, size_t count, const struct feed_entry *entries)
{
	size_t left = 0;
	bool same_as_last = false;

	qsort(rivals, count, sizeof *rivals, by_base);
	for (size_t i = 0; i < count; i++) {
		bool same_as_next = i + 1 < count && memcmp(&rivals[i].base, &rivals[i + 1].base, sizeof rivals->base) == 0;
		if ((same_as_last || same_as_next) && !is_zero(&rivals[i].base)) {
			const struct feed_entry *entry = &entries[rivals[i].index];
			rivals[left] = rivals[i];
			/* title and link are part of the change hash already */
			rivals[left++].whole = make_key_of_two('d', entry->raw_date, key_span(&entry->change));
		}
		same_as_last = same_as_next;
	}
	return left;
}

static enum base_result tell_apart(struct feed_entry *entries, size_t count, bool *shared)
{
	struct rival *rivals = malloc(count * sizeof *rivals);
	struct feed_key *final = malloc(count * sizeof *final);
	size_t left = 0;

	if (!rivals || !final) {
		free(rivals);
		free(final);
		return BASE_NO_MEMORY;
	}
	for (size_t i = 0; i < count; i++) {
		final[i] = entries[i].key;
		rivals[i] = (struct rival){.base = entries[i].key, .index = i};
	}
	left = find_rivals(rivals, count, entries);
	*shared = left > 0;
	for (enum level level = BY_BASE; level < LEVELS && left > 0; level++) {
		for (size_t i = 0; level != BY_BASE && i < left; i++)
			rivals[i].base = refine(&entries[rivals[i].index], level);
		qsort(rivals, left, sizeof *rivals, by_base);
		left = settle(rivals, left, final, level == LEVELS - 1);
	}
	for (size_t i = 0; i < count; i++)
		entries[i].key = final[i];
	free(rivals);
	free(final);
	return BASE_OK;
}

/* The id, or a name made from the key: every entry can be spoken of. */
static enum base_result name_item(struct feed_entry *entry, struct base_arena *arena)
{
	static const char prefix[] = "urn:wirewatch:";
	char name[sizeof prefix + 2 * FEED_KEY_LEN];

	entry->item = entry->id;
	if (entry->id.len)
		return BASE_OK;
	memcpy(name, prefix, sizeof prefix - 1);
	base_hex(entry->key.bytes, FEED_KEY_LEN, name + sizeof prefix - 1);
	entry->item = base_arena_copy(arena, (struct base_span){name, sizeof name - 1});
	return entry->item.ptr ? BASE_OK : BASE_NO_MEMORY;
}

enum base_result feed_identify(struct feed_entry *entries, size_t count, struct base_arena *arena, bool *shared)
{
	enum base_result result = BASE_OK;

	*shared = false;
	for (size_t i = 0; i < count; i++) {
		feed_change_hash(&entries[i], &entries[i].change);
		make_base_keys(&entries[i]);
	}
	if (count)
		result = tell_apart(entries, count, shared);
	for (size_t i = 0; i < count && result == BASE_OK; i++)
		result = name_item(&entries[i], arena);
	return result;
}
