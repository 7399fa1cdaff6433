"""Old and undated items: recorded, not alerted."""
import datetime

import documents
import feedserver
import harness
import news
from harness import check_equal


def serve(folder, *bodies, settings=None):
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    server.route("/feed", *[feedserver.document(body) for body in bodies])
    daemon = harness.Daemon(folder, [server.url("/feed")], settings)
    daemon.start()
    return daemon


def titles(daemon, count):
    return sorted(line["title"] for line in daemon.syslog.wait_alerts(count))


def test_old(folder):
    """an item older than alerts.max_age is not alerted, also when it comes later"""
    day = 24 * 60
    young, old, sentinel = news.numbered(1, minutes_ago=day), news.numbered(2, minutes_ago=3 * day), news.numbered(3)
    late_old = news.numbered(4, minutes_ago=60 * day)
    daemon = serve(folder, documents.rss2([young, old]), documents.rss2([young, old, late_old]),
                   documents.rss2([sentinel, young, old, late_old]))
    check_equal(titles(daemon, 2), ["Shipment 1 is halted", "Shipment 3 is halted"])
    daemon.stop_cleanly()


def test_max_age_setting(folder):
    """alerts.max_age is heeded"""
    items = [news.numbered(1, minutes_ago=30), news.numbered(2, minutes_ago=90)]
    daemon = serve(folder, documents.atom(items), documents.atom([news.numbered(3)] + items),
                   settings={"alerts.max_age": harness.Plain("1h")})
    check_equal(titles(daemon, 2), ["Shipment 1 is halted", "Shipment 3 is halted"])
    daemon.stop_cleanly()


def test_undated(folder):
    """an undated item is not alerted at a feed's first poll, and is at a later one"""
    undated = [dict(news.numbered(n), date=None) for n in (1, 2)]
    daemon = serve(folder, documents.rss2(undated[:1]), documents.rss2(undated), documents.rss2(undated))
    check_equal(titles(daemon, 1), ["Shipment 2 is halted"])
    daemon.stop_cleanly()


def test_undated_after_empty(folder):
    """a feed that was empty at first: what appears later is alerted"""
    undated = dict(news.numbered(1), date=None)
    daemon = serve(folder, documents.rss2([]), documents.rss2([undated]))
    check_equal(titles(daemon, 1), ["Shipment 1 is halted"])
    daemon.stop_cleanly()


def test_future(folder):
    """a date in the future does not hide an item"""
    item = dict(news.numbered(1), date=documents.now() + datetime.timedelta(days=400))
    daemon = serve(folder, documents.rss2([item]))
    check_equal(titles(daemon, 1), ["Shipment 1 is halted"])
    daemon.stop_cleanly()


def test_beside_future(folder):
    """beside an item that stays in the future, items alert that come in one poll, all dated before the last"""
    event = dict(news.numbered(1), date=documents.now() + datetime.timedelta(days=400))
    late = [news.numbered(n, minutes_ago=10) for n in range(2, 9)]
    daemon = serve(folder, documents.rss2([event, news.numbered(9, minutes_ago=60)]), documents.rss2([event] + late))
    check_equal(titles(daemon, 9), ["Shipment %d is halted" % n for n in range(1, 10)])
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_old, test_max_age_setting, test_undated, test_undated_after_empty, test_future, test_beside_future])
