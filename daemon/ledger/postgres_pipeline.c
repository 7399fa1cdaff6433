/* Statements in a pipeline: values in binary form, results in order. */
#include "postgres.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 100000
#define ARRAY_MAX ((size_t)1 << 29) /* half of what a value may have (1 GB) */
#define ARRAY_HEADER 20

/* Type numbers are fixed for ever: src/include/catalog/pg_type.dat. */
enum { TYPE_BOOL = 16, TYPE_BYTES = 17, TYPE_NUMBER = 20, TYPE_SHORT = 23, TYPE_TEXT = 25 };
enum { TYPE_BYTES_ARRAY = 1001, TYPE_SHORT_ARRAY = 1007, TYPE_TEXT_ARRAY = 1009, TYPE_NUMBER_ARRAY = 1016 };

struct postgres_pending {
	const struct postgres_statement *prepared; /* not NULL: the answer to preparing it */
	const char *doing;
	postgres_take_fn *take;
	void *ctx;
};

/* ---- values ------------------------------------------------------------------------ */

static void put_bytes(unsigned char *out, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, value >>= 8)
		out[i] = (unsigned char)value;
}

static void add(struct postgres_params *params, Oid type, struct base_span span)
{
	size_t at = params->count;
	if (at == POSTGRES_PARAMS || span.len > INT_MAX) {
		params->failed = true;
		return;
	}
	params->types[at] = type;
	params->values[at] = span.ptr;
	params->lengths[at] = (int)span.len;
	params->formats[at] = 1;
	params->count++;
}

void postgres_add_number(struct postgres_params *params, int64_t number)
{
	if (params->count == POSTGRES_PARAMS) {
		params->failed = true;
		return;
	}
	unsigned char *place = params->numbers[params->count];
	put_bytes(place, (uint64_t)number, 8);
	add(params, TYPE_NUMBER, (struct base_span){(const char *)place, 8});
}

void postgres_add_time(struct postgres_params *params, base_time time)
{
	if (time == BASE_TIME_NONE)
		add(params, TYPE_NUMBER, BASE_NONE);
	else
		postgres_add_number(params, time);
}

void postgres_add_bool(struct postgres_params *params, bool value)
{
	add(params, TYPE_BOOL, (struct base_span){value ? "\1" : "\0", 1});
}

void postgres_add_text(struct postgres_params *params, struct base_span text)
{
	add(params, TYPE_TEXT, text);
}

void postgres_add_bytes(struct postgres_params *params, struct base_span bytes)
{
	add(params, TYPE_BYTES, bytes);
}

/* ---- arrays: a header, then each element's length and bytes (array_send in arrayfuncs.c) ----- */

static void array_init(struct postgres_array *array, Oid element)
{
	static const char header[ARRAY_HEADER];
	*array = (struct postgres_array){.element = element};
	base_buf_init(&array->bytes, ARRAY_MAX);
	base_buf_add(&array->bytes, header, sizeof header);
}

void postgres_numbers(struct postgres_array *array)
{
	array_init(array, TYPE_NUMBER);
}

void postgres_short_numbers(struct postgres_array *array)
{
	array_init(array, TYPE_SHORT);
}

void postgres_texts(struct postgres_array *array)
{
	array_init(array, TYPE_TEXT);
}

void postgres_byte_rows(struct postgres_array *array)
{
	array_init(array, TYPE_BYTES);
}

void postgres_array_free(struct postgres_array *array)
{
	base_buf_free(&array->bytes);
}

void postgres_push(struct postgres_array *array, struct base_span span)
{
	unsigned char length[4];
	put_bytes(length, span.ptr ? span.len : UINT32_MAX, 4);
	base_buf_add(&array->bytes, length, sizeof length);
	if (span.ptr)
		base_buf_add_span(&array->bytes, span);
	else
		array->nulls = true;
	array->count++;
}

void postgres_push_number(struct postgres_array *array, int64_t number)
{
	unsigned char bytes[8];
	put_bytes(bytes, (uint64_t)number, 8);
	postgres_push(array, (struct base_span){(const char *)bytes, sizeof bytes});
}

void postgres_push_short(struct postgres_array *array, int64_t number)
{
	unsigned char bytes[4];
	put_bytes(bytes, (uint64_t)(number > INT32_MAX ? INT32_MAX : number < INT32_MIN ? INT32_MIN : number), 4);
	postgres_push(array, (struct base_span){(const char *)bytes, sizeof bytes});
}

void postgres_push_time(struct postgres_array *array, base_time time)
{
	if (time == BASE_TIME_NONE)
		postgres_push(array, BASE_NONE);
	else
		postgres_push_number(array, time);
}

void postgres_push_key(struct postgres_array *array, const struct feed_key *key)
{
	postgres_push(array, (struct base_span){(const char *)key->bytes, FEED_KEY_LEN});
}

void postgres_add_array(struct postgres_params *params, struct postgres_array *array)
{
	Oid type = array->element == TYPE_NUMBER ? TYPE_NUMBER_ARRAY :
	           array->element == TYPE_SHORT  ? TYPE_SHORT_ARRAY :
	           array->element == TYPE_TEXT   ? TYPE_TEXT_ARRAY :
	                                           TYPE_BYTES_ARRAY;
	if (array->bytes.failed || array->count > INT_MAX) {
		params->failed = true;
		return;
	}
	unsigned char *header = (unsigned char *)array->bytes.data;
	put_bytes(header, array->count ? 1 : 0, 4); /* dimensions; an empty array has none */
	put_bytes(header + 4, array->nulls, 4);
	put_bytes(header + 8, array->element, 4);
	put_bytes(header + 12, array->count, 4);
	put_bytes(header + 16, 1, 4); /* the first index */
	struct base_span whole = base_buf_span(&array->bytes);
	add(params, type, (struct base_span){whole.ptr, array->count ? whole.len : 12});
}

/* ---- results -------------------------------------------------------------------------- */

int64_t postgres_number_at(const PGresult *result, int row, int column)
{
	const unsigned char *bytes = (const unsigned char *)PQgetvalue(result, row, column);
	int len = PQgetisnull(result, row, column) ? 0 : PQgetlength(result, row, column);
	uint64_t value = len && len <= 8 && bytes[0] & 0x80 && len > 1 ? UINT64_MAX : 0;
	for (int i = 0; i < len && len <= 8; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

base_time postgres_time_at(const PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? BASE_TIME_NONE : postgres_number_at(result, row, column);
}

struct base_span postgres_span_at(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return BASE_NONE;
	return (struct base_span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

struct feed_key postgres_key_at(const PGresult *result, int row, int column)
{
	struct feed_key key = {{0}};
	struct base_span bytes = postgres_span_at(result, row, column);
	if (bytes.len == FEED_KEY_LEN)
		memcpy(key.bytes, bytes.ptr, FEED_KEY_LEN);
	return key;
}

/* ---- sending --------------------------------------------------------------------------- */

static enum base_result expect(struct postgres *postgres, struct postgres_pending pending)
{
	enum base_result result = base_grow(&postgres->pending, &postgres->pending_cap, postgres->pending_count + 1,
	                                    sizeof *postgres->pending, PENDING_MAX);
	if (result)
		return base_fail(&postgres->engine.reason, result, "ledger: %s", base_result_text(result));
	postgres->pending[postgres->pending_count++] = pending;
	return BASE_OK;
}

static bool is_prepared(const struct postgres *postgres, const struct postgres_statement *statement)
{
	for (size_t i = 0; i < postgres->prepared_count; i++)
		if (postgres->prepared[i] == statement)
			return true;
	return false;
}

static void unprepared(struct postgres *postgres, const struct postgres_statement *statement)
{
	for (size_t i = 0; i < postgres->prepared_count; i++)
		if (postgres->prepared[i] == statement)
			postgres->prepared[i] = postgres->prepared[--postgres->prepared_count];
}

static enum base_result prepare(struct postgres *postgres, const struct postgres_statement *statement,
                                const struct postgres_params *params, const char *doing)
{
	if (is_prepared(postgres, statement))
		return BASE_OK;
	if (postgres->prepared_count == sizeof postgres->prepared / sizeof *postgres->prepared)
		return base_fail(&postgres->engine.reason, BASE_LIMIT, "ledger: too many kinds of statements");
	enum base_result result = expect(postgres, (struct postgres_pending){.prepared = statement, .doing = doing});
	if (result)
		return result;
	if (!PQsendPrepare(postgres->conn, statement->name, statement->text, (int)params->count, params->types))
		return postgres_lost(postgres, doing);
	postgres->prepared[postgres->prepared_count++] = statement; /* as the ones after it in the pipeline see it */
	return BASE_OK;
}

static enum base_result send_one(struct postgres *postgres, const struct postgres_statement *statement,
                                 const struct postgres_params *params, struct postgres_pending pending)
{
	enum base_result result = prepare(postgres, statement, params, pending.doing);
	if (!result)
		result = expect(postgres, pending);
	if (!result && !PQsendQueryPrepared(postgres->conn, statement->name, (int)params->count, params->values,
	                                    params->lengths, params->formats, 1))
		result = postgres_lost(postgres, pending.doing);
	return result;
}

enum base_result postgres_send(struct postgres *postgres, const struct postgres_statement *statement,
                               const struct postgres_params *params, const char *doing, postgres_take_fn *take,
                               void *ctx)
{
	static const struct postgres_statement begin = {"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"};
	static const struct postgres_params none;
	if (params && params->failed)
		return base_fail(&postgres->engine.reason, BASE_NO_MEMORY, "ledger %s: %s: no room for the values",
		                 postgres->shown, doing);
	if (postgres->lost)
		return BASE_NETWORK; /* the reason was told */
	enum base_result result = postgres->pending_count ? BASE_OK : postgres_connect(postgres);
	if (!result && postgres->in_transaction && !postgres->begun) {
		result = send_one(postgres, &begin, &none, (struct postgres_pending){.doing = doing});
		postgres->begun = !result;
	}
	if (!result)
		result = send_one(postgres, statement, params ? params : &none,
		                  (struct postgres_pending){.doing = doing, .take = take, .ctx = ctx});
	return result;
}

void postgres_forget_answers(struct postgres *postgres)
{
	for (size_t i = 0; i < postgres->pending_count; i++)
		postgres->pending[i].take = NULL;
}

/* ---- waiting ------------------------------------------------------------------------------ */

/* What one statement gave; *failed is set once. BASE_OK unless the connection is gone. */
static enum base_result take_result(struct postgres *postgres, const struct postgres_pending *pending,
                                    enum base_result *failed)
{
	PGresult *answer;
	enum base_result result = postgres_next(postgres, &answer);
	if (result)
		return result;
	ExecStatusType status = PQresultStatus(answer);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	if (!good && pending->prepared)
		unprepared(postgres, pending->prepared);
	if (good && !*failed && pending->take)
		*failed = pending->take(postgres, answer, pending->ctx);
	else if (!good && !*failed)
		*failed = postgres_fail(postgres, answer, pending->doing);
	bool ended = !answer; /* after an answer comes a NULL that ends it */
	PQclear(answer);
	while (!result && !ended) {
		result = postgres_next(postgres, &answer);
		ended = !answer;
		PQclear(answer);
	}
	return result;
}

enum base_result postgres_sync(struct postgres *postgres)
{
	enum base_result result = BASE_OK, failed = BASE_OK;
	PGresult *answer = NULL;
	if (postgres->lost)
		return BASE_NETWORK;
	if (!postgres->pending_count)
		return BASE_OK;
	if (!PQpipelineSync(postgres->conn))
		return postgres_lost(postgres, "cannot send");
	/* Dropping the connection empties the list. */
	for (size_t i = 0; !result && i < postgres->pending_count; i++)
		result = take_result(postgres, &postgres->pending[i], &failed);
	if (!result)
		result = postgres_next(postgres, &answer);
	if (!result && PQresultStatus(answer) != PGRES_PIPELINE_SYNC)
		result = postgres_lost(postgres, "the answers are out of step");
	PQclear(answer);
	postgres->pending_count = 0;
	return failed ? failed : result;
}

enum base_result postgres_query(struct postgres *postgres, const struct postgres_statement *statement,
                                const struct postgres_params *params, const char *doing, postgres_take_fn *take,
                                void *ctx)
{
	enum base_result result = postgres_send(postgres, statement, params, doing, take, ctx);
	return result ? result : postgres_sync(postgres);
}
