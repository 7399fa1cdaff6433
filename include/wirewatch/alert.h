/*
 * alert: the record of one event class reported by one entry, its story, its
 * JSON (a CloudEvents 1.0 object) and its log line. Pure but for memory.
 */
#ifndef WIREWATCH_ALERT_H
#define WIREWATCH_ALERT_H

#include "wirewatch/base.h"
#include "wirewatch/feed.h"
#include "wirewatch/match.h"

/* A made alert. Owns its memory; made by a poller, completed by the outbox. */
struct alert;

struct alert_source { /* what the alert is about; all copied */
	const char *feed_url, *feed_name;
	const struct feed_entry *entry;
	struct base_span text;        /* plain text of the entry, for the story */
	base_time detected;           /* when the entry was first seen in this state */
	struct base_span revision_of; /* id of the alert this one revises ("<epoch>-<sequence>"), or none */
};
enum base_result alert_new(const struct alert_source *source, const struct match_result *match, size_t event,
                           struct alert **out);
void alert_free(struct alert *alert);

enum match_class alert_class(const struct alert *alert);
const char *alert_item(const struct alert *alert); /* the entry's item id */
const struct feed_key *alert_key(const struct alert *alert);
bool alert_is_first(const struct alert *alert); /* of a placed alert: the first report of its story */

/* ---- stories ----------------------------------------------------------------- */

/*
 * Groups alerts of one class that report the same event: containment of
 * 3-word shingles >= 0.10 when both texts have at least 120 words, else shared
 * content words and a shared system or number, within a window since the
 * story's last member. Only alerts are kept, and only a sketch of each; at most
 * the latest 2,048 of a story, 20,000 sketches or 80 MB in all, the stories
 * silent for longest are forgotten first.
 * What placing one costs does not grow with those that are alike: of the words
 * that thousands share, only the latest hundred or more are looked at.
 */
struct alert_stories;
enum base_result alert_stories_new(base_time window, struct alert_stories **out);
void alert_stories_free(struct alert_stories *stories);
/* How far back stored sketches matter: a story takes no member after 7 days, or after the window if that is longer. */
base_time alert_stories_reach(base_time window);
size_t alert_stories_count(const struct alert_stories *stories); /* stories held now */
/*
 * Put the alert into a story, old or new: sets its story id, first or repeat,
 * and the number of outlets (feeds) so far. Its detection time is "now".
 * An alert placed already stays where it is. BASE_INVALID: it has no detection time.
 */
enum base_result alert_stories_place(struct alert_stories *stories, struct alert *alert);
/* The first count of those placed are stored, so that their places are for good. In the order of placing. */
void alert_stories_keep(struct alert_stories *stories, size_t count);
/*
 * Take back the places of all alerts that are not stored yet, newest first: an
 * alert that is never stored must not be anyone's first report. They can be
 * placed again. To be called before one of them is freed.
 */
void alert_stories_withdraw(struct alert_stories *stories);
/* What must be stored with a placed alert so that the index can be rebuilt at start. Appended to out. */
enum base_result alert_story_sketch(const struct alert *alert, struct base_buf *out);
/* Take a stored sketch in, oldest first. Withdraws what is not stored: what is stored comes before it. BASE_DAMAGED if
   it cannot be read. */
enum base_result alert_stories_restore(struct alert_stories *stories, struct base_span sketch);

/* ---- what goes out ------------------------------------------------------------ */

#define ALERT_TOPIC_MAX 64
#define ALERT_HEADER_LEN 24
#define ALERT_ID_MAX 48

/* "ww1/alert/pause/first/"; of a placed alert. */
void alert_topic(const struct alert *alert, char out[ALERT_TOPIC_MAX]);
/* Three unsigned 64-bit big-endian numbers: epoch, sequence, previous sequence on the topic. */
void alert_header(uint64_t epoch, uint64_t sequence, uint64_t previous, uint8_t out[ALERT_HEADER_LEN]);
/* "<epoch>-<sequence>" */
void alert_id(uint64_t epoch, uint64_t sequence, char out[ALERT_ID_MAX]);
/* The CloudEvents object, compact UTF-8 JSON. made: when the alert was made. */
enum base_result alert_json(const struct alert *alert, const char *node, uint64_t epoch, uint64_t sequence,
                            base_time made, struct base_buf *out);
/* `alert class=pause report=first seq=1187 ... title="..."`: fixed tokens first, foreign text escaped; up to 2 KiB. */
enum base_result alert_log_line(const struct alert *alert, uint64_t sequence, struct base_buf *out);
/* The same line made from the JSON object again (for what was stored and is published after a crash). */
enum base_result alert_log_line_of_json(struct base_span json, struct base_buf *out);

#endif
