"""Nodes that share one database are broken again and again while numbered items appear.

Is anything lost, stored or printed twice, or a host asked by two at once?

    cluster_campaign.py [--faults N] [--seed N] [--database pair|single|file] [--nodes N] [--hosts N] [--feeds N]
                        [--lease S] [--interval S] [--rate N] [--kinds KIND,...] [--minutes N] [--keep FOLDER]

Root only: it makes a network of its own. pair, the default, is two PostgreSQL under Patroni, with etcd and HAProxy;
file is SQLite, for one node. A seed repeats the faults, not the moments; after --minutes no more are begun. Shows its
progress, ends with the figures; exits 1 if a judge complains. --keep leaves the evidence in a folder. WW_BUILDDIR names
the build. The short version is cluster_test.py.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import databases  # noqa: E402
import harness    # noqa: E402
import judges     # noqa: E402
import town       # noqa: E402
from follower import Follower, Tail  # noqa: E402
from harness import Plain, check     # noqa: E402

SLACK = 3.0      # seconds for everything on a busy machine
GAP = 1.0        # seconds between two requests to a host
CALM = 60.0     # seconds all may take to come to rest after the last fault
KINDS = {"kill": 6, "stop": 4, "cut": 5, "restart": 3, "failover": 2}
DOUBLE = 0.15    # share of faults that another node has one beside


class Newsstand:
    """newsstand.py in a process of its own, and the hand that puts out items."""

    def __init__(self, folder, plan):
        here = os.path.dirname(os.path.abspath(__file__))
        self.folder, self.total, self.lock = folder, 0, threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.join(here, "newsstand.py"), folder, str(plan.hosts), str(plan.feeds),
             str(plan.seed + 1), str(plan.lease / 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        harness.Cleanup.add(self.end)
        check(self.process.stdout.readline() == b"ready\n", "the newsstand does not start")
        self.urls = ["http://%s:%d/%d.xml" % (town.publisher(host), town.PORT, feed)
                     for host in range(plan.hosts) for feed in range(plan.feeds)]
        self.rate, self.chance, self.ended = plan.rate, random.Random(plan.seed + 2), threading.Event()
        self.thread = threading.Thread(target=self._print, daemon=True)

    def publish(self, count):
        with self.lock:
            self.total += count
            self.process.stdin.write(b"%d\n" % count)
            self.process.stdin.flush()

    def _print(self):
        while not self.ended.wait(self.chance.expovariate(self.rate / 2.0)):
            self.publish(self.chance.randint(1, 3))

    def stop(self):
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()

    def end(self):
        self.ended.set()
        self.process.kill()
        self.process.wait()

    def items(self):
        return ["urn:test:numbered-%06d" % n for n in range(1, self.total + 1)]


class Node(harness.Daemon):
    """A daemon on a machine of its own."""

    def __init__(self, folder, number, urls, ledger, plan):
        self.name, self.machine = "node%d" % number, town.Machine(number)
        home = os.path.join(folder, self.name)
        os.mkdir(home)
        self.file = os.path.join(home, "alerts.jsonl")
        self.said = open(os.path.join(home, "said"), "w", encoding="utf-8")
        interval = Plain("%ds" % plan.interval)
        super().__init__(home, urls, {
            "ledger": ledger, "cluster.node": self.name, "cluster.lease": Plain("%ds" % plan.lease),
            "poll.min": interval, "poll.mean": interval, "poll.max": interval, "poll.gap": Plain("%ds" % GAP),
            "poll.per_host": 1, "fetch.allow_addresses": [town.PUBLISHERS], "file.alerts": self.file,
            "http": "unix:" + os.path.join(home, "http.sock")})
        self.command = [*self.machine.within, harness.DAEMON]

    def _read_stderr(self, stream):
        for line in stream:
            text = line.decode("utf-8", "backslashreplace").rstrip("\n")
            with self.changed:
                self.stderr_lines.append(text)
                del self.stderr_lines[:-2000]
                self.changed.notify_all()
            self.said.write("%.3f %s\n" % (time.monotonic(), text))
            self.said.flush()
        stream.close()

    def start(self, *arguments, ready=True):
        super().start(*arguments, ready=ready)
        harness.Cleanup.pending.pop()  # one for all starts is added by who makes the node
        return self

    def handed_on(self):
        """Sequences in its file of alerts; the last line may be cut."""
        if not os.path.exists(self.file):
            return []
        with open(self.file, encoding="utf-8") as file:
            return [int(json.loads(line)["sequence"]) for line in file if line.endswith("\n")]


class Fault:
    """What happens to whom: actions, each so many seconds after the beginning."""

    def __init__(self, kind, chance, plan):
        lease = plan.lease
        self.kind, self.node = kind, chance.randrange(plan.nodes)
        self.calm, self.rest = 0.0, chance.uniform(0.3, 2.0)
        self.second = None
        self.how, self.hold = "", 0.0
        if kind == "kill":
            # Back at once, or away for long enough to see who takes over, in good order before.
            if chance.random() >= 0.4:
                self.calm, self.hold = lease, lease + SLACK + chance.uniform(0.5, 4)
        elif kind == "stop":
            self.hold = chance.uniform(1.2, 2.0) * lease
        elif kind == "cut":
            self.how, self.hold = chance.choice(sorted(town.CUTS)), chance.uniform(0.3, 2.0) * lease
        elif kind == "restart":
            self.how = chance.choice(["fast", "kill"])

    @property
    def of_node(self):
        return self.kind in ("kill", "stop", "cut")

    def __str__(self):
        where = "node%d" % (self.node + 1) if self.of_node else "database"
        text = " ".join(filter(None, [self.kind, where, self.how, "%.1f s" % self.hold if self.hold else ""]))
        return "%s + %s" % (text, self.second) if self.second else text


def plan_faults(plan):
    """All of it follows from the seed."""
    chance, faults = random.Random(plan.seed), []
    for _ in range(plan.faults):
        kind = chance.choices(plan.kinds, [KINDS[kind] for kind in plan.kinds])[0]
        fault = Fault(kind, chance, plan)
        beside = [kind for kind in plan.kinds if kind in ("kill", "stop", "cut")]
        if beside and plan.nodes > 1 and chance.random() < DOUBLE:
            fault.second = Fault(chance.choice(beside), chance, plan)
            fault.calm = 0.0
            if fault.of_node and fault.second.node == fault.node:
                fault.second.node = (fault.node + 1) % plan.nodes
        faults.append(fault)
    return faults


class Campaign:
    def __init__(self, folder, plan, faults):
        self.folder, self.plan, self.faults = folder, plan, faults
        if plan.keep:
            harness.Cleanup.add(lambda: keep(folder, plan.keep))
        town.build()
        kinds = {"pair": databases.Pair, "single": databases.Single, "file": databases.File}
        self.database = kinds[plan.database](folder)
        self.stand = Newsstand(folder, plan)
        self.nodes = [Node(folder, n + 1, self.stand.urls, self.database.url, plan) for n in range(plan.nodes)]
        for node in self.nodes:
            harness.Cleanup.add(node.kill)
        self.outages, self.times, self.freed, self.began, self.refused = [], [], [], 0.0, 0
        self.events = open(os.path.join(folder, "events"), "w", encoding="utf-8")

    def note(self, text):
        self.events.write("%.3f %s\n" % (time.monotonic(), text))
        self.events.flush()

    # ---- leases ----

    def token(self, node):
        return int(self.database.query("SELECT token FROM wirewatch.node WHERE name = '%s'" % node.name)[0][0])

    def watch_leases(self, token, began):
        """How long a dead node's hosts stay without another."""
        ask = "SELECT count(*) FROM wirewatch.lease WHERE token = %d" % token
        deadline = began + self.plan.lease + 2 * SLACK
        try:
            while time.monotonic() < deadline and self.database.query(ask) != [["0"]]:
                time.sleep(0.1)
            self.freed.append(time.monotonic() - began)
        except AssertionError as error:
            self.note("leases: %s" % error)

    # ---- faults ----

    def _break(self, fault):
        node = self.nodes[fault.node]
        if fault.kind == "kill":
            token = self.token(node) if fault.calm else 0
            harness.check_equal(node.stop(signal.SIGKILL), -signal.SIGKILL, node.name + "; " + node.story())
            if token:
                threading.Thread(target=self.watch_leases, args=(token, time.monotonic()), daemon=True).start()
        elif fault.kind == "stop":
            node.process.send_signal(signal.SIGSTOP)
        elif fault.kind == "cut":
            node.machine.cut(fault.how)
        elif fault.kind == "restart":
            self.times.append(("restart " + fault.how, self.database.restart(fault.how)))
        else:
            self.times.append(("failover", self.database.fail_over()))

    def _mend(self, fault):
        node = self.nodes[fault.node]
        if fault.kind == "kill":
            node.start(ready=False)
        elif fault.kind == "stop":
            node.process.send_signal(signal.SIGCONT)
        elif fault.kind == "cut":
            node.machine.heal()

    def keep_up(self):
        """As a service manager does: a node that found no database when it began is started again."""
        for node in self.nodes:
            if not node.alive():
                check(node.process.returncode == 1 and not node.ready(), node.name, "ended by itself, status",
                      node.process.returncode, node.story())
                self.note("%s found no ledger at its start" % node.name)
                self.refused += 1
                node.start(ready=False)

    def pause(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(0.5, until - time.monotonic()))
            self.keep_up()

    def fault(self, fault):
        actions = [(0.0, self._break, fault), (fault.hold, self._mend, fault)]
        if fault.second:
            offset = min(1.0, fault.hold / 2)
            actions += [(offset, self._break, fault.second), (offset + fault.second.hold, self._mend, fault.second)]
        self.keep_up()
        self.pause(fault.calm)
        self.note(str(fault))
        began, out = time.monotonic(), {}
        for offset, act, what in sorted(actions, key=lambda action: action[0]):
            time.sleep(max(0.0, began + offset - time.monotonic()))
            out.setdefault(id(what), time.monotonic())
            act(what)
            self.note("%s %s" % (act.__name__.strip("_"), what.kind))
        for what in filter(None, (fault, fault.second)):
            if what.of_node:
                self.outages.append((self.nodes[what.node].name, out[id(what)], time.monotonic(), what.kind))
            else:
                self.outages.append(("", out[id(what)], time.monotonic(), what.kind))
        self.pause(fault.rest)

    # ---- the run ----

    def start(self):
        for node in self.nodes:
            node.start()
        self.tail = Tail(self.folder, [node.publish for node in self.nodes])
        self.follower = Follower({node.name: (node.publish, node.replay) for node in self.nodes})
        self.warm_up()

    def run(self, progress=lambda number, fault: None):
        self.start()
        self.stand.thread.start()
        self.began = time.monotonic()
        for number, fault in enumerate(self.faults, 1):
            if time.monotonic() > self.began + 60 * self.plan.minutes:
                break
            progress(number, fault)
            self.fault(fault)
        self.took = time.monotonic() - self.began
        return self.finish()

    def requests(self):
        names = {node.machine.address: node.name for node in self.nodes}
        return judges.read_requests(os.path.join(self.folder, "requests"), names)

    def warm_up(self):
        """Until every feed was asked once, and every node has some of them."""
        def warm():
            requests = self.requests()
            return len({(r.host, r.feed) for r in requests}) == len(self.stand.urls) and \
                len({r.node for r in requests}) == self.plan.nodes
        check(harness.wait_until(warm, CALM), "not every feed is asked, or not by every node;", self.story())

    def story(self):
        return "\n".join("%s: %s" % (node.name, node.story()) for node in self.nodes)

    def rows(self):
        return [judges.row_of(json.loads(text)) for text in self.database.alerts()]

    def at_rest(self):
        """Everything that was put out has come everywhere."""
        self.keep_up()
        return self.tail.last() >= self.stand.total and self.follower.last >= self.stand.total and \
            all(len(set(node.handed_on())) >= self.stand.total for node in self.nodes)

    def finish(self):
        """What there is to complain about."""
        self.stand.stop()
        self.ended = time.monotonic()
        calm = harness.wait_until(self.at_rest, CALM)
        complaints = [] if calm else ["not at rest after %d s: %d items, tail at %d, follower at %d, handed on: %s" % (
            CALM, self.stand.total, self.tail.last(), self.follower.last,
            ", ".join("%s %d" % (node.name, len(set(node.handed_on()))) for node in self.nodes))]
        # All nodes take part again: a feed's turn comes within an interval.
        harness.wait_until(lambda: len({r.node for r in self.requests() if r.began > time.monotonic() - 5}) ==
                           self.plan.nodes, CALM)
        self.last_requests = self.requests()
        complaints += self.follower.same_everywhere({node.name: node.replay for node in self.nodes})
        complaints += self.tail.stop()
        self.follower.stop()
        for node in self.nodes:
            if not node.alive():
                complaints.append("%s ended by itself; %s" % (node.name, node.story()))
            elif node.stop() != 0:
                complaints.append("%s: exit status %d at SIGTERM" % (node.name, node.process.returncode))
        self.last_rows = self.rows()
        return complaints + self.judge(self.last_requests, self.last_rows)

    def undisturbed(self, outage):
        """Up to when only this was wrong; its own beginning if the others were not in good order then."""
        name, began = outage[:2]
        others = [other for other in self.outages if other is not outage]
        if any(other[1] <= began < other[2] + self.plan.lease for other in others):
            return judges.Outage(name, began, began)
        return judges.Outage(name, began, min((other[1] for other in others if other[1] > began), default=self.ended))

    def judge(self, requests, rows):
        complaints = judges.ledger(self.stand.items(), rows) + judges.stories(rows)
        complaints += judges.printed(rows, self.tail.rows(), "tail")
        complaints += judges.printed(rows, self.follower.rows(), "follower") + self.follower.complaints
        for node in self.nodes:
            complaints += judges.published(rows, node.handed_on(), node.name)
        complaints += judges.hosts(requests) + judges.gaps(requests, GAP * 0.95)
        self.kills = [self.undisturbed(outage) for outage in self.outages if outage[3] == "kill"]
        # Those that fell due while nobody held them are spread over a lease at most, those of a host by its gap.
        spread = self.plan.lease + self.plan.feeds * GAP
        self.take_over = judges.TakeOver(requests, self.plan.lease, self.plan.interval, SLACK, spread)
        complaints += self.take_over.judge(self.kills)
        slow = [seconds for seconds in self.freed if seconds > self.plan.lease + SLACK]
        return complaints + ["hosts of a dead node taken over after %.1f s" % seconds for seconds in slow]

    # ---- figures ----

    def figures(self):
        plan, requests = self.plan, self.last_requests
        kinds = [outage[3] for outage in self.outages]
        lines = ["%d faults in %.0f s (%s); %d nodes, %d feeds on %d hosts, lease %d s, interval %d s" % (
            len(kinds), self.took, ", ".join("%d %s" % (kinds.count(kind), kind) for kind in KINDS if kind in kinds),
            plan.nodes, len(self.stand.urls), plan.hosts, plan.lease, plan.interval)]
        lines.append("%d items; %d in the ledger; %d lines of tail; %d with the follower (%d by replay)" % (
            self.stand.total, len(self.last_rows), len(self.tail.rows()), self.follower.last, self.follower.replayed))
        again = {node.name: len(node.handed_on()) - len(set(node.handed_on())) for node in self.nodes}
        lines.append("starts without a database: %d; handed on again after a crash: %s" % (
            self.refused, ", ".join("%s %d" % pair for pair in again.items())))
        same, other = judges.distances(requests)
        lines.append("%d requests, %.0f a second; distance of two to a host, at least: of one node %.3f s, of two "
                     "%.3f s (%d times)" % (len(requests), len(requests) / (requests[-1].began - requests[0].began),
                                     same[0] if same else 0, other[0] if other else 0, len(other)))
        if self.freed:
            lines.append("%d nodes killed and left dead: others hold all of their hosts after %.1f s, at most %.1f s" % (
                len(self.freed), judges.quantile(self.freed, 0.5), max(self.freed)))
        lines.append(self.take_over_figures())
        for kind in sorted({kind for kind, _ in self.times}):
            seconds = [took for what, took in self.times if what == kind]
            lines.append("%s: %d times, served again after %.1f s, at most %.1f s" % (
                kind, len(seconds), judges.quantile(seconds, 0.5), max(seconds)))
        if getattr(self.database, "rebuilt", 0):
            lines.append("standbys made anew by hand: %d" % self.database.rebuilt)
        return lines

    def take_over_figures(self):
        found = [self.take_over.of(outage) for outage in self.kills]
        found = [feeds for feeds in found if feeds]
        if not found:
            return "no kill was left alone for long enough to see who takes over"
        waits, late = [w for feeds in found for _, w, _ in feeds], [s for feeds in found for _, _, s in feeds]
        return "take-over of %d nodes, %d feeds: first feed after %.1f s at most; median %.1f s, 99 %% %.1f s, most " \
            "%.1f s; past lease and turn: median %.1f s, 99 %% %.1f s, most %.1f s" % (
                len(found), len(waits), max(min(w for _, w, _ in feeds) for feeds in found),
                *(judges.quantile(waits, part) for part in (0.5, 0.99, 1)),
                *(judges.quantile(late, part) for part in (0.5, 0.99, 1)))


def options(arguments):
    parser = argparse.ArgumentParser()
    for name, kind, default in (("faults", int, 200), ("seed", int, None), ("database", str, "pair"), ("nodes", int, 3),
                                ("hosts", int, 1000), ("feeds", int, 3), ("lease", int, 5), ("interval", int, 10),
                                ("rate", float, 8.0), ("kinds", str, ",".join(KINDS)), ("minutes", float, 1e6),
                                ("keep", str, None)):
        parser.add_argument("--" + name, type=kind, default=default)
    plan = parser.parse_args(arguments)
    plan.seed = random.randrange(1 << 32) if plan.seed is None else plan.seed
    impossible = {"pair": [], "single": ["failover"], "file": ["failover", "restart", "cut"]}[plan.database]
    plan.kinds = [kind for kind in plan.kinds.split(",") if kind not in impossible]
    return plan


def keep(folder, where):
    """The evidence, without databases and sockets."""
    for path, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith("data") and name != "etcd"]
        for name in files:
            source, target = os.path.join(path, name), os.path.join(where, os.path.relpath(path, folder), name)
            if os.path.isfile(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(source, target)


def main():
    plan = options(sys.argv[1:])
    town.enter()
    print("seed %d" % plan.seed, flush=True)
    folder = tempfile.mkdtemp(prefix="ww-")
    complaints = ["it broke off"]
    try:
        campaign = Campaign(folder, plan, plan_faults(plan))
        complaints = campaign.run(lambda number, fault: print("%4d %s; %d items, tail at %d" % (
            number, fault, campaign.stand.total, campaign.tail.last()), flush=True))
        print("\n".join(campaign.figures() + complaints))
        print("%d complaints" % len(complaints))
    except harness.Skip as why:
        print("cannot run here: %s" % why)
    finally:
        harness.Cleanup.run()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
