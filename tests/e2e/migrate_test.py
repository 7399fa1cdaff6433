"""`wirewatch migrate`: the daemon goes on in another database as if nothing had happened; what is half moved is no ledger."""
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))

import database    # noqa: E402
import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import Skip, check, check_equal  # noqa: E402
from wire import Keeper, Wire  # noqa: E402

DAMAGED = "no state"


def postgres():
    """A server of the test's own, for as long as the test runs."""
    _, _, err = harness.client("migrate", "postgresql:///", "sqlite:///nowhere/at/all.db")
    if "built" in err:
        raise Skip(err.strip())
    try:
        server = database.Database()
    except database.Missing as why:
        raise Skip(str(why))
    harness.Cleanup.add(server.remove)
    return server.start()


def migrate(*arguments, status=0):
    code, out, err = harness.client("migrate", *arguments)
    check_equal(code, status, "exit status; " + err)
    if status:
        check(out == "" and err.count("\n") == 1 and err.startswith("wirewatch migrate: "), "not one line:", out, err)
        return err
    check_equal(err, "", "on standard error")
    return out


def sqlite_at(folder, name):
    return "sqlite://" + os.path.join(folder, name)


def fill(uri, feeds=300, entries=300):
    """Make the SQLite ledger of a long life, so that moving it takes its time."""
    fill_ledger = os.path.join(harness.BUILDDIR, "tests", "fault", "fill_ledger")
    check_equal(subprocess.run([fill_ledger, uri, "2000"], check=False).returncode, 0, "fill_ledger")
    ledger = sqlite3.connect(uri[len("sqlite://"):])
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
    ledger.execute(numbers % feeds + "INSERT INTO feed(url, body, failures, polled, updated)"
                   " SELECT 'https://feeds.example/' || i, randomblob(16), i % 3, 1, i FROM n")
    ledger.execute(numbers % entries + "INSERT INTO entry SELECT feed.id, randomblob(16), iif(i % 2, randomblob(16), NULL),"
                   " NULL, randomblob(16), 0, 0, i, i FROM feed, n WHERE feed.url > 'https://feeds.example/' AND feed.polled")
    ledger.commit()
    ledger.close()


# ---- the daemon goes on ----------------------------------------------------------------

def moving(folder, addresses):
    """A daemon whose ledger moves from each address to the next one while a wire runs on."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server, 3)
    daemon = harness.Daemon(folder, wire.urls, {"poll.max": harness.Plain("1s"), "ledger": addresses[0]})
    keeper = Keeper(daemon.publish, daemon.replay)
    digest = None
    for number, address in enumerate(addresses):
        if number:
            daemon.stop_cleanly()
            wire.publish(5)  # comes while nobody looks
            moved = json.loads(migrate("--json", addresses[number - 1], address))
            check_equal((moved["alerts"], moved["sequence"], moved["feeds"]), (len(keeper.kept), keeper.last, 3))
            check(re.fullmatch("[0-9a-f]{64}", moved["sha256"]), moved)
            digest = moved["sha256"]
        daemon.write_config({"ledger": address})
        daemon.start()
        check_equal([m.frames for m in harness.replay_all(daemon.replay)][:len(keeper.kept)], list(keeper.kept.values()),
                    "stored alerts, byte for byte")
        wire.publish(10)
        keeper.wait_items(wire.items(), story=daemon.story)
    check_equal(len({m.epoch for m in harness.replay_all(daemon.replay)}), 1, "epochs")
    daemon.stop_cleanly()
    sequences = [int(line["seq"]) for line in daemon.syslog.alerts()]
    check_equal(sequences, list(range(1, wire.total + 1)), "on syslog")
    return daemon, digest


def test_to_another_file(folder):
    """SQLite to SQLite: sequence, stories and stored alerts go on"""
    moving(folder, [sqlite_at(folder, name) for name in ("ledger.db", "second.db")])


def test_to_postgresql_and_back(folder):
    """SQLite to PostgreSQL to PostgreSQL to SQLite: no alert repeated, none lost, the sequence goes on"""
    server = postgres()
    moving(folder, [sqlite_at(folder, "ledger.db"), server.uri(server.new()), server.uri(server.new()),
                    sqlite_at(folder, "second.db")])


def test_same_rows(folder):
    """there and back again, every row is the same"""
    server = postgres()
    first, second, there = sqlite_at(folder, "a.db"), sqlite_at(folder, "b.db"), server.uri(server.new())
    fill(first)
    moved = json.loads(migrate("--json", first, there))
    check_equal(json.loads(migrate("--json", there, second)), moved, "moved back")
    check(moved["entries"] >= 90000 and moved["alerts"] == 2000, moved)
    tables = [[ledger.execute("SELECT * FROM %s ORDER BY 1, 2" % table).fetchall()
               for table in ("feed", "entry", "topic", "alert", "state")]
              for ledger in (sqlite3.connect(uri[len("sqlite://"):]) for uri in (first, second))]
    check(tables[0] == tables[1], "the tables differ")


def test_different_rows(folder):
    """a copy that is not the same in the end is no ledger, and the reason is said"""
    server = postgres()
    begin, name = sqlite_at(folder, "a.db"), server.new()
    fill(begin, 20, 20)
    to = server.uri(name)
    harness.Daemon(folder, [], {"ledger": to}).start().stop_cleanly()  # makes the tables
    server.sql("CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.last_seen := NEW.last_seen + 1;"
               " RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON wirewatch.entry FOR EACH ROW WHEN (NEW.feed = 7)"
               " EXECUTE FUNCTION public.f()", name)
    check("differs" in migrate(begin, to, status=1), "taken for the same")
    check_equal(server.sql("SELECT count(*) FROM wirewatch.state", name), [["0"]], "its state")
    server.sql("DROP TRIGGER t ON wirewatch.entry", name)
    migrate(begin, to)


# ---- interruption -------------------------------------------------------------------------

def start_shown(*arguments):
    """The tool with a terminal for its progress: (process, descriptor)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([harness.CLIENT, "migrate", *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    harness.Cleanup.add(lambda: (process.kill(), process.wait(), process.stdout.close(), os.close(ours)))
    return process, ours


def wait_shown(descriptor, pattern):
    shown = b""
    while not re.search(pattern, shown):
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # the other side is gone
            piece = b""
        check(piece, "never shown:", pattern, shown[-200:])
        shown += piece


def kill_at(stage, begin, new):
    """Moves into a new address, killed when it has shown that; the address. It may be done before: then once more."""
    for _ in range(10):
        to = new()
        process, screen = start_shown(begin, to)
        wait_shown(screen, stage)
        process.kill()
        if process.wait() == -signal.SIGKILL:
            return to
    raise AssertionError("never killed in time")


def interrupted(folder, new):
    """kill -9 while rows are copied, and while they are compared. new: gives an address."""
    begin = sqlite_at(folder, "ledger.db")
    fill(begin, 400, 400)
    with open(begin[len("sqlite://"):], "rb") as file:
        before = file.read()
    for stage in (rb"copied [1-9]\d* of \d+ rows", rb"compared [1-9]\d* of \d+ rows"):
        to = kill_at(stage, begin, new)
        with open(begin[len("sqlite://"):], "rb") as file:
            check(file.read() == before, "what was to be moved has changed")
        daemon = harness.Daemon(folder, [], {"ledger": to})
        daemon.start(ready=False)
        check(daemon.wait() != 0 and DAMAGED in daemon.story() and "wirewatch migrate" in daemon.story(),
              "a daemon starts with half a ledger;", daemon.story())
        daemon.syslog.close()
        daemon.notify.close()
        for name in ("log", "notify"):
            os.unlink(os.path.join(folder, name))
    moved = json.loads(migrate("--json", begin, to))
    check_equal(moved["alerts"], 2000)
    harness.Daemon(folder, [], {"ledger": to}).start().stop_cleanly()


def test_killed_into_sqlite(folder):
    """kill -9 while it moves into SQLite: no ledger there, the old one untouched, and it can be repeated"""
    names = iter(range(100))
    interrupted(folder, lambda: sqlite_at(folder, "to%d.db" % next(names)))


def test_killed_into_postgresql(folder):
    """kill -9 while it moves into PostgreSQL: the same"""
    server = postgres()
    interrupted(folder, lambda: server.uri(server.new()))


# ---- refusals -----------------------------------------------------------------------------

def refusals(folder, used, other):
    """used: where a daemon keeps its ledger; other: a new address."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    wire = Wire(server)
    wire.publish(2)
    spare = sqlite_at(folder, "spare.db")
    check("there is no" in migrate(used, other, status=1), "nothing there")
    daemon = harness.Daemon(folder, wire.urls, {"ledger": used})
    daemon.start()
    daemon.syslog.wait_alerts(2)
    in_use = migrate(used, spare, status=1)
    check("use" in in_use or "open" in in_use, "in use:", in_use)
    migrate(used, used, status=1)
    fill(spare, 1, 1)
    in_use = migrate(spare, used, status=1)
    check("use" in in_use or "open" in in_use, "in use:", in_use)
    daemon.stop_cleanly()
    check("not empty" in migrate(spare, used, status=1), "not empty")
    check("moved 1 feeds, " in migrate(used, other), "moved")
    check("not empty" in migrate(spare, other, status=1), "not empty after it")


def test_refusals(folder):
    """what is in use, not empty or not there is refused with one line"""
    refusals(folder, sqlite_at(folder, "ledger.db"), sqlite_at(folder, "other.db"))
    for arguments in ([], ["sqlite:///x"], ["--nonsense", "a", "b"], ["a", "b", "c"]):
        check_equal(harness.client("migrate", *arguments)[0], 2, repr(arguments))
    migrate("nonsense", sqlite_at(folder, "other.db"), status=1)
    migrate(sqlite_at(folder, "other.db"), "oracle://x", status=1)


def test_refusals_of_postgresql(folder):
    """the same with PostgreSQL; a password is never shown"""
    server = postgres()
    used, other = server.uri(server.new()), server.uri(server.new())
    refusals(folder, used, other)
    secret = other.replace("wirewatch@", "wirewatch:geheim@")
    for wrong in (secret, secret.replace("port=", "port=1"), secret.replace("/ww2", "/none")):
        for arguments in ((wrong, used), (used, wrong)):
            check("geheim" not in migrate(*arguments, status=1), "a password is shown")


if __name__ == "__main__":
    harness.run_tests([test_to_another_file, test_to_postgresql_and_back, test_same_rows, test_different_rows,
                       test_killed_into_sqlite,
                       test_killed_into_postgresql, test_refusals, test_refusals_of_postgresql])
