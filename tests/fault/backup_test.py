"""`wirewatch backup`: a whole copy of the ledger while the daemon runs, and a start from it."""
import errno
import os
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from nth_call_campaign import SHIM, Control, require  # noqa: E402
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


# Looks like the daemon to whoever asks for a backup: its name, its lock, its signal. It goes on when told to.
PRETENDER = """
import fcntl, os, signal, sys
ledger = sys.argv[1]
with open("/proc/self/comm", "w") as comm:
    comm.write("wirewatchd")
file = open(ledger, "w+b")
fcntl.lockf(file, fcntl.LOCK_EX)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("ready", flush=True)
signal.sigwait([signal.SIGUSR1])
open(ledger + ".backup.partial", "wb").close()
print("begun", flush=True)
order = sys.stdin.readline().strip()
if order == "finish":
    os.rename(ledger + ".backup.partial", ledger + ".backup")
elif order == "fail":
    os.unlink(ledger + ".backup.partial")
if order != "end":
    sys.stdin.readline()
"""


def end(process):
    process.kill()
    process.wait()
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        pipe.close()


class Slow:
    """A backup that has begun: the tool waits for it."""

    def __init__(self, folder, environment=None):
        self.ledger, config = os.path.join(folder, "slow.db"), os.path.join(folder, "slow.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("ledger: sqlite://%s\n" % self.ledger)
        self.daemon = subprocess.Popen([sys.executable, "-c", PRETENDER, self.ledger], bufsize=0, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        harness.Cleanup.add(lambda: end(self.daemon))
        check_equal(self.daemon.stdout.readline(), b"ready\n")
        self.tool = subprocess.Popen([harness.CLIENT, "backup", "-c", config], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, env=dict(os.environ, **(environment or {})))
        harness.Cleanup.add(lambda: end(self.tool))
        check_equal(self.daemon.stdout.readline(), b"begun\n")
        before = self.sleeps()
        check(harness.wait_until(lambda: self.sleeps() > before + 2), "the tool does not look")

    def sleeps(self):
        with open("/proc/%d/status" % self.tool.pid, encoding="ascii") as status:
            return int(status.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])

    def tell(self, order):
        """What the tool then says: (exit code, stdout, stderr)."""
        self.daemon.stdin.write(order + b"\n")
        out, err = self.tool.communicate(timeout=harness.PATIENCE)
        return self.tool.returncode, out.decode(), err.decode()


def test_large_ledger(folder):
    """a backup that has begun is waited for, however long it takes"""
    require()
    control = Control(os.path.join(folder, "control"))
    backup = Slow(folder, {"LD_PRELOAD": SHIM, "WW_FAULT_CONTROL": control.path})
    control.arm("sleep", 1, errno.EINTR)  # no sleep is one any more: minutes pass
    check(harness.wait_until(lambda: control.count > 20 * 60 * 10 or backup.tool.poll() is not None), "it does not look")
    check_equal(backup.tool.poll(), None, "gave up")
    control.disarm()
    check_equal(backup.tell(b"finish"), (0, backup.ledger + ".backup\n", ""))


def test_given_up(folder):
    """a backup that fails, or whose daemon ends, is not waited for"""
    code, out, err = Slow(folder).tell(b"fail")
    check((code, out) == (1, "") and "no backup came" in err, code, out, err)
    harness.Cleanup.run()
    code, out, err = Slow(folder).tell(b"end")
    check((code, out) == (1, "") and "ended meanwhile" in err, code, out, err)


if __name__ == "__main__":
    harness.run_tests([test_backup, test_refusals, test_large_ledger, test_given_up])
