"""Publishers for a cluster, one process: hosts with feeds that show numbered items, and a log of who asked what when.

    newsstand.py FOLDER HOSTS FEEDS SEED SLOWEST

FEEDS a host. Each line on standard input is a number of new items, put into feeds of its choice; the end of input ends
it. FOLDER/published has a line for each: number, moment, host, feed. FOLDER/requests has a line for each request: when
it was received, when it was answered or given up by who asked, the asker's address, host, feed, status. Moments are
seconds of the monotonic clock, which all processes of a machine share.

An answer takes its time, up to SLOWEST seconds: who asks a host that is still busy with another is seen.
"""
import asyncio
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import documents  # noqa: E402
import news       # noqa: E402
import town       # noqa: E402

WINDOW = 40   # items a feed shows: far more than it gains between two successful polls
QUICK = 0.15  # seconds most answers take at most
SLOW = 0.1    # share of the others
FLUSH = 0.2


class Stand:
    def __init__(self, folder, hosts, feeds, seed, slowest):
        self.feeds, self.slowest, self.chance, self.pace = feeds, slowest, random.Random(seed), random.Random(seed + 1)
        self.hosts = {town.publisher(host): host for host in range(hosts)}
        self.shown = [[] for _ in range(hosts * feeds)]
        self.bodies = [None] * (hosts * feeds)
        self.total = 0
        self.requests, self.published = (open(os.path.join(folder, name), "w", encoding="ascii", buffering=1 << 16)
                                         for name in ("requests", "published"))

    def publish(self, count):
        for _ in range(count):
            self.total += 1
            index = self.chance.randrange(len(self.shown))
            self.shown[index].insert(0, dict(news.numbered(self.total, minutes_ago=5), number=self.total))
            del self.shown[index][WINDOW:]
            self.bodies[index] = None
            self.published.write("%d %.6f %d %d\n" % (self.total, time.monotonic(), *divmod(index, self.feeds)))
        self.published.flush()

    def reply(self, head):
        """(host, feed, status, bytes) for a request."""
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        host = self.hosts[fields["host"].rsplit(":", 1)[0]]
        feed = int(lines[0].split(" ")[1].strip("/").split(".")[0])
        index = host * self.feeds + feed
        if self.bodies[index] is None:
            self.bodies[index] = documents.rss2(self.shown[index])
        body, tag = self.bodies[index], '"%d-%d"' % (index, self.shown[index][0]["number"] if self.shown[index] else 0)
        tagged = host % 2 == 0  # the other half sends its whole document each time
        if tagged and fields.get("if-none-match") == tag:
            return host, feed, 304, ("HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n" % tag).encode()
        return host, feed, 200, ("HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n%sContent-Length: %d\r\n\r\n" % (
            "ETag: %s\r\n" % tag if tagged else "", len(body))).encode() + body

    def patience(self):
        return self.pace.random() * (self.slowest if self.pace.random() < SLOW else QUICK)


class Visit(asyncio.Protocol):
    """One connection; a request at a time."""

    def __init__(self, stand):
        self.stand, self.transport, self.address, self.head = stand, None, "", b""
        self.begun = self.timer = None  # of the request that is being answered
        self.what = ()

    def connection_made(self, transport):
        self.transport, self.address = transport, transport.get_extra_info("peername")[0]

    def data_received(self, data):
        self.head += data
        if self.begun is None and b"\r\n\r\n" in self.head:
            head, self.head = self.head.split(b"\r\n\r\n", 1)
            self.begun = time.monotonic()
            try:
                *self.what, answer = self.stand.reply(head)
            except (KeyError, ValueError, IndexError):
                self.what, answer = (-1, -1, 400), b"HTTP/1.1 400 What\r\nContent-Length: 0\r\n\r\n"
            self.timer = asyncio.get_running_loop().call_later(self.stand.patience(), self.answer, answer)

    def answer(self, answer):
        self.transport.write(answer)
        self.note()

    def note(self):
        self.stand.requests.write("%.6f %.6f %s %d %d %d\n" % (self.begun, time.monotonic(), self.address, *self.what))
        self.begun = None

    def connection_lost(self, _reason):
        if self.begun is not None:
            self.timer.cancel()
            self.what = (*self.what[:2], 0)
            self.note()


async def serve(stand):
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Visit(stand), "0.0.0.0", town.PORT, backlog=4096)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("ready", flush=True)

    async def obey():
        while True:
            line = await orders.readline()
            if not line:
                return
            stand.publish(int(line))
    obeying = asyncio.create_task(obey())
    while not obeying.done():
        await asyncio.wait([obeying], timeout=FLUSH)
        stand.requests.flush()
    obeying.result()


if __name__ == "__main__":
    asyncio.run(serve(Stand(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))))
