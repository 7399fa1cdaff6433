/*
 * html: the other way to plain text. Private to feed.
 */
#ifndef WIREWATCH_FEED_HTML_H
#define WIREWATCH_FEED_HTML_H

#include "wirewatch/base.h"

/* Like feed_html_to_text, for text that holds no markup: a blank line parts paragraphs. */
enum base_result feed_plain_to_text(struct base_span plain, struct base_buf *text);

/*
 * Does text hold markup, rather than less-than signs and words between angle brackets? A comment, a CDATA mark, or a
 * tag HTML has a name for, with nothing but attributes in it.
 */
bool feed_html_has_markup(struct base_span text);

/* Where the comment ends whose text starts at `at`, behind "<!--"; NULL if nothing closes it. */
const char *feed_html_comment_end(const char *at, const char *end);

#endif
