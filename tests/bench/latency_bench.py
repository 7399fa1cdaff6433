"""From the last byte of a feed's reply to the message at a subscriber, over loopback.

    latency_bench.py [ALERTS [FOLDER]]      default: 400 alerts, a ledger in the folder of temporary files

The feed server is a process of its own. It notes the clock before it hands the reply to the kernel, so the figures
include the way of the reply. The bare time of fdatasync in the same folder stands beside them: each alert waits for
one (the ledger's log is written over again, which is faster than a file that grows).
"""
import mmap
import os
import shutil
import statistics
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import documents   # noqa: E402
import feedserver  # noqa: E402
import harness     # noqa: E402
import news        # noqa: E402

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


def fsync_times(folder, count=300):
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


def figures(times):
    milliseconds = sorted(t * 1000 for t in times)
    return statistics.median(milliseconds), milliseconds[len(milliseconds) * 99 // 100], milliseconds[-1]


def show(name, times):
    median, worst, most = figures(times)
    print("%-40s median %6.2f ms, 99 %% %6.2f ms, most %6.2f ms" % (name, median, worst, most))
    return median, worst


def number_of(message):
    return int(message.data["item"][-6:])


def measure(folder, count):
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


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    folder = tempfile.mkdtemp(prefix="ww-", dir=sys.argv[2] if len(sys.argv) > 2 else None)
    try:
        bare = fsync_times(folder)
        wire, times = measure(folder, count)
        show("fdatasync alone", bare)
        median, worst = show("%d alerts, last byte to subscriber" % len(times), times)
        print("%-40s %.0f ms to the last one, complete and in order" % (
            "%d alerts in one document" % BURST, burst(folder, wire) * 1000))
    finally:
        harness.Cleanup.run()
        shutil.rmtree(folder, ignore_errors=True)
    met = median <= MEDIAN_MS and worst <= WORST_MS
    print("targets (%.0f ms and %.0f ms): %s" % (MEDIAN_MS, WORST_MS, "met" if met else "missed"))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
