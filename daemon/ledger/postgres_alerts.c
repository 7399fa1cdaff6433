/* Reading alerts: piece by piece, so that neither memory nor a snapshot is held while the reader takes its time. */
#include "postgres.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 256
#define SKETCHES_PIECE 2000

struct reading {
	enum base_result (*row)(void *reading, const PGresult *result, int row);
	enum base_result stopped; /* what the reader returned */
	uint64_t last;            /* the sequence of the last row given */
	size_t rows;              /* in this piece */
	size_t given, limit;
	bool others;
	ledger_message_fn *message;
	ledger_sketch_fn *sketch;
	void *ctx;
};

static enum base_result took_rows(struct postgres *postgres, const PGresult *result, void *ctx)
{
	struct reading *reading = ctx;
	(void)postgres;
	reading->rows = (size_t)PQntuples(result);
	for (int row = 0; row < PQntuples(result) && !reading->stopped && !reading->others; row++)
		reading->stopped = reading->row(reading, result, row);
	return BASE_OK;
}

static enum base_result give_message(void *ctx, const PGresult *result, int row)
{
	struct reading *reading = ctx;
	reading->others = reading->given == reading->limit;
	if (reading->others)
		return BASE_OK;
	const struct ledger_message message = {
		.sequence = (uint64_t)postgres_number_at(result, row, 0),
		.topic = postgres_span_at(result, row, 1),
		.header = postgres_span_at(result, row, 2),
		.json = postgres_span_at(result, row, 3),
	};
	reading->last = message.sequence;
	reading->given++;
	return reading->message(reading->ctx, &message);
}

static enum base_result give_sketch(void *ctx, const PGresult *result, int row)
{
	struct reading *reading = ctx;
	reading->last = (uint64_t)postgres_number_at(result, row, 0);
	return reading->sketch(reading->ctx, postgres_span_at(result, row, 1));
}

static int64_t number_of(uint64_t sequence)
{
	return sequence > INT64_MAX ? INT64_MAX : (int64_t)sequence;
}

enum base_result postgres_alerts(struct engine *engine, uint64_t after, struct base_span prefix, size_t limit,
                                 ledger_message_fn *each, void *ctx, bool *more)
{
	static const struct postgres_statement statement = {
		"alerts", "SELECT sequence, topic, header, json FROM alert WHERE sequence > $1 AND topic >= $2 AND topic < $3"
				  " ORDER BY sequence LIMIT $4"};
	struct postgres *postgres = postgres_of(engine);
	struct reading reading = {.row = give_message, .last = after, .limit = limit, .message = each, .ctx = ctx};
	char from[ALERT_TOPIC_MAX + 1] = "", until[ALERT_TOPIC_MAX + 8] = "";
	enum base_result result = BASE_OK;
	if (prefix.len > ALERT_TOPIC_MAX || (prefix.len && memchr(prefix.ptr, '\0', prefix.len)) ||
	    !base_utf8_valid(prefix.ptr ? prefix.ptr : "", prefix.len)) {
		*more = false; /* no topic is like that */
		return BASE_OK;
	}
	if (prefix.len)
		memcpy(from, prefix.ptr, prefix.len);
	/* The first text that is greater than everything starting with it: U+10FFFF at its end, for topics are ASCII. */
	memcpy(until, from, prefix.len);
	memcpy(until + prefix.len, "\xF4\x8F\xBF\xBF", 5);
	do {
		struct postgres_params params = {0};
		size_t left = limit - reading.given;
		size_t rows = left < PIECE ? left + 1 : PIECE;
		postgres_add_number(&params, number_of(reading.last));
		postgres_add_text(&params, base_span_of(from));
		postgres_add_text(&params, base_span_of(until));
		postgres_add_number(&params, (int64_t)rows);
		result = postgres_query(postgres, &statement, &params, "cannot read", took_rows, &reading);
		if (!result && reading.rows < rows)
			break;
	} while (!result && !reading.stopped && !reading.others);
	if (!result && !reading.stopped)
		*more = reading.others;
	return result ? result : reading.stopped;
}

static enum base_result read_sketches(struct postgres *postgres, const struct postgres_statement *statement,
                                      uint64_t after, base_time since, ledger_sketch_fn *each, void *ctx)
{
	struct reading reading = {.row = give_sketch, .last = after, .sketch = each, .ctx = ctx};
	enum base_result result = BASE_OK;
	do {
		struct postgres_params params = {0};
		postgres_add_number(&params, number_of(reading.last));
		postgres_add_number(&params, SKETCHES_PIECE);
		postgres_add_number(&params, since);
		result = postgres_query(postgres, statement, &params, "cannot read", took_rows, &reading);
	} while (!result && !reading.stopped && reading.rows == SKETCHES_PIECE);
	return result ? result : reading.stopped;
}

enum base_result postgres_sketches(struct engine *engine, base_time since, ledger_sketch_fn *each, void *ctx)
{
	/* The first piece begins where the first alert of that age is, for by sequence all the older ones would be read. */
	static const struct postgres_statement statement = {
		"sketches", "SELECT sequence, sketch FROM alert WHERE sequence > $1 AND made >= $3 AND sequence >="
					" (SELECT min(s.sequence) FROM (SELECT sequence FROM alert WHERE made >= $3 OFFSET 0) AS s) ORDER BY sequence LIMIT $2"};
	return read_sketches(postgres_of(engine), &statement, 0, since, each, ctx);
}

static enum base_result took_oldest(struct postgres *postgres, const PGresult *result, void *ctx)
{
	(void)postgres;
	*(uint64_t *)ctx = PQntuples(result) ? (uint64_t)postgres_number_at(result, 0, 0) : 0;
	return BASE_OK;
}

enum base_result postgres_oldest(struct engine *engine, uint64_t *sequence)
{
	static const struct postgres_statement statement = {"oldest", "SELECT min(sequence) FROM alert"};
	return postgres_query(postgres_of(engine), &statement, NULL, "cannot read", took_oldest, sequence);
}
