"""Two subscribers of a cluster: the tool's tail, and one of pyzmq that hears every node and asks any for the rest."""
import itertools
import json
import os
import subprocess
import threading
import time

import zmq

import harness
import judges
from harness import check

SILENCE = 1.0  # seconds behind, then it asks
ANSWER = 3.0   # seconds a node has to answer, then another is asked


SILENT = "4s"  # tail goes on at the next node after that long without a word


class Tail:
    """`wirewatch tail --json` with all endpoints, from the first alert on."""

    def __init__(self, folder, endpoints):
        self.path, self.errors = os.path.join(folder, "tail"), os.path.join(folder, "tail.err")
        with open(self.path, "wb") as out, open(self.errors, "wb") as err:
            self.process = subprocess.Popen([harness.CLIENT, "tail", "--json", "--since", "0", "--silence", SILENT,
                                             *endpoints], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        harness.Cleanup.add(self.kill)
        self.found, self.offset = [], 0

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def rows(self):
        """What it has printed, in its order."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            for line in file:
                if line.endswith(b"\n"):
                    self.offset += len(line)
                    self.found.append(judges.row_of(json.loads(line)))
        return self.found

    def last(self):
        rows = self.rows()
        return rows[-1].sequence if rows else 0

    def stop(self):
        """Complaints about its end."""
        status = self.process.poll()
        self.kill()
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            said = file.read()[-2000:]
        return [] if status is None else ["tail ended by itself, status %d: %s" % (status, said)]


class Follower:
    """Listens to every node, takes alerts in by sequence, and asks the nodes in turn for what it misses.

    nodes: name -> (publish endpoint, replay endpoint). Complains when two nodes send different bytes for a sequence, or
    when the sequence an alert names as the one before it on its topic is not.
    """

    def __init__(self, nodes):
        self.nodes, self.turn = nodes, itertools.cycle(nodes)
        self.kept, self.sent, self.topics, self.last, self.known = {}, {}, {}, 0, 0
        self.replayed, self.complaints, self.since = 0, judges.Complaints(), time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        harness.Cleanup.add(self.stop)

    def stop(self):
        self.ended.set()
        self.thread.join()

    def rows(self):
        return [judges.row_of(json.loads(self.kept[n][2])) for n in sorted(self.kept)]

    def _complain(self, text):
        if len(self.complaints) < 20:
            self.complaints.append("follower: " + text)

    def _hear(self, name, frames):
        message = harness.Message(frames)
        self.known = max(self.known, message.sequence)
        if not message.is_alert:
            return
        before = self.sent.setdefault(message.sequence, frames)
        if before != frames:
            self._complain("%s sent another alert %d: %r, not %r" % (name, message.sequence, frames, before))
        while self.last + 1 in self.sent:
            self._take(self.sent[self.last + 1])

    def _take(self, frames):
        message = harness.Message(frames)
        before = self.topics.get(message.topic, 0)
        if message.previous != before:
            self._complain("alert %d names %d as the one before, not %d" % (message.sequence, message.previous, before))
        if message.json["id"] != "%d-%d" % (message.epoch, message.sequence):
            self._complain("alert %d of epoch %d is %s" % (message.sequence, message.epoch, message.json["id"]))
        self.topics[message.topic] = self.last = message.sequence
        self.kept[message.sequence], self.since = frames, time.monotonic()

    def _fill(self, context):
        name = next(self.turn)
        for frames in replay(context, self.nodes[name][1], self.last, ANSWER):
            self.replayed += harness.Message(frames).sequence not in self.sent
            self._hear(name, frames)
        self.since = time.monotonic()

    def _run(self):
        context, poller, names = zmq.Context(), zmq.Poller(), {}
        for name, (publish, _) in self.nodes.items():
            subscriber = context.socket(zmq.SUB)
            for option, value in ((zmq.LINGER, 0), (zmq.RCVHWM, 0), (zmq.RECONNECT_IVL, 50)):
                subscriber.setsockopt(option, value)
            subscriber.connect(publish)
            for topic in (b"ww1/alert/", b"ww1/heartbeat/", b"ww1/welcome/"):
                subscriber.setsockopt(zmq.SUBSCRIBE, topic)
            poller.register(subscriber, zmq.POLLIN)
            names[subscriber] = name
        try:
            while not self.ended.is_set():
                for subscriber, _ in poller.poll(200):
                    while subscriber.poll(0):
                        self._hear(names[subscriber], subscriber.recv_multipart())
                if self.last >= self.known:
                    self.since = time.monotonic()
                elif time.monotonic() - self.since > SILENCE:
                    self._fill(context)
        except Exception as error:
            self._complain("broke: %r" % error)
        finally:
            context.destroy(0)

    def same_everywhere(self, replays):
        """Complaints about nodes that do not replay what was heard, byte for byte. replays: name -> endpoint."""
        complaints, context = judges.Complaints(), zmq.Context()
        for name, endpoint in replays.items():
            found, after = {}, 0
            while True:
                page = replay(context, endpoint, after, harness.PATIENCE)
                found.update((harness.Message(frames).sequence, frames) for frames in page)
                if not page:
                    break
                after = max(found)
            complaints.add("%s replays differently" % name, (
                n for n in sorted(set(found) | set(self.kept)) if found.get(n) != self.kept.get(n)))
        context.destroy(0)
        return complaints


def replay(context, endpoint, after, patience):
    """The alerts of one answer; what came of it until it was given up."""
    dealer, found = context.socket(zmq.DEALER), []
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(endpoint)
    try:
        dealer.send(json.dumps({"after": after, "topic": "ww1/alert/", "limit": 1000}).encode())
        while dealer.poll(int(patience * 1000)):
            frames = dealer.recv_multipart()
            check(frames[0] != b"ww1/error/", "replay refused:", frames)
            if frames[0] == b"ww1/end/":
                break
            found.append(frames)
        return found
    finally:
        dealer.close()
