#!/usr/bin/python3
"""From the last byte of a feed's reply to the message at a subscriber, over loopback.

The feed server is a process of its own. It notes the clock before it hands the reply to the kernel, so the figures
include the way of the reply. The bare time of fdatasync in the same folder stands beside them: each alert waits for
one (the ledger's log is written over again, which is faster than a file that grows).
"""
import mmap
import os
import statistics
import struct
import threading
import time

import measure

import documents  # in a folder that measure makes known
import feedserver
import harness
import news

FEEDS = 20
WINDOW = 5      # items in a document
BURST = 1000
MEDIAN_MS, WORST_MS = 5.0, 25.0  # the targets; WORST for 99 of 100


class Wire:
    """Feeds that have a new item at every request; in a process of its own."""

    def __init__(self, most):
        self.times = mmap.mmap(-1, 8 * (most + 1))
        self.most, self.number, self.lock = most, 0, threading.Lock()
        server = feedserver.FeedServer()
        self.urls = [server.route("/feed%d" % i, self._behaviour(i)) for i in range(FEEDS)]
        self.burst = server.route("/burst", self._behaviour_of_burst())
        self.shown = [[] for _ in range(FEEDS)]
        # The socket is bound; the threads that serve it belong to the child alone.
        self.child = os.fork()
        if self.child == 0:
            threading.Thread(target=server._accept, daemon=True).start()
            while True:
                time.sleep(3600)

    def stop(self):
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)

    def stamp(self, number):
        struct.pack_into("d", self.times, 8 * number, time.monotonic())

    def sent(self, number):
        return struct.unpack_from("d", self.times, 8 * number)[0]

    def _behaviour(self, index):
        def behave(connection, request):
            with self.lock:
                number = self.number = min(self.number + 1, self.most - BURST)
            shown = self.shown[index]
            shown.insert(0, news.numbered(number))
            del shown[WINDOW:]
            answer = feedserver.document(documents.rss2(shown))
            self.stamp(number)
            answer(connection, request)
        return behave

    def _behaviour_of_burst(self):
        numbers = range(self.most - BURST + 1, self.most + 1)
        answer = feedserver.document(documents.rss2([news.numbered(n) for n in numbers]))

        def behave(connection, request):
            self.stamp(self.most)
            answer(connection, request)
        return behave


def fsync_times(folder, count):
    path, times = os.path.join(folder, "fsync"), []
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    for _ in range(count):
        os.write(fd, bytes(8192))
        started = time.monotonic()
        os.fdatasync(fd)
        times.append(time.monotonic() - started)
    os.close(fd)
    os.unlink(path)
    return times


def middle_and_worst(times):
    """Milliseconds: the median, and what 99 of 100 stay below."""
    milliseconds = sorted(t * 1000 for t in times)
    return statistics.median(milliseconds), milliseconds[len(milliseconds) * 99 // 100]


def number_of(message):
    return int(message.data["item"][-6:])


def alerts(folder, count):
    wire = Wire(count + FEEDS + BURST)
    harness.Cleanup.add(wire.stop)
    daemon = harness.Daemon(folder, wire.urls, {"poll.max": harness.Plain("1s"), "poll.per_host": 50})
    subscriber = harness.Subscriber(daemon.publish, "ww1/alert/")
    daemon.start()
    times, seen = [], set()
    while len(times) < count:
        message = subscriber.next()
        now = time.monotonic()
        harness.check(message, "nothing comes;", daemon.story())
        number = number_of(message)
        if number not in seen:
            seen.add(number)
            times.append(now - wire.sent(number))
    daemon.stop_cleanly()
    return wire, times[FEEDS:]  # without the first, which find everything cold


def burst(folder, wire):
    folder = os.path.join(folder, "burst")
    os.mkdir(folder)
    daemon = harness.Daemon(folder, [wire.burst])
    subscriber = harness.Subscriber(daemon.publish, "ww1/alert/")
    daemon.start()
    found = subscriber.alerts_until(lambda found: len(found) == BURST)
    took = time.monotonic() - wire.sent(wire.most)
    harness.check_equal([m.sequence for m in found], list(range(1, BURST + 1)), "sequences of the burst")
    harness.check_equal(len({number_of(m) for m in found}), BURST, "items of the burst")
    daemon.stop_cleanly()
    return took


def work(folder, chosen, report):
    count, medians, worsts, bare = chosen.alerts, [], [], []
    for run in range(chosen.runs):
        here = os.path.join(folder, str(run))
        os.mkdir(here)
        bare.append(middle_and_worst(fsync_times(here, 20 if chosen.smoke else 300))[0])
        wire, times = alerts(here, count)
        median, worst = middle_and_worst(times)
        medians.append(median)
        worsts.append(worst)
    report.add("last byte to subscriber", "ms", medians, bare, "fdatasync", most=MEDIAN_MS)
    report.add("last byte to subscriber, 99 %", "ms", worsts, most=WORST_MS)
    report.add("%d alerts of one document" % BURST, "ms", [burst(folder, wire) * 1000])


def main():
    chosen = measure.options(__doc__, alerts=(200, "alerts of a run"))
    if chosen.smoke:
        chosen.alerts = 30
    report = measure.Report("latency", chosen)
    measure.in_folder(lambda folder: work(folder, chosen, report))
    report.end()


if __name__ == "__main__":
    main()
