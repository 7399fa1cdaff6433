"""Subscribers against a publisher that is told what to do: `wirewatch tail` and the replay protocol, without a daemon."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.path.join(os.environ.get("WW_BUILDDIR", "."), "tests", "unit", "publish")


def wait_until(true, what):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "waited in vain for " + what
        time.sleep(0.01)


class Publisher:
    def __init__(self, folder, epoch=77, stored=0, keys=()):
        self.endpoint = "ipc://%s/alerts.sock" % folder
        self.replay = "ipc://%s/replay.sock" % folder
        self.process = subprocess.Popen(
            [BUILD + "/publisher", self.endpoint, self.replay, str(epoch), str(stored), *keys],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, command):
        """Obeyed when this returns; the publisher's counts."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        return dict(zip(words[1::2], map(int, words[0::2])))

    def wait_for(self, name, number):
        wait_until(lambda: self.tell("counts")[name] == number, "%d %s" % (number, name))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Tail:
    def __init__(self, publisher, *options):
        self.process = subprocess.Popen([BUILD + "/tail", "--json", *options, publisher.endpoint],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read(self, count):
        return [int(json.loads(self.process.stdout.readline())["sequence"]) for _ in range(count)]

    def end(self, number=signal.SIGTERM):
        """What was left on standard output and error, and the exit code."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return [int(json.loads(line)["sequence"]) for line in out.splitlines()], err, self.process.returncode


def test_live(folder):
    publisher = Publisher(folder, stored=3)
    tail = Tail(publisher)
    publisher.wait_for("subscribers", 1)
    for _ in range(3):
        publisher.tell("alert pause first")
    yield "new alerts are printed, stored ones are not", tail.read(3) == [4, 5, 6]
    left, err, code = tail.end(signal.SIGINT)
    yield "an interrupt ends it cleanly", (left, err, code) == ([], "", 0)
    publisher.kill()


def test_since(folder):
    publisher = Publisher(folder)
    for hour in range(10):
        publisher.tell("alert pause first " + time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 36000 + 3600 * hour)))
    tail = Tail(publisher, "--since", "7", "--count", "3")
    yield "--since SEQUENCE begins after it", tail.read(3) == [8, 9, 10] and tail.process.wait(20) == 0
    tail = Tail(publisher, "--since", "150m", "--count", "2")
    yield "--since DURATION finds the place", tail.read(2) == [9, 10] and tail.process.wait(20) == 0
    publisher.kill()


def test_gap(folder):
    publisher = Publisher(folder)
    tail = Tail(publisher)
    publisher.wait_for("subscribers", 1)
    for command in ["alert pause first", "lose sale first", "lose pause first", "alert pause first"]:
        publisher.tell(command)
    yield "a gap is filled, in order", tail.read(4) == [1, 2, 3, 4]
    publisher.tell("lose pause repeat")
    publisher.tell("beat")
    yield "a heartbeat shows a lost last alert", tail.read(1) == [5]
    yield "nothing comes twice", tail.end()[0] == []
    publisher.kill()


def test_classes(folder):
    publisher = Publisher(folder)
    tail = Tail(publisher, "--class", "pause,sale", "--first")
    publisher.wait_for("subscribers", 1)
    for command in ["alert pause first", "alert pledge first", "alert sale repeat", "lose sale first",
                    "alert pause first", "beat", "alert sale first"]:
        publisher.tell(command)
    yield "classes are chosen, repeats left out, gaps filled", sorted(tail.read(4)) == [1, 4, 5, 6]
    yield "and nothing else", tail.end()[0] == []
    publisher.kill()


def test_restarts(folder):
    state = folder + "/state"
    publisher = Publisher(folder)
    tail = Tail(publisher, "--state", state)
    publisher.wait_for("subscribers", 1)
    publisher.tell("alert pause first")
    publisher.tell("alert pause first")
    seen = tail.read(2)
    tail.end()
    for _ in range(3):
        publisher.tell("alert pause first")
    tail = Tail(publisher, "--state", state)
    seen += tail.read(3)
    publisher.tell("alert pause first")
    seen += tail.read(1)
    yield "tail restarted: each alert once", seen == [1, 2, 3, 4, 5, 6]
    publisher.kill()
    publisher = Publisher(folder, stored=9)  # as the daemon with the same ledger, three alerts later
    seen = tail.read(3)
    publisher.tell("alert pause first")
    yield "daemon restarted: each alert once", seen + tail.read(1) == [7, 8, 9, 10]
    publisher.kill()
    publisher = Publisher(folder, epoch=78, stored=2)
    seen = tail.read(2)
    publisher.tell("alert pause first")
    yield "ledger lost: its alerts begin anew", seen + tail.read(1) == [1, 2, 3]
    left, err, code = tail.end()
    yield "and it is said", left == [] and "new ledger" in err and code == 0
    publisher.kill()


def test_forgotten(folder):
    publisher = Publisher(folder, stored=9)
    publisher.tell("forget 6")
    tail = Tail(publisher, "--since", "3", "--count", "3")
    seen = tail.read(3)
    publisher.tell("alert pause first")
    _, err = tail.process.communicate(timeout=20)
    yield "alerts past retention are told", seen == [7, 8, 9]
    publisher.kill()


def test_many(folder):
    publisher = Publisher(folder, stored=5000)
    tails = [Tail(publisher, "--since", "0", "--count", "5005") for _ in range(5)]
    publisher.wait_for("subscribers", 5)
    for _ in range(5):
        publisher.tell("alert pause first")
    yield "replays side by side, with new alerts", all(t.read(5005) == list(range(1, 5006)) for t in tails)
    yield "all end", all(t.process.wait(20) == 0 for t in tails)
    publisher.kill()


def follow_example(state, command, publisher, sequence_of):
    """What an example prints of alerts that are published and lost; started again it goes on where it was."""
    seen = []

    def follow(verbs, count):
        publisher.wait_for("subscribers", 0)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        publisher.wait_for("subscribers", 1)
        for verb in verbs:
            publisher.tell(verb)
        seen.extend(sequence_of(process.stdout.readline()) for _ in range(count))
        wait_until(lambda: os.path.exists(state) and open(state).read().endswith(" %d\n" % seen[-1]), "the state")
        process.kill()
        process.wait()
        process.stdout.close()
    follow(["alert pause first", "lose pause first", "alert pause first", "lose pause first", "beat"], 4)
    publisher.tell("alert pause first")
    follow([], 1)
    return seen


def test_examples(folder):
    examples = os.path.join(os.environ.get("WW_SRCDIR", "."), "docs", "examples")
    binary = os.path.join(os.environ.get("WW_BUILDDIR", "."), "docs", "examples", "subscriber")
    publisher = Publisher(folder, stored=2)
    state = folder + "/c-state"
    yield "the C example", follow_example(state, [binary, publisher.endpoint, state], publisher,
                                          lambda line: int(line.split()[0])) == [3, 4, 5, 6, 7]
    state = folder + "/python-state"
    command = [sys.executable, examples + "/subscriber.py", publisher.endpoint, publisher.replay, state]
    try:
        import zmq  # noqa: F401
        yield "the Python example", follow_example(
            state, command, publisher, lambda line: int(json.loads(line)["sequence"])) == [8, 9, 10, 11, 12]
    except ImportError:
        yield "the Python example # SKIP no python3-zmq", True
    with open(examples + "/subscriber.py") as file:
        yield "which is short", len(file.readlines()) < 60
    publisher.kill()


def test_usage(folder):
    def run(*args):
        return subprocess.run([BUILD + "/tail", *args], capture_output=True, text=True)
    yield "--help", run("--help").returncode == 0
    for args in [["--class", "x"], ["--since", "soon"], ["--count", "0"], ["--nope"], ["--silence", "0s"],
                 ["--replay", "ipc:///r", "ipc:///a", "ipc:///b"]]:
        yield "wrong usage: " + " ".join(args), run(*args).returncode == 2
    result = run("nonsense")
    yield "an endpoint that is none", result.returncode == 1 and result.stderr.count("\n") == 1
    publisher = Publisher(folder)
    tail = Tail(publisher)
    publisher.wait_for("subscribers", 1)
    tail.process.stdout.close()
    publisher.tell("alert pause first")
    yield "a closed pipe ends it", tail.process.wait(20) == 0
    tail.process.stderr.close()
    publisher.kill()


def test_block(folder):
    publisher = Publisher(folder, stored=1)
    result = subprocess.run([BUILD + "/tail", "--since", "0", "--count", "1", publisher.endpoint],
                            capture_output=True, text=True, timeout=20)
    yield "a block has the facts", all(text in result.stdout for text in [
        "pause  United States → Ukraine · Patriot", "“The U.S. paused it.”", "Example · https://example.org/1 · #1"])
    yield "foreign text is escaped", "Item 1 \\u001B[31m" in result.stdout and "\x1b" not in result.stdout
    publisher.kill()


def keygen(name):
    return subprocess.run([BUILD + "/tail", "keygen", name], capture_output=True, text=True)


def test_keys(folder):
    clients = folder + "/clients"
    os.mkdir(clients)
    yield "keygen", keygen(folder + "/server").returncode == 0 and keygen(clients + "/known").returncode == 0
    yield "the secret key is its owner's", os.stat(folder + "/server.key").st_mode & 0o777 == 0o600
    yield "keygen overwrites nothing", keygen(folder + "/server").returncode == 1
    keygen(folder + "/late")
    publisher = Publisher(folder, stored=3, keys=[folder + "/server.key", clients])
    curve = ["--server-key", folder + "/server.pub", "--since", "0", "--key"]
    known = Tail(publisher, *curve, clients + "/known.key")
    late = Tail(publisher, *curve, folder + "/late.key")
    plain = Tail(publisher, "--since", "0")
    yield "a known key gets stored alerts", known.read(3) == [1, 2, 3]
    publisher.tell("alert pause first")
    yield "and new ones", known.read(1) == [4]
    yield "no key: nothing", plain.end()[0] == []
    yield "an unknown key: nothing", late.end()[0] == []
    shutil.copy(folder + "/late.pub", clients)
    publisher.tell("reload")
    late = Tail(publisher, *curve, folder + "/late.key")
    yield "a key known after a reload", late.read(4) == [1, 2, 3, 4]
    known.end()
    late.end()
    publisher.kill()
    os.chmod(folder + "/server.key", 0o644)
    refused = subprocess.run([BUILD + "/publisher", publisher.endpoint, publisher.replay, "1", "0",
                              folder + "/server.key", clients], capture_output=True, text=True, timeout=20)
    yield "a secret that everybody can read is refused", refused.returncode == 1 and "everybody" in refused.stderr


def test_binding(folder):
    def start(endpoint):
        return subprocess.run([BUILD + "/publisher", endpoint, "ipc://%s/r.sock" % folder, "1"], capture_output=True,
                              text=True, timeout=20, stdin=subprocess.DEVNULL)
    yield "tcp beyond loopback needs keys", "other machines" in start("tcp://0.0.0.0:5997").stderr
    yield "a missing folder is told", "nowhere" in start("ipc://%s/nowhere/a.sock" % folder).stderr
    with open(folder + "/file", "w"):
        pass
    yield "a file in the way stays", start("ipc://%s/file" % folder).returncode == 1 and os.path.exists(folder + "/file")
    yield "another transport is refused", start("pgm://eth0;239.192.1.1:5555").returncode == 1
    publisher = Publisher(folder)
    yield "a live socket is not taken", "another process" in start(publisher.endpoint).stderr
    yield "the group may connect", os.stat(folder + "/alerts.sock").st_mode & 0o777 == 0o660
    publisher.kill()
    yield "a dead one's socket is taken over", start(publisher.endpoint).returncode == 0


def ask(context, zmq, kind, endpoint, request):
    socket = context.socket(kind)
    socket.linger, socket.rcvtimeo = 0, 10000
    socket.connect(endpoint)
    socket.send(request)
    frames = socket.recv_multipart()
    while kind == zmq.DEALER and frames[-3] not in (b"ww1/end/", b"ww1/error/"):
        frames += socket.recv_multipart()
    socket.close()
    return [frames[i:i + 3] for i in range(0, len(frames), 3)]


def test_protocol(folder):
    try:
        import zmq
    except ImportError:
        yield "the protocol seen by another binding # SKIP no python3-zmq", True
        return
    publisher = Publisher(folder, stored=5)
    context = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    subscriber.linger, subscriber.rcvtimeo = 0, 10000
    subscriber.connect(publisher.endpoint)
    subscriber.subscribe(b"ww1/")
    topic, header, body = subscriber.recv_multipart()
    welcome = json.loads(body)
    yield "a new subscription gets a welcome", topic == b"ww1/welcome/" and struct.unpack(">QQQ", header)[:2] == (77, 5)
    yield "with version, epoch and sequence", welcome["epoch"] == 77 and welcome["sequence"] == 5 and "version" in welcome
    publisher.tell("beat")
    topic, header, body = subscriber.recv_multipart()
    yield "heartbeat", topic == b"ww1/heartbeat/" and set(json.loads(body)) == {"epoch", "sequence", "time", "feeds", "failing"}
    publisher.tell("alert pause first")
    live = subscriber.recv_multipart()
    yield "three frames, header in network order", struct.unpack(">QQQ", live[1]) == (77, 6, 5)
    other = context.socket(zmq.SUB)
    other.linger, other.rcvtimeo = 0, 10000
    other.connect(publisher.endpoint)
    other.subscribe(b"ww1/alert/")
    other.subscribe(b"ww1/welcome/")
    other.recv_multipart()
    publisher.tell("alert pause first")
    yield "others get no second welcome", subscriber.recv_multipart()[0] == b"ww1/alert/pause/first/"
    odd = context.socket(zmq.XSUB)
    odd.linger = 0
    monitor = odd.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    odd.connect(publisher.endpoint)
    odd.send(b"hello")
    yield "who sends anything but subscriptions is cut", monitor.poll(10000) != 0
    odd.disable_monitor()
    odd.close()
    for name, kind in ("DEALER", zmq.DEALER), ("REQ", zmq.REQ):
        messages = ask(context, zmq, kind, publisher.replay, b'{"after":4,"topic":"ww1/alert/","limit":2}')
        end = json.loads(messages[-1][2])
        yield name + ": replay is byte for byte", messages[1] == live and len(messages) == 3
        yield name + ": the end", messages[-1][0] == b"ww1/end/" and end == {"last": 6, "more": True, "oldest": 1}
        for request in b"nonsense", b"[]", b'{"after":-1}', b'{"limit":"x"}', b'{"topic":1}', b"[" * 1000, b"\xff", b"":
            messages = ask(context, zmq, kind, publisher.replay, request)
            yield "%s: %r is refused with a reason" % (name, request[:16]), (
                messages[0][0] == b"ww1/error/" and bool(json.loads(messages[0][2])["reason"]))
    flood = context.socket(zmq.SUB)
    flood.linger = 0
    flood.connect(publisher.endpoint)
    for number in range(20000):
        flood.subscribe(b"ww1/alert/%d" % number)
    publisher.tell("alert pause first")
    yield "a flood of subscriptions hurts nobody", subscriber.recv_multipart()[0] == b"ww1/alert/pause/first/"
    with open("/proc/%d/statm" % publisher.process.pid) as statm:
        pages = int(statm.read().split()[1])
    yield "and takes no memory", pages * 4096 < 200 << 20
    context.destroy(linger=0)
    publisher.kill()


def run(tests, end=lambda: None):
    """Each test yields a name and whether it is so. end is called after each, whatever happened."""
    number = failed = 0
    for test in tests:
        folder = tempfile.mkdtemp(prefix="wirewatch-")
        try:
            for name, good in test(folder):
                number += 1
                failed += not good
                print("%s %d - %s" % ("ok" if good else "not ok", number, name), flush=True)
        except Exception as error:
            number += 1
            failed += 1
            print("not ok %d - %s: %r" % (number, test.__name__, error), flush=True)
        finally:
            end()
            shutil.rmtree(folder)
    print("1..%d" % number)
    return 1 if failed else 0


def main():
    return run([test_live, test_since, test_gap, test_classes, test_restarts, test_forgotten, test_many, test_examples, test_usage,
                test_block, test_keys, test_binding, test_protocol])


if __name__ == "__main__":
    sys.exit(main())
