"""A scripted wire and who listens to it: numbered items on several feeds, and a subscriber that fills its gaps."""
import random
import threading

import zmq

import documents
import feedserver
import harness
import news
from harness import check, check_equal


class Wire:
    """Feeds that show their newest items; publish() adds the next numbers to feeds of its choice.

    The window must be wider than what a feed gains before its next successful poll.
    """

    def __init__(self, server, feeds=1, window=200, chance=None, path="/wire", after=0):
        self.after = self.total = after  # the last number, and where it began
        self.window, self.lock = window, threading.Lock()
        self.chance = chance or random.Random(0)
        self.shown = [[] for _ in range(feeds)]
        self.bodies = [None] * feeds
        self.urls = [server.route("%s%d" % (path, i), self._behaviour(i)) for i in range(feeds)]

    def _behaviour(self, index):
        def behave(connection, request):
            with self.lock:
                if self.bodies[index] is None:
                    self.bodies[index] = documents.rss2(self.shown[index])
                body = self.bodies[index]
            feedserver.document(body)(connection, request)
        return behave

    def publish(self, count=1, feed=None):
        with self.lock:
            for _ in range(count):
                self.total += 1
                index = self.chance.randrange(len(self.shown)) if feed is None else feed
                self.shown[index].insert(0, news.numbered(self.total, minutes_ago=5))
                del self.shown[index][self.window:]
                self.bodies[index] = None

    def items(self):
        return ["urn:test:numbered-%06d" % n for n in range(self.after + 1, self.total + 1)]


class Keeper:
    """A subscriber as the manual advises: live messages, the last sequence kept, gaps filled by replay.

    Raises at once when an item comes under two numbers or one number with two contents.
    """

    def __init__(self, publish, replay):
        self.subscriber = harness.Subscriber(publish, "ww1/alert/")
        self.replay = replay
        self.last, self.kept, self.items = 0, {}, {}
        self.live, self.replayed, self.sent = 0, 0, {}

    def _keep(self, message):
        sequence, item = message.sequence, message.data["item"]
        if sequence in self.kept:
            check_equal(message.frames, self.kept[sequence], "alert %d sent again" % sequence)
            return
        check_equal(sequence, self.last + 1, "next sequence")
        check(item not in self.items, item, "comes again as", sequence, "after", self.items.get(item))
        self.kept[sequence], self.items[item], self.last = message.frames, sequence, sequence

    def fill(self):
        """Ask for what is missing."""
        before = self.last
        for message in harness.replay_all(self.replay, after=self.last):
            self._keep(message)
        self.replayed += self.last - before

    def listen(self, timeout=0.0, can_ask=True):
        """Take in what has come; waits up to timeout for the first message. Whether any came.

        can_ask: the daemon lives; otherwise what comes after a gap is left to the next replay.
        """
        any_came = False
        while self.subscriber.socket.poll(int(timeout * 1000)):
            any_came, timeout = True, 0.0
            message = harness.Message(self.subscriber.socket.recv_multipart())
            self.sent[message.sequence] = self.sent.get(message.sequence, 0) + 1
            if message.sequence > self.last + 1 and not can_ask:
                continue
            if message.sequence > self.last + 1:
                self.fill()
            elif message.sequence == self.last + 1:
                self.live += 1
            self._keep(message)
        return any_came

    def catch_up(self):
        self.listen()
        self.fill()

    def wait_items(self, wanted, patience=harness.PATIENCE, story=lambda: "", silence=0.5):
        """Until the items of the list are held; each exactly once is what _keep sees to. Asks after so much silence."""
        deadline = harness.time.monotonic() + patience
        while len(self.items) < len(wanted) and harness.time.monotonic() < deadline:
            if not self.listen(silence):
                self.fill()
        missing = [i for i in wanted if i not in self.items]
        check(not missing, len(missing), "items missing, first:", missing[:3], story())
        check_equal(sorted(self.items), sorted(wanted), "items held")


def sent_again(daemon):
    """Sequences on syslog in order, and how many each process of the daemon sent that one before it had sent."""
    sequences, again, highest, process = [], [], 0, None
    for pid, line in daemon.syslog.alerts_of_processes():
        if pid != process:
            process, before = pid, highest
            again.append(0)
        sequence = int(line["seq"])
        again[-1] += sequence <= before
        sequences.append(sequence)
        highest = max(highest, sequence)
    return sequences, [count for count in again if count]
