"""A ledger that cannot be written for a while, or belongs to another: polls wait, the reason is told, all goes on."""
import errno
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from nth_call_campaign import Control, ShimmedDaemon, require  # noqa: E402
from wire import Keeper, Wire  # noqa: E402

FEEDS = 3


def wait_health(daemon, wanted):
    deadline = time.monotonic() + harness.PATIENCE
    while True:
        code, text = daemon.get("/healthz")
        if code == wanted:
            return text
        check(time.monotonic() < deadline, "health", code, text, daemon.story())
        time.sleep(0.05)


def wait_quiet(server, daemon):
    """Until no request came for three of the shortest intervals; one that goes on polling fails here."""
    deadline, seen, since = time.monotonic() + harness.PATIENCE, -1, 0
    while time.monotonic() - since < 3 * 1.2 or seen < 0:
        if len(server.requests()) != seen:
            seen, since = len(server.requests()), time.monotonic()
        check(time.monotonic() < deadline, "polls go on;", daemon.story())
        time.sleep(0.05)


def endure(server, wire, daemon, keeper, begin, end, reason):
    """Trouble between begin() and end() while items appear."""
    keeper.wait_items(wire.items(), story=daemon.story)
    check_equal(daemon.get("/healthz")[0], 200, "health before")
    begin()
    wire.publish(10)
    daemon.wait_log("ledger: .*" + reason)
    check(wait_health(daemon, 503).strip(), "no reason in health")
    wait_quiet(server, daemon)
    daemon.notify.wait_line("STATUS=ledger failing")
    wire.publish(10)
    check(daemon.alive(), daemon.story())
    end()
    keeper.wait_items(wire.items(), story=daemon.story)
    daemon.wait_log("ledger: recovered")
    wait_health(daemon, 200)
    wire.publish(5)
    keeper.wait_items(wire.items(), story=daemon.story)
    lines = [int(line["seq"]) for line in daemon.syslog.wait_alerts(wire.total)]
    check_equal(lines, list(range(1, wire.total + 1)), "on syslog")
    daemon.stop_cleanly()


def trouble_by_shim(folder, kind, number, reason):
    require()
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire, control = Wire(server, FEEDS), Control(os.path.join(folder, "control"))
    wire.publish(5)
    daemon = ShimmedDaemon(folder, wire.urls, {"poll.max": harness.Plain("1s")}, control)
    keeper = Keeper(daemon.publish, daemon.replay)
    daemon.start()
    endure(server, wire, daemon, keeper, lambda: control.arm(kind, 1, number), control.disarm, reason)


def test_read_only(folder):
    """the file system turns read-only and writable again"""
    trouble_by_shim(folder, "file-write", errno.EROFS, "(read-?only|Read-only|I/O)")


def test_no_sync(folder):
    """the disk takes writes but cannot make them durable"""
    trouble_by_shim(folder, "sync", errno.EIO, "I/O")


def test_tiny_disk(folder):
    """a disk of 1 MiB is full by itself; it goes on when it is made larger"""
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], stderr=subprocess.PIPE).returncode:
        raise harness.Skip("no file system can be mounted here")
    harness.Cleanup.add(lambda: subprocess.run(["umount", "-l", disk], check=True))
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server, FEEDS, window=1000)
    wire.publish(5)
    daemon = harness.Daemon(folder, wire.urls, {"ledger": "sqlite://%s/ledger.db" % disk,
                                                "poll.max": harness.Plain("1s")})
    keeper = Keeper(daemon.publish, daemon.replay)
    daemon.start()
    endure(server, wire, daemon, keeper, lambda: wire.publish(600),
           lambda: subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True), "full")


def test_locked_before(folder):
    """a ledger that another process has locked is refused with the reason"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server)
    wire.publish(1)
    daemon = harness.Daemon(folder, wire.urls)
    keeper = Keeper(daemon.publish, daemon.replay)
    daemon.start()
    keeper.wait_items(wire.items())
    daemon.stop_cleanly()
    other = sqlite3.connect(os.path.join(folder, "ledger.db"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    daemon.start(ready=False)
    check_equal(daemon.wait(10), 1, "exit status")
    daemon.wait_log("another process")
    other.execute("ROLLBACK")
    other.close()
    wire.publish(1)
    daemon.start()
    keeper.wait_items(wire.items())
    daemon.stop_cleanly()


def test_locked_meanwhile(folder):
    """no other process gets a lock on the ledger of a running daemon"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server)
    wire.publish(1)
    daemon = harness.Daemon(folder, wire.urls, {"poll.max": harness.Plain("1s")})
    keeper = Keeper(daemon.publish, daemon.replay)
    daemon.start()
    keeper.wait_items(wire.items())
    for statement in ("BEGIN EXCLUSIVE", "SELECT * FROM state", "DELETE FROM alert"):
        other = sqlite3.connect(os.path.join(folder, "ledger.db"), isolation_level=None, timeout=0)
        try:
            other.execute(statement).fetchall()
            raise AssertionError(statement + " was possible")
        except sqlite3.OperationalError as error:
            check("locked" in str(error), statement, str(error))
        finally:
            other.close()
    wire.publish(3)
    keeper.wait_items(wire.items(), story=daemon.story)
    check_equal(daemon.get("/healthz")[0], 200, "health")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_read_only, test_no_sync, test_tiny_disk, test_locked_before, test_locked_meanwhile])
