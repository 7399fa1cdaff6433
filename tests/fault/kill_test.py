"""kill -9 at random moments while numbered items appear: the short version of kill_campaign.py.

WW_KILL_ROUNDS sets how often, WW_KILL_SEED repeats a run.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness        # noqa: E402
import kill_campaign  # noqa: E402


def test_kill(folder):
    """kill -9 again and again at random moments: nothing lost, nothing made twice, the ledger whole"""
    rounds = int(os.environ.get("WW_KILL_ROUNDS", "15"))
    seed = int(os.environ.get("WW_KILL_SEED", random.randrange(1 << 32)))
    print("# %d rounds, WW_KILL_SEED=%d" % (rounds, seed))
    for line in kill_campaign.Campaign(folder, rounds, seed).run():
        print("# " + line)


if __name__ == "__main__":
    harness.run_tests([test_kill])
