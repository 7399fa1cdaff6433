/*
 * A ledger in memory, for tests: it implements the calls that publish makes.
 */
#ifndef FAKE_LEDGER_H
#define FAKE_LEDGER_H

#include "wirewatch/ledger.h"

struct ledger *fake_ledger_new(uint64_t epoch);
void fake_ledger_free(struct ledger *ledger);
/* Store an alert of class and report ("first", "repeat"); valid until the ledger is freed. time: RFC 3339. */
const struct ledger_message *fake_ledger_add(struct ledger *ledger, const char *class_name, const char *report,
                                             const char *time);
void fake_ledger_forget(struct ledger *ledger, uint64_t up_to); /* retention */
/* Store one that this node has not handed on: another node's. Then hand on the next such; NULL: there is none. */
void fake_ledger_add_elsewhere(struct ledger *ledger, const char *class_name, const char *report, const char *time);
const struct ledger_message *fake_ledger_follow(struct ledger *ledger);
void fake_ledger_fail(struct ledger *ledger, enum base_result result);

#endif
