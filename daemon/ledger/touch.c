/*
 * Polls that brought nothing. Nearly all polls are such ones, and a row and a
 * transaction for each would cost more than the poll itself (20 us of
 * processor time and an fdatasync for each handful); here they are a few bytes.
 */
#include "ledger.h"

#include <stdlib.h>

enum base_result ledger_touch(struct ledger *ledger, const struct ledger_poll *polls, size_t count, base_time now)
{
	struct engine_poll *rows = calloc(count + 1, sizeof *rows);
	if (!rows)
		return BASE_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct engine_poll){polls[i].feed, polls[i].last_start, polls[i].next_due};
	enum base_result result = count ? ledger->engine->ops->polls_put(ledger->engine, rows, count, now) : BASE_OK;
	free(rows);
	return result;
}
