/*
 * slices: where the entries of a document begin and end, found without libxml2.
 * Entries mostly keep their order: where one begins, the next one of the set is
 * tried first, and if its bytes are there, their tags need not be looked at.
 *
 * Only tags, comments, CDATA sections and instructions matter, and where the
 * document is well formed their ends are found exactly: feed_xml_skip knows
 * quotes. Whether it is well formed is for libxml2 to say, of what is left when
 * slices are taken out. They are taken out whole, between two tags, so what is
 * left is made of the very same tags, and a slice that was well formed where it
 * stood before is so here.
 *
 * What an entry means depends on the tags it stands in, too: on namespaces,
 * xml:base and xml:lang of the root and of a channel, and on where the reader
 * found a channel's language first. So each digest has in it all start tags of
 * the root and of channels up to there.
 */
#include <string.h>

#include "familiar.h"

struct walk {
	struct feed_slices *out;
	const struct feed_familiar *set;
	const char *at, *end;
	size_t next;        /* of the set */
	uint64_t around[2]; /* a hash of the tags and instructions that matter, up to here */
	size_t depth;       /* of open elements */
	bool closed;        /* the root is */
	bool in_channel;
	bool in_slice;
	size_t slice_depth; /* of elements around the slice */
	const char *slice;
};

static void note(struct walk *walk, struct base_span bytes)
{
	uint8_t hash[BASE_HASH128_LEN];

	base_hash128(walk->around, bytes.ptr, bytes.len, hash);
	memcpy(walk->around, hash, sizeof walk->around);
}

/* The name in a start tag without its prefix. */
static struct base_span local_name(struct base_span tag)
{
	const char *at = tag.ptr + 1, *end = tag.ptr + tag.len, *name = at;

	for (; at < end && !strchr(" \t\r\n/>", *at); at++)
		if (*at == ':')
			name = at + 1;
	return (struct base_span){name, (size_t)(at - name)};
}

static bool is_entry(struct base_span name)
{
	return base_span_is_nocase(name, "item") || base_span_is_nocase(name, "entry");
}

static uint64_t digest_of(const struct walk *walk, struct base_span bytes)
{
	const uint64_t key[2] = {walk->around[0] ^ walk->slice_depth, walk->around[1]};
	uint8_t sum[BASE_HASH128_LEN];

	base_sum128(bytes.ptr, bytes.len, sum);
	uint64_t digest = base_hash64(key, sum, sizeof sum);
	return digest ? digest : 1;
}

static void add_slice(struct walk *walk, struct base_span bytes, uint64_t digest, size_t known)
{
	walk->out->slices[walk->out->count++] = (struct feed_slice){bytes, digest, known};
	walk->out->familiar += known != FAMILIAR_MOST;
	if (known != FAMILIAR_MOST)
		walk->next = known + 1;
}

/* Is the next one of the set here? Then it is as well formed as it was there. */
static bool is_next(struct walk *walk, const char *at)
{
	uint64_t digest;
	size_t len;

	if (!feed_familiar_guess(walk->set, walk->next, &digest, &len) || (size_t)(walk->end - at) < len ||
	    digest_of(walk, (struct base_span){at, len}) != digest)
		return false;
	add_slice(walk, (struct base_span){at, len}, digest, walk->next);
	walk->at = at + len;
	return true;
}

static void open_slice(struct walk *walk, const char *at)
{
	walk->in_slice = true;
	walk->slice = at;
}

static void close_slice(struct walk *walk, const char *end)
{
	struct base_span bytes = {walk->slice, (size_t)(end - walk->slice)};
	uint64_t digest = digest_of(walk, bytes);

	add_slice(walk, bytes, digest, feed_familiar_find(walk->set, digest, walk->next));
	walk->in_slice = false;
}

static bool end_tag(struct walk *walk, const char *end)
{
	if (walk->depth == 0)
		return false;
	walk->depth--;
	if (walk->in_slice && walk->depth == walk->slice_depth)
		close_slice(walk, end);
	if (walk->depth == 1)
		walk->in_channel = false;
	walk->closed = walk->depth == 0;
	return true;
}

static bool start_tag(struct walk *walk, struct base_span tag)
{
	if (walk->closed)
		return false;
	if (!walk->in_slice && walk->depth <= 2) {
		struct base_span name = local_name(tag);
		bool channel = walk->depth == 1 && base_span_is_nocase(name, "channel");
		if (walk->depth == 0 || channel)
			note(walk, tag);
		if (channel)
			walk->in_channel = true;
		if ((walk->depth == 1 || (walk->depth == 2 && walk->in_channel)) && is_entry(name)) {
			if (walk->out->count == FAMILIAR_MOST)
				return false;
			walk->slice_depth = walk->depth;
			if (is_next(walk, tag.ptr))
				return true;
			open_slice(walk, tag.ptr);
		}
	}
	walk->depth++;
	return tag.ptr[tag.len - 2] == '/' ? end_tag(walk, tag.ptr + tag.len) : true;
}

/* "<!" and what follows: a DOCTYPE, which can change the meaning of everything, is not for us. */
static bool special(const struct walk *walk, struct base_span token)
{
	return base_span_starts(token, "<!--") || (walk->depth && base_span_starts(token, "<![CDATA["));
}

static bool take(struct walk *walk, struct base_span token)
{
	if (token.len < 3 || token.ptr[token.len - 1] != '>')
		return false;
	switch (token.ptr[1]) {
	case '!':
		return special(walk, token);
	case '?':
		if (walk->depth == 0)
			note(walk, token);
		return true;
	case '/':
		return end_tag(walk, token.ptr + token.len);
	default:
		return start_tag(walk, token);
	}
}

bool feed_slices_find(struct base_span xml, const struct feed_familiar *set, struct feed_slices *out)
{
	struct walk walk = {.out = out, .set = set, .at = xml.ptr, .end = xml.ptr + xml.len};
	const char *tag;

	out->count = out->familiar = 0;
	while (walk.at < walk.end && (tag = memchr(walk.at, '<', (size_t)(walk.end - walk.at)))) {
		walk.at = feed_xml_skip((struct base_span){tag, (size_t)(walk.end - tag)});
		if (!take(&walk, (struct base_span){tag, (size_t)(walk.at - tag)}))
			return false;
	}
	return walk.closed;
}
