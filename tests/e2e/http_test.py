"""The HTTP side of the running daemon: metrics, alerts, the stream of events, the limits of its server."""
import json
import os
import shutil
import socket
import subprocess
import urllib.parse

import feedserver
import harness
import news
from feedserver import PATIENCE
from harness import check, check_equal

NAMES = ["polls_total", "entries_total", "alerts_total", "feeds", "poll_lag_seconds", "alert_latency_seconds",
         "ledger_commit_seconds", "subscribers", "publish_dropped_total"]


class Listener:
    """A client of /events by a socket of its own; events as (id, event, data)."""

    def __init__(self, http, target="/events", last=None):
        host, port = http.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        harness.Cleanup.add(self.socket.close)
        resume = "Last-Event-ID: %d\r\n" % last if last is not None else ""
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (target, http, resume)).encode())
        self.stream = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.status = self.stream.readline().split(" ", 1)[1].strip()
        self.headers = {}
        for line in iter(self.stream.readline, "\r\n"):
            name, value = line.split(": ", 1)
            self.headers[name.lower()] = value.strip()

    def next(self):
        """The next event, or None at the end; heartbeats are left out."""
        fields = {}
        for line in self.stream:
            if line == "\n":
                if "data" in fields:
                    return int(fields.get("id", 0)), fields.get("event", "message"), json.loads(fields["data"])
                fields = {}
            elif not line.startswith(":"):
                name, value = line.rstrip("\n").split(": ", 1)
                fields[name] = value
        return None

    def alerts(self, count):
        found = []
        while len(found) < count:
            event = self.next()
            check(event is not None, "the stream ended after", len(found), "alerts")
            if event[1] == "message":
                check_equal(event[0], int(event[2]["sequence"]), "id")
                found.append(event[0])
        return found

    def drain(self):
        """Read on until the daemon's end ends the stream."""
        try:
            while self.next():
                pass
        except ConnectionResetError:
            pass


def start(folder, settings=None):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    feed = news.NumberedFeed(server, window=2000)
    daemon = harness.Daemon(folder, [feed.url], dict({"poll.max": harness.Plain("1s")}, **(settings or {})))
    return daemon, feed


def ask(daemon, target):
    status, text = daemon.get(target)
    check_equal(status, 200, target)
    return json.loads(text)


def test_metrics(folder):
    """the metrics are all there, and promtool has nothing against them"""
    daemon, feed = start(folder)
    feed.grow(3)
    daemon.start()
    daemon.syslog.wait_alerts(3)
    status, text = daemon.get("/metrics")
    check_equal(status, 200, "status")
    for name in NAMES:
        check("# TYPE wirewatch_%s " % name in text, name, "is missing")
    for name in ("poll_lag", "alert_latency", "ledger_commit"):
        check('wirewatch_%s_seconds_bucket{le="+Inf"}' % name in text, name, "is no histogram")
    check('wirewatch_alerts_total{class="pause",report="first"}' in text, "no alerts are counted")
    check("process_resident_memory_bytes" in text, "no process_*")
    if not shutil.which("promtool"):
        raise harness.Skip("promtool is not installed (Debian: prometheus)")
    judged = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=PATIENCE)
    check_equal((judged.returncode, judged.stdout + judged.stderr), (0, ""), "promtool")


def test_alerts(folder):
    """/alerts gives what is stored, page by page, byte for byte as published, filtered; bad questions get a reason"""
    daemon, feed = start(folder)
    feed.grow(150)
    daemon.start()
    daemon.syslog.wait_alerts(150)
    found, after = [], 0
    while True:
        page = ask(daemon, "/alerts?after=%d&limit=40" % after)
        found += page["alerts"]
        after = page["last"]
        if not page["more"]:
            break
        check_equal(len(page["alerts"]), 40, "alerts of a page")
    replayed = harness.replay_all(daemon.replay)
    check_equal(found, [message.json for message in replayed], "alerts by HTTP and by replay")
    check_equal(page["sequence"], 150, "sequence")
    status, text = daemon.get("/alerts?limit=1000")
    for message in replayed:
        check(message.frames[2].decode() in text, "not as published:", message.sequence)
    first = found[0]["data"]
    quote = urllib.parse.quote
    for query, wanted in [("class=pause", 150), ("class=sale", 0), ("language=en", 150), ("language=uk", 0),
                          ("actor=" + quote(first["actors"][0]), 150), ("system=Nothing", 0),
                          ("text=shipment+77+IS", 1)]:
        check_equal(len(ask(daemon, "/alerts?limit=1000&" + query)["alerts"]), wanted, query)
    for query in ("after=x", "limit=0", "limit=5000", "class=war", "colour=red", "text=%ff"):
        status, text = daemon.get("/alerts?" + query)
        check(status == 400 and len(text) > len("400 Bad Request: "), query, status, text)
    daemon.stop_cleanly()


def test_events(folder):
    """/events gives stored alerts, then live ones, and resumes over restarts without gap or repeat"""
    daemon, feed = start(folder)
    feed.grow(100)
    daemon.start()
    daemon.syslog.wait_alerts(100)
    seen, total = [], 100
    for how in ("SIGTERM", "SIGKILL", None):
        listener = Listener(daemon.http, "/events?after=0", seen[-1] if seen else None)
        check_equal((listener.status, listener.headers["content-type"]), ("200 OK", "text/event-stream"), "head")
        event = listener.next()
        check_equal((event[1], sorted(event[2])), ("welcome", ["epoch", "sequence"]), "first event")
        seen += listener.alerts(total - len(seen))
        feed.grow(20)
        total += 20
        seen += listener.alerts(15)
        if how is None:
            break
        daemon.stop(getattr(harness.signal, how))
        listener.drain()  # what it was sent and did not take in comes again
        daemon.start()
    seen += listener.alerts(5)
    check_equal(seen, list(range(1, total + 1)), "sequences")
    live = Listener(daemon.http)
    check_equal(live.next()[1], "welcome", "first event")
    filtered = Listener(daemon.http, "/events?after=0&text=shipment+%d+" % (total + 1))
    feed.grow(1)
    check_equal(live.alerts(1), [total + 1], "of one who listens from now on")
    check_equal(filtered.alerts(1), [total + 1], "of one who wants only this")
    daemon.stop_cleanly()


def test_slow_listener(folder):
    """a listener that reads nothing holds nobody up"""
    daemon, feed = start(folder)
    feed.grow(1500)
    daemon.start()
    slow = [Listener(daemon.http, "/events?after=0") for _ in range(5)]
    daemon.syslog.wait_alerts(1500)
    quick = Listener(daemon.http, "/events?after=0")
    check_equal(quick.alerts(1500), list(range(1, 1501)), "sequences")
    feed.grow(1)
    check_equal(quick.alerts(1), [1501], "live")
    for listener in slow:
        check_equal(listener.alerts(1501), list(range(1, 1502)), "of one who reads late")
    check('wirewatch_events_listeners 6' in daemon.get("/metrics")[1], "listeners are not counted")


def raw(http, request):
    """What comes back to bytes; "" if the connection is cut."""
    host, port = http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        answer = b""
        try:
            connection.sendall(request)
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionResetError:
            pass
        return answer.decode("latin-1")


def test_limits(folder):
    """another host's name, other methods, large heads, foreign paths are refused; replies carry their policies"""
    daemon, _ = start(folder)
    daemon.start()
    for path in ("/", "/metrics", "/healthz", "/status", "/feeds", "/alerts", "/events", "/page/main.js"):
        answer = raw(daemon.http, ("GET %s HTTP/1.1\r\nHost: rebound.example\r\n\r\n" % path).encode())
        check(answer.startswith("HTTP/1.1 403 "), path, answer[:80])
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            request = "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" % (method, path)
            answer = raw(daemon.http, request.encode())
            check(answer.startswith("HTTP/1.1 405 ") and "Allow: GET, HEAD" in answer, method, path, answer[:80])
    answer = raw(daemon.http, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200000)
    check(answer.startswith("HTTP/1.1 431 "), "large head")
    check(raw(daemon.http, b"GET /status HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 400 "), "HTTP/1.1 without a Host")
    check(raw(daemon.http, b"GET /status HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 200 "), "HTTP/1.0 without a Host")
    answer = raw(daemon.http, b"GET /page/../index.html HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check(answer.startswith("HTTP/1.1 404 "), "path")
    page = raw(daemon.http, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = page.split("\r\n\r\n")[0]
    policy = head.split("Content-Security-Policy: ")[1].split("\r\n")[0]
    check("default-src 'none'" in policy and "unsafe" not in policy, policy)
    for line in ("X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "frame-ancestors 'none'"):
        check(line in head, line, "is missing")
    body = page.split("\r\n\r\n", 1)[1]
    check("http://" not in body and "https://" not in body, "the page names another host")
    daemon.stop_cleanly()


def test_names(folder):
    """beyond loopback the machine's own name is answered, and not that with somebody's domain behind it"""
    http = "%s:%d" % (harness.LOOPBACK, harness.free_port())
    daemon, _ = start(folder, {"http": http.replace(harness.LOOPBACK, "0.0.0.0")})
    daemon.http = http
    daemon.start()
    name = socket.gethostname()
    cases = [(name, "200"), (name.split(".")[0] + ".local:80", "200"), (name + ".evil.example", "403"), ("evil.example", "403")]
    for host, wanted in cases:
        answer = raw(http, ("GET /status HTTP/1.1\r\nHost: %s\r\n\r\n" % host).encode())
        check(answer.startswith("HTTP/1.1 %s " % wanted), host, answer[:80])


def test_unix_socket(folder):
    """http may be a socket of the file system, for the daemon's own group, gone after the end"""
    path = os.path.join(folder, "http.sock")
    daemon, feed = start(folder, {"http": "unix:" + path})
    feed.grow(1)
    daemon.start()
    daemon.syslog.wait_alerts(1)
    check_equal(oct(os.stat(path).st_mode & 0o777), "0o660", "mode")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        connection.sendall(b"GET /alerts HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.makefile("rb").read().decode()
    status, stdout, stderr = harness.client("feeds", "--json", "--http", "unix:" + path)
    check_equal((status, len(json.loads(stdout or "{}").get("feeds", []))), (0, 1), "wirewatch feeds: " + str(stderr))
    status, stdout, _ = harness.client("status", "-c", daemon.config)
    check(status == 0 and stdout, "wirewatch status does not find the socket of the configuration")
    status, _, stderr = harness.client("status", "--http", "unix:" + path + "x")
    check(status == 1 and "no daemon answers" in str(stderr), "no socket:", status, stderr)
    check(answer.startswith("HTTP/1.1 200 OK\r\n") and "Shipment 1 is halted" in answer, answer[:200])
    daemon.stop(harness.signal.SIGKILL)
    check(os.path.exists(path), "kill -9 leaves the socket")
    daemon.start()  # it is in nobody's way
    daemon.stop_cleanly()
    check(not os.path.exists(path), "the socket is left behind")


if __name__ == "__main__":
    harness.run_tests([test_metrics, test_alerts, test_events, test_slow_listener, test_limits, test_names, test_unix_socket])
