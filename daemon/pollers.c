/* All pollers together: started, asked and ended as one. */
#include "pollers.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "wirewatch/fetch.h"
#include "wirewatch/plan.h"

struct pollers {
	struct poller_options options;
	size_t count, started;
	atomic_size_t running;
	struct poller *items[];
};

/* ---- their life ------------------------------------------------------------------ */

static void one_ended(void *ctx)
{
	struct pollers *pollers = ctx;
	if (atomic_fetch_sub(&pollers->running, 1) == 1)
		pollers->options.ended(pollers->options.ctx);
}

enum base_result pollers_new(const struct poller_options *options, struct pollers **out)
{
	size_t count = options->settings->poll.pollers;
	struct pollers *pollers = calloc(1, sizeof *pollers + count * sizeof(struct poller *));
	if (!pollers)
		return BASE_NO_MEMORY;
	pollers->options = *options;
	struct poller_options one = *options;
	one.ended = one_ended;
	one.ctx = pollers;
	struct fetch_trust *trust = NULL;
	enum base_result result = fetch_trust_new(NULL, options->log, &trust);
	one.trust = trust;
	while (pollers->count < count && !result) {
		result = poller_new(&one, &pollers->items[pollers->count]);
		pollers->count += !result;
	}
	fetch_trust_free(trust);
	if (result)
		pollers_free(pollers);
	else
		*out = pollers;
	return result;
}

enum base_result pollers_start(struct pollers *pollers)
{
	enum base_result result = BASE_OK;
	atomic_store(&pollers->running, pollers->count);
	while (pollers->started < pollers->count && !result) {
		result = poller_start(pollers->items[pollers->started]);
		pollers->started += !result;
	}
	return result;
}

void pollers_stop(struct pollers *pollers, bool cancel)
{
	for (size_t i = 0; i < pollers->count; i++)
		poller_stop(pollers->items[i], cancel);
}

void pollers_join(struct pollers *pollers)
{
	for (size_t i = 0; i < pollers->started; i++)
		poller_join(pollers->items[i]);
}

void pollers_free(struct pollers *pollers)
{
	for (size_t i = 0; pollers && i < pollers->count; i++)
		poller_free(pollers->items[i]);
	free(pollers);
}

base_time pollers_alive(const struct pollers *pollers)
{
	base_time oldest = poller_alive(pollers->items[0]);
	for (size_t i = 1; i < pollers->count; i++) {
		base_time alive = poller_alive(pollers->items[i]);
		oldest = alive < oldest ? alive : oldest;
	}
	return oldest;
}

bool pollers_failed(const struct pollers *pollers)
{
	bool failed = false;
	for (size_t i = 0; i < pollers->count; i++)
		failed = failed || poller_failed(pollers->items[i]);
	return failed;
}

/* ---- changes ---------------------------------------------------------------------- */

struct split { /* a change, and the part of it that each poller has */
	struct poller_change *whole;
	atomic_size_t to_take, to_do;
	_Atomic enum base_result result;
	const struct conf_feed **feeds; /* the parts' lists, one after the other */
	struct poller_change parts[];
};

/* Feeds of one server stay with one poller. */
static size_t poller_of(const struct pollers *pollers, const char *url)
{
	static const uint64_t key[2] = {0, 0}; /* only a split; nothing to defend */
	struct base_span server = plan_host_of(url);
	return pollers->count == 1 ? 0 : (size_t)(base_hash64(key, server.ptr, server.len) % pollers->count);
}

static void free_split(struct split *split)
{
	free(split->feeds);
	free(split);
}

static void part_taken(struct poller_change *part)
{
	struct split *split = part->ctx;
	if (atomic_fetch_sub(&split->to_take, 1) == 1 && split->whole->taken)
		split->whole->taken(split->whole);
}

static void part_done(struct poller_change *part)
{
	struct split *split = part->ctx;
	if (part->result)
		atomic_store(&split->result, part->result);
	if (atomic_fetch_sub(&split->to_do, 1) != 1)
		return;
	struct poller_change *whole = split->whole;
	whole->result = atomic_load(&split->result);
	free_split(split);
	whole->done(whole);
}

/* Lay out a list poller by poller from *at on, and give each part its piece. */
static void lay_out(const struct pollers *pollers, const struct conf_feed *const *list, size_t count,
                    const struct conf_feed ***at, struct split *split, bool add)
{
	for (size_t p = 0; p < pollers->count; p++) {
		const struct conf_feed **start = *at;
		for (size_t i = 0; i < count; i++)
			if (poller_of(pollers, list[i]->url) == p)
				*(*at)++ = list[i];
		size_t len = (size_t)(*at - start);
		if (add) {
			split->parts[p].add = start;
			split->parts[p].add_count = len;
		} else {
			split->parts[p].remove = start;
			split->parts[p].remove_count = len;
		}
	}
}

static enum base_result new_split(const struct pollers *pollers, struct poller_change *change, struct split **out)
{
	struct split *split = calloc(1, sizeof *split + pollers->count * sizeof split->parts[0]);
	if (!split)
		return BASE_NO_MEMORY;
	split->feeds = calloc(change->add_count + change->remove_count + 1, sizeof(struct conf_feed *));
	if (!split->feeds) {
		free(split);
		return BASE_NO_MEMORY;
	}
	split->whole = change;
	atomic_store(&split->to_take, pollers->count);
	atomic_store(&split->to_do, pollers->count);
	for (size_t p = 0; p < pollers->count; p++)
		split->parts[p] = (struct poller_change){.settings = change->settings,
		                                         .only = change->only,
		                                         .cancel = change->cancel,
		                                         .taken = part_taken,
		                                         .done = part_done,
		                                         .ctx = split};
	const struct conf_feed **at = split->feeds;
	lay_out(pollers, change->remove, change->remove_count, &at, split, false);
	lay_out(pollers, change->add, change->add_count, &at, split, true);
	*out = split;
	return BASE_OK;
}

enum base_result pollers_change(struct pollers *pollers, struct poller_change *change)
{
	struct split *split;
	if (pollers->count == 1)
		return poller_change(pollers->items[0], change);
	enum base_result result = new_split(pollers, change, &split);
	if (result)
		return result;
	for (size_t p = 0; p < pollers->count; p++) {
		result = poller_change(pollers->items[p], &split->parts[p]);
		if (result && !p) {
			free_split(split);
			return result;
		}
		if (result) { /* the others have theirs: it is as if the poller had ended */
			split->parts[p].result = BASE_BUSY;
			part_taken(&split->parts[p]);
			part_done(&split->parts[p]);
		}
	}
	return BASE_OK;
}
