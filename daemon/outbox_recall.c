/* Recalling: what the ledger knows of the feeds that a poller takes over. */
#include <stdlib.h>
#include <string.h>

#include "outbox_inside.h"

#define RECALL_PIECE 1000 /* feeds asked of the ledger at once */

static enum base_result recall_one(struct outbox *outbox, struct outbox_recall *recall)
{
	struct ledger_feed stored;
	enum base_result result = ledger_feed_get(outbox->options.ledger, recall->url, &stored);
	if (result == BASE_NOT_FOUND)
		return BASE_OK;
	if (result)
		return result;
	char *etag = stored.etag ? strdup(stored.etag) : NULL;
	char *last_modified = stored.last_modified ? strdup(stored.last_modified) : NULL;
	struct plan_feed *plan = NULL;
	bool short_of = (stored.etag && !etag) || (stored.last_modified && !last_modified);
	if (short_of || plan_feed_restore(&stored.plan, stored.learned, &plan)) {
		free(etag);
		free(last_modified);
		return BASE_NO_MEMORY;
	}
	free(recall->etag); /* of an attempt before */
	free(recall->last_modified);
	plan_feed_free(recall->plan);
	recall->etag = etag;
	recall->last_modified = last_modified;
	recall->body = stored.body;
	recall->plan = plan;
	recall->newest = stored.newest;
	recall->polled = stored.polled;
	recall->id = stored.id;
	recall->written = stored.written;
	recall->known = true;
	return BASE_OK;
}

enum base_result outbox_recall(struct outbox *outbox, struct outbox_job *job)
{
	enum base_result result = BASE_OK;
	for (size_t i = 0; i < job->recall.count && !result; i++) {
		const char *urls[RECALL_PIECE];
		size_t count = 0;
		for (; i % RECALL_PIECE == 0 && count < RECALL_PIECE && i + count < job->recall.count; count++)
			urls[count] = job->recall.feeds[i + count].url;
		if (count)
			result = ledger_expect(outbox->options.ledger, urls, count);
		if (!result)
			result = recall_one(outbox, &job->recall.feeds[i]);
	}
	return result;
}
