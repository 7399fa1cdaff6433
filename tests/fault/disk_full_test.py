"""A full disk under the ledger: polls wait, nothing is lost, the reason is said, and all goes on by itself."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
import news        # noqa: E402
from harness import check, check_equal  # noqa: E402

FIRST, LATER = 20, 400


def small_disk(folder):
    """A file system of four megabytes, or Skip where none may be mounted."""
    path = os.path.join(folder, "disk")
    os.mkdir(path)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path], stderr=subprocess.PIPE)
    if mounted.returncode:
        raise harness.Skip("no file system can be mounted here")
    harness.Cleanup.add(lambda: subprocess.run(["umount", "-l", path], check=True))
    return path


def fill(path):
    """Write until nothing more fits; the file to remove later."""
    ballast = os.path.join(path, "ballast")
    with open(ballast, "wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return ballast


def test_disk_full(folder):
    """the disk fills up and is freed again: every item alerted once, in order, health told meanwhile"""
    disk = small_disk(folder)
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server, window=1000)
    feed.grow(FIRST)
    daemon = harness.Daemon(folder, [feed.url], {"ledger": "sqlite://%s/ledger.db" % disk,
                                                 "poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(FIRST)
    check_equal(daemon.get("/healthz")[0], 200, "health before")
    ballast = fill(disk)
    feed.grow(LATER)
    daemon.wait_log("(?i)ledger: .*(full|space|written|disk)")
    check(harness.wait_until(lambda: daemon.get("/healthz")[0] == 503), "health while full", daemon.get("/healthz"))
    check(daemon.get("/healthz")[1].strip(), "no reason in /healthz")
    check_equal(len(daemon.syslog.alerts()), FIRST, "alerts although nothing could be stored")
    os.unlink(ballast)
    daemon.syslog.wait_alerts(FIRST + LATER)
    daemon.wait_log("(?i)ledger: .*recover")
    check(harness.wait_until(lambda: daemon.get("/healthz")[0] == 200), "health after", daemon.get("/healthz"))
    total = FIRST + LATER
    stored = harness.replay_all(daemon.replay)
    check_equal(sorted(m.data["item"] for m in stored), ["urn:test:numbered-%06d" % n for n in range(1, total + 1)])
    check_equal([m.sequence for m in stored], list(range(1, total + 1)), "sequences")
    check_equal([int(line["seq"]) for line in daemon.syslog.alerts()], list(range(1, total + 1)), "on syslog")
    check_equal(json.loads(daemon.get("/status")[1])["sequence"], total)
    daemon.stop_cleanly()


def test_stop_while_full(folder):
    """SIGTERM while the disk is full ends within seconds; nothing is lost at the next start"""
    disk = small_disk(folder)
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server, window=1000)
    feed.grow(FIRST)
    daemon = harness.Daemon(folder, [feed.url], {"ledger": "sqlite://%s/ledger.db" % disk,
                                                 "poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(FIRST)
    ballast = fill(disk)
    feed.grow(LATER)
    daemon.wait_log("(?i)ledger: .*(full|space|written|disk)")
    daemon.stop(timeout=15)
    os.unlink(ballast)
    daemon.start()
    # What was published could not be marked on the full disk, so it may come again.
    check(harness.wait_until(lambda: {int(line["seq"]) for line in daemon.syslog.alerts()}
                             == set(range(1, FIRST + LATER + 1))), "not all on syslog;", daemon.story())
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_disk_full, test_stop_while_full])
