#!/usr/bin/python3
"""What a poll costs the database that several nodes share, beside what it costs a ledger in SQLite.

Each run: a feed server, as many daemons as nodes, a PostgreSQL of the bench's own (settings as installed: fsync on). Of a
window of polls, counted by the server and divided by them: processor time of the database (all its processes), of the
daemons, bytes of write-ahead log, bytes between daemons and database as TCP counts them, transactions. The same of a
daemon alone with SQLite is the reference: its processor time, and the bytes it writes.

  not modified   304 to the stored validators: nothing but the time of the next poll is noted
  changed        30 entries of which two are new; of 50 new ones, one is an alert

busy: more feeds than can be polled, so that many polls share a transaction, as with a million feeds. paced: %d polls a
second over all nodes, so that few do. aged: each feed has had %d entries before, and each is polled once after a
checkpoint: the first change of a page is logged with the whole page, and in a large database nearly every change is its
page's first. Nodes share one machine here: times are processor times, never wall times.
"""
import os
import re
import subprocess
import sys
import time

import measure
from harness import Cleanup, check
from measure import LoadServer, Plain, Report, Wirewatchd, cpu_of

sys.path.insert(0, os.path.join(measure.HERE, "..", "e2e"))
import database  # noqa: E402

PACE = 50
SHARED_OUT = 25  # seconds until each node has its share: two renewals of its membership
AGE = 900  # ninety days of ten new entries
HOSTS = 50
PACES = ("busy", "aged", "paced")
FEEDS = {("busy", 0): 4000, ("busy", 100): 800, ("aged", 100): 400, ("paced", 0): PACE * 8, ("paced", 100): PACE * 8}
POLLS = {("busy", 0): 16000, ("busy", 100): 2400, ("aged", 100): 360, ("paced", 0): PACE * 20, ("paced", 100): PACE * 16}
INSTALLED = {"fsync": "on", "shared_buffers": "128MB"}  # what a fresh Debian has; jit and naptime are noise


class Server(database.Database):
    """A PostgreSQL with counters."""

    def __init__(self):
        super().__init__(INSTALLED)
        Cleanup.add(self.remove)
        self.start()
        self.name = self.new()

    def processes(self):
        pid = self.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            return [pid] + [int(child) for child in file.read().split()]

    def cpu(self):
        """Seconds of the server and its children, those that ended included (proc(5): cutime, cstime)."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return ended + sum(map(cpu_of, self.processes()))

    def counters(self):
        """Write-ahead log so far, and transactions of the nodes' database. Statistics come a moment late."""
        row = self.sql("SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit FROM pg_stat_database WHERE datname = '%s'"
                       % self.name)[0]
        return {"wal": float(row[0]), "commits": int(row[1])}

    def network(self):
        """Bytes both ways on the connections that are open now, as the kernel counts them."""
        told = subprocess.run(["ss", "-tinH", "state", "established", "dport = :%d" % self.port], capture_output=True,
                              text=True, check=False).stdout
        return sum(map(int, re.findall(r"bytes_(?:sent|received):(\d+)", told)))

    def age(self, entries):
        """Give each feed entries that it had once, and make each page's next change its first since a checkpoint."""
        some = "decode(md5(random()::text || n), 'hex')"
        for part in range(8):
            self.sql("INSERT INTO wirewatch.entry SELECT id, %s, %s, %s, %s, 0, 0, updated, updated FROM wirewatch.feed,"
                     " generate_series(1, %d) AS n WHERE id %% 8 = %d" % (some, some, some, some, entries, part), self.name)
        self.sql("VACUUM ANALYZE wirewatch.entry", self.name)
        self.sql("CHECKPOINT")


def written_by(pid):
    """Bytes a process gave to write(2): its database, and a little log."""
    with open("/proc/%d/io" % pid, encoding="ascii") as file:
        return int(re.search(r"^wchar: (\d+)", file.read(), re.M).group(1))


def start_nodes(folder, count, ledger, urls, interval):
    nodes = []
    for number in range(count):
        place = os.path.join(folder, "node%d-%d" % (number, time.monotonic_ns()))
        os.mkdir(place)
        nodes.append(Wirewatchd(place, urls, {"ledger": ledger or "sqlite://" + os.path.join(place, "ledger.db"),
                                              "cluster.node": "node%d" % number}, interval))
        nodes[-1].start()
    return nodes


def snapshot(nodes, server):
    seen = {"daemons": sum(node.cpu() for node in nodes), "written": sum(written_by(node.pid) for node in nodes)}
    if server:
        seen.update(database=server.cpu(), network=server.network(), **server.counters())
    return seen


def run(folder, chosen, pace, change, count, server):
    """One run: each counter a poll (microseconds, bytes)."""
    feeds, polls = (60, 100) if chosen.smoke else (FEEDS[pace, change], POLLS[pace, change])
    entries = 30 if change else 1
    load = LoadServer(feeds, entries)
    urls = ["http://127.0.1.%d:%d/%d" % (1 + i % HOSTS, load.port, i) for i in range(feeds)]
    interval = "%ds" % (feeds // PACE or 1) if pace == "paced" else "1s"
    nodes = start_nodes(folder, count, server and server.uri(server.name, tcp=True), urls, interval)
    load.wait(load.stats()["requests"] + feeds * 2)  # each feed known
    if count > 1 and not chosen.smoke:
        time.sleep(SHARED_OUT)
    if pace == "aged":
        server.age(AGE)
    load.ask("change %d" % change)
    if pace != "aged":
        load.wait(load.stats()["requests"] + polls // 4)
    before, begin = snapshot(nodes, server), load.stats()
    load.wait(begin["requests"] + polls)
    after, end = snapshot(nodes, server), load.stats()
    for node in nodes:
        check(node.alive(), node.story())
        node.kill()
    load.stop()
    made = end["requests"] - begin["requests"]
    if pace == "aged":
        return {name: (after[name] - before[name]) / made for name in ("wal",)}
    asked = end["found" if change else "unchanged"] - begin["found" if change else "unchanged"]
    check(asked >= made * 0.95, "not what was to be measured:", begin, end)
    scale = {"daemons": 1e6, "database": 1e6}
    return {name: (after[name] - before[name]) / made * scale.get(name, 1) for name in after}


def case_aged(folder, chosen, report):
    server = Server()
    one = [run(folder, chosen, "aged", 100, 1, server)["wal"]]
    report.add("changed, aged, 1 node: log", "bytes/poll", one, entries=AGE)
    server.remove()


def case(folder, chosen, report, pace, change):
    name = "%s, %s" % ("changed" if change else "not modified", pace)
    alone = [run(folder, chosen, pace, change, 1, None) for _ in range(chosen.runs)]
    cpu, written = [one["daemons"] for one in alone], [one["written"] for one in alone]
    report.add(name + ", SQLite: daemon", "us/poll", cpu)
    report.add(name + ", SQLite: written", "bytes/poll", written)
    for count in [int(number) for number in chosen.nodes.split(",")]:
        server = Server()
        shared = [run(folder, chosen, pace, change, count, server) for _ in range(chosen.runs)]
        label = "%s, %d node%s: " % (name, count, "s" if count > 1 else "")
        both = [one["daemons"] + one["database"] for one in shared]
        report.add(label + "database", "us/poll", [one["database"] for one in shared])
        report.add(label + "daemons", "us/poll", [one["daemons"] for one in shared], cpu, "daemon with SQLite")
        report.add(label + "together", "us/poll", both, cpu, "daemon with SQLite")
        report.add(label + "log", "bytes/poll", [one["wal"] for one in shared], written, "written by SQLite")
        report.add(label + "network", "bytes/poll", [one["network"] for one in shared])
        report.add(label + "transactions", "of a poll", [one["commits"] for one in shared])
        server.remove()


def main():
    chosen = measure.options(__doc__ % (PACE, AGE), nodes=("1,2,4", "how many nodes, a list (default: 1,2,4)"),
                             only=("", "cases whose name has this, such as 'changed, busy'"))
    report = Report("cluster", chosen)
    for pace in PACES:
        for change in (0, 100):
            if pace == "aged":
                if change and chosen.only in "changed, aged":
                    measure.in_folder(lambda folder: case_aged(folder, chosen, report))
            elif chosen.only in "%s, %s" % ("changed" if change else "not modified", pace):
                measure.in_folder(lambda folder: case(folder, chosen, report, pace, change))
    report.end()


if __name__ == "__main__":
    main()
