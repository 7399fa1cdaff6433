"""The n-th call of a kind fails in the running daemon, n = 1, 2, ... until none fails: nothing lost, nothing wrong.

    nth_call_campaign.py [KIND [FROM [TO]]]      kinds: see KINDS

Each round arms the shim (shim.c) while an item appears on the wire, waits until the call has failed, disarms it
and lets another item appear: both must be alerted exactly once, and unless the poll went through as if nothing had
been, some line must say what happened. The short version is nth_call_test.py.
"""
import mmap
import os
import re
import shutil
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from wire import Keeper, Wire  # noqa: E402

SHIM = os.path.join(harness.BUILDDIR, "tests", "fault", ".libs", "shim.so")
# Kind and whose calls: 1 for those of libzmq, which aborts by its own assertions when they fail.
KINDS = {"memory": (1, 0), "write": (2, 0), "sync": (3, 0), "open": (4, 0), "curl": (5, 0), "file-write": (6, 0),
         "message-memory": (1, 1),
         "alien-memory": (1, 1), "alien-write": (2, 1)}
WORKERS = 10
SLEEP = {"sleep": (7, 0)}  # of the tool: the daemon waits otherwise
HEAD = struct.Struct("<IIQQII")  # struct control of shim.c
PROMPT = 4.0  # seconds within which a poll that did not fail is over; those that did come later


def require():
    """Skip where the shim cannot work."""
    if not os.path.exists(SHIM):
        raise harness.Skip("the shim is not built")
    if harness.is_sanitized():
        raise harness.Skip("a sanitizer has malloc for itself")


class Control:
    def __init__(self, path):
        with open(path, "wb") as file:
            file.write(bytes(4096))
        self.path = path
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)

    def arm(self, kind, nth, error=0):
        """The n-th call fails; with an error number, all from then on."""
        number, alien = {**KINDS, **SLEEP}[kind]
        self.map[:] = bytes(4096)
        self.map[4:HEAD.size] = HEAD.pack(0, alien, nth, 0, 0, error)[4:]
        self.map[:4] = struct.pack("<I", number)

    def disarm(self):
        self.map[:4] = bytes(4)

    @property
    def fired(self):
        return HEAD.unpack(self.map[:HEAD.size])[4] != 0

    @property
    def count(self):
        return HEAD.unpack(self.map[:HEAD.size])[3]

    def places(self):
        return self.map[HEAD.size:].split(b"\0")[0].decode().strip().split("\n")


class ShimmedDaemon(harness.Daemon):
    def __init__(self, folder, feeds, settings, control):
        self.control = control
        super().__init__(folder, feeds, settings)

    def environment(self):
        return dict(super().environment(), LD_PRELOAD=SHIM, WW_FAULT_CONTROL=self.control.path)


class Result:
    """What one failed call did."""

    def __init__(self, nth):
        self.nth, self.fired, self.died, self.lines, self.places, self.late = nth, False, None, [], [], False


class Sweep:
    """One daemon whose calls of one kind fail, one after the other."""

    def __init__(self, folder, kind, server=None):
        self.folder, self.kind = folder, kind
        server = server or feedserver.FeedServer()
        harness.Cleanup.add(server.stop)
        self.wire = Wire(server, 1, window=12)
        self.control = Control(os.path.join(folder, "control"))
        self.daemon = ShimmedDaemon(folder, self.wire.urls, {"poll.max": harness.Plain("1s")}, self.control)
        self.keeper = Keeper(self.daemon.publish, self.daemon.replay)
        self.wire.publish(1)
        self.daemon.start()
        self.expect_all()

    def expect_all(self):
        """Every item exactly once at the subscriber, and its line on syslog."""
        self.keeper.wait_items(self.wire.items(), patience=20, story=self.daemon.story)

    def wait_fired(self):
        """Until the call has failed, or a whole poll with the item in it went by without."""
        deadline = time.monotonic() + 10
        while not self.control.fired and self.daemon.alive() and time.monotonic() < deadline:
            self.keeper.listen(0.02)
            if len(self.keeper.items) == self.wire.total:
                time.sleep(0.05)  # what comes after publishing; the shim counts on
                return

    def round(self, nth):
        daemon, result = self.daemon, Result(nth)
        said = len(daemon.stderr_lines)
        self.control.arm(self.kind, nth)
        started = time.monotonic()
        # libzmq allocates most when somebody comes.
        alien = harness.Subscriber(daemon.publish) if self.kind.startswith("alien") else None
        self.wire.publish(1)
        self.wait_fired()
        result.fired = self.control.fired
        self.control.disarm()
        result.places = self.control.places() if result.fired else []
        while len(self.keeper.items) < self.wire.total and daemon.alive() and time.monotonic() < started + PROMPT:
            self.keeper.listen(0.02)
        result.late = len(self.keeper.items) < self.wire.total
        if not daemon.alive():
            result.died = daemon.wait()
        result.lines = daemon.stderr_lines[said:]
        if alien:
            alien.close()
            harness.Cleanup.pending.remove(alien.close)
        if result.died is not None:
            daemon.start()
        self.wire.publish(1)  # the clean poll
        self.expect_all()
        check_syslog(daemon, self.keeper.last)
        check_alerts(self.keeper)
        return result


def check_syslog(daemon, last):
    """Every alert is there; one may come again, but later than that."""
    deadline = time.monotonic() + harness.PATIENCE
    while True:
        missing = set(range(1, last + 1)) - {int(line["seq"]) for line in daemon.syslog.alerts()}
        if not missing:
            return
        check(time.monotonic() < deadline, "not on syslog:", missing, daemon.story())
        time.sleep(0.05)


def content(keeper, sequence):
    """What an alert says of its item, numbers aside: the same for all items of the wire."""
    data = harness.json.loads(keeper.kept[sequence][2])["data"]
    said = {key: data[key] for key in ("class", "cameo", "title", "link", "item", "language", "feed", "rule", "systems",
                                       "actors", "supplier", "recipient", "quantities", "money", "revision_of")}
    said["evidence"] = [evidence["text"] for evidence in data["evidence"]]
    return re.sub(r"\d+", "#", harness.json.dumps(said))


def check_alerts(keeper):
    """The latest alerts say what the first one said: no fault may bend one."""
    for sequence in (keeper.last - 1, keeper.last):
        check_equal(content(keeper, sequence), content(keeper, 1), "alert %d" % sequence)


def verdict(result, allow_death=False):
    """"" or what is wrong with it."""
    if result.died is not None and not allow_death:
        return "the daemon died (%d)" % result.died
    if result.late and not result.lines and result.died is None:
        return "the item came late without a word"
    return ""


def say(kind, result, trouble):
    text = ["%s %d: %s" % (kind, result.nth, trouble or "fine")]
    text += ["    " + line for line in result.places[:10]] + ["    > " + line for line in result.lines[-4:]]
    return "\n".join(text)


class Campaign:
    """Many sweeps beside each other: most of their time they wait for the next poll."""

    def __init__(self, kind, first, last):
        self.kind, self.next, self.last, self.lock = kind, first, last, threading.Lock()
        self.silent, self.spoken, self.died, self.bad, self.missed, self.beyond = 0, 0, 0, [], 0, 0

    def take(self):
        with self.lock:
            self.next += 1
            return self.next - 1 if self.next - 1 <= self.last and self.beyond < 3 * WORKERS else None

    def count(self, result):
        trouble = verdict(result, self.kind.startswith(("alien", "message")))
        with self.lock:
            self.beyond = 0 if result.fired else self.beyond + 1
            if not result.fired:
                return
            self.died += result.died is not None
            self.spoken += bool(result.lines) and result.died is None
            self.silent += not result.lines and result.died is None
            if trouble:
                self.bad.append(result.nth)
                print(say(self.kind, result, trouble), flush=True)
            elif result.nth % 100 == 0:
                print("%s %d ..." % (self.kind, result.nth), flush=True)

    def work(self, folder, server):
        os.mkdir(folder)
        sweep = Sweep(folder, self.kind, server)
        while (nth := self.take()) is not None:
            try:
                self.count(sweep.round(nth))
            except AssertionError as error:
                places = "\n    ".join(sweep.control.places()[:12])
                print("%s %d: %s\n    %s" % (self.kind, nth, error, places), flush=True)
                with self.lock:
                    self.bad.append(nth)
                sweep.daemon.kill()
                folder += "x"
                os.mkdir(folder)
                sweep = Sweep(folder, self.kind)

    def run(self, folder):
        started = time.monotonic()
        workers = [threading.Thread(target=self.work, args=(os.path.join(folder, "%s%d" % (self.kind, i)), None))
                   for i in range(WORKERS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        print("%s: %d calls failed (the last that did: about %d) in %.0f s; "
              "%d with a line, %d without consequence and line, %d ends of the daemon, %d bad%s" % (
                  self.kind, self.spoken + self.silent + self.died, self.next - self.beyond - 1,
                  time.monotonic() - started, self.spoken, self.silent, self.died, len(self.bad),
                  self.bad or ""), flush=True)


def main():
    kinds = [sys.argv[1]] if len(sys.argv) > 1 else list(KINDS)
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    last = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 30
    for kind in kinds:
        folder = tempfile.mkdtemp(prefix="ww-")
        try:
            require()
            Campaign(kind, first, last).run(folder)
        finally:
            harness.Cleanup.run()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
