/* The ledger's door: opening, feeds, and what needs no thought but the engine. */
#include "ledger.h"

#include "config.h"
#include <stdlib.h>
#include <string.h>

#define ENTRIES_KEPT (90 * BASE_DAY)
#define URL_MAX 65536

static const struct engine_ops *const engines[] = {
	&engine_sqlite,
#ifdef HAVE_LIBPQ
	&engine_postgres,
#endif
};

enum base_result ledger_failed(struct ledger *ledger, enum base_result result)
{
	base_log(ledger->log, BASE_ERROR, "ledger", "%s", ledger->engine->reason.text);
	return result;
}

const char *ledger_reason(const struct ledger *ledger)
{
	return ledger->engine->reason.text;
}

enum base_result ledger_engine_of(const char *uri, const struct engine_ops **ops, const char **where,
                                  struct base_error *err)
{
	const char *mark = strstr(uri, "://");
	if (!mark) /* which is not repeated: it may be a connection string with a password */
		return base_fail(err, BASE_INVALID, "ledger: not an address such as sqlite:///var/lib/wirewatch/ledger.db");
	struct base_span scheme = {uri, (size_t)(mark - uri)};
	if (base_span_is(scheme, "postgres")) /* libpq takes both */
		scheme = base_span_of("postgresql");
	*where = mark + 3;
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		if (base_span_is(scheme, engines[i]->scheme)) {
			*ops = engines[i];
			return BASE_OK;
		}
	if (base_span_is(scheme, "postgresql"))
		return base_fail(err, BASE_UNSUPPORTED,
		                 "ledger: this wirewatchd was built without PostgreSQL; install libpq's header files (Debian: "
		                 "libpq-dev) and build it again, or use sqlite:///var/lib/wirewatch/ledger.db");
	return base_fail(err, BASE_UNSUPPORTED, "ledger: no engine for %.*s://; known are sqlite:// and postgresql://",
	                 (int)scheme.len, scheme.ptr);
}

enum base_result ledger_check(const char *uri, struct base_error *err)
{
	const struct engine_ops *ops;
	const char *where;
	enum base_result result = ledger_engine_of(uri, &ops, &where, err);
	return result || !ops->check ? result : ops->check(where, err);
}

enum base_result ledger_engine_open(const char *uri, struct base_log *log, struct engine **out, struct base_error *err)
{
	const struct engine_ops *ops;
	const char *where;
	enum base_result result = ledger_engine_of(uri, &ops, &where, err);
	return result ? result : ops->open(where, log, out, err);
}

/*
 * Where others publish too, a node goes on where it was itself. A new one begins with what is alerted from now on; in
 * a ledger that moved here, and stored nothing since, where that one was.
 */
static enum base_result read_state(struct ledger *ledger)
{
	const struct engine_shared_ops *shared = ledger->engine->ops->shared;
	enum base_result result = ledger->engine->ops->state_get(ledger->engine, &ledger->state);
	ledger->published_stored = ledger->state.published;
	if (result || !shared)
		return result;
	result = shared->published_get(ledger->engine, ledger->node, &ledger->state.published);
	ledger->published_stored = ledger->state.published;
	if (result == BASE_NOT_FOUND) {
		ledger->published_stored = UINT64_MAX; /* to be written */
		result = BASE_OK;
	}
	if (ledger->state.published > ledger->state.sequence)
		ledger->state.published = ledger->state.sequence;
	return result;
}

enum base_result ledger_open(const struct ledger_options *options, struct ledger **out, struct base_error *err)
{
	if (!options->uri || !options->node)
		return base_fail(err, BASE_INVALID, "ledger: an address and a node name are needed");
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (!ledger)
		return base_fail(err, BASE_NO_MEMORY, "ledger: out of memory");
	base_buf_init(&ledger->url, URL_MAX);
	ledger->keep = options->keep;
	ledger->log = options->log;
	ledger->node = strdup(options->node);
	enum base_result result = ledger->node ? BASE_OK : base_fail(err, BASE_NO_MEMORY, "ledger: out of memory");
	if (!result)
		result = ledger_engine_open(options->uri, options->log, &ledger->engine, err);
	if (!result) {
		result = read_state(ledger);
		if (result)
			(void)base_fail(err, result, "%s", ledger->engine->reason.text);
	}
	if (result) {
		ledger_close(ledger);
		return result;
	}
	ledger->told = ledger->state.sequence;
	ledger->pruned = BASE_TIME_NONE;
	*out = ledger;
	return BASE_OK;
}

enum base_result ledger_put_published(struct ledger *ledger, const struct engine_state *state)
{
	const struct engine_ops *ops = ledger->engine->ops;
	return ops->shared ? ops->shared->published_put(ledger->engine, ledger->node, state->published)
	                   : ops->state_put(ledger->engine, state);
}

/* Write down how far publishing got, if that is not written yet. */
static enum base_result store_published(struct ledger *ledger)
{
	struct engine *engine = ledger->engine;
	if (ledger->published_stored == ledger->state.published)
		return BASE_OK;
	enum base_result result = engine->ops->begin(engine);
	if (result)
		return result;
	result = ledger_put_published(ledger, &ledger->state);
	if (!result)
		result = engine->ops->commit(engine);
	if (result)
		engine->ops->rollback(engine);
	else
		ledger->published_stored = ledger->state.published;
	return result;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	if (ledger->engine) {
		enum base_result result = store_published(ledger);
		if (result)
			(void)ledger_failed(ledger, result);
		ledger->engine->ops->close(ledger->engine);
	}
	base_buf_free(&ledger->url);
	free(ledger->node);
	free(ledger);
}

uint64_t ledger_epoch(const struct ledger *ledger)
{
	return ledger->state.epoch;
}

uint64_t ledger_sequence(const struct ledger *ledger)
{
	return ledger->state.sequence;
}

uint64_t ledger_oldest(struct ledger *ledger)
{
	uint64_t sequence = 0;
	enum base_result result = ledger->engine->ops->oldest(ledger->engine, &sequence);
	if (result)
		(void)ledger_failed(ledger, result);
	return result ? 0 : sequence;
}

enum base_result ledger_expect(struct ledger *ledger, const char *const *urls, size_t count)
{
	const struct engine_ops *ops = ledger->engine->ops;
	ledger->expected = 0;
	if (!ops->prefetch)
		return BASE_OK;
	struct engine_want *wants = calloc(count + 1, sizeof *wants);
	if (!wants)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		wants[i].url = urls[i];
	enum base_result result = ops->prefetch(ledger->engine, wants, count);
	free(wants);
	if (result)
		return ledger_failed(ledger, result);
	ledger->expected = count;
	return BASE_OK;
}

enum base_result ledger_feed_get(struct ledger *ledger, const char *url, struct ledger_feed *out)
{
	const struct engine_ops *ops = ledger->engine->ops;
	const struct engine_want want = {.url = url};
	struct engine_feed feed;
	enum base_result result = BASE_OK;
	if (ledger->expected)
		ledger->expected--;
	else if (ops->prefetch)
		result = ops->prefetch(ledger->engine, &want, 1);
	if (!result)
		result = ops->feed_get(ledger->engine, url, &feed);
	if (result)
		return result == BASE_NOT_FOUND ? result : ledger_failed(ledger, result);
	base_buf_reset(&ledger->url);
	result = base_buf_add_text(&ledger->url, url);
	if (result)
		return result;
	*out = (struct ledger_feed){
		.url = ledger->url.data,
		.etag = feed.etag,
		.last_modified = feed.last_modified,
		.body = feed.body,
		.plan = feed.plan,
		.learned = feed.learned,
		.newest = feed.newest,
		.polled = feed.polled,
		.id = feed.id,
		.written = feed.written,
	};
	return BASE_OK;
}

enum base_result ledger_published(struct ledger *ledger, uint64_t sequence)
{
	if (sequence > ledger->state.sequence)
		return BASE_INVALID;
	if (sequence > ledger->state.published)
		ledger->state.published = sequence;
	return BASE_OK;
}

static enum base_result alerts(struct ledger *ledger, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more)
{
	ledger->engine->reason.text[0] = '\0';
	enum base_result result = ledger->engine->ops->alerts(ledger->engine, after, prefix, limit, each, ctx, more);
	/* What the callback returned has no reason of the engine's. */
	return result && ledger->engine->reason.text[0] ? ledger_failed(ledger, result) : result;
}

struct upto {
	uint64_t sequence;
	ledger_message_fn *each;
	void *ctx;
	bool beyond;
};

/* What other nodes stored beyond is for ledger_follow. */
static enum base_result give_upto(void *ctx, const struct ledger_message *message)
{
	struct upto *upto = ctx;
	struct ledger_message out = *message;
	upto->beyond = message->sequence > upto->sequence;
	if (upto->beyond)
		return BASE_STOPPED;
	out.read_back = true;
	return upto->each(upto->ctx, &out);
}

enum base_result ledger_unpublished(struct ledger *ledger, ledger_message_fn *each, void *ctx)
{
	struct upto upto = {.sequence = ledger->state.sequence, .each = each, .ctx = ctx};
	bool more;
	enum base_result result =
		alerts(ledger, ledger->state.published, BASE_NONE, SIZE_MAX, give_upto, &upto, &more);
	return upto.beyond && result == BASE_STOPPED ? BASE_OK : result;
}

enum base_result ledger_replay(struct ledger *ledger, uint64_t after, struct base_span prefix, size_t limit,
                               ledger_message_fn *each, void *ctx, bool *more)
{
	return alerts(ledger, after, prefix, limit, each, ctx, more);
}

enum base_result ledger_sketches(struct ledger *ledger, base_time since, ledger_sketch_fn *each, void *ctx)
{
	ledger->engine->reason.text[0] = '\0';
	enum base_result result = ledger->engine->ops->sketches(ledger->engine, since, each, ctx);
	return result && ledger->engine->reason.text[0] ? ledger_failed(ledger, result) : result;
}

/* No living node may miss what it has not published. */
static enum base_result least_published(struct ledger *ledger, uint64_t *published)
{
	uint64_t least;
	enum base_result result = ledger->engine->ops->shared->published_least(ledger->engine, &least);
	if (!result && least < *published)
		*published = least;
	return result;
}

/*
 * Whether all feeds had time to be polled. After a long rest, or when the clock has jumped ahead, none was for as long as
 * that took, and they are not abandoned for it: what they showed then would alert as new.
 */
static bool is_attended(struct ledger *ledger, base_time now)
{
	if (ledger->pruned == BASE_TIME_NONE || now < ledger->pruned || now - ledger->pruned > BASE_DAY)
		ledger->attended = now;
	ledger->pruned = now;
	return now - ledger->attended >= BASE_DAY;
}

enum base_result ledger_prune(struct ledger *ledger, base_time now, bool *more)
{
	base_time unseen = ledger->keep > ENTRIES_KEPT ? ledger->keep : ENTRIES_KEPT;
	struct engine_prune prune = {
		.now = now,
		.alerts_before = now - ledger->keep,
		.published = ledger->state.published,
		.entries_unseen = unseen,
		.polled_before = is_attended(ledger, now) ? now - unseen : BASE_TIME_NONE,
	};
	enum base_result result = store_published(ledger);
	if (!result && ledger_is_shared(ledger))
		result = least_published(ledger, &prune.published);
	if (!result)
		result = ledger->engine->ops->prune(ledger->engine, &prune, more);
	return result ? ledger_failed(ledger, result) : BASE_OK;
}

enum base_result ledger_backup(struct ledger *ledger, const char *path, struct base_error *err)
{
	enum base_result result = ledger->engine->ops->backup(ledger->engine, path);
	return result ? base_fail(err, result, "%s", ledger->engine->reason.text) : BASE_OK;
}
