/*
 * A ledger moves house: every row is read in the order of its key, handed to
 * the other engine, and read again there. One digest over all of them, taken on
 * the way out and on the way back, says that nothing changed or was left behind.
 */
#include "ledger.h"

#include <string.h>

#define ROW_MAX ((size_t)1 << 30)
#define ROWS_BETWEEN_REPORTS 1024

const struct engine_shape engine_shapes[ENGINE_TABLES] = {
	[ENGINE_FEED] = {"feeds",
                     13,
                     {ENGINE_NUMBER, ENGINE_TEXT, ENGINE_BYTES, ENGINE_BYTES, ENGINE_BYTES, ENGINE_NUMBER, ENGINE_NUMBER,
                      ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_BYTES}},
	[ENGINE_ENTRY] = {"entries",
                      9,
                      {ENGINE_NUMBER, ENGINE_BYTES, ENGINE_BYTES, ENGINE_BYTES, ENGINE_BYTES, ENGINE_NUMBER,
                       ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER}},
	[ENGINE_TOPIC] = {"topics", 2, {ENGINE_TEXT, ENGINE_NUMBER}},
	[ENGINE_ALERT] = {"alerts",
                      9,
                      {ENGINE_NUMBER, ENGINE_TEXT, ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_BYTES,
                       ENGINE_BYTES, ENGINE_BYTES, ENGINE_BYTES}},
	[ENGINE_STATE] = {"states", 3, {ENGINE_NUMBER, ENGINE_NUMBER, ENGINE_NUMBER}},
};

struct move { /* one way through all rows: out of one engine and into the other, or back to compare */
	struct engine *from, *to; /* to: NULL when comparing */
	enum engine_table table;
	enum ledger_move_step step;
	uint64_t counts[ENGINE_TABLES], rows, total;
	struct base_sha256 sha;
	struct base_buf row;
	bool into_failed; /* the reason is that of `to` */
	ledger_progress_fn *progress;
	void *ctx;
};

/* ---- rows ------------------------------------------------------------------------ */

static void add_number(struct base_buf *row, uint64_t number)
{
	char bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(number >> (8 * i) & 0xFF);
	(void)base_buf_add(row, bytes, sizeof bytes);
}

/* Every cell says how long it is, so that no two rows are written alike. */
static enum base_result add_to_digest(struct move *move, const struct engine_cell *cells)
{
	const struct engine_shape *shape = &engine_shapes[move->table];
	base_buf_reset(&move->row);
	(void)base_buf_add_char(&move->row, (char)move->table);
	for (size_t i = 0; i < shape->count; i++) {
		(void)base_buf_add_char(&move->row, (char)cells[i].given);
		if (!cells[i].given)
			continue;
		if (shape->kinds[i] == ENGINE_NUMBER) {
			add_number(&move->row, (uint64_t)cells[i].number);
		} else {
			add_number(&move->row, cells[i].bytes.len);
			(void)base_buf_add_span(&move->row, cells[i].bytes);
		}
	}
	if (!move->row.failed)
		base_sha256_add(&move->sha, move->row.data, move->row.len);
	return move->row.failed;
}

static enum base_result take_row(void *ctx, const struct engine_cell *cells)
{
	struct move *move = ctx;
	enum base_result result = add_to_digest(move, cells);
	if (!result && move->to) {
		result = move->to->ops->move->load(move->to, cells);
		move->into_failed = result != BASE_OK;
	}
	if (result)
		return result;
	move->counts[move->table]++;
	if (++move->rows % ROWS_BETWEEN_REPORTS == 0 && move->progress)
		move->progress(move->ctx, move->step, move->rows, move->total);
	return BASE_OK;
}

static enum base_result take_table(struct move *move)
{
	struct engine *to = move->to;
	enum base_result result = to ? to->ops->move->load_begin(to, move->table) : BASE_OK;
	move->into_failed = result != BASE_OK;
	if (!result)
		result = move->from->ops->move->walk(move->from, move->table, take_row, move);
	if (!result && to) {
		result = to->ops->move->load_end(to);
		move->into_failed = result != BASE_OK;
	}
	return result;
}

/* All tables, the state last. */
static enum base_result take_all(struct move *move, struct base_error *err)
{
	enum base_result result = BASE_OK;
	base_buf_init(&move->row, ROW_MAX);
	base_sha256_start(&move->sha);
	move->from->reason.text[0] = '\0';
	for (int table = 0; !result && table < ENGINE_TABLES; table++) {
		move->table = (enum engine_table)table;
		result = take_table(move);
	}
	if (result) {
		const char *reason = move->into_failed ? move->to->reason.text : move->from->reason.text;
		(void)base_fail(err, result, "%s", *reason ? reason : base_result_text(result));
	} else if (move->progress) {
		move->progress(move->ctx, move->step, move->rows, move->total);
	}
	base_buf_free(&move->row);
	return result;
}

/* ---- from one engine into the other -------------------------------------------------- */

static enum base_result of_engine(struct engine *engine, enum base_result result, struct base_error *err)
{
	return result ? base_fail(err, result, "%s", engine->reason.text) : BASE_OK;
}

static enum base_result compare(const struct move *out, struct move *back, struct ledger_moved *moved,
                                struct base_error *err)
{
	struct base_sha256 sha = out->sha;
	uint8_t there[BASE_SHA256_LEN], here[BASE_SHA256_LEN];
	for (int table = 0; table < ENGINE_TABLES; table++)
		if (out->counts[table] != back->counts[table])
			return base_fail(err, BASE_DAMAGED, "the copy has %llu %s of %llu; nothing was moved",
			                 (unsigned long long)back->counts[table], engine_shapes[table].name,
			                 (unsigned long long)out->counts[table]);
	base_sha256_end(&sha, there);
	base_sha256_end(&back->sha, here);
	if (memcmp(here, there, sizeof here))
		return base_fail(err, BASE_DAMAGED, "the copy differs from what was copied; nothing was moved");
	base_hex(there, sizeof there, moved->digest);
	moved->feeds = out->counts[ENGINE_FEED];
	moved->entries = out->counts[ENGINE_ENTRY];
	moved->alerts = out->counts[ENGINE_ALERT];
	return BASE_OK;
}

/* Both engines are in a transaction. */
static enum base_result copy_and_compare(struct move *out, struct ledger_moved *moved, struct base_error *err)
{
	struct move back = {.from = out->to, .step = LEDGER_MOVE_VERIFY, .progress = out->progress, .ctx = out->ctx};
	enum base_result result = BASE_OK;
	for (int table = 0; !result && table < ENGINE_TABLES; table++) {
		uint64_t rows = 0;
		result = of_engine(out->from, out->from->ops->move->count(out->from, (enum engine_table)table, &rows), err);
		out->total += rows;
	}
	if (!result)
		result = take_all(out, err);
	back.total = out->rows;
	if (!result)
		result = take_all(&back, err);
	return result ? result : compare(out, &back, moved, err);
}

/* Rows there already, or a sequence given, are somebody's ledger. A missing state is what an interrupted move left. */
static enum base_result expect_empty(struct engine *to, struct base_error *err)
{
	uint64_t rows = 0, all = 0;
	struct engine_state state = {0};
	enum base_result result = BASE_OK;
	for (int table = 0; !result && table < ENGINE_STATE; table++) {
		result = of_engine(to, to->ops->move->count(to, (enum engine_table)table, &rows), err);
		all += rows;
	}
	if (!result)
		result = of_engine(to, to->ops->move->count(to, ENGINE_STATE, &rows), err);
	if (!result && rows)
		result = of_engine(to, to->ops->state_get(to, &state), err);
	if (!result && (all || state.sequence))
		result = base_fail(err, BASE_INVALID, "the ledger to move to is not empty; name a new one");
	return result;
}

/* Mark it, for good, before the first row comes. */
static enum base_result mark(struct engine *to, struct base_error *err)
{
	enum base_result result = of_engine(to, to->ops->begin(to), err);
	if (result)
		return result;
	result = of_engine(to, to->ops->move->hold(to), err);
	if (!result)
		result = expect_empty(to, err);
	if (!result)
		result = of_engine(to, to->ops->move->state_forget(to), err);
	if (!result)
		result = of_engine(to, to->ops->commit(to), err);
	if (result)
		to->ops->rollback(to);
	return result;
}

static enum base_result move_into(struct move *move, struct ledger_moved *moved, struct base_error *err)
{
	struct engine *to = move->to;
	enum base_result result = of_engine(to, to->ops->begin(to), err);
	if (result)
		return result;
	result = of_engine(to, to->ops->move->hold(to), err);
	if (!result)
		result = copy_and_compare(move, moved, err);
	if (!result)
		result = of_engine(to, to->ops->commit(to), err);
	if (result)
		to->ops->rollback(to);
	else
		to->ops->settle(to);
	return result;
}

static enum base_result move_engines(struct move *move, struct ledger_moved *moved, struct base_error *err)
{
	struct engine *from = move->from;
	struct engine_state state;
	enum base_result result = of_engine(from, from->ops->begin(from), err);
	if (result)
		return result;
	result = of_engine(from, from->ops->move->hold(from), err);
	if (!result)
		result = of_engine(from, from->ops->state_get(from, &state), err);
	if (!result)
		result = mark(move->to, err);
	if (!result)
		result = move_into(move, moved, err);
	from->ops->rollback(from); /* nothing was written there */
	if (result)
		return result;
	moved->epoch = state.epoch;
	moved->sequence = state.sequence;
	return BASE_OK;
}

/* ---- the door --------------------------------------------------------------------------- */

static enum base_result find(const char *uri, struct base_error *err)
{
	const struct engine_ops *ops;
	const char *where;
	enum base_result result = ledger_engine_of(uri, &ops, &where, err);
	if (result)
		return result;
	return ops->move->find(where, err);
}

enum base_result ledger_move(const char *from, const char *to, ledger_progress_fn *progress, void *ctx,
                             struct ledger_moved *out, struct base_error *err)
{
	struct move move = {.step = LEDGER_MOVE_COPY, .progress = progress, .ctx = ctx};
	struct ledger_moved moved = {0};
	if (strcmp(from, to) == 0)
		return base_fail(err, BASE_INVALID, "a ledger cannot be moved to itself; name another to move to");
	enum base_result result = find(from, err);
	if (!result)
		result = ledger_engine_open(from, NULL, &move.from, err);
	if (!result)
		result = ledger_engine_open(to, NULL, &move.to, err);
	if (!result)
		result = move_engines(&move, &moved, err);
	if (move.to)
		move.to->ops->close(move.to);
	if (move.from)
		move.from->ops->close(move.from);
	if (!result)
		*out = moved;
	return result;
}
