#!/usr/bin/python3
"""What memory the daemon needs for a feed at rest and for a transfer under way, beside libcurl alone.

At rest: the difference between many feeds and few, each polled once, a feed; of entries only the ledger knows. Under way:
the server holds its answers until 1,000 requests wait; the difference to one that waits, a transfer. Memory is the process's
own, resident (RssAnon). Each run is a daemon of its own.
"""
import time

import measure
import poll_bench
from measure import Bare, Report, Wirewatchd, memory_of

TRANSPORTS = ["http fresh", "tls fresh"]


def at_rest(folder, feeds, entries):
    server = measure.LoadServer(feeds, entries)
    daemon = Wirewatchd(poll_bench.subfolder(folder), poll_bench.urls_of("http fresh", feeds, server), interval="10s",
                        settings={"poll.concurrency": 200}, http=True)
    daemon.start()
    server.wait(feeds)
    measure.harness.check(measure.harness.wait_until(lambda: polled(daemon) >= feeds), "not all polled")
    time.sleep(1)  # what is idle closes
    memory = memory_of(daemon.pid)
    daemon.kill()
    server.stop()
    return memory


def polled(daemon):
    """Polls that have ended."""
    return sum(int(float(line.split()[1])) for line in daemon.get("/metrics")[1].split("\n")
               if line.startswith("wirewatch_polls_total{"))


def under_way(folder, transport, count, feeds):
    """The daemon's memory, and libcurl's alone, with count transfers that wait for their answer."""
    server = poll_bench.open_server(transport, feeds, 1)
    urls = poll_bench.urls_of(transport, feeds, server)
    server.ask("hold")
    daemon = Wirewatchd(poll_bench.subfolder(folder), urls,
                        {"poll.concurrency": count, "fetch.timeout": measure.Plain("5m")})
    daemon.start()
    server.ask("wait-held %d" % count)
    memory = memory_of(daemon.pid)
    daemon.kill()
    server.stop()
    server = poll_bench.open_server(transport, feeds, 1)
    bare = Bare(folder, poll_bench.urls_of(transport, feeds, server), "-c", count, *poll_bench.bare_options(transport))
    server.ask("hold")
    bare.tell("go %d" % count)
    server.ask("wait-held %d" % count)
    theirs = memory_of(bare.pid)
    server.ask("release")
    bare.hear()
    bare.stop()
    server.stop()
    return memory, theirs


def main():
    chosen = measure.options(__doc__, feeds=(10000, "feeds at rest"), transfers=(1000, "transfers under way"))
    no_tls = measure.enter(chosen.smoke)
    if chosen.smoke:
        chosen.feeds, chosen.transfers = 60, 20
    few = chosen.feeds // 10
    report = Report("memory", chosen)

    def rest(folder):
        runs = [(at_rest(folder, chosen.feeds, 1) - at_rest(folder, few, 1)) / (chosen.feeds - few) / 1024
                for _ in range(chosen.runs)]
        report.add("a feed at rest", "KiB", runs, most=3)

    def held(transport):
        def work(folder):
            pairs = [(under_way(folder, transport, chosen.transfers, chosen.transfers),
                      under_way(folder, transport, 1, chosen.transfers)) for _ in range(chosen.runs)]
            part = (chosen.transfers - 1) * 1024
            report.add("a transfer under way, " + transport.split()[0], "KiB",
                       [(many[0] - one[0]) / part for many, one in pairs],
                       [(many[1] - one[1]) / part for many, one in pairs], "libcurl")
        return work

    measure.in_folder(rest)
    for transport in TRANSPORTS:
        if transport.startswith("tls") and no_tls:
            print("%s: left out, %s" % (transport, no_tls), file=measure.sys.stderr)
        else:
            measure.in_folder(held(transport))
    report.end()


if __name__ == "__main__":
    main()
