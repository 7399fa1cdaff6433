/*
 * bare_rows: SQLite alone writes what a ledger wrote. The rows are read from
 * the ledger's file beforehand; tables, indices and settings are the same.
 */
#ifndef BARE_ROWS_H
#define BARE_ROWS_H

#include <stddef.h>

struct bare_rows {
	const char *ledger;      /* its file, closed */
	size_t batches, rounds;  /* polls in a transaction; transactions */
	size_t entries, alerts;  /* new in a poll */
};

/* Seconds of processor a poll. Ends the program on failure. */
double bare_rows_write(const struct bare_rows *rows);

#endif
