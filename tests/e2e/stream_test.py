"""Two daemons and one database: one stream of alerts, whichever of them a subscriber listens to."""
import atexit
import functools
import json
import os
import signal
import statistics
import subprocess
import time

import database
import feedserver
import harness
import news
from harness import check, check_equal


@functools.cache
def server():
    """A PostgreSQL for all tests, each of which has a database of its own."""
    with open(harness.DAEMON, "rb") as file:
        if b"PQconnectStartParams" not in file.read():
            raise harness.Skip("built without PostgreSQL")
    try:
        made = database.Database()
    except database.Missing as why:
        raise harness.Skip(str(why))
    atexit.register(made.remove)
    return made.start()


class Pair:
    """Two daemons that share a ledger; each polls a feed of its own, with the same items as the other's."""

    def __init__(self, folder, settings=None):
        self.database = server()
        self.name = self.database.new()
        feeds = feedserver.FeedServer()
        harness.Cleanup.add(feeds.stop)
        self.feeds, self.daemons = [], []
        for name in ("a", "b"):
            os.mkdir(os.path.join(folder, name))
            feed = news.NumberedFeed(feedserver.Site(feeds, name + ".localhost"), window=200)
            own = dict({"ledger": self.database.uri(self.name), "cluster.node": name, "poll.max": harness.Plain("1s"),
                        "file.alerts": os.path.join(folder, name, "alerts.jsonl")}, **(settings or {}))
            self.feeds.append(feed)
            self.daemons.append(harness.Daemon(os.path.join(folder, name), [feed.url], own))

    def start(self):
        for daemon in self.daemons:
            daemon.start()
        return self

    def subscribe(self):
        subscribers = [harness.Subscriber(daemon.publish) for daemon in self.daemons]
        for subscriber in subscribers:
            subscriber.wait_welcome()
        return subscribers

    def grow(self, count=1):
        for feed in self.feeds:
            feed.grow(count)


def until(count):
    return lambda found: len(found) >= count


def check_stories(messages):
    """Both feeds have every item: whoever was second repeats. A story is begun once, whoever tells it."""
    stories, begun = {}, set()
    for message in messages:
        item, story = message.data["item"], message.data["story"]
        check_equal(stories.setdefault(item, story), story, "story of " + item)
        check_equal(message.data["report"], "repeat" if story in begun else "first", "report of " + item)
        begun.add(story)


def test_same_stream(folder):
    """every node publishes every alert: the same bytes, the same order, the same stories"""
    pair = Pair(folder).start()
    subscribers, rounds, each = pair.subscribe(), 6, 3
    found = [[], []]
    for number in range(1, rounds + 1):
        pair.grow(each)
        for seen, subscriber in zip(found, subscribers):
            seen += subscriber.alerts_until(until(2 * each))
    count = 2 * each * rounds
    check_equal([m.sequence for m in found[0]], list(range(1, count + 1)), "sequences")
    check_equal([m.frames for m in found[0]], [m.frames for m in found[1]], "frames of both")
    check_equal({m.json["source"] for m in found[0]}, {"urn:wirewatch:a", "urn:wirewatch:b"}, "sources")
    check_stories(found[0])
    for daemon in pair.daemons:
        check_equal([int(line["seq"]) for line in daemon.syslog.wait_alerts(count)], list(range(1, count + 1)), "on syslog")
        check_equal([m.frames for m in harness.replay_all(daemon.replay)], [m.frames for m in found[0]], "replay")
        daemon.stop_cleanly()
        with open(daemon.settings["file.alerts"], "rb") as file:
            check_equal(file.read().splitlines(), [m.frames[2] for m in found[0]], "in the file")


def test_wakes(folder):
    """what one node stores the other publishes at once"""
    pair = Pair(folder).start()
    subscribers, delays = pair.subscribe(), []
    for number in range(10):
        pair.feeds[0].grow(1)
        subscribers[0].alerts_until(until(1))
        started = time.monotonic()
        subscribers[1].alerts_until(until(1))
        delays.append(time.monotonic() - started)
    print("# published by the other node after %.1f ms (median), %.1f ms (most)"
          % (1000 * statistics.median(delays), 1000 * max(delays)))
    check(statistics.median(delays) < 0.5, "only looked up now and then:", delays)


def test_connections_cut(folder):
    """connections to the database are cut again and again: nothing is lost, nothing comes twice"""
    pair = Pair(folder).start()
    subscribers, rounds = pair.subscribe(), 6
    for number in range(rounds):
        pair.grow(2)
        pair.database.cut(pair.name)
        pair.grow(1)
    count = 2 * 3 * rounds
    found = [subscriber.alerts_until(until(count)) for subscriber in subscribers]
    for seen in found:
        check_equal([m.sequence for m in seen], list(range(1, count + 1)), "sequences")
        check_equal(len({(m.data["item"], m.data["feed"]["url"]) for m in seen}), count, "items")
        check_stories(seen)


def test_fails_over(folder):
    """a node is killed: `wirewatch tail` goes on at the other, each alert once and in order"""
    pair = Pair(folder).start()
    tail = subprocess.Popen([harness.CLIENT, "tail", "--json", "--since", "0", *(d.publish for d in pair.daemons)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    harness.Cleanup.add(tail.kill)
    seen = []
    for number in range(6):
        pair.grow(2)
        seen += [json.loads(tail.stdout.readline()) for _ in range(4)]
    victim = 0
    for number in range(4):
        pair.daemons[victim].stop(signal.SIGKILL)
        pair.feeds[1 - victim].grow(3)
        seen += [json.loads(tail.stdout.readline()) for _ in range(3)]
        pair.daemons[victim].start()
        victim = 1 - victim
    pair.grow(1)
    seen += [json.loads(tail.stdout.readline()) for _ in range(2)]
    check_equal([int(alert["sequence"]) for alert in seen], list(range(1, len(seen) + 1)), "sequences")
    tail.send_signal(signal.SIGTERM)
    check_equal(tail.communicate(timeout=harness.PATIENCE), ("", ""), "what it said")


if __name__ == "__main__":
    harness.run_tests([test_same_stream, test_wakes, test_connections_cut, test_fails_over])
