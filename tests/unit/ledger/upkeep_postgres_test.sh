#!/bin/sh
# The same tests once more, on a PostgreSQL of their own. 77: there is none here, and it was said.
"$WW_SRCDIR/tests/e2e/database.py" run "$WW_BUILDDIR/tests/unit/ledger/upkeep_test" || [ $? -eq 77 ]
