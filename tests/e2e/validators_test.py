"""Conditional requests: validators go back byte for byte, an unchanged feed makes no alert."""
import documents
import feedserver
import harness
import news
from harness import check, check_equal

ODD = [
    ("strong", '"abc"', "Sat, 21 Nov 2026 08:00:00 GMT"),
    ("weak", 'W/"5f3-abc"', "Sat, 21 Nov 2026 08:00:00 GMT"),
    ("unquoted", "5f3abc", "Saturday, 21-Nov-26 08:00:00 GMT"),
    ("comma", '"a,b, c"', "2026-11-21T08:00:00Z"),
    ("lower", 'w/"lower"', "Sat Nov 21 08:00:00 2026"),
    ("empty", '""', "0"),
    ("inner-quote", '"a"b"', "Sat, 21 Nov 2026 09:00:00 +0100"),
    ("gzip-suffix", '"abc-gzip"', "sat, 21 nov 2026 08:00:00 gmt"),
    ("high-bytes", '"\xe9t\xe9"', "Sat, 21 Nov 2026 08:00:00 GMT"),
    ("long", '"' + "x" * 900 + '"', "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("etag-only", '"only"', None),
    ("date-only", None, "Sat, 21 Nov 2026 08:00:00 GMT"),
]


def headers_of(etag, modified):
    return [pair for pair in (("ETag", etag), ("Last-Modified", modified)) if pair[1] is not None]


def test_byte_for_byte(folder):
    """odd ETags and Last-Modified values come back exactly as sent, also after a restart"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    for name, etag, modified in ODD:
        server.route("/" + name, feedserver.document(body, headers=headers_of(etag, modified)),
                     feedserver.not_modified())
    urls = [server.url("/" + name) for name, _, _ in ODD]
    daemon = harness.Daemon(folder, urls)
    daemon.start()
    seconds = {name: server.wait_requests("/" + name, 2)[1] for name, _, _ in ODD}
    daemon.stop_cleanly()
    counts = {name: len(server.requests("/" + name)) for name, _, _ in ODD}
    daemon.start()
    for name, etag, modified in ODD:
        first = server.requests("/" + name)[0]
        check_equal((first.header("If-None-Match"), first.header("If-Modified-Since")), (None, None), name + ", first")
        later = server.wait_requests("/" + name, counts[name] + 1)[counts[name]]
        for when, request in (("second", seconds[name]), ("after restart", later)):
            check_equal(request.header("If-None-Match"), etag, "%s, If-None-Match, %s" % (name, when))
            check_equal(request.header("If-Modified-Since"), modified, "%s, If-Modified-Since, %s" % (name, when))
    daemon.stop_cleanly()
    check_equal(len(daemon.syslog.alerts()), len(ODD), "one alert for each feed")


def test_pair_replaced(folder):
    """validators are replaced as a pair; an error or a 304 without them keeps the old ones"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    server.route("/feed",
                 feedserver.document(body, headers=[("ETag", '"one"'), ("Last-Modified", "first")]),
                 feedserver.status("500 Internal Server Error", [("ETag", '"error"')]),
                 feedserver.not_modified(),
                 feedserver.document(body + b" ", headers=[("ETag", '"two"')]),
                 feedserver.document(body))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    daemon.start()
    requests = server.wait_requests("/feed", 6)
    daemon.stop_cleanly()
    seen = [(r.header("If-None-Match"), r.header("If-Modified-Since")) for r in requests[:6]]
    check_equal(seen, [(None, None), ('"one"', "first"), ('"one"', "first"), ('"one"', "first"),
                       ('"two"', None), (None, None)])


def test_unchanged_makes_no_alert(folder):
    """neither a 304 nor the same body again nor a shuffled one alerts twice; a new item does"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    items = [news.item(e) for e in news.REPORTS]
    sentinel = news.numbered(1)
    server.route("/feed",
                 feedserver.document(documents.rss2(items), headers=[("ETag", '"1"')]),
                 feedserver.not_modified(),
                 feedserver.document(documents.rss2(items)),
                 feedserver.document(documents.rss2(items[::-1])),
                 feedserver.document(documents.rss2([sentinel] + items)))
    server.hold()
    daemon = harness.Daemon(folder, [server.url("/feed")])
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    alerts = subscriber.alerts_until_item(sentinel["id"])
    keys = [m.key() for m in alerts]
    check_equal(len(keys), len(set(keys)), "alerts and different alerts")
    check(set(keys) >= {(e["id"], c) for e in news.REPORTS for c in e["expect"]}, keys)


def test_edited_item(folder):
    """an edit that changes the classes makes a new alert that names the earlier one; a changed date does not"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    before = news.item(news.by_name("pause-en"))
    redated = news.item(news.by_name("pause-en"), minutes_ago=5)
    after = dict(before, title="Washington resumes shipments", text=news.by_name("resume-en")["text"])
    server.route("/feed", feedserver.document(documents.rss2([before])), feedserver.document(documents.rss2([redated])),
                 feedserver.document(documents.rss2([after])))
    server.hold()
    daemon = harness.Daemon(folder, [server.url("/feed")])
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    alerts = subscriber.alerts_until(lambda found: any(m.data["class"] == "resume" for m in found))
    check_equal(alerts[0].key(), (before["id"], "pause"))
    check_equal(alerts[0].data["revision_of"], None)
    revised = [m for m in alerts if m.data["class"] == "resume"][0]
    check_equal(revised.key(), (before["id"], "resume"))
    check_equal(revised.data["revision_of"], alerts[0].json["id"])
    check_equal(sum(m.data["class"] == "pause" for m in alerts), 1, "pauses")


if __name__ == "__main__":
    harness.run_tests([test_byte_for_byte, test_pair_replaced, test_unchanged_makes_no_alert, test_edited_item])
