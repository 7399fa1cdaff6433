/*
 * builder: where the readers of XML and JSON put what they find; it becomes a
 * feed_document. Private to feed.
 *
 * A reader sets fields with a rank: the best (lowest) rank said wins, and among
 * equals the first. Texts are copied into the document's arena.
 */
#ifndef WIREWATCH_FEED_BUILDER_H
#define WIREWATCH_FEED_BUILDER_H

#include "wirewatch/feed.h"

/* Texts of a feed or an entry. The feed itself uses only some. */
enum feed_field {
	FEED_TITLE,
	FEED_LINK,
	FEED_ID,
	FEED_AUTHOR,
	FEED_LANGUAGE,
	FEED_SUMMARY,
	FEED_CONTENT,
	FEED_PUBLISHED,
	FEED_UPDATED,
	FEED_HUB,
	FEED_SELF,
	FEED_PREV_ARCHIVE,
	FEED_FIELDS
};

enum feed_kind {
	FEED_PLAIN,      /* text, never markup */
	FEED_HTML,       /* markup */
	FEED_MAYBE_HTML, /* what RSS calls text: markup more often than not */
};

struct feed_value {
	struct base_span text;
	struct base_span base; /* of a link: the xml:base in force; or none */
	enum feed_kind kind;
	uint8_t rank; /* meaningful when text is set */
};

struct feed_draft {
	struct feed_value values[FEED_FIELDS];
	struct base_span language;          /* xml:lang in force */
	struct base_span *categories;
	size_t category_count, category_cap;
};

struct feed_builder {
	struct base_arena *arena;
	const struct feed_input *input;
	const char *format;
	struct feed_draft feed;
	struct feed_draft *entries;
	size_t entry_count, entry_cap, entry_max;
	bool in_entry; /* the last of entries is being filled */
	base_time ttl, period;
	int64_t frequency;
	uint32_t skip_hours;
	uint8_t skip_days;
	const char **repairs;
	size_t repair_count, repair_cap;
	bool truncated;
	bool odd; /* an entry, or a channel, where feed_slices_find does not look for any */
	enum base_result failed; /* the first failure; sticky */
};

/* len: of the text to be read. */
enum base_result feed_builder_init(struct feed_builder *builder, const struct feed_input *input, size_t len);
/* Forget all but the repairs: the document is read again. */
void feed_builder_restart(struct feed_builder *builder);
void feed_builder_free(struct feed_builder *builder);

/* The entry being filled, or the feed. */
struct feed_draft *feed_builder_draft(struct feed_builder *builder);
void feed_builder_open_entry(struct feed_builder *builder);
/* keep == false: as if it had never been opened. */
void feed_builder_close_entry(struct feed_builder *builder, bool keep);

/* Set unless an equal or better rank did before; empty text says nothing. */
void feed_builder_set(struct feed_builder *builder, enum feed_field field, struct feed_value value);
/* Set whatever was set before; text must not be empty. */
void feed_builder_replace(struct feed_builder *builder, enum feed_field field, struct feed_value value);
bool feed_builder_wants(struct feed_builder *builder, enum feed_field field, uint8_t rank);
void feed_builder_category(struct feed_builder *builder, struct base_span category);
/* A name that is said once however often it is noted. */
void feed_builder_repair(struct feed_builder *builder, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Its end is missing. */
void feed_builder_truncated(struct feed_builder *builder);

/*
 * Titles to plain text, links made absolute, dates read, identity made. The
 * document takes the arena; the builder is empty afterwards.
 */
enum base_result feed_builder_finish(struct feed_builder *builder, struct feed_document **out);

/* ---- identity.c --------------------------------------------------------- */

/* Fill key, link_key, title_key, change and item of each entry, see feed.h. *shared: some would have had one key, or have. */
enum base_result feed_identify(struct feed_entry *entries, size_t count, struct base_arena *arena, bool *shared);

/* change.c: equal for entries whose title, link and text are equal and written alike; different if one differs. */
void feed_change_hash(const struct feed_entry *entry, struct feed_key *change);

/* ---- title.c -------------------------------------------------------------- */

/* One line of plain text from a title; scratch is overwritten. Result lives in scratch or in value. */
enum base_result feed_title_text(const struct feed_value *value, struct base_buf *scratch, struct base_span *out);
/* Markup that was escaped once too often: "&lt;p&gt;..." and no real tag. */
bool feed_html_is_escaped(struct base_span html);

#endif
