"""What tests of the schedule share: servers, what the daemon shows of its feeds, and weeks that pass in the ledger."""
import contextlib
import datetime
import json
import os
import sqlite3

import documents
import feedserver
import harness
import news
from harness import Plain, check_equal

HOUR = {"poll.min": Plain("1h"), "poll.max": Plain("2h")}


def new_server():
    server = feedserver.FeedServer()
    harness.Cleanup.add(server.stop)
    return server


def public_url(server, name, path):
    """Names below localhost lead to the loopback address (RFC 6761) and are hosts of their own to the daemon."""
    return "http://%s.localhost:%d%s" % (name, server.port, path)


def one_item():
    return feedserver.document(documents.rss2([news.item(news.by_name("pause-en"))]))


def feeds_of(daemon):
    status, text = daemon.get("/feeds")
    check_equal(status, 200, "/feeds")
    return {feed["url"]: feed for feed in json.loads(text)["feeds"]}


def metric(daemon, name):
    for line in daemon.get("/metrics")[1].split("\n"):
        if line.startswith(name + " "):
            return float(line.split(" ")[1])
    raise AssertionError("no metric " + name)


def edit_learned(folder, change):
    """Change what the ledger knows of its one feed's schedule, as if time had passed."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "ledger.db"))) as ledger, ledger:
        learned, = ledger.execute("SELECT learned FROM feed").fetchone()
        ledger.execute("UPDATE feed SET learned = ?", (change(learned),))


def micros(text):
    """A time of /feeds in microseconds since 1970."""
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6)


def wait_of(feed):
    """Seconds from a feed's last poll to its next, as /feeds has them."""
    return (micros(feed["next_poll"]) - micros(feed["last_poll"])) / 1e6


def polled(daemon, urls):
    """What /feeds shows of those feeds once each was polled."""
    shown = {}

    def all_polled():
        shown.update(feeds_of(daemon))
        return all(url in shown and shown[url]["result"] for url in urls)
    harness.check(harness.wait_until(all_polled), "not all were polled;", daemon.story())
    return shown
