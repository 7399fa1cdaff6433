"""Configuration: every mistake with its line, exit codes, --check and reload."""
import contextlib
import os
import re
import sqlite3

import documents
import feedserver
import harness
import news
from harness import check, check_equal


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


THREE_MISTAKES = """feeds:
  - https://example.org/rss.xml
rules: [%s]
ledger: sqlite://%s/ledger.db
poll:
  min: soon
  max: 6h
fetch: {timeout: 30s}
alerts:
  max_aeg: 48h
http: 127.0.0.1:99999
"""


def test_three_mistakes(folder):
    """three mistakes are reported in one go, each with file and line, exit code 1"""
    path = write(folder, "bad.yaml", THREE_MISTAKES % (harness.RULES, folder))
    for arguments in (["--check", "-c", path], ["-c", path]):
        status, stdout, stderr = harness.daemon_command(*arguments)
        check_equal(status, 1, "exit status; " + stderr)
        lines = re.findall(r"^%s:(\d+): (.+)$" % re.escape(path), stderr + stdout, re.M)
        check_equal([number for number, _ in lines], ["6", "10", "11"], "lines; " + stderr + stdout)
        for (_, message), word in zip(lines, ("soon", "max_aeg", "99999")):
            check(word in message or word.split("_")[0] in message, "which?", message)
    check(not os.path.exists(os.path.join(folder, "ledger.db")), "a ledger was made")


def test_check(folder):
    """--check says nothing is wrong with exit code 0 and starts nothing"""
    daemon = harness.Daemon(folder, ["https://example.org/rss.xml"])
    status, _, stderr = harness.daemon_command("-c", daemon.config, "--check")
    check_equal(status, 0, stderr)
    check(not os.path.exists(os.path.join(folder, "ledger.db")), "--check made a ledger")
    check(not os.path.exists(os.path.join(folder, "alerts.sock")), "--check bound a socket")


def test_check_ledger(folder):
    """an address of a database that cannot be used is reported without asking for the database"""
    daemon = harness.Daemon(folder, ["https://example.org/rss.xml"], {
        "ledger": "postgresql:///x?host=127.0.0.1,127.0.0.2,127.0.0.3&port=1,2&password=geheim"})
    status, stdout, stderr = harness.daemon_command("-c", daemon.config, "--check")
    check_equal(status, 1, stderr)
    check("%s: ledger: " % daemon.config in stderr and "geheim" not in stderr + stdout, stderr)


def test_check_rules(folder):
    """a mistake in a rule file is reported with its file and line"""
    rules = write(folder, "rules.yaml", "rules:\n  - name: broken\n    class: pause\n    when: '(missiles AND'\n")
    daemon = harness.Daemon(folder, [], {"rules": [rules]})
    status, stdout, stderr = harness.daemon_command("-c", daemon.config, "--check")
    check_equal(status, 1, stderr)
    check(re.search(r"^%s:\d+: " % re.escape(rules), stderr + stdout, re.M), stderr)


def test_feed_files(folder):
    """OPML lists are read relative to the configuration; a mistake in one has its line"""
    os.mkdir(os.path.join(folder, "feeds.d"))
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    opml = ('<?xml version="1.0"?>\n<opml version="2.0"><head><title>t</title></head><body>\n'
            '<outline type="rss" text="Listed" xmlUrl="%s"/>\n</body></opml>\n')
    write(folder, "feeds.d/list.opml", opml % server.url("/feed"))
    daemon = harness.Daemon(folder, [], {"feed_files": ["feeds.d/*.opml"]})
    check_equal(daemon.once(), 0, daemon.story())
    check_equal([line["feed"] for line in daemon.syslog.wait_alerts(1)], ["Listed"])
    bad = write(folder, "feeds.d/worse.opml", opml % "gopher://example.org/feed")
    status, _, stderr = harness.daemon_command("-c", daemon.config, "--check")
    check_equal(status, 1, stderr)
    check("%s:3: " % bad in stderr, stderr)


def test_usage(folder):
    """wrong usage: exit code 2; --help and --version: 0 on standard output; a missing file: 1"""
    for arguments in (["--no-such-option"], ["-c"], ["stray"], ["--log-level", "shouting"]):
        status, stdout, stderr = harness.daemon_command(*arguments)
        check_equal((status, stdout), (2, ""), " ".join(arguments))
        check(stderr, "nothing said about", arguments)
    for argument in ("--help", "--version"):
        status, stdout, stderr = harness.daemon_command(argument)
        check_equal((status, stderr), (0, ""), argument)
        check("wirewatchd" in stdout, stdout)
    status, _, stderr = harness.daemon_command("-c", os.path.join(folder, "none.yaml"))
    check_equal(status, 1, stderr)
    check("none.yaml" in stderr, stderr)


def test_reload(folder):
    """SIGHUP: a new feed is polled, a removed one no longer, the rest goes on"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    for number, name in enumerate(("kept", "removed", "added"), 1):
        server.route("/" + name, feedserver.document(documents.rss2([news.numbered(number)])))
    daemon = harness.Daemon(folder, [server.url("/kept"), server.url("/removed")], {"poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(2)
    daemon.write_config(feeds=[server.url("/kept"), server.url("/added")])
    daemon.reload()
    daemon.syslog.wait_alerts(3)
    removed = len(server.requests("/removed"))
    for path in ("/kept", "/added"):
        server.wait_requests(path, len(server.requests(path)) + 3)
    check(len(server.requests("/removed")) <= removed + 1, "a removed feed is still polled")
    check_equal(len(daemon.syslog.alerts()), 3, "alerts")
    daemon.stop_cleanly()


def test_more_pollers(folder):
    """SIGHUP may raise the number of pollers; the end comes at once all the same"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", feedserver.document(documents.rss2([])))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    for _ in range(3):
        daemon.settings["poll.pollers"] = 1
        daemon.write_config()
        daemon.start()
        daemon.settings["poll.pollers"] = 64
        daemon.write_config()
        daemon.reload()
        daemon.stop_cleanly()


def test_bad_reload(folder):
    """SIGHUP with a bad configuration: refused with its lines, the old one stays"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    empty = feedserver.document(documents.rss2([]))
    server.route("/feed", empty)
    daemon = harness.Daemon(folder, [server.url("/feed")], {"poll.max": harness.Plain("1s")})
    daemon.start()
    server.wait_requests("/feed", 1)
    write(folder, "wirewatch.yaml", THREE_MISTAKES % (harness.RULES, folder))
    daemon.reload()
    daemon.wait_log(r"wirewatch\.yaml:6: ")
    daemon.wait_log(r"wirewatch\.yaml:10: ")
    daemon.wait_log(r"wirewatch\.yaml:11: ")
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    daemon.syslog.wait_alerts(1)
    check(daemon.alive(), daemon.story())
    daemon.stop_cleanly()


def test_passwords_of_feeds(folder):
    """a reload refused for feeds listed twice or malformed, a failed start and --check name them without the password"""
    daemon = harness.Daemon(folder, [])
    daemon.start()
    daemon.write_config(feeds=["http://user:geheim@a.invalid/x", "http://user:geheim@a.invalid/x",
                               "http://user:geheim@a.invalid/x y", "http://user:ge/heim@a.invalid/z"])
    daemon.reload()
    daemon.wait_log(r"the feed 'http://a\.invalid/x' is already in line ")
    daemon.wait_log(r"'http://a\.invalid/z' is no usable URL")
    daemon.stop_cleanly()
    told = [daemon.story()]
    for arguments in (["--check"], []):
        status, stdout, stderr = harness.daemon_command("-c", daemon.config, *arguments)
        check_equal(status, 1, stderr)
        check("'http://a.invalid/x y' is no usable URL" in stderr, stderr)
        told.append(stdout + stderr)
    for text in told:
        check("heim@" not in text and "user:" not in text, text)


def test_rules_reload(folder):
    """SIGHUP takes new rules: an item that raised nothing before stays silent, a new one alerts"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    write(folder, "empty.yaml", "sets: {}\nrules: []\n")
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    daemon = harness.Daemon(folder, [server.url("/feed")], {"rules": [os.path.join(folder, "empty.yaml")],
                                                            "poll.max": harness.Plain("1s")})
    daemon.start()
    server.wait_requests("/feed", 2)
    daemon.write_config({"rules": [harness.RULES]})
    daemon.reload()
    daemon.wait_log("(?i)reload")
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(2), news.numbered(1)])))
    lines = daemon.syslog.wait_alerts(1)
    check_equal([line["title"] for line in lines], ["Shipment 2 is halted"])
    daemon.stop_cleanly()


BROKEN_RULES = """rules:
  - name: broken
    class: pause
    when: '(missiles AND'
  - name: nameless
    class: nonsense
    when: missiles
"""


def once_with_rules(daemon, rules):
    """A run of --once with these rules: (exit status, what it said)."""
    daemon.write_config({"rules": [rules]})
    daemon.stderr_lines.clear()
    status = daemon.once()
    return status, "\n".join(daemon.stderr_lines)


def test_once_broken_rules(folder):
    """--once: broken rules fail a run that has something to read, which stores nothing; one without needs no rules"""
    for pollers in (1, 2):
        server = feedserver.FeedServer()
        harness.Cleanup.add(server.stop)
        paths = ["/feed%d" % number for number in range(4)]
        empty = feedserver.document(documents.rss2([]))
        for path in paths:
            server.route(path, empty)
        where = os.path.join(folder, str(pollers))
        os.mkdir(where)
        broken = write(where, "broken.yaml", BROKEN_RULES)
        daemon = harness.Daemon(where, [server.url(path) for path in paths],
                                {"poll.pollers": pollers, "poll.min": harness.Plain("1s")})
        status, said = once_with_rules(daemon, broken)
        check_equal(status, 0, "nothing new; " + said)
        check("rules when they are needed" in said, said)
        for number, path in enumerate(paths):
            server.route(path, feedserver.document(documents.rss2([news.numbered(number + 1)])))
        status, said = once_with_rules(daemon, broken)
        check_equal(status, 1, "new items; " + said)
        for line in (4, 6):
            check_equal(len(re.findall(r"^%s:%d:" % (re.escape(broken), line), said, re.M)), 1, said)
        with contextlib.closing(sqlite3.connect(os.path.join(where, "ledger.db"))) as ledger:
            check_equal(ledger.execute("SELECT count(*) FROM entry").fetchone()[0], 0, "entries stored; " + said)
        status, said = once_with_rules(daemon, harness.RULES)
        check_equal(status, 0, "mended; " + said)
        titles = {line["title"] for line in daemon.syslog.wait_alerts(len(paths))}
        check_equal(titles, {"Shipment %d is halted" % (number + 1) for number in range(len(paths))})


if __name__ == "__main__":
    harness.run_tests([test_three_mistakes, test_check, test_check_ledger, test_check_rules, test_feed_files, test_usage,
                       test_reload, test_more_pollers, test_bad_reload, test_passwords_of_feeds, test_rules_reload,
                       test_once_broken_rules])
