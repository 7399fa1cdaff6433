/*
 * Runs of simple items in a document: what a long list of feeds is made of.
 * libyaml looks at each character as if anything could follow: 12,000
 * instructions for a feed in a map. As an item of a run it takes a quarter.
 */
#ifndef WIREWATCH_CONF_RUNS_H
#define WIREWATCH_CONF_RUNS_H

#include "wirewatch/base.h"

/*
 * Items of a block list, one after the other at the same columns. Each is a
 * scalar, a block map or a list or map in brackets; whatever is within it is in
 * one line, in ASCII, and each scalar is plain or in quotes without escapes.
 * The first and the last item stay in the document for libyaml to see; what is
 * between them is cut out.
 */
struct conf_run {
	size_t first_line, last_line; /* where the first and the last item begin */
	size_t column;                /* of what the items are, from 1 */
	size_t from, until;           /* bytes of the document that are cut */
	size_t lines, items;          /* what they hold */
};

struct conf_runs { /* in the order of the document */
	struct conf_run *runs;
	size_t count, cap;
};

/*
 * Find the runs of a document without directives and byte order mark. Whether
 * they are what they seem depends on what is around them: in a text of several
 * lines they are text. Zero-initialise *out; conf_runs_free.
 */
enum base_result conf_runs_find(struct base_span bytes, struct conf_runs *out);
void conf_runs_free(struct conf_runs *runs);

enum conf_run_step { CONF_RUN_SCALAR, CONF_RUN_LIST, CONF_RUN_MAP, CONF_RUN_END };

struct conf_run_event { /* as libyaml has them: END for each list and map, keys and values in turns */
	enum conf_run_step step;
	struct base_span text; /* CONF_RUN_SCALAR */
	bool quoted;
	size_t line, column; /* from 1 */
};

typedef enum base_result conf_run_fn(void *ctx, const struct conf_run_event *event);
/* Tell what is cut, item by item. Whatever take returns but BASE_OK ends it. */
enum base_result conf_run_read(struct base_span bytes, const struct conf_run *run, conf_run_fn *take, void *ctx);

#endif
