#!/usr/bin/python3
"""A great many feeds, each on a loopback host of its own, polled at a fixed interval.

Measured: the time from the start to the first poll and to the last first poll; how late polls start (the daemon's own
histogram, and its plan beside what the server saw); processor time a poll, and at the same pace that of libcurl alone;
memory a feed, as the difference to a daemon with 1,000 feeds; what the ledger grows by; a reload with one changed feed,
and whether a feed missed a poll by it. A fixed interval is lengthened at random by up to a tenth, so a poll is late by more
than the interval and that.

  scale_bench.py                                          100,000 feeds every 5 minutes: about 17 minutes
  scale_bench.py --feeds 10000 --interval 30 --seconds 30 the same pace, about 3 minutes
"""
import calendar
import json
import os
import re
import time

import measure
from harness import check
from measure import Bare, LoadServer, Plain, Report, Wirewatchd, cpu_of, memory_of

FEW = 1000
MEAN_WAIT = 1.05  # intervals
LAG = re.compile(r'^wirewatch_poll_lag_seconds_bucket\{le="([^"]+)"\} (\d+)$', re.M)


def urls_of(count, server):
    return ["http://%s:%d/%d" % (measure.address(i), server.port, i) for i in range(count)]


def asks_of(server, folder):
    """(monotonic seconds, feed) of each request, in order."""
    path = os.path.join(folder, "asks")
    server.ask("dump " + path)
    with open(path, encoding="ascii") as file:
        return [(float(at), int(feed)) for at, feed in map(str.split, file)]


def lags(daemon):
    return {float(bound): int(count) for bound, count in LAG.findall(daemon.get("/metrics")[1])}


def quantile(before, after, part):
    """The bound below which that part of the polls in between were."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in after}
    total = max(counts.values())
    return min(bound for bound, count in counts.items() if count >= part * total)


def ledger_size(daemon):
    return sum(os.path.getsize(os.path.join(daemon.folder, name)) for name in os.listdir(daemon.folder)
               if name.startswith("ledger.db"))


def written_by(pid):
    with open("/proc/%d/io" % pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("write_bytes"))


class Scale:
    def __init__(self, folder, chosen, report):
        self.folder, self.chosen, self.report = folder, chosen, report
        self.server = None
        self.daemon = None

    def begin(self, feeds):
        """Starts a daemon with so many feeds; waits until each was polled once. Seconds to the first and the last."""
        folder = os.path.join(self.folder, str(feeds))
        os.mkdir(folder)
        self.server = LoadServer(feeds, self.chosen.entries, closing=True, entry_bytes=600)
        settings = {"poll.concurrency": 200, "poll.pollers": self.chosen.pollers}
        self.daemon = Wirewatchd(folder, urls_of(feeds, self.server), settings, "%ds" % self.chosen.interval, http=True)
        began = time.monotonic()
        self.daemon.start(ready=False)
        self.server.wait(feeds)
        asks = asks_of(self.server, folder)
        return asks[0][0] - began, asks[feeds - 1][0] - began

    def few(self):
        """Memory at rest with few feeds."""
        self.begin(FEW if not self.chosen.smoke else 10)
        time.sleep(1)
        memory = memory_of(self.daemon.pid)
        self.daemon.kill()
        self.server.stop()
        return memory

    def window(self, seconds):
        """Polls as they come: processor seconds, polls, seconds."""
        began, cpu, asked = time.monotonic(), self.daemon.cpu(), self.server.stats()["requests"]
        time.sleep(seconds)
        return self.daemon.cpu() - cpu, self.server.stats()["requests"] - asked, time.monotonic() - began

    def steady(self):
        """Some windows one after the other: processor time in each; of all, lag and what is written."""
        self.server.ask("change 5")
        before, written = lags(self.daemon), written_by(self.daemon.pid)
        windows = [self.window(self.chosen.seconds / self.chosen.runs) for _ in range(self.chosen.runs)]
        cpu, polls, wall = map(sum, zip(*windows))
        return {"cpu": [cpu / polls for cpu, polls, _ in windows], "core": cpu / wall, "pace": polls / wall,
                "before": before, "after": lags(self.daemon), "written": (written_by(self.daemon.pid) - written) / polls}

    def bare(self):
        """libcurl alone, before there is a daemon, at the pace this one will have: seconds of processor a transfer."""
        feeds = min(self.chosen.feeds, 2000)
        pace = self.chosen.feeds / self.chosen.interval / MEAN_WAIT
        server = LoadServer(feeds, self.chosen.entries, closing=True, entry_bytes=600)
        bare = Bare(self.folder, urls_of(feeds, server), "-x", "-c", min(200, feeds), "-r", max(round(pace), 1))
        bare.go(feeds)
        server.ask("change 5")
        runs = [bare.go(feeds) for _ in range(self.chosen.runs)]
        bare.stop()
        server.stop()
        return [done["cpu"] / done["transfers"] for done in runs]

    def reload(self):
        """One feed gets another name: milliseconds from the signal to the log line."""
        times = []
        for count in range(1, self.chosen.runs + 1):
            self.daemon.feeds[0]["name"] = "Another name %d" % count
            self.daemon.write_config()
            began = time.monotonic()
            self.daemon.reload()
            self.daemon.wait_log("reload: done", count, timeout=120)
            times.append((time.monotonic() - began) * 1e3)
        return times

    def all_back(self):
        """After a reload: waits until the daemon knows a plan for each feed; seconds."""
        began = time.monotonic()
        while len(self.planned()) < self.chosen.feeds:
            check(time.monotonic() - began < 120, "feeds do not come back")
            time.sleep(0.1)
        return time.monotonic() - began

    def planned(self):
        """What the daemon plans for each feed: monotonic seconds, by number. It tells whole seconds."""
        feeds = json.loads(self.daemon.get("/feeds")[1])["feeds"]
        offset = time.monotonic() - time.time()
        return {int(feed["url"].rsplit("/", 1)[1]): offset + calendar.timegm(time.strptime(feed["next_poll"],
                                                                                         "%Y-%m-%dT%H:%M:%SZ"))
                for feed in feeds if feed["next_poll"]}


def judge_asks(asks, feeds, interval, end):
    """The longest time a feed was not asked for, in seconds, and how many were missed."""
    longest, last = 0.0, {}
    missed = 0
    most = interval * 1.1 + 1
    for at, feed in asks:
        gap = at - last.get(feed, at)
        longest, missed = max(longest, gap), missed + (gap > most)
        last[feed] = at
    missed += sum(end - at > most for at in last.values()) + feeds - len(last)
    return longest, missed


def late_by(plan, since, asks):
    """Seconds from the plan to the next ask after it was told, for each feed that was asked; a second is the plan's own."""
    late = {}
    for at, feed in asks:
        if at >= since and feed in plan and feed not in late:
            late[feed] = at - plan[feed]
    return sorted(late.values())


def work(folder, chosen, report):
    scale = Scale(folder, chosen, report)
    bare = scale.bare()
    small = scale.few()
    first, all_polled = scale.begin(chosen.feeds)
    name = "%d feeds, %d s" % (chosen.feeds, chosen.interval)
    report.add(name + ", start to first poll", "s", [first], most=3)
    report.add(name + ", all polled once", "s", [all_polled], polls_a_second=chosen.feeds / all_polled)
    time.sleep(min(chosen.interval, 5))
    memory = memory_of(scale.daemon.pid)
    more = chosen.feeds - (10 if chosen.smoke else FEW)
    report.add(name + ", memory a feed", "KiB", [(memory - small) / more / 1024], most=3, all_MB=memory / 1e6)
    steady = scale.steady()
    report.add(name + ", processor", "us/poll", [cpu * 1e6 for cpu in steady["cpu"]], [cpu * 1e6 for cpu in bare],
               "libcurl + SAX, paced", percent_of_a_core=steady["core"] * 100, polls_a_second=steady["pace"])
    for part in (0.5, 0.99, 1.0):
        report.add(name + ", lag of %g %%" % (part * 100), "s, below", [quantile(steady["before"], steady["after"], part)],
                   most=1 if part == 0.99 else None)
    report.add(name + ", written to disk", "bytes/poll", [steady["written"]])
    times = scale.reload()
    report.add(name + ", reload", "ms", times, most=200, all_feeds_back_s=scale.all_back())
    plan, since = scale.planned(), time.monotonic()
    time.sleep(chosen.interval * 1.1 + 2)
    asks, end = asks_of(scale.server, folder), time.monotonic()
    entries = chosen.feeds * chosen.entries + 2 * (scale.server.stats()["found"] - chosen.feeds)
    scale.daemon.stop_cleanly()
    report.add(name + ", ledger, an entry", "bytes", [ledger_size(scale.daemon) / entries])
    late = late_by(plan, since, asks)
    check(late, "no feed was asked again")
    report.add(name + ", plan to request", "s", [late[len(late) // 2]], least_99=late[len(late) * 99 // 100], worst=late[-1])
    longest, missed = judge_asks(asks, chosen.feeds, chosen.interval, end)
    report.add(name + ", missed polls", "polls", [missed], most=0.5, longest_gap_s=longest)


def main():
    chosen = measure.options(__doc__, feeds=(100000, "feeds"), interval=(300, "seconds between two polls of a feed"),
                             seconds=(300, "how long to measure"), entries=(10, "entries in a document"),
                             pollers=(1, "poll.pollers of the daemon"))
    if chosen.smoke:
        chosen.feeds, chosen.interval, chosen.seconds = 50, 1, 1
    report = Report("scale", chosen)
    measure.in_folder(lambda folder: work(folder, chosen, report))
    report.end()


if __name__ == "__main__":
    main()
