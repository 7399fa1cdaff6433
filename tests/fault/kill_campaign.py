"""kill -9 at random moments while a wire publishes numbered items: every item exactly once, whatever happens.

    kill_campaign.py ROUNDS [SEED]

Shows its progress and ends with the figures; WW_BUILDDIR names the build. The short version is kill_test.py.
"""
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from wire import Keeper, Wire, sent_again  # noqa: E402

FEEDS = 8
LONGEST = 0.5      # seconds a daemon lives after READY at most
BEFORE_READY = 0.3  # share of the kills that do not wait for READY
RATE = 12.0        # items a second, about


class Printer(threading.Thread):
    """The wire's own hand: items at random moments, until stopped."""

    def __init__(self, wire, seed):
        super().__init__(daemon=True)
        self.wire, self.chance, self.ended = wire, random.Random(seed), threading.Event()

    def run(self):
        while not self.ended.wait(self.chance.expovariate(RATE / 2.0)):
            self.wire.publish(self.chance.randint(1, 3))

    def stop(self):
        self.ended.set()
        self.join()


def inspect(folder):
    """A copy of the ledger nobody has open: checked by SQLite itself; (sequence, published)."""
    copy = os.path.join(folder, "copy")
    os.mkdir(copy)
    try:
        for name in os.listdir(folder):
            if name.startswith("ledger.db"):
                shutil.copyfile(os.path.join(folder, name), os.path.join(copy, name))
        if not os.path.exists(os.path.join(copy, "ledger.db")):
            return 0, 0
        database = sqlite3.connect(os.path.join(copy, "ledger.db"))
        check_equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity check")
        check_equal(database.execute("PRAGMA foreign_key_check").fetchall(), [], "foreign keys")
        state = ledger_state(database)
        database.close()
        return state
    finally:
        shutil.rmtree(copy)


def ledger_state(database):
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "state" not in tables:
        return 0, 0
    return database.execute("SELECT sequence, published FROM state").fetchone() or (0, 0)


class Campaign:
    def __init__(self, folder, rounds, seed):
        self.folder, self.rounds, self.chance = folder, rounds, random.Random(seed)
        self.early, self.inspected, self.unpublished, self.startup = 0, 0, [], 0.1
        server = feedserver.FeedServer()
        harness.Cleanup.add(server.stop)
        self.wire = Wire(server, FEEDS, chance=random.Random(seed + 1))
        self.daemon = harness.Daemon(folder, self.wire.urls, {
            "poll.max": harness.Plain("1s"), "zeromq.replay": "ipc://" + os.path.join(folder, "replay.sock")})
        self.printer = Printer(self.wire, seed + 2)
        self.keeper = Keeper(self.daemon.publish, self.daemon.replay)

    def round(self):
        daemon = self.daemon
        started = time.monotonic()
        daemon.start(ready=False)
        if self.chance.random() < BEFORE_READY:
            time.sleep(self.chance.random() * self.startup)
        else:
            daemon.wait_ready()
            self.startup = 0.9 * self.startup + 0.1 * (time.monotonic() - started)
            self.keeper.catch_up()
            moment = time.monotonic() + self.chance.random() * LONGEST  # the random moment
            while time.monotonic() < moment:
                self.keeper.listen(max(0.0, moment - time.monotonic()))
        self.early += not daemon.ready()
        check_equal(daemon.stop(signal.SIGKILL), -signal.SIGKILL, "exit status; " + daemon.story())
        del daemon.stderr_lines[:-100]
        harness.Cleanup.pending.pop()  # of this start
        self.keeper.listen(can_ask=False)
        sequence, published = inspect(self.folder)
        self.inspected += 1
        self.unpublished.append(sequence - published)

    def finish(self):
        self.printer.stop()
        self.daemon.start()
        self.wire.publish(1)
        self.keeper.wait_items(self.wire.items(), story=self.daemon.story)
        everything = harness.replay_all(self.daemon.replay)
        check_equal([m.frames for m in everything], [self.keeper.kept[s] for s in sorted(self.keeper.kept)],
                    "replayed from the beginning, byte for byte")
        self.daemon.syslog.wait_alerts(self.wire.total)
        lines, again = sent_again(self.daemon)
        check_equal(sorted(set(lines)), list(range(1, self.wire.total + 1)), "on syslog")
        # What is sent again is what was committed last and not yet marked.
        check(max(again, default=0) <= max(self.unpublished), "sent again", again, "not marked", self.unpublished)
        self.daemon.stop_cleanly()
        check_equal(inspect(self.folder), (self.wire.total, self.wire.total), "the ledger at rest")
        return again

    def run(self, progress=lambda number: None):
        self.printer.start()
        started = time.monotonic()
        for number in range(1, self.rounds + 1):
            self.round()
            progress(number)
        again = self.finish()
        keeper = self.keeper
        return [
            "%d kills in %.0f s, %d of them before READY; start to READY %.0f ms" % (
                self.rounds, time.monotonic() - started, self.early, self.startup * 1000),
            "%d items on %d feeds, each held exactly once: %d live, %d by replay" % (
                self.wire.total, FEEDS, keeper.live, keeper.replayed),
            "%d integrity checks passed" % (self.inspected + 1),
            "sent again on syslog: %d alerts after %d kills, at most %d at once; on ZeroMQ: %d" % (
                sum(again), len(again), max(again, default=0), sum(count - 1 for count in keeper.sent.values())),
        ]


def main():
    rounds = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print("%d rounds, seed %d" % (rounds, seed))
    folder = tempfile.mkdtemp(prefix="ww-")
    campaign = Campaign(folder, rounds, seed)

    def progress(number):
        if sys.stdout.isatty() or number % 50 == 0:
            print("%d of %d kills, %d items held of %d" % (number, rounds, len(campaign.keeper.items),
                  campaign.wire.total), end="\r" if sys.stdout.isatty() else "\n", flush=True)
    try:
        print("\n".join(campaign.run(progress)))
    finally:
        harness.Cleanup.run()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
