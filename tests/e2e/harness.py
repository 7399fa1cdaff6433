"""What the whole-program tests stand on: TAP, the real daemon in a temporary folder, its subscribers.

Nothing here sleeps for luck: every wait is for an event and gives up after
PATIENCE seconds, which fails the test.
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

import zmq

from feedserver import PATIENCE

SRCDIR = os.environ.get("WW_SRCDIR") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDDIR = os.environ.get("WW_BUILDDIR") or os.path.join(SRCDIR, "build")
DAEMON = os.path.join(BUILDDIR, "daemon", "wirewatchd")
CLIENT = os.path.join(BUILDDIR, "client", "wirewatch")
RULES = os.path.join(SRCDIR, "config", "rules.d", "*.yaml")


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


# ---- TAP ------------------------------------------------------------------------

def run_tests(tests):
    """Run functions of one argument (a scratch folder), print TAP, exit. The docstring's first line is the name."""
    print("TAP version 13\n1..%d" % len(tests))
    failed = 0
    only = sys.argv[1:]
    for number, test in enumerate(tests, 1):
        name = (test.__doc__ or test.__name__).strip().split("\n")[0].replace("#", "")
        if only and test.__name__ not in only:
            print("ok %d - %s # SKIP not asked for" % (number, name), flush=True)
            continue
        folder = tempfile.mkdtemp(prefix="ww-")
        try:
            test(folder)
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().rstrip().split("\n"):
                print("# " + line)
            print("not ok %d - %s" % (number, name), flush=True)
        finally:
            Cleanup.run()
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed else 0)


class Cleanup:
    """Things to end after a test, last first, whatever happened."""
    pending = []

    @classmethod
    def add(cls, function):
        cls.pending.append(function)

    @classmethod
    def run(cls):
        while cls.pending:
            function = cls.pending.pop()
            try:
                function()
            except Exception as error:
                print("# clean-up: %r" % error, file=sys.stderr)  # standard output may be JSON


def check(condition, *what):
    """An assertion that says what it saw."""
    if not condition:
        raise AssertionError(" ".join(w if isinstance(w, str) else repr(w) for w in what))


def check_equal(seen, wanted, what=""):
    if seen != wanted:
        raise AssertionError("%s: %r is not %r" % (what or "values", seen, wanted))


def wait_until(condition, timeout=PATIENCE):
    """For what cannot be waited for otherwise: ask again and again. Whether it came true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Stalls:
    """How late this machine runs what is due: by so much may a moment seem earlier or later than it was."""

    def __init__(self):
        self.worst, self.ended = 0.0, threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        Cleanup.add(self.ended.set)

    def _watch(self):
        due = time.monotonic() + 0.01
        while not self.ended.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            self.worst = max(self.worst, now - due)
            due = now + 0.01


# ---- configuration ----------------------------------------------------------------

class Plain(str):
    """A YAML scalar written without quotes: durations, sizes, numbers."""


def yaml_of(value):
    """Flow-style YAML of dictionaries, lists and scalars."""
    if isinstance(value, Plain):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join("%s: %s" % (k, yaml_of(v)) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml_of(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


# A loopback address of this process's own: tests that run side by side cannot take each other's ports.
LOOPBACK = "127.%d.%d.%d" % (64 + (os.getpid() >> 16 & 63), os.getpid() >> 8 & 255, os.getpid() & 255)


def free_port():
    """A port that is free at LOOPBACK."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return listener.getsockname()[1]


# ---- the daemon ---------------------------------------------------------------------

class Daemon:
    """The real daemon with a generated configuration in folder.

    feeds: URLs or dictionaries; settings: overrides by "section.key" -> value.
    """

    def __init__(self, folder, feeds, settings=None):
        self.folder, self.process, self.stderr_lines = folder, None, []
        self.changed = threading.Condition()
        self.publish = "ipc://" + os.path.join(folder, "alerts.sock")
        self.replay = "ipc://" + os.path.join(folder, "replay.sock")
        self.config = os.path.join(folder, "wirewatch.yaml")
        self.http = "%s:%d" % (LOOPBACK, free_port())
        self.syslog = SyslogSocket(os.path.join(folder, "log"))
        self.notify = NotifySocket(os.path.join(folder, "notify"))
        self.settings = {
            "rules": [RULES],
            "ledger": "sqlite://" + os.path.join(folder, "ledger.db"),
            "poll.min": Plain("1s"), "poll.max": Plain("1m"), "poll.mean": Plain("1s"), "poll.per_host": 8,
            "fetch.timeout": Plain("20s"), "fetch.allow_addresses": ["127.0.0.0/8"],
            "zeromq.publish": self.publish, "zeromq.replay": self.replay,
            "http": self.http,
        }
        self.feeds = feeds
        self.command = [DAEMON]
        self.write_config(settings)

    def write_config(self, settings=None, feeds=None):
        self.settings.update(settings or {})
        self.feeds = self.feeds if feeds is None else feeds
        lines = ["feeds:"] + ["  - " + yaml_of(feed) for feed in self.feeds] if self.feeds else ["feeds: []"]
        sections = {}
        for key, value in self.settings.items():
            if "." in key:
                sections.setdefault(key.split(".")[0], {})[key.split(".")[1]] = value
            else:
                lines.append("%s: %s" % (key, yaml_of(value)))
        lines += ["%s: %s" % (key, yaml_of(value)) for key, value in sections.items()]
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def environment(self):
        return dict(os.environ, WIREWATCH_SYSLOG_SOCKET=self.syslog.path, NOTIFY_SOCKET=self.notify.path)

    def start(self, *arguments, ready=True):
        check(os.access(DAEMON, os.X_OK), DAEMON, "is not built")
        self.notify.forget()
        self.process = subprocess.Popen([*self.command, "-c", self.config, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment())
        threading.Thread(target=self._read_stderr, args=(self.process.stderr,), daemon=True).start()
        Cleanup.add(self.kill)
        if ready:
            self.wait_ready()
        return self

    def _read_stderr(self, stream):
        for line in stream:
            with self.changed:
                self.stderr_lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self.changed.notify_all()
        stream.close()

    def wait_ready(self):
        self.notify.wait("READY=1", alive=self.alive, story=self.story)

    def ready(self):
        """Whether it has said so since its start."""
        with self.notify.changed:
            return any("READY=1" in message.split("\n") for message in self.notify.messages)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def story(self):
        return "the daemon said:\n" + "\n".join(self.stderr_lines[-40:])

    def wait_log(self, pattern, count=1, timeout=PATIENCE):
        """The first log lines that match, once there are count of them."""
        found = []

        def enough():
            found[:] = [line for line in self.stderr_lines if re.search(pattern, line)]
            return len(found) >= count
        with self.changed:
            check(self.changed.wait_for(enough, timeout), "no log line like", pattern, "-", self.story())
        return found

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self, how=signal.SIGTERM, timeout=PATIENCE):
        """Ends the daemon; returns its exit status (negative: the signal that ended it)."""
        if self.alive():
            self.process.send_signal(how)
        return self.wait(timeout)

    def wait(self, timeout=PATIENCE):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError("the daemon does not end; " + self.story())

    def stop_cleanly(self):
        check_equal(self.stop(), 0, "exit status at SIGTERM; " + self.story())

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def get(self, path):
        """What the HTTP side answers: (status, text)."""
        try:
            with urllib.request.urlopen("http://%s%s" % (self.http, path), timeout=PATIENCE) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def cpu_seconds(self):
        """User and system time used so far (proc(5))."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def once(self, timeout=PATIENCE):
        """Run with --once to its end: its exit status."""
        self.start("--once", ready=False)
        return self.wait(timeout)


def is_sanitized():
    """Whether a sanitizer has the daemon's malloc for itself, and memory to spend."""
    with open(DAEMON, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def daemon_command(*arguments, environment=None):
    """Run the daemon for an answer: (status, stdout, stderr)."""
    done = subprocess.run([DAEMON, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def client(*arguments, stdin=b"", environment=None):
    """Run the tool for an answer: (status, stdout, stderr)."""
    check(os.access(CLIENT, os.X_OK), CLIENT, "is not built")
    done = subprocess.run([CLIENT, *arguments], input=stdin, capture_output=True, timeout=PATIENCE,
                          env=dict(os.environ, **(environment or {})))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ---- who listens ----------------------------------------------------------------------

class DatagramSocket:
    """A unix datagram socket with a reader thread; messages are kept in order."""

    def __init__(self, path):
        self.path, self.messages = path, []
        self.changed = threading.Condition()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        threading.Thread(target=self._read, daemon=True).start()
        Cleanup.add(self.close)

    def _read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            with self.changed:
                self.messages.append(data.decode("utf-8", "backslashreplace"))
                self.changed.notify_all()

    def close(self):
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def forget(self):
        with self.changed:
            self.messages.clear()


class NotifySocket(DatagramSocket):
    """Plays systemd: receives what the daemon reports."""

    def wait(self, state, alive=lambda: True, story=lambda: "", timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not any(state in message.split("\n") for message in self.messages):
                left = deadline - time.monotonic()
                check(left > 0 and alive(), "no", state, "-", story())
                self.changed.wait(min(left, 0.2))

    def wait_line(self, pattern, timeout=PATIENCE):
        """Until a line that begins with the pattern was reported."""
        with self.changed:
            check(self.changed.wait_for(lambda: any(re.match(pattern, line) for message in self.messages
                                                    for line in message.split("\n")), timeout),
                  "no", pattern, "in", self.messages)


class SyslogSocket(DatagramSocket):
    """Plays /dev/log: `<PRI>ident[pid]: text`."""
    FORMAT = re.compile(r"<(\d+)>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?([\w.-]+)\[(\d+)\]: (.*)\Z", re.S)

    def alerts(self):
        """The alert lines received, each as a dictionary of its tokens."""
        return [alert for _, alert in self.alerts_of_processes()]

    def alerts_of_processes(self):
        """(process id, tokens) of each alert line."""
        with self.changed:
            messages = list(self.messages)
        parsed = [self.FORMAT.match(message.rstrip("\n\0")) for message in messages]
        for message, match in zip(messages, parsed):
            check(match, "no syslog line:", message)
        return [(int(match.group(3)), alert_tokens(match.group(4)))
                for match in parsed if match.group(4).startswith("alert ")]

    def wait_alerts(self, count, timeout=PATIENCE):
        with self.changed:
            self.changed.wait_for(lambda: sum("]: alert " in m for m in self.messages) >= count, timeout)
        found = self.alerts()
        check(len(found) >= count, "%d alerts on syslog, not %d" % (len(found), count))
        return found


TOKEN = re.compile(r' (\w+)=(?:"((?:[^"\\]|\\.)*)"|([^" ]*))')


def alert_tokens(text):
    """The tokens of an alert's log line. Raises if the line is anything but tokens."""
    rest = text[len("alert"):]
    check(TOKEN.sub("", rest) == "", "not only tokens:", text)
    return {m.group(1): m.group(2) if m.group(2) is not None else m.group(3) for m in TOKEN.finditer(rest)}


class Message:
    """One published message: topic, the three numbers of its header, its JSON."""

    def __init__(self, frames):
        check_equal(len(frames), 3, "frames")
        self.frames = frames
        self.topic = frames[0].decode("ascii")
        check_equal(len(frames[1]), 24, "header length")
        self.epoch, self.sequence, self.previous = struct.unpack(">QQQ", frames[1])
        self.json = json.loads(frames[2].decode("utf-8"))

    @property
    def is_alert(self):
        return self.topic.startswith("ww1/alert/")

    @property
    def data(self):
        return self.json["data"]

    def key(self):
        return self.data["item"], self.data["class"]


class Subscriber:
    """A SUB socket of pyzmq, independent of the daemon's own library."""

    def __init__(self, endpoint, topic="ww1/"):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVHWM, 100000)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 20)
        self.socket.connect(endpoint)
        self.socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        Cleanup.add(self.close)

    def close(self):
        self.socket.close()
        self.context.term()

    def next(self, timeout=PATIENCE):
        """The next message, or None."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        return Message(self.socket.recv_multipart())

    def wait_topic(self, prefix, timeout=PATIENCE):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.next(deadline - time.monotonic())
            if message and message.topic.startswith(prefix):
                return message
        raise AssertionError("nothing came on %s" % prefix)

    def wait_welcome(self):
        return self.wait_topic("ww1/welcome/")

    def alerts_until(self, done, timeout=PATIENCE):
        """Alerts in order up to and with the first list for which done(list) is true."""
        deadline, found = time.monotonic() + timeout, []
        while not done(found):
            message = self.next(max(0.0, deadline - time.monotonic()))
            if message is None:
                raise AssertionError("only these alerts came: %r" % [m.key() for m in found])
            if message.is_alert:
                found.append(message)
        return found

    def alerts_until_item(self, item, timeout=PATIENCE):
        return self.alerts_until(lambda found: found and found[-1].data["item"] == item, timeout)


def replay(endpoint, after=0, topic="ww1/alert/", limit=1000, request=None):
    """Ask the replay socket: (messages, end message)."""
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(endpoint)
    try:
        dealer.send(request or json.dumps({"after": after, "topic": topic, "limit": limit}).encode())
        messages = []
        while True:
            check(dealer.poll(int(PATIENCE * 1000)), "no answer to a replay")
            frames = dealer.recv_multipart()
            if frames[0] in (b"ww1/end/", b"ww1/error/"):
                return messages, frames
            messages.append(Message(frames))
    finally:
        dealer.close()
        context.term()


def replay_all(endpoint, after=0):
    """Every stored alert, asked for page by page as a subscriber does after a gap."""
    found = []
    while True:
        messages, end = replay(endpoint, after=after, limit=50)
        check_equal(end[0], b"ww1/end/", "end of a replay")
        found += messages
        if not json.loads(end[-1].decode())["more"]:
            return found
        after = messages[-1].sequence
