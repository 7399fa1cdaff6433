"""Politeness, behaviours 1 to 12 of docs/politeness.md: conditional requests, asserted on the requests as they came."""
import signal
import time

import certificates
import documents
import feedserver
import harness
import news
import replies
from harness import Plain, check, check_equal
from schedule import HOUR, feeds_of, metric, new_server

OFTEN = {"poll.max": Plain("1s")}


def conditions(requests):
    return [(r.header("If-None-Match"), r.header("If-Modified-Since")) for r in requests]


def body(number=1):
    return documents.rss2([news.numbered(number)])


def reply(etag=None, modified=None, content=None):
    """A 200 with those validators; the body is always the same unless told."""
    headers = [pair for pair in (("ETag", etag), ("Last-Modified", modified)) if pair[1] is not None]
    return feedserver.document(content or SAME, headers=headers)


def not_modified(etag=None, modified=None):
    headers = [pair for pair in (("ETag", etag), ("Last-Modified", modified)) if pair[1] is not None]
    return feedserver.not_modified(headers)


SAME = body()


def converse(folder, scripts, settings=None):
    """One feed for each script, (replies, conditions wanted of its requests); nothing else may have been asked."""
    server = new_server()
    for name, (answers, _) in scripts.items():
        server.route("/" + name, *answers)
    daemon = harness.Daemon(folder, [server.url("/" + name) for name in scripts], settings or OFTEN)
    daemon.start()
    for name, (_, wanted) in scripts.items():
        seen = server.wait_requests("/" + name, len(wanted))
        check_equal(conditions(seen[:len(wanted)]), wanted, name)
    daemon.stop_cleanly()
    return server, daemon


def test_one_unconditional(folder):
    """1: one request in six is unconditional, all others carry all validators there are"""
    both, etag, date, none = ('"e"', "a date"), ('"e"', None), (None, "a date"), (None, None)
    converse(folder, {
        "both": ([reply(*both)], [none] + [both] * 5),
        "both-304": ([reply(*both), not_modified()], [none] + [both] * 5),
        "etag": ([reply(*etag), not_modified()], [none] + [etag] * 5),
        "date": ([reply(*date), not_modified()], [none] + [date] * 5),
        "none": ([reply()], [none] * 6),
    })


def test_echo(folder):
    """2: validators come back byte for byte: dates to come, odd spacing, missing quotes, other fields' look"""
    odd = [('"a"', "Sat, 16 Nov 2041 08:00:00 GMT"), ('W/"a,b"', "Sat,  16  Nov 2041 08:00:00  GMT"),
           ("no-quotes", "Saturday, 16-Nov-41 08:00:00 GMT"), ('"a" , "b"', "16 Nov 2041"), ("*", "-1"),
           ("'single'", "Thu, 31 Feb 2041 25:61:61 XYZ"), ('"colon: space"', "Sat Nov 16 08:00:00 2041"),
           ('"\xd0\xb4\xd1\x82"', "Sat, 21 Nov 2026 08:00:00 +0530")]
    server = new_server()
    for number, (etag, modified) in enumerate(odd):
        server.route("/%d" % number, reply(etag, modified), not_modified())
    daemon = harness.Daemon(folder, [server.url("/%d" % number) for number in range(len(odd))], OFTEN)
    daemon.start()
    for number, (etag, modified) in enumerate(odd):
        raw = server.wait_requests("/%d" % number, 3)[2].raw + b"\r\n"
        for line in ("If-None-Match: " + etag, "If-Modified-Since: " + modified):
            check(b"\r\n" + line.encode("latin-1") + b"\r\n" in raw, line, "is not in", raw)
    daemon.stop_cleanly()


def test_pair(folder):
    """3, 4, 5: a 200 replaces both validators, whether its body is new, the same, or only its tag is"""
    none = (None, None)
    converse(folder, {
        "drops-tag": ([reply('"1"', "one"), reply(None, "two", body(2)), not_modified()],
                      [none, ('"1"', "one"), (None, "two"), (None, "two")]),
        "drops-date": ([reply('"1"', "one"), reply('"2"', None, body(2)), not_modified()],
                       [none, ('"1"', "one"), ('"2"', None), ('"2"', None)]),
        "same-date": ([reply('"1"', "one"), reply('"2"', "one", body(2)), not_modified()],
                      [none, ('"1"', "one"), ('"2"', "one"), ('"2"', "one")]),
        "same-body": ([reply('"1"', "one"), reply('"2"', "two"), not_modified()],
                      [none, ('"1"', "one"), ('"2"', "two"), ('"2"', "two")]),
        "same-body-none": ([reply('"1"', "one"), reply(), reply()], [none, ('"1"', "one"), none, none]),
    })


def test_not_modified_updates(folder):
    """6: a 304 replaces the validators it carries and keeps the others"""
    none, old = (None, None), ('"1"', "one")
    converse(folder, {
        "keeps": ([reply(*old), not_modified()], [none, old, old, old]),
        "tag": ([reply(*old), not_modified('"2"'), not_modified()], [none, old, ('"2"', "one"), ('"2"', "one")]),
        "date": ([reply(*old), not_modified(None, "two"), not_modified()], [none, old, ('"1"', "two"), ('"1"', "two")]),
        "both": ([reply(*old), not_modified('"2"', "two"), not_modified()], [none, old, ('"2"', "two"), ('"2"', "two")]),
    })


def failures(server, secure):
    """Ways to fail, each with validators of its own where it can have them."""
    new = [("ETag", '"new"'), ("Last-Modified", "new")]
    ways = {"status-" + line.split()[0]: feedserver.status(line, new) for line in (
        "401 Unauthorized", "403 Forbidden", "404 Not Found", "418 Teapot", "429 Too Many Requests",
        "500 Internal Server Error", "503 Service Unavailable", "204 No Content", "206 Partial Content", "300 Choices")}
    ways.update({
        "html": feedserver.document(b"<!doctype html><html><body>Welcome</body></html>", "text/html", headers=new),
        "json": feedserver.document(b'{"error": "try later"}', "application/json", headers=new),
        "empty": feedserver.document(b"", headers=new),
        "broken": feedserver.document(b"<rss><channel", headers=new),
        "cut": feedserver.cut(SAME, len(SAME) // 2),
        "bad-chunks": replies.bad_chunks(SAME),
        "cut-chunks": replies.cut_chunks(SAME),
        "bad-gzip": feedserver.document(b"this is not gzip at all", headers=[("Content-Encoding", "gzip"), *new]),
        "reset": feedserver.reset(),
        "slow": feedserver.gone_quiet(server),
        "not-http": feedserver.garbage(b"SSH-2.0-server\r\n"),
        "tls": feedserver.redirect(secure.url("/feed")),
        "loop": feedserver.redirect("/around"),
    })
    server.route("/around", feedserver.redirect("/around"))
    return ways


def test_failures_keep_them(folder):
    """7: errors of every kind, with validators of their own or not, leave the stored ones as they are"""
    server = new_server()
    secure = feedserver.FeedServer(tls=certificates.Authority(folder).context("127.0.0.1"))  # a root nobody trusts
    harness.Cleanup.add(secure.stop)
    ways = failures(server, secure)
    for name, way in ways.items():
        server.route("/" + name, reply('"old"', "old"), way, not_modified())
    daemon = harness.Daemon(folder, [server.url("/" + name) for name in ways], {"fetch.timeout": Plain("2s")})
    daemon.start()
    for name in ways:
        seen = conditions(server.wait_requests("/" + name, 3)[:3])
        check_equal(seen, [(None, None), ('"old"', "old"), ('"old"', "old")], name)
    check(secure.failed_handshakes > 0 and not secure.requests(), "TLS was not tried")
    daemon.stop_cleanly()


def test_truncated_keeps_them(folder):
    """7: a document without its end is read, but its validators do not stand for the rest: the whole one comes yet"""
    server = new_server()
    whole, old = documents.rss2([news.numbered(n) for n in (2, 3)]), ('"old"', "old")
    half = feedserver.document(whole[:whole.rindex(b"<item>") + 40], headers=[("ETag", '"new"'), ("Last-Modified", "new")])
    server.route("/feed", reply(*old), half, half, reply('"new"', "new", whole), not_modified())
    server.route("/first", half, reply('"new"', "new", whole), not_modified())
    daemon = harness.Daemon(folder, [server.url("/feed"), server.url("/first")], OFTEN)
    daemon.start()
    check_equal(conditions(server.wait_requests("/feed", 5)[:5]), [(None, None), old, old, old, ('"new"', "new")])
    check_equal(conditions(server.wait_requests("/first", 3)[:3]), [(None, None), (None, None), ('"new"', "new")])
    check_equal(sorted(line["title"] for line in daemon.syslog.wait_alerts(5)),
                ["Shipment %d is halted" % n for n in (1, 2, 2, 3, 3)], "alerts")
    daemon.stop_cleanly()


def start_again(daemon, how, watched, server):
    """Ends the daemon and starts it again; returns once the watched feed was polled three times more."""
    if how is None:
        daemon.write_config()
        daemon.reload()
        daemon.wait_log("reload: done")
    else:
        daemon.stop(how)
        daemon.start()
    server.wait_requests(watched, len(server.requests(watched)) + 3)


def test_restart_asks_nothing(folder):
    """8: SIGTERM, kill -9 and a reload cause no extra request, neither of a well feed nor of failing ones"""
    server = new_server()
    server.route("/well", reply('"1"', "one"), not_modified())
    server.route("/error", feedserver.status("500 Internal Server Error"))
    server.route("/denied", feedserver.status("403 Forbidden"))
    server.route("/busy", feedserver.status("429 Too Many Requests", [("Retry-After", "7200")]))
    server.route("/often", feedserver.document(SAME))
    quiet = ["/well", "/error", "/denied", "/busy"]
    feeds = [server.url(path) for path in quiet] + [{"url": server.url("/often"), "interval": Plain("1s")}]
    daemon = harness.Daemon(folder, feeds, HOUR)
    daemon.start()
    for path in quiet:
        server.wait_requests(path, 1)
    check(harness.wait_until(lambda: sum(bool(f["result"]) for f in feeds_of(daemon).values()) == 5), daemon.story())
    due = {url: feed["next_poll"] for url, feed in feeds_of(daemon).items()}
    for how in (signal.SIGTERM, signal.SIGKILL, None, signal.SIGKILL):
        start_again(daemon, how, "/often", server)
        check_equal([len(server.requests(path)) for path in quiet], [1] * 4, "requests after %s" % how)
        for path in quiet:
            check_equal(feeds_of(daemon)[server.url(path)]["next_poll"], due[server.url(path)], "due of " + path)
    daemon.stop_cleanly()
    daemon.write_config({"poll.min": Plain("1s"), "poll.max": Plain("1s"), "poll.mean": Plain("1s")},
                        [{"url": server.url("/well"), "interval": Plain("1s")}])
    daemon.start()
    check_equal(conditions(server.wait_requests("/well", 3)), [(None, None), ('"1"', "one"), ('"1"', "one")], "after all")
    daemon.stop_cleanly()


def test_stored_with_the_entries(folder):
    """9: validators are not stored without the entries: after a kill at the reply nothing is lost"""
    server = new_server()
    server.route("/feed", feedserver.document(body(1), headers=[("ETag", '"1"')]))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "interval": Plain("1s")}])

    def alerted(number):
        return any(line["title"] == "Shipment %d is halted" % number for line in daemon.syslog.alerts())
    for number in range(2, 8):
        whole = feedserver.document(body(number), headers=[("ETag", '"%d"' % number)])

        def kill_at_reply(connection, request, number=number, whole=whole):
            whole(connection, request)
            time.sleep(0.002 * (number % 3))  # before, while or after it is stored
            daemon.kill()

        def as_asked(connection, request, number=number, whole=whole):
            known = request.header("If-None-Match") == '"%d"' % number
            (feedserver.not_modified() if known else whole)(connection, request)
        server.route("/feed", kill_at_reply, as_asked)
        daemon.start(ready=False)
        daemon.wait()
        asked = len(server.requests("/feed"))
        daemon.start()
        server.wait_requests("/feed", asked + 2)
        check(harness.wait_until(lambda number=number: alerted(number)), "lost:", number, daemon.story())
        daemon.stop_cleanly()


def test_first_poll_stores(folder):
    """10: the very first poll stores them: a second process sends them"""
    server = new_server()
    server.route("/feed", reply('"1"', "one"), not_modified())
    daemon = harness.Daemon(folder, [server.url("/feed")])
    for _ in range(3):
        check_equal(daemon.once(), 0, daemon.story())
    check_equal(conditions(server.requests("/feed")), [(None, None), ('"1"', "one"), ('"1"', "one")], "conditions")


def test_edited_address(folder):
    """11: an edited URL is asked without validators, and so is the old one by right of its own when it comes back"""
    server = new_server()
    for path in ("/old", "/new"):
        server.route(path, reply('"%s"' % path, path), not_modified())
    daemon = harness.Daemon(folder, [{"url": server.url("/old"), "name": "feed"}], OFTEN)
    daemon.start()
    server.wait_requests("/old", 2)
    daemon.write_config(feeds=[{"url": server.url("/new"), "name": "feed"}])
    daemon.reload()
    check_equal(conditions(server.wait_requests("/new", 2)[:2]), [(None, None), ('"/new"', "/new")], "the new address")
    daemon.stop_cleanly()


def test_unasked_304(folder):
    """11: a 304 to an unconditional request is an error, and the next one is unconditional again"""
    server, daemon = converse(folder, {"feed": ([not_modified('"x"', "x"), not_modified(), reply('"1"'), not_modified()],
                                                [(None, None)] * 3 + [('"1"', None)] * 2)}, {})
    daemon.wait_log("304.* to a request without conditions")
    check_equal(len(server.requests("/feed")) >= 5, True)
    check_equal(len(daemon.syslog.alerts()), 1, "alerts")


def test_no_work_for_304(folder):
    """28: a 304, and a body as before, cause no work: nothing is parsed or matched"""
    server = new_server()
    server.route("/feed", reply('"1"'), not_modified())
    server.route("/same", reply())
    daemon = harness.Daemon(folder, [server.url("/feed"), server.url("/same")], OFTEN)
    daemon.start()
    for path in ("/feed", "/same"):
        server.wait_requests(path, 4)
    check(harness.wait_until(lambda: metric(daemon, 'wirewatch_polls_total{result="not_modified"}') >= 3), "304s")
    seen = [metric(daemon, 'wirewatch_entries_total{state="%s"}' % kind) for kind in ("new", "changed", "seen")]
    check_equal(seen, [2, 0, 0], "entries looked at")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_one_unconditional, test_echo, test_pair, test_not_modified_updates, test_failures_keep_them,
                       test_truncated_keeps_them, test_restart_asks_nothing, test_stored_with_the_entries, test_first_poll_stores,
                       test_edited_address, test_unasked_304, test_no_work_for_304])
