"""Thousands of feeds, a fifth of them failing in every way: is each asked in time, and are memory and descriptors flat?

    many_feeds_campaign.py [SECONDS [HOSTS [FEEDS_A_HOST]]]

By default ten minutes, 1,000 hosts, five feeds each. Ends with the figures; exits 1 if a mark is missed. The short
version is many_feeds_test.py. WW_BUILDDIR names the build.
"""
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import certificates  # noqa: E402
import crowd         # noqa: E402
import feedserver    # noqa: E402
import harness       # noqa: E402
from harness import Plain, check  # noqa: E402
from schedule import feeds_of, micros  # noqa: E402

LATE = 5.0            # seconds
# Their own hosts wait for them: one request at a time, and a pause is for all of a host.
SLOW = ("hang", "drip", "drip-head", "name", "retry")
SAMPLE = 10.0
INTERVAL = 60


class Publishers:
    """crowd.py in a process of its own."""

    def __init__(self, folder, hosts):
        certificates.Authority(folder).context("localhost")
        here = os.path.dirname(os.path.abspath(__file__))
        stem = os.path.join(folder, "server1")
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, "-B", os.path.join(here, "crowd.py"), folder, str(hosts),
                                         stem + ".pem", stem + ".key"], stdin=subprocess.DEVNULL)
        harness.Cleanup.add(self.end)
        check(harness.wait_until(lambda: os.path.exists(os.path.join(folder, "ports"))), "the publishers do not start")
        with open(os.path.join(folder, "ports"), encoding="ascii") as file:
            plain, tls = (int(port) for port in file.read().split())
        url, self.holder = feedserver.refusing_url()
        self.ports = {"plain": plain, "tls": tls, "closed": int(url.split(":")[2].split("/")[0])}

    def end(self):
        self.process.terminate()
        self.process.wait()

    def arrivals(self):
        """(host, path) -> times, ascending."""
        found = collections.defaultdict(list)
        with open(os.path.join(self.folder, "arrivals"), encoding="ascii") as file:
            for line in file:
                moment, host, path = line.rstrip("\n").split(" ")
                found[host, path].append(float(moment))
        return found


class Sampler:
    """What the daemon uses, and when it plans to ask each feed."""

    def __init__(self, daemon):
        self.daemon, self.rows, self.plans = daemon, [], []

    def sample(self):
        process = "/proc/%d" % self.daemon.process.pid
        with open(process + "/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.rows.append((time.time(), int(status["VmRSS"].split()[0]) / 1024, len(os.listdir(process + "/fd")),
                          int(status["Threads"]), self.daemon.cpu_seconds(), self.polls()))

    def polls(self):
        lines = [line for line in self.daemon.get("/metrics")[1].split("\n") if line.startswith("wirewatch_polls_total{")]
        return sum(int(line.split(" ")[1]) for line in lines)

    def note_plans(self):
        """Times in /feeds are whole seconds, cut off."""
        now = time.time()
        self.plans.append((now, {url: micros(feed["next_poll"]) / 1e6 for url, feed in feeds_of(self.daemon).items()
                                 if feed["next_poll"]}))

    def lag(self):
        """Of the daemon's own histogram: polls, and how many were later than LATE."""
        buckets = {}
        for line in self.daemon.get("/metrics")[1].split("\n"):
            if line.startswith("wirewatch_poll_lag_seconds_bucket"):
                buckets[line.split('"')[1]] = int(line.split(" ")[1])
        return buckets


def lateness(publishers, plans, ending):
    """How long after its planned time each planned request arrived: url -> seconds; those that never came are told."""
    arrivals, late, missed = publishers.arrivals(), collections.defaultdict(list), []
    for at, plan in plans:
        for url, due in plan.items():
            if due < at + 1 or due > ending - LATE - 2:  # under way as it was noted, or still to come at the end
                continue
            host, path = url.split("://")[1].split("/", 1)
            came = next((t for t in arrivals.get((host.rsplit(":", 1)[0], "/" + path), ()) if t >= due - 0.5), None)
            if came is None:
                missed.append(url)
            else:
                late[url].append(came - due)
    return late, missed


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def watch(daemon, sampler, seconds):
    ending, next_plans = time.time() + seconds, time.time() + min(INTERVAL, seconds / 4)
    while time.time() < ending:
        check(daemon.alive(), daemon.story())
        sampler.sample()
        if time.time() >= next_plans:
            sampler.note_plans()
            next_plans += INTERVAL / 2
        time.sleep(min(SAMPLE, max(0.1, ending - time.time())))
    sampler.sample()


def report(sampler, publishers, hosts, feeds_a_host, say):
    """The figures; which marks were missed."""
    rows, missed_marks = sampler.rows, []
    warm = next((n for n, row in enumerate(rows) if row[0] - rows[0][0] >= (rows[-1][0] - rows[0][0]) / 3), 0)
    begin, end = rows[warm], rows[-1]
    cpu, polls, took = end[4] - begin[4], end[5] - begin[5], end[0] - begin[0]
    say("%d feeds on %d hosts, %d failing; %d polls, %.1f a second, %.2f ms of CPU each, %.1f %% of a core" % (
        hosts * feeds_a_host, hosts, sum(1 for h in range(hosts) if crowd.evil_of(h)) * feeds_a_host, polls, polls / took,
        1000 * cpu / max(1, polls), 100 * cpu / took))
    for name, column, most in (("RSS (MiB)", 1, 1.15), ("descriptors", 2, 1.5), ("threads", 3, 1.5)):
        early, late = [row[column] for row in rows[warm:(warm + len(rows)) // 2]], [row[column] for row in rows[(warm + len(rows)) // 2:]]
        say("%s: first %.1f, then %.1f to %.1f, at last %.1f to %.1f" % (
            name, rows[0][column], min(early), max(early), min(late), max(late)))
        if max(late) > max(early) * most + 8:
            missed_marks.append(name + " grows")
    slow = {crowd.name_of(h) for h in range(hosts) if crowd.evil_of(h) in SLOW}
    late, missed = lateness(publishers, sampler.plans, sampler.rows[-1][0])
    of_ours = [(v, url) for url, values in late.items() for v in values
               if url.split("://")[1].rsplit(":", 1)[0] not in slow]
    say("asked after the planned time (whole seconds, cut off): %d requests, median %.2f s, 99 %% %.2f s, most %.2f s" % (
        len(of_ours), quantile([v for v, _ in of_ours], 0.5), quantile([v for v, _ in of_ours], 0.99),
        max(of_ours)[0] if of_ours else 0.0))
    say("the daemon's own count of lag by upper bound: %r" % sampler.lag())
    never = {"refused", "tls", "name"}  # no request can arrive
    lost = [url for url in missed if crowd.evil_of(numbers(hosts)[url.split("://")[1].rsplit(":", 1)[0]]) not in never
            and url.split("://")[1].rsplit(":", 1)[0] not in slow]
    too_late = [(v, url) for v, url in of_ours if v > LATE + 1]
    if too_late or not of_ours:
        missed_marks.append("%d late, e.g. %r" % (len(too_late), too_late[:3]))
    if lost:
        missed_marks.append("%d never asked, e.g. %r" % (len(lost), lost[:3]))
    return missed_marks


def numbers(hosts):
    return {crowd.name_of(host): host for host in range(hosts)}


def campaign(folder, seconds, hosts, feeds_a_host, say=print):
    publishers = Publishers(folder, hosts)
    urls = [crowd.url_of(host, feed, publishers.ports) for host in range(hosts) for feed in range(feeds_a_host)]
    daemon = harness.Daemon(folder, urls, {
        "poll.min": Plain("%ds" % INTERVAL), "poll.mean": Plain("%ds" % INTERVAL), "poll.max": Plain("%ds" % (2 * INTERVAL)),
        "poll.per_host": 1, "fetch.timeout": Plain("10s"), "fetch.max_size": Plain("2MiB")})
    daemon.start()
    sampler = Sampler(daemon)
    watch(daemon, sampler, seconds)
    missed = report(sampler, publishers, hosts, feeds_a_host, say)
    daemon.stop_cleanly()
    return missed


if __name__ == "__main__":
    SECONDS, HOSTS, FEEDS = (int(a) for a in (sys.argv[1:] + ["600", "1000", "5"][len(sys.argv) - 1:]))
    FOLDER = tempfile.mkdtemp(prefix="ww-crowd-")
    try:
        MISSED = campaign(FOLDER, SECONDS, HOSTS, FEEDS)
    finally:
        harness.Cleanup.run()
        shutil.rmtree(FOLDER, ignore_errors=True)
    print("missed: " + "; ".join(MISSED) if MISSED else "every mark is met")
    sys.exit(1 if MISSED else 0)
