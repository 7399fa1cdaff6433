"""kill -9 at random moments while numbered items appear: every item exactly once, whatever happens.

WW_KILL_ROUNDS sets how often (the short version runs with all tests), WW_KILL_SEED repeats a run.
"""
import os
import random
import signal
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
import news        # noqa: E402
from harness import check, check_equal  # noqa: E402

ROUNDS = int(os.environ.get("WW_KILL_ROUNDS", "40"))
LONGEST = 0.4  # seconds a daemon lives at most
MOST_NEW = 4   # items that appear between two kills


class Keeper:
    """A subscriber that keeps its last sequence and asks for what it missed."""

    def __init__(self, daemon):
        self.daemon, self.last, self.kept = daemon, 0, {}

    def catch_up(self):
        for message in harness.replay_all(self.daemon.replay, after=self.last):
            check(message.sequence > self.last, "sequence", message.sequence, "after", self.last)
            check(message.data["item"] not in self.kept, "twice:", message.data["item"])
            self.kept[message.data["item"]] = message.frames
            self.last = message.sequence


def sends_again(lines):
    """How many alerts syslog got again after each restart, the most."""
    most, run, highest = 0, 0, 0
    for line in lines:
        sequence = int(line["seq"])
        if sequence <= highest:
            run += 1
            most = max(most, run)
        else:
            run, highest = 0, sequence
    return most


def test_kill(folder):
    """kill -9 again and again at random moments: nothing lost, nothing made twice, the ledger whole"""
    seed = int(os.environ.get("WW_KILL_SEED", random.randrange(1 << 32)))
    print("# %d rounds, WW_KILL_SEED=%d" % (ROUNDS, seed))
    chance = random.Random(seed)
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    # The window is wider than what can appear before the next successful poll.
    feed = news.NumberedFeed(server, window=200)
    daemon = harness.Daemon(folder, [feed.url], {"poll.max": harness.Plain("1s")})
    keeper, early = Keeper(daemon), 0
    for number in range(ROUNDS):
        feed.grow(chance.randint(0, MOST_NEW))
        daemon.start(ready=False)
        if number % 10 == 9:
            daemon.wait_ready()
            keeper.catch_up()
        time.sleep(chance.random() * LONGEST)  # the random moment
        early += not daemon.ready()
        check_equal(daemon.stop(signal.SIGKILL), -signal.SIGKILL, "exit status; " + daemon.story())
    daemon.start()
    daemon.syslog.wait_alerts(1)
    feed.grow(1)
    total = len(feed.items)
    last = "Shipment %d is halted" % total
    deadline = time.monotonic() + harness.PATIENCE
    while not any(line["title"] == last for line in daemon.syslog.alerts()):
        check(time.monotonic() < deadline, "the last item does not come;", daemon.story())
        time.sleep(0.05)
    keeper.catch_up()
    check_equal(sorted(keeper.kept), ["urn:test:numbered-%06d" % n for n in range(1, total + 1)], "items kept")
    everything = harness.replay_all(daemon.replay)
    check_equal([m.frames for m in everything], list(keeper.kept.values()), "replayed again, byte for byte")
    check_equal([m.sequence for m in everything], list(range(1, total + 1)), "sequences")
    lines = daemon.syslog.alerts()
    check_equal(sorted({int(line["seq"]) for line in lines}), list(range(1, total + 1)), "on syslog")
    again = sends_again(lines)
    print("# %d items, %d kills before READY, %d lines, at most %d sent again" % (total, early, len(lines), again))
    check(again <= MOST_NEW * 50, "sent again", again)
    daemon.stop_cleanly()
    database = sqlite3.connect(os.path.join(folder, "ledger.db"))
    check_equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity check")
    database.close()


if __name__ == "__main__":
    harness.run_tests([test_kill])
