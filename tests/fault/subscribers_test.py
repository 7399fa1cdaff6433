"""Bad, many and far-behind subscribers: the one that behaves gets everything in order, and memory stays bounded.

WW_LOAD_ALERTS sets how many alerts are replayed while new ones arrive (100000 is the long version).
"""
import os
import random
import socket
import subprocess
import sys
import threading
import time

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import feedserver  # noqa: E402
import harness     # noqa: E402
from harness import check, check_equal  # noqa: E402
from wire import Keeper, Wire  # noqa: E402

LOAD = int(os.environ.get("WW_LOAD_ALERTS", "5000"))
FILL = os.path.join(harness.BUILDDIR, "tests", "fault", "fill_ledger")
GROWTH_MAX = 64 << 10  # KiB that bad company may cost


def memory(daemon, field="VmRSS"):
    """KiB"""
    with open("/proc/%d/status" % daemon.process.pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def descriptors(daemon):
    return len(os.listdir("/proc/%d/fd" % daemon.process.pid))


class House:
    """A daemon, its wire and one subscriber that behaves."""

    def __init__(self, folder, stored=0, feeds=4):
        self.server = feedserver.FeedServer()
        harness.Cleanup.add(self.server.stop)
        self.wire = Wire(self.server, feeds, 1000)
        self.stored = ["urn:test:bulk-%06d" % number for number in range(1, stored + 1)]
        self.tcp = "tcp://%s:%d" % (harness.LOOPBACK, harness.free_port())
        ipc = "ipc://" + os.path.join(folder, "alerts.sock")
        self.daemon = harness.Daemon(folder, self.wire.urls, {
            "poll.max": harness.Plain("1s"), "zeromq.publish": [ipc, self.tcp]})
        if stored:
            subprocess.run([FILL, self.daemon.settings["ledger"], str(stored)], check=True)
        self.keeper = Keeper(self.daemon.publish, self.daemon.replay)
        self.wire.publish(feeds * 5)
        started = time.monotonic()
        self.daemon.start()
        print("# READY after %.2f s with %d alerts stored" % (time.monotonic() - started, stored))
        self.keeper.fill()
        self.expect_all(600)
        self.replayed = self.keeper.replayed
        self.before = memory(self.daemon)

    def items(self):
        return self.stored + self.wire.items()

    def expect_all(self, patience=60):
        self.keeper.wait_items(self.items(), patience=patience, story=self.daemon.story, silence=10)

    def publish_until(self, done, count=100):
        """New items every now and then until done(); the subscriber listens all the time."""
        while not done():
            self.wire.publish(count)
            self.expect_all()

    def finish(self, what):
        self.expect_all()
        check(self.daemon.alive(), self.daemon.story())
        check_equal(self.keeper.replayed, self.replayed, "alerts that the good subscriber had to ask for")
        rss, peak = memory(self.daemon), memory(self.daemon, "VmHWM")
        print("# %s: %d alerts, RSS before %d KiB, after %d KiB, at most %d KiB" % (
            what, self.wire.total, self.before, rss, peak))
        self.daemon.stop_cleanly()
        return peak


def stalled(endpoint):
    """A subscriber to everything that never reads."""
    context = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    for option, value in ((zmq.LINGER, 0), (zmq.RCVHWM, 1), (zmq.RCVBUF, 4096)):
        subscriber.setsockopt(option, value)
    subscriber.connect(endpoint)
    subscriber.setsockopt(zmq.SUBSCRIBE, b"")
    harness.Cleanup.add(lambda: (subscriber.close(), context.term()))
    return subscriber


def test_stalled(folder):
    """subscribers that stop reading harm nobody"""
    house = House(folder)
    for _ in range(5):
        stalled(house.daemon.publish)
        stalled(house.tcp)
    dealer = zmq.Context.instance().socket(zmq.DEALER)  # asks and asks, and never reads either
    harness.Cleanup.add(lambda: dealer.close(0))
    dealer.setsockopt(zmq.RCVHWM, 1)
    dealer.connect(house.daemon.replay)
    rounds = iter(range(8))

    def done():
        dealer.send(b'{"after":0,"topic":"ww1/alert/","limit":10000}')
        return next(rounds, None) is None
    house.publish_until(done, 400)
    peak = house.finish("10 stalled subscribers and a stalled replay")
    check(peak - house.before < GROWTH_MAX or harness.is_sanitized(), "memory", house.before, peak)


def come_and_go(house, ended, seed, errors):
    chance, context = random.Random(seed), zmq.Context()
    try:
        while not ended.is_set():
            subscribers = []
            for _ in range(10):
                subscriber = context.socket(zmq.SUB)
                subscriber.setsockopt(zmq.LINGER, 0)
                subscriber.connect(chance.choice([house.daemon.publish, house.tcp]))
                for _ in range(chance.randint(1, 3)):
                    subscriber.setsockopt(zmq.SUBSCRIBE, chance.choice([b"", b"ww1/", b"ww1/alert/pause/", b"x" * 64]))
                subscribers.append(subscriber)
            ended.wait(chance.random() * 0.3)
            for subscriber in subscribers:
                while subscriber.poll(0):
                    harness.Message(subscriber.recv_multipart())
                subscriber.close()
    except Exception as error:
        errors.append(repr(error))
    finally:
        context.destroy(0)


def test_come_and_go(folder):
    """200 subscribers at a time come and go while alerts are published"""
    house, ended, errors = House(folder), threading.Event(), []
    before = descriptors(house.daemon)
    crowd = [threading.Thread(target=come_and_go, args=(house, ended, i, errors)) for i in range(20)]
    for thread in crowd:
        thread.start()
    rounds = iter(range(6))
    house.publish_until(lambda: next(rounds, None) is None, 200)
    ended.set()
    for thread in crowd:
        thread.join()
    check(not errors, errors)
    deadline = time.monotonic() + harness.PATIENCE
    while descriptors(house.daemon) > before + 2:
        check(time.monotonic() < deadline, "descriptors stay open:", before, descriptors(house.daemon))
        time.sleep(0.1)
    peak = house.finish("200 that come and go")
    check(peak - house.before < GROWTH_MAX or harness.is_sanitized(), "memory", house.before, peak)


def test_flood(folder):
    """thousands of alerts at once do not keep those waiting who ask for old ones"""
    house, waits = House(folder, feeds=9), []
    for feed in range(9):
        house.wire.publish(1000, feed)
    while house.keeper.last < house.wire.total:
        house.keeper.listen()
        started = time.monotonic()
        harness.replay(house.daemon.replay, limit=1)
        waits.append(time.monotonic() - started)
    print("# %d replays meanwhile, the slowest in %.2f s" % (len(waits), max(waits)))
    check(max(waits) < 3, "a replay took", max(waits))
    house.finish("a flood")


def test_long_replay(folder):
    """a subscriber far behind catches up by replay while new alerts arrive"""
    house = House(folder, LOAD)
    late = Keeper(house.daemon.publish, house.daemon.replay)
    ended = threading.Event()

    def catch_up():
        late.fill()
        ended.set()
    started = time.monotonic()
    thread = threading.Thread(target=catch_up)
    thread.start()
    house.publish_until(ended.is_set, 50)
    thread.join()
    print("# %d alerts replayed in %.1f s while new ones came" % (late.replayed, time.monotonic() - started))
    late.wait_items(house.items())
    check_equal(late.kept, house.keeper.kept, "what both hold")
    house.finish("a replay of %d" % LOAD)


# ---- bytes that make no sense ------------------------------------------------------

GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL" + bytes(48)  # ZMTP 3.1, as a peer that means well begins


def raw(endpoint):
    if endpoint.startswith("ipc://"):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(2)
        link.connect(endpoint[len("ipc://"):])
    else:
        link = socket.create_connection((harness.LOOPBACK, int(endpoint.rsplit(":", 1)[1])), 2)
    return link


def pour(endpoint, data):
    with raw(endpoint) as link:
        try:
            link.sendall(data)
            link.settimeout(0.05)
            link.recv(4096)
        except OSError:
            pass  # to be cut off is an answer


def odd_bytes(chance):
    ready = b"\4\x26\5READY\x0bSocket-Type\0\0\0\6DEALER\x08Identity\0\0\0\0"
    yield chance.randbytes(chance.randint(1, 5000))
    yield GREETING + chance.randbytes(chance.randint(1, 5000))
    yield GREETING + ready + chance.randbytes(2000)
    yield GREETING + ready + b"\2" + (1 << 62).to_bytes(8, "big") + bytes(1000)  # a frame of four exabytes
    yield GREETING + ready + b"\2" + (100 << 20).to_bytes(8, "big") + bytes(100000)
    yield GREETING[:chance.randint(1, 63)]
    yield b"GET / HTTP/1.1\r\nHost: " + b"a" * 100000 + b"\r\n\r\n"
    yield b"GET /" + chance.randbytes(300) + b" HTTP/1.1\r\n\r\n"
    yield b"POST /status HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + bytes(10000)


def odd_messages(house, chance):
    context = zmq.Context()
    try:
        dealer, subscriber = context.socket(zmq.DEALER), context.socket(zmq.SUB)
        dealer.connect(house.daemon.replay)
        subscriber.connect(house.daemon.publish)
        for _ in range(30):
            dealer.send_multipart([chance.randbytes(chance.randint(0, 300)) for _ in range(chance.randint(1, 50))])
            dealer.send(chance.choice([b"{}", b"[" * 500, b"\0" * 1024, b'{"after":-1}',
                                       b'{"after":1e999,"topic":"\\u0000"}']))
            subscriber.setsockopt(zmq.SUBSCRIBE, chance.randbytes(chance.randint(1, 500)))
        dealer.send(bytes(1 << 20))
        subscriber.setsockopt(zmq.SUBSCRIBE, bytes(5000))  # libzmq ends the subscriber itself if it is a million
        dealer.poll(200)
    finally:
        context.destroy(0)


def test_nonsense(folder):
    """random bytes, wrong protocols and oversized frames on every socket"""
    seed = int(os.environ.get("WW_FAULT_SEED", random.randrange(1 << 32)))
    print("# WW_FAULT_SEED=%d" % seed)
    house, chance = House(folder), random.Random(seed)
    endpoints = [house.daemon.publish, house.tcp, house.daemon.replay, "tcp://" + house.daemon.http]
    rounds = iter(range(5))

    def annoy():
        for endpoint in endpoints:
            for data in odd_bytes(chance):
                pour(endpoint, data)
        odd_messages(house, chance)
        return next(rounds, None) is None
    house.publish_until(annoy, 50)
    check_equal(house.daemon.get("/healthz")[0], 200, "health")
    peak = house.finish("nonsense")
    check(peak - house.before < GROWTH_MAX or harness.is_sanitized(), "memory", house.before, peak)


if __name__ == "__main__":
    harness.run_tests([test_stalled, test_come_and_go, test_flood, test_long_replay, test_nonsense])
