/*
 * change: a hash that tells whether an entry is still what it was, made from
 * the fields as they came because turning all of them into text at each poll
 * would cost more than reading the document.
 *
 * Entries whose title, link or text differ have different hashes. So that a
 * counter in an image's address is no edit, attributes, comments and dates
 * stay out; what remains that is no text (the names of tags) rarely changes.
 * No protection against forgery is needed: a publisher could only hide its own edits.
 */
#include "config.h"

#include <endian.h>
#include <string.h>

#include "builder.h"
#include "html.h"

#define LONGEST_TAG_NAME 12

#define LANES 4 /* so that the processor works on several words at once */

struct hash {
	uint64_t a, b, c, d;
};

/* odd constants: the fractional parts of the square roots of 2, 3, 5 and 7 */
#define FACTOR_A 0x6a09e667f3bcc909
#define FACTOR_B 0xbb67ae8584caa73b
#define FACTOR_C 0x3c6ef372fe94f82b
#define FACTOR_D 0xa54ff53a5f1d36f1

/* One to one for each word, so that no single difference gets lost. */
static uint64_t mix(uint64_t lane, uint64_t word, uint64_t factor)
{
	uint64_t x = lane ^ word;

	return (x << 29 | x >> 35) * factor;
}

static void absorb(struct hash *hash, uint64_t word)
{
	hash->a = mix(hash->a, word, FACTOR_A);
}

static void absorb_text(struct hash *hash, const char *text, size_t len)
{
	uint64_t words[LANES], word;
	struct hash lanes = *hash;
	size_t i = 0;

	if (len == 0)
		return;
	for (; len - i >= sizeof words; i += sizeof words) {
		memcpy(words, text + i, sizeof words);
		lanes.a = mix(lanes.a, le64toh(words[0]), FACTOR_A);
		lanes.b = mix(lanes.b, le64toh(words[1]), FACTOR_B);
		lanes.c = mix(lanes.c, le64toh(words[2]), FACTOR_C);
		lanes.d = mix(lanes.d, le64toh(words[3]), FACTOR_D);
	}
	*hash = lanes;
	for (; len - i >= sizeof word; i += sizeof word) {
		memcpy(&word, text + i, sizeof word);
		absorb(hash, le64toh(word));
	}
	word = 0;
	memcpy(&word, text + i, len - i);
	/* at most seven bytes: the eighth tells how many, so that no two texts look the same */
	absorb(hash, le64toh(word) | (uint64_t)(len & 0xFF) << 56);
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* Past the tag at `at`, its name absorbed; NULL if it never ends. */
static const char *skip_tag(struct hash *hash, const char *at, const char *end)
{
	const char *close = memchr(at, '>', (size_t)(end - at));
	const char *name = at + 1;

	if (!close)
		return NULL;
	while (name < close && *name != ' ' && *name != '\n' && name - at < LONGEST_TAG_NAME)
		name++;
	absorb_text(hash, at, (size_t)(name - at));
	return close + 1;
}

static void absorb_markup(struct hash *hash, struct base_span html)
{
	const char *at = html.ptr, *end = html.ptr + html.len, *from = at;

	while ((at = memchr(at, '<', (size_t)(end - at)))) {
		bool comment = end - at >= 4 && memcmp(at, "<!--", 4) == 0;
		bool tag = end - at >= 3 && (is_letter(at[1]) || (at[1] == '/' && is_letter(at[2])));
		if (!comment && !tag) {
			at++;
			continue;
		}
		absorb_text(hash, from, (size_t)(at - from));
		from = at;
		at = comment ? feed_html_comment_end(at + 4, end) : skip_tag(hash, at, end);
		if (!at) /* the rest counts as text */
			break;
		from = at;
	}
	absorb_text(hash, from, (size_t)(end - from));
}

static void absorb_field(struct hash *hash, struct base_span field, bool plain)
{
	if (field.len && !plain)
		absorb_markup(hash, field);
	else if (field.len)
		absorb_text(hash, field.ptr, field.len);
	absorb(hash, field.len ? 1 : 2);
}

void feed_change_hash(const struct feed_entry *entry, struct feed_key *change)
{
	static const uint64_t secret[2] = {0xa4093822299f31d0, 0x082efa98ec4e6c89}; /* of pi, kept for ever like the keys */
	struct hash hash = {1, 2, 3, 4};

	absorb_field(&hash, entry->title, true);
	absorb_field(&hash, entry->link, true);
	absorb_field(&hash, entry->summary, entry->summary_plain);
	absorb_field(&hash, entry->content, entry->content_plain);
	const uint64_t lanes[LANES] = {htole64(hash.a), htole64(hash.b), htole64(hash.c), htole64(hash.d)};
	base_hash128(secret, lanes, sizeof lanes, change->bytes);
}
