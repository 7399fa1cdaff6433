"""`wirewatch tail` with several endpoints, against publishers that are told what to do as nodes of one ledger."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from subscriber_test import BUILD, Publisher, run, wait_until  # noqa: E402


STARTED = []  # ended after each test, whatever happened


class Node(Publisher):
    """A publisher in a folder of its own; those of one test hold the same alerts."""

    def __init__(self, folder, name, **options):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        super().__init__(self.folder, **options)
        STARTED.append(self.process)


class Tail:
    def __init__(self, endpoints, *options):
        self.process = subprocess.Popen([BUILD + "/tail", "--json", *options, *endpoints], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        STARTED.append(self.process)

    def read(self, count):
        lines = (self.process.stdout.readline() for _ in range(count))
        return [int(line.split('"sequence":"')[1][:20]) for line in lines]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=20)
        return out, err


def endpoints(*nodes):
    return [node.endpoint for node in nodes]


def alert(*nodes, count=1):
    """Stored by one of them, and published by all."""
    for _ in range(count):
        for node in nodes:
            node.tell("alert pause first")


def test_killed(folder):
    a, b = Node(folder, "a", stored=2), Node(folder, "b", stored=2)
    tail = Tail(endpoints(a, b))
    a.wait_for("subscribers", 1)
    alert(a, b, count=3)
    seen = tail.read(3)
    a.kill()
    alert(b, count=3)
    seen += tail.read(3)
    b.wait_for("subscribers", 1)
    alert(b)
    yield "a node is killed: each alert once, in order", seen + tail.read(1) == list(range(3, 10))
    yield "and nothing else", tail.end() == ("", "")
    b.kill()


def test_stopped(folder):
    a, b = Node(folder, "a"), Node(folder, "b")
    tail = Tail(endpoints(a, b), "--silence", "1s")
    a.wait_for("subscribers", 1)
    alert(a, b)
    seen = tail.read(1)
    a.process.send_signal(signal.SIGSTOP)
    alert(b, count=2)
    seen += tail.read(2)
    yield "a silent node is left", seen == [1, 2, 3]
    a.process.send_signal(signal.SIGCONT)
    for _ in range(2):
        a.tell("elsewhere pause first")
    b.kill()
    a.tell("follow")
    alert(a)
    yield "and of use again later", tail.read(1) == [4]
    yield "nothing comes twice", tail.end()[0] == ""
    a.kill()


def test_stuck(folder):
    a, b = Node(folder, "a"), Node(folder, "b")
    tail = Tail(endpoints(a, b))
    a.wait_for("subscribers", 1)
    alert(a, b)
    seen = tail.read(1)
    b.tell("elsewhere pause first")
    b.tell("follow")
    a.tell("stuck")
    yield "a node without its ledger is left", seen + tail.read(1) == [1, 2]
    yield "without a word", tail.end() == ("", "")
    a.kill()
    b.kill()


def test_lagging(folder):
    a, b = Node(folder, "a"), Node(folder, "b")
    tail = Tail(endpoints(a, b))
    a.wait_for("subscribers", 1)
    alert(a, b, count=2)
    for _ in range(3):
        a.tell("alert pause first")
        b.tell("elsewhere pause first")
    seen = tail.read(5)
    a.kill()
    b.wait_for("subscribers", 1)
    wait_until(lambda: b.tell("counts")["replays"] > 0, "a replay")
    b.tell("beat")
    b.tell("follow")
    b.tell("beat")
    alert(b, count=2)
    yield "a node that lags repeats nothing", seen + tail.read(2) == list(range(1, 8))
    out, err = tail.end()
    yield "and is no other ledger", (out, err) == ("", "")
    b.kill()


def test_in_catch_up(folder):
    count = 20000
    a, b = Node(folder, "a", stored=count), Node(folder, "b", stored=count)
    tail = Tail(endpoints(a, b), "--since", "0")
    seen = tail.read(100)
    a.process.send_signal(signal.SIGKILL)
    seen += tail.read(count - 100)
    a.kill()
    b.wait_for("subscribers", 1)
    alert(b)
    yield "a node is killed in the middle of a replay", seen + tail.read(1) == list(range(1, count + 2))
    tail.end()
    b.kill()


def test_other_ledger(folder):
    a, b = Node(folder, "a", epoch=77, stored=2), Node(folder, "b", epoch=78, stored=9)
    tail = Tail(endpoints(a, b))
    a.wait_for("subscribers", 1)
    alert(a)
    seen = tail.read(1)
    a.kill()
    b.wait_for("subscribers", 1)
    b.wait_for("subscribers", 0)
    a = Node(folder, "a", epoch=77, stored=3)
    a.wait_for("subscribers", 1)
    alert(a)
    yield "another ledger is passed over", seen + tail.read(1) == [3, 4]
    a.kill()
    out, err = "", ""
    seen = tail.read(9)  # when nobody has ours any more
    out, err = tail.end()
    yield "unless no other is left", seen == list(range(1, 10)) and out == ""
    yield "and both is said", "belongs to another ledger" in err and err.count("new ledger") == 1
    b.kill()


def test_absent(folder):
    os.makedirs(folder + "/nobody")
    b = Node(folder, "b", stored=3)
    state = folder + "/state"
    tail = Tail(["ipc://%s/nobody/alerts.sock" % folder, "tcp://127.0.0.1:9", b.endpoint], "--since", "1", "--state", state)
    yield "the first that answers is taken", tail.read(2) == [2, 3]
    wait_until(lambda: os.path.exists(state) and open(state).read().split()[2] == "3", "the state")
    tail.end()
    b.kill()
    a = Node(folder, "a", stored=4)
    tail = Tail([b.endpoint, a.endpoint], "--state", state)
    yield "a state goes on at any of them", tail.read(1) == [4]
    tail.end()
    a.kill()


def kill_started():
    for process in STARTED:
        process.kill()


def main():
    return run([test_killed, test_stopped, test_stuck, test_lagging, test_in_catch_up, test_other_ledger, test_absent], kill_started)


if __name__ == "__main__":
    sys.exit(main())
