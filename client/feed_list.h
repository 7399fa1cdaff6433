/* feed_list: OPML into the configuration's list of feeds. */
#ifndef WIREWATCH_CLIENT_FEED_LIST_H
#define WIREWATCH_CLIENT_FEED_LIST_H

#include "wirewatch/conf.h"

/* A conf_opml_fn. */
enum base_result feed_list_read(struct conf *conf, const char *file, struct base_span bytes, struct base_problems *problems);

#endif
