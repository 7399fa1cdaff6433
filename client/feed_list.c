/* feed_list: see feed_list.h. */
#include "feed_list.h"

#include "wirewatch/feed.h"

struct listing {
	struct conf *conf;
	const char *file;
	struct base_problems *problems;
};

static enum base_result list_feed(void *ctx, const struct feed_outline *outline)
{
	struct listing *listing = ctx;

	struct conf_outline feed = {outline->url,		outline->name, outline->language, outline->tags,
								outline->tag_count, listing->file, outline->line};

	return conf_add_feed(listing->conf, &feed, listing->problems);
}

enum base_result feed_list_read(struct conf *conf, const char *file, struct base_span bytes, struct base_problems *problems)
{
	struct listing listing = {conf, file, problems};

	return feed_opml_read(file, bytes, list_feed, &listing, problems);
}
