"""The schedule in the running daemon: pauses, gaps, ends, what survives a restart, what is said about it."""
import re
import time

import documents
import feedserver
import harness
import news
from harness import Plain, check, check_equal
from schedule import HOUR, edit_learned, feeds_of, metric, new_server, one_item, public_url

def test_pause_of_a_host(folder):
    """Retry-After holds for all feeds of a public host, also after a restart, and for one URL of a private host"""
    server = new_server()
    busy = feedserver.status("429 Too Many Requests", [("Retry-After", "3600")])
    for path in ("/busy", "/private-busy"):
        server.route(path, busy)
    for path in ("/other", "/private"):
        server.route(path, one_item())
    urls = [public_url(server, "shared", "/busy"), public_url(server, "shared", "/other"),
            server.url("/private-busy"), server.url("/private")]
    daemon = harness.Daemon(folder, urls[:1] + urls[2:], {"poll.per_host": 1})
    daemon.start()
    server.wait_requests("/busy", 1)
    server.wait_requests("/private", 3)
    daemon.wait_log("asks to stay away until .*HTTP status 429.*all of its host")
    daemon.wait_log("asks to stay away until [^;]*$")
    check(harness.wait_until(lambda: metric(daemon, 'wirewatch_feeds{state="paused"}') == 2), "paused feeds")
    feed = feeds_of(daemon)[urls[0]]
    check_equal((feed["state"], feed["failures"]), ("paused", 0), feed)
    daemon.write_config(feeds=urls)  # one more feed of the paused host
    daemon.reload()
    daemon.wait_log("reload: done")
    daemon.stop_cleanly()
    daemon.start()
    before = len(server.requests("/private"))
    server.wait_requests("/private", before + 3)
    check_equal([len(server.requests(path)) for path in ("/busy", "/other", "/private-busy")], [1, 0, 1], "requests")
    daemon.stop_cleanly()


def test_gap(folder):
    """a public host is asked one thing at a time, with a gap between"""
    server = new_server()
    times = {}

    def behave(connection, request):
        times[request.path] = time.monotonic()
        one_item()(connection, request)
    paths = ["/%d" % n for n in range(4)]
    for path in paths:
        server.route(path, behave)
    daemon = harness.Daemon(folder, [public_url(server, "one", path) for path in paths], HOUR)
    daemon.start()
    for path in paths:
        server.wait_requests(path, 1)
    daemon.stop_cleanly()
    seen = sorted(times.values())
    gaps = [after - before for before, after in zip(seen, seen[1:])]
    check(min(gaps) >= 0.95, "gaps", gaps)


def test_gone(folder):
    """410 ends a feed, is said once, and a restart does not ask again"""
    server = new_server()
    url = server.route("/gone", feedserver.status("410 Gone"))
    server.route("/feed", one_item())
    daemon = harness.Daemon(folder, [url, server.url("/feed")])
    daemon.start()
    daemon.wait_log("gone for good")
    server.wait_requests("/feed", 3)
    check_equal(metric(daemon, 'wirewatch_feeds{state="ended"}'), 1, "ended")
    daemon.stop_cleanly()
    before = len(server.requests("/feed"))
    daemon.start()
    server.wait_requests("/feed", before + 3)
    feed = feeds_of(daemon)[url]
    check_equal((feed["state"], feed["next_poll"]), ("ended", None), feed)
    daemon.stop_cleanly()
    check_equal(len(server.requests("/gone")), 1, "requests")
    check_equal(sum("gone for good" in line for line in daemon.stderr_lines), 1, "lines")
    check_equal(daemon.once(), 0, "--once does not wait for it; " + daemon.story())
    check_equal(len(server.requests("/gone")), 1, "requests")


def test_cancelled(folder):
    """a poll that a stop gave up is a request too: the next start does not repeat it"""
    server = new_server()
    url = server.route("/hangs", feedserver.gone_quiet(server))
    server.route("/feed", one_item())
    daemon = harness.Daemon(folder, [url], HOUR)
    daemon.start()
    server.wait_requests("/hangs", 1)
    daemon.stop_cleanly()
    daemon.write_config(feeds=[url, server.url("/feed")])
    daemon.start()
    server.wait_requests("/feed", 1)
    daemon.stop_cleanly()
    check_equal(len(server.requests("/hangs")), 1, "requests")


def test_outage(folder):
    """when no host answers one line says so, no feed is blamed, polls go on, and one line says that it is over"""
    servers = [new_server() for _ in range(4)]
    urls = [server.route("/feed", feedserver.reset()) for server in servers]
    daemon = harness.Daemon(folder, urls, {"poll.max": Plain("2s")})
    daemon.start()
    daemon.wait_log("network: no host answers")
    check(harness.wait_until(lambda: metric(daemon, 'wirewatch_polls_total{result="error"}') >= 16), "polls")
    check(sum(feed["failures"] for feed in feeds_of(daemon).values()) <= 4, feeds_of(daemon))
    for server in servers:
        server.route("/feed", one_item())
    daemon.wait_log("network: hosts answer again")
    daemon.stop_cleanly()
    check_equal(sum("network: no host" in line for line in daemon.stderr_lines), 1, "lines")
    check_equal(sum(": connection" in line for line in daemon.stderr_lines), 4, daemon.story())


def test_stale(folder):
    """a feed silent for longer than likely is asked once without validators, said to be stale, and to be so no more"""
    server = new_server()
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    url = server.route("/feed", feedserver.document(body, headers=[("ETag", '"1"')]), feedserver.not_modified())
    daemon = harness.Daemon(folder, [url])
    daemon.start()
    server.wait_requests("/feed", 2)
    daemon.stop_cleanly()

    def three_days_ago(learned):
        then = int((time.time() - 3 * 86400) * 1e6)
        learned = re.sub(rb"^(item|full) .*\n", b"", learned, flags=re.M)
        learned = re.sub(rb"^counts .*", b"counts 14000000 280000000 0 20000000 280", learned, flags=re.M)
        return learned + b"item %d\nfull %d\n" % (then, then)
    edit_learned(folder, three_days_ago)
    server.route("/feed", feedserver.document(body, headers=[("ETag", '"1"')]), feedserver.not_modified())
    before = len(server.requests("/feed"))
    daemon.start()
    daemon.wait_log("stale: nothing new for longer")
    requests = server.wait_requests("/feed", before + 3)[before:before + 3]
    check_equal([r.header("If-None-Match") for r in requests], [None, '"1"', '"1"'], "conditions")
    check_equal((feeds_of(daemon)[url]["state"], metric(daemon, 'wirewatch_feeds{state="stale"}')), ("stale", 1))
    told = harness.client("feeds", "--failing", "--http", daemon.http)[1]
    check("has the feed moved" in told, told)
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(1)])))
    daemon.wait_log("no longer stale")
    check(harness.wait_until(lambda: feeds_of(daemon)[url]["state"] == "well"), "well again")
    daemon.stop_cleanly()
    check_equal(sum("stale: nothing new" in line for line in daemon.stderr_lines), 1, "lines")


def test_move(folder):
    """a permanent redirect of a week is believed: the new address is asked, without the old validators, also later"""
    server, new = new_server(), new_server()
    url = server.route("/old", feedserver.redirect(new.url("/new"), "301 Moved Permanently"))
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    new.route("/new", feedserver.document(body, headers=[("ETag", '"1"')]))
    daemon = harness.Daemon(folder, [url])
    daemon.start()
    new.wait_requests("/new", 3)
    daemon.stop_cleanly()
    asked, done = len(server.requests("/old")), len(new.requests("/new"))

    def week_ago(learned):
        found = re.search(rb"^move (\d+) [23] 0$", learned, re.M)  # the stop may have cancelled the third
        check(found, learned)
        return learned.replace(found.group(0), b"move %d 9 0" % (int(found.group(1)) - 8 * 86400 * 10**6))
    edit_learned(folder, week_ago)
    daemon.start()
    daemon.wait_log("has moved for good and is polled at %s" % re.escape(new.url("/new")))
    later = new.wait_requests("/new", done + 3)
    check_equal(len(server.requests("/old")), asked + 1, "requests to the old address")
    check_equal([r.header("If-None-Match") for r in later[done:done + 3]], ['"1"', None, '"1"'], "conditions")
    daemon.stop_cleanly()
    done = len(new.requests("/new"))
    daemon.start()
    new.wait_requests("/new", done + 1)
    daemon.stop_cleanly()
    check_equal(len(server.requests("/old")), asked + 1, "requests to the old address after a restart")
    check_equal(len(daemon.syslog.alerts()), 1, "alerts")


def test_plan_is_told(folder):
    """/feeds says when and why each feed is polled next, and a document's ttl outlives 304s and restarts"""
    server = new_server()
    body = documents.rss2([news.item(news.by_name("pause-en"))]).replace(b"<channel>", b"<channel><ttl>90</ttl>")
    url = server.route("/ttl", feedserver.document(body, headers=[("ETag", '"1"')]), feedserver.not_modified())
    missing = server.route("/missing", feedserver.status("404 Not Found"))
    daemon = harness.Daemon(folder, [url, missing], {"poll.max": Plain("3h")})
    daemon.start()
    check(harness.wait_until(lambda: feeds_of(daemon).get(url, {}).get("result") == "new"), "polled")
    check(harness.wait_until(lambda: feeds_of(daemon).get(missing, {}).get("failures", 0) >= 2), "failed")
    seen = feeds_of(daemon)
    check(seen[url]["plan"].startswith("the feed's ttl, every 1h30m"), seen[url])
    check(seen[missing]["plan"].startswith("backing off (not found, "), seen[missing])
    check_equal((seen[url]["state"], seen[missing]["state"]), ("well", "failing"), "states")
    daemon.stop_cleanly()
    daemon.start()
    check(harness.wait_until(lambda: url in feeds_of(daemon)), "shown")
    again = feeds_of(daemon)
    check_equal(again[url]["next_poll"], seen[url]["next_poll"], "due")
    check_equal(again[url]["plan"], seen[url]["plan"], "plan")
    daemon.stop_cleanly()
    check_equal(daemon.once(), 0, daemon.story())
    requests = server.requests("/ttl")
    check_equal([r.header("If-None-Match") for r in requests], [None, '"1"'], "conditions")


if __name__ == "__main__":
    harness.run_tests([test_pause_of_a_host, test_gap, test_gone, test_cancelled, test_outage, test_stale, test_move,
                       test_plan_is_told])
