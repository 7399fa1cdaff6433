"""Single calls fail in the running daemon: samples of what nth_call_campaign.py does for each call."""
import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness  # noqa: E402
import nth_call_campaign as campaign  # noqa: E402
from harness import check  # noqa: E402

# How many samples, and up to which call they are taken.
SAMPLES = {"memory": (5, 650), "write": (4, 12), "sync": (1, 1), "curl": (4, 30)}


def sample(folder, kind, calls, troubles, allow_death):
    sweep = campaign.Sweep(folder, kind)
    try:
        for nth in calls:
            result = sweep.round(nth)
            trouble = campaign.verdict(result, allow_death)
            print("# " + campaign.say(kind, result, trouble).replace("\n", "\n# "))
            if trouble:
                troubles.append("%s %d: %s" % (kind, nth, trouble))
        sweep.daemon.stop()
    except AssertionError as error:
        troubles.append("%s: %s" % (kind, error))


def run_samples(folder, kinds, allow_death=False):
    """All kinds beside each other, each with a daemon of its own."""
    campaign.require()
    troubles, threads = [], []
    seed = int(os.environ.get("WW_FAULT_SEED", random.randrange(1 << 32)))
    print("# WW_FAULT_SEED=%d" % seed)
    for kind, (count, most) in kinds.items():
        own = os.path.join(folder, kind)
        os.mkdir(own)
        calls = random.Random("%d %s" % (seed, kind)).sample(range(1, most + 1), count)
        threads.append(threading.Thread(target=sample, args=(own, kind, calls, troubles, allow_death)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    check(not troubles, "\n".join(troubles))


def test_single_calls(folder):
    """a malloc, write, fsync or libcurl call fails: no end, nothing lost, nothing wrong, a line says it"""
    run_samples(folder, SAMPLES)


def test_libzmq(folder):
    """libzmq finds no memory and ends the daemon by its assertions: nothing is lost after the restart"""
    run_samples(folder, {"message-memory": (2, 2), "alien-memory": (2, 30)}, allow_death=True)


if __name__ == "__main__":
    harness.run_tests([test_single_calls, test_libzmq])
