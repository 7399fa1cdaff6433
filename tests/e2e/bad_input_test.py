"""Bad input: a clear line each, and the other feeds go on."""
import os

import documents
import feedserver
import harness
import news
from harness import check, check_equal


def run_beside_good(folder, routes, settings=None, address="127.0.0.2"):
    """Bad feeds beside a good one that alerts at its third poll. routes: name -> function(server) -> behaviour or URL."""
    bad, good = feedserver.FeedServer(address), feedserver.FeedServer()
    harness.Cleanup.add(bad.stop)
    harness.Cleanup.add(good.stop)
    urls = {}
    for name, make in routes.items():
        made = make(bad)
        urls[name] = made if isinstance(made, str) else bad.route("/" + name, made)
    empty = feedserver.document(documents.rss2([]))
    good.route("/good", empty, empty, feedserver.document(documents.rss2([news.numbered(1)])))
    feeds = [{"url": url, "name": "bad-" + name} for name, url in urls.items()]
    feeds.append({"url": good.url("/good"), "name": "good"})
    daemon = harness.Daemon(folder, feeds, settings)
    daemon.start()
    daemon.syslog.wait_alerts(1)
    return daemon


def check_said(daemon, names):
    for name in names:
        line = daemon.wait_log("bad-%s: " % name)[0]
        check(len(line) < 600, "a long line:", line)


def test_answers(folder):
    """no feed, an empty body, garbage, errors and resets are said; the good feed goes on"""
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    holder = []

    def refused(_server):
        url, taken = feedserver.refusing_url()
        holder.append(taken)
        return url
    routes = {
        "html": lambda s: feedserver.document(b"<!doctype html><html><body>Welcome!</body></html>", "text/html"),
        "empty": lambda s: feedserver.document(b""),
        "binary": lambda s: feedserver.document(bytes(range(256)) * 8),
        "nothttp": lambda s: feedserver.garbage(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "error": lambda s: feedserver.status("500 Internal Server Error"),
        "missing": lambda s: feedserver.status("404 Not Found"),
        "gone": lambda s: feedserver.status("410 Gone"),
        "reset": lambda s: feedserver.reset(),
        "refused": refused,
        "loop": lambda s: feedserver.redirect("/loop"),
        "away": lambda s: feedserver.redirect("ftp://127.0.0.1/feed"),
        "file": lambda s: feedserver.redirect("file:///etc/passwd"),
        "bomb": lambda s: feedserver.document(b" " * (40 << 20), coding="gzip"),
        "cut": lambda s: feedserver.cut(body, len(body) // 2),
    }
    daemon = run_beside_good(folder, routes)
    check_said(daemon, routes)
    check(daemon.alive(), daemon.story())
    daemon.stop_cleanly()
    for taken in holder:
        taken.close()


def test_slow(folder):
    """a server that hangs and one that drips are given up after fetch.timeout; the good feed goes on meanwhile"""
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    routes = {"hang": feedserver.gone_quiet, "drip": lambda s: feedserver.drip(body, s)}
    daemon = run_beside_good(folder, routes, {"fetch.timeout": harness.Plain("2s")})
    check_said(daemon, routes)
    daemon.stop_cleanly()


def test_cut_feed_recovers(folder):
    """a cut body is an error that loses nothing: the next whole one alerts"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([news.numbered(n) for n in (1, 2, 3)])
    server.route("/feed", feedserver.cut(body, len(body) * 2 // 3), feedserver.document(body))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    daemon.start()
    lines = daemon.syslog.wait_alerts(3)
    check_equal(sorted(line["title"] for line in lines), ["Shipment %d is halted" % n for n in (1, 2, 3)])
    daemon.stop_cleanly()


def test_truncated_document(folder):
    """a document that ends in the middle still gives its complete items"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([news.numbered(n) for n in (1, 2, 3)])
    server.route("/feed", feedserver.document(body[:body.rindex(b"<item>") + 60]))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    check_equal(daemon.once(), 0, "exit status; " + daemon.story())
    check_equal(sorted(line["title"] for line in daemon.syslog.wait_alerts(2)),
                ["Shipment 1 is halted", "Shipment 2 is halted"])


def test_addresses(folder):
    """loopback is refused unless allowed, also behind a redirect"""
    server, other = feedserver.FeedServer(), feedserver.FeedServer("127.0.0.9")
    harness.Cleanup.add(server.stop)
    harness.Cleanup.add(other.stop)
    body = documents.rss2([news.numbered(1)])
    other.route("/inner", feedserver.document(body))
    server.route("/feed", feedserver.redirect(other.url("/inner")))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "name": "bad-redirect"}],
                            {"fetch.allow_addresses": ["127.0.0.1/32"]})
    check_equal(daemon.once(), 0, "exit status; " + daemon.story())
    daemon.wait_log("bad-redirect: .*(address|not allowed)")
    check_equal(other.requests(), [], "requests to a refused address")
    check_equal(daemon.syslog.alerts(), [])


def test_recovery(folder):
    """a feed that fails again and again is not said each time, and said once when it works again"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    error = feedserver.status("503 Service Unavailable")
    server.route("/feed", error, error, error, feedserver.document(documents.rss2([news.numbered(1)])))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "name": "shaky"}], {"poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(1)
    daemon.wait_log("shaky: .*503")
    daemon.wait_log("shaky: .*(again|recover)")
    daemon.stop_cleanly()


def test_temporary_ledger_trouble(folder):
    """a ledger folder that does not exist: exit code 1 and a line that names it"""
    daemon = harness.Daemon(folder, [], {"ledger": "sqlite://%s/nowhere/ledger.db" % folder})
    status, _, stderr = harness.daemon_command("-c", daemon.config)
    check_equal(status, 1, "exit status; " + stderr)
    check("nowhere" in stderr, stderr)


def test_damaged_ledger(folder):
    """a file that is no ledger is refused and left as it is"""
    path = os.path.join(folder, "ledger.db")
    junk = b"this is no database at all\n" * 400
    with open(path, "wb") as file:
        file.write(junk)
    daemon = harness.Daemon(folder, [])
    status, _, stderr = harness.daemon_command("-c", daemon.config)
    check_equal(status, 1, "exit status; " + stderr)
    check("ledger" in stderr, stderr)
    with open(path, "rb") as file:
        check_equal(file.read(), junk, "the file")


if __name__ == "__main__":
    harness.run_tests([test_answers, test_slow, test_cut_feed_recovers, test_truncated_document, test_addresses,
                       test_recovery, test_temporary_ledger_trouble, test_damaged_ledger])
