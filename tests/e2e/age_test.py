"""Old and undated items: recorded, not alerted. Items that come at the link of an older one."""
import contextlib
import datetime
import os
import sqlite3

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


def a_day_later(folder):
    """What the ledger knows, as if a day had passed since it was seen first."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "ledger.db"))) as ledger, ledger:
        ledger.execute("UPDATE entry SET first_seen = first_seen - 86400000000")


def follow(folder, before, *after):
    """Both feeds show the first documents, and a day later the others."""
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    paths = ["/%d" % n for n in range(len(before))]
    daemon = harness.Daemon(folder, [server.route(path, feedserver.document(documents.rss2(items)))
                                     for path, items in zip(paths, before)], {"poll.max": harness.Plain("1s")})
    daemon.start()
    daemon.syslog.wait_alerts(sum(map(len, before)))
    daemon.stop_cleanly()
    a_day_later(folder)
    for path, *bodies in zip(paths, *after):
        server.route(path, *[feedserver.document(documents.rss2(items)) for items in bodies])
    daemon.start()
    return daemon


def test_latest(folder):
    """what a page for the latest report shows next is alerted; what is edited there and given another id is not"""
    page = "https://news.example/latest"
    first, second = news.numbered(1, link=page), news.numbered(2, link=page, minutes_ago=1)
    edited = news.numbered(3, link=page, minutes_ago=-5)  # dated when it is polled
    daemon = follow(folder, [[first]], [[second]], [[edited]], [[edited, news.numbered(4)]])
    check_equal(titles(daemon, 3), ["Shipment %d is halted" % n for n in (1, 2, 4)])
    daemon.stop_cleanly()


def test_new_ids(folder):
    """a publisher that gives all items new ids, dates and texts raises no alert again, nor does one that changes ids"""
    links = ["https://news.example/%d" % n for n in range(8)]
    old = [news.numbered(n, link=link) for n, link in enumerate(links, 1)]
    new = [news.numbered(n, link=link, minutes_ago=1) for n, link in enumerate(links, 11)]
    few = [news.numbered(n) for n in (31, 32)]
    others = [dict(item, id=item["id"] + "-again") for item in few]
    daemon = follow(folder, [old, few], [new, others], [new + [news.numbered(21)], others + [news.numbered(41)]])
    check_equal(titles(daemon, 12), sorted("Shipment %d is halted" % n for n in (*range(1, 9), 21, 31, 32, 41)))
    daemon.stop_cleanly()


if __name__ == "__main__":
    harness.run_tests([test_old, test_max_age_setting, test_undated, test_undated_after_empty, test_future,
                       test_beside_future, test_latest, test_new_ids])
