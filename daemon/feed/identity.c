/*
 * identity: which entry is which, from one poll to the next.
 *
 * key: the id; without one the link without its fragment; without that the
 * title with the date as sent; else title and text. Entries of one document
 * that would share a key though they differ are told apart, all of them, by
 * adding the link, else title and date, else title and text: so their order in
 * the document does not matter. Entries that agree in everything share a key.
 */
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

/* Fixed: the change hash is stored and compared with that of later polls. */
static const uint64_t change_seeds[2][2] = {
	{0x7769726577617463, 0x682e6368616e6765},
	{0x66656564656e7472, 0x792e636f6e74656e},
};

static bool is_zero(const struct feed_key *key)
{
	static const struct feed_key none;

	return memcmp(key, &none, sizeof none) == 0;
}

/* Each part goes in with its length, so that no two lists of parts look the same. */
static void add_part(struct base_sha256 *sha, struct base_span part)
{
	uint64_t len = part.len;

	base_sha256_add(sha, &len, sizeof len);
	if (part.len)
		base_sha256_add(sha, part.ptr, part.len);
}

static struct feed_key make_key(char kind, struct base_span first, struct base_span second)
{
	struct base_sha256 sha;
	uint8_t digest[BASE_SHA256_LEN];
	struct feed_key key;

	base_sha256_start(&sha);
	base_sha256_add(&sha, &kind, 1);
	add_part(&sha, first);
	add_part(&sha, second);
	base_sha256_end(&sha, digest);
	memcpy(key.bytes, digest, sizeof key.bytes);
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

static void store_hash(uint8_t *out, uint64_t hash)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(hash >> (8 * i));
}

/* Of title, text and link as the rules read them; text is scratch. */
static enum base_result make_change(struct feed_entry *entry, struct base_buf *text)
{
	base_buf_reset(text);
	base_buf_add_span(text, entry->title);
	base_buf_add_char(text, '\0');
	base_buf_add_span(text, entry->link);
	base_buf_add_char(text, '\0');
	enum base_result result = text->failed == BASE_OK ? feed_entry_text(entry, text) : text->failed;
	if (result != BASE_OK && result != BASE_LIMIT)
		return result;
	for (int i = 0; i < 2; i++)
		store_hash(entry->change.bytes + 8 * i, base_hash64(change_seeds[i], text->data, text->len));
	return BASE_OK;
}

static void make_base_keys(struct feed_entry *entry, size_t text_len)
{
	struct base_span link = without_fragment(entry->link);

	if (link.len)
		entry->link_key = make_key('l', link, BASE_NONE);
	if (entry->title.len && entry->raw_date.len)
		entry->title_key = make_key('t', entry->title, entry->raw_date);
	if (entry->id.len)
		entry->key = make_key('i', entry->id, BASE_NONE);
	else if (link.len)
		entry->key = entry->link_key;
	else if (entry->title.len && entry->raw_date.len)
		entry->key = entry->title_key;
	else if (entry->title.len || text_len)
		entry->key = make_key('x', entry->title, key_span(&entry->change));
}

static struct feed_key refine(const struct feed_entry *entry, enum level level)
{
	struct feed_key detail;

	switch (level) {
	case BY_LINK:
		detail = make_key('l', entry->link, BASE_NONE);
		break;
	case BY_TITLE_DATE:
		detail = make_key('t', entry->title, entry->raw_date);
		break;
	default:
		detail = make_key('d', entry->raw_date, key_span(&entry->change));
		break;
	}
	return make_key((char)('0' + (int)level), key_span(&entry->key), key_span(&detail));
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

static enum base_result tell_apart(struct feed_entry *entries, size_t count)
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
		if (is_zero(&entries[i].key))
			continue;
		/* title and link are part of the change hash already */
		rivals[left] = (struct rival){.base = entries[i].key, .index = i};
		rivals[left++].whole = make_key('d', entries[i].raw_date, key_span(&entries[i].change));
	}
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

enum base_result feed_identify(struct feed_entry *entries, size_t count, struct base_arena *arena)
{
	struct base_buf text;
	enum base_result result = BASE_OK;

	base_buf_init(&text, SIZE_MAX);
	for (size_t i = 0; i < count && result == BASE_OK; i++) {
		result = make_change(&entries[i], &text);
		make_base_keys(&entries[i], text.len - entries[i].title.len - entries[i].link.len - 2);
	}
	base_buf_free(&text);
	if (result == BASE_OK && count)
		result = tell_apart(entries, count);
	for (size_t i = 0; i < count && result == BASE_OK; i++)
		result = name_item(&entries[i], arena);
	return result;
}
