"""Politeness, behaviours 23 to 29 of docs/politeness.md: what a request looks like, and which replies are taken."""
import contextlib
import re
import sqlite3

import documents
import feedserver
import harness
import news
from harness import Plain, check, check_equal
from schedule import HOUR, new_server

OFTEN = {"poll.max": Plain("1s")}
AGENT = re.compile(r"wirewatchd/\d+\.\d+[\w.-]* \(\+https?://[^ )]+\)")


def document(number=1, *headers):
    return feedserver.document(documents.rss2([news.numbered(number)]), headers=list(headers))


def fields(request):
    return [line.split(b":")[0].decode().lower() for line in request.raw.split(b"\r\n")[1:]]


def test_form(folder):
    """23: GET with these fields and no others: no cookie, referer, cache-buster; the query as written, no fragment"""
    server = new_server()
    cookie = ("Set-Cookie", "id=1; Path=/")
    server.route("/feed", document(1, cookie, ("ETag", '"1"'), ("Last-Modified", "one")), feedserver.not_modified([cookie]))
    server.route("/plain", document(2, cookie), feedserver.status("302 Found", [cookie, ("Location", "/elsewhere?x=%7e")]),
                 document(2, cookie))
    server.route("/elsewhere", document(2, cookie))
    query = "?b=2&a=1&&a=%7e%41/../+x&empty=&=;"
    daemon = harness.Daemon(folder, [server.url("/feed") + query + "#part", server.url("/plain")], OFTEN)
    daemon.start()
    later = server.wait_requests("/feed", 4)
    server.wait_requests("/plain", 3)
    daemon.stop_cleanly()
    always = {"host", "user-agent", "accept", "accept-encoding"}
    conditional = {"if-none-match", "if-modified-since", "a-im"}
    for request in server.requests():
        check_equal(request.raw.split(b"\r\n")[0].split(b" ")[::2], [b"GET", b"HTTP/1.1"], request.raw)
        seen = fields(request)
        check(always <= set(seen) <= always | conditional, "fields", seen)
        check_equal(len(seen), len(set(seen)), "fields more than once")
    check_equal({request.target for request in later}, {"/feed" + query}, "targets")
    check_equal({request.target for request in server.requests("/elsewhere")}, {"/elsewhere?x=%7e"}, "targets")
    check_equal(set(fields(later[0])), always, "fields of the first request")


def test_new_feed_is_one_request(folder):
    """24: a feed that is added is asked for exactly once, and no other path of its host is"""
    server = new_server()
    server.route("/watch", document(1))
    server.route("/new", document(2, ("ETag", '"1"')))
    watch = {"url": server.url("/watch"), "interval": Plain("1s")}
    daemon = harness.Daemon(folder, [watch], HOUR)
    daemon.start()
    server.wait_requests("/watch", 1)
    daemon.write_config(feeds=[watch, server.url("/new")])
    daemon.reload()
    server.wait_requests("/new", 1)
    server.wait_requests("/watch", len(server.requests("/watch")) + 3)
    daemon.stop_cleanly()
    check_equal(len(server.requests("/new")), 1, "requests")
    check_equal({request.path for request in server.requests()}, {"/watch", "/new"}, "paths")


def test_same_each_time(folder):
    """25, 26: User-Agent says who we are; it, Accept (feed types first) and Accept-Encoding never change"""
    server = new_server()
    server.route("/feed", document(1, ("ETag", '"1"')), feedserver.not_modified(), feedserver.status("503 Later"),
                 document(2, ("ETag", '"2"')), feedserver.document(b"<html></html>", "text/html"),
                 feedserver.redirect("/other"), feedserver.not_modified())
    server.route("/other", feedserver.document(documents.rss2([news.numbered(3)]), coding="gzip"))
    daemon = harness.Daemon(folder, [server.url("/feed")], OFTEN)
    daemon.start()
    server.wait_requests("/feed", 4)
    daemon.stop_cleanly()
    daemon.start()
    server.wait_requests("/feed", 8)
    daemon.stop_cleanly()
    for name in ("User-Agent", "Accept", "Accept-Encoding"):
        values = {request.header(name) for request in server.requests()}
        check_equal(len(values), 1, "%s: %r" % (name, values))
    request = server.requests()[0]
    check(AGENT.fullmatch(request.header("User-Agent")), request.header("User-Agent"))
    check(request.header("Accept").startswith("application/atom+xml, application/rss+xml"), request.header("Accept"))
    check("gzip" in [coding.strip() for coding in request.header("Accept-Encoding").split(",")],
          request.header("Accept-Encoding"))


def learned(folder):
    with contextlib.closing(sqlite3.connect("file:%s/ledger.db?mode=ro" % folder, uri=True)) as ledger:
        return {url: bytes(text) for url, text in ledger.execute("SELECT url, learned FROM feed")}


def test_temporary_redirects(folder):
    """27: 302, 303 and 307 are followed each time and never remembered; 301 and 308 only count answers"""
    server, new = new_server(), new_server()
    whole, same = document(1, ("ETag", '"1"')), feedserver.not_modified()
    new.route("/new", lambda connection, request: (same if request.header("If-None-Match") else whole)(connection, request))
    codes = {"301": True, "302": False, "303": False, "307": False, "308": True}
    for code in codes:
        server.route("/" + code, feedserver.redirect(new.url("/new"), code + " Moved"))
    server.route("/mixed", feedserver.redirect("/302", "301 Moved"))
    server.route("/mixed-back", feedserver.redirect("/301", "302 Found"))
    daemon = harness.Daemon(folder, [server.url("/" + name) for name in [*codes, "mixed", "mixed-back"]], OFTEN)
    daemon.start()
    for name in [*codes, "mixed", "mixed-back"]:
        server.wait_requests("/" + name, 4)
    daemon.stop_cleanly()
    known = learned(folder)
    for code, counted in codes.items():
        check_equal(b"\nmove " in b"\n" + known[server.url("/" + code)], counted, "%s: %r" % (code, known))
    check(b"\nmove " not in b"\n" + known[server.url("/mixed-back")], "a temporary hop came first")
    check(new.url("/new").encode() not in known[server.url("/mixed")], "the permanent one led to /302, no further")


def test_hops(folder):
    """27: ten redirects are followed and no more; other schemes than http and https are not"""
    server = new_server()

    def hop(connection, request):
        left = int(request.target.split("=")[1])
        (feedserver.redirect("/hop?n=%d" % (left - 1)) if left else document(1))(connection, request)
    server.route("/hop", hop)
    wanted = {"/hop?n=10": "new", "/hop?n=11": "error"}
    for scheme in ("ftp", "file", "gopher", "javascript", "data", "ldap", "scp"):
        wanted["/" + scheme] = "error"
        server.route("/" + scheme, feedserver.redirect(scheme + ":///etc/passwd" if scheme == "file" else
                                                       scheme + "://127.0.0.1:%d/hop?n=0" % server.port))
    daemon = harness.Daemon(folder, [server.url(path) for path in wanted], HOUR)
    check_equal(daemon.once(), 0, daemon.story())
    check_equal(len(server.requests("/hop")), 11 + 11, "requests of the chains")
    daemon.wait_log("too many redirects")
    daemon.wait_log("127.0.0.1:%d redirected to " % server.port, 8)
    daemon.wait_log("redirects to something other than http or https, which is not followed")
    check_equal(len(daemon.syslog.alerts()), 1, "alerts")


def test_differences(folder):
    """28: 226 is asked for with a tag and taken as a part: what it leaves out is not gone, and comes back without alert"""
    server = new_server()
    whole = documents.rss2([news.numbered(n) for n in (3, 2, 1)])
    server.route("/feed", feedserver.document(documents.rss2([news.numbered(n) for n in (2, 1)]), headers=[("ETag", '"1"')]),
                 feedserver.document(documents.rss2([news.numbered(3)]), status="226 IM Used",
                                     headers=[("ETag", '"2"'), ("IM", "feed")]),
                 feedserver.not_modified(), feedserver.document(whole, headers=[("ETag", '"3"')]),
                 feedserver.not_modified())
    server.route("/unasked", feedserver.document(whole, status="226 IM Used", headers=[("ETag", '"2"')]), document(4))
    daemon = harness.Daemon(folder, [server.url("/feed"), server.url("/unasked")], OFTEN)
    daemon.start()
    asked = server.wait_requests("/feed", 5)[:5]
    check_equal([(r.header("If-None-Match"), r.header("A-IM")) for r in asked],
                [(None, None), ('"1"', "feed"), ('"2"', "feed"), ('"2"', "feed"), ('"3"', "feed")], "conditions")
    daemon.wait_log("226 to a request without conditions")
    check_equal(server.wait_requests("/unasked", 2)[1].header("If-None-Match"), None, "after a 226 that was not asked for")
    daemon.syslog.wait_alerts(4)
    daemon.stop_cleanly()
    check_equal(sorted(line["title"] for line in daemon.syslog.alerts()),
                ["Shipment %d is halted" % n for n in (1, 2, 3, 4)], "alerts")


def test_challenge(folder):
    """29: a page that tells people from programs is told as such, keeps the validators and slows down"""
    server = new_server()
    page = b"<!doctype html><html><body>Just a moment...</body></html>"
    first = document(1, ("ETag", '"1"'))
    marked = [("cf-mitigated", "challenge"), ("ETag", '"page"')]
    ways = {"/blocked": feedserver.document(page, "text/html; charset=UTF-8", "403 Forbidden", marked),
            "/blocked-200": feedserver.document(page, "text/html", headers=marked),
            "/html": feedserver.document(page, "text/html", headers=[("ETag", '"page"')])}
    for path, way in ways.items():
        server.route(path, first, way, way, feedserver.not_modified())
    daemon = harness.Daemon(folder, [{"url": server.url(path), "name": path[1:]} for path in ways])
    daemon.start()
    for path in ways:
        asked = server.wait_requests(path, 4)[:4]
        check_equal([r.header("If-None-Match") for r in asked], [None] + ['"1"'] * 3, path)
        distances = [after.began - before.began for before, after in zip(asked, asked[1:])]
        check(distances[1] >= 1.95 and distances[2] >= 3.9, path, distances)
    daemon.wait_log("blocked: .*blocked: HTTP status 403 with a challenge")
    daemon.wait_log("blocked-200: .*blocked: HTTP status 200 with a challenge")
    daemon.wait_log("html: .*(no feed|not a feed|HTML)")
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_form, test_new_feed_is_one_request, test_same_each_time, test_temporary_redirects, test_hops,
                       test_differences, test_challenge])
