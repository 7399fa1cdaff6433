"""From a feed to an alert: every class, both languages, three formats, over ZeroMQ and on syslog."""
import documents
import feedserver
import harness
import news
from harness import check, check_equal


def publish_news(folder, kind):
    """Serve all reports and decoys as one feed each language; returns (daemon, alerts, syslog alerts)."""
    builder, content_type = documents.FORMATS[kind]
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    everything = news.REPORTS + news.DECOYS
    feeds = []
    for language in ("en", "uk"):
        # The newest item is the last: its alert tells that all others were dealt with.
        items = [news.item(e, minutes_ago=10) for e in everything if e["language"] == language]
        body = builder(items, "Agency " + language, language)
        path = "/%s.%s" % (language, kind)
        server.route(path, feedserver.document(body, content_type))
        feeds.append({"url": server.url(path), "name": "Agency " + language})
    server.hold()
    daemon = harness.Daemon(folder, feeds, {"poll.min": harness.Plain("1h"), "poll.max": harness.Plain("2h")})
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    wanted = {(e["id"], c) for e in everything for c in e["expect"]}
    alerts = subscriber.alerts_until(lambda found: {m.key() for m in found} >= wanted)
    # What else was made is stored by now or comes before the end.
    for path in ("/en." + kind, "/uk." + kind):
        server.wait_requests(path, 1)
    daemon.stop_cleanly()
    while True:
        message = subscriber.next(0.2)
        if message is None:
            break
        if message.is_alert:
            alerts.append(message)
    return daemon, alerts


def check_news(folder, kind):
    daemon, alerts = publish_news(folder, kind)
    for entry in news.REPORTS + news.DECOYS:
        raised = {m.data["class"] for m in alerts if m.data["item"] == entry["id"]}
        check(entry["expect"] <= raised <= entry["expect"] | entry["allow"], entry["id"], "raised", raised)
    check_equal(len({m.key() for m in alerts}), len(alerts), "alerts and different alerts")
    check_equal([m.sequence for m in alerts], list(range(1, len(alerts) + 1)), "sequences")
    lines = daemon.syslog.wait_alerts(len(alerts))
    check_equal([(line["class"], line["seq"], line["link"], line["report"]) for line in lines],
                [(m.data["class"], str(m.sequence), m.data["link"], m.data["report"]) for m in alerts], "syslog")


def test_rss2(folder):
    """RSS 2.0: every class in English and Ukrainian, nothing from decoys, ZeroMQ and syslog agree"""
    check_news(folder, "rss")


def test_rss1(folder):
    """RSS 1.0: the same"""
    check_news(folder, "rdf")


def test_atom(folder):
    """Atom 1.0: the same"""
    check_news(folder, "atom")


def test_previous_sequence(folder):
    """the header names the previous sequence on the same topic"""
    _, alerts = publish_news(folder, "atom")
    last = {}
    for message in alerts:
        check_equal(message.previous, last.get(message.topic, 0), "previous sequence of %d" % message.sequence)
        last[message.topic] = message.sequence


def test_gzip(folder):
    """a compressed reply is read"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    body = documents.rss2([news.item(news.by_name("pause-en"))])
    server.route("/feed", feedserver.document(body, coding="gzip"))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    check_equal(daemon.once(), 0, "exit status; " + daemon.story())
    check("gzip" in (server.requests("/feed")[0].header("Accept-Encoding") or ""), "no gzip asked for")
    check_equal([line["class"] for line in daemon.syslog.wait_alerts(1)], ["pause"])


def test_details(folder):
    """an alert says what, who, where it was read and why"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    item = news.item(news.by_name("pause-en"))
    server.route("/feed", feedserver.document(documents.rss2([item])))
    daemon = harness.Daemon(folder, [{"url": server.url("/feed"), "name": "Example agency"}])
    server.hold()
    subscriber = harness.Subscriber(daemon.publish)
    daemon.start()
    subscriber.wait_welcome()
    server.release()
    message = subscriber.wait_topic("ww1/alert/")
    data = message.data
    check_equal(message.topic, "ww1/alert/pause/first/")
    check_equal(data["cameo"], "1622")
    check_equal(data["report"], "first")
    check_equal(data["title"], item["title"])
    check_equal(data["link"], documents.link_of(item))
    check_equal(data["item"], item["id"])
    check_equal(data["language"], "en")
    check_equal(data["feed"], {"url": server.url("/feed"), "name": "Example agency"})
    check_equal(data["published"], documents.rfc3339(item["date"]))
    check_equal(data["revision_of"], None)
    check_equal(data["outlets"], 1)
    check("Patriot" in data["systems"], data["systems"])
    check("Ukraine" in data["actors"] and "United States" in data["actors"], data["actors"])
    marked = []
    for evidence in data["evidence"]:
        check(all(0 <= start < end <= len(evidence["text"]) for start, end in evidence["marks"]), evidence)
        marked += [evidence["text"][start:end] for start, end in evidence["marks"]]
    check("halted" in marked or "halts" in marked, "marked words:", marked)


def test_hostile_title(folder):
    """control characters and bidi controls of a title reach no log line unescaped"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    item = news.item(news.by_name("pause-en"), title='Halted\u202e\u2028 "quoted" \\ \u0085<b>\u009b31m')
    server.route("/feed", feedserver.document(documents.atom([item])))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    check_equal(daemon.once(), 0, "exit status; " + daemon.story())
    line = daemon.syslog.wait_alerts(1)[0]
    check('\\"quoted\\"' in line["title"], line)
    for text in daemon.syslog.messages + daemon.stderr_lines:
        bad = [c for c in text.rstrip("\n") if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029\u202e"]
        check(not bad, "unescaped", bad, "in", text)


def test_repeated_in_one_document(folder):
    """an item that stands in a document twice alerts once, also when it is edited afterwards"""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    item = news.item(news.by_name("pause-en"))
    edited = dict(item, text=item["text"] + " Nothing else was said.")
    server.route("/feed", feedserver.document(documents.rss2([item, item, item])),
                 feedserver.document(documents.rss2([edited, edited])))
    daemon = harness.Daemon(folder, [server.url("/feed")])
    for _ in range(2):
        check_equal(daemon.once(), 0, "exit status; " + daemon.story())
    server.wait_requests("/feed", 2)
    check_equal([line["class"] for line in daemon.syslog.wait_alerts(1)], ["pause"], "alerts")


if __name__ == "__main__":
    harness.run_tests([test_rss2, test_rss1, test_atom, test_previous_sequence, test_gzip, test_details,
                       test_hostile_title, test_repeated_in_one_document])
