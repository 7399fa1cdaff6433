#!/usr/bin/python3
"""What a poll costs the daemon, beside what its transfer costs libcurl alone.

Processor time of the whole daemon between two counts of the server's answers, divided by them: what it spends at its start
is not in it. It has more feeds than it can poll in their second, so it is always busy, with %d transfers at once; so is
libcurl alone, which is measured in turns with it, the daemon stopped meanwhile.

  not modified   one-entry feeds; 304 to the stored validators
  changed        30 entries of which two are new, 63 KB; reference: libcurl and libxml2's push parser
  first          the same documents at a daemon that knows nothing yet, by --once; reference as above

over HTTP kept alive (50 hosts), HTTP with a connection and a host for each feed, TLS 1.3 with full handshakes and TLS
resumed (in the first polls: by the feeds of 50 hosts). TLS: RSA chain, verified against the system's bundle; needs root.
"""
import os
import subprocess
import sys

import measure
from harness import DAEMON, check, check_equal
from measure import Bare, LoadServer, Plain, Report, Wirewatchd

TRANSPORTS = {"http kept": (False, None), "http fresh": (True, None), "tls fresh": (True, "fresh"),
              "tls resumed": (True, "resumed")}
# feeds, and polls of a run: as many as keep the daemon busy.
UNCHANGED = {"http kept": (40000, 20000), "http fresh": (12000, 10000),
             "tls fresh": (1500, 1200), "tls resumed": (1500, 1400)}
CHANGED = {"http kept": (5000, 2500), "http fresh": (4000, 2000), "tls fresh": (1000, 600), "tls resumed": (1000, 800)}
FIRST = {"http kept": 1000, "http fresh": 1000, "tls fresh": 800, "tls resumed": 800}
SMOKE = (100, 50)
SMOKE_CASES = {"http kept, not modified", "http fresh, first", "tls fresh, not modified", "tls resumed, changed"}
MARKS = {"not modified": 1.25, "changed": 1.4, "first": None}
TLS_MARKS = {"tls fresh": 1.15, "tls resumed": 1.2}


def urls_of(transport, count, server, few_hosts=False):
    if transport == "http kept":
        return ["http://127.0.1.%d:%d/%d" % (1 + i % measure.PLACES, server.port, i) for i in range(count)]
    if transport == "http fresh":
        return ["http://%s:%d/%d" % (measure.address(i), server.port, i) for i in range(count)]
    if few_hosts:
        return ["https://127.0.1.%d:%d/%d" % (1 + i % measure.PLACES, server.port, i) for i in range(count)]
    return ["https://h%d.feeds.localhost:%d/%d" % (i, server.port, i) for i in range(count)]


def bare_options(transport):
    if TRANSPORTS[transport][1] is None:
        return []
    return ["-a", measure.BUNDLE] + (["-t"] if transport == "tls resumed" else [])


def open_server(transport, feeds, entries=30):
    closing, tls = TRANSPORTS[transport]
    return LoadServer(feeds, entries, closing, tls)


def subfolder(folder):
    path = os.path.join(folder, str(len(os.listdir(folder))))
    os.mkdir(path)
    return path


def check_window(counts, change, transport):
    """The server saw what is said to be measured."""
    asked = counts["unchanged"] if change == 0 else counts["found"]
    check(counts["requests"] - asked <= counts["requests"] // 50, "not what was to be measured:", counts)
    if transport == "tls fresh":
        check_equal(counts["resumed"], 0, "resumed")
    if transport == "tls resumed":
        check(counts["resumed"] >= counts["handshakes"] * 9 // 10, "not resumed:", counts)
    if transport == "http kept":
        check(counts["connections"] <= counts["requests"] // 20, "connections not kept:", counts)


def known_polls(folder, chosen, report, transport, change):
    """Polls of feeds that are known: change per cent of them find something new."""
    feeds, polls = SMOKE if chosen.smoke else (UNCHANGED if change == 0 else CHANGED)[transport]
    server, other = (open_server(transport, feeds, 1 if change == 0 else 30) for _ in range(2))
    daemon = Wirewatchd(subfolder(folder), urls_of(transport, feeds, server), {"poll.pollers": chosen.pollers})
    bare = Bare(folder, urls_of(transport, feeds, other), "-c", measure.PLACES, *bare_options(transport),
                *(["-x"] if change else []))
    bare.go(feeds)
    daemon.start()
    server.wait(server.stats()["requests"] + feeds * 5 // 2)  # known, sessions kept
    for each in (server, other):  # one each: a request changes its feed, and the other's polls would find four new entries
        each.ask("change %d" % change)
    runs, reference, busy, pace = [], [], [], []
    for _ in range(chosen.runs):
        daemon.thaw()
        cpu, counts, wall = daemon.window(server, max(polls // 5, 50), polls)
        daemon.freeze()
        check_window(counts, change, transport)
        runs.append(cpu / counts["requests"] * 1e6)
        busy.append(cpu / wall)
        pace.append(counts["requests"] / wall)
        done = bare.go(polls)
        reference.append(done["cpu"] / done["transfers"] * 1e6)
    daemon.kill()
    for each in (bare, server, other):
        each.stop()
    what = "changed" if change else "not modified"
    mark = TLS_MARKS.get(transport, MARKS[what]) if change == 0 else MARKS[what]
    report.add("%s, %s" % (transport, what), "us/poll", runs, reference, "libcurl + SAX" if change else "libcurl", mark,
               daemon_busy=sum(busy) / len(busy), polls_a_second=sum(pace) / len(pace))


def once(folder, urls, server, part):
    """First polls by --once: processor seconds and polls between two counts, and of the whole run."""
    daemon = Wirewatchd(subfolder(folder), urls)
    start = server.stats()["requests"]
    daemon.start("--once", ready=False)
    before, cpu = server.wait(start + part), daemon.cpu()
    after = server.wait(start + len(urls) - part)
    cpu = daemon.cpu() - cpu
    used = whole_of(daemon)
    check_equal(server.stats()["requests"] - start, len(urls), "polls")
    check_equal(server.stats()["unchanged"], 0, "unchanged at first polls")
    return cpu, after["requests"] - before["requests"], used


def whole_of(daemon):
    """Waits for the daemon's end: all its processor time."""
    _, status, used = os.wait4(daemon.pid, 0)
    daemon.process.returncode = os.waitstatus_to_exitcode(status)
    check_equal(daemon.process.returncode, 0, daemon.story())
    return used.ru_utime + used.ru_stime


def first_polls(folder, chosen, report, transport):
    feeds = SMOKE[0] if chosen.smoke else FIRST[transport]
    server = open_server(transport, feeds)
    urls = urls_of(transport, feeds, server, transport == "tls resumed")
    bare = Bare(folder, urls, "-n", "-x", "-c", measure.PLACES, *bare_options(transport))
    if not chosen.smoke:
        bare.go(feeds)
    runs, reference, whole = [], [], []
    for _ in range(chosen.runs):
        cpu, polls, all_of_it = once(folder, urls, server, feeds // 10)
        runs.append(cpu / polls * 1e6)
        whole.append(all_of_it / feeds * 1e6)
        done = bare.go(feeds)
        reference.append(done["cpu"] / done["transfers"] * 1e6)
    bare.stop()
    server.stop()
    report.add("%s, first" % transport, "us/poll", runs, reference, "libcurl + SAX", MARKS["first"],
               with_start_and_end=sorted(whole)[len(whole) // 2])


# ---- instructions ---------------------------------------------------------------------------

def instructions(folder, command, stdin=None, environment=None):
    """How many a program executes, by callgrind."""
    output = os.path.join(folder, "callgrind.out")
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + output, *command], input=stdin,
                          capture_output=True, text=True, env=environment)
    check_equal(done.returncode, 0, done.stderr[-2000:])
    with open(output, encoding="utf-8", errors="replace") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:")))


def bare_instructions(folder, urls, transport, *more):
    """What libcurl alone executes for a transfer: the difference between three rounds and two."""
    path = os.path.join(folder, "urls")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(urls) + "\n")
    program = os.path.join(measure.harness.BUILDDIR, "tests", "bench", "bare_poll")
    command = [program, "-c", str(measure.PLACES), *bare_options(transport), *more, path]
    counts = [instructions(folder, command, "go %d\ngo %d\n" % (len(urls), rounds * len(urls))) for rounds in (1, 2)]
    return (counts[1] - counts[0]) / len(urls)


def unchanged_instructions(folder, chosen, report, transport):
    """Unchanged polls by --once: the difference between all feeds and half of them; counts do not vary, so one run."""
    feeds = SMOKE[0] if chosen.smoke else 1000
    server = open_server(transport, feeds, 1)
    urls = urls_of(transport, feeds, server, transport == "tls resumed")
    counts = []
    for part in (urls[:feeds // 2], urls):
        daemon = Wirewatchd(subfolder(folder), part)
        check_equal(daemon.once(), 0, daemon.story())
        counts.append(instructions(folder, [DAEMON, "-c", daemon.config, "--once"], None, daemon.environment()))
    bare = bare_instructions(folder, urls, transport)
    server.stop()
    report.add("%s, not modified" % transport, "instructions", [(counts[1] - counts[0]) / (feeds - feeds // 2)], [bare],
               "libcurl")


def control(daemon, order):
    done = subprocess.run(["callgrind_control", order, str(daemon.pid)], capture_output=True, text=True)
    check_equal(done.returncode, 0, done.stdout + done.stderr)


def changed_instructions(folder, chosen, report, transport):
    """Changed polls of the resident daemon, all its threads."""
    feeds, polls = SMOKE if chosen.smoke else (500, 1500)
    server = open_server(transport, feeds)
    urls = urls_of(transport, feeds, server)
    output = os.path.join(folder, "callgrind.changed")
    daemon = Wirewatchd(subfolder(folder), urls)
    check_equal(daemon.once(), 0, daemon.story())
    daemon.command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + output, *daemon.command]
    daemon.start(ready=False)
    server.ask("change 100")
    server.wait(server.stats()["requests"] + feeds * 5 // 2)  # known, and read whole
    control(daemon, "--zero")
    before = server.stats()["requests"]
    seen = server.wait(before + polls)["requests"]
    control(daemon, "--dump")
    seen = (seen + server.stats()["requests"]) / 2  # it goes on until it hears of it
    daemon.kill()
    with open(output + ".1", encoding="utf-8", errors="replace") as file:
        executed = next(int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:")))
    bare = bare_instructions(folder, urls, transport, "-x")
    server.stop()
    report.add("%s, changed" % transport, "instructions", [executed / (seen - before)], [bare], "libcurl + SAX",
               MARKS["changed"])


CASES = {"not modified": lambda *all_of: known_polls(*all_of, 0),
         "changed": lambda *all_of: known_polls(*all_of, 100), "first": first_polls}
COUNTS = {"not modified": unchanged_instructions, "changed": changed_instructions}


def main():
    chosen = measure.options(__doc__ % measure.PLACES, only=("", "cases whose name has this, such as 'kept, changed'"),
                             pollers=(1, "poll.pollers of the daemon"),
                             callgrind=(False, "instructions, where time is too noisy"))
    no_tls = measure.enter(chosen.smoke)
    report = Report("poll", chosen)
    for transport, (_, tls) in TRANSPORTS.items():
        for case, work in (COUNTS if chosen.callgrind else CASES).items():
            name = "%s, %s" % (transport, case)
            wanted = chosen.only in name
            if chosen.smoke and not chosen.only and not chosen.callgrind:
                wanted = name in SMOKE_CASES
            if wanted and tls and no_tls:
                print("%s: left out, %s" % (name, no_tls), file=sys.stderr)
            elif wanted:
                measure.in_folder(lambda folder: work(folder, chosen, report, transport))
    report.end()


if __name__ == "__main__":
    main()
