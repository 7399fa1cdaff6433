#!/bin/sh
# On a PostgreSQL of its own. 77: there is none here, and it was said.
"$WW_SRCDIR/tests/e2e/database.py" run "$WW_BUILDDIR/tests/unit/ledger/failover_test" || [ $? -eq 77 ]
