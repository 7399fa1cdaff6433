"""Name servers that are dead or lie: in a network namespace of its own, where they may have port 53."""
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import documents
import feedserver
import harness
import news
from harness import Plain, check, check_equal

INSIDE = "WW_NAMES_TEST_INSIDE"
DEAD, LIAR = "127.0.0.98", "127.0.0.53"


# ---- the namespace ---------------------------------------------------------------

def enter():
    """Runs this program again where the only network is a loopback and resolv.conf is ours; why not, or never returns."""
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolv:
        resolv.write("nameserver %s\nnameserver %s\noptions timeout:5 attempts:2\n" % (LIAR, DEAD))
        resolv.flush()
        script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
        trial = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", resolv.name]
        try:
            done = subprocess.run([*trial, "true"], capture_output=True, text=True, timeout=30)
        except OSError as error:
            return str(error)
        if done.returncode:
            return "no namespace: " + done.stderr.strip().replace("\n", " ")
        os.chmod(resolv.name, 0o644)
        command = [*trial, sys.executable, "-B", os.path.abspath(__file__), *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=dict(os.environ, **{INSIDE: "1"})).returncode)


# ---- a name server -----------------------------------------------------------------

class NameServer:
    """Answers A questions by answer(name, how often it was asked); None: not at all (RFC 1035 section 4)."""

    def __init__(self, address, answer):
        self.answer, self.asked = answer, {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        harness.Cleanup.add(self.close)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread, although nothing is connected
        except OSError:
            pass
        self.thread.join(harness.PATIENCE)  # its call holds the port until it returns
        self.socket.close()

    def run(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(512)
            except OSError:
                return
            if len(question) < 17:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = struct.unpack(">H", question[at + 1:at + 3])[0]
            self.reply(question[:2], question[12:at + 5], ".".join(labels), kind == 1, peer)

    def reply(self, number, question, name, wants_v4, peer):
        count = self.asked.get(name, 0)
        if wants_v4:
            self.asked[name] = count + 1
        address = self.answer(name, count)
        if address is None:
            return
        records = b""
        if wants_v4:
            records = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
        head = number + struct.pack(">HHHHH", 0x8180, 1, 1 if records else 0, 0, 0)
        self.socket.sendto(head + question + records, peer)


def feed_server():
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    return server


# ---- tests -------------------------------------------------------------------------

def threads_of(daemon):
    return len(os.listdir("/proc/%d/task" % daemon.process.pid))


def test_black_hole(folder):
    """a dead name server neither stalls other polls nor piles up threads"""
    NameServer(LIAR, lambda name, count: None)
    NameServer(DEAD, lambda name, count: None)
    server = feed_server()
    good = server.route("/good", feedserver.document(documents.rss2([news.numbered(1)])))
    feeds = [{"url": "http://host%d.test/feed" % n, "interval": Plain("1s")} for n in range(150)]
    daemon = harness.Daemon(folder, [{"url": good, "interval": Plain("1s")}, *feeds], {"fetch.timeout": Plain("3s"), "poll.max": Plain("3s")})
    os.environ["WATCHDOG_USEC"] = "3000000"
    try:
        daemon.start()
    finally:
        del os.environ["WATCHDOG_USEC"]
    daemon.wait_log("timed out after .* while looking up the name", 3)
    daemon.notify.forget()
    before, most, longest = threads_of(daemon), 0, 0.0
    seen, last = len(server.requests()), time.monotonic()
    while len(server.requests()) < seen + 5:  # the feed that needs no name is polled on
        check(daemon.alive() and time.monotonic() - last < 60, daemon.story())
        most = max(most, threads_of(daemon))
        start = time.monotonic()
        check_equal(daemon.get("/healthz")[0] in (200, 503), True)
        longest = max(longest, time.monotonic() - start)
        time.sleep(0.05)
    check(not any("no host answers" in line for line in daemon.stderr_lines), "one did all the time:", daemon.story())
    print("# %d and then at most %d threads; the slowest answer took %.2f s" % (before, most, longest))
    check(most <= 64 + 20, "threads:", most)
    daemon.notify.wait("WATCHDOG=1", timeout=5)
    start = time.monotonic()
    daemon.stop_cleanly()
    check(time.monotonic() - start < 10, "the end took", time.monotonic() - start)


def test_turning_name(folder):
    """a name that turns to a private address between two polls is refused, and so is the way there by redirect"""
    server = feed_server()
    host, port = re.match(r"http://([\d.]+):(\d+)/", server.url("/")).groups()

    def answer(name, count):
        return host if name == "redirects.test" or (name == "turns.test" and count == 0) else "127.0.0.77"
    NameServer(LIAR, answer)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)]), headers=[("Connection", "close")]))
    server.route("/moved", feedserver.redirect("http://inside.test:%s/secret" % port))
    server.route("/secret", feedserver.document(b"never"))
    daemon = harness.Daemon(folder, [{"url": "http://turns.test:%s/feed" % port, "interval": Plain("1s")},
                                     {"url": "http://redirects.test:%s/moved" % port, "interval": Plain("1s")}],
                            {"fetch.allow_addresses": [host]})
    daemon.start()
    daemon.wait_log(r"turns\.test:\d+: address 127\.0\.0\.77 is not allowed")
    daemon.wait_log(r"redirected to inside\.test:\d+: address 127\.0\.0\.77 is not allowed")
    paths = [request.path for request in server.requests()]
    check_equal((paths.count("/feed"), paths.count("/secret")), (1, 0), "requests")
    daemon.stop_cleanly()


TESTS = [test_black_hole, test_turning_name]

if __name__ == "__main__":
    if INSIDE not in os.environ:
        WHY = enter()

        def skip(_folder):
            """a namespace with name servers of the test"""
            raise harness.Skip(WHY)
        TESTS = [skip]
    harness.run_tests(TESTS)
