"""`wirewatch backup`: a whole copy of the ledger while the daemon runs, and a start from it."""
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from wire import Keeper, Wire  # noqa: E402


def alerts_in(path):
    database = sqlite3.connect(path)
    check_equal(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)], "integrity check")
    count = database.execute("SELECT count(*) FROM alert").fetchone()[0]
    database.close()
    return count


def test_backup(folder):
    """a backup while alerts arrive, one more that replaces it, and a start from it"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire, ledger = Wire(server, 2), os.path.join(folder, "ledger.db")
    wire.publish(20)
    daemon = harness.Daemon(folder, wire.urls, {"poll.max": harness.Plain("1s")})
    keeper = Keeper(daemon.publish, daemon.replay)
    daemon.start()
    for more in (0, 15):
        wire.publish(more)
        keeper.wait_items(wire.items(), story=daemon.story)
        code, out, err = harness.client("backup", "-c", daemon.config)
        check_equal((code, out), (0, ledger + ".backup\n"), "answer; " + err + daemon.story())
        check_equal(alerts_in(ledger + ".backup"), wire.total, "alerts in the backup")
    daemon.wait_log("backup: .* holds everything up to sequence 35", 1)
    daemon.stop_cleanly()
    os.replace(ledger + ".backup", ledger)
    daemon.start()
    check_equal([m.frames for m in harness.replay_all(daemon.replay)], list(keeper.kept.values()), "after the restore")
    wire.publish(5)
    keeper.wait_items(wire.items(), story=daemon.story)
    daemon.stop_cleanly()


def test_refusals(folder):
    """without a daemon, or with another program on the ledger, nobody is signalled and the reason is said"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server)
    daemon = harness.Daemon(folder, wire.urls)
    daemon.start().stop_cleanly()
    code, _, err = harness.client("backup", "-c", daemon.config)
    check(code == 1 and "no daemon" in err, code, err)
    other = sqlite3.connect(os.path.join(folder, "ledger.db"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    code, _, err = harness.client("backup", "-c", daemon.config)
    check(code == 1 and "another program" in err, code, err)
    other.close()
    code, _, err = harness.client("backup", "-c", daemon.config + ".none")
    check(code == 1 and err.count("\n") == 1, code, err)
    check_equal(harness.client("backup", "--nonsense")[0], 2, "wrong usage")


if __name__ == "__main__":
    harness.run_tests([test_backup, test_refusals])
