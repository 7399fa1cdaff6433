"""Feeds that change at every poll: entries that stay are not read again, and nobody can tell."""
import contextlib
import json
import os
import random
import sqlite3

import documents
import feedserver
import harness
import news
import schedule
from harness import check, check_equal

WINDOW = 8
POLLS = 16
FEEDS = 6
DOCTYPE = b"<!DOCTYPE rss>"  # with one, every document is read whole


class Life:
    """What the publisher of one feed does: entries come, go, return and are edited, get new ids, share ids."""

    def __init__(self, seed):
        self.random, self.count = random.Random(seed), 0
        self.shown, self.gone = [], []
        for _ in range(WINDOW):
            self.publish()

    def publish(self):
        self.count += 1
        item = dict(self.random.choice(news.REPORTS + news.DECOYS))
        item.update(id="urn:test:%d" % self.count, link="https://news.example/%d" % self.count,
                    title="%s (%d)" % (item["title"], self.count), date=self.date())
        self.shown.insert(0, item)
        if len(self.shown) > WINDOW:
            self.gone.append(self.shown.pop())

    def date(self):
        return documents.now().replace(microsecond=0) if self.random.random() < 0.8 else None

    def edit(self):
        """Another report in place of what it was: an alert for an entry that is known."""
        other = self.random.choice(news.REPORTS)
        self.random.choice(self.shown)["text"] = other["text"]

    def rename(self):
        self.count += 1
        self.random.choice(self.shown)["id"] = "urn:test:%d" % self.count

    def share(self):
        """The newest has an id or a link that another one has."""
        name = self.random.choice(("id", "link"))
        self.publish()
        self.shown[0][name] = self.random.choice(self.shown[1:])[name]

    def bring_back(self):
        if self.gone:
            self.shown[-1] = self.gone.pop(self.random.randrange(len(self.gone)))

    def swap(self):
        self.random.shuffle(self.shown)

    def pass_by(self):
        """What happens until the next poll; returns the document."""
        for _ in range(self.random.randrange(3)):
            self.publish()
        if self.random.random() < 0.6:
            self.random.choice((self.edit, self.edit, self.rename, self.share, self.bring_back, self.swap))()
        language = "en" if self.random.random() < 0.95 else "uk"
        return documents.rss2(self.shown, language=language)


def documents_of(seed):
    life = Life(seed)
    texts = [life.pass_by() for _ in range(POLLS)]
    life.publish()
    life.shown[0].update(news.numbered(1, link="https://news.example/last"))
    return texts + [documents.rss2(life.shown)]


def with_doctype(text):
    head, newline, rest = text.partition(b"\n")
    return head + newline + DOCTYPE + rest


def stored(folder, url):
    """The entries of a feed as the ledger has them, and its alerts, each with the one it revises by item and class."""
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "ledger.db"))) as ledger:
        feed, = ledger.execute("SELECT id FROM feed WHERE url = ?", (url,)).fetchone()
        entries = ledger.execute("SELECT hex(key), hex(link_key), hex(title_key), hex(change), classes, last_alert != 0"
                                 " FROM entry WHERE feed = ? ORDER BY key", (feed,)).fetchall()
        rows = ledger.execute("SELECT json FROM alert WHERE feed = ? ORDER BY sequence", (feed,)).fetchall()
    alerts = [json.loads(text) for text, in rows]
    names = {alert["id"]: (alert["data"]["item"], alert["data"]["class"]) for alert in alerts}
    return entries, [(names[alert["id"]], names.get(alert["data"].get("revision_of")), alert["data"]["title"])
                     for alert in alerts]


def start(folder, kind, server, lives):
    os.mkdir(os.path.join(folder, kind))
    urls = [server.route("/%s-%d" % (kind, number), *[feedserver.document(text) for text in texts])
            for number, texts in enumerate(lives)]
    daemon = harness.Daemon(os.path.join(folder, kind), urls, {"poll.max": harness.Plain("1s")})
    daemon.start()
    return daemon


def entries_counted(daemon):
    return [line for line in daemon.get("/metrics")[1].split("\n") if line.startswith("wirewatch_entries_total{")]


def entries_shown(daemon):
    return [feed["entries"] for _, feed in sorted(schedule.feeds_of(daemon).items())]


def test_read_in_part_and_whole(folder):
    """feeds whose documents are read in part alert, are stored, shown and counted like those read whole"""
    server = schedule.new_server()
    lives = [documents_of(seed) for seed in range(FEEDS)]
    part = start(folder, "part", server, lives)
    whole = start(folder, "whole", server, [[with_doctype(text) for text in texts] for texts in lives])
    for path in ["/%s-%d" % (kind, number) for kind in ("part", "whole") for number in range(FEEDS)]:
        server.wait_requests(path, POLLS + 2)
    counted, shown = entries_counted(part), entries_shown(part)
    check_equal(len(counted), 3, "kinds of entries counted")
    check_equal(counted, entries_counted(whole), "entries counted")
    check_equal(shown, entries_shown(whole), "entries shown")
    part.stop_cleanly()
    whole.stop_cleanly()
    for number in range(FEEDS):
        entries, alerts = stored(part.folder, server.url("/part-%d" % number))
        all_entries, all_alerts = stored(whole.folder, server.url("/whole-%d" % number))
        check_equal(entries, all_entries, "entries, life %d" % number)
        check_equal(alerts, all_alerts, "alerts, life %d" % number)
        check(len(alerts) > WINDOW / 2, "hardly any alerts in life", number)


if __name__ == "__main__":
    harness.run_tests([test_read_in_part_and_whole])
